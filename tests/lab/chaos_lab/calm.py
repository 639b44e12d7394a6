"""Rounds in which nothing happens that a node could see as a reason to move: what is looked for then."""
import contextlib
import json
import os
import subprocess
import sys
import threading

from lab.blocking import ITS_OWN_EVENTS, BlockingWatch, most_waited
from lab.capture import Capture
from lab.clock import now_us

from .cluster import CHECK_INTERVALS, VIP_OF_ADDRESS, VIPS
from .faults import SPARES
from .spans import intersection, total

SECOND = 1_000_000
AFTER = 3 * SECOND  # of a fault, for what it may have caused
# Says when a process like the agents was not run in time on one processor: what they are late by then is not theirs. On
# virtual machines one processor may stand still while the others go on.
HICCUPS = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
last = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
while True:
    time.sleep(0.001)
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if now - last > 2_500_000:
        print(last // 1000, now // 1000, flush=True)
    last = now
"""


class Hiccups:
    def __init__(self):
        self.spans, self.processes, self.threads = [], [], []
        for processor in os.sched_getaffinity(0):
            self.processes.append(subprocess.Popen([sys.executable, "-c", HICCUPS, str(processor)], stdout=subprocess.PIPE,
                                                   text=True))
            self.threads.append(threading.Thread(target=self._work, args=(self.processes[-1],), daemon=True))
            self.threads[-1].start()

    def _work(self, process):
        for line in process.stdout:
            self.spans.append(tuple(map(int, line.split())))

    def within(self, begin, end):
        """How much of a span a processor did not run what wanted to run."""
        return total(intersection(self.spans, [(begin, end)]))

    def close(self):
        for process, thread in zip(self.processes, self.threads):
            process.kill()
            process.wait()
            thread.join()
            process.stdout.close()


class Calm:
    """From its making to `judge()`: no change of any address, no transition, no advertisement late by more than half an
    interval; and the heartbeat waits for nothing but its own events. A check that no fault concerns goes on: check_checks()."""

    def __init__(self, cluster, judge, findings):
        self.cluster, self.judge_of_addresses, self.findings = cluster, judge, findings
        self.hiccups = Hiccups()
        self.captures = {name: Capture(node.host) for name, node in cluster.nodes.items()}
        self.before = self._statuses()
        self.watches, self.watching = {}, contextlib.ExitStack()
        for name, node in cluster.nodes.items():
            self.watches[name] = self.watching.enter_context(BlockingWatch(cluster.lab, node.agent.process.pid))
        self.begun, self.longest, self.longest_wait = now_us(), 0, (0, "", "")

    def _statuses(self):
        found = {}
        for name, node in self.cluster.nodes.items():
            done = node.agent.cli("status", "--json")
            found[name] = json.loads(done.stdout) if done.returncode == 0 else None
        return found

    def judge(self, kinds):
        """`kinds`: of the faults that there were. True if nothing was found."""
        end, found = now_us(), len(self.findings)
        self.watching.close()
        after = self._statuses()
        for capture in self.captures.values():
            capture.stop()
        self.hiccups.close()
        moved = self._addresses(end)
        for name, status in after.items():
            if status is None:
                self.findings.add(f"{name} does not answer after {', '.join(kinds)}", end)
            elif self.before[name]:
                self._transitions(name, self.before[name], status, kinds, moved)
        for name, capture in self.captures.items():
            self._advertisements(name, capture, end)
        for name, watch in self.watches.items():
            self._waits(name, watch)
        return len(self.findings) == found

    def _during(self, moment):
        """The faults that may have to do with it."""
        near = {one.kind for one in list(self.judge_of_addresses.record.disturbances)
                if one.begun <= moment <= (one.ended or moment) + AFTER}
        return ", ".join(sorted(near)) or "nothing"

    def _addresses(self, end):
        """The VIPs that moved."""
        judge, first = self.judge_of_addresses, {}
        judge.absorb()
        changes = [(moment, address) for (_, address), spans in judge.spans.items() for span in spans for moment in span]
        changes += [(since, address) for (_, address), since in judge.since.items()]
        for moment, address in sorted(changes):
            if self.begun < moment < end and address in VIP_OF_ADDRESS:
                first.setdefault(VIP_OF_ADDRESS[address].name, moment)
        for vip, moment in first.items():
            self.findings.add(f"{vip} moved, and the only fault was: {self._during(moment)}", moment)
        return set(first)

    def _transitions(self, name, before, after, kinds, moved):
        former = {one["name"]: one["transitions"] for one in before["vips"]}
        for one in after["vips"]:
            count = one["transitions"] - former[one["name"]]
            if count and one["name"] not in moved:
                self.findings.add(f"{one['name']} on {name} changed its state {count} times after {', '.join(kinds)}: "
                                  f"{one['state']}: {one['reason']}")

    def counts(self, node):
        """(now, {check: (runs, failures)}), or None where no answer can be had."""
        done = node.agent.cli("status", "--json")
        checks = json.loads(done.stdout)["checks"] if done.returncode == 0 else None
        return checks and (now_us(), {check["name"]: (check["runs"], check["failures"]) for check in checks})

    def check_checks(self, node, before):
        """Since `before`, from counts(): the checks that no fault concerns have gone on, and none has failed."""
        after = before and self.counts(node)
        if not after:
            return
        begun, former = before
        at, counts = after
        near = {one.kind for one in list(self.judge_of_addresses.record.disturbances)
                if one.begun < at and (one.ended or at) > begun - AFTER}
        concerned = {check for kind in near for check in SPARES.get(kind, ())}
        for check, interval_s in CHECK_INTERVALS.items():
            if check in concerned:
                continue
            runs, failures = (new - old for new, old in zip(counts[check], former[check]))
            if failures:
                self.findings.add(f"check {check} of {node.name} failed {failures} times: {', '.join(sorted(near)) or 'nothing'}")
            if runs < (at - begun) / SECOND / interval_s / 2 - 1:
                self.findings.add(f"check {check} of {node.name} ran {runs} times in {(at - begun) / SECOND:.1f} s instead of "
                                  f"every {interval_s} s: {', '.join(sorted(near)) or 'nothing'}")

    def _advertisements(self, name, capture, end):
        """As the node itself has sent them: with the kernel's time."""
        own = (self.cluster.nodes[name].host.ipv4, self.cluster.nodes[name].host.link_local)
        for vip in VIPS:
            for source in own:
                times = [one.at for one in capture.adverts(vrid=vip.vrid, after=self.begun) if one.source == source]
                for before, at in zip(times, times[1:]):
                    self._late(name, vip, before, at)
                if times and end - times[-1] > 5 * vip.interval_ms * 1000:
                    self.findings.add(f"{name} advertised {vip.name} no longer: {self._during(times[-1])}", times[-1])

    def _waits(self, name, watch):
        """The first wait in each system call that was too long, and how many there were."""
        first, count = {}, {}
        waits = watch.longer_than(0, ITS_OWN_EVENTS)
        self.longest_wait = max([self.longest_wait, *((wait.seconds, wait.call, wait.woken_by) for wait in waits)])
        for wait in waits:
            begun = int(wait.at * 1e6)
            stalled = self.hiccups.within(begun, begun + int(wait.seconds * 1e6)) / 1e6  # who had the lock may not have been run
            if wait.seconds - stalled > most_waited(wait.call):
                key = wait.call, wait.woken_by
                first.setdefault(key, wait)
                count[key] = count.get(key, 0) + 1
        for key, wait in first.items():
            at = int(wait.at * 1e6)
            self.findings.add(f"the heartbeat of {name} waited {wait.seconds * 1000:.1f} ms in {wait.call}, until {wait.woken_by} "
                              f"woke it, the first time of {count[key]}: {self._during(at)}", at)
        if watch.lost:
            self.findings.add(f"the trace of {name} is not complete")

    def _late(self, name, vip, before, at):
        late = at - before - vip.interval_ms * 1000
        own = late - self.hiccups.within(before, at)
        self.longest = max(self.longest, own)
        if own > vip.interval_ms * 1000 / 2:
            did = self.watches[name].parsed.shares(before / 1e6, at / 1e6)
            self.findings.add(f"{name} advertised {vip.name} {late / 1000:.0f} ms late, {own / 1000:.0f} ms of it while the "
                              f"machine had time ({', '.join(f'{state} {ms:.0f} ms' for state, ms in did.items())}): "
                              f"{self._during(at)}", at)
