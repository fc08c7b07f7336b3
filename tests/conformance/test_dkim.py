# SPDX-License-Identifier: BSD-2-Clause
"""Messages that are made up, before four verifiers: plugins/dkim, plugins/opendkim, libopendkim by itself, and python3-dkim.

Where they differ, `dkim-differences` says who is right and why; and each row there has a message that shows it.
"""
import binascii
import pathlib
import re
import struct
import subprocess
import time

import dkim
import pytest
from support import dkim_corpus, sluice

VOICES = ["dkim", "opendkim", "libopendkim", "python3-dkim"]
PROGRAM = sluice.BUILD / "tests/conformance/dkim_voices"
DIFFERENCES = pathlib.Path(__file__).parent / "dkim-differences"
SEED = 1
LEAST = 2000  # messages

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not here: it is built where libopendkim is")


def word(result):
    """RFC 8601 has more words than the three voices have in common."""
    result = result.split(":")[0]
    return "error" if result in ("permerror", "neutral", "policy") else result


def string(octets):
    return struct.pack(">I", len(octets)) + octets


def ask_ours(messages):
    """The answers of dkim_voices, one for each: three of them, each a list of "RESULT: why"."""
    zone = {name: records for *_, by_name in messages for name, records in by_name.items()}
    stdin = b"".join(string(name) + b"".join(map(string, records)) + string(b"") for name, records in zone.items()) + string(b"")
    stdin += b"".join(string(b"%d" % chunk) + string(octets) for _, _, octets, chunk, _ in messages)
    done = subprocess.run([PROGRAM, str(int(time.time()))], input=stdin, capture_output=True, env=sluice.environment(), check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [[voice.split("|") for voice in line.split("\t")] for line in done.stdout.decode().splitlines()]


def ask_python(octets, records, count):
    """It knows a pass and no pass: of a key that is not there and of another body it says the same."""
    def txt(name, timeout=5):
        found = records.get(name.rstrip(b".").lower(), [b""])
        if found == [b"SERVFAIL"]:
            raise dkim.DnsTimeoutError
        return found[0]  # it takes the first of several

    def verify(i):
        try:
            return "pass" if dkim.DKIM(octets).verify(idx=i, dnsfunc=txt) else "no"
        except (dkim.DKIMException, binascii.Error):
            return "no"
        except Exception:  # what it did not mean to raise
            return "crash"
    return [verify(i) for i in range(count)]


def differ(results):
    *c, python = (result.split("+") for result in results)
    return len(set(map(tuple, c))) > 1 or python != ["pass" if result == "pass" else "no" for result in c[0]]


def differences():
    """{(kind, the four results): explanation}"""
    rows, heads = {}, []
    for line in DIFFERENCES.read_text().splitlines():
        if line.startswith("    "):
            for key in heads:
                rows[key] = (rows[key] + " " + line.strip()).strip()
        elif line and not line.startswith("#"):
            name, results = line.rsplit(": ", 1)
            key = (name, tuple(results.split()))
            assert len(key[1]) == len(VOICES) and key not in rows, line
            heads = [] if heads and rows[heads[-1]] else heads
            heads.append(key)
            rows[key] = ""
    return rows


class Told:
    """What all voices say of all messages."""

    def __init__(self):
        self.messages = list(dkim_corpus.corpus(SEED))
        self.rows = []  # (kind, what is right, the four results, whys)
        for (name, want, octets, _, records), ours in zip(self.messages, ask_ours(self.messages), strict=True):
            results = ["+".join(map(word, voice)) for voice in ours] + ["+".join(ask_python(octets, records, want.count("+") + 1))]
            self.rows.append((name, want, tuple(results), ours))


@pytest.fixture(scope="module")
def told():
    return Told()


def test_there_are_enough(told):
    assert len(told.messages) >= LEAST


def test_ours_is_right_by_the_rfc(told):
    wrong = [f"{name}: {results[0]}, and not {want}: {ours[0]}" for name, want, results, ours in told.rows if results[0] != want]
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_every_difference_is_explained(told):
    rows = differences()
    wrong = {(name, results, str(ours)) for name, _, results, ours in told.rows if differ(results) and (name, results) not in rows}
    assert not wrong, "\n".join(sorted(f"{name}: {' '.join(results)}\n    {ours}" for name, results, ours in wrong))


def test_every_explanation_is_needed(told):
    shown = {(name, results) for name, _, results, _ in told.rows}
    stale = [f"{name}: {' '.join(results)}" for name, results in differences() if (name, results) not in shown]
    assert not stale, "\n".join(stale)


def test_explanations_name_who_is_right_and_by_what():
    for (name, results), text in differences().items():
        assert re.match(r"(dkim|opendkim|libopendkim|python3-dkim|all|nobody)\b", text) and "RFC" in text, (name, results, text)
