/* room.c: the room on the device, looked at before each batch with entries: RocksDB cannot go on
 * once a write failed, and it also writes by itself. */
#include "room.h"

#include <inttypes.h>

enum { RESERVE_BUFFERS = 4 }; /* what RocksDB may need for files it is about to write */
#define OPEN_BYTES (1 * MIB)  /* ... to be opened, if it does not make files of its log */

static uint64_t reserve(const struct store *s) {
  return RESERVE_BUFFERS * s->options.write_buffer_bytes;
}

static uint64_t room_free_bytes(const struct store *s) {
  return folder_free_bytes(&s->log.folder);
}

static bool has(const struct store *s, uint64_t wanted) {
  return room_free_bytes(s) >= wanted;
}

enum rkv_status room_to_open(const struct store *s, bool *frugal, struct rkv_error *error) {
  *frugal = !has(s, reserve(s));
  if (has(s, OPEN_BYTES)) return RKV_OK;
  return rkv_fail(error, RKV_NO_SPACE,
                  "%s: %" PRIu64 " bytes are free on the device, %" PRIu64
                  " are needed to open the database (make room)",
                  s->options.dir, room_free_bytes(s), OPEN_BYTES);
}

bool room_for_snapshot(const struct store *s, uint64_t bytes) {
  return has(s, reserve(s) + bytes);
}

bool room_for_entries(struct store *s, uint64_t bytes) {
  uint64_t wanted = reserve(s) + bytes + log_next_snapshot(&s->log, s->options.write_buffer_bytes);
  struct rkv_error what = {0};
  bool there;
  there = has(s, wanted);
  if (!there)
    (void)rkv_fail(&what, RKV_NO_SPACE,
                   "%" PRIu64 " bytes are free, %" PRIu64
                   " are needed; writes wait (make room): %s",
                   room_free_bytes(s), wanted, s->options.dir);
  log_note_lack(&s->log, there ? RKV_OK : RKV_NO_SPACE, what.text);
  return there;
}
