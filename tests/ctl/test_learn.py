# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl learn: what a classifier is taught, from all kinds of mailboxes, on each store."""
import base64
import hashlib
import mailbox
import os
import pty
import re
import select
import socket
import subprocess

import pytest

from support import net, sluice

CONF = """authserv_id mx.example.org
state {{ {state} }}
bayes inbound {{ min_learned 3 }}
{more}
at message {{ rule spam reject "554 5.7.1 spam: {{inbound.tokens}}" when inbound.probability >= 0.9 }}
"""
SPAM = ["cheap pills without prescription", "casino bonus waiting claim now", "replica watches lowest price", "enlarge your winnings tonight"]
HAM = ["minutes of the planning meeting", "invoice for the printer repair", "lunch on thursday with the team", "draft of the annual report"]


def message(subject, n=0, spam=False):
    """n: another message with the same subject; numbers are no words, so it is one that is told apart."""
    word = "".join(chr(ord("a") + int(digit)) * 3 for digit in str(n))
    shop = "https://pills.example.com/order" if spam else "https://wiki.example.org/notes"
    return (f"From: {'Deals <deals@example.com>' if spam else 'Ann <ann@example.org>'}\nTo: u@example.org\nSubject: {subject}\n"
            f"Message-ID: <{hashlib.sha256(f'{subject}{n}'.encode()).hexdigest()}@example.net>\n\n{subject}, {word}.\n{subject.upper()}: see {shop}\n").encode()


def start(setup, state, more=""):
    s = setup.sluice(CONF.format(state=state, more=more))
    net.wait_for(lambda: s.status()["store"] == "works" and s.ctl("learn", "status").returncode == 0, "the store to be connected")
    return s


def learn(s, kind, *paths, stdin=None, status=0, name=None):
    done = sluice.ctl("learn", "-s", s.control, *(["--classifier", name] if name else []), kind, *paths, stdin=stdin)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout if not status else done.stderr


def known(s):
    done = s.ctl("learn", "status")
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(path, *messages, kind=mailbox.mbox):
    box = kind(path)
    for m in messages:
        box.add(m)
    box.flush()
    box.close()
    return path


def test_a_classifier_learns_and_says_what_it_has_learned(setup, state):
    s = start(setup, state)
    assert known(s) == "inbound: 0 spam, 0 ham; says nothing before it knows 3 of each\n"
    assert learn(s, "spam", write(setup.folder / "spam", *[message(m, n, True) for n in range(2) for m in SPAM])) == "8 learned\n"
    assert learn(s, "ham", write(setup.folder / "ham", *[message(m, n) for n in range(2) for m in HAM], kind=mailbox.Maildir)) == "8 learned\n"
    assert known(s) == "inbound: 8 spam, 8 ham\n"

    def judge(subject, spam):
        m = setup.milter(s)
        m.greet()
        return m.message(headers=[("From", "Deals <deals@example.com>" if spam else "Ann <ann@example.org>"), ("Subject", subject)],
                         body=f"{subject}\r\n".encode())

    answer = judge(SPAM[0], True)
    assert answer.code == 554 and re.search(r"spam: .*pills", answer.text)
    assert judge(HAM[0], False).code != 554
    case = s.explain(re.search(r"case=(\S+)", s.cases()[-2])[1])
    assert case["facts"]["inbound.probability"] > 0.9 and case["facts"]["inbound.spam_learned"] == 8, case["facts"]
    assert any("pills" in token for token in case["facts"]["inbound.tokens"]), case["facts"]


def test_a_message_counts_once_and_can_move_and_be_forgotten(setup, state):
    s = start(setup, state)
    box = write(setup.folder / "box", *[message(m) for m in SPAM])
    assert learn(s, "spam", box) == "4 learned\n"
    assert learn(s, "spam", box, box) == "8 known already\n"
    # the copy in a mailbox: other ends of lines, and what a mail server puts there
    copy = b"Return-Path: <x@example.com>\nDelivered-To: u@example.org\nReceived: from a by b; Thu, 26 Nov 2026 10:00:00 +0000\nX-Spam-Status: No\n" + message(SPAM[0])
    assert learn(s, "spam", "-", stdin=copy.replace(b"\n", b"\r\n")) == "1 known already\n"
    assert learn(s, "ham", "-", stdin=message(SPAM[0])) == "1 moved from the other kind\n"
    assert known(s).startswith("inbound: 3 spam, 1 ham;")
    assert learn(s, "forget", box) == "4 forgotten\n"
    assert known(s).startswith("inbound: 0 spam, 0 ham;")
    assert learn(s, "forget", box) == "4 never learned\n"


def test_what_is_learned_is_kept_over_a_restart(setup):
    s = start(setup, f"lmdb {setup.folder}/state")
    learn(s, "spam", "-", stdin=message(SPAM[0]))
    s.stop()
    s.start()
    assert known(s).startswith("inbound: 1 spam, 0 ham;")


@pytest.mark.parametrize("kind, count", [("one", 1), ("from", 1), ("mbox", 3), ("crlf", 3), ("quoted", 2), ("prose", 1), ("folder", 2), ("maildir", 2), ("empty", 0)])
def test_mailboxes_of_all_forms(setup, kind, count):
    s = start(setup, f"lmdb {setup.folder}/state")
    path = setup.folder / "box"
    line = b"From ann@example.org Thu Nov 26 10:00:00 2026\n"
    texts = [message(m) for m in HAM]
    joined = b"\n".join(line + m for m in texts[:3])
    if kind == "folder":
        path.mkdir()
        for name, text in zip(("a.eml", "b.eml", ".hidden"), texts):
            (path / name).write_bytes(text)
    elif kind == "maildir":
        for name in ("new", "cur", "tmp"):
            (path / name).mkdir(parents=True)
            (path / name / "1.x").write_bytes(message(HAM[0], ("new", "cur", "tmp").index(name)))
    else:
        path.write_bytes({"one": texts[0], "from": line + texts[0], "mbox": joined, "crlf": joined.replace(b"\n", b"\r\n"), "empty": b"",
                          "quoted": line + texts[0] + b"\n>From here on: 10:00\n\n" + line + texts[1],
                          "prose": line + texts[0] + b"\nFrom the beginning\nit was known\n"}[kind])
    assert learn(s, "ham", path) == (f"{count} learned\n" if count else "there was no message\n")


def test_which_classifier_has_to_be_said_where_there_are_several(setup):
    s = start(setup, f"lmdb {setup.folder}/state", "bayes outbound { }")
    assert learn(s, "spam", "-", stdin=message(SPAM[0]), status=78).endswith(
        "there are several classifiers: say with --classifier which one learns: inbound outbound\n")
    assert learn(s, "spam", "-", stdin=message(SPAM[0]), status=78, name="other").endswith("there is no such classifier, but inbound outbound\n")
    assert learn(s, "spam", "-", stdin=message(SPAM[0]), name="Outbound") == "1 learned\n"
    assert known(s) == ("inbound: 0 spam, 0 ham; says nothing before it knows 3 of each\n"
                        "outbound: 1 spam, 0 ham; says nothing before it knows 200 of each\n")


def test_what_cannot_be_read_or_learned_is_said(setup):
    s = start(setup, f"lmdb {setup.folder}/state")
    good = write(setup.folder / "good", message(SPAM[0]))
    done = sluice.ctl("learn", "-s", s.control, "spam", setup.folder / "missing", good, setup.folder)
    assert done.returncode == 66 and f"{setup.folder}/missing: No such file or directory" in done.stderr
    assert re.match(r"1 learned, \d+ known already", done.stdout) or done.stdout.startswith(("1 learned", "2 learned")), done.stdout
    for wrong in (["spam"], ["span", good], ["--classifier", "a b", "spam", good], []):
        assert sluice.ctl("learn", "-s", s.control, *wrong).returncode == 64
    assert "no daemon answers" in sluice.ctl("learn", "-s", setup.folder / "none", "spam", good).stderr


def test_without_a_store_or_a_classifier_it_is_said_what_to_write(setup):
    s = setup.sluice("authserv_id mx.example.org\n")
    assert "there is no store" in learn(s, "spam", "-", stdin=message(SPAM[0]), status=69)
    s = setup.sluice(f"authserv_id mx.example.org\nstate {{ lmdb {setup.folder}/state }}\n")
    assert "the configuration has no classifier: write 'bayes NAME { }'" in learn(s, "spam", "-", stdin=message(SPAM[0]), status=78)
    assert known(s) == "the configuration has no classifier\n"


def test_a_store_that_is_down_ends_the_work(setup):
    s = setup.sluice(CONF.format(state=f"redis {setup.folder}/nobody timeout 1s", more=""))
    assert "the store does not answer: no connection to Redis" in learn(s, "spam", "-", stdin=message(SPAM[0]), status=69)


def ask(s, line):
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(str(s.control))
        c.sendall(line)
        answer = b""
        while chunk := c.recv(65536):
            answer += chunk
    return answer.decode()


def ids(*numbers):
    return base64.b64encode(b"".join(n.to_bytes(8, "big") for n in numbers)).decode()


@pytest.mark.parametrize("line", ["", "spam -", f"spam - 999 {ids(1)}", "spam - {version} ", "spam - {version} ====", "spam - {version} QUJD",
                                  f"spam - {{version}} {ids(2, 1)}", f"spam - {{version}} {ids(1, 1)}", f"spam - {{version}} {ids(0, 1)}",
                                  f"spam - {{version}} {ids(*range(1, 1026))}", f"spam - {{version}} {ids(1)} more", "status now", "learn - 1 " + ids(1)])
def test_a_request_that_is_none_changes_nothing(setup, line):
    version = re.search(r"define TOKENS_VERSION +(\d+)", (sluice.TOP / "filter/mail/tokens.h").read_text())[1]
    s = start(setup, f"lmdb {setup.folder}/state")
    answer = ask(s, f"learn {line.replace('{version}', version)}\n".encode())
    assert answer.startswith("64\n") and "is it of another version?" in answer, answer
    assert known(s).startswith("inbound: 0 spam, 0 ham;")
    assert ask(s, f"learn spam - {version} {ids(*range(1, 1025))}\n".encode()) == "0\nlearned\n"


def test_noise_harms_nobody(setup):
    s = start(setup, f"lmdb {setup.folder}/state")
    noise = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(10000))
    for stdin in (noise, b"\n" * 100000, b"From \n\n", b"\0" * 5000, b"Subject: " + b"x" * 1000000, b"From a 10:0\n" * 1000):
        assert re.fullmatch(r"(\d+ (learned|with nothing to learn from|known already)(, )?)+|there was no message", learn(s, "spam", "-", stdin=stdin).strip())


def test_a_terminal_is_shown_how_far_it_is(setup):
    s = start(setup, f"lmdb {setup.folder}/state")
    box = write(setup.folder / "box", *[message(m, n) for n in range(200) for m in HAM])
    ours, theirs = pty.openpty()
    p = subprocess.Popen([str(sluice.SLUICECTL), "learn", "-s", str(s.control), "ham", str(box)], stdout=subprocess.PIPE, stderr=theirs, env=sluice.environment())
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], net.PATIENCE_S)[0]:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # its other end is closed
            break
        shown += chunk
    os.close(ours)
    assert p.communicate(timeout=net.PATIENCE_S)[0] == b"800 learned\n" and p.returncode == 0
    assert re.search(rb"\r\[#*\.*\] +\d+ %  \d+ messages", shown) and shown.endswith(b"\r\x1b[K"), shown[-200:]
