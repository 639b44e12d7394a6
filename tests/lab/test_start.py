"""An agent that cannot start: it says why, and its exit status says whether another attempt may help."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.probe import binaries  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

EX_OSERR, EX_NOPERM, EX_CONFIG = 71, 77, 78  # sysexits.h


class Start(LabTestCase):
    def refused(self, agent, *before):
        """The exit status, and what it said."""
        agent.launch(*before, os.path.join(binaries(), "understudyd"), "--config", str(agent.config),
                     "--runtime-dir", str(agent.runtime))
        return agent.process.wait(10), agent.log()

    def agent(self, *sections):
        return Understudy(self.lab.node("lb1"), *sections, start=False)

    def test_invalid_configuration(self):
        agent = self.agent(vip(vrid=256))
        status, said = self.refused(agent)
        self.assertEqual(status, EX_CONFIG, said)
        self.assertIn(f"{agent.config}:6: ", said)
        self.assertFalse(agent.runtime.exists())

    def test_configuration_that_cannot_be_read(self):
        agent = self.agent()
        agent.config.unlink()
        status, said = self.refused(agent)
        self.assertEqual(status, EX_CONFIG, said)
        self.assertIn(f"{agent.config}", said)
        self.assertIn("No such file or directory", said)

    def test_user_that_does_not_exist(self):
        agent = self.agent(vip(), "[check a]\ntype = tcp\ntarget = 127.0.0.1:1\n")
        agent.config.write_text(agent.config.read_text().replace("[agent]", "[agent]\nscript_user = no-such-user"))
        status, said = self.refused(agent)
        self.assertEqual(status, EX_CONFIG, said)
        self.assertIn("script_user = no-such-user: there is no such user", said)

    def test_missing_capability(self):
        agent = self.agent(vip())
        for path in (self.lab.dir, agent.dir):
            os.chmod(path, 0o755)
        status, said = self.refused(agent, "setpriv", "--bounding-set=-net_raw", "--inh-caps=-all")
        self.assertEqual(status, EX_NOPERM, said)
        self.assertIn("CAP_NET_RAW", said)

    def test_another_agent_in_the_runtime_directory(self):
        agent = self.agent(vip())
        agent.start()
        first = agent.process
        status, said = self.refused(agent)
        agent.process = first
        self.assertEqual(status, EX_OSERR, said)
        self.assertIn(f"another agent runs in {agent.runtime}", said)

    def test_lack_of_descriptors_is_named_with_its_errno(self):
        agent = self.agent(vip(), "[check a]\ntype = tcp\ntarget = 127.0.0.1:1\n")
        said = ""
        for most in range(4, 40):
            agent.log_path.unlink(missing_ok=True)
            agent.launch("prlimit", f"--nofile={most}", os.path.join(binaries(), "understudyd"), "--config",
                         str(agent.config), "--runtime-dir", str(agent.runtime))
            eventually(lambda: agent.process.poll() is not None or agent.cli("status").returncode == 0 or
                       "Too many open files" in agent.log(), 10, agent.log)
            if agent.process.poll() is None:
                if agent.cli("status").returncode == 0:
                    break
                agent.kill9()  # it runs and says what it lacks, but has no descriptor for a client
                continue
            if agent.process.returncode == EX_CONFIG:  # the file itself could not be opened
                continue
            self.assertEqual(agent.process.returncode, EX_OSERR, f"{most}: {agent.log()}")
            last = agent.log().splitlines()[-1]
            self.assertRegex(last, r"^understudyd: .*: Too many open files$", most)
            said += last + "\n"
        self.assertIsNone(agent.process.poll(), "with enough of them it runs")
        self.assertIn("understudyd: cannot open a netlink socket: Too many open files\n", said)
        self.assertGreater(len(set(said.splitlines())), 5, said)


if __name__ == "__main__":
    main()
