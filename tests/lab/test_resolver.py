"""Names: a name server that is silent, slow or lost costs the checks that need it, and no other."""
import json
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.names import NameServer, resolver_files  # noqa: E402
from lab.network import enter  # noqa: E402
from lab.probe import binaries  # noqa: E402
from lab.services import Server  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.processes import descendants, name_of  # noqa: E402
from lab.wait import eventually  # noqa: E402

SECONDS = float(os.environ.get("LAB_RESOLVER_SECONDS", "10"))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def answer(connection):
    connection.recv(4096)
    connection.sendall(OK)


def check(name, kind, what, more=""):
    key = "url" if "://" in what else "target"
    return f"[check {name}]\ntype = {kind}\n{key} = {what}\ninterval = 1s\ntimeout = 1s\n{more}"


class Echo:
    """Answers every datagram with itself."""

    def __init__(self, host, port):
        ready = threading.Event()

        def work():
            enter(host.namespace)
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("", port))
            ready.set()
            while True:
                try:
                    data, client = self.socket.recvfrom(4096)
                    self.socket.sendto(data, client)
                except OSError:
                    return

        threading.Thread(target=work, daemon=True).start()
        ready.wait(5)
        host.lab.closers.append(self.close)

    def close(self):
        self.socket.close()


class Names(LabTestCase):
    def served(self):
        """A host that serves what the checks ask for: HTTP on 8080, DNS on 5300, echo on 7."""
        if not hasattr(self, "server"):
            self.server = self.lab.client()
            Server(self.server, 8080, answer)
            NameServer(self.server, {"www.example.org": ["192.0.2.80"]}, port=5300)
            Echo(self.server, 7)
        return self.server

    def healthy(self, host, mark):
        """Ten checks of what is well; mark makes their names."""
        kinds = [("tcp", f"{host}:8080"), ("http", f"http://{host}:8080/"), ("icmp", host),
                 ("udp", f"{host}:7")] * 2 + [("telnet", f"telnet://{host}:8080")]
        checks = [check(f"{mark}{i}", kind, what, "send = ping\n" if kind == "udp" else "")
                  for i, (kind, what) in enumerate(kinds)]
        return checks + [f"[check {mark}dns]\ntype = dns\nserver = {host}:5300\nname = www.example.org\n"
                         f"answer = 192.0.2.80\ninterval = 1s\ntimeout = 1s\n"]

    def dead(self, count):
        """Checks of names that nobody resolves, of each kind in its turn."""
        def one(i):
            host = f"n{i}.slow.example.org"
            kind, what = [("tcp", f"{host}:80"), ("http", f"http://{host}/"), ("icmp", host), ("tls", f"{host}:443"),
                          ("udp", f"{host}:7"), ("smtp", f"smtp://{host}")][i % 6]
            return check(f"dead{i}", kind, what, "send = ping\n" if kind == "udp" else "")
        return [one(i) for i in range(count - 1)] + [
            "[check deaddns]\ntype = dns\nserver = ns.slow.example.org\nname = www.example.org\ninterval = 1s\n"]

    def states(self, agent):
        return {one["name"]: one for one in agent.status()["checks"]}

    def test_a_silent_name_server_fails_the_checks_that_need_it_and_no_other(self):
        """Twenty checks of addresses and names of the hosts file beside fifty that no name server answers."""
        server = self.served()
        silent = NameServer(self.lab.node("ns"), silent=True)
        healthy = self.healthy(server.ipv4, "address") + self.healthy("service.lab", "hosts")
        names = [text.split("\n")[0][len("[check "):-1] for text in healthy]
        agents = []
        for name, priority in (("lb1", 150), ("lb2", 100)):
            node = self.lab.node(name)
            resolver_files(node, [self.lab.hosts["ns"].ipv4], f"{server.ipv4} service.lab\n")
            # A standby takes over 600 ms after the last advertisement of its peer.
            agents.append(Understudy(node, vip(priority=priority, interval="200ms", track=names), *healthy,
                                     *self.dead(50)))
        agents[0].wait_state("active")
        agents[1].wait_state("backup")
        for agent in agents:
            eventually(lambda: all(one["state"] == "down" for name, one in self.states(agent).items()
                                   if name.startswith("dead")), 20, lambda: self.states(agent))
        before = [(agent.vip()["transitions"], self.states(agent)) for agent in agents]
        time.sleep(SECONDS)
        for agent, (transitions, then) in zip(agents, before):
            now = self.states(agent)
            for name in names:
                self.assertEqual((now[name]["state"], now[name]["failures"]), ("up", 0), now[name])
                self.assertGreater(now[name]["runs"], then[name]["runs"] + SECONDS * 0.8, name)
            for name, one in now.items():
                if name.startswith("dead"):
                    self.assertEqual((one["state"], one["failures"]), ("down", one["runs"]), one)
                    self.assertIn("looking up", one["detail"])
            self.assertEqual(agent.vip()["transitions"], transitions, agent.log())
            self.assertNotIn("prober", agent.log(), "it was replaced")
        self.assertEqual([agent.vip()["state"] for agent in agents], ["active", "backup"])
        self.assertGreater(len(silent.questions), 100)

    def one(self, *checks, servers=(), **files):
        node = self.lab.node("lb1")
        resolver_files(node, servers, **files)
        agent = Understudy(node, vip(interval="200ms"), *checks)
        agent.wait_state("active")
        return node, agent

    def run_of(self, agent, name):
        return json.loads(agent.cli("check", "run", name, "--json").stdout)

    def test_dead_ipv6_address_costs_a_quarter_of_a_second(self):
        """AAAA and A; the server hears nothing over IPv6."""
        server = self.served()
        server.exec("nft", "-f", "-", input="table ip6 dead { chain input { type filter hook input priority 0; "
                                            "meta l4proto { tcp, udp } drop; }; }\n")
        both = [server.ipv4, server.ipv6]
        names = NameServer(self.lab.node("ns"), {"web.example.org": both})
        _, agent = self.one(check("tcp", "tcp", "web.example.org:8080"),
                            check("http", "http", "http://web.example.org:8080/"),
                            check("telnet", "telnet", "telnet://web.example.org:8080"),
                            check("udp", "udp", "web.example.org:7", "send = ping\n"),
                            check("icmp", "icmp", "web.example.org"),
                            check("tls", "tls", "web.example.org:8080"), servers=[self.lab.hosts["ns"].ipv4])
        for name in ("tcp", "http", "telnet", "udp"):
            done = self.run_of(agent, name)
            self.assertTrue(done["passed"], done)
            self.assertGreater(done["timings_ms"]["total"], 250 - 5, done)
            self.assertLess(done["timings_ms"]["total"], 700, done)
        self.assertIn(f"connected to {server.ipv4} in", self.run_of(agent, "tcp")["detail"])
        self.assertIn(f"{server.ipv4} answered in", self.run_of(agent, "udp")["detail"])
        self.assertIn(f"web.example.org ({server.ipv6}) answered in", self.run_of(agent, "icmp")["detail"])
        tls = self.run_of(agent, "tls")
        self.assertLess(tls["timings_ms"]["connect"], 700, tls)
        self.assertTrue(any(kind == "AAAA" for _, _, kind in names.questions))

    def test_silence_about_one_family_costs_50_ms(self):
        server = self.served()
        NameServer(self.lab.node("ns"), {"web.example.org": [server.ipv4]}, silent={"AAAA"})
        _, agent = self.one(check("tcp", "tcp", "web.example.org:8080"), servers=[self.lab.hosts["ns"].ipv4])
        done = self.run_of(agent, "tcp")
        self.assertTrue(done["passed"], done)
        self.assertLess(done["timings_ms"]["total"], 200, done)

    def test_changes_of_resolv_conf_and_hosts_count_at_the_next_run(self):
        server = self.served()
        NameServer(self.lab.node("ns"), silent=True)
        NameServer(self.lab.node("ns2"), {"web.example.org": [server.ipv4]})
        silent, good = self.lab.hosts["ns"].ipv4, self.lab.hosts["ns2"].ipv4
        node, agent = self.one(check("tcp", "tcp", "web.example.org:8080"), servers=[silent])
        self.assertIn(f"no answer from {silent}", self.run_of(agent, "tcp")["detail"])
        resolver_files(node, [good])
        self.assertTrue(self.run_of(agent, "tcp")["passed"])
        resolver_files(node, [silent])
        self.assertFalse(self.run_of(agent, "tcp")["passed"])
        resolver_files(node, [silent], hosts=f"{server.ipv4} web.example.org\n")
        self.assertTrue(self.run_of(agent, "tcp")["passed"])
        resolver_files(node, [silent])
        self.assertFalse(self.run_of(agent, "tcp")["passed"])

    def test_second_name_server_is_asked_within_the_time_of_a_check(self):
        server = self.served()
        NameServer(self.lab.node("ns"), silent=True)
        NameServer(self.lab.node("ns2"), {"web.example.org": [server.ipv4]})
        _, agent = self.one(check("tcp", "tcp", "web.example.org:8080"),
                            servers=[self.lab.hosts["ns"].ipv4, self.lab.hosts["ns2"].ipv4])
        eventually(lambda: self.states(agent)["tcp"]["runs"] >= 4, 10, "some runs")
        self.assertEqual(self.states(agent)["tcp"]["failures"], 0, self.states(agent)["tcp"])

    def test_link_local_name_server_is_asked_through_its_interface(self):
        server = self.served()
        ns = self.lab.node("ns")
        NameServer(ns, {"web.example.org": [server.ipv4]}, address=ns.link_local, interface="eth0")
        _, agent = self.one(check("tcp", "tcp", "web.example.org:8080"), servers=[f"{ns.link_local}%eth0"])
        done = self.run_of(agent, "tcp")
        self.assertTrue(done["passed"], done)

    def test_library_that_looks_up_this_machines_name_does_not_wait(self):
        """libldap does, when it is first used; libcurl has no thread for it either."""
        server = self.served()
        NameServer(self.lab.node("ns"), silent=True)
        dead = [check(f"dead{i}", "http", f"http://n{i}.slow.example.org/") for i in range(8)]
        _, agent = self.one(check("ldap", "ldap", f"ldap://{server.ipv4}:8080"), check("icmp", "icmp", server.ipv4),
                            *dead, servers=[self.lab.hosts["ns"].ipv4])
        eventually(lambda: self.states(agent)["icmp"]["runs"] >= 4, 10, "some runs")
        self.assertEqual(self.states(agent)["icmp"]["failures"], 0, self.states(agent)["icmp"])
        self.assertNotIn("the prober", agent.log())
        for pid in descendants(agent.process.pid):
            if name_of(pid) == "understudy-prob":
                self.assertEqual(len(os.listdir(f"/proc/{pid}/task")), 1)

    def test_doctor_names_modules_of_nsswitch_that_checks_do_not_ask(self):
        node, agent = self.one(check("tcp", "tcp", "db1:5432"), check("http", "http", "http://nas.local/"),
                               servers=["192.0.2.99"],
                               nsswitch="files mdns4_minimal [NOTFOUND=return] dns mymachines")
        told = node.exec(f"{binaries()}/understudy", "--runtime-dir", str(agent.runtime), "doctor", "--config",
                         str(agent.config), "--json", check=False)
        names = [one["seen"] for one in json.loads(told)["findings"] if one["subject"] == "names"]
        self.assertEqual(len(names), 2, names)
        self.assertRegex(names[0], "^mdns4_minimal in /etc/nsswitch.conf knows names .* perhaps nas.local$")
        self.assertRegex(names[1], "^mymachines in /etc/nsswitch.conf knows names .* perhaps db1$")



if __name__ == "__main__":
    main()
