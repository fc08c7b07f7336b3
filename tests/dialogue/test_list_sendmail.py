# SPDX-License-Identifier: BSD-2-Clause
"""Lists that come from Sendmail: classes of a sendmail.cf that its own m4 makes, and the access map that its makemap makes."""
import os
import shutil
import subprocess

import pytest

from support import net, sendmail, sluice
from support.milter import CONTINUE, REPLY

MAKEMAP = sendmail.BINARY.parent / "makemap"
pytestmark = pytest.mark.skipif(not (MAKEMAP.exists() and shutil.which("m4")), reason="needs Sendmail and m4")

MC = """OSTYPE(`linux')dnl
define(`confCW_FILE', `{dir}/local-host-names')dnl
define(`confCR_FILE', `-o {dir}/relay-domains %[^\\#]')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`access_db', `hash -T<TMPF> -o {dir}/access')dnl
{features}
MAILER(`smtp')dnl
LOCAL_CONFIG
{config}
"""
ACCESS = """Connect:192.0.2 RELAY
198.51.100.7 RELAY
Connect:IPv6:2001:db8 RELAY
Connect:host.example RELAY
To:relay.example RELAY
plain.example RELAY
user@example.net RELAY
From:from.example RELAY
refused.example REJECT
203.0.113 550 no
"""


class Sendmail:
    def __init__(self, folder):
        self.etc = folder / "mail"
        self.etc.mkdir()
        self.conf = folder / "main.conf"
        self.file("local-host-names", "# ours\nlocal.example ignored\n")
        self.cf("Cwexample.org  example.net")

    def file(self, name, text):
        (self.etc / name).write_text(text)

    def cf(self, config, features=""):
        (self.etc / "sendmail.mc").write_text(MC.format(dir=self.etc, features=features, config=config))
        done = subprocess.run(["m4", f"-D_CF_DIR_={sendmail.CF}/", sendmail.CF / "m4/cf.m4", self.etc / "sendmail.mc"],
                              capture_output=True, check=True)
        (self.etc / "new.cf").write_bytes(done.stdout)
        (self.etc / "new.cf").rename(self.etc / "sendmail.cf")

    def access(self, text):
        subprocess.run([MAKEMAP, "-C", self.etc / "sendmail.cf", "hash", self.etc / "access"], input=text.encode(), check=True,
                       stderr=subprocess.DEVNULL)

    def list(self, verb, names, *args, kind="domain"):
        self.conf.write_text(f'{sluice.plugin_lines()}list ours {kind} sendmail {names} in "{self.etc}/sendmail.cf"\n')
        return sluice.ctl("list", verb, "-c", self.conf, "ours", *args)

    def items(self, names, kind="domain"):
        done = self.list("show", names, kind=kind)
        assert done.returncode == 0, done.stderr
        return sorted(line.split("   # ")[0] for line in done.stdout.splitlines())


@pytest.fixture(name="site")
def fixture_site(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{MAKEMAP.parent}:{os.environ['PATH']}")
    return Sendmail(tmp_path)


def test_class_w(site):
    assert site.items("w") == ["example.net", "example.org", "local.example", "localhost"]
    site.cf("Cwexample.org\n\tmore.example\n# Cwno.example\nC{w}long.example [192.0.2.1] 192.0.2.2")
    assert site.items("w") == ["example.org", "local.example", "localhost", "long.example", "more.example"]
    site.cf("C{VirtHost}virtual.example")
    assert site.items("VirtHost") == ["virtual.example"]


def test_class_r(site):
    assert site.items("R") == [], "the file may be missing"
    site.file("relay-domains", "relay.example other.example # both\n192.0.2\n10\nIPv6:2001:db8\nIPv6:2001:db8:0:0:0:0:0:1\n"
              "IPv6:2001:db8::2\n198.51.100.7\n")
    assert site.items("R") == [".other.example", ".relay.example", "other.example", "relay.example"]
    assert site.items("R", "network") == sorted(
        ["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32", "2001:db8:0:0:0:0:0:1", "2001:db8::2", "198.51.100.7"])
    site.cf("CRalone.example", "FEATURE(`relay_hosts_only')")
    assert site.items("R") == ["alone.example", "other.example", "relay.example"]


def test_access(site):
    site.access(ACCESS)
    assert site.items("access", "network") == ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]
    assert site.items("access") == [".plain.example", ".relay.example", "plain.example", "relay.example"]
    assert ".plain.example" in site.items("w R access")


def test_what_sluicectl_says_of_it(site):
    site.access(ACCESS)
    done = site.list("test", "w access", "LOCAL.example")
    assert (done.returncode, done.stdout) == (0, f"local.example   # {site.etc}/local-host-names:2\n")
    done = site.list("test", "access", "a.relay.example")
    assert done.returncode == 0 and done.stdout.startswith(f".relay.example   # makemap -u hash {site.etc}/access:")
    assert site.list("test", "access", "host.example").returncode == 1
    done = site.list("add", "w", "new.example")
    assert done.returncode == 78 and "list ours is read from Sendmail, and changed there: class w, and the files of it" in done.stderr
    done = site.list("remove", "w", "local.example")
    assert done.returncode == 73 and "local.example stands in" in done.stderr


def test_what_cannot_be_read(site, monkeypatch):
    done = site.list("show", "access")
    assert done.returncode == 78 and "list ours: makemap has failed with status " in done.stderr
    (site.etc / "access.db").write_bytes(b"\x7f\0\x01" * 5000)
    done = site.list("show", "access")
    assert done.returncode == 78 and "list ours: makemap has failed with status 73" in done.stderr
    monkeypatch.setenv("PATH", str(site.etc))
    done = site.list("show", "access")
    assert done.returncode == 78 and "list ours: makemap cannot be started: No such file or directory" in done.stderr
    (site.etc / "local-host-names").unlink()
    done = site.list("show", "w")
    assert done.returncode == 78 and "local-host-names: cannot be read: No such file or directory" in done.stderr
    site.file("local-host-names", "no_domain..\n")
    done = site.list("show", "w")
    assert done.returncode == 78 and f"{site.etc}/local-host-names:1:1: 'no_domain..' is no domain" in done.stderr
    (site.etc / "sendmail.cf").write_bytes(b"\0\x01\x02" * 1000)
    done = site.list("show", "w")
    assert done.returncode == 78 and "has no class w" in done.stderr


def test_changes_are_taken_and_what_is_broken_is_not(setup, site):
    site.access(ACCESS)
    s = setup.sluice(f'list ours domain sendmail w access in "{site.etc}/sendmail.cf"\n'
                     'at mail { rule r reject "550 5.7.1 no" when mail.domain in ours }\n')
    m = setup.milter(s)
    m.greet()

    def answers():
        kinds = []
        for name in ("local", "relay", "new"):
            kinds.append(m.mail(f"<a@{name}.example>").kind)
            m.abort()
        return kinds

    def until(text):
        net.wait_for(lambda: text in s.log(), f"'{text}' in the log")
    assert answers() == [REPLY, REPLY, CONTINUE]
    site.file("local-host-names", "new.example\n")
    until("list ours was read again: 8 items")
    assert answers() == [CONTINUE, REPLY, REPLY]
    site.access("To:more.example RELAY\n")
    until("list ours was read again: 6 items")
    assert answers() == [CONTINUE, CONTINUE, REPLY]
    site.file("local-host-names", "not a..domain\n" "a..b\n")
    until("list ours keeps its old contents: ")
    assert s.status()["list_stale"].startswith(f"ours: {site.etc}/local-host-names:2:1: 'a..b' is no domain")
    assert answers() == [CONTINUE, CONTINUE, REPLY]
    site.file("local-host-names", "local.example\nnew.example\n")
    until("list ours was read again: 7 items")
    assert answers() == [REPLY, CONTINUE, REPLY] and "list_stale" not in s.status()
