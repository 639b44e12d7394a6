"""What the client's cable carries: who says that a virtual address is his."""
import socket
import struct
import threading

from lab.arp import raw_socket, request
from lab.capture import Capture
from lab.inject import checksum

from .cluster import VIP_OF_ADDRESS

ASKED_EVERY_S = 0.05


class Claim:
    """An ARP packet or a neighbour advertisement that gives a virtual address to a MAC.

    An announcement is one that nobody has asked for, and that everybody hears.
    """

    def __init__(self, at, address, mac, what, announcement):
        self.at, self.address, self.mac = at, address, mac
        self.what, self.announcement = what, announcement


class Wire:
    """Captures at the client; `claims` gives what came since it was asked the last time."""

    def __init__(self, client):
        self.capture = Capture(client)
        self.asker = Asker(client)

    def claims(self):
        count = len(self.capture.frames)
        found = [claim for at, frame in self.capture.frames[:count] if (claim := _claim(at, frame))]
        del self.capture.frames[:count]
        return found

    def close(self):
        self.asker.close()
        self.capture.stop()


def _claim(at, frame):
    if frame[12:14] == b"\x08\x06":
        operation, sender = struct.unpack(">H", frame[20:22])[0], socket.inet_ntoa(frame[28:32])
        if sender in VIP_OF_ADDRESS:
            announced = sender == socket.inet_ntoa(frame[38:42])
            what = "gratuitous ARP" if announced else ("an ARP reply" if operation == 2 else "an ARP request")
            return Claim(at, sender, frame[22:28].hex(":"), what, announced)
    elif frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 136:
        target = socket.inet_ntop(socket.AF_INET6, frame[62:78])
        if target in VIP_OF_ADDRESS:
            mac, announced = frame[6:12].hex(":"), frame[:2] == b"\x33\x33"
            return Claim(at, target, mac, "a neighbour advertisement", announced)
    return None


class Asker:
    """Asks from the client for every virtual address, by ARP and by neighbour solicitation."""

    def __init__(self, client):
        self.stopping = threading.Event()
        mac = bytes.fromhex(client.mac.replace(":", ""))
        self.frames = [_solicitation(mac, client.ipv6, address) if ":" in address
                       else request(mac, client.ipv4, address) for address in VIP_OF_ADDRESS]
        self.handle = client.within(raw_socket)
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while not self.stopping.wait(ASKED_EVERY_S):
            for frame in self.frames:
                self.handle.send(frame)

    def close(self):
        self.stopping.set()
        self.thread.join()
        self.handle.close()


def _solicitation(mac, source, address):
    target = socket.inet_pton(socket.AF_INET6, address)
    own = socket.inet_pton(socket.AF_INET6, source)
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + target[13:]
    body = b"\0" * 4 + target + b"\x01\x01" + mac
    pseudo = own + group + struct.pack(">II", 4 + len(body), 58)
    value = checksum(pseudo + b"\x87\0\0\0" + body)
    header = struct.pack(">IHBB", 6 << 28, 4 + len(body), 58, 255) + own + group
    return b"\x33\x33" + group[12:] + mac + b"\x86\xdd" + header + b"\x87\0" + struct.pack(">H", value) + body
