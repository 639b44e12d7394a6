"""VRRP packets of any form, made from the RFCs by code that shares nothing with the agent."""
import socket
import struct


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def advert(source, vrid=51, priority=100, version=3, interval_cs=100, addresses=("192.0.2.10",),
           destination="224.0.0.18", pseudo_header=False, wrong_checksum=False, kind=1, count=None, tail=b""):
    """The VRRP payload. IPv4."""
    body = b"".join(socket.inet_aton(a) for a in addresses)
    timing = struct.pack(">BB", 0, max(1, interval_cs // 100)) if version == 2 else struct.pack(">H", interval_cs)
    count = len(addresses) if count is None else count
    head = struct.pack(">BBBB", version << 4 | kind, vrid, priority, count) + timing
    trailer = b"\0" * 8 if version == 2 else b""
    covered = head + b"\0\0" + body + trailer + tail
    pseudo = b""
    if pseudo_header:
        pseudo = (socket.inet_aton(source) + socket.inet_aton(destination) +
                  struct.pack(">BBH", 0, 112, len(covered)))
    value = checksum(pseudo + covered)
    if wrong_checksum:
        value ^= 0x5555
    return head + struct.pack(">H", value) + body + trailer + tail


def frame(source_mac, source, payload, destination="224.0.0.18", ttl=255):
    """An Ethernet frame with an IPv4 header around the payload."""
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0xc0, 20 + len(payload), 0, 0, ttl, 112, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    group = bytes.fromhex("01005e000012")
    return group + bytes.fromhex(source_mac.replace(":", "")) + b"\x08\x00" + header + payload


def frame_v6(source_mac, source, vrid=51, priority=100, addresses=("fe80::200:5eff:fe00:233", "2001:db8::10"),
             interval_cs=100, destination="ff02::12", hops=255):
    """An Ethernet frame with an advertisement over IPv6, version 3."""
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
    body = b"".join(socket.inet_pton(socket.AF_INET6, a) for a in addresses)
    head = struct.pack(">BBBBH", 0x31, vrid, priority, len(addresses), interval_cs)
    value = checksum(ends + struct.pack(">II", len(head) + 2 + len(body), 112) + head + b"\0\0" + body)
    payload = head + struct.pack(">H", value) + body
    header = struct.pack(">IHBB", 0x6c000000, len(payload), 112, hops) + ends
    group = bytes.fromhex("333300000012")
    return group + bytes.fromhex(source_mac.replace(":", "")) + b"\x86\xdd" + header + payload


class Injector:
    """Sends frames from a host's eth0."""

    def __init__(self, host):
        self.handle = host.within(self._open)

    @staticmethod
    def _open():
        handle = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        handle.bind(("eth0", 0))
        return handle

    def send(self, *frames):
        for one in frames:
            self.handle.send(one)

    def close(self):
        self.handle.close()
