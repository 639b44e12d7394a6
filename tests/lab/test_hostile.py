"""Wrong packets: counted under their reason, and nothing else happens."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.inject import Injector, advert, frame  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually, stays  # noqa: E402


class Hostile(LabTestCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.node()
        self.agent = Understudy(self.host, vip(priority=100, interval="100ms"))
        self.agent.wait_state("active")
        self.client = self.lab.client()
        self.source = "192.0.2.99"
        self.injector = Injector(self.client)
        self.addCleanup(self.injector.close)

    def frame(self, payload, ttl=255):
        return frame(self.client.mac, self.source, payload, ttl=ttl)

    def test_invalid_packets_do_not_disturb_the_advertisements(self):
        bad = [self.frame(advert(self.source, priority=200), ttl=1),
               self.frame(advert(self.source, priority=200, wrong_checksum=True)),
               self.frame(advert(self.source, priority=200, version=2))]
        capture = Capture(self.client)
        begin = now_us()
        for number in range(150):
            self.injector.send(bad[number % 3])
            time.sleep(0.04)  # one every 0.4 intervals: the stream that is asked for, not a wait
        capture.stop()
        times = [a.at for a in capture.adverts() if a.source == self.host.ipv4 and a.at > begin]
        gaps = [(b - a) / 1000 for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(len(times), 55)
        self.assertLess(max(gaps), 200)
        discarded = self.agent.vip()["counters"]["discarded"]
        self.assertEqual((discarded["ttl"], discarded["checksum"], discarded["version"]), (50, 50, 50))
        self.assertEqual(self.agent.vip()["transitions"], 2)

    def test_100000_bad_packets_are_counted_and_change_nothing(self):
        source = self.source
        rng = random.Random(1)
        good = advert(source, priority=200)
        kinds = {
            "ttl": [self.frame(good, ttl=64)],
            "checksum": [self.frame(advert(source, priority=200, wrong_checksum=True))],
            "version": [self.frame(advert(source, priority=200, version=v)) for v in (2, 4, 7, 15)],
            "type": [self.frame(advert(source, priority=200, kind=k)) for k in (0, 2, 9)],
            "length": [self.frame(good[:n]) for n in range(2, 12)] + [self.frame(good + b"\0" * 8)] +
                      [self.frame(advert(source, priority=200, count=c)) for c in (2, 200)],
            "interval": [self.frame(advert(source, priority=200, interval_cs=0))],
            "count": [self.frame(advert(source, priority=200, addresses=()))],
        }
        foreign = [self.frame(advert(source, vrid=v, priority=200)) for v in (1, 50, 52, 255)]
        noise = [self.frame(bytes([rng.choice([0x31, 0x21, 0x41]), rng.choice([7, 8, 9])]) +
                            rng.randbytes(rng.randrange(0, 60))) for _ in range(2000)]
        sent = dict.fromkeys(kinds, 0)
        strangers = 0
        for number in range(100_000):
            name = rng.choice([*kinds, "foreign", "noise"])
            if name in kinds:
                self.injector.send(rng.choice(kinds[name]))
                sent[name] += 1
            else:
                self.injector.send(rng.choice(foreign if name == "foreign" else noise))
                strangers += 1
            if number % 2000 == 0:
                self.assertEqual(self.agent.state(), "active")
        def counted():
            discarded = self.agent.vip()["counters"]["discarded"]
            return all(discarded[name] == count for name, count in sent.items())
        eventually(counted, 10, lambda: f"sent {sent}, counted {self.agent.vip()['counters']['discarded']}")
        elsewhere = self.agent.status()["discarded"]
        self.assertEqual(sum(elsewhere.values()), strangers, elsewhere)
        self.assertGreater(elsewhere["vrid"], 0)
        self.assertEqual(self.agent.vip()["transitions"], 2)
        self.assertIsNone(self.agent.process.poll())
        complaints = [line for line in self.agent.log().splitlines() if "discarded" in line]
        self.assertLess(len(complaints), 30, "logged at a bounded rate")


if __name__ == "__main__":
    main()
