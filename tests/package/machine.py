"""A Debian machine with a booted systemd, whose network is a host of the lab."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
from lab.network import Lab, run  # noqa: E402
from lab.wait import eventually  # noqa: E402


class Machine:
    """A container whose first process is systemd, on a writable layer above the root."""

    def __init__(self, host, root, folder):
        self.host, self.folder = host, pathlib.Path(folder) / host.name
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={root},upperdir={self.folder}/upper,workdir={self.folder}/work", str(self.folder / "root"))
        (self.folder / "root/etc/machine-id").write_text("")
        self.log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", f"--machine={host.name}",
             "--capability=CAP_NET_ADMIN,CAP_NET_RAW", "--resolv-conf=off",
             f"--network-namespace-path=/run/netns/{host.namespace}", "-D", str(self.folder / "root"), "--boot"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.leader = eventually(self._leader, 20, "the machine has a first process")
        eventually(lambda: self("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"), 90,
                   lambda: f"{host.name} has booted: {self('systemctl', '--failed', check=False)}", step=0.2)

    def _leader(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        for child in pathlib.Path(path).read_text().split():
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return child
        return None

    def __call__(self, *words, check=True):
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-a", "env", "-i", "LC_ALL=C", "SYSTEMD_PAGER=",
                               "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *words], text=True, capture_output=True)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.host.name}: {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def write(self, path, text):
        subprocess.run(["nsenter", "-t", str(self.leader), "-a", "sh", "-c", f"mkdir -p $(dirname {path}); cat > {path}"],
                       input=text, text=True, check=True)

    def status(self):
        return json.loads(self("understudy", "status", "--json"))["vips"][0]

    def wait_state(self, state, timeout=30):
        eventually(lambda: self("understudy", "status", "web", check=False) and self.status()["state"] == state, timeout,
                   lambda: f"{self.host.name} is {state}: " + self("journalctl", "-u", "understudyd", "-n", "40"), step=0.05)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(self.leader), signal.SIGRTMIN + 4)  # systemd's word for power-off
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        run("umount", str(self.folder / "root"), check=False)


@contextlib.contextmanager
def booted(root, *names):
    """A machine of each name, on one switch; gives them and the client there."""
    with Lab() as lab, contextlib.ExitStack() as stack:
        run("mount", "-t", "tmpfs", "tmpfs", lab.dir)
        stack.callback(run, "umount", "-l", lab.dir, check=False)
        hosts = [lab.node(name) for name in names]
        client = lab.client()
        machines = []
        for host in hosts:
            machines.append(Machine(host, root, lab.dir))
            stack.callback(machines[-1].close)
        yield machines, client


def step(what):
    print(f"== {what}", flush=True)
