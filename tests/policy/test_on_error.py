# SPDX-License-Identifier: BSD-2-Clause
"""What follows when a check cannot finish, as the site says it."""
import pytest

from support import sluice
from support.policy import check
from support.redis import Redis

TIMEOUT, SERVFAIL, FINE = "a@silent.example", "a@ill.example", "a@example.net"
ROLES = "role here { when port == 25 }\nrole there { when port == 26 }\n"


def verdict(folder, rules, sender, **more):
    case = check(folder, ROLES + rules, **{"from": sender}, **more)
    return case["verdict"]["action"], case["verdict"]["rule"], case


@pytest.mark.parametrize("sender, error", [(TIMEOUT, "timeout"), (SERVFAIL, "servfail"), (FINE, None)])
def test_the_cause_is_a_fact(tmp_path, sender, error):
    _, _, case = verdict(tmp_path, "at mail { rule a score 1 when spf.error is known }", sender)
    assert case["facts"].get("spf.error") == error and (case["score"] == 1) == (error is not None)


@pytest.mark.parametrize("said, becomes", [
    ("", {TIMEOUT: "accept", SERVFAIL: "accept", FINE: "accept"}),
    ("on_error spf continue", {TIMEOUT: "accept", SERVFAIL: "accept", FINE: "accept"}),
    ("on_error spf tempfail", {TIMEOUT: "tempfail", SERVFAIL: "tempfail", FINE: "accept"}),
    ("on_error spf timeout tempfail", {TIMEOUT: "tempfail", SERVFAIL: "accept", FINE: "accept"}),
    ("on_error spf timeout continue\non_error spf tempfail", {TIMEOUT: "accept", SERVFAIL: "tempfail", FINE: "accept"}),
    ('on_error spf servfail, timeout reject "550 5.7.1 no"', {TIMEOUT: "reject", SERVFAIL: "reject", FINE: "accept"}),
    ('on_error spf servfail reject "550 5.7.1 no"\non_error spf tempfail', {TIMEOUT: "tempfail", SERVFAIL: "reject", FINE: "accept"}),
    ("on_error rdns tempfail", {TIMEOUT: "accept", SERVFAIL: "accept", FINE: "accept"}),
])
def test_by_cause(tmp_path, said, becomes):
    for sender, action in becomes.items():
        assert verdict(tmp_path, "at mail { " + said + " }", sender)[0] == action, sender


def test_by_role(tmp_path):
    rules = 'at mail in here { on_error spf tempfail "451 4.4.3 {mail.domain} cannot be checked" }\nat mail in there { on_error spf reject "550 5.7.1 no" }'
    action, rule, case = verdict(tmp_path, rules, TIMEOUT)
    assert (action, rule) == ("tempfail", "on_error-spf") and case["verdict"]["text"] == "silent.example cannot be checked"
    assert case["rules"][0]["text"].startswith('on_error spf tempfail "451 4.4.3')
    assert verdict(tmp_path, rules, TIMEOUT, port=26)[:2] == ("reject", "on_error-spf-2")
    assert verdict(tmp_path, rules, TIMEOUT, port=27)[0] == "accept"


def test_it_has_its_place_among_the_rules(tmp_path):
    rules = 'at mail { rule before accept when port == 25\non_error spf tempfail\nrule after reject "550 5.7.1 no" }'
    assert verdict(tmp_path, rules, TIMEOUT)[0] == "accept"
    assert verdict(tmp_path, rules, TIMEOUT, port=26)[1] == "on_error-spf"
    assert verdict(tmp_path, rules, FINE, port=26)[1] == "after"


def test_a_store_that_is_down(setup):
    with Redis(setup.folder) as redis:
        s = setup.sluice(f"state {{ redis {redis.path} timeout 300ms }}\nat rcpt {{\nrule grey greylist\non_error greylist store tempfail\n}}\n"
                         "greylist { delay 1ms }")
        m = setup.milter(s)
        m.greet()
        assert "greylisted" in m.message().text
        redis.stop()
        answer = m.message(sender="<b@example.net>")
        assert answer.code == 451 and "a check could not be finished" in answer.text
        case = s.explain([line for line in s.cases() if "verdict=" in line][-1].split("case=")[1].split()[0])
        assert case["verdict"]["rule"] == "on_error-greylist" and case["rules"][-1]["facts"]["greylist.error"] == "store"


def test_a_limit_whose_store_is_down(setup):
    rules = """at mail {
        rule few limit 100/1h by client.ip
        on_error limit store tempfail "451 4.3.0 we cannot count"
    }
    at rcpt { rule many limit 100/1h by client.ip }"""
    cases = setup.folder / "cases"
    with Redis(setup.folder) as redis:
        state = f'cases {{ to "{cases}" }}\nstate {{ redis {redis.path} timeout 300ms }}\n'
        s = setup.sluice(state + rules)
        m = setup.milter(s)
        m.greet()
        assert m.message().kind == "continue"
        redis.stop()
        answer = m.mail("<b@example.net>")
        assert answer.code == 451 and "we cannot count" in answer.text
        case = s.explain(answer.text.split("ref=")[1].rstrip(")"))
        assert case["verdict"]["rule"] == "on_error-limit" and case["facts"]["limit.error"] == "store"
        assert [(r["name"], r["why"], r["facts"]) for r in case["missed"]] == [("few", "limit", {"limit.error": "store"})]
        s.reload(state + rules.replace("tempfail", "continue").replace(' "451 4.3.0 we cannot count"', ""))
        m = setup.milter(s)
        m.greet()
        assert m.message().kind == "continue"
    done = sluice.ctl("replay", "--policy", s.conf)
    assert done.stdout.startswith("3 cases: 2 the same, 1 changed, 0 undecided"), done.stdout
