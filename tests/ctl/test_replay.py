# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl replay: what was recorded through the policy that made it, and through others."""
import json
import os
import random

import pytest

from support import sluice
from support.milter import CONTINUE

ZONE = """1.2.0.192.in-addr.arpa PTR mail.example.net
mail.example.net A 192.0.2.1
example.net TXT v=spf1 ip4:192.0.2.0/25 ?all
soft.example TXT v=spf1 ~all
hard.example TXT v=spf1 -all
ill.example TXT SERVFAIL
66.2.0.192.bl.example.net A 127.0.0.2
67.2.0.192.bl.example.net A 127.0.0.2
"""
POLICY = """authserv_id mx.example.org
cases {{ to CASES }}
history 10
state {{ lmdb "STATE" }}
dnsbl bl.example.net {{ weight 4 }}
list local-domains domain [example.org]
list strict address [strict@example.org]
role mx {{ when port != 587 }}
greylist {{ delay 1h }}
at connect in mx {{ rule listed score 3 when dnsbl.weight >= 3 }}
at helo in mx {{ rule helo reject "550 5.7.1 no" when helo.form == malformed }}
at mail {{
    rule flood limit {flood} by client.ip  when client.ip == 192.0.2.3
    on_error spf tempfail
}}
at rcpt {{
    rule no-relay reject "550 5.7.1 no" when relay.attempt
    rule grey greylist when spf.result == softfail
    rule few limit 5/1h of recipients by rcpt.address  when client.ip == 192.0.2.2
}}
at message {{
    rule sample sample 30% score 1
    shadow rule watch reject "550 5.7.1 no" when spf.result == neutral
    rule fail reject "550 5.7.1 no" when spf.result == fail
    rule spam {spam} when score >= 4
}}
at message for each recipient {{ rule strict reject "550 5.7.1 no" when rcpt.address in strict and score >= 1 }}
"""
MESSAGES = 12_000 if os.environ.get("SLUICE_SOAK") else 1200  # SLUICE_SOAK=1: more than ten thousand cases
USUAL = {"flood": "8/1h", "spam": 'tag "spam"'}


def policy(folder, text=POLICY, **changed):
    return text.format(**{**USUAL, **changed}).replace("CASES", f'"{folder}/cases"').replace("STATE", f"{folder}/state")


def traffic(setup, s, messages, seed=1):
    """Clients of many kinds, and what they send."""
    dice = random.Random(seed)
    for _ in range(messages // 4):
        m = setup.milter(s, macros={"C": {"daemon_port": dice.choice(["25", "25", "25", "587"])}})
        address = f"192.0.2.{dice.choice([1, 2, 3, 66, 67, 200])}"
        if m.greet(address, helo=dice.choice(["mail.example.net", "mail.example.net", "-bad-.example", "localhost"])).kind == CONTINUE:
            for _ in range(4):
                sender = dice.choice(["a@example.net", "b@example.net", "a@soft.example", "a@hard.example", "a@ill.example", ""])
                recipients = dice.sample(["u@example.org", "v@example.org", "strict@example.org", "x@elsewhere.example"], dice.randint(1, 3))
                if m.mail(f"<{sender}>").kind != CONTINUE:
                    continue
                if any([m.rcpt(f"<{r}>").kind == CONTINUE for r in recipients]):
                    m.content(headers=(("From", sender or "a@example.net"), ("Subject", "t")))
        m.sock.close()


def replay(folder, text, *more):
    conf = folder / "new.conf"
    conf.write_text(sluice.plugin_lines() + text)
    return sluice.ctl("replay", "--policy", conf, *more)


@pytest.fixture(scope="module")
def recorded(shared_setup):
    folder = shared_setup.folder / "recorded"
    folder.mkdir()
    s = shared_setup.sluice(policy(folder), zone=ZONE)
    traffic(shared_setup, s, MESSAGES)
    s.stop()
    cases = [json.loads(line) for line in sluice.case_lines(folder / "cases")]
    return folder, cases


def counts(done):
    return [int(n) for n in done.stdout.split("\n")[0].replace(" cases:", ",").replace(" the same", "").replace(" changed", "").replace(" undecided", "")
            .replace(" not to be replayed", "").split(",")]


def test_the_policy_that_made_them_changes_nothing(recorded):
    folder, cases = recorded
    seen = {case["verdict"]["rule"] or case["verdict"]["action"] for case in cases}
    assert len(cases) > 5 * MESSAGES // 6 and seen >= {"helo", "flood", "on_error-spf", "no-relay", "grey", "few", "fail", "strict", "accept"}, seen
    done = replay(folder, policy(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts(done) == [len(cases), len(cases), 0, 0, 0], done.stdout


def test_one_changed_rule_makes_its_differences_and_no_others(recorded):
    folder, cases = recorded
    spam = [case["case"] for case in cases if any(rule["name"] == "spam" for rule in case["rules"])]
    tagged = [case for case in cases if case["case"] in spam and case["verdict"]["action"] == "accept"]
    assert len(tagged) > 2  # chance has a part in it: the sample, and who was greylisted
    done = replay(folder, policy(folder, spam='reject "550 5.7.1 spam"'))
    assert done.returncode == 1 and done.stderr == ""
    same, changed, undecided = counts(done)[1:4]
    # whoever was refused for one recipient alone is refused earlier now, by another rule
    assert undecided == 0 and changed == len(spam) and same == len(cases) - len(spam), done.stdout
    assert "accept, 4 points -> reject by spam at message, 4 points" in done.stdout and "from <" in done.stdout


def test_what_was_not_recorded_is_not_guessed(recorded):
    folder, cases = recorded
    done = replay(folder, policy(folder, flood="7/1h"))  # nobody knows what it would have counted
    reached = [case for case in cases if any(limit["rule"] == "flood" for limit in case.get("limits", []))]
    assert counts(done)[2:4] == [0, len(reached)] and "undecided: the policy asks for what was not recorded" in done.stdout
    done = replay(folder, policy(folder, POLICY + 'at mail {{ rule new reject "550 5.7.1 no" when rdns.result == fail }}\n'))
    assert counts(done)[3] > 0


def test_lists_and_settings_of_the_new_policy_count(recorded):
    folder, cases = recorded
    done = replay(folder, policy(folder, POLICY.replace("[example.org]", "[example.org elsewhere.example]")))
    relayed = sum(case["verdict"]["rule"] == "no-relay" for case in cases)
    assert relayed > 10 and counts(done)[2] + counts(done)[3] >= relayed
    done = replay(folder, policy(folder, POLICY.replace("weight 4", "weight 1")))  # the answers are the same, what they are worth is not
    listed = sum(any(rule["name"] == "listed" for rule in case["rules"]) for case in cases)
    assert listed > 10 and counts(done)[2] == listed, done.stdout


def test_files_that_are_not_as_they_should_be(recorded, tmp_path):
    folder, cases = recorded
    lines = sluice.case_lines(folder / "cases")
    old = json.loads(lines[0])
    del old["message"]
    bad = tmp_path / "bad"
    bad.write_text("\n".join([lines[0], lines[1][:200], "", "[]", "{}", json.dumps(old), "\0\0\0", '{"verdict": 5, "facts": []}', lines[2]]) + "\n")
    done = replay(folder, policy(folder), bad)
    assert counts(done)[0] == 8 and counts(done)[1] == 2 and counts(done)[4] == 6, done.stdout
    done = replay(folder, policy(folder), tmp_path / "none")
    assert done.returncode == 66 and "No such file" in done.stderr
    done = replay(folder, "nonsense\n", bad)
    assert done.returncode == 78
    assert replay(folder, policy(folder), "--since", "yesterday").returncode == 64
    done = replay(folder, policy(folder), "--since", "1h")
    assert counts(done)[0] == len(cases)


def test_nothing_that_was_replayed_is_no_success(recorded, tmp_path):
    """Else a test of a site's policies would be green for ever once its cases are gone."""
    folder, cases = recorded
    old = tmp_path / "old"
    old.write_text('{"time": "2020-01-01T00:00:00Z"}\n')
    empty = tmp_path / "empty"
    empty.write_text("")
    (tmp_path / "cases").mkdir()
    for source, why in [([empty], "no case was replayed: there is none in"), ([tmp_path / "cases"], "no case was replayed: there is none in"),
                        (["--since", "1h", old], "no case was replayed: --since leaves out all there are")]:
        done = replay(folder, policy(folder), *source)
        assert done.returncode == 66 and why in done.stderr and counts(done) == [0, 0, 0, 0, 0], (source, done)
    done = replay(folder, policy(folder), "--json", empty)
    assert done.returncode == 66 and json.loads(done.stdout)["cases"] == 0
    done = replay(folder, policy(tmp_path))  # the folder that the configuration names, and that is empty
    assert done.returncode == 66 and f"there is none in {tmp_path}/cases" in done.stderr
    bad = tmp_path / "bad"
    bad.write_text("[]\n")
    assert replay(folder, policy(folder), bad).returncode == 2  # there is one, and it says nothing
