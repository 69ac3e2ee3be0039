/* storage_readers.c: laws 39 and 40: readers beside one thread that appends. */
#include "storage.h"
#include "storage_laws.h"

#include <inttypes.h>

STORAGE_LAWS_LIMITS(STORAGE_LAW_PROTOTYPE)

enum { READERS = 3, CAPACITY = 40 };

struct meeting {
  struct storage s;
  struct model *m; /* the appender's */
  atomic_bool over;
  atomic_uint_least64_t reads, first, last; /* about what is held: where to read */
};

/* Whatever a read gives: whole entries, by index without gap, terms never going back, none in front
 * of `from`. */
static void check_read(struct meeting *t, rkv_index from, const struct rkv_entry *entries,
                       size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct model_entry shape = {entries[i].id.term, (uint32_t)entries[i].payload.len,
                                entries[i].kind};
    struct rkv_log_id id = {entries[i].id.term, from + i};
    CONTRACT_REQUIRE(
        t->s.c, entry_is(&entries[i], id, &shape) && (i == 0 || entries[i - 1].id.term <= id.term),
        "a read that overlaps changes gave an entry that was never appended as "
        "number %" PRIu64,
        id.index);
  }
}

static void *read_on(void *arg) {
  struct meeting *t = arg;
  struct contract *c = t->s.c;
  uint64_t seed = c->seed;
  while (!atomic_load(&t->over)) {
    struct rkv_entry entries[CAPACITY];
    struct rkv_error error;
    size_t count = 0;
    rkv_index first = atomic_load(&t->first), last = atomic_load(&t->last);
    rkv_index from = contract_between(&seed, first + 1, last > first ? last + 1 : first + 1);
    enum rkv_status status =
        t->s.ops->read(t->s.it, from, from + CAPACITY, 20000, entries, CAPACITY, &count, &error);
    if (status == RKV_OK)
      check_read(t, from, entries, count);
    else
      CONTRACT_REQUIRE(c, status == RKV_NOT_FOUND && atomic_load(&t->first) >= from,
                       "a read of %" PRIu64 ", which is held, gave %s", from,
                       rkv_status_name(status));
    for (size_t i = 0; status == RKV_OK && i < count; i++) rkv_buf_drop(&entries[i].payload);
    if (count > 0) (void)atomic_fetch_add(&t->reads, 1);
  }
  return NULL;
}

/* A step of the appender; readers are told of a purge before it happens, of an append after. */
static void one_step(struct meeting *t, uint64_t *seed) {
  struct model *m = t->m;
  uint64_t chance = contract_random(seed) % 10;
  if (chance == 0 && model_count(m) > 60) {
    rkv_index up_to = m->last.index - 50;
    atomic_store(&t->first, up_to);
    storage_do(&t->s, m, step_purge(m, up_to));
  } else if (chance == 1 && model_count(m) > 30) {
    atomic_store(&t->last, m->last.index - 5);
    storage_do(&t->s, m, step_truncate(m->last.index - 5));
  } else {
    storage_append(&t->s, m, 1 + chance, 400);
    atomic_store(&t->last, m->last.index);
  }
}

void storage_law_readers_meet_an_appender(struct contract *c) {
  uint64_t steps = contract_amount(c, 1500, 1500, 40000), seed = c->seed;
  static struct meeting t;
  pthread_t readers[READERS];
  storage_init(&t.s, c);
  storage_open(&t.s);
  t.m = model_new(c);
  for (size_t i = 0; i < READERS; i++)
    CONTRACT_REQUIRE(c, pthread_create(&readers[i], NULL, read_on, &t) == 0, "no thread");
  for (uint64_t i = 0; i < steps || atomic_load(&t.reads) < steps; i++) one_step(&t, &seed);
  atomic_store(&t.over, true);
  for (size_t i = 0; i < READERS; i++) (void)pthread_join(readers[i], NULL);
  storage_keeps(&t.s, t.m);
  storage_close(&t.s);
  contract_note(c, "%" PRIu64 " reads beside %" PRIu64 " changes", atomic_load(&t.reads), steps);
  model_free(t.m);
}

/* ---- snapshots ---- */

/* The applier's thread: writes one snapshot after the other and reads each. */
static void *snapshots_on(void *arg) {
  struct meeting *t = arg;
  for (rkv_index number = 1; !atomic_load(&t->over); number++) {
    struct step step = {.kind = STEP_SNAPSHOT, .id = {1, number}, .len = 50000 + number};
    char text[RKV_ERROR_TEXT_MAX];
    storage_issue(&t->s, &step, NULL);
    CONTRACT_REQUIRE(t->s.c, storage_snapshot_is(&t->s, number, step.len, text), "%s", text);
    atomic_store(&t->reads, number);
  }
  return NULL;
}

void storage_law_snapshots_meet_the_log(struct contract *c) {
  uint64_t steps = contract_amount(c, 300, 300, 5000), seed = c->seed;
  static struct meeting t;
  pthread_t thread;
  storage_init(&t.s, c);
  storage_open(&t.s);
  t.m = model_new(c);
  CONTRACT_REQUIRE(c, pthread_create(&thread, NULL, snapshots_on, &t) == 0, "no thread");
  for (uint64_t i = 0; i < steps || atomic_load(&t.reads) < 5; i++) {
    one_step(&t, &seed);
    if (i % 50 == 0) storage_do(&t.s, t.m, step_vote(i, 1, false));
  }
  atomic_store(&t.over, true);
  (void)pthread_join(thread, NULL);
  t.m->snapshot = atomic_load(&t.reads);
  t.m->snapshot_size = 50000 + t.m->snapshot;
  storage_keeps(&t.s, t.m);
  storage_close(&t.s);
  contract_note(c, "%" PRIu64 " snapshots", atomic_load(&t.reads));
  model_free(t.m);
}
