"""A short run of tests/lab/chaos, and defects planted by hand that its judge has to find."""
import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chaos_lab.calm import Calm  # noqa: E402
from chaos_lab.campaign import Campaign  # noqa: E402
from chaos_lab.cluster import Cluster  # noqa: E402
from chaos_lab.findings import Findings  # noqa: E402
from chaos_lab.outside_faults import NOT_YET, OUTSIDE  # noqa: E402
from chaos_lab.judge import SECOND, Judge  # noqa: E402
from chaos_lab.quiet import unsettled  # noqa: E402
from chaos_lab.record import Record  # noqa: E402
from chaos_lab.wire import Wire, request  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.inject import Injector  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402
from lab.watch import HolderWatch  # noqa: E402

SEED = int(os.environ.get("UNDERSTUDY_CHAOS_SEED", "4711"))
SECONDS = 50
# How long each fault of the outside world lasts; some of them show only after a while: LASTING=10 by hand.
LASTING = float(os.environ.get("UNDERSTUDY_CHAOS_LASTING", "1.5"))


@contextlib.contextmanager
def frozen_prober(node):
    prober = node.child("understudy-run", "understudy-prob")
    os.kill(prober, signal.SIGSTOP)
    yield
    os.kill(prober, signal.SIGCONT)


class OutsideWorld(LabTestCase):
    """Nothing that happens outside of the agents moves a VIP, delays an advertisement or makes the heartbeat wait."""

    def test_no_fault_of_it_is_noticed_by_a_vip(self):
        kinds = [kind for kind in OUTSIDE if kind not in NOT_YET]
        campaign = Campaign(self.lab, SEED, 0, only=kinds, lasting=LASTING)
        sound = campaign.run()
        print(campaign.summary())
        self.assertTrue(sound, campaign.report())


class Chaos(LabTestCase):
    def test_random_faults_break_nothing(self):
        campaign = Campaign(self.lab, SEED, SECONDS)
        sound = campaign.run()
        print(campaign.summary())
        self.assertTrue(sound, campaign.report())
        self.assertGreaterEqual(campaign.rounds, 1)


class TheJudge(LabTestCase):
    """What it says when something happens that no fault on the record explains."""

    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self.lab)
        self.record = Record()
        self.findings = Findings(self.record)
        watch = HolderWatch(*(node.host for node in self.cluster.nodes.values()))
        self.addCleanup(watch.close)
        wire = Wire(self.cluster.client)
        self.addCleanup(wire.close)
        self.judge = Judge(self.cluster, self.record, self.findings, watch, wire)
        for node in self.cluster.nodes.values():
            node.start_agent()
        eventually(lambda: unsettled(self.cluster) is None, 10, lambda: unsettled(self.cluster))
        self.judge.absorb()
        self.holder = self.cluster.holder("web")
        self.other = next(node for node in self.cluster.nodes.values() if node is not self.holder)
        self.begun = now_us()

    def wait_and_judge(self, seconds):
        eventually(lambda: now_us() - self.begun > seconds * SECOND, seconds + 5, "the time has passed")
        self.judge.check(self.begun, now_us())
        return " | ".join(text for _, text in self.findings.found)

    def test_is_silent_when_nothing_happens(self):
        self.assertEqual(self.wait_and_judge(2), "")

    def test_sees_a_second_holder_and_the_silence_of_a_fault_that_is_on_record(self):
        excused = self.record.begin("cable cut", self.other.name)
        self.other.host.ip("address", "add", "192.0.2.10/24", "dev", "eth0")
        self.assertEqual(self.wait_and_judge(2), "")
        self.record.end(excused)
        self.assertIn("both held web", self.wait_and_judge(5))

    def test_sees_an_address_that_nobody_holds(self):
        for node in self.cluster.nodes.values():
            node.agent.stop()
        self.assertIn("nobody held 192.0.2.30 (app)", self.wait_and_judge(10))

    def test_sees_what_a_dead_agent_leaves_for_too_long(self):
        death = self.record.begin("agent killed", self.holder.name)
        death.absent_from, death.absent_grace = now_us(), SECOND // 10
        self.holder.agent.kill9()
        self.assertIn(f"{self.holder.name} still had 192.0.2.10", self.wait_and_judge(4))

    def test_sees_a_claim_of_somebody_who_does_not_have_the_address(self):
        impostor = self.other.host
        injector = Injector(impostor)
        injector.send(request(bytes.fromhex(impostor.mac.replace(":", "")), "192.0.2.10", "192.0.2.10"))
        injector.close()
        self.assertIn("which does not have it", self.wait_and_judge(2))

    def calm_round(self, happens):
        """What is found in a round in which nothing may happen, and this happens."""
        findings = Findings(self.record)
        calm = Calm(self.cluster, self.judge, findings)
        before = calm.counts(self.other)
        happens()
        calm.check_checks(self.other, before)
        calm.judge([])
        return " | ".join(text for _, text in findings.found)

    def test_sees_what_happens_in_a_round_in_which_nothing_may(self):
        self.assertEqual(self.calm_round(lambda: time.sleep(0.5)), "")

        def late():
            time.sleep(0.3)
            self.holder.agent.freeze()
            time.sleep(0.25)  # two intervals and a half: late whatever the phase, and no takeover
            self.holder.agent.thaw()
            time.sleep(0.3)
        self.assertRegex(self.calm_round(late), "advertised web [0-9]+ ms late")

        def fails():
            (self.other.folder / "stamp").unlink()
            time.sleep(0.5)
        self.assertIn(f"check stamp of {self.other.name} failed", self.calm_round(fails))
        (self.other.folder / "stamp").touch()

        def hangs():
            with frozen_prober(self.other):
                time.sleep(1.5)
        self.assertIn(f"check port of {self.other.name} ran ", self.calm_round(hangs))

        def moves():
            self.holder.agent.must("failover", "web")
            eventually(lambda: self.cluster.holder("web") not in (None, self.holder), 5, "it has moved")
        self.assertIn("web moved, and the only fault was: nothing", self.calm_round(moves))


if __name__ == "__main__":
    main()
