"""A mounted file system (FUSE) with one file, which answers, or takes every question and never answers.

Whoever asks it then waits in the kernel, beyond the reach of SIGKILL, as with a dead NFS server.
"""
import ctypes
import errno
import os
import pathlib
import stat
import struct
import threading
import time

LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, OPENDIR, RELEASEDIR = 1, 2, 3, 14, 15, 18, 25, 26, 27, 29
INTERRUPT, BATCH_FORGET = 36, 42
MNT_DETACH = 2
ROOT, FILE = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


class HungMount:
    """`path` is the mount point, `file` the file in it. Mounted before an agent is started, or that does not see it."""

    def __init__(self, lab, content="1\n", name="file", path=None):
        self.content, self.name = content.encode(), name.encode()
        self.path = pathlib.Path(path or pathlib.Path(lab.dir) / "mount")
        self.path.mkdir()
        self.file = str(self.path / name)
        self.hanging, self.waiting, self.asked = False, [], 0
        self.lock = threading.Lock()
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if _libc.mount(b"lab", str(self.path).encode(), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        os.chmod(lab.dir, 0o755)  # checks look as somebody else
        lab.closers.append(self.close)
        threading.Thread(target=self._serve, daemon=True).start()

    def hang(self):
        with self.lock:
            self.hanging = True

    def answer(self):
        """From now on, and what has been asked meanwhile."""
        with self.lock:
            self.hanging = False
            waiting, self.waiting = self.waiting, []
        for request in waiting:
            self._answer(request)

    heal = answer

    def _serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 20)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                os.close(self.device)
                return  # unmounted
            with self.lock:
                if self.hanging:
                    kind, = struct.unpack("<I", request[4:8])
                    self.asked += kind in (LOOKUP, GETATTR, OPEN, READ)
                    self.waiting.append(request)
                    continue
            self._answer(request)

    def _attributes(self, node):
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o600
        now = int(time.time())
        size = len(self.content)
        return struct.pack("<6Q3I7I", node, size, 1, now, now, now, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _answer(self, request):
        _, kind, unique, node = struct.unpack("<IIQQ", request[:24])
        body, failure = request[40:], 0
        data = b""
        if kind in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        if kind == INIT:
            data = struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 16, 12, 65536, 1, 16, 0, 0, *[0] * 7)
        elif kind == LOOKUP and body.rstrip(b"\0") == self.name:
            data = struct.pack("<QQQQII", FILE, 0, 0, 0, 0, 0) + self._attributes(FILE)
        elif kind == LOOKUP:
            failure = errno.ENOENT
        elif kind == GETATTR:
            data = struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        elif kind in (OPEN, OPENDIR):
            direct_io = 1  # no cache: each look asks
            data = struct.pack("<QII", 0, direct_io, 0)
        elif kind == READ:
            offset, size = struct.unpack("<QI", body[8:20])
            data = self.content[offset:offset + size]
        elif kind not in (RELEASE, RELEASEDIR, FLUSH):
            failure = errno.ENOSYS
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), -failure, unique) + data)
        except OSError:
            pass  # whoever asked is gone

    def close(self):
        """It is gone when the last namespace that has it is; then the thread ends."""
        self.answer()
        _libc.umount2(str(self.path).encode(), MNT_DETACH)
