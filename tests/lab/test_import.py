"""A running keepalived pair becomes an understudy pair, one node at a time, and loses no packet."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Keepalived, Understudy  # noqa: E402
from lab.probe import Probe, binaries  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

VIP4, VIP6 = "192.0.2.10", "2001:db8::10"
UNDERSTUDY = os.path.join(binaries(), "understudy")

TWO_FAMILIES = """
global_defs {
    vrrp_version 3
}
vrrp_script chk_true {
    script "/bin/true"
    interval 1
    weight 10
}
vrrp_sync_group web {
    group {
        web4
        web6
    }
    track_script { chk_true }
}
vrrp_instance web4 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %(priority)s
    advert_int 0.2
    virtual_ipaddress {
        192.0.2.10/24
    }
}
vrrp_instance web6 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %(priority)s
    advert_int 0.2
    virtual_ipaddress {
        fe80::200:5eff:fe00:233/64
        2001:db8::10/64
    }
}
"""
VERSION_2 = """
vrrp_instance web {
    state %(state)s
    interface eth0
    virtual_router_id 51
    priority %(priority)s
    advert_int 1
    %(authentication)s
    virtual_ipaddress {
        192.0.2.10/24
    }
}
"""
AUTHENTICATION = "authentication {\n auth_type PASS\n auth_pass secret\n }"


class Imports(LabTestCase):
    def keepalived(self, host, text):
        peer = Keepalived(host, start=False)
        peer.config.write_text(text)
        return peer.start()

    def imported(self, peer):
        """An agent with what the import makes of the peer's configuration, not started."""
        agent = Understudy(peer.host, start=False)
        agent.config.unlink()
        done = subprocess.run([UNDERSTUDY, "import", str(peer.config), "--output", str(agent.config)],
                              text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        check = subprocess.run([UNDERSTUDY, "config", "check", str(agent.config)], text=True, capture_output=True)
        self.assertEqual((check.returncode, check.stderr), (0, ""))
        return agent

    def holder(self, yes, no, addresses):
        eventually(lambda: all(yes.holds(a) for a in addresses) and not any(no.holds(a) for a in addresses), 15,
                   f"{yes.name} holds the addresses alone")

    def hears(self, agent, name, other):
        """A standby that has heard nobody does not know that there is somebody to take over from gently."""
        known = (other.ipv4, other.link_local)
        eventually(lambda: (agent.vip(name)["active"] or {}).get("address") in known, 10,
                   f"{agent.host.name} hears {other.name}")

    def migrate(self, active, standby, name, addresses):
        """The steps of docs/coming-from-keepalived.md."""
        standby.stop()
        new_standby = self.imported(standby).start()
        self.hears(new_standby, name, active.host)
        self.holder(active.host, standby.host, addresses)
        new_standby.must("takeover", name)
        self.holder(standby.host, active.host, addresses)
        active.stop()
        new_active = self.imported(active).start()
        self.hears(new_active, name, standby.host)
        new_standby.must("failback", name)
        new_active.wait_state("active", name=name)
        self.holder(active.host, standby.host, addresses)

    def test_two_families_in_a_group(self):
        one, two, client = self.lab.node("lb1"), self.lab.node("lb2"), self.lab.client()
        addresses = (VIP4, VIP6)
        active = self.keepalived(one, TWO_FAMILIES % {"priority": 150})
        standby = self.keepalived(two, TWO_FAMILIES % {"priority": 100})
        self.holder(one, two, addresses)
        with Probe(client, VIP4) as probe4, Probe(client, VIP6) as probe6:
            self.migrate(active, standby, "web4", addresses)
        self.assertEqual(probe4.seen.lost, 0, probe4.seen.loss_windows)
        # Linux adds the local route of an IPv6 address in a work queue. The agent waits for it, but not for
        # as long as a machine without a free processor may need.
        self.assertLess(probe6.seen.longest_loss_ms(), 20, probe6.seen.loss_windows)
        self.assertEqual(probe4.seen.answering(), [one.mac, two.mac, one.mac])

    def test_version_2_with_authentication_before(self):
        one, two, client = self.lab.node("lb1"), self.lab.node("lb2"), self.lab.client()
        texts = {peer: VERSION_2.replace("%(state)s", state).replace("%(priority)s", str(priority))
                 for peer, state, priority in ((one, "MASTER", 150), (two, "BACKUP", 100))}
        active = self.keepalived(one, texts[one] % {"authentication": AUTHENTICATION})
        standby = self.keepalived(two, texts[two] % {"authentication": AUTHENTICATION})
        self.holder(one, two, [VIP4])
        with Probe(client, VIP4) as probe:
            # Both nodes forget the password at once: neither notices that the other has, too.
            for peer in (active, standby):
                peer.config.write_text(texts[peer.host] % {"authentication": ""})
                peer.signal(signal.SIGHUP)
            stays(lambda: one.holds(VIP4) and not two.holds(VIP4), 4, "no standby takes over")
            self.migrate(active, standby, "web", [VIP4])
        self.assertEqual(probe.seen.lost, 0, probe.seen.loss_windows)


if __name__ == "__main__":
    main()
