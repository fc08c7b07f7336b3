# SPDX-License-Identifier: BSD-2-Clause
"""What the compiler and the linker do against faults is in each binary that is installed."""
import json
import os
import subprocess

import pytest
from support import elf, sluice

EXECUTABLES = [sluice.SLUICED, sluice.SLUICECTL, sluice.SCAN]
pytestmark = pytest.mark.skipif(sluice.sanitized(), reason="a build with sanitizers is not for use")


@pytest.mark.parametrize("path", [*EXECUTABLES, *sluice.SHARED_PLUGINS], ids=lambda path: path.name)
def test_binaries_are_hardened(path):
    assert elf.missing(path, executable=path in EXECUTABLES) == set()


@pytest.mark.parametrize("path", EXECUTABLES, ids=lambda path: path.name)
def test_calls_into_the_c_library_are_checked(path):
    assert elf.fortified(path)


def test_every_file_is_compiled_so():
    """What is not to be seen in a binary: Debian's own start files have no mark of -fcf-protection, and so nothing that is linked with them."""
    flags = ["-fstack-clash-protection", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=", *(["-fcf-protection"] if os.uname().machine == "x86_64" else [])]
    commands = [row for row in json.loads((sluice.BUILD / "compile_commands.json").read_text()) if "/tests/" not in row["file"] and "/tests/" not in row["output"]]
    assert len(commands) > 200
    for row in commands:
        for flag in flags:
            assert flag in row["command"], (row["file"], flag)


def test_what_is_not_hardened_is_seen(tmp_path):
    source = tmp_path / "soft.c"
    source.write_text('#include <string.h>\n#include <stdio.h>\nint main(int argc, char **argv)\n{\n\tchar buf[20];\n\tstrcpy(buf, argv[argc - 1]);\n\tputs(buf);\n\treturn 0;\n}\n')
    subprocess.run(["gcc", "-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fcf-protection=none", "-Wl,-z,norelro,-z,lazy,-z,execstack", "-o", tmp_path / "soft", source], check=True)
    assert {"PIE", "RELRO", "BIND_NOW", "a stack that is not executed", "stack protector"} <= elf.missing(tmp_path / "soft")
    assert not elf.fortified(tmp_path / "soft")
