"""The faults of lab.outside do to a process what they say, and lab.blocking sees what a thread waits in."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.blocking import BlockingWatch, Waits  # noqa: E402
from lab.hung_mount import HungMount  # noqa: E402
from lab.names import resolver_files  # noqa: E402
from lab.outside import (Descriptors, Manager, Names, Runtime, StoppedThread, WallClock, contend_for_rtnl, flood)  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

LOOK_UP = "import socket, sys; print(socket.getaddrinfo('app.lab.example', 80, socket.AF_INET)[0][4][0])"
COUNTS = """import os, threading, time
def count():
    while True:
        os.utime(path)
        time.sleep(0.005)
import sys
path = sys.argv[1]
threading.Thread(target=count, daemon=True).start()
time.sleep(60)
"""


class WithPrograms(LabTestCase):
    def python(self, code, *words, **options):
        process = subprocess.Popen(["/usr/bin/python3", "-c", code, *words], text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class Outside(WithPrograms):
    def test_a_name_server_answers_is_silent_slow_and_lies(self):
        host, client = self.lab.node(), self.lab.client()
        names = Names(client, {"app.lab.example": ["192.0.2.55"]})
        resolver_files(host, [client.ipv4])
        ask = lambda: host.exec("/usr/bin/python3", "-c", LOOK_UP, check=False).strip()
        self.assertEqual(ask(), "192.0.2.55")
        names.be("silent")
        asking = host.start("/usr/bin/python3", "-c", LOOK_UP, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        asked = len(names.questions)
        eventually(lambda: len(names.questions) > asked, 5, "it was asked")
        stays(lambda: asking.poll() is None, 1, "the process waits for an answer")
        asking.kill()
        asking.communicate()
        names.be("slow")
        begun = time.monotonic()
        self.assertEqual(ask(), "192.0.2.55")
        self.assertGreater(time.monotonic() - begun, Names.SLOW_S - 0.1)
        names.be("lies")
        query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3app\3lab\7example\0\0\1\0\1"
        answers = {names.reply(query) for _ in range(50)}
        self.assertGreater(len(answers), 5)
        self.assertTrue(any(answer[:2] != query[:2] for answer in answers))

    def test_a_file_system_hangs_and_is_well_again(self):
        files = HungMount(self.lab, name="stamp")
        stamp = self.lab.dir / "mount/stamp"
        self.assertTrue(stamp.exists())
        self.assertFalse((self.lab.dir / "mount/other").exists())
        files.hang()
        waiting = subprocess.Popen(["stat", stamp], stdout=subprocess.DEVNULL)
        eventually(lambda: files.waiting, 5, "it was asked")
        waiting.send_signal(signal.SIGKILL)
        stays(lambda: waiting.poll() is None, 0.3, "the process cannot even be killed")
        files.heal()
        self.assertEqual(waiting.wait(5), -signal.SIGKILL)
        self.assertTrue(stamp.exists())

    def test_a_manager_does_not_read(self):
        manager = Manager(self.lab, self.lab.dir / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.sendto(b"READY=1", manager.path)
            eventually(lambda: "READY=1" in manager.messages, 5, "it was read")
            manager.stop_reading()
            self.assertRaises(BlockingIOError, client.sendto, b"WATCHDOG=1", manager.path)
            manager.heal()
            client.setblocking(True)
            client.sendto(b"WATCHDOG=1", manager.path)
            eventually(lambda: "WATCHDOG=1" in manager.messages, 5, "it reads again")

    def test_one_thread_is_stopped_and_its_process_is_not(self):
        touched = self.lab.dir / "touched"
        touched.touch()
        process = self.python(COUNTS, str(touched))
        threads = lambda: sorted({int(one) for one in os.listdir(f"/proc/{process.pid}/task")} - {process.pid})
        eventually(threads, 5, "it has a second thread")
        before = touched.stat().st_mtime_ns
        eventually(lambda: touched.stat().st_mtime_ns != before, 5, "it runs")
        stopped = StoppedThread(threads()[0])
        before = touched.stat().st_mtime_ns
        stays(lambda: touched.stat().st_mtime_ns == before, 0.3, "it is stopped")
        self.assertIn(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0], "SR")
        stopped.heal()
        eventually(lambda: touched.stat().st_mtime_ns != before, 5, "it runs again")

    def test_a_directory_is_full_and_cannot_be_changed(self):
        runtime = Runtime(self.lab, self.lab.dir / "run")
        (runtime.path / "there").write_text("")
        runtime.fill()
        self.assertRaisesRegex(OSError, "No space left", (runtime.path / "there").write_text, "text")
        runtime.heal()
        (runtime.path / "there").write_text("text")
        runtime.freeze()
        self.assertRaisesRegex(OSError, "not permitted", (runtime.path / "new").write_text, "text")
        runtime.heal()
        (runtime.path / "new").write_text("text")

    def test_a_process_has_no_descriptors_left(self):
        process = self.python("import os, sys\nfor line in sys.stdin:\n try: os.close(os.open('/', os.O_RDONLY)); print('well', "
                              "flush=True)\n except OSError as error: print(error, flush=True)\n", stdin=subprocess.PIPE)
        self.addCleanup(process.stdin.close)

        def ask():
            print("?", file=process.stdin, flush=True)
            return process.stdout.readline()
        self.assertEqual(ask(), "well\n")
        taken = Descriptors(process.pid)
        self.assertIn("Too many open files", ask())
        taken.heal()
        self.assertEqual(ask(), "well\n")

    def test_the_wall_clock_is_stepped_and_the_time_since_boot_is_not(self):
        clock = WallClock(self.lab, self.lab.dir / "clock")
        code = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), flush=True)\n"
        process = self.python(code, stdin=subprocess.PIPE, env=os.environ | clock.environment)
        self.addCleanup(process.stdin.close)

        def ahead():
            print("?", file=process.stdin, flush=True)
            wall, boot = map(float, process.stdout.readline().split())
            return wall - time.time(), boot - time.clock_gettime(time.CLOCK_BOOTTIME)
        self.assertLess(max(map(abs, ahead())), 1)
        clock.step(3600)
        wall, boot = ahead()
        self.assertGreater(wall, 3599)
        self.assertLess(abs(boot), 1)
        clock.step(-3600)
        self.assertLess(ahead()[0], -3599)

    def test_the_lock_of_the_network_is_contended(self):
        """By a user without rights, until the end of the fault."""
        def slowest(seconds):
            worst, until = 0.0, time.monotonic() + seconds
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
                while time.monotonic() < until:
                    begun = time.monotonic()
                    netlink.send(SET_LINK)
                    netlink.recv(4096)
                    worst = max(worst, time.monotonic() - begun)
            return worst
        contention = contend_for_rtnl()
        try:
            eventually(lambda: slowest(0.5) > 0.004, 20, "an answer of the kernel takes longer")
        finally:
            contention.heal()

    def test_a_socket_is_flooded(self):
        asked, path = [], str(self.lab.dir / "socket")

        def serve(connection):
            with connection, contextlib.suppress(OSError):  # the flood ends
                while data := connection.recv(4096):
                    asked.append(data)
                    connection.sendall(b"{}\n")
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(path)
        server.listen(64)

        def accept():
            for _ in range(8):
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        flooding = flood(path, 8, "question")
        eventually(lambda: len(asked) > 100, 10, "many questions")
        flooding.heal()
        self.assertTrue(asked[0].startswith(b"question\nquestion\n"))


# RTM_SETLINK for the loopback device that changes nothing, with an acknowledgement.
SET_LINK = (b"\x20\0\0\0\x13\0\5\0\1\0\0\0\0\0\0\0" + b"\0\0\0\0\1\0\0\0" + b"\0" * 8)

TRACE = """
 understudyd-12    [001] d..2.   10.000000: sys_enter: NR 44 (3, 0, 0, 0, 0, 0)
 understudyd-12    [001] d..2.   10.000100: sched_switch: prev_comm=understudyd prev_pid=12 prev_prio=120 prev_state=D ==> next_comm=x next_pid=9 next_prio=120
          x-9      [001] d..2.   10.003100: sched_waking: comm=understudyd pid=12 prio=120 target_cpu=001
          x-9      [001] d..2.   10.009100: sched_switch: prev_comm=x prev_pid=9 prev_prio=120 prev_state=R ==> next_comm=understudyd next_pid=12 next_prio=120
 understudyd-12    [001] d..2.   10.009200: sched_switch: prev_comm=understudyd prev_pid=12 prev_prio=120 prev_state=R ==> next_comm=x next_pid=9 next_prio=120
 understudyd-12    [001] d..2.   10.030000: sys_exit: NR 44 = 1
          x-9      [001] d..2.   10.030000: sys_exit: NR 44 = 1
"""


class Blocking(WithPrograms):
    """What is asked of a thread from outside."""

    def test_time_counts_until_the_thread_is_woken_and_not_until_it_runs(self):
        waits = Waits(12)
        for line in TRACE.splitlines():
            waits.take(line)
        (wait,) = waits.found
        self.assertEqual((wait.call, round(wait.seconds, 6), wait.at, wait.woken_by), ("sendto", 0.003, 10.0, "x"))

    def test_a_wait_is_seen_with_its_call_and_its_length(self):
        process = self.python("import sys, time\nfor line in sys.stdin: time.sleep(0.05); print('slept', flush=True)\n",
                              stdin=subprocess.PIPE)
        self.addCleanup(process.stdin.close)
        with BlockingWatch(self.lab, process.pid) as watch:
            print("go", file=process.stdin, flush=True)
            self.assertEqual(process.stdout.readline(), "slept\n")
        slept = [wait.seconds for wait in watch.longer_than(0.002) if wait.call == "clock_nanosleep"]
        self.assertGreater(slept[0], 0.045)
        self.assertEqual(watch.longer_than(0.002, ("clock_nanosleep", "read")), [])


if __name__ == "__main__":
    main()
