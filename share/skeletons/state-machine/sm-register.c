/* sm-register.c: one register of bytes; a skeleton of a state machine to begin from.
 *
 * A command is the register's new value, its answer the value before. A query is empty, its answer
 * the value. It needs <rkv/rkv.h> and nothing else, and compiles as C11 and as C++.
 *
 * To make it yours: rename it (file, RKV_PLUGIN), give `struct machine` your state, and decide what
 * a command is (validate), what it does (apply), what can be asked (query) and how all of the state
 * is written down (snapshot_read) and read back (restore_write).
 *
 * apply depends on the log alone: no clock, no chance, no address, no iteration order. What a view
 * needs it holds references to: later applies do not change it. Only the applier calls what touches
 * the state, so there is no lock; a machine that declares RKV_CAP_CONCURRENT_QUERIES needs one.
 *
 * (I1) applied.last only grows: entries come once, in the order of the log.
 * (I2) A restore has no more bytes than its head and the value that the head announces. */
#include <rkv/rkv.h>

#include <assert.h>
#include <stdlib.h>

#define VALUE_LIMIT (64u * 1024 * 1024) /* bytes: the largest value_max */
#define HEAD_BYTES 16                   /* of a snapshot: u64 length, u64 checksum of the value */

enum option { OPTION_VALUE_MAX, OPTION_COUNT };

static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "value_max",
     .default_text = "1MiB",
     .help = "longest value that a client may write",
     .choices = NULL,
     .min = 1,
     .max = VALUE_LIMIT,
     .type = RKV_OPTION_SIZE,
     .flags = 0},
};

struct machine {
  const struct rkv_host *host;
  uint64_t value_max;               /* bytes */
  struct rkv_snapshot_meta applied; /* last, membership_id, membership: what a snapshot must say */
  struct rkv_buf value;
};

static enum rkv_status reg_open(const struct rkv_host *host, const struct rkv_config *config,
                                void **sm, struct rkv_error *error) {
  struct machine *m = (struct machine *)calloc(1, sizeof *m);
  if (!m) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the register");
  m->host = host;
  m->value_max = config->values[OPTION_VALUE_MAX].number; /* the host has checked its range */
  *sm = m;
  return RKV_OK;
}

static void reg_close(void *sm) {
  struct machine *m = (struct machine *)sm;
  rkv_buf_drop(&m->value);
  rkv_buf_drop(&m->applied.membership);
  free(m);
}

/* ---- commands and queries ---- */

static enum rkv_status reg_validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  const struct machine *m = (const struct machine *)sm;
  if (command.len <= m->value_max) return RKV_OK;
  return rkv_fail(error, RKV_TOO_LARGE,
                  "value of %zu bytes is over the limit of %" PRIu64 " (value_max)", command.len,
                  m->value_max);
}

static enum rkv_status reg_apply(void *sm, const struct rkv_entry *entries, size_t count,
                                 struct rkv_buf *results, struct rkv_error *error) {
  struct machine *m = (struct machine *)sm;
  (void)error;
  for (size_t i = 0; i < count; i++) {
    const struct rkv_entry *entry = &entries[i];
    assert(entry->id.index > m->applied.last.index); /* (I1) */
    m->applied.last = entry->id; /* of every entry, also of those that are no command */
    if (entry->kind == RKV_ENTRY_COMMAND) {
      results[i] = m->value; /* our reference becomes the caller's */
      m->value = rkv_buf_share(entry->payload);
    } else if (entry->kind == RKV_ENTRY_MEMBERSHIP) {
      rkv_buf_drop(&m->applied.membership);
      m->applied.membership = rkv_buf_share(entry->payload);
      m->applied.membership_id = entry->id;
    }
  }
  return RKV_OK;
}

static enum rkv_status reg_query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                                 struct rkv_error *error) {
  const struct machine *m = (const struct machine *)sm;
  if (request.len > 0)
    return rkv_fail(error, RKV_INVALID, "query of %zu bytes (a register is read by an empty one)",
                    request.len);
  *response = rkv_buf_share(m->value);
  return RKV_OK;
}

static enum rkv_status reg_applied(void *sm, struct rkv_snapshot_meta *meta,
                                   struct rkv_error *error) {
  const struct machine *m = (const struct machine *)sm;
  (void)error;
  *meta = m->applied;
  (void)rkv_buf_share(meta->membership);
  return RKV_OK;
}

/* ---- snapshots: length, checksum, value ---- */

/* FNV-1a: tells a damaged snapshot from a whole one; it is no protection against an enemy. */
static uint64_t checksum(const uint8_t *bytes, size_t len) {
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < len; i++) sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
  return sum;
}

struct view {
  const struct rkv_host *host;
  struct rkv_buf value;
  uint64_t at; /* bytes read so far */
};

static enum rkv_status reg_snapshot_begin(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                                          struct rkv_error *error) {
  const struct machine *m = (const struct machine *)sm;
  struct view *view = (struct view *)calloc(1, sizeof *view);
  if (!view) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a snapshot");
  view->host = m->host;
  view->value = rkv_buf_share(m->value); /* this freezes the view: shared bytes are never written */
  *snapshot = view;
  return reg_applied(sm, meta, error);
}

static enum rkv_status reg_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                         struct rkv_error *error) {
  struct view *view = (struct view *)snapshot;
  uint8_t head[HEAD_BYTES], *out;
  struct rkv_buf part;
  *chunk = rkv_buf_none();
  if (view->at < HEAD_BYTES) {
    rkv_put_le(head, view->value.len, 8);
    rkv_put_le(head + 8, checksum(view->value.data, view->value.len), 8);
    part = rkv_buf_slice(rkv_buf_static(head, HEAD_BYTES), (size_t)view->at, max);
  } else {
    part = rkv_buf_slice(view->value, (size_t)view->at - HEAD_BYTES, max);
  }
  if (part.len == 0) return RKV_OK; /* the end */
  out = view->host->buf_alloc(view->host->ctx, part.len, chunk);
  if (!out) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a part of a snapshot");
  memcpy(out, part.data, part.len);
  view->at += part.len;
  return RKV_OK;
}

static void reg_snapshot_end(void *snapshot) {
  struct view *view = (struct view *)snapshot;
  rkv_buf_drop(&view->value);
  free(view);
}

/* ---- restore: a new state beside the present one ---- */

struct restore {
  struct machine *machine;
  struct rkv_snapshot_meta meta;
  uint8_t head[HEAD_BYTES];
  uint64_t got; /* bytes written so far, head included */
  struct rkv_buf value;
  uint8_t *room; /* room for the value, made once the head is whole */
};

static enum rkv_status reg_restore_begin(void *sm, const struct rkv_snapshot_meta *meta,
                                         void **restore, struct rkv_error *error) {
  struct restore *r = (struct restore *)calloc(1, sizeof *r);
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "no memory to restore a snapshot");
  r->machine = (struct machine *)sm;
  r->meta = *meta;
  (void)rkv_buf_share(r->meta.membership);
  *restore = r;
  return RKV_OK;
}

/* Takes one byte of the head; makes room for the value after its last one. */
static enum rkv_status take_head(struct restore *r, uint8_t byte, struct rkv_error *error) {
  uint64_t len;
  r->head[r->got++] = byte;
  if (r->got < HEAD_BYTES) return RKV_OK;
  len = rkv_get_le(r->head, 8);
  if (len > VALUE_LIMIT)
    return rkv_fail(error, RKV_CORRUPT, "snapshot: a value of %" PRIu64 " bytes (at most %u)", len,
                    VALUE_LIMIT);
  if (len == 0) return RKV_OK;
  r->room = r->machine->host->buf_alloc(r->machine->host->ctx, (size_t)len, &r->value);
  return r->room ? RKV_OK : rkv_fail(error, RKV_NO_MEMORY, "no memory for the snapshot's value");
}

static enum rkv_status reg_restore_write(void *restore, struct rkv_buf chunk,
                                         struct rkv_error *error) {
  struct restore *r = (struct restore *)restore;
  size_t at = 0;
  enum rkv_status status = RKV_OK;
  while (status == RKV_OK && at < chunk.len && r->got < HEAD_BYTES)
    status = take_head(r, chunk.data[at++], error);
  if (status != RKV_OK || at == chunk.len) return status;
  if (chunk.len - at > r->value.len - (r->got - HEAD_BYTES))
    return rkv_fail(error, RKV_CORRUPT, "snapshot: bytes behind its end at %zu",
                    HEAD_BYTES + r->value.len);
  memcpy(r->room + (r->got - HEAD_BYTES), chunk.data + at, chunk.len - at);
  r->got += chunk.len - at;
  assert(r->got <= HEAD_BYTES + r->value.len); /* (I2) */
  return RKV_OK;
}

/* A snapshot that is wrong is refused here: next the storage makes it durable. */
static enum rkv_status reg_restore_check(void *restore, struct rkv_error *error) {
  const struct restore *r = (const struct restore *)restore;
  if (r->got < HEAD_BYTES || r->got - HEAD_BYTES < r->value.len)
    return rkv_fail(error, RKV_CORRUPT, "snapshot: ends at byte %" PRIu64 ", before its end",
                    r->got);
  if (checksum(r->value.data, r->value.len) != rkv_get_le(r->head + 8, 8))
    return rkv_fail(error, RKV_CORRUPT, "snapshot: the value contradicts its checksum");
  return RKV_OK;
}

static void reg_restore_abort(void *restore) {
  struct restore *r = (struct restore *)restore;
  rkv_buf_drop(&r->value);
  rkv_buf_drop(&r->meta.membership);
  free(r);
}

/* Swaps the states; after restore_check nothing can fail. */
static enum rkv_status reg_restore_finish(void *restore, struct rkv_error *error) {
  struct restore *r = (struct restore *)restore;
  struct machine *m = r->machine;
  struct rkv_buf old_value = m->value, old_membership = m->applied.membership;
  (void)error;
  m->value = r->value, r->value = old_value;
  m->applied = r->meta, r->meta.membership = old_membership;
  reg_restore_abort(r); /* frees the state that was in service */
  return RKV_OK;
}

/* ---- words ---- */

/* One line for people; no instance, nothing but these bytes. What is not plain text is a dot. */
static enum rkv_status reg_describe(struct rkv_buf command, char *text, size_t size,
                                    struct rkv_error *error) {
  size_t len = command.len < size ? command.len : size - 1;
  (void)error;
  for (size_t i = 0; i < len; i++)
    text[i] = command.data[i] >= ' ' && command.data[i] <= '~' ? (char)command.data[i] : '.';
  text[len] = '\0';
  return RKV_OK;
}

/* ---- the digest ---- */

/* The state as a number that other nodes compare with theirs: of the value alone, by bytes. A
 * machine with many items keeps a sum of a hash per item, and changes it in apply. */
static enum rkv_status reg_digest(void *sm, uint64_t *value, struct rkv_error *error) {
  const struct machine *m = (const struct machine *)sm;
  (void)error;
  *value = checksum(m->value.data, m->value.len);
  return RKV_OK;
}

/* ---- the descriptor: in the order of the structs, so that C++ takes it too ---- */

static const struct rkv_state_machine_ops ops = {
    .open = reg_open,
    .close = reg_close,
    .validate = reg_validate,
    .apply = reg_apply,
    .query = reg_query,
    .applied = reg_applied,
    .snapshot_begin = reg_snapshot_begin,
    .snapshot_read = reg_snapshot_read,
    .snapshot_end = reg_snapshot_end,
    .restore_begin = reg_restore_begin,
    .restore_write = reg_restore_write,
    .restore_finish = reg_restore_finish,
    .restore_abort = reg_restore_abort,
    .restore_check = reg_restore_check,
    .describe = reg_describe,
    .digest = reg_digest,
};

RKV_PLUGIN(STATE_MACHINE, "sm-register", "1.0.0",
           "one register of bytes: a command is its new value, the answer the old one", 0,
           RKV_OPTIONS(options), ops);
