/* frames.c: writes frames, and reads what they say; where each entry lies. */
#include "store.h"

#include <storage-parts/crc32c.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define MAGIC UINT32_C(0x454d5246)

enum { TRUNCATE = 1 + 8, STATE = 1 + IDS_VOTE + 1 + IDS_IDENTITY + 1 + IDS_LOG_ID + 8 };
enum record { RECORD_STATE = 1, RECORD_ENTRY, RECORD_TRUNCATE };

/* ---- places ---- */

static enum rkv_status add_place(struct store *s, rkv_index index, struct place place,
                                 struct rkv_error *error) {
  if (index != s->before + s->count + 1)
    return rkv_fail(error, RKV_CORRUPT, "%s/" FILE_NAME ": entry %" PRIu64 " follows %" PRIu64,
                    s->log.folder.path, index, s->before + s->count);
  if (s->count == s->room) {
    const size_t room = s->room ? 2 * s->room : 1024;
    struct place *more = realloc(s->places, room * sizeof *more);
    if (!more) return rkv_fail(error, RKV_NO_MEMORY, "no memory for one more entry");
    s->places = more, s->room = room;
  }
  s->places[s->count++] = place;
  assert(s->count <= s->room); /* (F1) */
  return RKV_OK;
}

/* Entries from..to (places) are gone. */
static void drop_places(struct store *s, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) s->dead += ENTRY_HEAD + s->places[i].len;
  memmove(s->places + from, s->places + to, (s->count - to) * sizeof *s->places);
  s->count -= to - from;
}

static void purge_places(struct store *s, rkv_index up_to) {
  if (up_to <= s->before) return;
  drop_places(s, 0, up_to - s->before < s->count ? (size_t)(up_to - s->before) : s->count);
  s->before = up_to;
}

static void truncate_places(struct store *s, rkv_index last) {
  if (last >= s->before && last - s->before < s->count)
    drop_places(s, (size_t)(last - s->before), s->count);
}

/* ---- frames ---- */

static uint8_t *extend(struct frame *f, size_t len) {
  if (f->len + len > f->room) {
    const size_t room = 2 * (f->len + len);
    uint8_t *more = realloc(f->bytes, room);
    if (!more) return NULL;
    f->bytes = more;
    f->room = room;
  }
  f->len += len;
  return f->bytes + f->len - len;
}

bool frame_begin(struct frame *f) {
  f->len = 0;
  return extend(f, FRAME_HEAD) != NULL;
}

bool frame_state(struct frame *f, const struct state *state) {
  uint8_t *at = extend(f, STATE);
  if (!at) return false;
  *at++ = RECORD_STATE;
  put_vote(at, state->vote), at += IDS_VOTE;
  *at++ = state->vote.committed ? 1 : 0;
  put_identity(at, state->identity), at += IDS_IDENTITY;
  *at++ = state->identity.settled ? 1 : 0;
  put_log_id(at, state->purged), at += IDS_LOG_ID;
  put_u64(at, state->snapshot);
  return true;
}

uint8_t *frame_entry(struct frame *f, struct rkv_log_id id, uint32_t kind, uint64_t len) {
  uint8_t *at = extend(f, ENTRY_HEAD + len);
  if (!at) return NULL;
  *at++ = RECORD_ENTRY;
  put_log_id(at, id), at += IDS_LOG_ID;
  put_u32(at, kind);
  put_u64(at + 4, len);
  return at + 12;
}

bool frame_truncate(struct frame *f, rkv_index last) {
  uint8_t *at = extend(f, TRUNCATE);
  if (!at) return false;
  *at = RECORD_TRUNCATE;
  put_u64(at + 1, last);
  return true;
}

/* Takes the records of a frame that is durable and lies at `at`, in the order of the file. `shape`
 * is held, or nobody reads yet. Errors: RKV_CORRUPT, RKV_NO_MEMORY. */
static enum rkv_status take_frame(struct store *s, const uint8_t *bytes, size_t len, uint64_t at,
                                  struct rkv_error *error) {
  size_t i = FRAME_HEAD;
  enum rkv_status status = RKV_OK;
  while (i < len && status == RKV_OK) {
    const uint8_t *r = bytes + i + 1;
    const size_t left = len - i;
    if (bytes[i] == RECORD_STATE && left >= STATE) {
      s->state.vote = get_vote(r, r[IDS_VOTE]), r += IDS_VOTE + 1;
      s->state.identity = get_identity(r, r[IDS_IDENTITY]), r += IDS_IDENTITY + 1;
      s->state.purged = get_log_id(r), r += IDS_LOG_ID;
      s->state.snapshot = get_u64(r);
      purge_places(s, s->state.purged.index);
      s->dead += FRAME_HEAD + STATE; /* as soon as there is a newer one */
      i += STATE;
    } else if (bytes[i] == RECORD_TRUNCATE && left >= TRUNCATE) {
      truncate_places(s, get_u64(r));
      i += TRUNCATE;
    } else if (bytes[i] == RECORD_ENTRY && left >= ENTRY_HEAD &&
               get_u64(r + 20) <= left - ENTRY_HEAD) {
      const struct rkv_log_id id = get_log_id(r);
      const struct place place = {id.term, at + i + ENTRY_HEAD, get_u64(r + 20), get_u32(r + 16)};
      status = add_place(s, id.index, place, error);
      i += ENTRY_HEAD + place.len;
    } else {
      status = rkv_fail(error, RKV_CORRUPT, "%s/" FILE_NAME ": byte %" PRIu64 ": no record",
                        s->log.folder.path, at + i);
    }
  }
  return status;
}

enum rkv_status frame_store(const struct store *s, int fd, struct frame *f, uint64_t at,
                            struct rkv_error *error) {
  put_u32(f->bytes + 4, MAGIC);
  put_u64(f->bytes + 8, f->len);
  put_u32(f->bytes, crc32c(0, f->bytes + 4, f->len - 4));
  return folder_write(&s->log.folder, fd, FILE_NAME, f->bytes, f->len, at, error);
}

enum rkv_status frame_write(struct store *s, struct frame *f, struct rkv_error *error) {
  enum rkv_status status = frame_store(s, s->fd, f, s->size, error);
  assert(pthread_mutex_trylock(&s->writing) != 0); /* (F2) */
  if (status == RKV_OK) status = folder_sync_file(&s->log.folder, s->fd, FILE_NAME, error);
  if (status != RKV_OK) return status;
  log_count_sync(&s->log, f->len);
  (void)pthread_rwlock_wrlock(&s->shape);
  status = take_frame(s, f->bytes, f->len, s->size, error); /* (F1) */
  (void)pthread_rwlock_unlock(&s->shape);
  s->size += f->len;
  return status;
}

/* ---- loading ---- */

/* The length of the frame that stands at bytes[0..len), 0: none does. */
static uint64_t frame_at(const uint8_t *bytes, uint64_t len) {
  const uint64_t own = len > FRAME_HEAD && get_u32(bytes + 4) == MAGIC ? get_u64(bytes + 8) : 0;
  if (own <= FRAME_HEAD || own > len) return 0;
  return get_u32(bytes) == crc32c(0, bytes + 4, (size_t)own - 4) ? own : 0;
}

/* The rest of the file begins with no frame: it is room, or a crash tore the last frame, which the
 * next one is written over; with a frame behind it the file is damaged. */
static enum rkv_status check_rest(const struct store *s, const uint8_t *rest, uint64_t len,
                                  struct rkv_error *error) {
  for (uint64_t i = 1; i + FRAME_HEAD < len; i++)
    if (frame_at(rest + i, len - i) > 0)
      return rkv_fail(error, RKV_CORRUPT, "%s/" FILE_NAME ": byte %" PRIu64 ": damaged",
                      s->log.folder.path, s->size);
  return RKV_OK;
}

enum rkv_status frames_load(struct store *s, struct rkv_error *error) {
  const struct folder *folder = &s->log.folder;
  uint64_t size = 0, own = 0;
  size_t got = 0;
  uint8_t *bytes = NULL;
  enum rkv_status status = folder_file_size(folder, s->fd, FILE_NAME, &size, error);
  if (status == RKV_OK && !(bytes = malloc((size_t)size + 1)))
    status = rkv_fail(error, RKV_NO_MEMORY, FILE_NAME ": no memory for %" PRIu64 " bytes", size);
  if (status == RKV_OK)
    status = folder_read(folder, s->fd, FILE_NAME, bytes, (size_t)size, 0, &got, error);
  while (status == RKV_OK && (own = frame_at(bytes + s->size, got - s->size)) > 0) {
    status = take_frame(s, bytes + s->size, (size_t)own, s->size, error);
    s->size += own;
  }
  if (status == RKV_OK) status = check_rest(s, bytes + s->size, got - s->size, error);
  if (status == RKV_OK && s->size == 0)
    status = rkv_fail(error, RKV_CORRUPT, "%s/" FILE_NAME ": holds no state", folder->path);
  s->reserved = got;
  free(bytes);
  return status;
}
