# SPDX-License-Identifier: BSD-2-Clause
"""Three gateways and a Redis of several servers, in network namespaces of the test's own that a bridge joins; mail for them as from several
mail servers that try again after a 4xx; and what was counted of it."""
import os
import re
import subprocess
import threading
import time

from . import net, sluice
from .milter import CONTINUE, Milter

RECIPE = sluice.TOP / "contrib" / "scale"
REDIS = "10.77.0.1"
GATEWAYS = 3


class Network:
    """A namespace for all of Redis, and one for each gateway. Nothing of it is seen outside, and it is gone with its processes."""

    def __init__(self):
        self.holders = []

    def namespace(self):
        holder = net.start(["unshare", "--net", "sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.holders.append(holder)
        own = os.readlink("/proc/self/ns/net")
        net.wait_for(lambda: holder.poll() is not None or os.readlink(f"/proc/{holder.pid}/ns/net") != own, "a network namespace")
        if holder.poll() is not None:
            raise OSError(holder.stderr.read().strip())
        self.ip(holder, "link set lo up")
        return holder

    @staticmethod
    def inside(holder):
        return ["nsenter", "-t", str(holder.pid), "-n"]

    def ip(self, holder, command):
        done = subprocess.run([*self.inside(holder), "ip", *command.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"ip {command}: {done.stderr.strip()}")

    def build(self):
        self.middle = self.namespace()
        self.ip(self.middle, "link add bridge0 type bridge")
        self.ip(self.middle, f"address add {REDIS}/24 dev bridge0")
        self.ip(self.middle, "link set bridge0 up")
        self.gateways = [self.namespace() for _ in range(GATEWAYS)]
        for i, gateway in enumerate(self.gateways):
            self.ip(self.middle, f"link add port{i} type veth peer name eth0 netns {gateway.pid}")
            self.ip(self.middle, f"link set port{i} master bridge0 up")
            self.ip(gateway, f"address add 10.77.0.{11 + i}/24 dev eth0")
            self.ip(gateway, "link set eth0 up")

    def cut(self, i, off=True):
        """The link of a gateway is down, or up again."""
        self.ip(self.middle, f"link set port{i} {'down' if off else 'up'}")

    def end(self):
        for holder in self.holders:
            net.stop(holder)
            holder.stderr.close()


def recipe(name):
    """The lines of a file that sites are told to use."""
    return [line for line in (RECIPE / name).read_text().splitlines() if line and not line.startswith("#")]


def gateway_conf(name, key, servers):
    """The same of sluice.conf, with our servers in it."""
    text, count = re.subn(rf"(?m)^( *{key} +)\[.*\]", rf"\1[{servers}]", (RECIPE / name).read_text())
    assert count == 1
    return text


CONNECTIONS = 4  # of each gateway
# one unit comes back in a day: none while a test runs
RULES = """authserv_id mx.example.org
authentication_results no
at mail {
    rule counted limit 1/1d burst 40000 by mail.domain
    on_error limit tempfail "451 4.3.0 the store is away"
}
"""
INTERVAL_US = 24 * 3600 * 10**6
AWAY = "451 4.3.0 the store is away"


class Load:
    """Each message is sent until it is taken. accepted: of each sender's domain, how many were."""

    def __init__(self, gateways, domains=10):
        self.gateways, self.domains = gateways, domains
        self.lock = threading.Lock()
        self.accepted, self.away, self.wrong, self.longest = {}, 0, [], 0.0
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i, s)) for i, s in enumerate(s for s in gateways for _ in range(CONNECTIONS))]

    def run(self, number, gateway):
        try:
            with Milter(gateway.listen) as m:
                m.greet("192.0.2.1")
                count = 0
                while not self.ending.is_set():
                    self.send(m, f"d{(number * 7919 + count) % self.domains}.example.net")
                    count += 1
                    self.ending.wait(0.005)  # there is no need to use up the burst
        except Exception as e:  # noqa: BLE001: told by the test
            with self.lock:
                self.wrong.append(repr(e))

    def send(self, m, domain):
        for _ in range(1000):
            began = time.monotonic()
            answer = m.message(f"<a@{domain}>")
            took = time.monotonic() - began
            with self.lock:
                self.longest = max(self.longest, took)
                if answer.kind in (CONTINUE, "accept"):
                    self.accepted[domain] = self.accepted.get(domain, 0) + 1
                    return
                if not answer.text.startswith(AWAY):
                    self.wrong.append(repr(answer))
                    return
                self.away += 1
            m.abort()
            time.sleep(0.02)  # a mail server waits longer
        self.wrong.append("a message was never taken")

    def total(self):
        with self.lock:
            assert not self.wrong, self.wrong[:5]
            return sum(self.accepted.values())

    def go_on(self, count=100):
        """Wait for so many more messages."""
        want = self.total() + count
        net.wait_for(lambda: self.total() >= want, f"{count} more messages")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.ending.set()
        for thread in self.threads:
            thread.join()


TAKEN = f"""local t = redis.call('TIME') local now, n = t[1] * 1000000 + t[2], 0
for _, k in ipairs(redis.call('KEYS', 'sluice:{{rate:*')) do n = n + math.ceil((tonumber(redis.call('GET', k):match('^%d+')) - now) / {INTERVAL_US}) end
return n"""


def taken(servers):
    """What the limit has counted, of all domains, in these primaries."""
    return sum(int(server.cli("eval", TAKEN, 0)) for server in servers)


def metric(gateways, name):
    """Summed over the gateways."""
    total = 0
    for s in gateways:
        done = s.ctl("metrics")
        assert done.returncode == 0, done.stderr
        total += sum(int(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith(name + " "))
    return total


def said_each_way(s):
    """A takeover is told when it begins and when it is over; on a busy machine it may begin again, and is told again then."""
    net.wait_for(lambda: 0 < s.log().count("the store is out of order") == s.log().count("the store works again"), "the log to say that it is over")
    assert s.log().count("the store is out of order") <= 3, s.log()
