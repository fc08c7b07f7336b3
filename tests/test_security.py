# SPDX-License-Identifier: BSD-2-Clause
"""contrib/SECURITY.md: the tests that it names exist, and each promise has some."""
import re

from support import sluice

TEXT = (sluice.TOP / "contrib/SECURITY.md").read_text()
PROMISES = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in re.findall(r"(?m)^\| [A-Z].*", TEXT)]


def test_each_promise_has_tests_that_there_are():
    assert len(PROMISES) > 12
    for promise, tests in PROMISES:
        named = re.findall(r"`([a-z0-9_/]+\.(?:py|c))::(\w+)`", tests)
        assert named and len(named) == tests.count("`") / 2, promise
        for file, name in named:
            path = sluice.TOP / "tests" / file
            assert path.exists() and re.search(rf"(?m)^(def {name}\(|static void {name}\()", path.read_text()), (promise, file, name)


def test_readers_find_it():
    assert "contrib/SECURITY.md" in (sluice.TOP / "README.md").read_text()
