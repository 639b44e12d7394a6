"""What a real agent records is decided the same again, and holds no secret."""
import json
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.probe import binaries  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

SECRET = "sesame"
CHECK = """[check file]
type = script
command = /bin/sh -c 'echo {secret}; test -e {path}'
interval = 100ms
fall = 1
rise = 1
"""


def replay(*words):
    return subprocess.run([os.path.join(binaries(), "understudy"), "replay", *words], text=True, capture_output=True)


class Replays(LabTestCase):
    def test_a_failover_and_a_failed_check(self):
        hosts = [self.lab.node("lb1"), self.lab.node("lb2")]
        ready = os.path.join(self.lab.dir, "ready")
        os.chmod(self.lab.dir, 0o755)
        agents = []
        for host, priority in zip(hosts, (150, 100)):
            open(ready, "w").close()
            check = CHECK.format(path=ready, secret=SECRET) if priority == 150 else ""
            agent = Understudy(host, "record = yes\n", vip(priority=priority, interval="100ms",
                                                           **({"track": "file"} if check else {})), check,
                               stop_timeout="1s")
            agents.append(agent)
        one, two = agents
        one.wait_state("active")
        one.must("failover", "web")
        two.wait_state("active")
        one.must("failback", "web")
        one.wait_state("active")
        os.unlink(ready)
        two.wait_state("active")
        one.wait_state("fault")
        self.assertIn(SECRET, one.cli("check", "run", "file").stdout, "who asks for the output sees it")
        open(ready, "w").close()
        one.wait_state("active")
        for agent in agents:
            self.assertEqual(agent.stop(), 0)
            self.judge(agent)

    def judge(self, agent):
        files = sorted(agent.runtime.glob("events-*.jsonl"))
        self.assertEqual(len(files), 1)
        self.assertEqual(stat.S_IMODE(files[0].stat().st_mode), 0o600)
        self.assertNotIn(SECRET, files[0].read_text())
        done = replay("--quiet", *map(str, files))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        document = json.loads(replay("--json", *map(str, files)).stdout)
        states = [line["text"] for line in document["story"] if line["kind"] == "state"]
        self.assertTrue(any("backup -> active" in state for state in states), states)
        log = agent.log()
        for state in states:
            self.assertIn(state, log.replace(f": {SECRET}", ""), "told as it was logged")

    def test_a_journal_outlives_a_crash(self):
        host = self.lab.node("lb1")
        agent = Understudy(host, "record = yes\n", vip(interval="100ms"), stop_timeout="200ms")
        agent.wait_state("active")
        agent.kill9()
        agent.start()
        agent.wait_state("active")
        eventually(lambda: len(list(agent.runtime.glob("events-*.jsonl"))) == 2, 2, "a file of each agent")
        self.assertEqual(agent.stop(), 0)
        files = sorted(map(str, agent.runtime.glob("events-*.jsonl")))
        done = replay(*files)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("understudyd"), 2)

    def test_a_journal_without_its_beginning(self):
        host = self.lab.node("lb1")
        # Long lines fill a file soon: a reload tells the whole configuration.
        places = "".join(f"extra_address = 10.9.{i // 250}.{i % 250 + 1}/16\n" for i in range(1, 4000))
        spare = "[vip spare]\ninterface = nowhere0\nvrid = 99\naddress = 10.9.0.1/16\n" + places
        agent = Understudy(host, "record = yes\n", vip(interval="100ms"), spare, stop_timeout="200ms")
        agent.wait_state("active")
        written = agent.config.read_text()
        for number in range(100):
            if (agent.runtime / "events-000002.jsonl").exists():
                break
            agent.config.write_text(written.replace("vrid = 99", f"vrid = {99 + number % 2}"))
            agent.must("reload")
        self.assertEqual(agent.cli("failover", "web", "--timeout", "1s").returncode, 1, "nobody else is there")
        self.assertEqual(agent.stop(), 0)
        first, second = sorted(map(str, agent.runtime.glob("events-*.jsonl")))
        whole = json.loads(replay("--json", first, second).stdout)
        rest = json.loads(replay("--json", second).stdout)
        for document in (whole, rest):
            self.assertTrue(document["as_recorded"], document["shown_only"])
            self.assertEqual(document["events"], document["decided"])
        self.assertLess(rest["events"], whole["events"])
        self.assertTrue(any("begins with the state before event" in line["text"] for line in rest["story"]))
        self.assertTrue(any("web: active -> " in line["text"] for line in rest["story"]))


if __name__ == "__main__":
    main()
