/* storage_ask.c: laws 72 to 75: what a caller may ask, when, and how. */
#include "storage.h"
#include "storage_laws.h"

STORAGE_LAWS_ASK(STORAGE_LAW_PROTOTYPE)

static struct model *begin(struct storage *s, struct contract *c) {
  struct model *m = model_new(c);
  storage_init(s, c);
  storage_since(s, 5);
  storage_open(s);
  return m;
}

static void end(struct storage *s, struct model *m) {
  storage_close(s);
  model_free(m);
}

/* ---- load ---- */

static void require_loads(struct storage *s, const struct model *m, const char *when) {
  char text[RKV_ERROR_TEXT_MAX];
  for (int i = 0; i < 2; i++)
    CONTRACT_REQUIRE(s->c, storage_loads(s, m, text), "%s: %s", when, text);
}

static void do_and_load(struct storage *s, struct model *m, struct step step) {
  char call[256];
  step_print(&step, call, sizeof call);
  storage_do(s, m, step);
  require_loads(s, m, call);
}

/* While operations wait for the device. */
static void load_in_flight(struct storage *s, struct model *m) {
  enum { FLIGHT = 40 };
  struct contract_told told[FLIGHT];
  for (unsigned i = 0; i < FLIGHT; i++) {
    struct step step = i % 5 == 3 ? step_vote(20 + i, 2, i % 2) : step_append(m, 3, 500);
    contract_told_init(&told[i], s->c, "an operation");
    storage_issue(s, &step, &told[i].completion);
    model_step(s->c, m, &step);
    require_loads(s, m, "before the operation has ended");
  }
  for (unsigned i = 0; i < FLIGHT; i++) contract_told_ok(&told[i]);
}

void storage_law_load_at_any_time(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c);
  require_loads(&s, m, "a new storage");
  for (int round = 0; round < 3; round++) {
    do_and_load(&s, m, step_append(m, 12, 200));
    do_and_load(&s, m, step_vote(m->vote.term + 3, 2, false));
    do_and_load(&s, m, step_vote(m->vote.term, 2, true));
    do_and_load(&s, m, step_identity(7 + (unsigned)round, round > 0));
    do_and_load(&s, m, step_truncate(m->last.index - 4));
    do_and_load(&s, m, step_append(m, 1, 200));
    do_and_load(&s, m, step_snapshot(m, 3000));
    do_and_load(&s, m, step_purge(m, m->last.index - 3));
    do_and_load(&s, m, step_truncate(m->purged.index));
    load_in_flight(&s, m);
    do_and_load(&s, m, step_purge(m, m->last.index + 10));
    storage_keeps(&s, m);
  }
  end(&s, m);
}

/* ---- snapshots ---- */

/* A snapshot with this description, of which `told` bytes are said and `len` are written. */
static void commit(struct storage *s, struct rkv_log_id last, const char *id, uint64_t told,
                   size_t len) {
  struct rkv_snapshot_meta meta = {.last = last, .size = told};
  struct rkv_buf bytes = contract_bytes(s->c, NULL, len);
  struct rkv_error error;
  void *writer;
  enum rkv_status status;
  (void)snprintf(meta.id, sizeof meta.id, "%s", id);
  snapshot_fill(len, 0, (uint8_t *)(uintptr_t)bytes.data, len);
  status = s->ops->snapshot_begin(s->it, &meta, &writer, contract_ask(&error));
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "snapshot_begin: %s", error.text);
  if (len > 0) status = s->ops->snapshot_write(writer, bytes, &error);
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "snapshot_write: %s", error.text);
  status = s->ops->snapshot_commit(writer, contract_ask(&error));
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "snapshot_commit: %s", error.text);
  rkv_buf_drop(&bytes);
}

static void require_meta(const struct storage *s, const struct rkv_snapshot_meta *meta,
                         struct rkv_log_id last, const char *id, uint64_t size, const char *who) {
  CONTRACT_REQUIRE(
      s->c, rkv_log_id_equal(meta->last, last) && strcmp(meta->id, id) == 0 && meta->size == size,
      "%s gave {last {term %" PRIu64 ", index %" PRIu64 "}, id %.63s, size %" PRIu64
      "} instead of {{%" PRIu64 ", %" PRIu64 "}, %s, %" PRIu64 "}",
      who, meta->last.term, meta->last.index, meta->id[0] ? meta->id : "(none)", meta->size,
      last.term, last.index, id, size);
}

static void require_open(struct storage *s, struct rkv_log_id last, const char *id, size_t len) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  char text[RKV_ERROR_TEXT_MAX];
  void *reader;
  enum rkv_status status = s->ops->snapshot_open(s->it, &reader, &meta, contract_ask(&error));
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "snapshot_open: %s", error.text);
  require_meta(s, &meta, last, id, len, "snapshot_open");
  CONTRACT_REQUIRE(s->c, storage_snapshot_reads(s, reader, len, len, 70001, text), "%s", text);
  rkv_buf_drop(&meta.membership);
  s->ops->snapshot_close(reader);
}

/* Commits one, and finds it: open, and if it is durable after a reopen, when load tells of it. */
static void have(struct storage *s, struct rkv_log_id last, const char *id, uint64_t told,
                 size_t len) {
  commit(s, last, id, told, len);
  require_open(s, last, id, len);
  if (!storage_durable(s->c)) return;
  storage_reopen(s);
  require_meta(s, &s->state.snapshot, last, id, len, "load");
  require_open(s, last, id, len);
}

void storage_law_empty_state_has_a_snapshot(struct contract *c) {
  const struct rkv_log_id none = {0, 0};
  struct storage s;
  struct model *m = begin(&s, c);
  CONTRACT_REQUIRE(c, s.state.snapshot.id[0] == '\0', "a new storage's snapshot has the id %.63s",
                   s.state.snapshot.id);
  have(&s, none, "of-nothing", 0, 3000);
  have(&s, none, "of-nothing-in-no-bytes", 0, 0);
  storage_append(&s, m, 4, 100);
  have(&s, m->last, "of-something", 0, 100);
  end(&s, m);
}

void storage_law_size_is_counted(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c);
  storage_append(&s, m, 4, 100);
  have(&s, m->last, "told-more", 5000, 3000);
  have(&s, m->last, "told-less", 20, 70000);
  have(&s, m->last, "told-something", 1, 0);
  have(&s, m->last, "told-right", 4096, 4096);
  end(&s, m);
}

/* ---- reads ---- */

/* After each of them *count tells how many there are. */
static void read_edges(struct storage *s, const struct model *m) {
  const rkv_index first = m->purged.index + 1, behind = m->last.index + 1;
  const rkv_index edges[] = {0, 1, first, first + 2, behind - 1, behind, behind + 1, UINT64_MAX};
  enum { EDGES = sizeof edges / sizeof edges[0] };
  for (size_t i = 0; i < EDGES; i++)
    for (size_t k = 0; k < EDGES; k++) {
      size_t count;
      (void)storage_read(s, m, edges[i], edges[k], UINT64_MAX, 32, &count);
    }
}

void storage_law_read_at_the_edges(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c);
  struct rkv_entry entry;
  struct rkv_error error;
  size_t count = 7;
  read_edges(&s, m);
  CONTRACT_REQUIRE(c,
                   s.ops->read(s.it, 0, 1, 1, &entry, 1, &count, contract_ask(&error)) != RKV_OK &&
                       count == 0,
                   "after a read that failed *count is %zu instead of 0", count);
  storage_append(&s, m, 12, 200);
  read_edges(&s, m);
  storage_do(&s, m, step_purge(m, 5));
  read_edges(&s, m);
  storage_keeps(&s, m);
  read_edges(&s, m);
  storage_do(&s, m, step_purge(m, 20));
  read_edges(&s, m);
  end(&s, m);
}
