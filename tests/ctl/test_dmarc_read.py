# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl dmarc read: reports as others send them, and what pretends to be one."""
import email.message
import email.policy
import functools
import gzip
import io
import json
import random
import subprocess
import zipfile

import pytest
from support import net, sluice

HEAD = """<report_metadata><org_name>Example Receiver</org_name><email>noreply@receiver.example</email><report_id>1234</report_id>
<date_range><begin>1700006400</begin><end>1700092799</end></date_range></report_metadata>
<policy_published><domain>example.net</domain><adkim>r</adkim><aspf>s</aspf><p>reject</p><sp>quarantine</sp><pct>100</pct></policy_published>"""
RECORD = """<record><row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated><disposition>{disposition}</disposition><dkim>{dkim}</dkim>
<spf>fail</spf>{reason}</policy_evaluated></row><identifiers><header_from>{header_from}</header_from></identifiers>
<auth_results><dkim><domain>example.net</domain><result>{dkim}</result></dkim><spf><domain>other.example</domain><result>softfail</result></spf>
</auth_results></record>"""


def record(ip="192.0.2.1", count=3, disposition="none", dkim="pass", reason="", header_from="example.net"):
    return RECORD.format(ip=ip, count=count, disposition=disposition, dkim=dkim, reason=reason, header_from=header_from)


def report(*records, xmlns="", head=HEAD):
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n<feedback{xmlns}>\n{head}\n{"".join(records or [record()])}\n</feedback>\n'.encode()


XML = report(record(), record("2001:db8::7", 12, "reject", "fail"),
             record("198.51.100.7", 1, "none", "fail", "<reason><type>mailing_list</type></reason>", "sub.example.net"))
SHOWN = """Example Receiver about example.net, 2023-11-15 00:00 to 2023-11-15 23:59 UTC
  policy reject, of subdomains quarantine; 16 messages, 3 pass, 13 fail
        12  2001:db8::7  reject  dkim=fail spf=fail  from example.net
         3  192.0.2.1  none  dkim=pass spf=fail  from example.net
         1  198.51.100.7  none  dkim=fail spf=fail  from sub.example.net (mailing_list)
"""


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in members:
            z.writestr(name, content)
    return out.getvalue()


def mail(content, subtype="gzip", name="r!example.net!1!2.xml.gz", text="A report.\n", encoding="base64"):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"], m["Subject"] = "a@receiver.example", "dmarc@example.net", "Report Domain: example.net"
    if text:
        m.set_content(text)
        m.add_attachment(content, maintype="application", subtype=subtype, filename=name, cte=encoding)
    else:
        m.set_content(content, maintype="application", subtype=subtype, filename=name, disposition="attachment")
    return m.as_bytes()


def read(*args, stdin=None, status=0):
    done = sluice.ctl("dmarc", "read", *args, stdin=stdin)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done


FORMS = {
    "XML": XML,
    "RFC 9990": XML.replace(b"<feedback>", b'<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">'),
    "gzip": gzip.compress(XML),
    "gzip in two streams": gzip.compress(XML[:200]) + gzip.compress(XML[200:]),
    "gzip and some NUL": gzip.compress(XML) + b"\0" * 512,
    "zip": zipped(("r!example.net!1!2.xml", XML)),
    "zip, not compressed": zipped(("r.xml", XML), method=zipfile.ZIP_STORED),
    "zip with a folder": zipped(("folder/", b""), ("folder/r.xml", XML)),
    "mail with gzip": mail(gzip.compress(XML)),
    "mail with zip": mail(zipped(("r.xml", XML)), "zip", "r.zip"),
    "mail with octets": mail(gzip.compress(XML), "octet-stream"),
    "mail without a name": mail(gzip.compress(XML), name=None),
    "mail that is but the report": mail(gzip.compress(XML), text=None),
    "mail with LF": mail(gzip.compress(XML)).replace(b"\r\n", b"\n"),
    "mail in mbox": b"From a@b Thu Jan  1 00:00:00 1970\n" + mail(gzip.compress(XML)).replace(b"\r\n", b"\n"),
    "UTF-16": XML.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
}


@pytest.mark.parametrize("name", FORMS)
def test_all_forms_say_the_same(tmp_path, name):
    (tmp_path / "report").write_bytes(FORMS[name])
    assert read(tmp_path / "report").stdout == SHOWN
    assert read("-", stdin=FORMS[name]).stdout == SHOWN


def test_several_in_one():
    archive = zipped(("a.xml", XML), ("b.xml", report(record(count=7))))
    done = read("-", stdin=mail(archive, "zip", "x.zip"))
    assert done.stdout.count("Example Receiver about example.net") == 2 and "7 messages" in done.stdout


def test_json(tmp_path):
    (tmp_path / "a.xml").write_bytes(XML)
    done = read("--json", tmp_path / "a.xml", tmp_path / "a.xml")
    first, second = json.loads(done.stdout)
    assert first == second
    assert {key: value for key, value in first.items() if key != "records"} == {
        "file": str(tmp_path / "a.xml"), "org": "Example Receiver", "email": "noreply@receiver.example", "report_id": "1234", "begin": 1700006400,
        "end": 1700092799, "domain": "example.net", "p": "reject", "sp": "quarantine", "adkim": "r", "aspf": "s", "messages": 16, "pass": 3}
    assert len(first["records"]) == 3
    assert first["records"][0] == {
        "source_ip": "2001:db8::7", "count": 12, "disposition": "reject", "dkim": "fail", "spf": "fail", "header_from": "example.net",
        "dkim_domain": "example.net", "dkim_result": "fail", "spf_domain": "other.example", "spf_result": "softfail"}


def test_many_records_as_json():
    (one,) = json.loads(read("--json", "-", stdin=report(*[record(f"192.0.2.{i % 250}", i) for i in range(5000)])).stdout)
    assert len(one["records"]) == 5000


@functools.cache
def bomb(size=1 << 30):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as f:
        for _ in range(size >> 20):
            f.write(b" " * (1 << 20))
    return out.getvalue()


def lying_zip():
    """Its directory says that the file is small."""
    data = bytearray(zipped(("r.xml", b" " * (300 << 20))))
    central = data.rindex(b"PK\x01\x02")
    data[central + 24:central + 28] = (100).to_bytes(4, "little")
    data[22:26] = (100).to_bytes(4, "little")
    return bytes(data)


HOSTILE = {  # made when they are asked for: some take a while
    "empty": (lambda: b"", "it is empty"),
    "text": (lambda: b"hello\n", "it is no report, and no mail with one"),
    "noise": (lambda: random.Random(1).randbytes(5000), "it is no report"),
    "HTML": (lambda: b"<!DOCTYPE html><html></html>", "it has a document type"),
    "XXE": (lambda: b'<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>', "it has a document type"),
    "gzip that is cut": (lambda: gzip.compress(XML)[:-20], "it is cut off or damaged"),
    "gzip that is damaged": (lambda: gzip.compress(XML)[:60] + b"\xff\xff\xff" + gzip.compress(XML)[63:], "it is cut off or damaged"),
    "a wrong sum": (lambda: gzip.compress(XML)[:-8] + b"\0" * 8, "it is cut off or damaged"),
    "XML that is cut": (lambda: XML[:-20], "sluicectl: -: line"),
    "gzip bomb": (lambda: bomb(), "has more than 128 MB"),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(XML)), "it is packed twice: unpack it once yourself"),
    "zip in gzip": (lambda: gzip.compress(zipped(("r.xml", XML))), "it is packed twice"),
    "gzip in zip": (lambda: zipped(("r.xml.gz", gzip.compress(XML))), "it is packed twice"),
    "zip bomb": (lambda: zipped(("r.xml", b" " * (200 << 20))), "has more than 128 MB"),
    "zip bomb of many": (lambda: zipped(*[(f"{i}.xml", b"<" + b" " * (20 << 20)) for i in range(10)]), "has more than 128 MB"),
    "zip that lies": (lambda: lying_zip(), "sluicectl: -: "),
    "zip of many files": (lambda: zipped(*[(f"{i}.xml", XML) for i in range(100)]), "the zip archive has 100 files"),
    "zip of nothing": (lambda: zipped(), "there is no file in the archive"),
    "zip of a program": (lambda: zipped(("r.exe", b"MZ" + b"\0" * 100)), "what is packed in it is no XML"),
    "zip that is cut": (lambda: zipped(("r.xml", XML))[:-30], "the zip archive cannot be read"),
    "zip that is damaged": (lambda: bytes(b ^ 0x55 if 60 < i < 90 else b for i, b in enumerate(zipped(("r.xml", XML)))), "the zip archive cannot be read"),
    "mail without a report": (lambda: mail(b"MZ", "x-msdownload", "r.exe"), "no mail with one"),
    "mail with a bomb": (lambda: mail(bomb()), "has more than 128 MB"),
    "mail in mail": (lambda: mail(mail(gzip.compress(XML)), "gzip", "a.gz"), "no mail with one"),
    "a huge count": (lambda: report(record(count="9" * 30)), "a count is no number of messages"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_report_is_refused(name):
    make, said = HOSTILE[name]
    done = read("-", stdin=make(), status=65)
    assert done.stderr.startswith("sluicectl: -: ") and said in done.stderr, done.stderr
    assert len(done.stderr) < 500


def test_a_bomb_costs_little():
    done = subprocess.run(["bash", "-c", f"ulimit -v 600000; exec {sluice.SLUICECTL} dmarc read -"], input=bomb(), capture_output=True,
                          timeout=net.PATIENCE_S, check=False)
    if b"Sanitizer" in done.stderr:
        pytest.skip("a sanitizer wants all of the address space")
    assert done.returncode == 65 and b"has more than 128 MB" in done.stderr


def test_no_terminal_is_driven_by_a_report(tmp_path):
    evil = "\u202e\u009b2J\u200b\u2066x&#13;&#10;y&#9;z&#127;"
    head = HEAD.replace("Example Receiver", evil).replace("<domain>example.net", "<domain>a\u202eb")
    done = read("-", stdin=report(record(ip=evil, header_from=evil), head=head))
    assert not any(c for c in done.stdout if (ord(c) < 32 and c != "\n") or c in "\x7f\x9b\u202e\u200b\u2066")
    assert done.stdout.count("\n") == 3
    (tmp_path / "x").write_bytes(report().replace(b"<feedback>", b"<feed\xc2\x9bback>"))
    assert "\x9b" not in read(tmp_path / "x", status=65).stderr


def test_one_bad_file_does_not_hide_the_others(tmp_path):
    (tmp_path / "good.xml").write_bytes(XML)
    (tmp_path / "bad.xml").write_bytes(XML[:300])
    done = read(tmp_path / "bad.xml", tmp_path / "none.xml", tmp_path / "good.xml", status=65)
    assert done.stdout == SHOWN
    assert f"{tmp_path}/none.xml: No such file" in done.stderr and f"{tmp_path}/bad.xml: line" in done.stderr
    assert "Is a directory" in read(tmp_path, status=66).stderr


def test_usage():
    assert "usage: sluicectl dmarc read" in read(status=64).stderr
    assert "--json" in read("-h").stdout
    assert "dmarc report" in sluice.ctl("dmarc").stderr
