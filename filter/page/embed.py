# SPDX-License-Identifier: BSD-2-Clause
"""embed.py FILE NAME - a file as a C array, on the standard output."""
import pathlib
import sys

octets = pathlib.Path(sys.argv[1]).read_bytes()
print("/* made by embed.py */")
print('#include "filter/page/assets.h"')
print(f"const unsigned char {sys.argv[2]}[] = {{")
for i in range(0, len(octets), 24):
    print("\t" + ", ".join(map(str, octets[i:i + 24])) + ",")
print("};")
print(f"const unsigned {sys.argv[2]}_len = {len(octets)};")
