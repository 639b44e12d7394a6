"""Hooks: programs of the operator that hang, fork, fail and write too much, while the heartbeat goes on."""
import os
import pathlib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

VIP = "192.0.2.10"

# Notes its beginning and its end, so that two at once, or a wrong order, would show.
NOTE = """#!/bin/sh
echo "begin $UNDERSTUDY_HOOK $UNDERSTUDY_STATE" >> "$1"
{body}
echo "end $UNDERSTUDY_HOOK $UNDERSTUDY_STATE" >> "$1"
"""


class Hooks(LabTestCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.lab.dir, 0o755)  # the hooks run as nobody

    def script(self, name, body):
        """A hook as an operator writes it, and the file of its notes; the command line of both."""
        folder = pathlib.Path(self.lab.dir)
        path, notes = folder / name, folder / f"{name}.notes"
        path.write_text(NOTE.format(body=body))
        path.chmod(0o755)
        notes.write_text("")
        notes.chmod(0o666)
        return f"{path} {notes}", notes

    def active(self, **hooks):
        agent = Understudy(self.lab.node("lb1"), vip(priority=150, interval="100ms", **hooks))
        agent.wait_state("active")
        return agent

    def test_bad_hooks_are_bounded_and_the_heartbeat_goes_on(self):
        loud, _ = self.script("loud", "head -c 10000000 /dev/zero | tr '\\0' x")
        forks, forked = self.script("forks", 'sleep 600 & echo $! >> "$1"; exec sleep 600')
        fails, _ = self.script("fails", "echo out of luck; exit 3")
        agent = self.active(on_backup=loud, on_active=forks, on_fault=fails, hook_timeout="1s")
        node = self.lab.hosts["lb1"]
        capture = Capture(self.lab.client())
        eventually(lambda: self.hook(agent, "on_active") == "failed", 5, "the hook was killed")
        sleeper = int(next(line for line in forked.read_text().splitlines() if line.isdigit()))
        eventually(lambda: not os.path.exists(f"/proc/{sleeper}"), 2, "its process group was killed")
        node.link_down()
        eventually(lambda: self.hook(agent, "on_fault") == "failed", 5, "on_fault has failed")
        capture.stop()
        self.assertIn("on_fault failed", agent.must("why", "web"))
        log = agent.log()
        self.assertIn("web: on_fault: out of luck", log)
        self.assertIn("web: on_fault: failed", log)
        self.assertIn("exit status 3", log)
        self.assertIn("web: on_backup: done", log)
        self.assertIn("bytes more, which are left out", log)
        self.assertIn("killed: it still ran after 1000 ms", log)
        self.assertLess(len(log), 20_000, "ten million bytes are not a log")
        sent = [advert.at for advert in capture.adverts() if advert.priority == 150]
        self.assertGreater(len(sent), 10)
        gaps = [later - earlier for earlier, later in zip(sent, sent[1:])]
        self.assertLess(max(gaps), 300_000, "a standby waits for three intervals, and its skew time")

    def hook(self, agent, name):
        return next((hook["result"] for hook in agent.vip()["hooks"] if hook["name"] == name), None)

    def test_flapping_ends_with_the_last_state_and_one_hook_at_a_time(self):
        command, notes = self.script("slow", "sleep 0.1")
        agent = self.active(on_backup=command, on_active=command, on_fault=command)
        node = self.lab.hosts["lb1"]
        for _ in range(50):
            node.link_down()
            node.link_up()
        agent.wait_state("active")
        changes = agent.vip()["transitions"]
        eventually(lambda: notes.read_text().splitlines()[-1] == "end on_active active", 5, "the last one")
        lines = notes.read_text().splitlines()
        for begin, end in zip(lines[::2], lines[1::2]):
            self.assertEqual(begin.replace("begin", "end"), end, "one at a time")
        self.assertGreater(changes, 50)
        self.assertLess(len(lines) // 2, changes, "what was over was passed over")

    def test_on_promote_and_on_release_frame_a_planned_move_that_loses_nothing(self):
        one, two = self.lab.node("lb1"), self.lab.node("lb2")
        release, released = self.script("release", "sleep 0.3")
        promote, promoted = self.script("promote", "sleep 0.3")
        first = Understudy(one, vip(priority=150, interval="100ms", on_release=release))
        first.wait_state("active")
        second = Understudy(two, vip(priority=100, interval="100ms", on_promote=promote))
        second.wait_state("backup")
        with Probe(self.lab.client(), VIP) as probe:
            first.must("failover", "web")
        self.assertEqual(probe.seen.lost, 0, probe.seen.loss_windows)
        self.assertEqual(released.read_text(), "begin on_release active\nend on_release active\n")
        self.assertEqual(promoted.read_text(), "begin on_promote promoting\nend on_promote promoting\n")
        self.assertEqual(second.state(), "active")
        self.assertEqual(first.stop(), 0)


if __name__ == "__main__":
    main()
