# SPDX-License-Identifier: BSD-2-Clause
"""A Debian of a folder's own: made of the packages that apt is set up for on this machine, entered by chroot, or booted in namespaces of its own."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

PATIENCE_S = 300
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
NSPAWN = ["systemd-nspawn", "--quiet", "--private-network", "--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]
# Every mount is of the command's own mount namespace, so that none is left in a folder that is removed.
ENTER = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'


class Failed(AssertionError):
    pass


def run(*argv, status=0, **more):
    """Its output, stderr among it. status: None, whichever."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False, text=True, errors="replace",
                          **{"stdin": None if "input" in more else subprocess.DEVNULL, **more})
    if status is not None and done.returncode != status:
        raise Failed(f"{' '.join(map(str, argv))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def sources():
    """Debian's, as apt has them on this machine, in lines for another one."""
    rows = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages", "Origin: Debian").split("\n")
    found = sorted({tuple(row.split()) for row in rows if row}, key=lambda row: row[1])
    assert found, "apt knows no source of Debian: apt-get update?"
    return [f"deb {site} {suite} {component}" for site, suite, component in found]


def apt_settings():
    """How apt reaches them."""
    return [line for line in run("apt-config", "dump").split("\n") if re.match(r"Acquire::(\S*[Pp]roxy\S*|Retries|https?::Verify\S*) ", line) and not line.endswith('"";')]


def bootstrap(tar):
    """The smallest Debian, as a tarball."""
    suite = next(line.split()[2] for line in sources() if "-" not in line.split()[2])
    run("mmdebstrap", "--variant=minbase", "--include=ca-certificates", "--format=tar", *[f"--aptopt={line}" for line in apt_settings()], suite, tar, *sources())


class Root:
    def __init__(self, folder, tar):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        run("tar", "-C", self.folder, "-xf", tar)
        self.process = self.leader = None

    def save(self, tar):
        self.apt("clean")
        run("tar", "-C", self.folder, "-cf", tar, ".")

    def path(self, name):
        return self.folder / str(name).lstrip("/")

    def chroot(self, *argv, network=False, status=0, env=None, cwd="/"):
        """While it is not booted. With the network only for what downloads."""
        assert self.process is None
        if network:
            shutil.copy("/etc/resolv.conf", self.path("/etc/resolv.conf"))
        try:
            return run("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--uts", "--ipc", *([] if network else ["--net"]),
                       "sh", "-c", ENTER, self.folder, "sh", "-c", 'cd "$0" && exec "$@"', cwd, *argv, status=status, env=ENVIRONMENT | (env or {}))
        finally:
            if network:
                self.path("/etc/resolv.conf").unlink()

    def why_no_machine(self):
        """What systemd-nspawn says where it may not make namespaces, as in most containers; "": it may."""
        done = subprocess.run([*NSPAWN, "--directory", str(self.folder), "/bin/true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return "" if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"

    @contextlib.contextmanager
    def no_services(self):
        policy = self.path("/usr/sbin/policy-rc.d")
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        try:
            yield
        finally:
            policy.unlink()

    def apt(self, *args, **more):
        return self.chroot("apt-get", "-y", "--no-install-recommends", "-o", "APT::Sandbox::User=root", *args, **{"network": True, **more})

    def boot(self, name):
        """With systemd as its first process, and no network but its own loopback."""
        self.path("/etc/hostname").write_text(f"{name}\n")
        self.path("/etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name} {name.split('.')[0]}\n::1 localhost\n")
        console = open(self.folder.with_suffix(".console"), "wb")  # noqa: SIM115: nspawn's for as long as it runs
        with console:
            self.process = subprocess.Popen([*NSPAWN, "--boot", "--directory", str(self.folder), f"--machine={name.split('.')[0]}", f"--hostname={name}"],
                                            stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        try:
            self.wait(self._find_leader, "systemd to begin")
            self.wait(lambda: self.run("systemctl", "is-system-running", status=None).strip() in ("running", "degraded"), "the system to have started")
        except BaseException:
            self.stop()
            raise
        return self

    def wait(self, condition, what, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None and time.monotonic() < end, f"no more waiting for {what}:\n{self.folder.with_suffix('.console').read_text(errors='replace')[-3000:]}"
            time.sleep(0.05)
        return found

    def _find_leader(self):
        """The process that is 1 in there."""
        pids = [self.process.pid]
        for pid in pids:
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                if re.search(r"^NSpid:\s+\d+\s+1$", status, re.M) and re.search(r"^Name:\s+systemd$", status, re.M):
                    self.leader = pid
                    return True
                pids += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return False

    def run(self, *argv, status=0, **more):
        """While it is booted."""
        return run("nsenter", "-t", self.leader, "--all", "--root", "--wd", *argv, status=status, env=ENVIRONMENT, **more)

    def sh(self, script, status=0):
        return self.run("sh", "-ec", script, status=status)

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)  # nspawn shuts the system down
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = self.leader = None

    def files(self):
        """Name, kind, mode and owner of all that is there, without what is mounted or of the kernel."""
        skipped = {"proc", "sys", "dev", "run", "tmp"}
        found = {}
        for folder, folders, names in os.walk(self.folder):
            if pathlib.Path(folder) == self.folder:
                folders[:] = [f for f in folders if f not in skipped]
            for name in folders + names:
                path = pathlib.Path(folder, name)
                st = path.lstat()
                found[str(path.relative_to(self.folder))] = (st.st_mode, st.st_uid, st.st_gid)
        return found
