# SPDX-License-Identifier: BSD-2-Clause
"""What conditions and actions mean, through `sluicectl check`."""
import json

import pytest

from support import sluice
from support.policy import BASE, WHO, ZONE, check

# condition, at which stage, does it hold?
CONDITIONS = [
    ("client.ip == 192.0.2.1", "connect", True),
    ("client.ip == 192.0.2.0/24", "connect", True),
    ("client.ip != 192.0.2.0/24", "connect", False),
    ("client.net == 192.0.2.0/24", "connect", True),
    ("client.ip in trusted", "connect", False),
    ("client.ip not in trusted", "connect", True),
    ("client.ip in [198.51.100.0/24 192.0.2.0/28]", "connect", True),
    ("client.trusted", "connect", False),
    ("not client.trusted", "connect", True),
    ("not not not client.trusted", "connect", True),
    ("port == 25", "connect", True),
    ("port != 25", "connect", False),
    ("port in [465 587]", "connect", False),
    ("port < 26 and port >= 25", "connect", True),
    ("port > 25 or port <= 24", "connect", False),
    ('helo.name == "MAIL.example.NET"', "helo", True),
    ("helo.name == mail.example.net", "helo", True),
    ('helo.name matches "*.example.net"', "helo", True),
    ('helo.name matches "MAIL.*"', "helo", True),
    ('helo.name matches "mail?example.net"', "helo", True),
    ('helo.name matches "*.example"', "helo", False),
    ("helo.form == fqdn", "helo", True),
    ("helo.form in [literal malformed]", "helo", False),
    ("mail.domain in friends", "mail", False),
    ("mail.from == A@EXAMPLE.NET", "mail", True),
    ("mail.from in people", "mail", False),
    ("mail.from in shapes", "mail", True),
    ("helo.name in shapes", "helo", True),
    ("mail.domain in shapes", "mail", False),
    ("mail.domain == rcpt.domain", "rcpt", False),
    ("mail.domain != rcpt.domain", "rcpt", True),
    ("rcpt.local", "rcpt", True),
    ("rcpt.address in people", "rcpt", False),
    ("rcpt.count == 1", "rcpt", True),
    ("rdns.names contains MAIL.example.net", "mail", True),
    ("rdns.names contains other.example", "mail", False),
    ("spf.result == pass", "mail", True),
    ("spf.result != pass", "mail", False),
    ("header.count == 1", "message", True),
    ("message.size > 10", "message", True),
    ("from.count == 1 and not from.malformed", "message", True),
    ("from.address == A@example.net", "message", True),
    ("from.domain == mail.domain", "message", True),
    # and before or, brackets before both
    ("port == 1 and port == 2 or port == 25", "connect", True),
    ("port == 25 or port == 2 and port == 1", "connect", True),
    ("(port == 25 or port == 2) and port == 1", "connect", False),
    ("not (port == 1 or port == 2)", "connect", True),
    ("not port == 1", "connect", True),
    ("not\n  port == 1", "connect", True),
    ("port == 25 and\n  not\n  port == 1", "connect", True),
    # what is not known: auth.user of a client that is not authenticated
    ('auth.user == "me"', "mail", False),
    ('auth.user != "me"', "mail", False),
    ('not auth.user == "me"', "mail", False),
    ('auth.user == "me" or port == 25', "mail", True),
    ('auth.user == "me" or port == 1', "mail", False),
    ('auth.user == "me" and port == 25', "mail", False),
    ('not (auth.user == "me" and port == 1)', "mail", True),
    ("auth.user is unknown", "mail", True),
    ("auth.user is known", "mail", False),
    ('auth.user in [a b]', "mail", False),
    ('auth.user not in [a b]', "mail", False),
]


@pytest.mark.parametrize("condition, stage, holds", CONDITIONS)
def test_condition(tmp_path, condition, stage, holds):
    case = check(tmp_path, f'at {stage} {{ rule it reject "550 5.7.1 it is so" when {condition} }}')
    assert case["verdict"]["action"] == ("reject" if holds else "accept")
    if holds:
        assert case["verdict"]["stage"] == stage and case["verdict"]["rule"] == "it"


@pytest.mark.parametrize("fields, count, malformed", [
    (b"", 0, False),
    (b"From: a@example.net, b@other.example\n", 2, False),
    (b"From: a@example.net, b@[IPv6:2001:db8::1]\n", 2, False),
    (b"From: a@example.net\nFrom: b@sub.example.net\n", 2, False),
    (b"From: a@example.net, root\n", 1, True),
    (b"From: root\n", 0, True),
    (b"From: a@example.net <b@example.net> <c@example.net>\n", 0, True),
])
def test_an_author_who_is_not_one_has_no_address(tmp_path, fields, count, malformed):
    case = check(tmp_path, 'at message { rule it reject "550 5.7.1 no" when from.address is known or from.domain is known }', message=fields + b"\nbody\n")
    assert case["verdict"]["action"] == "accept"
    assert (case["facts"]["from.count"], case["facts"]["from.malformed"]) == (count, malformed)


@pytest.mark.parametrize("fields", [b"From: a@example.net, b@Example.NET\n", b"From: a@example.net\nFrom: \"b@x\"@example.net\n"])
def test_authors_of_one_domain_have_a_domain(tmp_path, fields):
    case = check(tmp_path, 'at message { rule it reject "550 5.7.1 no" when from.address is known }', message=fields + b"\nbody\n")
    assert (case["verdict"]["action"], case["facts"]["from.count"], case["facts"]["from.domain"]) == ("accept", 2, "example.net")


def test_a_check_that_cannot_finish_refuses_nobody(tmp_path):
    case = check(tmp_path, 'at mail { rule a reject "550 5.7.1 no" when spf.result == fail  rule b reject "550 5.7.1 no" when not spf.result == pass '
                           'and spf.result != temperror }', **{"from": "a@silent.example"})
    assert case["verdict"]["action"] == "accept"
    assert case["facts"]["spf.result"] == "temperror" and case["facts"]["spf.outcome"] == "temperror"


def test_lists_of_domains_and_addresses(tmp_path):
    rules = 'at rcpt { rule a score 1 when rcpt.local  rule b score 10 when rcpt.address in people  rule c score 100 when rcpt.domain in friends }'
    for rcpt, score in [("u@example.org", 1), ("u@sub.example.org", 0), ("u@a.below.example", 1), ("u@below.example", 0), ("BOSS@Example.ORG", 11),
                        ("x@staff.example", 10), ("x@sub.staff.example", 0), ("x@friend.example", 100)]:
        assert check(tmp_path, rules, rcpt=rcpt)["score"] == score, rcpt


def test_scores_add_up_over_stages_and_can_be_read(tmp_path):
    case = check(tmp_path, """
at connect { rule a score 1.5 }
at helo    { rule b score 2 when score == 1.5 }
at mail    { rule c score -0.25 }
at rcpt    { rule d score 3 }
at message { rule e reject "550 5.7.1 {score} points" when score >= 6.25 }""")
    assert case["score"] == 6.25
    assert case["verdict"]["text"] == "6.25 points"
    assert [r["name"] for r in case["rules"]] == ["a", "b", "c", "d", "e"]


def test_the_first_terminal_rule_of_a_stage_wins(tmp_path):
    case = check(tmp_path, 'at mail { rule a score 1  rule b tempfail "451 4.7.1 b"  rule c reject "550 5.7.1 c" }')
    assert case["verdict"]["rule"] == "b" and case["verdict"]["code"] == 451
    assert [r["name"] for r in case["rules"]] == ["a", "b"]


def test_accept_ends_its_stage_and_no_other(tmp_path):
    case = check(tmp_path, 'at mail { rule a accept  rule b reject "550 5.7.1 b" }\nat rcpt { rule c reject "550 5.7.1 c" }')
    assert case["verdict"]["rule"] == "c"


def test_roles_are_joined_by_or_and_with_the_condition(tmp_path):
    rules = """
role one { when port == 1 }
role two { when port == 2 }
at mail in one, two { rule a reject "550 5.7.1 a" when mail.null }"""
    for port, sender, action in [(1, "<>", "reject"), (2, "<>", "reject"), (3, "<>", "accept"), (1, "a@example.net", "accept")]:
        assert check(tmp_path, rules, port=port, **{"from": sender})["verdict"]["action"] == action


def test_conditions_and_constants_have_names(tmp_path):
    rules = """
constant spam-points 3
constant sorry "550 5.7.1 sorry, {mail.from}"
constant partner-net 192.0.2.0/24
condition partner { when client.ip == $partner-net and not mail.null }
role two { when port == 2 }
at mail {
    rule points score $spam-points  when partner
    rule refuse reject $sorry       when not partner or two and score >= $spam-points
}"""
    for port, sender, action in [(1, "<>", "reject"), (2, "<>", "reject"), (1, "a@example.net", "accept"), (2, "a@example.net", "reject")]:
        case = check(tmp_path, rules, port=port, **{"from": sender})
        assert case["verdict"]["action"] == action, (port, sender)
    assert case["verdict"]["text"] == "sorry, a@example.net"
    assert [r["text"] for r in case["rules"]] == ["rule points score $spam-points when partner",
                                                  "rule refuse reject $sorry when not partner or two and score >= $spam-points"]


def test_a_rule_may_take_several_lines(tmp_path):
    case = check(tmp_path, """
at mail {
    rule long reject "550 5.7.1 long"   # why
        when port == 25
        and (mail.domain == example.net
             or mail.null)
    rule other score 1
}""")
    assert case["verdict"]["rule"] == "long"
    assert case["rules"][0]["text"].startswith('rule long reject "550 5.7.1 long"')


@pytest.mark.parametrize("text, code, dsn, said", [
    ('reject "no"', 550, "5.7.1", "no"),
    ('reject "554 no"', 554, "5.7.1", "no"),
    ('reject "5.1.1 no"', 550, "5.1.1", "no"),
    ('reject "553 5.1.8 no"', 553, "5.1.8", "no"),
    ('tempfail "later"', 451, "4.7.1", "later"),
    ('tempfail "421 4.3.2 later"', 421, "4.3.2", "later"),
    (r'reject "\{not a fact\} 100% \"quoted\" \\"', 550, "5.7.1", '{not a fact} 100% "quoted" \\'),
    ('reject "{mail.from} {helo.name} {port} {client.ip} {mail.null} {spf.result}"', 550, "5.7.1", "a@example.net mail.example.net 25 192.0.2.1 no pass"),
    ('reject "{auth.user}"', 550, "5.7.1", "?"),
])
def test_reply(tmp_path, text, code, dsn, said):
    verdict = check(tmp_path, f"at mail {{ rule a {text} }}")["verdict"]
    assert (verdict["code"], verdict["dsn"], verdict["text"]) == (code, dsn, said)


def test_what_came_from_the_network_is_escaped_and_cut_in_a_reply(tmp_path):
    verdict = check(tmp_path, 'at helo { rule a reject "550 5.7.1 <{helo.name}>" }', helo="a\r\n250 ok\tä" + "x" * 5000)["verdict"]
    assert verdict["text"].startswith("<a??250 ok???xxx") and verdict["text"].endswith("x...>")
    assert len(verdict["text"]) < 300


def test_all_runs_every_check_and_tells_the_first_refusal(tmp_path):
    conf = tmp_path / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + BASE + 'at connect { rule early reject "554 5.7.1 early" }\nat rcpt { rule late reject "550 5.7.1 late" }')
    (tmp_path / "zone").write_text(ZONE)
    done = sluice.ctl("check", "-c", conf, "--zone", tmp_path / "zone", "--all", "--json", *[f"--{k}={v}" for k, v in WHO.items()])
    case = json.loads(done.stdout)
    assert done.returncode == 20 and case["verdict"]["rule"] == "early"
    assert case["facts"]["spf.result"] == "pass" and case["facts"]["rdns.confirmed"] is True and case["facts"]["relay.attempt"] is False
    assert {r["name"] for r in case["rules"]} >= {"early", "late"}
