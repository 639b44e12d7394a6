"""Asks who has an address, again and again, and notes who answers."""
import socket
import struct
import threading
import time


def raw_socket():
    """On eth0 of the namespace that this thread is in; takes whole frames."""
    handle = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    handle.bind(("eth0", 0))
    return handle


def request(mac, source, address):
    """Who has `address`? Gratuitous where it is the source as well."""
    return (b"\xff" * 6 + mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac +
            socket.inet_aton(source) + b"\0" * 6 + socket.inet_aton(address))


class ArpAsker:
    """Broadcasts ARP requests from a host's eth0 at a rate; the answers are seen by a Capture."""

    def __init__(self, host, ip, rate=1000):
        self.frame = request(bytes.fromhex(host.mac.replace(":", "")), host.ipv4, ip)
        self.rate = rate
        self.handle = host.within(raw_socket)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while not self.stopping.is_set():
            self.handle.send(self.frame)
            time.sleep(1 / self.rate)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.handle.close()
