/* disk_internal.h: what the files of the simulated disk share. */
#ifndef SIM_DISK_INTERNAL_H
#define SIM_DISK_INTERNAL_H

#include "disk.h"

enum record_type {
  RECORD_HEAD = 1, /* the first one: how long the file was when it got its name */
  RECORD_VOTE = 2,
  RECORD_ENTRY = 3,
  RECORD_TRUNCATE = 4,
  RECORD_PURGE = 5,
  RECORD_IDENTITY = 6,
  RECORD_SNAPSHOT = 7
};

enum { RECORD_HEADER = 40, RECORD_ALIGN = 8 };

#define DISK_NOT_WRITTEN SIZE_MAX

struct disk_entry {
  struct rkv_entry e;
  size_t place; /* of its record in the log; DISK_NOT_WRITTEN */
};

/* What a log and a snapshot stand for. */
struct disk_state {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged, last;
  struct disk_entry *entries; /* purged.index + 1 .. last.index */
  size_t count, capacity;
  struct rkv_snapshot_meta meta;
};

void state_free(struct disk_state *s);
void state_append(struct disk_state *s, const struct rkv_entry *e, size_t place);
void state_truncate(struct disk_state *s, rkv_index after);
void state_purge(struct disk_state *s, struct rkv_log_id up_to);
/* Takes over the reference in *meta. */
void state_snapshot(struct disk_state *s, const struct rkv_snapshot_meta *meta);
struct disk_entry *state_find(const struct disk_state *s, rkv_index index);

/* ---- disk_record.c ---- */

/* Appends one record, not sealed yet. */
void record_vote(struct bytes *out, struct rkv_vote vote);
void record_identity(struct bytes *out, const struct rkv_identity *identity);
void record_entry(struct bytes *out, const struct rkv_entry *e);
void record_truncate(struct bytes *out, rkv_index after);
void record_purge(struct bytes *out, struct rkv_log_id up_to);
void record_snapshot(struct bytes *out, const struct rkv_snapshot_meta *meta,
                     const struct bytes *data);
/* A log file's first batch: all of *s. */
void record_all(struct bytes *out, const struct disk_state *s);

/* Seals records that will stand at `place` as one batch. *chain: the check of the record before;
 * then of the last one. */
void record_seal(struct bytes *b, size_t place, uint64_t *chain);
/* They stand there: *s knows where its entries are. */
void record_places(const struct bytes *b, size_t place, struct disk_state *s);

/* What was found in a log file. */
struct disk_scan {
  size_t end;   /* of its valid records */
  size_t head;  /* how long it was when it got its name */
  size_t batch; /* where its last batch begins */
  uint64_t chain;
};

/* Reads a log file into *s. Errors: RKV_CORRUPT. */
enum rkv_status record_replay(const struct bytes *log, struct disk_state *s, struct disk_scan *scan,
                              struct rkv_error *error);
/* True if the whole record at `place` is as it was written. */
bool record_is_whole(const struct bytes *file, size_t place);
/* A snapshot file's meta (a reference to membership is given) and where its data is. Errors:
 * RKV_CORRUPT. */
enum rkv_status record_read_snapshot(const struct bytes *file, struct rkv_snapshot_meta *meta,
                                     size_t *data_at, struct rkv_error *error);
size_t record_size_at(const struct bytes *file, size_t place);

/* ---- disk.c ---- */

/* A save on its way. */
struct disk_op {
  struct disk_op *next;
  struct rkv_completion *completion;
  uint64_t at_ns; /* when it was asked for */
  struct rkv_vote vote;
  struct rkv_log_id last, purged;
  struct rkv_identity identity;
};

struct disk {
  struct device device;
  struct world *world;
  rkv_node_id id;
  struct disk_state state;           /* what the node was told that it holds */
  struct disk_op synced;             /* what was promised */
  struct bytes collected;            /* records of the next batch */
  struct disk_op *first, **last;     /* saves, the oldest first ... */
  struct disk_op **batch_end;        /* ... those before here are being written */
  struct device_file *renewed;       /* the log that replaces the present one with this batch */
  size_t batch, durable_batch, head; /* where the batch being written, the last synced one begin */
  uint64_t chain;
  bool open, writing, failed, misdirect;
  bool met_damage;           /* in a snapshot that may have been replaced since */
  uint64_t waiting_since_ns; /* for room; 0: not */
  unsigned life;
  const struct rkv_host *host; /* of the node that has it open */
};

/* Nothing succeeds any more (K1); what waits is answered. */
void disk_fail(struct disk *d, enum rkv_status status, const char *text);
struct device_file *disk_log(const struct disk *d);
struct disk_op *disk_take_first(struct disk *d);

/* ---- disk_batch.c ---- */
/* Writes what was collected, unless a batch is on its way. */
void disk_begin_batch(struct disk *d);

/* ---- disk_open.c: what is found after a crash, and whether it is what was promised ---- */
enum rkv_status disk_recover(struct disk *d, struct rkv_error *error);

/* ---- disk_damage.c ---- */
/* The batch that was just written at `place` went somewhere else. */
void disk_put_elsewhere(struct disk *d, struct device_file *log, size_t place);

/* ---- disk_snapshot.c: storage.h's snapshot operations ---- */
enum rkv_status disk_writer_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                  void **writer, struct rkv_error *error);
enum rkv_status disk_writer_write(void *writer, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status disk_writer_commit(void *writer, struct rkv_error *error);
void disk_writer_abort(void *writer);
enum rkv_status disk_reader_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                 struct rkv_error *error);
enum rkv_status disk_reader_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                                 struct rkv_error *error);
void disk_reader_close(void *reader);

#endif
