/* storage_life.c: one life: its steps, its process, its end. */
#include "storage_life.h"

#include "tree.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHUNK = 3000 /* bytes of a snapshot that are written at a time */ };

/* ---- plans ---- */

struct life *life_new(struct contract *c) {
  struct life *life = calloc(1, sizeof *life);
  CONTRACT_REQUIRE(c, life, "the suite has no memory");
  life->c = c;
  life->window = LIFE_WINDOW;
  life->start = model_new(c);
  life->progress = contract_share(c, sizeof *life->progress);
  return life;
}

void life_free(struct life *life) {
  contract_unshare(life->progress, sizeof *life->progress);
  model_free(life->start);
  free(life);
}

void life_afresh(struct life *life) {
  tree_remove(life->c->dir);
  CONTRACT_REQUIRE(life->c, tree_make(life->c->dir), "the suite cannot make %s: %s", life->c->dir,
                   strerror(errno));
  model_free(life->start);
  life->start = model_new(life->c);
}

void life_plan(struct life *life, struct model *m, struct step step) {
  CONTRACT_REQUIRE(life->c, life->count < LIFE_STEPS_MAX, "the suite plans too many steps");
  life->steps[life->count++] = step;
  model_step(life->c, m, &step);
}

void life_plan_random(struct life *life, uint64_t *seed, size_t count) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  while (life->count < count) {
    struct wish wish = wish_next(seed);
    life_plan(life, m, wish_step(m, &wish, true));
  }
  model_free(m);
}

/* ---- the process ---- */

/* A completion that says how far the life has come. */
struct ack {
  struct rkv_completion completion;
  struct life *life;
  size_t number; /* of steps, this one included */
};

/* By its own doing, with what belongs to its end. */
static void end_of_life(struct life *life) {
  atomic_store(&life->progress->calls, shim_calls());
  atomic_store(&life->progress->failures, shim_failed());
  atomic_store(&life->progress->over, true);
  if (life->has_heir) shim_kill();
  if (life->lose_power) shim_lose_power();
}

static void acknowledge(struct rkv_completion *self, enum rkv_status status,
                        const struct rkv_error *error) {
  struct ack *ack = (struct ack *)self;
  struct life *life = ack->life;
  struct progress *p = life->progress;
  if (status == RKV_OK) {
    CONTRACT_REQUIRE(life->c, atomic_load(&p->wrong) == RKV_OK,
                     "an operation succeeded after one had failed with %s",
                     rkv_status_name((enum rkv_status)atomic_load(&p->wrong)));
    CONTRACT_REQUIRE(life->c, atomic_load(&p->acked) < ack->number,
                     "completions came out of order");
    atomic_store(&p->acked, ack->number);
    if (life->lose_at_success && shim_failed() > 0) end_of_life(life);
    return;
  }
  contract_text_ok(life->c, status, error, "an operation");
  CONTRACT_REQUIRE(life->c, life->trouble, "step %zu ended with %s: %s", ack->number,
                   rkv_status_name(status), error->text);
  if (atomic_load(&p->wrong) == RKV_OK) atomic_store(&p->wrong, (int)status);
}

/* Waits until few operations wait. Truncations and purges are told by what follows them. */
static void keep_window(const struct life *life, size_t at) {
  struct progress *p = life->progress;
  uint64_t until = contract_now_ms() + UINT64_C(1000) * LIFE_S * life->c->slow;
  for (;;) {
    size_t acked = atomic_load(&p->acked), waiting = 0;
    for (size_t i = acked; i < at; i++) waiting += step_asks(&life->steps[i]);
    if (waiting <= life->window || atomic_load(&p->wrong) != RKV_OK) return;
    CONTRACT_REQUIRE(life->c, contract_now_ms() < until, "no completion came within %u s", LIFE_S);
    (void)nanosleep(&(struct timespec){0, 20000}, NULL);
  }
}

/* A snapshot under trouble may fail at each of its steps. */
static void take_snapshot(struct life *life, struct storage *s, const struct step *step,
                          size_t at) {
  struct rkv_error error;
  void *writer = NULL;
  enum rkv_status status = storage_snapshot_try(s, step, CHUNK, &writer, &error);
  if (status == RKV_OK) status = s->ops->snapshot_commit(writer, contract_ask(&error));
  atomic_store(status == RKV_OK ? &life->progress->committed : &life->progress->refused_at, at + 1);
  if (status == RKV_OK) return;
  contract_text_ok(life->c, status, &error, "a snapshot");
  CONTRACT_REQUIRE(life->c, life->trouble, "a snapshot ended with %s: %s", rkv_status_name(status),
                   error.text);
}

static void work(struct life *life, struct storage *s) {
  struct ack *acks = calloc(LIFE_STEPS_MAX, sizeof *acks);
  CONTRACT_REQUIRE(life->c, acks, "the suite has no memory");
  for (size_t i = 0; i < life->count; i++) {
    const struct step *step = &life->steps[i];
    acks[i] = (struct ack){{acknowledge}, life, i + 1};
    if (step_asks(step)) keep_window(life, i);
    atomic_store(&life->progress->issued, i + 1);
    if (step->kind == STEP_SNAPSHOT)
      take_snapshot(life, s, step, i);
    else
      storage_issue(s, step, &acks[i].completion);
  }
  if (!life->has_heir) storage_close(s);
  free(acks);
}

static void begin_shim(const struct life *life, const struct storage *s,
                       const struct shim_plan *plan) {
  char undo[CONTRACT_PATH_MAX];
  (void)snprintf(undo, sizeof undo, "%.480s/undo", life->c->dir);
  shim_begin(s->dir, undo, plan);
}

static void be_alive(struct contract *c, void *arg) {
  struct life *life = arg;
  struct storage s;
  enum rkv_status status;
  storage_init(&s, c);
  s.trouble = life->trouble;
  if (life->shimmed) begin_shim(life, &s, &life->plan);
  s.unsynced = life->unsynced;
  status = storage_try(&s);
  CONTRACT_REQUIRE(c, status == RKV_OK || life->trouble, "open: %s: %s", rkv_status_name(status),
                   s.error.text);
  atomic_store(&life->progress->opened, shim_calls());
  if (status == RKV_OK) work(life, &s);
  atomic_store(&life->progress->refused, (int)status);
  atomic_store(&life->progress->fatal, (int)contract_host_fatal(&s.host));
  end_of_life(life);
}

static void forget_undo(const struct life *life) {
  char undo[CONTRACT_PATH_MAX];
  (void)snprintf(undo, sizeof undo, "%.480s/undo", life->c->dir);
  tree_remove(undo);
}

bool life_run(struct life *life) {
  struct progress *p = life->progress;
  uint64_t until = contract_now_ms() + UINT64_C(1000) * LIFE_S * life->c->slow;
  pid_t pid;
  bool ended;
  memset(p, 0, sizeof *p);
  pid = contract_fork(life->c, be_alive, life);
  if (life->kill_after_us > 0) {
    while (atomic_load(&p->issued) == 0 && contract_now_ms() < until && kill(pid, 0) == 0)
      (void)nanosleep(&(struct timespec){0, 50000}, NULL);
    (void)nanosleep(&(struct timespec){0, (long)life->kill_after_us * 1000}, NULL);
    (void)kill(pid, SIGKILL);
  }
  ended = contract_join(life->c, pid, LIFE_S);
  if (!life->has_heir) forget_undo(life);
  return ended || (life->lose_power && atomic_load(&p->over));
}

/* ---- the judge ---- */

/* (V1), all but the snapshot. */
static bool legal_log(struct life *life, const struct model *found) {
  struct contract *c = life->c;
  struct progress *p = life->progress;
  struct model *m = model_copy(c, life->start);
  size_t acked = atomic_load(&p->acked), issued = atomic_load(&p->issued), k = 0;
  bool is = false;
  for (; k < acked; k++) model_step(c, m, &life->steps[k]);
  for (;; k++) {
    m->snapshot = found->snapshot, m->snapshot_size = found->snapshot_size;
    if ((is = model_equal(m, found)) || k >= issued) break;
    if (life->steps[k].kind == STEP_APPEND && found->last.index > m->last.index) {
      struct model *part = model_copy(c, m);
      struct step step = life->steps[k];
      step.count = found->last.index - m->last.index;
      if (step.count < life->steps[k].count) {
        model_step(c, part, &step);
        is = model_equal(part, found);
      }
      model_free(part);
      if (is) {
        p->part = step.count;
        break;
      }
    }
    model_step(c, m, &life->steps[k]);
  }
  p->settled = k;
  model_free(m);
  return is;
}

/* (V2) */
static bool legal_snapshot(const struct life *life, const struct model *found) {
  const struct progress *p = life->progress;
  size_t committed = atomic_load(&p->committed), issued = atomic_load(&p->issued);
  size_t refused = atomic_load(&p->refused_at);
  uint64_t number = life->start->snapshot;
  for (size_t k = 0; k < committed; k++)
    if (life->steps[k].kind == STEP_SNAPSHOT) number = life->steps[k].id.index;
  if (found->snapshot == number) return true;
  if (refused > committed && found->snapshot == life->steps[refused - 1].id.index) return true;
  return issued > committed && life->steps[issued - 1].kind == STEP_SNAPSHOT &&
         found->snapshot == life->steps[issued - 1].id.index;
}

struct judgement {
  struct life *life;
  const char *when;
  uint64_t number;
};

static void judge(struct contract *c, void *arg) {
  struct judgement *j = arg;
  struct life *life = j->life;
  struct progress *p = life->progress;
  struct storage s;
  struct model *found = model_new(c);
  char text[RKV_ERROR_TEXT_MAX], last[256] = "nothing";
  size_t issued = atomic_load(&p->issued);
  struct shim_plan kept = {.track = true, .handed_on = true};
  enum rkv_status status;
  storage_init(&s, c);
  if (life->has_heir) begin_shim(life, &s, &kept);
  status = storage_try(&s);
  if (issued > 0) step_print(&life->steps[issued - 1], last, sizeof last);
  CONTRACT_REQUIRE(c, status == RKV_OK, "%s %" PRIu64 " (in %s): open: %s: %s", j->when, j->number,
                   last, rkv_status_name(status), s.error.text);
  CONTRACT_REQUIRE(c, storage_look(&s, found, text), "%s %" PRIu64 " (in %s): %s", j->when,
                   j->number, last, text);
  CONTRACT_REQUIRE(c, legal_log(life, found),
                   "%s %" PRIu64 " (in %s): it holds {purged %" PRIu64 ", last {term %" PRIu64
                   ", index %" PRIu64 "}, vote {%" PRIu64 ", %" PRIu64 ", %d}}, which is no state "
                   "between step %zu, acknowledged, and step %zu, handed in",
                   j->when, j->number, last, found->purged.index, found->last.term,
                   found->last.index, found->vote.term, found->vote.node_id, found->vote.committed,
                   atomic_load(&p->acked), issued);
  CONTRACT_REQUIRE(c, legal_snapshot(life, found),
                   "%s %" PRIu64 " (in %s): it holds the snapshot of %" PRIu64
                   ", which was neither the last one committed nor the one being committed",
                   j->when, j->number, last, found->snapshot);
  p->snapshot = found->snapshot;
  p->snapshot_size = found->snapshot_size;
  if (life->has_heir) shim_kill();
  storage_close(&s);
  model_free(found);
}

void life_judge(struct life *life, const char *when, uint64_t number) {
  struct contract *c = life->c;
  struct progress *p = life->progress;
  struct judgement j = {life, when, number};
  struct model *all = model_copy(c, life->start);
  CONTRACT_REQUIRE(c, contract_join(c, contract_fork(c, judge, &j), LIFE_S) || life->has_heir,
                   "the judge was killed");
  for (size_t k = 0; k < life->count; k++) model_step(c, all, &life->steps[k]);
  for (size_t k = 0; k < p->settled; k++) model_step(c, life->start, &life->steps[k]);
  if (p->part > 0) {
    struct step step = life->steps[p->settled];
    step.count = p->part;
    model_step(c, life->start, &step);
  }
  life->start->snapshot = p->snapshot;
  life->start->snapshot_size = p->snapshot_size;
  if (life->start->term <= all->term) life->start->term = all->term + 1; /* no id used twice */
  model_free(all);
}

/* ---- stories ---- */

void life_carry_on(struct life *life) {
  struct model *m = model_copy(life->c, life->start);
  struct shim_plan none = {0};
  life->count = 0;
  life->plan = none;
  life_plan(life, m, step_append(m, 3, 100));
  life_plan(life, m, step_vote(life->start->vote.term + 5, 1, false));
  CONTRACT_REQUIRE(life->c, life_run(life), "the life after was ended");
  life_judge(life, "the life after call", 0);
  model_free(m);
}

unsigned life_calls(struct life *life, void (*plan)(struct life *life)) {
  struct shim_plan none = {0};
  life_afresh(life);
  plan(life);
  life->window = 0; /* one operation at a time makes the most calls */
  life->plan = none;
  CONTRACT_REQUIRE(life->c, life_run(life), "a life that nobody ended was killed");
  life_judge(life, "life", 0);
  if (atomic_load(&life->progress->calls) < 5)
    contract_skip(life->c, "its writes are not seen: %u calls of the C library change its files",
                  atomic_load(&life->progress->calls));
  return atomic_load(&life->progress->calls);
}
