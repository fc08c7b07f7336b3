# SPDX-License-Identifier: BSD-2-Clause
"""Files as people attach them, and as attackers do: made here, octet by octet where no library makes them."""
import email.message
import email.policy
import io
import re
import struct
import subprocess
import tarfile
import zipfile
import zlib

PE = b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0" + b"\x64\x86" + b"\0" * 300
ELF = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack("<HHI", 3, 62, 1) + b"\0" * 40
MACH_O = b"\xcf\xfa\xed\xfe\x07\0\0\1" + b"\0" * 40
JAVA = b"\xca\xfe\xba\xbe\0\0\0\x34" + b"\0" * 40
SHORTCUT = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46" + b"\0" * 60
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0" + b"\0" * 30
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + b"\0" * 30


def zipped(entries, compression=zipfile.ZIP_DEFLATED):
    """entries: name and content of each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as z:
        for name, content in entries:
            z.writestr(name, content)
    return out.getvalue()


def encrypted_zip():
    """An entry whose flag says so: what it holds nobody can tell."""
    data = bytearray(zipped([("secret.txt", b"x" * 40)], zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def tarred(entries, mode="w", links=()):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
        for name, to in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, to
            t.addfile(info)
    return out.getvalue()


def ar(*members):
    return b"!<arch>\n" + b"".join(b"%-16s%-12d%-6d%-6d%-8o%-10d`\n%s" % (name.encode(), 0, 0, 0, 0o644, len(content), content + b"\n"[:len(content) % 2])
                                   for name, content in members)


def by_bsdtar(folder, kind, entries):
    """An archive of a kind that Python does not write: 7zip, iso9660, cpio."""
    folder.mkdir(exist_ok=True)
    for name, content in entries:
        (folder / name).write_bytes(content)
    return subprocess.run(["bsdtar", "--format", kind, "-cf", "-", "-C", folder, *[name for name, _ in entries]], capture_output=True, check=True,
                          timeout=60).stdout


def nested(levels, content=b"x"):
    for i in range(levels):
        content = zipped([(f"{i}.zip" if i else "x.txt", content)])
    return content


def overlapping(count, size):
    """A flat bomb: many entries of the directory have the same octets as their content, which are zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(bytes(size)) + packer.flush()
    crc = zlib.crc32(bytes(size))
    local = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 8, 0, 0x21, crc, len(body), size, 1, 0) + b"a" + body
    central = b"".join(struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 8, 0, 0x21, crc, len(body), size, 5, 0, 0, 0, 0, 0, 0) + b"%05d" % i
                       for i in range(count))
    return local + central + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, count, count, len(central), len(local), 0)


def compound(entries, root_class=b"\0" * 16):
    """A Compound File Binary file. entries: name, 1 (a storage) or 2 (a stream), content, of 4096 octets at least."""
    sectors, directory = [], []

    def entry(name, kind, start, size, cls=b"\0" * 16):
        text = name.encode("utf-16le")
        return (text + b"\0\0").ljust(64, b"\0") + struct.pack("<HBBIII", len(text) + 2, kind, 1, 0xffffffff, 0xffffffff, 0xffffffff) + cls + \
            b"\0" * 20 + struct.pack("<IQ", start, size)

    chains = {}
    directory.append(entry("Root Entry", 5, 0xfffffffe, 0, root_class))
    for name, kind, content in entries:
        start = 0xfffffffe
        if content:
            content = content.ljust(-(-max(len(content), 4096) // 512) * 512, b"\0")
            start = len(sectors)
            sectors += [content[i:i + 512] for i in range(0, len(content), 512)]
            chains.update({i: i + 1 for i in range(start, len(sectors) - 1)})
            chains[len(sectors) - 1] = 0xfffffffe
        directory.append(entry(name, kind, start, len(content)))
    first = len(sectors)
    packed = b"".join(directory)
    packed = packed.ljust(-(-len(packed) // 512) * 512, b"\0")
    sectors += [packed[i:i + 512] for i in range(0, len(packed), 512)]
    chains.update({i: i + 1 for i in range(first, len(sectors) - 1)})
    chains[len(sectors) - 1] = 0xfffffffe
    fat_count = 1
    while (len(sectors) + fat_count) > fat_count * 128:
        fat_count += 1
    fat_at = len(sectors)
    fat = [chains.get(i, 0xffffffff) for i in range(fat_at)] + [0xfffffffd] * fat_count
    fat += [0xffffffff] * (fat_count * 128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH6sIIIIIIIII", 0x3e, 3, 0xfffe, 9, 6, b"", 0, fat_count, first, 0, 4096,
                                                                           0xfffffffe, 0, 0xfffffffe, 0)
    header += struct.pack("<109I", *[fat_at + i if i < fat_count else 0xffffffff for i in range(109)])
    return header + b"".join(sectors) + struct.pack(f"<{len(fat)}I", *fat)


def workbook(*records):
    """Records of a workbook of Excel 97: type and content of each."""
    return b"".join(struct.pack("<HH", kind, len(content)) + content for kind, content in records)


CONTENT_TYPES = ('<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
                 '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
DOCUMENT = '<?xml version="1.0"?><w:document><w:body/></w:document>'


def docx(*more):
    return zipped([("[Content_Types].xml", CONTENT_TYPES), ("_rels/.rels", '<?xml version="1.0"?><Relationships/>'), ("word/document.xml", DOCUMENT), *more])


def relation(kind, target):
    return ('<?xml version="1.0"?><Relationships><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
            f'{kind}" Target="{target}" TargetMode="External"/></Relationships>')


def pdf(*objects):
    return b"%PDF-1.7\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % (i + 1, o) for i, o in enumerate(objects)) + b"trailer <</Root 1 0 R>>\n%%EOF\n"


def object_stream(content):
    packed = zlib.compress(content)
    return b"<</Type /ObjStm /N 1 /First 4 /Length %d /Filter /FlateDecode>>\nstream\n%s\nendstream" % (len(packed), packed)


def message(*files, text="hello\n"):
    """A mail with these attached. files: content, media type, name. Its fields and its body."""
    m = email.message.EmailMessage()
    m["From"], m["Subject"] = "a@example.net", "files"
    m.set_content(text)
    for content, kind, name in files:
        maintype, subtype = kind.split("/")
        m.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    head, body = m.as_bytes(policy=email.policy.SMTP).split(b"\r\n\r\n", 1)
    fields = [tuple(f.split(":", 1)) for f in re.split(r"\r\n(?!\s)", head.decode())]
    return [(n, v.strip()) for n, v in fields], body
