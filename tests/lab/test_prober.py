"""The prober and the runner: their death, their hanging, what they leave behind, and servers that mean harm."""
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.processes import children, name_of  # noqa: E402
from lab.services import Server  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

VIP = "192.0.2.10"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def with_marker(marker):
    """The processes that carry the marker in their arguments."""
    return [int(entry.name) for entry in pathlib.Path("/proc").iterdir()
            if entry.name.isdigit() and marker.encode() in command_line(int(entry.name))
            and int(entry.name) != os.getpid()]


def memory_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def answer(connection, text=OK):
    connection.recv(4096)
    connection.sendall(text)

TOOLS = ("openssl",)


class Prober(LabTestCase):
    def pair(self, *more):
        self.one, self.two = self.lab.node("lb1"), self.lab.node("lb2")
        checks = ("[service web]\ncheck = frontend\n[check frontend]\ntype = http\nurl = http://127.0.0.1:8080/\n"
                  "interval = 100ms\n")
        self.agents = []
        for host, priority in ((self.one, 150), (self.two, 100)):
            Server(host, 8080, answer)
            self.agents.append(Understudy(host, vip(priority=priority, interval="50ms", service="web"), checks, *more))
        self.agents[0].wait_state("active")
        self.agents[1].wait_state("backup")

    def runner(self, agent):
        return children(agent.process.pid)[0]

    def prober(self, agent):
        found = [pid for pid in children(self.runner(agent)) if b"understudy-prober" in command_line(pid)]
        return found[0] if found else None

    def check(self, agent, name="frontend"):
        return next(check for check in agent.status()["checks"] if check["name"] == name)

    def undisturbed(self):
        """Neither took over from the other since the beginning."""
        self.assertEqual([agent.vip()["state"] for agent in self.agents], ["active", "backup"])
        self.assertEqual(self.agents[1].vip()["transitions"], 1, self.agents[1].log())

    def test_it_has_no_capabilities_and_is_nobody(self):
        self.pair()
        status = pathlib.Path(f"/proc/{self.prober(self.agents[0])}/status").read_text()
        for line in ("CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
            self.assertIn(line, status)
        self.assertNotIn("Uid:\t0\t", status)
        heartbeat = pathlib.Path(f"/proc/{self.agents[0].process.pid}/status").read_text()
        self.assertIn("CapEff:\t0000000000003000", heartbeat)

    def test_only_it_maps_what_parses_the_answers_of_servers(self):
        self.pair("[check page]\ntype = http\nurl = http://127.0.0.1:8080/\nbody_regex = o.\n")
        parsers = ("libcurl", "libssl", "libcrypto", "libpcre2", "libcares")
        agent = self.agents[0]
        eventually(lambda: self.check(agent, "page")["state"] == "up", 5, "the pattern is used")
        for pid, mapped in ((agent.process.pid, False), (self.runner(agent), False), (self.prober(agent), True)):
            maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
            self.assertEqual([name for name in parsers if name in maps], list(parsers) if mapped else [], name_of(pid))

    def test_killed_it_is_started_again_and_the_heartbeat_goes_on(self):
        self.pair()
        for _ in range(5):
            old = self.prober(self.agents[0])
            os.kill(old, signal.SIGKILL)
            eventually(lambda: self.prober(self.agents[0]) not in (None, old), 5, "a new prober")
            runs = self.check(self.agents[0])["runs"]
            eventually(lambda: self.check(self.agents[0])["runs"] > runs + 2, 5, "it checks again")
        self.assertEqual(self.check(self.agents[0])["state"], "up")
        self.assertEqual(self.check(self.agents[0])["failures"], 0)
        self.assertIn("the prober was killed by signal 9", self.agents[0].log())
        self.undisturbed()

    def test_stopped_it_is_replaced_and_the_state_is_said_honestly(self):
        self.pair()
        old = self.prober(self.agents[0])
        os.kill(old, signal.SIGSTOP)
        runs = self.check(self.agents[0])["runs"]
        eventually(lambda: self.prober(self.agents[0]) not in (None, old), 15, "a new prober")
        eventually(lambda: self.check(self.agents[0])["runs"] > runs + 2, 5, "it checks again")
        self.assertIn("the prober has not answered for", self.agents[0].log())
        self.undisturbed()

    def test_killed_runner_is_replaced_by_its_spare(self):
        script = "[check probe]\ntype = script\ncommand = /bin/true\ninterval = 200ms\n"
        self.pair(script)
        agent = self.agents[0]
        for round_ in range(2):
            runner, spare = children(agent.process.pid)
            os.kill(runner, signal.SIGKILL)
            eventually(lambda: len(children(agent.process.pid)) == 2 and self.runner(agent) == spare, 5,
                       lambda: f"its spare {spare} took its place, with a spare; {children(agent.process.pid)}")
            for name in ("frontend", "probe"):
                runs = self.check(agent, name)["runs"]
                eventually(lambda: self.check(agent, name)["runs"] > runs + 2, 10, f"{name} is checked again")
                self.assertEqual(self.check(agent, name)["failures"], 0)
        self.assertIn("the runner died, and with it the prober", agent.log())
        self.assertEqual(agent.log().count("another runner was started"), 2)
        self.undisturbed()

    def test_killed_spare_is_replaced(self):
        self.pair()
        agent = self.agents[0]
        runner, spare = children(agent.process.pid)
        os.kill(spare, signal.SIGKILL)
        eventually(lambda: [pid for pid in children(agent.process.pid) if pid not in (runner, spare)], 5, "a new spare")
        os.kill(runner, signal.SIGKILL)
        runs = self.check(agent)["runs"]
        eventually(lambda: self.check(agent)["runs"] > runs + 2, 10, "it checks again")
        self.undisturbed()

    def test_runner_that_dies_again_and_again_is_started_with_growing_pauses(self):
        self.pair()
        agent = self.agents[0]
        begun = time.monotonic()
        for _ in range(5):
            old = self.runner(agent)
            os.kill(old, signal.SIGKILL)
            started = agent.log().count("another runner was started")
            eventually(lambda: agent.log().count("another runner was started") > started, 15, "another runner")
        self.assertGreater(time.monotonic() - begun, 0.2 + 0.4 + 0.8 + 1.6 + 3.2)
        for pause in (200, 400, 800, 1600, 3200):
            self.assertIn(f"the next one starts in {pause} ms", agent.log())
        self.undisturbed()

    def test_hook_of_a_runner_that_dies_has_failed(self):
        marker = f"us-{os.getpid()}-hook"
        hook = os.path.join(self.lab.dir, "hook")
        pathlib.Path(hook).write_text(f"#!/bin/sh\nexec sh -c \"sleep 1000; exit\" {marker}\n")
        os.chmod(hook, 0o755)
        os.chmod(self.lab.dir, 0o755)
        agent = Understudy(self.lab.node("lb1"), vip(priority=150, interval="100ms", on_active=hook))
        agent.wait_state("active")
        eventually(lambda: with_marker(marker), 5, "the hook runs")
        os.kill(self.runner(agent), signal.SIGKILL)
        eventually(lambda: "on_active: failed" in agent.log(), 5, lambda: f"it failed:\n{agent.log()}")
        eventually(lambda: not with_marker(marker), 5, "and was killed")

    def test_what_the_agent_starts_is_not_spared_when_memory_is_short(self):
        """As under the unit, where the heartbeat has OOMScoreAdjust=-900."""
        lowered = subprocess.run(["sh", "-c", "echo -900 > /proc/self/oom_score_adj"], capture_output=True)
        if lowered.returncode != 0:
            self.skipTest("the kernel lacks the permission to lower oom_score_adj")
        seen = os.path.join(self.lab.dir, "seen")
        script = os.path.join(self.lab.dir, "script")
        pathlib.Path(script).write_text(f"#!/bin/sh\ncat /proc/self/oom_score_adj > {seen}.new\nmv {seen}.new {seen}\n")
        os.chmod(script, 0o755)
        host = self.lab.node("lb1")
        start = host.start
        host.start = lambda *words, **options: start(
            "sh", "-c", 'echo -900 > /proc/self/oom_score_adj && exec "$0" "$@"', *words, **options)
        agent = Understudy(host, "script_user = root\n", vip(priority=150, interval="100ms"),
                           f"[check probe]\ntype = script\ncommand = {script}\ninterval = 200ms\n",
                           "[check lan]\ntype = icmp\ntarget = 127.0.0.1\n")
        eventually(lambda: self.prober(agent), 5, "a prober")

        def score(pid):
            return int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())
        self.assertEqual(score(agent.process.pid), -900)
        runner, spare = children(agent.process.pid)
        self.assertEqual([score(pid) for pid in (runner, spare, self.prober(agent))], [0, 0, 0])
        eventually(lambda: os.path.exists(seen), 5, "the script ran")
        self.assertEqual(pathlib.Path(seen).read_text(), "0\n")

    def test_without_any_runner_health_keeps_its_last_word_for_a_time_and_is_then_unknown(self):
        self.pair()
        for pid in reversed(children(self.agents[0].process.pid)):
            os.kill(pid, signal.SIGKILL)
        stays(lambda: self.check(self.agents[0])["state"] == "up", 5, "the last word")
        eventually(lambda: self.check(self.agents[0])["state"] == "unknown", 15, "unknown")
        self.undisturbed()  # unknown takes no address away
        self.agents[0].must("failover", "web")
        self.agents[1].wait_state("active")
        self.agents[0].must("failback", "web")
        self.agents[0].wait_state("fault")  # but it gives none
        self.assertIn("check frontend unknown", self.agents[0].must("why", "web"))

    def test_a_script_that_ignores_sigterm_and_forks_leaves_nothing(self):
        marker = f"us-{os.getpid()}-script"
        script = ("[check wild]\ntype = script\ninterval = 500ms\ntimeout = 200ms\ncommand = /bin/sh -c "
                  f"'trap \"\" TERM; (setsid sh -c \"trap \\\"\\\" TERM; sleep 1000; : {marker}\" &); "
                  f"sleep 1000; : {marker}'\n")
        self.pair(script)
        eventually(lambda: with_marker(marker), 5, "it runs")
        eventually(lambda: self.check(self.agents[0], "wild")["runs"] > 3, 10, "it ran several times")
        self.assertIn("no result within 200 ms", self.check(self.agents[0], "wild")["detail"])
        # At most the runs that are under way: one for each agent, each a guard and two trees.
        self.assertLess(len(with_marker(marker)), 20)
        self.undisturbed()
        for agent in self.agents:
            agent.kill9()
        eventually(lambda: not with_marker(marker), 5, lambda: f"nothing is left: {with_marker(marker)}")

    def test_nothing_is_left_of_an_agent_that_stops_or_dies(self):
        self.pair()
        families = [[self.runner(agent), self.prober(agent)] for agent in self.agents]
        self.agents[1].kill9()
        self.assertEqual(self.agents[0].stop(), 0)
        for pid in [*families[0], *families[1]]:
            eventually(lambda: not command_line(pid), 5, f"process {pid} is gone")


class Hostile(LabTestCase):
    """A clear `down` with the reason within the timeout, and no memory to speak of."""

    TIMEOUT = 1.0

    def outcome_of(self, serve, url="http://127.0.0.1:8080/", more=""):
        host = self.lab.hosts.get("lb1") or self.lab.node("lb1")
        server = Server(host, 8080, serve)
        agent = Understudy(host, vip(track="c"),
                           f"[check c]\ntype = http\nurl = {url}\ninterval = 200ms\ntimeout = 1s\n{more}")
        try:
            # An agent that has just been asked for its checks has run them; ask for one more.
            begun = time.monotonic()
            done = agent.cli("check", "run", "c")
            took = time.monotonic() - begun
            runner = children(agent.process.pid)[0]
            memory = max(memory_kib(pid) for pid in children(runner))
            eventually(lambda: agent.status()["checks"][0]["state"] == "down", 10, "it is down")
            detail = agent.status()["checks"][0]["detail"]
        finally:
            agent.kill9()
            server.close()
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertLess(took, self.TIMEOUT + 0.7)
        self.assertLess(memory, 64 * 1024)
        return detail

    def test_an_endless_body(self):
        def serve(connection):
            answer(connection, b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65536)
        self.assertIn("the body is larger than max_size = 65536", self.outcome_of(serve))

    def test_a_slow_loris(self):
        def serve(connection):
            connection.recv(4096)
            for byte in OK * 1000:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
        self.assertIn("no result within 1000 ms", self.outcome_of(serve))

    def test_a_header_of_a_gigabyte(self):
        def serve(connection):
            answer(connection, b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(16384):
                connection.sendall(b"y" * 65536)
        self.assertRegex(self.outcome_of(serve), "(?i)header|too large|out of memory|memory")

    def test_headers_without_end(self):
        def serve(connection):
            answer(connection, b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X: y\r\n" * 1000)
        self.assertIn("the headers are larger than max_size", self.outcome_of(serve))

    def test_a_redirect_loop(self):
        def serve(connection):
            answer(connection, b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
        self.assertIn("redirects", self.outcome_of(serve, more="redirects = 5\n"))

    def test_a_redirect_to_a_file(self):
        def serve(connection):
            answer(connection, b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")
        self.assertRegex(self.outcome_of(serve, more="redirects = 5\n"), "(?i)protocol")

    def test_a_bad_chunk(self):
        def serve(connection):
            answer(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n")
        self.assertRegex(self.outcome_of(serve), "(?i)chunk|encoding|recv|receiving")

    def test_no_http_at_all(self):
        def serve(connection):
            answer(connection, b"\x00\xff\x1b[31mhello\r\n")
        self.assertRegex(self.outcome_of(serve), "HTTP/0.9")

    def test_closed_without_an_answer(self):
        self.assertIn("closed without an answer", self.outcome_of(lambda connection: connection.recv(4096)))

    def test_closed_in_the_middle_of_tls(self):
        def serve(connection):
            connection.recv(10)
        self.assertRegex(self.outcome_of(serve, "https://127.0.0.1:8080/"), "(?i)ssl|tls|reset|closed")

    def test_tls_that_never_answers(self):
        def serve(connection):
            time.sleep(30)
        self.assertIn("in the TLS handshake", self.outcome_of(serve, "https://127.0.0.1:8080/"))

    def test_a_certificate_that_nobody_vouches_for(self):
        key, certificate = f"{self.lab.dir}/key", f"{self.lab.dir}/certificate"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "1",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        def serve(connection):
            with context.wrap_socket(connection, server_side=True) as wrapped:
                answer(wrapped)
        self.assertRegex(self.outcome_of(serve, "https://127.0.0.1:8080/"), "(?i)certificate")


if __name__ == "__main__":
    main()
