"""Advertisements that the kernel of who should hear them drops, and that are heard all the same."""
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


if __name__ == "__main__":
    main()
