"""Crashes of nodes and agents: who holds the address, for how long, and what the client loses."""
import os
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402
from lab.watch import HolderWatch  # noqa: E402

VIP = "192.0.2.10"


class Deaths(LabTestCase):
    def pair(self, interval="1s"):
        one, two = self.lab.node("lb1"), self.lab.node("lb2")
        self.one = Understudy(one, vip(priority=150, interval=interval))
        self.two = Understudy(two, vip(priority=100, interval=interval))
        self.one.wait_state("active")
        self.two.wait_state("backup")
        self.watch = HolderWatch(one, two)
        self.addCleanup(self.watch.close)
        return one, two

    def takeover_ms(self, interval, interval_ms):
        """Cuts the active node off; from its last advertisement to the standby's announcement, in ms.

        Both by the kernel's time stamps, because this process may be busy. The address is there before."""
        one, two = self.lab.hosts["lb1"], self.lab.hosts["lb2"]
        capture = Capture(two)
        eventually(lambda: len(capture.adverts()) > 3, 10, "advertisements come")
        before = now_us()
        one.cut()
        held = eventually(lambda: self.watch.first_held(two, VIP, before), 10, "the standby holds it")
        announced = eventually(lambda: self.announced(capture, two, before), 10, "the standby announces it")
        capture.stop()
        last = max(advert.at for advert in capture.adverts() if advert.source == one.ipv4 and advert.at < held)
        one.heal()
        self.one.wait_state("active", 20)
        self.two.wait_state("backup", 20)
        return (announced - last) / 1000

    @staticmethod
    def announced(capture, host, after):
        """When the host first announced the address, or None."""
        return next((arp.at for arp in capture.arps(VIP, after) if arp.sender_mac == host.mac), None)

    def check_takeover(self, interval, interval_ms, rounds):
        self.pair(interval)
        down = 3 * interval_ms + (256 - 100) / 256 * interval_ms
        measured = [self.takeover_ms(interval, interval_ms) for _ in range(rounds)]
        print(f"{interval}: takeover after {measured} ms; active down interval {down:.1f} ms")
        # Each not before the interval is over; the machine may be busy once, not half of the time. A hundredth, because
        # a virtual machine whose host takes back what is not used for seconds is slow in its first milliseconds.
        self.assertGreaterEqual(min(measured), down - 1)
        self.assertLessEqual(statistics.median(measured), down * 1.01 + 5)

    def test_node_dies_1s(self):
        self.check_takeover("1s", 1000, 1)

    def test_node_dies_100ms(self):
        self.check_takeover("100ms", 100, 5)

    def test_node_dies_10ms(self):
        self.check_takeover("10ms", 10, 7)

    def test_agent_killed_the_kernel_takes_the_address_and_the_client_loses_nothing(self):
        one, _ = self.pair()
        client = self.lab.client()
        with Probe(client, VIP) as probe:
            self.one.kill9()
            self.two.wait_state("active", 10)
            eventually(lambda: not one.holds(VIP), 5, "the lease ends")
        spans = [(end - begin) / 1e6 for begin, end in self.watch.overlaps(VIP, holding=[one])]
        print(f"two holders for {spans} s")
        self.assertEqual(len(spans), 1)
        self.assertLess(spans[0], 1.5)
        self.assertEqual(probe.seen.lost, 0, probe.seen.loss_windows)

    def test_agent_killed_and_started_again_stays_active(self):
        one, two = self.pair()
        client = self.lab.client()
        with Probe(client, VIP) as probe:
            self.one.kill9()
            stays(lambda: one.holds(VIP), 0.7, "the address is held without the agent")
            self.one.start()
            self.assertEqual(self.one.state(), "active")
            stays(lambda: self.two.state() == "backup", 5, "the standby waits")
        self.assertEqual(probe.seen.lost, 0)
        self.assertEqual(self.one.vip()["transitions"], 0)
        self.assertEqual(self.two.vip()["transitions"], 1)
        self.assertIsNone(self.watch.first_held(two, VIP))
        self.assertIsNone(self.watch.first_released(one, VIP))

    def test_agent_replaced_by_another_one_keeps_its_addresses_and_no_peer_notices(self):
        one, two = self.pair("200ms")
        client = self.lab.client()
        with Probe(client, VIP) as probe:
            self.one.signal(signal.SIGUSR1)
            self.assertEqual(self.one.process.wait(5), 75)
            self.assertTrue(one.holds(VIP))
            self.one.start()
            self.assertEqual(self.one.state(), "active")
            stays(lambda: self.two.state() == "backup", 1, "the standby waits")
        self.assertEqual(probe.seen.lost, 0)
        self.assertEqual(self.one.vip()["transitions"], 0)
        self.assertEqual(self.two.vip()["transitions"], 1)
        self.assertIsNone(self.watch.first_released(one, VIP))

    def test_agent_stopped_and_continued_says_nothing_as_active(self):
        one, two = self.pair()
        self.one.freeze()
        frozen = now_us()
        self.two.wait_state("active", 10)
        eventually(lambda: not one.holds(VIP), 6, "the lease ends")
        spans = [(end - begin) / 1e6 for begin, end in self.watch.overlaps(VIP, holding=[one])]
        self.assertLessEqual(sum(spans), 4.2)
        eventually(lambda: now_us() - frozen > 10_000_000, 11, "ten seconds have passed")
        capture = Capture(two)
        self.one.thaw()
        self.one.wait_state("backup", 2)
        stays(lambda: self.one.state() == "backup", 1, "it stays behind")
        capture.stop()
        said = [advert for advert in capture.adverts() if advert.source == one.ipv4 and advert.priority > 0]
        self.assertEqual(said, [])

    def test_nothing_is_left_after_release(self):
        one, _ = self.pair()
        self.one.kill9()
        self.assertTrue(one.holds(VIP))
        binary = os.path.join(os.environ.get("UNDERSTUDY_BIN", "build/dev/bin"), "understudyd")
        release = [binary, "--release", "--runtime-dir", str(self.one.runtime)]
        refused = subprocess.run(["ip", "netns", "exec", one.namespace, "setpriv", "--bounding-set=-net_admin",
                                  *release], capture_output=True, text=True, timeout=5)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("CAP_NET_ADMIN", refused.stderr)
        out = one.exec(*release)
        self.assertIn("released 1 address", out)
        self.assertFalse(one.holds(VIP))


if __name__ == "__main__":
    main()
