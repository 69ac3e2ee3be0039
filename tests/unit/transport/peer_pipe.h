/* peer_pipe.h: acts of the stories about streams to a peer: one rig, one fake peer. */
#ifndef PEER_PIPE_H
#define PEER_PIPE_H

#include "peer_harness.h"

#define MANY 50
#define LONG_MS 60000 /* a deadline that is not meant to pass */

static struct rig rig;
static struct peer_fake peer;

static inline void start_with(enum peer_dialect dialect, const char *option) {
  const char *const set[] = {option, NULL};
  memset(&peer, 0, sizeof peer);
  peer.dialect = dialect;
  peer_fake_start(&peer, NULL);
  rig_start_with(&rig, peer.addr, set);
}

static inline void start(enum peer_dialect dialect) {
  start_with(dialect, NULL);
}

static inline void stop(void) {
  rig_stop(&rig);
  peer_fake_stop(&peer);
}

static inline struct peer_seen seen(void) {
  return peer_fake_look(&peer);
}

/* Hands in appends of one entry each, from entries[0] = index 1 on. */
static inline void ask_each(struct asked *asked, const struct rkv_entry *entries, size_t count,
                            unsigned timeout_ms) {
  for (size_t i = 0; i < count; i++) ask_append(&rig, &asked[i], entries + i, 1, i, timeout_ms);
}

/* Likewise, but none is answered before the last one was handed in. */
static inline void ask_all(struct asked *asked, const struct rkv_entry *entries, size_t count) {
  peer_fake_hold(&peer);
  ask_each(asked, entries, count, LONG_MS);
  peer_fake_go(&peer);
}

static inline void await_each(struct asked *asked, size_t count) {
  for (size_t i = 0; i < count; i++) {
    await_end(&asked[i], RKV_OK);
    assert_int_equal(asked[i].append.result, RKV_APPEND_SUCCESS);
    assert_int_equal(asked[i].append.matched.index, i + 1);
  }
}

static inline void await_result(struct asked *asked, enum rkv_append_result result) {
  await_end(asked, RKV_OK);
  assert_int_equal(asked->append.result, result);
}

/* Sends a call. When the peer answers it, everything that was handed in before has reached the
 * peer: it uses the same connection, and the fake works one event after the other. */
static inline void barrier(void) {
  struct asked vote;
  ask_vote(&rig, &vote, 5000);
  await_end(&vote, RKV_OK);
}

/* ---- one stream ---- */

#endif
