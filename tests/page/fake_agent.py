"""An agent as the page sees it: a status.sock with as many VIPs and checks as are wanted, and moves at a word."""
import datetime
import json
import math
import os
import socket
import threading
import time

REASONS = {"active": "no advertisement from 192.0.2.2 for 3.4 s", "backup": "192.0.2.2 is active with priority 150",
           "fault": "check gateway down for 12 s: no answer within 300 ms", "init": "waits for the network"}


def utc(seconds):
    text = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class FakeAgent:
    def __init__(self, folder, vips, checks, names=(), maintenance=False, second=False):
        self.path = os.path.join(folder, "status.sock")
        self.started = time.time() - 11111
        self.lock = threading.RLock()
        self.maintenance = maintenance
        nodes = ("lb1", "192.0.2.1", "192.0.2.2"), ("lb2", "192.0.2.2", "192.0.2.1")
        self.node, self.own, self.other = nodes[1 if second else 0]
        self.turn = 1 if second else 0  # the second one has what the first one has not
        self.followers, self.clients = [], []
        self.events = []
        names = list(names) + [f"vip{number:02}" for number in range(len(names), vips)]
        self.vips = [self._vip(number, name) for number, name in enumerate(names)]
        kinds = ["http", "tcp", "icmp", "dns", "script", "tls"]
        self.checks = [{"name": f"check-{number:03}", "type": kinds[number % 6],
                        "state": "down" if number % 97 == 5 else "up",
                        "since": utc(self.started + number)} for number in range(checks)]
        for vip in self.vips:
            self._event(vip, "init", "backup", "listens for an active router", self.started + 1 + vip["vrid"] / 100)
            if vip["state"] != "backup":
                self._event(vip, "backup", vip["state"], vip["reason"], self.started + 5 + vip["vrid"] / 100)
        self.start()

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        os.unlink(self.path)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in self.clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.clients, self.followers = [], []

    def move(self, name, to, cause):
        with self.lock:
            vip = next(vip for vip in self.vips if vip["name"] == name)
            was, vip["state"], vip["reason"], vip["since"] = vip["state"], to, cause, utc(time.time())
            self._hold(vip)
            event = self._event(vip, was, to, cause, time.time())
            for follower in self.followers:
                follower.sendall((json.dumps(event) + "\n").encode())

    def _event(self, vip, was, to, cause, at):
        self.events.append({"number": len(self.events) + 1, "at": utc(at), "vip": vip["name"], "from": was, "to": to,
                            "cause": cause})
        return self.events[-1]

    def _hold(self, vip):
        active = vip["state"] == "active"
        vip["addresses"] = [{**address, "held": active} for address in vip["addresses"]]
        vip["active"] = {"address": self.own if active else self.other, "priority": 150}
        vip["transitions"] += 1

    def _vip(self, number, name):
        state = "fault" if number % 17 == 4 + self.turn else "active" if number % 2 == self.turn else "backup"
        histogram = {"le": [1.1, 3], "counts": [900, 1, 0], "sum": 902.5}
        vip = {"name": name, "state": state, "reason": REASONS[state], "since": utc(self.started + 60 * number),
               "interface": "eth0", "vrid": 1 + number, "version": 3, "priority": {"base": 150, "effective": 150},
               "advert_interval_ms": 1000, "readiness": "hot", "service": "haproxy" if number % 3 == 0 else "",
               "addresses": [{"address": f"192.0.2.{100 + number}/24", "interface": "eth0", "derived": False},
                             {"address": f"2001:db8::{100 + number}/64", "interface": "eth0", "derived": False}],
               "hooks": self._hooks(number, state), "transitions": 2,
               "counters": {"adverts_sent": 10, "adverts_received": 20, "discarded": {}},
               "skew_time_ms": 414.062, "active_down_interval_ms": 3414.062, "checksum": "rfc9568",
               "heartbeat_gap_intervals": histogram, "heartbeat_lateness_s": histogram}
        self._hold(vip)
        return vip

    def _hooks(self, number, state):
        if number % 4:
            return []
        failed = {"name": "on_promote", "result": "failed", "at": utc(self.started + 5), "detail": "exit status 3"}
        ended = {"name": f"on_{state}", "result": "done", "at": utc(self.started + 60 * number + 6), "detail": ""}
        return [ended, failed] if number % 8 == 0 else [ended]

    def _status(self):
        now = time.time()
        checks = []
        for number, check in enumerate(self.checks):
            runs = int(now - self.started)
            down = check["state"] == "down"
            took = round(3 + 2 * math.sin(runs / 5 + number) + (number + runs) % 7 / 3, 3)
            checks.append({**check, "runs": runs, "failures": runs if down else 0, "duration_ms": took,
                           "detail": "connection refused" if down else f"HTTP 200 in {took:.1f} ms"})
        peers = [{"address": self.other, "priority": 150, "interval_ms": 1000, "heard": utc(now - 0.3)},
                 {"address": "192.0.2.3", "priority": 50, "interval_ms": 1000, "heard": utc(now - 9000)}]
        vips = [{**vip, "peers": peers}
                for vip in self.vips]
        status = {"node": self.node, "version": "0.1.0", "uptime_s": round(now - self.started, 3),
                  "maintenance": self.maintenance, "vips": vips, "checks": checks, "discarded": {}}
        if self.maintenance:
            status["maintenance_until"] = utc(now + 3000)
        return status

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client):
        try:
            with client, client.makefile() as lines:
                self._answer_lines(client, lines)
        except (OSError, ValueError):
            pass

    def _answer_lines(self, client, lines):
        for line in lines:
            request = json.loads(line)
            with self.lock:
                if request["request"] == "events":
                    answer = {"events": self.events}
                    self.followers.append(client)
                else:
                    answer = self._status()
                client.sendall((json.dumps(answer) + "\n").encode())
