# SPDX-License-Identifier: BSD-2-Clause
"""Messages with DKIM signatures, right and wrong in every way that RFC 6376 has a word about, made from a seed.

Each is of a kind, and a kind has one oddity and its result by the RFC; the rest of a message is chosen by chance among what no verifier
stumbles over. The signer here is its own, over canonical forms of its own; some messages are signed by python3-dkim.
"""
import base64
import functools
import hashlib
import random
import re

import dkim
import nacl.encoding
import nacl.signing

from . import dkim_sender

DOMAIN = b"example.net"
WORDS = b"the message that was sent by a customer on Tuesday has arrived and somebody should look at it before Friday".split()
KINDS = {}  # name: (how many, function that makes a Draft that kind, and returns the result of each signature)


# ---- the signer ----

def canonical_field(canon, name, value):
    """A field as it is hashed, without a CRLF. value: all behind the colon."""
    if canon == "simple":
        return name + b":" + value
    value = re.sub(rb"\r\n(?=[ \t])", b"", value)
    return name.strip(b" \t").lower() + b":" + re.sub(rb"[ \t]+", b" ", value).strip(b" ")


def canonical_body(canon, body):
    lines = body.split(b"\r\n")
    if canon == "relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    whole = b"".join(line + b"\r\n" for line in lines)
    return whole or (b"\r\n" if canon == "simple" else b"")


@functools.lru_cache(None)
def private_of(key):
    if key.algorithm.startswith("rsa"):
        return dkim.parse_pem_private_key(key.private)
    return nacl.signing.SigningKey(key.private, encoder=nacl.encoding.Base64Encoder)


def raw_signature(key, octets, hasher=hashlib.sha256):
    digest = hasher(octets)
    if key.algorithm.startswith("rsa"):
        return dkim.RSASSA_PKCS1_v1_5_sign(digest, private_of(key))
    return private_of(key).sign(digest.digest()).signature


class Signature:
    """One that is yet to be made. tags: other values than the usual ones, None leaves one out."""

    def __init__(self, rng, key, selector):
        self.rng = rng
        self.key = key
        self.selector = selector
        self.domain = DOMAIN
        self.canon = [rng.choice(["simple", "relaxed"]), rng.choice(["simple", "relaxed"])]
        self.names = [b"From", b"To", b"Subject", b"Date", b"Message-ID"]
        rng.shuffle(self.names)
        self.tags = {}
        self.extra = []  # tag-specs as they stand, at the end before b=
        self.order = None  # names of tags
        self.join = rng.choice([b"; ", b";", b";\r\n\t", b";\r\n ", b" ;  "])
        self.edit = lambda value: value  # of the value before it is signed, \0 for the octets of b=
        self.edit_b = lambda b: b
        self.hasher = hashlib.sha256
        self.covered = None  # octets of the canonical body
        self.field_name = b"DKIM-Signature"

    def value(self, fields, body):
        """The field's value over these."""
        canonical = canonical_body(self.canon[1], body)
        if self.covered is not None:
            self.tags.setdefault("l", str(self.covered))
            canonical = canonical[:self.covered]
        digest = base64.b64encode(self.hasher(canonical).digest())
        tags = {"v": b"1", "a": self.key.algorithm, "c": "/".join(self.canon), "d": self.domain, "s": self.selector, "t": "1700000000",
                "h": self.rng.choice([b":", b" : ", b":\r\n "]).join(self.names), "bh": digest, "b": b"\0"}
        tags.update(self.tags)
        names = self.order or [n for n in tags if n != "b"] + ["b"]
        specs = [n.encode() + b"=" + (tags[n] if isinstance(tags[n], bytes) else tags[n].encode()) for n in names if tags.get(n) is not None]
        specs[len(specs) - (not self.order):len(specs) - (not self.order)] = self.extra
        value = self.edit(b" " + self.join.join(specs))
        signed = b"".join(canonical_field(self.canon[0], *field) + b"\r\n" for field in self.chosen(fields))
        # the value of b= is taken away with all blanks around it (RFC 6376 3.5)
        signed += canonical_field(self.canon[0], self.field_name, re.sub(rb"[ \t\r\n]*\0[ \t\r\n]*", b"", value))
        b = base64.b64encode(raw_signature(self.key, signed, self.hasher))
        return value.replace(b"\0", self.edit_b(b))

    def chosen(self, fields):
        """The fields that h= stands for: of each name the lowest that was not taken (RFC 6376 5.4.2)."""
        left = list(fields)
        for name in self.names:
            for i in range(len(left) - 1, -1, -1):
                if left[i] and left[i][0].strip(b" \t").lower() == name.strip().lower():
                    yield left[i]
                    left[i] = None
                    break


class Draft:
    """A message on its way."""

    def __init__(self, rng, number):
        self.rng = rng
        self.number = number
        self.fields = [(b"From", b" Ann <ann@example.net>"), (b"To", b" bob@example.org"),
                       (b"Subject", b" " + b" ".join(rng.choices(WORDS, k=rng.randint(1, 8)))),
                       (b"Date", b" Wed, 25 Nov 2026 10:00:00 +0000"), (b"Message-ID", b" <%d@example.net>" % number)]
        for _ in range(rng.randint(0, 3)):
            self.fields.insert(rng.randrange(len(self.fields) + 1), (b"X-Unsigned", b" " + rng.choice(WORDS)))
        self.body = b"".join(b" ".join(rng.choices(WORDS, k=rng.randint(1, 12))) + b"\r\n" for _ in range(rng.randint(1, 8)))
        self.records = {}
        self.signatures = []
        self.after = []  # functions that change the message when it is signed
        self.chunk = rng.choice([0, 0, 1, 2, 7, 64])
        self.sig = self.add_signature()

    def add_signature(self, key=None, record=None):
        """One above those that are there."""
        key = key or self.rng.choice([dkim_sender.rsa(1024)] * 6 + [dkim_sender.rsa(2048)] + [dkim_sender.ed25519()] * 3)
        selector = f"s{self.number}-{len(self.signatures)}".encode()
        signature = Signature(self.rng, key, selector)
        self.signatures.insert(0, signature)
        self.publish([record or key.record], selector)
        return signature

    def publish(self, records, selector=None):
        self.records[(selector or self.sig.selector) + b"._domainkey.example.net"] = [r if isinstance(r, bytes) else r.encode() for r in records]

    def use(self, key, record=None):
        self.sig.key = key
        self.publish([record or key.record])

    def field(self, name, value):
        """Replace one."""
        self.fields = [(n, value if n == name else v) for n, v in self.fields]

    def finish(self):
        """The octets."""
        for signature in reversed(self.signatures):
            self.fields.insert(0, (signature.field_name, signature.value(self.fields, self.body)))
        for change in self.after:
            change()
        return b"".join(name + b":" + value + b"\r\n" for name, value in self.fields) + b"\r\n" + self.body


def kind(name, count=8):
    def add(function):
        assert name not in KINDS, name
        KINDS[name] = (count, function)
        return function
    return add


def rows(prefix, want, cases, count=8):
    """Kinds of one line each: {name: function of a Draft}."""
    for name, change in cases.items():
        def make(d, change=change):
            change(d)
            return want
        kind(f"{prefix}/{name}", count)(make)


def corpus(seed):
    """(kind, what is right, message, chunk, records) of each."""
    number = 0
    for name, (count, make) in KINDS.items():
        for i in range(count):
            rng = random.Random(f"{seed} {name} {i}")
            number += 1
            d = Draft(rng, number)
            want = make(d)
            yield name, want, d.finish(), d.chunk, d.records


def set_tag(name, value):
    return lambda d: d.sig.tags.update({name: value})


def later(change):
    """A change to the signed message."""
    return lambda d: d.after.append(lambda: change(d))


def canon(header=None, body=None):
    def change(d):
        d.sig.canon = [header or d.sig.canon[0], body or d.sig.canon[1]]
    return change


def both(*changes):
    def change(d):
        for c in changes:
            c(d)
    return change


# ---- what is as it should be ----

def signed_by_python(d):
    d.signatures = []
    d.sig.key = d.rng.choice([dkim_sender.rsa(1024), dkim_sender.ed25519()])
    d.publish([d.sig.key.record])
    h, b = d.rng.choice([b"simple", b"relaxed"]), d.rng.choice([b"simple", b"relaxed"])
    message = d.finish()
    made = dkim.sign(message, d.sig.selector, DOMAIN, d.sig.key.private, canonicalize=(h, b), signature_algorithm=d.sig.key.algorithm.encode(),
                     length=d.rng.random() < 0.2, include_headers=[b"from", b"to", b"subject", b"from"])
    d.fields.insert(0, (b"DKIM-Signature", made.split(b":", 1)[1].rstrip(b"\r\n")))


rows("plain", "pass", {
    "as usual": lambda d: None,
    "signed by python3-dkim": signed_by_python,
    "ed25519": lambda d: d.use(dkim_sender.ed25519()),
    "rsa of 2048 bits": lambda d: d.use(dkim_sender.rsa(2048)),
}, count=40)
rows("canonicalization", "pass", {
    "no c=": both(canon("simple", "simple"), set_tag("c", None)),
    "one word, simple": both(canon("simple", "simple"), set_tag("c", "simple")),
    "one word, relaxed": both(canon("relaxed", "simple"), set_tag("c", "relaxed")),
})


# ---- the header ----

def many_fields(d):
    d.fields += [(b"X-%d" % i, b" %d" % i) for i in range(150)]
    d.sig.names += [b"X-%d" % i for i in range(0, 150, 3)]


def repeated(d, times):
    d.fields[2:2] = [(b"Received", b" from %d" % i) for i in range(5)]
    d.sig.names += [b"Received"] * times


rows("header", "pass", {
    "folded with a blank": lambda d: d.field(b"Subject", b" one\r\n two\r\n  three"),
    "folded with a tab": lambda d: d.field(b"To", b" a@example.org,\r\n\tb@example.org,\r\n\t \tc@example.org"),
    "folded before the value": lambda d: d.field(b"Subject", b"\r\n one"),
    "blanks at the end": lambda d: d.field(b"Subject", b" one \t "),
    "blanks within": lambda d: d.field(b"Subject", b"   one  \t two"),
    "no blank after the colon": lambda d: d.field(b"Subject", b"one"),
    "8-bit": lambda d: d.field(b"Subject", b" gr\xfc\xdfe \xe2\x9c\x93"),
    "a control": lambda d: d.field(b"Subject", b" a\x01b\x7f"),
    "no value": lambda d: d.field(b"Subject", b""),
    "a value of blanks": lambda d: d.field(b"Subject", b" \t "),
    "a fold of blanks alone": lambda d: d.field(b"Subject", b" one\r\n \t \r\n two"),
    "a value with colons and semicolons": lambda d: d.field(b"Subject", b" a: b; c=d;;"),
    "a long line": lambda d: d.field(b"Subject", b" " + b"x" * 5000),
    "names in capitals": lambda d: setattr(d, "fields", [(n.upper(), v) for n, v in d.fields]),
    "a name of other characters": lambda d: (d.fields.append((b"X-!#$%&'*+", b" a")), d.sig.names.append(b"X-!#$%&'*+")),
    "150 fields": many_fields,
    "a name five times, signed thrice": lambda d: repeated(d, 3),
    "a name five times, signed five times": lambda d: repeated(d, 5),
    "a name five times, signed seven times": lambda d: repeated(d, 7),
    "names that are not there": lambda d: d.sig.names.extend([b"Cc", b"Reply-To", b"X-Never"]),
    "oversigned": lambda d: d.sig.names.extend([b"From", b"From", b"To", b"Subject"]),
    "all fields named, and more": lambda d: setattr(d.sig, "names", [n for n, _ in d.fields] + [b"DKIM-Signature", b"x", b"y"]),
    "its own name in h=": lambda d: d.sig.names.append(b"DKIM-Signature"),
    "names in h= in other letters": lambda d: setattr(d.sig, "names", [n.swapcase() for n in d.sig.names]),
    "From alone in h=": lambda d: setattr(d.sig, "names", [b"From"]),
    "blanks around the names of h=": set_tag("h", b"\r\n\tFrom\t:\r\n\t To :Subject"),
    "blanks before a colon": lambda d: setattr(d, "fields", [(b"Subject " if n == b"Subject" else n, v) for n, v in d.fields]),
    "a field of 100 KB": lambda d: d.field(b"To", b" " + b",\r\n ".join(b"user%d@example.org" % i for i in range(4500))),
})
# the names have to be those of the tag
KINDS["header/blanks around the names of h="] = (8, lambda d: (setattr(d.sig, "names", [b"From", b"To", b"Subject"]),
                                                               set_tag("h", b"\r\n\tFrom\t:\r\n\t To :Subject")(d), "pass")[-1])


# ---- the body ----

def chunks(size):
    def change(d):
        d.body = b"a \r\n\r\n b\t\r\n\r\n" * 20 + b"\r\n\r\n"
        d.chunk = size
    return change


def set_body(body):
    return lambda d: setattr(d, "body", body)


rows("body", "pass", {
    "none": set_body(b""),
    "an empty line": set_body(b"\r\n"),
    "empty lines": set_body(b"\r\n\r\n\r\n"),
    "empty lines at the end": lambda d: setattr(d, "body", d.body + b"\r\n\r\n\r\n"),
    "empty lines at the beginning": lambda d: setattr(d, "body", b"\r\n\r\n" + d.body),
    "no line end at the end": lambda d: setattr(d, "body", d.body[:-2]),
    "one octet": set_body(b"x"),
    "blanks at ends of lines": lambda d: setattr(d, "body", d.body.replace(b"\r\n", b" \t\r\n")),
    "blanks within": lambda d: setattr(d, "body", d.body.replace(b" ", b"  \t")),
    "blanks at the beginning of lines": lambda d: setattr(d, "body", b" \t" + d.body.replace(b"\r\n", b"\r\n \t") + b"x\r\n"),
    "lines of blanks at the end": lambda d: setattr(d, "body", d.body + b"  \r\n\t\r\n"),
    "blanks and no line end": lambda d: setattr(d, "body", d.body + b"end \t "),
    "blanks alone": set_body(b" \t "),
    "8-bit": set_body(b"gr\xfc\xdfe\r\n\xff\xfe\x80\r\n"),
    "NUL and controls": set_body(b"a\x00b\x01\x7f\r\n\x0b\x0c\r\n"),
    "a long line": set_body(b"x" * 30000 + b"\r\n"),
    "a long line of blanks": set_body(b"a" + b" " * 9000 + b"b\r\n"),
    "dots": set_body(b".\r\n..\r\n.x\r\n"),
    "large": set_body(b"0123456789 abcdefghij\r\n" * 5000),
    "octet by octet": chunks(1),
    "two octets at a time": chunks(2),
    "three octets at a time": chunks(3),
    "CR alone": set_body(b"a\rb\r\r\n \r x\r\nend\r\n"),
    "CR at the end": set_body(b"end\r"),
    "LF alone": set_body(b"a\nb\n\r\n x\r\n"),
    "LF at the end": set_body(b"end\n"),
})


# ---- l= ----

def covers(octets):
    """octets: of the canonical body, or a function of its length."""
    def change(d):
        whole = len(canonical_body(d.sig.canon[1], d.body))
        d.sig.covered = octets(whole) if callable(octets) else octets
    return change


def append(d):
    d.body += b"and what somebody has added\r\n"


rows("l=", "pass", {
    "the whole body": covers(lambda n: n),
    "less than the body": covers(lambda n: n // 2),
    "one octet less": covers(lambda n: n - 1),
    "nothing": covers(0),
    "the whole body, to which something is added": both(covers(lambda n: n), later(append)),
    "nothing, and another body": both(covers(0), later(set_body(b"another\r\n"))),
    "with zeros before it": both(covers(3), set_tag("l", "0003")),
    "of 76 digits, most of them zeros": both(covers(3), set_tag("l", "3".zfill(76))),
    "with blanks around it": both(covers(3), set_tag("l", " \r\n\t3 ")),
    "of an empty body": both(canon(None, "relaxed"), set_body(b""), covers(0)),
})
rows("l=", "fail", {
    "more than the body": both(covers(lambda n: n), lambda d: d.sig.tags.update(l=str(len(canonical_body(d.sig.canon[1], d.body)) + 1))),
    "far more than the body": set_tag("l", "100000000"),
    "of 18 digits": set_tag("l", "9" * 18),
    "of 20 digits": set_tag("l", "9" * 20),
    "of 76 digits": set_tag("l", "9" * 76),
    "covers what is changed": both(covers(lambda n: n - 2), later(lambda d: setattr(d, "body", b"X" + d.body[1:]))),
})
rows("l=", "error", {
    "of 80 digits": set_tag("l", "9" * 80),
    "negative": set_tag("l", "-1"),
    "with a sign": both(covers(3), set_tag("l", "+3")),
    "no number": set_tag("l", "ten"),
    "a number and more": both(covers(3), set_tag("l", "3x")),
    "hexadecimal": both(covers(3), set_tag("l", "0x3")),
    "nothing behind it": set_tag("l", ""),
    "blanks within": both(covers(12), set_tag("l", "1 2")),
})


# ---- times ----

rows("times", "pass", {
    "no t=": set_tag("t", None),
    "t= of 1970": set_tag("t", "100"),
    "t= with zeros before it": set_tag("t", "001700000000"),
    "x= to come": set_tag("x", "4000000000"),
    "x= of 12 digits": set_tag("x", "999999999999"),
    "x= of 13 digits": set_tag("x", "9999999999999"),
    "x= of 25 digits": set_tag("x", "9" * 25),
    "x= and no t=": both(set_tag("t", None), set_tag("x", "4000000000")),
})
rows("times", "error", {
    "x= past": set_tag("x", "1700000001"),
    "x= past, and no t=": both(set_tag("t", None), set_tag("x", "1000000000")),
    "x= before t=": set_tag("x", "1600000000"),
    "x= is t=": both(set_tag("t", "1700000000"), set_tag("x", "1700000000")),
    "x= before t=, both to come": both(set_tag("t", "4000000002"), set_tag("x", "4000000001")),
    "x= negative": set_tag("x", "-1"),
    "x= no number": set_tag("x", "never"),
    "x= nothing behind it": set_tag("x", ""),
    "x= of a fraction": set_tag("x", "4000000000.5"),
    "x= past, of a fraction": set_tag("x", "1700000001.5"),
    "t= to come": set_tag("t", "4000000000"),
    "t= of 13 digits": set_tag("t", "9999999999999"),
    "t= of 25 digits": set_tag("t", "9" * 25),
    "t= negative": set_tag("t", "-1"),
    "t= no number": set_tag("t", "now"),
    "t= nothing behind it": set_tag("t", ""),
    "t= blanks within": set_tag("t", "17000 00000"),
})


# ---- i= and d= ----

rows("i=", "pass", {
    "the domain": set_tag("i", "@example.net"),
    "a user": set_tag("i", "ann@example.net"),
    "a subdomain": set_tag("i", "ann@mail.example.net"),
    "other letters": set_tag("i", "Ann@Example.NET"),
    "quoted-printable": set_tag("i", "a=3Db=20c@example.net"),
    "folded": set_tag("i", "ann\r\n @example.net"),
    "an @ within quotes": set_tag("i", '"a@b"@example.net'),
    "d= in capitals": both(lambda d: setattr(d.sig, "domain", b"EXAMPLE.NET"), set_tag("i", "ann@example.net")),
})
rows("i=", "error", {
    "another domain": set_tag("i", "ann@example.org"),
    "a domain above": set_tag("i", "ann@net"),
    "a domain that ends alike": set_tag("i", "ann@evilexample.net"),
    "no domain": set_tag("i", "ann"),
    "an empty domain": set_tag("i", "ann@"),
    "nothing behind it": set_tag("i", ""),
    "the domain without @": set_tag("i", "example.net"),
    "a subdomain without @": set_tag("i", "ann.example.net"),
    "the domain and a dot": set_tag("i", "ann@example.net."),
})


def key_at(d, domain):
    """The key of this draft, under another domain."""
    d.sig.domain = domain
    d.records[d.sig.selector + b"._domainkey." + domain.strip(b".")] = [d.sig.key.record.encode()]


rows("names", "pass", {
    "d= in capitals": lambda d: setattr(d.sig, "domain", b"EXAMPLE.net"),
    "d= folded": set_tag("d", b"example.net\r\n\t"),
    "d= of one label": lambda d: key_at(d, b"localhost"),
    "d= of A-labels": lambda d: key_at(d, b"xn--bcher-kva.example"),
    "d= of U-labels": lambda d: (key_at(d, b"xn--bcher-kva.example"), setattr(d.sig, "domain", "b\u00fccher.example".encode())),
    "d= with an underscore": lambda d: key_at(d, b"my_host.example"),
    "s= with dots": lambda d: (setattr(d.sig, "selector", b"a.b%d" % d.number), d.publish([d.sig.key.record])),
    "s= with an underscore": lambda d: (setattr(d.sig, "selector", b"a_b%d" % d.number), d.publish([d.sig.key.record])),
})
rows("names", "error", {
    "d= without a key": lambda d: setattr(d.sig, "domain", b"example.org"),
    "d= with a dot at the end": lambda d: setattr(d.sig, "domain", b"example.net."),
    "d= of dots": lambda d: setattr(d.sig, "domain", b"a..b"),
    "d= of other characters": lambda d: setattr(d.sig, "domain", b"ex(ample).net"),
    "d= 8-bit": lambda d: setattr(d.sig, "domain", b"b\xfccher.example"),
    "s= with a dot at the end": lambda d: set_tag("s", d.sig.selector + b".")(d),
    "s= of other characters": set_tag("s", b"a@b"),
    "s= without a key": set_tag("s", b"other"),
})


# ---- tags in general ----

def repeat(name):
    def change(d):
        def edit(value):
            spec = next(s for s in value.split(b";") if s.strip().startswith(name + b"="))
            return value.replace(b";", b";" + spec.rstrip() + b";", 1) if name != b"b" else value + b"; b=" + b"A" * 172
        d.sig.edit = edit
    return change


def without_b(d):
    d.sig.tags["b"] = None


rows("a tag is missing", "error", {
    **{f"{name}=": set_tag(name, None) for name in ("v", "a", "d", "s", "h", "bh")},
    "b=": without_b,
})
rows("a tag is empty", "error", {f"{name}=": set_tag(name, "") for name in ("v", "a", "c", "d", "s", "h", "bh", "b", "q")})
rows("a tag is there twice", "error", {f"{name.decode()}=": repeat(name) for name in (b"v", b"a", b"c", b"d", b"s", b"h", b"bh", b"b", b"t")})
rows("a tag is there twice", "error", {
    "an unknown one": lambda d: d.sig.extra.extend([b"zz=1", b"zz=1"]),
    "d= with another domain": lambda d: d.sig.extra.append(b"d=example.org"),
    "l= with another length": lambda d: (covers(lambda n: n)(d), d.sig.extra.append(b"l=0")),
})
rows("tags", "pass", {
    "in another order": lambda d: setattr(d.sig, "order", d.rng.sample(["v", "a", "c", "d", "s", "t", "h", "bh", "b"], 9)),
    "an unknown one": lambda d: d.sig.extra.append(b"zz=anything goes / here"),
    "an unknown one without a value": lambda d: d.sig.extra.append(b"zz="),
    "an unknown one with = in its value": lambda d: d.sig.extra.append(b"zz=a=b=c"),
    "UTF-8 in an unknown one": lambda d: d.sig.extra.append("zz=\u00fc\u2713".encode()),
    "a long unknown one": lambda d: d.sig.extra.append(b"zz=" + b"x" * 3000),
    "a semicolon at the end": lambda d: setattr(d.sig, "edit", lambda v: v + b";"),
    "a semicolon and blanks at the end": lambda d: setattr(d.sig, "edit", lambda v: v + b"; \r\n\t"),
    "blanks around the equals signs": lambda d: setattr(d.sig, "edit", lambda v: re.sub(rb"(^|;)(\s*)(\w+)=", rb"\1\2\3 = ", v)),
    "folded at the equals signs": lambda d: setattr(d.sig, "edit", lambda v: re.sub(rb"(^|;)(\s*)(\w+)=", rb"\1\2\3=\r\n\t ", v)),
    "all in one line": lambda d: setattr(d.sig, "join", b";"),
    "no blank at the front": lambda d: setattr(d.sig, "edit", lambda v: v.lstrip()),
    "z= of some fields": set_tag("z", "From:ann@example.net|To:bob@example.org=0D=0A|Subject:=20a=3Bb"),
    "z= empty": set_tag("z", ""),
    "q= of the usual": set_tag("q", "dns/txt"),
    "q= with another behind it": set_tag("q", "dns/txt:other"),
    "q= with another before it": set_tag("q", "other/x : dns/txt"),
    "b= folded": lambda d: setattr(d.sig, "edit_b", lambda b: re.sub(rb"(.{30})", rb"\1\r\n\t", b)),
    "b= with blanks": lambda d: setattr(d.sig, "edit_b", lambda b: b" " + re.sub(rb"(.{7})", rb"\1 ", b) + b" "),
    "b= without padding": lambda d: setattr(d.sig, "edit_b", lambda b: b.rstrip(b"=")),
    "bh= folded": lambda d: setattr(d.sig, "edit", lambda v: re.sub(rb"(bh=.{10})", rb"\1\r\n ", v)),
    "bh= without padding": lambda d: setattr(d.sig, "edit", lambda v: re.sub(rb"(bh=[^=;]*)=", rb"\1", v)),
    "b= not at the end": lambda d: setattr(d.sig, "order", ["v", "a", "b", "c", "d", "s", "t", "h", "bh"]),
    "a name that begins with b": lambda d: d.sig.extra.append(b"bb=AAAA"),
    "the name in other letters": lambda d: setattr(d.sig, "field_name", b"dkim-SIGNATURE"),
})
rows("tags", "error", {
    "no equals sign": lambda d: d.sig.extra.append(b"zz"),
    "no equals sign at the end": lambda d: setattr(d.sig, "edit", lambda v: v + b"; zz"),
    "no name": lambda d: d.sig.extra.append(b"=1"),
    "a name that begins with a digit": lambda d: d.sig.extra.append(b"1z=1"),
    "a name with a hyphen": lambda d: d.sig.extra.append(b"z-z=1"),
    "a name with a blank": lambda d: d.sig.extra.append(b"z z=1"),
    "an empty one": lambda d: setattr(d.sig, "edit", lambda v: v.replace(b";", b";;", 1)),
    "an empty one at the front": lambda d: setattr(d.sig, "edit", lambda v: b" ;" + v),
    "8-bit in a value": lambda d: d.sig.extra.append(b"zz=\xe4"),
    "a control in a value": lambda d: d.sig.extra.append(b"zz=a\x01b"),
    "v= in capitals": lambda d: setattr(d.sig, "edit", lambda v: v.replace(b"v=1", b"V=1")),
    "v=2": set_tag("v", "2"),
    "v=0.5": set_tag("v", "0.5"),
    "v=1.0": set_tag("v", "1.0"),
    "v=01": set_tag("v", "01"),
    "a= unknown": set_tag("a", "rsa-sha512"),
    "a= in capitals": lambda d: set_tag("a", d.sig.key.algorithm.upper())(d),
    "a= of another type of key": lambda d: set_tag("a", "rsa-sha256" if d.sig.key.algorithm.startswith("ed") else "ed25519-sha256")(d),
    "c= unknown": set_tag("c", "nofws"),
    "c= unknown for the body": set_tag("c", "relaxed/nofws"),
    "c= of three words": set_tag("c", "relaxed/relaxed/relaxed"),
    "c= in capitals": lambda d: set_tag("c", "/".join(d.sig.canon).upper())(d),
    "c= nothing behind the slash": lambda d: (canon(None, "simple")(d), set_tag("c", d.sig.canon[0] + "/")(d)),
    "q= unknown": set_tag("q", "http"),
    "q= without its option": set_tag("q", "dns"),
    "q= of another option": set_tag("q", "dns/a"),
    "bh= short": set_tag("bh", "AAAA"),
    "bh= no base64": set_tag("bh", "!" * 44),
    "b= no base64": lambda d: setattr(d.sig, "edit_b", lambda b: b"!" * 172),
    "h= without From": lambda d: setattr(d.sig, "names", [b"To", b"Subject"]),
    "h= with an empty name": set_tag("h", "From::To"),
    "h= with a colon at the end": set_tag("h", "From:To:"),
    "h= with a colon at the front": set_tag("h", ":From:To"),
    "a list of 200 tags": lambda d: d.sig.extra.extend(b"z%d=1" % i for i in range(200)),
    "nothing": lambda d: setattr(d.sig, "edit", lambda v: b""),
    "words": lambda d: setattr(d.sig, "edit", lambda v: b" it is signed"),
})
rows("tags", "fail", {
    "bh= of another body": set_tag("bh", base64.b64encode(hashlib.sha256(b"x").digest())),
    "b= cut off": lambda d: setattr(d.sig, "edit_b", lambda b: b[:-8]),
    "b= longer": lambda d: setattr(d.sig, "edit_b", lambda b: b"AAAA" + b),
    "b= of another": lambda d: setattr(d.sig, "edit_b", lambda b: base64.b64encode(b"x" * len(base64.b64decode(b)))),
})


@kind("tags/rsa-sha1")
def rsa_sha1(d):
    d.use(dkim_sender.rsa(1024))
    d.sig.hasher = hashlib.sha1
    d.sig.tags["a"] = "rsa-sha1"
    return "error"


# ---- keys ----

def p_of(d):
    return d.sig.key.p


def record(form, algorithm=None):
    """A record of this form: {k} the type, {p} the key."""
    def change(d):
        if algorithm:
            d.sig.key = dkim_sender.ed25519() if algorithm == "ed25519" else dkim_sender.rsa(1024)
        d.publish([form.format(k=d.sig.key.algorithm.split("-")[0], p=p_of(d))])
    return change


def records(*forms):
    def change(d):
        d.publish([form.format(k=d.sig.key.algorithm.split("-")[0], p=p_of(d)) for form in forms])
    return change


def foreign(key):
    return lambda d: d.publish([key.record], d.sig.selector)


@functools.lru_cache(None)
def openssl_p(*args):
    """p= of a key that openssl makes."""
    private = dkim_sender.openssl("genpkey", *args)
    return base64.b64encode(dkim_sender.openssl("pkey", "-pubout", "-outform", "DER", data=private)).decode()


GOOD = "v=DKIM1; k={k}; p={p}"
rows("key", "pass", {
    "PKCS#1": lambda d: d.use(dkim_sender.rsa(1024), dkim_sender.rsa(1024).pkcs1),
    "no v=": record("k={k}; p={p}"),
    "no k=": record("v=DKIM1; p={p}", "rsa"),
    "p= alone": record("p={p}", "rsa"),
    "p= in the middle": record("v=DKIM1; p={p}; k={k}"),
    "a semicolon at the end": record(GOOD + ";"),
    "no blanks": record("v=DKIM1;k={k};p={p}"),
    "blanks around": record("  v = DKIM1 ; k = {k} ;  p = {p}  "),
    "p= with blanks": lambda d: d.publish(["v=DKIM1; k=%s; p=%s" % (d.sig.key.algorithm.split("-")[0], re.sub("(.{40})", r"\1 ", p_of(d)))]),
    "h=sha256": record("v=DKIM1; h=sha256; k={k}; p={p}"),
    "h= of several": record("v=DKIM1; h=sha1 : sha256; k={k}; p={p}"),
    "h= with an unknown one": record("v=DKIM1; h=sha3:sha256; k={k}; p={p}"),
    "s=email": record("v=DKIM1; s=email; k={k}; p={p}"),
    "s=*": record("v=DKIM1; s=*; k={k}; p={p}"),
    "s= of several": record("v=DKIM1; s=other:email; k={k}; p={p}"),
    "t=y": record(GOOD + "; t=y"),
    "t=s, and i= of the domain": both(record(GOOD + "; t=s"), set_tag("i", "ann@example.net")),
    "t=s, and no i=": record(GOOD + "; t=s"),
    "t= unknown": record(GOOD + "; t=x"),
    "g=* of RFC 4871": record("v=DKIM1; g=*; k={k}; p={p}"),
    "g= of another, of RFC 4871": record("v=DKIM1; g=bob; k={k}; p={p}"),
    "n= of notes": record("v=DKIM1; n=what=20it=20is; k={k}; p={p}"),
    "n= in UTF-8": record(GOOD + "; n=gr\u00fc\u00dfe"),
    "an unknown tag": record(GOOD + "; zz=1"),
    "several records, the key behind": records("v=spf1 -all", GOOD),
    "several records, the key before": records(GOOD, "v=spf1 -all"),
    "several keys, a revoked one before": records("v=DKIM1; p=", GOOD),
    "several keys, one of another type before": lambda d: d.publish([
        dkim_sender.ed25519().record if d.sig.key.algorithm.startswith("rsa") else dkim_sender.rsa(1024).record, d.sig.key.record]),
    "4096 bits": lambda d: d.use(dkim_sender.rsa(4096)),
    "a record of 1500 octets": record(GOOD + "; n=" + "x" * 1200),
})
rows("key", "error", {
    "Ed25519 without k=": record("v=DKIM1; p={p}", "ed25519"),
    "Ed25519 as SubjectPublicKeyInfo": lambda d: d.use(dkim_sender.ed25519(), "v=DKIM1; k=ed25519; p=" + base64.b64encode(
        bytes.fromhex("302a300506032b6570032100") + base64.b64decode(dkim_sender.ed25519().p)).decode()),
    "Ed25519 cut off": lambda d: d.use(dkim_sender.ed25519(), dkim_sender.ed25519().record[:-8]),
    "RSA cut off": lambda d: d.use(dkim_sender.rsa(1024), dkim_sender.rsa(1024).record[:-40]),
    "RSA with more behind it": lambda d: d.use(dkim_sender.rsa(1024), "v=DKIM1; k=rsa; p=" + base64.b64encode(
        base64.b64decode(dkim_sender.rsa(1024).p) + b"more").decode()),
    "of an elliptic curve": lambda d: d.publish(["v=DKIM1; k=rsa; p=" + openssl_p("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")]),
    "another type": lambda d: d.publish([dkim_sender.ed25519().record if d.sig.key.algorithm.startswith("rsa") else dkim_sender.rsa(1024).record]),
    "v= of another": record("v=DKIM2; k={k}; p={p}"),
    "v= in other letters": record("v=dkim1; k={k}; p={p}"),
    "v= not at the front": record("k={k}; v=DKIM1; p={p}"),
    "v= empty": record("v=; k={k}; p={p}"),
    "k= unknown": record("v=DKIM1; k=dsa; p={p}"),
    "k= empty": record("v=DKIM1; k=; p={p}"),
    "h=sha1": record("v=DKIM1; h=sha1; k={k}; p={p}"),
    "h= unknown": record("v=DKIM1; h=sha3; k={k}; p={p}"),
    "s= of another": record("v=DKIM1; s=other; k={k}; p={p}"),
    "s=tlsrpt": record("v=DKIM1; s=tlsrpt; k={k}; p={p}"),
    "t=s, and i= below the domain": both(record(GOOD + "; t=s"), set_tag("i", "ann@mail.example.net")),
    "t=y:s, and i= below the domain": both(record(GOOD + "; t=y:s"), set_tag("i", "ann@mail.example.net")),
    "revoked": record("v=DKIM1; k={k}; p="),
    "no p=": record("v=DKIM1; k={k}"),
    "p= no base64": record("v=DKIM1; k={k}; p=!!!"),
    "p= no key": record("v=DKIM1; k={k}; p=aGVsbG8="),
    "a tag twice": record("v=DKIM1; k={k}; k={k}; p={p}"),
    "p= twice": record(GOOD + "; p={p}"),
    "no list of tags": record("v=DKIM1; k={k}; p={p}; more"),
    "8-bit": lambda d: d.publish([d.sig.key.record.encode() + b"; n=\xe4"]),
    "another record": record("v=spf1 -all"),
    "words": record("hello"),
    "none": lambda d: d.records.clear(),
    "512 bits": lambda d: d.use(dkim_sender.rsa(512)),
    "768 bits": lambda d: d.use(dkim_sender.rsa(768)),
})
rows("key", "temperror", {"cannot be looked up": lambda d: d.publish(["SERVFAIL"])})
rows("key", "fail", {
    "several keys, the right one behind": lambda d: d.use(dkim_sender.rsa(1024)) or d.publish([dkim_sender.rsa(1024, 1).record, d.sig.key.record]),
    "another one": lambda d: d.use(dkim_sender.rsa(1024), dkim_sender.rsa(1024, 1).record),
    "another one of Ed25519": lambda d: d.use(dkim_sender.ed25519(), "v=DKIM1; k=ed25519; p=" + base64.b64encode(
        bytes(nacl.signing.SigningKey(b"1" * 32).verify_key)).decode()),
})
rows("key", "error", {"t=y, and the signature does not fit": both(record(GOOD + "; t=y"), later(append))})


# ---- what happens on the way ----

def flip(octets, at):
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1:]


def change_body(d):
    letters = [i for i, c in enumerate(d.body) if chr(c).isalpha()]
    d.body = flip(d.body, d.rng.choice(letters))


def change_signature(d):
    name, value = d.fields[0]
    value, b = value.rsplit(b"b=", 1)
    at = d.rng.randrange(10, 60)
    d.fields[0] = (name, value + b"b=" + b[:at] + (b"A" if b[at:at + 1] != b"A" else b"B") + b[at + 1:])


def reorder(d):
    signature, *rest = d.fields
    d.rng.shuffle(rest)
    d.fields = [signature, *rest]


def swap_received(d):
    at = [i for i, (n, _) in enumerate(d.fields) if n == b"Received"]
    d.fields[at[0]], d.fields[at[-1]] = d.fields[at[-1]], d.fields[at[0]]


rows("on the way", "fail", {
    "an octet of the body changed": later(change_body),
    "a line added to the body": later(append),
    "the body gone": later(set_body(b"")),
    "the first line of the body gone": later(lambda d: setattr(d, "body", d.body.split(b"\r\n", 1)[1])),
    "b= changed": later(change_signature),
    "a signed field changed": later(lambda d: d.field(b"Subject", b" another")),
    "a signed field in other letters": both(lambda d: d.field(b"Subject", b" abc"), later(lambda d: d.field(b"Subject", b" ABC"))),
    "a signed field gone": later(lambda d: setattr(d, "fields", [f for f in d.fields if f[0] != b"Subject"])),
    "a signed field added below": later(lambda d: d.fields.append((b"Subject", b" another"))),
    "an oversigned field added": both(lambda d: d.sig.names.append(b"Subject"), later(lambda d: d.fields.insert(1, (b"Subject", b" another")))),
    "a field that was named and not there added": both(lambda d: d.sig.names.append(b"Cc"), later(lambda d: d.fields.append((b"Cc", b" x@example.org")))),
    "two of one name change places": both(lambda d: repeated(d, 5), later(swap_received)),
    "a tag changed": later(lambda d: d.fields.__setitem__(0, (d.fields[0][0], d.fields[0][1].replace(b"t=1700000000", b"t=1700000001")))),
    "a tag added": later(lambda d: d.fields.__setitem__(0, (d.fields[0][0], d.fields[0][1] + b"; zz=1"))),
    "empty body becomes a line": both(set_body(b""), later(set_body(b"x\r\n"))),
})
rows("on the way, simple", "fail", {
    "a field folded anew": both(canon("simple"), lambda d: d.field(b"Subject", b" a b"), later(lambda d: d.field(b"Subject", b" a\r\n b"))),
    "a name in other letters": both(canon("simple"), later(lambda d: setattr(d, "fields", [d.fields[0]] + [(n.upper(), v) for n, v in d.fields[1:]]))),
    "the signature folded anew": both(canon("simple"), lambda d: setattr(d.sig, "join", b"; "),
                                      later(lambda d: d.fields.__setitem__(0, (d.fields[0][0], d.fields[0][1].replace(b"; ", b";\r\n\t"))))),
    "blanks added to the body": both(canon(None, "simple"), later(lambda d: setattr(d, "body", d.body.replace(b"\r\n", b" \r\n")))),
})
rows("on the way", "pass", {
    "an unsigned field added": later(lambda d: d.fields.append((b"X-Unsigned", b" more"))),
    "a field added at the top": later(lambda d: d.fields.insert(0, (b"Received", b" from somewhere"))),
    "other fields in another order": later(reorder),
    "a signed field added above": later(lambda d: d.fields.insert(1, (b"Subject", b" another"))),
    "a From added above": later(lambda d: d.fields.insert(1, (b"From", b" Mallory <m@example.com>"))),
    "empty lines added at the end": later(lambda d: setattr(d, "body", d.body + b"\r\n\r\n")),
    "empty lines at the end gone": both(lambda d: setattr(d, "body", d.body + b"\r\n\r\n"), later(lambda d: setattr(d, "body", d.body[:-4]))),
    "the last line end gone": later(lambda d: setattr(d, "body", d.body[:-2])),
})
rows("on the way, relaxed", "pass", {
    "a field folded anew": both(canon("relaxed"), lambda d: d.field(b"Subject", b" a b"), later(lambda d: d.field(b"Subject", b" a\r\n\tb \t"))),
    "names in other letters": both(canon("relaxed"), later(lambda d: setattr(d, "fields", [(n.upper(), v) for n, v in d.fields]))),
    "the signature folded anew": both(canon("relaxed"), lambda d: setattr(d.sig, "join", b"; "),
                                      later(lambda d: d.fields.__setitem__(0, (d.fields[0][0], d.fields[0][1].replace(b"; ", b";\r\n\t  "))))),
    "blanks added to the body": both(canon(None, "relaxed"), later(lambda d: setattr(d, "body", d.body.replace(b" ", b"\t  ").replace(b"\r\n", b" \r\n")))),
    "lines of blanks added at the end": both(canon(None, "relaxed"), later(lambda d: setattr(d, "body", d.body + b" \r\n\t\r\n"))),
})


# ---- of all that together ----

@kind("chance", 400)
def chance(d):
    """An oddity in the header, one in the body, and half of the messages are changed on the way."""
    d.rng.choice([lambda d: None, lambda d: d.field(b"Subject", b"\r\n\tone  \t two "), lambda d: d.field(b"Subject", b""), many_fields,
                  lambda d: repeated(d, 7), lambda d: d.field(b"To", b" gr\xfc\xdfe <bob@example.org>,\r\n  c@example.org"),
                  lambda d: d.sig.names.extend([b"From", b"Cc", b"Subject"])])(d)
    d.rng.choice([lambda d: None, set_body(b""), set_body(b" \t\r\n\r\n"), set_body(b"x  y \r\n\t\r\n \t\r\n\r\n"),
                  lambda d: setattr(d, "body", d.body.replace(b" ", b" \t") * 30), set_body(b"\xff\x00\x01\r\n" * 7)])(d)
    d.rng.choice([lambda d: None, covers(lambda n: n // 3), set_tag("x", "4000000000"), lambda d: d.sig.extra.append(b"zz=a;yy="),
                  set_tag("i", "ann@mail.example.net"), record("v=DKIM1;h=sha256;k={k};s=email;p={p};")])(d)
    if d.rng.random() < 0.5:
        return "pass"
    d.rng.choice([later(lambda d: d.field(b"From", b" mallory@example.com")), later(change_signature),
                  later(lambda d: setattr(d, "body", b"X\r\n" + d.body)) if d.sig.covered is None else later(change_signature)])(d)
    return "fail"


# ---- several signatures ----

@kind("several/two good ones")
def two_good(d):
    d.add_signature()
    return "pass+pass"


@kind("several/five good ones")
def five_good(d):
    for _ in range(4):
        d.add_signature()
    return "+".join(["pass"] * 5)


@kind("several/one key for two")
def one_key(d):
    second = d.add_signature(d.sig.key)
    second.selector = d.sig.selector
    return "pass+pass"


@kind("several/a changed one above")
def changed_above(d):
    d.add_signature()
    d.after.append(lambda: change_signature(d))
    return "fail+pass"


@kind("several/a broken one above")
def broken_above(d):
    d.add_signature().edit = lambda value: b" v=1; nonsense"
    return "error+pass"


@kind("several/an empty one above")
def empty_above(d):
    d.add_signature().edit = lambda value: b""
    return "error+pass"


@kind("several/l= in the one above")
def length_above(d):
    d.add_signature().covered = 3
    return "pass+pass"


@kind("several/l= in the one below")
def length_below(d):
    d.sig.covered = 3
    d.add_signature()
    return "pass+pass"


@kind("several/l= in the one above, and the body appended")
def length_above_appended(d):
    """Whoever adds text adds a signature too, whose l= is as long as what the other one has signed."""
    other = d.add_signature()
    other.canon[1] = d.sig.canon[1]
    other.covered = len(canonical_body(d.sig.canon[1], d.body))
    d.after.append(lambda: append(d))
    return "pass+fail"


@kind("several/one signs the other")
def signs_the_other(d):
    d.add_signature().names.append(b"DKIM-Signature")
    return "pass+pass"


@kind("several/the lower one is changed")
def lower_changed(d):
    d.add_signature()

    def change():
        name, value = d.fields[1]
        value, b = value.rsplit(b"b=", 1)
        d.fields[1] = (name, value + b"b=" + (b"A" if b[:1] != b"A" else b"B") + b[1:])
    d.after.append(change)
    return "pass+fail"
