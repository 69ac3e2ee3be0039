/* rocks_dir.h: a directory of storage-rocksdb, on a device whose room a test decides about. */
#ifndef ROCKS_DIR_TEST_H
#define ROCKS_DIR_TEST_H

#include "storage_laws.h"

enum {
  BUFFER = 1024 * 1024, /* bytes of RocksDB's write buffer */
  DEVICE = 64 * BUFFER, /* bytes of room: plenty */
  FEW = 2 * BUFFER,     /* so few that RocksDB makes no files of its log when it is opened */
};

struct lives {
  struct log_test log;          /* first: what its acts take; log.dir is what is opened */
  char whole[SCRATCH_PATH_MAX]; /* what a life left */
  rkv_term term;                /* of the last vote */
  uint64_t buffer;              /* write_buffer_bytes; at first BUFFER */
  bool pairs;                   /* the long form, by RKV_LONG in the environment */
};

/* cmocka fixtures. */
int lives_setup(void **state);
int lives_teardown(void **state);

/* The device has so many bytes left; at first DEVICE. */
void device_has(uint64_t bytes);
/* No file of this name is made: there is no room. NULL: all are. */
void device_refuses(const char *name);

/* Opens what is in log.dir. */
enum rkv_status lives_try(struct lives *l, struct rkv_error *error);
void lives_begin(struct lives *l); /* that must succeed */
/* The next vote, durable. */
void lives_vote(struct lives *l);
/* The vote and the entries 1..last are held. */
void lives_hold(struct lives *l, rkv_index last);
/* Ends the life, as a kill or in order; what it left is `whole`, too. */
void lives_kill(struct lives *l);
void lives_close(struct lives *l);

/* Removes or empties each file that the life left, alone and in the long form in pairs: open is
 * refused and changes nothing, or all is there. Returns how often it was refused; the files are as
 * they were. */
unsigned lives_sweep(struct lives *l, rkv_index last);

/* open is CORRUPT, says this, and changes nothing. */
void lives_refuse(struct lives *l, const char *says);

/* The one file of log.dir whose name ends so and that is not empty; the last by name. */
void lives_find(const struct lives *l, const char *ending, char path[SCRATCH_PATH_MAX]);

#endif
