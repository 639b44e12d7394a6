"""What has to be on this machine: programs of packages, and those of this build."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
# Whatever a lab does: nodes, a switch, filters, settings of interfaces, a client.
LAB = ("ip", "bridge", "nft", "sysctl", "ping")
OURS = ("understudyd", "understudy-prober", "understudy", "lab-probe")


def binaries():
    return os.environ.get("UNDERSTUDY_BIN", str(ROOT / "build" / "dev" / "bin"))


def need(*programs, skip=False, ours=()):
    """Ends the script with the name of what is not here, before it begins anything. `skip`: as ctest's "skipped"."""
    done = subprocess.run([ROOT / ".ci" / "need", *(["--skip"] if skip else []), *programs])
    if done.returncode != 0:
        sys.exit(done.returncode)
    missing = [name for name in ours if not os.access(os.path.join(binaries(), name), os.X_OK)]
    if missing:
        sys.exit(f"needs {', '.join(missing)}, which is not in {binaries()}: build it, or set UNDERSTUDY_BIN")


def tools_of(module):
    """What a test file needs: its TOOLS, and the `tools` of every class and function that it uses."""
    found = set(getattr(module, "TOOLS", ()))
    for value in vars(module).values():
        found.update(getattr(value, "tools", ()) if callable(value) else ())
    return sorted(found)
