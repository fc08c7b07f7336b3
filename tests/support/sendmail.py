# SPDX-License-Identifier: BSD-2-Clause
"""
A private Sendmail, as contrib/packages has unpacked it (Debian's package would put Postfix out): names of its own for host, users and
resolver in UTS and mount namespaces, and a network of its own in which it has the ports 25 and 587 and clients come from
the networks for documentation.
"""
import os
import pathlib
import smtplib
import socket
import subprocess
import threading

from . import net, sluice
from .mta import Mta

ROOT = pathlib.Path(os.environ.get("SLUICE_SENDMAIL", sluice.TOP / "build-sendmail"))
BINARY = ROOT / "usr/libexec/sendmail/sendmail"
CF = ROOT / "usr/share/sendmail/cf"
PASSWORD = "secret"

SENDMAIL_MC = """
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.org')dnl
define(`QUEUE_DIR', `{dir}/mqueue')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`STATUS_FILE', `')dnl
undefine(`ALIAS_FILE')dnl
define(`confCW_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confTO_IDENT', `0')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confMAX_RCPTS_PER_MESSAGE', `0')dnl
define(`confQUEUE_LA', `1000')dnl a busy machine is no reason to leave a message in the queue,
define(`confREFUSE_LA', `1000')dnl or to refuse a connection
define(`confSERVICE_SWITCH_FILE', `{dir}/service.switch')dnl
define(`confHOSTS_FILE', `{dir}/hosts')dnl
define(`confLOG_LEVEL', `10')dnl
define(`confAUTH_MECHANISMS', `PLAIN')dnl
define(`confAUTH_OPTIONS', `A')dnl
TRUST_AUTH_MECH(`PLAIN')dnl
{filter}
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`nocanonify')dnl
DAEMON_OPTIONS(`Name=MTA, Port=25, Addr=127.0.0.1')dnl
DAEMON_OPTIONS(`Name=MSA, Port=587, Addr=127.0.0.1, M=E')dnl
define(`LOCAL_MAILER_PATH', `{dir}/sink')dnl
define(`LOCAL_MAILER_ARGS', `sink $u')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `-Aw5:|')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
Cwexample.org mx.example.org
"""

# Within the namespaces. /dev is one with a log of ours; a prefix on the loopback interface is local as a whole.
START = """set -e
hostname mx.example.org
mount --bind {dir}/hosts /etc/hosts
mount --bind {dir}/resolv.conf /etc/resolv.conf
mount --bind {dir}/sasldb /etc/sasldb2
mkdir {dir}/dev
mount -t tmpfs tmpfs {dir}/dev
cp -a /dev/null /dev/zero /dev/random /dev/urandom {dir}/dev
touch {dir}/dev/log
mount --bind {dir}/log.sock {dir}/dev/log
mount --move {dir}/dev /dev
ip link set lo up
for net in 192.0.2.1/24 198.51.100.1/24 203.0.113.1/24; do ip addr add $net dev lo; done
exec {binary} -bD -C {dir}/sendmail.cf -q1s
"""


class Sendmail(Mta):
    """`milter` as INPUT_MAIL_FILTER's S= has it; flags T puts mail off when the filter is away, "" lets it through; one that is not attached asks nobody."""

    def __init__(self, folder, milter, flags="T", users=("alice",), attached=True):
        self.dir = pathlib.Path(folder)
        self.place_for_mail()
        (self.dir / "mqueue").mkdir(mode=0o700)
        (self.dir / "hosts").write_text("127.0.0.1 mx.example.org mx localhost\n")
        (self.dir / "service.switch").write_text("hosts files\n")
        (self.dir / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        for user in users:
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", self.dir / "sasldb", "-u", "mx.example.org", user], input=PASSWORD.encode(), check=True)
        self._listen_to_log()
        self._configure(milter, flags, attached)
        script = self.dir / "start"
        script.write_text(START.format(dir=self.dir, binary=BINARY))
        with open(self.dir / "out", "wb") as out:
            self.process = net.start(["unshare", "-u", "-m", "-n", "sh", script], stdout=out, stderr=out)
        try:
            net.wait_for(lambda: self.process.poll() is not None or self._listens(), "Sendmail to listen", 3 * net.PATIENCE_S)  # there is a sleep of a minute in it
            assert self.process.poll() is None, (self.dir / "out").read_text()
        except AssertionError as e:
            self.stop()
            raise AssertionError(f"{e}\n{(self.dir / 'out').read_text()}{self.log()}") from e

    def _configure(self, milter, flags, attached):
        line = (sluice.TOP / "contrib/sendmail/sluice.m4").read_text()
        assert "S=inet:8891@127.0.0.1, F=T," in line
        line = line.replace("S=inet:8891@127.0.0.1, F=T", f"S={milter}, F={flags}")
        (self.dir / "sendmail.mc").write_text(SENDMAIL_MC.format(dir=self.dir, filter=line if attached else ""))
        done = subprocess.run(["m4", f"-D_CF_DIR_={CF}/", CF / "m4/cf.m4", self.dir / "sendmail.mc"], capture_output=True, text=True, check=True)
        faults = [line for line in done.stderr.splitlines() if line.startswith("m4:")]
        assert not faults, faults
        (self.dir / "sendmail.cf").write_text(done.stdout)

    def _listen_to_log(self):
        self.lines = []
        self.log_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log_socket.bind(str(self.dir / "log.sock"))
        (self.dir / "log.sock").chmod(0o666)

        def listen():
            while True:
                line = self.log_socket.recv(65536)
                if line == b"end":
                    return
                self.lines.append(line.decode(errors="replace"))
        self.listener = threading.Thread(target=listen, daemon=True)
        self.listener.start()

    def _listens(self):
        try:
            with net.in_network_of(self.process.pid):
                return net.listens(25) and net.listens(587)
        except OSError:
            return False

    def stop(self):
        net.stop(self.process)
        subprocess.run(["pkill", "-s", str(self.process.pid)], check=False)  # its children: each has the session of its own
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"end", str(self.dir / "log.sock"))
        self.listener.join()
        self.log_socket.close()

    def log(self):
        return "\n".join(self.lines)

    def held(self):
        """The queue ids of mail that is held."""
        return [path.name[2:] for path in (self.dir / "mqueue").iterdir() if path.name.startswith("hf")]

    def release(self, queue_id):
        done = subprocess.run(["nsenter", "-t", str(self.process.pid), "-u", "-m", "-n", BINARY, "-C", self.dir / "sendmail.cf", "-Q", "-qQ", f"-qI{queue_id}"],
                              capture_output=True, text=True, check=False, timeout=net.PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr

    def client(self, address="192.0.2.1", helo="mail.example.net", login=None):
        """A session from that address; of a user who logs in, on the submission port."""
        with net.in_network_of(self.process.pid):
            smtp = smtplib.SMTP("127.0.0.1", 587 if login else 25, timeout=net.PATIENCE_S, local_hostname=helo, source_address=(address, 0))
        if login:
            smtp.ehlo()
            smtp.login(f"{login}@mx.example.org", PASSWORD)
            smtp.ehlo_resp = smtp.helo_resp = None
        return smtp
