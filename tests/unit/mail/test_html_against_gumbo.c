/* SPDX-License-Identifier: BSD-2-Clause */
/* What html.h finds without a tree, and what gumbo finds with one: the same octets shown (in which order a table has them is its own matter), the same links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <gumbo.h>

#include "filter/base/ascii.h"
#include "filter/mail/html.h"

#define DOCUMENTS      20000u
#define PIECES         40u
#define LINKS          32u

static const char *const pieces[] = {
	"<p>", "</p>", "<div>", "</div>", "<b>", "</b>", "<i class=x>", "</i>", "<a href='l0'>", "<a href=\"l1\" href=l2>", "<a title='>' href=l3>", "<a href=l4/>",
	"</a>", "<img src=l5>", "<IMG alt='a > b' SRC = \"l6\" />", "<br>", "<table>", "<tr>", "<td>", "</td>", "</tr>", "</table>", "<ul><li>", "</ul>", "<span>",
	"</span>", "<font color=red>", "</font>", "<center>", "<blockquote>", "</blockquote>", "<h1>", "</h1>", "<pre>", "</pre>", "<form action=l7>",
	"</form>", "words of text", " a b ", "\r\n", "&amp;", "&lt;b&gt;", "&notit;", "&copy", "&#65;", "&#x42", "&nosuch;", "&", "& ", "&eacute;t&eacute",
	"<!-- <a href=l8> -->", "<!-->", "<!--->", "<!--x--!>", "<!---- - -- > -->", "<!x>", "<?y>", "</>", "</ z>", "< ", "<3", "a<b>c</b>",
	"<style><a href=l9>s</style>", "<script>'<a href=l10>' </scrip></script>", "<title>t</title>", "<textarea><b>&lt;</textarea>", "<iframe src=l11>x</iframe>",
	"<b title='never>", "<b 'odd'=\"'\">", "<b/ / =x y= z>", "<o:p></o:p>", "<a\nhref\t=\n'l12'\n>", "<a/href=l13>", "<a x='1'href='l14'>", "<a href='&#108;15'>",
	"<a href='l16&amp;b&lt=c&copy;'>", "\xc3\xa9",
};

struct found {
	size_t octets[256]; /* how often each is shown; white space is not counted, nor what makes a no-break space */
	bool links[LINKS];
};

static void count_octets(struct found *f, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_space(bytes[i]) && bytes[i] != '\f')
			f->octets[(unsigned char)bytes[i]]++;
}

static void note_link(struct found *f, const char *url)
{
	if (url[0] == 'l')
		f->links[strtoul(url + 1, NULL, 10) % LINKS] = true;
}

static void walk(struct found *f, const GumboNode *node)
{
	static const char *const names[] = { "href", "src", "action" };
	const GumboElement *e = &node->v.element;

	if (node->type == GUMBO_NODE_TEXT)
		count_octets(f, node->v.text.text, strlen(node->v.text.text));
	if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_TEMPLATE)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const GumboAttribute *a = gumbo_get_attribute(&e->attributes, names[i]);

		if (a)
			note_link(f, a->value);
	}
	if (e->tag == GUMBO_TAG_STYLE || e->tag == GUMBO_TAG_SCRIPT || e->tag == GUMBO_TAG_TITLE || e->tag == GUMBO_TAG_IFRAME)
		return;
	for (unsigned i = 0; i < e->children.length; i++)
		walk(f, e->children.data[i]);
}

static void judge(const char *bytes, size_t len)
{
	struct found want = { 0 }, got = { 0 };
	GumboOptions options = kGumboDefaultOptions;
	GumboOutput *tree;
	struct html h;

	options.max_errors = 0;
	tree = gumbo_parse_with_options(&options, bytes, len);
	walk(&want, tree->root);
	gumbo_destroy_output(&options, tree);

	assert_true(html_read(&h, bytes, len));
	count_octets(&got, text_str(&h.text), h.text.len);
	for (size_t i = 0; i < h.links.len; i++) {
		char url[8] = "";

		memcpy(url, html_url(&h, &h.links.items[i]), h.links.items[i].url_len < sizeof url ? h.links.items[i].url_len : sizeof url - 1);
		note_link(&got, url);
	}
	for (size_t i = 0; i < ARRAY_LEN(want.octets); i++)
		if (got.octets[i] != want.octets[i])
			fail_msg("'%s': %zu times '%c', gumbo: %zu; text '%s'", bytes, got.octets[i], (int)i, want.octets[i], text_str(&h.text));
	for (size_t i = 0; i < LINKS; i++)
		if (got.links[i] != want.links[i])
			fail_msg("'%s': link %zu %s", bytes, i, got.links[i] ? "is one only for us" : "is missed");
	html_done(&h);
}

static void finds_what_gumbo_finds(void **state)
{
	SLUICE_CLEANUP(text_done) struct text document = TEXT_INIT(8192);
	uint32_t random = 1; /* the same each time */

	(void)state;
	for (unsigned d = 0; d < DOCUMENTS; d++) {
		text_clear(&document);
		for (unsigned i = 0; i < d % PIECES; i++) {
			random = random * 1664525u + 1013904223u;
			text_adds(&document, pieces[(random >> 8) % ARRAY_LEN(pieces)]);
		}
		judge(text_str(&document), document.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_gumbo_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
