"""Which source a node's advertisements have, and which ones it believes, with the kernel's own flags."""
import itertools
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.inject import Injector, advert, frame, frame_v6  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

VIP4, VIP6 = "192.0.2.10/24", "2001:db8::10/64"
# So high that a temporary address of the kernel is lower.
OWN, OTHER, OLD = (f"2001:db8::ffff:ffff:ffff:fff{digit}" for digit in (3, 7, 1))


class Sources(LabTestCase):
    def pair(self, address, own, peer_own, interval="200ms"):
        """lb1, which is started by start(), and its standby, which knows it by `own`."""
        self.host1, self.host2 = self.lab.node("lb1"), self.lab.node("lb2")
        self.one = Understudy(self.host1, vip(priority=150, interval=interval, addresses=(address,),
                                              unicast_peer=peer_own), start=False)
        self.two = Understudy(self.host2, vip(priority=100, interval=interval, addresses=(address,),
                                              unicast_peer=own), start=False)

    def flush(self, family):
        self.host1.ip(family, "address", "flush", "dev", "eth0", "scope", "global")

    def add(self, *words):
        self.host1.ip("address", "add", *words, "dev", "eth0")

    def temporary(self):
        shown = json.loads(self.host1.ip("-6", "-j", "address", "show", "dev", "eth0"))
        return [a["local"] for one in shown for a in one.get("addr_info", []) if a.get("temporary")]

    def add_to(self, kind):
        if kind == "temporary":  # made by the kernel for an address that manages such ones
            self.add(f"{OTHER}/64", "mngtmpaddr", "nodad")
            eventually(self.temporary, 5, "the kernel makes a temporary address")
        elif kind == "deprecated":
            self.add(f"{OLD}/64", "preferred_lft", "0", "nodad")
        else:
            self.add(f"{OWN}/64", "nodad")

    def expect_one_source(self, own, how):
        """lb1 is active, and the standby believes it for longer than it would wait."""
        capture = Capture(self.host2)
        self.one.wait_state("active")
        self.two.wait_state("backup")
        transitions = self.two.vip()["transitions"]
        stays(lambda: self.two.state() == "backup", 1.5, lambda: f"{how}: {self.two.log()}")
        capture.stop()
        self.assertEqual(self.two.vip()["transitions"], transitions, how)
        self.assertEqual({a.source for a in capture.adverts() if a.priority == 150}, {own}, how)

    def test_the_lowest_stable_ipv6_address_in_every_order_and_after_every_restart(self):
        self.pair(VIP6, OWN, "2001:db8::2")
        self.host1.exec("sysctl", "-qw", "net.ipv6.conf.eth0.use_tempaddr=2")
        for order in itertools.permutations(("stable", "deprecated", "temporary")):
            with self.subTest(order):
                self.flush("-6")
                for kind in order:
                    self.add_to(kind)
                self.assertTrue(all(address < OWN for address in self.temporary()))
                self.one.start()
                if self.two.process is None:
                    self.two.start()
                self.expect_one_source(OWN, order)
                self.one.kill9()
                self.one.start()
                self.expect_one_source(OWN, f"{order}, killed and started again")
                self.one.stop()
                self.two.wait_state("active")

    def test_the_primary_ipv4_address_also_after_a_restart(self):
        for kind, others in (("secondary", ("192.0.2.5/24",)), ("of other networks", ("10.9.9.1/24", "192.0.1.1/24"))):
            with self.subTest(kind):
                if kind == "secondary":
                    self.pair(VIP4, "192.0.2.77", "192.0.2.2")
                self.flush("-4")
                for address in ("192.0.2.77/24", *others):
                    self.add(address)
                self.one.start()
                if self.two.process is None:
                    self.two.start()
                self.expect_one_source("192.0.2.77", kind)
                self.one.kill9()
                self.one.start()
                self.expect_one_source("192.0.2.77", f"{kind}, started again")
                self.one.stop()

    def test_what_happens_to_addresses_while_it_is_active(self):
        self.pair(VIP6, OWN, "2001:db8::2")
        self.flush("-6")
        self.add(f"{OWN}/64", "nodad")
        self.one.start()
        self.two.start()
        self.expect_one_source(OWN, "alone")
        self.add(f"{OTHER}/64", "nodad")
        self.add(f"{OLD}/64", "preferred_lft", "0", "nodad")
        self.expect_one_source(OWN, "beside others")
        self.host1.ip("address", "change", f"{OWN}/64", "dev", "eth0", "preferred_lft", "0")
        eventually(lambda: f"{OWN} of eth0, which advertisements come from, is deprecated" in self.one.log(), 5,
                   self.one.log)
        self.expect_one_source(OWN, "deprecated")
        self.host1.ip("address", "delete", f"{OWN}/64", "dev", "eth0")
        eventually(lambda: f"advertisements come from {OTHER} of eth0 now, no longer from {OWN}" in self.one.log(), 5,
                   self.one.log)

    def test_duplicate_address_detection_is_awaited(self):
        self.pair(VIP6, OWN, "2001:db8::2")
        self.flush("-6")
        self.add(f"{OTHER}/64", "nodad")
        self.host1.exec("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=1", "net.ipv6.conf.eth0.dad_transmits=3")
        self.two.start()
        self.two.wait_state("active")
        capture = Capture(self.host2)
        self.add(f"{OWN}/64")
        self.one.start()
        self.one.wait_state("fault")
        self.assertIn(f"{OWN} is tentative", self.one.vip()["reason"])
        self.one.wait_state("active")
        capture.stop()
        self.assertEqual({a.source for a in capture.adverts()} - {"2001:db8::2"}, {OWN})
        self.assertNotIn("discarded", self.two.log())

    def test_a_duplicate_is_not_awaited_and_not_used(self):
        self.pair(VIP6, OTHER, "2001:db8::2")
        self.flush("-6")
        self.host2.ip("address", "add", f"{OWN}/64", "dev", "eth0", "nodad")
        self.add(f"{OTHER}/64", "nodad")
        self.host1.exec("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=1")
        self.add(f"{OWN}/64")
        eventually(lambda: "dadfailed" in self.host1.ip("-6", "address", "show", "dev", "eth0"), 10, "a duplicate")
        self.one.start()
        self.two.start()
        self.expect_one_source(OTHER, "beside a duplicate")


class Believed(LabTestCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.node()
        self.agent = Understudy(self.host, vip(priority=100, interval="100ms", addresses=(VIP4, VIP6)))
        self.agent.wait_state("active")
        self.client = self.lab.client()
        self.injector = Injector(self.client)
        self.addCleanup(self.injector.close)

    def refused(self):
        return self.agent.vip()["counters"]["discarded"]["source"]

    def expect_refused(self, *frames):
        before = self.refused()
        for number, one in enumerate(frames, 1):
            self.injector.send(one)
            eventually(lambda: self.refused() == before + number, 2, lambda: f"{self.refused() - before} of {number}")
        self.assertEqual(self.agent.vip()["transitions"], 2)

    def test_ipv6_multicast_comes_from_a_link_local_address(self):
        mac = self.client.mac
        self.expect_refused(frame_v6(mac, "2001:db8::99", priority=200), frame_v6(mac, "fd00::99", priority=200),
                            frame_v6(mac, "::", priority=200))
        self.assertIn("link-local address (RFC 9568 5.1.2.1)", self.agent.log())
        self.injector.send(frame_v6(mac, "fe80::99", priority=200))
        eventually(lambda: self.agent.vip()["transitions"] > 2, 5, "a link-local one is believed")

    def test_ipv4_multicast_comes_from_a_router(self):
        mac = self.client.mac
        for interface in ("all", "eth0"):  # otherwise the kernel drops them itself
            self.host.exec("sysctl", "-qw", f"net.ipv4.conf.{interface}.rp_filter=0")
        for source in ("0.0.0.0", "192.0.2.255", "192.0.2.0"):
            before = self.refused()
            self.injector.send(frame(mac, source, advert(source, priority=200)))
            good = frame(mac, "192.0.2.99", advert("192.0.2.99", priority=1, wrong_checksum=True))
            self.injector.send(good)  # when it is counted, the one before it was looked at
            eventually(lambda: self.agent.vip()["counters"]["discarded"]["checksum"], 2, "heard")
            print(f"{source}: {self.refused() - before} of 1 came through the kernel")
        self.assertEqual(self.agent.vip()["transitions"], 2)
        self.assertGreater(self.refused(), 0)


if __name__ == "__main__":
    main()
