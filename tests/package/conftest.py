# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the packages share: the packages, built with no more than they declare, and machines to install them on. $SLUICE_PACKAGES is where what
takes long is kept: the smallest Debian, one that boots, and one with all that the build needs."""
import hashlib
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import container  # noqa: E402
from root import Root, bootstrap  # noqa: E402

TOP = pathlib.Path(__file__).parents[2]
KEPT = pathlib.Path(os.environ["SLUICE_PACKAGES"]).resolve()


class Packages:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        [path] = self.folder.glob(f"{name}_*.deb")
        return path


@pytest.fixture(scope="session")
def place():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-package-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def kept(name, make):
    """A tarball of a root that takes long to make; those of other contents go."""
    kind = name.rsplit("-", 1)[0]
    tar = KEPT / f"{name}.tar"
    if not tar.exists():
        fresh = KEPT / f"{name}.new"
        make(fresh)
        for old in KEPT.glob(f"{kind}-*.tar"):
            old.unlink()
        fresh.rename(tar)
    return tar


@pytest.fixture(scope="session")
def base():
    """What debian:bookworm-slim has."""
    KEPT.mkdir(exist_ok=True)
    return kept("base-1", bootstrap)


@pytest.fixture(scope="session")
def system(place, base):
    """With what a machine needs to boot."""
    why = Root(place / "probe", base).why_no_machine()
    if why:
        pytest.skip(f"no machine can be booted in a folder here: {why}")

    def make(tar):
        root = Root(place / "system", base)
        with root.no_services():
            root.apt("update")
            root.apt("install", "dbus", "iproute2", "procps", "python3", "systemd", "systemd-sysv")
        root.save(tar)
    return kept("system-1", make)


@pytest.fixture(scope="session")
def containers():
    return container.read(TOP / "contrib/container/Containerfile")


@pytest.fixture(scope="session")
def builder(place, base, containers):
    """The first stage of contrib/container, in which is what debian/control wants for the build, and no more. The packages are built without a network."""
    [*before, (copy, dots), (build, command)] = containers[0].steps
    assert (copy, dots, build) == ("COPY", ". .", "RUN")

    def make(tar):
        root = Root(place / "build-new", base)
        container.perform(root, before, TOP, {})
        root.save(tar)
    wanted = hashlib.sha256((TOP / "contrib/debian/control").read_bytes() + repr(before).encode()).hexdigest()[:16]
    root = Root(place / "build", kept(f"build-{wanted}", make))
    container.perform(root, [*[step for step in before if step[0] == "WORKDIR"], (copy, dots), (build, command)], TOP, {}, network=False)
    return root


@pytest.fixture(scope="session")
def packages(builder, place):
    folder = place / "packages"
    folder.mkdir()
    for path in builder.path("/build").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return Packages(folder)


@pytest.fixture(scope="session")
def machine(place, system, packages):
    """A function that makes one, with these packages of Debian's and what Sluice needs downloaded; booted. Ended after all tests."""
    made = []

    def make(name, *more, host="mx.example.org", boot=True):
        root = Root(place / name, system)
        made.append(root)
        shutil.copytree(packages.folder, root.path("/packages"))
        root.apt("update")
        root.apt("install", "--download-only", *more, *[f"/packages/{packages.path(name).name}" for name in ("sluice", "sluice-plugins-lua")])
        return root.boot(host) if boot else root
    yield make
    for root in made:
        root.stop()
