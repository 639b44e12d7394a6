"""Other routers in the segment: another cluster on our VRID, and machines that send in the name of others."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Keepalived, Understudy, vip  # noqa: E402
from lab.inject import Injector, advert, frame  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

VIP = "192.0.2.10"
STRANGER = "192.0.2.99"


class Strangers(LabTestCase):
    def pair(self, interval="1s", **more):
        self.lb1, self.lb2 = self.lab.node("lb1"), self.lab.node("lb2")
        self.one = Understudy(self.lb1, vip(priority=150, interval=interval, **more))
        self.two = Understudy(self.lb2, vip(priority=100, interval=interval, **more))
        self.one.wait_state("active")
        self.two.wait_state("backup")

    def transitions(self):
        return [agent.vip()["transitions"] for agent in (self.one, self.two)]

    def intruder(self):
        client = self.lab.client()
        injector = Injector(client)
        self.addCleanup(injector.close)
        return lambda source, **what: injector.send(frame(client.mac, source, advert(source, **what)))

    # --- another cluster ---

    def clash(self, priority, version=3, addresses=("192.0.2.77/24",), ours=(f"{VIP}/24",)):
        self.pair(version=version, addresses=ours)
        before = self.transitions()
        other = self.lab.node("other")
        keepalived = Keepalived(other, priority=priority, version=version, addresses=addresses)
        eventually(lambda: other.holds(addresses[0].split("/")[0]), 10, "the other cluster serves its own address")
        stays(lambda: self.lb1.holds(VIP), 8, "our address stays where it is")
        self.assertEqual(self.transitions(), before)
        self.assertTrue(other.holds(addresses[0].split("/")[0]))
        self.assertIsNone(keepalived.process.poll())
        return other

    @unittest.skipUnless(os.path.exists("/usr/sbin/keepalived"), "keepalived is not installed")
    def test_keepalived_with_our_vrid_and_other_addresses_is_not_followed(self):
        other = self.clash(200)
        for agent in (self.one, self.two):
            shown = agent.vip()
            # keepalived puts its own advertisement off with each of ours that it discards, so it sends one.
            self.assertGreaterEqual(shown["counters"]["discarded"]["addresses"], 1)
            text = f"a foreign router, {other.ipv4} (priority 200), has VRID 51 on this network for 192.0.2.77"
            self.assertTrue(any(text in warning for warning in shown["warnings"]), shown["warnings"])
            self.assertIn(text, agent.cli("why", "web").stdout)
            self.assertEqual(agent.log().count(text), 1, "once a minute")

    @unittest.skipUnless(os.path.exists("/usr/sbin/keepalived"), "keepalived is not installed")
    def test_nor_as_the_owner_of_other_addresses(self):
        self.clash(255)

    @unittest.skipUnless(os.path.exists("/usr/sbin/keepalived"), "keepalived is not installed")
    def test_nor_in_version_2(self):
        self.clash(200, version=2)

    @unittest.skipUnless(os.path.exists("/usr/sbin/keepalived"), "keepalived is not installed")
    def test_nor_over_ipv6(self):
        # keepalived has the link-local address that the VRID gives, as this one has (lab/agents.py).
        self.clash(200, addresses=("2001:db8::77/64",), ours=("2001:db8::10/64", f"{VIP}/24"))
        self.assertTrue(self.lb1.holds("2001:db8::10"))

    @unittest.skipUnless(os.path.exists("/usr/sbin/keepalived"), "keepalived is not installed")
    def test_lists_that_overlap_are_one_cluster(self):
        self.pair()
        other = self.lab.node("other")
        Keepalived(other, priority=200, addresses=(f"{VIP}/24", "192.0.2.77/24"))
        eventually(lambda: other.holds(VIP), 10, "it has the higher priority")
        eventually(lambda: not self.lb1.holds(VIP), 5, "ours lets go")

    def test_the_only_address_is_exchanged_node_after_node(self):
        self.pair("100ms")
        before = self.transitions()
        new = "192.0.2.20"
        for agent, host in ((self.one, self.lb1), (self.two, self.lb2)):
            agent.config.write_text(agent.config.read_text().replace(f"{VIP}/24", f"{new}/24"))
            out = agent.cli("config", "diff", str(agent.config))
            self.assertIn("has no address in common with the running configuration", out.stderr)
            agent.must("reload")
            stays(lambda: self.lb1.holds(new) and not self.lb2.holds(new) and not self.lb2.holds(VIP), 2,
                  f"lb1 alone holds it; {host.name} was reloaded")
        self.assertEqual(self.transitions(), before)

    # --- forged advertisements ---

    def test_one_long_interval_costs_less_than_four_of_ours(self):
        self.pair()
        self.intruder()(STRANGER, priority=255, interval_cs=4095)
        eventually(lambda: not self.lb1.holds(VIP), 2, "lb1 gives way")
        begin = time.monotonic()
        eventually(lambda: self.lb1.holds(VIP) or self.lb2.holds(VIP), 4.5, "somebody has it again")
        print(f"nobody had it for {time.monotonic() - begin:.2f} s", file=sys.stderr)

    def takeovers(self, packets, **what):
        """How often lb2 became active while so many advertisements were sent in the name of lb1."""
        send = self.intruder()
        before = self.two.vip()["transitions"]
        for _ in range(packets):
            send(self.lb1.ipv4, **what)
            time.sleep(0.37)  # this makes the stream, it waits for nothing: at every part of an interval
        self.one.wait_state("active")
        self.two.wait_state("backup")
        return (self.two.vip()["transitions"] - before) // 2

    def test_forged_offers_are_believed_once_at_most(self):
        self.pair()
        taken = self.takeovers(60, priority=1, interval_cs=1)
        print(f"{taken} takeovers of 60 forged offers", file=sys.stderr)
        self.assertLessEqual(taken, 1)

    def test_forged_resignations_are_believed_once_at_most(self):
        self.pair()
        taken = self.takeovers(60, priority=0)
        print(f"{taken} takeovers of 60 forged resignations", file=sys.stderr)
        self.assertLessEqual(taken, 1)

    def test_a_forged_short_interval_is_never_believed(self):
        self.pair()
        self.assertEqual(self.takeovers(30, priority=150, interval_cs=1), 0)

    def test_with_peers_nobody_else_is_believed(self):
        self.pair("100ms", peer=("192.0.2.1", "192.0.2.2"))
        self.assertEqual({self.lb1.ipv4, self.lb2.ipv4}, {"192.0.2.1", "192.0.2.2"})
        before = self.transitions()
        send = self.intruder()
        for _ in range(20):
            send(STRANGER, priority=255)
            time.sleep(0.05)  # this makes the stream, it waits for nothing
        self.assertEqual(self.transitions(), before)
        shown = self.two.vip()
        self.assertGreaterEqual(shown["counters"]["discarded"]["source"], 20)
        self.assertTrue(any("it is no peer of this VIP" in warning for warning in shown["warnings"]),
                        shown["warnings"])


if __name__ == "__main__":
    main()
