"""The status page's server beside a real agent: what it says, that it says it in time, and who cannot disturb it."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

from lab.agents import Program, Understudy, vip
from lab.probe import binaries
from lab.testcase import LabTestCase, main
from lab.wait import eventually

PORT = 9112
HOST = f"Host: 127.0.0.1:{PORT}"
GROUPS = "understudy:x:4801:\nunderstudy-status:x:4802:\n"


class Serve(Program):
    def __init__(self, agent, *listen, names=()):
        super().__init__(agent.host, "serve")
        words = [word for one in listen for word in ("--listen", one)]
        words += [word for name in names for word in ("--host", name)]
        self.launch(os.path.join(binaries(), "understudy"), "--runtime-dir", str(agent.runtime), "serve", *words)
        eventually(lambda: self.process.poll() is not None or "serves" in self.log(), 5,
                   lambda: f"it serves; it says:\n{self.log()}")

    def connect(self, timeout=5):
        def connected():
            return socket.create_connection(("127.0.0.1", PORT), timeout)
        return self.host.within(connected)

    def get(self, path, *headers, method="GET", host=HOST):
        """(status, headers, body) of one request, written by hand."""
        with self.connect() as there:
            lines = [f"{method} {path} HTTP/1.1", host, *headers]
            there.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            answer = b""
            while chunk := there.recv(65536):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        return int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in rest)}, body.decode()

    def metric(self, name):
        for line in self.get("/metrics")[2].splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        return None


class Events:
    """Follows /events; `seen` has (kind, id, document, when)."""

    def __init__(self, serve, *headers):
        self.seen = []
        self.socket = serve.connect(timeout=20)
        self.socket.sendall(("\r\n".join(["GET /events HTTP/1.1", HOST, *headers]) + "\r\n\r\n").encode())
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        kind, number = None, None
        try:
            for line in self.socket.makefile(encoding="utf-8"):
                line = line.rstrip("\r\n")
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("id: "):
                    number = int(line[4:])
                elif line.startswith("data: ") and kind != "clock":
                    self.seen.append((kind, number, json.loads(line[6:]), time.monotonic()))
                    number = None
        except (OSError, ValueError):
            pass  # the end, which the test causes

    def first(self, condition, timeout=5):
        return eventually(lambda: next((one for one in list(self.seen) if condition(*one[:3])), None), timeout,
                          lambda: f"comes on /events; {[one[:2] for one in self.seen]} came")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Serving(LabTestCase):
    def node(self, name="lb1", groups=GROUPS):
        """A node in which the groups of the package are there, and no others of it."""
        file = str(self.lab.dir / f"group-{name}")
        with open("/etc/group") as here, open(file, "w") as there:
            there.write("".join(line for line in here if not line.startswith("understudy")) + groups)
        os.chmod(self.lab.dir, 0o755)
        host = self.lab.node(name)
        start = host.start
        host.start = lambda *words, **options: start(
            "sh", "-c", 'mount --bind "$0" /etc/group && exec "$@"', file, *words, **options)
        return host

    def agent(self):
        agent = Understudy(self.node(), vip(priority=150, interval="100ms"))
        agent.wait_state("active")
        return agent

    def pair(self):
        one, two = self.node("lb1"), self.node("lb2")
        first = Understudy(one, vip(priority=150, interval="100ms"))
        second = Understudy(two, vip(priority=100, interval="100ms"))
        first.wait_state("active")
        return first, second

    def assert_pages(self, serve):
        """Every page of a standby, with its headers."""
        status, headers, page = serve.get("/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        for path in ("page.css", "page.js"):
            self.assertIn(f'"{path}"', page)
            self.assertEqual(serve.get("/" + path)[0], 200)

        status, headers, body = serve.get("/status.json")
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        self.assertEqual(json.loads(body)["node"], "lb2")
        self.assertNotIn("config", json.loads(body))

        status, headers, text = serve.get("/metrics")
        self.assertEqual((status, headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertIn('understudy_vip_state{vip="web",state="backup"} 1\n', text)
        status, headers, text = serve.get("/metrics", "Accept: application/openmetrics-text; version=1.0.0")
        self.assertIn("application/openmetrics-text", headers["content-type"])
        self.assertTrue(text.endswith("# EOF\n"))
        heard = 'understudy_vip_heartbeat_gap_intervals_bucket{vip="web",le="%s"}'
        eventually(lambda: serve.metric(heard % "1.5") >= 5, 5, "heartbeats of the active node are counted")

        self.assertEqual(serve.get("/", method="HEAD")[2], "")
        self.assertEqual(serve.get("/", "Content-Length: 2", method="POST")[0], 405)
        self.assertEqual(serve.get("/understudy.conf")[0], 404)

    def test_pages_and_a_failover(self):
        first, second = self.pair()
        serve = Serve(second, f"127.0.0.1:{PORT}", f"[::1]:{PORT}")
        self.assert_pages(serve)
        lateness = 'understudy_vip_heartbeat_lateness_seconds_count{vip="web"}'
        self.assertIn(lateness, first.must("metrics"))

        events = Events(serve)
        self.assertEqual(events.first(lambda kind, *_: True)[0], "status")  # the snapshot comes first
        moved = time.monotonic()
        first.must("failover", "web")
        is_active = lambda document: document["vip"] == "web" and document["to"] == "active"
        kind, number, document, when = events.first(lambda kind, _, document: kind == "state" and is_active(document))
        self.assertLess(when - moved, 1)
        self.assertEqual(number, document["number"])
        shown = events.first(lambda kind, _, document: kind == "status" and document["vips"][0]["state"] == "active")
        self.assertLess(shown[3] - moved, 1)
        events.close()

        # Who comes back with the number of what it saw last gets what came since, and nothing twice.
        first.must("failback", "web")
        second.wait_state("backup")
        again = Events(serve, f"Last-Event-ID: {number}")
        again.first(lambda kind, _, document: kind == "state" and document["to"] == "backup")
        self.assertEqual([one[1] for one in again.seen if one[0] == "state"][0], number + 1)

        # A killed agent is down at once, everywhere, and its role is not told any more.
        second.kill9()
        again.first(lambda kind, *_: kind == "down")
        self.assertEqual(serve.metric("understudy_up"), 0)
        self.assertNotIn("vip", serve.get("/metrics")[2])
        status, _, body = serve.get("/status.json")
        self.assertEqual(status, 503)
        self.assertIn("error", json.loads(body))
        before = len(again.seen)
        second.start()
        eventually(lambda: any(one[0] == "status" for one in again.seen[before:]), 5, "it is seen again")
        self.assertEqual(serve.metric("understudy_up"), 1)
        self.assertEqual(serve.stop(timeout=2), 0)
        again.close()

    def test_who_cannot_disturb_it(self):
        lone = Understudy(self.node("lb1"), vip(priority=150, interval="100ms"))
        lone.wait_state("active")
        serve = Serve(lone)  # the default is where the others look
        transitions = lone.vip()["transitions"]
        slow = [serve.connect() for _ in range(150)]
        for one in slow:
            one.sendall(b"GET / HT")
        watchers = [Events(serve) for _ in range(40)]
        for garbage in (b"\x16\x03\x01\x02\x00\x01\x00" + os.urandom(200), b"\r\n" * 500, b"GET\r\n\r\n",
                        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000,
                        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
                        f"GET /../../etc/passwd HTTP/1.1\r\n{HOST}\r\n\r\n".encode()):
            with serve.connect() as there:
                try:
                    there.sendall(garbage)
                    there.settimeout(8)
                    self.assertNotIn(b" 200 ", there.recv(4096)[:16])
                except ConnectionError:
                    pass
            asked = time.monotonic()
            self.assertEqual(serve.metric("understudy_up"), 1)
            self.assertLess(time.monotonic() - asked, 1)
        full = [one for one in watchers if not one.thread.is_alive()]
        self.assertEqual(len(full), 16, "24 readers of /events, and no more")
        for one in watchers:
            one.close()
        for one in slow:
            one.close()
        # A reader that takes nothing is given up; the others go on.
        with serve.connect() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.sendall(f"GET /events HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
            self.assertEqual(serve.get("/status.json")[0], 200)
            serve.signal(signal.SIGTERM)
            self.assertEqual(serve.process.wait(2), 0)
        # Through all of this, no heartbeat was late by an interval, and nothing changed hands.
        self.assertEqual(lone.vip()["transitions"], transitions)
        lateness = lone.vip()["heartbeat_lateness_s"]
        late = sum(count for bound, count in zip(lateness["le"] + [9], lateness["counts"]) if bound > 0.1)
        self.assertEqual(late, 0, lateness)

    def test_one_request_is_answered_with_no_more_than_the_page(self):
        """Overlapping ranges, for each of which the library would send the page once more."""
        serve = Serve(self.agent())
        page = serve.get("/page.js")
        ranges = "Range: bytes=" + ",".join(["0-"] * 2500)
        answer = serve.get("/page.js", ranges)
        self.assertEqual(answer[0], 200)
        self.assertEqual(len(answer[2]), len(page[2]))
        self.assertEqual(serve.get("/page.js", "rAnGe: bytes=0-1")[0], 200)
        with open(f"/proc/{serve.process.pid}/status") as told:
            most = next(int(line.split()[1]) for line in told if line.startswith("VmHWM"))
        self.assertLess(most, 64 * 1024, "KiB")

    def test_name_of_somebody_else_is_refused(self):
        """DNS rebinding: a page of evil.example whose name was pointed at this address."""
        serve = Serve(self.agent(), f"127.0.0.1:{PORT}", f"[::1]:{PORT}", names=["lb1.example.org"])
        for host in (f"Host: 127.0.0.1:{PORT}", "Host: localhost", "Host: lb1.example.org:9112",
                     f"Host: {socket.gethostname()}"):
            self.assertEqual(serve.get("/status.json", host=host)[0], 200, host)
        for host in ("Host: evil.example", f"Host: evil.example:{PORT}", "Host: 192.0.2.9", "X-Nothing: here"):
            for path in ("/", "/status.json", "/events", "/metrics"):
                status, _, body = serve.get(path, host=host)
                self.assertEqual(status, 421, (host, path))
                self.assertNotIn("lb1", body)

    def test_one_client_leaves_room_for_others(self):
        agent = self.agent()
        serve = Serve(agent, f"0.0.0.0:{PORT}")
        address = agent.host.ipv4
        client = self.lab.client()

        def connect():
            return socket.create_connection((address, PORT), 5)
        request = f"GET %s HTTP/1.1\r\nHost: {address}\r\n\r\n"
        greedy = [client.within(connect) for _ in range(60)]
        for one in greedy:
            one.sendall((request % "/events").encode())

        def streams():
            count = 0
            for one in greedy:
                one.setblocking(False)
                try:
                    count += b" 200 " in one.recv(64, socket.MSG_PEEK)
                except OSError:
                    pass
            return count
        eventually(lambda: streams() == 8, 10, lambda: f"eight readers of one address; there are {streams()}")
        other = self.lab.node("lb2").within(connect)
        with other:
            other.sendall((request % "/status.json").encode())
            other.settimeout(5)
            self.assertIn(b" 200 ", other.recv(64))
        for one in greedy:
            one.close()

    def test_it_may_ask_and_nothing_more(self):
        agent = Understudy(self.node("lb1"), vip(priority=150, interval="100ms"))
        agent.wait_state("active")

        def ask(path, line):
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(str(agent.runtime / path))
                there.sendall(line.encode() + b"\n")
                return json.loads(there.makefile().readline())
        self.assertEqual(ask("status.sock", '{"request":"status"}')["node"], "lb1")
        self.assertIn("questions", ask("status.sock", '{"request":"failover","vip":"web"}')["error"])
        self.assertIn("questions", ask("status.sock", '{"request":"config_show"}')["error"])
        # The page is served through that socket: without the other one it goes on.
        (agent.runtime / "control.sock").unlink()
        serve = Serve(agent)
        self.assertEqual(serve.metric("understudy_up"), 1)
        again = subprocess.run(["ip", "netns", "exec", agent.host.namespace, os.path.join(binaries(), "understudy"),
                                "serve"], capture_output=True, text=True, timeout=5)
        self.assertEqual(again.returncode, 1, "the port is taken")
        self.assertIn(str(PORT), again.stderr)


    @staticmethod
    def rights_of(serve):
        with open(f"/proc/{serve.process.pid}/status") as told:
            return dict(line.split(":\t", 1) for line in told if ":\t" in line)

    def test_root_without_the_group_does_not_serve(self):
        agent = Understudy(self.node(groups=""), vip(priority=150, interval="100ms"))
        serve = Serve(agent)
        self.assertEqual(serve.process.wait(5), 1)
        self.assertIn("does not serve as root", serve.log())
        self.assertIn("understudy-status", serve.log())

    def test_who_is_let_in(self):
        """The page's process has no right left, and who may ask may not command."""
        agent = Understudy(self.node(), vip(priority=150, interval="100ms"))
        os.chmod(agent.dir, 0o755)
        serve = Serve(agent)
        self.assertEqual(serve.metric("understudy_up"), 1)
        rights = self.rights_of(serve)
        self.assertEqual(set(rights["Uid"].split()), {"65534"})
        self.assertEqual(rights["Groups"].split(), ["4802"])
        self.assertEqual(int(rights["CapPrm"], 16), 0)

        def is_let_in(group, name):
            child = os.fork()
            if child == 0:
                os.setgroups([])
                os.setresgid(group, group, group)
                os.setresuid(65534, 65534, 65534)
                there = socket.socket(socket.AF_UNIX)
                os._exit(there.connect_ex(str(agent.runtime / name)) != 0)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        self.assertEqual([is_let_in(group, "status.sock") for group in (4801, 4802, 4803)], [False, True, False])
        self.assertEqual([is_let_in(group, "control.sock") for group in (4801, 4802, 4803)], [True, False, False])


if __name__ == "__main__":
    main()
