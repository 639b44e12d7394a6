"""Another configuration while the agent works: what did not change is not touched."""
import json
import os
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.probe import Probe, binaries  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

VIP, SECOND = "192.0.2.10", "192.0.2.11"
STEADY = "[check steady]\ntype = file\npath = /etc/passwd\ninterval = 100ms\n"
SCRIPT = "[check script]\ntype = script\ncommand = /bin/true\ninterval = 200ms\n"
ANOTHER = "[check another]\ntype = file\npath = /etc/passwd\ninterval = 100ms\n"


class Reloads(LabTestCase):
    def agent(self, name, *sections):
        return Understudy(self.lab.node(name), *sections)

    def write(self, agent, *sections):
        agent.config.write_text(f"[agent]\nname = {agent.host.name}\n" + "".join(sections))

    def reload(self, agent):
        return json.loads(agent.must("reload", "--json"))

    def check(self, agent, name):
        return next(one for one in agent.status()["checks"] if one["name"] == name)

    @unittest.skipIf("LAB_UNTIMED" in os.environ, "LAB_UNTIMED is set: no bounds of milliseconds")
    def test_100_reloads_at_10_ms_miss_no_heartbeat_and_no_probe(self):
        interval_us, reloads = 10_000, 100
        checks = STEADY + SCRIPT
        one = self.agent("lb1", vip(priority=150, interval="10ms", track=["steady", "script"]), checks)
        two = self.agent("lb2", vip(priority=100, interval="10ms"))
        one.wait_state("active")
        two.wait_state("backup")
        eventually(lambda: self.check(one, "script")["state"] == "up", 5, "both checks are up")
        same = vip(priority=150, interval="10ms", track=["steady", "script"]), checks
        more = (vip(priority=150, interval="10ms", track=["steady", "script"],
                    addresses=(f"{VIP}/24", f"{SECOND}/24")), checks, ANOTHER)
        wrong = vip(priority=1500, interval="10ms", track=["steady", "script"]), checks
        capture = Capture(self.lab.client())
        with Probe(self.lab.client(), VIP) as probe:
            before, began, began_us = one.status(), time.monotonic(), now_us()
            for i in range(reloads):
                kind = ("unchanged", "added", "removed", "wrong")[i % 4]
                self.write(one, *{"unchanged": same, "added": more, "removed": same, "wrong": wrong}[kind])
                done = one.cli("reload")
                if kind == "wrong":
                    self.assertEqual(done.returncode, 1)
                    self.assertRegex(done.stderr, rf"^{one.config}:6: .*1500.*\n$")
                    self.assertEqual(done.stdout, "")
                else:
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(done.stdout, {
                        "unchanged": "nothing changed\n",
                        "added": f"web: address {SECOND}/24 added\ncheck another: added\n",
                        "removed": f"web: address {SECOND}/24 removed\ncheck another: removed\n"}[kind])
                    self.assertEqual(one.host.holds(SECOND), kind == "added")
            elapsed, ended_us, after = time.monotonic() - began, now_us(), one.status()
        adverts = [advert.at for advert in capture.stop().adverts(vrid=51, after=began_us) if advert.at < ended_us]
        gap = max(later - earlier for earlier, later in zip(adverts, adverts[1:]))
        takeover_us = 3 * interval_us + (256 - 100) * interval_us // 256
        print(f"{reloads} reloads in {elapsed:.1f} s: {len(adverts)} advertisements, longest gap {gap / 1000:.1f} ms; "
              f"{probe.seen.lost} of the client's requests lost")
        self.assertLess(gap, takeover_us)
        self.assertEqual(probe.seen.lost, 0, probe.seen.loss_windows)
        web, was = after["vips"][0], before["vips"][0]
        self.assertEqual((web["state"], web["transitions"]), ("active", was["transitions"]))
        self.assertEqual(two.vip()["transitions"], 1)
        self.assertGreater(web["counters"]["adverts_sent"], was["counters"]["adverts_sent"] + len(adverts) // 2)
        self.assertEqual(web["counters"]["address_repairs"], 0)
        # A run without an outcome is waited for at least two seconds, which would cost 20 and 10 runs.
        for check, rate in (("steady", 10), ("script", 5)):
            was_run, ran = (next(c for c in s["checks"] if c["name"] == check) for s in (before, after))
            runs = ran["runs"] - was_run["runs"]
            print(f"{check}: {runs} runs, {elapsed * rate:.0f} were due")
            self.assertGreater(runs, elapsed * rate - 1.5 * rate)
            self.assertEqual((ran["state"], ran["failures"], ran["since"]), ("up", 0, was_run["since"]))
        self.assertNotIn("prober", one.log())

    def test_what_is_new_is_checked_and_a_probe_under_way_comes_back(self):
        slow = "[check slow]\ntype = script\ncommand = /bin/sleep 1.5\ntimeout = 3s\ninterval = 60s\n"
        one = self.agent("lb1", vip(priority=150, interval="100ms"))
        one.wait_state("active")
        self.write(one, vip(priority=150, interval="100ms", track="slow weight=-10"), slow)
        self.reload(one)
        self.write(one, vip(priority=150, interval="100ms", track=["slow weight=-10", "file"]),
                   "[check file]\ntype = file\npath = /etc/passwd\n", slow)
        answer = self.reload(one)
        self.assertEqual(answer["reloaded"], True)
        self.assertEqual([(c["object"], c["name"], c["key"], c["change"]) for c in answer["changes"]],
                         [("vip", "web", "track", "added"), ("check", "file", "", "added")])
        eventually(lambda: self.check(one, "file")["state"] == "up", 5, "the first check of a prober")
        eventually(lambda: self.check(one, "slow")["state"] == "up", 5, "it began before the reload")
        self.assertEqual(self.check(one, "slow")["runs"], 1)
        # Another question is another answer, from whoever is asked.
        self.write(one, vip(priority=150, interval="100ms", track="file"),
                   "[check file]\ntype = file\npath = /nowhere\ninterval = 200ms\nfall = 1\n")
        self.reload(one)
        eventually(lambda: self.check(one, "file")["state"] == "down", 5, "the new file is not there")
        one.wait_state("fault")

    def test_sighup_config_diff_and_what_is_begun_anew(self):
        mail = {"name": "mail", "vrid": 52, "addresses": ("192.0.2.20/24",)}
        one = self.agent("lb1", vip(interval="100ms"), vip(interval="100ms", **mail))
        one.wait_state("active")
        one.wait_state("active", name="mail")
        self.write(one, vip(interval="100ms", vrid=77, accept="no"), vip(interval="100ms", **mail))
        self.assertEqual(one.must("config", "diff").splitlines(),
                         ["web: vrid 51 -> 77", "web: accept yes -> no",
                          "web: another virtual router: it ends, and begins anew"])
        self.assertEqual(one.vip()["vrid"], 51)
        self.assertEqual(json.loads(one.must("config", "diff", "--json"))["restarts"], ["web"])
        capture, told = Capture(self.lab.client()), now_us()
        transitions = one.vip("mail")["transitions"]
        one.signal(signal.SIGHUP)
        eventually(lambda: one.vip()["vrid"] == 77 and one.state() == "active", 5, "taken over")
        self.assertEqual(one.vip("mail")["transitions"], transitions)
        self.assertEqual(one.must("config", "diff"), "nothing changed\n")
        adverts = capture.stop().adverts(after=told)
        self.assertEqual([a.priority for a in adverts if a.vrid == 51][-1], 0, "it resigned")
        self.assertIn("reload: web: vrid 51 -> 77", one.log())
        self.assertIn("closed4", one.host.exec("nft", "list", "ruleset"))
        one.config.write_text("[vip web]\ninterfase = eth0\n")
        one.signal(signal.SIGHUP)
        eventually(lambda: f"{one.config}:2: unknown key" in one.log(), 5, one.log)
        eventually(lambda: "reload rejected, still running the previous configuration: " in one.log(), 5, one.log)
        failed = one.cli("config", "diff", "--json")
        self.assertEqual(failed.returncode, 1)
        self.assertEqual({d["line"] for d in json.loads(failed.stdout)["diagnostics"]} & {2}, {2})
        self.assertEqual(one.state(), "active")

    def second_network(self, host):
        """eth1, without an address, and whether promote_secondaries is off: the kernel's default."""
        host.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth1-end")
        host.ip("link", "set", "eth1", "up")
        host.ip("link", "set", "eth1-end", "up")
        host.exec("sysctl", "-qw", "net.ipv4.conf.eth1.promote_secondaries=0")

    def test_an_exchange_of_the_only_address_of_an_interface_keeps_its_routes(self):
        host = self.lab.node("lb1")
        self.second_network(host)
        route = "203.0.113.0/24 via 198.51.100.1"

        def with_extra(*extra):
            return vip(interval="100ms", extra_address=[f"{address} dev eth1" for address in extra])

        one = Understudy(host, with_extra("198.51.100.10/24"))
        one.wait_state("active")
        host.ip("route", "add", *route.split(), "dev", "eth1")
        host.ip("address", "add", "198.51.100.5/24", "dev", "eth1")  # after the VIP, so secondary to it
        for extra in (["198.51.100.11/24"], ["198.51.100.11/25"], ["198.51.100.12/24", "198.51.100.13/24"],
                      ["198.51.100.13/24"]):
            self.write(one, with_extra(*extra))
            self.assertNotIn("removes route", one.must("config", "diff"))
            self.assertEqual(self.reload(one)["lost_routes"], [])
            for address in extra:
                self.assertIn(f" {address} ", host.ip("-o", "address", "show", "dev", "eth1"))
            self.assertIn(route, host.ip("route", "show", "dev", "eth1"), extra)
            self.assertTrue(host.holds("198.51.100.5"), extra)
        host.exec("sysctl", "-qw", "net.ipv4.conf.eth1.promote_secondaries=1")
        host.ip("address", "delete", "198.51.100.5/24", "dev", "eth1")
        host.exec("sysctl", "-qw", "net.ipv4.conf.eth1.promote_secondaries=0")
        self.write(one, with_extra("198.51.100.14/24"))
        self.assertEqual(self.reload(one)["lost_routes"], [])
        self.assertIn(route, host.ip("route", "show", "dev", "eth1"), "the only address")
        self.assertEqual(one.vip()["counters"]["address_repairs"], 0)
        self.assertEqual(host.exec("cat", "/proc/sys/net/ipv4/conf/eth1/promote_secondaries").strip(), "0")

    def test_routes_that_the_kernel_removes_are_named_beforehand(self):
        host = self.lab.node("lb1")
        self.second_network(host)
        one = Understudy(host, vip(interval="100ms", extra_address="198.51.100.10/24 dev eth1"))
        one.wait_state("active")
        host.ip("route", "add", "203.0.113.0/24", "via", "198.51.100.1", "dev", "eth1")
        host.ip("route", "add", "198.18.0.0/15", "via", "192.0.2.100", "dev", "eth0", "src", VIP)
        before = host.ip("route", "show")
        self.write(one, vip(interval="100ms", addresses=(f"{SECOND}/24",)))
        said = one.must("config", "diff")
        self.assertIn("the kernel removes route 203.0.113.0/24 via 198.51.100.1 dev eth1: "
                      "the last IPv4 address of eth1", said)
        self.assertIn(f"the kernel removes route 198.18.0.0/15 via 192.0.2.100 dev eth0: its source {VIP}", said)
        self.assertEqual(host.ip("route", "show"), before)
        self.assertEqual(len(json.loads(one.must("config", "diff", "--json"))["lost_routes"]), 2)
        self.assertEqual(len(self.reload(one)["lost_routes"]), 2)
        self.assertIn("reload: the kernel removes route 203.0.113.0/24", one.log())
        eventually(lambda: "203.0.113.0" not in host.ip("route", "show"), 5, "it is true")
        self.assertNotIn("198.18.0.0", host.ip("route", "show"))

    def test_the_service_manager_is_told(self):
        one = self.agent("lb1", vip(interval="100ms"))
        one.stop()
        path = str(one.dir / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(path)
            told.settimeout(5)
            one.launch(os.path.join(binaries(), "understudyd"), "--config", str(one.config), "--runtime-dir",
                       str(one.runtime), env={**os.environ, "NOTIFY_SOCKET": path})
            words = []

            def heard(word):
                while not any(word in one for one in words):
                    words.append(told.recv(4096).decode())

            heard("READY=1")
            words.clear()
            one.must("reload")
            heard("RELOADING=1\nMONOTONIC_USEC=")
            heard("READY=1")
            one.signal(signal.SIGTERM)
            heard("STOPPING=1")
            heard("EXTEND_TIMEOUT_USEC=")


if __name__ == "__main__":
    main()
