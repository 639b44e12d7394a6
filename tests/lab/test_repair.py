"""What others do to addresses and interfaces, and how it heals."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402
from lab.watch import HolderWatch  # noqa: E402

VIP = "192.0.2.10"


class Repairs(LabTestCase):
    def pair(self, interval="100ms", **more):
        self.host1, self.host2 = self.lab.node("lb1"), self.lab.node("lb2")
        self.one = Understudy(self.host1, vip(priority=150, interval=interval, **more))
        self.two = Understudy(self.host2, vip(priority=100, interval=interval, **more))
        self.one.wait_state("active")
        self.two.wait_state("backup")

    def test_a_deleted_address_is_back_within_20_ms_and_announced(self):
        for interval in ("1s", "100ms"):
            with self.subTest(interval):
                host = self.lab.node()
                agent = Understudy(host, vip(vrid=60 + host.number, interval=interval,
                                             addresses=(f"192.0.2.{20 + host.number}/24",)))
                agent.wait_state("active")
                address = f"192.0.2.{20 + host.number}"
                capture = Capture(self.lab.client())
                with HolderWatch(host) as watch:
                    deleted = now_us()
                    host.ip("address", "delete", f"{address}/24", "dev", "eth0")
                    gone = eventually(lambda: watch.first_released(host, address, deleted), 1, "deleted")
                    back = eventually(lambda: watch.first_held(host, address, gone), 1, "back")
                eventually(lambda: any(arp.gratuitous for arp in capture.arps(address, deleted)), 1, "announced")
                capture.stop()
                print(f"{interval}: back after {(back - gone) / 1000:.2f} ms")
                self.assertLess(back - gone, 20_000)
                self.assertEqual(agent.state(), "active")
                self.assertEqual(agent.vip()["counters"]["address_repairs"], 1)

    def first_address(self, host):
        return json.loads(host.ip("-j", "-4", "address", "show", "dev", "eth0"))[0]["addr_info"][0]["local"]

    def test_an_own_address_that_is_set_anew_moves_nothing(self):
        self.pair()
        own, host = self.host1.ipv4, self.host1
        transitions = self.two.vip()["transitions"]
        with Probe(self.lab.client(), VIP) as probe:
            host.exec("sh", "-c", f"ip address delete {own}/24 dev eth0; ip address add {own}/24 dev eth0")
            eventually(lambda: host.holds(own) and host.holds(VIP), 5, "both are back")
            stays(lambda: self.one.state() == "active" and not self.host2.holds(VIP), 1, "nothing has moved")
        print(f"away for {probe.seen.longest_loss_ms():.1f} ms")
        self.assertLess(probe.seen.longest_loss_ms(), 100, probe.seen.loss_windows)
        self.assertEqual(self.two.vip()["transitions"], transitions)
        self.assertEqual(self.first_address(host), own)
        self.one.must("failover", "--all")
        self.assertTrue(host.holds(own), "it was the first one: it does not go with the VIP")

    def resigns_without(self, own, address):
        self.pair(interval="1s", addresses=(address,))
        eventually(lambda: self.two.vip()["active"], 5, "the standby hears it")
        self.host1.ip("address", "delete", own(self.host1), "dev", "eth0")
        self.one.wait_state("fault")
        self.two.wait_state("active")
        eventually(lambda: "resigned (priority 0)" in self.two.log(), 5, self.two.log)

    def test_who_has_lost_its_ipv4_address_still_resigns(self):
        self.resigns_without(lambda host: f"{host.ipv4}/24", f"{VIP}/24")

    def test_who_has_lost_its_ipv6_address_still_resigns(self):
        self.resigns_without(lambda host: f"{host.link_local}/64", "2001:db8::10/64")

    def test_interface_down_and_up_is_one_takeover_and_one_return(self):
        self.pair()
        self.host1.link_down()
        self.two.wait_state("active")
        self.one.wait_state("fault")
        self.assertFalse(self.host1.holds(VIP))
        stays(lambda: self.two.state() == "active", 8, "the standby keeps it")
        with Probe(self.lab.client(), VIP) as probe:
            self.host1.link_up()
            self.one.wait_state("active")
            self.two.wait_state("backup")
        self.assertEqual(probe.seen.lost, 0, probe.seen.loss_windows)
        self.assertEqual(self.two.vip()["transitions"], 3)

    def test_interface_deleted_and_recreated(self):
        self.pair(addresses=(f"{VIP}/24", "2001:db8::10/64"))
        self.host1.delete_link()
        self.two.wait_state("active")
        self.one.wait_state("fault")
        self.assertIn("does not exist", self.one.vip()["reason"])
        with Probe(self.lab.client(), VIP) as probe:
            self.host1.plug_in()
            self.one.wait_state("active")
            self.two.wait_state("backup")
        self.assertEqual(probe.seen.lost, 0, probe.seen.loss_windows)
        self.assertTrue(self.host1.holds("2001:db8::10"))
        self.assertEqual(self.two.vip()["transitions"], 3)

    def test_an_address_of_somebody_else_is_a_fault_that_says_so(self):
        host = self.lab.node()
        host.ip("address", "add", f"{VIP}/24", "dev", "eth0")
        agent = Understudy(host, vip(interval="100ms"))
        agent.wait_state("fault")
        self.assertIn("not understudy that put it there", agent.vip()["reason"])
        self.assertTrue(host.holds(VIP), "and it is not taken away")
        host.ip("address", "delete", f"{VIP}/24", "dev", "eth0")
        agent.wait_state("active")

    def test_a_split_heals_with_one_holder_that_announces_again(self):
        self.pair()
        self.host1.cut()
        self.two.wait_state("active")
        capture = Capture(self.lab.client())
        healed = now_us()
        self.host1.heal()
        self.two.wait_state("backup")
        eventually(lambda: any(arp.gratuitous and arp.sender_mac == self.host1.mac
                               for arp in capture.arps(VIP, healed)), 2, "the winner announces")
        capture.stop()
        self.assertTrue(self.host1.holds(VIP))
        self.assertFalse(self.host2.holds(VIP))

    def test_unicast_stays_unicast_and_has_hop_limit_255(self):
        one, two = self.lab.node(), self.lab.node()
        capture = Capture(self.lab.client())
        capture2 = Capture(two)
        peers = [(one, two), (two, one)]
        agents = [Understudy(own, vip(priority=150 - 50 * i, interval="100ms", unicast_source=own.ipv4,
                                      unicast_peer=peer.ipv4)) for i, (own, peer) in enumerate(peers)]
        agents[0].wait_state("active")
        agents[1].wait_state("backup")
        one.cut()
        agents[1].wait_state("active")
        capture.stop()
        capture2.stop()
        self.assertEqual([a for a in capture.adverts() if a.destination == "224.0.0.18"], [])
        heard = [a for a in capture2.adverts() if a.source == one.ipv4]
        self.assertTrue(heard)
        self.assertEqual({a.ttl for a in heard}, {255})


if __name__ == "__main__":
    main()
