# SPDX-License-Identifier: BSD-2-Clause
"""What documents, messages and the code say of commands of sluicectl and of paths over HTTP: each that is named is there, and each that is there is named."""
import re

import pytest
from support import net, sluice
from support.signing import Keys
from support.web import Web

TOP = sluice.TOP
DOCUMENTS = sorted(path for pattern in ("*.md", "contrib/**/*", "plugins/*/*.md", "rules/**/*.conf", "filter/man/*.in") for path in TOP.glob(pattern)
                   if path.is_file() and path.suffix in (".md", ".yml", ".yaml", ".in", ".conf", ".service", ".timer", ".json", ".fish", ".bash"))
SOURCES = sorted(path for pattern in ("filter/**/*.[ch]", "plugins/**/*.[ch]") for path in TOP.glob(pattern))


def commands():
    """Each command with its verbs, as the code has them: `sluicectl --help` names both."""
    rows = re.findall(r"^  ([a-z]+) +(?:\1 ([a-z, ]+): )?", sluice.ctl("--help").stdout, re.M)
    rows = [row for row in rows if row[0] != "chaos"]  # of some builds alone, and with a page of its own
    assert len(rows) >= 20
    return {command: set(verbs.split(", ")) if verbs else set() for command, verbs in rows}


def named(text):
    """(command, the word behind it or "") where it is to be typed: in quotes of code, in a block of it, or in a message."""
    typed = re.findall(r"[`']sluicectl ([a-z-]+)(?: ([a-z]+)\b)?", text) + re.findall(r"^ {4}(?:# )?sluicectl ([a-z-]+)(?: ([a-z]+)\b)?", text, re.M)
    return {(command, word) for command, word in typed if command != "chaos"}


def test_documents_and_messages_name_commands_that_there_are():
    known, seen = commands(), set()
    for path in DOCUMENTS + SOURCES:
        for command, word in named(path.read_text()):
            assert command in known, (path, command)
            assert not known[command] or not word or word in known[command], (path, command, word)
            seen.add(command)
    assert seen == set(known), set(known) - seen


def test_the_manual_has_each_command_and_each_verb_and_no_other():
    manual = (TOP / "filter/man/sluicectl.8.in").read_text()
    entries = re.findall(r"^\.It Cm ([a-z]+)(?: ([a-z]+))?", manual[manual.index(".Sh COMMANDS"):] if ".Sh COMMANDS" in manual else manual, re.M)
    known = commands()
    for command, verbs in known.items():
        assert command in {entry for entry, _ in entries}, command
        for verb in verbs:
            assert re.search(rf"\.It Cm {command}\b.*\b{verb}\b|^\.Cm {command} .*\b{verb}\b", manual, re.M), (command, verb)
    assert {command for command, _ in entries} <= set(known)


@pytest.mark.parametrize("command", sorted(commands()))
def test_each_command_and_each_verb_says_how_it_is_used(command):
    """Walked: with -h each verb ends well and names itself."""
    for verb in sorted(commands()[command]) or [None]:
        done = sluice.ctl(command, *([verb] if verb else []), "-h")
        assert done.returncode == 0 and done.stdout.startswith(f"usage: sluicectl {command}"), (command, verb, done.stderr)
        assert not verb or re.search(rf"\b{verb}\b", done.stdout), (command, verb)
    if commands()[command]:
        assert sluice.ctl(command, "no-such-verb").returncode != 0


# ---- over HTTP ----

def routes():
    """(path, method) as the code has them; one that goes on is {id}."""
    rows = re.findall(r'^\t\{ "(/[^"]*)", HTTP_(GET|POST), ACCESS_', (TOP / "filter/api.c").read_text(), re.M)
    assert len(rows) >= 30
    return {(path + "{id}" if len(path) > 1 and path.endswith("/") else path, method) for path, method in rows}


def test_documents_and_messages_name_paths_that_there_are():
    paths = {path for path, _ in routes()}
    for path in DOCUMENTS + SOURCES:
        for found in re.findall(r"/api/v1(?:/[a-z]+)+", path.read_text()):
            assert found in paths or found + "/{id}" in paths, (path, found)


def test_each_path_is_described():
    described = set(re.findall(r"^  (/\S+):$", (TOP / "contrib/api.yaml").read_text(), re.M))
    api = {path for path, _ in routes() if path.startswith("/api/")}
    assert described == api
    manual = (TOP / "filter/man/sluiced.8.in").read_text()
    shown = set(re.findall(r"^\t\{ \"(/[^\"]*)\", \"|\{ \"(/[a-z]*)\", \"[A-Z]", (TOP / "filter/page/piece.c").read_text(), re.M))
    pages = {path for path, _ in routes() if not path.startswith("/api/") and "." not in path and path != "/metrics"}
    assert pages - {"/case/{id}"} == {a or b for a, b in shown}  # what is not in the navigation nobody finds
    assert "/metrics" in manual and "/api/v1" in manual


def test_each_path_answers(setup):
    """Walked, by GET and POST: nothing that is named is a hole."""
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "k1", "ed25519")
    port, tokens = net.free_port(), setup.folder / "tokens"
    s = setup.sluice(f'http 127.0.0.1:{port}\napi {{ tokens "{tokens}" }}\nstate {{ lmdb {setup.folder}/state }}\nsign {{ keys {keys.folder} }}\n'
                     "at message { rule sign sign when client.authenticated }\n", "_.k1._domainkey.example.org A 192.0.2.255\n")
    token = sluice.ctl("token", "add", "-c", s.conf, "admin", "admin").stdout.strip()
    web = Web(port, token)
    with setup.milter(s) as m:
        m.greet()
        m.message()
    case = s.cases()[-1].split("case=")[1].split()[0]
    for path, method in sorted(routes()):
        answer = web.ask(path.replace("{id}", case), method, b"" if method == "POST" else None)
        assert answer.status == 200 if method == "GET" else answer.status in (200, 400, 422), (path, method, answer.status)
        assert web.ask(path.replace("{id}", case), "GET" if method == "POST" else "POST", b"" if method == "GET" else None).status == 405, (path, method)
