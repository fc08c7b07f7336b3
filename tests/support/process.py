# SPDX-License-Identifier: BSD-2-Clause
"""What the system knows of a process: its descriptors, its processor time, its memory."""
import os


def descriptor_numbers(process):
    return [int(name) for name in os.listdir(f"/proc/{process.pid}/fd")]


def descriptors(process):
    return len(descriptor_numbers(process))


def cpu_s(process):
    fields = open(f"/proc/{process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kb(process):
    for line in open(f"/proc/{process.pid}/status", encoding="ascii"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("it has no VmRSS")
