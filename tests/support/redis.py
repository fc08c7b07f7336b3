# SPDX-License-Identifier: BSD-2-Clause
"""A Redis of a test's own: on a unix socket; or several behind Sentinel, or as a Cluster."""
import pathlib
import signal
import subprocess

from . import net


class Redis:
    def __init__(self, folder):
        self.folder = folder
        self.path = f"{folder}/redis.sock"
        self.process = None

    def start(self):
        self.process = net.start(["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir",
                                  str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        net.wait_for(lambda: net.listens_unix(self.path), "Redis to listen")

    def stop(self):
        if self.process:
            net.stop(self.process)
            self.process = None

    def cli(self, *args):
        """What redis-cli prints."""
        done = subprocess.run(["redis-cli", "-s", self.path, *args], capture_output=True, text=True, timeout=net.PATIENCE_S, check=True)
        return done.stdout

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()


taken_ports = set()


def fresh_port(inside=()):
    """One that no other server of ours has, even if it does not listen yet; in a network of the test's own below those of outgoing connections."""
    while True:
        port = 7000 + len(taken_ports) if inside else net.free_port()
        if port not in taken_ports:
            taken_ports.add(port)
            return port


class Server:
    """A Redis, or a sentinel, on a TCP port, with these lines of configuration; it writes to its file as it likes."""

    def __init__(self, folder, lines=(), host="127.0.0.1", sentinel=False, inside=()):
        self.host, self.port = host, fresh_port(inside)
        self.name = f"{host}:{self.port}"
        self.folder = pathlib.Path(folder) / f"redis-{self.port}"
        self.folder.mkdir(parents=True)
        self.conf = self.folder / "redis.conf"
        self.conf.write_text(f"bind {host}\nport {self.port}\ndir {self.folder}\nlogfile {self.folder}/log\n" + "".join(f"{line}\n" for line in lines))
        self.sentinel, self.inside = sentinel, list(inside)
        self.password = next((line.split()[1] for line in lines if line.startswith("requirepass ")), None)
        self.process = None

    def start(self):
        argv = [*self.inside, "redis-server", self.conf, *(["--sentinel"] if self.sentinel else [])]
        self.process = net.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        net.wait_for(lambda: self.try_cli("ping").strip() == "PONG" or self.process.poll() is not None, f"the Redis at {self.name} to answer")
        assert self.process.poll() is None, (self.folder / "log").read_text()
        return self

    def try_cli(self, *args, timeout=net.PATIENCE_S):
        """What redis-cli prints; of a server that does not answer an error."""
        password = ["-a", self.password, "--no-auth-warning"] if self.password else []
        argv = [*self.inside, "redis-cli", "-h", self.host, "-p", str(self.port), *password, *map(str, args)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False).stdout

    def cli(self, *args):
        out = self.try_cli(*args)
        assert not out.startswith(("ERR", "(error)")), out
        return out

    def info(self, section, key):
        return next((line.split(":", 1)[1] for line in self.cli("info", section).splitlines() if line.startswith(key + ":")), None)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGCONT)
            net.stop(self.process, signal.SIGKILL)
            self.process = None


NOTHING_KEPT = ['save ""', "appendonly no"]


class Sentinels:
    """A primary, replicas, and three sentinels that watch over them. lines: of each Redis; sentinel_lines: of each sentinel, with {primary}, HOST PORT."""

    def __init__(self, folder, replicas=2, lines=NOTHING_KEPT, sentinel_lines=None, host="127.0.0.1", inside=()):
        self.servers = [Server(folder, lines, host, inside=inside)]
        first = self.servers[0]
        self.servers += [Server(folder, [*lines, f"replicaof {host} {first.port}"], host, inside=inside) for _ in range(replicas)]
        sentinel_lines = sentinel_lines or ["sentinel monitor mymaster {primary} 2", "sentinel down-after-milliseconds mymaster 1000",
                                            "sentinel failover-timeout mymaster 10000"]
        self.sentinels = [Server(folder, [line.format(primary=f"{host} {first.port}") for line in sentinel_lines], host, sentinel=True, inside=inside)
                          for _ in range(3)]
        self.names = " ".join(s.name for s in self.sentinels)
        self.all = [*self.sentinels, *self.servers]

    def __enter__(self):
        try:
            for server in self.servers:
                server.start()
            replicas = str(len(self.servers) - 1)
            net.wait_for(lambda: self.servers[0].cli("info", "replication").count("state=online") == int(replicas), "the replicas to follow")
            for sentinel in self.sentinels:
                sentinel.start()
            for sentinel in self.sentinels:  # or they do not fail over
                net.wait_for(lambda s=sentinel: self.master(s).get("num-other-sentinels") == "2" and self.master(s).get("num-slaves") == replicas,
                             "the sentinels to know each other")
        except BaseException:
            self.__exit__()
            raise
        return self

    @staticmethod
    def master(sentinel):
        words = sentinel.cli("sentinel", "masters").splitlines()
        return dict(zip(words[::2], words[1::2]))

    def primary(self):
        """The server that calls itself the primary; with two, the one that did not begin as it."""
        return next((s for s in reversed(self.servers) if s.process.poll() is None and s.try_cli("role").startswith("master")), None)

    def __exit__(self, *exc):
        for server in [*self.sentinels, *self.servers]:
            server.stop()


class Cluster:
    """Primaries that have all slots in equal parts, and a replica of each where that is wanted."""

    def __init__(self, folder, primaries=3, replicas=0, lines=NOTHING_KEPT, host="127.0.0.1", inside=()):
        def server():
            return Server(folder, [*lines, "cluster-enabled yes", "cluster-config-file nodes.conf", f"cluster-port {fresh_port(inside)}",
                                   *([] if any(line.startswith("cluster-node-timeout") for line in lines) else ["cluster-node-timeout 2000"])],
                          host, inside=inside)
        self.primaries = [server() for _ in range(primaries)]
        self.replicas = [server() for _ in range(primaries * replicas)]
        self.servers = self.primaries + self.replicas
        self.names = " ".join(s.name for s in self.primaries)

    def __enter__(self):
        try:
            for server in self.servers:
                server.start()
            self.join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def join(self):
        first = self.primaries[0]
        for i, server in enumerate(self.primaries):
            server.cli("cluster", "set-config-epoch", i + 1)
            server.cli("cluster", "addslotsrange", 16384 * i // len(self.primaries), 16384 * (i + 1) // len(self.primaries) - 1)
        for server in self.servers[1:]:
            bus = server.conf.read_text().split("cluster-port ")[1].split()[0]
            first.cli("cluster", "meet", server.host, server.port, bus)
        for server in self.servers:
            net.wait_for(lambda s=server: s.cli("cluster", "nodes").count(" connected") == len(self.servers), "the servers to know each other")
        for i, server in enumerate(self.replicas):
            server.cli("cluster", "replicate", self.ident(self.primaries[i % len(self.primaries)]))
        for server in self.servers:
            net.wait_for(lambda s=server: "cluster_state:ok" in s.cli("cluster", "info"), "the cluster to be well")
        for server in self.replicas:
            net.wait_for(lambda s=server: s.info("replication", "master_link_status") == "up", "the replicas to follow")
            net.wait_for(lambda s=server: self.ident(s) in first.cli("cluster", "slots"), "the replicas to be known")

    @staticmethod
    def ident(server):
        return server.cli("cluster", "myid").strip()

    def __exit__(self, *exc):
        for server in self.servers:
            server.stop()
