# SPDX-License-Identifier: BSD-2-Clause
"""Rules that only watch, and rules that look at a part of the mail."""
import re

import pytest

ACTIONS = ["accept", 'reject "550 5.7.1 no"', 'tempfail "451 4.7.1 no"', 'hold "why"', 'discard "why"', "redirect x@example.org", "add recipient x@example.org",
           'tag "t"', 'tag subject "t"', "score 100", "sign", "seal"]


def last_case(s):
    return s.explain([line for line in s.cases() if "verdict=" in line][-1].split("case=")[1].split()[0])


@pytest.mark.parametrize("action", ACTIONS)
def test_a_rule_in_the_shadow_does_nothing(setup, action):
    s = setup.sluice('at message { shadow rule idea ' + action + '\nrule after score 1 }')
    plain = setup.milter(setup.sluice("at message { rule after score 1 }"))
    m = setup.milter(s)
    assert (m.actions, m.steps) == (plain.actions, plain.steps)  # nor is anything more asked of the MTA
    m.greet()
    plain.greet()
    answer, other = m.message(), plain.message()
    assert (answer.kind, answer.edits) == (other.kind, other.edits)
    case = last_case(s)
    assert [(r["name"], r.get("shadow", False)) for r in case["rules"]] == [("idea", True), ("after", False)] and case["score"] == 1
    assert f" shadow=idea:{action.split()[0]} " in [line for line in s.cases() if "verdict=" in line][-1]
    assert 'sluice_rule_cases_total{rule="idea",shadow="yes"} 1' in s.ctl("metrics").stdout
    assert 'sluice_rule_cases_total{rule="after",shadow="no"} 1' in s.ctl("metrics").stdout


def test_greylisting_in_the_shadow_notes_nothing(setup):
    s = setup.sluice("at rcpt { shadow rule grey greylist }")  # and needs no store
    m = setup.milter(s)
    m.greet()
    for _ in range(2):
        assert m.message().kind == "continue"
    assert [a for a in last_case(s)["answers"] if a["type"] == "greylist"] == []


def test_a_limit_in_the_shadow_counts_and_lets_pass(setup):
    s = setup.sluice(f'state {{ lmdb "{setup.folder}/state" }}\nat mail {{ shadow rule fast limit 2/1h by client.ip }}')
    m = setup.milter(s)
    m.greet()
    found = []
    for _ in range(4):
        assert m.message().kind == "continue"
        found.append([r["name"] for r in last_case(s)["rules"]])
    assert found == [[], [], ["fast"], ["fast"]]


def test_a_sample_is_a_part_of_the_messages_and_the_same_for_all_of_one(setup):
    s = setup.sluice('at mail { rule mail sample 25% score 1 }\nat rcpt { rule rcpt sample 25% score 1 }\nat message { rule all sample 100% score 1 }\n'
                     "at connect { rule some sample 50% score 1 }\nhistory 1000")
    m = setup.milter(s)
    m.greet()
    for _ in range(400):
        assert m.message(recipients=("<u@example.org>", "<v@example.org>")).kind == "continue"
    rules = dict(re.findall(r'sluice_rule_cases_total\{rule="(\w+)",shadow="no"\} (\d+)', s.ctl("metrics").stdout))
    assert rules["all"] == "400" and 50 < int(rules["mail"]) < 160 and 50 < int(rules["rcpt"]) < 160
    assert rules.get("some", "0") in ("0", "400")  # of one connection
    cases = [s.explain(line.split("case=")[1].split()[0]) for line in s.cases()[-40:]]
    assert len({case["connection"] for case in cases}) == 1 and all(case["message"] == case["case"] for case in cases)
    assert all(sum(r["name"] == "rcpt" for r in case["rules"]) in (0, 1) for case in cases)
