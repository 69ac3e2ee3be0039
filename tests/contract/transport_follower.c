/* transport_follower.c: a leader's entries, and the follower that a side's node is. */
#include "transport.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sm.h"
#include "texture.h"

/* FNV-1a. */
uint64_t bytes_sum(const uint8_t *bytes, size_t len) {
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < len; i++) sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
  return sum;
}

static uint64_t entry_sum(const struct rkv_entry *e) {
  return bytes_sum(e->payload.data, e->payload.len) ^ (e->kind * UINT64_C(0x9e3779b97f4a7c15)) ^
         e->payload.len;
}

/* ---- entries ---- */

struct rkv_entry *entries_make(struct contract *c, rkv_index first, size_t count, size_t len,
                               uint64_t seed) {
  struct rkv_entry *entries = calloc(count + 1, sizeof *entries);
  uint8_t *bytes = malloc(len + 1);
  CONTRACT_REQUIRE(c, entries && bytes, "the suite has no memory");
  for (size_t i = 0; i < count; i++) {
    struct rkv_entry *e = &entries[i];
    uint64_t chance = contract_random(&seed) % 16;
    size_t n = chance < 3 ? 0 : contract_between(&seed, 0, len);
    e->id = (struct rkv_log_id){first + i == 1 ? 0 : 1 + (first + i) / 100, first + i};
    e->kind = chance == 0 ? RKV_ENTRY_BLANK : RKV_ENTRY_COMMAND;
    if (chance == 1 || first + i == 1) e->kind = RKV_ENTRY_MEMBERSHIP;
    texture_some(&seed, bytes, n);
    if (e->kind == RKV_ENTRY_COMMAND) e->payload = contract_bytes(c, bytes, n);
    if (e->kind == RKV_ENTRY_MEMBERSHIP) e->payload = membership_make(c, &seed);
  }
  free(bytes);
  return entries;
}

void entries_free(struct rkv_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
  free(entries);
}

size_t lead(struct side *s, void *peer, const struct rkv_entry *entries, size_t from,
            size_t count) {
  size_t calls = 0;
  while (from < count) {
    struct rkv_append_call *append;
    struct asked a;
    ask_init(&a, s, peer, CALL_APPEND);
    append = &a.call.append;
    append->vote.term = entries[count - 1].id.term + 1;
    if (from > 0) append->prev = entries[from - 1].id;
    append->entries = entries + from;
    append->entry_count = count - from;
    ask(&a);
    ask_ok(&a);
    calls++;
    CONTRACT_REQUIRE(s->c, append->result == RKV_APPEND_SUCCESS, "an append in order ended with %u",
                     append->result);
    CONTRACT_REQUIRE(s->c, append->matched.index > from && append->matched.index <= count,
                     "an append of entries %zu to %zu matched up to %" PRIu64, from + 1, count,
                     append->matched.index);
    from = (size_t)append->matched.index;
    CONTRACT_REQUIRE(s->c, append->matched.term == entries[from - 1].id.term,
                     "the term of `matched` is not that of its entry");
  }
  return calls;
}

/* ---- the follower ---- */

static void store(struct side *s, const struct rkv_entry *e) {
  struct follower *f = &s->f;
  if (e->id.index > f->room) {
    f->room = 2 * (size_t)e->id.index;
    f->sums = realloc(f->sums, f->room * sizeof *f->sums);
    f->terms = realloc(f->terms, f->room * sizeof *f->terms);
    CONTRACT_REQUIRE(s->c, f->sums && f->terms, "the suite has no memory");
  }
  f->sums[e->id.index - 1] = entry_sum(e);
  f->terms[e->id.index - 1] = e->id.term;
  f->count = (size_t)e->id.index;
}

static void on_append(struct side *s, struct rkv_append_call *call) {
  struct follower *f = &s->f;
  call->result = RKV_APPEND_CONFLICT;
  if (call->prev.index > f->count ||
      (call->prev.index > 0 && f->terms[call->prev.index - 1] != call->prev.term)) {
    f->conflicts++;
    return;
  }
  call->matched = call->prev;
  for (size_t i = 0; i < call->entry_count; i++) {
    const struct rkv_entry *e = &call->entries[i];
    CONTRACT_REQUIRE(s->c, e->id.index == call->prev.index + 1 + i,
                     "an append's entry %zu behind index %" PRIu64 " has index %" PRIu64, i,
                     call->prev.index, e->id.index);
    store(s, e);
    call->matched = e->id;
  }
  call->result = RKV_APPEND_SUCCESS;
}

static void on_write(struct side *s, const struct rkv_snapshot_call *call) {
  struct follower *f = &s->f;
  if (f->len + call->chunk.len > f->bytes_room) {
    f->bytes_room = 2 * (f->len + call->chunk.len);
    f->bytes = realloc(f->bytes, f->bytes_room);
    CONTRACT_REQUIRE(s->c, f->bytes, "the suite has no memory");
  }
  if (call->chunk.len > 0) memcpy(f->bytes + f->len, call->chunk.data, call->chunk.len);
  f->len += call->chunk.len;
  f->written++;
}

static void on_snapshot(struct side *s, enum call_kind kind, struct rkv_snapshot_call *call) {
  struct follower *f = &s->f;
  CONTRACT_REQUIRE(s->c, kind == CALL_SNAPSHOT_BEGIN || call->stream == f,
                   "a step of a snapshot has not the `stream` that begin set");
  (void)pthread_mutex_lock(&s->lock);
  switch (kind) {
  case CALL_SNAPSHOT_BEGIN:
    f->begun++;
    f->len = 0;
    call->stream = f;
    break;
  case CALL_SNAPSHOT_WRITE: on_write(s, call); break;
  case CALL_SNAPSHOT_FINISH: f->finished++; break;
  default: f->aborted++; break;
  }
  (void)pthread_mutex_unlock(&s->lock);
  call->chunk_max = f->chunk_max;
  call->finished = false;
  call->voter_vote = call->vote;
}

enum rkv_status follower_on(struct side *s, enum call_kind kind, union any_call *call,
                            struct rkv_error *error) {
  if (call_is_clients(kind)) return rkv_fail(error, RKV_UNAVAILABLE, "the suite serves no clients");
  switch (kind) {
  case CALL_VOTE:
  case CALL_PRE_VOTE: /* an answer that shows its question */
    call->vote.granted = call->vote.vote.term % 3 == 0;
    call->vote.voter_vote =
        (struct rkv_vote){2 * call->vote.vote.term + 1, s->id, kind == CALL_VOTE};
    call->vote.voter_last = call->vote.last;
    if (call->vote.last.index > 0) call->vote.voter_last.index += 3;
    break;
  case CALL_APPEND: on_append(s, &call->append); break;
  case CALL_TIMEOUT_NOW: break;
  case CALL_READ_INDEX:
    call->read_index.index = (struct rkv_log_id){s->id, 10 + call->read_index.read};
    break;
  case CALL_HELLO:
    call->hello.id = s->id;
    call->hello.cluster = (struct rkv_cluster_id){s->id, 77};
    call->hello.incarnation = 1000 + s->id;
    rkv_hello_tell(&call->hello, (struct rkv_log_id){s->id, 78}, true);
    break;
  default: on_snapshot(s, kind, &call->snapshot); break;
  }
  return RKV_OK;
}

void follower_free(struct follower *f) {
  free(f->sums);
  free(f->terms);
  free(f->bytes);
  f->sums = f->terms = NULL;
  f->bytes = NULL;
  f->count = f->room = f->len = f->bytes_room = 0;
}

void follower_holds(struct side *s, const struct rkv_entry *entries, size_t count) {
  CONTRACT_REQUIRE(s->c, s->f.count == count, "the follower got %zu entries instead of %zu",
                   s->f.count, count);
  for (size_t i = 0; i < count; i++) {
    CONTRACT_REQUIRE(s->c, s->f.terms[i] == entries[i].id.term,
                     "entry %zu arrived with another term", i + 1);
    CONTRACT_REQUIRE(s->c, s->f.sums[i] == entry_sum(&entries[i]),
                     "entry %zu (kind %u, %zu bytes) arrived with another kind or other bytes",
                     i + 1, entries[i].kind, entries[i].payload.len);
  }
}
