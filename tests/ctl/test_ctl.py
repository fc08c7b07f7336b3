# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl and sluiced as commands: what they say, and their exit statuses."""
import json
import os
import shutil
import subprocess

import pytest

from support import dkim_sender, net, sluice

CONF = """authserv_id mx.example.org
list trusted network [10.0.0.0/8]
list local-domains domain [example.org]
dnsbl bl.example.org { answer 127.0.0.2/31 weight 8 key "s3cret" }
role mx { when not client.trusted }
at connect in mx { rule listed reject "554 5.7.1 {client.ip} is listed by {dnsbl.zones}" when dnsbl.weight >= 8 }
at rcpt { rule no-relay reject "550 5.7.1 no" when relay.attempt  rule later tempfail "451 4.7.1 later" when rcpt.address == later@example.org }
at message { rule spf-fail score 4 when spf.result == fail }
"""
ZONE = """2.2.0.192.s3cret.bl.example.org A 127.0.0.2
example.net TXT v=spf1 ip4:192.0.2.1 exp=why.example.net -all
why.example.net TXT asked at %{t}
"""
WHO = ["--client=192.0.2.1", "--helo=mail.example.net", "--from=a@example.net", "--rcpt=u@example.org"]


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "sluice.conf"
    path.write_text(sluice.plugin_lines() + CONF)
    (tmp_path / "zone").write_text(ZONE)
    return path


def check(conf, *args, stdin=None):
    return sluice.ctl("check", "-c", conf, "--zone", conf.parent / "zone", *args, stdin=stdin)


def sluiced(*args):
    return subprocess.run([str(sluice.SLUICED), *map(str, args)], capture_output=True, text=True, env=sluice.environment(), timeout=net.PATIENCE_S,
                          stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("change, status", [
    ([], 0),
    (["--rcpt=later@example.org"], 0),  # one of two recipients
    (["--client=192.0.2.2"], 20),
])
def test_check_says_its_verdict_by_its_exit_status(conf, change, status):
    assert check(conf, *WHO, *change).returncode == status


def test_check_of_recipients_that_are_all_refused(conf):
    who = WHO[:3]
    assert check(conf, *who, "--rcpt=later@example.org").returncode == 10
    assert check(conf, *who, "--rcpt=x@elsewhere.example").returncode == 20


def test_check_prints_a_case_on_one_line(conf):
    done = check(conf, *WHO, "--json")
    case = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert case["verdict"] == {"action": "accept", "stage": "message", "code": 0, "dsn": "", "text": "", "rule": ""}
    assert {"facts", "rules", "answers", "checks", "stages", "client", "recipients", "from", "size", "score"} <= case.keys()
    assert case["facts"]["spf.result"] == "pass" and case["facts"]["client.ip"] == "192.0.2.1"
    assert {a["name"] for a in case["answers"]} >= {"example.net"}


def test_a_refusal_names_rule_file_and_line(conf):
    case = json.loads(check(conf, *WHO, "--client=192.0.2.2", "--json").stdout)
    line = conf.read_text().splitlines().index(next(x for x in CONF.splitlines() if "rule listed" in x)) + 1
    assert case["verdict"]["code"] == 554 and case["verdict"]["text"] == "192.0.2.2 is listed by bl.example.org"
    assert (case["verdict"]["file"], case["verdict"]["line"]) == (str(conf), line)


def test_a_byte_order_mark_is_no_word(conf, tmp_path):
    (tmp_path / "more.conf").write_bytes(b"\xef\xbb\xbfrecipients_disagree remove # from an editor\n")
    conf.write_bytes(b"\xef\xbb\xbf" + f"include more.conf\n{conf.read_text()}nonsense\n".encode())
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode == 78 and "'nonsense'" in done.stderr and done.stderr.count("\n") <= 3, done.stderr
    conf.write_bytes(conf.read_bytes().replace(b"nonsense\n", b""))
    assert sluice.ctl("config", "check", "-c", conf).returncode == 0
    shown = sluice.ctl("config", "show", "-c", conf).stdout
    assert "recipients_disagree remove" in shown


def test_a_secrets_file_is_looked_for_beside_the_configuration(conf):
    conf.write_text(conf.read_text().replace('key "s3cret"', "key file keys/dnsbl"))
    (conf.parent / "keys").mkdir()
    (conf.parent / "keys" / "dnsbl").write_text("s3cret\n")
    assert check(conf, *WHO, "--client=192.0.2.2").returncode == 20


def test_a_pipe_keeps_nobody_waiting(conf, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = sluice.ctl("config", "check", "-c", pipe)
    assert done.returncode == 78 and f"{pipe}: cannot be read: it is no regular file" in done.stderr
    text = conf.read_text()
    for line in ("include pipe", "dnsbl b.example { key file pipe }", 'account { senders pipe }', f'dns {{ local_data "{pipe}" }}'):
        conf.write_text(f"{text}{line}\n")
        done = sluice.ctl("config", "check", "-c", conf)
        assert done.returncode == 78 and "it is no regular file" in done.stderr, line + done.stderr
    conf.write_text(text)
    with open(conf, "rb") as whole, subprocess.Popen(["cat"], stdin=whole, stdout=subprocess.PIPE) as cat:  # as a shell's <(cat FILE)
        done = subprocess.run([str(sluice.SLUICECTL), "config", "check", "-c", "/dev/stdin"], stdin=cat.stdout, capture_output=True,
                              env=sluice.environment(), timeout=net.PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr


def test_secrets_are_shown_to_nobody(conf):
    for done in (check(conf, *WHO, "--client=192.0.2.2", "--json"), check(conf, *WHO, "--client=192.0.2.2"),
                 sluice.ctl("config", "show", "-c", conf)):
        assert "s3cret" not in done.stdout + done.stderr
    assert "dnsbl bl.example.org.key (secret)" in sluice.ctl("config", "show", "-c", conf).stdout


def test_check_reads_a_message(conf, tmp_path):
    message = b"From: a@example.net\r\nSubject: one\r\n two\r\n\r\nbody\r\n"
    (tmp_path / "mail.eml").write_bytes(message)
    by_file = json.loads(check(conf, *WHO, "--json", "--all", tmp_path / "mail.eml").stdout)
    by_stdin = json.loads(check(conf, *WHO, "--json", "--all", "-", stdin=message).stdout)
    assert by_file["facts"]["header.count"] == by_stdin["facts"]["header.count"] == 2
    assert by_file["size"] == by_stdin["size"] > 40


def test_what_is_no_message(conf, tmp_path):
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "nothing", "No such file or directory")):
        done = check(conf, *WHO, path)
        assert done.returncode == 66 and done.stdout == "" and done.stderr == f"sluicectl: {path}: {why}\n"


def test_check_at_another_time(conf):
    case = json.loads(check(conf, *WHO, "--client=192.0.2.9", "--json", "--now=2025-11-25T09:00:00Z").stdout)
    assert case["facts"]["spf.explanation"] == "asked at 1764061200" and case["time"] == "2025-11-25T09:00:00.000Z"


def test_check_as_an_authenticated_user(conf):
    case = json.loads(check(conf, *WHO[:3], "--rcpt=x@elsewhere.example", "--auth=me", "--port=587", "--json").stdout)
    assert case["verdict"]["action"] == "accept"
    assert case["facts"]["auth.user"] == "me" and case["facts"]["port"] == 587


def test_check_for_people(conf):
    done = check(conf, *WHO, "--client=192.0.2.2")
    assert "verdict     reject at connect, by rule listed" in done.stdout
    assert "reply       554 5.7.1 192.0.2.2 is listed by bl.example.org" in done.stdout
    assert "    127.0.0.2" in done.stdout


@pytest.mark.parametrize("args, message", [
    (["check", "--client", "1.2.3", *WHO[1:]], "'1.2.3' is no address"),
    (["check", *WHO[1:]], "check needs --client, --helo, --from and --rcpt"),
    (["check", *WHO, "--port", "70000"], "'70000' is no port"),
    (["check", *WHO, "--now", "yesterday"], "'yesterday' is no time"),
    (["check", *WHO, "a", "b"], "check takes one message\nusage: sluicectl check"),
    (["check", *WHO, "--nonsense"], "usage: sluicectl check"),
    (["chek"], "there is no command 'chek': did you mean 'check'?"),
    (["config"], "usage: sluicectl config check"),
    (["config", "chek"], "usage: sluicectl config check"),
    (["explain"], "usage: sluicectl explain"),
    (["explain", "-s", "/nonexistent", "a\nb"], "an ID is a reference from a reply"),
    ([], "usage: sluicectl COMMAND"),
])
def test_wrong_usage(args, message):
    done = sluice.ctl(*args)
    assert done.returncode == 64 and message in done.stderr and done.stdout == ""


@pytest.mark.parametrize("args", [["-h"], ["check", "-h"], ["config", "-h"], ["status", "-h"], ["explain", "-h"], ["--version"]])
def test_help_is_no_error(args):
    done = sluice.ctl(*args)
    assert done.returncode == 0 and done.stdout and done.stderr == ""


def test_a_message_that_is_not_there(conf, tmp_path):
    done = check(conf, *WHO, tmp_path / "none.eml")
    assert done.returncode == 66 and "No such file" in done.stderr


@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
def test_a_signed_message_from_a_file_of_either_kind(conf, canon):
    (conf.parent / "zone").write_text(ZONE + dkim_sender.zone({"sel": dkim_sender.rsa().record}))
    signed = dkim_sender.sign(canon=canon)
    sizes = set()
    for message, result in [(signed, "pass"), (signed.replace(b"\r\n", b"\n"), "pass"), (signed.replace(b"Hello", b"Hullo"), "fail")]:
        done = check(conf, *WHO, "--json", "-", stdin=message)
        case = json.loads(done.stdout)
        assert case["facts"]["dkim.result"] == result and f"dkim={result}" in case["authentication_results"]
        sizes.add(case["size"])
    assert len(sizes) == 1


def test_time_is_as_if(conf):
    (conf.parent / "zone").write_text(ZONE + dkim_sender.zone({"sel": dkim_sender.rsa().record}))
    message = dkim_sender.sign(t=1600000000, x=1600001000)
    for now, result in [("2020-09-13T12:30:00Z", "pass"), ("2020-09-13T13:00:00Z", "policy"), ("2020-09-13T12:00:00Z", "policy")]:
        case = json.loads(check(conf, *WHO, "--json", "--now", now, "-", stdin=message).stdout)
        assert case["facts"]["dkim.result"] == result


@pytest.mark.parametrize("line, message", [
    ("example.net A 192.0.2.300", "zone:1"),
    ("example.net NAPTR x", "zone:1"),
    ("example.net", "zone:1"),
])
def test_a_bad_zone_names_its_line(conf, line, message):
    (conf.parent / "zone").write_text(line + "\n")
    done = check(conf, *WHO)
    assert done.returncode == 78 and message in done.stderr


def test_bad_configuration_is_78_everywhere(tmp_path):
    bad = tmp_path / "bad.conf"
    bad.write_text("nonsense\n")
    for done in (sluice.ctl("config", "check", "-c", bad), sluice.ctl("config", "show", "-c", bad), sluice.ctl("check", "-c", bad, *WHO),
                 sluice.ctl("status", "-c", bad), sluiced("-t", "-c", bad), sluiced("-c", bad)):
        assert done.returncode == 78 and "bad.conf:1:1: there is no setting 'nonsense'" in done.stderr
    assert sluiced("-t", "-c", tmp_path / "none.conf").returncode == 78


def test_config_check_and_show(conf):
    assert sluice.ctl("config", "check", "-c", conf).stdout == f"{conf}: good, 4 rules\n"
    lines = sluice.ctl("config", "show", "-c", conf).stdout.splitlines()
    first = len(sluice.plugin_lines().splitlines())
    assert f"authserv_id mx.example.org   # {conf}:{first + 1}" in lines
    assert "stage_deadline 8s   # default" in lines
    assert f"list trusted network, 1 items   # {conf}:{first + 2}" in lines
    assert any(line.startswith("at connect: rule listed reject") and line.endswith(f"# {conf}:{first + 6}") for line in lines)


def test_sluiced_as_a_command(conf):
    assert sluiced("-V").stdout.startswith("sluiced 0.")
    assert sluiced("-t", "-c", conf).stdout == f"{conf}: good, 4 rules\n"
    assert sluiced("-x").returncode == 64 and sluiced("left-over").returncode == 64
    assert sluiced("-h").returncode == 0


@pytest.mark.parametrize("setting, message", [
    ("listen unix:/nonexistent/folder/sock", "cannot listen on unix:/nonexistent/folder/sock"),
    ("control /nonexistent/folder/sock", "cannot listen on /nonexistent/folder/sock"),
])
def test_sluiced_says_why_it_does_not_start(tmp_path, setting, message):
    conf = tmp_path / "c"
    other = "" if setting.startswith("listen") else f"listen unix:{tmp_path}/m\n"
    control = "" if setting.startswith("control") else f"control {tmp_path}/s\n"
    conf.write_text(sluice.plugin_lines() + other + control + setting + "\n")
    done = sluiced("-c", conf)
    assert done.returncode == 69 and message in done.stderr, done.stderr


SCANS = "at message { rule r score 1 when files.executable }"


@pytest.mark.parametrize("setting, message", [
    ("socket_group no-such-group", "there is no group 'no-such-group' on this machine: addgroup --system no-such-group, or name another one"),
    ("user no-such-user", "there is no user 'no-such-user' on this machine: adduser --system --group no-such-user, or name another one"),
    ("cases { to /nonexistent/folder/cases }", "cases: /nonexistent/folder/cases cannot be made: /nonexistent/folder is not there: install -d -m 750 /nonexistent/folder/cases"),
    ("cases { to FILE }", "cases: FILE is no folder: name one, or one that is to be made"),
    ("cases { to FILE/cases }", "cases: FILE/cases cannot be made: FILE is no folder: name another place"),
    ("dns { dnssec yes trust_anchor /nonexistent/root.key }", "/nonexistent/root.key cannot be read: No such file or directory; of Debian it is in the package dns-root-data"),
    (f"scan {{ helper /nonexistent/scan }}\n{SCANS}", "/nonexistent/scan cannot be started: No such file or directory; it is installed with sluiced, say where"),
    (f"scan {{ helper FILE }}\n{SCANS}", "FILE cannot be started: Permission denied; it is installed with sluiced, say where"),
])
def test_what_this_machine_does_not_have(tmp_path, setting, message):
    """A start refuses it; a check of the configuration, perhaps on another machine, warns of it in the same words."""
    file = tmp_path / "file"
    file.write_text("x")
    conf = tmp_path / "c"
    conf.write_text(f"{sluice.plugin_lines()}listen unix:{tmp_path}/m\ncontrol {tmp_path}/s\n{setting.replace('FILE', str(file))}\n")
    message = message.replace("FILE", str(file))
    line = conf.read_text().splitlines().index(setting.splitlines()[0].replace("FILE", str(file))) + 1
    for done in (sluiced("-t", "-c", conf), sluice.ctl("config", "check", "-c", conf)):
        assert done.returncode == 0 and f"{conf}:{line}:" in done.stderr and f": warning: {message}" in done.stderr and ": good, " in done.stdout, done
    done = sluiced("-c", conf)
    assert done.returncode == 78 and f"{conf}:{line}:" in done.stderr and f": {message}" in done.stderr and "warning" not in done.stderr, done.stderr
    assert "warning" not in sluice.ctl("config", "show", "-c", conf).stderr


def test_what_no_check_needs_is_not_missed(tmp_path):
    """No helper where nobody looks into files, no anchor without DNSSEC, no group for a port."""
    conf = tmp_path / "c"
    conf.write_text(f"{sluice.plugin_lines()}listen inet:{net.free_port()}@127.0.0.1\nsocket_group no-such-group\nscan {{ helper /nonexistent/scan }}\n"
                    f"dns {{ trust_anchor /nonexistent/key }}\ncases {{ to {tmp_path}/cases }}\n")
    done = sluiced("-t", "-c", conf)
    assert (done.returncode, done.stderr) == (0, "") and not (tmp_path / "cases").exists()


def test_a_folder_of_cases_that_the_daemon_may_not_write(tmp_path):
    conf, folder = tmp_path / "c", tmp_path / "cases"
    for path in [tmp_path, *tmp_path.parents][:3]:
        path.chmod(0o755)
    for made, message in ((False, f"{folder} cannot be made by nobody: install -d -m 750 -o nobody {folder}"),
                          (True, f"{folder} cannot be written to by nobody: chown nobody {folder}")):
        if made:
            folder.mkdir()
        conf.write_text(f"{sluice.plugin_lines()}user nobody\ncases {{ to {folder} }}\n")
        assert f"warning: cases: {message}" in sluiced("-t", "-c", conf).stderr
    shutil.chown(folder, "nobody")
    assert sluiced("-t", "-c", conf).stderr == ""


def test_a_place_of_cases_that_is_none(tmp_path):
    conf = tmp_path / "c"
    conf.write_text(f"{sluice.plugin_lines()}cases {{ to relative/path }}\n")
    for done in (sluiced("-t", "-c", conf), sluiced("-c", conf)):
        assert done.returncode == 78 and "'relative/path' is no place for cases: write the absolute path of a folder, stderr or syslog" in done.stderr


def test_questions_to_the_daemon(setup):
    s = setup.sluice(CONF.replace("key \"s3cret\"", ""), ZONE)
    by_conf = sluice.ctl("status", "-c", s.conf)
    assert by_conf.returncode == 0 and f"pid {s.process.pid}" in by_conf.stdout
    assert s.ctl("metrics").stdout.startswith("# HELP sluice_connections_total")
    assert s.ctl("reload").returncode == 0 and s.status()["generation"] == "2"
    unknown = s.ctl("explain", "nothing")
    assert unknown.returncode == 66 and "no case 'nothing' is kept" in unknown.stderr
    s.write("nonsense\n")
    bad = s.ctl("reload")
    assert bad.returncode == 78 and "there is no setting 'nonsense'" in bad.stderr and s.status()["rules"] == "4"
    s.stop()
    gone = s.ctl("status")
    assert gone.returncode == 69 and "no daemon answers on" in gone.stderr


def test_explain_by_reference_queue_id_and_message_id(setup):
    s = setup.sluice(CONF.replace("key \"s3cret\"", ""), ZONE)
    m = setup.milter(s, macros={"M": {"i": "4XQueueId"}})
    m.greet()
    answer = m.mail()
    answer = m.rcpt("<x@elsewhere.example>")
    ref = answer.text.split("ref=")[1].rstrip(")")
    m.rcpt()
    m.content(headers=[("Message-ID", "<one@example.net>")])
    refused = s.ctl("explain", ref).stdout
    assert "reject at rcpt, by rule no-relay" in refused and "x@elsewhere.example" in refused and "u@example.org" not in refused
    for ident in ("4XQueueId", "<one@example.net>", "one@example.net"):
        assert s.explain(ident)["verdict"]["action"] == "accept"
    assert [(r["address"], r["refused"], r["facts"]["relay.attempt"]) for r in s.explain("4XQueueId")["recipients"]] == [
            ("x@elsewhere.example", True, True), ("u@example.org", False, False)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_only_root_and_its_own_user_may_ask(setup):
    s = setup.sluice(CONF.replace("key \"s3cret\"", ""), ZONE)
    os.chmod(s.control, 0o666)
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", str(sluice.SLUICECTL), "status", "-s", str(s.control)],
                          capture_output=True, text=True, env=sluice.environment(), timeout=net.PATIENCE_S, check=False)
    assert done.returncode == 77 and "only root and the daemon's own user may ask" in done.stderr
