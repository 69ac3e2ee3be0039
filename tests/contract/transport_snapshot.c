/* transport_snapshot.c: laws of snapshot streams: whole, refused, broken off. */
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"
#include "texture.h"
#include "transport.h"

void transport_law_snapshot_arrives(struct contract *c);
void transport_law_snapshot_answers(struct contract *c);
void transport_law_broken_snapshot(struct contract *c);
void transport_law_idle_snapshots(struct contract *c);

enum { LARGEST = 3 << 20, IDLE = 40 };

struct scene {
  struct side a, b;
  void *peer;
  uint8_t *bytes;               /* LARGEST, of all textures */
  struct rkv_snapshot_meta got; /* what the receiver's begin saw; owns its membership */
  /* what the receiver answers beside follower_on: at this step, counted from 1, ... */
  size_t at;
  enum scene_answer { PLAIN, FINISHED, GREATER, REFUSED } with;
  size_t step;
};

static enum rkv_status scene_on(struct side *s, enum call_kind kind, union any_call *call,
                                struct rkv_error *error) {
  struct scene *z = s->arg;
  enum rkv_status status;
  if (kind < CALL_SNAPSHOT_BEGIN) return follower_on(s, kind, call, error);
  if (kind == CALL_SNAPSHOT_BEGIN) {
    z->step = 0;
    rkv_buf_drop(&z->got.membership);
    z->got = call->snapshot.meta;
    z->got.membership = contract_bytes(s->c, z->got.membership.data, z->got.membership.len);
  }
  status = follower_on(s, kind, call, error);
  if (++z->step != z->at || kind == CALL_SNAPSHOT_ABORT) return status;
  if (z->with == REFUSED) return rkv_fail(error, RKV_ABORTED, "refused by the suite");
  if (z->with == FINISHED) call->snapshot.finished = true;
  if (z->with == GREATER) {
    call->snapshot.voter_vote.term += 3;
    call->snapshot.finished = kind == CALL_SNAPSHOT_BEGIN;
  }
  return status;
}

static struct scene *scene_open(struct contract *c) {
  struct scene *z = calloc(1, sizeof *z);
  uint64_t seed = c->seed;
  CONTRACT_REQUIRE(c, z, "the suite has no memory");
  z->bytes = malloc(LARGEST);
  CONTRACT_REQUIRE(c, z->bytes, "the suite has no memory");
  texture_fill(TEXTURE_MIXED, contract_random(&seed), 0, z->bytes, LARGEST);
  side_begin(&z->a, c, 1);
  side_init(&z->b, c, 2);
  z->b.on = scene_on;
  z->b.arg = z;
  side_open(&z->b);
  side_start(&z->b);
  z->peer = side_peer(&z->a, &z->b, 1);
  return z;
}

static void scene_close(struct scene *z) {
  if (z->a.it && z->peer) z->a.ops->peer_close(z->peer);
  if (z->a.it) side_end(&z->a);
  side_end(&z->b);
  rkv_buf_drop(&z->got.membership);
  free(z->bytes);
  free(z);
}

/* ---- whole ---- */

static void arrived(struct scene *z, const struct rkv_snapshot_meta *must, size_t len) {
  struct contract *c = z->a.c;
  const struct rkv_snapshot_meta *is = &z->got;
  CONTRACT_REQUIRE(c, rkv_log_id_equal(is->last, must->last), "the meta's last arrived otherwise");
  CONTRACT_REQUIRE(c, rkv_log_id_equal(is->membership_id, must->membership_id),
                   "the meta's membership_id arrived otherwise");
  CONTRACT_REQUIRE(c, rkv_buf_equal(is->membership, must->membership),
                   "the meta's membership (%zu bytes) arrived otherwise (%zu bytes)",
                   must->membership.len, is->membership.len);
  CONTRACT_REQUIRE(c, strcmp(is->id, must->id) == 0, "the meta's id arrived as \"%s\"", is->id);
  CONTRACT_REQUIRE(c, is->size == 0 || is->size == must->size,
                   "the meta's size arrived as %" PRIu64 " instead of %" PRIu64 " or 0 (unknown)",
                   is->size, must->size);
  CONTRACT_REQUIRE(c, z->b.f.len == len, "a snapshot of %zu bytes arrived as %zu", len, z->b.f.len);
  CONTRACT_REQUIRE(c, len == 0 || memcmp(z->b.f.bytes, z->bytes, len) == 0,
                   "a snapshot's bytes arrived otherwise");
}

void transport_law_snapshot_arrives(struct contract *c) {
  static const size_t sizes[] = {0, 1, 100, 65536, 65537, 1 << 20, LARGEST};
  uint64_t rounds = lighter(c, contract_amount(c, 30, 30, 1000)), seed = c->seed;
  struct scene *z = scene_open(c);
  for (uint64_t i = 0; i < rounds; i++) {
    size_t len = i < 7 ? sizes[i] : contract_between(&seed, 0, 100000);
    if (c->slow > 1) len /= 64; /* a sanitized build is not for sizes */
    struct rkv_snapshot_meta *meta;
    struct asked a;
    ask_init(&a, &z->a, z->peer, CALL_SNAPSHOT_BEGIN);
    meta = &a.call.snapshot.meta;
    meta->size = len;
    meta->membership_id = (struct rkv_log_id){i % 2, 1 + i % 2 * 50};
    meta->membership = membership_make(c, &seed);
    (void)snprintf(meta->id, sizeof meta->id, "%" PRIu64 "-%s", i, i % 2 ? "x" : "");
    if (i % 10 == 9) memset(meta->id, 'i', sizeof meta->id - 1);
    z->b.f.chunk_max = i % 3 ? 64 << 10 : 1 << 20;
    CONTRACT_REQUIRE(c, ask_snapshot(&a, z->bytes, len, i % 2 ? 1 << 20 : len / 20 + 1) == RKV_OK,
                     "a snapshot of %zu bytes ended with %s: %s", len, rkv_status_name(a.status),
                     a.error.text);
    CONTRACT_REQUIRE(c, a.kind == CALL_SNAPSHOT_FINISH && z->b.f.finished == i + 1,
                     "the receiver finished %zu of %" PRIu64 " snapshots", z->b.f.finished, i + 1);
    CONTRACT_REQUIRE(c, a.call.snapshot.voter_vote.term == a.call.snapshot.vote.term,
                     "the receiver's vote did not come back");
    arrived(z, meta, len);
    rkv_buf_drop(&meta->membership);
  }
  CONTRACT_REQUIRE(c, z->b.f.aborted == 0, "%zu whole snapshots were aborted", z->b.f.aborted);
  contract_note(c, "%" PRIu64 " snapshots of up to %d bytes", rounds, (int)LARGEST);
  scene_close(z);
}

/* ---- refused ---- */

static struct asked send_some(struct scene *z, size_t at, enum scene_answer with) {
  struct asked a;
  ask_init(&a, &z->a, z->peer, CALL_SNAPSHOT_BEGIN);
  z->at = at;
  z->with = with;
  (void)ask_snapshot(&a, z->bytes, 300000, 60000); /* begin, 5 writes, finish */
  return a;
}

void transport_law_snapshot_answers(struct contract *c) {
  struct scene *z = scene_open(c);
  struct asked a = send_some(z, 1, FINISHED);
  CONTRACT_REQUIRE(c, a.status == RKV_OK && (a.call.snapshot.finished || z->b.f.written == 0),
                   "begin's `finished` did not come back (%s)", rkv_status_name(a.status));
  CONTRACT_REQUIRE(c, z->b.f.finished == 0, "a snapshot that nobody needed was finished");
  a = send_some(z, 1, GREATER);
  CONTRACT_REQUIRE(c, a.status == RKV_OK && a.call.snapshot.voter_vote.term == 8,
                   "a greater vote at begin came back as term %" PRIu64 " (%s)",
                   a.call.snapshot.voter_vote.term, rkv_status_name(a.status));
  a = send_some(z, 7, GREATER);
  CONTRACT_REQUIRE(c, a.status == RKV_OK && a.call.snapshot.voter_vote.term == 8,
                   "a greater vote at finish came back as term %" PRIu64 " (%s)",
                   a.call.snapshot.voter_vote.term, rkv_status_name(a.status));
  for (size_t at = 1; at <= 7; at++) {
    size_t finished = z->b.f.finished;
    a = send_some(z, at, REFUSED);
    CONTRACT_REQUIRE(c, a.status != RKV_OK, "a refusal at step %zu did not come back", at);
    CONTRACT_REQUIRE(c, z->b.f.finished == finished + (at == 7),
                     "a snapshot refused at step %zu was finished", at);
  }
  a = send_some(z, 0, PLAIN);
  CONTRACT_REQUIRE(c, a.status == RKV_OK, "a snapshot after refused ones: %s", a.error.text);
  scene_close(z);
}

/* ---- broken off ---- */

static size_t count_of(struct scene *z, const size_t *count) {
  size_t n;
  (void)pthread_mutex_lock(&z->b.lock);
  n = *count;
  (void)pthread_mutex_unlock(&z->b.lock);
  return n;
}

/* Begins a snapshot and sends `writes` chunks of it; the receiver has begun too. */
static void begin_some(struct scene *z, struct asked *a, size_t writes) {
  size_t begun = count_of(z, &z->b.f.begun);
  ask_init(a, &z->a, z->peer, CALL_SNAPSHOT_BEGIN);
  ask(a);
  ask_ok(a);
  for (size_t i = 0; i < writes; i++) {
    ask_write(a, z->bytes + i * 1000, 1000);
    ask_ok(a);
  }
  SIDE_AWAIT(z->a.c, count_of(z, &z->b.f.begun) > begun, "a snapshot did not begin at the peer");
}

static void aborted_once(struct scene *z, size_t before, const char *how) {
  struct contract *c = z->a.c;
  SIDE_AWAIT(c, count_of(z, &z->b.f.aborted) > before, "a snapshot broken off %s was not aborted",
             how);
  contract_pause_ms(20); /* a second abort would come within this time */
  CONTRACT_REQUIRE(c, count_of(z, &z->b.f.aborted) == before + 1,
                   "a snapshot broken off %s was aborted twice", how);
  CONTRACT_REQUIRE(c, count_of(z, &z->b.f.finished) == 0, "a snapshot broken off %s was finished",
                   how);
}

void transport_law_broken_snapshot(struct contract *c) {
  struct scene *z = scene_open(c);
  struct asked a;
  size_t aborted = 0;
  for (size_t writes = 1; writes < 5; writes++) {
    begin_some(z, &a, writes);
    a.kind = CALL_SNAPSHOT_ABORT;
    ask(&a);
    (void)ask_wait(&a); /* the status of an abort does not matter */
    aborted_once(z, aborted++, "by snapshot_abort");
    begin_some(z, &a, writes);
    z->a.ops->peer_close(z->peer);
    aborted_once(z, aborted++, "by peer_close between two steps");
    z->peer = side_peer(&z->a, &z->b, 1);
  }
  begin_some(z, &a, 2);
  side_end(&z->a);
  aborted_once(z, aborted++, "by the sender's end");
  contract_note(c, "%zu streams", aborted);
  scene_close(z);
}

/* ---- standing still ---- */

/* A sender that begins again and again, and goes on with none but the last. */
void transport_law_idle_snapshots(struct contract *c) {
  struct scene *z = scene_open(c);
  struct asked *a = calloc(IDLE + 1, sizeof *a);
  CONTRACT_REQUIRE(c, a, "the suite has no memory");
  for (size_t i = 0; i <= IDLE; i++) begin_some(z, &a[i], 0);
  ask_write(&a[IDLE], z->bytes, 1000);
  ask_ok(&a[IDLE]);
  a[IDLE].kind = CALL_SNAPSHOT_FINISH;
  ask(&a[IDLE]);
  ask_ok(&a[IDLE]);
  CONTRACT_REQUIRE(c, count_of(z, &z->b.f.finished) == 1, "the newest snapshot was not finished");
  z->a.ops->peer_close(z->peer);
  z->peer = NULL;
  SIDE_AWAIT(c, count_of(z, &z->b.f.aborted) == IDLE, "%zu of %d snapshots that stood still ended",
             count_of(z, &z->b.f.aborted), IDLE);
  contract_note(c, "%d streams", IDLE);
  scene_close(z);
  free(a);
}
