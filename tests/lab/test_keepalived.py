"""Mixed pairs with Debian's keepalived: elections end as the RFC says, and the wire is clean."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Keepalived, Understudy, vip  # noqa: E402
from lab.capture import Capture, tshark_problems  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

VIP4, VIP6 = "192.0.2.10", "2001:db8::10"


class MixedPair(LabTestCase):
    """Each scenario: ours first, then theirs; crash, stop and preemption both ways."""

    def run_pair(self, *, ours, theirs, addresses, unicast=False):
        host1, host2 = self.lab.node("lb1"), self.lab.node("peer")
        bare = [a.split("/")[0] for a in addresses]
        capture = Capture(self.lab.client() if not unicast else host2)
        more = {"unicast_source": host1.ipv4, "unicast_peer": host2.ipv4} if unicast else {}
        peers = [host1.ipv4] if unicast else []
        agent = Understudy(host1, vip(priority=150, addresses=addresses, **ours, **more))
        peer = Keepalived(host2, priority=100, addresses=addresses, peers=peers, **theirs)

        def holder(yes, no, timeout=15):
            eventually(lambda: all(yes.holds(a) for a in bare) and not any(no.holds(a) for a in bare), timeout,
                       lambda: f"{yes.name} holds it alone; {agent.cli('why', 'web').stdout}")

        if VIP4 in bare[0] and ours.get("version") != 2:
            # The first advertisement of a peer tells which checksum it understands. Until then keepalived,
            # which has been silent as backup, refuses ours and leads for a moment.
            eventually(lambda: agent.vip()["checksum"] == "pseudo-header", 10, "the peer's form is mirrored")
        holder(host1, host2)
        stays(lambda: host1.holds(bare[0]) and not host2.holds(bare[0]), 1, "the higher priority keeps it")
        agent.stop()                                   # a stop of ours
        holder(host2, host1)
        agent.start()                                  # we preempt
        holder(host1, host2)
        agent.must("failover", "web")                  # the low band means the same to keepalived
        holder(host2, host1)
        self.assertEqual(agent.vip()["active"]["priority"], 100)
        peer.kill9()                                   # a crash of theirs; its address stays behind for ever
        agent.wait_state("active", 15)
        for address in addresses:
            host2.ip("address", "delete", address, "dev", "eth0", check=False)
        peer.start()                                   # and keepalived comes back as backup
        stays(lambda: agent.state() == "active", 1.5, "ours keeps it")
        holder(host1, host2)
        agent.kill9()                                  # a crash of ours
        holder(host2, host1)
        peer.stop()                                    # a stop of theirs
        agent.start()
        agent.wait_state("active", 15)
        capture.stop()
        self.assertEqual(tshark_problems(capture), [])
        self.assertGreater(len([a for a in capture.adverts() if a.source in (host2.ipv4, host2.link_local)]), 3)

    def test_version_2(self):
        self.run_pair(ours={"version": 2, "interval": "1s"}, theirs={"version": 2, "interval": 1},
                      addresses=(f"{VIP4}/24",))

    def test_version_3(self):
        # keepalived 2.2.7 has the pseudo-header form only; test_frr.py has both.
        self.run_pair(ours={"interval": "200ms"}, theirs={"interval": 0.2}, addresses=(f"{VIP4}/24",))

    def test_version_3_over_ipv6(self):
        self.run_pair(ours={"interval": "200ms"}, theirs={"interval": 0.2}, addresses=(f"{VIP6}/64",))

    def test_version_3_unicast(self):
        self.run_pair(ours={"interval": "200ms"}, theirs={"interval": 0.2}, addresses=(f"{VIP4}/24",),
                      unicast=True)

    def test_keepalived_preempts_us(self):
        host1, host2 = self.lab.node("lb1"), self.lab.node("peer")
        agent = Understudy(host1, vip(priority=100, interval="200ms"))
        agent.wait_state("active")
        peer = Keepalived(host2, priority=150, interval=0.2)
        eventually(lambda: host2.holds(VIP4) and not host1.holds(VIP4), 10, "keepalived has it")
        self.assertEqual(agent.vip()["active"], {"address": host2.ipv4, "priority": 150})
        peer.stop()
        agent.wait_state("active")
        self.assertIn("resigned", agent.vip()["reason"])


if __name__ == "__main__":
    main()
