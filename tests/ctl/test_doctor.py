# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl doctor: what is good, what is wrong, and what it says to do about it."""
import concurrent.futures
import json
import socket
import subprocess
import time

import pytest

from support import net, sluice
from support.signing import Keys

ZONE = """mx.example.org A 192.0.2.1
1.2.0.192.in-addr.arpa PTR mx.example.org
iana.org MX 10 mail.iana.org
example.org MX 10 mx.example.org
example.org TXT v=spf1 mx -all
_dmarc.example.org TXT v=DMARC1; p=reject
"""
CONF = """authserv_id mx.example.org
state {{ lmdb {folder}/state }}
list local-domains domain [example.org]
{more}at message {{ rule r score 1 when spf.result == fail }}
"""


class Findings(list):
    """(level, about, what, remedy) of each."""

    def of(self, level, about):
        return [what for found, subject, what, _ in self if found == level and subject == about]


def doctor(s, zone=None):
    done = sluice.ctl("doctor", "-c", s.conf, "--json", *(["--zone", zone] if zone else []))
    assert done.returncode in (0, 1, 2), done.stderr
    found = Findings((f["level"], f["about"], f["what"], f["remedy"]) for f in json.loads(done.stdout))
    levels = {level for level, *_ in found}
    assert done.returncode == (2 if "BAD" in levels else 1 if "LOOK" in levels else 0)
    assert all(bool(remedy) == (level != "good") for level, _, _, remedy in found), found
    return found


def start(setup, zone=ZONE, more=""):
    return setup.sluice(CONF.format(folder=setup.folder, more=more), zone)


def test_all_is_well(setup):
    s = start(setup)
    found = doctor(s, s.zone_file)
    assert not [f for f in found if f[0] != "good" and f[1] not in ("clock", "listen")], found  # nobody keeps the clock of a build right; the socket of a test is open
    for about, what in [("daemon", "it answers on"), ("store", "works"), ("state", "MB left"), ("resolver", "it answers"), ("192.0.2.1", "its name is mx.example.org"),
                        ("example.org", "v=spf1 mx -all"), ("example.org", "v=DMARC1; p=reject"), ("example.org", "its mail goes to mx.example.org"), ("scan", "is there")]:
        assert any(what in said for said in found.of("good", about)), (about, found)
    shown = sluice.ctl("doctor", "-c", s.conf, "--zone", s.zone_file).stdout.splitlines()
    assert any(line.startswith("good  example.org: v=spf1") for line in shown) and shown[-1].endswith(" 0 bad")


@pytest.mark.parametrize("change, level, about, what", [
    (("v=spf1 mx -all", "v=spf1 mx +all"), "BAD", "example.org", "its SPF record lets anybody send as it: v=spf1 mx +all"),
    (("v=spf1 mx -all", "v=spf1 mx all"), "BAD", "example.org", "its SPF record lets anybody send as it: v=spf1 mx all"),
    (("v=spf1 mx -all", "v=spf10 mx"), "BAD", "example.org", "no SPF record"),
    (("v=spf1 mx -all", "v=spf1 mx -all\nexample.org TXT v=spf1 a ~all"), "BAD", "example.org", "2 SPF records"),
    (("example.org TXT v=spf1 mx -all", "example.org TXT SERVFAIL"), "LOOK", "example.org", "the DNS does not say what its SPF record is"),
    (("_dmarc.example.org TXT v=DMARC1; p=reject", "_x.example.org TXT x"), "LOOK", "example.org", "no DMARC record"),
    (("p=reject", "p=reject\n_dmarc.example.org TXT v=DMARC1; p=none"), "BAD", "example.org", "2 DMARC records"),
    (("example.org MX 10 mx.example.org", "example.org A 192.0.2.9"), "LOOK", "example.org", "no MX record"),
    (("PTR mx.example.org", "PTR dsl-7.example.net"), "LOOK", "192.0.2.1", "its name is dsl-7.example.net, not mx.example.org"),
    (("1.2.0.192.in-addr.arpa PTR mx.example.org", "x.example A 192.0.2.2"), "BAD", "192.0.2.1", "it has no name"),
    (("mx.example.org A 192.0.2.1", "x.example A 192.0.2.2"), "LOOK", "mx.example.org", "it has no address"),
    (("mx.example.org A 192.0.2.1", "mx.example.org A SERVFAIL"), "LOOK", "mx.example.org", "the DNS does not say what its address is"),
    (("iana.org MX 10 mail.iana.org", "iana.org MX SERVFAIL"), "BAD", "resolver", "it does not answer"),
])
def test_what_is_wrong_in_the_dns(setup, change, level, about, what):
    assert change[0] in ZONE
    s = start(setup, ZONE.replace(*change))
    assert what in doctor(s, s.zone_file).of(level, about)


@pytest.mark.parametrize("more, level, about, what", [
    ("dns { forward [8.8.8.8 127.0.0.1] }\n", "BAD", "resolver", "8.8.8.8 is a public one, of Google"),
    ("dns { forward 2606:4700:4700::1111 }\n", "BAD", "resolver", "2606:4700:4700::1111 is a public one, of Cloudflare"),
    ("scan { helper /nonexistent/scan }\n", "LOOK", "scan", "/nonexistent/scan: No such file or directory"),
    ("cases { to /nonexistent/cases }\n", "BAD", "cases", "/nonexistent/cases: No such file or directory"),
    ("user nobody-at-all\n", "BAD", "user", "there is no user nobody-at-all"),
])
def test_what_is_wrong_in_the_configuration(setup, more, level, about, what):
    s = start(setup)
    s.write(CONF.format(folder=setup.folder, more=more))
    assert what in doctor(s, s.zone_file).of(level, about)


def test_the_state_of_another_user(setup):
    s = start(setup)
    s.write(CONF.format(folder=setup.folder, more="user nobody\n"))
    assert f"{setup.folder}/state does not belong to nobody" in doctor(s, s.zone_file).of("LOOK", "state")


def test_a_socket_that_is_not_for_the_mail_server(setup):
    s = start(setup)
    s.write(CONF.format(folder=setup.folder, more=""))
    text = s.conf.read_text()
    assert f"{s.socket} is open to everybody (mode 666)" in doctor(s, s.zone_file).of("LOOK", "listen")
    s.folder.chmod(0o700)
    assert f"the folder {s.folder} is closed to others" in doctor(s, s.zone_file).of("LOOK", "listen")
    s.folder.chmod(0o755)
    s.conf.write_text(text.replace(str(s.socket), f"{s.socket}.other"))
    assert f"{s.socket}.other: No such file or directory" in doctor(s, s.zone_file).of("BAD", "listen")


def test_keys(setup):
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "sel")
    zone = ZONE + "".join(f"{name} TXT {record}\n" for name, record in keys.records.items())
    s = start(setup, zone, f"sign {{ keys {keys.folder} }}\n")
    found = doctor(s, s.zone_file)
    assert found.of("good", "sel._domainkey.example.org") == ["good"], found
    s.write(CONF.format(folder=setup.folder, more=f"sign {{ keys {keys.folder} }}\n"), ZONE)
    assert doctor(s, s.zone_file).of("BAD", "sel._domainkey.example.org") == ["missing: publish the record"]
    s.write(CONF.format(folder=setup.folder, more=f"sign {{ keys {keys.folder} }}\n").replace("[example.org]", "[example.org other.example]"), zone)
    assert "no DKIM key of it" in doctor(s, s.zone_file).of("LOOK", "other.example")


def test_a_daemon_that_is_away(setup):
    s = start(setup)
    s.stop()
    found = doctor(s, s.zone_file)
    assert f"it does not answer on {s.control}, nor a milter on {s.listen}" in found.of("BAD", "daemon")
    assert any(remedy.startswith("no mail is looked at") for *_, remedy in found if remedy), found


@pytest.mark.parametrize("listen", [None, "inet"])
def test_a_daemon_that_serves_mail_and_cannot_be_asked(setup, listen):
    """Somebody has taken its control socket away."""
    s = setup.sluice(CONF.format(folder=setup.folder, more=""), ZONE, listen=listen and f"inet:{net.free_port()}@127.0.0.1")
    s.control.unlink()
    found = doctor(s, s.zone_file)
    assert f"a milter answers on {s.listen}, but the daemon does not on {s.control}" in found.of("BAD", "daemon")
    assert not any("no mail is looked at" in remedy for *_, remedy in found if remedy), found


def test_what_listens_and_is_no_milter(setup):
    s = start(setup)
    s.stop()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(s.socket))
        other.listen()
        other.settimeout(net.PATIENCE_S)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(lambda: other.accept()[0].close())
            found = doctor(s, s.zone_file)
            asked.result()
    assert f"it does not answer on {s.control}, nor a milter on {s.listen}" in found.of("BAD", "daemon")
    assert any(remedy.startswith("no mail is looked at") for *_, remedy in found if remedy), found


def test_what_the_daemon_complains_of(setup):
    """A list that it may not read, while whoever asks may."""
    names = setup.folder / "names"
    names.write_text("a.example\n")
    s = setup.sluice(CONF.format(folder=setup.folder, more=f"user nobody\nlist l domain file {names}\nclamav {{ server unix:{setup.folder}/none }}\n"
                                 "at message { rule v score 1 when clamav.found  rule n score 1 when mail.domain in l }\n"
                                 ).replace(f"lmdb {setup.folder}/state", f"redis {setup.folder}/nobody"), ZONE)
    names.chmod(0o600)
    names.write_text("b.example\n")
    with setup.milter(s) as m:
        m.greet()
        m.message()
    net.wait_for(lambda: "list_stale" in s.ctl("status").stdout and "switched_off" in s.ctl("status").stdout, "the daemon to see it")
    found = doctor(s, s.zone_file)
    assert found.of("BAD", "store") == ["is out of order"]
    assert any("switched off: clamd unix:" in what for what in found.of("BAD", "daemon"))
    assert any("a list is not up to date: l: " in what for what in found.of("LOOK", "daemon"))


def test_a_real_resolver(setup):
    names = setup.dns({("mx.example.org", "A"): ["192.0.2.1"], ("example.org", "TXT"): ['"v=spf1 -all"'], ("iana.org", "MX"): ["10 mail.iana.org."]})
    s = setup.sluice(CONF.format(folder=setup.folder, more=f"dns {{ forward {names.forward} timeout 2s }}\n"))
    found = doctor(s)
    assert any(what.startswith("it answers, in ") for what in found.of("good", "resolver")) and "v=spf1 -all" in found.of("good", "example.org"), found
    names.silent = True
    assert "it does not answer" in doctor(s).of("BAD", "resolver")


def test_what_comes_from_elsewhere_is_shown_harmlessly(setup):
    s = start(setup, ZONE.replace("v=spf1 mx -all", '"v=spf1 \\027[2J -all"'))
    done = sluice.ctl("doctor", "-c", s.conf, "--zone", s.zone_file)
    assert "\x1b" not in done.stdout and "v=spf1 [U+001B][2J -all" in done.stdout


def test_a_configuration_that_is_bad(setup):
    s = start(setup)
    s.write("at message { rule r score 1 when nothing }\n")
    done = sluice.ctl("doctor", "-c", s.conf)
    assert done.returncode == 78 and "sluice.conf:" in done.stderr and not done.stdout
    assert sluice.ctl("doctor", "x").returncode == 64 and sluice.ctl("doctor", "-h").returncode == 0


@pytest.mark.parametrize("days, level, said", [(-30, "BAD", "has run out"), (5, "LOOK", "runs out in 5 days"), (90, "good", "is good for 90 days")])
def test_a_certificate_that_runs_out(setup, days, level, said):
    certificate, key = setup.folder / "cert.pem", setup.folder / "key.pem"
    make_certificate(setup.folder, certificate, key, days)
    s = start(setup, more=f"http 127.0.0.1:{net.free_port()}\napi {{ certificate {certificate} key {key} }}\n")
    assert doctor(s, s.zone_file).of(level, "certificate") == [f"{certificate} {said}"]


def make_certificate(folder, certificate, key, days):
    """One that runs out then, be it in the past."""
    def day(when):
        return time.strftime("%y%m%d%H%M%SZ", time.gmtime(when))
    (folder / "index").write_text("")
    (folder / "ca.conf").write_text(f"[req]\ndistinguished_name = none\n[none]\n[ca]\ndefault_ca = own\n[own]\ndatabase = {folder}/index\nnew_certs_dir = {folder}\n"
                                    "rand_serial = yes\ndefault_md = sha256\npolicy = all\n[all]\ncommonName = supplied\n")
    now = time.time()
    for command in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=x", "-keyout", key, "-out", folder / "request"],
                    ["ca", "-batch", "-selfsign", "-notext", "-keyfile", key, "-in", folder / "request", "-out", certificate,
                     "-startdate", day(now - 100 * 86400), "-enddate", day(now + (days + 0.5) * 86400)]):
        subprocess.run(["openssl", command[0], "-config", str(folder / "ca.conf"), *map(str, command[1:])], check=True, capture_output=True, timeout=net.PATIENCE_S)
    key.chmod(0o600)
