# SPDX-License-Identifier: BSD-2-Clause
"""What rules do to the body of a message that goes on: parts replaced by notes, a text at its end; and that it is whole MIME afterwards."""
import email
import email.policy
import re

import pytest
from support import sluice
from support.milter import ALL_ACTIONS, CONTINUE
from support.signing import Keys

CHGBODY = 0x02  # SMFIF_*
REPLACE = 'at message { rule strip replace parts of mime.odd name_repeated "taken out: {mime.odd}" when mime.name_repeated }\n'
BAD = b'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a; filename=b\r\nContent-Transfer-Encoding: base64\r\n\r\nYmFk'
IN_B = (("From", "a@example.net"), ("Subject", "t"), ("MIME-Version", "1.0"), ("Content-Type", "multipart/mixed; boundary=b"))


def sent(setup, s, headers, body, **options):
    m = setup.milter(s, **options)
    m.greet()
    return m.message(headers=headers, body=body)


def case(s):
    return s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))


def changed(answer, headers, body):
    """The message as the mail server has it after the edits."""
    pieces = [e[1] for e in answer.edits if len(e) == 2 and e[0] == "b"]
    fields = [[n, v] for n, v in headers]
    for e in answer.edits:
        if len(e) == 4 and e[0] == "change":
            at = [f for f in fields if f[0].lower() == e[2].lower()][e[1] - 1]
            if e[3] == "":
                fields.remove(at)
            else:
                at[1] = e[3].strip()
        elif len(e) == 4 and e[0] == "insert":
            fields.insert(e[1], [e[2], e[3].strip()])
    head = "".join(f"{n}: {v}\r\n" for n, v in fields).encode()
    return email.message_from_bytes(head + b"\r\n" + (b"".join(pieces) if pieces else body), policy=email.policy.default)


def shape(message):
    return [p.get_content_type() for p in message.walk()]


def test_a_part_gives_way_to_a_note(setup):
    s = setup.sluice(REPLACE)
    body = b"--b\r\n\r\nhello\r\n--b\r\n" + BAD + b"\r\n--b--\r\n"
    answer = sent(setup, s, IN_B, body)
    got = changed(answer, IN_B, body)
    assert answer.kind == CONTINUE and shape(got) == ["multipart/mixed", "text/plain", "text/plain"] and not got.defects
    assert [p.get_content().strip() for p in got.iter_parts()] == ["hello", "taken out: 2 name_repeated"]
    assert case(s)["changed"] == ["part 2 replaced by rule strip"]


def test_a_message_that_is_nothing_else_becomes_the_note(setup):
    s = setup.sluice(REPLACE)
    headers = (("From", "a@example.net"), ("MIME-Version", "1.0"), ("Content-Type", "application/zip; name=a; name=b"), ("content-transfer-encoding", "base64"),
               ("Content-ID", "<1@x>"), ("DKIM-Signature", "v=1"))
    got = changed(sent(setup, s, headers, b"YmFk"), headers, b"YmFk")
    assert got.get_content_type() == "text/plain" and got.get_content().strip() == "taken out: 1 name_repeated"
    assert got["Content-Transfer-Encoding"] == "7bit" and got["Content-ID"] is None and len(got.get_all("Content-Type")) == 1
    assert case(s)["changed"] == ["part 1 replaced by rule strip", "a DKIM-Signature that it came with does not hold any more"]


def test_only_the_parts_that_are_meant(setup):
    s = setup.sluice('at message { rule strip replace parts of mime.odd name_open, name_repeated "gone" when mime.parts > 0 }\n')
    body = b"--b\r\nContent-Disposition: attachment; filename=\xff\r\n\r\nodd, but not meant\r\n--b\r\n" + BAD + b"\r\n--b--\r\n"
    got = changed(sent(setup, s, IN_B, body), IN_B, body)
    assert [p.get_payload(decode=True).strip() for p in got.iter_parts()] == [b"odd, but not meant", b"gone"]


def test_nothing_that_was_to_go_goes_out(setup):
    """Whatever is in the way: the body is larger than is kept, no part is named, the server does not let it be changed."""
    body = b"--b\r\n" + BAD + b"\r\n--b\r\n\r\n" + b"x" * 5000 + b"\r\n--b--\r\n"
    s = setup.sluice("body { max 1000 }\n" + REPLACE)
    answer = sent(setup, s, IN_B, body)
    assert [e for e in answer.edits if e[0] == "q"] and "larger than 'body { max }'" in case(s)["verdict"]["text"] and case(s)["verdict"]["rule"] == "strip"
    s = setup.sluice('at message { rule strip replace parts of mime.odd epilogue "gone" when mime.name_repeated }\n')
    answer = sent(setup, s, IN_B, body)
    assert [e for e in answer.edits if e[0] == "q"] and not [e for e in answer.edits if e[0] == "b"] and "no part is named" in case(s)["verdict"]["text"]
    s = setup.sluice(REPLACE)
    assert sent(setup, s, IN_B, body, actions=ALL_ACTIONS & ~CHGBODY).text.startswith("451 4.7.1")


def test_what_is_no_part_is_not_taken_for_one_that_was_replaced(setup):
    """As "message Eicar-Test-Signature", which is about none of the parts: the message does not go out with what was found in it."""
    s = setup.sluice('at message { rule strip replace parts of mime.types "gone" when mime.parts > 0 }\n')
    answer = sent(setup, s, (("From", "a@example.net"),), b"x")
    assert [e for e in answer.edits if e[0] == "q"] and "no part is named" in case(s)["verdict"]["text"]


@pytest.fixture
def footer(setup):
    (setup.folder / "footer").write_text("-- \nGrüße von example.org\n")
    return f'at message {{ rule foot append file {setup.folder / "footer"} when mime.parts > 0 }}\n'


@pytest.mark.parametrize("headers, body, want", [
    ([("Content-Type", "text/plain; charset=iso-8859-1"), ("Content-Transfer-Encoding", "8bit")], b"gr\xfc\xdfe\r\n", ["multipart/mixed", "text/plain", "text/plain"]),
    ([], b"plain\r\n", ["multipart/mixed", "text/plain", "text/plain"]),
    ([("Content-Type", "multipart/mixed; boundary=b")], b"--b\r\n\r\nx\r\n--b--\r\n", ["multipart/mixed", "text/plain", "text/plain"]),
    ([("Content-Type", "multipart/signed; boundary=b")], b"--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\ny\r\n--b--\r\n",
     ["multipart/mixed", "multipart/signed", "text/plain", "application/pgp-signature", "text/plain"]),
])
def test_a_text_at_the_end(setup, footer, headers, body, want):
    s = setup.sluice(footer)
    headers = [("From", "a@example.net"), *headers]
    got = changed(sent(setup, s, headers, body), headers, body)
    assert shape(got) == want and not got.defects and (got["MIME-Version"] or want[1:] == ["text/plain"] * 2 and headers[1:])
    parts = list(got.walk())
    assert parts[-1].get_content().replace("\r", "").strip() == "-- \nGrüße von example.org"
    if b"gr" in body:
        assert parts[1].get_content().strip() == "grüße"
    assert case(s)["changed"] == ["text at the end by rule foot"]


def test_a_large_message_is_changed_as_a_stream(setup, footer):
    s = setup.sluice("body { memory 10K }\n" + footer)
    body = b"--b\r\n\r\n" + b"0123456789" * 300000 + b"\r\n--b--\r\n"
    got = changed(sent(setup, s, IN_B, body), IN_B, body)
    assert [len(p.get_payload()) for p in got.iter_parts()][0] >= 3000000 and shape(got) == ["multipart/mixed", "text/plain", "text/plain"]


def test_what_does_not_match_changes_nothing(setup, footer):
    s = setup.sluice(footer.replace("mime.parts > 0", "mime.parts > 5") + 'at message { shadow rule s replace parts of mime.odd "gone" }\n')
    answer = sent(setup, s, IN_B, b"--b\r\n" + BAD + b"\r\n--b--\r\n")
    assert not [e for e in answer.edits if e[0] == "b"] and "changed" not in case(s)


@pytest.mark.parametrize("multipart", [False, True])
def test_a_signature_is_over_what_goes_out(setup, multipart):
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "rsa")
    (setup.folder / "footer").write_text("the end\n")
    s = setup.sluice(f"sign {{ keys {keys.folder} }}\nat message {{\nrule foot append file {setup.folder / 'footer'} when mime.parts > 0\nrule sign sign }}\n")
    headers = [("From", "a@example.org"), ("To", "b@example.net"), ("Subject", "t")] + (list(IN_B[2:]) if multipart else [("Content-Type", "text/html")])
    body = b"--b\r\n\r\nx\r\n--b--\r\n" if multipart else b"<p>\r\n"
    m = setup.milter(s, macros={"M": {"{auth_authen}": "alice", "{auth_type}": "PLAIN"}})
    m.greet()
    answer = m.message(sender="<a@example.org>", headers=headers, body=body)
    pieces = [e[1] for e in answer.edits if len(e) == 2 and e[0] == "b"]
    fields = [f for f in headers if multipart or not f[0].startswith("Content-")]
    for e in answer.edits:
        if len(e) == 4 and e[0] == "insert" and e[2] != "Authentication-Results":
            fields.insert(0, (e[2], e[3].strip(" ")))
    wire = "".join(f"{n}: {v}\r\n" for n, v in fields).replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\r\n" + b"".join(pieces)
    assert pieces and keys.signers(wire) == ["example.org/rsa rsa-sha256"]


@pytest.mark.parametrize("rules, why", [
    ('rule r replace parts of mime.parts "x"', "'mime.parts' names no parts"),
    ('rule r replace parts of mime.od "x"', "did you mean 'mime.odd'?"),
    ('rule r replace mime.odd "x"', "'parts of' and a fact that names them"),
    ('rule r replace parts of mime.odd', "a text"),
    ('rule r append "x"', "'file' and the path of a text"),
    ('rule r append file nowhere', "cannot be read"),
    ('rule s seal\nrule r append file f', "changes what rule s above it has signed"),
])
def test_mistakes_are_named(setup, rules, why):
    (setup.folder / "f").write_text("x")
    (setup.folder / "bad.conf").write_text(sluice.plugin_lines() + f"at message {{\n{rules}\n}}\n")
    done = sluice.ctl("config", "check", "-c", setup.folder / "bad.conf")
    assert done.returncode != 0 and why in done.stderr, done.stderr
