# SPDX-License-Identifier: BSD-2-Clause
"""Each error that a configuration can have, with its message, word for word: messages.txt has the rows."""
import pathlib
import re

import pytest

from support import sluice

ROWS = pathlib.Path(__file__).with_name("messages.txt")


def rows():
    """`=== NAME`, the configuration, `---`, the message; further files follow `+++ FILE`."""
    for block in re.split(r"^=== ", ROWS.read_text(), flags=re.M)[1:]:
        name, rest = block.split("\n", 1)
        config, message = re.split(r"^---\n", rest, flags=re.M)
        yield name, config, message.rstrip("\n")


def check(folder, config):
    parts = re.split(r"^\+\+\+ (.*)\n", config, flags=re.M)
    for name, text in zip(["sluice.conf", *parts[1::2]], parts[0::2]):
        (folder / name).write_bytes(text.encode("utf-8").decode("unicode_escape").encode("latin-1") if "\\x" in text else text.encode())
    main = folder / "main.conf"  # plugins built as shared objects come first, without a change of line numbers
    main.write_text(sluice.plugin_lines() + "include sluice.conf\n")
    return sluice.ctl("config", "check", "-c", main)


@pytest.mark.parametrize("name, config, message", list(rows()), ids=[name for name, *_ in rows()])
def test_message(name, config, message, tmp_path):
    done = check(tmp_path, config)
    assert done.stderr.replace(f"{tmp_path}/", "").replace("main.conf:", "sluice.conf:").rstrip("\n") == message
    assert done.returncode == 78
