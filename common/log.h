/*
 * log: lines for whoever debugs. (Operators read event records, event.h.)
 *
 * One line to stderr: `2026-11-24T09:10:11.123Z fetchd info upgrade 7 p1115X/meter-1: text`. Every
 * line that concerns an upgrade or a device names it through its subject. What came from outside is
 * made printable here: bytes outside 0x20..0x7e are written as \xNN, so no peer can forge a line or
 * move a cursor.
 *
 * Under systemd the same goes to the journal as fields instead (log_journal): MESSAGE, PRIORITY,
 * SUBOTA_UPGRADE, SUBOTA_DEVICE, so that `journalctl SUBOTA_UPGRADE=7` is an upgrade's whole story.
 *
 * The level, the program's name and the journal's socket are this program's one piece of
 * file-scope state.
 */
#ifndef SUBOTA_LOG_H
#define SUBOTA_LOG_H

#include <stddef.h>
#include <stdint.h>

/* LOG_SILENT is for log_init only: nothing is printed (fuzz targets). */
enum log_level { LOG_SILENT = -1, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What a line is about; zero fields are left out. Strings are borrowed for the call. */
struct subject {
	uint64_t upgrade;
	const char *product_key;
	const char *device_key;
};

/* Name the program (borrowed for ever) and the most talkative level that is printed. */
void log_init(const char *program, enum log_level most);

/* From now on write to the journal's socket at `path`, if stderr is the journal's as JOURNAL_STREAM
 * in the environment says; nothing otherwise. What cannot be sent there goes to stderr. */
void log_journal(const char *path);

/* One line. `s` may be NULL. Longer than 1000 bytes is cut and marked. errno is preserved. */
void log_write(enum log_level level, const struct subject *s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `text` made printable as above, cut so that it fits `size` with its NUL. Returns its length. */
size_t log_safe(char *out, size_t size, const char *text);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
