"""FRR's vrrpd as the peer, version 3 over IPv4 and IPv6."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Frr, Understudy, vip  # noqa: E402
from lab.capture import Capture, tshark_problems  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402


class FrrPeer(LabTestCase):
    def run_pair(self, family, addresses, **frr):
        host1, host2 = self.lab.node("lb1"), self.lab.node("peer")
        capture = Capture(self.lab.client())
        peer = Frr(host2, priority=100, interval_ms=200, **frr)
        eventually(lambda: peer.state(family) == "Master", 15, lambda: f"FRR leads alone: {peer.show()}")
        agent = Understudy(host1, vip(priority=150, interval="200ms", addresses=addresses))
        agent.wait_state("active", 10)                    # we preempt
        eventually(lambda: peer.state(family) == "Backup", 5, "FRR follows")
        agent.must("failover", "web")
        eventually(lambda: peer.state(family) == "Master", 5, "FRR takes what is given away")
        stays(lambda: agent.state() == "backup", 1, "we stay behind")
        agent.must("failback", "web")
        agent.wait_state("active", 5)
        eventually(lambda: peer.state(family) == "Backup", 5, "FRR follows again")
        agent.kill9()                                     # a crash of ours
        eventually(lambda: peer.state(family) == "Master", 5, "FRR takes over")
        agent.start()
        agent.wait_state("active", 10)
        peer.kill9()                                      # a crash of theirs
        stays(lambda: agent.state() == "active", 1.5, "we keep it")
        capture.stop()
        self.assertEqual(tshark_problems(capture), [])

    def test_ipv4_with_pseudo_header(self):
        self.run_pair("v4", ("192.0.2.10/24",), ipv4=("192.0.2.10/24",))

    def test_ipv4_as_rfc_9568(self):
        self.run_pair("v4", ("192.0.2.10/24",), ipv4=("192.0.2.10/24",), checksum_pseudo=False)

    def test_ipv6(self):
        self.run_pair("v6", ("fe80::200:5eff:fe00:233/64", "2001:db8::10/64"),
                      ipv6=("fe80::200:5eff:fe00:233/64", "2001:db8::10/64"))


if __name__ == "__main__":
    main()
