"""Name servers that answer, are slow or are silent, and the files that a node resolves names with."""
import collections
import pathlib
import select
import shutil
import socket
import struct
import threading
import time

from .network import enter

TYPES = {1: "A", 28: "AAAA"}


def resolver_files(host, servers=(), hosts="", options="", nsswitch="files dns"):
    """resolv.conf, hosts and nsswitch.conf of what is started in the node from now on (ip-netns(8))."""
    folder = pathlib.Path("/etc/netns") / host.namespace
    if not folder.exists():
        folder.mkdir(parents=True)
        host.lab.closers.append(lambda: shutil.rmtree(folder, ignore_errors=True))
    lines = [f"nameserver {server}" for server in servers] + ([f"options {options}"] if options else [])
    # In place: what runs has this very file mounted over its own.
    (folder / "resolv.conf").write_text("".join(f"{line}\n" for line in lines))
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
    (folder / "nsswitch.conf").write_text(f"hosts: {nsswitch}\n")


def question_of(query):
    """The name and type in the first question of a DNS message, and where the question ends."""
    labels, place = [], 12
    while query[place] != 0:
        labels.append(query[place + 1:place + 1 + query[place]].decode())
        place += 1 + query[place]
    kind, = struct.unpack("!H", query[place + 1:place + 3])
    return ".".join(labels).lower(), TYPES.get(kind, str(kind)), place + 5


def reply_to(query, addresses, truncated=False):
    """The answer with these addresses of the type that was asked for; None for a name that does not exist."""
    _, kind, end = question_of(query)
    family = socket.AF_INET if kind == "A" else socket.AF_INET6
    chosen = [a for a in addresses or [] if (":" in a) == (kind == "AAAA")]
    flags = 0x8180 | (0x0200 if truncated else 0) | (3 if addresses is None else 0)
    records = b"" if truncated else b"".join(
        struct.pack("!HHHIH", 0xC00C, 1 if kind == "A" else 28, 1, 5, 4 if kind == "A" else 16) +
        socket.inet_pton(family, a) for a in chosen)
    count = 0 if truncated else len(chosen)
    return query[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + query[12:end] + records


class NameServer:
    """In a node, by UDP and TCP. `names`: name -> addresses; `silent`: a set of names, or of types, or True.

    A silent one takes every question and answers none. An address of IPv6 that is link-local has an interface. `delay` seconds pass before each answer.
    """

    def __init__(self, host, names=None, address=None, port=53, delay=0, silent=False, truncated=False, interface=None):
        self.names, self.delay, self.silent, self.truncated = names or {}, delay, silent, truncated
        self.questions, self.closed = [], False
        ready = threading.Event()
        address = address or host.ipv4

        def work():
            enter(host.namespace)
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            place = (address, port, 0, socket.if_nametoindex(interface)) if interface else (address, port)
            self.udp = socket.socket(family, socket.SOCK_DGRAM)
            self.udp.bind(place)
            self.tcp = socket.create_server(place, family=family)
            threading.Thread(target=self._serve_tcp, daemon=True).start()
            ready.set()
            self._serve_udp()

        threading.Thread(target=work, daemon=True).start()
        ready.wait(5)
        host.lab.closers.append(self.close)

    def _answers(self, name, kind):
        self.questions.append((time.monotonic(), name, kind))
        if self.silent is True:
            return False
        return not self.silent or not {name, kind} & set(self.silent)

    def reply(self, query):
        return reply_to(query, self.names.get(question_of(query)[0]), self.truncated)

    def _serve_udp(self):
        due = collections.deque()  # of answers, the oldest first
        while not self.closed:
            wait = max(0, due[0][0] - time.monotonic()) if due else 0.2
            try:
                if select.select([self.udp], [], [], wait)[0]:
                    query, client = self.udp.recvfrom(4096)
                    name, kind, _ = question_of(query)
                    if self._answers(name, kind):
                        reply = self.reply(query)
                        due.append((time.monotonic() + self.delay, reply, client))
                while due and due[0][0] <= time.monotonic():
                    _, reply, client = due.popleft()
                    self.udp.sendto(reply, client)
            except (OSError, ValueError, IndexError, struct.error):
                continue

    def _serve_tcp(self):
        while not self.closed:
            try:
                connection, _ = self.tcp.accept()
                with connection:
                    size, = struct.unpack("!H", connection.recv(2))
                    query = connection.recv(size)
                    reply = reply_to(query, self.names.get(question_of(query)[0]))
                    connection.sendall(struct.pack("!H", len(reply)) + reply)
            except (OSError, IndexError, struct.error):
                continue

    def close(self):
        self.closed = True
        for one in (self.udp, self.tcp):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
