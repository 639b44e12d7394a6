"""What every lab test begins with."""
import os
import subprocess
import sys
import unittest

from .network import Lab
from .tools import LAB, OURS, need, tools_of

SKIPPED = 77  # ctest's word for "skipped" (SKIP_RETURN_CODE)


def lacks():
    """Why the lab cannot run here, or nothing."""
    if os.geteuid() != 0:
        return "the lab needs root (or: unshare --map-root-user --net --mount)"
    if not os.path.exists("/proc/self/ns/net"):
        return "the kernel lacks network namespaces"
    made = subprocess.run(["ip", "netns", "add", f"us-{os.getpid()}-0-try"], capture_output=True, text=True)
    if made.returncode != 0:
        return f"no network namespace can be made: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", f"us-{os.getpid()}-0-try"], capture_output=True)
    return None


class LabTestCase(unittest.TestCase):
    """A fresh lab for each test; the logs of all agents if it fails."""

    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.addCleanup(self._tell_if_failed)
        self.addCleanup(self._hear_sanitizers)

    def _hear_sanitizers(self):
        for agent in getattr(self.lab, "agents", []):
            self.assertNotIn("Sanitizer: ", agent.log(), agent.dir.name)

    def _tell_if_failed(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or (
            getattr(self._outcome, "result", None) and
            any(test is self for test, _ in self._outcome.result.failures + self._outcome.result.errors))
        if not failed:
            return
        for agent in getattr(self.lab, "agents", []):
            print(f"--- {agent.dir.name}\n{agent.log()[-6000:]}", file=sys.stderr)
        for host in self.lab.hosts.values():
            print(f"--- addresses of {host.name}\n{host.ip('-br', 'address', check=False)}", file=sys.stderr)


def main():
    need(*LAB, *tools_of(sys.modules["__main__"]), ours=OURS)
    reason = lacks()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    program = unittest.main(verbosity=2, exit=False)
    # A test that was left out is a failure, unless the kernel lacks something, or it was to be left out.
    left_out = [f"{test.id()}: {reason}" for test, reason in program.result.skipped
                if not reason.startswith(("the kernel lacks ", "LAB_UNTIMED "))]
    for each in left_out:
        print(f"skipped, which is a failure: {each}", file=sys.stderr)
    sys.exit(0 if program.result.wasSuccessful() and not left_out else 1)
