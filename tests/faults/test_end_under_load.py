# SPDX-License-Identifier: BSD-2-Clause
"""sluiced ends while a real Postfix is busy: by SIGTERM no message is put off for it, by SIGKILL none is lost, and what is kept comes back whole."""
import concurrent.futures
import json
import os
import re
import signal
import smtplib
import threading
import time

import pytest
from support import net, sluice
from support.mta import PLAIN

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a private Postfix needs root")
CONFIG = """authserv_id mx.example.org
stage_deadline 5s
state {{ lmdb "{folder}/state" }}
cases {{ to "{folder}/cases" }}
history 0
greylist {{ delay 1h }}
at mail {{ rule many limit 1000000/1h by client.ip }}
at rcpt {{ rule grey greylist when mail.domain == grey.example }}
at message {{ rule t tag "seen" when mail.domain == example.net }}
"""
SENDERS = 6


class Load:
    """Clients that send until they are told to stop. Each message has a number of its own; what is put off is tried again, as a mail server does."""

    def __init__(self, postfix):
        self.postfix = postfix
        self.ended = threading.Event()
        self.accepted = []  # numbers
        self.put_off = []   # (code, text)
        self.pool = concurrent.futures.ThreadPoolExecutor(SENDERS)
        self.tasks = [self.pool.submit(self.run, n) for n in range(SENDERS)]

    def run(self, sender):
        number = 0
        while not self.ended.is_set():
            number += 1
            name = f"m{sender}-{number}"
            deadline = time.monotonic() + net.PATIENCE_S
            while not self.try_once(name):
                assert time.monotonic() < deadline, f"{name} is put off for ever: {self.put_off[-1]}"
                time.sleep(0.05)

    def try_once(self, name):
        try:
            code, text = self.postfix.send("192.0.2.1", message=PLAIN.replace(b"Subject: t", b"Subject: " + name.encode()))
        except (smtplib.SMTPException, OSError) as e:
            self.put_off.append((0, repr(e)))
            return False
        if code == 250:
            self.accepted.append(name)
            return True
        assert 400 <= code < 500, (code, text)
        self.put_off.append((code, text))
        return False

    def stop(self):
        self.ended.set()
        for task in self.tasks:
            task.result()
        self.pool.shutdown()


def delivered(postfix, count):
    return [re.search(rb"Subject: (\S+)", m)[1].decode() for m in postfix.delivered(count)]


def busy(load, more=15):
    before = len(load.accepted)
    net.wait_for(lambda: len(load.accepted) >= before + more, "some messages")


@pytest.fixture
def site(setup):
    s = setup.sluice(CONFIG.format(folder=setup.folder))
    return s, setup.postfix(s, extra="smtpd_error_sleep_time = 0")


def test_sigterm_lets_what_is_under_way_come_to_its_end(setup):
    dns = setup.dns({("held.example", "TXT"): ["v=spf1 +all"]})
    dns.hold("held.example")
    s = setup.sluice(f"dns {{\n forward {dns.forward}\n timeout 30s\n}}\ndrain 60s\n" + CONFIG.format(folder=setup.folder).replace("stage_deadline 5s", "stage_deadline 30s").replace("rule grey greylist", "rule grey score 0")
                     + 'at message { rule r score 1 when spf.result == pass }\n')
    postfix = setup.postfix(s)
    sessions = [postfix.client("192.0.2.1") for _ in range(6)]
    for i, smtp in enumerate(sessions):
        smtp.ehlo()
        assert smtp.docmd("MAIL", "FROM:<a@held.example>")[0] == 250
        assert smtp.docmd("RCPT", "TO:<u@example.org>")[0] == 250
        if i < 4:  # at their end, where they wait for the DNS
            assert smtp.docmd("DATA")[0] == 354
            smtp.sock.sendall(PLAIN + b".\r\n")
    net.wait_for(lambda: s.status()["in_progress"] == "6", "all messages to be under way")
    s.process.send_signal(signal.SIGTERM)
    net.wait_for(lambda: "stopping: 6 messages are under way" in s.log(), "the stop to begin")
    dns.release()
    for i, smtp in enumerate(sessions):
        if i >= 4:
            assert smtp.docmd("DATA")[0] == 354
            smtp.sock.sendall(PLAIN + b".\r\n")
        code, text = smtp.getreply()
        assert code == 250, (i, code, text)
        smtp.close()
    postfix.delivered(6)
    s.stop()
    assert len(s.cases()) == 6


def test_sigterm_under_load(setup, site):
    """What begins just as it ends may be put off, and comes again."""
    s, postfix = site
    load = Load(postfix)
    try:
        for _ in range(3):
            busy(load)
            s.stop()
            assert s.process is None
            s.start()
        busy(load)
    finally:
        load.stop()
    assert sorted(delivered(postfix, len(load.accepted))) == sorted(load.accepted), "each once"
    assert "milter-reject: END-OF-MESSAGE" not in postfix.log()
    assert all(code in (0, 421, 450, 451) for code, _ in load.put_off), load.put_off
    assert s.log().count("stopping: ") == 3


def test_sigkill_loses_nothing(setup, site):
    s, postfix = site
    load = Load(postfix)
    try:
        for _ in range(4):
            busy(load)
            s.process.kill()
            s.process.wait()
            s.process = None
            s.start()
        busy(load)
    finally:
        load.stop()
    found = delivered(postfix, len(load.accepted))
    assert set(load.accepted) <= set(found), "what was accepted is delivered"
    # one that Postfix has taken while the milter died it puts off, and the client tries again: no message comes twice by that
    assert len(found) == len(set(found)) and set(found) == set(load.accepted)
    assert load.put_off and all(code in (0, 421, 450, 451) for code, _ in load.put_off), load.put_off
    # what is kept is whole
    lines = sluice.case_lines(setup.folder / "cases")
    whole = 0
    for line in lines:
        try:
            whole += json.loads(line)["verdict"]["action"] == "accept"
        except ValueError:
            assert len(lines) - whole <= 4 + len(lines) // 10
    assert whole >= len(load.accepted) - 4, "of each kill one case may be lost"
    assert s.status()["store"] == "works" and s.status()["faults"] == "0"
    code, text = postfix.send("192.0.2.1", sender="a@grey.example")
    assert code == 451 and "greylisted" in text
    s.process.send_signal(signal.SIGKILL)
    s.process.wait()
    s.process = None
    s.start()
    code, text = postfix.send("192.0.2.1", sender="a@grey.example")
    assert code == 451 and int(re.search(r"try again in (\d+)", text)[1]) <= 3600
