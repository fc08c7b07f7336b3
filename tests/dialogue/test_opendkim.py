# SPDX-License-Identifier: BSD-2-Clause
"""The plugin opendkim in the place of dkim, over the milter socket. What it says of which message is in tests/conformance/test_dkim.py."""
import concurrent.futures
import re

import pytest
from dialogue.test_dkim import CONF, KEYS, NOW, give, send
from support import milter, sluice
from support.dkim_sender import MESSAGE, ed25519, rsa, sign, zone

pytestmark = pytest.mark.skipif(not {"sluice_dkim", "sluice_opendkim"} <= {path.stem for path in sluice.SHARED_PLUGINS},
                                reason="dkim and opendkim are no shared objects in this build")


@pytest.fixture(autouse=True, scope="module")
def opendkim():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sluice.Sluice, "without", ("libspf2", "dkim"))
        yield


@pytest.fixture(scope="module")
def gate(shared_setup):
    s = shared_setup.sluice(CONF, zone(KEYS))
    return lambda message, **how: send(shared_setup, s, message, **how)


@pytest.mark.parametrize("canon", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("key, selector, bits", [(rsa(), "sel", 2048), (ed25519(), "ed", 256)], ids=["rsa", "ed25519"])
def test_what_is_signed_passes(gate, key, selector, bits, canon):
    seen = gate(sign(key=key, selector=selector, canon=canon), chunk=7)
    assert seen.result == "pass" and seen.facts["dkim.domains"] == ["example.net"]
    assert re.fullmatch(rf"d=example.net s={selector} a={key.algorithm} b={bits} l=\d+ pass", seen.signatures[0])
    assert (seen.facts["dkim.count"], seen.facts["dkim.skipped"], seen.facts["dkim.partial"]) == (1, 0, False)
    assert re.fullmatch(rf'dkim=pass header.d=example.net header.s={selector} header.a={key.algorithm} header.b="?[\w/+=]{{8}}"?', seen.authres[0])


@pytest.mark.parametrize("message, result, why", [
    (sign().replace(b"Hello", b"Hullo"), "fail", "the body is another than was signed"),
    (sign().replace(b"Ann", b"Bob"), "fail", "signature verification failed"),
    (sign(t=NOW - 1000, x=NOW - 1), "policy", "expired"),
    (sign(a="rsa-sha1"), "policy", "rsa-sha1 proves nothing any more (RFC 8301)"),
    (sign(q="http"), "neutral", "q= is not dns/txt"),
    (sign(v="2"), "neutral", "unsupported signature version"),
    (sign(zz="1; zz=1"), "neutral", "the field breaks the grammar"),
    (MESSAGE, "none", None),
], ids=["body", "header", "expired", "sha1", "query", "version", "twice", "unsigned"])
def test_what_does_not_pass_says_why(gate, message, result, why):
    seen = gate(message)
    assert (seen.result, seen.facts.get("dkim.domains")) == (result, None)
    if why:
        assert seen.signatures[0].endswith(f"{result}: {why}"), seen.signatures


def test_keys_as_they_are_published(setup):
    records = {"pkcs1": rsa().pkcs1, "several": ["v=spf1 -all", rsa().record], "servfail": "SERVFAIL", "testing": rsa(number=1).record + "; t=y"}
    s = setup.sluice(CONF + "opendkim { min_key_bits 1024 }\n", zone(records))
    for selector, result in [("pkcs1", "pass"), ("several", "pass"), ("servfail", "temperror"), ("testing", "neutral")]:
        seen = send(setup, s, sign(selector=selector))
        assert (selector, seen.result) == (selector, result), seen.signatures
        assert seen.facts.get("dkim.unverified") == (["example.net"] if result == "temperror" else None)


def test_a_length_that_leaves_octets_uncovered(gate):
    seen = gate(sign(l="5"))
    assert (seen.result, seen.facts["dkim.partial"]) == ("pass", True) and " l=5 pass" in seen.signatures[0]
    assert gate(sign()).facts["dkim.partial"] is False


def test_several_signatures(gate):
    outer = sign(sign(key=rsa(number=1), selector="second").replace(b"Hello", b"Hullo"), key=ed25519(), selector="ed")
    seen = gate(outer)
    assert seen.result == "pass" and seen.facts["dkim.count"] == 2 and len(seen.authres) == 2
    assert seen.signatures[0].endswith("pass") and "fail: the body" in seen.signatures[1]
    message = MESSAGE
    for i in range(12):
        message = sign(message, i=f"u{i}@example.net")
    seen = gate(message)
    assert (seen.result, seen.facts["dkim.count"], seen.facts["dkim.skipped"], len(seen.authres)) == ("pass", 12, 2, 10)


def test_many_at_once_on_one_library(setup):
    s = setup.sluice(CONF, zone(KEYS))
    messages = {"pass": sign(sign(key=ed25519(), selector="ed")), "fail": sign().replace(b"Hello", b"Hullo"), "none": MESSAGE}

    def session(n):
        with milter.Milter(s.listen) as m:
            m.greet()
            for i in range(10):
                result, message = list(messages.items())[(n + i) % 3]
                m.mail(), m.rcpt()
                give(m, message, chunk=100)
                header, = (edit[3] for edit in m.end_of_message().edits if edit[2] == "Authentication-Results")
                assert f"dkim={result}" in header

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(session, range(20)))
    assert s.status()["accept"] == "200"
