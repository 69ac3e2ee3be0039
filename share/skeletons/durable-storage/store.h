/* store.h: the storage's file: frames, what lies where in it.
 *
 * A frame is what one sync made durable: its head (CRC-32C of all behind it, magic, length), then
 * records of a type, each of its own length. A crash can tear the last frame only. Zeros behind it
 * are room for the next ones, so that a full device is met before anything is written.
 *
 * A frame is written once the one before it is durable: behind a torn one nothing is valid.
 *
 * (F1) places[i] is where entry `before` + 1 + i lies. Places and `fd` change under `shape` alone.
 * (F2) The state and the sizes of the file change under `writing` alone. */
#ifndef STORAGE_FILE_STORE_H
#define STORAGE_FILE_STORE_H

#include <storage-parts/ids.h>
#include <storage-parts/log.h>

#define FILE_NAME "frames"
#define NEW_NAME "frames.new"               /* unfinished */
#define FRAME_BYTES_MAX (UINT32_C(8) << 20) /* a frame with more of payload gets no more records */

enum { FRAME_HEAD = 16, ENTRY_HEAD = 1 + IDS_LOG_ID + 4 + 8 };

struct state {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged;
  uint64_t snapshot; /* number of its file; 0: none */
};

struct place {
  rkv_term term;
  uint64_t at, len; /* of the payload, in the file */
  uint32_t kind;
};

struct store {
  struct log log; /* the first member: the parts' operations take a store */
  pthread_mutex_t writing;
  struct state state;
  uint64_t size, dead; /* bytes of all frames, and those of them that say nothing any more */
  uint64_t reserved;   /* bytes of the file: there are zeros behind the frames */
  pthread_rwlock_t shape;
  int fd;
  rkv_index before; /* the entry before places[0] */
  struct place *places;
  size_t count, room;
};

/* A frame that is being made. */
struct frame {
  uint8_t *bytes;
  size_t len, room;
};

/* ---- frames.c ---- */

/* Empties the frame and makes records in it. False: no memory. */
bool frame_begin(struct frame *f);
bool frame_state(struct frame *f, const struct state *state);
bool frame_truncate(struct frame *f, rkv_index last);
/* An entry with room for `len` bytes of payload, which begin at the pointer returned; NULL: no
 * memory. */
uint8_t *frame_entry(struct frame *f, struct rkv_log_id id, uint32_t kind, uint64_t len);

/* Writes the frame into `fd` at `at`. Errors: those of folder_write. */
enum rkv_status frame_store(const struct store *s, int fd, struct frame *f, uint64_t at,
                            struct rkv_error *error);
/* Makes the frame durable at the file's end, then takes what it says. `writing` is held (F2).
 * Errors: those of folder_write; RKV_NO_MEMORY. */
enum rkv_status frame_write(struct store *s, struct frame *f, struct rkv_error *error);
/* Reads the file from its begin; a torn frame at its end is written over. Before anybody
 * reads. Errors: RKV_CORRUPT, RKV_IO, RKV_NO_MEMORY. */
enum rkv_status frames_load(struct store *s, struct rkv_error *error);

/* ---- replace.c ---- */

/* Writes the file anew without what is dead. `writing` is held; readers may look at the places
 * meanwhile. Errors: those of folder_write, RKV_CORRUPT, RKV_NO_MEMORY. */
enum rkv_status replace_file(struct store *s, struct rkv_error *error);

#endif
