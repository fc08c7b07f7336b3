# SPDX-License-Identifier: BSD-2-Clause
"""DKIM over the milter socket: what python3-dkim signs, what becomes of it on the way, and what senders get wrong."""
import concurrent.futures
import re
import time

import pytest
from support import dkim_sender, milter, net
from support.dkim_sender import MESSAGE, ed25519, give, rsa, sign, zone
from support.milter import CONTINUE, NOBODY

CONF = "authserv_id mx.example.org\nstage_deadline 2s\n"
KEYS = {"sel": rsa().record, "second": rsa(number=1).record, "ed": ed25519().record}
NOW = int(time.time())


class Seen:
    """What came of one message."""

    def __init__(self, s, end):
        assert end.kind == CONTINUE, end
        case = s.cases()[-1]
        self.facts = s.explain(case.split("case=")[1].split()[0])["facts"]
        self.result = self.facts.get("dkim.result")
        self.signatures = self.facts.get("dkim.signatures") or []
        header, = (edit[3] for edit in end.edits if edit[2] == "Authentication-Results")
        self.authres = re.findall(r"dkim=[^;]*", re.sub(r"\s+", " ", header))


@pytest.fixture(scope="module")
def gate(shared_setup):
    """One daemon with the usual keys; a function that sends it a message."""
    s = shared_setup.sluice(CONF, zone(KEYS))
    return lambda message, **how: send(shared_setup, s, message, **how)


def send(setup, s, message, chunk=None, **options):
    m = setup.milter(s, **options)
    m.greet()
    assert m.mail().kind == m.rcpt().kind == CONTINUE
    give(m, message, chunk, lead="version" not in options)
    cases = len(s.cases())
    end = m.end_of_message()
    net.wait_for(lambda: len(s.cases()) > cases, "the case")
    m.quit()
    return Seen(s, end)


# ---- what is right ----

@pytest.mark.parametrize("canon", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "relaxed", None])
@pytest.mark.parametrize("key, selector, bits", [(rsa(), "sel", 2048), (ed25519(), "ed", 256)], ids=["rsa", "ed25519"])
def test_what_is_signed_passes(gate, key, selector, bits, canon):
    seen = gate(sign(key=key, selector=selector, canon=canon or "simple/simple", **({} if canon else {"c": None})))
    assert seen.result == "pass" and seen.facts["dkim.domains"] == ["example.net"]
    assert re.fullmatch(rf"d=example.net s={selector} a={key.algorithm} b={bits} l=\d+ pass", seen.signatures[0])
    assert (seen.facts["dkim.count"], seen.facts["dkim.skipped"], seen.facts["dkim.partial"]) == (1, 0, False)
    assert re.fullmatch(rf'dkim=pass header.d=example.net header.s={selector} header.a={key.algorithm} header.b="?[\w/+=]{{8}}"?', seen.authres[0])


def test_signed_by_the_library_as_it_likes(gate):
    import dkim
    signature = dkim.sign(MESSAGE, b"sel", b"example.net", rsa().private, identity=b"@example.net")
    assert gate(signature + MESSAGE).result == "pass"


@pytest.mark.parametrize("chunk", [1, 2, 7, 100])
@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
def test_chunks_may_be_cut_anywhere(gate, chunk, canon):
    assert gate(sign(canon=canon), chunk=chunk).result == "pass"


@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
def test_a_large_body(gate, canon):
    body = b"".join(b"line %d with  some words \r\n" % i for i in range(200000))
    message = MESSAGE.split(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    assert gate(sign(message, canon=canon)).result == "pass"
    assert gate(sign(message, canon=canon).replace(b"line 199999", b"line 199998")).result == "fail"


@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b" \r\n", b"no end of line", b"a\r\n\r\n b \r\n\r\n"])
def test_bodies_at_the_edge(gate, canon, body):
    header = MESSAGE.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert gate(sign(header + body, canon=canon)).result == "pass"


@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
def test_headers_of_all_forms(gate, canon):
    fields = [b"From:Ann <a@example.net>", b"SUBJECT:   x  \t", b"X-Empty:", b"X-Blank: ", b"X-8bit: caf\xc3\xa9 \xff", b"X-Fold:\r\n a\r\n\tb  c",
              b"X-Two: 1", b"X-Two: 2", b"X-Long: " + b"x" * 70000, b"X-Colon: a:b;c=d"]
    message = b"\r\n".join(fields) + b"\r\n\r\nbody\r\n"
    names = ["From", "Subject", "X-Empty", "X-Blank", "X-8bit", "X-Fold", "X-Two", "X-Two", "X-Two", "X-Long", "X-Colon", "X-Absent"]
    signed = sign(message, canon=canon, headers=names)
    assert gate(signed).result == "pass"
    for old, new in [(b"caf\xc3\xa9", b"caf\xc3\xa8"), (b"X-Two: 1", b"X-Two: 3"), (b"X-Empty:", b"X-Empty: no")]:
        assert gate(signed.replace(old, new)).result == "fail"
    assert gate(signed.replace(b"X-Two: 1\r\n", b"X-Two: 1\r\nX-Two: 1\r\n")).result == "fail", "h= names one more than there are"


def test_folds_with_crlf_are_the_same(setup, gate):
    """Postfix hands on LF, others CRLF."""
    s = setup.sluice(CONF, zone(KEYS))
    m = setup.milter(s)
    m.greet()
    m.mail(), m.rcpt()
    fields, body = dkim_sender.split(sign(canon="simple/simple"))
    m.data()
    for name, value in fields:
        m.raw_header(name, value.replace(b"\n", b"\r\n"))
    m.body(body)
    assert Seen(s, m.end_of_message()).result == "pass"


def test_an_mta_that_takes_the_blank_off(setup):
    s = setup.sluice(CONF, zone(KEYS))
    for canon in ("simple/simple", "relaxed/relaxed"):
        message = sign(canon=canon).replace(b"Subject:  a  subject\t", b"Subject: a  subject\t") if canon == "relaxed/relaxed" else \
            sign(MESSAGE.replace(b"Subject:  a", b"Subject: a"), canon=canon)
        assert send(setup, s, message, version=2, actions=0x3F).result == "pass"


def test_all_fields_signed_and_more(gate):
    """What makes some verifiers write behind an array."""
    message = b"From: a@example.net\r\nX: 1\r\n\r\nbody\r\n"
    for more in range(8):
        seen = gate(sign(message, headers=["From", "X", "DKIM-Signature"] + [f"N{i}" for i in range(more)]))
        assert seen.result in ("pass", "fail")


def test_a_signature_of_a_signature(gate):
    """A list signs what the author had signed, broken or not."""
    for inner in (sign(), b"DKIM-Signature: v=1; nonsense\r\n" + MESSAGE):
        outer = sign(inner, key=rsa(number=1), selector="second", headers=["From", "DKIM-Signature"])
        assert re.search("s=second a=rsa-sha256 b=2048 l=[0-9]+ pass$", gate(outer).signatures[0])


# ---- what was changed ----

@pytest.mark.parametrize("old, new, why", [
    (b"Hello", b"Hullo", "the body is another than was signed"),
    (b"paragraph\r\n", b"paragraph\r\nmore\r\n", "the body is another than was signed"),
    (b"a  subject", b"another subject", "the signature does not fit the header"),
    (b"Ann <a@example.net>", b"Bob <b@example.net>", "the signature does not fit the header"),
    (b"t=", b"t=1", "the signature does not fit the header"),
    (b"From: Ann", b"From: Eve <e@example.com>\r\nFrom: Ann", None),
    (b"d=example.net", b"d=Example.NET", "the signature does not fit the header"),
])
def test_what_is_changed_fails(gate, old, new, why):
    signed = sign(canon="relaxed/relaxed")
    assert signed.count(old) >= 1
    seen = gate(signed.replace(old, new, 1))
    if old == b"t=":
        assert seen.result in ("fail", "policy")  # then it is a time far ahead
    elif why:
        assert seen.result == "fail" and seen.signatures[0].endswith("fail: " + why), seen.signatures
        assert f'dkim=fail reason="{why}" header.d=example.net' in seen.authres[0]
        assert "dkim.domains" not in seen.facts or not seen.facts["dkim.domains"]
    else:
        assert seen.result == "pass", "the lowest From is signed: that there are two is for the policy"


def test_a_forged_signature_fails(gate):
    assert gate(sign(key=rsa(number=2))).result == "fail"
    assert gate(re.sub(rb"b=\w", b"b=/", sign())).result == "fail"


def test_no_signature(gate):
    seen = gate(MESSAGE)
    assert seen.result == "none" and seen.authres == ["dkim=none"] and seen.facts["dkim.count"] == 0


# ---- keys ----

def far(record):
    """A key record of more than 1 KB, of which most says nothing."""
    return record.replace("k=rsa;", f"k=rsa; n={'x' * 2000};")


KEY_RECORDS = [
    ("the key", rsa().record, "pass", None),
    ("without v= and k=", f"p={rsa().p}", "pass", None),
    ("PKCS#1", rsa().pkcs1, "pass", None),
    ("over 1 KB", far(rsa().record), "pass", None),
    ("blanks in p=", rsa().record.replace("A", "A "), "pass", None),
    ("limits that fit", rsa().record + "; h=sha1:sha256; s=email; t=s; g=*", "pass", None),
    ("among others", ["v=spf1 -all", rsa().record, "some text"], "pass", None),
    ("several keys", [rsa(number=1).record, rsa().record], "fail", "the signature does not fit the header"),
    ("of another type, and then ours", [ed25519().record, rsa().record], "pass", None),
    ("a test, which passes", rsa().record + "; t=y", "pass", None),
    ("a test, which fails", rsa(number=1).record + "; t=y", "neutral", "the signature does not fit the header"),
    ("revoked", "v=DKIM1; p=", "permerror", "the key is revoked"),
    ("no key record", ["v=spf1 -all", "hello"], "permerror", "the record is no DKIM key"),
    ("no p=", "v=DKIM1; k=rsa", "permerror", "the record is no DKIM key"),
    ("no base64", "v=DKIM1; p=!!!", "permerror", "p= of the key is no RSA key"),
    ("no key in it", "v=DKIM1; p=aGVsbG8=", "permerror", "p= of the key is no RSA key"),
    ("v= later", f"k=rsa; v=DKIM1; p={rsa().p}", "permerror", "the record is no DKIM key"),
    ("v= of another", f"v=DKIM2; p={rsa().p}", "permerror", "the record is no DKIM key"),
    ("a tag twice", rsa().record + "; k=rsa", "permerror", "the record is no DKIM key"),
    ("another type", ed25519().record, "permerror", "the key is of another type than a="),
    ("only sha1", rsa().record + "; h=sha1", "permerror", "the key is not for mail and sha256"),
    ("not for mail", rsa().record + "; s=other", "permerror", "the key is not for mail and sha256"),
    ("512 bits", rsa(512).record, "policy", "the key is too short"),
    ("SERVFAIL", "SERVFAIL", "temperror", "the key cannot be looked up"),
    ("TIMEOUT", "TIMEOUT", "temperror", "the look-up of the key takes too long"),
    ("absent", [], "permerror", "there is no key"),
]


def test_keys_as_they_are_published(setup):
    selectors = {f"k{i}": row[1] for i, row in enumerate(KEY_RECORDS)}
    s = setup.sluice(CONF, zone(selectors) + f"_.k{len(selectors) - 1}._domainkey.example.net A 192.0.2.255\n")
    for selector, (name, _, result, why) in zip(selectors, KEY_RECORDS):
        seen = send(setup, s, sign(key=rsa(512) if name == "512 bits" else rsa(), selector=selector))
        assert (name, seen.result) == (name, result), seen.signatures
        if why:
            assert seen.signatures[0].endswith(f"{result}: {why}"), (name, seen.signatures)
        assert seen.facts["dkim.outcome"] == ("temperror" if result == "temperror" else "done")
        assert seen.facts.get("dkim.unverified") == (["example.net"] if result == "temperror" else None)
    assert s.status()["faults"] == "0"


def test_a_key_for_the_domain_itself_alone(setup):
    s = setup.sluice(CONF, zone({"sel": rsa().record + "; t=s"}))
    assert send(setup, s, sign(i="@example.net")).result == "pass"
    assert send(setup, s, sign(i="@mail.example.net")).result == "permerror"


def test_the_least_of_key_bits_is_the_sites(setup):
    s = setup.sluice(CONF + "dkim { min_key_bits 2049 }\n", zone(KEYS))
    seen = send(setup, s, sign())
    assert seen.signatures == ["d=example.net s=sel a=rsa-sha256 b=2048 policy: the key is too short"]
    assert send(setup, s, sign(key=ed25519(), selector="ed")).result == "pass"


def test_an_ed25519_key_says_its_type(setup):
    s = setup.sluice(CONF, zone({"ed": f"v=DKIM1; p={ed25519().p}"}))
    assert send(setup, s, sign(key=ed25519(), selector="ed")).result == "permerror"


def test_a_key_of_4096_bits(setup):
    s = setup.sluice(CONF, zone({"sel": rsa(4096).record}))
    signatures = send(setup, s, sign(key=rsa(4096))).signatures
    assert re.fullmatch(r"d=example.net s=sel a=rsa-sha256 b=4096 l=\d+ pass", signatures[0])


def test_keys_are_asked_for_side_by_side_while_the_body_comes(setup):
    names = [f"{selector}._domainkey.example.net" for selector in ("sel", "second")]
    server = setup.dns({(name, "TXT"): [dkim_sender.quoted(key.record)] for name, key in zip(names, (rsa(), rsa(number=1)))})
    server.hold(*names)
    s = setup.sluice(CONF + f"dns {{\n forward {server.forward}\n timeout 10s\n dnssec no\n}}\n")
    m = setup.milter(s)
    m.greet()
    m.mail(), m.rcpt(), m.data()
    fields, body = dkim_sender.split(sign(sign(key=rsa(number=1), selector="second")))
    for name, value in fields:
        m.raw_header(name, value)
    m.body(body[:10])
    net.wait_for(lambda: {(name, "TXT") for name in names} <= set(server.asked), "both keys to be asked for")
    server.release()
    m.body(body[10:])
    seen = Seen(s, m.end_of_message())
    assert [text.split()[-1] for text in seen.signatures] == ["pass", "pass"]


# ---- signatures ----

SIGNATURES = [
    ("d= in upper case", {"domain": "EXAMPLE.net"}, "pass", None),
    ("i= below d=", {"i": "ann@mail.example.net"}, "pass", None),
    ("q= with the method", {"q": "dns/txt"}, "pass", None),
    ("q= with another first", {"q": "other : dns/txt"}, "pass", None),
    ("x= ahead", {"x": NOW + 1000}, "pass", None),
    ("x= for ever", {"x": "9" * 19}, "pass", None),
    ("no t=", {"t": None}, "pass", None),
    ("an unknown tag", {"zz": "1"}, "pass", None),
    ("x= past", {"t": NOW - 1000, "x": NOW - 1}, "policy", "expired"),
    ("x= long past", {"t": NOW - 10**8 - 1, "x": NOW - 10**8}, "policy", "expired"),
    ("t= ahead", {"t": NOW + 1000}, "policy", "signed in the future"),
    ("x= before t=", {"t": NOW, "x": NOW - 10}, "neutral", "x= is not after t="),
    ("t= of 1970", {"t": 100}, "pass", None),
    ("t= no number", {"t": "now"}, "neutral", "t= is no time"),
    ("sha1", {"a": "rsa-sha1"}, "policy", "rsa-sha1 proves nothing any more (RFC 8301)"),
    ("another algorithm", {"a": "rsa-sha512"}, "neutral", "a= is unknown"),
    ("no From in h=", {"headers": ("From", "To"), "h": "To"}, "permerror", "From is not signed"),
    ("i= elsewhere", {"i": "@example.com"}, "permerror", "i= is not within d="),
    ("v=2", {"v": "2"}, "neutral", "another version than v=1"),
    ("no v=", {"v": None}, "neutral", "no v= tag"),
    ("no d=", {"d": None}, "neutral", "no d= tag"),
    ("d= empty", {"d": ""}, "neutral", "d= is no domain"),
    ("d= of dots", {"d": "a..b"}, "neutral", "d= is no domain"),
    ("no s=", {"s": None}, "neutral", "no s= tag"),
    ("no h=", {"h": None}, "neutral", "no h= tag"),
    ("no bh=", {"bh": None}, "neutral", "no bh= tag"),
    ("bh= short", {"bh": "AAAA"}, "neutral", "bh= is no hash"),
    ("c= unknown", {"c": "nofws"}, "neutral", "c= is unknown"),
    ("q= unknown", {"q": "http"}, "neutral", "q= is not dns/txt"),
    ("l= negative", {"l": "-1"}, "neutral", "l= is no length"),
    ("l= empty", {"l": ""}, "neutral", "l= is no length"),
    ("l= beyond the body", {"l": "100000"}, "fail", "l= is longer than the body"),
    ("h= of 501 names", {"h": ":".join(["From"] * 501)}, "permerror", "h= names too many fields"),
]


@pytest.mark.parametrize("tags, result, why", [row[1:] for row in SIGNATURES], ids=[row[0] for row in SIGNATURES])
def test_signatures_right_and_wrong(gate, tags, result, why):
    seen = gate(sign(**tags))
    assert seen.result == result, seen.signatures
    if why:
        assert seen.signatures[0].endswith(f"{result}: {why}"), seen.signatures
    assert re.match(f"dkim={result}", seen.authres[0])


@pytest.mark.parametrize("field", [b"DKIM-Signature:", b"DKIM-Signature: ;;;", b"DKIM-Signature: v=1; v=1", b"DKIM-Signature: \xff\xfe",
                                   b"DKIM-Signature: " + b"a=1;" * 200, b"DKIM-Signature: " + b"x" * 100000, b"DKIM-Signature: v=1; a=rsa-sha256; b",
                                   b"dkim-signature : v=1", b"DKIM-Signature: " + b"\r\n ".join(b"t%d=" % i for i in range(100))])
def test_a_broken_signature_hides_no_good_one(gate, field):
    top, rest = sign().split(b"\r\nFrom:", 1)
    for message in (field + b"\r\n" + sign(), top + b"\r\n" + field + b"\r\nFrom:" + rest):
        seen = gate(message)
        assert seen.result == "pass" and "pass" in " ".join(seen.signatures)
        assert len(seen.authres) == seen.facts["dkim.count"]


def test_more_fields_than_are_looked_through(gate):
    most = b"".join(b"X%d: %d\r\n" % (i, i) for i in range(2000 - 6))  # MESSAGE has five, and the signature is one
    assert gate(sign(most + MESSAGE, headers=["From"] * 500)).result == "pass"
    seen = gate(sign(b"X: 1\r\n" + most + MESSAGE, headers=["From"]))
    assert seen.result == "permerror" and "the message has too many header fields" in seen.signatures[0]


def test_two_signatures_of_which_one_is_broken(gate):
    inner = sign(key=rsa(number=1), selector="second")
    outer = sign(inner.replace(b"Hello", b"Hullo"), key=ed25519(), selector="ed")
    seen = gate(outer)
    assert seen.result == "pass" and seen.facts["dkim.domains"] == ["example.net"] and seen.facts["dkim.count"] == 2
    assert [text.split()[-1] if text.endswith("pass") else text.split()[4] for text in seen.signatures] == ["pass", "fail:"]
    assert seen.authres[0].startswith("dkim=pass header.d=example.net header.s=ed header.a=ed25519-sha256")
    assert seen.authres[1].startswith("dkim=fail reason=")


def test_no_more_signatures_than_the_site_wants(setup):
    s = setup.sluice(CONF + "dkim { max_signatures 3 }\n", zone(KEYS))
    message = MESSAGE
    for i in range(5):
        message = sign(message, headers=("From", "To"), i=f"u{i}@example.net")
    seen = send(setup, s, message)
    assert (seen.result, seen.facts["dkim.count"], seen.facts["dkim.skipped"]) == ("pass", 5, 2)
    assert len(seen.signatures) == len(seen.authres) == 3


def test_twelve_signatures(gate):
    message = MESSAGE
    for i in range(12):
        message = sign(message, i=f"u{i}@example.net")
    seen = gate(message)
    assert (seen.result, seen.facts["dkim.count"], seen.facts["dkim.skipped"], len(seen.authres)) == ("pass", 12, 2, 10)
    assert len({re.search(r"header.b=(\S+)", text)[1] for text in seen.authres}) == 10


def test_signatures_that_begin_alike_are_told_apart(gate):
    alike = [b"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=sel; h=From; bh=" + b"A" * 43 + b"=; b=" + b"A" * 20 + end * 20 + b"\r\n"
             for end in (b"B", b"C")]
    seen = gate(alike[0] + alike[1] + MESSAGE)
    assert [re.search("header.b=(.*)", text)[1] for text in seen.authres] == ["A" * 20 + "B", "A" * 20 + "C"]


@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
def test_a_length_that_leaves_octets_uncovered(gate, canon):
    _, body = MESSAGE.split(b"\r\n\r\n", 1)
    from dkim.canonicalization import CanonicalizationPolicy
    whole = len(CanonicalizationPolicy.from_c_value(canon.encode()).canonicalize_body(body))
    for length, partial in [(whole, False), (whole - 1, True), (5, True), (0, True)]:
        seen = gate(sign(canon=canon, l=str(length)))
        assert (seen.result, seen.facts["dkim.partial"]) == ("pass", partial), (length, whole)
    assert gate(sign(canon=canon, l="5").replace(b"there", b"where")).result == "pass"
    assert gate(sign(canon=canon, l="5").replace(b"Hello", b"Hallo")).result == "fail"
    assert gate(sign(canon=canon)).facts["dkim.partial"] is False


def test_rules_read_the_facts(setup):
    s = setup.sluice(CONF + """at message {
    rule good      tag "known"                 when dkim.domains contains "example.net"
    rule appended  tag "text may be added"     when dkim.partial
    rule broken    reject "{dkim.signatures}"  when dkim.result == fail
}
""", zone(KEYS))
    m = setup.milter(s)
    m.greet()
    for message, tags in [(sign(l="5"), ["known", "text may be added"]), (sign(domain="Example.NET"), ["known"]), (MESSAGE, [])]:
        m.mail(), m.rcpt()
        give(m, message)
        assert [edit[3].strip() for edit in m.end_of_message().edits if edit[2] == "X-Sluice-Tag"] == tags
    m.mail(), m.rcpt()
    give(m, sign().replace(b"Hello", b"Hullo"))
    answer = m.end_of_message()
    assert answer.code == 550 and "d=example.net s=sel a=rsa-sha256 b=2048 fail: the body is another than was signed" in answer.text


# ---- connections ----

def test_several_messages_in_one_connection(setup):
    s = setup.sluice(CONF, zone(KEYS))
    m = setup.milter(s)
    m.greet()
    for message, result in [(sign(), "pass"), (MESSAGE, "none"), (sign().replace(b"Hello", b"Hullo"), "fail"), (sign(), "pass")]:
        assert m.mail().kind == m.rcpt().kind == CONTINUE
        give(m, message)
        assert Seen(s, m.end_of_message()).result == result


@pytest.mark.parametrize("stop", ["header", "end of header", "body", "mail"])
def test_a_message_that_ends_early_leaves_nothing(setup, stop):
    s = setup.sluice(CONF, zone(KEYS))
    m = setup.milter(s)
    m.greet()
    for _ in range(3):
        m.mail(), m.rcpt(), m.data()
        fields, body = dkim_sender.split(sign())
        for name, value in fields[:3 if stop == "header" else None]:
            m.raw_header(name, value)
        if stop in ("body", "mail"):
            m.body(body[:20])
        if stop != "mail":
            m.abort()
        m.mail(), m.rcpt()
        give(m, sign(canon="relaxed/relaxed"))
        seen = Seen(s, m.end_of_message())
        assert seen.result == "pass" and seen.facts["dkim.count"] == 1
    m.mail(), m.rcpt()
    give(m, sign())
    m.quit()
    net.wait_for(lambda: s.status()["connections"] == "0", "the connection to end")


def test_users_of_our_own_are_not_verified(setup):
    s = setup.sluice(CONF, zone(KEYS))
    m = setup.milter(s, macros={"M": {"auth_authen": "ann", "auth_type": "PLAIN"}})
    m.greet()
    m.mail(), m.rcpt()
    give(m, sign())
    end = m.end_of_message()
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    assert case["facts"]["dkim.outcome"] == "skipped" and "dkim=" not in str(end.edits)


@pytest.mark.parametrize("rules, fed", [
    ("authentication_results no\n", False),
    ("authentication_results no\nat mail { rule a score 1 when spf.result == pass }\n", False),
    ("authentication_results no\nat message { rule a score 1 when dkim.result == pass }\n", True),
    ('authentication_results no\nat message { rule a reject "no" when dkim.partial }\n', True),
    ("", True),
])
def test_the_body_comes_only_if_somebody_wants_it(setup, rules, fed):
    s = setup.sluice(rules + CONF, zone(KEYS))
    m = setup.milter(s)
    assert bool(m.steps & NOBODY) != fed
    m.greet()
    m.mail(), m.rcpt()
    give(m, sign())
    m.end_of_message()
    facts = s.explain(s.cases()[-1].split("case=")[1].split()[0])["facts"]
    assert facts.get("dkim.result") == ("pass" if fed else None)
    assert ("score" in facts and facts["score"] == 1) == ("score 1 when dkim" in rules)


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
