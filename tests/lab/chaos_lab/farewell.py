"""The end: every agent stops in order, and nothing of it is left."""
import subprocess
import threading

from lab.network import run
from lab.wait import eventually

from .cluster import STOP_TIMEOUT_S

LEFT_BY_A_CLEAN_STOP = {"lock", "transitions"}
JOURNAL = "events-*.jsonl"
SIGNS_OF_A_CRASH = ("broken invariant", "Sanitizer:", "runtime error:", "terminate called")


def stop_all(cluster, findings):
    """All at once: the worst for those who look for a peer to give their addresses to."""
    def stop(node):
        try:
            status = node.agent.stop(timeout=STOP_TIMEOUT_S + 10)
        except subprocess.TimeoutExpired:
            findings.add(f"{node.name} did not stop within {STOP_TIMEOUT_S + 10} s of SIGTERM")
            return
        if status != 0:
            findings.add(f"{node.name} stopped with status {status}")

    threads = [threading.Thread(target=stop, args=(node,)) for node in cluster.nodes.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check_nothing_left(cluster, findings):
    for name, node in cluster.nodes.items():
        if held := node.held():
            findings.add(f"{name} still has {sorted(held)} after all agents have stopped")
        if tables := node.host.exec("nft", "list", "tables").strip():
            findings.add(f"{name} still has packet filter rules: {tables}")
        if more := {entry.name for entry in node.agent.runtime.iterdir() if not entry.match(JOURNAL)} - LEFT_BY_A_CLEAN_STOP:
            findings.add(f"{name} left {sorted(more)} in its runtime directory")
        if node.job.exists():
            findings.add(f"{name} has stopped in order, and the service of batch still runs there")
        try:
            eventually(lambda: not _processes(node), 3, "no processes")
        except AssertionError:
            findings.add(f"processes are left on {name}: {_processes(node)}")


def _processes(node):
    return run("ip", "netns", "pids", node.host.namespace).split()


def check_logs(cluster, findings):
    for name, node in cluster.nodes.items():
        for line in node.agent.log().splitlines():
            if any(sign in line for sign in SIGNS_OF_A_CRASH):
                findings.add(f"the log of {name} says: {line}")


def check_lab_gone(lab, findings):
    """After the lab is closed."""
    if left := [line.split()[0] for line in run("ip", "netns", "list").splitlines()
                if line.startswith(f"{lab.prefix}-")]:
        findings.add(f"namespaces are left: {left}")
    if lab.dir.exists():
        findings.add(f"{lab.dir} is left")
