"""A stop waits as long as a willing peer needs to answer, and no longer."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

VIP = "192.0.2.10"


class Stop(LabTestCase):
    def pair(self, second=100, more=None, **both):
        one, two = self.lab.node("lb1"), self.lab.node("lb2")
        self.client = self.lab.client()
        each = more or (lambda host, other: {})
        self.one = Understudy(one, vip(priority=150, **both, **each(one, two)))
        self.two = Understudy(two, vip(priority=second, **both, **each(two, one)))
        self.one.wait_state("active")
        self.two.wait_state("backup")

    def they_have_heard_each_other(self):
        self.two.must("takeover", "web")
        eventually(lambda: self.one.state() == "backup", 5, "lb2 has it")
        self.two.must("failback", "web")
        self.one.wait_state("active")
        eventually(lambda: self.one.vip()["peers"], 5, "lb1 has heard lb2")

    def stops_within(self, limit_s):
        capture = Capture(self.client)
        begin = time.monotonic()
        self.assertEqual(self.one.stop(), 0)
        took = time.monotonic() - begin
        capture.stop()
        self.assertLess(took, limit_s)
        self.assertEqual([a.priority for a in capture.adverts() if a.source == self.one.host.ipv4][-1], 0)
        self.assertFalse(self.one.host.holds(VIP))
        print(f"the stop took {took:.3f} s", file=sys.stderr)

    def test_stop_beside_a_peer_in_fault_ends_within_1500_ms(self):
        flag = os.path.join(str(self.lab.dir), "up")
        open(flag, "w").close()
        os.chmod(self.lab.dir, 0o755)  # the prober has a user of its own
        check = f"[check flag]\ntype = file\npath = {flag}\ninterval = 100ms\nfall = 1\nrise = 1\n"
        one, two = self.lab.node("lb1"), self.lab.node("lb2")
        self.client = self.lab.client()
        self.one = Understudy(one, vip(priority=150))
        self.two = Understudy(two, vip(priority=100, track="flag"), check)
        self.one.wait_state("active")
        self.two.wait_state("backup")
        self.they_have_heard_each_other()
        os.unlink(flag)
        self.two.wait_state("fault")
        self.stops_within(1.5)

    def test_stop_beside_a_peer_that_is_gone_ends_within_1500_ms(self):
        self.pair()
        self.they_have_heard_each_other()
        self.two.kill9()
        self.stops_within(1.5)

    def willing(self, address=VIP):
        with Probe(self.client, address) as probe:
            self.assertEqual(self.one.stop(), 0)
            eventually(lambda: self.two.state() == "active", 5, "lb2 has it")
        self.assertEqual(probe.seen.lost, 0, probe.seen.loss_windows)

    def test_a_willing_peer_of_the_lowest_priority_loses_nothing(self):
        self.pair(second=17)
        self.willing()

    def test_a_willing_peer_that_does_not_preempt_loses_nothing(self):
        self.pair(second=100, preempt="no")
        self.willing()

    def test_a_willing_peer_of_version_2_loses_nothing(self):
        self.pair(second=17, version=2)
        self.willing()

    def test_a_willing_unicast_peer_loses_nothing(self):
        self.pair(second=17, more=lambda host, other: {"unicast_source": host.ipv4, "unicast_peer": other.ipv4})
        self.willing()

    def test_a_willing_peer_of_both_families_loses_nothing(self):
        self.pair(second=17, addresses=(f"{VIP}/24", "2001:db8::10/64"))
        self.willing("2001:db8::10")


if __name__ == "__main__":
    main()
