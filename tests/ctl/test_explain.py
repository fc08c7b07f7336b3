# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl explain: the rules that were looked at, and what would have been without the one that decided."""
import re

import pytest

from support import sluice

ZONE = """1.2.0.192.in-addr.arpa PTR mail.example.net
mail.example.net A 192.0.2.1
example.net TXT v=spf1 ip4:192.0.2.1 -all
"""
CONF = """list local-domains domain [example.org]
list vip address [v@example.org]
role mx {{ when port != 587 }}
role submission {{ when port == 587 }}
state {{ lmdb "{state}" }}
at mail in mx {{ rule flood limit 100/1h by client.ip }}
at mail in submission {{ rule never reject "550 5.7.1 no" when spf.result == fail }}
at rcpt in mx {{
    rule no-relay reject "550 5.7.1 no" when relay.attempt
    rule vip score 1 when rcpt.address in vip
    rule grey greylist when score >= 100 or mail.null
}}
at message in mx {{
    rule many score 1 sample 100% when rcpt.count > 3 or (score > 50 and spf.result == pass)
    rule fail reject "550 5.7.1 {{from.domain}}: no" when spf.result == fail and not rcpt.count > 5
    rule odd tag "odd" when header.count == 4
    rule after reject "550 5.7.2 no" when spf.result == fail
}}
"""


def conf_for(setup):
    return CONF.format(state=setup.folder / "state").replace("score 1 sample 100%", "score 1")


def explained(s, ident):
    done = sluice.ctl("explain", "-c", s.conf, ident)
    assert done.returncode == 0, done.stderr
    return done.stdout


def missed(s, ident):
    return {(m["name"], m.get("recipient")): (m["why"], m["facts"]) for m in s.explain(ident)["missed"]}


def ref(answer):
    return answer.text.split("ref=")[1].rstrip(")")


@pytest.fixture
def daemon(setup):
    return setup.sluice(conf_for(setup), ZONE)


def test_each_rule_that_was_looked_at_says_why_it_did_not_match(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    answer = m.message(recipients=("<u@example.org>", "<v@example.org>"))
    assert answer.kind == "continue"
    case = re.search(r"case=(\w+)", daemon.cases()[-1]).group(1)
    found = missed(daemon, case)
    assert found[("flood", None)] == ("limit", {})
    assert found[("vip", "u@example.org")] == ("condition", {"rcpt.address": "u@example.org"}) and ("vip", "v@example.org") not in found
    assert found[("grey", "u@example.org")][1] == {"score": 0, "mail.null": False}
    assert found[("grey", "v@example.org")][1] == {"score": 1, "mail.null": False}
    assert found[("fail", None)] == ("condition", {"spf.result": "pass"})  # the first part that failed alone
    assert found[("many", None)][1] == {"rcpt.count": 2, "score": 1, "spf.result": "pass"}
    assert not [name for name, _ in found if name == "never"]  # another role
    text = explained(daemon, case)
    assert re.search(r"^  message  fail +spf.result is pass  \(.*sluice.conf:\d+\)$", text, re.M)
    assert re.search(r"^  mail     flood +under its limit  \(", text, re.M)
    assert "without it" not in text and "by now" not in text


def test_a_refused_recipient_has_its_own(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    m.mail()
    answer = m.rcpt("<x@elsewhere.example>")
    assert set(missed(daemon, ref(answer))) == {("flood", None)}  # the rule that refused was the first
    text = explained(daemon, ref(answer))
    assert "verdict     reject at rcpt, by rule no-relay" in text
    assert "without it  it would have gone on after rcpt; nobody knows what would have followed" in text
    text = explained(daemon, ref(m.rcpt("<y@elsewhere.example>")))
    assert "without it  not known: the configuration asks for what was not recorded" in text  # what the first one scored, if it had passed


def test_the_verdict_without_the_rule_that_decided(setup, daemon):
    m = setup.milter(daemon)
    m.greet("192.0.2.9")
    text = explained(daemon, ref(m.message()))
    assert re.search(r"^verdict     reject at message, by rule fail \(.*\)\nreply .*\nscore .*\nwithout it  reject at message, by rule after \(.*:\d+\)$", text, re.M)
    daemon.write(conf_for(setup).replace('rule after reject "550 5.7.2 no"', "rule after score 2"))
    text = explained(daemon, ref(m.message()))
    assert re.search(r"^without it  accept at message$", text, re.M)


def test_the_configuration_of_today_says_something_else(setup, daemon):
    m = setup.milter(daemon)
    m.greet("192.0.2.9")
    answer = m.message()
    daemon.write(conf_for(setup).replace("rule fail reject", "rule gone reject"))
    text = explained(daemon, ref(answer))
    assert "without it  not known: the configuration has no rule fail any more" in text
    assert re.search(r"^by now      reject at message, by rule gone \(", text, re.M)
    daemon.write("nonsense\n")
    assert "no rule fail any more" not in daemon.ctl("explain", ref(answer)).stdout  # by its socket alone: what is kept, and no more


def test_recipients_without_number_do_not_fill_the_case(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    m.mail()
    for i in range(400):
        m.rcpt(f"<u{i}@example.org>")
    answer = m.rcpt("<v@elsewhere.example>")
    own = {name for name, rcpt in missed(daemon, ref(answer)) if rcpt == "v@elsewhere.example"}
    assert own == set()
    m.rcpt("<last@example.org>")
    answer = m.content()
    case = re.search(r"case=(\w+)", daemon.cases()[-1]).group(1)
    found = missed(daemon, case)
    assert 500 < len(found) < 530 and ("fail", None) in found and ("vip", "u0@example.org") in found
