/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 0,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/**
 * log_init() - name the program and set the most talkative level that is printed (default info).
 * Lines go to stderr as "PROGRAM: LEVEL: TEXT"; when stderr is the journal (JOURNAL_STREAM) as
 * "<N>TEXT" with syslog's level number, which the journal takes as the priority. Control characters
 * of TEXT are escaped, a line is cut at 1,023 octets. @program is borrowed for good.
 */
void log_init(const char *program, enum log_level max);

/** log_level_parse() - "error", "warning", "info", "debug"; 0 or -EINVAL. */
int log_level_parse(const char *text, enum log_level *ret_level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* LIB_LOG_H */
