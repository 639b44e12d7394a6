"""A service that dies, hangs, or has to be started first: real haproxy and nginx behind the address."""
import os
import signal
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.services import Haproxy, HttpClient, Nginx, ServiceManager  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

ROUNDS = int(os.environ.get("LAB_ROUNDS", "20"))
VIP = "192.0.2.10"

HOT = """
[service web]
standby = hot
check = frontend
"""
FRONTEND = """
[check frontend]
type = http
url = http://127.0.0.1/healthz
interval = 500ms
fast_interval = 50ms
timeout = 400ms
rise = 2
fall = 2
"""
PORT = """
[check port]
type = tcp
target = 127.0.0.1:80
interval = 200ms
"""


def check_of(agent, name):
    return next(check for check in agent.status()["checks"] if check["name"] == name)


class Hot(LabTestCase):
    def pair(self, server, *more):
        self.nodes = [self.lab.node("lb1"), self.lab.node("lb2")]
        self.servers = {node.name: server(node) for node in self.nodes}
        self.agents = {
            node.name: Understudy(node, vip(priority=priority, interval="1s", service="web", preempt="no"),
                                  HOT, FRONTEND, *more)
            for node, priority in zip(self.nodes, (150, 100))}
        self.client = HttpClient(self.lab.client(), VIP)
        self.agents["lb1"].wait_state("active", 15)
        self.agents["lb2"].wait_state("backup", 15)

    def test_haproxy_killed_on_the_active_node(self):
        """The median of 20: HTTP 200 again within 1.0 s of the kill, and the node says why."""
        self.pair(Haproxy)
        times, active, other = [], "lb1", "lb2"
        for number in range(ROUNDS):
            self.client.first_after(time.monotonic())
            # The moment of the kill is spread over the interval of the check.
            time.sleep(0.5 * number / ROUNDS)
            killed = time.monotonic()
            self.servers[active].kill9()
            when, who = self.client.first_after(killed)
            self.assertEqual(who, other)
            times.append(when - killed)
            self.agents[active].wait_state("fault")
            why = self.agents[active].must("why", "web")
            self.assertIn("check frontend down", why)
            self.assertIn("connection refused", why)
            self.servers[active].start()
            self.agents[active].wait_state("backup")
            active, other = other, active
        print(f"HTTP 200 again after a median of {statistics.median(times):.3f} s, at most {max(times):.3f} s")
        self.assertLess(statistics.median(times), 1.0)

    def test_haproxy_hangs_with_its_port_open(self):
        """The difference between L4 and L7: a stopped process still completes TCP handshakes."""
        self.pair(Haproxy, PORT)
        stopped = time.monotonic()
        self.servers["lb1"].freeze()
        _, who = self.client.first_after(stopped)
        self.agents["lb2"].wait_state("active")
        self.agents["lb1"].wait_state("fault")
        self.assertEqual(who, "lb2")
        self.assertEqual(check_of(self.agents["lb1"], "port")["state"], "up")
        frontend = check_of(self.agents["lb1"], "frontend")
        self.assertEqual(frontend["state"], "down")
        self.assertIn("no result within 400 ms: waiting for the first byte", frontend["detail"])

    def test_nginx_killed_on_the_active_node(self):
        self.pair(Nginx)
        begun = time.monotonic()
        self.servers["lb1"].kill9()
        when, who = self.client.first_after(time.monotonic())
        self.assertEqual(who, "lb2")
        self.assertLess(when - begun, 3)


class Gateway(LabTestCase):
    def test_a_standby_that_is_cut_off_does_not_claim(self):
        gateway = self.lab.node("gw")
        one, two = self.lab.node("lb1"), self.lab.node("lb2")
        checks = (f"[check gateway]\ntype = icmp\ntarget = {gateway.ipv4}\ninterval = 200ms\ntimeout = 150ms\n"
                  "rise = 2\nfall = 3\n")
        agents = [Understudy(host, vip(priority=priority, interval="100ms", track="gateway"), checks)
                  for host, priority in ((one, 150), (two, 100))]
        agents[0].wait_state("active")
        agents[1].wait_state("backup")
        # The standby alone does not reach the gateway; the two still hear each other.
        two.filter(f'oifname "{{port}}" ip saddr {gateway.ipv4} drop')
        agents[1].wait_state("fault")
        agents[0].kill9()
        eventually(lambda: not one.holds(VIP), 10, "the lease of the dead node ends")
        stays(lambda: not two.holds(VIP), 2, "nobody claims")
        self.assertIn("check gateway down", agents[1].must("why", "web"))
        self.lab.clear_filters()
        back = time.monotonic()
        eventually(lambda: two.holds(VIP), 5, "it claims when the gateway is back")
        took = time.monotonic() - back
        print(f"claimed {took:.3f} s after the gateway was back")
        # Its rise time: two runs, the first at most an interval and a timeout away.
        self.assertLess(took, 0.2 + 0.15 + 0.2 + 0.3)


UNIT = """
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/bin/python3 -c "import http.server,socketserver\\n\
class H(http.server.BaseHTTPRequestHandler):\\n\
 def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(b'{name}')\\n\
 def log_message(s,*a): pass\\n\
socketserver.TCPServer.allow_reuse_address=True\\n\
http.server.ThreadingHTTPServer(('',80),H).serve_forever()"
"""
BROKEN_UNIT = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep 1000\n"
COLD = """
[service web]
standby = cold
unit = web.service
start_timeout = {timeout}
stop_timeout = 5s
stop_on_release = yes
check = frontend
"""
COLD_FRONTEND = FRONTEND.replace("/healthz", "/").replace("500ms", "200ms")


class Cold(LabTestCase):
    def agent(self, name, priority, unit=None, timeout="10s", service=None):
        host = self.lab.node(name)
        manager = ServiceManager(host, {"web.service": unit or UNIT.format(name=name)})
        if not manager.works():
            self.skipTest("no second service manager can run on this machine")
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = manager.bus
        try:
            agent = Understudy(host, vip(priority=priority, interval="100ms", service="web"),
                               service or COLD.format(timeout=timeout), COLD_FRONTEND)
        finally:
            del os.environ["DBUS_SYSTEM_BUS_ADDRESS"]
        agent.manager = manager
        return agent

    def held_by(self, *names):
        return [name for name in names if self.lab.hosts[name].holds(VIP)]

    def test_the_last_cold_standby_starts_its_unit_and_then_claims(self):
        """A client sees a pause, and no connection that is refused."""
        one, two = self.agent("lb1", 150), self.agent("lb2", 100)
        client = HttpClient(self.lab.client(), VIP)
        one.wait_state("active", 20)
        self.assertEqual(two.vip()["readiness"], "cold")
        self.assertEqual(two.vip()["priority"]["effective"], 1 + 100 // 16)
        self.assertIn("cold standby of 100", two.must("why", "web"))
        client.first_after(time.monotonic())
        begun = time.monotonic()
        self.lab.hosts["lb1"].cut()
        when, who = client.first_after(begun + 0.05, 30)
        self.assertEqual(who, "lb2")
        self.assertEqual(two.state(), "active")
        refused = [what for what in client.failures_between(begun, when) if what == "ConnectionRefusedError"]
        self.assertEqual(refused, [])
        print(f"cold standby serves {when - begun:.2f} s after the active node was cut off")

    def test_a_planned_move_of_a_service_that_runs_on_one_node_only(self):
        one, two = self.agent("lb1", 150), self.agent("lb2", 100)
        one.wait_state("active", 20)
        two.wait_state("backup")
        one.must("failover", "web", "--timeout", "20s")
        two.wait_state("active", 20)
        eventually(lambda: self.held_by("lb1", "lb2") == ["lb2"], 5, "one holds it")
        self.assertIn("stops", one.log())

    def test_a_planned_move_to_a_cold_standby_drops_nothing(self):
        """The active node serves until the other one does, which needs a second to start."""
        slow = UNIT.replace("[Service]\n", "[Service]\nExecStartPre=/bin/sleep 1\n")
        service = COLD.format(timeout="10s").replace("stop_on_release = yes\n", "")
        one, two = (self.agent(name, priority, slow.format(name=name), service=service)
                    for name, priority in (("lb1", 150), ("lb2", 100)))
        one.wait_state("active", 20)
        two.wait_state("backup")
        self.assertEqual(two.vip()["readiness"], "cold")
        client = self.lab.client()
        questions = HttpClient(client, VIP)
        questions.first_after(time.monotonic())
        with Probe(client, VIP) as probe:
            begun = time.monotonic()
            one.must("failover", "web")
            self.assertEqual(two.state(), "active")
            self.assertEqual(questions.first_after(time.monotonic())[1], "lb2")
        took = time.monotonic() - begun
        print(f"moved to a cold standby within {took:.2f} s, {probe.seen.lost} of {probe.seen.sent} probes lost")
        self.assertEqual(probe.seen.lost, 0)
        # A connection that is open while the address moves ends; nobody finds a closed port.
        self.assertNotIn("ConnectionRefusedError", questions.failures_between(begun, time.monotonic()))
        self.assertGreater(took, 1)

    def test_a_cold_start_that_fails_is_given_up_and_the_third_node_takes_over(self):
        one = self.agent("lb1", 200)
        two = self.agent("lb2", 150, unit=BROKEN_UNIT, timeout="2s")
        three = self.agent("lb3", 100)
        one.wait_state("active", 20)
        twice = []
        two.wait_state("backup")
        three.wait_state("backup")
        self.lab.hosts["lb1"].cut()
        one.kill9()
        two.wait_state("promoting", 10)

        def third_is_active():
            held = self.held_by("lb2", "lb3")
            twice.extend([held] if len(held) > 1 else [])
            return three.state() == "active"

        eventually(third_is_active, 20, lambda: f"lb3 is active\n{two.log()}\n{three.log()}")
        self.assertEqual(twice, [])
        self.assertEqual(two.state(), "fault")
        self.assertIn("not ready within 2 s", two.must("why", "web"))
        self.assertIn("service web: stops", two.log())

    def hot(self, name, priority):
        host = self.lab.node(name)
        Haproxy(host)
        eventually(lambda: HttpClient.answers_once(host, "127.0.0.1"), 10, f"haproxy of {name} serves")
        return Understudy(host, vip(priority=priority, interval="100ms", service="web"), HOT, COLD_FRONTEND)

    def test_a_hot_standby_of_100_goes_before_a_cold_one_of_200(self):
        first = self.hot("lb1", 250)
        first.wait_state("active")
        cold, hot = self.agent("lb2", 200), self.hot("lb3", 100)
        cold.wait_state("backup")
        hot.wait_state("backup")
        self.assertEqual([agent.vip()["readiness"] for agent in (cold, hot)], ["cold", "hot"])
        self.assertEqual(cold.vip()["priority"]["effective"], 1 + 200 // 16)
        eventually(lambda: cold.vip()["active"] and hot.vip()["active"], 5, "both have heard the active node")
        self.lab.hosts["lb1"].cut()
        hot.wait_state("active", 10)
        stays(lambda: hot.state() == "active" and cold.state() == "backup", 2, "the hot one stays")
        self.assertNotIn("service web: starts", cold.log())


if __name__ == "__main__":
    main()
