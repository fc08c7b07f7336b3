# SPDX-License-Identifier: BSD-2-Clause
"""SPF, DKIM, DMARC and ARC of one message by `sluicectl check --json --zone`: what is right, and what senders and zones can do wrong."""
import json

import pytest
from support import arc_sender, dkim_sender, sluice
from support.dkim_sender import MESSAGE, rsa, sign

KEY = dkim_sender.quoted(rsa().record)
ZONE = f"""example.net TXT v=spf1 ip4:192.0.2.1 -all
sel._domainkey.example.net TXT {KEY}
sel._domainkey.list.example.net TXT {KEY}
_dmarc.example.net TXT "v=DMARC1; p=reject"
"""


def octets(text):
    """A string of a zone file in which each octet is escaped that could mean something else."""
    return "".join(chr(c) if 0x21 <= c < 0x7f and chr(c) not in '"\\;()' else "\\%03d" % c for c in text)


@pytest.fixture
def check(tmp_path):
    def run(message=MESSAGE, zone=ZONE, sender="a@example.net", client="192.0.2.1", more=""):
        files = {"zone": zone.encode(), "sluice.conf": f"{sluice.plugin_lines()}authserv_id mx.example.org\nstage_deadline 1s\n{more}".encode(),
                 "message": message}
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        done = sluice.ctl("check", "-c", tmp_path / "sluice.conf", "--zone", tmp_path / "zone", "--json", "--client", client, "--helo",
                          "mail.example.net", "--from", sender, "--rcpt", "u@example.org", tmp_path / "message")
        assert done.returncode == 0 and done.stdout, done.stderr
        return json.loads(done.stdout)["facts"]
    return run


def test_the_facts_of_all_four(check):
    facts = check(arc_sender.seal(sign(), "list.example.net", results="dmarc=pass header.from=example.net"),
                  more="list trusted-sealers domain [list.example.net]\n")
    assert {name: facts[name] for name in ("spf.result", "dkim.result", "dmarc.result", "arc.cv")} == {
        "spf.result": "pass", "dkim.result": "pass", "dmarc.result": "pass", "arc.cv": "pass"}
    assert (facts["spf.identity"], facts["spf.domain"], facts["spf.mechanism"]) == ("mailfrom", "example.net", "ip4:192.0.2.1")
    assert (facts["spf.record"], facts["spf.lookups"]) == ("v=spf1 ip4:192.0.2.1 -all", 0)
    assert (facts["dkim.count"], facts["dkim.domains"], facts["dkim.partial"]) == (1, ["example.net"], False)
    assert facts["dkim.signatures"][0].startswith("d=example.net s=sel a=rsa-sha256 b=2048 l=")
    assert (facts["dmarc.disposition"], facts["dmarc.policy"], facts["dmarc.policy_domain"]) == ("none", "reject", "example.net")
    assert (facts["dmarc.org_domain"], facts["dmarc.spf_aligned"], facts["dmarc.dkim_aligned"]) == ("example.net", True, True)
    assert facts["dmarc.record"] == "v=DMARC1; p=reject" and facts["dmarc.walk"] == ["_dmarc.example.net", "_dmarc.net"]
    assert (facts["arc.count"], facts["arc.trusted"], facts["arc.dmarc"]) == (1, True, "pass")
    assert facts["arc.chain"] == ["i=1 d=list.example.net s=sel a=rsa-sha256 cv=none"]


# ---- SPF: what a zone can hold ----


LOOP = "".join(f"l{i}.example.net TXT v=spf1 include:l{i + 1}.example.net -all\n" for i in range(20))
SPF = [
    ("64 KB", "example.net TXT v=spf1 " + " ".join(['"' + "ip4:198.51.100.1 " * 15 + '"'] * 255) + "\n", "permerror"),
    ("many strings", 'example.net TXT "v=sp" "f1 ip4:192." "0.2.1" " -a" "ll" ""\n', "pass"),
    ("strings without a blank between", 'example.net TXT "v=spf1" "ip4:192.0.2.1 -all"\n', "none"),
    ("NUL", "example.net TXT " + octets(b"v=spf1 ip4:192.0.2.1\0 -all") + "\n", "permerror"),
    ("NUL behind the version", "example.net TXT " + octets(b"v=spf1\0ip4:192.0.2.1 -all") + "\n", "none"),
    ("8 bit", "example.net TXT " + octets(b"v=spf1 a:caf\xc3\xa9.example.net -all") + "\n", "permerror"),
    ("an include of itself", "example.net TXT v=spf1 include:example.net -all\n", "permerror"),
    ("a loop of includes", "example.net TXT v=spf1 include:l0.example.net -all\n" + LOOP, "permerror"),
    ("a redirect to itself", "example.net TXT v=spf1 redirect=example.net\n", "permerror"),
    ("two that redirect to each other", "example.net TXT v=spf1 redirect=b.example.net\nb.example.net TXT v=spf1 redirect=example.net\n", "permerror"),
    ("a hundred macros", "example.net TXT v=spf1 exists:" + "%{d}" * 100 + " -all\n", "fail"),
    ("huge numbers", "example.net TXT v=spf1 ip4:192.0.2.1/4294967328 -all\n", "permerror"),
    ("negative numbers", "example.net TXT v=spf1 ip4:192.0.2.1/-1 -all\n", "permerror"),
    ("digits beyond all bounds", "example.net TXT v=spf1 exists:%{d99999999999999999999} -all\n", "fail"),  # all labels
]


@pytest.mark.parametrize("zone, result", [row[1:] for row in SPF], ids=[row[0] for row in SPF])
def test_spf_records(check, zone, result):
    assert check(zone=zone)["spf.result"] == result


# ---- DKIM: a broken signature beside a good one ----


GOOD = sign()
MALFORMED = {
    "empty": b"", "a semicolon": b" ;", "no equals": b" v", "one tag twice": b" v=1; v=1", "no value": b" v=1; a=; b=; bh=; d=; h=; s=",
    "another version": GOOD.split(b":", 1)[1].split(b"\r\nFrom:")[0].replace(b"v=1", b"v=2"),
    "8 bit": b" v=1; d=\xff\xfe", "NUL": b" v=1; d=\0", "a name that is none": b" 1=1", "a comment": b" (v=1) v=1",
    "a selector of 300 octets": b" v=1; a=rsa-sha256; d=example.net; s=" + b"s" * 300 + b"; h=from; bh=AAAA; b=AAAA",
    "labels of 63 octets": b" v=1; a=rsa-sha256; d=example.net; s=" + b".".join([b"s" * 63] * 3) + b"; h=from; bh=" + b"A" * 43 + b"=; b=AAAA",
    "a huge length": b" v=1; l=" + b"9" * 100, "a negative length": b" v=1; l=-1", "a huge time": b" v=1; t=" + b"9" * 100 + b"; x=-1",
    "100 KB": b" v=1; x=" + b"1" * 100000, "10,000 tags": b" " + b"".join(b"t%d=; " % i for i in range(10000)),
    "base64 that is none": b" v=1; a=rsa-sha256; d=example.net; s=sel; h=from; bh=!!!!; b=!!!!",
    "a signature of nothing": b" v=1; a=rsa-sha256; d=example.net; s=sel; h=; bh=" + b"A" * 43 + b"=; b=AAAA",
    "a domain that is an address": b" v=1; a=rsa-sha256; d=[192.0.2.1]; s=sel; h=from; bh=AAAA; b=AAAA",
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED)
def test_the_good_signature_is_judged(check, value):
    for message in (b"DKIM-Signature:" + value + b"\r\n" + GOOD, GOOD.replace(b"\r\nFrom:", b"\r\nDKIM-Signature:" + value + b"\r\nFrom:", 1)):
        facts = check(message)
        assert (facts["dkim.result"], facts["dkim.count"], facts["dkim.domains"]) == ("pass", 2, ["example.net"])


@pytest.mark.parametrize("header", [b"X-Long: " + b"x" * 70000, b"\r\n".join(b"X-%d: y" % i for i in range(1000)),
                                    b"Subject: " + b"\r\n ".join([b"folded"] * 5000)], ids=["70 KB", "1,000 fields", "5,000 lines"])
def test_large_headers(check, header):
    message = header + b"\r\n" + MESSAGE
    assert check(sign(message, headers=("From", "To", "X-Long")))["dkim.result"] == "pass"
    assert check(arc_sender.seal(message, "list.example.net"))["arc.cv"] == "pass"


KEYS = [
    ("64 KB", " ".join(['"' + "v=DKIM1; " + "n=" + "x" * 240 + '"'] * 255), "permerror"),
    ("in pieces", " ".join(f'"{rsa().record[i:i + 7]}"' for i in range(0, len(rsa().record), 7)), "pass"),
    ("with a NUL", octets(rsa().record.encode() + b"\0"), "permerror"),
    ("8 bit in a note", octets(rsa().record.encode() + b"; n=caf\xc3\xa9"), "pass"),
    ("one tag twice", octets(rsa().record.encode() + b"; k=rsa"), "permerror"),
]


@pytest.mark.parametrize("record, result", [row[1:] for row in KEYS], ids=[row[0] for row in KEYS])
def test_keys(check, record, result):
    assert check(GOOD, zone=f"sel._domainkey.example.net TXT {record}\n")["dkim.result"] == result


# ---- DMARC: every tag wrong in turn ----


RECORDS = [  # (record, result of a message for which nobody vouches, disposition)
    ("v=DMARC1; p=reject", "fail", "reject"),
    ("v=dmarc1; p=reject", "none", "none"),
    ("p=reject; v=DMARC1", "none", "none"),
    ("v=DMARC1 p=reject", "none", "none"),
    ("v=DMARC1;; p=reject", "fail", "reject"),
    ("v=DMARC1; p=rejekt", "none", "none"),
    ("v=DMARC1; p=rejekt; rua=mailto:r@example.net", "fail", "none"),
    ("v=DMARC1; sp=reject", "none", "none"),
    ("v=DMARC1; p=reject; sp=bad", "none", "none"),
    ("v=DMARC1; p=reject; np=bad", "none", "none"),
    ("v=DMARC1; p=reject; np=bad; rua=mailto:r@example.net", "fail", "none"),
    ("v=DMARC1; p=reject; adkim=x; aspf=y", "fail", "reject"),
    ("v=DMARC1; p=reject; pct=foo", "fail", "reject"),
    ("v=DMARC1; p=reject; pct=-1", "fail", "reject"),
    ("v=DMARC1; p=reject; pct=99999999999999999999", "fail", "reject"),
    ("v=DMARC1; p=reject; t=z", "fail", "reject"),
    ("v=DMARC1; p=reject; psd=maybe", "fail", "reject"),
    ("v=DMARC1; p=reject; fo=q; rf=x; ri=soon", "fail", "reject"),
    ("v=DMARC1; p=reject; rua=nonsense; ruf=,,,!", "fail", "reject"),
    ("v=DMARC1; p=reject; zz=1; =; x", "fail", "reject"),
    ("v=DMARC1; p=reject; " + "x=y; " * 5000, "fail", "reject"),
]


@pytest.mark.parametrize("record, result, disposition", RECORDS, ids=[row[0][:60] for row in RECORDS])
def test_dmarc_records(check, record, result, disposition):
    strings = " ".join('"' + octets(record[i:i + 50].encode()) + '"' for i in range(0, len(record), 50))
    facts = check(zone=f"example.net TXT v=spf1 -all\n_dmarc.example.net TXT {strings}\n")
    assert (facts["dmarc.result"], facts["dmarc.disposition"]) == (result, disposition)


@pytest.mark.parametrize("author, result", [
    (b", ".join(b"a%d@example.net" % i for i in range(100)), "fail"), (b"group: a@example.net, b@example.net;", "fail"),
    (b", ".join(b"a@a%d.example.net" % i for i in range(100)), "permerror"), (b"group: a@example.net, b@other.example;", "permerror"),
    (b"", "permerror"), (b"Nobody", "permerror"), (b"<>", "permerror"),
    (b'"a@other.example" <a@example.net>', "fail"), (b"a@example.net (a@other.example)", "fail"), (b"a@[192.0.2.1]", "permerror"),
    (b"(" * 1000 + b"a@example.net", "permerror"), (b'"' + b"x" * 100000 + b'" <a@example.net>', "fail"),
])
def test_authors(check, author, result):
    message = MESSAGE.replace(b"Ann <a@example.net>", author)
    facts = check(message, zone='example.net TXT v=spf1 -all\n_dmarc.example.net TXT "v=DMARC1; p=reject"\n')
    assert facts["dmarc.result"] == result
