# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl dkim rotate: a key's life, with a daemon that signs, name servers that show its record or not, and a real BIND."""
import os
import re
import shutil
import socket
import subprocess
import time

import pytest
from support import net, sluice
from support.milter import CONTINUE
from support.signing import Keys, sent, signatures, tags

CONF = """authserv_id mx.example.org
state {{ lmdb {state} }}
sign {{ keys {keys} }}
role submission {{ when client.authenticated }}
at message in submission {{ rule sign sign }}
"""
HEADERS = (("From", "A <a@example.org>"), ("To", "b@example.net"), ("Subject", "t"))
AUTH = {"M": {"{auth_authen}": "alice", "{auth_type}": "PLAIN"}}


class Site:
    """A daemon that signs for example.org with the key `old`, and name servers that a program publishes to."""

    def __init__(self, setup, servers=1):
        self.setup = setup
        self.keys = Keys(setup.folder / "keys")
        self.keys.make("example.org", "old")
        self.s = setup.sluice(CONF.format(state=setup.folder / "state", keys=self.keys.folder))
        net.wait_for(lambda: self.s.status()["store"] == "works", "the store")
        self.servers = [setup.dns({("example.org", "NS"): ["ns1.example.org."]}) for _ in range(servers)]
        for server in self.servers:
            server.ttl = 0
        self.calls = setup.folder / "calls"
        self.program = setup.folder / "publish"
        self.program.write_text(f'#!/bin/sh\necho "$@" >>{self.calls}\n')
        self.program.chmod(0o755)

    def rotate(self, *args, status=0, program=True, keep="7d"):
        more = ["--program", self.program] if program else []
        for server in self.servers:
            more += ["--server", f"127.0.0.1@{server.port}"]
        done = sluice.ctl("dkim", "rotate", "-c", self.s.conf, "--keys", self.keys.folder, "--keep", keep, *more, *args, "example.org")
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout + done.stderr

    def run(self, *target):
        """Without a program, and however it ends."""
        return sluice.ctl("dkim", "rotate", *target, "--keys", self.keys.folder, "--server", f"127.0.0.1@{self.servers[0].port}", "example.org")

    def published(self):
        """What the program was told, in its order: (verb, name, record)."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [(verb, name, record) for verb, name, _, record in (line.split(" ", 3) for line in lines)]

    def show(self, *servers):
        """Let name servers show what was published."""
        for server in servers or self.servers:
            for _, name, record in self.published():
                server.records[(name, "TXT")] = [" ".join(f'"{record[i:i + 250]}"' for i in range(0, len(record), 250))]

    def files(self):
        return sorted(path.name for path in (self.keys.folder / "example.org").iterdir())

    def signs_with(self):
        m = self.setup.milter(self.s, macros=AUTH)
        m.greet()
        assert m.mail("<a@example.org>").kind == m.rcpt("<b@example.net>").kind == m.data().kind == CONTINUE
        for name, value in HEADERS:
            m.header(name, value)
        m.end_of_headers()
        m.body(b"hello\r\n")
        answer = m.end_of_message()
        m.quit()
        return [tags(signature)["s"] for signature in signatures(sent(answer, HEADERS, b"hello\r\n"))]


@pytest.fixture
def site(setup):
    return Site(setup)


NEW = "rsa-" + time.strftime("%Y%m", time.gmtime())


def test_a_whole_life(site):
    assert re.search("0 days old; the next one is due in 1(79|80)", site.rotate()) and site.files() == ["old.pem"]
    assert f"made key {NEW}" in site.rotate("--now")
    assert site.files() == ["old.pem", NEW + ".next"] and site.signs_with() == ["old"]
    assert (site.keys.folder / "example.org" / (NEW + ".next")).stat().st_mode & 0o777 == 0o600
    (verb, name, record), = site.published()
    assert (verb, name) == ("publish", f"{NEW}._domainkey.example.org") and record.startswith("v=DKIM1; k=rsa; p=")

    assert "does not show the record yet" in site.rotate() and site.signs_with() == ["old"]
    site.show()
    said = site.rotate()
    assert f"has key {NEW} published" in said and f"key {NEW} signs" in said and "retiring" in said
    assert site.files() == ["old.retired", NEW + ".pem"] and site.signs_with() == [NEW]

    assert "retiring" in site.rotate() and site.files() == ["old.retired", NEW + ".pem"]
    assert len(site.published()) == 1


def test_the_old_key_is_revoked_when_its_time_is_over(site):
    site.rotate("--now", "--selector", "new")
    site.show()
    said = site.rotate(keep="0s")
    assert "key new signs" in said and "has revoked key old" in said
    assert site.published()[-1] == ("revoke", "old._domainkey.example.org", "v=DKIM1; p=")
    assert site.files() == ["new.pem"] and site.signs_with() == ["new"]
    assert "the next one is due" in site.rotate()


def test_what_resolvers_have_kept_runs_out_first(site):
    site.servers[0].ttl = 3
    site.rotate("--now", "--selector", "new")
    site.show()
    said = site.rotate()
    assert "has key new published" in said and "published: key new, until" in said and site.signs_with() == ["old"]
    deadline = time.monotonic() + net.PATIENCE_S
    while "key new signs" not in site.rotate():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert site.signs_with() == ["new"]


def test_every_name_server_has_to_show_it(setup):
    site = Site(setup, servers=3)
    site.rotate("--now", "--selector", "new")
    site.show(*site.servers[:2])
    said = site.rotate()
    assert f"127.0.0.1@{site.servers[2].port}) does not show the record yet" in said and said.count("(127.0.0.1@") == 1
    site.servers[2].silent = True
    assert "does not answer" in site.rotate() and site.files() == ["new.next", "old.pem"]
    site.servers[2].silent = False
    site.show()
    assert "key new signs" in site.rotate()


def test_a_record_with_another_key_is_none(site):
    site.rotate("--now", "--selector", "new")
    site.servers[0].records[("new._domainkey.example.org", "TXT")] = ['"' + site.keys.records["old._domainkey.example.org"][:250] + '" "' +
                                                                     site.keys.records["old._domainkey.example.org"][250:] + '"']
    assert "shows another key" in site.rotate() and site.signs_with() == ["old"]


def test_a_key_that_is_shown_no_more_does_not_sign(site):
    site.servers[0].ttl = 1
    site.rotate("--now", "--selector", "new")
    site.show()
    site.rotate()
    del site.servers[0].records[("new._domainkey.example.org", "TXT")]
    deadline = time.monotonic() + net.PATIENCE_S
    while True:
        done = site.run("-c", site.s.conf)
        if done.returncode:
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert done.returncode == 75 and "key new was published, and is not any more" in done.stderr
    assert site.files() == ["new.next", "old.pem"] and site.signs_with() == ["old"]


def test_a_daemon_that_cannot_load_it_signs_with_the_old_one(site):
    site.rotate("--now", "--selector", "new")
    site.show()
    good = site.s.conf.read_text()
    (site.keys.folder / "example.org" / "broken.pem").write_text("no key\n")
    os.chmod(site.keys.folder / "example.org" / "broken.pem", 0o600)
    done = site.run("-c", site.s.conf)
    assert done.returncode == 78 and "broken.pem" in done.stderr, done
    (site.keys.folder / "example.org" / "broken.pem").unlink()
    site.s.conf.write_text(good + "nonsense\n")  # broken between the look at it and the reload
    done = site.run("-s", site.s.control)
    assert done.returncode == 78 and "nonsense" in done.stderr, done
    assert site.files() == ["new.next", "old.pem"] and site.signs_with() == ["old"]
    site.s.conf.write_text(good)
    assert "key new signs" in site.rotate() and site.signs_with() == ["new"]


def test_dry_runs_change_nothing(site):
    assert f"would make key {NEW}, and publish it" in site.rotate("--now", "--dry-run")
    assert site.files() == ["old.pem"] and not site.published()
    site.rotate("--now", "--selector", "new")
    site.show()
    assert "would call key new published" in site.rotate("--dry-run")
    assert "would call key new published" in site.rotate("--dry-run") and site.files() == ["new.next", "old.pem"]
    site.rotate()
    assert site.files() == ["new.pem", "old.retired"]


def test_a_dry_run_does_not_forget_a_key_that_is_gone(site):
    site.rotate("--now", "--selector", "new")
    (site.keys.folder / "example.org" / "new.next").unlink()
    assert "new.next is gone" in site.rotate("--now", "--dry-run", status=66)
    assert "new.next is gone" in site.rotate(status=66)  # it is still known that it was made
    assert f"made key {NEW}" in site.rotate("--now") and site.files() == ["old.pem", NEW + ".next"]


def test_a_record_that_is_not_shown_for_three_days(site):
    site.rotate("--now", "--selector", "new")
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(net.PATIENCE_S)
        control.connect(str(site.s.control))
        control.sendall(b"rotation put example.org|rsa made new %d 0\n" % (time.time() - 3 * 86400 - 60))
        assert control.recv(10) == b"0\n"
    assert "key new is not shown by all name servers yet" in site.rotate(status=75)
    assert site.signs_with() == ["old"]


def test_runs_that_were_cut_short_are_taken_up(site):
    folder = site.keys.folder / "example.org"
    site.keys.make("example.org", "new")
    (folder / "new.pem").rename(folder / "new.next")  # made, and not yet published or noted
    assert "made key new" in site.rotate("--now")
    site.show()
    (folder / "new.next").rename(folder / "new.pem")  # that it is to sign was half done, and the old one was there still
    said = site.rotate(status=66)
    assert "new.next is gone" in said
    (folder / "new.pem").rename(folder / "new.next")
    site.servers[0].ttl = 1
    site.rotate()
    (folder / "new.next").rename(folder / "new.pem")
    net.wait_for(lambda: "key new signs" in site.rotate(), "the new key to sign")
    assert site.files() == ["new.pem", "old.retired"] and site.signs_with() == ["new"]


def test_a_program_that_fails(site):
    site.program.write_text("#!/bin/sh\nexit 3\n")
    assert "has failed, with status 3" in site.rotate("--now", "--selector", "new", status=69)
    site.program.write_text(f'#!/bin/sh\necho "$@" >>{site.calls}\n')
    assert "made key new" in site.rotate()  # what was made is published at the next run
    site.show()
    assert "key new signs" in site.rotate()


def test_without_a_program_the_record_is_printed(site):
    said = site.rotate("--now", "--selector", "new", program=False)
    assert "; publish this record:\nnew._domainkey.example.org. IN TXT (" in said and "made key new" in said


def test_each_type_has_a_life_of_its_own(site):
    assert "made key ed" in site.rotate("--type", "ed25519", "--selector", "ed")  # there is none, so it is time
    site.show()
    site.rotate("--type", "ed25519")
    assert site.files() == ["ed.pem", "old.pem"] and site.signs_with() == ["ed", "old"]


def test_the_folder_is_the_one_of_the_configuration(site):
    """Where the daemon that is asked has its keys, and not where another one has them by default."""
    done = sluice.ctl("dkim", "rotate", "-c", site.s.conf, "--server", f"127.0.0.1@{site.servers[0].port}", "--now", "--selector", "new", "example.org")
    assert done.returncode == 0 and "made key new" in done.stdout, done
    assert site.files() == ["new.next", "old.pem"]
    elsewhere = site.setup.folder / "elsewhere"
    done = sluice.ctl("dkim", "rotate", "-c", site.s.conf, "--keys", elsewhere, "--server", f"127.0.0.1@{site.servers[0].port}", "--dry-run", "--type", "ed25519",
                      "--selector", "other", "example.org")
    assert "would make key other" in done.stdout, done
    site.s.conf.write_text(site.s.conf.read_text().replace(f"sign {{ keys {site.keys.folder} }}", "").replace("rule sign sign", "rule sign score 0"))
    done = sluice.ctl("dkim", "rotate", "-c", site.s.conf, "--now", "example.org")
    assert done.returncode != 0 and "/etc/sluice/keys" in done.stderr and site.files() == ["new.next", "old.pem"], done


def test_it_needs_a_store_and_a_daemon(setup):
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "old")
    s = setup.sluice(f"authserv_id mx.example.org\nsign {{ keys {keys.folder} }}\n")
    done = sluice.ctl("dkim", "rotate", "-c", s.conf, "--keys", keys.folder, "--now", "example.org")
    assert done.returncode == 69 and "there is no store" in done.stderr
    s.stop()
    done = sluice.ctl("dkim", "rotate", "-c", s.conf, "--keys", keys.folder, "--now", "example.org")
    assert done.returncode == 69 and "no daemon answers" in done.stderr, done.stderr
    assert [path.name for path in (keys.folder / "example.org").iterdir()] == ["old.pem"]


@pytest.mark.parametrize("args, why", [
    (["--type", "dsa"], "is no type of key"),
    (["--every", "x"], "write a duration"),
    (["--server", "ns.example.org"], "is no server"),
    (["--server", "192.0.2.1@0x"], "is no server"),
    (["--bits", "512"], "an RSA key has"),
    (["--selector", "a b"], "is no selector"),
    (["--program", "x", "--nsupdate", "y"], "usage:"),
])
def test_options_that_cannot_be(args, why):
    done = sluice.ctl("dkim", "rotate", *args, "example.org")
    assert done.returncode == 64 and why in done.stderr


# ---- a real name server ----


class Bind:
    """named for example.org on loopback, which takes updates with a TSIG key."""

    ZONE = "$TTL 0\n@ SOA ns1 postmaster 1 3600 600 86400 0\n@ NS ns1\nns1 A 127.0.0.1\n"

    def __init__(self, folder):
        self.port = net.free_port()
        self.key = folder / "tsig.key"
        self.key.write_text(subprocess.run(["tsig-keygen", "sluice"], capture_output=True, text=True, timeout=60, check=True).stdout)
        zone, conf = folder / "example.org.zone", folder / "named.conf"
        zone.write_text(self.ZONE)
        conf.write_text(f"""include "{self.key}";
options {{ directory "{folder}"; pid-file none; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
 recursion no; notify no; session-keyfile none; managed-keys-directory "{folder}"; dnssec-validation no; }};
controls {{ }};
zone "example.org" {{ type primary; file "{zone}"; allow-update {{ key sluice; }}; }};
""")
        self.log = open(folder / "named.log", "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["named", "-g", "-n", "1", "-c", str(conf)], stdout=self.log, stderr=self.log)
        net.wait_for(lambda: b"running" in (folder / "named.log").read_bytes(), "named")

    def txt(self, name):
        done = subprocess.run(["dig", "+short", "+tcp", "-p", str(self.port), "@127.0.0.1", name, "TXT"], capture_output=True, text=True,
                              timeout=60, check=True)
        return "".join(re.findall(r'"([^"]*)"', done.stdout))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=net.PATIENCE_S)
        self.log.close()


@pytest.mark.skipif(not shutil.which("named") or not shutil.which("nsupdate"), reason="bind9 and bind9-dnsutils are not here")
def test_by_nsupdate(setup):
    site = Site(setup, servers=0)
    bind = Bind(setup.folder)
    setup.running.append(bind)
    options = ["--nsupdate", bind.key, "--server", f"127.0.0.1@{bind.port}"]
    said = site.rotate("--now", "--selector", "new", "--ttl", "1s", *options, program=False, keep="0s")
    assert "made key new" in said and "has key new published" in said
    net.wait_for(lambda: "has revoked key old" in site.rotate(*options, program=False, keep="0s"), "the TTL to run out")
    assert site.signs_with() == ["new"]
    assert bind.txt("old._domainkey.example.org") == "v=DKIM1; p="
    assert bind.txt("new._domainkey.example.org").startswith("v=DKIM1; k=rsa; p=")


@pytest.mark.skipif(not shutil.which("named") or not shutil.which("nsupdate"), reason="bind9 and bind9-dnsutils are not here")
def test_a_wrong_tsig_key(setup):
    site = Site(setup, servers=0)
    bind = Bind(setup.folder)
    setup.running.append(bind)
    other = setup.folder / "other.key"
    other.write_text(subprocess.run(["tsig-keygen", "other"], capture_output=True, text=True, timeout=60, check=True).stdout)
    said = site.rotate("--now", "--selector", "new", "--nsupdate", other, "--server", f"127.0.0.1@{bind.port}", program=False, status=69)
    assert "nsupdate has failed, with status" in said and site.signs_with() == ["old"]
