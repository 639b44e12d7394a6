"""The cluster under test: four VIPs, a client, three nodes with an agent, a server and two files each."""
import os
import pathlib
import threading

from lab.agents import Understudy, vip
from lab.hung_mount import HungMount
from lab.names import resolver_files
from lab.outside import Manager, Names, Runtime, WallClock
from lab.processes import children, name_of
from lab.services import Server

PORT = 8080
LEASE_S = 2.0        # four advertisement intervals, at least 2 s
STOP_TIMEOUT_S = 3   # of the agents: how long a stop waits for a peer
RELOADED = "192.0.2.99"  # an address that only a reload brings
NODE_NAMES = ("lb1", "lb2", "lb3")
CLIENT_IPV4 = "192.0.2.100"
NAMED = "app.lab.example"  # what check `named` looks up, at the name server that the client has


class Vip:
    """One VIP: what is configured where, and every address that it moves."""

    def __init__(self, name, vrid, interval_ms, priorities, preempt, addresses, extra=(), derived=(),
                 health=(), unheld_budget_s=3.0, **more):
        self.name, self.vrid, self.interval_ms = name, vrid, interval_ms
        self.priorities = dict(zip(NODE_NAMES, priorities))
        self.preempt = dict(zip(NODE_NAMES, preempt))
        self.configured, self.extra, self.more = addresses, extra, more
        self.health = health  # the faults of a node's services that keep it from being active
        self.unheld_budget_s = unheld_budget_s
        self.addresses = [one.split("/")[0] for one in (*addresses, *extra)] + list(derived)
        self.unicast = False

    def draw(self, rng):
        """Another election: what may differ without another bound for the judge."""
        values = sorted(self.priorities.values())
        rng.shuffle(values)
        self.priorities = dict(zip(NODE_NAMES, values))
        self.preempt = {name: rng.random() < 0.5 for name in NODE_NAMES}
        self.interval_ms = rng.choice((100, 150, 200))
        self.unicast = not any(":" in address for address in self.addresses) and rng.random() < 0.4

    def section(self, node, ipv4):
        """The text for a node; `ipv4`: the addresses of all nodes, by name."""
        more = dict(self.more, preempt="yes" if self.preempt[node] else "no")
        if self.extra:
            more["extra_address"] = self.extra
        if self.unicast:
            more["unicast_source"] = ipv4[node]
            more["unicast_peer"] = [address for name, address in ipv4.items() if name != node]
        return vip(self.name, vrid=self.vrid, priority=self.priorities[node],
                   interval=f"{self.interval_ms}ms", addresses=self.configured, **more)

    def __str__(self):
        preempting = " ".join(name for name, does in self.preempt.items() if does) or "nobody"
        priorities = "/".join(map(str, self.priorities.values()))
        return (f"{self.name}: every {self.interval_ms} ms{' by unicast' if self.unicast else ''}, "
                f"priorities {priorities}, {preempting} preempts")

    def prefixed(self, address):
        """As it is configured, with its length."""
        return next((one for one in (*self.configured, *self.extra) if one.split("/")[0] == address),
                    f"{address}/64")


VIPS = (
    Vip("web", 51, 100, (150, 120, 100), (True, True, True), ("192.0.2.10/24",), extra=("192.0.2.11/24",)),
    Vip("mail", 52, 200, (100, 150, 120), (False, False, False), ("192.0.2.20/24", "2001:db8::20/64"),
        derived=("fe80::200:5eff:fe00:234",), health=("gate",), track="gate"),
    Vip("app", 53, 100, (120, 100, 150), (False, True, True), ("192.0.2.30/24",), health=("server",),
        service="app", track="stamp weight=-40"),
    # Its service runs on the active node only: it is stopped on the one and started on the other first.
    Vip("batch", 54, 200, (100, 120, 150), (True, False, True), ("192.0.2.40/24",), service="job",
        unheld_budget_s=6.0),
)
VIP_OF_ADDRESS = {address: one for one in VIPS for address in one.addresses}

CHECKS = """
[service app]
standby = hot
check = port
[check port]
type = tcp
target = 127.0.0.1:{port}
interval = 200ms
fast_interval = 100ms
rise = 2
fall = 2
[check gate]
type = script
command = /usr/bin/test -e {dir}/gate
interval = 500ms
fast_interval = 200ms
rise = 2
fall = 2
[check named]
type = tcp
target = {named}:{port}
interval = 200ms
timeout = 1s
[check mounted]
type = file
path = {dir}/mount/stamp
interval = 200ms
timeout = 1s
[check stamp]
type = file
path = {dir}/stamp
interval = 200ms
[service job]
standby = cold
start = /usr/bin/touch {dir}/spool/job
stop = /bin/rm -f {dir}/spool/job
start_timeout = 3s
stop_timeout = 2s
stop_on_release = yes
check = job
[check job]
type = file
path = {dir}/spool/job
interval = 200ms
fast_interval = 50ms
rise = 1
fall = 2
"""
# In seconds; without the one whose service is started and stopped.
CHECK_INTERVALS = {"port": 0.2, "named": 0.2, "mounted": 0.2, "stamp": 0.2, "gate": 0.5}


class Node:
    """A node, its agent, and what its checks look at."""

    def __init__(self, host, ipv4):
        self.name, self.host = host.name, host
        lab, name = host.lab, host.name
        self.folder = pathlib.Path(lab.dir) / f"{name}-health"
        self.job = self.folder / "spool" / "job"
        self.job.parent.mkdir(parents=True)
        # Checks run as nobody, and mkdtemp's folder is closed to others.
        os.chmod(lab.dir, 0o755)
        os.chmod(self.folder, 0o755)
        os.chmod(self.job.parent, 0o777)  # the job itself is started as nobody
        self.macs = {self.host.mac}
        # The world around the agent.
        self.mount = HungMount(lab, name="stamp", path=self.folder / "mount")
        self.manager = Manager(lab, self.folder / "notify")
        self.clock = WallClock(lab, self.folder / "clock")
        resolver_files(host, [CLIENT_IPV4])
        self.server = None
        self.serve()
        for name_of_file in ("gate", "stamp"):
            (self.folder / name_of_file).touch()
        self.configuring = threading.Lock()  # held while the file is not one to start with
        self.agent = Understudy(self.host, *(one.section(name, ipv4) for one in VIPS),
                                CHECKS.format(port=PORT, dir=self.folder, named=NAMED),
                                stop_timeout=f"{STOP_TIMEOUT_S}s", start=False)
        self.agent.config.write_text(self.agent.config.read_text().replace("[agent]", "[agent]\nrecord = yes", 1))
        self.agent.environment = {"NOTIFY_SOCKET": self.manager.path, "WATCHDOG_USEC": "2000000", **self.clock.environment}
        self.state = Runtime(lab, self.agent.runtime)

    def start_agent(self):
        with self.configuring:
            self.agent.start()
        status = self.agent.process.poll()
        if status is not None:
            raise AssertionError(f"the agent of {self.name} did not start: exit status {status}: "
                                 f"{self.agent.log()[-400:]}")

    def serve(self):
        self.server = Server(self.host, PORT, lambda connection: None)

    def stop_serving(self):
        self.server.close()
        closers = self.host.lab.closers
        if self.server.close in closers:
            closers.remove(self.server.close)

    def plug_in(self):
        self.host.plug_in()
        self.macs.add(self.host.mac)

    def held(self):
        """The virtual addresses that its kernel has now, on any interface."""
        on_it = {line.split()[3].split("/")[0]
                 for line in self.host.ip("-o", "address", "show", check=False).splitlines()}
        return on_it & set(VIP_OF_ADDRESS)

    def child(self, *names):
        """The process that is reached from the agent by the names of its descendants, or None."""
        pid = self.agent.process.pid
        for name in names:
            pid = next((child for child in children(pid) if name_of(child) == name), None)
            if pid is None:
                return None
        return pid




class Cluster:
    """`rng`: draws the elections; without it they are those above."""

    tools = (*WallClock.tools, *Runtime.tools)

    def __init__(self, lab, rng=None):
        self.lab = lab
        if rng:
            for one in VIPS:
                one.draw(rng)
        hosts = [lab.node(name) for name in NODE_NAMES]
        self.nodes = {host.name: Node(host, {one.name: one.ipv4 for one in hosts}) for host in hosts}
        self.client = lab.client()
        Server(self.client, PORT, lambda connection: None)
        self.names = Names(self.client, {NAMED: [self.client.ipv4]})

    def holder(self, vip_name):
        """A node that has the first address of the VIP now, or None."""
        address = next(one for one in VIPS if one.name == vip_name).addresses[0]
        return next((node for node in self.nodes.values() if node.host.holds(address)), None)

    def node_of_mac(self, mac):
        return next((name for name, node in self.nodes.items() if mac in node.macs), None)
