/* log.h: the log of one node: one logfmt line per message.
 *
 *     2026-11-23T08:00:00.123Z INFO raft became leader term=3 last=41
 *
 * A line is written by one write call: lines of several threads do not mix.
 *
 * (G1) What a peer or client sent cannot break a line: control characters, C1 ones included, and
 *      what is no UTF-8 become '?'. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include <rkv/plugin.h>

#include <time.h>

#define HOST_LOG_LINE_MAX (RKV_LOG_TEXT_MAX + 128) /* bytes of a whole line */

/* Formats the line for the time `at`, newline included; its length. Longer texts are cut. */
size_t host_log_format(char out[HOST_LOG_LINE_MAX], struct timespec at, enum rkv_log_level level,
                       const char *module, const char *text);

/* Formats and writes to `fd`. Any thread. False: the line does not fit into a pipe that does not
 * block, and is dropped whole. A log that cannot be written is lost: there is nobody left to tell.
 */
bool host_log_write(int fd, enum rkv_log_level level, const char *module, const char *text);

#endif
