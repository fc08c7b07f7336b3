# SPDX-License-Identifier: BSD-2-Clause
"""SPF as the DNS brings it: records in pieces and of any octets, questions side by side."""
import pytest
from support import net
from support.milter import CONTINUE

RECORDS = {("mail.example.net", "TXT"): ["v=none"]}
CONFIG = "stage_deadline 20s\nauthserv_id mx.example.org\ndns {{\n forward {}\n timeout 20s\n}}\n{}"
RULE = "at message { rule r score 1 when spf.result == fail }"


def last(s):
    line = net.wait_for(s.cases, "a case")[-1]
    return s.explain(line.split("case=")[1].split()[0])["facts"]


@pytest.mark.parametrize("txt, result", [
    (['"v=spf1 ip4:19" "2.0.2" "" ".1 -all"'], "pass"),
    (['"v=s" "pf1" " -all"'], "fail"),
    (['"v=spf1" "ip4:192.0.2.1"'], "none"),  # nothing comes between the strings
    (['"v=spf1 ip4:192.0.2.1 \\000 -all"'], "permerror"),
    (['"v=spf1 ip4:192.0.2.1 \\195\\164 -all"'], "permerror"),
    (['"v=spf1 ip4:192.0.2.1"', '"V=SPF1 -all"'], "permerror"),
    (['"v=spf1 ip4:192.0.2.1"', '"v=spf10 \\000"'], "pass"),
    (["v=spf1 " + '" "'.join(["ip4:198.51.100.1 "] * 60) + "ip4:192.0.2.1 -all"], "pass"),
])
def test_records_come_in_strings_of_any_octets(setup, txt, result):
    d = setup.dns({**RECORDS, ("example.net", "TXT"): txt})
    s = setup.sluice(CONFIG.format(d.forward, RULE))
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    assert last(s)["spf.result"] == result


def test_a_record_is_asked_for_side_by_side(setup):
    """What its includes are, who its hosts are, and why it refuses: all on their way before one of them is answered."""
    d = setup.dns({
        **RECORDS, ("example.net", "TXT"): ["v=spf1 include:a.example include:b.example mx a:c.example -all exp=why.example"],
        ("a.example", "TXT"): ["v=spf1 a:d.example"], ("b.example", "TXT"): ["v=spf1 exists:e.example"],
        ("example.net", "MX"): ["10 m1.example.", "20 m2.example."], ("why.example", "TXT"): ["so"],
        **{(f"{name}.example", "A"): ["198.51.100.1"] for name in ("c", "d", "m1", "m2")}})
    first = {("a.example", "TXT"), ("b.example", "TXT"), ("example.net", "MX"), ("c.example", "A"), ("why.example", "TXT")}
    second = {("d.example", "A"), ("e.example", "A"), ("m1.example", "A"), ("m2.example", "A")}
    d.hold(*(name for name, kind in first | second if kind != "MX"))
    s = setup.sluice(CONFIG.format(d.forward, RULE.replace("at message", "at rcpt")))
    m = setup.milter(s)
    m.greet()
    m.mail()
    m.send(b"R", b"<u@example.org>\0")
    net.wait_for(lambda: first | {("m1.example", "A"), ("m2.example", "A")} <= set(d.asked), "all questions that can be asked")
    assert not {("d.example", "A"), ("e.example", "A")} & set(d.asked)
    d.release()
    assert m.content().kind == CONTINUE
    facts = last(s)
    assert second <= set(d.asked)
    assert (facts["spf.result"], facts["spf.explanation"], facts["spf.lookups"], facts["spf.void_lookups"]) == ("fail", "so", 6, 1)
