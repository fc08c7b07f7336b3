# SPDX-License-Identifier: BSD-2-Clause
"""DMARC over the milter socket: who vouches for the domain in From, what it asks for, and what cannot be found out."""
import json
import re
import threading

import pytest
from support import dkim_sender, net, sluice
from support.dkim_sender import rsa, sign
from support.milter import CONTINUE, REPLY

CONF = """authserv_id mx.example.org
stage_deadline {deadline}
dns {{
 forward {forward}
 timeout 10s
 dnssec no
}}
{more}
at message {{ rule dmarc-reject reject "550 5.7.1 {{from.domain}} asks to refuse this" when dmarc.disposition == reject }}
"""
GOOD, STRANGE = "192.0.2.1", "198.51.100.7"
REJECT = "v=DMARC1; p=reject"
KEY = dkim_sender.quoted(rsa().record)
RECORDS = {
    ("example.net", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.example.net", "TXT"): [REJECT + "; sp=quarantine; np=reject; rua=mailto:a@example.net"],
    ("mail.example.net", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("sub.example.net", "TXT"): ["nothing of ours"],
    ("sel._domainkey.example.net", "TXT"): [KEY],
    ("sel._domainkey.mail.example.net", "TXT"): [KEY],
    ("sel._domainkey.other.example", "TXT"): [KEY],
    ("other.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("strict.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.strict.example", "TXT"): [REJECT + "; adkim=s; aspf=s"],
    ("mail.strict.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("sel._domainkey.strict.example", "TXT"): [KEY],
    ("sel._domainkey.mail.strict.example", "TXT"): [KEY],
    ("_dmarc.tests.example", "TXT"): [REJECT + "; t=y"],
    ("_dmarc.soft.example", "TXT"): ["v=DMARC1; p=quarantine; pct=0"],
    ("_dmarc.watch.example", "TXT"): ["v=DMARC1; p=none"],
    ("_dmarc.two.example", "TXT"): [REJECT, REJECT + "; sp=none"],
    ("_dmarc.bad.example", "TXT"): ["v=DMARC1; p=rejekt"],
    ("_dmarc.xn--bcher-kva.example", "TXT"): [REJECT],
    ("uk.com", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.uk.com", "TXT"): ["v=DMARC1; p=none; psd=y"],
    ("_dmarc.bank.uk.com", "TXT"): [REJECT],
    ("sel._domainkey.uk.com", "TXT"): [KEY],
    ("sel._domainkey.evil.uk.com", "TXT"): [KEY],
    ("_dmarc.fails.example", "TXT"): "SERVFAIL",
    ("_dmarc.silent.example", "TXT"): "TIMEOUT",
    ("_dmarc.up.fails-above.example", "TXT"): [REJECT],
    ("_dmarc.fails-above.example", "TXT"): "SERVFAIL",
    ("spf-silent.example", "TXT"): "TIMEOUT",
    ("_dmarc.spf-silent.example", "TXT"): [REJECT],
    ("_dmarc.key-silent.example", "TXT"): [REJECT],
    ("sel._domainkey.key-silent.example", "TXT"): "TIMEOUT",
}


def message(author, fields=b""):
    return fields + f"From: {author}\r\nTo: u@example.org\r\nSubject: hello\r\n\r\nbody\r\n".encode()


class Gate:
    def __init__(self, setup, records=None, deadline="2s", more=""):
        self.setup = setup
        self.dns = setup.dns(RECORDS if records is None else records)
        self.sluice = setup.sluice(CONF.format(forward=self.dns.forward, deadline=deadline, more=more))

    def begin(self, content, client=STRANGE, sender="<>", helo="host.invalid", macros=None):
        m = self.setup.milter(self.sluice, macros=macros)
        m.greet(client, helo=helo)
        assert m.mail(sender).kind == m.rcpt().kind == CONTINUE
        fields, body = dkim_sender.split(content)
        m.data()
        for name, value in fields:
            m.raw_header(name, value)
        m.end_of_headers()
        m.body(body)
        return m

    def end(self, m):
        cases = len(self.sluice.cases())
        answer = m.end_of_message()
        net.wait_for(lambda: len(self.sluice.cases()) > cases, "the case")
        m.quit()
        facts = self.sluice.explain(self.sluice.cases()[-1].split("case=")[1].split()[0])["facts"]
        header = next((edit[3] for edit in answer.edits if edit[0] == "insert" and edit[2] == "Authentication-Results"), "")
        return answer, facts, re.findall(r"dmarc=[^;]*", re.sub(r"\s+", " ", header))

    def send(self, content, **how):
        return self.end(self.begin(content, **how))


@pytest.fixture(scope="module")
def gate(shared_setup):
    return Gate(shared_setup)


# author, MAIL FROM, client, signed by; result, disposition, policy, SPF aligned, DKIM aligned
ROWS = [
    ("a@example.net", "a@example.net", GOOD, (), "pass", "none", "reject", True, False),
    ("a@EXAMPLE.NET", "a@Example.Net", GOOD, (), "pass", "none", "reject", True, False),
    ("a@example.net", "a@mail.example.net", GOOD, (), "pass", "none", "reject", True, False),
    ("a@sub.example.net", "a@mail.example.net", GOOD, (), "pass", "none", "quarantine", True, False),
    ("a@example.net", "a@other.example", GOOD, (), "fail", "reject", "reject", False, False),
    ("a@example.net", "a@example.net", STRANGE, (), "fail", "reject", "reject", False, False),
    ("a@example.net", "a@example.net", STRANGE, ("example.net",), "pass", "none", "reject", False, True),
    ("a@example.net", "a@example.net", STRANGE, ("mail.example.net",), "pass", "none", "reject", False, True),
    ("a@example.net", "a@other.example", GOOD, ("other.example",), "fail", "reject", "reject", False, False),
    ("a@example.net", "a@other.example", GOOD, ("other.example", "example.net"), "pass", "none", "reject", False, True),
    ("a@example.net", "", STRANGE, (), "fail", "reject", "reject", False, False),
    ("a@sub.example.net", "a@other.example", GOOD, (), "fail", "quarantine", "quarantine", False, False),
    ("a@gone.example.net", "a@other.example", GOOD, (), "fail", "reject", "reject", False, False),
    ("a@strict.example", "a@strict.example", GOOD, (), "pass", "none", "reject", True, False),
    ("a@strict.example", "a@mail.strict.example", GOOD, ("mail.strict.example",), "fail", "reject", "reject", False, False),
    ("a@strict.example", "a@mail.strict.example", GOOD, ("strict.example",), "pass", "none", "reject", False, True),
    ("a@tests.example", "a@other.example", GOOD, (), "fail", "quarantine", "reject", False, False),
    ("a@soft.example", "a@other.example", GOOD, (), "fail", "quarantine", "quarantine", False, False),
    ("a@watch.example", "a@other.example", GOOD, (), "fail", "none", "none", False, False),
    ("a@two.example", "a@other.example", GOOD, (), "none", "none", None, None, None),
    ("a@bad.example", "a@other.example", GOOD, (), "none", "none", None, False, False),
    ("a@other.example", "a@other.example", GOOD, (), "none", "none", None, None, None),
    ("a@bücher.example", "a@other.example", GOOD, (), "fail", "reject", "reject", False, False),
    ("a@BÜCHER.example", "a@bücher.example", GOOD, (), "fail", "reject", "reject", False, False),
    ("a@xn--bcher-kva.example", "a@other.example", GOOD, (), "fail", "reject", "reject", False, False),
    # names below a public suffix
    ("a@bank.uk.com", "a@uk.com", GOOD, ("uk.com", "evil.uk.com"), "fail", "reject", "reject", False, False),
    ("a@uk.com", "a@other.example", GOOD, ("evil.uk.com",), "fail", "none", "none", False, False),
    # what the DNS does not say
    ("a@fails.example", "a@fails.example", GOOD, (), "temperror", None, None, None, None),
    ("a@up.fails-above.example", "a@other.example", GOOD, (), "temperror", None, "reject", None, False),
]


@pytest.mark.parametrize("author, sender, client, signers, result, disposition, policy, spf, dkim", ROWS)
def test_who_vouches_for_the_author(gate, author, sender, client, signers, result, disposition, policy, spf, dkim):
    content = message(author)
    for domain in signers:
        content = sign(content, domain=domain)
    answer, facts, authres = gate.send(content, client=client, sender=f"<{sender}>")
    assert [facts.get(f"dmarc.{name}") for name in ("result", "disposition", "policy", "spf_aligned", "dkim_aligned")] == [
        result, disposition, policy, spf, dkim], facts
    assert facts["dmarc.outcome"] == ("temperror" if result == "temperror" else "done")
    if disposition == "reject":
        assert (answer.kind, answer.code) == (REPLY, 550) and "asks to refuse this" in answer.text
    else:
        assert answer.kind == CONTINUE and len(authres) == 1 and authres[0].startswith(f"dmarc={result}")


def test_what_is_said_of_a_message(gate):
    _, facts, authres = gate.send(message("a@sub.example.net"), client=GOOD, sender="<a@other.example>")
    assert authres == ['dmarc=fail reason="neither SPF nor DKIM vouches for the domain" header.from=sub.example.net policy.dmarc=quarantine']
    assert facts["dmarc.policy_domain"] == facts["dmarc.org_domain"] == "example.net"
    assert facts["dmarc.record"] == RECORDS["_dmarc.example.net", "TXT"][0]
    assert facts["dmarc.walk"] == ["_dmarc.sub.example.net", "_dmarc.example.net", "_dmarc.net"]
    assert facts["dmarc.testing"] is False
    assert gate.send(message("a@tests.example"))[1]["dmarc.testing"] is True
    assert gate.send(message("a@other.example"))[2] == ["dmarc=none header.from=other.example"]


def test_the_helo_name_vouches_for_a_bounce(gate):
    for helo, result in (("mail.example.net", "pass"), ("other.example", "fail")):
        assert gate.send(message("a@example.net"), client=GOOD, sender="<>", helo=helo)[1]["dmarc.result"] == result


HUNDRED = ", ".join(f"a{i}@example.net" for i in range(100))
AUTHORS = [
    ("none", b"", "From has no address"),
    ("empty", b"From: \r\n", "From has no address"),
    ("two", b"From: a@example.net, b@other.example\r\n", "From has addresses of several domains"),
    ("two, and one below", b"From: a@example.net, b@example.net, c@sub.example.net\r\n", "From has addresses of several domains"),
    ("two fields", b"From: a@example.net\r\nFrom: b@other.example\r\n", "From has addresses of several domains"),
    ("a hundred and one", f"From: {HUNDRED}, a@other.example\r\n".encode(), "From has addresses of several domains"),
    ("a group of nobody", b"From: undisclosed:;\r\n", "From has no address"),
    ("a group of two", b"From: us: a@example.net, b@other.example;\r\n", "From has addresses of several domains"),
    ("one of a domain and one of none", b"From: a@example.net, b@[192.0.2.1]\r\n", "an address in From is of no domain"),
    ("no domain", b"From: root\r\n", "From cannot be read"),
    ("an address behind an address", b"From: <a@example.net> <b@other.example>\r\n", "From cannot be read"),
    ("an address literal", b"From: a@[192.0.2.1]\r\n", "an address in From is of no domain"),
    ("no name of the DNS", b"From: a@example..net\r\n", None),
    ("8 bits of nothing", b"From: a@\xff\xfe.example\r\n", None),
]


@pytest.mark.parametrize("name, fields, why", AUTHORS, ids=[row[0] for row in AUTHORS])
def test_without_one_domain_nothing_passes(gate, name, fields, why):
    answer, facts, authres = gate.send(fields + b"Subject: x\r\n\r\nbody\r\n", client=GOOD, sender="<a@example.net>")
    assert (facts["dmarc.result"], facts["dmarc.disposition"], answer.kind) == ("permerror", "none", CONTINUE)
    assert len(authres) == 1 and "header.from" not in authres[0]
    assert authres[0].startswith(f'dmarc=permerror reason="{why}"' if why else "dmarc=permerror")


@pytest.mark.parametrize("fields", [
    b"From: a@example.net, b@example.net\r\n", b"From: a@example.net, b@EXAMPLE.net\r\n", b"From: us: a@example.net, b@example.net;\r\n",
    b"From: a@example.net\r\nFROM: b@example.net\r\n", f"From: {HUNDRED}\r\n".encode()])
def test_several_authors_of_one_domain_are_asked_for_by_it(gate, fields):
    """5.3.1: what counts is the domain. Else a second address would be all that it takes to write in somebody's name."""
    content = fields + b"Subject: x\r\n\r\nbody\r\n"
    answer, facts, authres = gate.send(content, client=STRANGE, sender="<a@example.net>")
    assert (facts["dmarc.result"], facts["from.domain"], answer.kind) == ("fail", "example.net", REPLY) and "from.address" not in facts
    assert answer.text.startswith("550 5.7.1 example.net asks to refuse this")
    answer, facts, authres = gate.send(content, client=GOOD, sender="<a@example.net>")
    assert (facts["dmarc.result"], answer.kind, authres) == ("pass", CONTINUE, ["dmarc=pass header.from=example.net policy.dmarc=reject"])


@pytest.mark.parametrize("author, domain", [
    ('"a@other.example" <x@example.net>', "example.net"),
    ('"Ann, of the bank" <x@example.net>', "example.net"),
    ("a@other.example (not) <x@example.net>", "example.net"),
    ("(a@other.example) x@example.net (b@other.example)", "example.net"),
    ('"a@other.example\\" <" <x@example.net>', "example.net"),
    ('"x@other.example"@example.net', "example.net"),
    ("=?utf-8?q?a=40other.example?= <x@example.net>", "example.net"),
    ("us: x@example.net;", "example.net"),
    ("x@example.net.", "example.net"),
    ("Ann\r\n <x@\r\n example.net>", "example.net"),
])
def test_names_that_are_shown_are_no_authors(gate, author, domain):
    _, facts, _ = gate.send(message(author), sender="<a@other.example>")
    assert (facts["dmarc.result"], facts["dmarc.org_domain"]) == ("fail", domain)


def test_users_and_this_machine_are_not_asked(gate):
    _, facts, authres = gate.send(message("a@example.net"), macros={"M": {"auth_authen": "alice"}})
    assert facts["dmarc.outcome"] == "skipped" and "dmarc.result" not in facts and not authres


# ---- the DNS ----

@pytest.mark.parametrize("author, sender, signed, result", [
    ("a@silent.example", "a@other.example", False, "temperror"),
    ("a@spf-silent.example", "a@spf-silent.example", False, "temperror"),
    ("a@spf-silent.example", "a@other.example", False, "fail"),
    ("a@key-silent.example", "a@other.example", True, "temperror"),
    ("a@key-silent.example", "a@other.example", False, "fail"),
])
def test_silence_refuses_nobody(setup, author, sender, signed, result):
    gate = Gate(setup, deadline="500ms")
    content = sign(message(author), domain=author[2:]) if signed else message(author)
    answer, facts, _ = gate.send(content, client=GOOD, sender=f"<{sender}>")
    assert facts["dmarc.result"] == result
    assert (answer.kind == REPLY) == (result == "fail")


def test_all_questions_are_asked_in_one_round_while_the_body_comes(setup):
    gate = Gate(setup, deadline="20s")
    names = {"_dmarc.sub.example.net", "_dmarc.example.net", "_dmarc.net", "_dmarc.mail.example.net", "sel._domainkey.mail.example.net",
             "sub.example.net"}
    gate.dns.hold(*names)
    m = gate.begin(sign(message("a@sub.example.net"), domain="mail.example.net"), sender="<a@mail.example.net>")
    net.wait_for(lambda: names <= {name for name, _ in gate.dns.asked}, "all questions")
    asked = len(gate.dns.asked)
    gate.dns.release()
    _, facts, _ = gate.end(m)
    assert facts["dmarc.result"] == "pass" and facts["dmarc.dkim_aligned"] is True
    assert len(gate.dns.asked) == asked


@pytest.mark.parametrize("held", ["mail.example.net", "sel._domainkey.example.net", "_dmarc.net"])
def test_who_comes_last_is_waited_for(setup, held):
    gate = Gate(setup, deadline="20s")
    gate.dns.hold(held)
    m = gate.begin(sign(message("a@example.net"), domain="example.net"), client=GOOD, sender="<a@mail.example.net>")
    net.wait_for(lambda: held in {name for name, _ in gate.dns.asked}, "the question")
    threading.Timer(0.3, gate.dns.release).start()
    _, facts, _ = gate.end(m)
    assert (facts["dmarc.result"], facts["dmarc.spf_aligned"], facts["dmarc.dkim_aligned"]) == ("pass", True, True)


def test_a_name_of_many_labels_costs_eight_questions(gate):
    author = "a@" + "x." * 60 + "example.net"
    _, facts, _ = gate.send(message(author), sender="<a@other.example>")
    assert facts["dmarc.result"] == "fail" and len(facts["dmarc.walk"]) == 8
    assert facts["dmarc.walk"][1] == "_dmarc.x.x.x.x.x.example.net"


# ---- settings ----

def test_the_public_suffix_list_says_where_a_domain_ends(setup):
    records = {name: value for name, value in RECORDS.items() if name[0] != "_dmarc.uk.com"}
    gate = Gate(setup, records, more="dmarc { discovery psl }")
    for author, domain, result, org in [("bank.uk.com", "uk.com", "fail", "bank.uk.com"), ("bank.uk.com", "evil.uk.com", "fail", "bank.uk.com"),
                                        ("sub.example.net", "mail.example.net", "pass", "example.net")]:
        _, facts, _ = gate.send(sign(message(f"a@{author}"), domain=domain), sender="<>")
        assert (facts["dmarc.result"], facts["dmarc.org_domain"]) == (result, org)
    assert facts["dmarc.walk"] == ["_dmarc.sub.example.net", "_dmarc.example.net"]


def test_one_way_of_discovery(tmp_path):
    (tmp_path / "sluice.conf").write_text(sluice.plugin_lines() + "dmarc { discovery [treewalk psl] }\n")
    done = sluice.ctl("config", "check", "-c", tmp_path / "sluice.conf")
    assert done.returncode == 78 and "discovery is one of treewalk and psl, not both" in done.stderr


def test_a_trial_shows_it(tmp_path):
    (tmp_path / "sluice.conf").write_text(sluice.plugin_lines() + "authserv_id mx.example.org\n")
    (tmp_path / "zone").write_text("_dmarc.example.net TXT v=DMARC1; p=reject\nexample.net TXT v=spf1 -all\n")
    done = sluice.ctl("check", "-c", tmp_path / "sluice.conf", "--zone", tmp_path / "zone", "--json", "--client=192.0.2.1", "--helo=x.example.net",
                      "--from=a@example.net", "--rcpt=u@example.org", "-", stdin=message("a@example.net"))
    facts = json.loads(done.stdout)["facts"]
    assert {name: value for name, value in facts.items() if name.startswith("dmarc.")} == {
        "dmarc.result": "fail", "dmarc.disposition": "reject", "dmarc.policy": "reject", "dmarc.policy_domain": "example.net",
        "dmarc.org_domain": "example.net", "dmarc.spf_aligned": False, "dmarc.dkim_aligned": False, "dmarc.record": "v=DMARC1; p=reject",
        "dmarc.walk": ["_dmarc.example.net", "_dmarc.net"], "dmarc.testing": False, "dmarc.outcome": "done"}


# ---- strangers whose SPF is much work ----

def long_spf(domain, *terms, hosts=10):
    """Ten mx of ten hosts each are what RFC 7208 4.6.4 allows: 111 questions."""
    records = {(domain, "TXT"): ["v=spf1 " + " ".join([f"mx:m{i}.{domain}" for i in range(hosts)] + list(terms)) + " -all"]}
    for i in range(hosts):
        records[f"m{i}.{domain}", "MX"] = [f"10 h{k}.m{i}.{domain}." for k in range(10)]
        records.update({(f"h{k}.m{i}.{domain}", "A"): ["203.0.113.1"] for k in range(10)})
    return records


# the first question beyond the limit is, in the second row, that of the author's policy
@pytest.mark.parametrize("of_sender", [long_spf("evil.example"), long_spf("evil.example", "include:_dmarc.bank.example", hosts=8)])
def test_a_long_spf_record_takes_nothing_from_the_authors_policy(tmp_path, of_sender):
    records = {**long_spf("helo.evil.example"), **of_sender, ("_dmarc.bank.example", "TXT"): [REJECT], ("bank.example", "TXT"): ["nothing"]}
    (tmp_path / "sluice.conf").write_text(sluice.plugin_lines() + 'at message { rule r reject "550 5.7.1 refused" when dmarc.disposition == reject }\n')
    (tmp_path / "zone").write_text("".join(f"{name} {kind} {value}\n" for (name, kind), values in records.items() for value in values))
    done = sluice.ctl("check", "-c", tmp_path / "sluice.conf", "--zone", tmp_path / "zone", "--json", "--client=198.51.100.9", "--helo=helo.evil.example",
                      "--from=a@evil.example", "--rcpt=u@example.org", "-", stdin=message("a@bank.example"))
    facts = json.loads(done.stdout)["facts"]
    assert (done.returncode, facts["dmarc.result"], facts["spf.result"]) == (20, "fail", "temperror")


def test_a_domain_that_answers_drop_by_drop_does_not_excuse_the_author(setup):
    records = {**long_spf("helo.evil.example"), **long_spf("evil.example"), ("_dmarc.bank.example", "TXT"): [REJECT], ("bank.example", "TXT"): ["nothing"]}
    gate = Gate(setup, records, deadline="20s", more="max_questions 1000")
    gate.dns.pace_s = 0.001
    answer, facts, _ = gate.send(message("a@bank.example"), sender="<a@evil.example>", helo="helo.evil.example")
    assert facts["dmarc.result"] == "fail" and (answer.kind, answer.code) == (REPLY, 550)
