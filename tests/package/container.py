# SPDX-License-Identifier: BSD-2-Clause
"""Containerfiles without a program that builds images: read, and their steps done in a folder by chroot."""
import dataclasses
import json
import pathlib
import re
import shlex
import shutil
import subprocess

from root import run

KNOWN = {"FROM", "RUN", "COPY", "WORKDIR", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}


@dataclasses.dataclass
class Stage:
    base: str
    name: str
    steps: list = dataclasses.field(default_factory=list)  # of (instruction, rest)

    def last(self, instruction):
        found = [rest for word, rest in self.steps if word == instruction]
        return found[-1] if found else None

    def command(self):
        return json.loads(self.last("CMD"))

    def user(self):
        return self.last("USER") or "root"


def read(path):
    """Its stages. What is not known here is an error."""
    text = re.sub(r"(?m)^\s*#.*\n", "", pathlib.Path(path).read_text()).replace("\\\n", " ")
    stages = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        word, rest = line.split(None, 1)
        assert word in KNOWN, line
        if word == "FROM":
            found = re.fullmatch(r"(\S+:\S+)(?: AS (\w+))?", rest)
            assert found, f"an image with its tag, and a name: {line}"
            stages.append(Stage(found[1], found[2] or ""))
        else:
            stages[-1].steps.append((word, rest.strip()))
    return stages


def complaints(stages):
    """What a reader of such files would find fault with."""
    found = []
    names = [stage.name for stage in stages]
    for stage in stages:
        if stage.base.endswith(":latest"):
            found.append(f"{stage.base} is another one tomorrow")
        for word, rest in stage.steps:
            if word == "RUN" and "apt-get install" in rest and not ("--no-install-recommends" in rest and "apt-get update &&" in rest and "/var/lib/apt/lists" in rest):
                found.append(f"apt: fresh lists, no recommends, and the lists removed: {rest}")
            if word == "COPY" and rest.startswith("--from=") and rest.split()[0][7:] not in names:
                found.append(f"there is no such stage: {rest}")
            if word == "CMD" and not rest.startswith("["):
                found.append(f"a shell is not process 1: {rest}")
    final = stages[-1]
    if final.user() == "root":
        found.append("it runs as root")
    if not final.last("HEALTHCHECK") or not final.last("CMD"):
        found.append("it has no command, or no health check")
    return found


def health_check(stage):
    return json.loads(stage.last("HEALTHCHECK").split(" CMD ", 1)[1])


def copy(root, rest, workdir, context, stages):
    words = shlex.split(rest)
    source = context
    if words[0].startswith("--from="):
        source = stages[words.pop(0)[7:]].folder
    *names, target = words
    into = root.path(target if target.startswith("/") else f"{workdir}/{target}")
    if names == ["."]:  # what git knows, in the place of .dockerignore
        into.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(["git", "-C", context, "ls-files", "-z"], stdout=subprocess.PIPE) as listed:
            run("tar", "-C", context, "--null", "--files-from=-", "--owner=0", "--group=0", "-cf", root.path("/tree.tar"), stdin=listed.stdout)
        run("tar", "-C", into, "-xf", root.path("/tree.tar"))
        root.path("/tree.tar").unlink()
        return
    for name in names:
        found = sorted(source.glob(name.lstrip("/")))
        assert found, f"there is nothing to copy: {rest}"
        for path in found:
            place = into / path.name if target.endswith("/") else into
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


def perform(root, steps, context, stages, network=True):
    workdir = "/"
    for word, rest in steps:
        if word == "WORKDIR":
            workdir = rest
            root.path(rest).mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            copy(root, rest, workdir, context, stages)
        elif word == "RUN":
            with root.no_services():
                root.chroot("sh", "-c", rest, cwd=workdir, network=network, env={"DEB_BUILD_OPTIONS": "parallel=2"})
        elif word == "VOLUME":
            root.path(rest).mkdir(parents=True, exist_ok=True)
