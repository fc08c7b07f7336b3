# SPDX-License-Identifier: BSD-2-Clause
"""The packages as such: what Debian's own tools say of them, and a plugin that is built against them."""
import re
import stat

import pytest
from conftest import TOP

from root import run
from support import elf


def contents(packages, name):
    return {line.split()[5].removeprefix("."): line.split()[0] for line in run("dpkg-deb", "-c", packages.path(name)).strip().split("\n")}


def test_lintian(packages):
    [changes] = packages.folder.glob("*.changes")
    said = run("lintian", "--allow-root", "--fail-on", "error,warning", "--info", changes)
    assert not re.search(r"^[EW]:", said, re.M), said


def test_what_is_in_them(packages):
    sluice, lua, dev = (contents(packages, name) for name in ("sluice", "sluice-plugins-lua", "sluice-dev"))
    for path in ("/usr/sbin/sluiced", "/usr/bin/sluicectl", "/usr/libexec/sluice/sluice-scan", "/etc/sluice/sluice.conf", "/etc/apparmor.d/usr.sbin.sluiced",
                 "/lib/systemd/system/sluice.service", "/lib/systemd/system/sluice-dkim-rotate@.timer", "/lib/systemd/system/sluice-dmarc-report.timer",
                 "/usr/lib/sysusers.d/sluice.conf", "/usr/lib/tmpfiles.d/sluice.conf", "/usr/share/man/man8/sluiced.8.gz"):
        assert path in sluice, path
    assert [path for path in lua if path.endswith("/sluice_lua.so")]
    assert {"/usr/include/sluice/plugin.h", "/usr/share/man/man3/sluice-plugin.3.gz"} <= set(dev) and [path for path in dev if path.endswith("/sluice-plugin.pc")]
    assert not [path for path in {**sluice, **lua, **dev} if path.startswith(("/usr/local", "/var", "/run", "/build"))]
    conffiles = set(run("dpkg-deb", "-I", packages.path("sluice"), "conffiles").split())
    assert conffiles == {path for path in sluice if path.startswith("/etc/") and not path.endswith("/")}
    assert {path.name.split("_")[0] for path in packages.folder.glob("*.deb")} == {"sluice", "sluice-dbgsym", "sluice-plugins-lua", "sluice-plugins-lua-dbgsym", "sluice-dev"}


def test_nothing_heavy_comes_with_the_daemon(packages):
    depends = run("dpkg-deb", "-f", packages.path("sluice"), "Depends")
    assert "liblua" not in depends and "liblua5.4-0" in run("dpkg-deb", "-f", packages.path("sluice-plugins-lua"), "Depends")
    assert not re.search(r"\b(postfix|sendmail|python3|debconf)\b", depends), depends


@pytest.mark.parametrize("unit", sorted(path.name for path in (TOP / "contrib/systemd").glob("*.service")))
def test_units(packages, place, unit):
    """What systemd finds fault with, and how much a unit could do to the machine."""
    root = place / "unpacked"
    if not root.exists():
        run("dpkg-deb", "-x", packages.path("sluice"), root)
    path = root / "lib/systemd/system" / unit.replace("@.", "@example.org.")
    if "@" in unit:
        path.write_bytes((root / "lib/systemd/system" / unit).read_bytes())
    (root / "bin").mkdir(exist_ok=True)
    text = path.read_text().replace("/usr/sbin/", f"{root}/usr/sbin/").replace("/usr/bin/", f"{root}/usr/bin/")
    path.write_text(re.sub(r"(?m)^(Documentation|User|Group|Before|After|Wants)=.*\n", "", text))  # of this machine, which has none of them
    assert run("systemd-analyze", "verify", "--man=no", path) == ""
    as_root = unit == "sluice-hold.service"  # which has its hands in the queue of the mail server
    said = run("systemd-analyze", "security", "--offline=true", f"--threshold={45 if as_root else 20}", path)
    assert "Overall exposure level" in said


def test_binaries_are_hardened(packages, place):
    """As dpkg's hardening=+all and our own build want it."""
    root = place / "hardened"
    for name in ("sluice", "sluice-plugins-lua"):
        run("dpkg-deb", "-x", packages.path(name), root)
    executables = [root / path for path in ("usr/sbin/sluiced", "usr/bin/sluicectl", "usr/libexec/sluice/sluice-scan")]
    [plugin] = root.glob("usr/lib/*/sluice/sluice_lua.so")
    for path in (*executables, plugin):
        assert elf.missing(path, executable=path in executables) == set(), path
    assert all(elf.fortified(path) for path in executables)


def test_the_apparmor_profile(packages, place):
    root = place / "profile"
    run("dpkg-deb", "-x", packages.path("sluice"), root)
    said = run("apparmor_parser", "--skip-kernel-load", "--skip-cache", root / "etc/apparmor.d/usr.sbin.sluiced")
    assert re.sub(r"(?m)^Cache read/write disabled.*\n", "", said) == "", said  # which a kernel without AppArmor makes it say
    assert stat.S_IMODE((root / "etc/apparmor.d/usr.sbin.sluiced").stat().st_mode) == 0o644


def test_a_plugin_is_built_against_them(builder, packages):
    """debian/tests/plugin, on the machine that has built the packages; before that, without the one that has Lua."""
    with builder.no_services():
        builder.apt("update")
        builder.apt("install", *[f"/packages/{packages.path(name).name}" for name in stage(builder, packages, "sluice", "sluice-dev")])
        builder.path("/tmp/lua.conf").write_text("plugin lua\n")
        assert "/tmp/lua.conf:1:8: plugin lua is not installed: it is in the package sluice-plugins-lua" in builder.chroot("sluiced", "-t", "-c", "/tmp/lua.conf", status=78)
        builder.path("/tmp/lua.conf").write_text("lua x { script x.lua }\n")
        assert "lua is a plugin that is not loaded: write 'plugin lua' above" in builder.chroot("sluiced", "-t", "-c", "/tmp/lua.conf", status=78)
        builder.apt("install", *[f"/packages/{packages.path(name).name}" for name in stage(builder, packages, "sluice-plugins-lua")])
    said = builder.chroot("/build/sluice/debian/tests/plugin")
    assert re.search(r"mailback\.by +null-mx", said) and re.search(r"greeting\.short +no", said)


def stage(root, packages, *names):
    root.path("/packages").mkdir(exist_ok=True)
    for name in names:
        root.path(f"/packages/{packages.path(name).name}").write_bytes(packages.path(name).read_bytes())
    return names
