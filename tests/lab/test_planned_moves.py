"""Planned moves drop nothing: failover, failback, takeover, a higher priority returning, a graceful stop."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.arp import ArpAsker  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

ROUNDS = int(os.environ.get("LAB_ROUNDS", "12"))
VIP = "192.0.2.10"


class PlannedMoves(LabTestCase):
    def pair(self, interval="100ms", **more):
        """lb1 with 150 is active, lb2 with 100 waits, the client knows its way."""
        one, two = self.lab.node("lb1"), self.lab.node("lb2")
        self.client = self.lab.client()
        self.one = Understudy(one, vip(priority=150, interval=interval, **more))
        self.two = Understudy(two, vip(priority=100, interval=interval, **more))
        self.one.wait_state("active")
        self.two.wait_state("backup")

    def lost_while(self, move, done, address=VIP):
        """Probes at 2 kHz while the addresses move; what was seen."""
        with Probe(self.client, address) as probe:
            move()
            eventually(done, 15, "the move is done")
        return probe.seen

    def test_failover_and_failback_lose_nothing(self):
        self.pair()
        for number in range(ROUNDS):
            seen = self.lost_while(lambda: self.one.must("failover", "web"),
                                   lambda: self.two.state() == "active" and self.one.state() == "backup")
            self.assertEqual(seen.lost, 0, f"failover {number}: {seen.loss_windows}")
            self.assertEqual(seen.answering(), [self.lab.hosts["lb1"].mac, self.lab.hosts["lb2"].mac])
            seen = self.lost_while(lambda: self.one.must("failback", "web"),
                                   lambda: self.one.state() == "active" and self.two.state() == "backup")
            self.assertEqual(seen.lost, 0, f"failback {number}: {seen.loss_windows}")

    def test_maintenance_loses_nothing_and_survives_the_agent(self):
        self.pair()
        seen = self.lost_while(lambda: self.one.must("maintenance", "on", "--for", "1h"),
                               lambda: self.two.state() == "active" and self.one.state() == "backup")
        self.assertEqual(seen.lost, 0, seen.loss_windows)
        self.one.kill9()
        self.one.start()
        eventually(lambda: self.one.status()["maintenance"], 10, "the next agent knows")
        self.assertIn("maintenance_until", self.one.status())
        self.one.wait_state("backup")
        self.assertEqual(self.two.state(), "active")
        seen = self.lost_while(lambda: self.one.must("maintenance", "off"),
                               lambda: self.one.state() == "active" and self.two.state() == "backup")
        self.assertEqual(seen.lost, 0, seen.loss_windows)

    def test_failover_at_one_second_over_ipv6(self):
        self.pair("1s", addresses=(f"{VIP}/24", "2001:db8::10/64"))
        seen = self.lost_while(lambda: self.one.must("failover", "web"),
                               lambda: self.two.state() == "active" and self.one.state() == "backup",
                               "2001:db8::10")
        self.assertEqual(seen.lost, 0, seen.loss_windows)
        self.assertTrue(self.lab.hosts["lb2"].holds(VIP), "both families moved")
        self.assertFalse(self.lab.hosts["lb1"].holds(VIP))

    def test_a_graceful_stop_and_the_return_lose_nothing(self):
        self.pair()
        for number in range(ROUNDS):
            seen = self.lost_while(lambda: self.assertEqual(self.one.stop(), 0),
                                   lambda: self.two.state() == "active")
            self.assertEqual(seen.lost, 0, f"stop {number}: {seen.loss_windows}")
            seen = self.lost_while(self.one.start,
                                   lambda: self.one.state() == "active" and self.two.state() == "backup")
            self.assertEqual(seen.lost, 0, f"return {number}: {seen.loss_windows}")

    def test_takeover_loses_nothing_and_lasts_until_failback(self):
        self.pair()
        seen = self.lost_while(lambda: self.two.must("takeover", "web"),
                               lambda: self.two.state() == "active" and self.one.state() == "backup")
        self.assertEqual(seen.lost, 0, seen.loss_windows)
        self.assertEqual(self.two.vip()["priority"]["effective"], 254)
        self.two.must("failback", "web")
        self.one.wait_state("active")

    def test_failover_without_a_peer_fails_with_the_reason(self):
        self.pair()
        self.two.stop()
        done = self.one.cli("failover", "web", "--timeout", "1s")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no peer took over", done.stderr)
        self.assertEqual(self.one.state(), "active")

    def test_one_mac_answers_after_the_announcement(self):
        self.pair()
        old, new = self.lab.hosts["lb1"].mac, self.lab.hosts["lb2"].mac
        for _ in range(5):
            capture = Capture(self.client)
            asker = ArpAsker(self.client, VIP, rate=2000)
            self.one.must("failover", "web")
            asker.stop()
            capture.stop()
            arps = capture.arps(VIP)
            announced = next(arp.at for arp in arps if arp.gratuitous and arp.sender_mac == new)
            late = [arp for arp in arps if arp.operation == 2 and arp.sender_mac == old and arp.at > announced]
            # An answer that was on its way when the announcement passed it is not one "after".
            self.assertEqual([arp.at - announced for arp in late if arp.at - announced > 200], [])
            self.assertTrue(any(arp.operation == 2 and arp.sender_mac == old for arp in arps))
            old, new = self.lab.hosts["lb1"].mac, self.lab.hosts["lb2"].mac
            self.one.must("failback", "web")
            self.one.wait_state("active")


if __name__ == "__main__":
    main()
