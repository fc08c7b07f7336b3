# SPDX-License-Identifier: BSD-2-Clause
"""What the system knows of a process: its descriptors, its processor time, its memory."""
import os
import re


def descriptor_numbers(process):
    return [int(name) for name in os.listdir(f"/proc/{process.pid}/fd")]


def descriptors(process):
    return len(descriptor_numbers(process))


def threads(process):
    return {int(name) for name in os.listdir(f"/proc/{process.pid}/task")}


def cpu_s(process):
    fields = open(f"/proc/{process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def virtual_bytes(process):
    return int(open(f"/proc/{process.pid}/statm", encoding="ascii").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def own_kib(process):
    """Memory in use that is no file's."""
    return int(re.search(r"^Pss_Anon:\s+(\d+)", open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii").read(), re.M)[1])
