/* log_pump.h: a pipe between a node and the reader of its log, and one thread that copies from it.
 *
 * (P1) Only that thread ever waits for the reader: writing to the pipe never blocks, and a line
 *      that does not fit is dropped (host_log_write returns false). */
#ifndef HOST_LOG_PUMP_H
#define HOST_LOG_PUMP_H

#include <rkv/status.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes that the pipe may hold; fewer where the system does not allow such a pipe. */
#define LOG_PUMP_BYTES (1 << 20)

struct log_pump {
  int in;      /* the end that the log is written to */
  int out, to; /* the end that is read, and the descriptor that the thread copies to */
  pthread_t thread;
};

/* Begins to copy what is written to pump->in to the descriptor `to`. Errors: RKV_FULL without a
 * descriptor or a thread; nothing is left then. */
enum rkv_status log_pump_open(struct log_pump *pump, int to, struct rkv_error *error);

/* Gives the reader a moment to take what was written; the process ends next. False: the reader has
 * not taken everything. The thread then goes on, so *pump must stay. */
bool log_pump_close(struct log_pump *pump);

/* Writes a text of at most PIPE_BUF bytes if there is room for it; false: it was not written. Also
 * in a signal handler. */
bool log_pump_say(int fd, const char *text, size_t len);

#endif
