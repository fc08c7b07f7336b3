# SPDX-License-Identifier: BSD-2-Clause
"""Lists that come from Postfix's parameters: read by the real postconf and postmap, as Postfix means them, and again when they change."""
import os
import shutil
import stat
import subprocess

import pytest

from support import net, sluice
from support.milter import CONTINUE, REPLY

pytestmark = pytest.mark.skipif(not (shutil.which("postconf") and shutil.which("postmap")), reason="needs Postfix")


class Postfix:
    """A folder with a main.cf, and lists that are read from it."""

    def __init__(self, folder):
        self.folder = folder
        self.etc = folder / "etc"
        self.etc.mkdir()
        self.conf = folder / "main.conf"
        self.main("")

    def main(self, text):
        (self.etc / "main.cf").write_text(f"compatibility_level = 3.6\nmyhostname = mx.example.org\n{text}")

    def file(self, name, text):
        (self.etc / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.etc / name

    def map(self, name, text, kind="hash"):
        subprocess.run(["postmap", "-c", self.etc, f"{kind}:{self.file(name, text)}"], check=True, stderr=subprocess.DEVNULL)
        return f"{kind}:{self.etc / name}"

    def list(self, verb, parameters, *args, kind="domain"):
        self.conf.write_text(f'{sluice.plugin_lines()}list ours {kind} postfix {parameters} in "{self.etc}"\n')
        return sluice.ctl("list", verb, "-c", self.conf, "ours", *args)

    def items(self, parameters, kind="domain"):
        done = self.list("show", parameters, kind=kind)
        assert done.returncode == 0, done.stderr
        return [line.split("   # ")[0] for line in done.stdout.splitlines()]


@pytest.fixture(name="postfix")
def fixture_postfix(tmp_path):
    return Postfix(tmp_path)


def test_names_files_and_maps(postfix):
    nested = postfix.file("nested", "deep.example\n")
    domains = postfix.file("domains", f"one.example, two.example # and a comment\n{nested}\n")
    hashed = postfix.map("hashed", "Hashed.example x\nuser@hashed.example y\n.below.example z\n")
    postfix.file("plain", "texthash.example x\n")
    postfix.main(f"""mydestination = $myhostname, localhost {domains}
  {hashed} inline:{{a.example=x, {{b.example = y z}}}}
  texthash:{postfix.etc}/plain proxy:btree:{postfix.map("tree", "tree.example x", "btree")[6:]}
virtual_alias_domains = .never.example alias.example
""")
    assert sorted(postfix.items("mydestination virtual_alias_domains")) == sorted([
        "mx.example.org", "localhost", "one.example", "two.example", "deep.example", "hashed.example", "a.example", "b.example",
        "texthash.example", "tree.example", "alias.example"]), "what Postfix would look for in vain is not in it"


def test_domains_of_virtual_maps(postfix):
    virtual = postfix.map("virtual", "virtual.example anything\nuser@virtual.example user\n@other.example user\n")
    postfix.main(f"virtual_alias_maps = {virtual}\nrelay_recipient_maps = {virtual}\n")
    assert postfix.items("virtual_alias_domains") == ["virtual.example"]
    assert sorted(postfix.items("relay_recipient_maps", "address")) == ["@other.example", "user@virtual.example"]


def test_subdomains_where_postfix_has_them(postfix):
    postfix.main("relay_domains = relay.example\nmydestination = relay.example\n")
    assert postfix.items("relay_domains") == ["relay.example", ".relay.example"]
    assert postfix.items("mydestination") == ["relay.example"]
    postfix.main("relay_domains = relay.example .below.example\nparent_domain_matches_subdomains = mynetworks\n")
    assert postfix.items("relay_domains") == ["relay.example", ".below.example"]


def test_networks(postfix):
    cidr = postfix.file("cidr", "# ours\n198.51.100.0/24 OK\n   goes on\n2001:db8:1::/48 OK\n")
    hashed = postfix.map("clients", "203.0.113.7 x\n203.0.113 never\n203.0.113.0/24 never\n")
    postfix.main(f"mynetworks = 127.0.0.0/8 [::1]/128 [2001:db8::]/32, [::2] cidr:{cidr} {hashed}\n")
    assert postfix.items("mynetworks", "network") == [
        "127.0.0.0/8", "::1/128", "2001:db8::/32", "::2", "198.51.100.0/24", "2001:db8:1::/48", "203.0.113.7"]


def test_what_sluicectl_says_of_it(postfix):
    postfix.main(f"mydestination = example.org {postfix.file('domains', 'file.example')}\n")
    done = postfix.list("test", "mydestination", "EXAMPLE.org")
    assert done.returncode == 0 and done.stdout == "example.org   # postconf -xh mydestination:1\n"
    done = postfix.list("test", "mydestination", "file.example")
    assert done.returncode == 0 and done.stdout == f"file.example   # {postfix.etc}/domains:1\n"
    assert postfix.list("test", "mydestination", "other.example").returncode == 1
    done = postfix.list("add", "mydestination", "other.example")
    assert done.returncode == 78 and "list ours is read from Postfix, and changed there: mydestination" in done.stderr
    done = postfix.list("remove", "mydestination", "example.org")
    assert done.returncode == 73 and "example.org stands in postconf -xh mydestination:1: take it out there" in done.stderr


@pytest.mark.parametrize("main, parameter, kind, message", [
    ("mydestination = a.example ldap:/x", "mydestination", "domain", """postconf -xh mydestination:1:11: the keys of a map of type ldap cannot be listed: \
keep them in a file, and name it with 'file PATH' in place of 'postfix mydestination'
    a.example ldap:/x
              ^"""),
    ("relay_domains = proxy:mysql:/x", "relay_domains", "domain", "the keys of a map of type mysql cannot be listed"),
    ("relay_domains = static:all", "relay_domains", "domain", "the keys of a map of type static cannot be listed"),
    ("mynetworks = !192.0.2.1 192.0.2.0/24", "mynetworks", "network",
     "postconf -xh mynetworks:1:1: '!192.0.2.1': a list cannot have exceptions"),
    ("mynetworks = cidr:DIR/bad", "mynetworks", "network", "bad:2:1: '!192.0.2.1': a list cannot have exceptions"),
    ("mynetworks = DIR/words", "mynetworks", "network", "words:1:1: 'some' is no network"),
    ("mydestination = DIR/octets", "mydestination", "domain", "octets:1:2: an octet 0x00"),
    ("mydestination = DIR/itself", "mydestination", "domain", "itself:1:1: more than 8 files that name one another"),
    ("mydestination = DIR/nowhere", "mydestination", "domain", "nowhere: cannot be read: No such file or directory"),
    ("mydestination = hash:DIR/nowhere", "mydestination", "domain",
     "postmap has failed with status 1: postmap: fatal: open database DIR/nowhere.db"),
    ("mydestination = hash:DIR/broken", "mydestination", "domain", "list ours: postmap has failed with status 1"),
    ("", "no_such_parameter", "domain", "list ours: Postfix has no parameter no_such_parameter"),
    ("", "-oops", "domain", "'-oops' is no name of a parameter of Postfix"),
    ("", "", "domain", "'in' here, where a parameter of Postfix, such as mydestination, belongs"),
    ("", "mydestination", "pattern", "Postfix has no patterns: it gives domains, networks and addresses"),
])
def test_what_cannot_be_read(postfix, main, parameter, kind, message):
    postfix.file("bad", "192.0.2.0/24 OK\n!192.0.2.1 OK\n")
    postfix.file("words", "some words\n")
    postfix.file("octets", b"a\0\0\n")
    postfix.file("itself", f"{postfix.etc}/itself\n")
    postfix.file("broken.db", b"\x7f\0\x01" * 5000)
    postfix.main(main.replace("DIR", str(postfix.etc)) + "\n")
    done = postfix.list("show", parameter, kind=kind)
    assert (done.returncode, message.replace("DIR", str(postfix.etc)) in done.stderr) == (78, True), done.stderr


def test_one_that_may_be_missing(postfix):
    main = postfix.etc / "main.cf"
    main.rename(postfix.etc / "later")
    postfix.conf.write_text(f'{sluice.plugin_lines()}list ours domain [fixed.example] optional postfix mydestination in "{postfix.etc}" optional sendmail w in "{postfix.etc}/sendmail.cf"\n')

    def items(**more):
        done = subprocess.run([sluice.SLUICECTL, "list", "show", "-c", postfix.conf, "ours"], capture_output=True, text=True, check=False, **more)
        assert done.returncode == 0, done.stderr
        return [line.split("   # ")[0] for line in done.stdout.splitlines()]
    assert items() == ["fixed.example"]
    (postfix.etc / "later").rename(main)
    postfix.main("mydestination = come.example\n")
    assert items() == ["fixed.example", "come.example"]
    assert items(env={**sluice.environment(), "PATH": str(postfix.etc)}) == ["fixed.example"], "it has gone, and left its settings"
    postfix.main("mydestination = mysql:/x\n")
    assert postfix.list("show", "mydestination").returncode == 78, "one that is there is read as any other"


def test_one_that_comes_later(setup):
    etc = setup.folder / "etc"
    etc.mkdir()
    s = setup.sluice('authserv_id mx.example.org\nlist trusted network []\n'
                     f'list local-domains domain optional postfix mydestination in "{etc}"\nat rcpt {{ rule r reject "550 5.7.1 no" when relay.attempt }}\n')
    with setup.milter(s) as m:
        m.greet()
        m.mail()
        assert m.rcpt("<u@come.example>").kind == REPLY, "such a list may be empty"
    (etc / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mx.example.org\nmydestination = come.example\n")
    net.wait_for(lambda: "list local-domains was read again: 1 items" in s.log(), "the list to be read")
    with setup.milter(s) as m:
        m.greet()
        m.mail()
        assert m.rcpt("<u@come.example>").kind == CONTINUE and m.rcpt("<u@other.example>").kind == REPLY
    # and goes while we run, as when its settings are written anew: no mail is refused for that
    (etc / "main.cf").rename(etc / "old")
    net.wait_for(lambda: f"list local-domains keeps its old contents: {etc}: Postfix has no settings there any more" in s.log(), "it to be missed")
    with setup.milter(s) as m:
        m.greet()
        m.mail()
        assert m.rcpt("<u@come.example>").kind == CONTINUE
    (etc / "old").write_text("compatibility_level = 3.6\nmyhostname = mx.example.org\nmydestination = come.example back.example\n")
    (etc / "old").rename(etc / "main.cf")
    net.wait_for(lambda: "list local-domains was read again: 2 items" in s.log(), "the list to be read")
    (etc / "main.cf").unlink()
    net.wait_for(lambda: s.log().count("keeps its old contents") == 2, "it to be missed")
    assert s.reload().returncode == 0
    with setup.milter(s) as m:
        m.greet()
        m.mail()
        assert m.rcpt("<u@come.example>").kind == REPLY, "it has gone for good"


def test_a_file_is_not_optional(postfix):
    postfix.conf.write_text("list ours domain optional file x\n")
    done = sluice.ctl("list", "show", "-c", postfix.conf, "ours")
    assert done.returncode == 78 and "'file' here, where postfix or sendmail, which alone can be optional, belongs" in done.stderr, done.stderr


def test_no_main_cf(postfix):
    (postfix.etc / "main.cf").unlink()
    done = postfix.list("show", "mydestination")
    assert done.returncode == 78 and "list ours: postconf has failed with status 1: postconf: fatal: open " in done.stderr


def program(folder, name, script):
    """A program of this name that is found first."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("script, message", [
    (None, "postconf cannot be started: No such file or directory"),
    ("echo one; echo two >&2; exit 3", "postconf has failed with status 3: two"),
    ("kill -9 $$", "postconf was ended by a signal"),
    ("exec head -c 100000000 /dev/zero", "postconf prints more than 1048576 octets"),
    ("echo only one line", "postconf has not said what it was asked for"),
    ("head -c 100000 /dev/zero >&2; exit 1", "postconf has failed with status 1"),
])
def test_a_postconf_that_fails(postfix, tmp_path, monkeypatch, script, message):
    folder = program(tmp_path / "bin", "postconf", script) if script else tmp_path
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin" if script else str(folder))
    done = postfix.list("show", "mydestination")
    assert done.returncode == 78 and message in done.stderr


def test_a_postconf_that_hangs_is_ended_with_what_it_started(postfix, tmp_path, monkeypatch):
    mark = tmp_path / "pid"
    monkeypatch.setenv("PATH", f'{program(tmp_path / "bin", "postconf", f"sleep 3600 & echo $! > {mark}; wait")}:/usr/bin:/bin')
    done = postfix.list("show", "mydestination")
    assert done.returncode == 78 and "list ours: postconf has not ended in time" in done.stderr
    pid = int(mark.read_text())

    def state():
        return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout[:1]
    net.wait_for(lambda: state() in ("", "Z"), "the end of what it started")


def answer(m, domain):
    kind = m.mail(f"<a@{domain}>").kind
    m.abort()
    return kind


def until_logged(s, text, count=1):
    net.wait_for(lambda: s.log().count(text) >= count, f"'{text}' in the log")


def test_changes_are_taken_and_what_is_broken_is_not(setup, postfix):
    domains = postfix.file("domains", "file.example\n")
    hashed = postfix.map("hashed", "hashed.example x\n")
    postfix.main(f"mydestination = one.example {domains} {hashed}\n")
    s = setup.sluice(f'list ours domain postfix mydestination in "{postfix.etc}"\n'
                     'at mail { rule r reject "550 5.7.1 no" when mail.domain in ours }\n')
    m = setup.milter(s)
    m.greet()

    def answers():
        return [answer(m, f"{name}.example") for name in ("one", "file", "hashed", "two")]
    assert answers() == [REPLY, REPLY, REPLY, CONTINUE]
    postfix.main(f"mydestination = two.example {domains} {hashed}\n")
    until_logged(s, "list ours was read again: 3 items")
    assert answers() == [CONTINUE, REPLY, REPLY, REPLY]
    postfix.file("domains", "file.example\nanother.example\n")
    until_logged(s, "list ours was read again: 4 items")
    postfix.map("hashed", "hashed.example x\nb.example y\nc.example z\n")
    until_logged(s, "list ours was read again: 6 items")
    domains.unlink()
    until_logged(s, "list ours keeps its old contents: ")
    assert f"{domains}: cannot be read" in s.log() and s.status()["list_stale"].startswith(f"ours: {domains}: cannot be read")
    assert answers() == [CONTINUE, REPLY, REPLY, REPLY]
    postfix.file("domains", "one.example\n")
    until_logged(s, "list ours was read again: 5 items")
    assert answers() == [REPLY, CONTINUE, REPLY, REPLY] and "list_stale" not in s.status()
    assert s.log().count("keeps its old contents") == 1


def test_sessions_do_not_wait_for_a_postconf_that_hangs(setup, postfix, tmp_path, monkeypatch):
    hang, begun = tmp_path / "hang", tmp_path / "begun"
    script = f'if [ -e {hang} ]; then : > {begun}; exec sleep 3600; fi; exec {shutil.which("postconf")} "$@"'
    monkeypatch.setenv("PATH", f'{program(tmp_path / "bin", "postconf", script)}:{os.environ["PATH"]}')
    postfix.main("mydestination = one.example\n")
    s = setup.sluice(f'list ours domain postfix mydestination in "{postfix.etc}"\n'
                     'at mail { rule r reject "550 5.7.1 no" when mail.domain in ours }\n')
    m = setup.milter(s)
    m.greet()
    hang.touch()
    postfix.main("mydestination = two.example\n")
    net.wait_for(begun.exists, "postconf to be run")
    assert [answer(m, "one.example"), answer(m, "two.example")] == [REPLY, CONTINUE]
    assert "has not ended" not in s.log(), "the answers came while it hung"
    until_logged(s, "list ours keeps its old contents: postconf has not ended in time")
    hang.unlink()
    postfix.main("mydestination = two.example three.example\n")
    until_logged(s, "list ours was read again: 2 items")
    assert [answer(m, "one.example"), answer(m, "two.example")] == [CONTINUE, REPLY]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_daemons_user_may_do_it(setup):
    folder = setup.folder / "for-all"
    folder.mkdir()
    if not all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)):
        pytest.skip("the folder is not open to others")
    postfix = Postfix(folder)
    hashed = postfix.map("hashed", "hashed.example x\n")
    postfix.main(f"mydestination = one.example {hashed}\n")
    s = setup.sluice(f'user nobody\nlist ours domain postfix mydestination in "{postfix.etc}"\n'
                     'at mail { rule r reject "550 5.7.1 no" when mail.domain in ours }\n')
    postfix.main(f"mydestination = one.example two.example {hashed}\n")
    until_logged(s, "list ours was read again: 3 items")
    (postfix.etc / "hashed.db").chmod(0o600)
    until_logged(s, "list ours keeps its old contents: postmap has failed with status 1: postmap: fatal: open database")
    assert "Permission denied" in s.log()
