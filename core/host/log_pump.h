/* log_pump.h: between a node and whoever reads its log: a pipe of the node's own, and one thread
 * that copies from it.
 *
 * (P1) Nothing but that thread ever waits for a reader: writing to the pipe never blocks, and a
 * line that does not fit is dropped (host_log_write says so). */
#ifndef HOST_LOG_PUMP_H
#define HOST_LOG_PUMP_H

#include <rkv/status.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of lines that wait; less where the system allows no such pipe. */
#define LOG_PUMP_BYTES (1 << 20)

struct log_pump {
  int in;      /* where the log is written to */
  int out, to; /* the pipe's other end; where it goes */
  pthread_t thread;
};

/* Begins to copy what is written to pump->in to the descriptor `to`. Errors: RKV_FULL without a
 * descriptor or a thread; nothing is left then. */
enum rkv_status log_pump_open(struct log_pump *pump, int to, struct rkv_error *error);

/* Gives the reader a moment for what was written, then leaves it: the process ends. False: lines
 * may be lost, and the thread goes on; *pump has to stay. */
bool log_pump_close(struct log_pump *pump);

/* Writes a text if that does not wait for a reader; false: it was not written. At most PIPE_BUF
 * bytes. Also in a signal handler. */
bool log_pump_say(int fd, const char *text, size_t len);

#endif
