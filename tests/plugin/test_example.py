# SPDX-License-Identifier: BSD-2-Clause
"""contrib/example-plugin, as its author would build it: out of the tree, against what is installed. And others that are not as they should be."""
import os
import re
import shutil
import subprocess

import pytest
from support import milter, net, sluice

EXAMPLE = sluice.TOP / "contrib/example-plugin"
ABI = int(re.search(r"#define SLUICE_PLUGIN_ABI (\d+)", (sluice.TOP / "plugins/plugin.h").read_text())[1])
ZONE = """good.example MX 10 mx.good.example
mx.good.example A 192.0.2.20
inside.example MX 10 a.inside.example
inside.example MX 20 b.inside.example
a.inside.example A 10.1.2.3
b.inside.example AAAA fe80::1
silent.example MX TIMEOUT
silent.example A 192.0.2.9
addressed.example A 192.0.2.9
nothing.example TXT hello
null.example MX 0 .
gone.example CNAME nowhere.gone.example
"""
RULES = """authserv_id mx.example.org
stage_deadline 300ms
mailback { hosts 3 }
at rcpt {
    rule no-way-back  reject "550 5.1.8 {mail.domain} takes no mail ({mailback.by})"  when mailback.by in [null-mx no-domain]
    rule unreachable  reject "550 5.1.8 {mail.domain} is out of reach ({mailback.by})"  when mailback.unreachable
    rule unknown      tempfail "451 4.4.3 ask me later"  when mailback.outcome == temperror
}
"""


def run(*argv, **more):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=4 * net.PATIENCE_S, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(shared_setup):
    """A folder with the header and the .pc of an installed Sluice, and the environment in which pkg-config finds them."""
    root = shared_setup.folder / "root"
    run("meson", "install", "-C", sluice.BUILD, "--no-rebuild", "--tags", "devel", "--destdir", root)
    found = next(root.rglob("sluice-plugin.pc"))
    return root, {**os.environ, "PKG_CONFIG_LIBDIR": str(found.parent), "PKG_CONFIG_SYSROOT_DIR": str(root), "CC": "cc"}


@pytest.fixture(scope="module")
def mailback(installed):
    root, env = installed
    source = root / "example"
    shutil.copytree(EXAMPLE, source)
    run("meson", "setup", source / "build", source, "--werror", env=env)
    run("ninja", "-C", source / "build", env=env)
    return source / "build/sluice_mailback.so"


def compiled(installed, folder, name, text, header=lambda text: text):
    """A plugin of the text; header may change what it is built against."""
    root, env = installed
    flags = run("pkg-config", "--cflags", "sluice-plugin", env=env).split()
    own = folder / "include/sluice"
    own.mkdir(parents=True, exist_ok=True)
    own.joinpath("plugin.h").write_text(header(next(root.rglob("sluice/plugin.h")).read_text()))
    folder.joinpath(f"{name}.c").write_text(text)
    out = folder / f"sluice_{name}.so"
    run("cc", "-shared", "-fPIC", f"-I{folder / 'include'}", *flags, "-o", out, folder / f"{name}.c")
    return out


def test_pkg_config_says_where_and_which(installed):
    _, env = installed
    assert int(run("pkg-config", "--variable=abi", "sluice-plugin", env=env)) == ABI
    assert run("pkg-config", "--variable=plugindir", "sluice-plugin", env=env).strip().endswith("/sluice")


@pytest.mark.parametrize("domain, answer", [
    ("good.example", None), ("addressed.example", None), ("nothing.example", "550 5.1.8 nothing.example is out of reach (nothing)"),
    ("inside.example", "550 5.1.8 inside.example is out of reach (mx)"), ("gone.example", "550 5.1.8 gone.example takes no mail (no-domain)"),
    ("null.example", "550 5.1.8 null.example takes no mail (null-mx)"), ("silent.example", "451 4.4.3 ask me later")])
def test_its_facts_act_in_a_dialogue(setup, mailback, domain, answer):
    s = setup.sluice(f'plugin "{mailback}"\n{RULES}', ZONE)
    m = setup.milter(s)
    m.greet()
    assert m.mail(f"<a@{domain}>").kind == milter.CONTINUE
    got = m.rcpt()
    assert got.text.split(" (ref=")[0] == (answer or ""), got


def test_plugins_by_name(tmp_path):
    """One that is built in is there; of one that is not, it is said what to install."""
    conf = tmp_path / "conf"
    shared = [path.stem.removeprefix("sluice_") for path in sluice.SHARED_PLUGINS]
    for text, said in [("plugin nowhere", "plugin nowhere is not installed: there is no /"),
                       ("plugin relay", "plugin relay is not installed: it is in the package sluice-plugins-relay" if "relay" in shared else None),
                       ("plugin ../x.so", "a plugin is named by a word or by its absolute path"),
                       ("bayes words { }\n", "bayes is a plugin that is not loaded: write 'plugin bayes' above" if "bayes" in shared else "bayes needs a store"),
                       ("at rcpt { rule r score 1 when relay.attempt }\nlist local-domains domain [a.example]\n",
                        "relay.attempt is a fact of a plugin that is not loaded: write 'plugin relay' above" if "relay" in shared else None)]:
        conf.write_text(f"authserv_id mx.example.org\n{text}\n")
        done = subprocess.run([sluice.SLUICED, "-t", "-c", conf], capture_output=True, text=True, env=sluice.environment(), check=False)
        assert (done.returncode, said in done.stderr if said else "good" in done.stdout) == (78 if said else 0, True), (text, done)


def test_check_shows_it(mailback, tmp_path):
    conf, zone = tmp_path / "conf", tmp_path / "zone"
    conf.write_text(f'{sluice.plugin_lines()}plugin "{mailback}"\n{RULES}')
    zone.write_text(ZONE)
    done = sluice.ctl("check", "-c", conf, "--zone", zone, "--client=192.0.2.1", "--helo=mail.example.net", "--from=a@inside.example", "--rcpt=u@example.org")
    assert re.search(r"mailback\.by +mx\b", done.stdout) and re.search(r"mailback\.unreachable +yes", done.stdout), done.stdout
    assert "mailback.hosts 3" in sluice.ctl("config", "show", "-c", conf).stdout.replace("  ", " ")


MINIMAL = """#include <sluice/plugin.h>
static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res) { (void)c; %s; return %s; }
static const struct sluice_fact facts[] = { { "wrong.fact", SLUICE_BOOL, 0, "a fact" }, { 0 } };
static const struct sluice_check checks[] = { { .name = "wrong", .stage = SLUICE_STAGE_MAIL, .run = run }, { 0 } };
SLUICE_PLUGIN(wrong) = { .abi = SLUICE_PLUGIN_ABI, .name = "wrong", .help = "wrong", .facts = facts, .checks = checks };
"""


@pytest.mark.parametrize("abi", [ABI - 1, ABI + 1, 0, -1])
def test_one_of_another_abi_is_refused_and_the_old_policy_kept(setup, installed, abi):
    built = compiled(installed, setup.folder / "other", "wrong", MINIMAL % ("(void)res", "SLUICE_DONE"),
                     lambda text: text.replace(f"#define SLUICE_PLUGIN_ABI {ABI}", f"#define SLUICE_PLUGIN_ABI ({abi})"))
    old = 'at mail { rule old reject "550 5.7.1 old" when mail.from == a@example.net }\n'
    s = setup.sluice(old)
    done = s.reload(f'plugin "{built}"\n')
    assert done.returncode != 0
    assert re.search(rf"sluice\.conf:\d+:\d+: .*plugin built for ABI {abi}, this is ABI {ABI}: build it anew", done.stderr), done.stderr
    m = setup.milter(s)
    m.greet()
    assert m.mail().text.startswith("550 5.7.1 old")


def test_one_that_asks_for_ever_is_ended(setup, installed):
    asks = """static int n; char key[32]; (void)res;
        while (sluice_ask_store(c, &(struct sluice_store_op){ .verb = SLUICE_STORE_PUT, .key = key, .key_len = (size_t)__builtin_sprintf(key, "wrong%d", n++),
            .put = { "x", 1, 60000 } }))
            ; /* until one has no answer yet */"""
    built = compiled(installed, setup.folder / "other", "wrong", MINIMAL % (asks, "SLUICE_PENDING"))
    s = setup.sluice(f'plugin "{built}"\nstage_deadline 60s\nstate {{ lmdb {setup.folder}/state }}\n'
                     'at rcpt { rule r tempfail "451 4.7.1 no" when wrong.outcome == temperror }\n')
    m = setup.milter(s)
    m.greet()
    assert m.message().text.startswith("451 4.7.1 no")
    assert "it has asked for ever and came to no end" in s.log()


@pytest.mark.parametrize("does, outcome, why", [
    ("sluice_set_text(res, 77, \"x\", 1)", "SLUICE_DONE", "it sets a fact that is not its own"),
    ("sluice_set_enum(res, 0, 5)", "SLUICE_DONE", "it sets a fact to a value of another type"),
    ("(void)res", "77", "its run() returned an outcome that does not exist"),
    ("(void)res", "SLUICE_PENDING", "it waits for an answer to nothing that it has asked")])
def test_one_that_does_nonsense_is_a_temperror_and_mail_goes_on(setup, installed, does, outcome, why):
    built = compiled(installed, setup.folder / "other", "wrong", MINIMAL % (does, outcome))
    s = setup.sluice(f'plugin "{built}"\nstage_deadline 200ms\nat rcpt {{ rule r reject "550 5.7.1 no" when wrong.fact }}\n')
    m = setup.milter(s)
    m.greet()
    for _ in range(2):
        assert m.message().kind in (milter.ACCEPT, milter.CONTINUE)
    net.wait_for(lambda: len(s.cases()) == 2, "both cases")
    assert s.log().count(why) == 1, s.log()
    assert all(s.explain(re.search(r"case=(\S+)", line)[1])["facts"]["wrong.outcome"] == "temperror" for line in s.cases())
