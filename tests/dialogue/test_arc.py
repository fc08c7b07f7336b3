# SPDX-License-Identifier: BSD-2-Clause
"""ARC over the milter socket: chains of others, right and wrong, and whose word counts."""
import re

import pytest
from support import arc_sender, dkim_sender
from support.arc_gate import CONF, KEYS, chain, send, zone
from support.arc_sender import seal
from support.dkim_sender import MESSAGE


@pytest.fixture
def gate(setup):
    s = setup.sluice(CONF, zone(KEYS))
    return lambda message, **how: send(setup, s, message, **how)


# ---- chains of others ----


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_what_others_have_sealed_passes(gate, count):
    message = chain(count)
    assert arc_sender.verdict(message, KEYS)[0] == "pass"
    seen = gate(message)
    assert (seen.cv, seen.why, seen.facts["arc.count"]) == ("pass", None, count)
    assert seen.facts["arc.chain"][0] == "i=1 d=list.example.net s=sel a=rsa-sha256 cv=none" and len(seen.facts["arc.chain"]) == count
    assert "arc=pass smtp.remote-ip=" in seen.authres


def test_no_chain(gate):
    seen = gate(MESSAGE)
    assert (seen.cv, seen.why, seen.facts["arc.count"], seen.facts["arc.trusted"]) == ("none", None, 0, False)


def field(message, name, i):
    """The field of a set, with its end."""
    return re.search(rb"(?m)^%s:(?:.*\r\n[ \t])*?[^\r]*\bi=%d\b(?:.*\r\n[ \t])*.*\r\n" % (name, i), message)[0]


def without(message, name, i):
    return message.replace(field(message, name, i), b"")


def twice(message, name, i):
    return field(message, name, i) + message


def other(message, name, i, old, new):
    f = field(message, name, i)
    assert old in f
    return message.replace(f, f.replace(old, new, 1))


AAR, AMS, AS = b"ARC-Authentication-Results", b"ARC-Message-Signature", b"ARC-Seal"


@pytest.mark.parametrize("change, why", [
    (lambda m: m.replace(b"Hello", b"Hallo"), "i=3: ARC-Message-Signature: the body is another than was signed"),
    (lambda m: m.replace(b"a  subject", b"another"), "i=3: ARC-Message-Signature: the signature does not fit the header"),
    (lambda m: without(m, AAR, 2), "i=2: there is no ARC-Authentication-Results"),
    (lambda m: without(m, AMS, 1), "i=1: there is no ARC-Message-Signature"),
    (lambda m: without(m, AS, 3), "i=3: there is no ARC-Seal"),
    (lambda m: without(without(without(m, AS, 2), AMS, 2), AAR, 2), "i=2: there is no ARC-Authentication-Results"),
    (lambda m: without(without(without(m, AS, 1), AMS, 1), AAR, 1), "i=1: there is no ARC-Authentication-Results"),
    (lambda m: twice(m, AAR, 1), "ARC-Authentication-Results: an instance is there twice"),
    (lambda m: twice(m, AMS, 3), "ARC-Message-Signature: an instance is there twice"),
    (lambda m: twice(m, AS, 2), "ARC-Seal: an instance is there twice"),
    (lambda m: other(m, AAR, 1, b"spf=pass", b"spf=fail"), "i=1: ARC-Seal: the signature does not fit the sets"),
    (lambda m: other(m, AS, 3, b"cv=pass", b"cv=none"), "i=3: cv=none cannot be"),
    (lambda m: other(m, AS, 1, b"cv=none", b"cv=pass"), "i=1: cv=pass cannot be"),
    (lambda m: other(m, AS, 2, b"cv=pass", b"cv=fail"), "i=2: the chain was broken when it came there"),
    (lambda m: other(m, AS, 2, b"cv=pass", b"cv=Pass"), "i=2: ARC-Seal: cv= is unknown"),
    (lambda m: other(m, AS, 3, b"s=sel", b"s=gone"), "i=3: ARC-Seal: there is no key"),
    (lambda m: other(m, AMS, 3, b"s=sel", b"s=gone"), "i=3: ARC-Message-Signature: there is no key"),
    (lambda m: b"ARC-Seal: i=51; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AAAA\r\n" + m, "ARC-Seal: i= is no instance"),
    (lambda m: b"ARC-Seal: i=0; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AAAA\r\n" + m, "ARC-Seal: i= is no instance"),
    (lambda m: b"ARC-Seal: i=-1; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AAAA\r\n" + m, "ARC-Seal: i= is no instance"),
    (lambda m: b"ARC-Authentication-Results: x.example; spf=pass\r\n" + m,
     "ARC-Authentication-Results: it does not begin with an instance (i=1;)"),
    (lambda m: b"ARC-Seal: \r\n" + m, "ARC-Seal: the field breaks the grammar"),
    (lambda m: b"ARC-Seal: a=rsa-sha256\r\n" + m, "ARC-Seal: no i= tag"),
    (lambda m: b"ARC-Message-Signature: i=4; a=rsa-sha256; h=from; " + b"x" * 50000 + b"\r\n" + m, "i=4: there is no ARC-Authentication-Results"),
])
def test_what_is_wrong_with_a_chain(gate, change, why):
    message = change(chain(3))
    assert message != chain(3)
    seen = gate(message)
    assert (seen.cv, seen.why[:len(why)]) == ("fail", why)
    assert "arc=fail" in seen.authres and seen.facts["arc.trusted"] is False


def test_a_key_that_cannot_be_looked_up(setup):
    records = {name: text if "forward" not in name else "SERVFAIL" for name, text in KEYS.items()}
    s = setup.sluice(CONF, zone(records).replace("TXT SERVFAIL", "TXT TIMEOUT").replace("stage_deadline 2s", ""))
    seen = send(setup, s, chain(2))
    assert (seen.cv, seen.facts["arc.outcome"]) == ("fail", "temperror") and "the look-up of the key takes too long" in seen.why


# ---- whose word counts ----


@pytest.mark.parametrize("domains, results, trusted, dmarc", [
    (["list.example.net"], "dmarc=pass header.from=example.net", True, "pass"),
    (["list.example.net"], "dkim=pass header.d=x.example; dmarc=fail (p=none) header.from=example.net", True, "fail"),
    (["list.example.net"], "spf=pass", True, None),
    (["forward.example.com"], "dmarc=pass header.from=example.net", False, None),
    (["list.example.net", "forward.example.com"], "dmarc=pass header.from=example.net", False, None),
    (["list.example.net", "third.example"], "dmarc=pass header.from=example.net", True, "pass"),
])
def test_only_trusted_sealers_are_believed(gate, domains, results, trusted, dmarc):
    message = MESSAGE
    for i, domain in enumerate(domains):
        message = seal(message, domain, cv="pass" if i else "none", results=results)
    seen = gate(message)
    assert (seen.cv, seen.facts["arc.trusted"], seen.facts.get("arc.dmarc")) == ("pass", trusted, dmarc)
    assert seen.facts.get("arc.dmarc_from") == ("example.net" if dmarc else None)


def test_who_sealed_behind_an_untrusted_one_knows_only_its_word(gate):
    message = seal(seal(MESSAGE, "list.example.net", results="dmarc=pass"), "forward.example.com", cv="pass", results="dmarc=pass")
    message = seal(message, "third.example", cv="pass", results="dmarc=fail")
    assert gate(message).facts["arc.dmarc"] == "fail"


@pytest.mark.parametrize("domains, results, lists, override", [
    ([], "", "", None),
    (["list.example.net"], "dmarc=pass header.from=example.net", "", "trusted_forwarder"),
    (["list.example.net"], "dmarc=pass header.from=EXAMPLE.net", "", "trusted_forwarder"),
    (["list.example.net"], "dmarc=pass", "", "trusted_forwarder"),
    (["list.example.net"], "dmarc=pass header.from=other.example", "", None),
    (["list.example.net"], "dmarc=fail header.from=example.net", "", None),
    (["forward.example.com"], "dmarc=pass header.from=example.net", "", None),
    ([], "", "list mailing-lists network [192.0.2.0/24]\n", "mailing_list"),
    ([], "", "list mailing-lists network [198.51.100.0/24]\n", None),
    ([], "", "list dmarc-exempt domain [example.net]\n", "local_policy"),
    ([], "", "list dmarc-exempt domain [other.example]\n", None),
])
def test_what_a_policy_asks_for_is_overridden(setup, domains, results, lists, override):
    message = MESSAGE
    for domain in domains:
        message = seal(message, domain, results=results)
    records = {(name, "TXT"): [dkim_sender.quoted(text)] for name, text in KEYS.items()}
    records.update({("example.net", "TXT"): ["v=spf1 -all"], ("_dmarc.example.net", "TXT"): ["v=DMARC1; p=reject"]})
    s = setup.sluice(f"{CONF}{lists}dns {{ forward {setup.dns(records).forward} }}\n")
    facts = send(setup, s, message).facts
    assert (facts["dmarc.result"], facts["dmarc.policy"]) == ("fail", "reject")
    assert (facts["dmarc.disposition"], facts.get("dmarc.override")) == ("none" if override else "reject", override)
