# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl dkim: keys that are made, and compared with the DNS."""
import base64
import os
import re
import stat
import subprocess
import time

import pytest
from support import sluice


def keygen(folder, *args):
    return sluice.ctl("dkim", "keygen", *args, "--out", folder)


def record_of(text):
    """The name in a zone file's record, and its strings joined."""
    name, strings = re.fullmatch(r'(?:;.*\n)?(\S+)\. IN TXT \(((?:\n\t"[^"]*")+) \)\n', text).groups()
    strings = re.findall(r'"([^"]*)"', strings)
    assert all(len(s) <= 255 for s in strings)
    return name, "".join(strings)


def public_key(path):
    done = subprocess.run(["openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER"], capture_output=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize("args, bits", [([], 2048), (["--bits", "1024"], 1024), (["--bits=4096", "--type=rsa"], 4096)])
def test_an_rsa_key_and_its_record(tmp_path, args, bits):
    done = keygen(tmp_path, "Example.ORG", "--selector", "S1", *args)
    assert done.returncode == 0 and done.stderr == ""
    path = tmp_path / "example.org/s1.pem"
    assert done.stdout.startswith(f"; the key is in {path}\n")
    name, record = record_of(done.stdout)
    assert name == "s1._domainkey.example.org"
    assert record == "v=DKIM1; k=rsa; p=" + base64.b64encode(public_key(path)).decode()
    text = subprocess.run(["openssl", "pkey", "-in", str(path), "-noout", "-text"], capture_output=True, text=True, timeout=60, check=True).stdout
    assert f"({bits} bit" in text


def test_an_ed25519_key_and_its_record(tmp_path):
    done = keygen(tmp_path, "mail.example.org", "--type", "ed25519")
    name, record = record_of(done.stdout)
    selector = time.strftime("ed25519-%Y%m", time.gmtime())
    assert name == f"{selector}._domainkey.mail.example.org"
    der = public_key(tmp_path / "mail.example.org" / f"{selector}.pem")
    assert record == "v=DKIM1; k=ed25519; p=" + base64.b64encode(der[-32:]).decode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_nobody_else_can_read_a_key_and_the_owner_of_the_folder_has_it(tmp_path):
    os.chown(tmp_path, 12345, 54321)
    assert keygen(tmp_path, "example.org", "--selector=a").returncode == 0
    folder, key = (tmp_path / "example.org").stat(), (tmp_path / "example.org/a.pem").stat()
    assert stat.S_IMODE(folder.st_mode) == 0o700 and (folder.st_uid, folder.st_gid) == (12345, 54321)
    assert stat.S_IMODE(key.st_mode) == 0o600 and (key.st_uid, key.st_gid) == (12345, 54321)


def test_a_key_is_never_overwritten(tmp_path):
    assert keygen(tmp_path, "example.org", "--selector=a").returncode == 0
    before = (tmp_path / "example.org/a.pem").read_bytes()
    done = keygen(tmp_path, "example.org", "--selector=a", "--type=ed25519")
    assert done.returncode == 73 and "is there already" in done.stderr and done.stdout == ""
    assert (tmp_path / "example.org/a.pem").read_bytes() == before


def test_no_link_is_followed(tmp_path):
    keys, elsewhere = tmp_path / "keys", tmp_path / "elsewhere"
    keys.mkdir()
    elsewhere.mkdir()
    (keys / "example.org").symlink_to(elsewhere)
    assert keygen(keys, "example.org").returncode == 73
    (keys / "example.net").mkdir()
    (keys / "example.net/a.pem").symlink_to(elsewhere / "a.pem")
    assert keygen(keys, "example.net", "--selector=a").returncode == 73
    assert not list(elsewhere.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    done = keygen(tmp_path / "none", "example.org")
    assert done.returncode == 73 and f"install -d -m 700 -o sluice {tmp_path}/none" in done.stderr


@pytest.mark.parametrize("args, message", [
    ([], "usage: sluicectl dkim keygen"),
    (["example.org", "example.net"], "usage: sluicectl dkim keygen"),
    (["example"], "'example' is no domain"),
    (["../example.org"], "'../example.org' is no domain"),
    (["bücher.example"], "is no domain"),
    (["example.org", "--selector=../a"], "'../a' is no selector"),
    (["example.org", "--selector="], "'' is no selector"),
    (["example.org", "--selector=a."], "'a.' is no selector"),
    (["example.org", "--type=dsa"], "'dsa' is no type of key: it is rsa or ed25519"),
    (["example.org", "--bits=512"], "an RSA key has 1024 to 4096"),
    (["example.org", "--bits=8192"], "an RSA key has 1024 to 4096"),
    (["example.org", "--bits=many"], "an RSA key has 1024 to 4096"),
])
def test_wrong_usage_of_keygen(tmp_path, args, message):
    done = keygen(tmp_path, *args)
    assert done.returncode == 64 and message in done.stderr and done.stdout == ""
    assert not list(tmp_path.iterdir())


def test_wrong_usage_of_dkim():
    assert sluice.ctl("dkim").returncode == 64 and sluice.ctl("dkim", "keygn").returncode == 64
    assert sluice.ctl("dkim", "-h").stdout.startswith("usage: sluicectl dkim")


# ---- check ----

@pytest.fixture
def site(tmp_path):
    """A configuration with an RSA and an Ed25519 key, and their records."""
    keys = tmp_path / "keys"
    keys.mkdir()
    records = dict(record_of(keygen(keys, "example.org", f"--selector={kind}", f"--type={kind}").stdout) for kind in ("rsa", "ed25519"))
    conf = tmp_path / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + "sign { keys keys }\n")

    def check(rsa, domain="example.org"):
        zone = {"ed25519._domainkey.example.org": [records["ed25519._domainkey.example.org"]],
                "rsa._domainkey.example.org": [text.replace("RSA", records["rsa._domainkey.example.org"]) for text in rsa]}
        (tmp_path / "zone").write_text("".join(f"{name} TXT {text}\n" for name, texts in zone.items() for text in texts))
        return sluice.ctl("dkim", "check", domain, "-c", conf, "--zone", tmp_path / "zone")

    check.conf = conf
    return check


OTHER = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC/Qx0U3V5pb4pDBH6iNLzCXdh8ePKzT2Z+S4g8lFqRJ0Dsu"


@pytest.mark.parametrize("published, text, status", [
    (["RSA"], "good", 0),
    (["RSA; t=s"], "good", 0),
    (["v=spf1 -all", "RSA"], "good", 0),
    (["RSA; t=y"], "good, but in test mode", 0),
    ([], "missing: publish the record", 1),
    (["v=spf1 -all"], "missing: publish the record", 1),
    ([OTHER], "another key is published", 1),
    (["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="], "another key is published", 1),
    (["v=DKIM1; p="], "revoked", 1),
    (["RSA; h=sha1"], "not for mail", 1),
    (["RSA; s=tlsrpt"], "not for mail", 1),
    (["RSA", "RSA"], "several keys are published", 1),
    (["SERVFAIL"], "the DNS does not answer", 75),
    (["TIMEOUT"], "the DNS does not answer", 75),
])
def test_keys_are_compared_with_the_dns(site, published, text, status):
    done = site(published)
    assert done.returncode == status and done.stderr == ""
    assert re.search(rf"^rsa\._domainkey\.example\.org: {text}", done.stdout, re.M), done.stdout
    assert "ed25519._domainkey.example.org: good\n" in done.stdout


def test_what_is_missing_is_printed(site):
    done = site([])
    name, record = record_of(done.stdout[done.stdout.index("rsa._domainkey.example.org. IN"):])
    assert name == "rsa._domainkey.example.org" and record.startswith("v=DKIM1; k=rsa; p=")


def test_a_domain_without_a_key(site):
    done = site(["RSA"], "example.net")
    assert done.returncode == 66 and f"{site.conf} has no key that signs for example.net" in done.stderr
    assert site(["RSA"], "a.example.org").returncode == 66  # its mail is signed by example.org


def test_keys_of_tables_are_compared_too(site, tmp_path):
    (tmp_path / "KeyTable").write_text("a example.org:rsa:./keys/example.org/rsa.pem\nb %:ed25519:./keys/example.org/ed25519.pem\n")
    (tmp_path / "SigningTable").write_text("*@example.org a,b\n")
    site.conf.write_text(sluice.plugin_lines() + "sign { key_table KeyTable\n signing_table SigningTable }\n")
    done = site(["RSA"])
    assert done.returncode == 0 and done.stdout.count(": good\n") == 2
    assert site(["RSA"], "example.net").returncode == 66


def test_the_network_is_asked(site, setup):
    dns = setup.dns({("ed25519._domainkey.example.org", "TXT"): ["v=DKIM1; p="], ("rsa._domainkey.example.org", "TXT"): "SERVFAIL"})
    site.conf.write_text(site.conf.read_text() + f"dns {{ forward {dns.forward}\n timeout 5s }}\n")
    done = sluice.ctl("dkim", "check", "Example.ORG", "-c", site.conf)
    assert done.returncode == 1
    assert "ed25519._domainkey.example.org: revoked" in done.stdout and "rsa._domainkey.example.org: the DNS does not answer" in done.stdout


def test_wrong_usage_of_check(site):
    for args in ([], ["example"], ["example.org", "example.net"], ["example.org", "--nonsense"]):
        assert sluice.ctl("dkim", "check", *args).returncode == 64
    site.conf.write_text(sluice.plugin_lines() + "sign { keys nowhere }\n")
    done = sluice.ctl("dkim", "check", "example.org", "-c", site.conf)
    assert done.returncode == 78 and "sign: " in done.stderr and "nowhere cannot be read" in done.stderr
