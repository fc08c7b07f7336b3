# SPDX-License-Identifier: BSD-2-Clause
"""sluiced and sluicectl as a test wants them: in a folder of its own, ended at the end."""
import json
import os
import pathlib
import re
import signal
import subprocess

from . import net

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", TOP / "build")).resolve()
SLUICED = BUILD / "sluiced"
SLUICECTL = BUILD / "sluicectl"
SCAN = BUILD / "filter/scan/sluice-scan"
# Names that exist and have nothing, unless a test's zone says more: so that no check waits for a resolver that is not there.
EMPTY_NAMES = ["_dmarc.net", "_dmarc.example.net", "_dmarc.org", "_dmarc.example.org", "example.net", "mail.example.net", "localhost", "1.100.51.198.in-addr.arpa",
               ".".join(reversed(f"{0x20010db8 << 96 | 7:032x}")) + ".ip6.arpa", *[f"{i}.2.0.192.in-addr.arpa" for i in (1, 2, 3, 66)]]
SHARED_PLUGINS = sorted((BUILD / "plugins").glob("sluice_*.so"))


def environment():
    env = dict(os.environ)
    # a probe that waits for DNS is left to the end of the process
    env.setdefault("TSAN_OPTIONS", "ignore_noninstrumented_modules=1:report_thread_leaks=0")
    env.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    return env


def sanitized():
    """Is this a build with a sanitizer: slower, and with an allocator that gives nothing back?"""
    binary = SLUICED.read_bytes()
    return b"__asan_init" in binary or b"__tsan_init" in binary


def plugin_lines(without=("libspf2", "opendkim")):
    """What a configuration needs so that plugins built as shared objects are there; of spf and libspf2 only one can be, as of dkim and opendkim."""
    paths = [path for path in SHARED_PLUGINS if path.stem.removeprefix("sluice_") not in without]
    return "".join(f'plugin "{path}"\n' for path in paths)


def ctl(*args, stdin=None):
    """Run sluicectl; the finished process with its text."""
    done = subprocess.run([str(SLUICECTL), *map(str, args)], input=stdin if stdin is not None else b"", capture_output=True,
                          env=environment(), timeout=net.PATIENCE_S, check=False)
    done.stdout = done.stdout.decode("utf-8", "replace")
    done.stderr = done.stderr.decode("utf-8", "replace")
    assert done.returncode >= 0 and "Sanitizer" not in done.stderr, done.stderr
    return done


def shipped(forward, local_domains="example.org", extra=""):
    """rules/sluice.conf as a site would fill it in: its domains, its resolver, a DNS list."""
    rules = TOP / "rules"
    text = (rules / "sluice.conf").read_text()
    text = re.sub(r"(?m)^(listen|user) .*$", "", text)
    text = re.sub(r"(?m) +optional (postfix|sendmail) .*$", "", text)  # a mail server of this machine is none of the test's
    text = re.sub(r"(?m)^(list local-domains +domain) .*$", rf"\1 [{local_domains}]", text)
    text = re.sub(r"(?m)^(list .*|include) +(file +)?([a-z/-]+(\.conf)?)$", lambda m: f"{m[1]} {m[2] or ''}{rules}/{m[3]}", text)
    text = text.replace("lmdb  /var/lib/sluice/state", "lmdb  state")
    text = text.replace("    # forward  127.0.0.1\n", f"    forward {forward}\n    timeout 30s\n")
    assert forward in text and local_domains in text
    return f"""authserv_id mx.example.org
stage_deadline 2s
{text}
dnsbl bl.example.net {{ weight 8 }}
{extra}"""


def case_lines(folder):
    """The cases that were written to this folder, in their order."""
    return [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


class Sluice:
    """One daemon. `config` is all of its configuration but the sockets."""

    without = ("libspf2", "opendkim")  # of the plugins that are shared objects
    inside = ()  # what it is started by: nsenter of another network

    def __init__(self, folder, config, zone="", listen=None, start=True):
        self.place(folder, listen)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write(config, zone)
        if start:
            self.start()

    @classmethod
    def from_folder(cls, folder):
        """Started with the sluice.conf that is there, which names the usual sockets."""
        s = cls.__new__(cls)
        s.place(folder, None)
        s.start()
        return s

    def place(self, folder, listen):
        self.folder = pathlib.Path(folder)
        self.conf = self.folder / "sluice.conf"
        self.socket = self.folder / "milter.sock"
        self.control = self.folder / "control.sock"
        self.listen = listen or f"unix:{self.socket}"
        self.log_file = self.folder / "log"
        self.zone_file = self.folder / "zone"
        self.process = None

    def write(self, config, zone=None):
        if zone is not None:
            self.zone_file.write_text(zone + "".join(f"_.{name} A 192.0.2.255\n" for name in EMPTY_NAMES))
        dns = "" if "dns {" in config else f'dns {{\n local_data "{self.zone_file}"\n forward 127.0.0.1@1\n timeout 500ms\n}}\n'
        scan = "" if "scan {" in config else f'scan {{ helper "{SCAN}" }}\n'
        self.conf.write_text(f'{plugin_lines(self.without)}listen {self.listen}\nsocket_mode 666\ncontrol "{self.control}"\n{dns}{scan}{config}')

    def start(self):
        before = len(self.log())
        with open(self.log_file, "ab") as log:
            self.process = net.start([*self.inside, SLUICED, "-c", self.conf], stdout=log, stderr=log, env=environment())
        net.wait_for(lambda: "is ready" in self.log()[before:] or self.process.poll() is not None, "sluiced to start")
        assert self.process.poll() is None, self.log()

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def cases(self):
        return [line for line in self.log().splitlines() if " case=" in line]

    def ctl(self, command, *args):
        return ctl(command, "-s", self.control, *args)

    def status(self):
        """The lines of `sluicectl status`."""
        done = self.ctl("status")
        assert done.returncode == 0, done.stderr
        return dict(line.split(" ", 1) for line in done.stdout.splitlines() if not line.startswith("switched_off"))

    def explain(self, ident):
        done = self.ctl("explain", "--json", ident)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def reload(self, config=None, zone=None):
        if config is not None:
            self.write(config, zone)
        return self.ctl("reload")

    def stop(self, sig=signal.SIGTERM):
        """End it; a sanitizer's complaint or a crash is an error."""
        if self.process:
            code = net.stop(self.process, sig)
            self.process = None
            assert code == 0, f"sluiced ended with {code}:\n{self.log()}"
            assert "Sanitizer" not in self.log(), self.log()
