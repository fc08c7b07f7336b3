# SPDX-License-Identifier: BSD-2-Clause
"""contrib/design/faults.md: the tests that it names exist, and what it quotes is what the code says."""
import re

from support import sluice

TABLE = (sluice.TOP / "contrib/design/faults.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("| ") and "---" not in line and "what is said" not in line]
SOURCES = "".join(path.read_text() for folder in ("filter", "plugins") for path in sorted((sluice.TOP / folder).rglob("*.[ch]")))


def test_each_fault_has_a_test():
    assert len(ROWS) > 25
    for row in ROWS:
        assert len(row) == 5, row
        named = re.findall(r"`([a-z0-9_/]+(?:\.py|\.c|/))`", row[4])
        assert named, row[0]
        for name in named:
            assert (sluice.TOP / "tests" / name).exists(), name


def pieces(quoted):
    """What stands still between what a message is about, and the words of errno."""
    for known in ("No space left on device", "Too many open files"):
        quoted = quoted.replace(known, "…")
    return [piece.strip(" :;") for part in quoted.split("…") for piece in part.split(": ")]


def test_what_is_quoted_is_what_is_said():
    strings = re.sub(r'"\s*"', "", SOURCES)
    for row in ROWS:
        for quoted in re.findall(r"`([^`]+)`", row[2] + row[3]):
            for piece in pieces(quoted):
                for subject in ("the folder of cases", "the spool folder", "dnsbl", "clamd", "program", "scan", "check", "events are sent to"):
                    piece = piece.removeprefix(subject).strip() if piece.startswith(subject + " is ") or piece.startswith(subject + " works") else piece
                piece = re.sub(r"^(store|dns|verdict=)\s*(?=is |works|does |fault)", "", piece)
                assert piece in strings, (row[0], piece)
