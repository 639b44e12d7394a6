"""What a real agent logs: who commanded it, and what log_level brings."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

CHECK = "[check gateway]\ntype = icmp\ntarget = {}\ninterval = 100ms\ntimeout = 80ms\nrise = 2\nfall = 3\n"
LEVELS = ["trace", "debug", "info", "warn", "error"]


class Log(LabTestCase):
    def agent(self, name, *sections, level="info"):
        agent = Understudy(self.lab.node(name), *sections, start=False)
        agent.config.write_text(agent.config.read_text().replace("[agent]", f"[agent]\nlog_level = {level}"))
        return agent.start()

    def said(self, agent, pattern):
        eventually(lambda: re.search(pattern, agent.log()), 5, lambda: f"{pattern}\n{agent.log()}")

    def test_every_command_is_logged_with_its_user(self):
        one = self.agent("lb1", CHECK.format("127.0.0.1"), vip(priority=150, interval="100ms"))
        one.wait_state("active")
        for words, line in {("maintenance", "on", "--for", "1h", "--timeout", "1ms"): "maintenance on for 60 min 0 s",
                            ("maintenance", "off"): "maintenance off",
                            ("failover", "web", "--timeout", "1ms"): "failover of web",
                            ("failover", "--all", "--timeout", "1ms"): "failover of all VIPs",
                            ("takeover", "web"): "takeover of web",
                            ("takeover", "web", "--force"): "forced takeover of web",
                            ("failback", "--all"): "failback of all VIPs",
                            ("check", "run", "gateway"): "run of check gateway",
                            ("reload",): "reload"}.items():
            one.cli(*words)
            self.said(one, rf" {line} requested by uid 0, pid \d+\n")
        for question in (("status",), ("why", "web"), ("check", "list"), ("events",), ("config", "show")):
            before = one.log()
            one.must(*question)
            self.assertEqual(one.log().count(" requested by "), before.count(" requested by "), question)

    def test_signals_are_logged_with_their_sender(self):
        one = self.agent("lb1", vip(interval="100ms"))
        one.wait_state("active")
        one.signal(signal.SIGHUP)
        self.said(one, rf"reload requested by SIGHUP: reading {one.config} \(sent by uid 0, pid {os.getpid()}\)")
        self.assertEqual(one.stop(), 0)
        self.said(one, r"stop requested by SIGTERM: handing 1 VIP over to a peer "
                  rf"\(sent by uid 0, pid {os.getpid()}\)")

    def test_each_level_has_its_lines_and_none_of_the_lower_ones(self):
        """The same incident at each level: a check fails, and the VIP moves to a peer."""
        two = Understudy(self.lab.node("lb2"), vip(priority=100, interval="100ms"))
        target = self.lab.client()
        lines = {
            "trace": [r"sends on eth0 from 192\.0\.2\.\d+ to 224\.0\.0\.18: version 3, type 1, VRID 51, priority 150",
                      r"received on eth0 from 192\.0\.2\.\d+ to 224\.0\.0\.18, TTL 255: version 3, type 1, VRID 51",
                      r"check gateway: run 1 starts", r"check gateway: run 1 passed", r"netlink: renews 192\.0\.2\.10/24",
                      r"announces 192\.0\.2\.10 on eth0 with MAC "],
            "debug": [r"web: decision: may lead, priority 150 \[base priority 150, ", r"web: decision: .*check gateway down",
                      r"web: election: Backup -> Active: ", r"check gateway: a run failed, 1 of 3 in a row before it is down",
                      r"netlink: link eth0 \(\d+\) is up, MAC ", r"netlink: adds 192\.0\.2\.10/24 on eth0 for ",
                      r"netlink: 192\.0\.2\.10/24 on eth0 is there \(of understudy\)", r"netlink: removes 192\.0\.2\.10/24"],
            "info": [r"web: backup -> active: "], "warn": [r"check gateway: up -> down: "], "error": []}
        for number, level in enumerate(LEVELS):
            one = self.agent(f"one{number}", CHECK.format(target.ipv4), vip(priority=150, interval="100ms", track="gateway"),
                             level=level)
            one.wait_state("active")
            two.wait_state("backup")
            target.link_down()
            one.wait_state("fault")
            two.wait_state("active")
            target.link_up()
            self.assertEqual(one.stop(), 0)
            for other in LEVELS:
                for pattern in lines[other]:
                    found = re.search(rf" {other.replace('warn', 'warning')} {pattern}", one.log())
                    wanted = LEVELS.index(other) >= LEVELS.index(level)
                    self.assertEqual(bool(found), wanted, f"{pattern} at {level}:\n{one.log()[-3000:]}")


if __name__ == "__main__":
    main()
