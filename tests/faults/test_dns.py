# SPDX-License-Identifier: BSD-2-Clause
"""A DNS that fails, in each way there is: mail goes on as the policy says, in time, and no lie is believed."""
import time

import pytest
from support import dkim_sender, lying_dns, net, sluice
from support.milter import CONTINUE, REPLY

RECORDS = {
    ("example.net", "TXT"): ["v=spf1 -all"],
    ("sel._domainkey.example.net", "TXT"): [dkim_sender.quoted(dkim_sender.rsa().record)],
    ("_dmarc.example.net", "TXT"): ["v=DMARC1; p=reject"],
    ("1.2.0.192.bl.example", "A"): ["127.0.0.2"],
    ("other.example", "TXT"): [lying_dns.LIE],
}
CONFIG = """authserv_id mx.example.org
stage_deadline {deadline}
dns {{
 forward {forward}
 timeout {timeout}
}}
dnsbl bl.example {{
 weight 8
 test_points no
}}
at message {{
 rule listed tag "listed" when dnsbl.weight >= 8
 {rules}
}}
"""
PUT_OFF = 'rule later tempfail "451 4.7.1 the DNS says nothing of {mail.domain}" when spf.result == temperror'
SIGNED = dkim_sender.sign(canon="simple/simple")


@pytest.fixture
def start(setup):
    servers = []

    def begin(lie=None, rules="", timeout="300ms", deadline="5s", **kwargs):
        server = lying_dns.Server(RECORDS, lie=lie, **kwargs)
        servers.append(server)
        return server, setup.sluice(CONFIG.format(forward=server.forward, rules=rules, timeout=timeout, deadline=deadline))
    yield begin
    for server in servers:
        server.stop()


def send(setup, s):
    """A signed message of a client that is listed: the answer to its end, the case, and how long each step took at most."""
    m = setup.milter(s)
    steps = [lambda: m.greet("192.0.2.1"), m.mail, m.rcpt, lambda: m.content(headers=headers(SIGNED), body=SIGNED.split(b"\r\n\r\n", 1)[1])]
    longest, answer = 0, None
    for step in steps:
        began = time.monotonic()
        answer = step()
        longest = max(longest, time.monotonic() - began)
        assert answer.kind == CONTINUE or step is steps[-1], answer
    m.sock.close()
    case = s.explain(net.wait_for(s.cases, "the case")[-1].split("case=")[1].split()[0])
    return answer, case, longest


def headers(octets):
    fields = octets.split(b"\r\n\r\n", 1)[0].replace(b"\r\n\t", b"\n\t").replace(b"\r\n ", b"\n ").split(b"\r\n")
    return [(name.decode(), value.decode()) for name, value in (field.split(b":", 1) for field in fields)]


def results(case):
    facts = case["facts"]
    return facts.get("spf.result"), facts.get("dkim.result"), facts.get("dmarc.result")


TRUTH = ("fail", "pass", "pass")
NOTHING = ("temperror", "temperror", "temperror")


def test_the_truth(setup, start):
    """What the others are compared with."""
    _, s = start()
    answer, case, _ = send(setup, s)
    assert answer.kind == CONTINUE and results(case) == TRUTH and case["facts"]["dnsbl.weight"] == 8
    assert s.status()["dns_failed"] == "0"


FAULTS = ["silent", "SERVFAIL", "truncated", "wrong_id", "wrong_name", "wrong_port", "wrong_address", "garbage", "question", "loop"]


def break_(server, fault):
    if fault == "silent":
        server.silent = True
    elif fault == "SERVFAIL":
        server.records = dict.fromkeys(RECORDS, "SERVFAIL")
    else:
        server.lie = fault


@pytest.mark.parametrize("fault", FAULTS)
def test_no_answer_is_a_temperror_and_mail_goes_on(setup, start, fault):
    server, s = start()
    break_(server, fault)
    answer, case, longest = send(setup, s)
    assert answer.kind == CONTINUE, "nothing is refused for it"
    assert results(case) == NOTHING and case["facts"].get("dnsbl.weight", 0) == 0, case["facts"]
    assert "spf=temperror" in str(answer.edits) and "dkim=temperror" in str(answer.edits)
    assert longest < 5 + 10
    assert int(s.status()["dns_failed"]) > 0 and s.status()["faults"] == "0"


@pytest.mark.parametrize("fault", FAULTS)
def test_the_policy_may_put_it_off_and_never_does_for_long(setup, start, fault):
    server, s = start(rules=PUT_OFF)
    break_(server, fault)
    answer, _, _ = send(setup, s)
    assert answer.kind == REPLY and answer.code == 451 and "the DNS says nothing of example.net" in answer.text
    server.silent, server.lie, server.records = False, None, RECORDS

    def well():
        answer, case, _ = send(setup, s)
        return answer.kind == CONTINUE and results(case) == TRUTH
    net.wait_for(well, "answers to be believed again")  # a failure is kept for a moment


@pytest.mark.parametrize("lie", ["wrong_id", "wrong_port", "wrong_address"])
def test_the_truth_behind_a_lie_is_found(setup, start, lie):
    """What comes from elsewhere, or to no question, changes nothing."""
    _, s = start(lie=lie, then_truth=True, timeout="10s", deadline="20s")
    answer, case, _ = send(setup, s)
    assert answer.kind == CONTINUE and results(case) == TRUTH and case["facts"]["dnsbl.weight"] == 8


def test_what_is_truncated_is_had_over_tcp(setup, start):
    server, s = start(lie="truncated", tcp=True, timeout="10s", deadline="20s")
    _, case, _ = send(setup, s)
    assert results(case) == TRUTH and server.tcp_asked > 0


@pytest.mark.parametrize("delay_s, timeout, want", [(0.3, "20s", TRUTH), (3, "300ms", NOTHING)])
def test_slow_answers(setup, start, delay_s, timeout, want):
    """Within the time of a question they count; beyond it nobody waits for them."""
    _, s = start(delay_s=delay_s, timeout=timeout, deadline="30s")
    answer, case, longest = send(setup, s)
    assert answer.kind == CONTINUE and results(case) == want
    if want is NOTHING:
        assert longest < 30, "each question ends by itself, before the stage's deadline"


def test_the_operator_is_told_once_each_way(setup, start):
    server, s = start(timeout="100ms")
    server.records = {}

    def message(domain):
        m = setup.milter(s)
        m.greet(helo=f"mail.{domain}")
        assert m.message(f"<a@{domain}>").kind == CONTINUE
        m.sock.close()
    for i in range(3):
        message(f"before{i}.example")
    assert "DNS" not in s.log() and s.status()["dns"] == "works"
    server.silent = True
    numbers = iter(range(10000))

    def until(condition, what):
        def one_more():
            message(f"n{next(numbers)}.example")
            return condition()
        net.wait_for(one_more, what)
    until(lambda: "sluiced: the DNS does not answer: of the last questions none was answered: is one of the servers that 'dns { forward }' names up" in s.log(), "the log to say so")
    for _ in range(3):
        message(f"n{next(numbers)}.example")
    assert s.status()["dns"] == "does not answer" and "sluice_dns_working 0" in s.ctl("metrics").stdout
    server.silent = False
    until(lambda: "sluiced: the DNS answers again" in s.log(), "the log to say so")
    message("after.example")
    assert s.log().count("the DNS does not answer") == s.log().count("the DNS answers again") == 1
    assert s.status()["dns"] == "works" and "sluice_dns_working 1" in s.ctl("metrics").stdout
