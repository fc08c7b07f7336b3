# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl import: what becomes of the configurations of other programs; it can be loaded, does what they did, and says what it leaves out."""
import re
import shutil
import subprocess

import pytest

from support import net, sluice
from support.signing import Keys

OPENDKIM_DEBIAN = """# as Debian ships it
Syslog\t\t\tyes
SyslogSuccess\t\tyes
#LogWhy\t\t\tno
Canonicalization\trelaxed/simple
#Mode\t\t\tsv
OversignHeaders\t\tFrom
UserID\t\t\topendkim
UMask\t\t\t007
Socket\t\t\tlocal:/run/opendkim/opendkim.sock
PidFile\t\t\t/run/opendkim/opendkim.pid
TrustAnchorFile\t\t/usr/share/dns/root.key
"""
OPENDMARC_DEBIAN = """# as Debian ships it
PidFile /run/opendmarc/opendmarc.pid
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
Socket local:/run/opendmarc/opendmarc.sock
Syslog true
UMask 0002
UserID opendmarc
"""
POLICYD_SPF_DEBIAN = """#  For a fully commented sample config file see policyd-spf.conf.commented

debugLevel = 1
TestOnly = 1

HELO_reject = Fail
Mail_From_reject = Fail

PermError_reject = False
TempError_Defer = False

skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1
"""
POSTGREY_DEBIAN = """# postgrey startup options, created for Debian
POSTGREY_OPTS="--inet=10023"
#POSTGREY_TEXT="Your customized rejection message here"
"""
GREYLIST_DEBIAN = """#
# Simple greylisting config file using the new features
pidfile "/var/run/milter-greylist.pid"
socket "/var/run/milter-greylist/milter-greylist.sock"
dumpfile "/var/lib/milter-greylist/db/greylist.db" 600
dumpfreq 1
user "greylist"
quiet
list "my network" addr { 127.0.0.1/8 10.0.0.0/8 192.0.2.0/24}
list "broken mta" addr {   \\
\t198.51.100.7/32   \\  # some host
\t203.0.113.0/24 \\
}
racl whitelist list "my network"
racl whitelist list "broken mta"
racl greylist default
"""


def convert(setup, program, status=None, **files):
    """names: with __ for a dot. The text that comes out, loaded once to see that it can be."""
    paths = []
    for name, text in files.items():
        path = setup.folder / name.replace("__", ".")
        path.write_text(text)
        paths.append(path)
    done = sluice.ctl("import", program, *paths)
    assert status is None or done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout


def check(setup, text):
    """With the shipped configuration, as whoever has installed Sluice has it: it is named behind its other includes."""
    folder = setup.folder / "etc"
    if not folder.exists():
        shutil.copytree(sluice.TOP / "rules", folder)
        (folder / "lists" / "local-domains").write_text("example.org\n")
        shipped = (folder / "sluice.conf").read_text()
        assert "list trusted " in shipped and "role mx {" in shipped and "\nlisten " in shipped and "\ninclude mx.conf" in shipped
        shipped = re.sub(r"(?m) +optional (postfix|sendmail) .*$", "", shipped)  # a mail server of this machine is none of the test's
        (folder / "sluice.conf").write_text(f"{sluice.plugin_lines()}{shipped}include imported.conf\n")
    (folder / "imported.conf").write_text(text)
    done = subprocess.run([sluice.SLUICED, "-t", "-c", folder / "sluice.conf"], capture_output=True, text=True, env=sluice.environment(), timeout=net.PATIENCE_S, check=False)
    assert done.returncode == 0 and "good" in done.stdout, done.stderr + text
    return folder / "sluice.conf"


def left(text):
    return text.split("# Not carried over:\n", 1)[1] if "# Not carried over:" in text else ""


@pytest.mark.parametrize("program, name, text, wanted, missed", [
    ("opendkim", "opendkim__conf", OPENDKIM_DEBIAN, ['#   listen "unix:/run/opendkim/opendkim.sock": in the place of that line'], ["opendkim.conf:5: Canonicalization: signatures are relaxed/relaxed"]),
    ("opendmarc", "opendmarc__conf", OPENDMARC_DEBIAN, ['#   listen "unix:/run/opendmarc/opendmarc.sock": in the place of that line', "#   nothing was refused, and nothing is"], []),
    ("policyd-spf", "policyd-spf__conf", POLICYD_SPF_DEBIAN, ["rule policyd-spf reject", "list policyd-spf-skipped network [ 127.0.0.0/8 ::ffff:127.0.0.0/104 ::1 ]", "and not client.ip in policyd-spf-skipped"], []),
    ("postgrey", "postgrey", POSTGREY_DEBIAN, ["rule postgrey greylist\n", "greylist { }"], []),
    ("milter-greylist", "greylist__conf", GREYLIST_DEBIAN, ["rule milter-greylist-1 greylist", "list milter-greylist-my_network network", "198.51.100.7/32"], ["127.0.0.1/8: no item"]),
], ids=["opendkim", "opendmarc", "policyd-spf", "postgrey", "milter-greylist"])
def test_as_it_is_shipped(setup, program, name, text, wanted, missed):
    out = convert(setup, program, 1 if missed else 0, **{name: text})
    for said in wanted:
        assert said in out, out
    assert all(said in left(out) for said in missed) and len(left(out).splitlines()) == len(missed), out
    check(setup, out)


def test_opendkim_that_signs_and_refuses(setup):
    keys = Keys(setup.folder / "keys")
    key = keys.make("example.org", "mail")
    tables = {"KeyTable": f"one example.org:mail:{key}\n", "SigningTable": "*@example.org one\n"}
    for name, text in tables.items():
        (setup.folder / name).write_text(text)
    out = convert(setup, "opendkim", 1, opendkim__conf=f"Mode sv\nKeyTable refile:{setup.folder}/KeyTable\nSigningTable refile:{setup.folder}/SigningTable\n"
                  "InternalHosts 127.0.0.1, 192.0.2.0/24 mail.example.org\nOn-BadSignature reject\nOn-NoSignature accept\nOn-DNSError tempfail\nSubDomains no\n"
                  "Nameservers 127.0.0.1\nAuthservID mx.example.org\nSignatureTTL 86400\nSendReports yes\nSocket inet:8891@localhost\nOn-Security quarantine\n")
    assert "127.0.0.1 192.0.2.0/24" in out and "rule opendkim-bad reject" in out and "rule opendkim-dns tempfail" in out and "opendkim-none" not in out
    assert "subdomains no" in out and "expire 86400s" in out and "#   listen inet:8891@127.0.0.1: in the place" in out and 'authserv_id "mx.example.org"' in out
    assert [re.search(r":(\d+): ([\w.-]+)", line).groups() for line in left(out).splitlines()] == [("4", "mail.example.org"), ("12", "SendReports"), ("14", "On-Security")]
    conf = check(setup, out)
    shown = sluice.ctl("config", "show", "-c", conf).stdout
    assert "rule opendkim-sign sign" in shown and "or client.ip in opendkim-hosts" in out


def test_opendkim_with_one_key(setup):
    out = convert(setup, "opendkim", 0, opendkim__conf="Domain example.org\nSelector mail\nKeyFile /etc/dkimkeys/mail.private\nMode s\nCanonicalization relaxed/relaxed\n")
    assert "install -D -m 600 -o sluice /etc/dkimkeys/mail.private /etc/sluice/keys/example.org/mail.pem" in out
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "mail")
    check(setup, out.replace("/etc/sluice/keys", str(keys.folder)))


def test_opendmarc_that_refuses_and_reports(setup):
    out = convert(setup, "opendmarc", 1, opendmarc__conf="RejectFailures true\nHoldQuarantinedMessages yes\nIgnoreAuthenticatedClients true\nIgnoreHosts 192.0.2.0/24\n"
                  "HistoryFile /var/lib/opendmarc/x\nFailureReports true\nFailureReportsSentBy postmaster@example.org\nRequiredHeaders true\nTrustedAuthservIDs mx.example.org\n")
    assert "rule opendmarc-reject reject" in out and "rule opendmarc-hold hold" in out and "role opendmarc { when not client.trusted and not client.ip in opendmarc-ignored }" in out
    assert out.count(" and not client.authenticated\n") == 3
    assert 'reports yes failure_reports yes  report_from "postmaster@example.org"  report_org "example.org"' in out
    assert left(out).count("\n") == 1 and "TrustedAuthservIDs" in left(out)
    check(setup, out)


@pytest.mark.parametrize("word, condition", [("Fail", "spf.result == fail"), ("Softfail", "[fail softfail]"), ("SPF_Not_Pass", "[fail softfail neutral]"), ("False", None),
                                             ("No_Check", None)])
def test_policyd_spf(setup, word, condition):
    out = convert(setup, "policyd-spf", policyd_spf__conf=f"HELO_reject = {word}\nMail_From_reject = {word}\nPermError_reject = True\nTempError_Defer = True\n"
                  "Whitelist = 192.0.2.0/24, 198.51.100.1\n")
    assert (condition in out) if condition else "rule policyd-spf reject" not in out
    assert "rule policyd-spf-permerror" in out and "on_error spf tempfail" in out and "not client.ip in policyd-spf-exempt" in out
    check(setup, out)
    assert "shadow rule" in convert(setup, "policyd-spf", policyd_spf__conf="TestOnly = 0\n")


def test_postgrey_with_its_lists(setup):
    out = convert(setup, "postgrey", 1, postgrey='POSTGREY_OPTS="--inet=10023 --delay=120 --max-age=60 --retry-window=4 --auto-whitelist-clients=10 --lookup-by-host"\n',
                  whitelist_clients="# clients\n192.0.2.1\n198.51.100\n203.0.113.0/24\nexample.net\n/^mail\\d+\\.example\\.com$/\n", whitelist_recipients="postmaster@\nabuse@example.org\nexample.com\n")
    assert "greylist {  delay 120s  lifetime 60d  window 4d  client_passes 10 }" in out
    assert 'list greylist-exempt-clients network ["192.0.2.1" "198.51.100.0/24" "203.0.113.0/24" ]' in out.replace("[ ", "[")
    assert '"abuse@example.org"' in out and '"@example.com"' in out
    assert [line.split(": ")[1] for line in left(out).splitlines()] == ["lookup-by-host", "example.net", "/^mail\\d+\\.example\\.com$/", "postmaster@"]
    check(setup, out)


def test_milter_greylist_with_rules(setup):
    out = convert(setup, "milter-greylist", 1, greylist__conf='greylist 10m\nautowhite 3d\ntimeout 5d\nsubnetmatch /24\npeer 192.0.2.9\n'
                  'list "friends" from { "ann@example.net", "bob@example.com" }\nlist "hosts" domain { example.net }\n'
                  'racl whitelist auth\nracl whitelist list "friends"\nracl blacklist addr 203.0.113.0/24\nracl greylist rcpt u@example.org delay 30m\n'
                  'racl whitelist list "hosts" spf pass\nracl greylist default msg "come again"\nracl continue tls "x"\nracl greylist default\ndacl blacklist dnsrbl "X"\n')
    assert "delay 10m" in out and "lifetime 3d" in out and "window 5d" in out and "client_net_v4 24" in out
    rules = re.findall(r"rule milter-greylist-\d+ (.*)", out)
    assert rules[0].startswith("reject") and 'client.ip in [ "203.0.113.0/24" ] and not (client.authenticated) and not (mail.from in milter-greylist-friends)' in rules[0]
    assert rules[-1].startswith("greylist when not (client.authenticated) and not (mail.from in milter-greylist-friends) and not (client.name in milter-greylist-hosts and spf.result == pass)")
    check(setup, out)
    assert "peer" in left(out) and "msg" in left(out) and "tls" in left(out) and "dnsrbl" in left(out)


def test_rspamd(setup):
    out = convert(setup, "rspamd", 1, **{
        "actions__conf": "reject = 15;\nadd_header = 6; # tag\ngreylist = 4;\n", "greylist__conf": 'timeout = 5min;\nexpire = 1d;\n', "redis__conf": 'servers = "127.0.0.1:6379";\npassword = "x";\n',
        "dkim_signing__conf": 'allow_username_mismatch = true;\ndomain {\n  example.org {\n    path = "/var/lib/rspamd/dkim/example.org.key";\n    selector = "mail";\n  }\n}\n',
        "options__inc": 'local_addrs = [127.0.0.0/8, ::1, "192.0.2.0/24"];\ndns { nameserver = ["127.0.0.1"]; }\n',
        "rbl__conf": 'rbls {\n  zen {\n    rbl = "zen.spamhaus.org";\n    symbol = "ZEN";\n  }\n}\n', "antivirus__conf": 'clamav {\n type = "clamav";\n servers = "127.0.0.1:3310";\n action = "reject";\n}\n',
        "phishing__conf": "openphish_enabled = true;\n"})
    for said in ("when rspamd.score >= 15", "when rspamd.score >= 6", "delay 300s", "state { redis \"127.0.0.1:6379\" }", "/var/lib/rspamd/dkim/example.org.key /etc/sluice/keys/example.org/SELECTOR.pem",
                 "list rspamd-local network [ 127.0.0.0/8 ::1 192.0.2.0/24 ]", "role rspamd-out { when client.authenticated or client.trusted or client.ip in rspamd-local }", "dnsbl zen.spamhaus.org {", 'clamav { server "inet:3310@127.0.0.1" }', "rule rspamd-virus reject", "rspamd { server inet:11333@127.0.0.1 }"):
        assert said in out, (said, out)
    for said in ("actions.conf:3: greylist", "allow_username_mismatch", "rbls.zen.symbol", "openphish_enabled"):
        assert said in left(out), (said, out)
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "mail")
    check(setup, out.replace("/etc/sluice/keys", str(keys.folder)))


@pytest.mark.parametrize("program", ["opendkim", "opendmarc", "policyd-spf", "postgrey", "milter-greylist", "rspamd"])
def test_noise_is_not_carried_over(setup, program):
    noise = "a b\n{{{{\n}}}}\n\"\n= = =\nlist \"x\" addr {\nKeyTable \x1b[2J\nSocket {x}\nSocket inet:99999@x\nrule x reject \"y\"\n" + "x" * 100000 + "\n\x00\x01\n"
    for name in ("noise", "whitelist_clients", "whitelist_recipients", "actions.conf", "rbl.conf", "options.inc"):
        path = setup.folder / name
        path.write_text(noise)
        done = sluice.ctl("import", program, path)
        assert done.returncode in (0, 1) and "\x1b" not in done.stdout, (name, done.stderr)
        check(setup, done.stdout)


def test_names_of_ours_and_values_that_are_none(setup):
    """Lists that are called as shipped ones, what stands there twice, and values that no setting takes: all of it can be loaded."""
    check(setup, convert(setup, "milter-greylist", greylist__conf='greylist 99d\nautowhite 3d\nautowhite 4d\nsubnetmatch /99\nlist "trusted" addr { 192.0.2.0/24 }\n'
                         'list "local-domains" domain { example.net no_domain 192.0.2.0/24 }\nlist "a/b" from { a@example.net "a@b@c" x@y_z }\nracl whitelist list "trusted"\n'
                         'racl whitelist list "a/b"\nracl whitelist list "local-domains"\nracl greylist default delay 5m\nracl greylist default delay 6m\n'))
    check(setup, convert(setup, "postgrey", postgrey='POSTGREY_OPTS="--delay=9999999 --delay=5 --delay=6 --max-age=100000 --auto-whitelist-clients=99999"\nPOSTGREY_OPTS="--delay=7"\n'))
    check(setup, convert(setup, "opendkim", opendkim__conf="On-BadSignature reject\nOn-BadSignature tempfail\nAuthservID a b\nAuthservID mx.example.org\nAuthservID mx.example.net\n"
                         "Nameservers 10.0.0.0/8, 127.0.0.1\nInternalHosts 192.0.2.1\nInternalHosts 192.0.2.2\n"))
    check(setup, convert(setup, "opendmarc", opendmarc__conf="FailureReportsSentBy a b@example.org\nFailureReports true\nHistoryFile x\nAuthservID _\n", again__conf="RejectFailures yes\n",
                         third__conf="RejectFailures yes\nIgnoreHosts 192.0.2.1\n"))
    check(setup, convert(setup, "rspamd", **{"actions__conf": "reject = 1.2.3;\nreject = 5;\nreject = 6;\nadd_header = 999999999999999999999;\n", "redis__conf": 'servers = "127.0.0.1:99999";\n',
                         "antivirus__conf": 'a {\n type = "clamav";\n servers = "clamd.example:x";\n}\nb {\n type = "clamav";\n}\n', "greylist__conf": "timeout = 1s;\nexpire = 9999d;\ntimeout = 2s;\n"}))


def test_what_nothing_comes_of_is_no_success(setup):
    empty = setup.folder / "empty"
    empty.write_text("# nothing\n\n; here\n")
    for program in ("opendkim", "opendmarc", "policyd-spf", "postgrey", "milter-greylist", "rspamd"):
        done = sluice.ctl("import", program, empty)
        assert done.returncode == 66 and f"there is no line but comments in {empty}: is it the configuration of {program}?" in done.stderr, done
        done = sluice.ctl("import", program, setup.folder)
        assert done.returncode == 66 and f"{setup.folder} is a folder: name the files in it" in done.stderr, done
    assert "is none that can be read: did you mean 'opendkim'" in sluice.ctl("import", "opendkm", empty).stderr
    done = sluice.ctl("import", "postgrey", sluice.TOP / "rules/sluice.conf")
    assert done.returncode == 1 and "no option of postgrey" in done.stdout


def test_what_cannot_be_read_is_said(setup):
    done = sluice.ctl("import", "opendkim", setup.folder / "none")
    assert done.returncode == 66 and "none: No such file" in done.stderr
    for wrong in ([], ["opendkim"], ["amavis", "x"]):
        assert sluice.ctl("import", *wrong).returncode == 64
    assert sluice.ctl("import", "-h").returncode == 0
