# SPDX-License-Identifier: BSD-2-Clause
"""The package beside Debian's Sendmail as it is installed, on a machine with systemd."""
import pytest
from machine import apt, explain, install, send, settings

OURS = "root@mx.example.org"  # Sendmail looks senders up, and there is no DNS
RELOAD = ["--reload", "systemctl restart sendmail"]


@pytest.fixture(scope="module", params=["Sendmail first", "Sluice first"])
def root(request, machine, packages):
    root = machine(request.param.split()[0].lower(), "sendmail")
    if request.param == "Sluice first":
        install(root, packages, "sluice")
        assert root.run("systemctl", "is-active", "sluice").strip() == "active", "without any mail server"
    apt(root, "install sendmail")
    root.sh("echo postmaster: root >>/etc/aliases && newaliases")  # whom each mail server has to take; Debian's file is empty
    yield root
    root.stop()


def test_attached_and_as_it_was_before(root, packages):
    before = settings(root, "/etc/mail/sendmail.mc", "/etc/mail/sendmail.cf")
    install(root, packages, "sluice")
    assert root.run("systemctl", "is-active", "sluice", status=None).strip() == "active", root.run("journalctl", "-u", "sluice")
    assert "mx.example.org" in root.run("sluicectl", "list", "show", "local-domains")
    said = root.run("sluicectl", "attach", "sendmail", "--mc", "/etc/mail/sendmail.mc", "--apply", *RELOAD)
    assert "attached, and the mail server has read it" in said and "listener MTA-v4: a message was taken" in said, said
    queue_id = send(root, OURS, OURS).split()[2]
    assert explain(root, queue_id)["verdict"]["action"] == "accept"
    assert "all is as it was before, and the mail server has read it" in root.run("sluicectl", "attach", "sendmail", "--undo", *RELOAD)
    assert settings(root, *before) == before


def test_the_package_goes_while_sendmail_asks_it(root):
    before = settings(root, "/etc/mail/sendmail.mc", "/etc/mail/sendmail.cf")
    root.run("sluicectl", "attach", "sendmail", "--mc", "/etc/mail/sendmail.mc", "--apply", *RELOAD)
    apt(root, "purge sluice")
    assert settings(root, *before) == before
    assert send(root, OURS, OURS).startswith("250")
