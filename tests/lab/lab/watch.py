"""Who held an address, and when: every namespace's own word over netlink, with the time it came."""
import select
import socket
import struct
import threading

from .clock import now_us
from .network import enter

RTM_NEWADDR, RTM_DELADDR = 20, 21
RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x10, 0x100
IFA_ADDRESS, IFA_LOCAL = 1, 2


def _messages(data):
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if length < 16:
            return
        yield kind, data[at + 16:at + length]
        at += (length + 3) & ~3


def _address(body):
    family = body[0]
    found = {}
    at = 8
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if length < 4:
            break
        found[kind] = body[at + 4:at + length]
        at += (length + 3) & ~3
    raw = found.get(IFA_LOCAL, found.get(IFA_ADDRESS))
    return socket.inet_ntop(family, raw) if raw else None


class HolderWatch:
    """Watches the given hosts; `events` gives a list of (time in us, host name, address, held)."""

    def __init__(self, *hosts):
        self.hosts, self.raw, self.parsed = hosts, [], []
        self.sockets = {}
        for host in hosts:
            self.sockets[host.within(self._open)] = host.name
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @staticmethod
    def _open():
        handle = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        handle.setsockopt(socket.SOL_SOCKET, 33, 16 * 1024 * 1024)  # SO_RCVBUFFORCE
        handle.bind((0, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        handle.setblocking(False)
        return handle

    def _work(self):
        while not self.stopping.is_set():
            ready, _, _ = select.select(list(self.sockets), [], [], 0.05)
            for handle in ready:
                self._drain(handle)

    def _drain(self, handle):
        # Only taken here: decoding a thousand of them would spoil the times of the last.
        while True:
            try:
                data = handle.recv(64 * 1024)
            except BlockingIOError:
                return
            self.raw.append((now_us(), handle, data))

    @property
    def events(self):
        while self.raw:
            at, handle, data = self.raw.pop(0)
            for kind, body in _messages(data):
                if kind in (RTM_NEWADDR, RTM_DELADDR):
                    self.parsed.append((at, self.sockets[handle], _address(body), kind == RTM_NEWADDR))
        return self.parsed

    def close(self):
        self.stopping.set()
        self.thread.join()
        for handle in self.sockets:
            handle.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def first_held(self, host, address, after=0):
        """When the host was first seen to hold it, or None."""
        return next((at for at, name, what, held in list(self.events)
                     if held and at >= after and name == host.name and what == address), None)

    def first_released(self, host, address, after=0):
        return next((at for at, name, what, held in list(self.events)
                     if not held and at >= after and name == host.name and what == address), None)

    def overlaps(self, address, holding=(), until=None):
        """Spans (from, to) in us during which two hosts held it. `holding`: who did at the start."""
        holders, spans, since = {host.name for host in holding}, [], None
        for at, name, what, held in sorted(self.events):
            if what != address:
                continue
            holders = holders | {name} if held else holders - {name}
            if len(holders) > 1 and since is None:
                since = at
            elif len(holders) < 2 and since is not None:
                spans.append((since, at))
                since = None
        if since is not None:
            spans.append((since, until or now_us()))
        return spans
