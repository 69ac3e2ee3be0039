/* disk_internal.h: what the files of the simulated disk share. */
#ifndef SIM_DISK_INTERNAL_H
#define SIM_DISK_INTERNAL_H

#include "disk.h"

#include <wal.h>

/* What a log and a snapshot stand for. */
struct disk_state {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged, last;
  struct rkv_entry *entries; /* purged.index + 1 .. last.index */
  size_t count, capacity;
  struct rkv_snapshot_meta meta; /* of the newest snapshot ... */
  struct rkv_buf content;        /* ... and its bytes */
};

void state_free(struct disk_state *s);
void state_append(struct disk_state *s, const struct rkv_entry *e);
void state_truncate(struct disk_state *s, rkv_index after);
void state_purge(struct disk_state *s, struct rkv_log_id up_to);
/* Takes over the references in *meta and content. */
void state_snapshot(struct disk_state *s, const struct rkv_snapshot_meta *meta,
                    struct rkv_buf content);
const struct rkv_entry *state_find(const struct disk_state *s, rkv_index index);

/* A call that changes the log, on its way; or answered, and what a crash may leave of it. */
struct disk_op {
  struct rkv_completion completion; /* first: what storage-wal knows */
  struct disk_op *next;
  struct disk *disk;
  struct rkv_completion *waiter; /* the node's; NULL: truncate, purge, or the node has its answer */
  bool answered;                 /* by storage-wal, and so: */
  enum rkv_status status;
  struct rkv_error error;
  uint64_t at_ns; /* when it was asked for */
  /* What the log comes to with it; an append may be cut off anywhere behind `first`. */
  struct rkv_vote vote;
  struct rkv_identity identity;
  rkv_index first;
  struct rkv_log_id last;
  rkv_index promises; /* entries up to here, once it is durable: a truncation since may have cut */
};

/* A snapshot whose commit was asked for and not told to be done. */
struct disk_attempt {
  struct rkv_snapshot_meta meta;
  struct rkv_buf content;
};

struct disk {
  struct device *device;
  struct turns *turns;
  struct world *world;
  struct disk *twin;
  bool second; /* of the two */
  rkv_node_id id;
  void *inner;                  /* the real storage, while it is open */
  struct rkv_host host;         /* what it sees of the node ... */
  const struct rkv_host *outer; /* ... which has it open */
  struct rkv_value values[WAL_OPTIONS];
  struct disk_state state;       /* what the node was told that it holds */
  struct disk_op synced;         /* what was promised, the last call that was told to be done */
  struct disk_op *first, **last; /* calls since, the oldest first */
  struct disk_attempt attempt;
  bool open, failed;
  bool answer_planned; /* an event at this time gives the node what storage-wal has answered */
  bool met_damage;
  uint64_t last_answer_ns; /* when the node got its last answer */
};

/* ---- disk.c ---- */
/* Notes that storage-wal met damage, if its answer `status` says so; returns `status`. */
enum rkv_status disk_note_damage(struct disk *d, enum rkv_status status);

/* ---- disk_twin.c: of two disks ---- */
/* Its log is the node's: of what a copy is given the simulator knows already. */
bool disk_log_counts(const struct disk *d);
/* What its storage calls when it cannot go on. */
typedef void disk_on_fatal(void *ctx, enum rkv_status status, const char *text);
disk_on_fatal *disk_fatal(const struct disk *d);

/* ---- disk_ops.c: calls on their way, and their answers ---- */
/* A call that changes what is held, as the model has it now; `waiter` may be NULL. */
struct disk_op *disk_ask(struct disk *d, rkv_index first, struct rkv_completion *waiter);
/* Gives the node what storage-wal has answered; false: there was nothing. */
bool disk_tell(struct disk *d);
/* The storage is closed: every call that the node waits for ends with RKV_CANCELLED. What was on
 * its way may have been done. */
void disk_end(struct disk *d);
void disk_forget_ops(struct disk *d);

/* ---- disk_found.c: what is found after a crash, and whether it is what was promised ---- */
/* Looks at what storage-wal has opened. Errors: RKV_CORRUPT. */
enum rkv_status disk_look(struct disk *d, struct rkv_error *error);

/* ---- disk_snapshot.c: storage.h's snapshot operations ---- */
/* All of the newest snapshot; empty if there is none. Errors: those of snapshot_read. */
enum rkv_status disk_read_snapshot(void *inner, struct rkv_buf *content, struct rkv_error *error);
void disk_attempt_free(struct disk_attempt *attempt);
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
