# SPDX-License-Identifier: BSD-2-Clause
"""The wall clock jumps by a day, either way: what is a duration does not see it, and nobody is put off for longer than was configured."""
import re
import time

import pytest
from support import dkim_sender, net, preload
from support.milter import CONTINUE, REPLY

pytestmark = preload.needs_preload
DAY = 86400
JUMPS = pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forwards", "backwards"])
CONFIG = """authserv_id mx.example.org
stage_deadline 2s
state {{ lmdb "{folder}/state" }}
cases {{ to "{folder}/cases" keep 30d }}
greylist {{ delay 2s client_passes 0 }}
{rules}
"""


@pytest.fixture
def clock(setup):
    return preload.Clock(setup.folder)


def start(setup, clock, monkeypatch, rules, zone=""):
    return clock.start(monkeypatch, setup, CONFIG.format(folder=setup.folder, rules=rules), zone)


def attempt(setup, s, recipient="u"):
    with setup.milter(s) as m:
        m.greet("192.0.2.1")
        m.mail()
        return m.rcpt(f"<{recipient}@example.org>")


def ids(s):
    return [re.search(r"case=(\w+)", line)[1] for line in s.cases()]


@JUMPS
def test_deadlines_hold(setup, clock, monkeypatch, jump):
    s = start(setup, clock, monkeypatch, "", "example.net TXT TIMEOUT\n")
    m = setup.milter(s)
    m.greet()
    m.mail()
    m.rcpt()
    began = time.monotonic()
    m.send(b"E")
    time.sleep(0.5)
    clock.set(jump)
    answer = m.answer()
    took = time.monotonic() - began
    assert answer.kind == CONTINUE and "spf=temperror" in str(answer.edits)
    assert 1.9 < took < 2 + 10, took


def test_greylisting_when_it_goes_back(setup, clock, monkeypatch):
    """It is as if he came now: he waits once more for the delay, and no longer."""
    s = start(setup, clock, monkeypatch, "at rcpt { rule grey greylist }")
    assert "greylisted" in attempt(setup, s).text
    clock.set(-DAY)
    began = time.monotonic()
    net.wait_for(lambda: attempt(setup, s).kind == CONTINUE, "the greylist to let it pass", 30)
    assert time.monotonic() - began < 2 + 10, "the delay once more, and no day"
    clock.set(0)
    assert attempt(setup, s).kind == CONTINUE, "who has passed may pass, whatever the clock"


@JUMPS
def test_limits(setup, clock, monkeypatch, jump):
    s = start(setup, clock, monkeypatch, 'at rcpt { rule many limit 1/2s burst 2 by client.ip tempfail "451 4.7.1 slow down" }')
    answers = [attempt(setup, s, f"u{i}") for i in range(6)]
    assert answers[0].kind == CONTINUE and answers[-1].kind == REPLY
    clock.set(jump)
    began = time.monotonic()
    net.wait_for(lambda: attempt(setup, s, "again").kind == CONTINUE, "the limit to be free again", 40)
    assert time.monotonic() - began < 4 + 10, "no longer than the burst takes, and no day"


def test_a_signature_expires_by_the_wall_clock(setup, clock, monkeypatch):
    now = int(time.time())
    signed = dkim_sender.sign(t=str(now - 60), x=str(now + DAY // 2), canon="simple/simple")
    head, body = signed.split(b"\r\n\r\n", 1)
    fields = [tuple(part.decode() for part in field.split(b":", 1)) for field in re.sub(rb"\r\n(?=[ \t])", b"\n", head).split(b"\r\n")]
    s = start(setup, clock, monkeypatch, "", f"sel._domainkey.example.net TXT {dkim_sender.rsa().record}\n")

    def result():
        with setup.milter(s) as m:
            m.greet()
            return re.search(r"dkim=(\w+)", str(m.message(headers=fields, body=body).edits))[1]
    assert result() == "pass"
    clock.set(DAY)
    assert result() != "pass"
    clock.set(0)
    assert result() == "pass"


@JUMPS
def test_cases_keep_apart_and_are_found(setup, clock, monkeypatch, jump):
    s = start(setup, clock, monkeypatch, "history 0\n")

    def message(n):
        with setup.milter(s) as m:
            m.greet()
            assert m.message(f"<n{n}@example.net>").kind == CONTINUE
    for n in range(3):
        message(n)
    clock.set(jump)
    for n in range(3, 6):
        message(n)
    clock.set(0)
    for n in range(6, 9):
        message(n)
    found = ids(s)
    assert len(set(found)) == 9
    assert [s.explain(ident)["from"] for ident in found] == [f"n{n}@example.net" for n in range(9)]
    assert sorted(found[:3] + found[6:]) == found[:3] + found[6:], "in order, but for the time of the jump"
    s.stop()
    s.start()
    assert s.explain(found[4])["from"] == "n4@example.net"


def test_what_is_kept_for_a_time_goes_when_it_is_over(setup, clock, monkeypatch):
    """The window of a greylist entry is kept in the store by the wall clock, which outlives a restart."""
    s = start(setup, clock, monkeypatch, "at rcpt { rule grey greylist }")
    assert "greylisted" in attempt(setup, s).text
    clock.set(40 * DAY)
    assert "greylisted" in attempt(setup, s).text, "the entry is over: a stranger again"
    clock.set(0)
    net.wait_for(lambda: attempt(setup, s).kind == CONTINUE, "the greylist to let it pass", 30)
