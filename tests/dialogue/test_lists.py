# SPDX-License-Identifier: BSD-2-Clause
"""Lists whose files change under a daemon that runs: taken by themselves, whole or not at all."""
import os
import stat

import pytest

from support import net
from support.milter import CONTINUE, REPLY

CONFIG = """list refused domain {source}
at mail {{ rule r reject "550 5.7.1 {{mail.domain}} is refused" when mail.domain in refused }}
"""


def replace(path, content):
    """As editors do it: a new file takes the name."""
    fresh = path.parent / f".{path.name}.new"
    fresh.write_bytes(content)
    fresh.rename(path)


def overwrite(path, content):
    path.write_bytes(content)


def answer(m, domain):
    kind = m.mail(f"<a@{domain}>").kind
    m.abort()
    return kind


def until_logged(s, text, count=1):
    net.wait_for(lambda: s.log().count(text) >= count, f"'{text}' in the log")


@pytest.mark.parametrize("write", [replace, overwrite])
def test_a_changed_file_is_taken_by_itself(setup, tmp_path, write):
    path = tmp_path / "refused"
    path.write_text("one.example\n")
    s = setup.sluice(CONFIG.format(source=f'file "{path}"'))
    m = setup.milter(s)
    m.greet()
    assert [answer(m, "one.example"), answer(m, "two.example")] == [REPLY, CONTINUE]
    write(path, b"# the first has gone\ntwo.example\nthree.example\n")
    until_logged(s, "list refused was read again: 2 items")
    assert [answer(m, "one.example"), answer(m, "two.example")] == [CONTINUE, REPLY], "also for connections that are there already"
    assert s.status()["generation"] == "1"


def test_a_file_is_put_into_a_folder_and_taken_out(setup, tmp_path):
    folder = tmp_path / "refused.d"
    folder.mkdir()
    (folder / "10-one").write_text("one.example\n")
    s = setup.sluice(CONFIG.format(source=f'folder "{folder}"'))
    m = setup.milter(s)
    m.greet()
    (folder / "20-two").write_text("two.example\n")
    until_logged(s, "list refused was read again: 2 items")
    assert [answer(m, "one.example"), answer(m, "two.example")] == [REPLY, REPLY]
    (folder / "10-one").unlink()
    until_logged(s, "list refused was read again: 1 items")
    assert [answer(m, "one.example"), answer(m, "two.example")] == [CONTINUE, REPLY]


@pytest.mark.parametrize("content, why", [
    (b"two.example\nno domain\n", ":2:1: 'no domain' is no domain"),
    (b"two.example\n\0\0\0\n", ":2:1: an octet 0x00: a list is a text file with one item a line"),
    (b"\x1f\x8b\x08\0\0\n", ":1:1: an octet 0x1f: a list is a text file with one item a line"),
    (b"two.example #" + 5000 * b"x" + b"\n", ":1:1: a line of 5013 octets: a list has one item a line"),
    (None, ": cannot be read: No such file or directory"),
], ids=["word", "nul", "gzip", "overlong", "gone"])
def test_a_broken_file_keeps_the_old_contents(setup, tmp_path, content, why):
    path = tmp_path / "refused"
    path.write_text("one.example\n")
    s = setup.sluice(CONFIG.format(source=f'file "{path}"'))
    m = setup.milter(s)
    m.greet()
    if content is None:
        path.unlink()
    else:
        replace(path, content)
    until_logged(s, "list refused keeps its old contents: ")
    assert f"{path}{why}" in s.log()
    assert s.status()["list_stale"].startswith(f"refused: {path}{why}")
    assert [answer(m, "one.example"), answer(m, "two.example")] == [REPLY, CONTINUE]
    replace(path, b"two.example\n")
    until_logged(s, "list refused was read again: 1 items")
    assert "list_stale" not in s.status()
    assert [answer(m, "one.example"), answer(m, "two.example")] == [CONTINUE, REPLY]
    assert s.log().count("keeps its old contents") == 1, "each change is told once"


@pytest.mark.parametrize("more", ["", "optional postfix mydestination in /nonexistent"], ids=["a file", "beside a mail server that is not there"])
def test_a_list_that_a_check_needs_is_not_emptied(setup, tmp_path, more):
    path = tmp_path / "local-domains"
    path.write_text("example.org\n")
    s = setup.sluice(f'list local-domains domain file "{path}" {more}\nat rcpt {{ rule r reject "550 5.7.1 no" when relay.attempt }}\n')
    replace(path, b"# to be filled in\n")
    until_logged(s, "nothing is left in list local-domains, which a check needs")
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert m.rcpt("<u@example.org>").kind == CONTINUE


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_file_that_only_root_may_read_is_told_when_it_changes(setup):
    folder = setup.folder / "for-all"
    folder.mkdir()
    if not all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)):
        pytest.skip("the folder is not open to others")
    path = folder / "refused"
    path.write_text("one.example\n")
    s = setup.sluice("user nobody\n" + CONFIG.format(source=f'file "{path}"'))
    fresh = folder / "fresh"
    fresh.write_text("two.example\n")
    fresh.chmod(0o600)
    fresh.rename(path)
    until_logged(s, f"list refused keeps its old contents: {path}: cannot be read: Permission denied: the daemon's user needs to be allowed to")


def test_a_pipe_in_the_place_of_the_file_keeps_nobody_waiting(setup, tmp_path):
    file = tmp_path / "people"
    file.write_text("a@example.net\n")
    s = setup.sluice(f'list people address file "{file}"\nat mail {{ rule no reject "550 5.7.1 no" when mail.from in people }}')
    file.unlink()
    os.mkfifo(file)
    net.wait_for(lambda: "it is no regular file" in s.log(), "the pipe to be refused")
    m = setup.milter(s)
    m.greet()
    assert m.message("<a@example.net>").code == 550
    assert s.reload().returncode == 78
