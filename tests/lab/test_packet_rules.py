"""The agent's rules in nf_tables: restored when somebody deletes them, armed only for what is given away."""
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.arp import ArpAsker, raw_socket  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.probe import Probe, binaries  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402

ROUNDS = int(os.environ.get("LAB_ROUNDS", "5"))
VIP, VIP6 = "192.0.2.10", "2001:db8::10"
RIVAL = "02:00:00:00:00:66"


def bytes_of(mac):
    return bytes.fromhex(mac.replace(":", ""))


class Rules(LabTestCase):
    def pair(self, interval="100ms", **more):
        self.host1, self.host2 = self.lab.node("lb1"), self.lab.node("lb2")
        self.one = Understudy(self.host1, vip(priority=150, interval=interval, **more))
        self.two = Understudy(self.host2, vip(priority=100, interval=interval, **more))
        self.one.wait_state("active")
        self.two.wait_state("backup")

    def flush(self, *hosts):
        for host in hosts:
            host.exec("nft", "flush", "ruleset")

    def restored(self, agent):
        return agent.status()["packet_rules"]["restored"]

    def test_a_planned_move_one_second_after_a_flush_loses_nothing(self):
        self.pair()
        client = self.lab.client()
        for number in range(ROUNDS):
            self.flush(self.host1, self.host2)
            time.sleep(1)  # the operator's next command
            with Probe(client, VIP) as probe:
                self.one.must("failover", "web")
                eventually(lambda: self.two.state() == "active" and self.one.state() == "backup", 15, "moved")
            self.assertEqual(probe.seen.lost, 0, f"failover {number}: {probe.seen.loss_windows}")
            with Probe(client, VIP) as probe:
                self.one.must("failback", "web")
                eventually(lambda: self.one.state() == "active" and self.two.state() == "backup", 15, "moved back")
            self.assertEqual(probe.seen.lost, 0, f"failback {number}: {probe.seen.loss_windows}")

    def test_one_mac_answers_after_the_announcement_also_after_a_flush(self):
        self.pair()
        old, new = self.host1.mac, self.host2.mac
        for _ in range(3):
            self.flush(self.host1, self.host2)
            eventually(lambda: "armed" in self.host1.exec("nft", "list", "ruleset"), 1, "restored")
            capture = Capture(self.lab.client())
            asker = ArpAsker(self.lab.client(), VIP, rate=2000)
            self.one.must("failover", "web")
            asker.stop()
            capture.stop()
            arps = capture.arps(VIP)
            announced = next(arp.at for arp in arps if arp.gratuitous and arp.sender_mac == new)
            late = [arp.at - announced for arp in arps
                    if arp.operation == 2 and arp.sender_mac == old and arp.at - announced > 200]
            self.assertEqual(late, [])
            self.one.must("failback", "web")
            self.one.wait_state("active")

    def test_accept_no_is_true_again_and_everybody_is_told(self):
        host = self.lab.node()
        agent = Understudy(host, vip(interval="100ms", accept="no", addresses=(f"{VIP}/24", f"{VIP6}/64")))
        agent.wait_state("active")
        client = self.lab.client()

        def answers():
            ping = ["ip", "netns", "exec", client.namespace, "ping", "-c", "1", "-W", "0.3"]
            return any(subprocess.run([*ping, a], capture_output=True).returncode == 0 for a in (VIP, VIP6))

        self.assertFalse(answers())
        for command in (["flush", "ruleset"], ["delete", "table", "inet", "understudy"],
                        ["flush", "chain", "inet", "understudy", "in"],
                        ["flush", "set", "inet", "understudy", "closed4"]):
            before = self.restored(agent)
            host.exec("nft", *command)
            eventually(lambda: self.restored(agent) == before + 1, 1, f"restored after {command}")
            self.assertFalse(answers(), command)
        rules = agent.status()["packet_rules"]
        self.assertEqual(rules["trouble"], "")
        self.assertRegex(rules["restored_after"], r"^nft \(process \d+")
        self.assertIn("inet understudy", agent.log())
        self.assertIn("nft (process", agent.log())
        self.assertIn("understudy_packet_rules_restored_total 4", agent.must("metrics"))
        seen = json.loads(host.exec(os.path.join(binaries(), "understudy"), "--runtime-dir", str(agent.runtime),
                                    "doctor", "--config", str(agent.config), "--json", check=False))
        found = [one for one in seen["findings"] if one["subject"] == "packet rules" and one["severity"] == "warning"]
        self.assertIn("4 times", found[0]["seen"])

    def test_who_deletes_them_again_and_again_is_not_fought(self):
        host = self.lab.node()
        agent = Understudy(host, vip(interval="100ms"))
        agent.wait_state("active")
        adverts = agent.vip()["counters"]["adverts_sent"]
        until = time.monotonic() + 5
        while time.monotonic() < until:
            host.exec("nft", "flush", "ruleset")
        self.assertLess(self.restored(agent), 8)
        self.assertLess(len([line for line in agent.log().splitlines() if "packet rules" in line]), 8)
        self.assertGreater(agent.vip()["counters"]["adverts_sent"], adverts + 35)

    # --- who may silence this node -------------------------------------------------------------------

    def frames(self):
        """Frames that say that somebody else has the VIP: to everybody and to this node, of ARP and of ND."""
        mac, target = bytes_of(RIVAL), bytes_of(self.host1.mac)
        address, address6 = socket.inet_aton(VIP), socket.inet_pton(socket.AF_INET6, VIP6)

        def arp(to, operation, hardware, asked):
            return (to + mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + mac + address +
                    hardware + asked)

        def advertisement(to, hops):
            body = b"\x88\0\0\0" + b"\x20\0\0\0" + address6 + b"\x02\x01" + mac
            group = socket.inet_pton(socket.AF_INET6, "ff02::1")
            pseudo = address6 + group + struct.pack(">II", len(body), 58) + body
            total = sum(struct.unpack(f">{len(pseudo) // 2}H", pseudo))
            while total >> 16:
                total = (total & 0xffff) + (total >> 16)
            body = body[:2] + struct.pack(">H", ~total & 0xffff) + body[4:]
            return to + mac + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), 58, hops) + address6 + group + body

        everybody = b"\xff" * 6
        return [arp(target, 1, b"\0" * 6, socket.inet_aton(self.host1.ipv4)), arp(target, 2, target, address),
                arp(everybody, 1, b"\0" * 6, address), advertisement(target, 255), advertisement(target, 64)]

    def test_frames_of_a_rival_do_not_make_a_holder_mute(self):
        self.pair(addresses=(f"{VIP}/24", f"{VIP6}/64"))
        attacker, client = self.lab.node("attacker"), self.lab.client()
        handle = attacker.within(raw_socket)
        stopping = threading.Event()

        def attack():
            while not stopping.wait(0.4):  # 2.5 of each in a second
                for frame in self.frames():
                    handle.send(frame)

        thread = threading.Thread(target=attack, daemon=True)
        thread.start()
        reached = 0
        try:
            for _ in range(10):
                for address, family in ((VIP, "-4"), (VIP6, "-6")):
                    client.ip(family, "neighbour", "flush", "dev", "eth0", check=False)
                    # The rival poisons the cache of the client as well; only the answer of the holder counts.
                    capture = Capture(client)
                    subprocess.run(["ip", "netns", "exec", client.namespace, "ping", "-c", "1", "-W", "1", address],
                                   capture_output=True)
                    capture.stop()
                    reached += any(self.is_answer(frame) for _, frame in capture.frames)
        finally:
            stopping.set()
            thread.join()
            handle.close()
        self.assertEqual(reached, 20)
        self.assertEqual(self.one.status()["packet_rules"]["silenced"], 0)

    def is_answer(self, frame):
        """An ARP answer or a Neighbour Advertisement of lb1 for the VIP."""
        own = bytes_of(self.host1.mac)
        if frame[6:12] != own:
            return False
        if frame[12:14] == b"\x08\x06":
            return frame[20:22] == b"\0\x02" and frame[28:32] == socket.inet_aton(VIP)
        return (frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 136 and
                frame[62:78] == socket.inet_pton(socket.AF_INET6, VIP6))

    def test_an_announcement_without_a_takeover_is_counted_and_warned_of(self):
        host = self.lab.node("lb1")
        self.host1 = host
        agent = Understudy(host, vip(interval="100ms"))
        agent.wait_state("active")
        attacker = self.lab.node("attacker")
        handle = attacker.within(raw_socket)
        agent.cli("maintenance", "on", "--timeout", "1s")  # nobody takes it: it is given away for as long as that lasts
        frame = self.frames()[2]
        began = now_us()

        def silenced():
            handle.send(frame)
            return agent.status()["packet_rules"]["silenced"] > 0

        eventually(silenced, 10, "somebody has announced it", step=0.1)
        self.assertIn(RIVAL, agent.log())
        self.assertTrue(host.holds(VIP))
        capture, asker = Capture(attacker), ArpAsker(self.lab.client(), VIP, rate=100)

        def answered():
            handle.send(frame)
            time.sleep(0.1)
            return any(arp.operation == 2 and arp.sender_mac == host.mac for arp in self.client_arps(began))

        self.client_capture = Capture(self.lab.client())
        stays(answered, 2, "it answers all the while")
        asker.stop()
        capture.stop()
        handle.close()

    def client_arps(self, after):
        """Since the last call."""
        arps = self.client_capture.arps(VIP, after)
        self.client_capture.frames.clear()
        return arps


if __name__ == "__main__":
    main()
