# SPDX-License-Identifier: BSD-2-Clause
"""Waiting: as late as the policy allows, side by side, and never longer than the stage's deadline."""
import os

import pytest
from support import net
from support.milter import CONTINUE, REPLY

NAMES = {("example.net", "TXT"): ["v=spf1 -all"], ("mail.example.net", "TXT"): ["v=none"], ("mail.example.net", "A"): ["192.0.2.1"],
         ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.net."]}


def config(rules, server=None, timeout="20s", deadline="20s", extra=""):
    forward = f"dns {{\n forward {server.forward}\n timeout {timeout}\n}}\n" if server else ""
    return f"stage_deadline {deadline}\nauthserv_id mx.example.org\n{forward}{extra}\n{rules}"


def last(s):
    line = net.wait_for(s.cases, "a case")[-1]
    return s.explain(line.split("case=")[1].split()[0])


# ---- answers that never come ----

def test_silence_ends_at_the_deadline(setup):
    """The zone says TIMEOUT: the question stays open, and becomes a TIMEOUT answer when the stage's time is up."""
    s = setup.sluice(config("", deadline="300ms"), "example.net TXT TIMEOUT\n")
    m = setup.milter(s)
    m.greet()
    end = m.message()
    assert end.kind == CONTINUE and "spf=temperror" in end.edits[-1][3]
    case = last(s)
    answer = next(a for a in case["answers"] if a["name"] == "example.net")
    assert (answer["status"], answer["source"]) == ("timeout", "timeout") and answer["ms"] >= 290
    assert case["facts"]["spf.result"] == "temperror" and case["stages"]["message"] >= 290
    assert s.status()["faults"] == "0"


def test_silence_of_a_server_ends_at_the_deadline(setup):
    d = setup.dns({**NAMES, ("example.net", "TXT"): "TIMEOUT"})
    s = setup.sluice(config('at rcpt { rule r tempfail "later" when spf.result == temperror }', d, deadline="300ms"))
    m = setup.milter(s)
    m.greet()
    assert m.mail().kind == CONTINUE
    answer = m.rcpt()
    assert answer.kind == REPLY and answer.code == 451
    assert last(s)["stages"]["rcpt"] >= 290


def test_a_refusal_is_never_built_on_silence(setup):
    s = setup.sluice(config('at rcpt { rule r reject "no" when spf.result != pass and not spf.result == temperror\n'
                            'rule l reject "listed" when dnsbl.weight >= 1 }\ndnsbl zen.example { weight 5 }', deadline="200ms"),
                     "example.net TXT TIMEOUT\n1.2.0.192.zen.example A TIMEOUT\n")
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert m.rcpt().kind == CONTINUE


def test_a_refused_question_is_an_answer(setup):
    s = setup.sluice(config(""), "example.net TXT SERVFAIL\n")
    m = setup.milter(s)
    m.greet()
    end = m.message()
    assert "spf=temperror" in end.edits[-1][3]
    assert last(s)["stages"]["message"] < 10000


def test_each_stage_has_a_deadline_of_its_own(setup):
    s = setup.sluice(config('dnsbl zen.example { weight 5 }\nat connect { rule c score 1 when dnsbl.weight >= 1 }\n'
                            'at helo { rule h tempfail "later" when dnsbl.weight >= 1 }\n'
                            'at message { rule m score 1 when spf.result == fail }', deadline="200ms"),
                     "1.2.0.192.zen.example A TIMEOUT\nexample.net TXT TIMEOUT\n")
    m = setup.milter(s)
    assert m.greet().kind == CONTINUE
    assert m.message().kind == CONTINUE
    stages = last(s)["stages"]
    assert stages["helo"] >= 190 and stages["message"] >= 190 and stages.get("mail", 0) < 190


def test_messages_are_not_held_up_twice_by_what_is_lost(setup):
    """What was not answered for the connection is not asked again for its second message."""
    s = setup.sluice(config("dnsbl zen.example { weight 5 }\nat message { rule c score 1 when dnsbl.weight >= 1 }", deadline="300ms"),
                     "1.2.0.192.zen.example A TIMEOUT\n")
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    assert last(s)["stages"]["message"] >= 290
    assert m.message().kind == CONTINUE
    assert last(s)["stages"]["message"] < 290


def test_answers_that_come_one_by_one_are_waited_for(setup):
    """Each lets the check run again, and that is no sign that it asks for ever."""
    records = {}
    for domain in ("example.net", "mail.example.net"):  # what RFC 7208 4.6.4 allows: 111 questions each
        hosts = [f"m{i}.{domain}" for i in range(10)]
        records[domain, "TXT"] = ["v=spf1 " + " ".join(f"mx:{host}" for host in hosts) + " -all"]
        records.update({(host, "MX"): [f"10 h{k}.{host}." for k in range(10)] for host in hosts})
        records.update({(f"h{k}.{host}", "A"): ["203.0.113.1"] for host in hosts for k in range(10)})
    s = setup.sluice(config("max_questions 1000", setup.dns(records, pace_s=0.001)))
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    assert "spf.result" in last(s)["facts"] and "asked for ever" not in s.log()


# ---- start early, wait late ----

LISTED = {**NAMES, ("1.2.0.192.zen.example", "A"): ["127.0.0.2"]}


def test_what_is_read_at_message_delays_nothing_before(setup):
    d = setup.dns(LISTED)
    d.hold("1.2.0.192.zen.example")
    s = setup.sluice(config('dnsbl zen.example {\n weight 5\n test_points no\n }\nauthentication_results no\n'
                            'at mail { rule n reject "no" when mail.null }\nat message { rule r reject "listed" when dnsbl.weight >= 5 }', d))
    m = setup.milter(s)
    m.connect()
    net.wait_for(lambda: ("1.2.0.192.zen.example", "A") in d.asked, "the question, at connect")
    assert m.helo().kind == m.mail().kind == m.rcpt().kind == CONTINUE
    m.data()
    m.header("Subject", "t")
    d.release()
    answer = m.end_of_message()
    assert answer.kind == REPLY and "listed" in answer.text


def test_checks_that_nobody_reads_do_not_run(setup):
    d = setup.dns(NAMES)
    s = setup.sluice(config("authentication_results no\ndnsbl zen.example {\n weight 5\n test_points no\n }", d))
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    assert d.asked == [] and last(s)["checks"] == {}


# ---- side by side ----

def test_many_lists_are_asked_side_by_side(setup):
    names = {f"1.2.0.192.list{i}.example" for i in range(8)}
    d = setup.dns({(name, "A"): ["127.0.0.2"] for name in names})
    d.hold(*names)
    blocks = "".join(f"dnsbl list{i}.example {{\n weight 1\n test_points no\n }}\n" for i in range(8))
    s = setup.sluice(config(blocks + 'authentication_results no\nat connect { rule r reject "{dnsbl.weight}" when dnsbl.weight >= 8 }', d))
    m = setup.milter(s)
    m.connect()
    net.wait_for(lambda: names <= {name for name, _ in d.asked}, "all questions, before any answer")
    d.release()
    answer = m.helo()
    assert answer.kind == REPLY and " 8 (ref=" in answer.text


def test_checks_wait_side_by_side(setup):
    """PTR, a DNSBL, SPF of HELO and SPF of MAIL FROM: all on their way before one of them is answered."""
    d = setup.dns(LISTED)
    first = {("1.2.0.192.zen.example", "A"), ("1.2.0.192.in-addr.arpa", "PTR"), ("mail.example.net", "TXT"), ("example.net", "TXT")}
    d.hold(*[name for name, _ in first])
    s = setup.sluice(config("dnsbl zen.example {\n weight 5\n test_points no\n }\nat message { rule l score 1 when dnsbl.weight >= 1 }", d))
    m = setup.milter(s)
    m.greet()
    m.mail()
    net.wait_for(lambda: first <= set(d.asked), "all questions, before any answer")
    d.release()
    m.rcpt()
    end = m.content()
    assert end.kind == CONTINUE and "spf=fail" in end.edits[-1][3] and last(s)["score"] == 1


def test_slow_connections_do_not_hold_up_others(setup):
    """All at the same moment, and more of them than there are threads to begin with."""
    names = [f"slow{i}.example.net" for i in range(30)]
    d = setup.dns({**NAMES, **{(name, "TXT"): ["v=spf1 -all"] for name in names}})
    d.hold(*names)
    s = setup.sluice(config('at rcpt { rule r reject "no" when spf.domain matches "slow*" and spf.result == fail }', d))

    def threads():
        return len(os.listdir(f"/proc/{s.process.pid}/task"))

    m = setup.milter(s)
    settled = threads()
    slow = [setup.milter(s) for _ in names]
    for each, name in zip(slow, names):
        each.greet()
        each.mail(f"<a@{name}>")
    for each in slow:
        each.send(b"R", b"<u@example.org>\0")
    m.greet()
    assert m.message().kind == CONTINUE
    net.wait_for(lambda: all((name, "TXT") in d.asked for name in names), "all to wait")
    assert m.message().kind == CONTINUE
    assert threads() > settled + len(names) / 2, "one for each that waits"
    d.release()
    for each in slow:
        assert each.answer().kind == REPLY
        each.quit()
    net.wait_for(lambda: threads() <= settled, "those that are too many to end")
    assert m.message().kind == CONTINUE, "and no more than those"


# ---- asking less ----

def test_the_same_question_is_asked_once(setup):
    d = setup.dns(NAMES)
    s = setup.sluice(config("", d))
    for _ in range(3):
        m = setup.milter(s)
        m.greet()
        assert m.message().kind == CONTINUE
        assert m.message().kind == CONTINUE
    assert d.asked.count(("example.net", "TXT")) == 1
    assert d.asked.count(("1.2.0.192.in-addr.arpa", "PTR")) == 1
    assert int(s.status()["dns_cache_hits"]) >= 5
    answer = next(a for a in last(s)["answers"] if a["name"] == "example.net" and a["type"] == "TXT")
    assert answer["source"] == "cache"


def test_what_does_not_exist_is_remembered_too(setup):
    d = setup.dns({})
    s = setup.sluice(config("", d))
    for _ in range(2):
        m = setup.milter(s)
        m.greet()
        assert m.message().kind == CONTINUE
    assert d.asked.count(("example.net", "TXT")) <= 2, "NXDOMAIN without a SOA may be kept or not"


def test_questions_are_limited(setup):
    zones = [f"list{i}.example" for i in range(20)]
    zone = "".join(f"1.2.0.192.{name} A 127.0.0.2\n" for name in zones)
    blocks = "".join(f"dnsbl {name} {{ weight 1\n }}\n" for name in zones)
    s = setup.sluice(config(blocks + 'max_questions 5\nauthentication_results no\nat connect { rule r reject "{dnsbl.weight}" when dnsbl.weight >= 1 }'), zone)
    m = setup.milter(s)
    m.connect()
    answer = m.helo()
    assert answer.kind == REPLY and " 5 (ref=" in answer.text
    sources = [a["source"] for a in last(s)["answers"]]
    assert sources.count("local") == 5 and sources.count("limit") == 15


@pytest.mark.parametrize("ttl, times", [(300, 1), (0, 2)])
def test_the_time_to_live_is_honoured(setup, ttl, times):
    d = setup.dns(NAMES, ttl=ttl)
    s = setup.sluice(config('at rcpt { rule r reject "no" when spf.result == pass }\nauthentication_results no', d))
    for _ in range(2):
        m = setup.milter(s)
        m.greet()
        assert m.message().kind == CONTINUE
    assert d.asked.count(("example.net", "TXT")) == times
