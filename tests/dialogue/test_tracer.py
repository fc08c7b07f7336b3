# SPDX-License-Identifier: BSD-2-Clause
"""The transactions that sluicectl attach sends to see how a mail server is attached: answered on purpose, and good for nobody else."""
import socket

import pytest

from support.milter import ALL_ACTIONS, CONTINUE, NR_RCPT

TOKEN = "0123456789abcdef" * 2
QUARANTINE = 0x20
CONF = 'authserv_id mx.example.org\nat connect { rule all score 3 }\nat mail { rule from score 3 }\nat rcpt { rule no reject "550 5.7.1 no" }\n'


def ask(s, request):
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(str(s.control))
        c.sendall(request.encode() + b"\n")
        return int(b"".join(iter(lambda: c.recv(4096), b"")).split(b"\n")[0])


def start(setup, config=CONF, address="127.0.0.1", macros=None):
    """A daemon that waits for a tracer, and a connection from that address."""
    s = setup.sluice(config)
    assert ask(s, f"tracer {TOKEN}") == 0
    m = setup.milter(s)
    assert m.greet(address=address).kind == CONTINUE
    return s, m


def sender(code, token=TOKEN, domain="mx.example.org"):
    return f"<sluice-tracer-{token}-{code}@{domain}>"


def held(answer):
    return [data.rstrip(b"\0").decode() for kind, data in (e for e in answer.edits if len(e) == 2) if kind == "q"]


@pytest.mark.parametrize("code, dsn", [(550, "5.7.1"), (451, "4.7.1")])
def test_a_recipient_is_answered(setup, code, dsn):
    s, m = start(setup)
    assert m.mail(sender(code)).kind == CONTINUE
    assert m.rcpt("<postmaster>").text.startswith(f"{code} {dsn} tracer of sluicectl attach (ref=")
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    assert case["rules"] == [] and "rcpt" in case["stages"]


def test_a_message_is_held_and_no_rule_counts_it(setup):
    s, m = start(setup)
    answer = m.message(sender(250), ["<postmaster>"])
    assert held(answer)[0].startswith("tracer of sluicectl attach: port ")
    assert s.status()["hold"] == "1" and 'rule="' not in s.ctl("metrics").stdout
    assert m.message("<a@example.net>").code == 550, "the next is judged as ever"


def test_what_a_policy_does_without_is_there_for_it(setup):
    """Nothing is refused or held: replies to RCPT and the quarantine are negotiated away, but for a tracer."""
    s = setup.sluice("authserv_id mx.example.org\n")
    before = setup.milter(s)
    assert before.steps & NR_RCPT and not before.actions & QUARANTINE
    assert ask(s, f"tracer {TOKEN}") == 0
    m = setup.milter(s, actions=ALL_ACTIONS)
    assert not m.steps & NR_RCPT and m.actions & QUARANTINE
    m.greet(address="127.0.0.1")
    m.mail(sender(550))
    assert m.rcpt("<postmaster>").code == 550
    m.abort()
    assert held(m.message(sender(250), ["<postmaster>"]))
    assert ask(s, f"tracer done {TOKEN}") == 0
    after = setup.milter(s)
    assert after.steps & NR_RCPT and not after.actions & QUARANTINE


@pytest.mark.parametrize("address, from_", [("192.0.2.1", sender(250)), ("127.0.0.1", sender(250, token="f" * 32)), ("127.0.0.1", sender(250, domain="example.net")),
                                            ("127.0.0.1", sender(251))], ids=["from elsewhere", "another token", "another domain", "another code"])
def test_a_stranger_is_judged_as_ever(setup, address, from_):
    s, m = start(setup, address=address)
    m.mail(from_)
    assert m.rcpt("<u@example.org>").text.startswith("550 5.7.1 no")


def test_it_holds_for_one_at_a_time(setup):
    s, m = start(setup)
    assert ask(s, f"tracer {'a' * 32}") == 75
    assert ask(s, f"tracer done {'a' * 32}") == 0 and ask(s, f"tracer {'a' * 32}") == 75
    assert ask(s, f"tracer done {TOKEN}") == 0
    m.mail(sender(550))
    assert m.rcpt("<u@example.org>").text.startswith("550 5.7.1 no"), "it has ended"
    assert ask(s, "tracer what") == 75
