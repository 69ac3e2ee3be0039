/* disk_internal.h: what the files of the simulated disk share. */
#ifndef SIM_DISK_INTERNAL_H
#define SIM_DISK_INTERNAL_H

#include "disk.h"

#define DISK_SECTOR 512

enum record_type {
  RECORD_VOTE = 1,
  RECORD_ENTRY = 2,
  RECORD_TRUNCATE = 3,
  RECORD_PURGE = 4,
  RECORD_SNAPSHOT = 5,
  RECORD_IDENTITY = 6
};

/* A growing run of bytes. */
struct bytes {
  uint8_t *data;
  size_t len, capacity;
};

void bytes_put(struct bytes *b, const void *data, size_t len);
void bytes_put_u64(struct bytes *b, uint64_t value);

/* What a run of records stands for. */
struct disk_state {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged, last;
  struct rkv_entry *entries; /* purged.index + 1 .. last.index */
  size_t count, capacity;
  struct rkv_snapshot_meta meta;
  struct rkv_buf snapshot;
};

void state_free(struct disk_state *s);
void state_append(struct disk_state *s, const struct rkv_entry *e);
void state_truncate(struct disk_state *s, rkv_index after);
void state_purge(struct disk_state *s, struct rkv_log_id up_to);
/* Takes over the references in *meta and data. */
void state_snapshot(struct disk_state *s, const struct rkv_snapshot_meta *meta,
                    struct rkv_buf data);

/* Appends one record. */
void record_vote(struct bytes *out, struct rkv_vote vote);
void record_identity(struct bytes *out, const struct rkv_identity *identity);
void record_entry(struct bytes *out, const struct rkv_entry *e);
void record_truncate(struct bytes *out, rkv_index after);
void record_purge(struct bytes *out, struct rkv_log_id up_to);
void record_snapshot(struct bytes *out, const struct rkv_snapshot_meta *meta, struct rkv_buf data);
/* Applies every valid record of the prefix to *s and says how many bytes that was. */
size_t record_replay(const uint8_t *data, size_t len, struct disk_state *s);

/* A save on its way. */
struct disk_op {
  struct disk_op *next;
  struct rkv_completion *completion;
  size_t end; /* length of the image when the operation was written */
  struct rkv_vote vote;
  struct rkv_log_id last, purged;
};

struct disk {
  struct world *world;
  rkv_node_id id;
  struct disk_faults faults;
  uint64_t fault_counts[DISK_FAULT_COUNT];
  struct bytes image; /* cache */
  size_t synced;      /* bytes of it that are on the disk */
  struct rkv_vote synced_vote;
  struct rkv_log_id synced_last, synced_purged;
  struct disk_state state; /* what the image stands for */
  struct disk_op *first, **last;
  size_t grown; /* bytes that snapshots put before what is being synced */
  bool open, syncing, failed;
  unsigned life;
  const struct rkv_host *host; /* of the node that has it open */
};

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
