# SPDX-License-Identifier: BSD-2-Clause
"""Who may include whom: folders of filter/ only those to their left, plugins only plugin.h, base and mail."""
import re
import subprocess

from support import sluice

ORDER = ["base", "mail", "case", "services", "tx", "policy", "engine", "milter", "daemon"]
# observe/case belongs below; what counts, keeps and shows cases serves the daemon and its edge
PLACES = {"filter/observe/case": "case", "filter/observe": "engine", "filter/ctl": "daemon", "filter/man": "daemon", "filter/page": "daemon", "filter/scan": "daemon"}


def layer(path):
    for prefix, name in PLACES.items():
        if path.startswith((prefix + ".", prefix + "/")):
            return name
    folder = re.match(r"filter/(\w+)/", path)
    return folder[1] if folder else "daemon"


def includes(folder):
    for path in sorted((sluice.TOP / folder).rglob("*.[ch]")):
        for line, name in re.findall(r'^(#include "([^"]+)")', path.read_text(), re.M):
            yield str(path.relative_to(sluice.TOP)), name, line


def test_folders_include_only_what_is_below_them():
    wrong = [f"{path}: {line}" for path, name, line in includes("filter")
             if name.startswith("filter/") and ORDER.index(layer(name)) > ORDER.index(layer(path))]
    assert not wrong, "\n".join(wrong)


def test_the_filter_knows_of_plugins_only_the_contract():
    wrong = [f"{path}: {line}" for path, name, line in includes("filter") if name.startswith("plugins/") and name != "plugins/plugin.h"]
    assert not wrong, "\n".join(wrong)


def test_plugins_know_the_contract_and_their_own_files():
    wrong = []
    for path, name, line in includes("plugins"):
        own = "/".join(path.split("/")[:2]) + "/"
        if not name.startswith(("plugins/plugin.h", "filter/base/", "filter/mail/", own)):
            wrong.append(f"{path}: {line}")
    assert not wrong, "\n".join(wrong)


def test_only_the_helper_reads_files_of_strangers():
    """In the daemon there is none of these libraries, and in the helper next to nothing of the daemon's."""
    libraries = ("<magic.h>", "<archive.h>", "<archive_entry.h>", "<seccomp.h>")
    users = {str(p.relative_to(sluice.TOP)) for p in sluice.TOP.glob("*/**/*.[ch]") if any(lib in p.read_text() for lib in libraries)}
    assert users and all(path.startswith("filter/scan/") for path in users), users
    known = ("config.h", "filter/base/", "filter/scan/", "filter/services/clock.h", "filter/services/scan_wire.h")
    wrong = [f"{path}: {line}" for path, name, line in includes("filter/scan") if not name.startswith(known)]
    assert not wrong, "\n".join(wrong)


def test_only_the_edge_speaks_the_milter_protocol():
    users = {path for path, name, _ in [*includes("filter"), *includes("plugins")] if name in ("filter/milter/protocol.h", "filter/milter/packet.h")}
    assert users and all(path.startswith("filter/milter/") for path in users), users


def test_the_numbers_of_the_protocol_are_libmilters():
    """What <libmilter/mfdef.h> and <libmilter/mfapi.h> define under the same name."""
    ours = sluice.TOP / "filter/milter/protocol.h"
    names = re.findall(r"(?m)^#define (SMFI[ACFMPR]\w+)", ours.read_text())

    def numbers(*headers):
        text = "".join(f"#include {header}\n" for header in headers) + "".join(f"\nNUMBER {name[1:]} {name}" for name in names)
        done = subprocess.run(["cc", "-E", "-P", "-"], input=text, capture_output=True, text=True, check=True)
        values = dict(re.findall(r"(?m)^NUMBER (\w+) (.*)$", done.stdout))
        return {name: ord(value.strip("' ()")) if "'" in value else int(value.strip(" ()").rstrip("uUlL"), 0) for name, value in values.items()}

    assert len(names) > 50 and numbers("<libmilter/mfapi.h>", "<libmilter/mfdef.h>") == numbers(f'"{ours}"')
