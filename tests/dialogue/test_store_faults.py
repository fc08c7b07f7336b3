# SPDX-License-Identifier: BSD-2-Clause
"""A store that fails, in each way there is: mail goes on, nothing hangs, the log says so once each way."""
import concurrent.futures
import itertools
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from support import net, sluice
from support.milter import CONTINUE
from support.redis import Redis

RULES = """authserv_id mx.example.org
stage_deadline 2s
state {{ {state} }}
greylist {{ delay 1h client_passes 0 }}
at mail {{ rule fast limit 1000000/1h by client.ip }}
at rcpt {{ rule grey greylist }}
"""
GREYLISTED = "greylisted: try again in"
OUT, BACK = "the store is out of order", "the store works again"


def start(setup, state):
    return setup.sluice(RULES.format(state=state))


def attempt(setup, s, recipient):
    """The answer to a stranger's recipient, and how long it took."""
    m = setup.milter(s)
    try:
        m.greet("192.0.2.1")
        began = time.monotonic()
        assert m.mail().kind == CONTINUE
        return m.rcpt(f"<{recipient}@example.org>"), time.monotonic() - began
    finally:
        m.sock.close()


def wait_until_it_works(setup, s, name="warm"):
    numbers = iter(range(100000))
    net.wait_for(lambda: GREYLISTED in attempt(setup, s, f"{name}{next(numbers)}")[0].text, "the store to work")


def wait_until_it_does_not(setup, s, name="gone"):
    numbers = iter(range(100000))
    net.wait_for(lambda: attempt(setup, s, f"{name}{next(numbers)}")[0].kind == CONTINUE, "the store to be known as out of order")


# ---- Redis ----

class Garbage:
    """A server that takes connections, and gives one thing as the answer to all."""

    def __init__(self, where, answer):
        self.answer = answer
        self.sock = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
        self.sock.bind(where)
        self.sock.listen(16)
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.open.append(conn)
            threading.Thread(target=self.talk, args=(conn,), daemon=True).start()

    def talk(self, conn):
        try:
            while conn.recv(65536):
                if self.answer is None:
                    break
                conn.sendall(self.answer)
        except OSError:
            pass
        conn.close()

    def stop(self):
        self.sock.close()
        for conn in self.open:
            conn.close()


@pytest.mark.parametrize("answer", [
    None, b"", b"garbage\r\n", b"\x00\xff\xfe" * 100, b"$-7\r\n", b"*1000000000\r\n", b"$999999999999999\r\n", b"+OK\r\n" * 50,
    b":1\r\n", b"*3\r\n:1\r\n$1\r\nx\r\n:1\r\n", b"*3\r\n:99\r\n:0\r\n:0\r\n", b"-ERR %s%n%x\r\n", b"*-1\r\n", b"$3\r\nab",
], ids=["closes", "silent", "words", "octets", "length", "elements", "bulk", "statuses", "number", "types", "range", "error", "nil", "half"])
def test_a_redis_that_answers_garbage(setup, answer):
    path = f"{setup.folder}/redis.sock"
    server = Garbage(path, answer)
    try:
        s = start(setup, f"redis {path} timeout 200ms")
        for i in range(5):
            got, took = attempt(setup, s, f"u{i}")
            assert got.kind == CONTINUE and took < 4.5, (got, took)  # two stages may wait, each as long as its deadline at most
        assert s.log().count(OUT) <= 1
    finally:
        server.stop()


def test_a_redis_that_is_read_only(setup):
    with Redis(setup.folder) as redis:
        s = start(setup, f"redis {redis.path} timeout 20s")
        wait_until_it_works(setup, s)
        redis.cli("replicaof", "127.0.0.1", "1")
        wait_until_it_does_not(setup, s)
        assert f"{OUT}: READONLY" in s.log() or f"{OUT}: " in s.log() and "READONLY" in s.log(), s.log()
        redis.cli("replicaof", "no", "one")
        wait_until_it_works(setup, s, "back")
        assert s.log().count(OUT) == 1 and s.log().count(BACK) == 1


@pytest.mark.parametrize("settings, words", [
    ('password "right"', None),
    ('user sluice password "theirs" database 3', None),
    ('password "wrong"', ["WRONGPASS"]),
    ("", ["NOAUTH"]),
    ('password "right" database 99', ["out of range"]),
])
def test_passwords_users_and_databases(setup, settings, words):
    with Redis(setup.folder) as redis:
        redis.cli("acl", "setuser", "sluice", "on", ">theirs", "~*", "+@all")
        redis.cli("config", "set", "requirepass", "right")
        s = start(setup, f"redis {redis.path} timeout 500ms {settings}")
        if words is None:
            wait_until_it_works(setup, s)
            assert OUT not in s.log()
            if "database" in settings:
                assert int(redis.cli("-a", "right", "--no-auth-warning", "-n", "3", "dbsize")) > 0
                assert int(redis.cli("-a", "right", "--no-auth-warning", "-n", "0", "dbsize")) == 0
        else:
            net.wait_for(lambda: OUT in s.log(), "the log to say so")
            assert attempt(setup, s, "u")[0].kind == CONTINUE
            assert all(word in s.log() for word in words) and "wrong" not in s.log().replace("WRONGPASS", ""), s.log()
        assert "theirs" not in s.log() + s.ctl("status").stdout and "right" not in s.ctl("status").stdout


@pytest.mark.parametrize("state, message", [
    ("redis nowhere", "'nowhere' is no Redis server: write HOST:PORT, or the absolute path of a unix socket"),
    ("sentinels [127.0.0.1:26379 /run/sentinel.sock]", "'/run/sentinel.sock' is no sentinel: write HOST:PORT"),
    ("cluster [127.0.0.1:0]", "'127.0.0.1:0' is no server of a Cluster: write HOST:PORT"),
    ("cluster 127.0.0.1:6379  database 1", "a Cluster has one database: leave out 'database 1'"),
    ("redis [::1]:6379", 'redis: brackets make a list, and those of an IPv6 address go into quotes: "[::1]:6379"'),
    ("sentinels [::1]:26379", 'those of an IPv6 address go into quotes: "[::1]:26379"'),
    ("cluster [127.0.0.1:1 [2001:db8::1]:6379]", 'those of an IPv6 address go into quotes: "[2001:db8::1]:6379"'),
    ('cluster 127.0.0.1:6379  prefix "{mx}"', "prefix '{mx}': braces choose the slot in a Cluster, leave them out"),
])
def test_a_redis_that_cannot_be(setup, state, message):
    """Known without trying it, and so to sluiced -t."""
    s = setup.sluice(RULES.format(state=state), start=False)
    for options in ([], ["-t"]):
        done = subprocess.run([sluice.SLUICED, "-c", s.conf, *options], capture_output=True, text=True, env=sluice.environment(), timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 78 and message in done.stderr and "sluice.conf:" in done.stderr, done.stderr


@pytest.mark.parametrize("answer", [None, b"", b"garbage\r\n", b"*2\r\n$1\r\nx\r\n:1\r\n", b"*2\r\n$3\r\n::1\r\n$1\r\n0\r\n", b"*-1\r\n", b"-ERR\r\n", b"+OK\r\n" * 9],
                         ids=["closes", "silent", "words", "types", "port", "nil", "error", "statuses"])
@pytest.mark.parametrize("kind", ["sentinels", "cluster"])
def test_a_sentinel_or_a_cluster_that_answers_garbage(setup, kind, answer):
    server = Garbage(("127.0.0.1", 0), answer)
    try:
        s = start(setup, f"{kind} 127.0.0.1:{server.sock.getsockname()[1]} timeout 200ms")
        for i in range(5):
            got, took = attempt(setup, s, f"u{i}")
            assert got.kind == CONTINUE and took < 4.5, (got, took)
        net.wait_for(lambda: OUT in s.log(), "the log to say so")
        assert s.log().count(OUT) == 1, s.log()
    finally:
        server.stop()


class ClusterServer(Garbage):
    """A server of a Cluster, as far as we speak with one. slots: its answer to CLUSTER SLOTS; run(): to an operation."""
    EARLY = b"*3\r\n:1\r\n:3600000\r\n:1\r\n"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), b"")
        self.port = self.sock.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"
        self.asked = 0
        self.run = lambda: self.EARLY
        self.all_slots = b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % self.port
        self.slots = self.all_slots

    def say(self, words):
        if words[0] == b"CLUSTER":
            self.asked += 1
            return self.slots
        return {b"PING": b"+PONG\r\n", b"SELECT": b"+OK\r\n", b"SCRIPT": b"$40\r\n" + b"0" * 40 + b"\r\n"}.get(words[0]) or self.run()

    def talk(self, conn):
        try:
            with conn.makefile("rb") as lines:
                while head := lines.readline():
                    words = []
                    for _ in range(int(head[1:])):
                        words.append(lines.read(int(lines.readline()[1:]) + 2)[:-2])
                    conn.sendall(self.say(words))
        except OSError:
            pass
        conn.close()


@pytest.mark.parametrize("answer", [b"*0\r\n", b"*1\r\n:0\r\n", b"*2\r\n*3\r\n:0\r\n:1\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n:0\r\n"],
                         ids=["reset", "types", "half"])
def test_a_server_that_is_no_longer_of_the_cluster_is_not_believed(setup, answer):
    """It is still named, and asked in its turn who has which slots: those of the others stay theirs."""
    stranger, whole = ClusterServer(), ClusterServer()
    stranger.slots = answer
    turns = itertools.count()
    whole.run = lambda: whole.EARLY if next(turns) % 4 else b"-MOVED 1 %s\r\n" % whole.name.encode()  # or nobody is asked again
    try:
        s = start(setup, f"cluster [{stranger.name} {whole.name}]  timeout 300ms  lmdb {setup.folder}/state")
        wait_until_it_works(setup, s)
        net.wait_for(lambda: s.status()["store"] == "works", "the map to be known")
        time.sleep(0.35)  # until a request does not wait for others to take over
        local, asked = s.status()["store_local_asked"], stranger.asked
        out = s.log().count(OUT)
        numbers = itertools.count()

        def try_it():
            assert GREYLISTED in attempt(setup, s, f"u{next(numbers)}")[0].text
            return stranger.asked >= asked + 3
        net.wait_for(try_it, "the stranger to be asked")
        assert s.status()["store_local_asked"] == local and s.log().count(OUT) == out, s.log()
    finally:
        stranger.stop()
        whole.stop()


def test_a_cluster_of_which_no_server_has_slots(setup):
    server = ClusterServer()
    server.slots = b"*0\r\n"
    try:
        s = start(setup, f"cluster {server.name} timeout 200ms")
        net.wait_for(lambda: f"{OUT}: {server.name}: it knows of no slots" in s.log(), "the log to say so")
        server.slots = server.all_slots
        net.wait_for(lambda: BACK in s.log(), "the store to work")
        assert s.log().count(OUT) == 1 and s.log().count(BACK) == 1, s.log()
    finally:
        server.stop()


def test_a_cluster_that_was_down_works_again_without_being_asked(setup):
    """All its servers are there, and none runs anything. That is said once, and is over when it is over, though no more mail comes."""
    server = ClusterServer()
    try:
        s = start(setup, f"cluster {server.name}  timeout 300ms  lmdb {setup.folder}/state")
        wait_until_it_works(setup, s)
        net.wait_for(lambda: s.status()["store_in_use"] == "shared", "the map to be known")
        before = s.log().count(OUT)
        server.run = lambda: b"-CLUSTERDOWN The cluster is down\r\n"
        until = time.monotonic() + 1.5
        numbers = itertools.count()
        while time.monotonic() < until:
            assert GREYLISTED in attempt(setup, s, f"down{next(numbers)}")[0].text
            time.sleep(0.02)
        assert s.log().count(OUT) == before + 1 and s.log().count(BACK) == before, s.log()
        assert f"{OUT}: {server.name}: CLUSTERDOWN The cluster is down" in s.log()
        server.run = lambda: server.EARLY
        net.wait_for(lambda: s.log().count(BACK) == before + 1, "the store to work")
        net.wait_for(lambda: s.status()["store_to_merge"] == "0", "all to be merged")
    finally:
        server.stop()


def test_redis_killed_under_load_costs_no_message(setup):
    with Redis(setup.folder) as redis:
        s = start(setup, f"redis {redis.path} timeout 500ms")
        wait_until_it_works(setup, s)
        stop = threading.Event()

        def load(thread):
            times, passed, i = [], 0, 0
            while not stop.is_set():
                got, took = attempt(setup, s, f"t{thread}-{i}")
                assert got.kind == CONTINUE or GREYLISTED in got.text, got  # nothing but the greylist puts anybody off
                times.append(took)
                passed += got.kind == CONTINUE
                i += 1
            return times, passed

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            tasks = [pool.submit(load, n) for n in range(6)]
            try:
                net.wait_for(lambda: len(s.cases()) > 100, "some load")
                redis.process.send_signal(signal.SIGKILL)
                redis.process.wait()
                net.wait_for(lambda: OUT in s.log(), "the store to be gone")
                redis.start()
                net.wait_for(lambda: BACK in s.log(), "the store to be back")
                done = len(s.cases())
                net.wait_for(lambda: len(s.cases()) > done + 100, "some load after it")
            finally:
                stop.set()
            results = [task.result() for task in tasks]
        assert max(max(times) for times, _ in results) < 2.5  # stage_deadline
        assert sum(passed for _, passed in results) > 0
        assert s.log().count(OUT) == 1 and s.log().count(BACK) == 1


# ---- LMDB ----

@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_disk_that_is_full(setup):
    disk = setup.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    try:
        s = start(setup, f"lmdb {disk}/state")
        wait_until_it_works(setup, s)
        (disk / "filler").write_bytes(b"")
        with open(disk / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        wait_until_it_does_not(setup, s)
        net.wait_for(lambda: "No space left on device" in s.log(), "the log to say why")
        for i in range(20):
            assert attempt(setup, s, f"full{i}")[1] < 2.5
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        wait_until_it_works(setup, s, "back")
        net.wait_for(lambda: BACK in s.log(), "the log to say so")
        assert s.log().count(OUT) == 1
        s.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_store_at_its_maximum(setup):
    s = start(setup, f"lmdb {setup.folder}/state max_size 1M")
    wait_until_it_works(setup, s)
    m = setup.milter(s)
    m.greet("192.0.2.1")
    m.mail()

    def fill():
        for i in range(200):
            m.rcpt(f"<{fill.count}-{i}-{'x' * 200}@example.org>")
        fill.count += 1
        return "it has grown to its max_size: give it more, or wait until entries expire" in s.log()
    fill.count = 0
    net.wait_for(fill, "the store to be full")
    assert attempt(setup, s, "full")[0].kind == CONTINUE
    assert s.log().count(OUT) == 1


@pytest.mark.parametrize("prepare, message", [
    (lambda path: path.write_text("a file"), "cannot be opened: Not a directory"),
    (lambda path: path.mkdir() or (path / "data.mdb").write_bytes(b"\0" * 65536), "cannot be opened"),
    (lambda path: path.mkdir() or (path / "data.mdb").mkdir(), "cannot be opened: Is a directory"),
])
def test_a_place_that_is_no_store(setup, prepare, message):
    path = setup.folder / "state"
    prepare(path)
    s = setup.sluice(RULES.format(state=f"lmdb {path}"), start=False)
    done = subprocess.run([sluice.SLUICED, "-c", s.conf], capture_output=True, text=True, env=sluice.environment(), timeout=net.PATIENCE_S, check=False)
    assert done.returncode == 78 and message in done.stderr and "sluice.conf:" in done.stderr, done.stderr
