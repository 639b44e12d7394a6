"""Asks who has an address, again and again, and notes who answers."""
import socket
import struct
import threading
import time


class ArpAsker:
    """Broadcasts ARP requests from a host's eth0 at a rate; the answers are seen by a Capture."""

    def __init__(self, host, ip, rate=1000):
        self.mac = bytes.fromhex(host.mac.replace(":", ""))
        self.ip, self.rate = ip, rate
        self.source = host.ipv4
        self.handle = host.within(self._open)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @staticmethod
    def _open():
        handle = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        handle.bind(("eth0", 0))
        return handle

    def _work(self):
        frame = (b"\xff" * 6 + self.mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + self.mac +
                 socket.inet_aton(self.source) + b"\0" * 6 + socket.inet_aton(self.ip))
        while not self.stopping.is_set():
            self.handle.send(frame)
            time.sleep(1 / self.rate)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.handle.close()
