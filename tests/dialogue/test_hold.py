# SPDX-License-Identifier: BSD-2-Clause
"""Mail that is held for a person to look at, and what the operator is told of it."""
import pytest

from support import sluice
from support.milter import ALL_ACTIONS, CONTINUE

QUARANTINE = 0x20  # SMFIF_QUARANTINE


def held(answer):
    return [data.rstrip(b"\0").decode() for kind, data in (e for e in answer.edits if len(e) == 2) if kind == "q"]


@pytest.mark.parametrize("stage", ["connect", "helo", "mail", "rcpt", "data", "message"])
def test_a_message_is_held_at_its_end_whatever_stage_said_so(setup, stage):
    s = setup.sluice(f'at {stage} {{ rule look hold "{{client.ip}} is strange" }}')
    m = setup.milter(s)
    assert m.actions & QUARANTINE
    assert m.greet().kind == CONTINUE
    answer = m.message(recipients=("<u@example.org>", "<v@example.org>"))
    assert answer.kind == CONTINUE and held(answer) == ["192.0.2.1 is strange"]
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    assert case["verdict"]["action"] == "hold" and case["verdict"]["rule"] == "look" and case["verdict"]["text"] == "192.0.2.1 is strange"
    assert s.status()["hold"] == "1" and "verdict=hold" in s.cases()[-1] and 'reason="192.0.2.1 is strange"' in s.cases()[-1]


def test_a_refusal_is_stronger(setup):
    s = setup.sluice('at rcpt { rule look hold "strange" }\nat message { rule no reject "550 5.7.1 no" when rcpt.count > 1 }')
    m = setup.milter(s)
    m.greet()
    answer = m.message(recipients=("<u@example.org>", "<v@example.org>"))
    assert answer.code == 550 and not held(answer)
    assert held(m.message()) == ["strange"]
    m.mail()
    m.rcpt()
    m.abort()


def test_a_recipient_who_is_refused_holds_nobody_elses_mail(setup):
    s = setup.sluice('at rcpt { rule look hold "{rcpt.address} is strange" when rcpt.domain == strange.example\n'
                     'rule no reject "550 5.7.1 no" when rcpt.address == no@strange.example }')
    m = setup.milter(s)
    m.greet()
    for recipients, want in ((["no@strange.example", "u@example.org"], []), (["no@strange.example", "yes@strange.example"], ["yes@strange.example is strange"])):
        m.mail()
        assert [m.rcpt(f"<{recipient}>").code for recipient in recipients] == [550, 0]
        assert held(m.content()) == want


def test_what_was_held_does_not_hold_the_next(setup):
    s = setup.sluice('at mail { rule look hold "strange" when mail.from == b@example.net }')
    m = setup.milter(s)
    m.greet()
    assert held(m.message("<b@example.net>")) == ["strange"]
    assert held(m.message("<a@example.net>")) == []
    assert m.mail("<b@example.net>").kind == CONTINUE
    m.abort()
    assert held(m.message("<a@example.net>")) == []


def test_an_mta_that_holds_no_mail_keeps_it_waiting(setup):
    s = setup.sluice('at mail { rule look hold "strange" }')
    m = setup.milter(s, actions=ALL_ACTIONS & ~QUARANTINE)
    m.greet()
    answer = m.message()
    assert answer.code == 451 and "this message cannot be taken now" in answer.text and not held(answer)
    assert "the MTA holds no mail for us, so the message was put off" in s.log()


def test_quarantine_is_asked_for_only_where_a_rule_holds(setup):
    s = setup.sluice('at mail { rule r reject "no" when mail.null }')
    assert not setup.milter(s).actions & QUARANTINE


def test_a_warning_is_one_line_an_hour_for_each_account(setup):
    s = setup.sluice('at mail { rule look hold "strange" warn when mail.domain == example.net }')
    for user in ("bob", "eve x", "bob", "bob"):
        m = setup.milter(s, macros={"M": {"auth_authen": user, "auth_type": "PLAIN"}})
        m.greet()
        assert held(m.message()) == ["strange"]
    lines = [line for line in s.log().splitlines() if "rule=look matched: action=hold stage=mail" in line]
    assert len(lines) == 2 and " user=bob " in lines[0] and ' user="eve x" ' in lines[1] and "client=192.0.2.1" in lines[0]


def test_check_says_hold(tmp_path):
    conf = tmp_path / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + 'at mail { rule look hold "strange" }\n')
    (tmp_path / "zone").write_text("")
    done = sluice.ctl("check", "-c", conf, "--zone", tmp_path / "zone", "--client", "192.0.2.1", "--helo", "a.example", "--from", "a@b.example",
                      "--rcpt", "u@example.org")
    assert done.returncode == 5 and "verdict     hold at message, by rule look" in done.stdout and "reason      strange" in done.stdout


@pytest.mark.parametrize("stage", ["connect", "helo", "mail"])
def test_what_is_about_the_message_is_not_about_the_recipient_at_whom_it_was_judged(setup, stage):
    s = setup.sluice(f'at {stage} {{ rule look hold "strange" }}\nat rcpt {{ rule no reject "550 5.7.1 no" when rcpt.address == no@example.org }}')
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert [m.rcpt(f"<{name}@example.org>").code for name in ("no", "yes")] == [550, 0]
    assert held(m.content()) == ["strange"]
    for line in s.cases():
        case = s.explain(line.split("case=")[1].split()[0])
        assert "recipient" not in next(rule for rule in case["rules"] if rule["name"] == "look")
