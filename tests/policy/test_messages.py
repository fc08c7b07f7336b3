# SPDX-License-Identifier: BSD-2-Clause
"""Each error and each warning that a configuration can have, word for word: messages.txt and warnings.txt have the rows."""
import pathlib
import re

import pytest

from support import sluice

HERE = pathlib.Path(__file__).parent


def rows(file):
    """`=== NAME`, the configuration, `---`, the message; further files follow `+++ FILE`."""
    for block in re.split(r"^=== ", (HERE / file).read_text(), flags=re.M)[1:]:
        name, rest = block.split("\n", 1)
        config, message = re.split(r"^---\n", rest, flags=re.M)
        yield name, config, message.rstrip("\n")


def check(folder, config):
    parts = re.split(r"^\+\+\+ (.*)\n", config, flags=re.M)
    for name, text in zip(["sluice.conf", *parts[1::2]], parts[0::2]):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode("utf-8").decode("unicode_escape").encode("latin-1") if "\\x" in text else text.encode())
    main = folder / "main.conf"  # plugins built as shared objects come first, without a change of line numbers
    main.write_text(sluice.plugin_lines() + "include sluice.conf\n")
    return sluice.ctl("config", "check", "-c", main)


@pytest.mark.parametrize("name, config, message", list(rows("messages.txt")), ids=[name for name, *_ in rows("messages.txt")])
def test_message(name, config, message, tmp_path):
    done = check(tmp_path, config)
    assert done.stderr.replace(f"{tmp_path}/", "").replace("main.conf:", "sluice.conf:").rstrip("\n") == message
    assert done.returncode == 78


@pytest.mark.parametrize("name, config, message", list(rows("warnings.txt")), ids=[name for name, *_ in rows("warnings.txt")])
def test_warning(name, config, message, tmp_path):
    done = check(tmp_path, config)
    assert done.stderr.replace(f"{tmp_path}/", "").replace("main.conf:", "sluice.conf:").rstrip("\n") == message
    assert done.returncode == 0


def test_what_is_shipped_has_no_warnings(tmp_path):
    rules = sluice.TOP / "rules"
    conf = tmp_path / "sluice.conf"
    for file in rules.glob("*.conf"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "lists").mkdir()
    for file in (rules / "lists").iterdir():
        (tmp_path / "lists" / file.name).write_text(file.read_text() + ("example.org\n" if file.name == "local-domains" else ""))
    conf.write_text(sluice.plugin_lines() + f'scan {{ helper "{sluice.SCAN}" }}\n' + conf.read_text().replace("# include forward.conf", "include forward.conf")
                    .replace("/var/lib/sluice/state", f"{tmp_path}/state").replace("\nuser    sluice\n", "\n"))  # whom the package makes
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode == 0 and done.stderr == "", done.stderr
