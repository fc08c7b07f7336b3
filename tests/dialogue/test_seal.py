# SPDX-License-Identifier: BSD-2-Clause
"""Our own seals (ARC), with python3-dkim as their judge."""
import re

import pytest
from support import arc_sender, sluice
from support.arc_gate import CONF, KEYS, TRUSTED, chain, send, zone
from support.dkim_sender import MESSAGE, give
from support.milter import CONTINUE
from support.signing import Keys


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
