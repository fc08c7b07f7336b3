# SPDX-License-Identifier: BSD-2-Clause
"""header_page.py PAGE.in HEADER - run by the build: prints a manual page with the header in the place of its line @header@.

A comment at the left margin is text, with what it is about in a display below it; "/* ---- name ---- */" begins a section.
"""
import pathlib
import re
import sys

SKIPPED = re.compile(r"^#(ifndef|ifdef|endif|include|define SLUICE_PLUGIN_H)|^extern \"C\" \{$")


def escape(line):
    line = line.replace("\\", "\\e")
    return "\\&" + line if line.startswith((".", "'")) else line


def blocks(text):
    """The header cut at empty lines and at comments of the margin: ("text" | "code", its lines)."""
    found = re.split(r"^(/\*.*?\*/)$", text, flags=re.M | re.S)
    for i, piece in enumerate(found):
        if i % 2:
            yield "text", [re.sub(r"^ ?\*( |$)", "", line) for line in piece[2:-2].strip().splitlines()]
        else:
            code, within = [], 0
            for line in piece.splitlines():
                if re.match(r"#ifdef __cplusplus", line):
                    within = 1
                if not within and not SKIPPED.search(line):
                    code.append(line.expandtabs(8))
                if line == "#endif":
                    within = 0
            if any(code):
                yield "code", "\n".join(code).strip("\n").splitlines()


def page(header):
    for kind, lines in blocks(header):
        if kind == "code":
            yield from [".Bd -literal -offset 2n", *map(escape, lines), ".Ed"]
        elif lines[0].startswith("SPDX"):
            continue
        elif section := re.match(r"---- (.*) ----", lines[0]):
            yield f".Ss {section[1].capitalize()}"
        else:
            for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
                yield ".Pp"
                for sentence in re.split(r"(?<=[.:?])\s+(?=\S)", " ".join(paragraph.split())):
                    yield escape(sentence).replace("()", "\\&()")  # mandoc would have it marked up as a function


def main():
    template, header = (pathlib.Path(path).read_text() for path in sys.argv[1:])
    out = []
    for line in template.splitlines():
        out += page(header) if line == "@header@" else [line]
    kept = [line for i, line in enumerate(out)  # mdoc wants no paragraph before a display or after the head of a section
            if not (line == ".Pp" and (out[i - 1].startswith(".Ss") or out[i + 1].startswith((".Bd", ".Ss"))))]
    print("\n".join(kept))


main()
