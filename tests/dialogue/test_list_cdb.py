# SPDX-License-Identifier: BSD-2-Clause
"""Lists in a constant database, made by the cdb tool: looked up on the disk, exchanged under a daemon that runs."""
import subprocess

import pytest

from support import net, sluice
from support.milter import CONTINUE, REPLY

CONFIG = """list refused domain cdb "{path}"
at mail {{ rule r reject "550 5.7.1 {{mail.domain}} is refused" when mail.domain in refused }}
"""


def make(path, keys, end=b""):
    """end: b"\\0" as Postfix writes keys for itself."""
    records = b"".join(b"+%d,1:%s->x\n" % (len(k.encode() + end), k.encode() + end) for k in keys) + b"\n"
    fresh = path.parent / f".{path.name}.new"
    done = subprocess.run(["cdb", "-c", fresh], input=records, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    fresh.rename(path)


def answer(m, domain):
    kind = m.mail(f"<a@{domain}>").kind
    m.abort()
    return kind


@pytest.mark.parametrize("end", [b"", b"\0"], ids=["plain", "nul"])
def test_it_is_looked_up_and_exchanged(setup, tmp_path, end):
    path = tmp_path / "refused.cdb"
    make(path, ["one.example", ".below.example"], end)
    s = setup.sluice(CONFIG.format(path=path))
    m = setup.milter(s)
    m.greet()
    assert [answer(m, d) for d in ("one.example", "ONE.Example", "x.one.example", "below.example", "a.b.below.example", "two.example")] == [
        REPLY, REPLY, CONTINUE, CONTINUE, REPLY, CONTINUE]
    make(path, ["two.example", "three.example", "four.example"])
    net.wait_for(lambda: "list refused was read again: 3 items" in s.log(), "the new one to be taken")
    assert [answer(m, d) for d in ("one.example", "two.example")] == [CONTINUE, REPLY]


@pytest.mark.parametrize("content, why", [
    (b"one.example\n", "this is no cdb, or it was cut"),
    (b"x" * 5000, "this is no cdb, or it was cut"),
    (["Capital.example"], "key 1, 'Capital.example', is never found: it is no domain in small letters"),
    (["münchen.example"], "key 1, 'münchen.example', is never found: it is no domain in small letters, with A-labels (xn--...)"),
    (["good.example", "no domain"], "key 2, 'no domain', is never found: it is no domain in small letters"),
    (None, "No such file or directory"),
], ids=["text", "long", "capital", "letters", "word", "gone"])
def test_a_broken_one_keeps_the_old(setup, tmp_path, content, why):
    path = tmp_path / "refused.cdb"
    make(path, ["one.example"])
    s = setup.sluice(CONFIG.format(path=path))
    m = setup.milter(s)
    m.greet()
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").rename(path)
    else:
        make(path, content)
    net.wait_for(lambda: f"list refused keeps its old contents: {path}: " in s.log(), "it to be told")
    assert why in s.log() and why in s.ctl("status").stdout
    assert answer(m, "one.example") == REPLY
    make(path, ["two.example"])
    net.wait_for(lambda: "list refused was read again: 1 items" in s.log(), "the good one to be taken")
    assert answer(m, "two.example") == REPLY and "list_stale" not in s.ctl("status").stdout


@pytest.mark.parametrize("cut", [2048, 3000])
def test_one_that_was_cut_does_not_load(setup, tmp_path, cut):
    path = tmp_path / "refused.cdb"
    make(path, [f"host-{i}.example" for i in range(1000)])
    path.write_bytes(path.read_bytes()[:cut])
    s = setup.sluice(CONFIG.format(path=path), start=False)
    done = sluice.ctl("config", "check", "-c", s.conf)
    assert done.returncode == 78 and "this is no cdb, or it was cut: make it with 'postmap cdb:FILE' or 'cdb -c FILE'" in done.stderr


def test_addresses_and_sluicectl(setup, tmp_path):
    path = tmp_path / "people.cdb"
    make(path, ["boss@example.org", "@staff.example"])
    s = setup.sluice(f'list people address [extra@example.org] cdb "{path}"\nat mail {{ rule r reject "550 5.7.1 no" when mail.from in people }}', start=False)

    def ctl(*args):
        return sluice.ctl("list", args[0], "-c", s.conf, *args[1:])

    assert [line.split()[0] for line in ctl("show", "people").stdout.splitlines()] == ["extra@example.org", "boss@example.org", "@staff.example"]
    found = ctl("test", "people", "Anybody@Staff.example")
    assert found.returncode == 0 and f"{path}:2" in found.stdout
    assert ctl("test", "people", "boss@example.com").returncode == 1
    done = ctl("add", "people", "new@example.org")
    assert done.returncode == 78 and f"list people is in the database {path}, which is made anew to change it" in done.stderr
    s.start()
    m = setup.milter(s)
    m.greet()
    for sender, kind in (("boss@example.org", REPLY), ("x@staff.example", REPLY), ("extra@example.org", REPLY), ("x@example.org", CONTINUE), ("", CONTINUE)):
        assert m.mail(f"<{sender}>").kind == kind
        m.abort()
