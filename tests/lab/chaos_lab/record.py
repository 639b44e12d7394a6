"""What was done to the cluster and when. The judge reads it to tell a fault's consequence from a defect."""
import threading

from lab.clock import now_us


class Disturbance:
    """One fault: when it began and ended, and since when and until when the agent was not there for it."""

    def __init__(self, kind, node, detail=""):
        self.kind, self.node, self.detail = kind, node, detail
        self.peer = None           # a fault of the path to this node only
        self.begun, self.ended = now_us(), None
        self.absent_from = None    # the agent is gone or frozen: its addresses may stay until...
        self.absent_grace = 0
        self.absent_until = None

    def __str__(self):
        return f"{self.node}: {self.kind}{' ' + self.detail if self.detail else ''}"


class Record:
    def __init__(self):
        self.lock = threading.Lock()
        self.disturbances, self.history, self.stalls, self.counts = [], [], [], {}

    def begin(self, kind, node, detail=""):
        disturbance = Disturbance(kind, node, detail)
        with self.lock:
            self.disturbances.append(disturbance)
            self.counts[kind] = self.counts.get(kind, 0) + 1
        self.note(f"{disturbance}", disturbance.begun)
        return disturbance

    def end(self, disturbance):
        disturbance.ended = now_us()
        took = (disturbance.ended - disturbance.begun) / 1e6
        self.note(f"{disturbance}: over after {took:.2f} s", disturbance.ended)

    def note(self, text, at=None):
        with self.lock:
            self.history.append((at or now_us(), text))

    def lines(self, begin, end):
        """The history between two moments, oldest first."""
        with self.lock:
            return sorted((at, text) for at, text in self.history if begin <= at <= end)

    def running(self):
        with self.lock:
            return [one for one in self.disturbances if one.ended is None]

    def forget_before(self, moment):
        """What can explain nothing any more."""
        with self.lock:
            self.disturbances = [one for one in self.disturbances if one.ended is None or one.ended >= moment]
            self.history = [row for row in self.history if row[0] >= moment]
            self.stalls = [stall for stall in self.stalls if stall[1] >= moment]


class StallWatch:
    """Sleeps 5 ms again and again, and notes when the machine let it sleep for much longer."""

    TOO_LONG_US = 60_000

    def __init__(self, record):
        self.record, self.longest, self.stopping = record, 0, threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        before = now_us()
        while not self.stopping.wait(0.005):
            now = now_us()
            if now - before > self.TOO_LONG_US:
                self.longest = max(self.longest, now - before)
                with self.record.lock:
                    self.record.stalls.append((before, now))
            before = now

    def close(self):
        self.stopping.set()
        self.thread.join()
