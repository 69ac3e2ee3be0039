/* storage_cut.c: laws 12 to 20: both ends of the log, and what is loaded. */
#include "storage.h"
#include "storage_laws.h"

STORAGE_LAWS_HOLD(STORAGE_LAW_PROTOTYPE)

enum { ENTRIES = 9 };

/* A new storage under its own directory, with `count` entries behind `purged` that are purged. */
static struct model *begin(struct storage *s, struct contract *c, unsigned number, uint64_t count,
                           rkv_index purged) {
  struct model *m = model_new(c);
  size_t len;
  storage_init(s, c);
  len = strlen(s->dir);
  (void)snprintf(s->dir + len, sizeof s->dir - len, "-%u", number);
  storage_open(s);
  if (count > 1) storage_append(s, m, count - 1, 80);
  m->term++;
  storage_append(s, m, 1, 80);
  if (purged) storage_do(s, m, step_purge(m, purged));
  return m;
}

static void end(struct storage *s, struct model *m) {
  storage_close(s);
  model_free(m);
}

void storage_law_truncate_drops_the_suffix(struct contract *c) {
  for (rkv_index after = 2; after <= ENTRIES; after++) {
    struct storage s;
    struct model *m = begin(&s, c, (unsigned)after, ENTRIES, 2);
    storage_do(&s, m, step_truncate(after));
    storage_holds(&s, m);
    storage_append(&s, m, 1, 10); /* a truncate is durable not later than the next append */
    storage_keeps(&s, m);
    end(&s, m);
  }
}

void storage_law_truncate_beyond_does_nothing(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, ENTRIES, 0);
  storage_do(&s, m, step_truncate(ENTRIES));
  storage_do(&s, m, step_truncate(ENTRIES + 1));
  storage_do(&s, m, step_truncate(UINT64_MAX));
  storage_holds(&s, m);
  storage_append(&s, m, 2, 10);
  storage_keeps(&s, m);
  end(&s, m);
}

/* A follower's conflicts, one behind the other; fewer new entries than were dropped. */
void storage_law_log_goes_on_after_truncate(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, ENTRIES, 0);
  static const struct {
    rkv_index after;
    uint64_t count;
  } conflicts[] = {{5, 1}, {3, 6}, {9, 3}, {11, 1}, {4, 2}, {6, 30}, {20, 1}, {0, 4}, {2, 1}};
  for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++) {
    storage_do(&s, m, step_truncate(conflicts[i].after));
    storage_append(&s, m, conflicts[i].count, 120);
    storage_holds(&s, m);
    storage_keeps(&s, m); /* after the reopen nothing dropped is back */
    storage_append(&s, m, 1, 30);
  }
  storage_keeps(&s, m);
  end(&s, m);
}

void storage_law_purge_drops_the_prefix(struct contract *c) {
  for (rkv_index up_to = 1; up_to < ENTRIES; up_to++) {
    struct storage s;
    struct model *m = begin(&s, c, (unsigned)up_to, ENTRIES, 0);
    storage_do(&s, m, step_purge(m, up_to));
    storage_holds(&s, m);
    storage_append(&s, m, 1, 10);
    storage_keeps(&s, m);
    end(&s, m);
  }
}

void storage_law_purge_to_the_tip(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, ENTRIES, 0);
  storage_do(&s, m, step_purge(m, ENTRIES));
  storage_holds(&s, m);
  storage_do(&s, m, step_vote(3, 1, false)); /* makes the purge durable */
  storage_keeps(&s, m);
  storage_append(&s, m, 3, 10);
  storage_keeps(&s, m);
  end(&s, m);
}

void storage_law_purge_beyond_the_tip(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, ENTRIES, 0);
  for (int round = 0; round < 3; round++) {
    struct step step = step_purge(m, m->last.index + 1 + 50u * (unsigned)round);
    step.id.term = m->last.term + 2;
    storage_do(&s, m, step);
    storage_holds(&s, m);
    storage_do(&s, m, step_vote(10 + (unsigned)round, 2, false));
    storage_keeps(&s, m);
    storage_append(&s, m, 2, 60);
    storage_keeps(&s, m);
  }
  end(&s, m);
}

void storage_law_purge_below_does_nothing(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, ENTRIES, 6);
  for (rkv_index up_to = 0; up_to <= 6; up_to++) {
    struct step step = {.kind = STEP_PURGE, .id = {up_to ? 1 : 0, up_to}};
    storage_do(&s, m, step);
    storage_holds(&s, m);
  }
  storage_append(&s, m, 1, 10);
  storage_keeps(&s, m);
  end(&s, m);
}

void storage_law_truncate_down_to_purged(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, ENTRIES, 4);
  storage_do(&s, m, step_truncate(4));
  storage_holds(&s, m);
  storage_do(&s, m, step_vote(9, 1, true));
  storage_keeps(&s, m);
  storage_append(&s, m, 2, 10);
  storage_keeps(&s, m);
  end(&s, m);
}

void storage_law_identity_is_kept(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, 2, 0);
  static const struct rkv_identity extremes = {{UINT64_MAX, UINT64_MAX}, UINT64_MAX, true};
  struct step extreme = {.kind = STEP_IDENTITY, .identity = extremes};
  for (uint64_t number = 1; number < 30; number++) {
    storage_do(&s, m, step_identity(number, number % 2));
    if (number % 3 == 0) storage_append(&s, m, 2, 50);
    if (number % 4 == 0) storage_do(&s, m, step_vote(10 + number, 1, false));
    if (number % 7 == 0) storage_do(&s, m, step_purge(m, m->last.index));
    if (number % 5 == 0) storage_keeps(&s, m);
  }
  storage_keeps(&s, m);
  storage_do(&s, m, extreme);
  storage_keeps(&s, m);
  end(&s, m);
}

/* Each layout that a log can have, loaded three times. */
void storage_law_state_is_loaded(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c, 0, ENTRIES, 0);
  for (int layout = 0; layout < 6; layout++) {
    if (layout == 1) storage_do(&s, m, step_purge(m, 3));
    if (layout == 2) storage_do(&s, m, step_snapshot(m, 5000));
    if (layout == 3) storage_do(&s, m, step_truncate(6));
    if (layout == 4) storage_do(&s, m, step_purge(m, 30));
    if (layout == 5) storage_append(&s, m, 5, 100);
    storage_do(&s, m, step_vote(20 + (unsigned)layout, 3, layout % 2));
    if (layout % 2) storage_do(&s, m, step_identity(1 + (unsigned)layout, layout > 2));
    for (int times = 0; times < 3; times++) storage_keeps(&s, m);
  }
  end(&s, m);
}
