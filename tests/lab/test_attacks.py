"""What somebody with an account on the machine, a service that is checked or a manager that hangs can do to the VIPs.

docs/SECURITY.md names these tests."""
import os
import pathlib
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.services import Server  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

FLOOD = pathlib.Path(__file__).parent / "lab" / "flood.py"
STATUS = '{"request":"status"}'


class Attacks(LabTestCase):
    def pair(self, *texts, interval="100ms", environment=None):
        """Two agents with the same sections; lb1 is active."""
        hosts = self.lab.node("lb1"), self.lab.node("lb2")
        self.one, self.two = (
            Understudy(host, *[text.format(priority=priority) for text in texts], start=False)
            for host, priority in zip(hosts, (150, 100)))
        self.one.environment = environment
        for agent, state in ((self.one, "active"), (self.two, "backup")):
            agent.start()
            eventually(lambda: {vip["state"] for vip in agent.status()["vips"]} == {state}, 60,
                       lambda: f"all VIPs of {agent.host.name} are {state}:\n{agent.log()[-2000:]}")

    def transitions(self):
        return [vip["transitions"] for agent in (self.one, self.two) for vip in agent.status()["vips"]]

    def test_manager_that_does_not_read_delays_no_heartbeat(self):
        path = os.path.join(self.lab.dir, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            # A sign of life every 20 ms fills the queue of the socket within a second.
            self.pair(vip(priority="{priority}", interval="100ms"),
                      environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "40000"})
            before = self.transitions()
            stays(lambda: self.one.state() == "active", 3, "lb1 is active")
            self.assertEqual(self.transitions(), before)
            said = b""
            while b"READY=1" not in said:
                said = manager.recv(4096)

    @staticmethod
    def ask(agent, line):
        """The answer on control.sock, within 2 s."""
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(2)
            there.connect(str(agent.runtime / "control.sock"))
            there.sendall(line.encode() + b"\n")
            return there.makefile().readline()

    def flood(self, agent, name, lines=(STATUS,), connections=64):
        return subprocess.Popen([sys.executable, str(FLOOD), str(agent.runtime / name), str(connections), *lines],
                                stdout=subprocess.PIPE, text=True)

    def check_flood(self, seconds, *floods):
        before = self.transitions()
        running = [self.flood(self.one, *words) for words in floods]
        try:
            answered = [int(one.stdout.readline().split()[1]) for one in running]
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                self.assertIn('"reasons"', self.ask(self.one, '{"request":"why","vip":"web0"}'))
        finally:
            for one in running:
                one.kill()
                one.communicate()
        self.assertGreater(min(answered), 0)
        self.assertEqual(self.transitions(), before)

    def test_flood_of_questions_moves_none_of_255_vips(self):
        self.pair(*[vip(f"web{n}", vrid=n + 1, priority="{priority}", interval="100ms",
                        addresses=[f"198.18.0.{n + 1}/32"]) for n in range(255)])
        self.check_flood(10, ("status.sock",))

    def test_flood_of_questions_and_commands_moves_no_vip_at_10_ms(self):
        self.pair(*[vip(f"web{n}", vrid=n + 1, priority="{priority}", interval="10ms",
                        addresses=[f"198.18.0.{n + 1}/32"]) for n in range(4)])
        commands = ('{"request":"failback","all":true}', '{"request":"config_show"}', "nonsense",
                    '{"request":"events","follow":true}')
        self.check_flood(10, ("status.sock",), ("control.sock", commands, 32))

    def test_body_chosen_against_a_pattern_delays_no_other_check(self):
        host = self.lab.node("lb1")
        body = b"status" * 10900 + b"k"

        def serve(text):
            def answer(connection):
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(text) + text)
            return answer
        for port, text in ((8080, body), (8081, b"status: ok")):
            Server(host, port, serve(text))
        check = ("[check {name}]\ntype = http\nurl = http://127.0.0.1:{port}/\nbody_regex = status.*ok\n"
                 "interval = 200ms\ntimeout = 500ms\n")
        agent = Understudy(host, vip(priority=150, interval="100ms", track=["hostile weight=-1", "neighbour weight=-1"]),
                           check.format(name="hostile", port=8080), check.format(name="neighbour", port=8081))

        def checks():
            return {one["name"]: one for one in agent.status()["checks"]}
        eventually(lambda: checks()["hostile"]["state"] == "down", 20, lambda: f"the body is too costly: {checks()}")
        begun, runs = time.monotonic(), checks()["neighbour"]["runs"]
        eventually(lambda: checks()["neighbour"]["runs"] >= runs + 20, 20, lambda: f"the neighbour is checked: {checks()}")
        self.assertLess(time.monotonic() - begun, 6, "20 runs at 200 ms")
        self.assertEqual(checks()["neighbour"]["failures"], 0)
        self.assertIn("too costly", checks()["hostile"]["detail"])


if __name__ == "__main__":
    main()
