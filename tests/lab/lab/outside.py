"""What surrounds an agent and may fail: a name server, a mount, a service manager, the kernel's locks, other processes. Each
is well when it is made, is made ill by a method, and is well again after `heal()`."""
import contextlib
import ctypes
import os
import pathlib
import random
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from .names import NameServer, reply_to

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


class Names(NameServer):
    """A name server that is silent, slow or lies, as it is told."""

    SLOW_S = 3

    def __init__(self, host, names):
        super().__init__(host, names)
        self.lies, self.rng = False, random.Random(1)

    def be(self, mood):
        self.silent, self.delay, self.lies = mood == "silent", self.SLOW_S if mood == "slow" else 0, mood == "lies"

    def heal(self):
        self.be("honest")

    def reply(self, query):
        honest = super().reply(query)
        if not self.lies:
            return honest
        return self.rng.choice([
            reply_to(query, None), honest[:3] + b"\x82" + honest[4:], reply_to(query, ["198.51.100.99"]),
            os.urandom(2) + honest[2:], honest[:14], honest[:12] + b"\xc0\x0c" * 20, os.urandom(100), reply_to(query, [], True)])


class Manager:
    """The socket of a service manager, for NOTIFY_SOCKET. `stop_reading()`: its queue is full from now on."""

    def __init__(self, lab, path):
        self.path, self.messages, self.reads = str(path), [], True
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        lab.closers.append(self.close)

    def _work(self):
        with selectors.DefaultSelector() as selector:
            try:
                selector.register(self.socket, selectors.EVENT_READ)
                while self.socket.fileno() >= 0:
                    if not self.reads:
                        time.sleep(0.01)
                    elif selector.select(0.05):
                        self.messages.append(self.socket.recv(4096).decode())
            except (OSError, ValueError):
                return

    def stop_reading(self):
        self.reads = False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
            filler.setblocking(False)
            try:
                while True:
                    filler.sendto(b"X=1", self.path)
            except BlockingIOError:
                pass  # full

    def heal(self):
        self.reads = True

    def close(self):
        self.socket.close()


class StoppedThread:
    """One thread of a process is stopped, by ptrace(2), while the others go on: a log that cannot be written."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, thread):
        self.stopped, self.going_on, self.error = threading.Event(), threading.Event(), None

        def trace():  # the same thread has to begin and to end it
            try:
                _check(_libc.ptrace(self.SEIZE, thread, 0, 0), f"ptrace of {thread}")
                _check(_libc.ptrace(self.INTERRUPT, thread, 0, 0), f"ptrace of {thread}")
                os.waitpid(thread, 0x40000000)  # __WALL
            except OSError as error:
                self.error = error
                self.stopped.set()
                return
            self.stopped.set()
            self.going_on.wait()
            _libc.ptrace(self.DETACH, thread, 0, 0)

        self.tracer = threading.Thread(target=trace, daemon=True)
        self.tracer.start()
        self.stopped.wait(5)
        if self.error:
            raise self.error

    def heal(self):
        self.going_on.set()
        self.tracer.join()


class Program:
    """A process of the lab's own that does mischief until `heal()`; in a session of its own, so that all of it ends."""

    def __init__(self, *words, **options):
        self.process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        **options)

    def heal(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def contend_for_rtnl():
    """A user without rights who makes and drops interfaces in namespaces of its own: each time, all of them under the one lock
    that addresses are changed under."""
    lines = "\\n".join(f"link add type veth peer" for _ in range(200))
    batch = f"printf '{lines}\\n' | ip -batch - ; :"
    loop = f"while :; do unshare --user --map-root-user --net sh -c \"{batch}\"; done"
    return Program("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", loop)


def flood(path, count=64, question='{"request":"status"}'):
    """So many connections that ask again and again, as fast as they can."""
    return Program(sys.executable, pathlib.Path(__file__).parent / "flood.py", str(path), str(count), question)


class Descriptors:
    """The limit of open descriptors of a process is what it has open now. Nothing happens to one that has ended."""

    def __init__(self, pid):
        self.pid, self.former = pid, None
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            self.former = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            highest = max(map(int, os.listdir(f"/proc/{pid}/fd")))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, self.former[1]))

    def heal(self):
        if self.former:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self.former)


class Runtime:
    """The runtime directory of an agent on a file system of its own. `fill()`: not a byte is left. `freeze()`: nothing can be
    created in it, as where it is read-only."""

    tools = ("chattr",)

    def __init__(self, lab, path, size_kib=32 * 1024):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True)
        _check(_libc.mount(b"tmpfs", str(path).encode(), b"tmpfs", 0, f"size={size_kib}k,mode=755".encode()), "mount")
        lab.closers.append(self.close)

    def fill(self):
        with open(self.path / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def freeze(self):
        subprocess.run(["chattr", "+i", self.path], check=True)

    def heal(self):
        subprocess.run(["chattr", "-i", self.path], check=True)
        (self.path / "filler").unlink(missing_ok=True)

    def close(self):
        subprocess.run(["chattr", "-i", self.path], check=False)
        _libc.umount2(str(self.path).encode(), 2)


class WallClock:
    """The time of day that some processes see: the machine has one for all, and others use it."""

    tools = ("g++",)
    library = None

    def __init__(self, lab, path):
        if WallClock.library is None or not os.path.exists(WallClock.library):
            WallClock.library = f"{lab.dir}/wall_clock.so"
            source = pathlib.Path(__file__).parent / "wall_clock.c"
            subprocess.run(["g++", "-x", "c", "-shared", "-fPIC", "-O1", "-o", self.library, source], check=True)
        self.file = open(path, "w+b", buffering=0)
        self.step(0)
        lab.closers.append(self.file.close)
        self.environment = {"LD_PRELOAD": self.library, "WALL_CLOCK": str(path)}

    def step(self, seconds):
        os.pwrite(self.file.fileno(), struct.pack("=q", seconds * 10**9), 0)

    def heal(self):
        self.step(0)
