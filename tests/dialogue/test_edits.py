# SPDX-License-Identifier: BSD-2-Clause
"""What rules do to a message that goes on: its header, its Subject, who gets it; and one that nobody gets."""
import pytest

from support.milter import ALL_ACTIONS, CONTINUE, DISCARD

ADDRCPT, DELRCPT = 0x04, 0x08  # SMFIF_*


def run(setup, rules, headers=(("From", "a@example.net"), ("Subject", "test")), recipients=("<u@example.org>",), **options):
    s = setup.sluice(rules)
    m = setup.milter(s, **options)
    m.greet()
    answer = m.message(recipients=recipients, headers=headers)
    line = next(line for line in s.cases() if "verdict=" in line)
    return s, m, answer, s.explain(line.split("case=")[1].split()[0])


def recipients(answer, kind):
    return [data.rstrip(b"\0").decode() for command, data in (e for e in answer.edits if len(e) == 2) if command == kind]


def fields(answer, what, name):
    return [(e[1], e[3]) for e in answer.edits if len(e) == 4 and e[0] == what and e[2] == name]


def test_a_field_of_ones_own(setup):
    _, _, answer, _ = run(setup, 'at message { rule flag tag header X-Spam-Flag "YES, {score} points"\nrule plain tag "a tag" }',
                          headers=(("From", "a@example.net"), ("X-Spam-Flag", "NO"), ("x-spam-flag", "no"), ("X-Sluice-Tag", "forged")))
    assert fields(answer, "insert", "X-Spam-Flag") == [(0, " YES, 0 points")] and fields(answer, "insert", "X-Sluice-Tag") == [(0, " a tag")]
    assert fields(answer, "change", "X-Spam-Flag") == [(2, ""), (1, "")] and fields(answer, "change", "X-Sluice-Tag") == [(1, "")]


def test_what_a_rule_may_add_is_taken_from_others_though_it_does_not_match(setup):
    _, _, answer, _ = run(setup, 'at message { rule flag tag header X-Good "yes" when mail.null }', headers=(("From", "a@example.net"), ("X-Good", "yes")))
    assert fields(answer, "change", "X-Good") == [(1, "")] and not fields(answer, "insert", "X-Good")


@pytest.mark.parametrize("subject, becomes", [
    ("test", "[SPAM] test"),
    ("  test", "[SPAM] test"),
    ("[SPAM] test", None),
    ("", "[SPAM] "),
    ("folded\r\n\tonce", "[SPAM] folded\n\tonce"),
    ("x" * 900, "[SPAM] \n " + "x" * 900),
])
def test_the_subject(setup, subject, becomes):
    _, _, answer, _ = run(setup, 'at message { rule spam tag subject "[SPAM] " }', headers=(("Subject", subject), ("Subject", "another")))
    assert fields(answer, "change", "Subject") == ([(1, " " + becomes)] if becomes else [])


def test_a_subject_where_there_is_none(setup):
    _, _, answer, _ = run(setup, 'at message { rule spam tag subject "[SPAM]"\nrule two tag subject "[TWO] " }', headers=(("From", "a@example.net"),))
    assert fields(answer, "insert", "Subject") == [(0, " [TWO] [SPAM]")] and not fields(answer, "change", "Subject")


@pytest.mark.parametrize("headers", [(("From", "a@example.net"),), (("From", "a@example.net"), ("Subject", ""))], ids=["none", "empty"])
def test_an_empty_tag_changes_no_subject(setup, headers):
    _, _, answer, _ = run(setup, 'at message { rule spam tag subject "" }', headers=headers)
    assert answer.kind == CONTINUE and not fields(answer, "insert", "Subject") and not fields(answer, "change", "Subject")


def test_a_message_that_nobody_gets(setup):
    s, m, answer, case = run(setup, 'at message { rule junk discard "from {mail.from}" }')
    assert answer.kind == DISCARD and not answer.edits
    assert case["verdict"]["action"] == "discard" and case["verdict"]["text"] == "from a@example.net" and case["verdict"]["rule"] == "junk"
    assert s.status()["discard"] == "1" and "verdict=discard" in s.cases()[-1] and 'reason="from a@example.net"' in s.cases()[-1]


def test_it_goes_elsewhere(setup):
    s, m, answer, case = run(setup, 'at rcpt { rule no reject "550 5.7.1 no" when rcpt.address == no@example.org }\n'
                             'at message { rule look redirect look@example.org\nrule second redirect other@example.org }',
                             recipients=("<u@example.org>", "<V@example.org>"))
    assert m.actions & ADDRCPT and m.actions & DELRCPT
    assert recipients(answer, "+") == ["<look@example.org>"] and recipients(answer, "-") == ["<u@example.org>", "<V@example.org>"]
    assert case["added"] == ["look@example.org"] and all(r["removed"] for r in case["recipients"])
    assert "removed=<u@example.org>" in s.cases()[-1] and "added=<look@example.org>" in s.cases()[-1]


def test_who_gets_it_already_is_not_added(setup):
    _, _, answer, case = run(setup, 'at message { rule look redirect u@example.org\nrule copy add recipient "U@Example.ORG"\nrule more add recipient x@example.org }',
                             recipients=("<u@example.org>", "<v@example.org>"))
    assert recipients(answer, "+") == ["<x@example.org>"] and recipients(answer, "-") == ["<v@example.org>"]
    assert case["added"] == ["x@example.org"]


def test_an_mta_that_lets_us_change_no_recipients_keeps_the_message(setup):
    s, m, answer, _ = run(setup, "at message { rule look redirect look@example.org }", actions=ALL_ACTIONS & ~DELRCPT)
    assert answer.code == 451 and not recipients(answer, "+")
    assert "the MTA lets us change no recipients, so the message was put off" in s.log()


def test_nothing_is_asked_of_the_mta_that_no_rule_needs(setup):
    s = setup.sluice('at message { rule copy add recipient x@example.org when mail.null }')
    m = setup.milter(s)
    assert m.actions & ADDRCPT and not m.actions & DELRCPT
    assert not setup.milter(setup.sluice("at mail { rule a accept }")).actions & (ADDRCPT | DELRCPT)
