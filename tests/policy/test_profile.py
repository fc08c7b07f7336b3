# SPDX-License-Identifier: BSD-2-Clause
"""Settings by recipient: which profile one has, and what rules make of it."""
import re

import pytest

from support import sluice

CONF = """list local-domains domain [example.org bank.example]
list vip address [vip@example.org @vip.example]
list careful domain [bank.example]
profile default { greylist yes  refuse_at 12  label "usual \\"one\\""  limit_kb 3 }
profile vip { when rcpt.address in vip
    refuse_at 100
    greylist no
}
profile careful { when rcpt.domain in careful  refuse_at 7.5  label careful }
profile away { when not rcpt.local  refuse_at 0 }
at connect { rule points score 8 }
at rcpt {
    rule grey reject "550 5.7.1 {profile.name} {profile.label} {profile.refuse_at} {profile.greylist}" when profile.greylist and mail.null
}
at message for each recipient {
    rule spam reject "550 5.7.1 {rcpt.address} takes {profile.refuse_at}" when score >= profile.refuse_at and profile.name != away
    rule large reject "550 5.7.1 too large" when message.size > profile.limit_kb
}
"""
SPAM = "550 5.7.1 v@bank.example takes 7.5"


def show(tmp_path, address, conf=CONF):
    path = tmp_path / "sluice.conf"
    path.write_text(sluice.plugin_lines() + conf)
    return sluice.ctl("config", "show", "-c", path, "--for", address)


@pytest.mark.parametrize("address, profile, values, lists", [
    ("u@example.org", "default", ["yes", "12", 'usual "one"'], ["local-domains"]),
    ("vip@example.org", "vip", ["no", "100", 'usual "one"'], ["local-domains", "vip"]),
    ("VIP@Example.ORG", "vip", ["no", "100", 'usual "one"'], ["local-domains", "vip"]),
    ("anybody@vip.example", "vip", ["no", "100", 'usual "one"'], ["vip"]),  # the first that fits, though it is away as well
    ("u@bank.example", "careful", ["yes", "7.5", "careful"], ["local-domains", "careful"]),
    ("u@elsewhere.example", "away", ["yes", "0", 'usual "one"'], []),
])
def test_who_has_which(tmp_path, address, profile, values, lists):
    done = show(tmp_path, address)
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first == f"rcpt.local {'yes' if 'local-domains' in lists else 'no'}"
    assert re.fullmatch(rf"profile {profile} +# .*sluice.conf:\d+", lines[0])
    found = dict(re.fullmatch(r"profile\.(\w+) (.*?) +# .*", line).groups() for line in lines[1:] if line.startswith("profile."))
    assert [found[key] for key in ("greylist", "refuse_at", "label")] == values and found["limit_kb"] == "3"
    assert [re.fullmatch(r"in list (\S+) +# .*", line)[1] for line in lines if line.startswith("in list")] == lists


def test_each_value_has_the_line_that_set_it(tmp_path):
    lines = show(tmp_path, "vip@example.org").stdout.splitlines()
    base = sluice.plugin_lines().count("\n")
    assert [int(re.search(r":(\d+)$", line)[1]) - base for line in lines[1:6]] == [5, 7, 6, 4, 4]


def test_no_profiles_and_no_address(tmp_path):
    assert "\nno profiles\n" in show(tmp_path, "u@example.org", "list local-domains domain [example.org]\n").stdout
    done = show(tmp_path, "example.org")
    assert done.returncode == 64 and "'example.org' is no address: write one such as user@example.org" in done.stderr
    done = sluice.ctl("config", "check", "--for", "u@example.org")
    assert done.returncode == 64 and "usage: " in done.stderr


def test_rules_read_what_holds_for_their_recipient(setup):
    s = setup.sluice(CONF)
    m = setup.milter(s)
    m.greet()
    m.mail("<>")
    assert re.match(r'550 5\.7\.1 default usual "one" 12 yes ', m.rcpt("<u@example.org>").text)
    assert m.rcpt("<vip@example.org>").kind == "continue"
    m.abort()
    small = {"headers": [], "body": b"x\r\n"}
    assert m.message(recipients=("<vip@example.org>",), **small).kind == "continue"
    assert m.message(recipients=("<v@bank.example>",), **small).text.startswith(SPAM)
    assert m.message(recipients=("<u@example.org>", "<vip@example.org>"), **small).kind == "continue"
    assert m.message(recipients=("<u@example.org>", "<v@bank.example>"), **small).text.startswith(SPAM)
    assert m.message(recipients=("<u@example.org>",)).text.startswith("550 5.7.1 too large")
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1])[1])
    assert case["recipients"][0]["facts"]["profile.name"] == "default" and case["recipients"][0]["facts"]["profile.refuse_at"] == 12


def test_a_reload_gives_others(setup):
    s = setup.sluice(CONF)
    m = setup.milter(s)
    m.greet()
    small = {"headers": [], "body": b"x\r\n"}
    assert m.message(recipients=("<v@bank.example>",), **small).text.startswith(SPAM)
    assert s.reload(CONF.replace("refuse_at 7.5", "refuse_at 9")).returncode == 0
    m = setup.milter(s)
    m.greet()
    assert m.message(recipients=("<v@bank.example>",), **small).kind == "continue"


def test_a_replay_gives_recipients_the_profiles_of_the_new_policy(setup, tmp_path):
    cases = setup.folder / "cases"
    s = setup.sluice(f'cases {{ to "{cases}" }}\n' + CONF)
    m = setup.milter(s)
    m.greet()
    small = {"headers": [], "body": b"x\r\n"}
    m.message(recipients=("<v@bank.example>",), **small)
    m.message(recipients=("<u@example.org>",), **small)
    new = tmp_path / "new.conf"
    for conf, changed in ((CONF, 0), (CONF.replace("refuse_at 7.5", "refuse_at 9"), 1), (CONF.replace("refuse_at 12", "refuse_at 8"), 1)):
        new.write_text(sluice.plugin_lines() + conf)
        done = sluice.ctl("replay", "--policy", new, cases)
        assert done.stdout.startswith(f"2 cases: {2 - changed} the same, {changed} changed, 0 undecided"), done.stdout
