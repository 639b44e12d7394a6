"""Advertisements that a kernel drops or keeps back, and that are heard all the same."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402


class Owners(LabTestCase):
    """The VIP is the owner's own address: who holds it in its absence has the source of its advertisements."""

    def setUp(self):
        super().setUp()
        self.owner, self.other = self.lab.node("lb1"), self.lab.node("lb2")
        self.address = self.owner.ipv4
        self.first, self.second = (
            Understudy(host, vip(priority=priority, interval="100ms", addresses=(f"{self.address}/24",)))
            for host, priority in ((self.owner, 255), (self.other, 100)))
        self.first.wait_state("active")
        eventually(lambda: self.second.vip()["active"], 5, "the standby hears the owner")

    def hears_each_advertisement_once(self):
        def received():
            return self.second.vip()["counters"]["adverts_received"]

        def sent():
            return self.first.vip()["counters"]["adverts_sent"]
        sent_before, received_before = sent(), received()
        eventually(lambda: sent() >= sent_before + 10, 3, "the owner advertises")
        self.assertLessEqual(received() - received_before, sent() - sent_before + 1)

    def test_an_owner_that_comes_back_has_its_address_alone(self):
        self.first.kill9()
        self.second.wait_state("active")
        self.assertTrue(self.other.holds(self.address))
        self.first.start().wait_state("active")
        begun = time.monotonic()
        self.second.wait_state("backup", timeout=3)
        print(f"alone after {(time.monotonic() - begun) * 1000:.0f} ms")
        eventually(lambda: not self.other.holds(self.address), 1, "it has let go")
        self.hears_each_advertisement_once()

    def test_an_owner_that_is_told_to_come_back_has_its_address_alone(self):
        self.first.must("failover", "web")
        self.second.wait_state("active")
        self.first.must("failback", "web")
        self.first.wait_state("active")
        self.second.wait_state("backup", timeout=3)
        stays(lambda: self.first.state() == "active" and self.second.state() == "backup", 1, "they agree")


class TwoOwners(LabTestCase):
    def test_after_a_split_each_has_its_own_address_again(self):
        hosts = [self.lab.node("lb1"), self.lab.node("lb2")]
        agents = [Understudy(host, *(vip(f"of-{owner.name}", vrid=50 + owner.number, interval="100ms",
                                         priority=255 if owner is host else 100,
                                         addresses=(f"{owner.ipv4}/24",)) for owner in hosts)) for host in hosts]

        def at_home():
            return all(agent.state(f"of-{owner.name}") == ("active" if owner is host else "backup")
                       and host.holds(owner.ipv4) == (owner is host)
                       for host, agent in zip(hosts, agents) for owner in hosts)
        eventually(at_home, 5, "each has its own")
        hosts[0].cut()
        eventually(lambda: all(host.holds(owner.ipv4) for host in hosts for owner in hosts), 5, "each has both")
        hosts[0].heal()
        eventually(at_home, 5, lambda: [agent.log() for agent in agents])
        stays(at_home, 0.5, lambda: [agent.log() for agent in agents])


class Neighbours(LabTestCase):
    """Unicast: who was away has no entry in its peer's neighbour table, and hears nothing until it has one."""

    def setUp(self):
        super().setUp()
        self.host1, self.host2 = self.lab.node("lb1"), self.lab.node("lb2")

    def agent(self, host, priority, address, peer):
        return Understudy(host, vip(priority=priority, interval="100ms", addresses=(address,), unicast_peer=peer,
                                    preempt="no"))

    def second_alone(self, address, peer):
        """The second node is active, and asks for the first one's MAC every 5 s only."""
        for family in ("ipv4", "ipv6"):
            self.host2.exec("sysctl", "-qw", f"net.{family}.neigh.eth0.retrans_time_ms=5000")
        second = self.agent(self.host2, 100, address, peer)
        second.wait_state("active")
        self.host2.ip("neighbour", "flush", "dev", "eth0")
        stays(lambda: second.state() == "active", 0.5, "its advertisements wait for the MAC")
        return second

    def assert_hears(self, first, second):
        eventually(lambda: first.vip()["active"], 2, lambda: f"it hears the active node: {first.log()}")
        stays(lambda: first.state() == "backup" and second.state() == "active", 1, first.log)

    def starts(self, address, own, peer):
        self.host1.link_down()
        second = self.second_alone(address, own)
        self.host1.link_up()
        first = self.agent(self.host1, 150, address, peer)
        self.assert_hears(first, second)

    def test_who_starts_does_not_preempt_ipv4(self):
        self.starts("192.0.2.10/24", self.host1.ipv4, self.host2.ipv4)

    def test_who_starts_does_not_preempt_ipv6(self):
        self.starts("2001:db8::10/64", self.host1.ipv6, self.host2.ipv6)

    def test_whose_interface_comes_up_again_does_not_preempt(self):
        first = self.agent(self.host1, 150, "192.0.2.10/24", self.host2.ipv4)
        first.wait_state("active")
        self.host1.link_down()
        first.wait_state("fault")
        second = self.second_alone("192.0.2.10/24", self.host1.ipv4)
        self.host1.link_up()
        self.assert_hears(first, second)

    def test_whose_address_comes_later_does_not_preempt(self):
        own = self.host1.ipv4
        self.host1.ip("address", "delete", f"{own}/24", "dev", "eth0")
        second = self.second_alone("192.0.2.10/24", own)
        first = self.agent(self.host1, 150, "192.0.2.10/24", self.host2.ipv4)
        first.wait_state("fault")
        self.host1.ip("address", "add", f"{own}/24", "dev", "eth0")
        self.assert_hears(first, second)

    def test_a_peer_that_a_reload_names(self):
        self.host1.link_down()
        second = self.second_alone("192.0.2.10/24", self.host1.ipv4)
        self.host1.link_up()
        elsewhere = vip("other", vrid=52, addresses=("192.0.2.11/24",), unicast_peer="192.0.2.77")
        first = Understudy(self.host1, elsewhere)
        text = first.config.read_text()
        first.config.write_text(text + vip(priority=150, interval="100ms", unicast_peer=self.host2.ipv4, preempt="no"))
        first.must("reload")
        self.assert_hears(first, second)


if __name__ == "__main__":
    main()
