/* storage_hold.c: laws 1 to 11: what a storage holds and gives back. */
#include "storage.h"
#include "storage_laws.h"

#include <stdlib.h>

STORAGE_LAWS_HOLD(STORAGE_LAW_PROTOTYPE)

enum { ENTRIES = 12 };

/* An open storage with `count` entries, the first `purged` of which are purged. */
static struct model *with_entries(struct storage *s, struct contract *c, uint64_t count,
                                  rkv_index purged) {
  struct model *m = model_new(c);
  storage_init(s, c);
  storage_open(s);
  for (uint64_t i = 0; i < count; i++) storage_append(s, m, 1, 100);
  if (purged) storage_do(s, m, step_purge(m, purged));
  return m;
}

static void done_with(struct storage *s, struct model *m) {
  storage_close(s);
  model_free(m);
}

void storage_law_starts_empty(struct contract *c) {
  struct storage s;
  struct model *m = model_new(c);
  char text[RKV_ERROR_TEXT_MAX];
  storage_init(&s, c);
  for (int round = 0; round < 2; round++) { /* a storage that was opened and closed is as new */
    storage_open(&s);
    CONTRACT_REQUIRE(c, s.state.vote.term == 0 && s.state.vote.node_id == 0, "it holds a vote");
    CONTRACT_REQUIRE(c, s.state.last.index == 0 && s.state.purged.index == 0, "it holds entries");
    CONTRACT_REQUIRE(c, s.state.snapshot.last.index == 0, "it holds a snapshot");
    CONTRACT_REQUIRE(c, storage_same(&s, m, text), "%s", text);
    storage_close(&s);
  }
  model_free(m);
}

void storage_law_vote_is_kept(struct contract *c) {
  static const struct rkv_vote votes[] = {
      {1, 1, false}, {1, 1, true}, {2, UINT64_MAX, false}, {3, 7, true}, {UINT64_MAX, 2, true}};
  struct storage s;
  struct model *m = with_entries(&s, c, 0, 0);
  for (size_t i = 0; i < sizeof votes / sizeof votes[0]; i++) {
    struct step step = {.kind = STEP_VOTE, .vote = votes[i]};
    storage_do(&s, m, step);
    storage_keeps(&s, m);
  }
  for (rkv_term term = 10; term < 60; term++) { /* the storage never goes back to an older vote */
    m->vote = (struct rkv_vote){0};
    storage_do(&s, m, step_vote(term, term % 3 + 1, false));
    if (term % 3) storage_append(&s, m, 2, 50);
    if (term % 5 == 0 && model_count(m) > 1) storage_do(&s, m, step_truncate(m->last.index - 1));
    if (term % 7 == 0) storage_do(&s, m, step_purge(m, m->last.index));
    if (term % 11 == 0) storage_keeps(&s, m);
  }
  storage_keeps(&s, m);
  done_with(&s, m);
}

void storage_law_append_is_read_at_once(struct contract *c) {
  enum { ROUNDS = 200 };
  struct storage s;
  struct model *m = with_entries(&s, c, 0, 0);
  struct contract_told *told = calloc(ROUNDS, sizeof *told);
  size_t count;
  CONTRACT_REQUIRE(c, told, "the suite has no memory");
  for (int i = 0; i < ROUNDS; i++) {
    struct step step = step_append(m, 1 + (unsigned)i % 5, 200);
    contract_told_init(&told[i], c, "append");
    storage_issue(&s, &step, &told[i].completion);
    model_step(c, m, &step);
    (void)storage_read(&s, m, step.id.index, m->last.index, UINT64_MAX, 10, &count);
    if (i % 20 == 0) storage_holds(&s, m);
  }
  for (int i = 0; i < ROUNDS; i++) contract_told_ok(&told[i]);
  storage_holds(&s, m);
  free(told);
  done_with(&s, m);
}

void storage_law_entries_keep_every_field(struct contract *c) {
  static const uint8_t binary[] = {0, 255, '\n', 0, 10, 13, 0, 127};
  struct rkv_entry given[] = {
      {{0, 1}, RKV_ENTRY_MEMBERSHIP, 0, rkv_buf_static("first", 5)}, /* term 0: initialises */
      {{1, 2}, RKV_ENTRY_BLANK, 0, rkv_buf_none()},
      {{1, 3}, RKV_ENTRY_COMMAND, 0, rkv_buf_none()},
      {{2, 4}, RKV_ENTRY_COMMAND, 0, rkv_buf_static(binary, sizeof binary)},
      {{2, 5}, RKV_ENTRY_COMMAND, 0, rkv_buf_static("", 0)},
      {{UINT64_MAX, 6}, RKV_ENTRY_MEMBERSHIP, 0, rkv_buf_static("\0", 1)},
      {{UINT64_MAX, 7}, RKV_ENTRY_MOVED, 0, rkv_buf_static("elsewhere", 9)}, /* retired */
  };
  enum { COUNT = sizeof given / sizeof given[0] };
  struct storage s;
  struct contract_told told;
  struct rkv_error error;
  storage_init(&s, c);
  storage_open(&s);
  contract_told_init(&told, c, "append");
  s.ops->append(s.it, given, COUNT, &told.completion);
  contract_told_ok(&told);
  for (int round = 0; round < 2; round++) {
    struct rkv_entry found[COUNT];
    size_t count = 0;
    CONTRACT_REQUIRE(c,
                     s.ops->read(s.it, 1, COUNT, UINT64_MAX, found, COUNT, &count, &error) ==
                             RKV_OK &&
                         count == COUNT,
                     "read gave %zu entries of %d", count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
      CONTRACT_REQUIRE(c,
                       rkv_log_id_equal(found[i].id, given[i].id) &&
                           found[i].kind == given[i].kind &&
                           rkv_buf_equal(found[i].payload, given[i].payload),
                       "entry %zu came back changed", i + 1);
      rkv_buf_drop(&found[i].payload);
    }
    if (storage_durable(c)) storage_reopen(&s);
  }
  storage_close(&s);
}

void storage_law_append_takes_references(struct contract *c) {
  struct storage s;
  struct model *m = with_entries(&s, c, 0, 0);
  struct rkv_log_id id = {1, 1};
  struct model_entry shape = {1, 5000, RKV_ENTRY_COMMAND};
  struct rkv_entry entry = {id, shape.kind, 0, contract_bytes(c, NULL, shape.len)};
  struct contract_told told;
  struct rkv_error error;
  size_t count = 0;
  entry_fill(id, (uint8_t *)(uintptr_t)entry.payload.data, shape.len);
  contract_told_init(&told, c, "append");
  s.ops->append(s.it, &entry, 1, &told.completion);
  rkv_buf_drop(&entry.payload);
  memset(&entry, 0x5a, sizeof entry);
  CONTRACT_REQUIRE(c,
                   s.ops->read(s.it, 1, 1, UINT64_MAX, &entry, 1, &count, &error) == RKV_OK &&
                       count == 1 && entry_is(&entry, id, &shape),
                   "the entry is not what it was once the caller let go of it");
  rkv_buf_drop(&entry.payload);
  contract_told_ok(&told);
  done_with(&s, m);
}

void storage_law_read_gives_every_range(struct contract *c) {
  struct storage s;
  struct model *m = with_entries(&s, c, ENTRIES, 3);
  for (int round = 0; round < 2; round++) {
    for (rkv_index from = 4; from <= ENTRIES; from++)
      for (rkv_index to = from; to <= ENTRIES + 3; to++) {
        size_t count;
        (void)storage_read(&s, m, from, to, UINT64_MAX, ENTRIES * 2, &count);
      }
    if (storage_durable(c)) storage_reopen(&s);
  }
  done_with(&s, m);
}

void storage_law_read_heeds_capacity(struct contract *c) {
  struct storage s;
  struct model *m = with_entries(&s, c, ENTRIES, 0);
  for (size_t capacity = 1; capacity <= ENTRIES + 1; capacity++)
    for (rkv_index from = 1; from <= ENTRIES; from++) {
      size_t count;
      (void)storage_read(&s, m, from, ENTRIES, UINT64_MAX, capacity, &count);
    }
  done_with(&s, m);
}

void storage_law_read_heeds_bytes_max(struct contract *c) {
  struct storage s;
  struct model *m = with_entries(&s, c, ENTRIES, 0);
  for (int round = 0; round < 2; round++) {
    for (rkv_index from = 1; from <= ENTRIES; from++) {
      uint64_t bytes = 0;
      for (rkv_index to = from; to <= ENTRIES; to++) { /* bytes_max at, below and above each sum */
        size_t count;
        bytes += model_at(m, to)->len;
        (void)storage_read(&s, m, from, ENTRIES, bytes, ENTRIES, &count);
        (void)storage_read(&s, m, from, ENTRIES, bytes + 1, ENTRIES, &count);
        if (bytes > 0) (void)storage_read(&s, m, from, ENTRIES, bytes - 1, ENTRIES, &count);
      }
      size_t count;
      (void)storage_read(&s, m, from, ENTRIES, 0, ENTRIES, &count);
    }
    if (storage_durable(c)) storage_reopen(&s);
  }
  done_with(&s, m);
}

void storage_law_read_beyond_gives_nothing(struct contract *c) {
  struct storage s;
  struct model *m = with_entries(&s, c, 3, 0);
  static const rkv_index beyond[] = {4, 5, 1000, UINT64_MAX - 1};
  for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
    size_t count;
    (void)storage_read(&s, m, beyond[i], beyond[i], UINT64_MAX, 4, &count);
    (void)storage_read(&s, m, beyond[i], UINT64_MAX, UINT64_MAX, 4, &count);
  }
  storage_do(&s, m, step_truncate(0));
  storage_holds(&s, m);
  done_with(&s, m);
}

void storage_law_read_of_purged_is_refused(struct contract *c) {
  struct storage s;
  struct model *m = with_entries(&s, c, ENTRIES, 7);
  for (int round = 0; round < 2; round++) {
    for (rkv_index from = 1; from <= 7; from++) {
      size_t count; /* storage_read demands RKV_NOT_FOUND */
      (void)storage_read(&s, m, from, from, UINT64_MAX, 4, &count);
      (void)storage_read(&s, m, from, ENTRIES, UINT64_MAX, 4, &count);
    }
    if (storage_durable(c)) storage_reopen(&s);
  }
  done_with(&s, m);
}

void storage_law_payloads_outlive_the_log(struct contract *c) {
  struct storage s;
  struct model *m = with_entries(&s, c, ENTRIES, 0);
  struct rkv_entry found[ENTRIES];
  struct model_entry shapes[ENTRIES];
  struct rkv_error error;
  size_t count = 0;
  for (rkv_index i = 1; i <= ENTRIES; i++) shapes[i - 1] = *model_at(m, i);
  if (storage_durable(c)) storage_reopen(&s); /* read from the device, not from memory */
  (void)s.ops->read(s.it, 1, ENTRIES, UINT64_MAX, found, ENTRIES, &count, &error);
  CONTRACT_REQUIRE(c, count == ENTRIES, "read gave %zu entries of %d", count, ENTRIES);
  storage_do(&s, m, step_truncate(6));
  storage_do(&s, m, step_purge(m, 5));
  storage_append(&s, m, 20, 300);
  storage_do(&s, m, step_purge(m, m->last.index));
  for (size_t i = 0; i < count; i++) {
    struct rkv_log_id id = {shapes[i].term, i + 1};
    CONTRACT_REQUIRE(c, entry_is(&found[i], id, &shapes[i]),
                     "the payload of entry %zu changed when it was dropped from the log", i + 1);
    rkv_buf_drop(&found[i].payload);
  }
  done_with(&s, m);
}
