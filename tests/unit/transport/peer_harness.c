/* peer_harness.c: the transport of peer_*_test.c. */
#include "peer_harness.h"

#include <stdlib.h>
#include <time.h>

/* ---- log ---- */

static void rig_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct rig *rig = ctx; /* fake is its first member */
  size_t len = strlen(text);
  (void)module;
  if (level < RKV_LOG_INFO) return;
  pthread_mutex_lock(&rig->mutex);
  if (rig->log_len + len + 2 < RIG_LOG_MAX) {
    memcpy(rig->log + rig->log_len, text, len);
    rig->log_len += len;
    rig->log[rig->log_len++] = '\n';
  }
  pthread_mutex_unlock(&rig->mutex);
}

unsigned logged_times(struct rig *rig, const char *text) {
  unsigned times = 0;
  const char *at;
  pthread_mutex_lock(&rig->mutex);
  for (at = rig->log; (at = strstr(at, text)); at++) times++;
  pthread_mutex_unlock(&rig->mutex);
  return times;
}

bool logged(struct rig *rig, const char *text) {
  return logged_times(rig, text) > 0;
}

/* ---- life ---- */

/* Patient: what is not about time must not fail for want of it, on whatever machine. */
void rig_start(struct rig *rig, const char *peer_addr) {
  static const char *const set[] = {"append_timeout=5s", "vote_timeout=5s", NULL};
  rig_start_with(rig, peer_addr, set);
}

void rig_start_with(struct rig *rig, const char *peer_addr, const char *const *set) {
  struct rkv_error error;
  memset(rig, 0, sizeof *rig);
  pthread_mutex_init(&rig->mutex, NULL);
  pthread_cond_init(&rig->changed, NULL);
  fake_make(&rig->fake);
  rig->fake.host.log = rig_log;
  if (fake_open(&rig->fake, set, &error)) fail_msg("open: %s", error.text);
  if (rig->fake.ops->start(rig->fake.instance, &error)) fail_msg("start: %s", error.text);
  if (rig->fake.ops->peer_open(rig->fake.instance,
                               &(struct rkv_peer_info){.id = 2, .addr = peer_addr}, &rig->peer,
                               &error))
    fail_msg("peer_open: %s", error.text);
}

void rig_stop(struct rig *rig) {
  fake_stop(&rig->fake, 0);
  if (rig->peer) rig->fake.ops->peer_close(rig->peer);
  fake_free(&rig->fake);
  pthread_cond_destroy(&rig->changed);
  pthread_mutex_destroy(&rig->mutex);
}

/* ---- entries ---- */

struct rkv_entry *make_entries(rkv_index first, size_t count, size_t value) {
  struct rkv_entry *entries = calloc(count, sizeof *entries);
  for (size_t i = 0; i < count; i++) {
    uint8_t *bytes = calloc(1, value + 6);
    /* SetRequest{key "k", value}; the transport does not look inside */
    entries[i] =
        (struct rkv_entry){{1, first + i}, RKV_ENTRY_COMMAND, 0, rkv_buf_static(bytes, value + 6)};
  }
  return entries;
}

void free_entries(struct rkv_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) free((void *)(uintptr_t)entries[i].payload.data);
  free(entries);
}

/* ---- calls ---- */

static void asked_done(struct rkv_call *self, enum rkv_status status,
                       const struct rkv_error *error) {
  struct asked *asked = (struct asked *)self;
  struct rig *rig = asked->rig;
  pthread_mutex_lock(&rig->mutex);
  asked->ended++;
  asked->status = status;
  if (error) asked->error = *error;
  rig->done++;
  pthread_cond_broadcast(&rig->changed);
  pthread_mutex_unlock(&rig->mutex);
}

static void prepare(struct rig *rig, struct asked *asked, unsigned timeout_ms) {
  atomic_fetch_add(&client_asked, 1);
  asked->rig = rig;
  asked->ended = 0;
  asked->error.text[0] = '\0';
  asked->call.done = asked_done;
  asked->call.deadline_ns = timeout_ms ? now_ns() + timeout_ms * UINT64_C(1000000) : 0;
}

void ask_prepare(struct rig *rig, struct asked *asked, unsigned timeout_ms) {
  memset(asked, 0, sizeof *asked);
  prepare(rig, asked, timeout_ms);
}

void ask_append(struct rig *rig, struct asked *asked, const struct rkv_entry *entries, size_t count,
                rkv_index prev, unsigned timeout_ms) {
  ask_prepare(rig, asked, timeout_ms);
  asked->append.vote = (struct rkv_vote){1, 1, true};
  asked->append.prev = (struct rkv_log_id){prev ? 1 : 0, prev};
  asked->append.entries = entries;
  asked->append.entry_count = count;
  rig->fake.ops->send_append(rig->peer, &asked->append);
}

void ask_vote(struct rig *rig, struct asked *asked, unsigned timeout_ms) {
  ask_prepare(rig, asked, timeout_ms);
  asked->vote.vote = (struct rkv_vote){5, 1, false};
  rig->fake.ops->send_vote(rig->peer, &asked->vote);
}

void ask_step(struct rig *rig, struct asked *asked, snapshot_step *step, unsigned timeout_ms) {
  prepare(rig, asked, timeout_ms);
  step(rig->peer, &asked->snapshot);
}

unsigned ended(struct rig *rig) {
  unsigned done;
  pthread_mutex_lock(&rig->mutex);
  done = rig->done;
  pthread_mutex_unlock(&rig->mutex);
  return done;
}

enum rkv_status await(struct asked *asked) {
  struct rig *rig = asked->rig;
  struct timespec until;
  unsigned times;
  int code = 0;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += PATIENCE_MS / 1000;
  pthread_mutex_lock(&rig->mutex);
  while (!asked->ended && code == 0)
    code = pthread_cond_timedwait(&rig->changed, &rig->mutex, &until);
  times = asked->ended;
  pthread_mutex_unlock(&rig->mutex);
  assert_int_equal(times, 1);
  return asked->status;
}

void await_end(struct asked *asked, enum rkv_status status) {
  if (await(asked) != status)
    fail_msg("%s instead of %s: %s", rkv_status_name(asked->status), rkv_status_name(status),
             asked->error.text);
}
