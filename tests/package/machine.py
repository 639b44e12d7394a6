"""Machines that are booted from a Debian root, and the client on their network."""
import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
from lab.machine import Machine  # noqa: E402
from lab.network import Lab  # noqa: E402
from lab.tools import LAB, need  # noqa: E402


def root_of_machines():
    """The Debian root that tests/package/run made: the first argument."""
    need(*LAB, *Machine.tools, ours=("lab-probe",))
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} ROOT, which tests/package/run makes")
    return pathlib.Path(sys.argv[1]).resolve()


@contextlib.contextmanager
def booted(root, *names):
    """A machine of each name, on one switch; gives them and the client there."""
    with Lab() as lab:
        hosts = [lab.node(name) for name in names]
        client = lab.client()
        yield [Machine(host, root) for host in hosts], client


def step(what):
    print(f"== {what}", flush=True)
