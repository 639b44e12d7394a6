"""How each fault is brought about, and how it heals. Each is a context: what is inside `with` lasts."""
import contextlib
import os
import signal
import subprocess
import threading

from lab.clock import now_us
from lab.network import run
from lab.wait import eventually

from .cluster import LEASE_S, NODE_NAMES, RELOADED, VIPS
from .outside_faults import NAMES, OUTSIDE, forged_offers

ABSENT_MARGIN_S = 1.0  # the kernel counts lifetimes in seconds
PROCESS, CABLE, SERVER, GATE, STAMP = "process", "cable", "server", "gate", "stamp"
CONFIGURATION = "configuration"


class Context:
    """What a fault needs: the cluster, its node, its own entry in the record, its dice."""

    def __init__(self, cluster, record, node, disturbance, dice, findings):
        self.cluster, self.record, self.node = cluster, record, node
        self.disturbance, self.dice, self.findings = disturbance, dice, findings

    def absent(self, grace_s):
        self.disturbance.absent_from = now_us()
        self.disturbance.absent_grace = int(grace_s * 1e6)

    def back(self):
        self.disturbance.absent_until = now_us()

    def own_end(self):
        """Whether it has ended by itself: a finding, and it is started again."""
        status = self.node.agent.process.poll()
        if status is not None:
            self.findings.add(f"the agent of {self.node.name} ended by itself with status {status}")
        return status is not None


# --- the agent ---

@contextlib.contextmanager
def killed(context):
    if not context.own_end():
        context.absent(LEASE_S + ABSENT_MARGIN_S)
        context.node.agent.kill9()
    yield
    context.back()
    context.node.start_agent()


@contextlib.contextmanager
def frozen(context):
    context.own_end()
    context.absent(LEASE_S + ABSENT_MARGIN_S)
    context.node.agent.freeze()
    yield
    context.back()
    context.node.agent.thaw()


def _stop(context):
    if context.own_end():
        return
    try:
        status = context.node.agent.stop(timeout=15)
    except subprocess.TimeoutExpired:
        context.findings.add(f"{context.node.name} did not stop within 15 s of SIGTERM")
        context.node.agent.kill9()
        status = 0
    if status != 0:
        context.findings.add(f"{context.node.name} stopped with status {status}")
    context.absent(0.5)


@contextlib.contextmanager
def stopped(context):
    _stop(context)
    yield
    context.back()
    context.node.start_agent()


@contextlib.contextmanager
def runner_killed(context):
    """Checks are unknown after a while, and the agent is to be restarted: that is what the manual says."""
    runner = context.node.child("understudy-run")
    if runner:
        os.kill(runner, signal.SIGKILL)
    yield
    _stop(context)
    context.back()
    context.node.start_agent()


@contextlib.contextmanager
def prober_killed(context):
    prober = context.node.child("understudy-run", "understudy-prob")
    if prober:
        os.kill(prober, signal.SIGKILL)
    yield


# --- cable and interface ---

def _filtered(*rules):
    @contextlib.contextmanager
    def fault(context):
        switch = context.cluster.lab.switch
        table = f"chaos{context.disturbance.begun}"
        ports = {"port": context.node.host.port}
        if any("{peer}" in rule for rule in rules):
            other = context.dice.choice([name for name in NODE_NAMES if name != context.node.name])
            context.disturbance.peer = other
            ports["peer"] = context.cluster.nodes[other].host.port
            context.record.note(f"{context.disturbance}: that peer is {other}")
        chosen = context.dice.choice([rules, rules[:1]]) if "peer" in ports else rules
        text = "; ".join(rule.format(**ports) for rule in chosen)
        chain = f"chain forward {{ type filter hook forward priority 0; {text}; }}"
        run("ip", "netns", "exec", switch, "nft", "-f", "-", input=f"table bridge {table} {{ {chain}; }}\n")
        yield
        run("ip", "netns", "exec", switch, "nft", "delete", "table", "bridge", table)
    return fault


@contextlib.contextmanager
def cut(context):
    context.node.host.cut()
    yield
    context.node.host.heal()


@contextlib.contextmanager
def carrier_lost(context):
    host = context.node.host
    run("ip", "-n", host.lab.switch, "link", "set", host.port, "down")
    yield
    run("ip", "-n", host.lab.switch, "link", "set", host.port, "up")


@contextlib.contextmanager
def interface_down(context):
    context.node.host.link_down()
    yield
    context.node.host.link_up()


@contextlib.contextmanager
def interface_deleted(context):
    context.node.host.delete_link()
    yield
    context.node.plug_in()


@contextlib.contextmanager
def address_deleted(context):
    held = sorted(context.node.held())
    if held:
        address = context.dice.choice(held)
        vip = next(one for one in VIPS if address in one.addresses)
        context.record.note(f"{context.disturbance}: {address}")
        context.node.host.ip("address", "delete", vip.prefixed(address), "dev", "eth0", check=False)
    yield


# --- what the checks look at ---

@contextlib.contextmanager
def server_dies(context):
    context.node.stop_serving()
    yield
    context.node.serve()


@contextlib.contextmanager
def job_dies(context):
    context.node.job.unlink(missing_ok=True)
    yield


def _file_gone(name):
    @contextlib.contextmanager
    def fault(context):
        (context.node.folder / name).unlink()
        yield
        (context.node.folder / name).touch()
    return fault


# --- the operator ---

def _command(context, node, words):
    begun = now_us()
    done = node.agent.cli(*words)
    said = (done.stdout + done.stderr).strip().replace("\n", " / ")
    context.record.note(f"{node.name}: understudy {' '.join(words)}: {done.returncode}: {said}")
    excused = any(one.node == node.name and one.kind in STOPPING
                  for one in list(context.record.disturbances) if one.ended is None or one.ended > begun)
    if done.returncode not in (0, 1) and not (done.returncode == 3 and excused):
        context.findings.add(f"{node.name}: understudy {' '.join(words)} gave {done.returncode}: {said}")


def _words(dice):
    vip = dice.choice(VIPS).name
    return dice.choice([("failover", vip, "--timeout", "2s"), ("failover", "--all", "--timeout", "2s"),
                        ("takeover", vip), ("takeover", vip, "--force"),
                        ("failback", vip), ("failback", "--all")])


@contextlib.contextmanager
def command(context):
    _command(context, context.node, _words(context.dice))
    yield


@contextlib.contextmanager
def rival_commands(context):
    others = [name for name in NODE_NAMES if name != context.node.name]
    other = context.cluster.nodes[context.dice.choice(others)]
    vip = context.dice.choice(VIPS).name
    pair = context.dice.choice([("takeover", "takeover"), ("failover", "takeover"), ("failover", "failover")])
    threads = [threading.Thread(target=_command, args=(context, node, (verb, vip)), daemon=True)
               for node, verb in zip((context.node, other), pair)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield


# What a reload changes for a while, in the text of a node's file.
VARIANTS = (
    lambda text: text,
    lambda text: text.replace("extra_address = 192.0.2.11/24", "extra_address = 192.0.2.11/24\n"
                              f"extra_address = {RELOADED}/24"),
    lambda text: text.replace("priority = 100", "priority = 110"),
    lambda text: text.replace("preempt = no", "preempt = yes"),
    lambda text: text.replace("interval = 200ms\nfast_interval", "interval = 300ms\nfast_interval"),
    lambda text: text.replace("track = stamp weight=-40\n", ""),
)


@contextlib.contextmanager
def reloaded(context):
    """Another configuration, and later the former one again; an invalid one in between changes nothing."""
    node = context.node
    former = node.agent.config.read_text()
    node.agent.config.write_text(context.dice.choice(VARIANTS)(former))
    _command(context, node, ("reload",))
    yield
    with node.configuring:
        node.agent.config.write_text(former.replace("vrid = 51", "vrid = 510"))
        if node.agent.cli("reload").returncode == 0:
            context.findings.add(f"{node.name} took an invalid configuration")
        node.agent.config.write_text(former)
    _command(context, node, ("reload",))


@contextlib.contextmanager
def maintained(context):
    _command(context, context.node, ("maintenance", "on", "--timeout", "1s"))
    yield
    # The agent may be starting again, or be frozen.
    eventually(lambda: context.node.agent.cli("maintenance", "off").returncode == 0, 20,
               lambda: f"the maintenance of {context.node.name} is ended", step=0.2)


# kind: (what it occupies on its node, so that no two such faults meet there; how it is done)
FAULTS = {
    "agent killed": (PROCESS, killed),
    "agent frozen": (PROCESS, frozen),
    "agent stopped": (PROCESS, stopped),
    "runner killed": (PROCESS, runner_killed),
    "prober killed": (None, prober_killed),
    "cable cut": (CABLE, cut),
    "carrier lost": (CABLE, carrier_lost),
    "mute": (CABLE, _filtered('iifname "{port}" drop')),
    "deaf": (CABLE, _filtered('oifname "{port}" drop')),
    "mute to VRRP": (CABLE, _filtered('iifname "{port}" ip protocol 112 drop',
                                      'iifname "{port}" ip6 nexthdr 112 drop')),
    "deaf to VRRP": (CABLE, _filtered('oifname "{port}" ip protocol 112 drop',
                                      'oifname "{port}" ip6 nexthdr 112 drop')),
    "path to a peer": (CABLE, _filtered('iifname "{port}" oifname "{peer}" drop',
                                        'iifname "{peer}" oifname "{port}" drop')),
    "30 % loss": (CABLE, _filtered('iifname "{port}" numgen random mod 100 < 30 drop',
                                   'oifname "{port}" numgen random mod 100 < 30 drop')),
    "interface down": (CABLE, interface_down),
    "interface deleted": (CABLE, interface_deleted),
    "address deleted": (None, address_deleted),
    "server": (SERVER, server_dies),
    "gate": (GATE, _file_gone("gate")),
    "stamp": (STAMP, _file_gone("stamp")),
    "job": (None, job_dies),
    "command": (None, command),
    "rival commands": (None, rival_commands),
    "reload": (CONFIGURATION, reloaded),
    "maintenance": (CONFIGURATION, maintained),
    "forged offers": (None, forged_offers),
    **{kind: (group, fault) for kind, (group, fault, _) in OUTSIDE.items()},
}
# There is one of them for all nodes.
SHARED = {NAMES}
# An agent that cannot accept a connection cannot be asked.
SILENCING = {"no descriptors"}
# An agent that cannot replace its sockets does not start; its unit tries again every 5 s, the lab does not.
NO_START = {"runtime directory read-only"}
# The checks that may fail for a fault that is no reason for anything else.
SPARES = {kind: checks for kind, (_, _, checks) in OUTSIDE.items()}
DEAFENING = {kind for kind, (group, _) in FAULTS.items() if group == CABLE}
STOPPING = {kind for kind, (group, _) in FAULTS.items() if group == PROCESS}
