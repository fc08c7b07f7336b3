# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl list: what is in a list, where it stands, and its file changed with nothing else touched."""
import concurrent.futures
import os

import pytest

from support import net, sluice

CONTENT = "# ours\n\nexample.org   # the first\n.example.net\n"


class Lists:
    def __init__(self, folder):
        self.conf = folder / "main.conf"
        self.file = folder / "domains"
        self.file.write_text(CONTENT)
        (folder / "more").mkdir()
        (folder / "more" / "10").write_text("more.example\n")
        self.conf.write_text(f"""{sluice.plugin_lines()}list ours domain [fixed.example] file domains folder more
list nets network [192.0.2.0/24 2001:db8::/32]
list people address file people
list shapes pattern ["*.dyn.*"]
""")
        (folder / "people").write_text("boss@example.org\n")

    def __call__(self, verb, *args):
        return sluice.ctl("list", verb, "-c", self.conf, *args)


@pytest.fixture(name="lists")
def fixture_lists(tmp_path):
    return Lists(tmp_path)


def test_show(lists, tmp_path):
    done = lists("show", "ours")
    line = lists.conf.read_text().splitlines().index(next(x for x in lists.conf.read_text().splitlines() if x.startswith("list ours"))) + 1
    assert done.returncode == 0 and done.stdout.replace(f"{tmp_path}/", "").splitlines() == [
        f"fixed.example   # main.conf:{line}", "example.org   # domains:3 the first", ".example.net   # domains:4", "more.example   # more/10:1"]


@pytest.mark.parametrize("name, value, by", [
    ("ours", "EXAMPLE.org", "example.org   # domains:3 the first"), ("ours", "a.b.example.net", ".example.net   # domains:4"),
    ("ours", "example.net", None), ("ours", "a.example.org", None), ("ours", "more.example", "more.example   # more/10:1"),
    ("nets", "192.0.2.9", "192.0.2.0/24   # main.conf"), ("nets", "2001:db8::9", "2001:db8::/32   # main.conf"), ("nets", "198.51.100.1", None),
    ("people", "<Boss@example.org>", "boss@example.org   # people:1"), ("people", "other@example.org", None),
    ("shapes", "a.dyn.example", "*.dyn.*   # main.conf"), ("shapes", "example", None)])
def test_test(lists, tmp_path, name, value, by):
    done = lists("test", name, value)
    if by:
        assert done.returncode == 0 and done.stdout.replace(f"{tmp_path}/", "").startswith(by)
    else:
        assert done.returncode == 1 and done.stdout == "" and f"{value} is not in list {name}" in done.stderr


def test_letters_that_are_not_ascii(lists):
    """A U-label and its A-label are one domain, whichever stands in the list and whichever the mail has."""
    (lists.conf.parent / "more" / "20").write_text("münchen.example\n.xn--bcher-kva.example\n")
    (lists.conf.parent / "people").write_text("@münchen.example\n")
    for name, values in (("ours", ["münchen.example", "xn--mnchen-3ya.example", "a.bücher.example"]),
                         ("people", ["<a@MÜNCHEN.example>", "<a@xn--mnchen-3ya.example>"])):
        assert [lists("test", name, value).returncode for value in values] == [0] * len(values), name
    done = lists("add", "ours", "\u2603.\u202e.example")
    assert done.returncode == 65 and "write its A-labels (xn--...)" in done.stderr


def test_a_dot_at_the_end_is_the_same_domain(lists):
    """As a zone file writes it, and as dig shows it."""
    (lists.conf.parent / "more" / "20").write_text("rooted.example.\n.below.example.\n")
    (lists.conf.parent / "people").write_text("a@rooted.example.\n")
    for name, value in (("ours", "rooted.example"), ("ours", "rooted.example."), ("ours", "a.below.example"), ("people", "<a@rooted.example>")):
        assert lists("test", name, value).returncode == 0, value


def test_add_keeps_all_else(lists):
    lists.file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(lists.file, 65534, 65534)
    done = lists("add", "ours", "new.example", "asked", "for by", "Ann")
    assert done.returncode == 0 and f"new.example was added to {lists.file}" in done.stdout
    assert lists.file.read_text() == CONTENT + "new.example  # asked for by Ann\n"
    stat = lists.file.stat()
    assert stat.st_mode & 0o7777 == 0o640 and (os.geteuid() != 0 or (stat.st_uid, stat.st_gid) == (65534, 65534))
    assert lists("test", "ours", "new.example").returncode == 0
    done = lists("remove", "ours", "NEW.example")
    assert done.returncode == 0 and lists.file.read_text() == CONTENT
    assert not list(lists.file.parent.glob(".*")), "nothing is left behind"


def test_add_to_a_file_without_an_end_of_line_behind_a_link(lists, tmp_path):
    (tmp_path / "real").write_text("last.example")
    lists.file.unlink()
    lists.file.symlink_to("real")
    assert lists("add", "ours", ".new.example").returncode == 0
    assert lists.file.is_symlink() and (tmp_path / "real").read_text() == "last.example\n.new.example\n"


def test_what_is_there_is_not_added_again(lists):
    for item, place in [("example.ORG", "domains:3"), ("more.example", "more/10:1"), ("fixed.example", "main.conf:")]:
        done = lists("add", "ours", item)
        assert done.returncode == 0 and "is there already: " in done.stdout and place in done.stdout
    assert lists.file.read_text() == CONTENT


@pytest.mark.parametrize("args, status, message", [
    (("add", "ours", "no domain"), 65, "'no domain' is no domain: write example.org, or .example.org for all below it"),
    (("add", "people", "boss"), 65, "'boss' is no address: write user@example.org"),
    (("add", "people", "a#b@example.org"), 65, "an item in a file has no '#'"),
    (("add", "ours", "new.example", "two\nlines"), 65, "a comment has no control character"),
    (("add", "nets", "198.51.100.0/24"), 78, "list nets has no file that could be changed: give it one with 'file PATH'"),
    (("remove", "ours", "fixed.example"), 73, "take it out there"),
    (("remove", "ours", "more.example"), 73, "more/10:1: take it out there"),
    (("remove", "ours", "a.example.net"), 66, "is not in list ours as an item"),
    (("show", "our"), 66, "there is no list 'our' in"),
    (("test", "nets", "example.org"), 64, "'example.org' is no IP address"),
    (("test", "ours"), 64, "usage: "),
])
def test_refusals_change_nothing(lists, args, status, message):
    done = lists(*args)
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr
    assert lists.file.read_text() == CONTENT


def test_many_at_once_lose_nothing(lists):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda i: (i, lists("add", "ours", f"d{i}.example").returncode), range(12)))
    assert {status for _, status in done} <= {0, 75}, "75: another one was quicker"
    assert lists.file.read_text().startswith(CONTENT)
    assert set(lists.file.read_text()[len(CONTENT):].split()) == {f"d{i}.example" for i, status in done if status == 0}


def test_the_daemon_takes_what_was_added(setup, tmp_path):
    path = tmp_path / "refused"
    path.write_text("one.example\n")
    s = setup.sluice(f'list refused domain file "{path}"\nat mail {{ rule r reject "550 5.7.1 no" when mail.domain in refused }}\n')
    assert sluice.ctl("list", "add", "-c", s.conf, "refused", "two.example").returncode == 0
    net.wait_for(lambda: "list refused was read again: 2 items" in s.log(), "the new contents")
    m = setup.milter(s)
    m.greet()
    assert "no" in m.mail("<a@two.example>").text
