# SPDX-License-Identifier: BSD-2-Clause
"""contrib/container, without a program that builds images: the steps of the Containerfile are done in folders, its commands run in a network of their own with no
way out, and mail goes through the services of compose.yaml."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import container
import pytest
import yaml
from conftest import TOP

from root import ENVIRONMENT, Root, run

HERE = TOP / "contrib/container"
SEND = """
import smtplib, sys
with smtplib.SMTP("127.0.0.1", 25, local_hostname="mail.example.net", timeout=60) as c:
    c.sendmail("a@example.net", ["root@example.org"], "From: a@example.net\\nSubject: a test\\n\\nhello\\n")
"""


class Network:
    """A network of its own with nothing but loopback, where the containers run beside one another."""

    def __init__(self):
        self.processes = []
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "up\n"

    def inside(self, root, user, argv):
        """As a container has it: a process tree, names and mounts of its own, the user of the image, no rights beyond it."""
        drop = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        mounts = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
        return ["nsenter", "-t", str(self.holder.pid), "--net", "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--uts", "--ipc",
                "sh", "-c", mounts, str(root.folder), *drop, *argv]

    def start(self, root, user, argv):
        log = open(root.folder.with_suffix(".log"), "ab")  # noqa: SIM115: the process's
        with log:
            process = subprocess.Popen(self.inside(root, user, argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT)
        self.processes.append(process)
        return process

    def exec(self, root, user, argv, status=0):
        """As the engine does it: in the namespaces of the process that runs there."""
        return run(*self.inside(root, user, argv), status=status, env=ENVIRONMENT)

    @staticmethod
    def stop(process):
        """As the engine does it: the first process in there is asked, and then not asked any more. unshare, before it, hears no SIGTERM."""
        with contextlib.suppress(OSError, IndexError):
            os.kill(int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]), signal.SIGTERM)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def end(self):
        for process in reversed(self.processes):
            self.stop(process)
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


def until(condition, what, log, process=None):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end and (process is None or process.poll() is None), f"no more waiting for {what}:\n{log.read_text(errors='replace')}"
        time.sleep(0.1)


@pytest.fixture
def network():
    n = Network()
    yield n
    n.end()


@pytest.fixture(scope="module")
def images(place, base, builder, packages, containers):
    """The folders of the images by the names of their stages, "" the last one."""
    made = {"build": builder}
    for stage in containers[1:]:
        root = Root(place / f"image-{stage.name or 'sluice'}", base)
        container.perform(root, stage.steps, TOP, made)
        root.path("/etc/hosts").write_text("127.0.0.1 localhost sluice redis postfix\n")
        made[stage.name] = root
    return made


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((HERE / "compose.yaml").read_text())


def test_the_containerfile_is_clean(containers):
    assert container.complaints(containers) == []
    assert {stage.base for stage in containers} == {"debian:bookworm-slim"}


@pytest.mark.parametrize("text, complaint", [
    ("FROM debian:latest\nUSER x\nHEALTHCHECK CMD [\"x\"]\nCMD [\"x\"]\n", "another one tomorrow"), ("FROM debian:12\nUSER x\nHEALTHCHECK CMD [\"x\"]\nCMD x\n", "a shell is not process 1"),
    ("FROM debian:12\nHEALTHCHECK CMD [\"x\"]\nCMD [\"x\"]\n", "it runs as root"), ("FROM debian:12\nUSER x\nCMD [\"x\"]\n", "no health check"),
    ("FROM debian:12\nRUN apt-get install x\nUSER x\nHEALTHCHECK CMD [\"x\"]\nCMD [\"x\"]\n", "no recommends"),
    ("FROM debian:12\nCOPY --from=nowhere a b\nUSER x\nHEALTHCHECK CMD [\"x\"]\nCMD [\"x\"]\n", "no such stage")])
def test_a_linter_that_finds_something(tmp_path, text, complaint):
    (tmp_path / "file").write_text(text)
    assert complaint in "".join(container.complaints(container.read(tmp_path / "file")))


def test_compose_is_well_formed(compose, containers):
    known = {"build", "image", "hostname", "ports", "volumes", "depends_on", "read_only", "tmpfs", "cap_drop", "security_opt", "stop_grace_period", "command"}
    assert set(compose) == {"services", "volumes"} and set(compose["services"]) == {"postfix", "sluice", "redis"}
    named = set()
    for name, service in compose["services"].items():
        assert set(service) <= known and ("build" in service) != ("image" in service), name
        if "build" in service:
            assert (HERE / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == HERE / "Containerfile"
            assert service["build"].get("target", "") in {stage.name for stage in containers}
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (HERE / source).exists() if source.startswith(".") else source in compose["volumes"], volume
            named |= {source} - {volume.split(":")[0] for volume in [volume] if source.startswith(".")}
        assert set(service.get("depends_on", [])) <= set(compose["services"])
    assert named == set(compose["volumes"])
    assert compose["services"]["sluice"]["stop_grace_period"] == "40s", "longer than drain, 30s"


def test_the_image_runs_and_is_healthy(images, containers, network):
    image, root = containers[-1], images[""]
    check = container.health_check(image)
    assert network.exec(root, image.user(), check, status=None).count("no daemon") == 1
    daemon = network.start(root, image.user(), image.command())
    log = root.folder.with_suffix(".log")
    until(lambda: "is ready: listening on inet:8891" in log.read_text(), "sluiced", log, daemon)
    assert "listen inet:8891" in network.exec(root, image.user(), check)
    assert network.stop(daemon) == 0


def mount(root, service):
    """What compose.yaml mounts of this folder."""
    for volume in service.get("volumes", []):
        source, target = volume.split(":")[:2]
        if source.startswith("."):
            shutil.copy(HERE / source, root.path(target))
        else:
            root.path(target).mkdir(exist_ok=True)


def test_a_message_goes_through_the_services(images, containers, compose, network, place, base):
    stages = {stage.name: stage for stage in containers}
    services = compose["services"]
    redis = Root(place / "image-redis", base)
    with redis.no_services():
        redis.apt("update")
        redis.apt("install", "redis-server")
    roots = {"redis": redis, "sluice": images[""], "postfix": images["postfix"]}
    for name, root in roots.items():
        mount(root, services[name])
    process = network.start(redis, "root", services["redis"]["command"])
    until(lambda: "Ready to accept connections" in redis.folder.with_suffix(".log").read_text(), "Redis", redis.folder.with_suffix(".log"), process)
    sluice, log = roots["sluice"], roots["sluice"].folder.with_suffix(".log")
    assert "good" in network.exec(sluice, "sluice", ["sluiced", "-t"])
    began = len(log.read_text())
    process = network.start(sluice, stages[""].user(), stages[""].command())
    until(lambda: "is ready" in log.read_text()[began:], "sluiced", log, process)
    until(lambda: "good  store" in network.exec(sluice, "sluice", ["sluicectl", "doctor"], status=None), "the store", log)
    mail_log = roots["postfix"].folder.with_suffix(".log")
    process = network.start(roots["postfix"], "root", stages["postfix"].command())
    until(lambda: "daemon started" in mail_log.read_text(), "Postfix", mail_log, process)
    run("nsenter", "-t", network.holder.pid, "--net", "/usr/bin/python3", "-c", SEND)
    until(lambda: "to=<root@example.org>" in log.read_text(), "the case", log)
    case = re.search(r"case=(\w+) .*verdict=accept .*to=<root@example.org>", log.read_text())
    assert case and "a@example.net" in network.exec(sluice, "sluice", ["sluicectl", "explain", case[1]])
    until(lambda: re.search(r"to=<root@example.org>.*status=sent", mail_log.read_text()), "the delivery", mail_log)
