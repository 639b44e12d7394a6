"""What must be true when everything works again: one holder each, agreement, and nothing that grows."""
import json
import pathlib
import time

from .cluster import RELOADED, VIPS

LOW_BAND = 16  # who advertises no more than this wants to be relieved
RSS_GROWTH_KIB = 4096
FD_GROWTH = 4


def unsettled(cluster):
    """Why the cluster has not settled, or nothing."""
    statuses = {}
    for name, node in cluster.nodes.items():
        done = node.agent.cli("status", "--json")
        if done.returncode != 0:
            return f"{name} does not answer: {done.returncode}: {done.stdout}{done.stderr}"
        statuses[name] = json.loads(done.stdout)
    for name, status in statuses.items():
        if status["maintenance"]:
            return f"{name} is in maintenance"
        if cluster.nodes[name].host.holds(RELOADED):
            return f"{name} has an address that no configuration names any more"
        for check in status["checks"]:
            if check["state"] != "up" and check["name"] != "job":
                return f"check {check['name']} of {name} is {check['state']}: {check['detail']}"
    held = {name: node.held() for name, node in cluster.nodes.items()}
    for vip in VIPS:
        shown = {name: next(one for one in status["vips"] if one["name"] == vip.name)
                 for name, status in statuses.items()}
        if why := _unsettled_vip(cluster, vip, shown, held):
            return f"{vip.name}: {why}"
    return None


def _unsettled_vip(cluster, vip, shown, held):
    states = {name: one["state"] for name, one in shown.items()}
    if sorted(states.values()) != ["active", "backup", "backup"]:
        return f"states {states}"
    active = next(name for name, state in states.items() if state == "active")
    own = cluster.nodes[active].host
    priorities = {name: one["priority"]["effective"] for name, one in shown.items()}
    for name, one in shown.items():
        wanted = set(vip.addresses) if name == active else set()
        if held[name] & set(vip.addresses) != wanted:
            return f"{active} is active, and {name} has {sorted(held[name] & set(vip.addresses))}"
        if any(address["held"] != (name == active) for address in one["addresses"]):
            return f"{active} is active, and {name} says {one['addresses']}"
        seen = (one["active"] or {}).get("address")
        if seen not in (own.ipv4, own.link_local):
            return f"{active} is active, and {name} thinks {one['active']}"
        better = priorities[name] > max(priorities[active], LOW_BAND)
        if better and (vip.preempt[name] or priorities[active] <= LOW_BAND):
            return f"{name} is about to take it: {priorities}, {active} is active"
    return None


def second_instances(cluster):
    """Nodes on which the service runs that must run on the active node only."""
    active = cluster.holder("batch")
    return [name for name, node in cluster.nodes.items() if node.job.exists() and node is not active]


def unreachable(cluster):
    """The virtual addresses that do not answer the client's ping."""
    silent = []
    for vip in VIPS:
        for address in vip.addresses:
            scoped = f"{address}%eth0" if address.startswith("fe80") else address
            if "1 received" not in cluster.client.exec("ping", "-c", "1", "-W", "1", scoped, check=False):
                silent.append(address)
    return silent


class Resources:
    """The memory and the descriptors of the agents and their helpers, phase by phase."""

    def __init__(self, cluster):
        self.cluster, self.first, self.last = cluster, {}, {}

    def sample(self):
        for name, node in self.cluster.nodes.items():
            for what, pid in (("agent", node.agent.process.pid), ("runner", node.child("understudy-run")),
                              ("prober", node.child("understudy-run", "understudy-prob"))):
                if pid and (used := _use_of(pid)):
                    self.first.setdefault((name, what), used)
                    self.last[name, what] = used

    def growth(self):
        """What has grown by more than the bound."""
        found = []
        for key, (rss, descriptors) in self.last.items():
            rss_before, descriptors_before = self.first[key]
            if rss - rss_before > RSS_GROWTH_KIB or descriptors - descriptors_before > FD_GROWTH:
                found.append(f"{' '.join(key)} went from {rss_before} KiB and {descriptors_before} "
                             f"descriptors to {rss} KiB and {descriptors}")
        return found

    def summary(self):
        return [f"{name} {what}: RSS {self.first[name, what][0]} -> {rss} KiB, descriptors "
                f"{self.first[name, what][1]} -> {descriptors}"
                for (name, what), (rss, descriptors) in sorted(self.last.items())]


def _use_of(pid):
    """(KiB, descriptors): the least of some looks, since a connection or a check may be under way."""
    looks = []
    for _ in range(5):
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
            looks.append((rss, len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))))
        except (OSError, StopIteration):
            return None
        time.sleep(0.02)  # between the looks; nothing is expected of it
    return min(rss for rss, _ in looks), min(descriptors for _, descriptors in looks)
