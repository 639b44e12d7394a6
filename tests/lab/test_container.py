"""The programs as process 1 of a container: a PID namespace of their own, where orphans become their children."""
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Program, Understudy, vip  # noqa: E402
from lab.probe import binaries  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
# Each run leaves three orphans: one that has ended before its parent, two that end after it.
ORPHANS = """#!/bin/sh
for time in 0 0.05 0.1; do
    sh -c "sleep $time & exit 0"
done
echo orphans >> "$1"
"""


def stat(pid):
    """State and parent of a process, or nothing if there is none."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1])


def children(pid):
    processes = {int(name): stat(name) for name in os.listdir("/proc") if name.isdigit()}
    return {child: seen[0] for child, seen in processes.items() if seen is not None and seen[1] == pid}


def zombies(pid):
    return [child for child, state in children(pid).items() if state == "Z"]


class Container(LabTestCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.lab.dir, 0o755)  # the hooks run as nobody

    def contain(self, program):
        """Whatever the program launches becomes process 1 of a new PID namespace."""
        launch = program.launch
        program.launch = lambda *words, **options: launch(*CONTAINER, *words, **options)
        return program

    def first_process(self, program):
        """Its number out here."""
        return eventually(lambda: next(iter(children(program.process.pid)), None), 5, "it has started")

    def script(self):
        path, notes = pathlib.Path(self.lab.dir) / "orphans", pathlib.Path(self.lab.dir) / "notes"
        path.write_text(ORPHANS)
        path.chmod(0o755)
        notes.write_text("")
        notes.chmod(0o666)
        return f"{path} {notes}", notes

    def test_agent_reaps_orphans_of_its_hooks_and_checks(self):
        node = self.lab.node("lb1")
        hook, notes = self.script()
        check = f"[check orphans]\ntype = script\ncommand = {hook}\ninterval = 200ms\ntimeout = 150ms\n"
        agent = self.contain(Understudy(node, check, vip(
            priority=150, interval="100ms", on_active=hook, on_backup=hook, on_fault=hook), start=False)).start()
        one = self.first_process(agent)
        agent.wait_state("active")
        for _ in range(5):
            node.link_down()
            agent.wait_state("fault")
            node.link_up()
            agent.wait_state("active")
        runs = len(notes.read_text().splitlines())
        self.assertGreater(runs, 10, "hooks and checks have run")
        # One that has just ended may be seen before it is reaped.
        eventually(lambda: not zombies(one), 2, lambda: f"no zombies: {len(zombies(one))} after {runs} scripts")
        stays(lambda: len(zombies(one)) <= 2, 1, lambda: f"no zombies: {len(zombies(one))}")
        os.kill(one, signal.SIGTERM)
        self.assertEqual(agent.process.wait(10), 0, "unshare passes on the exit status")

    def with_groups(self, node):
        """As root the page serves only where it can become nobody in the group of its readers."""
        groups = pathlib.Path(self.lab.dir) / "group"
        groups.write_text(pathlib.Path("/etc/group").read_text() + "understudy-status:x:4802:\n")
        start = node.start
        node.start = lambda *words, **options: start(
            "sh", "-c", 'mount --bind "$0" /etc/group && exec "$@"', str(groups), *words, **options)
        return node

    def test_status_page_reaps_orphans(self):
        node = self.with_groups(self.lab.node("lb1"))
        page = self.contain(Program(node, "serve"))
        page.launch(os.path.join(binaries(), "understudy"), "serve", "--listen", "127.0.0.1:9112")
        one = self.first_process(page)
        eventually(lambda: "serves http" in page.log(), 5, lambda: f"it serves; its log:\n{page.log()}")
        # As `docker exec` and a health check of the container do.
        for _ in range(5):
            subprocess.run(["nsenter", f"--target={one}", "--pid", "sh", "-c", "sleep 0.05 & sleep 0.1 & exit 0"],
                           check=True)
        eventually(lambda: not children(one), 5, lambda: f"they have ended, and left nothing: {children(one)}")
        os.kill(one, signal.SIGTERM)
        self.assertEqual(page.process.wait(10), 0, "unshare passes on the exit status")


if __name__ == "__main__":
    main()
