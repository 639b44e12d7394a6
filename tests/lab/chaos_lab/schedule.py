"""Which fault comes when: a function of the seed alone, so that a run can be repeated."""
import random

from .cluster import NODE_NAMES, VIPS
from .outside_faults import NOT_YET

LEASE = 2.0
AT_ONCE = 3  # so many faults that last may be planned to overlap
# Seconds between two faults of a round on average. Many at once try how everything fits together; few leave
# the judge fewer excuses.
PACES = (0.35, 0.9, 2.5)

# name: (weight, durations to choose a range from). No duration: over at once.
KINDS = {
    "agent killed": (8, ((0, 0), (0.2, LEASE - 0.5), (LEASE + 0.5, LEASE + 3))),
    "agent frozen": (8, ((0.05, 0.5), (0.5, LEASE - 0.2), (LEASE + 0.3, LEASE + 3))),
    "agent stopped": (6, ((0, 0), (0.3, 3))),
    "cable cut": (6, ((0.1, 1), (1, 6))),
    "carrier lost": (4, ((0.1, 1), (1, 5))),
    "mute": (3, ((0.2, 5),)),
    "deaf": (3, ((0.2, 5),)),
    "mute to VRRP": (4, ((0.2, 5),)),
    "deaf to VRRP": (4, ((0.2, 5),)),
    "path to a peer": (4, ((0.5, 5),)),
    "30 % loss": (5, ((2, 8),)),
    "interface down": (4, ((0.1, 4),)),
    "interface deleted": (4, ((0.1, 4),)),
    "address deleted": (8, ()),
    "server": (6, ((0.1, 0.5), (1, 6))),
    "gate": (4, ((0.2, 1), (1, 6))),
    "stamp": (4, ((0.2, 1), (1, 6))),
    "job": (4, ()),
    "prober killed": (4, ()),
    "runner killed": (2, ((0.5, 5),)),
    "command": (10, ()),
    "rival commands": (4, ()),
    "reload": (8, ((0, 0), (0.2, 6))),
    "maintenance": (4, ((0.5, 6),)),
    "forged offers": (2, ((0.5, 4),)),
}
# What is no reason for anything: beside the others, and in rounds of their own, where nothing at all may happen.
OUTSIDE_KINDS = {
    "name server silent": (2, ((1, 8),)),
    "name server slow": (2, ((1, 8),)),
    "name server lies": (2, ((1, 8),)),
    "mount hangs": (2, ((1, 8),)),
    "manager does not read": (2, ((1, 8),)),
    "disk full": (2, ((1, 8),)),
    "runtime directory read-only": (2, ((1, 8),)),
    "no descriptors": (2, ((0.5, 4),)),
    "clock stepped": (2, ((1.5, 5),)),
    "rules flushed": (2, ()),
    "kernel lock contended": (1, ((1, 3),)),
    "status asked by many": (1, ((1, 4),)),
    "stranger": (2, ((1, 8),)),
    "prober stopped": (2, ((0.2, 6),)),
    "runner stopped": (1, ((0.2, 1.5),)),
    "log not written": (2, ((0.5, 5),)),
}
CALM_ROUNDS = 0.4  # share of the rounds


class Step:
    """One line of the schedule: after `at` seconds of the round, `kind` for `duration` seconds."""

    def __init__(self, at, kind, target, duration, dice):
        self.at, self.kind, self.target, self.duration = at, kind, target, duration
        self.dice = dice  # for what the fault itself has to choose

    def __str__(self):
        lasting = f" for {self.duration:.2f} s" if self.duration else ""
        return f"+{self.at:5.2f} s {self.target}: {self.kind}{lasting}"


def _target(rng):
    """The node that has a VIP, more often than not: what happens to it has more consequences."""
    if rng.random() < 0.6:
        return f"holder of {rng.choice(VIPS).name}"
    return rng.choice(NODE_NAMES)


def is_calm(seed, number):
    """Whether nothing in the round is a reason for anything."""
    return random.Random(f"{seed}/{number}/calm").random() < CALM_ROUNDS


def one_after_the_other(kinds, lasting):
    """Each of these faults for so many seconds, at the first node and at the one that has the first VIP by turns."""
    return [Step(number * lasting, kind, f"holder of {VIPS[0].name}" if number % 2 == 0 else NODE_NAMES[-1], lasting * 0.9,
                 random.Random(number)) for number, kind in enumerate(kinds)], len(kinds) * lasting


def plan(seed, number, length=None):
    """The steps of a round, and how long it is."""
    rng = random.Random(f"{seed}/{number}")
    table = OUTSIDE_KINDS if is_calm(seed, number) else KINDS | OUTSIDE_KINDS
    table = {kind: row for kind, row in table.items() if kind not in NOT_YET}
    chosen = rng.uniform(15, 25)
    length = min(chosen, length or chosen)
    pace = rng.choice(PACES)
    steps, at = [], 0.0
    while True:
        at += rng.expovariate(1 / pace)
        if at >= length:
            return steps, length
        kind = rng.choices(list(table), [weight for weight, _ in table.values()])[0]
        ranges = table[kind][1]
        duration = rng.uniform(*rng.choice(ranges)) if ranges else 0.0
        step = Step(at, kind, _target(rng), duration, random.Random(rng.random()))
        lasting = [one for one in steps if one.duration and one.at + one.duration > at]
        if not duration or len(lasting) < AT_ONCE:
            steps.append(step)
