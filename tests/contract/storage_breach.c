/* storage_breach.c: law 76: callers that break the contract. */
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <stdio.h>

STORAGE_LAWS_BREACH(STORAGE_LAW_PROTOTYPE)

enum { HELD = 10, PURGED = 4, ENTRIES_MAX = 3, TOLD_MS = 3000 };

/* A call that must not be made when entries up to HELD + 1 are there; its indexes follow each
 * other but for the last one. */
struct breach {
  const char *what;
  rkv_index first, last; /* of an append; 0: it is a truncation */
  size_t count;
  rkv_index after;
};

static const struct breach breaches[] = {
    {"an append behind a hole", HELD + 3, HELD + 3, 1, 0},
    {"an append over the last entry", HELD + 1, HELD + 1, 1, 0},
    {"an append with a hole inside", HELD + 2, HELD + 5, 2, 0},
    {"a truncation below what is purged", 0, 0, 0, PURGED - 1},
};
enum { BREACHES = sizeof breaches / sizeof breaches[0] };

static void make(struct storage *s, const struct breach *b, struct contract_told *told) {
  struct rkv_entry entries[ENTRIES_MAX] = {{{0, 0}, 0, 0, {NULL, 0, NULL}}};
  for (size_t i = 0; i < b->count; i++) {
    entries[i].id = (struct rkv_log_id){1, i + 1 < b->count ? b->first + i : b->last};
    entries[i].kind = RKV_ENTRY_COMMAND;
    entries[i].payload = rkv_buf_static("breach", 6);
  }
  if (b->count > 0)
    s->ops->append(s->it, entries, b->count, &told->completion);
  else
    s->ops->truncate(s->it, b->after);
}

/* What people read says which entry it was about. */
static bool names_entry(const char *text, const struct breach *b) {
  const rkv_index about[] = {b->last, HELD + 2, HELD + 3, HELD + 1, b->after, PURGED};
  for (size_t i = 0; i < sizeof about / sizeof about[0]; i++) {
    char number[24];
    (void)snprintf(number, sizeof number, "%" PRIu64, about[i]);
    if (about[i] > 0 && strstr(text, number)) return true;
  }
  return false;
}

/* It may be told by a thread of the plugin's. */
static void require_fatal(struct storage *s, const struct breach *b) {
  uint64_t until = contract_now_ms() + (uint64_t)TOLD_MS * s->c->slow;
  enum rkv_status fatal;
  while ((fatal = contract_host_fatal(&s->host)) == RKV_OK && contract_now_ms() < until)
    contract_pause_ms(1);
  CONTRACT_REQUIRE(s->c, fatal == RKV_BROKEN, "after %s fatal %s%s instead of with BROKEN", b->what,
                   fatal == RKV_OK ? "was not called" : "was called with ",
                   fatal == RKV_OK ? "" : rkv_status_name(fatal));
  CONTRACT_REQUIRE(s->c, names_entry(s->host.fatal_text, b),
                   "after %s the text of fatal names no entry: %s", b->what, s->host.fatal_text);
}

static void require_broken(struct contract_told *told, const struct breach *b, const char *which) {
  enum rkv_status status = contract_told_wait(told);
  CONTRACT_REQUIRE(told->c, status == RKV_BROKEN, "%s, %s, ended with %s instead of BROKEN",
                   b->what, which, rkv_status_name(status));
}

static void break_it(struct contract *c, void *arg) {
  const struct breach *b = arg;
  struct storage s;
  struct model *m = model_new(c);
  struct contract_told breach, vote, append;
  struct step step;
  storage_init(&s, c);
  s.trouble = true;
  storage_open(&s);
  storage_append(&s, m, HELD, 200);
  storage_do(&s, m, step_vote(1, 1, true));
  storage_do(&s, m, step_purge(m, PURGED));
  storage_append(&s, m, 1, 200);
  contract_told_init(&breach, c, "append");
  make(&s, b, &breach);
  contract_told_init(&vote, c, "save_vote");
  step = step_vote(9, 2, false);
  storage_issue(&s, &step, &vote.completion);
  contract_told_init(&append, c, "append");
  step = step_append(m, 1, 200);
  storage_issue(&s, &step, &append.completion);
  if (b->count > 0) require_broken(&breach, b, "itself");
  require_broken(&vote, b, "the vote after it");
  require_broken(&append, b, "an append after it");
  require_fatal(&s, b);
  storage_holds(&s, m);
  storage_close(&s);
  s.trouble = false;
  if (!storage_durable(c)) return;
  storage_open(&s);
  storage_keeps(&s, m);
  storage_close(&s);
}

void storage_law_breach_is_fatal(struct contract *c) {
  struct storage s;
  char home[CONTRACT_PATH_MAX];
  storage_init(&s, c);
  storage_since(&s, 5);
  (void)snprintf(home, sizeof home, "%s", c->dir);
  for (size_t i = 0; i < BREACHES; i++) {
    struct breach b = breaches[i];
    (void)snprintf(c->dir, sizeof c->dir, "%.480s/%zu", home, i);
    CONTRACT_REQUIRE(c, tree_make(c->dir), "the suite cannot make %s", c->dir);
    contract_apart(c, break_it, &b, 20);
  }
  (void)snprintf(c->dir, sizeof c->dir, "%s", home);
}
