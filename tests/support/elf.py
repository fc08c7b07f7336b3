# SPDX-License-Identifier: BSD-2-Clause
"""What a binary was linked with so that a fault in it is harder to use; as readelf shows it."""
import re
import subprocess


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True, check=True, timeout=60).stdout


def missing(path, executable=True):
    """The names of what is not there; an empty set is what it should be."""
    header, segments, dynamic, symbols = (readelf(option, path) for option in ("-h", "-l", "-d", "--dyn-syms"))
    stack = re.search(r"GNU_STACK .* (R\S*|\s)\s+0x", segments)
    found = {
        "PIE": re.search(r"Type: +DYN", header) and (not executable or re.search(r"FLAGS_1.*\bPIE\b", dynamic)),
        "RELRO": "GNU_RELRO" in segments,
        "BIND_NOW": re.search(r"\(FLAGS\).*\bBIND_NOW\b|FLAGS_1.*\bNOW\b", dynamic),
        "a stack that is not executed": stack and "E" not in stack[1],
        "no segment that is written and executed": not re.search(r"LOAD .* RWE ", segments),
        "no relocation in the text": "(TEXTREL)" not in dynamic,
        "stack protector": "__stack_chk_fail" in symbols,
    }
    return {name for name, there in found.items() if not there}


def fortified(path):
    """Are calls into the C library checked where the compiler knows the size?"""
    return bool(re.search(r"\b__\w+_chk@", readelf("--dyn-syms", path).replace("__stack_chk_fail", "")))
