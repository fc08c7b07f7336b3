# SPDX-License-Identifier: BSD-2-Clause
"""The same behind the real Postfix and the real Sendmail: what is remembered, what is held, what a reply and a header look like."""
import email
import email.policy
import os
import re
import time

import pytest
from support import arc_sender, dkim_sender, net, sendmail
from support import signing as signing_keys
from support.mta import PLAIN

needs_root = pytest.mark.skipif(os.geteuid() != 0 or not sendmail.BINARY.exists(), reason="root, and Sendmail as contrib/packages unpacks it")
CLIENT, NEIGHBOUR, POOL, OTHER, STRANGER = "192.0.2.1", "192.0.2.2", "198.51.100.7", "203.0.113.9", "203.0.113.77"
ZONE = """1.2.0.192.in-addr.arpa PTR mail.example.net
mail.example.net A 192.0.2.1
mail.example.net TXT none
example.net TXT v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 ip4:203.0.113.9 -all
9.113.0.203.in-addr.arpa TXT none
"""
CONF = """authserv_id mx.example.org
list local-domains domain [example.org]
stage_deadline 5s
role submission {{ when client.authenticated }}
role mx {{ when not client.authenticated }}
state {{ {state} }}
greylist {{ delay 1s }}
{rules}
"""


@pytest.fixture(params=["postfix", pytest.param("sendmail", marks=needs_root)])
def mta(request):
    return request.param


def start(setup, mta, rules, state=None, **options):
    """A gateway and the server before it."""
    s = setup.sluice(CONF.format(state=state or f"lmdb {setup.folder}/state", rules=rules), ZONE)
    net.wait_for(lambda: s.ctl("limits", "list").returncode == 0, "the store to be connected")
    return s, getattr(setup, mta)(s, **options)


def case(s):
    return s.explain(s.cases()[-1].split("case=")[1].split()[0])


def assert_no_complaint(server):
    """Neither server has found fault with its milter."""
    bad = [line for line in server.log().splitlines()
           if re.search(r"Milter \(sluice\): (?!init success)|(warning|error|fatal|panic).*milter|default_action", line)]
    assert not bad, bad


def test_a_refusal_is_read_as_it_was_written(setup, mta):
    s, server = start(setup, mta, """at rcpt {
    rule percent reject "550 5.7.1 100% of {rcpt.address} %s%n"  when rcpt.address matches "percent*"
    rule later   tempfail "452 4.2.2 {mail.from} may try {rcpt.address} later"   when rcpt.address matches "later*"
}""")
    code, text = server.send(CLIENT, recipients=["percent@example.org"])
    assert code == 550 and re.match(r"5\.7\.1 (<\S+>\.\.\. )?100% of percent@example\.org %s%n \(ref=", text), text  # Sendmail names the recipient
    code, text = server.send(CLIENT, recipients=["later@example.org"])
    assert code == 452 and re.match(r"4\.2\.2 (<\S+>\.\.\. )?a@example\.net may try later@example\.org later \(ref=", text), text
    assert_no_complaint(server)


def test_the_header_stands_above_all_and_forged_ones_go(setup, mta):
    s, server = start(setup, mta, "")
    forged = b"Authentication-Results: mx.example.org; spf=pass\r\n"
    message = forged + b"X-Spaces:   three\r\nX-Folded: a\r\n\tb\r\n" + forged + PLAIN
    assert server.send(CLIENT, message=message)[0] == 250
    got = server.delivered()[0].decode()
    fields = re.split(r"\n(?![ \t])", got.split("\n\n")[0])
    if fields[0].startswith(("From ", "Return-Path:")):
        fields.pop(0)  # the mailer's, at delivery
    assert fields[0].startswith("Authentication-Results: mx.example.org;\n\t"), got
    assert "spf=pass smtp.mailfrom=a@example.net" in fields[0] and "iprev=pass" in fields[0]
    assert fields[1].startswith("Received:")
    assert got.count("Authentication-Results:") == 1
    assert "X-Spaces:   three\n" in got and "X-Folded: a\n\tb\n" in got
    c = case(s)
    assert c["queue_id"] and c["queue_id"] in server.log() and c["client"]["ip"] == CLIENT and c["client"]["helo"] == "mail.example.net"
    assert_no_complaint(server)


def test_the_macros_of_a_session(setup, mta):
    s, server = start(setup, mta, "at rcpt { rule seen score 1 when port == 587 or mta.name == mx.example.org }")
    assert server.send(CLIENT)[0] == 250
    facts = case(s)["facts"]
    assert facts["mta.name"] == "mx.example.org" and facts["client.port"] > 0 and "client.authenticated" in facts
    assert facts["rcpt.resolved"] if "rcpt.resolved" in facts else True
    assert server.send(CLIENT, login="alice", sender="alice@example.org", recipients=["b@elsewhere.example"])[0] == 250
    facts = case(s)["facts"]
    assert facts["client.authenticated"] is True and facts["auth.user"].startswith("alice")
    if mta == "sendmail":
        assert facts["port"] == 587 and facts["daemon.name"] == "MSA" and facts["mta.version"] == "8.17.1.9"
    assert_no_complaint(server)


def test_greylisting_and_a_pool_of_addresses(setup, mta, state):
    s, server = start(setup, mta, "at rcpt { rule grey greylist }", state)
    code, text = server.send(CLIENT)
    assert code == 451 and re.match(r"4\.7\.1 (<\S+>\.\.\. )?greylisted: try again in 1 seconds \(ref=", text), text
    net.wait_for(lambda: server.send(CLIENT)[0] == 250, "the delay to be over")
    assert server.send(POOL)[0] == 250  # the domain authorises both
    assert server.send(OTHER)[0] == 250
    assert server.send(STRANGER)[0] == 451
    server.delivered(3)
    assert_no_complaint(server)


def test_a_bounce_is_greylisted_at_data(setup, mta):
    s, server = start(setup, mta, "at rcpt { rule grey greylist }")
    with server.client(CLIENT) as smtp:
        smtp.ehlo()
        assert smtp.mail("")[0] == 250 and smtp.rcpt("u@example.org")[0] == 250
        code, text = smtp.docmd("DATA")
        assert code == 451 and b"greylisted: try again in" in text


def test_the_61st_of_a_minute_waits(setup, mta, state):
    s, server = start(setup, mta, "at mail { rule fast limit 1/1m burst 60 by client.ip }", state)
    with server.client(CLIENT) as smtp:
        smtp.ehlo()
        for _ in range(60):
            assert smtp.mail("a@example.net")[0] == 250
            smtp.rset()
        code, text = smtp.mail("a@example.net")
    assert code == 451 and text.startswith(b"4.7.1 too many messages: try again in"), text
    assert server.send(NEIGHBOUR)[0] == 250


def delivered_to(server):
    """The local parts of those who got something, as the mail server's log has them."""
    lines = [line for line in server.log().splitlines() if "status=sent" in line or "stat=Sent" in line]
    return sorted(name for line in lines for name in re.findall(r"(\w+)@example\.org", line.split(" to=", 1)[1].split(" ")[0]))


def test_a_message_goes_elsewhere_and_another_nowhere(setup, mta):
    s, server = start(setup, mta, """at message {
        rule junk  discard "junk"                       when mail.from == junk@example.net
        rule look  redirect look@example.org            when mail.from == odd@example.net
        rule copy  add recipient copy@example.org       when mail.from == a@example.net
        rule spam  tag subject "[SPAM] "
    }""")
    subject = PLAIN.replace(b"Subject: t", b"Subject: =?utf-8?q?t=C3=BC?=")
    for sender in ("junk@example.net", "odd@example.net", "a@example.net"):
        assert server.send(CLIENT, sender=sender, recipients=["u@example.org", "v@example.org"], message=subject)[0] == 250
    got = server.delivered(2)
    assert all(b"\nSubject: [SPAM] =?utf-8?q?t=C3=BC?=\n" in m for m in got)
    net.wait_for(lambda: set(delivered_to(server)) >= {"look", "u", "v", "copy"}, "all to be delivered")
    assert delivered_to(server) == ["copy", "look", "u", "v"]
    assert_no_complaint(server)


@pytest.mark.parametrize("disagree", ["strictest", "remove"])
def test_recipients_who_disagree(setup, mta, disagree):
    s, server = start(setup, mta, f"""recipients_disagree {disagree}
    at message for each recipient {{
        rule strict reject "550 5.7.1 {{rcpt.address}} wants none of this" when rcpt.address == strict@example.org
    }}""")
    recipients = ["u@example.org", "strict@example.org", "v@example.org"]
    code, text = server.send(CLIENT, recipients=recipients)
    if disagree == "strictest":
        assert code == 550 and "strict@example.org wants none of this" in text
        recipients = ["u@example.org", "v@example.org"]
        code, text = server.send(CLIENT, recipients=recipients)
    assert code == 250
    net.wait_for(lambda: set(delivered_to(server)) >= {"u", "v"}, "the others to get it")
    assert delivered_to(server) == ["u", "v"]
    if disagree == "remove":
        c = case(s)
        assert [r.get("removed", False) for r in c["recipients"]] == [False, True, False]
    assert_no_complaint(server)


def test_two_gateways_on_one_redis(setup, mta):
    from support.redis import Redis
    rules = "at mail { rule fast limit 1/1h burst 3 by mail.from }\nat rcpt { rule grey greylist when mail.domain == example.net }"
    with Redis(setup.folder) as redis:
        (_, one), (_, two) = (start(setup, mta, rules, f"redis {redis.path} timeout 20s") for _ in range(2))
        assert one.send(CLIENT, sender="a@example.com")[0] == 250
        assert two.send(CLIENT, sender="a@example.com")[0] == 250
        assert one.send(CLIENT, sender="a@example.com")[0] == 250
        assert two.send(CLIENT, sender="a@example.com")[0] == 451
        assert one.send(CLIENT)[0] == 451
        net.wait_for(lambda: two.send(CLIENT)[0] == 250, "the delay to be over")


def test_mail_is_held(setup, mta):
    s, server = start(setup, mta, 'at message { rule look hold "{mail.from} is strange" when mail.from == b@example.net }')
    assert server.send(CLIENT, sender="b@example.net", message=b"X-Marker: held\r\n" + PLAIN)[0] == 250
    c = case(s)
    assert c["verdict"]["action"] == "hold" and c["queue_id"] in server.held()
    assert server.send(CLIENT, message=b"X-Marker: free\r\n" + PLAIN)[0] == 250
    assert server.delivered(1, b"X-Marker: free")
    assert server.held() == [c["queue_id"]] and not any(b"X-Marker: held" in f.read_bytes() for f in server.mail.iterdir())
    server.release(c["queue_id"])
    assert server.delivered(1, b"X-Marker: held") and not server.held()
    assert_no_complaint(server)


def test_an_account_that_writes_to_many(setup, mta):
    s, server = start(setup, mta, 'at rcpt in submission { rule stolen tempfail "451 4.7.1 {account.recipients} recipients this hour" '
                                  'warn when account.recipients > 3 }')
    recipients = [f"u{i}@elsewhere.example" for i in range(5)]
    code, text = server.send(CLIENT, login="alice", recipients=recipients)
    assert code == 451 and "4 recipients this hour (ref=" in text, text
    assert server.send(CLIENT, recipients=recipients)[0] == 250
    assert len(re.findall(r"rule=stolen matched: action=tempfail stage=rcpt user=alice", s.log())) == 1


def test_recipients_that_the_server_refuses_are_heard_of(setup):
    """By Postfix; Sendmail has to be built with _FFR_MILTER_CHECK_REJECTIONS_TOO."""
    rules = 'at rcpt { rule guess reject "550 5.7.1 {account.failed} of {account.tried}" when account.tried > 3 }'
    s, server = start(setup, "postfix", rules, extra="smtpd_recipient_restrictions = check_recipient_access inline:{no@example.org=REJECT}, "
                                                     "check_client_access static:OK, reject")
    with server.client(CLIENT, login="alice") as smtp:
        smtp.ehlo()
        smtp.mail("alice@example.org")
        for _ in range(3):
            assert smtp.rcpt("no@example.org")[0] == 554
        code, text = smtp.rcpt("u@example.org")
        assert code == 550 and b"3 of 4 (ref=" in text, text
    assert [r["address"] for r in case(s)["recipients"]] == ["u@example.org"]
    assert_no_complaint(server)


def test_a_gateway_that_is_away_loses_nothing(setup, mta):
    s, server = start(setup, mta, "")
    assert server.send(CLIENT)[0] == 250
    s.stop()
    code, _ = server.send(CLIENT)
    assert 400 <= code < 500
    s.start()
    net.wait_for(lambda: server.send(CLIENT)[0] == 250, "the gateway to be asked again")
    began = time.monotonic()
    server.delivered(2)
    assert time.monotonic() - began < net.PATIENCE_S


# ---- DKIM ----

OURS = b"From: Alice <alice@example.org>\r\nTo: u@example.org\r\nSubject: hello\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n" \
       b"\r\nwritten by Alice\r\n.\r\n"


@pytest.fixture
def signing(setup, mta):
    """A gateway with two keys for example.org, which are in its DNS, and the server before it."""
    keys = signing_keys.Keys(setup.folder / "keys")
    for kind in ("rsa", "ed25519"):
        keys.make("example.org", kind, kind)
    zone = ZONE + "".join(f"{name} TXT {text}\n" for name, text in keys.records.items())
    s = setup.sluice(CONF.format(state=f"lmdb {setup.folder}/state", rules=f"sign {{ keys {keys.folder} }}\nat message in submission {{ rule sign sign }}"), zone)
    return s, getattr(setup, mta)(s), keys


def results(message):
    """Of our header: what each method said."""
    return re.findall(r"dkim=(\w+)[^;]*header\.d=([\w.]+) header\.s=(\w+) header\.a=([\w-]+)", re.sub(r"\n[ \t]+", " ", message.decode()))


def test_mail_of_a_user_leaves_signed_and_arrives_well(signing):
    s, server, keys = signing
    assert server.send(CLIENT, login="alice", sender="alice@example.org", message=b"X-Marker: first\r\n" + OURS)[0] == 250
    first = server.delivered(1, b"X-Marker: first")[0]
    signed = first[first.index(b"DKIM-Signature:"):].replace(b"\n", b"\r\n")
    assert sorted(keys.signers(signed)) == ["example.org/ed25519 ed25519-sha256", "example.org/rsa rsa-sha256"]  # python3-dkim says so
    assert case(s)["facts"]["sign.result"] == "signed"

    both = {("pass", "example.org", "rsa", "rsa-sha256"), ("pass", "example.org", "ed25519", "ed25519-sha256")}
    assert server.send(CLIENT, message=b"X-Marker: again\r\n" + signed)[0] == 250
    assert set(results(server.delivered(1, b"X-Marker: again")[0])) == both
    assert case(s)["facts"]["dkim.result"] == "pass"

    for marker, forged in ((b"body", signed.replace(b"by Alice", b"by Mallory")), (b"subject", signed.replace(b"Subject: hello", b"Subject: pay")),
                           (b"author", signed.replace(b"From: Alice", b"From: Boss <boss@example.org>\r\nFrom: Alice"))):
        assert server.send(CLIENT, message=b"X-Marker: " + marker + b"\r\n" + forged)[0] == 250
        assert {r[0] for r in results(server.delivered(1, b"X-Marker: " + marker)[0])} == {"fail"}, marker
        assert case(s)["facts"]["dkim.result"] == "fail"
    assert_no_complaint(server)


def test_mail_of_others_and_from_strangers_is_not_signed(signing):
    s, server, _ = signing
    assert server.send(CLIENT, login="alice", message=b"X-Marker: theirs\r\n" + PLAIN)[0] == 250
    assert b"DKIM-Signature" not in server.delivered(1, b"X-Marker: theirs")[0]
    facts = case(s)["facts"]
    assert facts["sign.result"] == "not-ours" and "example.net" in facts["sign.reason"]
    assert server.send(CLIENT, message=b"X-Marker: forged\r\n" + OURS)[0] == 250
    assert b"DKIM-Signature" not in server.delivered(1, b"X-Marker: forged")[0]
    assert "sign.result" not in case(s)["facts"]


@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
def test_a_signed_message_is_one_whoever_brings_it(setup, mta, canon):
    s = setup.sluice("authserv_id mx.example.org\n", ZONE + dkim_sender.zone({"sel": dkim_sender.rsa().record, "ed": dkim_sender.ed25519().record}))
    server = getattr(setup, mta)(s)
    signed = dkim_sender.sign(dkim_sender.sign(canon=canon), key=dkim_sender.ed25519(), selector="ed", canon=canon)
    for message, want in [(signed, ["pass", "pass"]), (signed.replace(b"Hello", b"Hullo"), ["fail", "fail"])]:
        assert server.send(CLIENT, message=message)[0] == 250
        assert re.findall(r"dkim=(\w+)", case(s)["authentication_results"]) == want
    assert_no_complaint(server)


# ---- ARC ----


def test_a_chain_is_judged_and_goes_on_sealed(setup, mta):
    """Sealed by python3-dkim, handed on by us with a set of ours, and judged by python3-dkim as it was delivered; and once more by us."""
    keys = signing_keys.Keys(setup.folder / "keys")
    keys.make("example.org", "arc")
    records = dict(keys.records, **{"sel._domainkey.list.example.net": dkim_sender.rsa().record})
    s = setup.sluice(f"authserv_id mx.example.org\nlist trusted-sealers domain [list.example.net]\nseal {{ key {keys.folder}/example.org/arc.pem }}\n"
                     "at message { rule seal seal }\n", ZONE + "".join(f"{name} TXT {text}\n" for name, text in records.items()))
    server = getattr(setup, mta)(s)
    message = arc_sender.seal(dkim_sender.MESSAGE, "list.example.net")
    for marker, i in ((b"first", 2), (b"second", 3)):
        assert server.send(CLIENT, message=b"X-Marker: " + marker + b"\r\n" + message)[0] == 250
        facts = case(s)["facts"]
        assert (facts["arc.cv"], facts["seal.result"], facts["seal.instance"]) == ("pass", "sealed", i), facts
        delivered = server.delivered(1, b"X-Marker: " + marker)[0]
        message = delivered[delivered.index(b"ARC-Seal:"):].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        assert arc_sender.verdict(message, records) == ("pass", "success")
    assert server.send(CLIENT, message=message.replace(b"Hello", b"Hullo"))[0] == 250
    assert case(s)["facts"]["arc.cv"] == "fail"
    assert_no_complaint(server)


@pytest.mark.parametrize("kind", ["multipart", "plain"])
def test_a_changed_message_arrives_whole_and_is_sealed_as_it_is(setup, mta, kind):
    keys = signing_keys.Keys(setup.folder / "keys")
    keys.make("example.org", "arc")
    (setup.folder / "footer").write_text("-- \nread by example.org\n")
    s = setup.sluice(f"authserv_id mx.example.org\nseal {{ key {keys.folder}/example.org/arc.pem }}\nat message {{\n"
                     'rule strip replace parts of mime.odd names_differ "taken out: {mime.names}" when mime.names_differ\n'
                     f"rule foot append file {setup.folder}/footer when mime.parts > 0\nrule seal seal\n}}\n",
                     ZONE + "".join(f"{name} TXT {text}\n" for name, text in keys.records.items()))
    server = getattr(setup, mta)(s)
    message = b"From: a@example.net\r\nTo: u@example.org\r\nSubject: files\r\nMIME-Version: 1.0\r\nX-Marker: changed\r\n"
    if kind == "multipart":
        message += (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nkept\r\n--b\r\nContent-Type: text/plain; name=a.txt\r\n"
                    b"Content-Disposition: attachment; filename=a.exe\r\n\r\nbad " + b"0123456789\r\n" * 20000 + b"--b--\r\n")
    else:
        message += b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>kept=21</p>\r\n"
    assert server.send(CLIENT, message=message)[0] == 250
    delivered = server.delivered(1, b"X-Marker: changed")[0]
    got = email.message_from_bytes(delivered, policy=email.policy.default)
    texts = [p.get_content().strip() for p in got.walk() if not p.is_multipart()]
    assert texts == (["kept", "taken out: a.exe, a.txt"] if kind == "multipart" else ["<p>kept!</p>"]) + ["-- \nread by example.org"] and b"0123456789" not in delivered
    assert not any(p.defects for p in got.walk()) and len(got.get_all("Content-Type")) == len(got.get_all("MIME-Version")) == 1
    sealed = delivered[delivered.index(b"ARC-Seal:"):].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert arc_sender.verdict(sealed, dict(keys.records)) == ("pass", "success")
    assert case(s)["changed"][-1] == "text at the end by rule foot"
    assert_no_complaint(server)
