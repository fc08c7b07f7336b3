/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugin.h - what a check may use, and what it has to offer: the public API of Sluice.
 *
 * A check is a pure function of the transaction and of the answers so far. It looks (sluice_helo(), ...), asks
 * (sluice_ask_dns()), and reports facts (sluice_set_bool(), ...). An ask whose answer is not here yet returns NULL;
 * the check then returns SLUICE_PENDING and is run again, from its beginning, when an answer has come. It never
 * blocks, owns no thread and takes no lock; all checks of one session run on one thread at a time. Whatever it does
 * before an ask it will do again, so nothing but an ask may have an effect.
 *
 * Everything that a getter returns is borrowed, and valid until run() returns unless its comment says more.
 * Bytes from the network are pointer and length; where a NUL follows them it is not counted.
 */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_PLUGIN_ABI 8

/* ---- stages and outcomes ---- */

/* The stages of a transaction in their order; PROBE stands beside it (see struct sluice_check). */
enum sluice_stage {
	SLUICE_STAGE_CONNECT,
	SLUICE_STAGE_HELO,
	SLUICE_STAGE_MAIL,
	SLUICE_STAGE_RCPT,
	SLUICE_STAGE_DATA,
	SLUICE_STAGE_MESSAGE, /* the end of the message: headers and body are known */
	SLUICE_STAGE_PROBE,   /* no transaction: looks after the health of what the checks ask */
};
#define SLUICE_STAGES SLUICE_STAGE_PROBE /* how many stages a transaction has */

enum sluice_outcome {
	SLUICE_DONE,      /* all facts that could be found are set */
	SLUICE_PENDING,   /* an ask returned NULL: run me again when an answer is here */
	SLUICE_SKIPPED,   /* nothing to look at (no HELO given, the client is ourselves, ...) */
	SLUICE_TEMPERROR, /* the world did not answer; facts that were set stay */
};

/* ---- facts ---- */

enum sluice_type {
	SLUICE_BOOL,
	SLUICE_INT,     /* int64_t */
	SLUICE_MILLI,   /* a decimal number in thousandths: scores and weights */
	SLUICE_ENUM,    /* one of a fixed list of words */
	SLUICE_TEXT,    /* octets, compared as they are */
	SLUICE_DOMAIN,  /* text, compared without regard to ASCII case */
	SLUICE_ADDRESS, /* a mail address: the domain is compared without regard to case, the local part as well */
	SLUICE_IP,
	SLUICE_TEXTS, /* a list of SLUICE_TEXT */
};

/* A fact that a check can report. Its index in the plugin's table is what sluice_set_...() takes. */
struct sluice_fact {
	const char *name; /* "spf.result": [a-z][a-z0-9_]* on either side of the dot; NULL ends the table */
	enum sluice_type type;
	const char *const *words; /* of SLUICE_ENUM: NULL-terminated, else NULL */
	const char *help;         /* one line without a full stop, for the manual */
};

/* ---- plain values ---- */

struct sluice_ip {
	uint8_t family;    /* 4, 6, or 0: unknown. An IPv4-mapped IPv6 address is family 4 */
	uint8_t bytes[16]; /* network order; the first 4 for family 4 */
};

/*
 * A mail address as the SMTP client gave it, without the angle brackets.
 * domain is what follows the last unquoted @ with no regard to its form; it may be empty.
 */
struct sluice_address {
	const char *text; /* as given, a NUL after it */
	size_t len;
	const char *local;
	size_t local_len;
	const char *domain; /* a NUL after it */
	size_t domain_len;
	bool null; /* the null reverse-path <> */
};

/* ---- looking ---- */

struct sluice_check_ctx;

/* The SMTP client's address; family 0 when the MTA gave none (a local submission). */
const struct sluice_ip *sluice_client_ip(const struct sluice_check_ctx *c);
/* NULL when no HELO or EHLO was given. */
const char *sluice_helo(const struct sluice_check_ctx *c, size_t *ret_len);
/* NULL before MAIL. */
const struct sluice_address *sluice_mail_from(const struct sluice_check_ctx *c);
/* The recipient that this run is about; NULL except at RCPT. */
const struct sluice_address *sluice_rcpt(const struct sluice_check_ctx *c);
/* A recipient of the message that was not refused so far, from 0 on; NULL when there are no more. */
const struct sluice_address *sluice_recipient(const struct sluice_check_ctx *c, size_t i);
/* The MTA itself has refused that recipient: see struct sluice_check. */
bool sluice_rcpt_rejected(const struct sluice_check_ctx *c);
/* The client gave valid credentials (SMTP AUTH). Known from MAIL on. */
bool sluice_authenticated(const struct sluice_check_ctx *c);
/* The message is internationalized (SMTPUTF8, RFC 6531): its header may be in UTF-8. */
bool sluice_smtputf8(const struct sluice_check_ctx *c);
/* Our own name: the authserv-id. */
const char *sluice_our_name(const struct sluice_check_ctx *c);
/* What the MTA calls the message in its queue; "" as long as it has not said. */
const char *sluice_queue_id(const struct sluice_check_ctx *c);
/* Wall clock, seconds since 1970; the same for the whole transaction. */
int64_t sluice_now_s(const struct sluice_check_ctx *c);
/* What configure() returned for the snapshot that this session began with. */
const void *sluice_state(const struct sluice_check_ctx *c);
/*
 * Is the value in the named list of the configuration? false for a list that is not defined, and for a list of
 * another type. Lists that a check uses are named in struct sluice_plugin.
 */
bool sluice_list_has_domain(const struct sluice_check_ctx *c, const char *list, const char *domain, size_t len);
bool sluice_list_has_ip(const struct sluice_check_ctx *c, const char *list, const struct sluice_ip *ip);
bool sluice_list_has_address(const struct sluice_check_ctx *c, const char *list, const struct sluice_address *a);

/*
 * A fact of another check that struct sluice_check names in `reads`, or one of those that no check has to find: the word of an
 * ENUM, the octets of a TEXT, DOMAIN or ADDRESS, yes or no of a BOOL. NULL when it is not known.
 */
const char *sluice_fact(const struct sluice_check_ctx *c, const char *name, size_t *ret_len);

/* Item i, from 0 on, of a TEXTS fact; as sluice_fact(). NULL when there are no more. */
const char *sluice_fact_item(const struct sluice_check_ctx *c, const char *name, size_t i, size_t *ret_len);

/* ---- memory ---- */

/*
 * size zeroed bytes that live as long as the facts of this check; no free. NULL when there is no memory or the
 * session has used up its share; then return SLUICE_TEMPERROR.
 */
void *sluice_alloc(struct sluice_check_ctx *c, size_t size);

/*
 * A pointer of this check's own for what it is run over, the message, the recipient or the connection: NULL until it sets one,
 * and kept from one call of its functions to the next. When that has ended, in whatever way, drop() of struct sluice_check
 * gets it, unless it is NULL.
 */
void **sluice_memory(struct sluice_check_ctx *c);

/* ---- the bytes of a message as they come ---- */

enum sluice_part_type {
	SLUICE_PART_HEADER, /* a header field; they come in their order */
	SLUICE_PART_HEADER_END,
	SLUICE_PART_BODY, /* some of the body, cut anywhere; lines end as the MTA has them, which is CRLF */
};
struct sluice_part {
	enum sluice_part_type type;
	const char *name; /* of HEADER: what stands before the colon; a NUL after it */
	size_t name_len;
	const char *bytes; /* HEADER: all between the colon and the last CRLF, with blanks, folds with CRLF. BODY: the octets */
	size_t len;
};

/*
 * The body, which is kept once for all checks that have `body`; in run() alone, and as long as that. Lines end as the MTA has them. A
 * body larger than the configuration lets be looked at is cut: *ret_size is what all of it has. NULL: it could not be kept, and
 * *ret_why, a static text, says why; then return SLUICE_TEMPERROR.
 */
const char *sluice_body(struct sluice_check_ctx *c, size_t *ret_len, size_t *ret_size, const char **ret_why);

/* The i-th field of the message's header, from 0 on, in run() at MESSAGE; borrowed as long as the message. False: there are no more. */
bool sluice_header_field(const struct sluice_check_ctx *c, size_t i, struct sluice_part *ret);

/* ---- what is inside ---- */

/* What filters and readers of mail are fooled with, as one sees it where another does not; together in an unsigned. */
enum sluice_mime_odd {
	SLUICE_MIME_TWO_TYPES = 1 << 0,     /* more than one Content-Type: the first counts */
	SLUICE_MIME_TWO_ENCODINGS = 1 << 1, /* the same of Content-Transfer-Encoding */
	SLUICE_MIME_BAD_TYPE = 1 << 2,      /* a Content-Type that cannot be read */
	SLUICE_MIME_BAD_ENCODING = 1 << 3,  /* an encoding that nobody knows, or one for a part that may have none (RFC 2045 6.4) */
	SLUICE_MIME_BAD_HEADER = 1 << 4,    /* a line that is no field, or octets NUL */
	SLUICE_MIME_BAD_BOUNDARY = 1 << 5,  /* none, one that RFC 2046 5.1.1 forbids, or more than one, or that of a part around it */
	SLUICE_MIME_NEAR_BOUNDARY = 1 << 6, /* a line that begins as a boundary does, and goes on */
	SLUICE_MIME_NO_END = 1 << 7,        /* the last boundary is missing */
	SLUICE_MIME_EPILOGUE = 1 << 8,      /* text behind the last boundary */
	SLUICE_MIME_NAMES_DIFFER = 1 << 9,  /* names of one part that end in different extensions */
	SLUICE_MIME_NAME_REPEATED = 1 << 10,   /* one parameter given twice */
	SLUICE_MIME_NAME_EIGHT_BIT = 1 << 11,  /* octets that are not ASCII, not encoded */
	SLUICE_MIME_NAME_ENCODED_TWICE = 1 << 12, /* as RFC 2231 and as RFC 2047 have it, at once */
	SLUICE_MIME_NAME_CONTROL = 1 << 13,    /* NUL or another control character */
	SLUICE_MIME_NAME_BIDI = 1 << 14,       /* a character that turns the direction of writing: "exe.txt" can be shown for "txt.exe" */
	SLUICE_MIME_NAME_LONG = 1 << 15,       /* more than is looked at of it */
	SLUICE_MIME_NAME_OPEN = 1 << 16,       /* a quoted string without its end */
	SLUICE_MIME_JUNK = 1 << 17, /* octets that are not of its encoding; known when its content has been looked at */
};

struct sluice_text {
	const char *bytes;
	size_t len;
};

/* A part of the message. What is text in it has a NUL behind it. */
struct sluice_mime_part {
	const char *section; /* as IMAP names it (RFC 9051 6.4.5): "2.1"; a multipart that is a whole message has a last number "0" */
	unsigned parent;     /* the index of the part that it is in; of the message itself, which is the first, 0 */
	unsigned depth;      /* how many it is in */
	const char *type;    /* "text/plain", in lower case; where none can be read what RFC 2045 5.2 and RFC 2046 5.1.5 assume */
	const char *charset; /* as it is said; "": it is not */
	const char *encoding; /* Content-Transfer-Encoding, in lower case; "": it is not said */
	const struct sluice_text *names; /* all that filename and name give it, UTF-8: the first is what most readers show */
	size_t name_count;
	bool container;  /* a multipart or message: its content is the parts that it is the parent of */
	bool attachment; /* so its Content-Disposition */
	unsigned odd;    /* of enum sluice_mime_odd */
	const char *bytes; /* its content as it came, behind its header */
	size_t len;
};

struct sluice_mime {
	const struct sluice_mime_part *parts; /* each behind its parent */
	size_t count;
	bool too_many;  /* there are more: they are not among these */
	bool too_deep;  /* there is a part that was not opened, as it is in too many others */
	bool header_cut; /* a header of a part was larger than is looked at */
};

/*
 * The parts of the message (RFC 2045, 2046), found once for all checks; of a check with `body`, in run(), borrowed as long as the message.
 * NULL: there is no memory, or the body could not be kept, and *ret_why, a static text, says why; then return SLUICE_TEMPERROR.
 */
const struct sluice_mime *sluice_mime(struct sluice_check_ctx *c, const char **ret_why);
/* The octets of that part, its encoding undone; borrowed as the parts are. NULL: it is a container, or there is no memory. */
const char *sluice_mime_content(struct sluice_check_ctx *c, size_t part, size_t *ret_len);
/*
 * The text of that part in UTF-8, as far as text is shown to checks (`body { text }`). NULL: it is no text/..., or there is no memory.
 */
const char *sluice_mime_text(struct sluice_check_ctx *c, size_t part, size_t *ret_len);

/* ---- asking ---- */

enum sluice_dns_type {
	SLUICE_DNS_A = 1,
	SLUICE_DNS_CNAME = 5,
	SLUICE_DNS_PTR = 12,
	SLUICE_DNS_MX = 15,
	SLUICE_DNS_TXT = 16,
	SLUICE_DNS_AAAA = 28,
};

enum sluice_dns_status {
	SLUICE_DNS_OK,       /* at least one record */
	SLUICE_DNS_NODATA,   /* the name exists, but has no such record */
	SLUICE_DNS_NXDOMAIN, /* the name does not exist */
	SLUICE_DNS_FAILED,   /* SERVFAIL, a bogus signature, too many questions in this transaction, ... */
	SLUICE_DNS_TIMEOUT,  /* no answer before the stage's time was up */
};

struct sluice_dns_record {
	const char *data; /* A, AAAA: 4 or 16 octets. CNAME, PTR, MX: the name in text, no dot at its end.
	                     TXT: the octets of all its strings, joined. A NUL follows each. */
	size_t len;
	uint16_t preference; /* of MX */
};

struct sluice_dns_answer {
	enum sluice_dns_status status;
	bool secure; /* DNSSEC validated */
	uint32_t ttl_s;
	size_t count;
	const struct sluice_dns_record *records;
};

/*
 * Ask for the records of one name. NULL: the question is on its way, or will be when this run has ended.
 * An answer stays valid as long as the facts of this check. CNAMEs are followed.
 * name: text, with or without a dot at the end, escapes as in RFC 1035 5.1; a name that cannot be in the DNS
 * (RFC 1035 2.3.4) is answered NXDOMAIN at once.
 */
const struct sluice_dns_answer *sluice_ask_dns(struct sluice_check_ctx *c, const char *name, enum sluice_dns_type type);
/* The same, for a name that holds a secret: log, case and replies show the text `shown` in its place. */
const struct sluice_dns_answer *sluice_ask_dns_as(
	struct sluice_check_ctx *c, const char *name, enum sluice_dns_type type, const char *shown);

#define SLUICE_STORE_KEY_MAX   400   /* octets */
#define SLUICE_STORE_VALUE_MAX 65536 /* octets */
#define SLUICE_STORE_TALLY_MAX 2048  /* items at once */

/* What can be done to an entry of the store. The verb is part of its key. Each is atomic. */
enum sluice_store_verb {
	SLUICE_STORE_GREYLIST, /* somebody tries: see what is known of the key, and note it */
	SLUICE_STORE_RATE,     /* take from a limit (GCRA) */
	SLUICE_STORE_COUNT,    /* add to the count of the present window */
	SLUICE_STORE_SET,      /* add a member to a set of the present window, and estimate its size */
	SLUICE_STORE_GET,
	SLUICE_STORE_PUT,
	SLUICE_STORE_DELETE, /* of any verb but TALLY: see `of` */
	SLUICE_STORE_TALLY,  /* add to the two counts of each of many items, which the key is the book of, or only look at them */
};

/* Counts of an item; one that nobody has added to has 0 and 0. Neither is ever below 0 or above what fits. */
struct sluice_store_tally {
	uint32_t counts[2];
};

struct sluice_store_op {
	enum sluice_store_verb verb;
	const char *key;
	size_t key_len;
	union {
		struct {
			int64_t delay_ms, window_ms, lifetime_ms; /* wait before a retry; for a retry; after a pass */
			bool look;                                /* say what a try would bring, and note nothing */
		} greylist;
		struct {
			int64_t interval_us; /* between two units at the full rate */
			int64_t burst;       /* units at once, at least 1 */
			int64_t cost;        /* units; negative gives back; 0 only looks */
			bool count_blocked;  /* a try that is refused counts as well */
		} rate;
		struct {
			int64_t window_ms, add;
		} count;
		struct {
			int64_t window_ms;
			const char *member;
			size_t member_len;
		} set;
		struct {
			const char *value;
			size_t value_len;
			int64_t lifetime_ms;
		} put;
		struct {
			enum sluice_store_verb of; /* whose key it is; SLUICE_STORE_GET for a value */
		} entry; /* of DELETE */
		struct {
			const uint64_t *items; /* each once */
			size_t count;          /* at most SLUICE_STORE_TALLY_MAX */
			int32_t add[2];        /* to the counts of each; both 0 only looks */
			int64_t lifetime_ms;   /* an item is forgotten when nothing was added to it for so long, or up to an eighth less */
		} tally;
	};
};

enum sluice_store_status {
	SLUICE_STORE_OK,
	SLUICE_STORE_ABSENT,  /* of GET and DELETE */
	SLUICE_STORE_FAILED,  /* the store is out of order, or out of time; nothing else is valid */
};
enum sluice_store_greylist { SLUICE_STORE_GREYLIST_NEW, SLUICE_STORE_GREYLIST_EARLY, SLUICE_STORE_GREYLIST_PASS, SLUICE_STORE_GREYLIST_KNOWN };

struct sluice_store_answer {
	enum sluice_store_status status;
	const char *why;          /* of FAILED; static */
	enum sluice_store_greylist greylist;
	bool allowed;      /* RATE */
	int64_t wait_ms;   /* GREYLIST: until a retry may pass. RATE: until the cost could be taken */
	int64_t number;    /* GREYLIST: passes so far. RATE: units left. COUNT: of this window. SET: estimated members */
	int64_t before;    /* COUNT: of the window before */
	const char *value; /* GET. TALLY: a struct sluice_store_tally for each item, in their order. Borrowed for the call */
	size_t value_len;
};

/*
 * Run one operation on the store, once for each run of this check over its transaction (over each recipient, where that is
 * its scope) however often the check is run again: op is told from others by its verb, its
 * key and its amount (cost, add), a TALLY by its items as well. NULL: it is under way.
 * The answer is valid as long as the facts of this check. Keys begin with the plugin's name.
 */
const struct sluice_store_answer *sluice_ask_store(struct sluice_check_ctx *c, const struct sluice_store_op *op);

#define SLUICE_PROGRAM_LINE_MAX    65536     /* octets of an answer */
#define SLUICE_PROGRAM_REQUEST_MAX (4 << 20) /* octets of a question */

/*
 * A program of the site's own that the checks of a plugin ask over a socket, in lines of JSON: the daemon starts it, and again when it
 * has ended, or connects to where it listens. One and the same for all sessions, and kept over a reload that changes none of this.
 */
struct sluice_program {
	const char *name;        /* in logs and `sluicectl status`: "program NAME" */
	const char *const *argv; /* NULL-terminated, the first an absolute path: the daemon starts it. Or NULL, and: */
	const char *socket;      /* the path of a unix socket that somebody else listens at */
	const char *greeting;    /* the first line of each connection: a JSON object, without the line's end */
	int64_t timeout_ms;      /* for one answer */
};

enum sluice_program_status {
	SLUICE_PROGRAM_OK,
	SLUICE_PROGRAM_FAILED, /* it is not there, went away, or said what is no answer */
	SLUICE_PROGRAM_TIMEOUT,
};

struct sluice_program_answer {
	enum sluice_program_status status;
	const char *why;  /* unless OK; borrowed as line is */
	const char *line; /* of OK: a JSON object, with the id of the question in it; a NUL after it */
	size_t len;
};

/*
 * Ask the program of this check's plugin: request is a JSON value, and goes out as {"id": N, "ask": request}. Asked once for all that
 * ask the same within the transaction. NULL: it is under way. The answer is valid as long as the facts of this check.
 */
const struct sluice_program_answer *sluice_ask_program(struct sluice_check_ctx *c, const char *request, size_t len);

#define SLUICE_SCAN_MAX_FILES    200 /* named in an answer; more are looked at */
#define SLUICE_SCAN_MAX_FINDINGS 100

/* What a file can turn out to be. */
enum sluice_scan_kind {
	SLUICE_SCAN_MISMATCH,         /* its content is not what its name or its declared type says */
	SLUICE_SCAN_EXECUTABLE,       /* a program, or a script that a click runs */
	SLUICE_SCAN_SCRIPT,           /* a script of Unix, which runs where somebody makes it */
	SLUICE_SCAN_DOUBLE_EXTENSION, /* a program with a name such as invoice.pdf.exe */
	SLUICE_SCAN_ARCHIVE,
	SLUICE_SCAN_ENCRYPTED,
	SLUICE_SCAN_BOMB,       /* a limit was reached, and the rest not looked at */
	SLUICE_SCAN_SLIP,       /* a name in an archive that leaves the folder where it is unpacked */
	SLUICE_SCAN_MACRO,      /* a document with a program in it */
	SLUICE_SCAN_PDF_ACTIVE, /* a PDF that runs a script or starts a program */
	SLUICE_SCAN_EMBEDDED,   /* a document with a file or an object in it */
	SLUICE_SCAN_EXTERNAL,   /* a document that fetches something when it is opened */
	SLUICE_SCAN_UNREAD,     /* broken, or of a form that is not read: not all of it was looked at */
};
#define SLUICE_SCAN_KINDS (SLUICE_SCAN_UNREAD + 1)

enum sluice_scan_status {
	SLUICE_SCAN_OK,
	SLUICE_SCAN_FAILED, /* no helper could read it: they are out of order, or this file has ended one */
	SLUICE_SCAN_TIMEOUT,
	SLUICE_SCAN_TOO_LARGE, /* larger than the configuration lets be looked at */
};

/* Names are UTF-8 without control characters, cut to 255 octets. A NUL follows each text. */
struct sluice_scan_file {
	unsigned depth;   /* 0: the file itself; 1: in it; ... */
	const char *type; /* the media type of its content, in lower case */
	const char *name; /* "" when it has none */
};

struct sluice_scan_finding {
	enum sluice_scan_kind kind;
	const char *text; /* "an entry is encrypted" */
	const char *name; /* of the file it is about, after those that it is in: "a.zip/b.exe" */
};

struct sluice_scan_answer {
	enum sluice_scan_status status;
	const char *why; /* unless OK */
	size_t file_count, finding_count;
	const struct sluice_scan_file *files; /* the first is the file itself */
	const struct sluice_scan_finding *findings;
	uint64_t unpacked_bytes;
};

struct sluice_scan_request {
	const char *key; /* what tells the file from the others that this check asks about in the transaction, such as its place */
	const char *bytes;
	size_t len;
	const char *type; /* as declared, "text/plain"; NULL: none */
	const char *name; /* as declared; NULL: none */
	size_t name_len;
};

/*
 * Have a file looked at by a helper process, which is shut off from everything else. Only of a check with `scan`. Asked once for each key.
 * NULL: it is under way; bytes are copied. The answer is valid as long as the facts of this check.
 */
const struct sluice_scan_answer *sluice_ask_scan(struct sluice_check_ctx *c, const struct sluice_scan_request *rq);

#define SLUICE_VIRUS_NAME_MAX 200 /* octets of the name of what is found */

/* Where a plugin's checks have clamd(8) asked: sluice_ask_virus(). Kept over a reload that changes none of this. */
struct sluice_virus_servers {
	const char *const *servers; /* NULL-terminated, tried in their order: "unix:PATH", "inet:PORT@ADDRESS", "inet6:PORT@ADDRESS" */
	int64_t timeout_ms;         /* for one answer, whatever number of servers is tried */
	int64_t max_bytes;          /* what is larger is not sent */
	int64_t keep_ms;            /* how long an answer holds for the same octets; 0: it does not */
};

enum sluice_virus_status {
	SLUICE_VIRUS_OK,
	SLUICE_VIRUS_FAILED,    /* no server could be reached, or none could look at it */
	SLUICE_VIRUS_TIMEOUT,
	SLUICE_VIRUS_TOO_LARGE, /* for us or for clamd */
};

/* Texts are UTF-8 without control characters. */
struct sluice_virus_answer {
	enum sluice_virus_status status;
	const char *why;       /* unless OK */
	const char *found;     /* the name of its signature; "": nothing was found */
	const char *engine;    /* "ClamAV 1.4.3"; "": not known */
	int64_t signatures_s;  /* when its signatures were made, since 1970; 0: not known */
};

struct sluice_virus_request {
	const char *key; /* what tells it from all else that this check asks about in the transaction, such as the number of a part */
	const struct sluice_text *pieces; /* what is looked at is these, one behind the other */
	size_t count;
};

/*
 * Ask the clamd of this check's plugin. Asked once for each key. NULL: it is under way; the octets are copied. The answer is valid as
 * long as the facts of this check.
 */
const struct sluice_virus_answer *sluice_ask_virus(struct sluice_check_ctx *c, const struct sluice_virus_request *rq);

#define SLUICE_EXCHANGE_ANSWER_MAX (256 << 10) /* octets */
#define SLUICE_EXCHANGE_WHY_MAX    200         /* octets */

/* What a reply is to whoever has asked. */
enum sluice_exchange_reply {
	SLUICE_EXCHANGE_ANSWER,
	SLUICE_EXCHANGE_REFUSED,  /* the server works, and could not answer this: another one is asked */
	SLUICE_EXCHANGE_NONSENSE, /* that is no answer: another one is asked, and this one passed over for a while */
};

/* Where a plugin's checks have something asked: sluice_ask_exchange(). Kept over a reload that changes none of this. */
struct sluice_exchange_servers {
	const char *name;           /* in logs and `sluicectl status`: "NAME ADDRESS" */
	const char *const *servers; /* as in struct sluice_virus_servers */
	int64_t timeout_ms;         /* for one answer, whatever number of servers is tried */
	int64_t max_bytes;          /* what is larger is not sent */
	/* Look at a reply, all of it, which is never empty. why: unless it is an answer, for the operator. Pure; any thread. */
	enum sluice_exchange_reply (*judge)(const char *bytes, size_t len, char why[SLUICE_EXCHANGE_WHY_MAX]);
};

enum sluice_exchange_status {
	SLUICE_EXCHANGE_OK,
	SLUICE_EXCHANGE_FAILED, /* no server could be reached, or none gave an answer */
	SLUICE_EXCHANGE_TIMEOUT,
	SLUICE_EXCHANGE_TOO_LARGE,
};

struct sluice_exchange_answer {
	enum sluice_exchange_status status;
	const char *why;   /* unless OK; UTF-8 without control characters */
	const char *bytes; /* of OK: as they came, up to where the server closed the connection; a NUL after them */
	size_t len;
};

struct sluice_exchange_request {
	const char *key; /* as in struct sluice_virus_request; shown to people */
	const struct sluice_text *pieces; /* what is sent is these, one behind the other */
	size_t count;
};

/* Ask the first server of this check's plugin that works: octets there, octets back, on a connection of its own. As sluice_ask_virus(). */
const struct sluice_exchange_answer *sluice_ask_exchange(struct sluice_check_ctx *c, const struct sluice_exchange_request *rq);

/*
 * The health of something outside that checks depend on (a DNSBL zone): shared by all sessions, kept over a reload.
 * subject is its name in logs and in `sluicectl status`. Unknown subjects are healthy. A change of health is logged
 * once, as a warning with `why`.
 */
bool sluice_healthy(const struct sluice_check_ctx *c, const char *subject);
void sluice_report_health(struct sluice_check_ctx *c, const char *subject, bool healthy, const char *why);

/* ---- reporting ---- */

struct sluice_result;

/* fact: an index into the plugin's table of facts. Text is copied; a fact that is not set is unknown to the policy. */
void sluice_set_bool(struct sluice_result *res, unsigned fact, bool value);
void sluice_set_int(struct sluice_result *res, unsigned fact, int64_t value);
void sluice_set_milli(struct sluice_result *res, unsigned fact, int64_t value);
void sluice_set_enum(struct sluice_result *res, unsigned fact, unsigned word);
void sluice_set_text(struct sluice_result *res, unsigned fact, const char *text, size_t len); /* DOMAIN, ADDRESS too */
void sluice_set_ip(struct sluice_result *res, unsigned fact, const struct sluice_ip *ip);
void sluice_add_text(struct sluice_result *res, unsigned fact, const char *text, size_t len); /* to SLUICE_TEXTS */

/* One property of an Authentication-Results method: "smtp.mailfrom=example.org". */
struct sluice_authres_property {
	const char *name; /* "smtp.mailfrom"; NULL ends the list */
	const char *value;
	size_t len;
};
/*
 * Add one method (RFC 8601 2.2) to our Authentication-Results header. method and result are keywords;
 * reason may be NULL. Everything is copied, and quoted as needed.
 */
void sluice_authres(struct sluice_result *res, const char *method, const char *result, const char *reason,
	const struct sluice_authres_property *properties);

/*
 * The value that our Authentication-Results has so far, folded with "\n\t"; for a check with after_authres it is what will stand
 * there. NULL: no memory.
 */
const char *sluice_authres_value(struct sluice_check_ctx *c);

/*
 * Add a header field at the top of a message that goes on: below our Authentication-Results, above the rest, and above
 * those added before. Only in a run at MESSAGE. value: without the blank after the colon, folded with "\n\t". Copied.
 */
void sluice_insert_header(struct sluice_result *res, const char *name, const char *value);

/* ---- what became of a message ---- */

enum sluice_action {
	SLUICE_ACCEPT,
	SLUICE_HOLD,
	SLUICE_DISCARD, /* the client hears that it was taken, and nobody gets it */
	SLUICE_TEMPFAIL,
	SLUICE_REJECT,
};

struct sluice_conclusion {
	enum sluice_action action;
	bool tagged;             /* of ACCEPT and HOLD: it goes on with the tag of a rule */
	const char *rule;        /* that decided; NULL: none did */
	const char *rcpt_domain; /* of all recipients that were not refused; NULL: they are of several */
	size_t rcpt_domain_len;
};

/* ---- settings ---- */

enum sluice_option_type {
	SLUICE_OPT_BOOL,             /* yes | no */
	SLUICE_OPT_COUNT,            /* a whole number */
	SLUICE_OPT_DECIMAL,          /* in thousandths, may be negative */
	SLUICE_OPT_DURATION,         /* in milliseconds: 500ms 3s 5m 1h 7d */
	SLUICE_OPT_SIZE,             /* in bytes: 10 64K 10M 1G */
	SLUICE_OPT_TEXT,             /* a word or a string */
	SLUICE_OPT_PATH,             /* a file or folder, relative to the folder of the configuration's file that names it */
	SLUICE_OPT_WORDS,            /* one word or [several], each one of `words` */
	SLUICE_OPT_WEIGHTED_NETWORK, /* NETWORK weight DECIMAL */
	SLUICE_OPT_SECRET,           /* "text", file PATH or env NAME; never shown */
};

struct sluice_option {
	const char *key; /* NULL ends the table */
	enum sluice_option_type type;
	bool repeated;            /* may stand more than once */
	const char *const *words; /* of SLUICE_OPT_WORDS, NULL-terminated */
	int64_t min, max;         /* of the types that are numbers, in their unit; both 0: no limit */
	const char *deflt;        /* as it would be written; NULL: none */
	const char *help;
};

/* One setting of a block, in the order of the file, defaults after them; a plugin without LABEL has a block of defaults when there is none. */
struct sluice_setting {
	unsigned option;     /* index into the plugin's table of options */
	const char *text;    /* TEXT, PATH (made absolute where the configuration's is), SECRET (its content); NUL-terminated */
	int64_t number;      /* BOOL (0, 1), the numbers, the weight; of WORDS a bit for each word by its index */
	struct sluice_ip ip; /* of a network */
	uint8_t prefix_len;  /* of a network */
	unsigned line;
};

/* `NAME LABEL { ... }` in the configuration, where NAME is the plugin's. */
struct sluice_block {
	const char *label; /* NULL when the plugin's blocks have none */
	const struct sluice_setting *settings;
	size_t count;
	unsigned line;
	const char *user; /* as whom the daemon runs once it has started; "": as who starts it */
};

struct sluice_config_error {
	char text[256]; /* names the remedy */
	unsigned line;  /* of the block or setting at fault */
};

/* ---- the plugin ---- */

struct sluice_check {
	const char *name; /* NULL ends the table; "spf": in logs, metrics, and as the fact NAME.outcome */
	/*
	 * The first stage at which its inputs are known. A check of CONNECT or HELO runs once a connection (again after
	 * another HELO), of RCPT once a recipient, the others once a message. A check of PROBE runs at start, after a
	 * reload and then hourly, without a transaction: it reports health, and no facts.
	 */
	enum sluice_stage stage;
	enum sluice_outcome (*run)(struct sluice_check_ctx *c, struct sluice_result *res);
	/*
	 * The facts that this check sets: indexes into the plugin's table, first to last. A check runs only when the
	 * policy or the Authentication-Results header needs one of them.
	 */
	unsigned first_fact, last_fact;
	bool authres; /* it adds to Authentication-Results */
	/*
	 * It has an effect that only a rule may want: it runs when an action of the policy names it, and not before. At its
	 * stage at the earliest.
	 */
	bool on_demand;
	/*
	 * Of RCPT: it runs for recipients that the MTA itself refuses, too (sluice_rcpt_rejected()). Nothing is judged then, and
	 * nothing waited for.
	 */
	bool rejected;
	/*
	 * Facts of other checks that it looks at, NULL-terminated; may be NULL. It is run when those checks have ended; a policy
	 * that needs it needs them. Not of a later stage, and not of a check that reads, however indirectly, facts of this one.
	 */
	const char *const *reads;
	/* Of a check of MESSAGE: as if it read a fact of each check that adds to Authentication-Results. */
	bool after_authres;
	/*
	 * Of a check of MESSAGE: sees the message as it comes, if the policy may want the check to run; run() follows at the
	 * end. It may ask, so that an answer is here when run() wants it. A message that is refused before its end is not
	 * run. May be NULL.
	 */
	void (*feed)(struct sluice_check_ctx *c, const struct sluice_part *part);
	void (*drop)(void *memory); /* of sluice_memory(), never NULL; any thread. NULL: the check keeps none */
	/*
	 * Of a check of MESSAGE: what becomes of a message that came to its end is settled. Called once, if this check has run to
	 * its end, before drop(); not when Sluice itself failed. All that a run() may look at it may look at, its own facts
	 * among it, and it may ask the store: nobody waits for the answer, but what is asked is done. May be NULL.
	 */
	void (*concluded)(struct sluice_check_ctx *c, const struct sluice_conclusion *v);
	/*
	 * Its settings want it to run for the sake of concluded(), whatever the policy reads. A configuration that has no store is
	 * then refused. Of a check of MESSAGE; may be NULL.
	 */
	bool (*wanted)(const void *state);
	/* Of a check of MESSAGE: it looks at sluice_body(), if the policy may want it to run. */
	bool body;
	bool scan; /* it calls sluice_ask_scan() */
	/*
	 * Of a check of MESSAGE: it costs much. It runs only when the judging of rules comes to one that is not decided without its
	 * facts, all else being known; or as others do, if another check reads its facts.
	 */
	bool costly;
};

enum sluice_list_type { SLUICE_LIST_DOMAIN, SLUICE_LIST_NETWORK, SLUICE_LIST_ADDRESS, SLUICE_LIST_PATTERN };

/* A list of the configuration that the checks read by its name. */
struct sluice_list_use {
	const char *name; /* NULL ends the table */
	enum sluice_list_type type;
	bool needed; /* the configuration is refused when a check of this plugin runs and the list is empty */
	const char *help;
};

struct sluice_plugin {
	int abi;          /* SLUICE_PLUGIN_ABI */
	const char *name; /* [a-z][a-z0-9_]* */
	const char *help; /* one line, for the manual */
	const struct sluice_fact *facts;
	const struct sluice_check *checks;
	const struct sluice_option *options; /* NULL: no settings */
	const char *label;                   /* what LABEL is ("ZONE") in `NAME LABEL { }`; then blocks may repeat.
	                                        NULL: at most one block, `NAME { }` */
	const struct sluice_list_use *lists; /* may be NULL */
	/*
	 * Make the state that sluice_state() gives, from the blocks of the configuration. Called for each load, on the
	 * main thread; blocks are valid only during the call. 0, or -EINVAL with *reterr, or -ENOMEM. May be NULL when
	 * options is NULL, or with make().
	 */
	int (*configure)(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr);
	void (*release)(void *state); /* takes NULL */
	/*
	 * The TXT records that the DNS has to have if mail of a domain (NULL: of any that the configuration names) is to be worth what
	 * the plugin does with it: its DKIM keys. add() is called with name and text of each. May be NULL.
	 */
	void (*published)(const void *state, const char *domain, void (*add)(void *arg, const char *name, const char *text), void *arg);
	/*
	 * Of a plugin with LABEL whose facts are known only from its blocks: make a plugin of this one, named as the label, whose facts
	 * the rules below the block then know. It has no settings; sluice_state() of its checks is *ret_state, and its release() gets
	 * that when the configuration goes, with which it may free the plugin itself. Called when the block has been read, on the
	 * main thread. 0, or -EINVAL with *reterr, or -ENOMEM. May be NULL.
	 */
	int (*make)(const struct sluice_block *block, const struct sluice_plugin **ret, void **ret_state, struct sluice_config_error *reterr);
	const struct sluice_program *program; /* that its checks ask; NULL: none */
	/* The clamd that its checks ask, borrowed from the state; NULL: none. */
	const struct sluice_virus_servers *(*virus)(const void *state);
	/* The servers that its checks ask, borrowed from the state; NULL: none. A plugin has these, or clamd. */
	const struct sluice_exchange_servers *(*exchange)(const void *state);
};

/* Defines the one symbol that a plugin has; the daemon finds it by name or in the table of what is built in. */
#define SLUICE_PLUGIN(id) \
	extern const struct sluice_plugin sluice_plugin_##id; \
	const struct sluice_plugin sluice_plugin_##id

#ifdef __cplusplus
}
#endif
#endif
