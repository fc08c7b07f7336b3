# SPDX-License-Identifier: BSD-2-Clause
"""The names of character references (HTML, 13.5), which Python's library has, as rows of a C table in the order of their octets."""
import html.entities


def quoted(text):
    return '"' + "".join(f"\\{octet:03o}" for octet in text.encode()) + '"'


for name, text in sorted(html.entities.html5.items(), key=lambda item: item[0].encode()):
    print(f'{{ "{name}", {quoted(text)} }},')
