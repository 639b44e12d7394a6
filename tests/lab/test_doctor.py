"""`understudy doctor`: troubles that are planted in a namespace, and what it says about each."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Keepalived, Understudy, vip  # noqa: E402
from lab.probe import binaries  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

VIP = "192.0.2.10"


class Doctor(LabTestCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.node("lb1")
        # A lease that outlasts one visit.
        self.agent = Understudy(self.host, vip(interval="100ms", lease="6s"))
        self.agent.wait_state("active")

    def examine(self, config=None):
        out = self.host.exec(os.path.join(binaries(), "understudy"), "--runtime-dir", str(self.agent.runtime),
                             "doctor", "--config", str(config or self.agent.config), "--json", check=False)
        return json.loads(out)

    def found(self, seen, severity, subject, *phrases):
        """That there is such a finding, with these words in it."""
        for one in seen["findings"]:
            text = f"{one['seen']} {one['why']} {one['remedy']}"
            if (one["severity"], one["subject"]) == (severity, subject) and all(p in text for p in phrases):
                self.assertTrue(one["remedy"], one)
                return
        self.fail(f"no {severity} of {subject} with {phrases}: {json.dumps(seen, indent=1)}")

    def test_a_healthy_node_has_no_problem_and_each_planted_trouble_is_named(self):
        seen = self.examine()
        self.assertEqual((seen["problems"], seen["warnings"]), (0, 0), json.dumps(seen, indent=1))

        self.host.exec("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=8", "net.ipv4.conf.eth0.rp_filter=1")
        self.host.exec("nft", "-f", "-", input=(
            "table inet filter { chain input { type filter hook input priority 0; policy drop;\n"
            " ct state established,related accept\n iifname lo accept\n tcp dport 22 accept; };\n"
            " chain output { type filter hook output priority 0; meta l4proto 112 drop; }; }"))
        seen = self.examine()
        self.found(seen, "problem", "eth0 arp_ignore", "= 8", "sysctl -w net.ipv4.conf.eth0.arp_ignore=0")
        self.found(seen, "hint", "eth0 rp_filter", "rp_filter=2")
        self.found(seen, "problem", "firewall", "comes in on eth0",
                   "nft insert rule inet filter input meta l4proto 112 accept")
        self.found(seen, "problem", "firewall", "goes out on eth0",
                   "nft insert rule inet filter output meta l4proto 112 accept")

        # What it says to do helps.
        self.host.exec("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=0", "net.ipv4.conf.eth0.rp_filter=2")
        for chain in ("input", "output"):
            self.host.exec("nft", "insert", "rule", "inet", "filter", chain, "meta", "l4proto", "vrrp", "accept")
        seen = self.examine()
        self.assertEqual((seen["problems"], seen["warnings"]), (0, 0), json.dumps(seen, indent=1))

    def test_a_dead_agent_and_its_address_and_a_link_that_is_down(self):
        self.agent.kill9()
        seen = self.examine()
        self.found(seen, "warning", "agent", "systemctl enable --now understudyd")
        self.found(seen, "problem", "eth0 leftover", f"{VIP}/24", "understudyd --release")
        self.host.link_down()
        self.found(self.examine(), "problem", "eth0", "is down", "ip link set eth0 up")

    def test_routers_with_the_same_vrid(self):
        stranger = self.lab.node("stranger")
        Understudy(stranger, vip(interval="100ms", priority=50, addresses=("198.51.100.1/24",)))
        self.agent.stop()
        eventually(lambda: stranger.holds("198.51.100.1"), 5, "the stranger is active")
        self.found(self.examine(), "problem", "eth0 VRID 51", "(priority 50) has it for 198.51.100.1",
                   "another vrid")

        # A peer of another program that cannot hear this node.
        self.agent.start().wait_state("active")
        peer = self.lab.node("peer")
        peer.deafen()
        Keepalived(peer, priority=20, interval=0.1)
        eventually(lambda: peer.holds(VIP), 10, "both are active")
        self.found(self.examine(), "problem", "eth0 VRID 51", "two are active", "and this node")

    def test_an_advertisement_that_does_not_fit(self):
        many = [f"192.0.2.{number}/24" for number in range(101, 251)]
        self.host.ip("link", "set", "eth0", "mtu", "576")
        config = self.agent.dir / "many.conf"
        config.write_text(vip(interval="100ms", addresses=many))
        # 20 + 8 + 150 * 4 bytes.
        self.found(self.examine(config), "problem", "eth0 MTU", "576 bytes", "628", "mtu 628")
        config.write_text("[vip web]\ninterface = eth0\n")
        self.found(self.examine(config), "problem", "configuration", "many.conf:1", "has no vrid")


if __name__ == "__main__":
    main()
