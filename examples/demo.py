"""The demo itself: started by examples/demo, which installs and builds what it needs."""
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))
os.environ.setdefault("UNDERSTUDY_BIN", str(ROOT / "build" / "demo" / "bin"))
from lab.agents import Understudy, vip  # noqa: E402
from lab.network import Lab  # noqa: E402
from lab.probe import Probe  # noqa: E402
from lab.tools import LAB, OURS, need  # noqa: E402
from lab.wait import eventually  # noqa: E402

VIP = "192.0.2.10"
TERMINAL = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
COLOUR = TERMINAL and not os.environ.get("NO_COLOR")
PAINT = {"1": "\x1b[32m1\x1b[0m", "2": "\x1b[36m2\x1b[0m", "x": "\x1b[41mx\x1b[0m"}


def draw(text):
    """A line that is drawn again, where that is possible."""
    if TERMINAL:
        print(f"\r\x1b[K{text}", end="", flush=True)


def scene(title, story, client, names, move, done):
    """One move with 2,000 probes a second around it, and the picture of it."""
    print(f"\n{title}\n  {story}")
    with Probe(client, VIP) as probe:
        draw("  probing, 2,000 a second: before ...")
        time.sleep(0.7)     # the picture has a before
        draw("  probing, 2,000 a second: the move ...")
        move()
        eventually(done, 20, title)
        draw("  probing, 2,000 a second: after ...")
        time.sleep(0.7)     # and an after
    draw("")
    line, seconds = probe.seen.timeline(names)
    painted = "".join(PAINT.get(cell, cell) if COLOUR else cell for cell in line)
    print(f"  answered by |{painted}|  {seconds:.1f} s")
    print(f"  {probe.seen.sent} probes sent, {probe.seen.lost} lost"
          + (f", the longest gap {probe.seen.longest_loss_ms():.0f} ms" if probe.seen.lost else ""))
    return probe.seen


def show_status(*agents):
    for agent in agents:
        one = agent.vip()
        print(f"  {agent.host.name}: {one['state']:7} {one['reason']}")


def main():
    need(*LAB, ours=OURS)
    with Lab() as lab:
        print("two nodes and a client in network namespaces; 192.0.2.10, advertised every 100 ms")
        one, two, client = lab.node("lb1"), lab.node("lb2"), lab.client()
        first = Understudy(one, vip(priority=150, interval="100ms"))
        second = Understudy(two, vip(priority=100, interval="100ms"))
        first.wait_state("active")
        second.wait_state("backup")
        show_status(first, second)
        names = {one.mac: "1", two.mac: "2"}

        crash = scene("crash", "lb1's cable is cut: lb2 waits for three missed advertisements, then claims", client,
                      names, one.cut, lambda: second.state() == "active")
        show_status(second)
        scene("return", "the cable is back: lb1 has the higher priority and takes the address again", client,
              names, one.heal, lambda: first.state() == "active" and second.state() == "backup")
        planned = scene("planned failover", "understudy failover web, on lb1", client, names,
                        lambda: first.must("failover", "web"),
                        lambda: second.state() == "active" and first.state() == "backup")
        show_status(first, second)
        back = scene("failback", "understudy failback web, on lb1", client, names,
                     lambda: first.must("failback", "web"),
                     lambda: first.state() == "active" and second.state() == "backup")
        show_status(first, second)
        ok = planned.lost == 0 and back.lost == 0 and crash.longest_loss_ms() < 1000
        print("\nplanned moves lost nothing" if ok else "\nFAILED: a planned move lost probes")
        return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
