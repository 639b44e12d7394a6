"""What runs behind an address: Debian's haproxy and nginx, a service manager, and servers that behave badly."""
import os
import pathlib
import signal
import socket
import threading
import time

from .agents import Program
from .network import enter
from .processes import children
from .wait import eventually

HAPROXY = """
global
  stats socket {dir}/admin.sock
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 1s
frontend web
  bind :{port}
  monitor-uri /healthz
  http-request return status 200 content-type text/plain string "{name}"
"""

NGINX = """
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen {port}; location / {{ return 200 "{name}"; }} }}
}}
"""


class Haproxy(Program):
    tools = ("haproxy",)

    def __init__(self, host, port=80, config=None, start=True):
        super().__init__(host, "haproxy")
        self.config = self.dir / "haproxy.cfg"
        self.config.write_text(config or HAPROXY.format(dir=self.dir, port=port, name=host.name))
        if start:
            self.start()

    def start(self):
        self.launch("haproxy", "-db", "-f", str(self.config))
        return self


class Nginx(Program):
    tools = ("nginx",)

    def __init__(self, host, port=80, config=None, start=True):
        super().__init__(host, "nginx")
        self.config = self.dir / "nginx.conf"
        self.config.write_text(config or NGINX.format(dir=self.dir, port=port, name=host.name))
        if start:
            self.start()

    def start(self):
        self.launch("nginx", "-p", str(self.dir), "-c", str(self.config))
        return self

    def kill9(self):
        """The master and its workers: a worker alone would go on serving."""
        for pid in [self.process.pid, *children(self.process.pid)]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


class ServiceManager(Program):
    """systemd as the first process of a PID namespace of its own, with a system bus. `units`: name -> text."""

    tools = ("/lib/systemd/systemd", "dbus-daemon")
    # Nothing of the machine's own units is started: some of them clean up, and would do so here.
    SCRIPT = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/dbus && cp {units}/* /run/systemd/system/ || exit 1
mount --bind {bus} /run/dbus || exit 1
mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /var/tmp && mount -t tmpfs tmpfs /var/log || exit 1
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=lab.target \\
  --show-status=no --log-target=null
"""
    # The bus has to be called dbus: the service manager connects to it when these two run.
    UNITS = {
        "lab.target": "[Unit]\nDefaultDependencies=no\nRequires=dbus.service\n",
        "dbus.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
        "dbus.service": "[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\nAfter=dbus.socket\n[Service]\n"
                        "Type=notify\nNotifyAccess=main\nExecStart=/usr/bin/dbus-daemon --system --address=systemd: "
                        "--nofork --nopidfile --systemd-activation\n",
    }

    def __init__(self, host, units):
        super().__init__(host, "systemd")
        folder, self.bus_folder = self.dir / "units", self.dir / "bus"
        folder.mkdir()
        self.bus_folder.mkdir()
        for name, text in (self.UNITS | units).items():
            (folder / name).write_text(text)
        # Not by `ip netns exec`, which hides the control groups behind a fresh /sys.
        self.launch("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--cgroup", "--uts",
                    "--ipc", "sh", "-c", self.SCRIPT.format(units=folder, bus=self.bus_folder), keep_sys=True)

    def works(self, timeout=20):
        """Whether it came up: some machines have no place for a second service manager."""
        try:
            eventually(self._is_up, timeout, "the service manager is up")
            return True
        except AssertionError:
            return False

    def _is_up(self):
        return (self.bus_folder / "system_bus_socket").exists()

    @property
    def bus(self):
        return f"unix:path={self.bus_folder}/system_bus_socket"


class Server:
    """A TCP server inside a node; `serve(connection)` runs in a thread for each connection."""

    def __init__(self, host, port, serve):
        self.closed, self.serve = False, serve
        ready = threading.Event()

        def work():
            enter(host.namespace)
            self.socket = socket.create_server(("", port), family=socket.AF_INET)
            ready.set()
            while not self.closed:
                try:
                    connection, _ = self.socket.accept()
                except OSError:
                    return
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

        threading.Thread(target=work, daemon=True).start()
        ready.wait(5)
        host.lab.closers.append(self.close)

    def _one(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass
        connection.close()

    def close(self):
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class HttpClient:
    """Asks `address` for / again and again from within a node; every answer with its time."""

    def __init__(self, host, address, port=80, timeout=0.1, pause=0.004):
        self.answers, self.failures, self.done = [], [], False
        self.address, self.port, self.timeout, self.pause = address, port, timeout, pause

        def work():
            enter(host.namespace)
            while not self.done:
                self._ask()
                time.sleep(self.pause)

        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()
        host.lab.closers.append(self.stop)

    @classmethod
    def answers_once(cls, host, address):
        """Whether one question from within the node gets a 200."""
        client = cls.__new__(cls)
        client.answers, client.failures = [], []
        client.address, client.port, client.timeout = address, 80, 0.5
        host.within(client._ask)
        return bool(client.answers)

    def _ask(self):
        begun = time.monotonic()
        try:
            with socket.create_connection((self.address, self.port), timeout=self.timeout) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\nHost: lab\r\n\r\n")
                answer = b""
                while chunk := connection.recv(4096):
                    answer += chunk
            status = answer.split(b" ", 2)[1].decode()
            if status == "200":
                self.answers.append((begun, time.monotonic(), answer.split(b"\r\n\r\n", 1)[1].decode()))
            else:
                self.failures.append((begun, status))
        except (OSError, IndexError) as error:
            self.failures.append((begun, type(error).__name__))

    def first_after(self, moment, timeout=20):
        """When the first 200 came to a question that was asked after `moment`; and who gave it."""
        _, when, who = eventually(lambda: next((a for a in self.answers if a[0] > moment), None), timeout,
                                  lambda: f"HTTP 200 from {self.address}; last failures {self.failures[-5:]}")
        return when, who

    def failures_between(self, begin, end):
        return [what for when, what in self.failures if begin <= when <= end]

    def stop(self):
        self.done = True
        self.thread.join(5)
