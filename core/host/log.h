/* log.h: the log of one node: one logfmt line per message.
 *
 *     2026-11-23T08:00:00.123Z INFO raft became leader term=3 last=41
 *
 * A line is written by one write call: lines of several threads do not mix.
 *
 * (G1) Text that a peer or client sent cannot break a line: control characters (those of C1 too)
 *      and bytes that are no UTF-8 become '?'. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include <rkv/plugin.h>

#include <time.h>

#define HOST_LOG_LINE_MAX (RKV_LOG_TEXT_MAX + 128) /* bytes of a whole line */

/* Formats the line for the time `at` and returns its length, newline included. A longer text is
 * cut. */
size_t host_log_format(char out[HOST_LOG_LINE_MAX], struct timespec at, enum rkv_log_level level,
                       const char *module, const char *text);

/* Formats the line and writes it to `fd`. Any thread. False: `fd` is a pipe that does not block and
 * has no room for the line, which is dropped whole. Any other failure to write is ignored: there is
 * no place left to report it. */
bool host_log_write(int fd, enum rkv_log_level level, const char *module, const char *text);

#endif
