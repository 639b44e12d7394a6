"""Rounds of faults and quiet until the time is over; then the end, and the report."""
import random
import threading
import time

from lab.clock import now_us
from lab.wait import eventually
from lab.watch import HolderWatch

from . import farewell
from .cluster import NODE_NAMES, VIPS, Cluster
from .calm import Calm
from .faults import FAULTS, NO_START, PROCESS, SHARED, SILENCING, Context
from .findings import Findings
from .judge import SECOND, Judge
from .quiet import Resources, second_instances, unreachable, unsettled
from .record import Record, StallWatch
from .schedule import is_calm, one_after_the_other, plan
from .wire import Wire

# The rest of a lease and its margin (3 s), a check that rises (1.5 s), sockets opened again (1 s),
# active-down twice (1.6 s), and the lull in which nothing happens any more (1 s).
LIVENESS_BUDGET_S = 8.0
LULL_S = 1.0  # longer than active-down: nothing runs out any more that a fault has begun
CALM_S = 1.5
HEALING_BUDGET_S = 40  # an agent that stops waits for a peer, one that starts has 10 s
SHORTEST_ROUND_S = 8.0


class Campaign:
    """`run()` gives whether nothing was found. `lab`: an empty one, whose end is the caller's business. `only`: rounds of these
    faults of the outside world, one after the other, `lasting` seconds each, instead of what the seed gives."""

    tools = Cluster.tools

    def __init__(self, lab, seed, seconds, trace=False, only=(), lasting=4.0):
        self.only, self.lasting, self.most_late, self.longest_wait = only, lasting, 0, (0, "", "")
        self.lab, self.seed, self.seconds, self.trace = lab, seed, seconds, trace
        self.record = Record()
        self.findings = Findings(self.record)
        self.healing, self.busy, self.busy_lock = threading.Event(), set(), threading.Lock()
        self.rounds, self.skipped, self.shown_until, self.logs = 0, 0, 0, {}
        self.longest_settling, self.threads, self.calm = 0.0, [], None

    def run(self):
        self.begun, self.begun_wall = now_us(), time.time()
        self.cluster = Cluster(self.lab, random.Random(f"{self.seed}/elections"))
        watch = HolderWatch(*(node.host for node in self.cluster.nodes.values()))
        self.wire, self.stalls = Wire(self.cluster.client), StallWatch(self.record)
        self.judge = Judge(self.cluster, self.record, self.findings, watch, self.wire)
        self.resources = Resources(self.cluster)
        try:
            for node in self.cluster.nodes.values():
                node.start_agent()
            self._settle()
            self._rounds()
            self._end()
        finally:
            self._end_faults()
            for closing in (self.stalls, self.wire, watch):
                closing.close()
            self.logs = {name: node.agent.log() for name, node in self.cluster.nodes.items()}
        return not self.findings

    def _rounds(self):
        deadline = time.monotonic() + self.seconds
        while not self.findings:
            left = deadline - time.monotonic() - LIVENESS_BUDGET_S
            if self.rounds and left < SHORTEST_ROUND_S:
                return
            if self.only:
                self._round(*one_after_the_other(self.only, self.lasting), calm=True)
            else:
                self._round(*plan(self.seed, self.rounds, max(left, SHORTEST_ROUND_S)), is_calm(self.seed, self.rounds))
            self.rounds += 1
            if self.trace:
                self._show_trace()

    def _round(self, steps, length, calm):
        begin = now_us()
        self.record.note(f"round {self.rounds}: {len(steps)} faults in {length:.1f} s{', nothing may happen' if calm else ''}")
        self.calm = watched = Calm(self.cluster, self.judge, self.findings) if calm else None
        self.healing.clear()
        started = time.monotonic()
        for step in steps:
            self.healing.wait(max(0.0, started + step.at - time.monotonic()))
            self.threads.append(threading.Thread(target=self._play, args=(step,), daemon=True))
            self.threads[-1].start()
        self.healing.wait(max(0.0, started + length - time.monotonic()))
        if watched:
            self._end_faults()
            self.calm = None
            watched.judge([step.kind for step in steps])
            self.most_late = max(self.most_late, watched.longest)
            self.longest_wait = max(self.longest_wait, watched.longest_wait)
        self._heal()
        self._settle()
        self.judge.check(begin, now_us())

    # --- faults ---

    def _play(self, step):
        node = self._node_for(step)
        if node is None:
            self.skipped += 1
            self.record.note(f"left out: {step}")
            return
        detail = f"for {step.duration:.2f} s" if step.duration else ""
        disturbance = self.record.begin(step.kind, node.name, detail)
        context = Context(self.cluster, self.record, node, disturbance, step.dice, self.findings)
        calm = self.calm if step.kind not in SILENCING else None
        before = calm and calm.counts(node)
        try:
            with FAULTS[step.kind][1](context):
                self.healing.wait(step.duration)
                if calm:
                    calm.check_checks(node, before)
        except Exception as error:  # whatever it is, it is shown, and the round goes on
            self.findings.add(f"{disturbance}: {type(error).__name__}: {error}")
        finally:
            self.record.end(disturbance)
            with self.busy_lock:
                self.busy -= self._places(node, step.kind)

    def _node_for(self, step):
        """The node of the step, reserved for it; None if another fault is there that does not go together with it."""
        if step.target in NODE_NAMES:
            node = self.cluster.nodes[step.target]
        else:
            node = self.cluster.holder(step.target.removeprefix("holder of "))
            node = node or self.cluster.nodes[step.dice.choice(NODE_NAMES)]
        places = self._places(node, step.kind)
        with self.busy_lock:
            if places & self.busy:
                return None
            self.busy |= places
        return node

    @staticmethod
    def _places(node, kind):
        groups = {FAULTS[kind][0]} | ({PROCESS} if kind in NO_START else set())
        return {("all" if group in SHARED else node.name, group) for group in groups - {None}}

    def _end_faults(self):
        """Whether all of them have ended; also those of a run that is broken off."""
        self.healing.set()
        deadline = time.monotonic() + HEALING_BUDGET_S
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.threads = [thread for thread in self.threads if thread.is_alive()]
        return not self.threads

    def _heal(self):
        self.record.note("healing")
        if not self._end_faults():
            self.findings.add(f"not healed within {HEALING_BUDGET_S} s: "
                              f"{'; '.join(str(one) for one in self.record.running())}")
        if random.Random(f"{self.seed}/{self.rounds}/failback").random() < 0.5:
            for node in self.cluster.nodes.values():
                node.agent.cli("failback", "--all")
            self.record.note("failback of everything")
        self.record.note("all faults are over")

    # --- quiet ---

    def _settle(self):
        begun = now_us()
        reason = "not asked yet"

        def settled():
            nonlocal reason
            reason = unsettled(self.cluster)
            self.judge.absorb()
            since = max(begun, self.judge.last_change)
            return reason is None and now_us() - since > LULL_S * SECOND
        try:
            eventually(settled, LIVENESS_BUDGET_S, "settled", step=0.05)
        except AssertionError:
            self.findings.add(f"not settled {LIVENESS_BUDGET_S} s after all faults were over: {reason}")
            return
        calm = now_us()
        took = max(0, self.judge.last_change - begun) / SECOND
        self.longest_settling = max(self.longest_settling, took)
        self.record.note(f"settled; the last change came after {took:.2f} s")
        threading.Event().wait(CALM_S)  # nothing is waited for: that nothing happens is looked at afterwards
        self.judge.check_calm(calm, now_us())
        self.judge.check_watch()
        if reason := unsettled(self.cluster):
            self.findings.add(f"it had settled, and {CALM_S} s later: {reason}")
        if also := second_instances(self.cluster):
            self.findings.add(f"the service of batch runs on {also} as well, which do not hold it")
        if silent := unreachable(self.cluster):
            self.findings.add(f"the client gets no answer from {silent} in the quiet phase")
        self._check_alive()
        if self.rounds:
            self.resources.sample()

    def _check_alive(self):
        for name, node in self.cluster.nodes.items():
            if (status := node.agent.process.poll()) is not None:
                self.findings.add(f"the agent of {name} ended by itself with status {status}")
        farewell.check_logs(self.cluster, self.findings)

    def _end(self):
        for growth in self.resources.growth():
            self.findings.add(growth)
        farewell.stop_all(self.cluster, self.findings)
        farewell.check_nothing_left(self.cluster, self.findings)
        farewell.check_logs(self.cluster, self.findings)

    # --- the report ---

    def _line(self, at, text):
        since = (at - self.begun) / SECOND
        wall = time.strftime("%H:%M:%S", time.localtime(self.begun_wall + since))
        return f"{since:9.3f} s  {wall}  {text}"

    def _show_trace(self):
        lines = self.record.lines(self.shown_until, now_us())
        for at, text in lines:
            print(self._line(at, text))
            self.shown_until = at + 1

    def summary(self):
        judge, found = self.judge, self.record.counts
        overlap, unheld = judge.longest_overlap, judge.longest_unheld
        waited, call, woken_by = self.longest_wait
        return "\n".join([
            f"seed {self.seed}: {self.rounds} rounds in {(now_us() - self.begun) / SECOND / 60:.1f} minutes; "
            f"{sum(found.values())} faults, {self.skipped} left out",
            *(f"  {vip}" for vip in VIPS),
            "  " + ", ".join(f"{kind} {count}" for kind, count in sorted(found.items())),
            f"  {judge.moves} moves of VIPs, {judge.claims_seen} claims on the wire; longest stall of the "
            f"machine {self.stalls.longest / 1000:.0f} ms",
            f"  {judge.unheard} holders whose announcement was lost with their cable, and no rival came",
            f"  the last change came {self.longest_settling:.2f} s after the faults at most; the bound for "
            f"all to be settled is {LIVENESS_BUDGET_S} s",
            f"  most that an advertisement was late in a round in which nothing may happen, the machine's own stalls left out: "
            f"{self.most_late / 1000:.1f} ms; longest wait of a heartbeat in a system call "
            f"{waited * 1000:.2f} ms ({call}, until {woken_by} woke it)",
            f"  longest overlap {overlap[0] / SECOND:.3f} s ({overlap[1] or 'none'}); without a fault "
            f"{judge.longest_planned / 1000:.1f} ms",
            f"  longest without a holder {unheld[0] / SECOND:.3f} s ({unheld[1] or 'never'})",
            *("  " + line for line in self.resources.summary())])

    def report(self):
        """What was found, what had been done until then, and what the agents said."""
        if not self.findings:
            return ""
        first = min(at for at, _ in self.findings.found)
        lines = [f"{len(self.findings)} findings; again with --seed {self.seed}"]
        lines += [self._line(at, text) for at, text in sorted(self.findings.found)]
        lines += ["--- the minute before, and what followed"]
        lines += [self._line(at, text) for at, text in self.record.lines(first - 60 * SECOND, now_us())]
        for name, log in self.logs.items():
            lines += [f"--- the log of {name}", log[-20_000:]]
        return "\n".join(lines)
