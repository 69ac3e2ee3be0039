/* sm_state.c: states, as the bytes of snapshots: taken, compared, restored. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

static void add(struct contract *c, struct state *s, size_t *room, struct rkv_buf chunk) {
  if (s->len + chunk.len > *room) {
    *room = 2 * (s->len + chunk.len);
    s->bytes = realloc(s->bytes, *room);
    CONTRACT_REQUIRE(c, s->bytes, "the suite has no memory for a snapshot of %zu bytes", s->len);
  }
  memcpy(s->bytes + s->len, chunk.data, chunk.len);
  s->len += chunk.len;
}

static size_t chunk_size(size_t max, uint64_t *seed) {
  if (max > 0) return max;
  return contract_between(seed, 1, (size_t)1 << contract_between(seed, 0, 14));
}

void state_read(struct machine *m, void *view, const struct rkv_snapshot_meta *meta, size_t max,
                struct state *out) {
  uint64_t seed = m->c->seed;
  struct rkv_error error; /* not m->error: any thread may read a view */
  size_t room = 0;
  *out = (struct state){NULL, 0, *meta};
  out->meta.size = 0; /* a law that wants a known size sets it afterwards */
  for (bool more = true; more;) {
    struct rkv_buf chunk = rkv_buf_none();
    size_t size = chunk_size(max, &seed);
    CONTRACT_REQUIRE(m->c, m->ops->snapshot_read(view, size, &chunk, &error) == RKV_OK,
                     "snapshot_read: %s", error.text);
    CONTRACT_REQUIRE(m->c, chunk.len <= size,
                     "snapshot_read gave %zu bytes, at most %zu were wanted", chunk.len, size);
    more = chunk.len > 0;
    if (more) add(m->c, out, &room, chunk);
    rkv_buf_drop(&chunk);
  }
  m->ops->snapshot_end(view);
}

void state_take(struct machine *m, size_t max, struct state *out) {
  struct rkv_snapshot_meta meta;
  void *view;
  CONTRACT_REQUIRE(m->c, m->ops->snapshot_begin(m->it, &view, &meta, &m->error) == RKV_OK,
                   "snapshot_begin: %s", m->error.text);
  state_read(m, view, &meta, max, out);
}

void state_free(struct state *state) {
  free(state->bytes);
  rkv_buf_drop(&state->meta.membership);
  *state = (struct state){.len = 0};
}

void meta_require(struct contract *c, const struct rkv_snapshot_meta *is,
                  const struct rkv_snapshot_meta *must, const char *what) {
  CONTRACT_REQUIRE(c, rkv_log_id_equal(is->last, must->last),
                   "%s: the last log id applied is %" PRIu64 ".%" PRIu64 " and must be %" PRIu64
                   ".%" PRIu64,
                   what, is->last.term, is->last.index, must->last.term, must->last.index);
  CONTRACT_REQUIRE(c, rkv_log_id_equal(is->membership_id, must->membership_id),
                   "%s: the membership's log id is %" PRIu64 ".%" PRIu64 " and must be %" PRIu64
                   ".%" PRIu64,
                   what, is->membership_id.term, is->membership_id.index, must->membership_id.term,
                   must->membership_id.index);
  CONTRACT_REQUIRE(c, rkv_buf_equal(is->membership, must->membership),
                   "%s: the membership (%zu bytes) is not what it must be (%zu bytes)", what,
                   is->membership.len, must->membership.len);
}

void state_require(struct contract *c, const struct state *is, const struct state *must,
                   const char *what) {
  size_t at = 0;
  meta_require(c, &is->meta, &must->meta, what);
  while (at < is->len && at < must->len && is->bytes[at] == must->bytes[at]) at++;
  CONTRACT_REQUIRE(c, at == is->len && at == must->len,
                   "%s: the snapshots differ at byte %zu (%zu bytes instead of %zu)", what, at,
                   is->len, must->len);
}

void machine_is(struct machine *m, const struct state *must, const char *what) {
  struct rkv_snapshot_meta meta;
  struct state is;
  state_take(m, SM_CHUNK, &is);
  state_require(m->c, &is, must, what);
  state_free(&is);
  memset(&meta, 0, sizeof meta);
  CONTRACT_REQUIRE(m->c, m->ops->applied(m->it, &meta, &m->error) == RKV_OK, "applied: %s",
                   m->error.text);
  meta_require(m->c, &meta, &must->meta, what);
  rkv_buf_drop(&meta.membership);
}

void *machine_restore_part(struct machine *m, const struct state *state, size_t len, size_t chunk) {
  uint64_t seed = m->c->seed ^ len;
  struct rkv_snapshot_meta meta = state->meta;
  struct rkv_error error;
  void *restore;
  size_t at = 0;
  CONTRACT_REQUIRE(m->c, m->ops->restore_begin(m->it, &meta, &restore, &m->error) == RKV_OK,
                   "restore_begin: %s", m->error.text);
  while (at < len) {
    size_t n = chunk_size(chunk, &seed);
    struct rkv_buf part;
    enum rkv_status status;
    if (n > len - at) n = len - at;
    part = contract_bytes(m->c, state->bytes + at, n);
    status = m->ops->restore_write(restore, part, contract_ask(&error));
    rkv_buf_drop(&part);
    at += n;
    if (status == RKV_OK) continue;
    m->ops->restore_abort(restore);
    contract_text_ok(m->c, status, &error, "restore_write");
    m->error = error;
    return NULL;
  }
  return restore;
}

enum rkv_status machine_restore_end(struct machine *m, void *restore) {
  enum rkv_status status;
  if (!m->ops->restore_check) return m->ops->restore_finish(restore, contract_ask(&m->error));
  status = m->ops->restore_check(restore, contract_ask(&m->error));
  if (status != RKV_OK) {
    m->ops->restore_abort(restore);
    return status;
  }
  status = m->ops->restore_finish(restore, contract_ask(&m->error));
  CONTRACT_REQUIRE(m->c, status == RKV_OK, "restore_finish refused what restore_check took: %s: %s",
                   rkv_status_name(status), m->error.text);
  return status;
}

enum rkv_status machine_restore(struct machine *m, const struct state *state, size_t chunk) {
  void *restore = machine_restore_part(m, state, state->len, chunk);
  if (!restore) return (enum rkv_status)m->error.status;
  return machine_restore_end(m, restore);
}

void machine_restore_ok(struct machine *m, const struct state *state, size_t chunk) {
  enum rkv_status status = machine_restore(m, state, chunk);
  CONTRACT_REQUIRE(m->c, status == RKV_OK, "restore of a whole snapshot: %s: %s",
                   rkv_status_name(status), m->error.text);
  m->at = (size_t)state->meta.last.index;
}
