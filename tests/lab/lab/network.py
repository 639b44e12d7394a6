"""Nodes, a switch and a client as network namespaces, and what can happen to the cables between them.

Everything is named us-PID-NAME, so that runs do not meet, and is taken away at the end: also after a failed
test, an exception, SIGTERM or Ctrl-C. What a killed run has left is swept up by the next one.
"""
import atexit
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading

PREFIX = "us"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*words, check=True, input=None):
    """Runs a command and gives its output; its error output is in the exception if it fails."""
    done = subprocess.run(words, text=True, input=input, capture_output=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def enter(namespace):
    """Moves the calling thread into a network namespace."""
    with open(f"/run/netns/{namespace}") as handle:
        if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Host:
    """One network namespace with an eth0 that is plugged into the switch."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.namespace = f"{lab.prefix}-{name}"
        self.port = f"p{number}"
        self.ipv4 = f"192.0.2.{number}"
        self.ipv6 = f"2001:db8::{number}"
        run("ip", "netns", "add", self.namespace)
        self.ip("link", "set", "lo", "up")
        self.plug_in()

    def plug_in(self):
        run("ip", "-n", self.lab.switch, "link", "add", self.port, "type", "veth", "peer", "name", "eth0",
            "netns", self.namespace)
        run("ip", "-n", self.lab.switch, "link", "set", self.port, "master", "br0", "up")
        self.exec("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0", "net.ipv6.conf.eth0.router_solicitations=0")
        self.ip("link", "set", "eth0", "up")
        self.ip("address", "add", f"{self.ipv4}/24", "dev", "eth0")
        self.ip("address", "add", f"{self.ipv6}/64", "dev", "eth0", "nodad")

    def ip(self, *words, check=True):
        return run("ip", "-n", self.namespace, *words, check=check)

    def exec(self, *words, check=True, input=None):
        return run("ip", "netns", "exec", self.namespace, *words, check=check, input=input)

    def start(self, *words, keep_sys=False, **options):
        """Starts a program in the namespace; it ends with the lab. `keep_sys`: with the machine's own /sys."""
        inside = ["nsenter", f"--net=/run/netns/{self.namespace}"] if keep_sys else \
            ["ip", "netns", "exec", self.namespace]
        process = subprocess.Popen([*inside, *words], **options)
        self.lab.processes.append(process)
        return process

    def within(self, function):
        """What the function gives, called in a thread of its own inside the namespace."""
        result = []

        def work():
            enter(self.namespace)
            result.append(function())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return result[0]

    @property
    def mac(self):
        return self.exec("cat", "/sys/class/net/eth0/address").strip()

    @property
    def link_local(self):
        """Its own: neither of a virtual MAC nor the one that a VRID gives (fe80::5e00:1xx)."""
        for line in self.ip("-6", "-o", "address", "show", "dev", "eth0", "scope", "link").splitlines():
            if "5eff" not in line and "fe80::5e00:" not in line:
                return line.split()[3].split("/")[0]
        return None

    def holds(self, address):
        """Whether the address (without prefix length) is on any interface here."""
        return f" {address}/" in self.ip("-o", "address", "show")

    # --- what happens to the cable; the node sees a carrier all the while ---

    def cut(self):
        run("bridge", "-n", self.lab.switch, "link", "set", "dev", self.port, "state", "0")

    def heal(self):
        run("bridge", "-n", self.lab.switch, "link", "set", "dev", self.port, "state", "3")

    def filter(self, rule):
        """An nftables rule for what passes the switch; {port} is this node's. `clear_filters` ends it."""
        run("ip", "netns", "exec", self.lab.switch, "nft", "-f", "-", input=(
            "table bridge lab { chain forward { type filter hook forward priority 0; }; }\n"
            f"add rule bridge lab forward {rule.format(port=self.port)}\n"))

    def mute(self):
        """Nothing that it sends arrives; it still hears the others."""
        self.filter('iifname "{port}" drop')

    def deafen(self):
        """Nothing arrives here; what it sends does."""
        self.filter('oifname "{port}" drop')

    def lose(self, percent):
        self.filter(f'iifname "{{port}}" numgen random mod 100 < {percent} drop')
        self.filter(f'oifname "{{port}}" numgen random mod 100 < {percent} drop')

    # --- what happens to the interface ---

    def link_down(self):
        self.ip("link", "set", "eth0", "down")

    def link_up(self):
        self.ip("link", "set", "eth0", "up")
        self.ip("address", "replace", f"{self.ipv6}/64", "dev", "eth0", "nodad")  # the kernel dropped it

    def delete_link(self):
        self.ip("link", "delete", "eth0")


class Lab:
    """A switch and, as they are asked for, hosts. Use it with `with`."""

    count = 0

    def __init__(self):
        sweep()
        Lab.count += 1
        self.prefix = f"{PREFIX}-{os.getpid()}-{Lab.count}"
        self.switch = f"{self.prefix}-sw"
        self.processes, self.hosts, self.closers = [], {}, []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}-lab-"))
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if threading.current_thread() is threading.main_thread():
                signal.signal(number, _exit)
        run("ip", "netns", "add", self.switch)
        run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0",
            "mcast_snooping", "0", "stp_state", "0")
        run("ip", "-n", self.switch, "link", "set", "br0", "up")

    def node(self, name=None):
        number = sum(1 for host in self.hosts.values() if host.number < 100) + 1
        host = Host(self, name or f"lb{number}", number)
        self.hosts[host.name] = host
        return host

    def client(self):
        if "client" not in self.hosts:
            self.hosts["client"] = Host(self, "client", 100)
        return self.hosts["client"]

    def clear_filters(self):
        run("ip", "netns", "exec", self.switch, "nft", "delete", "table", "bridge", "lab", check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        atexit.unregister(self.close)
        for closer in reversed(self.closers):
            closer()
        self.closers = []
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self.processes = []
        for namespace in [host.namespace for host in self.hosts.values()] + [self.switch]:
            _remove(namespace)
        self.hosts = {}
        shutil.rmtree(self.dir, ignore_errors=True)


def _exit(number, _frame):
    raise SystemExit(128 + number)


def _remove(namespace):
    """Ends what still runs in a namespace (by its id), and the namespace."""
    for pid in run("ip", "netns", "pids", namespace, check=False).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    run("ip", "netns", "delete", namespace, check=False)


def sweep():
    """Takes away the namespaces of runs whose process is gone."""
    for line in run("ip", "netns", "list", check=False).splitlines():
        name = line.split()[0] if line else ""
        parts = name.split("-")
        if len(parts) >= 4 and parts[0] == PREFIX and parts[1].isdigit():
            if not os.path.exists(f"/proc/{parts[1]}"):
                _remove(name)
