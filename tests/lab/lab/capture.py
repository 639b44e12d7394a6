"""What was on the wire: captured with kernel time stamps, decoded here from the RFCs, judged by tshark."""
import os
import select
import socket
import struct
import subprocess
import threading

from .clock import realtime_offset_us

SO_TIMESTAMPNS = 35
ETH_P_ALL = 3


class Advert:
    """A VRRP packet: time (us), source, destination, ttl, version, vrid, priority, interval_ms, payload."""

    def __init__(self, at, source, destination, ttl, payload):
        self.at, self.source, self.destination, self.ttl, self.payload = at, source, destination, ttl, payload
        self.version, self.vrid, self.priority = payload[0] >> 4, payload[1], payload[2]
        if self.version == 2:
            self.interval_ms = payload[5] * 1000
        else:
            self.interval_ms = (struct.unpack(">H", payload[4:6])[0] & 0xfff) * 10

    def __repr__(self):
        return f"<{self.at} {self.source} v{self.version} vrid {self.vrid} priority {self.priority}>"


class Arp:
    """An ARP packet: time (us), operation (1 request, 2 reply), sender MAC and IP, target IP."""

    def __init__(self, at, operation, sender_mac, sender_ip, target_ip):
        self.at, self.operation, self.sender_mac = at, operation, sender_mac
        self.sender_ip, self.target_ip = sender_ip, target_ip

    @property
    def gratuitous(self):
        return self.sender_ip == self.target_ip


class Capture:
    """Everything that passes an interface of a host, until stop()."""

    def __init__(self, host, interface="eth0"):
        self.host, self.frames = host, []
        self.offset = realtime_offset_us()
        self.handle = host.within(lambda: self._open(interface))
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        host.lab.closers.append(self.stop)

    @staticmethod
    def _open(interface):
        handle = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        handle.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        handle.setsockopt(socket.SOL_SOCKET, 33, 64 * 1024 * 1024)  # SO_RCVBUFFORCE
        handle.bind((interface, ETH_P_ALL))
        handle.setblocking(False)
        return handle

    def _work(self):
        while not self.stopping.is_set():
            select.select([self.handle], [], [], 0.05)
            self._drain()

    def _drain(self):
        while True:
            try:
                frame, control, _, _ = self.handle.recvmsg(65536, 128)
            except (BlockingIOError, OSError):
                return
            at = 0
            for level, kind, data in control:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", data[:16])
                    at = seconds * 1_000_000 + nanoseconds // 1000 + self.offset
            self.frames.append((at, frame))

    def stop(self):
        if not self.stopping.is_set():
            self.stopping.set()
            self.thread.join()
            self._drain()
            self.handle.close()
        return self

    def adverts(self, vrid=None, after=0):
        found = []
        for at, frame in list(self.frames):
            kind = struct.unpack(">H", frame[12:14])[0]
            if kind == 0x0800 and frame[23] == 112:
                header = (frame[14] & 15) * 4
                length = struct.unpack(">H", frame[16:18])[0]
                advert = Advert(at, socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34]), frame[22],
                                frame[14 + header:14 + length])
            elif kind == 0x86dd and frame[20] == 112:
                length = struct.unpack(">H", frame[18:20])[0]
                advert = Advert(at, socket.inet_ntop(socket.AF_INET6, frame[22:38]),
                                socket.inet_ntop(socket.AF_INET6, frame[38:54]), frame[21],
                                frame[54:54 + length])
            else:
                continue
            if at >= after and (vrid is None or advert.vrid == vrid):
                found.append(advert)
        return found

    def arps(self, ip=None, after=0):
        found = []
        for at, frame in list(self.frames):
            if frame[12:14] != b"\x08\x06" or at < after:
                continue
            operation = struct.unpack(">H", frame[20:22])[0]
            arp = Arp(at, operation, frame[22:28].hex(":"), socket.inet_ntoa(frame[28:32]),
                      socket.inet_ntoa(frame[38:42]))
            if ip is None or arp.sender_ip == ip:
                found.append(arp)
        return found

    def neighbour_advertisements(self, ip, after=0):
        """Times and source MACs of the Neighbour Advertisements for a target."""
        target = socket.inet_pton(socket.AF_INET6, ip)
        return [(at, frame[6:12].hex(":")) for at, frame in list(self.frames)
                if at >= after and frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 136
                and frame[62:78] == target]

    def write_pcap(self, path):
        with open(path, "wb") as out:
            out.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for at, frame in self.frames:
                at -= self.offset
                out.write(struct.pack("=IIII", at // 1_000_000, at % 1_000_000, len(frame), len(frame)))
                out.write(frame)


def tshark_problems(capture):
    """What tshark finds wrong with the VRRP packets of a capture: one line for each bad one.

    tshark 4.0 verifies the version 3 checksum over IPv4 with the pseudo-header and without it calls the
    checksum wrong, so for IPv4 version 3 its verdict on checksums is left aside (`internet_checksum_problems`
    judges both forms); version 2 and IPv6 are taken at its word. Malformed packets are reported for all.
    """
    path = os.path.join(capture.host.lab.dir, "capture.pcap")
    capture.write_pcap(path)
    out = subprocess.run(
        ["tshark", "-r", path, "-o", "ip.check_checksum:TRUE", "-Y",
         "vrrp && (_ws.malformed || ip.checksum.status == 0 || "
         "(vrrp.checksum.status == 0 && !(ip && vrrp.version == 3)))",
         "-T", "fields", "-e", "frame.number", "-e", "ip.src", "-e", "ipv6.src", "-e", "_ws.col.Info"],
        text=True, capture_output=True)
    if out.returncode != 0:
        raise RuntimeError(out.stderr)
    return out.stdout.splitlines() + internet_checksum_problems(capture)


tshark_problems.tools = ("tshark",)


def _sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def internet_checksum_problems(capture):
    """IPv4 version 3: neither the RFC 9568 form nor the one with the pseudo-header is right."""
    bad = []
    for advert in capture.adverts():
        if ":" in advert.source or advert.version != 3:
            continue
        pseudo = (socket.inet_aton(advert.source) + socket.inet_aton(advert.destination) +
                  struct.pack(">BBH", 0, 112, len(advert.payload)))
        if _sum(advert.payload) != 0xffff and _sum(pseudo + advert.payload) != 0xffff:
            bad.append(f"{advert} has a wrong checksum")
    return bad
