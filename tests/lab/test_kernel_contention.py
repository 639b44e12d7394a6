"""Somebody keeps the kernel busy: an unprivileged user who makes interfaces in a user namespace."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.blocking import ITS_OWN_EVENTS, BlockingWatch, most_waited  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

VIP, SECOND = "192.0.2.10", "192.0.2.11"
NOBODY = 65534
# All changes of the network wait for the same lock (RTNL), in every namespace of the machine.
HOG = """
while :; do
  for i in 1 2 3 4 5 6 7 8; do ip link add v$i type veth peer name w$i; ip link set v$i up; ip link set w$i up; done
  for i in 1 2 3 4 5 6 7 8; do ip link del v$i; done
done
"""


def can_make_interfaces_as_nobody():
    done = subprocess.run(["unshare", "-Urn", "ip", "link", "add", "v1", "type", "veth", "peer", "name", "w1"],
                          capture_output=True, user=NOBODY, group=NOBODY, cwd="/")
    return done.returncode == 0


class KernelContention(LabTestCase):
    def setUp(self):
        super().setUp()
        if not can_make_interfaces_as_nobody():
            self.skipTest("users may make no interfaces in a user namespace here")

    def hog(self, count=2):
        for _ in range(count):
            self.lab.processes.append(subprocess.Popen(
                ["unshare", "-Urn", "--kill-child", "--fork", "--pid", "sh", "-c", HOG], user=NOBODY, group=NOBODY,
                cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def pair(self, interval="100ms", **more):
        self.one = Understudy(self.lab.node("lb1"), vip(priority=150, interval=interval, **more))
        self.two = Understudy(self.lab.node("lb2"), vip(priority=100, interval=interval, **more))
        self.one.wait_state("active")
        self.two.wait_state("backup")

    def test_heartbeats_go_on(self):
        interval_us = 100_000
        self.pair(addresses=(f"{VIP}/24", "2001:db8::10/64"))
        before = [agent.vip()["transitions"] for agent in (self.one, self.two)]
        capture = Capture(self.lab.client())
        self.hog()
        began = now_us()
        eventually(lambda: now_us() - began > 20_000_000, 25, "twenty seconds have passed", step=0.2)
        adverts = [advert.at for advert in capture.stop().adverts(vrid=51, after=began)
                   if advert.source == self.one.host.ipv4]
        gap = max(later - earlier for earlier, later in zip(adverts, adverts[1:]))
        loop = self.one.status()["loop"]
        print(f"{len(adverts)} advertisements, longest gap {gap / 1000:.1f} ms; {loop}")
        self.assertLess(gap, 1.5 * interval_us, "late by less than half an interval")
        self.assertEqual([agent.vip()["transitions"] for agent in (self.one, self.two)], before)
        self.assertTrue(self.one.host.holds(VIP))

    def test_no_system_call_of_the_loop_waits(self):
        """Moves, reloads, repairs and questions: the loop, the first thread of the process, waits for nothing but events."""
        self.pair(addresses=(f"{VIP}/24", "2001:db8::10/64"))
        self.hog()
        agent = self.one
        with BlockingWatch(self.lab, agent.process.pid) as watch:
            for _ in range(3):
                agent.cli("failover", "web")
                agent.cli("failback", "web")
                agent.host.ip("address", "delete", f"{VIP}/24", "dev", "eth0", check=False)
                agent.cli("reload")
                agent.cli("config", "diff")
                agent.cli("status")
        self.assertEqual(watch.lost, 0)
        waits = watch.longer_than(0, ITS_OWN_EVENTS)
        print(f"{len(watch.waits)} system calls; the longest waits {sorted(waits, key=lambda wait: wait.seconds)[-3:]}")
        self.assertEqual([wait for wait in waits if wait.seconds > most_waited(wait.call)], [])

    def test_a_planned_move_waits_for_the_kernel_and_loses_nothing(self):
        self.pair()
        client = self.lab.client()
        self.hog(1)
        for number in range(int(os.environ.get("LAB_ROUNDS", "5"))):
            with Probe(client, VIP) as probe:
                self.one.must("failover", "web")
                eventually(lambda: self.two.state() == "active" and not self.one.host.holds(VIP), 15, "moved")
            self.assertEqual(probe.seen.lost, 0, f"failover {number}: {probe.seen.loss_windows}")
            with Probe(client, VIP) as probe:
                self.one.must("failback", "web")
                eventually(lambda: self.one.state() == "active" and not self.two.host.holds(VIP), 15, "moved back")
            self.assertEqual(probe.seen.lost, 0, f"failback {number}: {probe.seen.loss_windows}")

    def test_an_agent_that_ends_leaves_no_address(self):
        self.pair()
        self.hog()
        self.assertEqual(self.two.stop(), 0)
        capture = Capture(self.lab.client())
        stopped = now_us()
        self.assertEqual(self.one.stop(), 0)
        self.assertFalse(self.one.host.holds(VIP))
        last = [a.priority for a in capture.stop().adverts(vrid=51, after=stopped)][-1]
        self.assertEqual(last, 0, "it resigned")


if __name__ == "__main__":
    main()
