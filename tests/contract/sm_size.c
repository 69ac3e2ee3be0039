/* sm_size.c: the law of size: many keys, large values and deletes, before a restore and after. */
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"
#include "sm_shapes.h"

void sm_law_size_survives(struct contract *c);

enum {
  LARGEST = 1 << 20, /* bytes of a value */
  ONE_LARGE_OF = 500,
  ONE_DELETE_OF = 6,
  BATCH = 150,
  ASKED_KEYS = 16
};

/* What was tried. */
struct amounts {
  size_t keys, large, deletes, largest;
};

/* ---- the log ---- */

static void replace(struct rkv_entry *entry, struct rkv_buf command) {
  rkv_buf_drop(&entry->payload);
  entry->payload = command;
}

/* A command with a value of any size up to LARGEST, each order of magnitude alike; empty if
 * validate takes none of them. */
static struct rkv_buf large(const struct commands *k, struct machine *m, uint64_t key,
                            uint64_t *seed) {
  size_t len = LARGEST >> contract_random(seed) % 8, source;
  if (commands_growing(k) == 0) return rkv_buf_none();
  source = (size_t)(contract_random(seed) % commands_growing(k));
  for (len = contract_between(seed, len / 2, len); len > 0; len /= 2) {
    struct rkv_buf command = commands_large(k, source, key, len);
    if (m->ops->validate(m->it, command, &m->error) == RKV_OK) return command;
    rkv_buf_drop(&command);
  }
  return rkv_buf_none();
}

/* A command that takes a key away, in one of the shapes that `m` takes; empty if it takes none. */
static struct rkv_buf deletion(const struct commands *k, struct machine *m, uint64_t key,
                               uint64_t *seed) {
  uint64_t first = contract_random(seed);
  for (uint64_t i = 0; i < SM_SHAPES && !k->are_given; i++) {
    enum sm_shape shape = (enum sm_shape)((first + i) % SM_SHAPES);
    struct rkv_buf command;
    if (!k->takes[shape]) continue;
    command = shape_delete(k->c, shape, key);
    if (command.len > 0 && m->ops->validate(m->it, command, &m->error) == RKV_OK) return command;
    rkv_buf_drop(&command);
  }
  return rkv_buf_none();
}

/* A log in which some commands are large, and some take keys away. */
static void make(struct log *log, const struct commands *k, struct machine *m, size_t count,
                 struct amounts *amounts) {
  uint64_t seed = k->c->seed;
  amounts->keys = count / 4;
  log_make(log, k, count, amounts->keys, seed);
  for (size_t i = 0; i < count; i++) {
    struct rkv_buf command = rkv_buf_none();
    uint64_t key = contract_random(&seed) % amounts->keys, chance = contract_random(&seed);
    if (log->entries[i].kind != RKV_ENTRY_COMMAND) continue;
    if (chance % ONE_LARGE_OF == 0) {
      command = large(k, m, key, &seed);
      amounts->large += command.len > 0;
      if (command.len > amounts->largest) amounts->largest = command.len;
    } else if (chance % ONE_DELETE_OF == 0) {
      command = deletion(k, m, key, &seed);
      amounts->deletes += command.len > 0;
    }
    if (command.len > 0) replace(&log->entries[i], command);
  }
}

/* ---- before a restore and after ---- */

/* `is` has the state of `must` now; it applies entries [must->at, to) with the same answers. */
static void goes_on(const struct commands *k, struct machine *must, struct machine *is,
                    const struct log *log, const char *what) {
  struct contract *c = log->c;
  struct rkv_buf *answers = answers_new(c, log->count), *others = answers_new(c, log->count);
  size_t from = must->at;
  struct state end;
  machine_apply(must, log, log->count, BATCH, answers);
  machine_apply(is, log, log->count, BATCH / 2, others);
  answers_require(c, others, answers, from, log->count, what);
  (void)questions_require(k, is, must, ASKED_KEYS, what);
  state_take(must, SM_CHUNK, &end);
  machine_is(is, &end, what);
  state_free(&end);
  answers_free(answers, log->count);
  answers_free(others, log->count);
}

void sm_law_size_survives(struct contract *c) {
  size_t count = contract_amount(c, 40000, 40000, 400000) / (c->slow > 1 ? 8 : 1);
  struct amounts amounts = {0, 0, 0, 0};
  struct machine m, b, d;
  struct commands k;
  struct state state;
  struct log log;
  machine_open(&m, c, "m");
  machine_open(&b, c, "b");
  machine_open(&d, c, "d");
  commands_find(&k, &m);
  make(&log, &k, &m, count, &amounts);
  machine_apply(&m, &log, count / 2, BATCH, NULL);
  state_take(&m, 0, &state);
  machine_restore_ok(&b, &state, 0);
  machine_is(&b, &state, "a machine restored from many keys and large values");
  state_free(&state);
  goes_on(&k, &m, &b, &log, "a machine restored from many keys and large values");
  state_take(&b, SM_CHUNK, &state); /* a snapshot of one that was restored itself */
  machine_restore_ok(&d, &state, SM_CHUNK);
  machine_is(&d, &state, "a machine restored from a restored one");
  contract_note(c, "%zu commands about %zu keys, %zu large (up to %zu bytes), %zu deletes", count,
                amounts.keys, amounts.large, amounts.largest, amounts.deletes);
  state_free(&state);
  log_free(&log);
  commands_free(&k);
  machine_close(&m);
  machine_close(&b);
  machine_close(&d);
}
