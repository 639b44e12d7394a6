"""The client that sends 2,000 probes a second, and what it saw."""
import json
import os
import signal
import subprocess

from .tools import binaries
from .wait import eventually


class Seen:
    """What a probe saw: sent, lost, loss_windows, segments (who answered when), all times in us."""

    def __init__(self, document):
        self.__dict__.update(document)

    def longest_loss_ms(self):
        return max(((w["to_us"] - w["from_us"]) / 1000 for w in self.loss_windows), default=0.0)

    def answering(self):
        """The MACs in the order in which they answered."""
        return [segment["mac"] for segment in self.segments]

    def timeline(self, names, width=72):
        """A line for people: who answered when; "x" where something was lost. `names`: MAC -> one letter."""
        begin = min(s["from_us"] for s in self.segments + self.loss_windows)
        end = max(s["to_us"] for s in self.segments + self.loss_windows) + 1
        cells = [" "] * width

        def paint(run, letter):
            first = (run["from_us"] - begin) * width // (end - begin)
            last = (run["to_us"] - begin) * width // (end - begin)
            for cell in range(first, last + 1):
                cells[cell] = letter

        for segment in self.segments:
            paint(segment, names.get(segment["mac"], "?"))
        for window in self.loss_windows:
            paint(window, "x")
        return "".join(cells), (end - begin) / 1e6


class Probe:
    """`with Probe(client, address) as probe: …`, then probe.seen."""

    def __init__(self, client, address, rate=2000):
        self.client, self.address, self.rate, self.seen = client, address, rate, None

    def start(self):
        # The client knows its way before the first probe counts.
        ping = ["ping", "-c", "1", "-W", "1", self.address]
        eventually(lambda: subprocess.run(["ip", "netns", "exec", self.client.namespace, *ping],
                                          capture_output=True).returncode == 0, 10,
                   f"{self.address} answers the client")
        self.process = self.client.start(
            os.path.join(binaries(), "lab-probe"), "--interface", "eth0", "--to", self.address,
            "--rate", str(self.rate), stdout=subprocess.PIPE, text=True)
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30)
        self.seen = Seen(json.loads(out))
        return self.seen

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.seen is None:
            self.stop()
