"""What surrounds an agent and may fail: a name server, a mount, a service manager, the kernel's locks, other processes. Each
is well when it is made, is made ill by a method, and is well again after `heal()`."""
import ctypes
import os
import pathlib
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from .network import enter

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


class NameServer:
    """A DNS server on port 53 of a host. It knows one name, and has the same address for it always."""

    SLOW_S = 3

    def __init__(self, host, name, address):
        self.question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
        self.address = socket.inet_aton(address)
        self.mode, self.asked, self.rng = "answers", 0, random.Random(1)
        self.socket = host.within(self._open)
        threading.Thread(target=self._work, daemon=True).start()
        host.lab.closers.append(self.close)

    @staticmethod
    def _open():
        handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        handle.bind(("", 53))
        return handle

    def _work(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            self.asked += 1
            if self.mode == "slow":
                threading.Timer(self.SLOW_S, self._send, (self._answer(query), peer)).start()
            elif self.mode == "lies":
                self._send(self._lie(query), peer)
            elif self.mode == "answers":
                self._send(self._answer(query), peer)

    def _send(self, answer, peer):
        try:
            self.socket.sendto(answer, peer)
        except OSError:
            pass  # nobody waits any more

    def _answer(self, query, address=None, code=0):
        end = query.index(b"\0", 12) + 5
        kind = struct.unpack(">H", query[end - 4:end - 2])[0]
        known = query[12:end - 4].lower() == self.question
        has = known and kind == 1 and code == 0
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | (code or (0 if known else 3)), 1, int(has), 0, 0)
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + (address or self.address)
        return head + query[12:end] + (record if has else b"")

    def _lie(self, query):
        good = self._answer(query)
        return self.rng.choice([
            self._answer(query, code=3), self._answer(query, code=2),
            self._answer(query, address=socket.inet_aton("198.51.100.99")),
            os.urandom(2) + good[2:], good[:14], good[:12] + b"\xc0\x0c" * 20, os.urandom(100),
            good[:2] + b"\x83\x80" + good[4:]])

    def heal(self):
        self.mode = "answers"

    def close(self):
        self.socket.close()


def resolve_with(host, server):
    """Programs that start in the host from now on ask that name server: `ip netns exec` binds the file for them."""
    folder = pathlib.Path("/etc/netns") / host.namespace
    folder.mkdir(parents=True)
    (folder / "resolv.conf").write_text(f"nameserver {server}\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\npasswd: files\ngroup: files\n")

    def forget():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    host.lab.closers.append(forget)


class FileSystem:
    """A file system in user space (fuse(4)) with one empty file, `stamp`. `hang()`: it takes requests and answers none, as a
    server of files that has died; a process that waits for it cannot be killed."""

    INIT, LOOKUP, GETATTR, FORGET, BATCH_FORGET, INTERRUPT = 26, 1, 3, 2, 42, 36
    EIO, ENOENT, ENOSYS = 5, 2, 38

    def __init__(self, lab, path):
        self.path, self.hung, self.held, self.lock = str(path), False, [], threading.Lock()
        os.makedirs(path)
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        _check(_libc.mount(b"lab", self.path.encode(), b"fuse", 0, options.encode()), "mount")
        threading.Thread(target=self._work, daemon=True).start()
        lab.closers.append(self.close)

    def _work(self):
        while True:
            try:
                request = os.read(self.device, 1 << 17)
            except OSError:
                return
            with self.lock:
                if self.hung:
                    self.held.append(request)
                    continue
            self._serve(request)

    def _serve(self, request):
        _, operation, unique, node = struct.unpack_from("=IIQQ", request)
        if operation in (self.FORGET, self.BATCH_FORGET, self.INTERRUPT):
            return
        error, body = 0, b""
        if operation == self.INIT:
            body = struct.pack("=IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, 4096, 1, 1, 0, 0)
        elif operation == self.LOOKUP:
            is_stamp = request[40:].rstrip(b"\0") == b"stamp"
            error, body = (0, struct.pack("=QQQQII", 2, 0, 0, 0, 0, 0) + self._attributes(2)) if is_stamp else (self.ENOENT, b"")
        elif operation == self.GETATTR:
            body = struct.pack("=QII", 0, 0, 0) + self._attributes(node)
        else:
            error = self.ENOSYS
        try:
            os.write(self.device, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)
        except OSError:
            pass  # it was given up

    @staticmethod
    def _attributes(node):
        mode, now = (0o40755, 0o100644)[node == 2], int(time.time())
        return struct.pack("=QQQQQQIIIIIIIIII", node, 0, 0, now, now, now, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def hang(self):
        self.hung = True

    def heal(self):
        with self.lock:
            self.hung, held, self.held = False, self.held, []
        for request in held:
            self._serve(request)

    def close(self):
        self.heal()
        _libc.umount2(self.path.encode(), 2)  # MNT_DETACH
        os.close(self.device)


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


FLOOD = """
import selectors, socket, sys
path, count, question = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode() + b"\\n"
selector = selectors.DefaultSelector()
def connect():
    one = socket.socket(socket.AF_UNIX)
    try:
        one.connect(path)
    except OSError:
        return
    one.setblocking(False)
    selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)
for _ in range(count):
    connect()
while True:
    for key, events in selector.select(0.1) or [(None, 0)]:
        if key is None:
            connect()
            continue
        try:
            if events & selectors.EVENT_READ and not key.fileobj.recv(65536):
                raise OSError
            if events & selectors.EVENT_WRITE:
                key.fileobj.send(question)
        except BlockingIOError:
            pass
        except OSError:
            selector.unregister(key.fileobj)
            key.fileobj.close()
            connect()
"""


def flood(path, count=64, question='{"request":"status"}'):
    """So many connections that ask again and again, as fast as they can."""
    return Program(sys.executable, "-c", FLOOD, str(path), str(count), question)


class Descriptors:
    """The limit of open descriptors of a process is what it has open now."""

    def __init__(self, pid):
        import resource
        self.set = lambda limits: resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        self.former = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        highest = max(map(int, os.listdir(f"/proc/{pid}/fd")))
        self.set((highest + 1, self.former[1]))

    def heal(self):
        self.set(self.former)


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
