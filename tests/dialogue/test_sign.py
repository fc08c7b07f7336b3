# SPDX-License-Identifier: BSD-2-Clause
"""Signatures over the milter socket: good ones on what is ours, none on the rest; and faults of keys and tables."""
import concurrent.futures
import os
import subprocess

import pytest
from support import sluice
from support.milter import CONTINUE
from support.signing import Keys, sent, signatures, tags

CONF = """authserv_id mx.example.org
sign {{ {settings} }}
role submission {{ when client.authenticated }}
at message in submission {{ rule sign sign }}
"""
BOTH = ["example.org/ed ed25519-sha256", "example.org/rsa rsa-sha256"]  # in the order of their files
AUTH = {"M": {"{auth_authen}": "alice", "{auth_type}": "PLAIN"}}
HEADERS = (("From", "A <a@example.org>"), ("To", "b@example.net"), ("Subject", "t"))


@pytest.fixture
def keys(setup):
    k = Keys(setup.folder / "keys")
    k.make("example.org", "rsa")
    k.make("example.org", "ed", "ed25519")
    return k


@pytest.fixture
def site(setup, keys):
    return setup.sluice(CONF.format(settings=f"keys {keys.folder}"))


def transact(m, headers=HEADERS, chunks=(b"hello\r\n",), sender="<a@example.org>"):
    """A whole message with its body in chunks; the answer to its end."""
    assert m.mail(sender).kind == CONTINUE and m.rcpt("<b@example.net>").kind == CONTINUE and m.data().kind == CONTINUE
    for name, value in headers:
        m.header(name, value)
    m.end_of_headers()
    for chunk in chunks:
        m.body(chunk)
    return m.end_of_message()


def submit(setup, s, macros=AUTH, **message):
    m = setup.milter(s, macros=macros)
    m.greet()
    answer = transact(m, **message)
    m.quit()
    return answer


def case_of(s):
    return s.explain(s.cases()[-1].split("case=")[1].split()[0])


@pytest.mark.parametrize("headers", [
    HEADERS,
    [*HEADERS[:2], ("Subject", "one\n two\n\tthree"), ("Cc", "c@example.net,\n\td@example.net,\n e@example.net")],
    [*HEADERS, ("MIME-Version", "1.0"), ("Content-Type", 'text/plain;\n\tcharset="utf-8"'), ("Received", "from x"), ("X-Other", "x")],
    [("from", '"A, B" <a@example.org>'), ("subject", "  blanks   within  "), ("TO", ""), ("Message-ID", "<1@example.org>")],
    [*HEADERS[:2], ("Subject", "gr\u00fc\u00dfe \u2713"), ("References", "<1@example.org>\n <2@example.org>")],
    [("To", "b@example.net"), ("To", "c@example.net"), ("From", "a@example.org"), ("List-Unsubscribe", "<https://example.org/>")],
    [("DKIM-Signature", "v=1; nonsense"), *HEADERS],
], ids=["plain", "folded", "mime", "spaces", "utf8", "repeated", "foreign signature"])
def test_headers(setup, site, keys, headers):
    answer = submit(setup, site, headers=headers)
    message = sent(answer, [h for h in headers if h[0] != "DKIM-Signature"], b"hello\r\n")
    assert keys.signers(message) == BOTH


@pytest.mark.parametrize("chunks", [
    [],
    [b"\r\n"],
    [b"\r\n\r\n\r\n"],
    [b"hello"],
    [b"hello\r\n", b"\r\n", b"\r\n"],
    [b"hello\r", b"\n", b"wor", b"ld \t ", b"  x\r\n"],
    ["gr\u00fc\u00dfe\r\n".encode(), b"\xff\xfe\x80\r\n"],
    [b"0123456789" * 6000 + b"\r\n"] * 50,
    [bytes([c]) for c in b"a b \r\n\r\n c\t\r\n.\r\n"],
], ids=["none", "blank", "blanks", "no end", "blank lines last", "cut in CRLF", "8-bit", "large", "octets"])
def test_bodies(setup, site, keys, chunks):
    answer = submit(setup, site, chunks=chunks)
    assert keys.signers(sent(answer, HEADERS, b"".join(chunks))) == BOTH


def test_what_a_signature_says(setup, site, keys):
    ours = {tags(s)["a"]: tags(s) for s in signatures(sent(submit(setup, site), HEADERS, b"hello\r\n"))}
    for algorithm, selector in (("rsa-sha256", "rsa"), ("ed25519-sha256", "ed")):
        t = ours[algorithm]
        assert (t["v"], t["c"], t["d"], t["s"]) == ("1", "relaxed/relaxed", "example.org", selector)
        assert {"i", "x", "l", "z"}.isdisjoint(t)
        names = t["h"].lower().split(":")
        assert [names.count(n) for n in ("from", "to", "subject", "date", "cc")] == [2, 2, 2, 0, 0]
    facts = case_of(site)["facts"]
    assert (facts["sign.result"], facts["sign.blocked"]) == ("signed", False)
    assert facts["sign.domains"] == ["example.org/ed", "example.org/rsa"] and not facts.get("sign.reason")


def test_several_messages_in_one_connection(setup, site, keys):
    m = setup.milter(site, macros=AUTH)
    m.greet()
    for i in range(3):
        headers = [*HEADERS, ("Message-ID", f"<{i}@example.org>")]
        body = b"line\r\n" * i
        assert len(keys.signers(sent(transact(m, headers, [body] if body else []), headers, body))) == 2
        m.mail()
        m.rcpt()
        m.data()
        m.header("From", "broken off <a@example.org>")
        m.abort()
    m.quit()


def test_many_at_once(setup, site, keys):
    def session(n):
        headers = [*HEADERS, ("Message-ID", f"<{n}@example.org>")]
        body = f"session {n}\r\n".encode() * n
        return len(keys.signers(sent(submit(setup, site, headers=headers, chunks=[body]), headers, body)))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(session, range(1, 33))) == [2] * 32


def test_a_bounce_is_signed_by_its_author(setup, site, keys):
    headers = (("From", "MAILER-DAEMON@example.org"), ("Subject", "undelivered"))
    assert len(keys.signers(sent(submit(setup, site, headers=headers, sender="<>"), headers, b"hello\r\n"))) == 2


@pytest.mark.parametrize("headers, reason", [
    ([("From", "a@elsewhere.example")], "no key signs for elsewhere.example"),
    ([("From", "a@example.org, b@example.org")], "there is more than one address in From"),
    ([("From", "a@example.org"), ("From", "a@elsewhere.example")], "there is more than one address in From"),
    ([("From", "a@example.org <")], "From has something in it that is no address"),
    ([("Subject", "t")], "there is no address in From"),
])
def test_what_is_not_ours_goes_out_unsigned_and_says_why(setup, site, headers, reason):
    answer = submit(setup, site, headers=headers)
    assert answer.kind == CONTINUE and not signatures(sent(answer, headers, b"hello\r\n"))
    facts = case_of(site)["facts"]
    assert (facts["sign.result"], facts["sign.blocked"], facts["sign.reason"]) == ("not-ours", False, reason)


def test_only_the_role_that_says_so_signs(setup, site, keys):
    assert not signatures(sent(submit(setup, site, macros={}), HEADERS, b"hello\r\n"))
    assert case_of(site)["facts"].get("sign.result") is None
    assert len(keys.signers(sent(submit(setup, site), HEADERS, b"hello\r\n"))) == 2


def test_a_domain_in_other_letters(setup, keys):
    keys.make("xn--bcher-kva.example", "sel")
    s = setup.sluice(CONF.format(settings=f"keys {keys.folder}"))
    for domain in ("b\u00fccher.example", "B\u00dcCHER.example", "mail.b\u00fccher.example", "xn--bcher-kva.example"):
        headers = (("From", f"A <a@{domain}>"), ("Subject", "t"))
        signed = sent(submit(setup, s, headers=headers), headers, b"hello\r\n")
        assert keys.signers(signed) == ["xn--bcher-kva.example/sel rsa-sha256"]


def test_domains_below(setup, keys):
    headers = (("From", "root@host.example.org"), ("Subject", "cron"))
    s = setup.sluice(CONF.format(settings=f"keys {keys.folder}"))
    assert len(keys.signers(sent(submit(setup, s, headers=headers), headers, b"hello\r\n"))) == 2
    assert s.reload(CONF.format(settings=f"keys {keys.folder}\n subdomains no")).returncode == 0
    assert not signatures(sent(submit(setup, s, headers=headers), headers, b"hello\r\n"))


def test_settings(setup, keys):
    s = setup.sluice(CONF.format(settings=f"keys {keys.folder}\n expire 1d\n header X-Mine"))
    headers = [*HEADERS, ("X-Mine", "a"), ("X-Other", "b")]
    message = sent(submit(setup, s, headers=headers), headers, b"hello\r\n")
    assert len(keys.signers(message)) == 2
    for signature in map(tags, signatures(message)):
        assert int(signature["x"]) - int(signature["t"]) == 86400
        assert "x-mine" in signature["h"].lower() and "x-other" not in signature["h"].lower()


@pytest.mark.parametrize("signing, sender, want", [
    ("*@example.org a,b", "a@example.org", ["example.org/t1", "example.org/t2"]),
    ("*@example.org a\n*@example.org b # both", "a@example.org", ["example.org/t1", "example.org/t2"]),
    ("example.org a", "a@example.org", ["example.org/t1"]),
    (".example.org a", "a@x.example.org", ["example.org/t1"]),
    ("a@example.org a\nexample.org b", "A@Example.org", ["example.org/t1"]),
    ("a@example.org a\nexample.org b", "c@example.org", ["Example.org/t2"]),
    ("* b", "c@elsewhere.example", ["elsewhere.example/t2"]),
    ("*@example.org a", "c@elsewhere.example", []),
])
def test_tables_of_opendkim(setup, keys, signing, sender, want):
    folder = setup.folder
    (folder / "KeyTable").write_text("# name domain:selector:file\na example.org:t1:./keys/example.org/rsa.pem\nb %:t2:./keys/example.org/ed.pem\n")
    (folder / "SigningTable").write_text(signing + "\n")
    for name in ("t1._domainkey.example.org", "t2._domainkey.example.org", "t2._domainkey.elsewhere.example"):
        keys.records[name] = keys.records[("rsa" if name.startswith("t1") else "ed") + "._domainkey.example.org"]
    s = setup.sluice(CONF.format(settings=f"key_table {folder}/KeyTable\n signing_table {folder}/SigningTable"))
    headers = [("From", sender)]
    signers = keys.signers(sent(submit(setup, s, headers=headers), headers, b"hello\r\n"))
    assert sorted(x.split()[0].lower() for x in signers) == sorted(x.lower() for x in want)


# ---- faults ----

def config_check(setup, settings):
    conf = setup.folder / "fault.conf"
    conf.write_text(sluice.plugin_lines() + CONF.format(settings=settings))
    return sluice.ctl("config", "check", "-c", conf)


def fault_mode(path):
    path.chmod(0o640)


def fault_empty(path):
    path.write_bytes(b"")


def fault_text(path):
    path.write_text("not a key\n")


def openssl(path, *args):
    """What it prints takes the file's place."""
    done = subprocess.run(["openssl", *args], input=path.read_bytes(), capture_output=True, timeout=60, check=True)
    path.write_bytes(done.stdout)


def fault_public(path):
    openssl(path, "pkey", "-pubout")


def fault_encrypted(path):
    openssl(path, "pkey", "-aes256", "-passout", "pass:secret")


def fault_type(path):
    openssl(path, "genpkey", "-algorithm", "X25519")


def fault_bits(path):
    openssl(path, "genrsa", "768")


def fault_link(path):
    path.unlink()
    path.symlink_to("nowhere.pem")


def fault_folder(path):
    path.unlink()
    path.mkdir(0o700)


@pytest.mark.parametrize("fault, message", [
    (fault_mode, "rsa.pem is open to others (mode 640): chmod 600 "),
    (fault_empty, "rsa.pem is empty: remove it, and make a key with sluicectl dkim keygen"),
    (fault_text, "rsa.pem has no private key in it (PEM): remove it, and make a key with sluicectl dkim keygen"),
    (fault_public, "rsa.pem has no private key in it (PEM)"),
    (fault_encrypted, "rsa.pem is encrypted, and nobody is there to ask: take the passphrase off with openssl pkey"),
    (fault_type, "rsa.pem has a key of the wrong type: DKIM signs with rsa and ed25519"),
    (fault_bits, "rsa.pem has an RSA key of 768 bits: it has 1024 to 4096, and 2048 is usual"),
    (fault_link, "rsa.pem cannot be read: No such file or directory"),
    (fault_folder, "rsa.pem is no file: name the file of a key"),
])
def test_a_bad_key_is_named(setup, keys, fault, message):
    fault(keys.folder / "example.org/rsa.pem")
    done = config_check(setup, f"keys {keys.folder}")
    assert done.returncode == 78 and message in done.stderr
    assert "fault.conf:" in done.stderr and "PRIVATE KEY" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_key_that_the_daemon_cannot_read(setup, keys):
    for path in (keys.folder, keys.folder / "example.org"):
        path.chmod(0o755)
    conf = setup.folder / "fault.conf"
    conf.write_text(sluice.plugin_lines() + CONF.format(settings=f"keys {keys.folder}"))
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", str(sluice.SLUICECTL), "config", "check", "-c", str(conf)],
                          capture_output=True, text=True, env=sluice.environment(), timeout=60, check=False)
    assert done.returncode == 78 and "it has to belong to the user that the daemon runs as, or a reload fails" in done.stderr
    os.chown(keys.folder / "example.org/rsa.pem", 1, 1)
    done = config_check(setup, f"keys {keys.folder}")
    assert done.returncode == 78 and "rsa.pem belongs to daemon: chown root " in done.stderr
    conf.write_text("user daemon\n" + conf.read_text())
    assert sluice.ctl("config", "check", "-c", conf).returncode == 0


@pytest.mark.parametrize("key_table, signing_table, message", [
    ("a example.org:s1\n", "* a\n", "KeyTable:1: a line is NAME DOMAIN:SELECTOR:PATH"),
    ("a example.org:s1:./none.pem\n", "* a\n", "KeyTable:1: "),
    ("a example.org:s1:MIIEow\n", "* a\n", "KeyTable:1: behind the selector stands no path"),
    ("\na %:s1:./keys/example.org/rsa.pem\n", "* b\n", "SigningTable:1: "),
    ("a %:s1:./keys/example.org/rsa.pem\n", "# none\n*\n", "SigningTable:2: a line is PATTERN NAME"),
    (None, "* a\n", "KeyTable cannot be read: No such file or directory"),
])
def test_a_bad_table_names_its_line(setup, keys, key_table, signing_table, message):
    if key_table is not None:
        (setup.folder / "KeyTable").write_text(key_table)
    (setup.folder / "SigningTable").write_text(signing_table)
    done = config_check(setup, "key_table KeyTable\n signing_table SigningTable")
    assert done.returncode == 78 and f"{setup.folder}/{message}" in done.stderr and "fault.conf:" in done.stderr


def test_a_bad_key_keeps_the_old_configuration(setup, site, keys):
    (keys.folder / "example.org/rsa.pem").chmod(0o644)
    assert site.ctl("reload").returncode == 78
    assert len(keys.signers(sent(submit(setup, site), HEADERS, b"hello\r\n"))) == 2
    assert "PRIVATE KEY" not in site.log()
