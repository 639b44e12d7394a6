"""What is wrong, and when it was seen."""
import threading

from lab.clock import now_us


class Findings:
    def __init__(self, record):
        self.record, self.found, self.lock = record, [], threading.Lock()

    def add(self, text, at=None):
        at = at or now_us()
        with self.lock:
            if any(text == known for _, known in self.found):
                return
            self.found.append((at, text))
        self.record.note(f"FINDING: {text}", at)

    def __len__(self):
        return len(self.found)
