# SPDX-License-Identifier: BSD-2-Clause
"""The facts mime.*, of whole messages as Python's own library writes them, and as nobody should."""
import email.message
import email.policy
import hashlib
import re

import pytest

CONF = """%s
at message { rule look score 1 when mime.parts > 0 and %s }
"""
ODD = ["two_types", "two_encodings", "bad_type", "bad_encoding", "bad_header", "bad_boundary", "near_boundary", "no_end", "epilogue", "names_differ", "name_repeated",
       "name_eight_bit", "name_encoded_twice", "name_control", "name_bidi", "name_long", "name_open", "junk", "too_many", "too_deep", "header_cut"]


def facts(setup, fields, body, more="", condition="mime.depth >= 0"):
    s = setup.sluice(CONF % (more, condition))
    m = setup.milter(s)
    m.greet()
    assert m.message(headers=list(fields), body=body).kind == "continue"
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    return {name[5:]: value for name, value in case["facts"].items() if name.startswith("mime.")}


def of_message(setup, message, **options):
    head, body = message.as_bytes(policy=email.policy.SMTP).split(b"\r\n\r\n", 1)
    fields = [tuple(f.split(":", 1)) for f in re.split(r"\r\n(?!\s)", head.decode())]
    return facts(setup, [(n, v.strip()) for n, v in fields], body, **options)


def a_message():
    m = email.message.EmailMessage()
    m["Subject"] = "a thing"
    m.set_content("Grüße")
    m.add_alternative("<p>Grüße", subtype="html")
    m.add_attachment(b"%PDF-1.4" * 10, maintype="application", subtype="pdf", filename="Rechnung März.pdf")
    inner = email.message.EmailMessage()
    inner.set_content("inner", charset="iso-8859-1")
    inner.add_attachment(b"PK\3\4", maintype="application", subtype="zip", filename="x.zip")
    m.add_attachment(inner)
    return m


def test_what_is_said_of_good_mail(setup):
    found = of_message(setup, a_message(), condition="mime.sha256 contains x")
    assert found == {"types": ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf", "message/rfc822", "multipart/mixed",
                               "text/plain", "application/zip"], "parts": 9, "depth": 3, "attachments": 3, "largest": 80,
                     "charsets": ["utf-8", "utf-8", "iso-8859-1"], "encodings": ["8bit", "8bit", "base64", "8bit", "7bit", "base64"],
                     "names": ["Rechnung März.pdf", "x.zip"], "outcome": "done",
                     "sha256": [hashlib.sha256(c).hexdigest() for c in ("Grüße\r\n".encode(), "<p>Grüße\r\n".encode(), b"%PDF-1.4" * 10, b"inner\r\n", b"PK\3\4")]
                     } | {name: False for name in ODD}


PART = b"--b\r\n%s\r\n\r\n%s\r\n--b--\r\n"
IN_B = [("Content-Type", "multipart/mixed; boundary=b")]
NAMED = b"Content-Disposition: attachment; "


@pytest.mark.parametrize("fact, fields, body, where", [
    ("two_types", [("Content-Type", "text/plain"), ("Content-Type", "text/html")], b"x", "1"),
    ("two_encodings", [("Content-Transfer-Encoding", "7bit"), ("Content-Transfer-Encoding", "base64")], b"x", "1"),
    ("bad_type", [("Content-Type", "text")], b"x", "1"),
    ("bad_encoding", [("Content-Transfer-Encoding", "base-64")], b"x", "1"),
    ("bad_encoding", [*IN_B, ("Content-Transfer-Encoding", "base64")], PART % (b"", b"x"), "0"),
    ("bad_header", IN_B, PART % (b"X: y\r\nno field", b"x"), "1"),
    ("bad_boundary", [("Content-Type", "multipart/mixed")], b"--b\r\n\r\nx", "1"),
    ("near_boundary", IN_B, PART % (b"", b"x\r\n--bb\r\ny"), "0"),
    ("no_end", IN_B, b"--b\r\n\r\nx\r\n", "0"),
    ("epilogue", IN_B, PART % (b"", b"x") + b"more", "0"),
    ("names_differ", IN_B, PART % (b"Content-Type: text/plain; name=a.txt\r\n" + NAMED + b"filename=a.exe", b"x"), "1"),
    ("name_repeated", IN_B, PART % (NAMED + b"filename=a; filename=b", b"x"), "1"),
    ("name_eight_bit", IN_B, PART % (NAMED + "filename=\u00fc".encode(), b"x"), "1"),
    ("name_encoded_twice", IN_B, PART % (NAMED + b"filename*=utf-8''=%3Futf-8%3Fq%3Fa%3F=", b"x"), "1"),
    ("name_control", IN_B, PART % (NAMED + b"filename*=utf-8''a.txt%00.exe", b"x"), "1"),
    ("name_bidi", IN_B, PART % (NAMED + b"filename*=utf-8''a%E2%80%AEtxt.exe", b"x"), "1"),
    ("name_long", IN_B, PART % (NAMED + b"filename=" + b"a" * 1500, b"x"), "1"),
    ("name_open", IN_B, PART % (NAMED + b'filename="a.exe', b"x"), "1"),
    ("junk", [("Content-Transfer-Encoding", "base64")], b"aGVs!bG8=", "1"),
    ("junk", [("Content-Transfer-Encoding", "quoted-printable")], b"=zz", "1"),
])
def test_each_oddity_is_a_fact_with_its_place(setup, fact, fields, body, where):
    found = facts(setup, fields, body)
    assert {name for name in ODD if found[name]} == {fact} and found["odd"] == [f"{where} {fact}"]


@pytest.mark.parametrize("fact, more, fields, body", [
    ("too_many", "body { parts 3 }", IN_B, b"--b\r\n\r\nx\r\n" * 3 + b"--b--"),
    ("too_deep", "body { depth 2 }", [("Content-Type", "message/rfc822")], b"Content-Type: message/rfc822\r\n\r\n" * 3 + b"\r\nx"),
    ("header_cut", "body { header 1000 }", IN_B, PART % (b"X: y\r\n" * 300, b"x")),
])
def test_each_limit_is_a_fact(setup, fact, more, fields, body):
    within = facts(setup, fields, body)
    assert not within[fact]
    assert facts(setup, fields, body, more=more)[fact]


def test_hostile_structures_cost_little(setup):
    """Ten thousand parts in each other, a hundred thousand beside each other, two million lines that look like a boundary."""
    deep = b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (i, i + 1) for i in range(10000))
    assert facts(setup, [("Content-Type", "multipart/mixed; boundary=b0")], deep)["too_deep"]
    assert facts(setup, IN_B, b"--b\r\n\r\n" * 100000)["too_many"]
    lines = b"".join(b"--%s%d\r\nContent-Type: multipart/mixed; boundary=%s%d\r\n\r\n" % (b"a" * 60, i, b"a" * 60, i + 1) for i in range(20)) + b"--a\r\n" * 2000000
    assert facts(setup, [("Content-Type", f"multipart/mixed; boundary={'a' * 60}0")], lines)["no_end"]


def test_a_message_that_is_cut_says_so_and_is_not_called_broken(setup):
    found = facts(setup, IN_B, PART % (b"", b"x" * 5000), more="body { max 2000 }", condition="body.cut")
    assert not found["no_end"] and found["largest"] < 2000
