/* storage-sealed.c: puts a checksum behind whatever another storage keeps; a skeleton of a stacked
 * storage, to begin from.
 *
 * What it is given it changes on the way down (seal_entry, put_block), and changes back on the way
 * up (open_entry, get_block): what is longer below is accounted for in read and load. To make it
 * yours, put your own change in the place of `seal`: compression, encryption, ...
 *
 * (S1) Below, an entry has SEAL bytes more. A snapshot is cut into blocks of BLOCK bytes, the last
 *      one shorter, and each has SEAL bytes more: so its own size follows from the size below. */
#include <rkv/rkv.h>
#include <storage-parts/crc32c.h>
#include <storage-parts/little.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { SEAL = 4, BLOCK = 64 * 1024, STORED = BLOCK + SEAL /* of a block, below */ };
enum { LATE_MAX = 256 /* completions after a failure; later ones wait for no turn */ };

/* A completion of an operation that failed here: the storage below tells it in its turn. */
struct late {
  struct rkv_completion own;
  const struct sealed *s;
  struct rkv_completion *theirs;
};

struct sealed {
  const struct rkv_host *host;
  const struct rkv_storage_ops *ops; /* of the storage under this one */
  void *it;                          /* its instance; NULL: not open */
  /* What follows belongs to the one thread at a time that saves and appends. */
  struct rkv_vote vote;    /* the last one that went down */
  struct rkv_error failed; /* the first failure of our own; nothing succeeds after it */
  struct late late[LATE_MAX];
  size_t late_count;
};

static enum rkv_status no_memory(struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "storage-sealed: no memory");
}

/* Copies `from` with its seal behind it, which fits at this place only. */
static enum rkv_status seal(const struct sealed *s, uint32_t place, const uint8_t *from, size_t len,
                            struct rkv_buf *out, struct rkv_error *error) {
  uint8_t *to = s->host->buf_alloc(s->host->ctx, len + SEAL, out);
  if (!to) return no_memory(error);
  if (len > 0) memcpy(to, from, len);
  put_u32(to + len, crc32c(place, to, len));
  return RKV_OK;
}

static bool is_sealed(uint32_t place, const uint8_t *bytes, size_t stored) {
  return stored >= SEAL && get_u32(bytes + stored - SEAL) == crc32c(place, bytes, stored - SEAL);
}

/* ---- down: what fails here still ends in its turn ---- */

static void tell_late(struct rkv_completion *own, enum rkv_status status,
                      const struct rkv_error *error) {
  const struct late *late = (struct late *)own;
  (void)status, (void)error;
  late->theirs->done(late->theirs, (enum rkv_status)late->s->failed.status, &late->s->failed);
}

/* True: the operation ends with the failure: it goes down as a save of the vote that is there, and
 * so ends behind what the storage below works on. No memory is needed for it. */
static bool has_failed(struct sealed *s, struct rkv_completion *completion) {
  if (s->failed.status == RKV_OK) return false;
  if (s->late_count < LATE_MAX) {
    s->late[s->late_count] = (struct late){{tell_late}, s, completion};
    s->ops->save_vote(s->it, s->vote, &s->late[s->late_count++].own);
  } else {
    completion->done(completion, (enum rkv_status)s->failed.status, &s->failed);
  }
  return true;
}

static void sealed_save_vote(void *storage, struct rkv_vote vote,
                             struct rkv_completion *completion) {
  struct sealed *s = storage;
  if (has_failed(s, completion)) return;
  s->vote = vote;
  s->ops->save_vote(s->it, vote, completion);
}

static void sealed_save_identity(void *storage, struct rkv_identity identity,
                                 struct rkv_completion *completion) {
  struct sealed *s = storage;
  if (!has_failed(s, completion)) s->ops->save_identity(s->it, identity, completion);
}

/* Id and kind stay as they are: others look at them. */
static enum rkv_status seal_entry(const struct sealed *s, const struct rkv_entry *entry,
                                  struct rkv_entry *out, struct rkv_error *error) {
  *out = *entry;
  out->payload = rkv_buf_none();
  return seal(s, (uint32_t)entry->id.index, entry->payload.data, entry->payload.len, &out->payload,
              error);
}

static void sealed_append(void *storage, const struct rkv_entry *entries, size_t count,
                          struct rkv_completion *completion) {
  struct sealed *s = storage;
  struct rkv_entry *below = calloc(count + 1, sizeof *below);
  enum rkv_status status = below ? RKV_OK : no_memory(&s->failed);
  for (size_t i = 0; i < count && status == RKV_OK && s->failed.status == RKV_OK; i++)
    status = seal_entry(s, &entries[i], &below[i], &s->failed);
  if (status != RKV_OK) s->host->fatal(s->host->ctx, status, s->failed.text);
  if (!has_failed(s, completion)) s->ops->append(s->it, below, count, completion);
  for (size_t i = 0; below && i < count; i++) rkv_buf_drop(&below[i].payload);
  free(below);
}

/* After a failure nothing is changed any more. */
static void sealed_truncate(void *storage, rkv_index after) {
  struct sealed *s = storage;
  if (s->failed.status == RKV_OK) s->ops->truncate(s->it, after);
}

static void sealed_purge(void *storage, struct rkv_log_id up_to) {
  struct sealed *s = storage;
  if (s->failed.status == RKV_OK) s->ops->purge(s->it, up_to);
}

/* ---- up ---- */

static enum rkv_status open_entry(struct rkv_entry *entry, struct rkv_error *error) {
  if (!is_sealed((uint32_t)entry->id.index, entry->payload.data, entry->payload.len))
    return rkv_fail(error, RKV_CORRUPT, "storage-sealed: entry %" PRIu64 ": its seal does not fit",
                    entry->id.index);
  entry->payload.len -= SEAL; /* a slice: the reference stays */
  return RKV_OK;
}

/* The entries are longer below: it is asked for more, and what came is counted again. */
static enum rkv_status sealed_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                   struct rkv_entry *entries, size_t capacity, size_t *count,
                                   struct rkv_error *error) {
  const struct sealed *s = storage;
  const uint64_t seals = (uint64_t)capacity * SEAL; /* the array is in memory: no overflow */
  const uint64_t more = bytes_max < UINT64_MAX / 2 ? bytes_max + seals : bytes_max;
  uint64_t bytes = 0;
  size_t held = 0, opened = 0;
  enum rkv_status status = s->ops->read(s->it, from, to, more, entries, capacity, &held, error);
  for (; status == RKV_OK && opened < held; opened++) {
    status = open_entry(&entries[opened], error);
    bytes += entries[opened].payload.len;
    if (bytes > bytes_max && opened > 0) break; /* at least one is given */
  }
  if (status != RKV_OK) opened = 0;
  for (size_t i = opened; i < held; i++) rkv_buf_drop(&entries[i].payload);
  *count = opened;
  return status;
}

/* ---- a snapshot ---- */

/* A snapshot that is written or read. */
struct handle {
  struct sealed *s;
  void *below;     /* the same of the storage under this one */
  uint64_t size;   /* reading: bytes of data */
  uint32_t number; /* of the block that `bytes` holds or gets */
  size_t used;     /* bytes of data in it; reading: 0: none is held */
  uint8_t bytes[STORED];
};

/* Bytes of data of a snapshot that has so many below (S1). */
static uint64_t size_of(uint64_t stored) {
  const uint64_t rest = stored % STORED;
  const uint64_t size = stored / STORED * BLOCK + (rest > SEAL ? rest - SEAL : 0);
  assert(size <= stored); /* (S1) */
  return size;
}

static enum rkv_status bad_snapshot(const char *why, struct rkv_error *error) {
  return rkv_fail(error, RKV_CORRUPT, "storage-sealed: the snapshot %s", why);
}

static enum rkv_status sealed_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                             void **writer, struct rkv_error *error) {
  struct sealed *s = storage;
  struct handle *h = calloc(1, sizeof *h);
  enum rkv_status status;
  if (!h) return no_memory(error);
  h->s = s;
  status = s->ops->snapshot_begin(s->it, meta, &h->below, error); /* meta->size is not looked at */
  *writer = status == RKV_OK ? h : NULL;
  if (status != RKV_OK) free(h);
  return status;
}

static enum rkv_status put_block(struct handle *h, struct rkv_error *error) {
  struct rkv_buf block;
  enum rkv_status status = seal(h->s, h->number++, h->bytes, h->used, &block, error);
  if (status != RKV_OK) return status;
  status = h->s->ops->snapshot_write(h->below, block, error);
  rkv_buf_drop(&block);
  h->used = 0;
  return status;
}

static enum rkv_status sealed_snapshot_write(void *writer, struct rkv_buf chunk,
                                             struct rkv_error *error) {
  struct handle *h = writer;
  enum rkv_status status = RKV_OK;
  while (status == RKV_OK && chunk.len > 0) {
    const size_t room = BLOCK - h->used, len = chunk.len < room ? chunk.len : room;
    memcpy(h->bytes + h->used, chunk.data, len);
    h->used += len;
    chunk = rkv_buf_slice(chunk, len, chunk.len);
    if (h->used == BLOCK) status = put_block(h, error);
  }
  return status;
}

static void sealed_snapshot_abort(void *writer) {
  struct handle *h = writer;
  h->s->ops->snapshot_abort(h->below);
  free(h);
}

/* The writer has ended, whatever is returned: where commit is not reached, by abort. */
static enum rkv_status sealed_snapshot_commit(void *writer, struct rkv_error *error) {
  struct handle *h = writer;
  enum rkv_status status = h->used > 0 ? put_block(h, error) : RKV_OK;
  if (status == RKV_OK)
    status = h->s->ops->snapshot_commit(h->below, error);
  else
    h->s->ops->snapshot_abort(h->below);
  free(h);
  return status;
}

static void sealed_snapshot_close(void *reader) {
  struct handle *h = reader;
  h->s->ops->snapshot_close(h->below);
  free(h);
}

static enum rkv_status sealed_snapshot_open(void *storage, void **reader,
                                            struct rkv_snapshot_meta *meta,
                                            struct rkv_error *error) {
  struct sealed *s = storage;
  struct handle *h = calloc(1, sizeof *h);
  enum rkv_status status;
  if (!h) return no_memory(error);
  h->s = s;
  status = s->ops->snapshot_open(s->it, &h->below, meta, error);
  if (status != RKV_OK) {
    free(h);
    return status;
  }
  h->size = meta->size = size_of(meta->size);
  *reader = h;
  return RKV_OK;
}

/* Has block `number` in h->bytes; the storage below may give less than it is asked for. */
static enum rkv_status get_block(struct handle *h, uint32_t number, struct rkv_error *error) {
  const uint64_t left = h->size - (uint64_t)number * BLOCK;
  const size_t len = left < BLOCK ? (size_t)left : BLOCK;
  size_t have = 0;
  if (h->used > 0 && h->number == number) return RKV_OK;
  h->used = 0;
  while (have < len + SEAL) {
    struct rkv_buf chunk = rkv_buf_none();
    enum rkv_status status = h->s->ops->snapshot_read(h->below, (uint64_t)number * STORED + have,
                                                      len + SEAL - have, &chunk, error);
    if (status != RKV_OK) return status;
    if (chunk.len == 0) return bad_snapshot("ends too early", error);
    memcpy(h->bytes + have, chunk.data, chunk.len);
    have += chunk.len;
    rkv_buf_drop(&chunk);
  }
  if (!is_sealed(number, h->bytes, have))
    return bad_snapshot("has a block that was changed", error);
  h->number = number;
  h->used = len;
  return RKV_OK;
}

static enum rkv_status sealed_snapshot_read(void *reader, uint64_t offset, size_t max,
                                            struct rkv_buf *chunk, struct rkv_error *error) {
  struct handle *h = reader;
  const size_t at = offset % BLOCK;
  enum rkv_status status;
  uint8_t *to;
  *chunk = rkv_buf_none();
  if (offset >= h->size || max == 0) return RKV_OK;
  status = get_block(h, (uint32_t)(offset / BLOCK), error);
  if (status != RKV_OK) return status;
  if (max > h->used - at) max = h->used - at;
  to = h->s->host->buf_alloc(h->s->host->ctx, max, chunk);
  if (!to) return no_memory(error);
  memcpy(to, h->bytes + at, max);
  return RKV_OK;
}

/* ---- the begin and the end ---- */

/* The snapshot's size is told as that of our data. It follows from the size below: a load opens no
 * snapshot and needs no descriptor. */
static enum rkv_status sealed_load(void *storage, struct rkv_storage_state *state,
                                   struct rkv_error *error) {
  const struct sealed *s = storage;
  enum rkv_status status = s->ops->load(s->it, state, error);
  if (status == RKV_OK) state->snapshot.size = size_of(state->snapshot.size);
  return status;
}

static void sealed_close(void *storage) {
  struct sealed *s = storage;
  if (s->it) s->ops->close(s->it); /* ends what runs there: its completions are ours */
  free(s);
}

static enum rkv_status sealed_open(const struct rkv_host *host, const struct rkv_config *config,
                                   void **storage, struct rkv_error *error) {
  struct rkv_under under = {.struct_size = sizeof under};
  struct rkv_storage_state state = {0};
  struct sealed *s = calloc(1, sizeof *s);
  enum rkv_status status;
  (void)config; /* it has no options; those of the storage below are that one's */
  if (!s) return no_memory(error);
  s->host = host;
  status = host->open_under(host->ctx, RKV_KIND_STORAGE, NULL, &under, error);
  if (status == RKV_OK) {
    s->ops = under.ops;
    s->it = under.instance;
    status = sealed_load(s, &state, error);
  }
  s->vote = state.vote;
  rkv_buf_drop(&state.snapshot.membership);
  *storage = status == RKV_OK ? s : NULL;
  if (status != RKV_OK) sealed_close(s); /* the storage below, too, if it was opened */
  return status;
}

static const struct rkv_storage_ops ops = {
    sealed_open,           sealed_close,          sealed_load,           sealed_save_vote,
    sealed_save_identity,  sealed_append,         sealed_truncate,       sealed_purge,
    sealed_read,           sealed_snapshot_begin, sealed_snapshot_write, sealed_snapshot_commit,
    sealed_snapshot_abort, sealed_snapshot_open,  sealed_snapshot_read,  sealed_snapshot_close};

/* What it declares counts as far as the storage below declares it, too. */
RKV_PLUGIN(STORAGE, "storage-sealed", "1.0.0",
           "a checksum behind all that another storage keeps; a skeleton",
           RKV_CAP_STACKED | RKV_CAP_DURABLE | RKV_CAP_FINDS_DAMAGE, RKV_NO_OPTIONS, ops);
