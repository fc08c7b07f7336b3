# SPDX-License-Identifier: BSD-2-Clause
"""What no honest client sends: no crash, no hang, no fault, nothing raw in log or reply, and the next message is served."""
import os
import random
import struct

import pytest
from support import net
from support.milter import CONTINUE, REPLY, Closed, Milter, z

POLICY = """
authserv_id mx.example.org
stage_deadline 2s
list local-domains domain [example.org]
dnsbl zen.example {
 weight 1
 lookup [client helo mail]
 test_points no
}
at helo    { rule helo   score 1  when helo.form == malformed or helo.ours or dnsbl_helo.weight >= 1 }
at mail    { rule size   tempfail "{mail.from} {mail.size} {mail.envid}" when mail.size > 1000000000000 }
at rcpt    { rule relay  reject "550 5.7.1 relaying denied"  when relay.attempt and rcpt.address != "any@example.net" }
at message { rule points tag "{score} {helo.name} {mail.from} {header.count}"
             rule large  score 1  when message.size > 1000000 and dnsbl_mail.weight >= 1 and spf_helo.result == fail }
"""


@pytest.fixture
def daemon(setup):
    s = setup.sluice(f"dns {{\n forward {setup.dns().forward}\n timeout 500ms\n}}\n" + POLICY)
    yield s
    healthy(setup, s)


def healthy(setup, s):
    """Nothing is left of what was done to it, and it serves as before."""
    for m in [thing for thing in setup.running if isinstance(thing, Milter)]:
        m.sock.close()
    net.wait_for(lambda: s.status()["connections"] == "0", "all connections to be gone")
    m = Milter(s.listen)
    assert m.greet().kind == CONTINUE
    assert m.message().kind == CONTINUE
    m.sock.close()
    net.wait_for(lambda: s.status()["connections"] == "0", "the last connection to be gone")
    status = s.status()
    assert status["in_progress"] == "0" and status["faults"] == "0"
    log = s.log_file.read_bytes()
    assert not [c for c in log if (c < 0x20 and c != 0x0A) or c >= 0x7F], "a log line holds what is not printable"
    assert all(line.startswith(b"sluiced: ") for line in log.splitlines()), "a log line was broken in two"


ODD = {
    "empty": b"",
    "a blank": b" ",
    "bare CR": b"a\rb",
    "bare LF": b"a\nb",
    "CRLF and a reply": b"a\r\n250 2.0.0 ok",
    "8-bit": bytes(range(0x80, 0x100)),
    "controls": bytes(range(1, 0x20)) + b"\x7f",
    "percent": b"%s%n%d%%{client.ip}%2147483647c",
    "braces": b"{score}{no.such.fact}",
    "quotes": b'"\\"<>()[],;:@',
    "log forgery": b"x verdict=accept\nsluiced: case=0",
    "long": b"x" * 5120,
    "long labels": b"x" * 64 + b"." + b"y" * 300,
    "many dots": b"." * 3000,
    "a literal": b"[192.0.2.1]",
    "half a literal": b"[IPv6:2001:db8::",
    "UTF-8": "b\u00fccher.example \u2603".encode(),
    "half of UTF-8": b"\xe2\x98",
    "overlong UTF-8": b"\xc0\xaf\xed\xa0\x80",
    "escapes of a terminal": b"\x1b]0;x\x07\x1b[2J",
}


@pytest.mark.parametrize("octets", ODD.values(), ids=ODD.keys())
def test_odd_octets_everywhere(setup, daemon, octets):
    m = setup.milter(daemon, macros={c: {n: octets for n in names} for c, names in {
        "C": ["j", "client_name", "client_ptr", "client_port", "daemon_name", "daemon_port"], "M": ["auth_type", "auth_author", "cipher_bits", "tls_version", "mail_addr"],
        "R": ["rcpt_addr", "rcpt_mailer"], "E": ["i"]}.items()})
    m.connect(name=octets)
    assert m.helo(octets).kind == CONTINUE
    for sender in [octets, b"<" + octets + b">", b"<a@" + octets + b">", b"<" + octets + b"@example.net>"]:
        assert m.mail(sender, octets, b"SIZE=" + octets, b"ENVID=" + octets, b"BODY=" + octets, b"=" + octets).kind == CONTINUE
        for recipient in [octets, b"<" + octets + b">", b"<u@" + octets + b">", b"<" + octets + b"@example.org>"]:
            assert m.rcpt(recipient, octets, b"ORCPT=" + octets, b"NOTIFY=" + octets).kind in (CONTINUE, REPLY)
        assert m.rcpt("<any@example.net>").kind == CONTINUE
        for name in [b"Subject", b"Message-ID", b"From", b"Authentication-Results", octets]:
            m.header(name.replace(b"\0", b"") or b"X", octets.decode("utf-8", "surrogateescape"))
        m.end_of_headers()
        m.body(octets)
        end = m.end_of_message()
        assert end.kind == CONTINUE
        for _, _, name, value in end.edits:
            text = value.replace("\n\t", " ").encode("latin-1")
            assert name in ("X-Sluice-Tag", "Authentication-Results") and b"\r" not in text and b"\n" not in text
            assert not [c for c in text if c < 0x20 or c == 0x7F]


def test_odd_octets_in_replies(setup):
    s = setup.sluice('at mail { rule m tempfail "{helo.name}|{mail.from}|{mail.envid}|{auth.user}|{client.ptr}" when helo.name != "mail.example.net" }')
    for octets in ODD.values():
        m = setup.milter(s, macros={"M": {"auth_authen": octets}, "C": {"client_ptr": octets}})
        m.connect()
        m.helo(octets)
        m.send(b"D", b"M{auth_authen}\0" + z(octets))
        answer = m.mail(b"<" + octets + b">", b"ENVID=" + octets)
        assert answer.kind == REPLY
        lines = answer.text.split("\r\n")
        assert all(line.isascii() and line.isprintable() and line.startswith("451") and len(line) <= 510 for line in lines), lines
    healthy(setup, s)


def test_addresses_of_all_kinds(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    for address in ["<>", "<@>", "<@a,@b:u@example.org>", "<@a:@b>", "<u@[192.0.2.1]>", "<u@[IPv6:2001:db8::1]>", "<u@[]>", "<\"a b\"@example.org>",
                    "<\"@\"@example.org>", "<\"\\\"\"@example.org>", "<\"@example.org>", "<a@b@c>", "<u@example.org", "u@example.org>", "u@example.org",
                    "<<u@example.org>>", "<postmaster>", "<PostMaster@>", "<u@.example.org>", "<u@example..org>", "<u@-x-.example>", "<u@xn--bcher-kva.example>",
                    "<m\u00fcller@b\u00fccher.example>", "<" + "l" * 5000 + "@example.net>", "<u@" + "d." * 2500 + "example>", "<u%h@example.org>", "<h!u>"]:
        assert m.mail(address, "SMTPUTF8").kind == CONTINUE, address
        assert m.rcpt(address).kind in (CONTINUE, REPLY), address
        assert m.rcpt("<any@example.net>").kind == CONTINUE
        assert m.content().kind == CONTINUE, address


def test_no_macros_and_no_names(setup, daemon):
    m = setup.milter(daemon)
    m.connect(name="")
    m.helo("")
    assert m.mail("").kind == CONTINUE
    assert m.rcpt("").kind in (CONTINUE, REPLY)
    assert m.end_of_message().kind == CONTINUE
    m.send(b"M", b"\0")
    assert m.answer().kind == CONTINUE


def test_a_header_of_one_megabyte(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    big = "x " * (1 << 19)
    for name in ["Subject", "Authentication-Results", "Message-ID"]:
        m.mail()
        m.rcpt("<any@example.net>")
        m.header(name, big)
        assert m.end_of_message().kind == CONTINUE
    m.mail()
    m.rcpt("<any@example.net>")
    m.header("Authentication-Results", "(" * 500000 + " mx.example.org; spf=pass")
    assert m.end_of_message().kind == CONTINUE


def test_ten_thousand_headers(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    m.mail()
    m.rcpt("<any@example.net>")
    for i in range(10000):
        m.header("Authentication-Results", f"mx.example.org; x={i}")
    end = m.end_of_message()
    assert end.kind == CONTINUE
    assert [edit[1] for edit in end.edits if edit[0] == "change"] == list(range(10000, 0, -1))


def test_more_headers_than_any_mail_has(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    m.mail()
    m.rcpt("<any@example.net>")
    packet = struct.pack(">I", 8) + b"LX\0 " + b"yyy\0"
    for _ in range(21):
        m.sock.sendall(packet * 1000)
    end = m.end_of_message()
    assert end.kind == REPLY and end.text.startswith("552 5.3.4 ")
    assert m.message(recipients=["<any@example.net>"]).kind == CONTINUE


def test_a_header_beyond_all_memory(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    m.mail()
    m.rcpt("<any@example.net>")
    for _ in range(6):
        m.header("X", "y" * 10_000_000)
    end = m.end_of_message()
    assert end.kind == REPLY and end.text.startswith("552 5.3.4 ")
    assert m.message(recipients=["<any@example.net>"]).kind == CONTINUE


def test_a_thousand_recipients(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    m.mail()
    for i in range(1000):
        assert m.rcpt(f"<u{i}@example.org>").kind == CONTINUE
    assert m.content().kind == CONTINUE
    assert " nrcpt=1000 " in daemon.cases()[-1]


def test_a_large_body_in_many_chunks(setup, daemon):
    m = setup.milter(daemon)
    m.greet()
    m.mail()
    m.rcpt("<any@example.net>")
    for _ in range(100):
        m.body(os.urandom(65535))
    assert m.end_of_message().kind == CONTINUE
    assert " size=6553500 " in daemon.cases()[-1]


def test_nul_octets(setup, daemon):
    """The protocol has NUL as its end of text; more of them are more arguments, or the end."""
    m = setup.milter(daemon)
    m.send(b"C", b"a\0b\0" + b"4\x12\x34192.0.2.1\0")
    try:
        m.send(b"H", b"\0\0\0mail\0x")
        m.send(b"M", b"<a\0@example.net>\0\0\0SIZE=\0")
        m.send(b"R", b"\0<any@example.net>\0")
        m.send(b"L", b"\0\0")
        m.send(b"L", b"Subject\0a\0b\0c\0")
        m.send(b"E")
        m.send(b"Q")
        while True:
            m.receive()
    except (Closed, OSError):
        pass
    m = setup.milter(daemon)
    m.greet()
    assert m.message(recipients=["<any@example.net>"], body=b"a\0b\0\r\n\0").kind == CONTINUE


def test_commands_out_of_order(setup, daemon):
    for order in ["HCMRE", "CCCC", "CMMMRRE", "CRRRE", "CE", "CHE", "CHMEEE", "CHMRAAAE", "CHLNBE", "CHMRBLNE", "CHMRTTTLE", "UUCUHUMURUE", "CHHHHMRE", "CHMRLHE",
                  "CHMRNNBBE", "KCHMRE", "CHMREKKC", "CHMRQ", "QQ", "CHMKCHMRE", "DDDD", "CHMROE"]:
        m = setup.milter(daemon)
        data = {"C": b"mail.example.net\x004\x12\x34192.0.2.1\0", "H": b"mail.example.net\0", "M": b"<a@example.net>\0", "R": b"<any@example.net>\0",
                "L": b"Subject\0 t\0", "B": b"body\r\n", "U": b"FOO\0", "D": b"Mi\0Q1\0", "O": struct.pack(">III", 6, 0x1FF, 0x1FFFFF)}
        try:
            for command in order:
                m.send(command.encode(), data.get(command, b""))
            m.send(b"Q")
            while True:
                m.receive()
        except (Closed, OSError):
            pass


GARBAGE = [
    b"", b"\0", b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\1?", b"\0\0\0\5C", b"\xff\xff\xff\xff", b"\xff\xff\xff\xffE", b"\x7f\xff\xff\xffM" + b"x" * 100,
    b"\x01\0\0\1Lx", b"\0\0\0\1C", b"\0\0\0\1H", b"\0\0\0\1M", b"\0\0\0\1R", b"\0\0\0\1L", b"\0\0\0\1D", b"\0\0\0\1O", b"\0\0\0\2Cx", b"\0\0\0\2C\0",
    b"\0\0\0\3C\x004", b"\0\0\0\5C\x004\x12\x34", b"\0\0\0\6C\x004\x12\x34x", b"\0\0\0\5Dxyz\0", b"\0\0\0\3D\0\0", b"\0\0\0\4Mabc", b"\0\0\0\4Labc",
    b"\0\0\0\4O\0\0\0", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"EHLO mail.example.net\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("negotiated", [False, True], ids=["at once", "after a negotiation"])
def test_garbage(setup, daemon, negotiated):
    for octets in GARBAGE:
        m = Milter(daemon.listen, negotiate=negotiated)
        m.sock.sendall(octets)
        m.sock.close()
    source = random.Random(1)
    for _ in range(100):
        m = Milter(daemon.listen, negotiate=negotiated)
        try:
            for _ in range(5):
                m.send(source.choice(b"ABCDEHKLMNOQRTU?").to_bytes(1, "big"), source.randbytes(source.choice([0, 1, 2, 13, 200])))
        except OSError:
            pass
        m.sock.close()


def conversation(where):
    """A whole session, as octets, and the number of them after which each answer is due."""
    m = Milter(where, macros={"C": {"client_name": "mail.example.net"}, "M": {"i": "Q1"}, "E": {"i": "Q1"}})
    m.greet()
    m.mail("<a@example.net>", "SIZE=1000")
    m.rcpt("<any@example.net>")
    m.rcpt("<u@elsewhere.example>")
    m.header("Authentication-Results", "mx.example.org; spf=pass")
    m.body()
    m.end_of_message()
    m.mail()
    m.abort()
    m.quit()
    m.sock.close()
    return bytes(m.sent)


def test_a_connection_that_breaks_at_every_octet(setup, daemon):
    octets = conversation(daemon.listen)
    for end in range(len(octets)):
        m = Milter(daemon.listen, negotiate=False)
        m.sock.sendall(octets[:end])
        m.sock.close()


def test_a_connection_of_single_octets(setup, daemon):
    octets = conversation(daemon.listen)
    m = Milter(daemon.listen, negotiate=False)
    for i in range(len(octets)):
        m.sock.sendall(octets[i:i + 1])
    kinds = []
    try:
        while True:
            kinds.append(m.receive()[0])
    except Closed:
        pass
    assert kinds[0] == b"O" and kinds[-1] == b"c" and b"y" in kinds


def test_a_client_that_does_not_listen(setup, daemon):
    """Answers that nobody reads fill the socket; that holds up nobody else."""
    deaf = setup.milter(daemon)
    deaf.greet()
    deaf.mail()
    deaf.sock.setblocking(False)
    try:
        for _ in range(100000):
            deaf.send(b"R", b"<u@elsewhere.example>\0")
    except BlockingIOError:
        pass
    m = setup.milter(daemon)
    m.greet()
    assert m.message(recipients=["<any@example.net>"]).kind == CONTINUE


def test_many_connections_at_once(setup, daemon):
    connections = [setup.milter(daemon) for _ in range(200)]
    for m in connections:
        m.connect()
    for m in connections:
        assert m.helo().kind == CONTINUE
    for m in connections:
        assert m.message(recipients=["<any@example.net>"]).kind == CONTINUE
    assert daemon.status()["connections"] == "200"
