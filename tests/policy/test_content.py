# SPDX-License-Identifier: BSD-2-Clause
"""The shipped policy and what is in messages: good mail of all kinds goes through untouched, bad mail meets the rule that is for it."""
import pathlib
import re
import tempfile

import pytest
from support import mails, milter, sluice

RECORDS = {
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.net."],
    ("mail.example.net", "A"): ["192.0.2.1"],
    ("example.net", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("2.0.0.127.bl.example.net", "A"): ["127.0.0.2"],
    ("test.links.example.net", "A"): ["127.0.0.2"],
    ("bad.example.links.example.net", "A"): ["127.0.0.2"],
    ("worse.example.links.example.net", "A"): ["127.0.0.4"],
}
URIBL = "uribl links.example.net { answer 127.0.0.2 weight 3  answer 127.0.0.4 weight 8 }\n"
GOOD = list(mails.good())
WEIGHED = list(mails.weighed())
with tempfile.TemporaryDirectory() as folder:
    REFUSED = list(mails.refused(pathlib.Path(folder)))


@pytest.fixture(scope="module")
def gate(shared_setup):
    """The policy as it is shipped, with a DNS list of links, and real helpers."""
    names = shared_setup.dns(RECORDS)
    config = sluice.shipped(names.forward, extra=f'scan {{ helper "{sluice.SCAN}"  timeout 30s }}\n{URIBL}')
    return shared_setup.sluice(config.replace("stage_deadline 2s", "stage_deadline 60s"))


def send(gate, message):
    """What the stranger hears, and the case of it: a client with a good name and a good SPF."""
    head, body = message.split(b"\r\n\r\n", 1)
    fields = [f.split(":", 1) for f in re.split(r"\r\n(?![ \t])", head.decode("utf-8", "surrogateescape"))]
    with milter.Milter(gate.listen) as m:
        m.greet()
        answer = m.message(headers=[(name, value.removeprefix(" ")) for name, value in fields], body=body)
        m.quit()
    case = gate.explain(re.search(r"case=(\w+)", gate.cases()[-1]).group(1))
    assert case["facts"]["spf.result"] == "pass" and case["facts"].get("files.outcome", "done") == "done", case["facts"]
    return answer, case


def rules(case):
    return [rule["name"] for rule in case["rules"]]


def why(case):
    return rules(case), {n: v for n, v in case["facts"].items() if n.startswith(("headers.", "mime.", "files.", "url.")) and v not in (False, 0, [])}


def test_there_are_enough():
    assert len(GOOD) >= 160 and len(REFUSED) + len(WEIGHED) >= 40
    assert len({message for _, message in GOOD}) == len(GOOD)


@pytest.mark.parametrize("name, message", GOOD, ids=[name for name, _ in GOOD])
def test_good_mail_goes_through_untouched(gate, name, message):
    answer, case = send(gate, message)
    assert answer.kind != milter.REPLY and case["verdict"]["action"] == "accept", (answer, why(case))
    assert case["score"] < 5 and not {"suspicious", "spam"} & set(rules(case)), (case["score"], why(case))


@pytest.mark.parametrize("rule, name, message", REFUSED, ids=[f"{rule}: {name}" for rule, name, _ in REFUSED])
def test_bad_mail_is_refused(gate, rule, name, message):
    answer, case = send(gate, message)
    assert case["verdict"]["rule"] == rule and answer.code == 554, (answer, why(case))
    assert len(answer.text) < 512


@pytest.mark.parametrize("rule, name, message", WEIGHED, ids=[f"{rule}: {name}" for rule, name, _ in WEIGHED])
def test_odd_mail_has_points(gate, rule, name, message):
    answer, case = send(gate, message)
    assert rule in rules(case) and case["verdict"]["action"] == "accept", (answer, why(case))


def test_several_odd_things_are_suspicious(gate):
    page = '<a href="http://3232235777/a">https://www.bank.example/</a>'
    answer, case = send(gate, mails.octets(mails.written(page, "html", author='"boss@example.org" <x@example.net>')))
    assert rules(case)[-1] == "suspicious" and answer.kind != milter.REPLY


@pytest.mark.parametrize("author, suspicious", [("Bank <a@bank.example>, x@example.net", True), ("<a@bank.example> <x@example.net>", True), ("a@bank.example, x", True),
                                                ("a@example.net, x@example.net", False)])
def test_an_author_who_cannot_be_asked_is_suspicious(gate, author, suspicious):
    answer, case = send(gate, mails.octets(mails.written("hello\n", author=author)))
    assert answer.kind != milter.REPLY and ({"dmarc-nobody", "suspicious"} <= set(rules(case))) == suspicious, why(case)


@pytest.mark.parametrize("link, rule", [("https://bad.example/", "uribl-some"), ("https://worse.example/", "uribl-heavy"), ("https://good.example/", None)])
def test_links_that_are_listed(gate, link, rule):
    answer, case = send(gate, mails.octets(mails.written(f"see {link}\n")))
    assert [r for r in rules(case) if r.startswith("uribl")] == ([rule] if rule else []), why(case)
    assert answer.code == (554 if rule == "uribl-heavy" else 0)


def test_no_single_rule_makes_mail_suspicious():
    said = (sluice.TOP / "rules/content.conf").read_text()
    points = [int(n) for n in re.findall(r"(?m)^ +rule \S+ +score +(\d+)", said)]
    assert len(points) > 20 and max(points) < 5


def test_each_rule_has_its_mail():
    said = (sluice.TOP / "rules/content.conf").read_text()
    assert set(re.findall(r"(?m)^ +rule (\S+)", said)) == {rule for rule, _, _ in REFUSED + WEIGHED} | {"uribl-heavy", "uribl-some"}
