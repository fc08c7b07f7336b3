# SPDX-License-Identifier: BSD-2-Clause
"""The standard suites, which are not part of the tree: they are looked for in $SLUICE_CONFORMANCE, or in ../shared/conformance beside it.

Each file in a folder of a suite is run that has its form, so that tests of one's own can stand beside the standard ones.
"""
import os
import pathlib

import pytest
import yaml

from . import sluice

FOLDER = pathlib.Path(os.environ.get("SLUICE_CONFORMANCE", sluice.TOP.parent / "shared/conformance"))


def scenarios(suite, *keys):
    """(file, scenario) of each scenario of a suite whose tests have these keys."""
    for path in sorted((FOLDER / suite).glob("*.yml")):
        for scenario in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader):
            if scenario and all(key in test for test in scenario["tests"].values() for key in keys):
                yield path.name, scenario


def or_skipped(rows, path, values=2):
    """Rows of a parametrized test, or one that is skipped and says what is missing."""
    return rows or [pytest.param(*[None] * values, marks=pytest.mark.skip(reason=f"{path} is not here: set SLUICE_CONFORMANCE"))]
