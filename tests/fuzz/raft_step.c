/* raft_step.c: core/raft from any state that it takes for its own, under any calls of clients and
 * any messages and answers of peers, right or broken. The driver keeps its side of raft.h: outputs
 * in order, saves reported in order, each append answered once, time that does not fall. */
#include "fuzz_any.h"

#include <raft/raft.h>
#include <raft/view.h>

#define STEPS_MAX 400
#define SAVES_MAX 4096
#define PLANS_MAX 64
#define TERMS_MAX 4
#define MEMBERSHIPS_MAX 2
#define ENTRIES_MAX 6

struct save {
  bool is_vote;
  struct rkv_vote vote;
  struct rkv_log_id last;
};

struct flight {
  rkv_node_id peer;
  struct raft_append_plan plan;
  rkv_index sent;
};

struct node {
  struct feed f;
  struct raft *r;
  struct raft_now now;
  struct save saves[SAVES_MAX]; /* handed in, not reported yet */
  size_t save_head, save_count;
  struct flight flights[PLANS_MAX];
  size_t flight_count;
  rkv_node_id sending[RKV_NODES_MAX + 1]; /* a snapshot to each */
  size_t sending_count;
  bool building;
  rkv_term term;
  struct rkv_log_id committed;
};

static uint64_t any_lease(struct feed *f) {
  return feed_byte(f) & 1 ? feed_pick(f, 1000) : feed_number(f);
}

/* ---- the beginning ---- */

static void start(struct node *n) {
  struct rkv_log_id terms[TERMS_MAX];
  struct raft_membership memberships[MEMBERSHIPS_MAX];
  struct raft_start s = {.terms = terms, .memberships = memberships};
  struct raft_config config = {.id = 1,
                               .heartbeat_ns = 50,
                               .election_min_ns = 150,
                               .election_max_ns = 300,
                               .commit_notice_ns = 10,
                               .removed_linger_ns = 150,
                               .retry_ns = 50,
                               .stuck_retry_ns = 500,
                               .learner_lag_max = 2,
                               .lease_drift_ppm = RAFT_LEASE_OFF,
                               .append_entries_max = 4,
                               .purge_step = 2,
                               .append_window = 3};
  struct rkv_error error = {0};
  enum rkv_status status;
  config.snapshot_after = feed_pick(&n->f, 8);
  config.keep_entries = feed_pick(&n->f, 4);
  config.purge_hold_max = feed_pick(&n->f, 8);
  config.pre_vote = (feed_byte(&n->f) & 1) != 0;
  config.check_quorum = (feed_byte(&n->f) & 1) != 0;
  if (feed_byte(&n->f) & 1) config.lease_drift_ppm = 100;
  config.lease_promise_max_ns = feed_pick(&n->f, 1000);
  s.vote = any_vote(&n->f);
  s.purged = any_id(&n->f);
  s.snapshot = feed_byte(&n->f) & 1 ? any_id(&n->f) : s.purged;
  s.applied = feed_byte(&n->f) & 1 ? any_id(&n->f) : s.snapshot;
  s.last = s.purged;
  s.term_count = feed_pick(&n->f, TERMS_MAX + 1);
  for (size_t i = 0; i < s.term_count; i++) terms[i] = any_id(&n->f);
  if (s.term_count > 0) s.last = any_id(&n->f);
  s.membership_count = feed_pick(&n->f, MEMBERSHIPS_MAX + 1);
  for (size_t i = 0; i < s.membership_count; i++) {
    memberships[i].id = any_id(&n->f);
    any_membership(&n->f, &memberships[i].value);
  }
  status = raft_new(&config, &s, n->now, &n->r, &error);
  FUZZ_CHECK((status == RKV_OK) == (n->r != NULL));
  check_refusal(status, &error);
}

/* ---- the driver ---- */

static void save_vote(struct node *n, struct rkv_vote vote) {
  FUZZ_CHECK(n->save_count < SAVES_MAX);
  n->saves[n->save_count++] = (struct save){.is_vote = true, .vote = vote};
}

static void save_log(struct node *n, struct rkv_log_id last) {
  FUZZ_CHECK(n->save_count < SAVES_MAX);
  n->saves[n->save_count++] = (struct save){.last = last};
}

static void report_save(struct node *n) {
  struct save s;
  if (n->save_head == n->save_count) return;
  s = n->saves[n->save_head++];
  if (s.is_vote)
    raft_on_vote_saved(n->r, n->now, s.vote);
  else
    raft_on_log_saved(n->r, n->now, s.last);
}

/* `entries`: of the append request being handled, or NULL. */
static void drain(struct node *n, const struct raft_entry *entries) {
  struct raft_output out;
  while (raft_take(n->r, &out)) {
    switch (out.type) {
    case RAFT_OUT_SAVE_VOTE: save_vote(n, out.vote); break;
    case RAFT_OUT_APPEND_OWN: save_log(n, out.id); break;
    case RAFT_OUT_APPEND_RECEIVED:
      FUZZ_CHECK(entries && out.count > 0);
      save_log(n, entries[out.skip + out.count - 1].id);
      break;
    case RAFT_OUT_COMMIT: FUZZ_CHECK(out.id.index > n->committed.index); break;
    case RAFT_OUT_BUILD_SNAPSHOT:
      FUZZ_CHECK(!n->building);
      n->building = true;
      break;
    case RAFT_OUT_SEND_SNAPSHOT:
      if (n->sending_count < RKV_NODES_MAX) n->sending[n->sending_count++] = out.peer;
      break;
    default: break;
    }
  }
  for (rkv_node_id peer = 1; peer <= 5; peer++) {
    struct raft_append_plan plan;
    while (n->flight_count < PLANS_MAX && raft_next_append(n->r, n->now, peer, &plan)) {
      rkv_index sent = plan.to >= plan.from ? plan.to : plan.prev.index;
      raft_append_sent(n->r, peer, &plan, sent);
      n->flights[n->flight_count++] = (struct flight){peer, plan, sent};
    }
  }
}

/* (I1), (I2) and what never falls. */
static void check(struct node *n) {
  struct raft_view v;
  raft_view(n->r, &v);
  FUZZ_CHECK(v.vote.term >= n->term && v.committed.index >= n->committed.index);
  FUZZ_CHECK(v.purged.index <= v.snapshot.index && v.snapshot.index <= v.applied.index);
  FUZZ_CHECK(v.applied.index <= v.committed.index && v.committed.index <= v.last.index);
  FUZZ_CHECK(v.saved.index <= v.last.index && !raft_failed(n->r));
  n->term = v.vote.term;
  n->committed = v.committed;
}

/* ---- inputs ---- */

static void append_request(struct node *n) {
  struct raft_entry entries[ENTRIES_MAX];
  static struct rkv_membership memberships[ENTRIES_MAX];
  struct rkv_vote vote = any_vote(&n->f);
  struct rkv_log_id prev = any_id(&n->f), commit = any_id(&n->f), at = prev;
  struct rkv_error error = {0};
  size_t count = feed_pick(&n->f, ENTRIES_MAX + 1), i;
  vote.committed = vote.committed || feed_byte(&n->f) & 3;
  for (i = 0; i < count; i++) {
    uint8_t kind = feed_byte(&n->f);
    at.index++;
    at.term = kind & 0x40 ? feed_number(&n->f) : at.term;
    entries[i] = (struct raft_entry){at, (enum rkv_entry_kind)(kind % 3), NULL};
    if (entries[i].kind != RKV_ENTRY_MEMBERSHIP) continue;
    any_membership(&n->f, &memberships[i]);
    entries[i].membership = &memberships[i];
  }
  check_refusal(raft_on_append_request(n->r, n->now, vote, prev, commit, entries, count, n, &error),
                &error);
  drain(n, entries);
}

static void answer(struct node *n) {
  struct flight f;
  uint32_t i, how;
  if (n->flight_count == 0) return;
  i = feed_pick(&n->f, (uint32_t)n->flight_count);
  how = feed_pick(&n->f, 6);
  f = n->flights[i];
  n->flights[i] = n->flights[--n->flight_count];
  if (how < 3) {
    struct rkv_log_id matched = {0, 0};
    rkv_index to = how == 0 ? f.sent : feed_number(&n->f);
    if (!raft_log_id_at(n->r, to, &matched) || feed_byte(&n->f) % 8 == 7) matched = any_id(&n->f);
    raft_on_append_answer(n->r, n->now, f.peer, &f.plan, f.sent, RKV_APPEND_SUCCESS, matched,
                          (struct rkv_vote){0, 0, false}, any_lease(&n->f));
  } else if (how < 5) {
    raft_on_append_answer(n->r, n->now, f.peer, &f.plan, f.sent,
                          how == 3 ? RKV_APPEND_CONFLICT : RKV_APPEND_REJECTED,
                          (struct rkv_log_id){0, 0}, any_vote(&n->f), any_lease(&n->f));
  } else {
    raft_on_append_failed(n->r, n->now, f.peer, &f.plan, f.sent, (feed_byte(&n->f) & 1) != 0,
                          any_id(&n->f));
  }
}

/* Somebody answers, most often the question that was asked. */
static void vote_answer(struct node *n, bool pre) {
  struct raft_view v;
  struct rkv_vote asked, theirs;
  rkv_node_id from = 2 + feed_pick(&n->f, 4);
  bool granted = (feed_byte(&n->f) & 1) != 0;
  raft_view(n->r, &v);
  asked = (struct rkv_vote){pre ? v.vote.term + 1 : v.vote.term, 1, false};
  if (feed_byte(&n->f) % 8 == 7) asked = any_vote(&n->f);
  theirs = granted ? asked : any_vote(&n->f);
  if (pre)
    raft_on_pre_vote_answer(n->r, n->now, from, asked, (feed_byte(&n->f) & 7) == 7, granted, theirs,
                            any_id(&n->f));
  else
    raft_on_vote_answer(n->r, n->now, from, asked, granted, theirs, any_id(&n->f));
}

static void apply(struct node *n) {
  struct raft_view v;
  rkv_index to;
  struct rkv_log_id id;
  raft_view(n->r, &v);
  to = v.applied.index + 1 + feed_pick(&n->f, 4);
  if (to > v.committed.index) to = v.committed.index;
  if (to > v.applied.index && raft_log_id_at(n->r, to, &id)) raft_on_applied(n->r, n->now, id);
}

static void snapshot_built(struct node *n) {
  struct raft_view v;
  if (!n->building) return;
  n->building = false;
  raft_view(n->r, &v);
  raft_on_snapshot_built(n->r, n->now,
                         feed_byte(&n->f) % 4 == 3 ? (struct rkv_log_id){0, 0} : v.applied);
}

static void snapshot_sent(struct node *n) {
  struct raft_view v;
  rkv_node_id peer;
  if (n->sending_count == 0) return;
  raft_view(n->r, &v);
  peer = n->sending[--n->sending_count];
  if (feed_byte(&n->f) & 1 && v.snapshot.index > 0)
    raft_on_snapshot_sent(n->r, n->now, peer, true, v.snapshot, (struct rkv_vote){0, 0, false});
  else
    raft_on_snapshot_sent(n->r, n->now, peer, false, v.snapshot, any_vote(&n->f));
}

static void snapshot_offered(struct node *n) {
  struct rkv_vote vote = any_vote(&n->f);
  struct rkv_log_id last = any_id(&n->f);
  struct raft_membership m;
  vote.committed = true;
  if (raft_on_snapshot_offer(n->r, n->now, vote, last) != RAFT_OFFER_TAKE) return;
  drain(n, NULL);
  m.id = any_id(&n->f);
  any_membership(&n->f, &m.value);
  if (feed_byte(&n->f) % 4 == 3) return; /* the stream breaks */
  if (raft_on_snapshot_offer(n->r, n->now, vote, last) == RAFT_OFFER_TAKE)
    raft_on_snapshot_installed(n->r, n->now, last, &m);
}

static void propose(struct node *n) {
  struct rkv_log_id first;
  struct rkv_error error = {0};
  size_t count = 1 + feed_pick(&n->f, 3);
  enum rkv_status status = raft_propose(n->r, n->now, count, &first, &error);
  check_refusal(status, &error);
  if (status == RKV_OK) save_log(n, (struct rkv_log_id){first.term, first.index + count - 1});
}

static void client(struct node *n) {
  struct rkv_membership m;
  struct rkv_member learner = {.id = 1 + feed_pick(&n->f, 6), .addr = "a:1"};
  struct rkv_error error = {0};
  uint64_t ticket;
  bool bit = (feed_byte(&n->f) & 1) != 0;
  any_membership(&n->f, &m);
  switch (feed_pick(&n->f, 9)) {
  case 0: check_refusal(raft_init(n->r, n->now, &m, n, &error), &error); break;
  case 1: check_refusal(raft_add_learner(n->r, n->now, &learner, n, &error), &error); break;
  case 2:
    check_refusal(raft_change_membership(n->r, n->now, &m.configs[0], bit, n, &error), &error);
    break;
  case 3: check_refusal(raft_transfer(n->r, n->now, feed_pick(&n->f, 6), n, &error), &error); break;
  case 4: check_refusal(raft_read(n->r, n->now, bit, &ticket, &error), &error); break;
  case 5: check_refusal(raft_trigger_snapshot(n->r, n->now, &error), &error); break;
  case 6: raft_forget_change(n->r, n); break;
  case 7: raft_on_timeout_now_failed(n->r, n->now, learner.id); break;
  default: propose(n); break;
  }
}

static void step(struct node *n) {
  struct rkv_error error = {0};
  uint8_t what = feed_byte(&n->f);
  n->now.ns += what & 0x80 ? feed_number(&n->f) % 1000 : 1;
  n->now.random = feed_number(&n->f);
  switch (what % 16) {
  case 0:
  case 1: raft_on_time(n->r, n->now); break;
  case 2:
    raft_on_vote_request(n->r, n->now, any_vote(&n->f), any_id(&n->f), (feed_byte(&n->f) & 1) != 0,
                         n);
    break;
  case 3: vote_answer(n, false); break;
  case 4: vote_answer(n, true); break;
  case 5: raft_on_pre_vote_request(n->r, n->now, any_vote(&n->f), any_id(&n->f), n); break;
  case 6:
  case 7: append_request(n); break;
  case 8:
  case 9: answer(n); break;
  case 10: apply(n); break;
  case 11: snapshot_built(n); break;
  case 12: snapshot_sent(n); break;
  case 13: snapshot_offered(n); break;
  case 14:
    if (feed_byte(&n->f) % 4 == 0)
      check_refusal(raft_on_timeout_now(n->r, n->now, any_vote(&n->f), any_id(&n->f), &error),
                    &error);
    else
      report_save(n);
    break;
  default: client(n); break;
  }
  drain(n, NULL);
  check(n);
  if (what & 0x40) report_save(n);
  drain(n, NULL);
  check(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct node n;
  int steps = 0;
  memset(&n, 0, sizeof n);
  n.f = (struct feed){data, size};
  start(&n);
  if (!n.r) return 0;
  drain(&n, NULL);
  while (n.f.left > 0 && steps++ < STEPS_MAX) step(&n);
  raft_free(n.r);
  return 0;
}
