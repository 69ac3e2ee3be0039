/* sm_life.c: laws of opening a state machine, and of what it says it has applied. */
#include <stdio.h>

#include "sm.h"

#include "sm_laws.h"

#define SM_PROTOTYPE(number, name, level, needs, seconds, says)                                    \
  void sm_law_##name(struct contract *c);
SM_LAWS(SM_PROTOTYPE)

void sm_law_opens_and_closes(struct contract *c) {
  struct machine m;
  machine_open(&m, c, "a");
  machine_close(&m);
}

void sm_law_starts_empty(struct contract *c) {
  struct machine a, b;
  struct state empty;
  machine_open(&a, c, "a");
  machine_open(&b, c, "b");
  state_take(&a, SM_CHUNK, &empty);
  CONTRACT_REQUIRE(c, empty.meta.last.index == 0, "it has applied entry %" PRIu64,
                   empty.meta.last.index);
  CONTRACT_REQUIRE(c, empty.meta.membership_id.index == 0 && empty.meta.membership.len == 0,
                   "it holds a membership");
  machine_is(&b, &empty, "a second new machine");
  machine_restore_ok(&b, &empty, 0);
  machine_is(&b, &empty, "a machine restored from an empty one's snapshot");
  state_free(&empty);
  machine_close(&a);
  machine_close(&b);
}

void sm_law_takes_commands(struct contract *c) {
  char text[SM_SOURCE_TEXT_MAX];
  struct commands k;
  struct machine m;
  machine_open(&m, c, "a");
  commands_find(&k, &m);
  commands_text(&k, text);
  contract_note(c, "%s", text);
  commands_free(&k);
  machine_close(&m);
}

/* What applied() must say after the first `count` entries. */
static struct rkv_snapshot_meta meta_after(const struct log *log, size_t count) {
  struct rkv_snapshot_meta meta;
  memset(&meta, 0, sizeof meta);
  if (count > 0) meta.last = log->entries[count - 1].id;
  for (size_t i = 0; i < count; i++)
    if (log->entries[i].kind == RKV_ENTRY_MEMBERSHIP)
      meta.membership_id = log->entries[i].id, meta.membership = log->entries[i].payload;
  return meta;
}

static void applied_is(struct machine *m, const struct rkv_snapshot_meta *must) {
  struct rkv_snapshot_meta is;
  memset(&is, 0, sizeof is);
  CONTRACT_REQUIRE(m->c, m->ops->applied(m->it, &is, &m->error) == RKV_OK, "applied: %s",
                   m->error.text);
  meta_require(m->c, &is, must, "applied()");
  rkv_buf_drop(&is.membership);
}

void sm_law_applied_follows(struct contract *c) {
  size_t count = contract_amount(c, 600, 600, 3000);
  struct commands k;
  struct machine m;
  struct log log;
  machine_open(&m, c, "a");
  commands_find(&k, &m);
  log_make(&log, &k, count, 16, c->seed);
  for (size_t at = 1; at <= count; at++) {
    struct rkv_snapshot_meta must = meta_after(&log, at), begun;
    void *view;
    machine_apply(&m, &log, at, 1, NULL);
    applied_is(&m, &must);
    if (at % 16) continue;
    CONTRACT_REQUIRE(c, m.ops->snapshot_begin(m.it, &view, &begun, &m.error) == RKV_OK,
                     "snapshot_begin: %s", m.error.text);
    meta_require(c, &begun, &must, "snapshot_begin");
    rkv_buf_drop(&begun.membership);
    m.ops->snapshot_end(view);
  }
  contract_note(c, "%zu entries", count);
  log_free(&log);
  commands_free(&k);
  machine_close(&m);
}

void sm_law_membership_survives(struct contract *c) {
  uint64_t seed = c->seed, rounds = contract_amount(c, 100, 100, 2000);
  for (uint64_t i = 0; i < rounds; i++) {
    struct rkv_entry entries[2] = {{.id = {0, 1}, .kind = RKV_ENTRY_MEMBERSHIP},
                                   {.id = {1, 2}, .kind = RKV_ENTRY_BLANK}};
    struct log log = {c, entries, 2};
    struct machine a = {.at = 0}, b;
    struct state state;
    char name[2][32];
    (void)snprintf(name[0], sizeof name[0], "a%" PRIu64, i);
    (void)snprintf(name[1], sizeof name[1], "b%" PRIu64, i);
    entries[0].payload = membership_make(c, &seed);
    machine_open(&a, c, name[0]);
    machine_open(&b, c, name[1]);
    machine_apply(&a, &log, 2, 1, NULL);
    state_take(&a, SM_CHUNK, &state);
    CONTRACT_REQUIRE(c, rkv_buf_equal(state.meta.membership, entries[0].payload),
                     "the snapshot's membership is not the one that was applied");
    machine_restore_ok(&b, &state, 0);
    machine_is(&b, &state, "the restored machine");
    state_free(&state);
    machine_close(&a);
    machine_close(&b);
    rkv_buf_drop(&entries[0].payload);
  }
  contract_note(c, "%" PRIu64 " memberships", rounds);
}

void sm_law_forgets_or_is_durable(struct contract *c) {
  bool durable = c->plugin->capabilities & RKV_CAP_DURABLE;
  struct rkv_snapshot_meta none;
  struct commands k;
  struct machine m;
  struct state end;
  struct log log;
  memset(&none, 0, sizeof none);
  machine_open(&m, c, "a");
  CONTRACT_REQUIRE(c, !durable || m.ops->restore_check,
                   "it declares itself durable and has no restore_check");
  commands_find(&k, &m);
  log_make(&log, &k, 200, 16, c->seed);
  machine_apply(&m, &log, log.count, 20, NULL);
  state_take(&m, SM_CHUNK, &end);
  machine_close(&m);
  contract_host_init(&m.host, c, 1);
  CONTRACT_REQUIRE(c, m.ops->open(&m.host.host, &m.config, &m.it, &m.error) == RKV_OK,
                   "open again: %s", m.error.text);
  if (durable)
    machine_is(&m, &end, "a durable machine, opened again");
  else
    applied_is(&m, &none);
  contract_note(c, durable ? "it is durable" : "it forgets");
  state_free(&end);
  log_free(&log);
  commands_free(&k);
  machine_close(&m);
}
