# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix: its own folders, a port of its own on loopback, XCLIENT allowed, mail kept in a maildir."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import smtplib
import subprocess

from . import net
from .mta import Mta

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
config_directory = {dir}/conf
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/log/mail.log
maillog_file_prefixes = {dir}
inet_interfaces = {address}
inet_protocols = ipv4
myhostname = mx.example.org
mydestination = example.org
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = check_client_access static:OK, reject
smtpd_recipient_restrictions = check_client_access static:OK, reject
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_delay_open_until_valid_rcpt = {delay_open}
smtpd_helo_required = no
smtputf8_enable = yes
biff = no
default_transport = discard:
local_transport = sink:
relay_transport = discard:
virtual_mailbox_domains =
smtpd_milters = {milter}
non_smtpd_milters = {non_smtpd}
milter_default_action = {default_action}
milter_connect_timeout = 20s
milter_command_timeout = 60s
milter_content_timeout = 120s
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
header_size_limit = 4096000
message_size_limit = 0
mailbox_size_limit = 0
{extra}
"""

MASTER_CF = """
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def once(main):
    """main.cf without what is set again further down. Postfix's programs warn of that while they read it, postlogd too, to itself: where others have filled its socket by then,
    it waits for ever, and they for it."""
    entries = re.split(r"(?m)^(?=[^\s#])", main)
    names = [entry.partition("=")[0].strip() for entry in entries]
    return "".join(entry for i, entry in enumerate(entries) if names[i] not in names[i + 1:])


class Postfix(Mta):
    """`milter` as smtpd_milters wants it. Mail for example.org ends as a file in `mail`."""

    def __init__(self, folder, milter, non_smtpd="", default_action="tempfail", delay_open="yes", extra="", address="127.0.0.1"):
        self.dir = pathlib.Path(folder)
        self.port = net.free_port()
        self.conf = self.dir / "conf"
        for sub in ("conf", "spool", "data", "log"):
            (self.dir / sub).mkdir(parents=True)
        shutil.chown(self.dir / "data", "postfix")
        self.place_for_mail()
        values = {"dir": self.dir, "milter": milter, "non_smtpd": non_smtpd, "default_action": default_action, "delay_open": delay_open,
                  "extra": extra, "address": address}
        main = MAIN_CF.format(**values)
        master = MASTER_CF.format(address=address, port=self.port)
        # pipe(8) refuses to run as Postfix's own user
        master += f"sink unix - n n - - pipe user=nobody null_sender= argv={self.dir}/sink\n"
        (self.conf / "main.cf").write_text(once(main))
        (self.conf / "master.cf").write_text(master)
        self._run("start")
        net.wait_for(lambda: net.listens(self.port, address), "Postfix to listen")

    def _run(self, verb):
        done = subprocess.run(["postfix", "-c", str(self.conf), verb], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()

    def stop(self):
        try:
            subprocess.run(["postfix", "-c", str(self.conf), "stop"], capture_output=True, timeout=net.PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            # it waits for its own log, which nobody reads any more: what is left of this instance is ended by hand
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if f"MAIL_CONFIG={self.conf}".encode() in (process / "environ").read_bytes().split(b"\0"):
                        os.kill(int(process.name), signal.SIGKILL)

    def log(self):
        path = self.dir / "log" / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def held(self):
        """The queue ids of mail that is held."""
        return [path.name for path in (self.dir / "spool" / "hold").rglob("*") if path.is_file()]

    def release(self, queue_id):
        done = subprocess.run(["postsuper", "-c", str(self.conf), "-H", queue_id], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 0, done.stderr
        subprocess.run(["postqueue", "-c", str(self.conf), "-f"], timeout=net.PATIENCE_S, check=True)

    def client(self, address=None, name="[UNAVAILABLE]", helo="mail.example.net", login=None):
        """A session, as if it came from that address, and had logged in as that user."""
        smtp = smtplib.SMTP("127.0.0.1", self.port, timeout=net.PATIENCE_S, local_hostname=helo)
        smtp.command_encoding = "utf-8"
        if address:
            smtp.ehlo("xclient.example.net")
            shown = f"IPV6:{address}" if ":" in address else address
            attributes = f"ADDR={shown} NAME={name} PORT=4711" + (f" LOGIN={login}" if login else "")
            code, text = smtp.docmd("XCLIENT", attributes)
            assert code == 220, (code, text)
            smtp.ehlo_resp = smtp.helo_resp = None
        return smtp

    def submit(self, sender, recipients, message):
        """Mail from this machine itself, by sendmail(1)."""
        done = subprocess.run(["sendmail", "-C", str(self.conf), "-i", "-f", sender, *recipients], input=message, capture_output=True,
                              timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 0, done.stderr
