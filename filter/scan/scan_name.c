/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_name.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

static const struct {
	const char *extension, *what;
} programs[] = {
	{ "exe", "a program for Windows" },
	{ "scr", "a program for Windows" },
	{ "com", "a program for Windows" },
	{ "pif", "a program for Windows" },
	{ "cpl", "a program for Windows" },
	{ "dll", "a program for Windows" },
	{ "sys", "a program for Windows" },
	{ "ocx", "a program for Windows" },
	{ "xll", "a program for Windows" },
	{ "gadget", "a program for Windows" },
	{ "msi", "an installer" },
	{ "msp", "an installer" },
	{ "mst", "an installer" },
	{ "msix", "an installer" },
	{ "appx", "an installer" },
	{ "application", "an installer" },
	{ "appref-ms", "an installer" },
	{ "bat", "a batch file" },
	{ "cmd", "a batch file" },
	{ "ps1", "a PowerShell script" },
	{ "psm1", "a PowerShell script" },
	{ "psd1", "a PowerShell script" },
	{ "ps1xml", "a PowerShell script" },
	{ "js", "a script of the Windows Script Host" },
	{ "jse", "a script of the Windows Script Host" },
	{ "vbs", "a script of the Windows Script Host" },
	{ "vbe", "a script of the Windows Script Host" },
	{ "vb", "a script of the Windows Script Host" },
	{ "ws", "a script of the Windows Script Host" },
	{ "wsf", "a script of the Windows Script Host" },
	{ "wsh", "a script of the Windows Script Host" },
	{ "wsc", "a script of the Windows Script Host" },
	{ "sct", "a script of the Windows Script Host" },
	{ "hta", "an HTML application" },
	{ "chm", "a compiled help file" },
	{ "hlp", "a help file" },
	{ "lnk", "a shortcut" },
	{ "url", "a shortcut" },
	{ "scf", "a shortcut" },
	{ "library-ms", "a shortcut" },
	{ "search-ms", "a shortcut" },
	{ "settingcontent-ms", "a shortcut" },
	{ "reg", "entries for the registry" },
	{ "inf", "a setup script" },
	{ "msc", "a console of Windows" },
	{ "jar", "a Java program" },
	{ "jnlp", "a Java program" },
	{ "class", "a Java program" },
	{ "apk", "a program for Android" },
	{ "app", "a program for macOS" },
	{ "command", "a program for macOS" },
	{ "dmg", "an installer" },
	{ "pkg", "an installer" },
	{ "deb", "an installer" },
	{ "rpm", "an installer" },
	{ "elf", "a program for Unix" },
	{ "run", "a program for Unix" },
	{ "desktop", "a shortcut" },
};

/* What a program is called so that it is taken for something else. */
static const char *const decoys[] = { "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "rtf", "txt", "csv", "htm", "html", "xml",
	"jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "mp3", "mp4", "avi", "wav", "zip", "rar", "7z", "eml" };

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

/* The last part of a path, without the blanks and dots at its end that Windows does not keep. */
static const char *last_part(const char *name, size_t *len)
{
	size_t start;

	while (*len && (name[*len - 1] == ' ' || name[*len - 1] == '.'))
		--*len;
	for (start = *len; start && !is_separator(name[start - 1]);)
		start--;
	*len -= start;
	return name + start;
}

/* The place of the last dot. len: there is none. */
static size_t last_dot(const char *s, size_t len)
{
	for (size_t i = len; i; i--)
		if (s[i - 1] == '.')
			return i - 1;
	return len;
}

static bool is_decoy(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(decoys); i++)
		if (ascii_equals(s, len, decoys[i]))
			return true;
	return false;
}

void scan_name_extension(const char *name, size_t len, char ret[SCAN_EXTENSION_MAX + 1])
{
	const char *part = last_part(name, &len);
	size_t dot = last_dot(part, len), n = dot < len ? len - dot - 1 : 0;

	ret[0] = '\0';
	if (n == 0 || n > SCAN_EXTENSION_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		ret[i] = ascii_lower(part[dot + 1 + i]);
	ret[n] = '\0';
}

const char *scan_name_program(const char *name, size_t len)
{
	const char *part = last_part(name, &len);
	size_t dot = last_dot(part, len);

	for (size_t i = 0; dot < len && i < ARRAY_LEN(programs); i++)
		if (ascii_equals(part + dot + 1, len - dot - 1, programs[i].extension))
			return programs[i].what;
	return NULL;
}

bool scan_name_disguised(const char *name, size_t len)
{
	/* NOLINTNEXTLINE(misc-misleading-bidirectional): it is what is looked for */
	static const char *const turns[] = { "\xe2\x80\xae", "\xe2\x80\xab", "\xe2\x81\xa7" }; /* U+202E, U+202B, U+2067 */
	const char *part = last_part(name, &len);
	size_t dot = last_dot(part, len), end = dot, before;

	if (!scan_name_program(part, len))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(turns); i++)
		if (memmem(part, len, turns[i], strlen(turns[i])))
			return true;
	while (end && part[end - 1] == ' ')
		end--;
	before = last_dot(part, end);
	return dot - end >= 5 || (before < end && is_decoy(part + before + 1, end - before - 1));
}

bool scan_name_slips(const char *name, size_t len)
{
	size_t start = 0;

	if (len && (is_separator(name[0]) || (len > 1 && name[1] == ':' && ascii_is_alpha(name[0]))))
		return true;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && !is_separator(name[i]))
			continue;
		if (i - start == 2 && name[start] == '.' && name[start + 1] == '.')
			return true;
		start = i + 1;
	}
	return false;
}
