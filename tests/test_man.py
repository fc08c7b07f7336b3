# SPDX-License-Identifier: BSD-2-Clause
"""The manual: whole, well formed, and true."""
import re
import subprocess

import pytest
from support import sluice

PAGES = ["sluiced.8", "sluicectl.8", "sluice.conf.5", "sluice-rules.5", "sluice-plugin.3"]
BUILT = sluice.BUILD / "filter/man"


def names(pattern, *globs):
    """What the code calls things: the first group of a pattern, in all files."""
    return {m for glob in globs for path in sluice.TOP.glob(glob) for m in re.findall(pattern, path.read_text())}


def entries(page, macro):
    return set(re.findall(rf"^\.It {macro} (\S+)", (BUILT / page).read_text(), re.M))


@pytest.mark.parametrize("page", PAGES)
def test_mandoc_finds_nothing_wrong(page):
    done = subprocess.run(["mandoc", "-Tlint", BUILT / page], capture_output=True, text=True, timeout=60, check=False)
    wrong = [line for line in done.stdout.splitlines() + done.stderr.splitlines()
             if not re.search("input text line longer|referenced manual not found|ACTIONS instead of AUTHORS|outdated mandoc.db", line)]
    assert not wrong, "\n".join(wrong)
    assert not re.search(r"^@[\w-]+@$", (BUILT / page).read_text(), re.M), "a table was not printed"


def test_no_default_is_nothing():
    assert not re.search(r'^\.Cm *(?:"")? \.$', (BUILT / "sluice.conf.5").read_text(), re.M)


def test_each_type_of_facts_is_explained():
    text = (BUILT / "sluice-rules.5").read_text()
    types = set(re.findall(r"^\.It Sy \S+ Pq (\w+), from", text, re.M))
    conditions, _, _ = text.partition("\n.Sh FACTS\n")
    explained = {name for line in re.findall(r"^\.It Sy ((?:\w+ , )*\w+)$", conditions, re.M) for name in line.split(" , ")}
    assert len(types) > 6 and types <= explained, types - explained


def test_every_setting_and_every_option_of_a_check_is_there():
    options = names(r'\{ "(\w+)", SLUICE_OPT_', "filter/policy/settings.c", "filter/mail/dnsbl_zone.h", "plugins/*/*.c")
    assert len(options) > 25
    assert options <= entries("sluice.conf.5", "Ic")


def test_every_fact_is_there():
    facts = names(r'FACT\("([\w.]+)"', "filter/engine/*.c") | names(r'\{ "(\w+\.\w+)", SLUICE_\w+,', "plugins/*/*.c")
    checks = names(r'\.name = "(\w+)", \.stage = SLUICE_STAGE_(?!PROBE)\w', "plugins/*/*.c")
    facts |= {f"{check}.{what}" for check in checks for what in ("outcome", "error")}
    assert len(facts) > 60
    assert facts <= entries("sluice-rules.5", "Sy")


def words(table, file):
    """The strings of a table of words in the code."""
    return re.findall(r'"([^"]+)"', re.search(rf"{table}\[\w*\] = \{{([^}}]+)\}}", (sluice.TOP / file).read_text())[1])


def test_the_language_is_there():
    text = (BUILT / "sluice-rules.5").read_text()
    assert set(words("rule_action_words", "filter/policy/action.c")) <= entries("sluice-rules.5", "Ic")
    assert set(words("stage_words", "filter/observe/case.c")[:6]) <= entries("sluice-rules.5", "Cm")
    checks = names(r'\{\s*\.name = "(\w+)",\s*\.stage = SLUICE_STAGE', "plugins/*/*.c") - {"libspf2", "opendkim"}
    assert len(checks) > 15 and checks <= entries("sluice-rules.5", "Sy")
    for cause in words("error_words", "filter/observe/case.c"):
        assert re.search(rf"^\.Cm {cause} ", text, re.M), cause
    for unit in words("limit_unit_words", "filter/policy/limit.c"):
        assert re.search(rf"^\.Cm {unit}\b", text, re.M), unit
    grammar = re.search(r"^\.Sh GRAMMAR\n(.*?)^\.Ed", text, re.M | re.S)[1]
    statements = set(words("keywords", "filter/policy/policy.c")) - {"include", "plugin", "list"}  # those are of sluice.conf(5)
    said = names(r'\{ "(\w+)", \w+, (?:true|false) \}', "filter/policy/assertion.c")
    operators = set(words("compare_words", "filter/policy/expr.c"))
    for word in statements | said | operators | {"shadow", "sample", "limit", "on_error", "warn", "when", "for", "each", "recipient", "in", "matches", "contains", "is"}:
        assert f'"{word}"' in grammar, word


def test_every_command_and_every_option_of_check_is_there():
    text = (BUILT / "sluicectl.8").read_text()
    usage = sluice.ctl("--help").stdout
    for command in set(re.findall(r"^  (\w+) ", usage, re.M)) - {"chaos"}:  # of some builds, with a page of its own
        assert re.search(rf"^\.It Cm {command}\b", text, re.M), command
    for command in (["check"], ["replay"], ["dmarc", "report"], ["dmarc", "read"]):
        for option in re.findall(r"^  --([\w-]+)", sluice.ctl(*command, "-h").stdout, re.M):
            assert re.search(rf"^\.It Fl -{option}\b", text, re.M), option


@pytest.mark.parametrize("page", ["sluice.conf.5", "sluice-rules.5"])
def test_the_examples_are_good(tmp_path, page):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/trusted").write_text("192.0.2.0/24\n")
    (tmp_path / "lists/phrases").write_text("free money\n")
    (tmp_path / "footer.txt").write_text("a text\n")
    (tmp_path / "relay.conf").write_text("")
    (tmp_path / "bl.key").write_text("secret\n")
    blocks = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed", (BUILT / page).read_text(), re.M)
    examples = [b for b in blocks if re.search(r"^(at|listen|state)\b", b, re.M) and "::=" not in b and '"{"' not in b]
    assert examples
    for i, example in enumerate(examples):
        conf = tmp_path / f"{i}.conf"
        before = "" if "list local-domains" in example else "list local-domains domain [example.org]\n"
        conf.write_text(sluice.plugin_lines() + before + example.replace("/etc/sluice/", f"{tmp_path}/").replace(r"\e", "\\"))
        done = sluice.ctl("config", "check", "-c", conf)
        assert done.returncode == 0, done.stderr + example
