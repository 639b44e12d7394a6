"""Asks a control socket as fast as it answers, over many connections. A program: flood.py SOCKET CONNECTIONS LINE...

Every fourth connection sends and never reads. Prints how many bytes it was sent, once a second."""
import select
import socket
import sys
import time


def connect(path):
    handle = socket.socket(socket.AF_UNIX)
    try:
        handle.connect(path)
    except OSError:
        handle.close()
        return None
    handle.setblocking(False)
    return handle


def main(path, count, lines):
    request = "".join(line + "\n" for line in lines).encode() * 20
    poll = select.epoll()
    open_ones, silent, received, said = {}, set(), 0, time.monotonic()
    while True:
        while len(open_ones) < count and (handle := connect(path)):
            open_ones[handle.fileno()] = handle
            if len(open_ones) % 4 == 0:
                silent.add(handle.fileno())
            poll.register(handle, select.EPOLLIN | select.EPOLLOUT)
        for number, _ in poll.poll(0.1):
            handle = open_ones[number]
            try:
                if number not in silent:
                    received += len(handle.recv(1 << 20)) or close(poll, open_ones, silent, number)
            except BlockingIOError:
                pass
            except OSError:
                close(poll, open_ones, silent, number)
            try:
                handle.send(request)
            except OSError:
                pass
        if time.monotonic() > said + 1:
            print(len(open_ones), received, flush=True)
            received, said = 0, time.monotonic()


def close(poll, open_ones, silent, number):
    if number in open_ones:
        poll.unregister(number)
        silent.discard(number)
        open_ones.pop(number).close()
    return 0


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
