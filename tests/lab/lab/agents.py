"""The programs under test and their peers: understudyd, keepalived, FRR's vrrpd."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from .processes import children
from .tools import binaries
from .wait import eventually


def vip(name="web", interface="eth0", vrid=51, priority=100, interval="1s", addresses=("192.0.2.10/24",),
        **more):
    """The text of a [vip] section. Further keys as keyword arguments; a list repeats the key."""
    lines = [f"[vip {name}]", f"interface = {interface}", f"vrid = {vrid}", f"priority = {priority}",
             f"advert_interval = {interval}"]
    lines += [f"address = {address}" for address in addresses]
    for key, value in more.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            lines.append(f"{key} = {one}")
    return "\n".join(lines) + "\n"


class Program:
    """Something that runs in a node and writes a log."""

    def __init__(self, host, name):
        self.host = host
        self.dir = pathlib.Path(host.lab.dir) / f"{host.name}-{name}"
        self.dir.mkdir(exist_ok=True)
        self.log_path = self.dir / "log"
        self.process = None
        host.lab.agents = getattr(host.lab, "agents", []) + [self]

    def launch(self, *words, **options):
        with open(self.log_path, "a") as log:
            self.process = self.host.start(*words, stdout=log, stderr=log, **options)

    def log(self):
        return self.log_path.read_text() if self.log_path.exists() else ""

    def signal(self, number):
        self.process.send_signal(number)

    def kill9(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=20):
        """SIGTERM, and wait for the end; the exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)


class Understudy(Program):
    def __init__(self, host, *vips, stop_timeout="10s", start=True):
        super().__init__(host, "understudy")
        self.environment = {}  # of the agent, beside that of this process
        self.runtime = self.dir / "run"
        self.config = self.dir / "understudy.conf"
        self.config.write_text(f"[agent]\nname = {host.name}\nstop_timeout = {stop_timeout}\n" + "".join(vips))
        if start:
            self.start()

    def start(self):
        self.launch(os.path.join(binaries(), "understudyd"), "--config", str(self.config),
                    "--runtime-dir", str(self.runtime), env=os.environ | (self.environment or {}))
        eventually(lambda: self.process.poll() is not None or self.cli("status").returncode == 0, 10,
                   lambda: f"{self.host.name} answers; its log:\n{self.log()}")
        return self

    def cli(self, *words):
        return subprocess.run([os.path.join(binaries(), "understudy"), "--runtime-dir", str(self.runtime), *words],
                              text=True, capture_output=True)

    def status(self):
        return json.loads(self.cli("status", "--json").stdout)

    def vip(self, name="web"):
        return next(one for one in self.status()["vips"] if one["name"] == name)

    def state(self, name="web"):
        try:
            return self.vip(name)["state"]
        except (json.JSONDecodeError, KeyError):
            return "no answer"

    def wait_state(self, state, timeout=10, name="web"):
        eventually(lambda: self.state(name) == state, timeout,
                   lambda: f"{self.host.name} is {state}; it is {self.cli('why', name).stdout}{self.log()}")
        return self

    def must(self, *words):
        done = self.cli(*words)
        if done.returncode != 0:
            raise AssertionError(f"understudy {' '.join(words)}: {done.returncode}: {done.stderr}")
        return done.stdout


class Keepalived(Program):
    """Debian's keepalived with one vrrp_instance for each family."""

    tools = ("keepalived",)

    def __init__(self, host, priority=100, interval=1, version=3, addresses=("192.0.2.10/24",), vrid=51,
                 preempt=True, peers=(), more="", start=True):
        super().__init__(host, "keepalived")
        self.config = self.dir / "keepalived.conf"
        text = f"global_defs {{\n vrrp_version {version}\n vrrp_garp_master_delay 1\n}}\n"
        for family, kind in (("v4", "."), ("v6", ":")):
            own = [a for a in addresses if kind in a.split("/")[0]]
            if not own:
                continue
            link_local = [f"fe80::200:5eff:fe00:2{vrid:02x}/64"] if family == "v6" else []
            text += (f"vrrp_instance {family} {{\n interface eth0\n virtual_router_id {vrid}\n"
                     f" priority {priority}\n advert_int {interval}\n" + ("" if preempt else " nopreempt\n"))
            if peers:
                text += f" unicast_src_ip {host.ipv4}\n unicast_peer {{ {' '.join(peers)} }}\n"
            text += f" {more}\n virtual_ipaddress {{\n" + "".join(f"  {a}\n" for a in link_local + own) + " }\n}\n"
        self.config.write_text(text)
        if start:
            self.start()

    def start(self):
        pid = str(self.dir / "pid")
        for left in self.dir.glob("pid*"):
            left.unlink()
        started = self.log().count("Startup complete")
        self.launch("keepalived", "-n", "-l", "-D", "-P", "-f", str(self.config), "-p", pid, "-r", pid + "-vrrp")
        eventually(lambda: self.log().count("Startup complete") > started, 10,
                   lambda: f"keepalived has started; its log:\n{self.log()}")
        if "Unknown keyword" in self.log():  # it goes on without what it does not know
            raise AssertionError(f"keepalived does not know all of its configuration:\n{self.log()}")
        return self

    def kill9(self):
        """A crash: the child that speaks VRRP as well, which would clean up if only its parent died."""
        below = children(self.process.pid)
        for pid in [*below, self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pid in below:
            eventually(lambda: not os.path.exists(f"/proc/{pid}"), 5, "keepalived's child is gone")


class Frr(Program):
    """FRR's zebra and vrrpd, in a path space of their own; the virtual addresses live on macvlans."""

    tools = ("/usr/lib/frr/vrrpd", "vtysh")

    def __init__(self, host, priority=100, interval_ms=1000, vrid=51, ipv4=(), ipv6=(), checksum_pseudo=True):
        super().__init__(host, "frr")
        self.vrid = vrid
        for family, addresses, tag in (("4", ipv4, "01"), ("6", ipv6, "02")):
            if not addresses:
                continue
            name = f"vrrp{family}-{vrid}"
            host.ip("link", "add", name, "link", "eth0", "type", "macvlan", "mode", "bridge")
            host.exec("sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0")
            host.ip("link", "set", name, "address", f"00:00:5e:00:{tag}:{vrid:02x}", "up")
            for address in addresses:
                host.ip("address", "add", address, "dev", name, *(["nodad"] if ":" in address else []),
                        check=False)  # the kernel may have derived the same link-local one
        lines = ["interface eth0", f" vrrp {vrid} version 3", f" vrrp {vrid} priority {priority}",
                 f" vrrp {vrid} advertisement-interval {interval_ms}"]
        lines += [f" vrrp {vrid} ip {a.split('/')[0]}" for a in ipv4]
        lines += [f" vrrp {vrid} ipv6 {a.split('/')[0]}" for a in ipv6]
        if not checksum_pseudo:
            lines.append(f" no vrrp {vrid} checksum-with-ipv4-pseudoheader")
        (self.dir / "frr.conf").write_text("\n".join(lines) + "\n")
        shutil.chown(self.dir, "frr", "frr")
        # The daemons give up root, and mkdtemp's folder is closed to others.
        os.chmod(host.lab.dir, 0o755)
        os.chmod(self.dir, 0o755)
        self.sockets = self.dir / "sockets"
        self.sockets.mkdir()
        shutil.chown(self.sockets, "frr", "frr")
        self.daemons = []
        for daemon in ("zebra", "vrrpd"):
            with open(self.log_path, "a") as log:
                self.daemons.append(host.start(
                    f"/usr/lib/frr/{daemon}", "-f", str(self.dir / "frr.conf"), "-i", str(self.dir / f"{daemon}.pid"),
                    "-z", str(self.sockets / "zserv.api"), "--vty_socket", str(self.sockets), "-A", "127.0.0.1",
                    "--log", f"file:{self.dir}/{daemon}.log", stdout=log, stderr=log))
            time.sleep(0.3)  # vrrpd asks zebra at its start; there is nothing to wait on from outside
        self.process = self.daemons[-1]

    def show(self):
        out = self.host.exec("vtysh", "--vty_socket", str(self.sockets), "-c", "show vrrp json", check=False)
        try:
            return json.loads(out)
        except json.JSONDecodeError:
            return []

    def state(self, family="v4"):
        for router in self.show():
            if router.get("vrid") == self.vrid:
                return router.get(family, {}).get("status")
        return None

    def log(self):
        return super().log() + "".join(p.read_text() for p in self.dir.glob("*.log") if p.exists())

    def kill9(self):
        for daemon in reversed(self.daemons):
            daemon.kill()
            daemon.wait()
