"""examples/demo, from its README: what it prints is what happened, and nothing is left."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.network import run  # noqa: E402
from lab.tools import ROOT, binaries  # noqa: E402
from lab.readme import blocks  # noqa: E402
from lab.testcase import main  # noqa: E402


class Demo(unittest.TestCase):
    def test_planned_moves_lose_nothing(self):
        (block,) = blocks(ROOT / "examples/README.md")
        ((place, command),) = block.commands
        self.assertEqual(place, "this machine")
        before = run("ip", "netns", "list")
        done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=300,
                              env=os.environ | {"UNDERSTUDY_BIN": binaries()})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for scene in ("crash", "return", "planned failover", "failback"):
            self.assertIn(f"\n{scene}\n", done.stdout)
        self.assertTrue(done.stdout.endswith("planned moves lost nothing\n"), done.stdout)
        self.assertEqual({one.split()[0] for one in run("ip", "netns", "list").splitlines() if "-1-sw" in one} -
                         {one.split()[0] for one in before.splitlines()}, set())


if __name__ == "__main__":
    main()
