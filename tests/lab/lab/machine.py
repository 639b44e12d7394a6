"""A Debian machine with a booted systemd, whose network is a host of the lab."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess

from .network import run
from .processes import children, name_of
from .tools import ROOT, binaries
from .wait import eventually

# What starts on a machine that is a layer above this one: not what happens to be installed here.
LAB_TARGET = """[Unit]
Description=The services that a test starts
Requires=basic.target dbus.socket
After=basic.target dbus.socket
AllowIsolate=yes
"""


class Machine:
    """A container whose first process is systemd, on a writable layer above `roots` (the uppermost first)."""

    tools = ("systemd-nspawn",)

    def __init__(self, host, *roots, boot=True):
        self.host, self.process, self.leader = host, None, None
        self.dir = pathlib.Path(host.lab.dir) / f"{host.name}-machine"
        self.dir.mkdir()
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(self.dir))
        host.lab.closers.append(self.close)
        host.lab.agents = getattr(host.lab, "agents", []) + [self]
        for name in ("upper", "work", "root"):
            (self.dir / name).mkdir()
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={':'.join(map(str, roots))},upperdir={self.dir}/upper,workdir={self.dir}/work",
            str(self.dir / "root"))
        (self.dir / "root/etc/machine-id").write_text("")
        if boot:
            self.boot()

    def _groups(self):
        """A control group of its own in each hierarchy that systemd uses: without, those of all machines would be the same."""
        mounts = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
        return [pathlib.Path(mount[1]) / self.host.namespace for mount in mounts
                if mount[2] == "cgroup2" or (mount[2] == "cgroup" and "name=systemd" in mount[3].split(","))]

    def _join_groups(self):
        for group in self._groups():
            group.mkdir(exist_ok=True)
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def boot(self):
        with open(self.dir / "console", "w") as console:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe",
                 f"--machine={self.host.name}", "--capability=CAP_NET_ADMIN,CAP_NET_RAW", "--resolv-conf=off",
                 f"--network-namespace-path=/run/netns/{self.host.namespace}", "-D", str(self.dir / "root"), "--boot"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, preexec_fn=self._join_groups)
        self.leader = eventually(self._leader, 20, lambda: f"a first process: {(self.dir / 'console').read_text()}")
        eventually(lambda: self("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"), 120,
                   lambda: f"{self.host.name} has booted: {self('systemctl', 'list-jobs', check=False)}", step=0.2)

    def _leader(self):
        return next((child for child in children(self.process.pid) if name_of(child) == "systemd"), None)

    def __call__(self, *words, check=True):
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-a", "env", "-i", "LC_ALL=C", "SYSTEMD_PAGER=",
                               "HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *words],
                              text=True, capture_output=True)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.host.name}: {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def write(self, path, text):
        subprocess.run(["nsenter", "-t", str(self.leader), "-a", "sh", "-c", f"mkdir -p $(dirname {path}); cat > {path}"],
                       input=text, text=True, check=True)

    def vip(self, name="web"):
        return next(one for one in json.loads(self("understudy", "status", "--json"))["vips"] if one["name"] == name)

    def state(self, name="web"):
        return self.vip(name)["state"] if self("understudy", "status", name, check=False) else "no answer"

    def wait_state(self, state, timeout=30, name="web"):
        eventually(lambda: self.state(name) == state, timeout,
                   lambda: f"{self.host.name} is {state}: {self('understudy', 'why', name, check=False)}", step=0.05)

    def log(self):
        return self("journalctl", "-b", "-n", "80", "--no-pager", check=False) if self.leader else ""

    def close(self):
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                if self.leader:
                    os.kill(int(self.leader), signal.SIGRTMIN + 4)  # systemd's word for power-off
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
            for group in self._groups():
                for folder, _, _ in os.walk(group, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(folder)
        for mounted in (self.dir / "root", self.dir):
            run("umount", "-l", str(mounted), check=False)


def installed(lab):
    """A folder with what an installation of this build consists of, as `cmake --install` makes it."""
    folder = pathlib.Path(lab.dir) / "installed"
    if not folder.exists():
        # Not on the file system below "/": layers must not be inside of each other.
        folder.mkdir()
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder))
        lab.closers.append(lambda: run("umount", "-l", str(folder), check=False))
        build = pathlib.Path(binaries()).resolve().parent
        environment = os.environ | {"DESTDIR": str(folder)}
        done = subprocess.run(["cmake", "--install", str(build), "--prefix", "/usr"], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise AssertionError(f"cmake --install {build}: {done.returncode}: {done.stdout}")
    return folder


installed.tools = ("cmake",)


def like_this_one(host):
    """A machine with the packages of this one and an installation of this build, as the package makes it."""
    machine = Machine(host, installed(host.lab), "/", boot=False)
    units = machine.dir / "root/etc/systemd/system"
    (units / "lab.target").write_text(LAB_TARGET)
    (machine.dir / "root/etc/hostname").write_text(f"{host.name}\n")
    (units / "default.target").unlink(missing_ok=True)
    (units / "default.target").symlink_to("lab.target")
    machine.boot()
    script = (ROOT / "packaging/deb/postinst").read_text()
    machine.write("/root/postinst", script)
    machine("sh", "/root/postinst", "configure", "")
    return machine


like_this_one.tools = (*Machine.tools, *installed.tools)


def give_it_udev(machine):
    """Without udev networkd configures a link before it has seen the addresses there, and so removes none. Machines have udev;
    here its word for the link is written by hand, and networkd sees a /sys that is as writable as theirs."""
    machine("mkdir", "-p", "/run/sys", "/run/udev/data")
    machine("mount", "-t", "sysfs", "sysfs", "/run/sys")
    machine.write(f"/run/udev/data/n{machine('cat', '/run/sys/class/net/eth0/ifindex').strip()}", "I:1\n")
    machine.write("/etc/systemd/system/systemd-networkd.service.d/sys.conf", "[Service]\nBindPaths=/run/sys:/sys\n")
    machine("systemctl", "daemon-reload")
