/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c: one line to stderr for each thing worth saying.
 *
 * People read "tortied: warning: TEXT"; under systemd, where JOURNAL_STREAM names the device and
 * inode of our stderr (systemd.exec(5)), the line starts with "<N>" instead, which the journal
 * takes as the priority (sd-daemon(3)). A line is built in one buffer and written by one write(2),
 * so lines of several processes do not mix. Control characters are escaped: text from outside can
 * neither forge a line nor reach a terminal.
 *
 * The program's name and level are the only state, set once by main(). Who may log, and that it is
 * done once a failure, is a rule for callers.
 */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 1023 /* without the newline */

static const char *const level_name[] = { "error", "warning", "info", "debug" };
static const int level_syslog[] = { 3, 4, 6, 7 }; /* syslog(3): LOG_ERR .. LOG_DEBUG */

static struct {
	const char *program;
	enum log_level max;
	bool journal;
} state = { .program = "tortie", .max = LOG_LEVEL_INFO };

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *program, enum log_level max)
{
	state.program = program;
	state.max = max;
	state.journal = stderr_is_journal();
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
	size_t i;

	for (i = 0; i < sizeof(level_name) / sizeof(level_name[0]); i++) {
		if (strcmp(text, level_name[i]) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Octets of the control character that @text begins with, 0: of none. Those of ISO 6429's second
 * set (C1, U+0080 to U+009F) are two in UTF-8; U+009B begins a terminal's commands as ESC [ does.
 */
static size_t control_octets(const char *text)
{
	unsigned char c = (unsigned char)text[0], next = (unsigned char)(c ? text[1] : 0);

	if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
		return 2;
	return c < 0x20 || c == 0x7f;
}

/* Append @text to @line from @len on, control characters as \xNN; returns the new length. */
static size_t append_escaped(char *line, size_t len, const char *text)
{
	while (*text && len < LINE_MAX_OCTETS) {
		size_t control = control_octets(text);

		if (control == 0)
			line[len++] = *text++;
		if (len + 4 * control > LINE_MAX_OCTETS)
			break;
		for (; control > 0; control--)
			len += (size_t)snprintf(line + len, 5, "\\x%02x", (unsigned char)*text++);
	}
	return len;
}

static void write_line(const char *line, size_t len)
{
	ssize_t ret;

	do {
		ret = write(STDERR_FILENO, line, len);
	} while (ret < 0 && errno == EINTR);
	/* A log that cannot be written has nobody left to tell. */
}

static __attribute__((format(printf, 2, 0))) void log_print(enum log_level level,
							    const char *format, va_list args)
{
	char line[LINE_MAX_OCTETS + 2], text[LINE_MAX_OCTETS + 1];
	int saved_errno = errno; /* callers log and then still use it */
	size_t len;

	if (level > state.max)
		return;
	vsnprintf(text, sizeof(text), format, args);
	if (state.journal)
		len = (size_t)snprintf(line, sizeof(line), "<%d>", level_syslog[level]);
	else
		len = (size_t)snprintf(line, sizeof(line), "%.64s: %s: ", state.program,
				       level_name[level]);
	len = append_escaped(line, len, text);
	line[len++] = '\n';
	write_line(line, len);
	errno = saved_errno;
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_print(LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_print(LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_print(LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_print(LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}
