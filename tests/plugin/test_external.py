# SPDX-License-Identifier: BSD-2-Clause
"""Checks by programs: what they answer acts in a dialogue; what they do wrong is said, costs no mail, and ends in time."""
import base64
import concurrent.futures
import json
import pathlib
import re
import socket
import threading
import time

import pytest
from support import milter, net, sluice

EXAMPLE = sluice.TOP / "plugins/external/links.py"
PROGRAM = """#!/usr/bin/python3
import json, os, signal, sys, time
greeting = json.loads(sys.stdin.readline())
def say(text):
    sys.stdout.write(text + "\\n")
    sys.stdout.flush()
def answer(question, **facts):
    say(json.dumps({{"id": question["id"], "facts": facts}}))
for line in sys.stdin:
    q = json.loads(line)
    ask = q["ask"]
{run}
"""
FACTS = 'bool yes  text [text more]  number number  decimal weight  word "kind one two"  list items  ip at  domain domain  address address'
RULE = ('at rcpt { rule r reject "550 5.7.1 {x.text}" when x.yes  rule broken tempfail "451 4.7.1 {x.why}" when x.outcome == temperror '
        'rule none reject "554 5.7.1 skipped" when x.outcome == skipped }\n')


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def program(folder, run, name="x"):
    path = folder / name
    path.write_text(PROGRAM.format(run="".join(f"    {line}\n" for line in run.splitlines())))
    path.chmod(0o755)
    return path


def block(path, at="mail", more="", facts=FACTS, kind="program"):
    return f'external x {{ {kind} {path}  at {at}  {facts}  {more} }}\n'


def started(setup, run, at="mail", more="timeout 30s", rule=RULE, before=""):
    return setup.sluice(f"authserv_id mx.example.org\nstage_deadline 20s\n{before}{block(program(setup.folder, run), at, more)}{rule}")


def client(setup, s, sender="<a@example.net>"):
    m = setup.milter(s)
    m.greet()
    assert m.mail(sender).kind == milter.CONTINUE
    return m


def said(answer):
    return answer.text.split(" (ref=")[0]


def asked(setup, s, rcpt="<u@example.org>"):
    """What a new client hears at RCPT."""
    return said(client(setup, s).rcpt(rcpt))


def test_facts_of_all_types(setup):
    rule = ('at rcpt { rule r reject "550 5.7.1 {x.yes} {x.text} {x.kind} {x.number} {x.weight} {x.items} {x.at} {x.domain} {x.address}" '
            'when x.yes and x.kind == two and x.number > 41 and x.weight < 1.3 and x.items contains b and x.at == 192.0.2.1 }\n')
    s = started(setup, "answer(q, yes=True, text='hello', kind='two', number=42, weight=1.25, items=['a', 'b'], at=ask['client'], domain='d.example', "
                "address='a@d.example', more=None)", rule=rule)
    assert asked(setup, s) == "550 5.7.1 yes hello two 42 1.25 a, b 192.0.2.1 d.example a@d.example"


def test_it_is_told_what_is_known_at_its_stage(setup):
    for at, keys in (("connect", "client client_name now our_name"), ("helo", "client client_name helo now our_name"),
                     ("mail", "authenticated client client_name from helo now our_name queue_id user"),
                     ("rcpt", "authenticated client client_name from helo now our_name queue_id rcpt user")):
        s = started(setup, "answer(q, yes=True, text=' '.join(sorted(ask)))", at=at)
        m = setup.milter(s, macros={"M": {"i": "Q1", "auth_authen": "bob", "auth_type": "PLAIN"}})
        m.greet()
        m.mail()
        assert said(m.rcpt()) == f"550 5.7.1 {keys}"


def test_it_sees_the_message(setup):
    told = setup.folder / "told"
    s = started(setup, f"open({str(told)!r}, 'w').write(json.dumps([greeting, ask]))\nanswer(q, yes=False)", at="message", more="timeout 30s headers yes body 8",
                rule='at message { rule r reject "550 5.7.1 x" when x.yes }\n')
    m = setup.milter(s)
    m.greet()
    assert m.message(recipients=("<u@example.org>", "<v@example.org>"), headers=(("From", "a@example.net"), ("Subject", 'one\r\n "two" \xff')),
                     body=b"0123456789\r\n").kind != milter.REPLY
    greeting, ask = json.loads(told.read_text())
    assert greeting == {"sluice": 1, "name": "x", "at": "message", "facts": {
        "yes": "bool", "text": "text", "more": "text", "number": "number", "weight": "decimal", "kind": ["one", "two"], "items": "list", "at": "ip",
        "domain": "domain", "address": "address"}}
    assert ask["recipients"] == ["u@example.org", "v@example.org"] and ask["from"] == "a@example.net"
    assert [h["name"] for h in ask["headers"]] == ["From", "Subject"] and ask["headers"][1]["value"].startswith(' one\r\n "two" ')
    assert base64.b64decode(ask["body"]) == b"01234567" and ask["body_size"] == 12 and ask["cut"] == ["body"]


def test_answers_come_in_any_order(setup):
    seen = setup.folder / "seen"
    s = started(setup, f"if ask['rcpt'] == 'first@example.org':\n    held = q\n    open({str(seen)!r}, 'w')\nelse:\n    answer(q, yes=True, text='second')\n"
                "    answer(held, yes=True, text='first')", at="rcpt", more="timeout 30s")
    first, second = client(setup, s), client(setup, s)
    first.send(b"R", milter.z("<first@example.org>"))
    net.wait_for(seen.exists, "the first question")
    assert said(second.rcpt("<second@example.org>")) == "550 5.7.1 second"
    assert said(first.answer()) == "550 5.7.1 first"


def test_the_case_has_the_answer(setup):
    s = started(setup, "answer(q, yes=True, text='recorded')")
    m = client(setup, s)
    ref = re.search(r"case=(\S+)", (m.rcpt(), net.wait_for(s.cases, "the case"))[1][0])[1]
    case = s.explain(ref)
    row = next(a for a in case["answers"] if a["type"] == "program")
    assert row["name"] == "x" and row["status"] == "ok" and "recorded" in row["records"][0] and case["given"] == ["x"]
    assert "recorded" in s.ctl("explain", ref).stdout
    cases = setup.folder / "cases"
    cases.write_text(json.dumps(case) + "\n")
    done = sluice.ctl("replay", "--policy", s.conf, cases)
    assert done.returncode == 0 and "1 the same" in done.stdout, done.stdout + done.stderr
    s.conf.write_text(s.conf.read_text().replace("when x.yes", "when x.text == other"))
    done = sluice.ctl("replay", "--policy", s.conf, cases)
    assert done.returncode == 1 and "1 changed" in done.stdout, done.stdout + done.stderr


def test_sluicectl_check_starts_nothing_and_says_so(setup):
    mark = setup.folder / "ran"
    path = program(setup.folder, f"open({str(mark)!r}, 'w')\nanswer(q, yes=True)")
    conf = setup.folder / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + block(path) + RULE)
    done = sluice.ctl("check", "-c", conf, "--client", "192.0.2.1", "--helo", "a.example", "--from", "a@example.net", "--rcpt", "u@example.org")
    assert done.returncode == 10 and "only sluiced asks any" in done.stdout, done.stdout + done.stderr
    assert not mark.exists()


WRONG = {
    "no JSON": ("say('Hello world')", "no JSON at column 5"),
    "no object": ("say('[1]')", "no JSON object"),
    "no id": ("say('{\"facts\": {}}')", '"id", the number of a question, is not in it'),
    "a question that was not asked": ("say('{\"id\": 99, \"facts\": {}}')", "answers question 99, which nobody has asked"),
    "a huge line": ("sys.stdout.write('x' * 3000000 + '\\n'); sys.stdout.flush()", "more than 65536 octets"),
    "a huge answer": ("answer(q, text='x' * 70000)", "more than 65536 octets"),
    "octets": ("sys.stdout.buffer.write(b'\\xff\\xfe\\0\\n'); sys.stdout.flush()", "no JSON"),
    "depth": ("say('[' * 60000)", "no JSON"),
    "the end": ("sys.exit(3)", "it ended with status 3"),
    "a crash": ("os.kill(os.getpid(), signal.SIGSEGV)", "it was ended by signal 11"),
    "a closed output": ("os.close(0); os.close(1); time.sleep(100)", "it was ended by signal 15"),
}


@pytest.mark.parametrize("what", WRONG)
def test_one_that_breaks_the_rules_is_given_up_and_begun_anew(setup, what):
    run, why = WRONG[what]
    flag = setup.folder / "well"
    s = started(setup, f"if os.path.exists({str(flag)!r}):\n    answer(q, yes=True, text='well')\nelse:\n    {run}", more="timeout 30s")
    answer = asked(setup, s)
    assert answer.startswith("451 4.7.1 "), answer
    net.wait_for(lambda: "program x is switched off: " in s.log(), "the news")  # the status may have seen it begun anew
    told = next(line for line in s.log().splitlines() if "program x is switched off" in line)
    assert why in told and "the next try is in 1 s" in told, told
    flag.touch()
    net.wait_for(lambda: asked(setup, s) == "550 5.7.1 well", "its being begun anew")
    assert "program x works again" in s.log() and "switched_off" not in s.ctl("status").stdout


@pytest.mark.parametrize("run, why", [
    ("answer(q, nothing=1)", "a fact 'nothing', which the configuration does not have"), ("answer(q, yes=1)", "'yes' is of type bool, and not a number"),
    ("answer(q, text=True)", "'text' is of type text, and not true or false"), ("answer(q, text='x' * 5000)", "'text' is too long"), ("answer(q, number=1.5)", "whole|number"),
    ("answer(q, weight=1e300)", "'weight' is out of range"), ("answer(q, kind='three')", "'kind' has a word that is not one of its own"), ("answer(q, at='nowhere')", "'at' is no address"),
    ("answer(q, items=['a', 1])", "'items' has an item that is no string"), ("answer(q, items=['a'] * 300)", "'items' has too many items"), ("answer(q, items={})", "of type list"),
    ("say(json.dumps({'id': q['id']}))", 'no object "facts"'), ("say(json.dumps({'id': q['id'], 'facts': 7}))", 'no object "facts"'),
    ("say(json.dumps({'id': q['id'], 'facts': {}, 'outcome': 'maybe'}))", "its outcome is maybe"), ("say(json.dumps({'id': q['id'], 'facts': {}, 'outcome': []}))", "outcome is an array")])
def test_an_answer_that_is_not_right_is_a_temperror_and_told_once(setup, run, why):
    s = started(setup, run)
    for _ in range(3):
        answer = asked(setup, s)
        assert answer.startswith("451 4.7.1 ") and re.search(why, answer), answer
    told = [line for line in s.log().splitlines() if "program x is switched off" in line]
    assert len(told) == 1 and re.search(why, told[0]), s.log()
    assert "switched_off program x: " in s.ctl("status").stdout


def test_it_says_how_it_ended(setup):
    s = started(setup, "say(json.dumps({'id': q['id'], 'outcome': 'skipped'} if ask['from'] == 's@example.net' else {'id': q['id'], 'outcome': 'temperror', 'error': 'my database is away'}))")
    assert asked(setup, s) == "451 4.7.1 my database is away"
    assert said(client(setup, s, "<s@example.net>").rcpt()) == "554 5.7.1 skipped"


def test_one_that_never_answers_costs_its_time_and_no_mail(setup):
    pids = setup.folder / "pids"
    s = started(setup, f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')", more="timeout 100ms")
    began = time.monotonic()
    assert asked(setup, s) == "451 4.7.1 no answer in its time" and time.monotonic() - began < 15
    answers = {asked(setup, s) for _ in range(9)}
    assert answers == {"451 4.7.1 no answer in its time"} and len(set(pids.read_text().split())) == 1
    net.wait_for(lambda: answers.add(asked(setup, s)) or len(set(pids.read_text().split())) > 1, "its being given up and begun anew")
    assert any("10 questions in a row had no answer in 100 ms" in answer for answer in answers)  # at once
    s.write(block(setup.folder / "x", more="timeout 100ms") + 'at rcpt { on_error x timeout continue  rule r reject "550 5.7.1 {x.text}" when x.yes }\n')
    assert s.reload().returncode == 0
    assert client(setup, s).rcpt().kind == milter.CONTINUE


def test_one_that_is_stopped_is_killed_and_begun_anew(setup):
    flag = setup.folder / "well"
    s = started(setup, f"if os.path.exists({str(flag)!r}):\n    answer(q, yes=True, text='well')\nelse:\n    os.kill(os.getpid(), signal.SIGSTOP)", more="timeout 50ms")
    for _ in range(10):
        assert asked(setup, s).startswith("451 4.7.1 ")
    flag.touch()
    net.wait_for(lambda: asked(setup, s) == "550 5.7.1 well", "its being begun anew")


def test_many_ask_at_once_while_it_comes_and_goes(setup):
    """Each answer is that to its own question, or none; reloads change nothing of it."""
    s = started(setup, """held = globals().setdefault('held', [])
held.append(q)
if len(held) >= 4 or ask['from'].startswith('last'):
    for h in reversed(held):
        answer(h, yes=True, text=h['ask']['from'])
    held.clear()
if ask['from'].startswith('die'):
    os._exit(1)""", more="timeout 200ms")
    counts = {"right": 0, "none": 0}
    lock = threading.Lock()

    def ask(m, who):
        m.mail(f"<{who}>")
        heard = said(m.rcpt())
        m.abort()
        assert heard == f"550 5.7.1 {who}" or heard.startswith("451 4.7.1 "), heard
        with lock:
            counts["right" if heard[0] == "5" else "none"] += 1
        return heard[0] == "5"

    def talk(k):
        with milter.Milter(s.listen) as m:
            m.greet()
            for i in range(25):
                ask(m, f"{'die' if k == 0 and i == 12 else 'u'}{k}-{i}@example.net")
            net.wait_for(lambda: ask(m, f"last{k}@example.net"), "an answer once it is back")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        talks = [pool.submit(talk, k) for k in range(8)]
        for _ in range(5):
            assert s.reload().returncode == 0
        for t in talks:
            t.result()
    assert sum(counts.values()) >= 208 and counts["right"] >= 8 and counts["none"] > 0, counts  # how many were asked while it was away is chance


def test_what_it_writes_to_its_errors_is_logged(setup):
    s = started(setup, "sys.stderr.write('one\\ntwo \\x1b[31m' + 'y' * 5000 + '\\n' + 'many\\n' * 500); sys.stderr.flush()\nraise ValueError('last words')")
    asked(setup, s)
    net.wait_for(lambda: "program x is switched off: it ended with status 1" in s.log(), "its end")
    says = [line for line in s.log().splitlines() if "program x says: " in line]
    assert "program x says: one" in says[0] and "two" in says[1] and "\x1b" not in s.log() and len(says[1]) < 1300 and len(says) == 100


def test_it_starts_in_clean_surroundings(setup):
    """Nothing is open but input, output and errors; no signals are blocked or ignored; its group is its own."""
    show = setup.folder / "show"
    s = started(setup, f"out = [sorted(os.listdir('/proc/self/fd')), dict(os.environ), os.getcwd(), os.getpgid(0) == os.getpid(), open('/proc/self/status').read()]\n"
                f"open({str(show)!r}, 'w').write(json.dumps(out))\nanswer(q, yes=False)")
    assert client(setup, s).rcpt().kind == milter.CONTINUE
    fds, environment, folder, own_group, status = json.loads(show.read_text())
    assert len(fds) == 4 and set(environment) <= {"PATH", "LANG", "LC_CTYPE"} and folder == "/" and own_group  # the fourth lists them
    assert int(re.search(r"SigBlk:\s+(\w+)", status)[1], 16) == 0


def test_a_reload_keeps_it_and_one_that_changes_it_changes_it(setup):
    run = "answer(q, yes=True, text=f'{os.getpid()}')"
    s = started(setup, run)
    first = asked(setup, s).split()[-1]
    assert s.reload().returncode == 0 and asked(setup, s).split()[-1] == first
    s.write(block(setup.folder / "x", more="timeout 3s") + RULE)
    assert s.reload().returncode == 0
    second = asked(setup, s).split()[-1]
    assert second != first
    for m in [t for t in setup.running if isinstance(t, milter.Milter)]:
        m.sock.close()  # those of before keep the old configuration, and its program
    net.wait_for(lambda: not alive(int(first)), "the end of the first")
    bad = s.reload(block(setup.folder / "none") + RULE)
    assert bad.returncode != 0 and "No such file" in bad.stderr and asked(setup, s).split()[-1] == second
    for m in [t for t in setup.running if isinstance(t, milter.Milter)]:
        m.sock.close()
    assert s.reload('at rcpt { rule r reject "550 5.7.1 x" when helo.literal }\n').returncode == 0
    net.wait_for(lambda: not alive(int(second)), "the end of the second")


@pytest.mark.parametrize("stubborn", [False, True])
def test_the_end_of_the_daemon_is_its_end_and_of_what_it_started(setup, stubborn):
    run = "import subprocess\nchild = subprocess.Popen(['/bin/sleep', '1000'])\nanswer(q, yes=True, text=f'{os.getpid()} {child.pid}')"
    if stubborn:
        run = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + run + "\nwhile True: time.sleep(1)"
    s = started(setup, run)
    m = client(setup, s)
    _, _, *numbers = said(m.rcpt()).split()
    m.quit()
    assert all(alive(int(pid)) for pid in numbers)
    s.stop()
    assert not any(alive(int(pid)) for pid in numbers)


class Server:
    """Listens at a socket, as a program that somebody else has started."""

    def __init__(self, path, text):
        self.path, self.text, self.links = path, text, []
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                link, _ = self.sock.accept()
            except OSError:
                return
            self.links.append(link)
            lines = link.makefile("rw")
            assert json.loads(lines.readline())["sluice"] == 1
            try:
                for line in lines:
                    lines.write(json.dumps({"id": json.loads(line)["id"], "facts": {"yes": True, "text": self.text}}) + "\n")
                    lines.flush()
            except OSError:
                pass

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for link in self.links:
            link.shutdown(socket.SHUT_RDWR)
            link.close()
        self.thread.join()
        self.path.unlink()


def test_a_socket_of_somebody_else(setup):
    path = setup.folder / "x.sock"
    s = setup.sluice(f"stage_deadline 20s\n{block(path, kind='socket')}{RULE}")
    assert re.match(f"451 4.7.1 nobody can be reached at {path}: No such file", asked(setup, s))
    assert "switched_off program x: nobody can be reached" in s.ctl("status").stdout
    for text in ("first", "second"):
        server = Server(path, text)
        try:
            net.wait_for(lambda: asked(setup, s) == f"550 5.7.1 {text}", "a connection")
            assert "switched_off" not in s.ctl("status").stdout
        finally:
            server.stop()
        net.wait_for(lambda: "switched_off program x: " in s.ctl("status").stdout, "the news")
        assert asked(setup, s).startswith("451 4.7.1 ")


@pytest.mark.parametrize("config, why", [
    ("external x { at mail bool yes }", "names no program, or two"), ("external x { program [/bin/true] socket /x at mail bool yes }", "names no program, or two"),
    ("external x { program /bin/true bool yes }", "says no stage"), ("external x { program /bin/true at mail }", "has no facts"),
    ("external x { program true at mail bool yes }", "absolute path"), ("external x { program /none at mail bool yes }", "No such file"),
    ("external x { program /etc/passwd at mail bool yes }", "is no program"), ("external x { program /bin at mail bool yes }", "is no program"),
    ("external x { program WRITABLE at mail bool yes }", "written by others"), ("external X { program /bin/true at mail bool yes }", "word of small letters"),
    ("external x { program /bin/true at [mail rcpt] bool yes }", "at one stage"), ("external x { program /bin/true at early bool yes }", "at is never 'early'"),
    ("external x { program /bin/true at mail bool why }", "no name of a fact"), ("external x { program /bin/true at mail bool [a a] }", "exists already"),
    ("external x { program /bin/true at mail word kind }", "names them"), ("external x { program /bin/true at mail word \"kind A\" }", "no word of small letters"),
    ("external x { program /bin/true at mail bool yes headers yes }", "only 'at message'"), ("external x { program /bin/true at mail bool yes timeout 1h }", "timeout"),
    ("external x { program /bin/true at mail bool yes }\nat mail { rule a reject \"550 5.7.1 x\" when x.yess }", "did you mean 'x.yes'"),
    ("external x { program /bin/true at mail bool yes }\nat connect { rule a reject \"550 5.7.1 x\" when x.yes }", "mail"),
    ("external spf { program /bin/true at mail bool yes }", "there already"), (f"external x {{ socket /{'x' * 120} at mail bool yes }}", "at most 107 octets")])
def test_the_configuration_is_checked(tmp_path, config, why):
    writable = tmp_path / "writable"
    writable.write_text("#!/bin/sh\n")
    writable.chmod(0o777)
    conf = tmp_path / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + config.replace("WRITABLE", str(writable)) + "\n")
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode != 0 and re.search(why, done.stderr) and re.search(r"sluice\.conf:\d+:\d+", done.stderr), done.stderr


def test_one_that_no_rule_reads_is_not_started(setup):
    s = setup.sluice(block("/bin/false"))
    m = setup.milter(s)
    m.greet()
    assert m.message().kind != milter.REPLY and "program x" not in s.log()


@pytest.mark.parametrize("body, answer", [
    ('<a href="https://evil.example/x">https://bank.example/login</a>', "bank.example evil.example evil.example"), ('<a href="https://www.bank.example">bank.example</a>', ""),
    ('<a href="https://evil.example">click here</a>', ""), ('<a href="http://[bad">bank.example</a><a href="">x</a><a>y</a>', ""), ("no html <", ""),
    ('<a href="https://a.example">a.example</a><p><a href="https://evil.example">Bank.example</a>', "Bank.example evil.example a.example, evil.example")])
def test_the_example_looks_at_links(setup, body, answer):
    path = setup.folder / "links.py"
    path.write_bytes(EXAMPLE.read_bytes())
    path.chmod(0o755)
    s = setup.sluice(f"""stage_deadline 20s
external links {{ program {path} at message headers yes body 256K timeout 15s bool misleading text [shows leads_to] list hosts }}
at message {{ rule bad reject "550 5.7.1 {{links.shows}} {{links.leads_to}} {{links.hosts}}" when links.misleading
              rule broken tempfail "451 4.7.1 {{links.why}}" when links.outcome == temperror }}
""")
    m = setup.milter(s)
    m.greet()
    encoded = base64.encodebytes(body.encode()).replace(b"\n", b"\r\n")
    heard = said(m.message(headers=(("From", "a@example.net"), ("Content-Type", "text/html"), ("Content-Transfer-Encoding", "base64")), body=encoded))
    assert heard == (f"550 5.7.1 {answer}" if answer else "")
