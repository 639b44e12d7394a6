"""Faults of the world around an agent. None of them is a reason to move a VIP, nor for an advertisement to be late."""
import contextlib
import os
import pathlib
import signal
import threading

from lab.inject import Injector, advert, frame
from lab.outside import Descriptors, StoppedThread, contend_for_rtnl, flood

from .cluster import VIPS

NAMES, MOUNT, MANAGER, STATE, CLOCK, HELPERS = "names", "mount", "manager", "state", "clock", "helpers"
DESCRIPTORS = "descriptors"  # of two that overlap, the second would restore the limit of the first
STRANGER = "192.0.2.77"
REPEATED_S = 0.05
# What the agent does not bear yet: only by name, with `chaos --only`.
NOT_YET = {"name server silent", "name server slow", "name server lies", "mount hangs", "manager does not read",
           "kernel lock contended", "stranger", "forged offers"}


def _healed(make):
    """A fault of something that is well again after `heal()`."""
    @contextlib.contextmanager
    def fault(context):
        ill = make(context)
        try:
            yield
        finally:
            ill.heal()
    return fault


def _names(mode):
    def make(context):
        context.cluster.names.be(mode)
        return context.cluster.names
    return _healed(make)


def _of_node(part, method):
    def make(context):
        ill = getattr(context.node, part)
        getattr(ill, method)()
        return ill
    return _healed(make)


def _step(context):
    context.node.clock.step(context.dice.choice((-86400, -3600, 3600, 86400)))
    return context.node.clock


@contextlib.contextmanager
def rules_flushed(context):
    context.node.host.exec("nft", "flush", "ruleset")
    yield


@contextlib.contextmanager
def _stopped(pid):
    if pid:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if pid and os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def prober_stopped(context):
    with _stopped(context.node.child("understudy-run", "understudy-prob")):
        yield


@contextlib.contextmanager
def runner_stopped(context):
    with _stopped(context.node.child("understudy-run")):
        yield


def _writers(context):
    """The threads of the agent that write the log and the journal: those without a name of their own, but for the loop, which
    is the first one."""
    loop = context.node.agent.process.pid
    try:
        names = {int(task.name): (task / "comm").read_text() for task in pathlib.Path(f"/proc/{loop}/task").iterdir()
                 if "TracerPid:\t0\n" in (task / "status").read_text()}  # not stopped by a fault of the same kind
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended, or is just ending
    return [thread for thread, name in sorted(names.items()) if thread != loop and name == names.get(loop)]


class _Several:
    def __init__(self, parts):
        self.parts = parts

    def heal(self):
        for part in self.parts:
            part.heal()


def _stop_writers(context):
    stopped = []
    for thread in _writers(context):
        with contextlib.suppress(ProcessLookupError):
            stopped.append(StoppedThread(thread))
    return _Several(stopped)


@contextlib.contextmanager
def _repeated(context, make):
    """Frames from the client again and again; `make` gives those of one time."""
    injector, over = Injector(context.cluster.client), threading.Event()

    def work():
        while not over.wait(REPEATED_S):
            injector.send(*make())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        injector.close()


@contextlib.contextmanager
def stranger(context):
    """A router of another cluster that was cloned with our VRIDs: a higher priority, and no address in common."""
    mac = context.cluster.client.mac
    frames = [frame(mac, STRANGER, advert(STRANGER, vrid=one.vrid, priority=254, interval_cs=10, addresses=("198.51.100.7",)))
              for one in VIPS]
    with _repeated(context, lambda: frames):
        yield


@contextlib.contextmanager
def forged_offers(context):
    """Somebody on the link offers the addresses in the name of the node that has them, with an interval of 10 ms. Whoever may
    send that may take a VIP, so a move is explained; that nobody has one, or two have, is not."""
    mac, injected = context.cluster.client.mac, []
    for vip in VIPS:
        holder = context.cluster.holder(vip.name)
        if holder and not vip.unicast:
            own = [one.split("/")[0] for one in vip.configured if ":" not in one]
            payload = advert(holder.host.ipv4, vrid=vip.vrid, priority=1, interval_cs=1, addresses=own)
            injected.append(frame(mac, holder.host.ipv4, payload))
    with _repeated(context, lambda: injected):
        yield


# kind: (what it occupies, as in faults.FAULTS; how it is done; the checks that may fail for it)
OUTSIDE = {
    "name server silent": (NAMES, _names("silent"), ("named",)),
    "name server slow": (NAMES, _names("slow"), ("named",)),
    "name server lies": (NAMES, _names("lies"), ("named",)),
    "mount hangs": (MOUNT, _of_node("mount", "hang"), ("mounted",)),
    "manager does not read": (MANAGER, _of_node("manager", "stop_reading"), ()),
    "disk full": (STATE, _of_node("state", "fill"), ()),
    "runtime directory read-only": (STATE, _of_node("state", "freeze"), ()),
    "no descriptors": (DESCRIPTORS, _healed(lambda context: Descriptors(context.node.agent.process.pid)), ()),
    "clock stepped": (CLOCK, _healed(_step), ()),
    "rules flushed": (None, rules_flushed, ()),
    "kernel lock contended": (None, _healed(lambda context: contend_for_rtnl()), ()),
    "status asked by many": (None, _healed(lambda context: flood(context.node.agent.runtime / "status.sock")), ()),
    "stranger": (None, stranger, ()),
    # A run that was under way may have exceeded its time when the prober goes on.
    "prober stopped": (HELPERS, prober_stopped, ("port", "named", "mounted", "stamp")),
    "runner stopped": (HELPERS, runner_stopped, ("gate",)),
    "log not written": (None, _healed(_stop_writers), ()),
}
