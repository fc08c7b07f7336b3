# SPDX-License-Identifier: BSD-2-Clause
"""A thousand connections that send an octet a second each: who speaks as an MTA does is answered as ever."""
import resource
import selectors
import socket
import threading
import time

import pytest
from support import net, preload, process
from support.milter import CONTINUE, V2_STEPS, Milter

SLOW = 1000
SECONDS = 10
PATIENCE_S = 5  # of a client among them, in which no answer has to be waited for; a busy machine with a sanitizer takes one


@pytest.fixture
def room():
    """Descriptors for both ends."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 2 * SLOW + 500:
        pytest.skip("not enough file descriptors for a thousand connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * SLOW + 500, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Crowd:
    def __init__(self, octets, path):
        self.octets = octets
        self.socks = []
        for _ in range(SLOW):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(path)  # without a time limit it waits for room among those that are not accepted yet
            sock.settimeout(net.PATIENCE_S)
            self.socks.append(sock)
        self.ended = threading.Event()
        self.sent = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.is_set() and self.sent < len(self.octets):
            began = time.monotonic()
            for sock in self.socks:
                try:
                    sock.sendall(self.octets[self.sent:self.sent + 1])
                except OSError:
                    pass  # it was closed: a limit, of which the other client must not see anything
            self.sent += 1
            self.ended.wait(max(0, 1 - (time.monotonic() - began)))

    def stop(self):
        self.ended.set()
        self.thread.join()
        for sock in self.socks:
            sock.close()


def test_an_octet_a_second(setup, room):
    s = setup.sluice("authserv_id mx.example.org\nstage_deadline 2s\n")
    with Milter(s.listen) as m:  # what an MTA says, whole
        m.greet()
        assert m.message().kind == CONTINUE
        octets = bytes(m.sent)
    before = process.descriptors(s.process)
    crowd = Crowd(octets, str(s.socket))
    setup.running.append(crowd)
    began, served, longest, cpu = time.monotonic(), 0, 0, process.cpu_s(s.process)
    settled = setup.milter(s)
    settled.sock.settimeout(PATIENCE_S)
    settled.greet()
    while time.monotonic() - began < SECONDS:
        at = time.monotonic()
        assert settled.message().kind == CONTINUE
        with Milter(s.listen) as m:
            m.sock.settimeout(PATIENCE_S)
            assert m.greet().kind == CONTINUE
            assert m.message().kind == CONTINUE
        longest = max(longest, time.monotonic() - at)
        served += 2
        time.sleep(0.2)
    assert longest < PATIENCE_S and served > 4
    assert crowd.sent > SECONDS / 3, "the test itself was too slow to show anything"
    assert process.cpu_s(s.process) - cpu < SECONDS / 2, "an octet of each of a thousand a second is little work"
    settled.sock.close()
    crowd.stop()
    net.wait_for(lambda: s.status()["connections"] == "0", "all connections to be gone")
    net.wait_for(lambda: process.descriptors(s.process) <= before, "all descriptors to be given back")
    assert s.status()["in_progress"] == s.status()["faults"] == "0"


def test_half_open_connections_hold_nobody_up(setup, room):
    """They say nothing at all."""
    s = setup.sluice("authserv_id mx.example.org\nstage_deadline 2s\n")
    silent = Crowd(b"", str(s.socket))
    setup.running.append(silent)
    with selectors.DefaultSelector() as selector:
        for sock in silent.socks:
            selector.register(sock, selectors.EVENT_READ)
        for _ in range(3):
            with Milter(s.listen) as m:
                assert m.greet().kind == CONTINUE
                assert m.message().kind == CONTINUE
        assert not selector.select(0), "nobody who waits in silence is turned away at once"
    s.stop()
    assert s.process is None


def test_who_does_not_begin_is_let_go(setup):
    """After half a minute, whether it says nothing or an octet now and then; who has begun may be silent for hours."""
    s = setup.sluice("authserv_id mx.example.org\nstage_deadline 2s\n")
    begun = setup.milter(s)
    silent, slow = (Milter(s.listen, negotiate=False).sock for _ in range(2))
    slow.setblocking(False)

    def is_closed():
        try:
            slow.send(b"\0")
            return not slow.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True

    assert not silent.recv(1), "no answer, and the end"
    silent.close()
    net.wait_for(is_closed, "the end of the other one")
    slow.close()
    assert begun.greet().kind == CONTINUE


@preload.needs_preload
def test_who_is_silent_for_two_hours_is_let_go(setup, monkeypatch):
    """An SMTP session may be idle, and MTAs wait for two hours; after that nobody is there."""
    clock = preload.Clock(setup.folder)
    s = clock.start(monkeypatch, setup, "authserv_id mx.example.org\nstage_deadline 2s\n")
    idle, within = (setup.milter(s, steps=V2_STEPS) for _ in range(2))  # each step is answered: what has an answer was heard
    assert idle.greet().kind == within.greet().kind == CONTINUE
    assert within.mail().kind == CONTINUE
    before = process.descriptors(s.process)
    stranger = Milter(s.listen, negotiate=False)  # that it is let go shows when the daemon has looked
    net.wait_for(lambda: process.descriptors(s.process) > before, "it to be taken")
    clock.go_on(7200 - 60)
    assert not stranger.sock.recv(1)
    stranger.sock.close()
    assert within.rcpt().kind == CONTINUE, "no MTA of this world had given up by then"
    clock.go_on(120)
    assert not idle.sock.recv(1), "no answer, and the end"
    assert within.content().kind == CONTINUE, "it had said something since"
