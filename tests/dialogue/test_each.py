# SPDX-License-Identifier: BSD-2-Clause
"""Rules that are judged at the end of a message for each recipient, and what the client hears when these disagree."""
import pytest

from support.milter import CONTINUE, DISCARD

RULES = """list strict address [strict@example.org stern@example.org]
at message { rule points score 5 }
at message for each recipient {
    rule friend accept                            when rcpt.address == friend@example.org
    rule spam   reject "550 5.7.1 {rcpt.address} wants no {score} points"  when rcpt.address in strict and score >= 5
    rule later  tempfail "451 4.7.1 later"        when rcpt.address == later@example.org
    rule never  discard "{rcpt.address} is away"  when rcpt.address == away@example.org
    rule moved  redirect new@example.org          when rcpt.address == old@example.org
    rule twice  redirect other@example.org        when rcpt.address == old@example.org
    rule all    tempfail "451 4.7.1 all"          when rcpt.domain == all.example
}
"""


def judge(setup, names, setting=""):
    s = setup.sluice(setting + RULES)
    m = setup.milter(s)
    m.greet()
    answer = m.message(recipients=[f"<{name}@example.org>" for name in names])
    case = s.explain([line for line in s.cases() if "verdict=" in line][-1].split("case=")[1].split()[0])
    removed = [r["address"].split("@")[0] for r in case["recipients"] if r.get("removed")]
    taken_off = [data.rstrip(b"\0").decode()[1:].split("@")[0] for kind, data in (e for e in answer.edits if len(e) == 2) if kind == "-"]
    if answer.kind == CONTINUE:
        assert removed == taken_off
    else:
        assert not removed and not taken_off
    return answer, removed, case


@pytest.mark.parametrize("names, code, removed", [
    ("u", 0, ""),
    ("strict", 550, ""),
    ("u strict", 550, ""),
    ("later strict", 550, ""),
    ("u later", 451, ""),
    ("away", DISCARD, ""),
    ("u away", 0, "away"),
    ("away strict", 550, ""),
    ("old", 0, "old"),
    ("u old", 0, "old"),
    ("friend u", 0, ""),
])
def test_the_strictest_wins(setup, names, code, removed):
    answer, off, case = judge(setup, names.split())
    assert (answer.kind if code == DISCARD else answer.code) == code and off == removed.split()


@pytest.mark.parametrize("names, code, removed", [
    ("u", 0, ""),
    ("strict", 550, ""),
    ("strict stern", 550, ""),
    ("u strict stern", 0, "strict stern"),
    ("u later strict", 451, ""),  # who is put off must not lose the message
    ("strict away", 550, ""),
    ("u away strict", 0, "away strict"),
    ("old strict", 0, "old strict"),
])
def test_those_who_refuse_are_taken_off(setup, names, code, removed):
    answer, off, case = judge(setup, names.split(), "recipients_disagree remove\n")
    assert answer.code == code and off == removed.split()
    if removed and "strict" in removed:
        spam = [r for r in case["rules"] if r["name"] == "spam"]
        assert spam and spam[0]["recipient"] == "strict@example.org" and spam[0]["facts"]["score"] == 5
        assert "removed=<strict@example.org>" in " ".join(setup.running[0].cases())


def test_the_reply_is_that_of_the_first_who_refuses(setup):
    answer, _, case = judge(setup, ["u", "stern", "strict"])
    assert answer.text.startswith("550 5.7.1 stern@example.org wants no 5 points")
    assert case["verdict"]["rule"] == "spam" and case["verdict"]["stage"] == "message"


def test_each_is_moved_once(setup):
    answer, _, case = judge(setup, ["u", "old"])
    assert case["added"] == ["new@example.org"]


def test_what_a_check_found_for_a_recipient_is_known_at_the_end(setup):
    s = setup.sluice("""list local-domains domain [example.org]
at message for each recipient { rule odd reject "550 5.7.1 {rcpt.address} and {relay.form}" when relay.attempt }""")
    m = setup.milter(s)
    m.greet()
    answer = m.message(recipients=["<u@example.org>", "<x@elsewhere.example>", "<v@example.org>"])
    assert answer.code == 550 and "x@elsewhere.example and plain" in answer.text


def test_accept_for_the_message_is_for_each(setup):
    s = setup.sluice('at message { rule all accept }\nat message for each recipient { rule no reject "550 5.7.1 no" }')
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE


def test_who_was_refused_before_is_not_asked(setup):
    s = setup.sluice('at rcpt { rule no reject "550 5.1.1 no" when rcpt.address == no@example.org }\n'
                     'at message for each recipient { rule late reject "550 5.7.1 late" when rcpt.address == no@example.org }')
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert [m.rcpt(f"<{name}@example.org>").code for name in ("no", "u")] == [550, 0]
    assert m.content().kind == CONTINUE


def test_a_thousand_recipients(setup):
    names = [f"u{i}" for i in range(1000)] + ["strict"]
    answer, off, _ = judge(setup, names, "recipients_disagree remove\n")
    assert answer.kind == CONTINUE and off == ["strict"]
