"""Each example, from the commands of its README, as an administrator would install it: on machines with a booted systemd, the
package's units, and Debian's haproxy, nginx, PostgreSQL and Prometheus."""
import json
import os
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.clock import now_us  # noqa: E402
from lab.machine import give_it_udev, installed, like_this_one  # noqa: E402
from lab.readme import blocks  # noqa: E402
from lab.services import HttpClient, Server  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402
from lab.watch import HolderWatch  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"
INSTALLED = "/usr/share/doc/understudy/examples"
TOOLS = ("haproxy", "nginx", "pg_ctlcluster", "prometheus", "promtool", "socat", "/usr/lib/polkit-1/polkitd", "curl")
# The machines have no way to a mirror; what a README names has to be here.
APT = "#!/bin/sh\n[ \"$1\" = install ] && shift && exec dpkg -s \"$@\" > /dev/null\n"


def application(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\napp")


class ExampleTestCase(LabTestCase):
    """`play()` runs the next block of the README; all of them have to be played."""

    def boot(self, name, vip, *hosts):
        self.name, self.vip, self.readme = name, vip, blocks(EXAMPLES / name / "README.md")
        installed(self.lab)
        booting = [threading.Thread(target=self._boot, args=(self.lab.node(host),)) for host in hosts or ("lb1", "lb2")]
        self.machines = {}
        for one in booting:
            one.start()
        for one in booting:
            one.join()
        self.assertEqual(len(self.machines), len(booting), "all machines have booted")
        self.one, self.two = self.machines["lb1"], self.machines["lb2"]

    def _boot(self, host):
        machine = like_this_one(host)
        machine.write("/usr/local/bin/apt", APT)
        machine("chmod", "755", "/usr/local/bin/apt")
        self.machines[host.name] = machine

    def play(self):
        """The next block. What the commands printed, in one text."""
        block, printed, former, where = self.readme.pop(0), "", None, []
        for place, command in block.commands:
            if place != former:
                where, former = self._where(place), place
            for machine in where:
                try:
                    printed += machine("sh", "-c", f"cd {INSTALLED}/{self.name} && {command}")
                except AssertionError as error:
                    raise AssertionError(f"{block}: {error}") from None
        return printed

    def _where(self, place):
        fixed = {"both hosts": [self.one, self.two], "every host": [self.one, self.two], "the first host": [self.one],
                 "the second host": [self.two], "the monitoring host": [self.machines.get("mon")]}
        if place in fixed:
            return fixed[place]
        return [self._in_state("active" if place == "the active host" else None)]

    def _in_state(self, state):
        """The active host; or, without a state, the other one."""
        active = eventually(self._active, 30, "one host is active")
        return active if state else next(one for one in (self.one, self.two) if one is not active)

    def _active(self):
        active = [one for one in (self.one, self.two) if one.state(self.vip) == "active"]
        return active[0] if len(active) == 1 else None

    def settled(self, active, standby, timeout=30):
        active.wait_state("active", timeout, self.vip)
        standby.wait_state("backup", timeout, self.vip)

    def all_played(self):
        self.assertEqual([str(block) for block in self.readme], [], "blocks of the README that were not run")


class Examples(ExampleTestCase):
    def test_haproxy_pair(self):
        gateway = self.lab.node("gw")  # 192.0.2.1
        gateway.ip("address", "add", "192.0.2.21/24", "dev", "eth0")
        servers = Server(gateway, 8080, application)
        self.boot("haproxy-pair", "web")
        self.play()
        self.settled(self.one, self.two)
        client = HttpClient(self.lab.client(), "192.0.2.10")
        client.first_after(time.monotonic())
        self.assertIn("HTTP 200", self.play())
        self.settled(self.two, self.one)
        self.moves(client, self.two, self.one, "connection refused")
        self.two.wait_state("fault", 10, "web")
        self.play()
        self.settled(self.one, self.two)
        servers.close()
        # Neither node can serve: the address stays with the one whose HAProxy has noticed it last, and `why` says so.
        eventually(lambda: sorted(node.state("web") for node in (self.one, self.two)) == ["active", "fault"], 15,
                   lambda: f"one holds it, one is in fault: {self.explained()}")
        holder, other = (self.one, self.two) if self.one.state("web") == "active" else (self.two, self.one)
        self.assertIn("HTTP 503", other("understudy", "why", "web"))
        eventually(lambda: "last_resort = hold" in holder("understudy", "why", "web"), 10, "the holder says why it holds it")
        self.assertEqual(holder.state("web"), "active")
        self.all_played()

    def moves(self, client, former, active, reason):
        """The block that ends the service on the active host: the other one serves within three seconds."""
        begun = time.monotonic()
        printed = self.play()
        eventually(lambda: self._active() is active, 10, lambda: f"{active.host.name} is active: {self.explained()}")
        last = max((when for when, _ in client.failures), default=begun)
        when, _ = client.first_after(last)
        print(f"{client.address} answered again {when - begun:.2f} s after the command")
        self.assertLess(when - begun, 5)  # the command and `why` are in it
        eventually(lambda: reason in printed + former("understudy", "why", self.vip), 5, reason)

    def explained(self):
        return "\n".join(f"{name}: {machine('understudy', 'why', self.vip, check=False)}"
                         for name, machine in self.machines.items())

    def test_nginx_pair(self):
        self.lab.node("gw")
        self.boot("nginx-pair", "www")
        self.play()
        self.settled(self.one, self.two)
        self.assertTrue(self.one.host.holds("2001:db8::11"))
        client = HttpClient(self.lab.client(), "192.0.2.11")
        client.first_after(time.monotonic())
        self.assertRegex(self.play(), "processes.*up")
        self.moves(client, self.one, self.two, "down")
        self.assertTrue(self.two.host.holds("2001:db8::11"))
        self.one.wait_state("fault", 10, "www")
        self.play()
        self.settled(self.one, self.two)  # the higher priority preempts
        self.all_played()

    def runs_on(self, unit):
        return [name for name, machine in self.machines.items()
                if machine("systemctl", "is-active", unit, check=False).strip() == "active"]

    def test_cold_standby(self):
        self.boot("cold-standby", "queue")
        self.play()
        self.settled(self.one, self.two)
        self.assertEqual(self.runs_on("queue"), ["lb1"])
        self.assertIn("cold standby of 100", self.play())
        self.settled(self.two, self.one)
        self.assertEqual(self.runs_on("queue"), ["lb2"])
        self.two.host.cut()
        self.one.wait_state("active", 30, "queue")
        self.assertIn("lb1", self.runs_on("queue"))
        self.all_played()

    def test_hooks(self):
        told = []

        def inbox(connection):
            request = b""
            while b"web is" not in request and (chunk := connection.recv(4096)):
                request += chunk
            told.append(request.decode())
            connection.sendall(b"HTTP/1.0 204 No Content\r\n\r\n")

        Server(self.lab.node("gw"), 8080, inbox)
        self.boot("hooks", "web")
        self.play()
        self.settled(self.one, self.two)
        eventually(lambda: any("lb1: web is active: " in one for one in told), 10, lambda: f"{told}")
        printed = self.play()
        self.settled(self.two, self.one)
        self.assertIn("on_active", printed)
        eventually(lambda: any("lb2: web is active: " in one for one in told), 10, lambda: f"{told}")
        self.assertTrue(all(one.startswith("POST /vips ") for one in told), told)
        self.all_played()


class Postgres(ExampleTestCase):
    def sql(self, machine, text):
        return machine("runuser", "-u", "postgres", "--", "psql", "-XAtqc", text).strip()

    def is_replica(self, machine):
        return self.sql(machine, "SELECT pg_is_in_recovery()") == "t"

    def a_folder_that_postgres_may_not_search_is_named(self):
        """Where the scripts of this example once lay: the agent's folder, which is closed to the user that they run as."""
        self.one("install", "-m", "755", f"{INSTALLED}/postgres-hot-standby/promote", "/etc/understudy/")
        self.one("sh", "-c", "sed s:/usr/local/lib/understudy/promote:/etc/understudy/promote: /etc/understudy/understudy.conf "
                 "> /etc/understudy/other.conf")
        done = self.one("sh", "-c", "understudy config check --this-node /etc/understudy/other.conf 2>&1; echo exit $?")
        self.assertIn("other.conf:19: start: /etc/understudy/promote cannot be run by user postgres: no permission to search "
                      "/etc/understudy (mode 0750, root:understudy)\nexit 1", done)

    def test_postgres_hot_standby(self):
        self.boot("postgres-hot-standby", "db")
        self.play()      # PostgreSQL and the scripts
        self.play()      # the agent
        self.a_folder_that_postgres_may_not_search_is_named()
        self.play()      # the primary
        self.one.wait_state("active", 30, "db")
        self.sql(self.one, "CREATE TABLE kept (who text); INSERT INTO kept VALUES ('lb1')")
        self.play()      # the replica
        self.settled(self.one, self.two)
        eventually(lambda: self.sql(self.two, "SELECT who FROM kept") == "lb1", 20, "it replicates")
        self.assertTrue(self.is_replica(self.two))
        self.assertEqual(self.two.vip("db")["readiness"], "cold")
        self.assertIn("replica", self.play())
        self.play()      # the switch-over
        self.two.wait_state("active", 60, "db")
        self.assertFalse(self.is_replica(self.two))
        self.sql(self.two, "INSERT INTO kept VALUES ('lb2')")
        self.play()      # the former primary is a replica
        self.settled(self.two, self.one)
        self.assertTrue(self.is_replica(self.one))
        eventually(lambda: self.sql(self.one, "SELECT string_agg(who, ' ') FROM kept") == "lb1 lb2", 20, "it replicates")
        self.all_played()
        self.two.host.cut()  # the host of the primary dies
        self.one.wait_state("active", 60, "db")
        self.assertFalse(self.is_replica(self.one))
        self.sql(self.one, "INSERT INTO kept VALUES ('lb1 again')")


CONFIGURATION = """[vip web]
interface = eth0
vrid = 51
priority = {priority}
address = 192.0.2.10/24
"""
UNIT = "track = bus\n[check bus]\ntype = unit\nunit = dbus.service\n"
SCRIPT = "track = always\n[check always]\ntype = script\ncommand = /usr/bin/true\n"
NETWORK = "[Match]\nName=eth0\n[Network]\nAddress=192.0.2.{number}/24\nAddress=2001:db8::{number}/64\nIPv6AcceptRA=no\n"


class BesideTheAgent(ExampleTestCase):
    """The examples that have no configuration of the agent."""

    def configure(self, more=""):
        for machine, priority in ((self.one, 150), (self.two, 100)):
            machine.write("/etc/understudy/understudy.conf", CONFIGURATION.format(priority=priority) + more)
            machine("systemctl", "start", "understudyd", check=False)

    def ask(self, query):
        answer = self.machines["mon"]("curl", "-sSG", "http://127.0.0.1:9090/api/v1/query", "--data-urlencode", f"query={query}",
                                      check=False)
        return [one["metric"] for one in json.loads(answer)["data"]["result"]] if answer else []

    def test_monitoring(self):
        self.boot("monitoring", "web", "lb1", "lb2", "mon")
        self.configure(UNIT)  # which the unit of the agent may ask, without a drop-in
        self.settled(self.one, self.two)
        prober = self.one("pgrep", "-x", "understudy-prob").strip()
        self.assertIn("Seccomp:\t2\nSeccomp_filters:\t", self.one("cat", f"/proc/{prober}/status"))
        self.assertRegex(self.one("understudy", "check", "list"), r"(?m)^bus +unit +up ")
        self.play()
        self.assertIn("SUCCESS", self.play())
        active = "understudy_vip_state{state=\"active\"} == 1"
        eventually(lambda: [one["instance"] for one in self.ask(active)] == ["192.0.2.1:9112"], 40,
                   lambda: f"{self.ask(active)} {self.ask('up')}", step=0.5)
        self.assertEqual(len(self.ask("understudy_up == 1")), 2)
        self.two("systemctl", "stop", "understudyd")
        alerts = "ALERTS{alertname=\"UnderstudyDown\"}"
        eventually(lambda: [one["instance"] for one in self.ask(alerts)] == ["192.0.2.2:9112"], 60,
                   lambda: f"{self.ask(alerts)}", step=0.5)
        self.all_played()

    def test_systemd(self):
        self.boot("systemd", "web")
        self.configure(SCRIPT)
        said = eventually(lambda: self.one("journalctl", "-u", "understudyd", "-g", "the drop-in scripts.conf", check=False), 10,
                          "the agent says what it lacks")
        self.assertIn("cannot run as nobody", said)
        self.one("systemctl", "reset-failed", "understudyd", check=False)
        self.two("systemctl", "reset-failed", "understudyd", check=False)
        self.play()  # scripts.conf
        self.settled(self.one, self.two)
        prober = self.one("ps", "-C", "understudy-prob", "-o", "user:32=").strip()
        self.assertEqual(prober, "understudy-prober")
        self.play()  # understudy.rules; what it does is shown by the cold standby
        for machine in (self.one, self.two):
            give_it_udev(machine)
            machine.write("/etc/systemd/network/10-lan.network", NETWORK.format(number=machine.host.number))
            machine("systemctl", "start", "systemd-networkd")
        self.settled(self.one, self.two)
        with HolderWatch(self.one.host) as watch:
            begun = now_us()
            self.play()  # networkd.conf
            eventually(lambda: "routable" in self.one("networkctl", "status", "eth0"), 10, "networkd has configured it")
            self.one("systemctl", "restart", "systemd-networkd")
            eventually(lambda: "routable" in self.one("networkctl", "status", "eth0"), 10, "networkd has configured it")
            self.assertIsNone(watch.first_released(self.one.host, "192.0.2.10", begun))
        self.assertEqual(self.one.state("web"), "active")
        self.all_played()


class EveryExample(unittest.TestCase):
    def test_is_played_here(self):
        text = pathlib.Path(__file__).read_text()
        for readme in EXAMPLES.glob("*/README.md"):
            self.assertIn(f'boot("{readme.parent.name}"', text)


if __name__ == "__main__":
    main()
