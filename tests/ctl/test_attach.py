# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl attach, beside a real Postfix with the files that Debian ships, and a real Sendmail: attached, seen, and as it was before to the octet."""
import os
import pathlib
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile

import pytest

from support import net, sendmail, sluice
from support.mta import Mta
from support.postfix import once

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root: mail servers run as several users")
needs_sendmail = pytest.mark.skipif(not sendmail.BINARY.exists(), reason="Sendmail as contrib/packages unpacks it")
CONF = "authserv_id mx.example.org\n"
SHIPPED = pathlib.Path("/usr/share/postfix")
OWN = """
# what a test needs: folders, ports and names of its own
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {dir}/log/mail.log
maillog_file_prefixes = {dir}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.org
mydestination = $myhostname, example.org, localhost
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
local_transport = sink:
default_transport = discard:
"""


class Stock(Mta):
    """Postfix with main.cf and master.cf as Debian ships them, moved to a folder and ports of its own; it listens only while it was started."""

    def __init__(self, setup, main="", master="", listeners=("smtp",), start=True):
        setup.count += 1
        self.dir = setup.folder / f"stock{setup.count}"
        self.conf = self.dir / "conf"
        for sub in ("conf", "spool", "data", "log"):
            (self.dir / sub).mkdir(parents=True)
        shutil.chown(self.dir / "data", "postfix")
        self.place_for_mail()
        self.ports = {name: net.free_port() for name in listeners}
        self.port = self.ports["smtp"]
        text = (SHIPPED / "master.cf.dist").read_text()
        text = re.sub(r"(?m)^smtp( +)inet", rf"127.0.0.1:{self.port}\1inet", text)
        for name in listeners[1:]:
            text += f"127.0.0.1:{self.ports[name]} inet n - y - - smtpd\n  -o syslog_name=postfix/{name}\n"
        text += master.format(**self.ports) + f"sink unix - n n - - pipe user=nobody null_sender= argv={self.dir}/sink\n"
        (self.conf / "main.cf").write_text(once((SHIPPED / "main.cf.debian").read_text() + OWN.format(dir=self.dir) + main))
        (self.conf / "master.cf").write_text(text)
        self.started = False
        setup.running.append(self)
        if start:
            self.start()

    def start(self):
        for folder in ("etc", "usr/lib"):
            (self.dir / "spool" / folder).mkdir(parents=True, exist_ok=True)  # what the chroot needs
        for file in ("services", "resolv.conf", "hosts", "nsswitch.conf"):
            if pathlib.Path("/etc", file).exists():
                shutil.copy(f"/etc/{file}", self.dir / "spool/etc")
        self.run("start")
        self.started = True
        net.wait_for(lambda: net.listens(self.port), "Postfix to listen")

    def run(self, verb):
        done = subprocess.run(["postfix", "-c", self.conf, verb], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()

    def stop(self):
        if self.started:
            (self.conf / "main.cf").write_text(OWN.format(dir=self.dir))  # whatever a test has made of it
            subprocess.run(["postfix", "-c", self.conf, "stop"], capture_output=True, timeout=net.PATIENCE_S, check=False)

    def log(self):
        path = self.dir / "log" / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def client(self, address=None, port=None, helo="mail.example.net"):
        return smtplib.SMTP("127.0.0.1", port or self.port, timeout=net.PATIENCE_S, local_hostname=helo)

    def files(self):
        """All that there is in the folder of the settings, with owner and mode."""
        return {path.name: (path.read_bytes(), path.stat().st_mode, path.stat().st_uid) for path in self.conf.iterdir()}

    def setting(self, name, *more):
        return subprocess.run(["postconf", "-c", self.conf, *more, "-h", name], capture_output=True, text=True, check=True).stdout.strip()

    def attach(self, s, *args, status=0, where=None, **kwargs):
        for name in ("main.cf", "master.cf"):
            os.utime(self.conf / name, (1, 1))  # Postfix's programs wait for two seconds when it is new
        return attach(s, "postfix", "--config", where or self.conf, *args, status=status, **kwargs)


def attach(s, *args, status=0, user=None):
    argv = [sluice.SLUICECTL, "attach", *args, *(["-s", s.control] if s else [])]
    argv = ["setpriv", f"--reuid={user}", "--clear-groups", *argv] if user else argv
    with tempfile.TemporaryDirectory() as copies:
        pathlib.Path(copies).chmod(0o777)
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=sluice.environment() | {"TMPDIR": copies}, timeout=net.PATIENCE_S, check=False)
        assert not list(pathlib.Path(copies).iterdir()), "copies were left"
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Sanitizer" not in done.stderr
    return done.stdout + done.stderr


def inet(setup, conf=CONF):
    return setup.sluice(conf, listen=f"inet:{net.free_port()}@127.0.0.1")


def milter_of(s):
    return "inet:127.0.0.1:" + s.listen.split(":")[1].split("@")[0]


def seen(s, server):
    """A message comes in, and is seen with its explanation."""
    code, text = server.send(None)
    assert code == 250, text
    queue_id = text.split()[-1]
    assert server.delivered()[-1].count(b"Authentication-Results: mx.example.org") == 1
    return net.wait_for(lambda: s.ctl("explain", queue_id).returncode == 0, "its explanation") and s.explain(queue_id)


def test_a_stock_postfix_and_back_again(setup):
    s, p = inet(setup), Stock(setup)
    before = p.files()
    said = p.attach(s, status=1)
    assert f"+smtpd_milters = {milter_of(s)}\n" in said and f"+non_smtpd_milters = {milter_of(s)}\n" in said and "in a chroot" in said
    assert p.files() == before, "to look changes nothing"
    said = p.attach(s, "--apply", where=os.path.relpath(p.conf))
    assert "attached, and the mail server has read it" in said
    assert p.setting("smtpd_milters") == milter_of(s)
    case = seen(s, p)
    assert case["client"]["ip"] == "127.0.0.1"
    attached = p.files()
    assert {name: attached[f"{name}.sluice-before"] for name in ("main.cf",)} == {"main.cf": before["main.cf"]}
    assert "it is attached: nothing would be changed" in p.attach(s)
    assert "it is attached: nothing was changed" in p.attach(s, "--apply") and p.files() == attached
    assert "all is as it was before, and the mail server has read it" in p.attach(s, "--undo")
    assert p.files() == before
    assert p.send(None)[0] == 250 and b"Authentication-Results" not in p.delivered(2)[-1]
    assert "nothing to undo" in p.attach(s, "--undo") and p.files() == before


def test_what_there_is_stays(setup):
    """Other milters, a service with its own, one that is told to have none, $names, and waits that are too short."""
    s = setup.sluice(CONF + "stage_deadline 8s\n", listen=f"inet:{net.free_port()}@127.0.0.1")
    p = Stock(setup, start=False, listeners=("smtp", "submission", "back", "tls"), main="""
# ours
the_others = { inet:127.0.0.1:1, connect_timeout=5s },
  unix:opendkim/opendkim.sock
smtpd_milters = $the_others
non_smtpd_milters = $smtpd_milters
milter_default_action = accept
milter_command_timeout = 5s
smtpd_delay_reject = no
milter_protocol = 2
smtpd_recipient_restrictions = permit_mynetworks, check_policy_service unix:private/policyd-spf
""", master="""# with its own
127.0.0.1:{submission}0 inet n - y - - smtpd
""")
    text = (p.conf / "master.cf").read_text().replace("{submission}0", "0")
    text = re.sub(r"(syslog_name=postfix/submission)", r"\1\n  -o { smtpd_milters = $the_others, inet:127.0.0.1:2 }", text)
    text = re.sub(r"(syslog_name=postfix/back)", r"\1\n  -o smtpd_milters=", text)
    text = re.sub(r"(syslog_name=postfix/tls)", r"\1\n  -o smtpd_tls_wrappermode=yes", text)
    text = re.sub(r"(?ms)^# with its own\n.*?\n", "# with its own\n", text)
    (p.conf / "master.cf").write_text(text)
    before = p.files()
    said = p.attach(s, status=1)
    for part in ("another milter, unix:opendkim/opendkim.sock: DKIM is done twice", "another milter, inet:127.0.0.1:1: it stays, behind Sluice", "policyd-spf: SPF is done twice",
                 "milter_default_action = accept: while Sluice does not answer, mail passes unchecked", "smtpd_delay_reject = no", "milter_protocol = 2",
                 "milter_command_timeout = 5s is shorter than Sluice may take (stage_deadline, 8 s)", "told to ask no milter, and stays so", "by TLS"):
        assert part in said, said
    assert "Postfix is not running" in p.attach(s, "--apply")
    assert p.setting("smtpd_milters") == f"{milter_of(s)}, $the_others" and p.setting("non_smtpd_milters") == "$smtpd_milters"
    assert p.setting("milter_command_timeout") == "30s" and p.setting("milter_default_action") == "accept"
    own = subprocess.run(["postconf", "-c", p.conf, "-P"], capture_output=True, text=True, check=True).stdout
    assert f"127.0.0.1:{p.ports['submission']}/inet/smtpd_milters = {milter_of(s)},$the_others,inet:127.0.0.1:2\n" in own
    assert re.search(rf"127.0.0.1:{p.ports['back']}/inet/smtpd_milters = ?\n", own)
    assert "nothing was changed" in p.attach(s, "--apply")
    p.attach(s, "--undo")
    assert p.files() == before


def test_a_socket_in_the_chroot(setup):
    p = Stock(setup, start=False)
    folder = p.dir / "spool/sluice"
    folder.mkdir()
    s = setup.sluice(CONF, listen=f"unix:{folder}/milter.sock")
    p.start()
    p.attach(s, "--apply")
    assert p.setting("smtpd_milters") == "unix:sluice/milter.sock"
    seen(s, p)
    (p.conf / "main.cf").write_text((p.conf / "main.cf").read_text().replace("unix:sluice/", "unix:/sluice/"))
    assert "nothing was changed" in p.attach(s, "--apply")


def test_a_socket_that_postfix_cannot_reach(setup):
    s, p = setup.sluice(CONF), Stock(setup, start=False)
    before = p.files()
    for verb in ("--check", "--apply"):
        said = p.attach(s, verb, status=2)
        assert f"BAD   Postfix's smtpd runs in a chroot and does not see {s.socket}: 'listen unix:{p.dir}/spool/sluice/milter.sock'" in said and p.files() == before
    (p.conf / "master.cf").write_text(re.sub(r"(?m)^(\S+ +(inet|unix) +\S+ +\S+) +y", r"\1 n", (p.conf / "master.cf").read_text()))
    s.socket.chmod(0o600)
    assert f"Postfix's user postfix may not write to {s.socket}: 'socket_group postfix'" in p.attach(s, status=2)
    s.socket.chmod(0o666)
    s.folder.chmod(0o700)
    assert f"may not enter {s.folder}" in p.attach(s, status=2)
    s.folder.chmod(0o755)
    assert f"+smtpd_milters = unix:{s.socket}" in p.attach(s, status=1)


@pytest.mark.parametrize("file, line", [("main.cf", "this is no setting\n"), ("master.cf", "smtp inet what\n")])
def test_settings_that_are_broken(setup, file, line):
    s, p = inet(setup), Stock(setup, start=False)
    with open(p.conf / file, "a") as f:
        f.write(line)
    before = p.files()
    for verb in ("--check", "--apply"):
        said = p.attach(s, verb, status=2)
        assert "postconf has failed" in said and f"{p.conf}/{file}" in said, said
        assert p.files() == before


def test_what_postfix_itself_finds_fault_with(setup):
    s, p = inet(setup), Stock(setup, main="mail_owner = nobody-of-that-name\n", start=False)
    before = p.files()
    said = p.attach(s, "--apply", status=2)
    assert "nothing was changed" in said and p.files() == before, said


def test_without_settings_or_the_right_to_change_them(setup):
    s, p = inet(setup), Stock(setup, start=False)
    before = p.files()
    said = attach(s, "postfix", "--config", setup.folder / "nowhere", status=2)
    assert "nowhere/main.cf: No such file or directory" in said
    s.control.chmod(0o666)
    assert "only root and the daemon's own user" in p.attach(s, "--apply", user="nobody", status=77)
    assert p.files() == before
    p.attach(s, "--apply")
    attached = p.files()
    assert "ermission denied" in p.attach(None, "--undo", user="nobody", status=2) and p.files() == attached


def test_a_daemon_that_is_not_there(setup):
    s, p = inet(setup), Stock(setup, start=False)
    s.stop()
    before = p.files()
    for verb in ("--check", "--apply"):
        assert "start Sluice first" in p.attach(s, verb, status=69) and p.files() == before
    s.start()
    p.attach(s, "--apply")
    s.stop()
    p.attach(s, "--undo")
    assert p.files() == before


@pytest.mark.parametrize("file", ["main.cf", "master.cf"])
def test_edited_since(setup, file):
    s, p = inet(setup), Stock(setup, start=False)
    (p.conf / "master.cf").write_text((p.conf / "master.cf").read_text() + "127.0.0.1:1 inet n - y - - smtpd\n  -o smtpd_milters=inet:127.0.0.1:3\n")
    p.attach(s, "--apply")
    with open(p.conf / file, "a") as f:
        f.write("# edited by hand\n")
    before = p.files()
    said = p.attach(s, "--undo", status=2)
    assert "-# edited by hand" in said and f"{file} was edited since" in said and "nothing was changed" in said
    assert "nothing was changed" in p.attach(s, "--apply")
    assert p.files() == before
    (p.conf / "main.cf").write_text((p.conf / "main.cf").read_text() + "smtpd_milters =\n")
    before = p.files()
    assert "--undo says what was edited since" in p.attach(s, "--apply", status=2) and p.files() == before
    (p.conf / "main.cf.sluice-state").write_text("what?\n")
    assert "not as sluicectl attach has left it" in p.attach(s, "--undo", status=2)


def test_a_backup_that_is_another(setup):
    s, p = inet(setup), Stock(setup, start=False)
    p.attach(s, "--apply")
    (p.conf / "main.cf.sluice-before").write_text("another\n")
    before = p.files()
    assert "is not what was there before: nothing was changed" in p.attach(s, "--undo", status=2) and p.files() == before


def test_interrupted_between_the_two_files(setup):
    """As it is on the disk when the machine goes down there: the record and both backups, one file new, the other old."""
    s, p = inet(setup), Stock(setup, start=False)
    (p.conf / "master.cf").write_text((p.conf / "master.cf").read_text() + "127.0.0.1:1 inet n - y - - smtpd\n  -o smtpd_milters=inet:127.0.0.1:3\n")
    before = p.files()
    p.attach(s, "--apply")
    whole = p.files()
    for half in ("main.cf", "master.cf"):
        (p.conf / half).write_bytes(before[half][0])
        assert "was interrupted half-way" in p.attach(s, status=2)
        assert "it was taken back" in p.attach(s, "--apply")
        assert p.files() == whole
        (p.conf / half).write_bytes(before[half][0])
        p.attach(s, "--undo")
        assert p.files() == before
        p.attach(s, "--apply")


def test_two_instances_and_one_is_broken(setup):
    s, one, two = inet(setup), Stock(setup, start=False), Stock(setup, start=False)
    before = one.files(), two.files()
    both = ["postfix", "--config", one.conf, "--config", two.conf]
    attach(s, *both, "--apply")
    assert one.setting("smtpd_milters") == two.setting("smtpd_milters") == milter_of(s)
    attach(s, *both, "--undo")
    assert (one.files(), two.files()) == before
    with open(two.conf / "main.cf", "a") as f:
        f.write("broken\n")
    before = one.files(), two.files()
    assert "all is as it was before" in attach(s, *both, "--apply", status=2)
    assert (one.files(), two.files()) == before


def test_the_file_behind_a_link_is_changed(setup):
    s, p = inet(setup), Stock(setup, start=False)
    real = p.dir / "elsewhere.cf"
    (p.conf / "main.cf").rename(real)
    real.chmod(0o640)
    (p.conf / "main.cf").symlink_to(real)
    before = real.read_bytes()
    p.attach(s, "--apply")
    assert (p.conf / "main.cf").is_symlink() and b"smtpd_milters" in real.read_bytes() and real.stat().st_mode & 0o777 == 0o640
    p.attach(s, "--undo")
    assert (p.conf / "main.cf").is_symlink() and real.read_bytes() == before and real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("args", [[], ["exim"], ["postfix", "postfix"], ["postfix", "--check", "--apply"], ["postfix", "--all"]])
def test_what_is_wrong_is_said(args):
    assert "usage: sluicectl attach" in attach(None, *args, status=64)


def test_the_proof(setup):
    s, p = inet(setup), Stock(setup, listeners=("smtp", "users", "tls"))
    text = (p.conf / "master.cf").read_text()
    text = re.sub(r"(syslog_name=postfix/tls)", r"\1\n  -o smtpd_tls_wrappermode=yes", text)
    text = re.sub(r"(syslog_name=postfix/users)", r"\1\n  -o smtpd_delay_reject=no\n  -o smtpd_client_restrictions=reject", text)
    (p.conf / "master.cf").write_text(text)
    said = p.attach(s, "--apply")
    first, users, tls = (f"listener 127.0.0.1:{p.ports[name]}" for name in ("smtp", "users", "tls"))
    for part in (f"{first}: 550 was to be said, and was, in ", f"{first}: 451 was to be said, and was, in ", f"{first}: a message was taken in ",
                 "our Authentication-Results stands above all other fields, with one blank", "blanks in header fields stay as they are", f"all macros came: port {p.port}, macros j v ",
                 "Sluice took: ", f"LOOK  {users}: it does not come to Sluice: 554 5.7.1", f"LOOK  {tls} begins with TLS: it was not tried", "attached, and the mail server has read it"):
        assert part in said, said
    case = re.search(r"sluicectl explain (\w+)", said)[1]
    assert s.explain(case)["verdict"]["action"] == "hold"
    assert not list((p.dir / "spool/hold").rglob("*[0-9A-F]")), "the message is gone"
    assert not list(p.mail.iterdir())
    assert f"{first}: 550 was to be said, and was" in p.attach(s, "--prove")
    assert "rule=" not in s.ctl("metrics").stdout


def test_a_proof_that_fails_takes_it_back(setup):
    """What comes in never reaches Sluice, as its service says no_milters in a way that is not looked for."""
    s, p = inet(setup), Stock(setup, main="receive_override_options = no_milters\n")
    before = p.files()
    said = p.attach(s, "--apply", status=2)
    assert "does not ask Sluice: a recipient was taken" in said and "so all is as it was before" in said, said
    assert p.files() == before
    assert "does not ask Sluice" in p.attach(s, "--prove", status=2)


# ---- Sendmail ----

class Beside:
    """A Sendmail that asks nobody, and sluicectl beside it: in its namespaces, with its binary first in PATH."""

    def __init__(self, setup, conf=CONF, **kwargs):
        self.sluice = setup.sluice(conf)
        self.server = setup.sendmail(self.sluice, attached=False, **kwargs)
        self.cf, self.mc = self.server.dir / "sendmail.cf", self.server.dir / "sendmail.mc"

    def files(self):
        return {path.name: (path.read_bytes(), path.stat().st_mode, path.stat().st_uid) for path in self.server.dir.glob("sendmail.[cm]*")}

    def attach(self, *args, status=0, mc=True, target=True):
        argv = ["nsenter", "-t", self.server.process.pid, "-u", "-m", "-n", sluice.SLUICECTL, "attach", "sendmail", "--config", self.cf,
                *(["--mc", self.mc, "--cf-dir", sendmail.CF] if mc else []), *(["-s", self.sluice.control] if target else []), *args]
        env = sluice.environment() | {"PATH": f"{sendmail.BINARY.parent}:{os.environ['PATH']}"}
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=env, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == status and "Sanitizer" not in done.stderr, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def reload(self):
        """As a shell says it: Sendmail starts itself anew."""
        return ["--reload", f"kill -HUP $(head -1 {self.server.dir}/sendmail.pid)"]

    def starts(self):
        return self.server.log().count("starting daemon")


@needs_sendmail
@pytest.mark.parametrize("mc", [True, False], ids=["by sendmail.mc", "sendmail.cf alone"])
def test_a_sendmail_and_back_again(setup, mc):
    b = Beside(setup)
    before = b.files()
    said = b.attach(mc=mc, status=1)
    assert "+O InputMailFilters=sluice\n" in said and f"+Xsluice, S={b.sluice.listen}, F=T, T=C:20s;S:60s;R:60s;E:120s\n" in said, said
    assert ("+INPUT_MAIL_FILTER(`sluice'" in said) == mc and ("only sendmail.cf is changed" in said) != mc and "is not what m4 makes" not in said
    assert b.files() == before
    said = b.attach("--apply", *b.reload(), mc=mc)
    for part in ("listener MTA: 550 was to be said, and was", "listener MTA: 451 was to be said, and was", "listener MTA: a message was taken", "listener MSA: a message was taken",
                 "stands above all other fields, with one blank", "blanks in header fields stay", "all macros came: port 25", "attached, and the mail server has read it"):
        assert part in said, said
    assert not b.server.held() and not list(b.server.mail.iterdir())
    assert not mc or b.cf.stat().st_mtime_ns >= b.mc.stat().st_mtime_ns, "Debian's Makefile would make it anew, and --undo would find it edited"
    code, text = b.server.send("192.0.2.1")
    assert code == 250
    queue_id = text.split()[1]
    assert b"Authentication-Results: mx.example.org" in b.server.delivered()[0]
    assert b.sluice.explain(queue_id)["client"]["ip"] == "192.0.2.1"
    attached = b.files()
    assert "nothing was changed" in b.attach("--apply", mc=mc) and b.files() == attached
    before_undo = b.starts()
    assert "all is as it was before, and the mail server has read it" in b.attach("--undo", *b.reload(), mc=mc)
    net.wait_for(lambda: b.starts() > before_undo, "Sendmail to start anew")
    assert b.files() == before


@needs_sendmail
def test_a_sendmail_that_nobody_restarts(setup):
    b = Beside(setup)
    before = b.files()
    said = b.attach("--apply")
    assert "Sendmail reads it when it is restarted" in said and "--prove" in said
    said = b.attach("--prove", status=2)
    assert "listener MTA does not ask Sluice" in said
    with open(b.mc, "a") as f:
        f.write("dnl edited\n")
    edited = b.files()
    assert "-dnl edited" in b.attach("--undo", status=2) and b.files() == edited
    b.mc.write_bytes(before["sendmail.mc"][0])
    assert "was interrupted half-way" in b.attach(status=2)
    b.attach("--undo")
    assert b.files() == before


@needs_sendmail
def test_what_a_sendmail_has_stays(setup):
    b = Beside(setup)
    b.mc.write_text(b.mc.read_text().replace("MAILER(`local')", "INPUT_MAIL_FILTER(`opendkim', `S=local:/run/opendkim/opendkim.sock')dnl\nMAILER(`local')"))
    said = b.attach(status=1)
    assert "is not what m4 makes of" in said
    b.cf.write_text(b.cf.read_text().replace("#O InputMailFilters", "O InputMailFilters=grey") + "Xgrey, S=inet:1@127.0.0.1, F=\n")
    said = b.attach(mc=False, status=1)
    assert "another filter, grey at inet:1@127.0.0.1: greylisting is done twice" in said and "+O InputMailFilters=sluice,grey\n" in said
    b.cf.write_text(b.cf.read_text().replace("=grey\n", "=grey,here\n") + f"Xhere, S=local:{b.sluice.socket}, T=R:5s\n")
    said = b.attach(mc=False)
    assert "filter here waits R:5s, shorter" in said and "while Sluice does not answer, mail passes unchecked" in said and "it is attached" in said
    b.cf.write_text(b.cf.read_text().replace("Xhere", "Xsluice").replace("=grey,here", "=sluice").replace(str(b.sluice.socket), "/elsewhere"))
    assert "a filter is called sluice and has another socket, local:/elsewhere" in b.attach(mc=False, status=2)


@needs_sendmail
def test_a_sendmail_with_broken_settings(setup):
    b = Beside(setup)
    good = b.cf.read_text()
    b.cf.write_text(good + "what is this\n")
    before = b.files()
    said = b.attach("--apply", mc=False, status=2)
    assert "the mail server finds fault with its settings as they are: nothing was changed" in said and b.files() == before, said
    b.cf.write_text("what is this\n")
    assert "is no sendmail.cf" in b.attach("--apply", mc=False, status=2)
    b.cf.write_text(good)
    b.mc.write_text("dnl nothing\n")
    before = b.files()
    assert "is it a sendmail.mc?" in b.attach("--apply", status=2) and b.files() == before
    b.mc.write_text("include(`/nonexistent')\nMAILER(`smtp')\n")
    before = b.files()
    assert "m4 has failed" in b.attach("--apply", status=2) and b.files() == before
