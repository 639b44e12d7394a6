"""1,000 addresses in one VIP move at once."""
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy, vip  # noqa: E402
from lab.clock import now_us  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402
from lab.watch import HolderWatch  # noqa: E402

ADDRESSES = [f"198.18.{n // 250}.{n % 250 + 1}/32" for n in range(1000)]


class ManyAddresses(LabTestCase):
    def test_all_held_within_20_ms_of_the_first(self):
        host1, host2 = self.lab.node("lb1"), self.lab.node("lb2")
        text = dict(interval="100ms", addresses=ADDRESSES[:200], extra_address=ADDRESSES[200:])
        one = Understudy(host1, vip(priority=150, **text))
        two = Understudy(host2, vip(priority=100, **text))
        one.wait_state("active")
        two.wait_state("backup")
        spans = []
        for _ in range(3):
            with HolderWatch(host2) as watch:
                begin = now_us()
                host1.cut()
                two.wait_state("active")
                eventually(lambda: host2.ip("-o", "address").count(" 198.18.") == 1000, 5, "all are held")
                times = [at for at, _, what, held in watch.events
                         if held and at >= begin and what.startswith("198.18.")]
            spans.append((max(times[:1000]) - min(times)) / 1000)
            host1.heal()
            two.wait_state("backup")
            one.wait_state("active")
            eventually(lambda: " 198.18." not in host2.ip("-o", "address"), 5, "all are released")
        print(f"1000 addresses held within {spans} ms")
        self.assertLess(statistics.median(spans), 20)


if __name__ == "__main__":
    main()
