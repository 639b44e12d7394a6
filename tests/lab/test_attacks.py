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
            agent.wait_state(state, 30)

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


if __name__ == "__main__":
    main()
