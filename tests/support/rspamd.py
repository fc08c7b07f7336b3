# SPDX-License-Identifier: BSD-2-Clause
"""An rspamd of a test's own, as contrib/packages has unpacked it, with three symbols that need no network."""
import os
import pathlib
import subprocess

import pytest

from . import net, sluice

ROOT = pathlib.Path(os.environ.get("SLUICE_RSPAMD", sluice.TOP / "build-rspamd"))
BINARY = ROOT / "usr/bin/rspamd"
SHARE = ROOT / "usr/share/rspamd"

CONF = """
options {{
    filters = "regexp"; gtube_patterns = "all"; url_tld = "{dir}/tld"; rrd = "";
    pidfile = "{dir}/pid"; tempdir = "{dir}"; cache_file = "{dir}/cache"; history_file = "{dir}/history"; dynamic_conf = "{dir}/dynamic";
    hs_cache_dir = "{dir}"; control_socket = "{dir}/control mode=0600";
    dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "console"; level = "info"; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
worker "normal" {{ bind_socket = "{dir}/sock mode=0666"; bind_socket = "127.0.0.1:{port}"; count = 1; }}
lua = "{dir}/rules.lua";
"""

LUA = """
rspamd_config:register_symbol({ name = 'HAS_SUBJECT', score = 1.5, callback = function(task) return task:get_header('Subject') ~= nil end })
rspamd_config:register_symbol({ name = 'FROM_CLIENT', score = 0.25, callback = function(task)
    return tostring(task:get_from_ip()) == '192.0.2.7' and task:get_helo() == 'mail.example.net' end })
rspamd_config:register_symbol({ name = 'FROM_ENVELOPE', score = -0.5, callback = function(task)
    local from, rcpt = task:get_from('smtp'), task:get_recipients('smtp')
    return from and from[1].addr == 'a@example.net' and rcpt and rcpt[1].addr == 'u@example.org' end })
"""


class Rspamd:
    def __init__(self, folder):
        if not BINARY.exists():
            pytest.skip(f"there is no rspamd in {ROOT} (contrib/packages test)")
        self.folder = folder / "rspamd"
        self.folder.mkdir(parents=True)
        self.path, self.port = self.folder / "sock", net.free_port()
        self.unix, self.inet = f"unix:{self.path}", f"inet:{self.port}@127.0.0.1"
        (self.folder / "rspamd.conf").write_text(CONF.format(dir=self.folder, port=self.port))
        (self.folder / "tld").write_text("com\nnet\norg\nexample\n")  # it compiles these: the whole list takes it 10 s and more
        (self.folder / "rules.lua").write_text(LUA)
        user = ["-u", "root", "-g", "root"] if os.getuid() == 0 else []
        self.log = open(self.folder / "log", "ab")
        self.process = net.start([BINARY, "-f", "-i", *user, "-c", self.folder / "rspamd.conf", f"--var=LUALIBDIR={SHARE}/lualib",
                                  f"--var=PLUGINSDIR={SHARE}/plugins", f"--var=SHAREDIR={SHARE}", f"--var=RULESDIR={SHARE}/rules",
                                  f"--var=DBDIR={self.folder}", f"--var=RUNDIR={self.folder}"],
                                 stdout=self.log, stderr=subprocess.STDOUT,
                                 env={**os.environ, "LD_LIBRARY_PATH": f"{ROOT}/usr/lib/rspamd:{ROOT}/usr/lib/x86_64-linux-gnu"})
        try:
            net.wait_for(lambda: net.listens(self.port) or self.process.poll() is not None, "rspamd to listen")
            assert self.process.poll() is None, (self.folder / "log").read_text()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.process:
            net.stop(self.process)
            self.process = None
            self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
