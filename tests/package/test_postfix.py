# SPDX-License-Identifier: BSD-2-Clause
"""The life of the package beside Debian's Postfix as it is installed, on a machine with systemd: the tests follow one another."""
import base64
import io
import re
import shutil
import zipfile

import pytest
from conftest import TOP
from machine import MESSAGE, apt, ask, bounds, explain, install, send, settings

from root import run

CONF = "/etc/sluice/sluice.conf"
# what dpkg and apt keep for themselves, what was written meanwhile, and what is made anew of all that is installed
OTHERS = re.compile(r"var/(lib/dpkg|cache|lib/apt|log|lib/systemd|spool/postfix/(active|incoming|maildrop|deferred|defer|corrupt|public|pid|private|dev|etc|lib|usr)|lib/postfix|mail|backups|tmp)\b"
                    r"|etc/(ld\.so\.cache|(passwd|group|shadow|gshadow|subuid|subgid)-?|\.pwd\.lock)$|packages|root")
BEFORE = {}


@pytest.fixture(scope="module")
def root(machine, packages):
    root = machine("postfix", "postfix", "python3")
    apt(root, "install postfix")
    root.sh(f'apt-get satisfy -y --no-install-recommends "$(dpkg-deb -f /packages/{packages.path("sluice").name} Depends)"')
    BEFORE["files"] = {name: found for name, found in root.files().items() if not OTHERS.match(name)}
    BEFORE["postfix"] = settings(root, "/etc/postfix/main.cf", "/etc/postfix/master.cf")
    yield root
    root.stop()


def mode(root, path):
    return root.run("stat", "-c", "%a %U %G", path).strip()


def test_it_is_installed_and_runs(root, packages):
    install(root, packages, "sluice")
    assert root.sh("systemctl is-active sluice; systemctl is-enabled sluice").split() == ["active", "enabled"]
    assert "good" in root.run("sluiced", "-t")
    assert root.sh("ps -o user=,comm= -p $(systemctl show --value -p MainPID sluice)").split() == ["sluice", "sluiced"]
    assert {path: mode(root, path) for path in ("/etc/sluice/keys", "/var/lib/sluice", "/run/sluice", "/run/sluice/control.sock", "/var/spool/postfix/sluice", CONF)} == {
        "/etc/sluice/keys": "700 sluice sluice", "/var/lib/sluice": "700 sluice sluice", "/run/sluice": "755 sluice sluice", "/run/sluice/control.sock": "600 sluice sluice",
        "/var/spool/postfix/sluice": "2750 sluice postfix", CONF: "644 root root"}
    assert settings(root, *BEFORE["postfix"]) == BEFORE["postfix"], "it changes nothing of Postfix by itself"
    assert root.sh("systemctl --failed --no-legend").strip() == ""


def test_timers_wait_for_whoever_wants_them(root):
    assert "disabled" in root.run("systemctl", "is-enabled", "sluice-dmarc-report.timer", status=1)
    assert root.run("systemctl", "is-enabled", "sluice-dkim-rotate@example.org.timer", status=None).strip() in ("disabled", "indirect")
    assert "sluice" not in root.run("systemctl", "list-timers", "--all")
    assert root.sh("systemctl is-enabled sluice-hold || true; systemctl is-active sluice-hold || true").split() == ["disabled", "inactive"]


def test_a_stranger_may_write_to_us_and_not_through_us(root):
    """Without a word in any list: what we take is what Postfix takes."""
    for recipient, said in [("root@mx.example.org", "accept"), ("u@elsewhere.example", "relaying denied")]:
        assert said in root.run("sluicectl", "check", "--client", "198.51.100.1", "--helo", "mail.example.net", "--from", "a@example.net", "--rcpt", recipient, status=None)
    assert "mx.example.org" in root.run("sluicectl", "list", "show", "local-domains")


def test_attached_and_as_it_was_before(root):
    with root.path(CONF).open("a") as f:
        f.write("http 127.0.0.1:9580\napi { tokens tokens }\n")
    token = re.findall(r"\S{30,}", root.run("sluicectl", "token", "add", "test", "read"))[0]
    root.run("systemctl", "restart", "sluice")
    said = root.run("sluicectl", "attach", "postfix", "--apply")
    assert "attached, and the mail server has read it" in said and "in a chroot" in said
    queue_id = send(root, "postmaster").split()[-1]
    case = explain(root, queue_id)
    assert case["verdict"]["action"] == "accept" and case["client"]["ip"] == "127.0.0.1" and case["from"]
    assert queue_id in root.run("sluicectl", "explain", queue_id)
    root.wait(lambda: "Authentication-Results: mx.example.org" in root.sh("cat /var/mail/* 2>/dev/null || true"), "the message in the mailbox")
    assert "<title>" in ask(root, "/", token)
    history = ask(root, "/history", token)
    assert "a@example.net" in history and case["case"] in history
    assert queue_id in ask(root, f"/case/{case['case']}", token)
    assert "all is as it was before, and the mail server has read it" in root.run("sluicectl", "attach", "postfix", "--undo")
    assert settings(root, *BEFORE["postfix"]) == BEFORE["postfix"]


def test_held_mail_on_the_page(root):
    """The unit whose hands are in the queue: within its bounds Postfix's programs do what they are for."""
    text = root.path(CONF).read_text()
    token = re.findall(r"\S{30,}", root.run("sluicectl", "token", "add", "hands", "operate"))[0]
    root.path(CONF).write_text(text + 'at message { rule wait hold "look at it" when mail.from == held@example.net }\n')
    root.run("systemctl", "reload", "sluice")
    root.run("sluicectl", "attach", "postfix", "--apply")
    assert "Nobody tells what the queue of the mail server holds" in ask(root, "/held", token)
    root.run("systemctl", "enable", "--now", "sluice-hold")
    held = send(root, "postmaster", "held@example.net").split()[-1]
    root.wait(lambda: held in ask(root, "/held", token), "the message on the page", 30)
    ask(root, "/api/v1/held/release", token, f'{{"id": "{held}"}}')
    root.wait(lambda: held not in root.run("mailq"), "the message to leave the queue", 30)
    root.run("systemctl", "disable", "--now", "sluice-hold")
    root.run("sluicectl", "attach", "postfix", "--undo")
    root.path(CONF).write_text(text)
    root.run("systemctl", "reload", "sluice")


def test_a_socket_in_the_chroot(root):
    text = root.path(CONF).read_text()
    root.path(CONF).write_text(re.sub(r"(?m)^listen .*", "listen unix:/var/spool/postfix/sluice/milter.sock", text))
    root.run("systemctl", "restart", "sluice")
    assert mode(root, "/var/spool/postfix/sluice/milter.sock") == "660 sluice postfix"
    said = root.run("sluicectl", "attach", "postfix", "--apply")
    assert "+smtpd_milters = unix:sluice/milter.sock" in said and "attached, and the mail server has read it" in said
    assert explain(root, send(root, "postmaster").split()[-1])["verdict"]["action"] == "accept"
    root.run("sluicectl", "attach", "postfix", "--undo")
    assert settings(root, *BEFORE["postfix"]) == BEFORE["postfix"]
    root.path(CONF).write_text(text)
    root.run("systemctl", "restart", "sluice")


def test_networks_that_postfix_finds_out_itself(root):
    """Within the bounds of the unit: postconf looks which addresses the machine has."""
    root.sh("cp -p /etc/postfix/main.cf /root/main.cf && postconf -X mynetworks && systemctl restart sluice")
    assert "postconf -xh mynetworks" in root.run("sluicectl", "list", "show", "trusted") and root.run("systemctl", "is-active", "sluice").strip() == "active"
    root.sh("mv /root/main.cf /etc/postfix/main.cf && systemctl restart sluice")
    assert settings(root, *BEFORE["postfix"]) == BEFORE["postfix"]


PROGRAM = """#!/usr/bin/python3
import json, sys
sys.stdin.readline()
for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps({"id": q["id"], "facts": {"yes": "program@" in q["ask"]["from"]}}), flush=True)
"""
ATTACHED = MESSAGE.replace("Subject:", "MIME-Version: 1.0\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\nSubject:")


def zip_of_a_program():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as z:
        z.writestr("run.exe", b"MZ" + bytes(200))
    return ATTACHED.replace("hello", base64.encodebytes(made.getvalue()).decode().replace("\n", "\r\n"))


def main_pid(root):
    return int(root.run("systemctl", "show", "--value", "-p", "MainPID", "sluice"))


def does_its_work(root):
    """What it starts of its own (a helper that reads a file, a program) runs within the bounds of the unit, and so does itself."""
    unprivileged = {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    send(root, "postmaster")
    assert "a.zip/run.exe: a program" in send(root, "postmaster", message=zip_of_a_program(), code=554)
    assert "the program says no" in send(root, "postmaster", "program@example.net", code=554)
    helpers = [int(root.run("pgrep", "-f", name).split()[0]) for name in ("sluice-scan", "asked.py")]
    for pid in (main_pid(root), *helpers):
        assert unprivileged.items() <= bounds(root, pid).items(), pid
        assert bounds(root, pid)["Uid"].split()[0] == root.run("id", "-u", "sluice").strip()


def test_a_new_process_takes_over_within_the_bounds_of_the_unit(root):
    text = root.path(CONF).read_text()
    program = root.path("/usr/local/lib/asked.py")
    program.write_text(PROGRAM)
    program.chmod(0o755)
    with root.path(CONF).open("a") as f:
        f.write('external asked { program /usr/local/lib/asked.py  at mail  bool yes }\n'
                'at message { rule asked reject "554 5.7.1 the program says no" when asked.yes }\n'
                'at message { rule program reject "554 5.7.1 no programs: {files.evidence}" when files.executable }\n')
    root.run("systemctl", "restart", "sluice")
    root.run("sluicectl", "attach", "postfix", "--apply")
    does_its_work(root)
    old, restarts = main_pid(root), root.run("systemctl", "show", "-p", "NRestarts", "sluice")
    new = int(root.run("sluicectl", "upgrade").split()[-1])
    assert new != old
    root.wait(lambda: main_pid(root) == new and root.run("ps", "-p", old, status=None).count("\n") == 1, "systemd to follow, and the old process to end")
    assert root.sh("systemctl show --value -p ActiveState -p SubState -p Result sluice").split() == ["success", "active", "running"]
    assert root.run("systemctl", "show", "-p", "NRestarts", "sluice") == restarts
    does_its_work(root)
    root.run("systemctl", "reload", "sluice")
    assert main_pid(root) == new
    root.sh(f"kill -KILL {new}")
    root.wait(lambda: main_pid(root) not in (0, new) and root.run("systemctl", "is-active", "sluice", status=None).strip() == "active", "systemd to start it anew, as it does with any main process")
    does_its_work(root)
    root.run("systemctl", "stop", "sluice")
    assert root.run("pgrep", "-u", "sluice", status=1) == "", "nothing of ours stays"
    root.run("sluicectl", "attach", "postfix", "--undo")
    program.unlink()
    root.path(CONF).write_text(text)
    root.run("systemctl", "start", "sluice")


def test_how_much_it_could_do_to_the_machine(root):
    """What contrib/SECURITY.md says of it, of the unit as it runs."""
    said = re.search(r"Overall exposure level for sluice.service: ([0-9.]+) ", root.run("systemd-analyze", "--no-pager", "security", "sluice.service"))
    promised = re.search(r"exposure level of ([0-9.]+)", (TOP / "contrib/SECURITY.md").read_text())
    assert float(said[1]) <= float(promised[1]), said[0]


def test_reload_and_a_broken_configuration(root):
    pid = root.run("systemctl", "show", "-p", "MainPID", "sluice")
    root.run("systemctl", "reload", "sluice")
    text = root.path(CONF).read_text()
    root.path(CONF).write_text(text + "nonsense\n")
    root.run("systemctl", "reload", "sluice", status=1)
    assert root.run("systemctl", "show", "-p", "MainPID", "sluice") == pid and root.run("systemctl", "is-active", "sluice").strip() == "active"
    root.path(CONF).write_text(text)


def test_what_a_site_would_run_first(root):
    """debian/tests/postfix, as autopkgtest runs it."""
    shutil.copy(TOP / "contrib/debian/tests/postfix", root.path("/root/postfix-test"))
    assert "verdict" in root.run("/root/postfix-test")


def test_dkim_keys_and_the_timers_of_those_who_want_them(root):
    root.run("sluicectl", "dkim", "keygen", "example.org")
    assert mode(root, "/etc/sluice/keys/example.org") == "700 sluice sluice"
    root.run("systemctl", "start", "sluice-dkim-rotate@example.org.service")
    assert "Failed" not in root.sh("systemctl --failed --no-legend")


def test_the_package_goes_while_postfix_asks_it(root):
    root.run("sluicectl", "attach", "postfix", "--apply")
    apt(root, "remove sluice")
    assert settings(root, *BEFORE["postfix"]) == BEFORE["postfix"], "mail is not put off for want of a filter that is gone"
    assert root.path(CONF).exists() and root.path("/var/lib/sluice/state").exists() and root.path("/etc/sluice/keys/example.org").exists()
    assert send(root, "postmaster").startswith("250")


def test_it_comes_back_with_what_it_had(root, packages):
    install(root, packages, "sluice")
    assert "http 127.0.0.1:9580" in root.path(CONF).read_text()
    assert root.run("systemctl", "is-active", "sluice").strip() == "active"


def test_purge_leaves_nothing(root):
    apt(root, "purge sluice")
    after = {name: found for name, found in root.files().items() if not OTHERS.match(name)}
    assert {name: found for name, found in after.items() if BEFORE["files"].get(name) != found} == {}
    assert set(BEFORE["files"]) <= set(after)
    assert "sluice" not in root.sh("ls /run /tmp /var/tmp /var/log /var/spool/postfix")
    assert root.sh("getent passwd sluice").startswith("sluice:"), "the user stays"


def test_upgrade(root, packages, place):
    """From an older package of the same: what was edited is kept, what was not is updated."""
    pack = place / "older"
    run("dpkg-deb", "-R", packages.path("sluice"), pack)
    control = (pack / "DEBIAN/control").read_text()
    (pack / "DEBIAN/control").write_text(re.sub(r"(?m)^(Version: .*)$", r"\1~older", control))
    for name in ("sluice.conf", "verdict.conf"):
        with (pack / "etc/sluice" / name).open("a") as f:
            f.write("# of an older version\n")
    run("dpkg-deb", "-b", pack, root.path("/packages/older.deb"))
    apt(root, "install /packages/older.deb")
    assert "~older" in root.run("dpkg-query", "-W", "sluice")
    with root.path(CONF).open("a") as f:
        f.write("# edited\n")
    pid = root.run("systemctl", "show", "-p", "MainPID", "sluice")
    install(root, packages, "sluice")
    assert "~older" not in root.run("dpkg-query", "-W", "sluice")
    assert root.path(CONF).read_text().endswith("# of an older version\n# edited\n") and root.path(CONF + ".dpkg-dist").exists()
    assert "older" not in root.path("/etc/sluice/verdict.conf").read_text()
    assert root.run("systemctl", "is-active", "sluice").strip() == "active" and root.run("systemctl", "show", "-p", "MainPID", "sluice") != pid
