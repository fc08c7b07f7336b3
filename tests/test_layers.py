# SPDX-License-Identifier: BSD-2-Clause
"""The order of the layers: a folder of filter/ includes only from those to its left."""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[1]
ORDER = ["base", "mail", "observe/case", "services", "tx", "policy", "engine", "milter", "daemon"]
# what else observe/ has is the daemon's, made from cases: log, history and metrics need no more than base/, http the reactor
OBSERVE_RANK = ORDER.index("services") + 0.5
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def rank(path):
    """How far to the right a file of filter/ stands."""
    folder = path.split("/")[1] if path.count("/") > 1 else ""
    if folder == "observe":
        return ORDER.index("observe/case") if pathlib.PurePath(path).stem == "case" else OBSERVE_RANK
    if folder in ORDER:
        return ORDER.index(folder)
    return ORDER.index("daemon")  # filter/*.c, ctl/, man/


def includes(path):
    return INCLUDE.findall(path.read_text())


def sources(folder):
    return [p for p in sorted((TOP / folder).rglob("*.[ch]"))]


def test_each_folder_includes_from_its_left():
    wrong = []
    for path in sources("filter"):
        name = str(path.relative_to(TOP))
        for include in includes(path):
            if include.startswith("filter/") and rank(include) > rank(name):
                wrong.append(f"{name} includes {include}")
    assert not wrong, "\n".join(wrong)


def test_nothing_in_filter_knows_a_plugin():
    wrong = [f"{path}: {i}" for path in sources("filter") for i in includes(path) if i.startswith("plugins/") and i != "plugins/plugin.h"]
    assert not wrong, "\n".join(wrong)


def test_plugins_use_the_api_base_and_mail():
    wrong = []
    for path in sources("plugins"):
        own = f"plugins/{path.parent.name}/"
        for include in includes(path):
            if include != "plugins/plugin.h" and not include.startswith((own, "filter/base/", "filter/mail/")):
                wrong.append(f"{path}: {include}")
    assert not wrong, "\n".join(wrong)


def test_only_the_edge_knows_libmilter():
    wrong = [str(p) for folder in ("filter", "plugins") for p in sources(folder) if "libmilter/" in p.read_text() and p.parent.name != "milter"]
    assert not wrong, wrong


def test_no_thread_calls_back_into_plugins():
    """Plugins own no thread and take no lock."""
    wrong = [str(p) for p in sources("plugins") if re.search(r"pthread_(create|mutex|cond)", p.read_text())]
    assert not wrong, wrong
