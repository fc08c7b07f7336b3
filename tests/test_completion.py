# SPDX-License-Identifier: BSD-2-Clause
"""contrib/completion: what the shells offer is what sluicectl has."""
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from support import net, sluice

FOLDER = sluice.TOP / "contrib/completion"
BASH = """source {file}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_sluicectl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# compadd is told to print what it is given
ZSH = """words=({words})
CURRENT=${{#words}}
compadd() {{ while [[ $1 != -- ]]; do shift; done; shift; print -rl -- $@ }}
_describe() {{ print -rl -- ${{${{(P)2}}%%:*}} }}
_files() {{ :; }}
source {file}
"""
FISH = """source {file}
complete -C "sluicectl {words}" | string split -f1 \\t
"""


def ask(shell, words):
    """words: as they are typed, the last one, which may be empty, to be completed."""
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not there")
    quoted = " ".join(f"'{word}'" for word in ["sluicectl", *words])
    script = {"bash": BASH.format(file=FOLDER / "sluicectl.bash", words=quoted), "zsh": ZSH.format(file=FOLDER / "_sluicectl", words=quoted),
              "fish": FISH.format(file=FOLDER / "sluicectl.fish", words=" ".join(words))}[shell]
    env = {**sluice.environment(), "PATH": f"{sluice.SLUICECTL.parent}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as home:  # fish writes into it
        done = subprocess.run([program, *(["-f"] if shell == "zsh" else ["--no-config"] if shell == "fish" else ["--norc"]), "-c", script],
                              capture_output=True, text=True, env={**env, "HOME": home}, timeout=net.PATIENCE_S, check=False)
    assert not done.stderr, done.stderr
    return {word for word in done.stdout.split("\n") if word and word.startswith(words[-1])}


def commands():
    return set(re.findall(r"^  ([a-z-]+) ", sluice.ctl("--help").stdout, re.M))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_all_commands_are_offered(shell):
    assert ask(shell, [""]) == commands()
    assert ask(shell, ["re"]) == {c for c in commands() if c.startswith("re")}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_all_verbs_of_the_manual_are_offered(shell):
    manual = (sluice.TOP / "filter/man/sluicectl.8.in").read_text()
    synopsis = manual[manual.index(".Sh SYNOPSIS"):manual.index(".Sh DESCRIPTION")]
    verbs = {}
    for command, rest in re.findall(r"^\.Cm ([a-z-]+) ([a-z| -]+)$", synopsis, re.M):
        verbs.setdefault(command, set()).update(rest.split(" | "))
    verbs.pop("metrics", None)  # `metrics | status` are two commands
    verbs["dmarc"].add("failures")
    verbs["token"] = {"add", "list", "remove"}
    assert len(verbs) >= 8
    for command, wanted in verbs.items():
        if command in commands() and wanted - commands():
            assert ask(shell, [command, ""]) == wanted, command


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("words, some", [(["check", "--"], {"--client", "--client-name", "--json"}), (["dkim", "keygen", "--"], {"--selector", "--bits"}),
                                         (["dkim", "rotate", "--"], {"--nsupdate", "--dry-run"}), (["hold", "--"], {"--postfix", "--raw"}), (["explain", "-"], {"-c", "-s", "--json"})])
def test_options_are_offered(shell, words, some):
    assert some <= ask(shell, words)
