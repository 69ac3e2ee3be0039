/* receive_test.c: production nodes in virtual time to which several leaders send snapshots: which
 * stream is taken, which one ends, and that no stream holds up the node itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#include "watched.h"

#define SECONDS UINT64_C(1000000000)

enum { DONOR = 1, TAKER = 2 };

/* ---- one stream, step by step, as a transport hands it in ---- */

struct stream {
  struct rkv_snapshot_call call; /* first: what the node knows */
  struct rkv_snapshot_meta meta; /* of the donor's, with its size */
  uint8_t bytes[4096];           /* the donor's snapshot */
  bool done;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct stream *s = (struct stream *)call;
  assert_false(s->done);
  s->done = true;
  s->status = status;
  (void)snprintf(s->text, sizeof s->text, "%s", error ? error->text : "");
}

typedef void step(void *ctx, struct rkv_snapshot_call *call);

/* Hands a step in; it may wait. */
static void hand_in(struct world *w, rkv_node_id at, struct stream *s, step *act) {
  s->done = false;
  s->call.call.done = on_done;
  act(node_api(w->nodes[at].node)->ctx, &s->call);
  world_kick(w, at);
}

static bool is_done(struct world *w, void *arg) {
  (void)w;
  return ((struct stream *)arg)->done;
}

static enum rkv_status make(struct world *w, rkv_node_id at, struct stream *s, step *act) {
  hand_in(w, at, s, act);
  assert_true(world_until(w, SECONDS, is_done, s));
  return s->status;
}

#define STEP(name) node_api(w->nodes[TAKER].node)->snapshot_##name

static enum rkv_status begin(struct world *w, rkv_node_id at, struct stream *s) {
  return make(w, at, s, STEP(begin));
}

static enum rkv_status put(struct world *w, rkv_node_id at, struct stream *s, const void *bytes,
                           size_t len) {
  s->call.chunk = rkv_buf_static(bytes, len);
  return make(w, at, s, STEP(write));
}

static enum rkv_status put_all(struct world *w, struct stream *s) {
  return put(w, TAKER, s, s->bytes, (size_t)s->meta.size);
}

static void assert_ended(const struct stream *s, const char *why) {
  assert_int_equal(s->status, RKV_ABORTED);
  if (!strstr(s->text, why)) fail_msg("no \"%s\" in \"%s\"", why, s->text);
}

/* A stream of a leader `id` in `term`, of what the donor holds. */
static struct stream *stream_of(struct world *w, rkv_term term, rkv_node_id id) {
  struct stream *s = calloc(1, sizeof *s);
  struct rkv_error error;
  struct rkv_buf chunk;
  void *reader;
  assert_non_null(s);
  assert_int_equal(
      watched_storage()->snapshot_open(w->nodes[DONOR].storage, &reader, &s->meta, &error), RKV_OK);
  assert_int_equal(watched_storage()->snapshot_read(reader, 0, sizeof s->bytes, &chunk, &error),
                   RKV_OK);
  assert_int_equal(chunk.len, s->meta.size);
  memcpy(s->bytes, chunk.data, chunk.len);
  rkv_buf_drop(&chunk);
  watched_storage()->snapshot_close(reader);
  s->call.vote = (struct rkv_vote){term, id, true};
  s->call.meta = s->meta;
  return s;
}

static void stream_end(struct stream *s) {
  rkv_buf_drop(&s->meta.membership);
  free(s);
}

/* A donor with a snapshot, and a node that holds nothing. */
static struct world *two_nodes(void) {
  static const rkv_node_id one[] = {DONOR};
  struct world *w = watched_begin(TAKER);
  world_options(w)->snapshot_after = 3;
  world_start(w, DONOR);
  world_start(w, TAKER);
  assert_int_equal(world_init(w, DONOR, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), DONOR);
  for (int i = 0; i < 5; i++) assert_int_equal(world_set(w, DONOR, "key", "value").status, RKV_OK);
  world_run(w, SECONDS);
  assert_int_not_equal(world_metrics(w, DONOR).snapshot.index, 0);
  return w;
}

static void assert_installed(struct world *w, const struct stream *s) {
  assert_true(rkv_log_id_equal(world_metrics(w, TAKER).applied, s->meta.last));
  assert_string_equal(world_get(w, TAKER, "key").text, "value");
  assert_int_equal(watched_writers(), 0);
}

/* ---- which stream is taken ---- */

/* A leader that was deposed half way, and goes on in its own time, does not keep out the newer one:
 * the offer of a greater vote ends the older stream. */
static void a_newer_leaders_offer_ends_the_older_stream(void **state) {
  struct world *w = two_nodes();
  struct stream *old = stream_of(w, 7, 3), *new = stream_of(w, 8, 4);
  (void)state;
  assert_int_equal(begin(w, TAKER, old), RKV_OK);
  assert_int_equal(put(w, TAKER, old, old->bytes, 1), RKV_OK);
  assert_int_equal(begin(w, TAKER, new), RKV_OK);
  assert_int_equal(put(w, TAKER, old, old->bytes + 1, 1), RKV_ABORTED);
  assert_ended(old, "node 4 began to send a snapshot");
  assert_int_equal(put_all(w, new), RKV_OK);
  assert_int_equal(make(w, TAKER, new, STEP(finish)), RKV_OK);
  assert_installed(w, new);
  stream_end(old);
  stream_end(new);
  world_free(w);
}

/* A leader whose stream broke, unseen by the node, begins anew. */
static void a_leader_that_begins_anew_is_taken(void **state) {
  struct world *w = two_nodes();
  struct stream *old = stream_of(w, 7, 3), *new = stream_of(w, 7, 3);
  (void)state;
  assert_int_equal(begin(w, TAKER, old), RKV_OK);
  assert_int_equal(begin(w, TAKER, new), RKV_OK);
  assert_int_equal(put_all(w, new), RKV_OK);
  assert_int_equal(make(w, TAKER, old, STEP(abort)), RKV_OK); /* the new stream goes on */
  assert_int_equal(make(w, TAKER, new, STEP(finish)), RKV_OK);
  assert_installed(w, new);
  stream_end(old);
  stream_end(new);
  world_free(w);
}

/* A step that the worker is at when the newer offer comes ends with the older stream, behind it. */
static void a_step_under_way_ends_with_its_stream(void **state) {
  struct world *w = two_nodes();
  struct stream *old = stream_of(w, 7, 3), *new = stream_of(w, 8, 4);
  (void)state;
  assert_int_equal(begin(w, TAKER, old), RKV_OK);
  old->call.chunk = rkv_buf_static(old->bytes, 1);
  hand_in(w, TAKER, old, STEP(write));
  hand_in(w, TAKER, new, STEP(begin));
  assert_false(old->done || new->done);
  world_run(w, SECONDS);
  assert_ended(old, "node 4");
  assert_int_equal(new->status, RKV_OK);
  assert_int_equal(put_all(w, new), RKV_OK);
  assert_int_equal(make(w, TAKER, new, STEP(finish)), RKV_OK);
  assert_installed(w, new);
  stream_end(old);
  stream_end(new);
  world_free(w);
}

static void on_vote(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  (void)call, (void)error;
  assert_int_equal(status, RKV_OK);
}

/* Of a leader that another one followed nothing is kept, also if the other sends no snapshot. */
static void a_greater_vote_ends_the_stream(void **state) {
  struct world *w = two_nodes();
  const struct rkv_node_api *api = node_api(w->nodes[TAKER].node);
  struct stream *old = stream_of(w, 7, 3);
  struct rkv_vote_call ask = {
      .call = {.done = on_vote}, .vote = {8, 4, false}, .last = old->meta.last, .transfer = true};
  (void)state;
  assert_int_equal(begin(w, TAKER, old), RKV_OK);
  assert_int_equal(watched_writers(), 1);
  api->vote(api->ctx, &ask);
  world_kick(w, TAKER);
  world_run(w, SECONDS);
  assert_int_equal(world_metrics(w, TAKER).vote.term, 8);
  assert_int_equal(watched_writers(), 0);
  assert_int_equal(make(w, TAKER, old, STEP(finish)), RKV_ABORTED);
  assert_ended(old, "leads no longer");
  stream_end(old);
  world_free(w);
}

/* Who does not know yet that its stream ended is remembered, but not any number of them. */
static void streams_that_ended_are_bounded(void **state) {
  struct world *w = two_nodes();
  struct stream *streams[NODE_RECEIVES_MAX + 1];
  (void)state;
  for (int i = 0; i < NODE_RECEIVES_MAX + 1; i++) {
    streams[i] = stream_of(w, 7, 3);
    assert_int_equal(begin(w, TAKER, streams[i]), i < NODE_RECEIVES_MAX ? RKV_OK : RKV_FULL);
  }
  assert_int_equal(make(w, TAKER, streams[0], STEP(abort)), RKV_OK);
  assert_int_equal(begin(w, TAKER, streams[NODE_RECEIVES_MAX]), RKV_OK);
  for (int i = 1; i < NODE_RECEIVES_MAX + 1; i++)
    assert_int_equal(make(w, TAKER, streams[i], STEP(abort)), RKV_OK);
  assert_int_equal(w->nodes[TAKER].node->receive.count, 0);
  for (int i = 0; i < NODE_RECEIVES_MAX + 1; i++) stream_end(streams[i]);
  world_free(w);
}

/* A finish whose time is up while the snapshot becomes durable is told so; it is installed. */
static void an_install_goes_on_without_its_caller(void **state) {
  struct world *w = two_nodes();
  struct stream *s = stream_of(w, 7, 3);
  (void)state;
  assert_int_equal(begin(w, TAKER, s), RKV_OK);
  assert_int_equal(put_all(w, s), RKV_OK);
  world_faults(w)->slow_worker = TAKER;
  world_faults(w)->slow_job_max_ns = 10 * SECONDS;
  s->call.call.deadline_ns = world_local_ns(&w->nodes[TAKER]) + SECONDS;
  hand_in(w, TAKER, s, STEP(finish));
  world_run(w, 2 * SECONDS);
  assert_true(s->done);
  assert_int_equal(s->status, RKV_TIMEOUT);
  assert_non_null(strstr(s->text, "may be installed later"));
  world_run(w, 10 * SECONDS);
  assert_installed(w, s);
  stream_end(s);
  world_free(w);
}

/* ---- what a stream may not hold up ---- */

/* A cluster that writes, and a stream to a follower in its leader's name that brings `bytes` each
 * second for `seconds`; says what became of it. */
static enum rkv_status dribble(struct world *w, size_t bytes, int seconds, struct stream **out) {
  static uint8_t zeros[NODE_RECEIVE_PACE];
  static const rkv_node_id three[] = {1, 2, 3};
  watched_take_anything(w);
  world_options(w)->snapshot_after = 3;
  world_options(w)->keep_entries = 1;
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, DONOR, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), DONOR);
  for (int i = 0; i < 5; i++) assert_int_equal(world_set(w, DONOR, "key", "value").status, RKV_OK);
  assert_true(world_settle(w));
  struct stream *s = stream_of(w, 0, 0);
  s->call.vote = world_metrics(w, DONOR).vote;
  s->call.meta.last = (struct rkv_log_id){s->call.vote.term, s->meta.last.index + 10000};
  *out = s;
  assert_int_equal(begin(w, TAKER, s), RKV_OK);
  for (int i = 0; i < seconds && s->status == RKV_OK; i++) {
    assert_int_equal(world_set(w, DONOR, "key", "value").status, RKV_OK);
    world_run(w, SECONDS);
    if (s->status == RKV_OK) (void)put(w, TAKER, s, zeros, bytes);
  }
  return s->status;
}

/* The node's own snapshot, and with it its purges, do not wait for a stream that creeps. */
static void a_slow_stream_gives_way_to_the_nodes_own_snapshot(void **state) {
  struct world *w = watched_begin(TAKER);
  struct stream *s;
  (void)state;
  assert_int_equal(dribble(w, 1, 15, &s), RKV_ABORTED);
  assert_ended(s, "this node's own snapshot goes first");
  world_run(w, SECONDS);
  struct world_metrics m = world_metrics(w, TAKER);
  assert_true(m.snapshot.index > s->meta.last.index + 5);
  assert_true(m.purged.index > s->meta.last.index + 2);
  stream_end(s);
  world_free(w);
}

/* One that brings bytes in earnest is let finish. */
static void a_stream_that_gets_on_is_let_finish(void **state) {
  struct world *w = watched_begin(TAKER);
  struct stream *s;
  (void)state;
  assert_int_equal(dribble(w, NODE_RECEIVE_PACE / 5, 30, &s), RKV_OK);
  assert_int_equal(make(w, TAKER, s, STEP(abort)), RKV_OK);
  world_run(w, SECONDS);
  assert_true(world_metrics(w, TAKER).snapshot.index > s->meta.last.index + 20);
  stream_end(s);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_newer_leaders_offer_ends_the_older_stream),
      cmocka_unit_test(a_leader_that_begins_anew_is_taken),
      cmocka_unit_test(a_step_under_way_ends_with_its_stream),
      cmocka_unit_test(a_greater_vote_ends_the_stream),
      cmocka_unit_test(streams_that_ended_are_bounded),
      cmocka_unit_test(an_install_goes_on_without_its_caller),
      cmocka_unit_test(a_slow_stream_gives_way_to_the_nodes_own_snapshot),
      cmocka_unit_test(a_stream_that_gets_on_is_let_finish),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
