# SPDX-License-Identifier: BSD-2-Clause
"""The facts of a classifier: what sluicectl learns of a copy is what the daemon sees of the mail; when it says nothing; a classifier for each role."""
import re

import pytest

from support import mails, milter, net, sluice

CONF = """authserv_id mx.example.org
stage_deadline 20s
state {{ lmdb {folder}/state }}
bayes words {{ min_learned {min_learned} }}
{more}
at message {{
    rule spam  score 5   when words.probability >= 0.95
    rule ham   score -1  when words.probability <= 0.05
    rule down  tempfail "451 4.7.1 no classifier" when words.outcome == temperror
}}
"""
SPAM = "Cheap pills without prescription, order today and save on the lowest prices: https://pills.example.com/order\n"
HAM = "The minutes of the planning meeting are ready. Please read them before Thursday: https://wiki.example.org/notes\n"


def start(setup, min_learned=1, more="", conf=CONF):
    s = setup.sluice(conf.format(folder=setup.folder, min_learned=min_learned, more=more))
    net.wait_for(lambda: s.ctl("learn", "status").returncode == 0, "the store")
    return s


def learn(s, kind, octets, *args):
    path = s.folder / "learned.eml"
    path.write_bytes(octets)
    done = sluice.ctl("learn", "-s", s.control, *args, kind, path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def text(body, subject="Hello", author="a@example.net"):
    return f"From: {author}\nTo: u@example.org\nSubject: {subject}\n\n{body}".encode()


def send(setup, s, octets, macros=None):
    """As a mail server hands it on: CRLF, and what it has received it from."""
    head, body = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").split(b"\r\n\r\n", 1)
    fields = [f.split(":", 1) for f in re.split(r"\r\n(?![ \t])", head.decode("utf-8", "surrogateescape"))]
    with setup.milter(s, macros=macros) as m:
        m.greet()
        end = m.message(headers=[(name, value.removeprefix(" ")) for name, value in fields], body=body)
    return end, s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))


def facts(case, name="words"):
    return {fact.split(".")[1]: value for fact, value in case["facts"].items() if fact.startswith(f"{name}.")}


def tokens_of(case):
    """How many the daemon has asked the store for; one of the items is the messages themselves."""
    [asked] = [a for a in case["answers"] if a["type"] == "tally"]
    return int(asked["records"][0].split()[0]) - 1


def trace(octets):
    """As it lies in a mailbox: its lines end with LF, and above it is what was noted on the way."""
    return (b"Return-Path: <bounce@example.net>\nDelivered-To: u@example.org\nX-Original-To: u@example.org\n"
            b"Received: from mail.example.net by mx.example.org; Thu, 26 Nov 2026 09:00:00 +0100\n"
            b"Authentication-Results: mx.example.org; spf=pass\nX-Spam-Status: No, score=1.0\n") + octets.replace(b"\r\n", b"\n")


def test_all_kinds_of_mail_have_the_tokens_of_their_copy_in_a_mailbox(setup):
    s = start(setup)
    good = list(mails.good())
    folder = setup.folder / "copies"
    folder.mkdir()
    for i, (_, octets) in enumerate(good):
        (folder / f"{i}.eml").write_bytes(trace(octets))
    assert sluice.ctl("learn", "-s", s.control, "ham", folder).returncode == 0
    learn(s, "spam", text("unheard"))
    for name, octets in good:
        end, case = send(setup, s, octets)
        assert end.kind in (milter.CONTINUE, milter.ACCEPT), (name, end)
        assert facts(case)["outcome"] in ("done", "skipped") and facts(case)["known"] == tokens_of(case) > 0, (name, facts(case), tokens_of(case))


def test_it_says_what_and_why(setup):
    s = start(setup)
    learn(s, "spam", text(SPAM, "A bargain", "Deals <deals@pills.example.com>"))
    learn(s, "ham", text(HAM, "The meeting", "Ann <ann@example.org>"))
    _, case = send(setup, s, text(SPAM, "A bargain", "Deals <deals@pills.example.com>"))
    got = facts(case)
    assert got["outcome"] == "done" and got["probability"] > 0.99 and (got["spam_learned"], got["ham_learned"]) == (1, 1)
    assert len(got["tokens"]) == 15 and all(re.fullmatch(r".+ 0\.845", t) for t in got["tokens"]), got["tokens"]
    assert case["score"] == 5
    _, case = send(setup, s, text(HAM, "The meeting", "Ann <ann@example.org>"))
    assert facts(case)["probability"] < 0.01 and case["score"] == -1
    _, case = send(setup, s, text("The planning meeting of today on the prices of pills, order of the day\n", "x"))
    assert 0.05 < facts(case)["probability"] < 0.95 and case["score"] == 0


def test_before_enough_was_learned_it_says_nothing(setup):
    s = start(setup, min_learned=2)
    for n, (kind, spam, ham) in enumerate([("spam", 1, 0), ("ham", 1, 1), ("spam", 2, 1), ("spam", 3, 1)]):
        learn(s, kind, text(f"cheap pills {chr(97 + n) * 5}"))
        _, case = send(setup, s, text("cheap pills"))
        got = facts(case)
        assert (got["outcome"], got["spam_learned"], got["ham_learned"]) == ("skipped", spam, ham), got
        assert "probability" not in got and "tokens" not in got
    learn(s, "ham", text("another message"))
    assert facts(send(setup, s, text("cheap pills"))[1])["outcome"] == "done"


def test_what_nobody_has_seen_says_nothing(setup):
    s = start(setup)
    both = b"\n\nnothing new"
    learn(s, "spam", both + b" red")
    learn(s, "ham", both + b" blue")
    _, case = send(setup, s, text("quite unheard"))
    assert facts(case)["outcome"] == "skipped" and facts(case)["known"] > 0 and "probability" not in facts(case)


def test_each_role_has_its_own(setup):
    conf = CONF.split("at message")[0] + """role submission {{ when client.authenticated }}
role mx {{ when not client.authenticated }}
bayes outbound {{ min_learned 1 lifetime 30d }}
at message in mx {{ rule in reject "554 5.7.1 in" when words.probability >= 0.9 }}
at message in submission {{ rule out reject "554 5.7.1 out" when outbound.probability >= 0.9 }}
"""
    s = start(setup, conf=conf)
    learn(s, "spam", text("cheap pills today"), "--classifier", "words")
    learn(s, "ham", text("the meeting"), "--classifier", "words")
    learn(s, "spam", text("the meeting"), "--classifier", "outbound")
    learn(s, "ham", text("cheap pills today"), "--classifier", "outbound")
    alice = {"M": {"auth_authen": "alice", "auth_type": "PLAIN"}}
    for body, macros, want in [("cheap pills today", None, "554 5.7.1 in"), ("the meeting", None, ""), ("cheap pills today", alice, ""),
                               ("the meeting", alice, "554 5.7.1 out")]:
        end, _ = send(setup, s, text(body), macros)
        assert end.text.startswith(want) and bool(end.text) == bool(want), (body, macros, end)


def test_a_store_that_is_down_costs_no_mail(setup):
    s = setup.sluice(CONF.format(folder=setup.folder, min_learned=1, more="").replace(f"lmdb {setup.folder}/state", f"redis {setup.folder}/none timeout 500ms"))
    end, case = send(setup, s, text("cheap pills"))
    assert facts(case)["outcome"] == "temperror" and end.code == 451, (end, facts(case))


@pytest.mark.parametrize("conf, why", [
    ("bayes words { }", "bayes needs a store: say where, with 'state { lmdb /var/lib/sluice/state }'"),
    ("state { lmdb %s/state }\nbayes Words { }", "bayes Words: its name is no word of small letters"),
    ("state { lmdb %s/state }\nbayes words { min_learned 0 }", "min_learned"),
    ("state { lmdb %s/state }\nbayes words { lifetime 1h }", "lifetime"),
    ("state { lmdb %s/state }\nbayes words { learn yes }", "learn"),
    ("state { lmdb %s/state }\nbayes words { }\nbayes words { }", "bayes words was defined before"),
    ("state { lmdb %s/state }\nbayes { }", "NAME"),
])
def test_what_is_wrong_with_a_block_is_said(setup, conf, why):
    path = setup.folder / "wrong.conf"
    path.write_text(sluice.plugin_lines() + conf.replace("%s", str(setup.folder)) + "\n")
    done = sluice.ctl("config", "check", "-c", path)
    assert done.returncode != 0 and why in done.stderr, done.stderr


def test_the_longest_lifetime_fits(setup):
    path = setup.folder / "long.conf"
    path.write_text(f"{sluice.plugin_lines()}state {{ lmdb {setup.folder}/state }}\nbayes words {{ lifetime 3650d }}\n")
    assert sluice.ctl("config", "check", "-c", path).returncode == 0
