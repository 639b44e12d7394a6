"""A file system that does not answer: it costs the checks that are about it, and no other."""
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.hung_mount import HungMount  # noqa: E402
from lab.processes import descendants, name_of  # noqa: E402
from lab.services import Server  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def answer(connection):
    connection.recv(4096)
    connection.sendall(OK)


def check(name, kind, *keys):
    return f"[check {name}]\ntype = {kind}\ninterval = 500ms\ntimeout = 500ms\nfall = 2\n" + \
        "".join(f"{key}\n" for key in keys)


def prober_of(agent):
    return next(pid for pid in descendants(agent.process.pid) if name_of(pid) == "understudy-prob")


class Hung(LabTestCase):
    def setUp(self):
        super().setUp()
        try:
            self.mount = HungMount(self.lab, str(os.getpid()))
        except OSError as error:
            raise unittest.SkipTest(f"no FUSE here: {error}")
        self.one = self.lab.node("lb1")
        Server(self.one, 8080, answer)
        self.well = [check("web", "http", "url = http://127.0.0.1:8080/"), check("local", "file", "path = /etc/passwd"),
                     check("self", "process", "name = understudyd"), check("true", "script", "command = /bin/true")]

    def start(self, *checks):
        return Understudy(self.one, vip(interval="200ms", track=["web", "local", "self", "true"]), *self.well, *checks)

    def states(self, agent):
        return {one["name"]: one for one in agent.status()["checks"]}

    def becomes(self, agent, state, *names):
        eventually(lambda: all(self.states(agent)[name]["state"] == state for name in names), 20,
                   lambda: f"{names} are {state}: {self.states(agent)}")

    def runs_on(self, agent, replaced=0):
        """What does not need the mount has its runs, and no failure; the prober was replaced so often."""
        before = self.states(agent)
        for name in ("web", "local", "self", "true"):
            eventually(lambda: self.states(agent)[name]["runs"] > before[name]["runs"] + 4, 10, f"{name} runs")
            self.assertEqual(self.states(agent)[name]["failures"], 0, self.states(agent)[name])
        self.assertEqual((agent.vip()["state"], agent.vip()["transitions"]), ("active", self.transitions), agent.log())
        self.assertEqual(agent.log().count("the prober was killed"), replaced, agent.log())
        self.assertNotIn("has not answered", agent.log())

    def test_checks_of_a_hung_mount_are_down_and_come_back_and_no_other_notices(self):
        agent = self.start(check("file", "file", f"path = {self.mount.file}", "value_as_weight = no"),
                           check("pid", "process", f"pid_file = {self.mount.file}"),
                           check("script", "script", f"command = /bin/cat {self.mount.file}", "user = root"))
        agent.wait_state("active")
        self.transitions = agent.vip()["transitions"]
        self.becomes(agent, "up", "file", "pid", "script")
        self.mount.hang()
        self.becomes(agent, "down", "file", "pid", "script")
        self.runs_on(agent)
        for name in ("file", "pid"):
            self.assertIn(f"looking at {self.mount.file}, which has hung for", self.states(agent)[name]["detail"])
        eventually(lambda: "3 former runs were killed and have not ended" in self.states(agent)["script"]["detail"], 10,
                   lambda: self.states(agent)["script"])
        asked, runs = self.mount.asked, self.states(agent)["file"]["runs"]
        eventually(lambda: self.states(agent)["file"]["runs"] > runs + 6, 10, "more runs")
        self.assertEqual(self.mount.asked, asked, "a look that hangs is not repeated by the next run")
        self.mount.answer()
        self.becomes(agent, "up", "file", "pid", "script")

    def test_reload_and_stop_do_not_wait_for_a_hung_mount(self):
        agent = self.start(check("file", "file", f"path = {self.mount.file}"))
        agent.wait_state("active")
        self.transitions = agent.vip()["transitions"]
        self.mount.hang()
        self.becomes(agent, "down", "file")
        agent.config.write_text(agent.config.read_text().replace("/etc/passwd", "/etc/group"))
        agent.must("reload")
        eventually(lambda: "/etc/group" in self.states(agent)["local"]["detail"], 10, lambda: self.states(agent))
        self.runs_on(agent)
        self.assertEqual(agent.stop(timeout=5), 0)

    def test_credentials_on_a_hung_mount_count_when_they_can_be_read(self):
        agent = self.start(check("secret", "http", "url = http://127.0.0.1:8080/", "credentials = bearer",
                                 f"credentials_file = {self.mount.file}"))
        agent.wait_state("active")
        self.transitions = agent.vip()["transitions"]
        self.becomes(agent, "up", "secret")
        self.mount.hang()
        os.kill(prober_of(agent), signal.SIGKILL)  # the next one reads the file again
        self.becomes(agent, "down", "secret")
        self.assertIn("not read within 1000 ms", self.states(agent)["secret"]["detail"])
        self.runs_on(agent, replaced=1)
        self.mount.answer()
        self.becomes(agent, "up", "secret")


if __name__ == "__main__":
    main()
