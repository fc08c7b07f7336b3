# SPDX-License-Identifier: BSD-2-Clause
"""ARC over the milter socket: chains of others, right and wrong; whose word counts; and our own seals, with python3-dkim as their judge."""
import re

import pytest
from support import arc_sender, dkim_sender, sluice
from support.arc_sender import seal
from support.dkim_sender import MESSAGE, give, rsa
from support.milter import CONTINUE
from support.signing import Keys

DOMAINS = ["list.example.net", "forward.example.com", "third.example"]
CONF = ("authserv_id mx.example.org\nstage_deadline 2s\nlist trusted network [198.51.100.7]\n"
        "list trusted-sealers domain [list.example.net third.example]\n")
TRUSTED = {"address": "198.51.100.7"}
KEYS = {f"sel._domainkey.{domain}": rsa().record for domain in DOMAINS}


def zone(records):
    """A zone file; a selector `gone` has no key."""
    return "".join(f"{name} TXT {record}\n" for name, record in records.items()) + "gone._domainkey.third.example A 192.0.2.1\n"


def facts_of(s):
    return s.explain(s.cases()[-1].split("case=")[1].split()[0])["facts"]


class Seen:
    """What came of one message."""

    def __init__(self, s, end, message):
        self.end = end
        self.facts = facts_of(s)
        self.cv, self.why = self.facts.get("arc.cv"), self.facts.get("arc.reason")
        self.edits = {edit[2]: edit[3] for edit in end.edits if edit[0] == "insert"}
        self.authres = re.sub(r"\s+", " ", self.edits["Authentication-Results"])
        fields = b""
        for edit in end.edits:
            if edit[0] == "insert":
                fields = f"{edit[2]}:{edit[3]}".encode().replace(b"\n", b"\r\n") + b"\r\n" + fields
        self.message = fields + message


def send(setup, s, message, **client):
    m = setup.milter(s)
    m.greet(**client)
    assert m.mail().kind == m.rcpt().kind == CONTINUE
    give(m, message)
    end = m.end_of_message()
    m.quit()
    return Seen(s, end, message)


@pytest.fixture
def gate(setup):
    s = setup.sluice(CONF, zone(KEYS))
    return lambda message, **how: send(setup, s, message, **how)


def chain(count, message=MESSAGE, **how):
    for i in range(count):
        message = seal(message, DOMAINS[i % len(DOMAINS)], cv="pass" if i else "none", **how)
    return message


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


# ---- our own seals ----


@pytest.fixture
def keys(setup):
    k = Keys(setup.folder / "keys")
    k.make("example.org", "arc")
    k.make("example.org", "ed", "ed25519")
    return k


@pytest.fixture
def sealer(setup, keys):
    def start(settings="", selector="arc", conf=CONF):
        s = setup.sluice(f"{conf}seal {{ key {keys.folder}/example.org/{selector}.pem {settings} }}\n"
                         "at message { rule seal seal }\n", zone(dict(KEYS, **keys.records)))
        return lambda message, **how: send(setup, s, message, **how)
    return start


def test_what_we_seal_others_verify(sealer, keys):
    seen = sealer()(chain(2))
    assert (seen.facts["seal.result"], seen.facts["seal.instance"]) == ("sealed", 3)
    assert arc_sender.verdict(seen.message, dict(KEYS, **keys.records)) == ("pass", "success")
    assert list(seen.edits) == ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal", "Authentication-Results"]


def test_the_seal_says_what_we_found_out(sealer):
    seen = sealer()(chain(1))
    assert seen.edits["ARC-Authentication-Results"].strip() == "i=2; " + seen.edits["Authentication-Results"].strip()
    assert "spf=" in seen.authres and "dkim=" in seen.authres and "dmarc=" in seen.authres and "arc=pass" in seen.authres


def test_we_verify_what_we_have_sealed(sealer, keys):
    gate = sealer()
    message = MESSAGE
    for i in range(1, 4):
        seen = gate(message)
        assert (seen.facts["seal.result"], seen.facts["seal.instance"], seen.cv) == ("sealed", i, "pass" if i > 1 else "none")
        message = re.sub(rb"(?m)^Authentication-Results:.*\r\n(?:[ \t].*\r\n)*", b"", seen.message)
    assert arc_sender.verdict(message, dict(KEYS, **keys.records)) == ("pass", "success")


def test_the_shipped_rules_for_forwarding(setup, keys):
    s = setup.sluice(f"{CONF}seal {{ key {keys.folder}/example.org/arc.pem }}\ninclude {sluice.TOP}/rules/forward.conf\n", zone(KEYS))
    assert send(setup, s, MESSAGE).facts["seal.result"] == "sealed"
    m = setup.milter(s, macros={"M": {"{auth_authen}": "alice", "{auth_type}": "PLAIN"}})
    m.greet()
    assert m.mail().kind == m.rcpt().kind == CONTINUE
    give(m, MESSAGE)
    assert not [edit for edit in m.end_of_message().edits if edit[2].startswith("ARC")]
    m.quit()


def test_ed25519(sealer, keys):
    gate = sealer(selector="ed")
    seen = gate(MESSAGE)
    again = gate(re.sub(rb"(?m)^Authentication-Results:.*\r\n(?:[ \t].*\r\n)*", b"", seen.message))
    assert again.cv == "pass" and again.facts["arc.chain"] == ["i=1 d=example.org s=ed a=ed25519-sha256 cv=none"]


def test_of_a_broken_chain_it_is_said_that_it_is_broken(sealer, keys):
    gate = sealer()
    seen = gate(chain(2).replace(b"Hello", b"Hallo"))
    assert (seen.facts["seal.result"], seen.facts["seal.instance"]) == ("sealed", 3)
    assert "cv=fail" in seen.edits["ARC-Seal"] and "arc=fail" in seen.edits["ARC-Authentication-Results"]
    again = gate(re.sub(rb"(?m)^Authentication-Results:.*\r\n(?:[ \t].*\r\n)*", b"", seen.message))
    assert (again.cv, again.why) == ("fail", "i=3: the chain was broken when it came there")
    assert again.facts["seal.result"] == "not-needed" and "ARC-Seal" not in again.edits


def test_results_of_a_host_of_our_own_are_sealed(sealer, keys):
    ours = b"Authentication-Results: mx.example.org; arc=none; spf=pass smtp.mailfrom=a@example.net;\r\n\tdmarc=pass header.from=example.net\r\n"
    foreign = b"Authentication-Results: other.example; dmarc=fail\r\n"
    gate = sealer()
    sealed = re.sub(r"\s+", " ", gate(foreign + ours + MESSAGE, **TRUSTED).edits["ARC-Authentication-Results"]).strip()
    assert sealed == "i=1; mx.example.org; arc=none; spf=pass smtp.mailfrom=a@example.net; dmarc=pass header.from=example.net"
    assert "dmarc=pass" not in gate(ours + MESSAGE).edits["ARC-Authentication-Results"]  # a stranger's claim is none


def test_a_chain_that_was_whole_when_it_came(sealer, keys):
    """A list manager has changed the body since: what was found out when the message came counts."""
    ours = b"Authentication-Results: mx.example.org; arc=pass; spf=pass\r\n"
    seen = sealer()(ours + chain(1).replace(b"Hello", b"Hallo"), **TRUSTED)
    assert "cv=pass" in seen.edits["ARC-Seal"] and seen.facts["arc.cv"] == "fail"
    assert arc_sender.verdict(seen.message, dict(KEYS, **keys.records))[0] == "pass"


def test_fifty_sets_are_enough(sealer):
    seen = sealer()(chain(50))
    assert (seen.facts["seal.result"], seen.facts["seal.reason"]) == ("not-needed", "the chain has as many sets as there can be")


def test_without_a_key_nothing_is_sealed(setup):
    s = setup.sluice(CONF + "at message { rule seal seal }\n", zone(KEYS))
    seen = send(setup, s, MESSAGE)
    assert (seen.facts["seal.result"], seen.facts["seal.reason"]) == ("no-key", "seal { } names no key")


def test_a_seal_waits_for_the_keys_of_the_chain(keys, setup):
    keys.records["sel._domainkey.list.example.net"] = "TIMEOUT"
    s = setup.sluice(f"{CONF}seal {{ key {keys.folder}/example.org/arc.pem }}\nat message {{ rule seal seal }}\n",
                     zone(dict(KEYS, **keys.records)))
    m = setup.milter(s)
    m.greet()
    assert m.mail().kind == m.rcpt().kind == CONTINUE
    give(m, chain(1))
    answer = m.end_of_message()
    assert answer.text.startswith("451 4.7.0 this message cannot be sealed now"), answer
    m.quit()


@pytest.mark.parametrize("settings, why", [
    ("key keys/example.org/gone.pem", "cannot be read"),
    ("key gone.pem", "DOMAIN/SELECTOR.pem"),
    ("header \"a b\"", "no name of a header field"),
    ("header ARC-Seal", "cannot be signed"),
    ("header To header to", "named twice"),
    ("keys x", "did you mean 'key'"),
])
def test_settings_that_cannot_be(setup, settings, why):
    conf = setup.folder / "bad.conf"
    conf.write_text(f"{sluice.plugin_lines()}authserv_id mx.example.org\nseal {{\n {settings.replace(' header', chr(10) + ' header')}\n}}\n")
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode == 78 and why in done.stderr and "bad.conf:" in done.stderr, done.stderr
