"""What a thread waited in: each system call in which it was off the processor until something woke it, from the kernel's own
tracepoints. It is not stopped for that, as by ptrace, and that the processor was busy with others does not count."""
import os
import pathlib
import re
import threading
import typing

from .network import PREFIX, run

EVENTS = ("raw_syscalls/sys_enter", "raw_syscalls/sys_exit", "sched/sched_switch", "sched/sched_waking")
# " comm-12 [001] d..2. 34.567890: sys_enter: NR 232 (...)"
LINE = re.compile(r"^\s*(?P<comm>.+)-(?P<pid>\d+)\s+\[\d+\]\s+\S+\s+(?P<at>\d+\.\d+): (?P<event>\w+): (?P<rest>.*)")
NUMBERS = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
ITS_OWN_EVENTS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")  # in which a loop is meant to wait
SLEEPS = "SD"  # states of a thread that has to be woken; R: another one was run instead


def names():
    """Of the system calls of this machine, by number."""
    try:
        return {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", pathlib.Path(NUMBERS).read_text())}
    except OSError:
        return {}


def most_waited(call):
    """Seconds. Who holds a lock may lose the processor for a slice of the scheduler, about 3 ms, where there are more threads than
    processors; whoever works while it holds the lock takes longer."""
    return 0.005 if call == "futex" else 0.002


class Wait(typing.NamedTuple):
    call: str
    seconds: float  # off the processor, until it was woken
    at: float       # when the call began
    woken_by: str   # the name of the thread that woke it, the last time


class Waits:
    """From the lines of a trace: every system call of one thread as a Wait."""

    def __init__(self, thread):
        self.thread, self.call, self.asleep, self.waited, self.found, self.begun = thread, None, None, 0.0, [], 0.0
        self.woken_by = ""
        self.names, self.states = names(), []  # (since, state) whenever it begins to run, to be ready, to sleep

    def take(self, line):
        match = LINE.search(line)
        if not match:
            return
        at, event, rest, here = float(match["at"]), match["event"], match["rest"], int(match["pid"]) == self.thread
        if event == "sys_enter" and here:
            self.call, self.waited, self.begun, self.woken_by = int(rest.split()[1]), 0.0, at, ""
        elif event == "sys_exit" and here and self.call is not None:
            name = self.names.get(self.call, f"call {self.call}")
            self.found.append(Wait(name, self.waited, self.begun, self.woken_by))
            self.call = None
        elif event == "sched_switch" and f"prev_pid={self.thread} " in rest:
            state = re.search(r"prev_state=(\S)", rest)[1]
            self.asleep = at if state in SLEEPS else None
            self.states.append((at, "slept" if self.asleep else "was ready"))
        elif event == "sched_waking" and f" pid={self.thread} " in rest and self.asleep is not None:
            self.waited += at - self.asleep
            self.asleep, self.woken_by = None, match["comm"]
            self.states.append((at, "was ready"))
        if event == "sched_switch" and f"next_pid={self.thread} " in rest:
            self.states.append((at, "ran"))

    def shares(self, begin, end):
        """What the thread did in a span, in ms: {"ran": ..., "was ready": ..., "slept": ...}."""
        found = {}
        for (since, state), (until, _) in zip(self.states, self.states[1:] + [(end, "")]):
            inside = min(end, until) - max(begin, since)
            if inside > 0:
                found[state] = found.get(state, 0.0) + inside * 1000
        return found


class BlockingWatch:
    """`with BlockingWatch(lab, thread) as watch: ...`, then `watch.waits`. One trace for each thread, beside all others."""

    def __init__(self, lab, thread):
        self.thread, self.waits, self.lost = thread, [], 0
        self.root = pathlib.Path(lab.dir) / "tracing"
        if not self.root.exists():
            self.root.mkdir()
            run("mount", "-t", "tracefs", "none", str(self.root))
            lab.closers.append(lambda: run("umount", "-l", str(self.root), check=False))
            self._sweep()
        self.folder = self.root / "instances" / f"{PREFIX}-{os.getpid()}-{thread}"

    def _sweep(self):
        """What a killed run has left."""
        for left in (self.root / "instances").glob(f"{PREFIX}-*"):
            if not os.path.exists(f"/proc/{left.name.split('-')[1]}"):
                left.rmdir()

    def _set(self, name, value):
        (self.folder / name).write_text(value)

    def __enter__(self):
        self.folder.mkdir()
        self._set("trace_clock", "boot")
        self._set("buffer_size_kb", "16384")
        self._set("set_event_pid", str(self.thread))
        for event in EVENTS:
            self._set(f"events/{event}/enable", "1")
        self.parsed, self.over, self.taken = Waits(self.thread), threading.Event(), []
        self.pipe = os.open(self.folder / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def _read(self):
        """Only takes what comes: to understand it meanwhile would be too slow for a loop that is asked by many."""
        while True:
            last = self.over.wait(0.02)
            while True:
                try:
                    self.taken.append(os.read(self.pipe, 1 << 20))
                except BlockingIOError:
                    break
            if last:
                return

    def __exit__(self, *_):
        for event in EVENTS:
            self._set(f"events/{event}/enable", "0")
        self.over.set()
        self.reader.join()
        os.close(self.pipe)
        self.folder.rmdir()
        for line in b"".join(self.taken).decode(errors="replace").splitlines():
            self.lost += "LOST" in line
            self.parsed.take(line)
        self.waits, self.taken = self.parsed.found, []

    def longer_than(self, seconds, except_for=()):
        return [wait for wait in self.waits if wait.seconds > seconds and wait.call not in except_for]
