/* tail.h: RocksDB's write-ahead log, looked at before RocksDB opens it. A leaf.
 *
 * When RocksDB starts it either refuses a batch that is not whole or drops it with everything
 * behind it: it cannot tell a batch that power loss tore, and that was never acknowledged, from one
 * that was acknowledged and damaged later. The order of writes tells them apart: a batch is written
 * only when the one before it is on the device (not without `sync`: then a log may be refused that
 * lost nothing but what was never promised).
 *
 * (T1) A batch that is not whole was never acknowledged if no whole record that begins a batch
 *      stands behind it, in its file or in a later one. Then it is cut off, before anything is
 *      written behind it; anything else is refused. Bytes of a client that look like such a record,
 *      inside a torn batch, lead to a refusal too; no damaged batch is taken for a whole one. */
#ifndef ROCKS_TAIL_H
#define ROCKS_TAIL_H

#include <rkv/status.h>

#include <stdbool.h>
#include <stddef.h>

enum { TAIL_FILES_MAX = 1024 };

struct tail_file {
  uint64_t number;
  uint64_t sequence; /* of the last change in a whole batch of it; 0: there is none */
};

struct tail {
  uint64_t sequence; /* RocksDB's number of the last change in a whole batch; 0: there is none */
  bool torn;         /* something behind that is not whole */
  uint64_t file;     /* where: the number of a log file, */
  uint64_t offset;   /* and a byte in it */
  size_t count;      /* log files there are, by their numbers */
  struct tail_file files[TAIL_FILES_MAX];
};

/* Reads the log files in a directory, which nobody else has open.
 * Errors: RKV_CORRUPT (T1), with the place; RKV_IO, RKV_FULL without a file
 * descriptor, RKV_NO_MEMORY. */
enum rkv_status tail_find(const char *dir, struct tail *tail, struct rkv_error *error);

/* Cuts off what is torn, durably. Errors: RKV_IO. */
enum rkv_status tail_cut(const char *dir, const struct tail *tail, struct rkv_error *error);

#endif
