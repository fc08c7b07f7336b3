# SPDX-License-Identifier: BSD-2-Clause
"""File descriptors used up: who is there is served, others wait or are turned away, the processor is left in peace, and all is well afterwards."""
import resource
import socket
import time

import pytest
from support import net, process
from support.milter import CONTINUE, Closed, Milter

CONFIG = """authserv_id mx.example.org
stage_deadline 2s
state { lmdb STATE/state }
greylist { delay 1h }
cases { to "STATE/cases" }
at rcpt { rule grey greylist when mail.domain == grey.example }
"""
ROOM = 20  # connections, more or less: what the daemon itself opens meanwhile takes some of it


def connect(s):
    """A connection on which nothing was said yet. Raises OSError where the backlog is full."""
    return Milter(s.listen, negotiate=False)


@pytest.fixture
def daemon(setup):
    s = setup.sluice(CONFIG.replace("STATE", str(setup.folder)))
    with setup.milter(s) as m:  # what is opened at the first message is open
        m.greet()
        assert m.message().kind == CONTINUE
    net.wait_for(lambda: s.status()["connections"] == "0", "the first connection to be gone")
    return s


def limit(s, descriptors):
    resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (descriptors, resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE)[1]))


def test_no_descriptor_left(setup, daemon):
    s = daemon
    before = process.descriptors(s.process)
    settled = [setup.milter(s) for _ in range(5)]
    for m in settled:
        m.greet()
        m.mail()
    limit(s, before + ROOM)
    crowd = [connect(s) for _ in range(3 * ROOM)]
    setup.running.extend(crowd)
    for m in crowd:
        try:
            m.send(b"O", b"\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
        except OSError:
            pass  # turned away
    time.sleep(0.5)
    began, cpu = time.monotonic(), process.cpu_s(s.process)
    for m in settled:
        assert m.rcpt().kind == CONTINUE
        assert m.content().kind == CONTINUE
    time.sleep(2)
    took = time.monotonic() - began
    assert process.cpu_s(s.process) - cpu < 0.5 * took, "it looks for a descriptor all the time"
    assert s.process.poll() is None
    for m in crowd:
        m.sock.close()

    def served():
        m = connect(s)
        try:
            m.negotiate()
            m.greet()
            return m.message().kind == CONTINUE
        except Closed:
            return False
        finally:
            m.sock.close()
    net.wait_for(served, "a new connection to be served")
    for m in settled:
        assert m.message().kind == CONTINUE
        m.sock.close()
    net.wait_for(lambda: s.status()["connections"] == "0", "all connections to be gone")
    net.wait_for(lambda: process.descriptors(s.process) <= before, "all descriptors to be given back")
    assert s.status()["in_progress"] == "0"
    assert "milter: no connection can be taken: Too many open files; those that wait are taken as soon as others end (see LimitNOFILE)" in s.log()
    assert s.log().count("no connection can be taken") <= 1 + s.log().count("connections are taken again"), "once each way"


def test_the_operator_can_look_into_it(setup):
    """sluicectl has a descriptor of its own; who asks over HTTP waits."""
    port = net.free_port()
    s = setup.sluice(f"http 127.0.0.1:{port}\n")
    assert s.status()["connections"] == "0"
    used = set(process.descriptor_numbers(s.process))
    limit(s, min(set(range(len(used) + 1)) - used))  # a new one would be the lowest that is free
    for _ in range(3):
        assert s.status()["in_progress"] == "0"
    browsers = [socket.create_connection(("127.0.0.1", port), timeout=net.PATIENCE_S) for _ in range(3)]
    for browser in browsers:
        browser.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    cpu = process.cpu_s(s.process)
    time.sleep(2)
    assert process.cpu_s(s.process) - cpu < 0.5, "it looks for a descriptor all the time"
    assert s.status()["in_progress"] == "0"
    limit(s, 1024)
    for browser in browsers:
        assert browser.recv(15) == b"HTTP/1.1 200 OK"
        browser.close()
    assert "accept" not in s.log()
