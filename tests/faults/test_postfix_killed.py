# SPDX-License-Identifier: BSD-2-Clause
"""The mail server goes away in the middle, at each stage: nothing is left of its message, and the next one is served."""
import os
import pathlib
import signal
import socket
import struct

import pytest
from support import net, process
from support.milter import CONTINUE, Closed
from support.mta import PLAIN

CONFIG = """authserv_id mx.example.org
stage_deadline 20s
dns {{
 forward {forward}
 timeout 20s
}}
state {{ lmdb "{folder}/state" }}
body {{ memory 4K }}
at mail {{ rule many limit 1000/1h by client.ip }}
at message {{ rule t tag "{{mail.from}}" when not mime.no_end and spf.result != fail }}
"""
RECORDS = {("example.net", "TXT"): ["v=spf1 +all"], ("held.example", "TXT"): ["v=spf1 +all"]}


class Site:
    def __init__(self, setup):
        self.dns = setup.dns(RECORDS)
        self.dns.hold("held.example")
        self.sluice = setup.sluice(CONFIG.format(forward=self.dns.forward, folder=setup.folder))
        self.postfix = None

    def settle(self, send):
        """A message is sent, so that what is opened once is open; then how many descriptors there are."""
        send()
        self.wait_until_idle()
        self.before = process.descriptors(self.sluice.process)

    def wait_until_idle(self):
        net.wait_for(lambda: self.sluice.status()["connections"] == "0" and self.sluice.status()["in_progress"] == "0", "all connections to be gone")

    def assert_nothing_left(self):
        self.wait_until_idle()
        net.wait_for(lambda: process.descriptors(self.sluice.process) <= self.before, "all descriptors to be given back")
        metrics = self.sluice.ctl("metrics").stdout
        assert "\nsluice_connections 0\n" in metrics and "\nsluice_messages_in_progress 0\n" in metrics
        assert self.sluice.status()["faults"] == "0"


def programs(postfix, *names):
    """The processes of this instance that are called so."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() in names and f"MAIL_CONFIG={postfix.conf}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


@pytest.fixture(scope="module")
def site(shared_setup):
    s = Site(shared_setup)
    s.postfix = shared_setup.postfix(s.sluice, extra="service_throttle_time = 1s")  # which is 60 s for a program that has crashed

    def send():
        assert s.postfix.send("192.0.2.1")[0] == 250
    s.settle(send)
    return s


HALF = PLAIN.split(b"body")[0] + b"half a line"
STAGES = {
    "connect": [],
    "HELO": [b"EHLO mail.example.net"],
    "MAIL": [b"EHLO mail.example.net", b"MAIL FROM:<a@example.net>"],
    "RCPT": [b"EHLO mail.example.net", b"MAIL FROM:<a@example.net>", b"RCPT TO:<u@example.org>"],
    "DATA": [b"EHLO mail.example.net", b"MAIL FROM:<a@example.net>", b"RCPT TO:<u@example.org>", b"DATA"],
    "content": [b"EHLO mail.example.net", b"MAIL FROM:<a@example.net>", b"RCPT TO:<u@example.org>", b"DATA", HALF],
    "end of message": [b"EHLO mail.example.net", b"MAIL FROM:<a@held.example>", b"RCPT TO:<u@example.org>", b"DATA", PLAIN + b"\r\n."],
    "after it": [b"EHLO mail.example.net", b"MAIL FROM:<a@example.net>", b"RCPT TO:<u@example.org>", b"DATA", PLAIN + b"\r\n."],
}


@pytest.mark.skipif(os.geteuid() != 0, reason="a private Postfix needs root")
@pytest.mark.parametrize("stage", STAGES)
def test_kill_9_of_a_real_postfix(site, stage):
    with site.postfix.client() as smtp:
        for line in STAGES[stage]:
            smtp.sock.sendall(line + b"\r\n")
            if line is HALF or (stage == "end of message" and line.startswith(b"Date")):
                continue
            assert smtp.getreply()[0] < 400
        if stage == "end of message":  # it waits for the SPF record of the sender
            net.wait_for(lambda: ("held.example", "TXT") in site.dns.asked, "the question that holds the message up")
            net.wait_for(lambda: site.sluice.status()["in_progress"] == "1", "the message to be under way")
        for pid in programs(site.postfix, "smtpd", "cleanup"):
            os.kill(pid, signal.SIGKILL)
        smtp.close()
    site.dns.release()
    site.dns.hold("held.example")
    site.assert_nothing_left()
    net.wait_for(lambda: site.postfix.send("192.0.2.1")[0] == 250, "the next message to be served")  # master starts another smtpd
    site.assert_nothing_left()


# ---- each packet of the protocol, which Postfix sends in its own time ----

STEPS = ["negotiation", "connect", "helo", "mail", "rcpt", "data", "header", "end_of_headers", "body", "end_of_message"]


def until(m, last):
    m.negotiate()
    for step in STEPS[1:STEPS.index(last) + 1]:
        answer = m.header("Subject", "t") if step == "header" else m.body(b"x" * 60000) if step == "body" else getattr(m, step)()
        assert answer.kind == CONTINUE, step


def abandon(m, how):
    if how == "reset":
        m.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "half closed":
        m.sock.shutdown(socket.SHUT_WR)
        with pytest.raises(Closed):
            while True:
                m.receive()
    elif how == "half a packet":
        m.sock.sendall(b"\0\0\1\0Lhalf")
    m.sock.close()


@pytest.mark.parametrize("how", ["closed", "reset", "half closed", "half a packet"])
def test_a_connection_that_ends_at_each_packet(setup, how):
    site = Site(setup)
    where = f"inet:{net.free_port()}@127.0.0.1"
    site.sluice = setup.sluice(CONFIG.format(forward=site.dns.forward, folder=setup.folder / "tcp"), listen=where, start=False)
    (setup.folder / "tcp").mkdir()
    site.sluice.start()

    def send():
        with setup.milter(site.sluice) as m:
            m.greet()
            assert m.message().kind == CONTINUE
    site.settle(send)
    for step in STEPS:
        m = setup.milter(site.sluice, negotiate=False)
        until(m, step)
        abandon(m, how)
    # while it waits for an answer
    m = setup.milter(site.sluice)
    m.greet()
    m.mail("<a@held.example>")
    m.rcpt()
    m.send(b"E")
    net.wait_for(lambda: ("held.example", "TXT") in site.dns.asked, "the question that holds the message up")
    if how != "half closed":
        abandon(m, how)
    site.dns.release()
    if how == "half closed":
        abandon(m, how)
    send()
    site.assert_nothing_left()
