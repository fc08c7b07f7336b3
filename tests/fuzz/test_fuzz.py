# SPDX-License-Identifier: BSD-2-Clause
"""Each fuzz target looks for inputs of its own for SLUICE_FUZZ_SECONDS, beginning with its seeds and with what earlier runs have found."""
import os
import pathlib
import re
import shlex
import subprocess

import pytest
from support import sluice

SECONDS = int(os.environ.get("SLUICE_FUZZ_SECONDS", "60"))
HERE = sluice.TOP / "tests/fuzz"
TARGETS = sorted(path for path in (sluice.BUILD / "tests/fuzz").glob("fuzz_*") if path.is_file())
INPUT_S = 30  # for one input; all are done in milliseconds on a machine that does nothing else
MEMORY_MB = 2048


def fuzz(target, seconds, corpus, found, *more):
    """None, or what is wrong, with the file that shows it again. What was worth keeping is in the folder `corpus`, what went wrong in `found`."""
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    argv = [str(target), f"-max_total_time={seconds}", f"-timeout={INPUT_S}", f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={found}/{target.name}-", "-print_final_stats=1",
            *map(str, more)]
    with (found / f"{target.name}.log").open("w+", errors="replace") as log:
        status = subprocess.run([*argv, str(corpus), *sorted(str(p) for p in seeds(target).parent.glob(seeds(target).name))], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                env=sluice.environment(), timeout=seconds + 600, check=False).returncode
        log.seek(0)
        said = log.read()
    if status == 0:
        assert int(re.search(r"stat::number_of_executed_units: +(\d+)", said)[1]) > 0, said
        return None
    kept = re.findall(r"Test unit written to (\S+)", said)
    how = f"it is shown again by: {shlex.join([str(target), kept[-1]])}" if kept else f"no file of it was kept; see {log.name}"
    return f"{target.name}: status {status}; {how}\n{said[-6000:]}"


def seeds(target):
    return HERE / "seeds" / target.name.removeprefix("fuzz_")


@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.name.removeprefix("fuzz_"))
def test_nothing_is_found(target):
    name = target.name.removeprefix("fuzz_")
    assert any(seeds(target).iterdir())
    wrong = fuzz(target, SECONDS, sluice.BUILD / "corpus" / name, sluice.BUILD / "found", f"-dict={HERE / name}.dict")
    assert wrong is None, wrong


def test_each_target_is_built():
    optional = {"libspf2_dns", "libspf2_guard", "opendkim_verify"}  # the libraries may be missing
    sources = {path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c")}
    built = {path.name.removeprefix("fuzz_") for path in TARGETS}
    assert len(built) > 50 and built <= sources and sources - built <= optional


@pytest.mark.parametrize("body, said", [
    ("if (size > 2 && data[0] == 'a') abort();", "deadly signal"),
    ("if (size > 2 && data[0] == 'a') return data[size];", "heap-buffer-overflow"),
    ("volatile int x = 2147483647; if (size > 2 && data[0] == 'a') x += 1;", "signed integer overflow"),
    ("static void *volatile kept; if (size > 2 && data[0] == 'a') { kept = malloc(77); kept = 0; }", "detected memory leaks"),
    ("if (size > 2 && data[0] == 'a') for (;;) ;", "timeout after"),
], ids=["abort", "read beyond", "undefined", "leak", "endless"])
def test_what_is_wrong_is_found_and_kept(tmp_path, body, said):
    """Of a target with a fault in it."""
    source, target = tmp_path / "fuzz_broken.c", tmp_path / "fuzz_broken"
    source.write_text(f"#include <stdint.h>\n#include <stdlib.h>\nint LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);\n"
                      f"int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n{{\n\t{body}\n\treturn 0;\n}}\n")
    subprocess.run(["clang", "-g", "-fsanitize=fuzzer,address,undefined", "-o", target, source], check=True)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "seed").write_bytes(b"a seed")
    wrong = fuzz(target, 60, corpus, tmp_path / "found", "-timeout=2")
    assert wrong and said in wrong, wrong
    kept = pathlib.Path(re.search(r"it is shown again by: \S+ (\S+)", wrong)[1])
    again = subprocess.run([target, "-timeout=2", kept], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                           env=sluice.environment(), timeout=60, check=False)
    assert again.returncode != 0 and said in again.stderr, again.stderr
