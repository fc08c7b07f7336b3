# SPDX-License-Identifier: BSD-2-Clause
"""contrib/guide and README: links that lead somewhere, commands that there are, configurations that can be loaded, every check with its page."""
import re

import pytest

from support import sluice

PAGES = sorted([*(sluice.TOP / "contrib/guide").glob("*.md"), sluice.TOP / "README.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_all_pages_and_all_checks_are_there():
    index = (sluice.TOP / "contrib/guide/README.md").read_text()
    assert all(f"({page.name})" in index for page in PAGES if page.parent.name == "guide" and page.name != "README.md")
    checks = (sluice.TOP / "contrib/guide/checks.md").read_text()
    for page in (sluice.TOP / "plugins").glob("*/*.md"):
        assert f"(../../plugins/{page.parent.name}/{page.name})" in checks, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_there(page):
    commands = set(re.findall(r"^  ([a-z-]+) ", sluice.ctl("--help").stdout, re.M))
    manual = (sluice.TOP / "filter/man/sluicectl.8.in").read_text()
    named = re.findall(r"sluicectl ([a-z]+)((?: --?[a-z-]+)?)", page.read_text())
    for command, option in named:
        assert command in commands, command
        name = option.strip().lstrip("-")
        assert not name or f"Fl {'-' if option.strip().startswith('--') else ''}{name}" in manual, (command, option)


def test_each_hold_says_why():
    for page in [*PAGES, *(sluice.TOP / "plugins").glob("*/*.md")]:
        assert not re.findall(r"\brule \S+ +hold\b(?! *\").*", page.read_text()), page


def blocks():
    return [(f"{page.stem}-{i}", text) for page in PAGES for i, text in enumerate(re.findall(r"```sluice\n(.*?)```", page.read_text(), re.S))]


@pytest.mark.parametrize("text", [text for _, text in blocks()], ids=[name for name, _ in blocks()])
def test_configurations_can_be_loaded(tmp_path, text):
    (tmp_path / "redis.password").write_text("secret\n")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/local-domains").write_text("example.org\n")
    conf = tmp_path / "sluice.conf"
    text = text.replace("/var/lib/sluice", str(tmp_path)).replace("/etc/sluice", str(tmp_path))
    store = "" if "state {" in text else f"state {{ lmdb {tmp_path}/state }}\n"
    roles = "".join(f"role {role} {{ when client.authenticated }}\n" for role in re.findall(r"in (mx|submission) ", text) if f"role {role}" not in text)
    conf.write_text(f"{sluice.plugin_lines()}authserv_id mx.example.org\n{store}{roles}{text}")
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode == 0, done.stderr


def test_there_are_enough():
    assert len(blocks()) >= 9
