# SPDX-License-Identifier: BSD-2-Clause
"""The content of strangers at its worst, seen by all checks of it at once: each message gets an answer, in bounded memory, and the daemon stays."""
import contextlib
import pathlib
import re
import socket
import threading

import pytest

from support import attachments as att
from support import mails, sluice

OCTETS = "application/octet-stream"
LARGE = 128 << 20 if sluice.sanitized() else 1 << 30  # octets
CHUNK = 65535
READS = ("headers.empty_body or mime.junk or mime.sha256 contains x or url.idn or pattern.money or pattern.tail or files.executable or "
         "clamav.found or inbound.probability > 0.5")
CONF = """authserv_id mx.example.org
stage_deadline 20s
state {{ lmdb state }}
body {{ max {max} }}
clamav {{ server unix:{clamd} timeout 500ms }}
bayes inbound {{ }}
pattern money "(?i)\\bfree\\s+money\\b" in text, subject
pattern tail "(a+)+b" in raw
at message {{ rule all score 1 when {reads} }}
"""


@contextlib.contextmanager
def memory_of(process):
    """The most that the process had for itself meanwhile, in octets."""
    path = pathlib.Path(f"/proc/{process.pid}/status")
    over = threading.Event()
    seen = [0]

    def look():
        while not over.wait(0.01):
            seen[0] = max(seen[0], int(re.search(r"RssAnon:\s+(\d+)", path.read_text())[1]) << 10)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


@pytest.fixture
def silent(setup):
    """Where a clamd takes what it is told, and never answers."""
    path = setup.folder / "clamd"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1000)
        yield path


def start(setup, silent, limit="64M"):
    return setup.sluice(CONF.format(max=limit, clamd=silent, reads=READS))


def give(setup, s, octets):
    head, body = octets.split(b"\r\n\r\n", 1) if b"\r\n\r\n" in octets else (octets, b"")
    with setup.milter(s) as m:
        m.greet()
        assert m.mail().kind == m.rcpt().kind == m.data().kind == "continue"
        for field in re.split(rb"\r\n(?![ \t])", head):
            name, colon, value = field.partition(b":")
            if colon and name:
                m.header(name.decode("latin-1"), value.decode("latin-1").strip())
        m.end_of_headers()
        for at in range(0, len(body), CHUNK):
            m.body(body[at:at + CHUNK])
        return m.end_of_message()


def case(s):
    return s.explain(re.search(r"case=(\w+)", s.cases()[-1])[1])


def attached(content, kind, name):
    return mails.octets(mails.attached(content, kind, name))


def nested(depth):
    """Each multipart in another."""
    lines = [b"MIME-Version: 1.0"]
    for i in range(depth):
        lines += [b'Content-Type: multipart/mixed; boundary="b%d"' % i, b"", b"--b%d" % i]
    return b"\r\n".join(lines) + b"\r\n\r\nfree money\r\n"


def many(count):
    parts = b"".join(b"--b\r\nContent-Type: text/plain; name=%d.txt\r\n\r\nfree money %d\r\n" % (i, i) for i in range(count))
    return b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts + b"--b--\r\n"


def forty_two():
    """As 42.zip is made: archives of one and the same archive, five deep, of zeros."""
    content = att.zipped([("0.dll", bytes(64 << 20))])
    for _ in range(5):
        content = att.zipped([(f"{i}.zip", content) for i in range(16)])
    return content


HOSTILE = {
    "10,000 nested parts": (lambda: nested(10_000), {"mime.too_deep": True}),
    "100,000 parts": (lambda: many(100_000), {"mime.too_many": True}),
    "as 42.zip": (lambda: attached(forty_two(), "application/zip", "42.zip"), {"files.bomb": True}),
    "names that leave": (lambda: attached(att.zipped([("../../etc/passwd", b"x"), ("..\\..\\a.exe", att.PE)]), "application/zip", "a.zip"), {"files.slip": True}),
    "one line": (lambda: b"Subject: t\r\n\r\n" + b"a" * (20 << 20), {}),
    "one word after another": (lambda: b"Subject: t\r\n\r\n" + b"".join(b"w%d " % i for i in range(500_000)), {}),
    "links": (lambda: b"Content-Type: text/html\r\n\r\n" + b"".join(b'<a href="http://h%d.example/">x</a>' % i for i in range(100_000)), {"url.too_many": True}),
    "div in div": (lambda: b"Content-Type: text/html\r\n\r\n" + b"<div>" * 400_000, {}),
    "names": (lambda: b"Content-Type: text/plain" + b"".join(b";\r\n\tname*%d=%%41" % i for i in range(10_000)) + b"\r\n\r\nx\r\n", {}),
    "base64 of nothing": (lambda: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"!!!!\r\n" * 1_000_000, {"mime.junk": True}),
    "back and forth": (lambda: b"Subject: t\r\n\r\n" + b"a" * 30 + b"c" + b"aaaa c\r\n" * 200_000, {}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_each_has_an_answer_and_bounded_memory(setup, silent, what):
    make, facts = HOSTILE[what]
    s = start(setup, silent)
    octets = make()
    with memory_of(s.process) as seen:
        assert give(setup, s, octets).kind == "continue"
    found = case(s)["facts"]
    assert {name: found[name] for name in facts} == facts
    assert found["clamav.outcome"] in ("temperror", "skipped", "done"), found
    assert seen[0] < (1200 << 20 if sluice.sanitized() else 200 << 20), f"{seen[0] >> 20} MB"
    assert give(setup, s, b"Subject: t\r\n\r\nhello\r\n").kind == "continue", "it goes on"


def test_a_clamd_that_never_answers_is_a_temperror(setup, silent):
    s = start(setup, silent)
    assert give(setup, s, attached(b"x" * 1000, OCTETS, "x.bin")).kind == "continue"
    found = case(s)["facts"]
    assert found["clamav.outcome"] == "temperror" and "clamav.found" not in found


def test_the_largest_message_that_is_looked_at(setup, silent):
    s = start(setup, silent, f"{LARGE >> 20}M")
    line = b"x" * 70 + b" free money\r\n"
    chunk = line * (CHUNK // len(line))
    with setup.milter(s) as m, memory_of(s.process) as seen:
        m.greet()
        assert m.mail().kind == m.rcpt().kind == m.data().kind == m.header("Subject", "t").kind == m.end_of_headers().kind == "continue"
        for _ in range(LARGE // len(chunk)):
            assert m.body(chunk).kind == "continue"
        assert m.body(b"y" * (LARGE % len(chunk))).kind == "continue"
        assert m.end_of_message().kind == "continue"
    found = case(s)["facts"]
    assert found["pattern.money"] is True and found["body.cut"] is False
    assert seen[0] < (1200 << 20 if sluice.sanitized() else 300 << 20), f"{seen[0] >> 20} MB"


def test_whatever_is_cut_anywhere_has_an_answer(setup, silent, tmp_path):
    """Mail of all kinds, good and bad, each cut at places all over it."""
    s = start(setup, silent)
    kinds = [mail[-1] for mail in [*mails.good(), *mails.weighed()]][::9]
    kinds += [attached(content, kind, name) for content, kind, name in (
        (att.zipped([("a.exe", att.PE), ("b.zip", att.nested(3))]), "application/zip", "a.zip"), (att.tarred([("x", b"y" * 5000)]), "application/x-tar", "a.tar"))]
    count = 0
    with setup.milter(s) as m:
        m.greet()
        for octets in kinds:
            for n in range(1, 16):
                head, _, body = octets[:len(octets) * n // 16].partition(b"\r\n\r\n")
                headers = [field.partition(b":")[::2] for field in re.split(rb"\r\n(?![ \t])", head)]
                answer = m.message(headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name], body=body or b"\r\n")
                assert answer.kind == "continue", (answer, octets)
                count += 1
    assert count > 300 and len(s.cases()) >= count
