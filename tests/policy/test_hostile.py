# SPDX-License-Identifier: BSD-2-Clause
"""Configurations that nobody means well: too large, too deep, in a circle, no text. Each is refused with a place, and the old one stays."""
import pytest

from support import sluice

RULE = 'at mail { rule no reject "550 5.7.1 no" when mail.from == bad@example.net }\n'


def rules(count):
    return "at mail {\n" + "".join(f"rule r{i} score 1 when mail.domain == d{i}.example\n" for i in range(count)) + "}\n"


HOSTILE = {
    "100,000 rules": ({"sluice.conf": rules(100_000)}, "sluice.conf:4098:1: more than 4096 rules"),
    "10 MB of rules": ({"sluice.conf": "# " + "x" * 200 + "\n" + rules(200_000)}, "sluice.conf:4099:1: more than 4096 rules"),
    "20 MB": ({"sluice.conf": "# " + "x" * (20 << 20)}, "larger than"),
    "1,000 brackets": ({"sluice.conf": f"at mail {{ rule a accept when {'(' * 1000}mail.null{')' * 1000} }}"}, "more than 32 brackets within each other"),
    "a thousand times not": ({"sluice.conf": f"at mail {{ rule a accept when {'not ' * 1000}mail.null and mail.from == 5 5 }}"}, "sluice.conf:1:"),
    "a condition of 10,000 parts": ({"sluice.conf": "at mail { rule a accept when " + " or ".join(["mail.null"] * 10_000) + " }"},
                                    "a condition of more than 256 parts"),
    "conditions that double": ({"sluice.conf": "condition c0 { when port == 25 }\n" + "".join(f"condition c{i} {{ when c{i - 1} or c{i - 1} }}\n" for i in range(1, 100))},
                               "a condition of more than 256 parts"),
    "a circle": ({"sluice.conf": "include a.conf\n", "a.conf": "include b.conf\n", "b.conf": "include a.conf\n"}, "b.conf:1:9:"),
    "itself": ({"sluice.conf": "include sluice.conf\n"}, "is included a second time"),
    "100 files": ({"sluice.conf": "".join(f"include f{i}.conf\n" for i in range(100)), **{f"f{i}.conf": "" for i in range(100)}}, "more than 64 files"),
    "NULs": ({"sluice.conf": "at mail { rule a\0 accept }"}, "sluice.conf:1:"),
    "random octets": ({"sluice.conf": bytes(range(256)) * 100}, "sluice.conf:1:"),
    "a word without end": ({"sluice.conf": "x" * 2_000_000}, "a word longer than 1024 octets"),
    "a string without end": ({"sluice.conf": 'user "' + "x" * 2_000_000}, "sluice.conf:1:"),
    "a set of 5,000": ({"sluice.conf": f"at mail {{ rule a accept when port in [{' 1' * 5000} ] }}"}, "more than 1000 values"),
    "a folder": ({"sluice.conf": "include .\n"}, "sluice.conf:1:9:"),
    "no device": ({"sluice.conf": "include /dev/zero\n"}, "sluice.conf:1:9:"),
    "10,001 assertions": ({"sluice.conf": RULE + "".join(f'assert "{i}" {{ rcpt <u@example.org> expect accept }}\n' for i in range(10_001))}, "more than 10000 assertions"),
    "a plugin that is text": ({"sluice.conf": 'plugin "/FOLDER/sluice_x.so"\n', "sluice_x.so": "hello"}, "sluice_x.so"),
}


def write(folder, files):
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data.replace(b"/FOLDER", str(folder).encode()))
    return folder / "sluice.conf"


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_a_place(tmp_path, name):
    files, message = HOSTILE[name]
    done = sluice.ctl("config", "check", "-c", write(tmp_path, files))
    assert done.returncode == 78 and message in done.stderr, done.stderr[:500]
    assert len(done.stderr) < 2000 and all(c == "\n" or c.isprintable() for c in done.stderr), done.stderr[:500]


def test_mail_goes_on_by_the_old_policy(setup):
    s = setup.sluice(RULE)
    m = setup.milter(s)
    m.greet()
    for name in ("100,000 rules", "1,000 brackets", "random octets", "a circle"):
        files, message = HOSTILE[name]
        before = s.conf.read_bytes()
        write(s.folder, files)
        done = s.ctl("reload")
        assert done.returncode == 78 and message in done.stderr, name
        s.conf.write_bytes(before)
        assert m.message("<bad@example.net>").code == 550 and m.message().kind == "continue", name
    assert s.log().count("the old configuration stays") == 4
