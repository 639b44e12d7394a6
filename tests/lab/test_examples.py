"""The examples with haproxy and nginx as they are shipped, on two nodes: nothing but paths is put elsewhere."""
import os
import pathlib
import shutil
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab.agents import Understudy  # noqa: E402
from lab.services import Haproxy, HttpClient, Nginx, Server  # noqa: E402
from lab.testcase import LabTestCase, main  # noqa: E402
from lab.wait import eventually  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"


def application(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\napp")


class Example(Understudy):
    """The agent with the configuration of an example; `changes`: what is put elsewhere in this lab."""

    def __init__(self, host, name, changes):
        super().__init__(host, start=False)
        text = (EXAMPLES / name / "understudy.conf").read_text()
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        self.config.write_text(text if "[agent]" in text else f"[agent]\nname = {host.name}\n{text}")
        self.start()


class Examples(LabTestCase):
    def setUp(self):
        super().setUp()
        self.gateway = self.lab.node("gw")  # 192.0.2.1, the gateway of the examples

    def pair(self, name, changes, service, vip_name):
        self.agents, self.servers = [], []
        for number, priority in ((1, 150), (2, 100)):
            host = self.lab.node(f"lb{number}")
            self.servers.append(service(host))
            put = {old: new.format(dir=self.servers[-1].dir) for old, new in changes.items()}
            self.agents.append(Example(host, name, put | {"priority = 150 ": f"priority = {priority} "}))
        self.agents[0].wait_state("active", 15, vip_name)
        self.agents[1].wait_state("backup", 15, vip_name)

    def moves_when_the_server_dies(self, address, vip_name):
        client = HttpClient(self.lab.client(), address)
        client.first_after(time.monotonic())
        killed = time.monotonic()
        self.servers[0].kill9()
        self.agents[1].wait_state("active", 5, vip_name)
        when, _ = client.first_after(killed + 0.05)
        print(f"{address} answers again after {when - killed:.2f} s")
        self.assertLess(when - killed, 3)
        self.agents[0].wait_state("fault", 5, vip_name)
        self.assertIn("down", self.agents[0].must("why", vip_name))

    def test_haproxy_pair(self):
        for address in ("192.0.2.21", "192.0.2.22"):
            self.gateway.ip("address", "add", f"{address}/24", "dev", "eth0")
        Server(self.gateway, 8080, application)
        config = (EXAMPLES / "haproxy-pair" / "haproxy.cfg").read_text()
        self.pair("haproxy-pair", {}, lambda host: Haproxy(host, config=config), "web")
        self.moves_when_the_server_dies("192.0.2.10", "web")

    def test_haproxy_pair_without_a_server_left(self):
        """The check asks HAProxy, and HAProxy knows that it can serve nobody."""
        self.gateway.ip("address", "add", "192.0.2.21/24", "dev", "eth0")
        application_server = Server(self.gateway, 8080, application)
        config = (EXAMPLES / "haproxy-pair" / "haproxy.cfg").read_text()
        self.pair("haproxy-pair", {}, lambda host: Haproxy(host, config=config), "web")
        application_server.close()
        self.agents[1].wait_state("fault", 15)
        self.assertIn("HTTP 503", self.agents[1].must("why", "web"))
        # Neither node can serve: the address stays where it is, and that is said.
        eventually(lambda: "last_resort = hold" in self.agents[0].must("why", "web"), 10, "lb1 says why it holds it")
        self.assertEqual(self.agents[0].state(), "active")

    def test_nginx_pair(self):
        config = (EXAMPLES / "nginx-pair" / "nginx.conf").read_text()

        def nginx(host):
            server = Nginx(host, start=False)
            site = server.dir / "site"
            site.mkdir()
            (site / "index.html").write_text(host.name)
            (site / ".deployed").write_text("")
            for folder in (host.lab.dir, server.dir, site):
                os.chmod(folder, 0o755)  # for www-data
            server.config.write_text(config.replace("/run/nginx.pid", f"{server.dir}/nginx.pid; daemon off")
                                     .replace("/var/www/html", str(site)))
            return server.start()

        self.pair("nginx-pair", {"/var/www/html/.deployed": "{dir}/site/.deployed"}, nginx, "www")
        self.moves_when_the_server_dies("192.0.2.11", "www")
        self.assertTrue(self.lab.hosts["lb2"].holds("2001:db8::11"))

    def test_hooks(self):
        told = []

        def inbox(connection):
            request = b""
            while b"web is" not in request and (chunk := connection.recv(4096)):
                request += chunk
            told.append(request.decode())
            connection.sendall(b"HTTP/1.0 204 No Content\r\n\r\n")

        Server(self.gateway, 8080, inbox)
        tell = pathlib.Path(self.lab.dir) / "tell"
        shutil.copy(EXAMPLES / "hooks" / "tell", tell)
        os.chmod(self.lab.dir, 0o755)  # hooks run as nobody
        agent = Example(self.lab.node("lb1"), "hooks", {"/usr/local/sbin/tell": str(tell),
                                                        "vrid = 51": "vrid = 51\nadvert_interval = 100ms"})
        agent.wait_state("active")
        eventually(lambda: told and "lb1: web is active: no advertisement from anybody" in told[-1], 5, lambda: f"{told} {agent.log()}")
        self.assertTrue(told[-1].startswith("POST /vips "), told)
        eventually(lambda: {hook["name"]: hook["result"] for hook in agent.vip()["hooks"]}["on_active"] == "done", 5, agent.log)


if __name__ == "__main__":
    main()
