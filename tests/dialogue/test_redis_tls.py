# SPDX-License-Identifier: BSD-2-Clause
"""TLS to Redis, where the build has it; and a clear word where it has not."""
import subprocess

import pytest
from support import net, sluice
from support.milter import CONTINUE

RULES = "authserv_id mx.example.org\nat mail {{ rule fast limit 1/1h by client.ip }}\nstate {{\n redis {server}\n tls yes\n timeout 1s\n {more}\n}}\n"
HAS_TLS = "hiredis_ssl" in subprocess.run(["ldd", str(sluice.SLUICED)], capture_output=True, text=True, check=True).stdout
with_tls = pytest.mark.skipif(not HAS_TLS, reason="built with a hiredis without TLS (Debian 12)")


def config_check(folder, text):
    conf = folder / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + text)
    return subprocess.run([sluice.SLUICED, "-c", conf], capture_output=True, text=True, env=sluice.environment(), timeout=net.PATIENCE_S, check=False)


def socket_lines(folder):
    return f'listen "unix:{folder}/m.sock"\ncontrol "{folder}/c.sock"\n'


@pytest.mark.skipif(HAS_TLS, reason="this build has TLS")
def test_a_build_without_tls_says_so(tmp_path):
    done = config_check(tmp_path, socket_lines(tmp_path) + RULES.format(server="127.0.0.1:1", more=""))
    assert done.returncode == 78 and "was built with a hiredis that has none" in done.stderr and "sluice.conf:" in done.stderr, done.stderr


def test_tls_is_not_for_a_unix_socket(tmp_path):
    done = config_check(tmp_path, socket_lines(tmp_path) + RULES.format(server="/run/redis.sock", more=""))
    assert done.returncode == 78 and "tls is for HOST:PORT" in done.stderr, done.stderr


@with_tls
@pytest.mark.parametrize("files, message", [
    ("tls_ca none.pem", "tls_ca "), ("tls_cert none.pem tls_key none.pem", "tls_cert "), ("tls_ca sluice.conf", "tls_ca "),
])
def test_files_that_cannot_be_used(tmp_path, files, message):
    done = config_check(tmp_path, socket_lines(tmp_path) + RULES.format(server="127.0.0.1:1", more=files))
    assert done.returncode == 78 and message in done.stderr and "cannot be used" in done.stderr, done.stderr


# ---- a real one ----

def openssl(*args, cwd):
    subprocess.run(["openssl", *args], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def redis(setup):
    """A Redis that speaks TLS on loopback and wants to know its clients; certificates in the same folder."""
    folder = setup.folder
    openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2", cwd=folder)
    for name, san in (("server", "DNS:localhost,IP:127.0.0.1"), ("client", "DNS:gateway.example.org")):
        openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2",
                "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", f"subjectAltName={san}", cwd=folder)
    port = net.free_port()
    process = net.start(["redis-server", "--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--tls-cert-file", "server.pem", "--tls-key-file",
                         "server.key", "--tls-ca-cert-file", "ca.pem", "--save", "", "--dir", folder], cwd=folder,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        net.wait_for(lambda: net.listens(port), "Redis to listen")
        yield port
    finally:
        net.stop(process)


def limited(setup, s):
    m = setup.milter(s)
    m.greet("192.0.2.1")
    return [m.mail().kind == CONTINUE for _ in range(3)] == [True, False, False]


@with_tls
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_works(setup, redis, host):
    f = setup.folder
    s = setup.sluice(RULES.format(server=f"{host}:{redis}", more=f"tls_ca {f}/ca.pem\n tls_cert {f}/client.pem\n tls_key {f}/client.key"))
    net.wait_for(lambda: s.ctl("limits", "list").returncode == 0, "the store to be connected")
    assert limited(setup, s) and "out of order" not in s.log()


@with_tls
@pytest.mark.parametrize("more", [
    "tls_cert {f}/client.pem\n tls_key {f}/client.key",       # nobody that we know vouches for it
    "tls_ca {f}/ca.pem",                                        # it wants to know us
    "tls_ca {f}/client.pem",
])
def test_who_is_not_known_is_not_used(setup, redis, more):
    s = setup.sluice(RULES.format(server=f"127.0.0.1:{redis}", more=more.format(f=setup.folder)))
    net.wait_for(lambda: "the store is out of order" in s.log(), "the log to say so")
    assert not limited(setup, s)


@with_tls
def test_a_certificate_of_another_name_is_not_taken(setup, redis):
    f = setup.folder
    s = setup.sluice(RULES.format(server=f"127.0.0.2:{redis}", more=f"tls_ca {f}/ca.pem\n tls_cert {f}/client.pem\n tls_key {f}/client.key"))
    net.wait_for(lambda: "the store is out of order" in s.log(), "the log to say so")
    assert not limited(setup, s)
