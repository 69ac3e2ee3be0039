/* failures_test.c: what fails in storage-crypt itself ends in its turn, is told, and is the last
 * that was done. The plugin is compiled into this program once more: its allocations fail on
 * demand. */
#include "vault.h"

#include <stdlib.h>
#include <string.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

enum { TURNS = 8, TERMS = 40, TOO_LARGE = (1 << 30) + 1 };

extern const struct rkv_plugin rkv_plugin_entry;

/* ---- memory ---- */

static uint64_t allocations_left; /* 1: the next one fails; 0: none does */

static bool no_memory(void) {
  return allocations_left > 0 && --allocations_left == 0;
}

void *failing_malloc(size_t size);
void *failing_calloc(size_t count, size_t size);
void *failing_realloc(void *old, size_t size);

void *failing_malloc(size_t size) {
  return no_memory() ? NULL : malloc(size);
}

void *failing_calloc(size_t count, size_t size) {
  return no_memory() ? NULL : calloc(count, size);
}

void *failing_realloc(void *old, size_t size) {
  return no_memory() ? NULL : realloc(old, size);
}

/* ---- turns ---- */

/* Completions, and how they were told. */
struct turns {
  struct turn {
    struct rkv_completion completion;
    struct turns *all;
    enum rkv_status status;
    char text[RKV_ERROR_TEXT_MAX];
  } list[TURNS];
  size_t given, told;
};

static void take_turn(struct rkv_completion *self, enum rkv_status status,
                      const struct rkv_error *error) {
  struct turn *turn = (struct turn *)self;
  assert_ptr_equal(turn, &turn->all->list[turn->all->told++]); /* in the order of the calls */
  turn->status = status;
  assert_true((error == NULL) == (status == RKV_OK));
  if (error) (void)snprintf(turn->text, sizeof turn->text, "%s", error->text);
}

static struct rkv_completion *next_turn(struct turns *turns) {
  struct turn *turn = &turns->list[turns->given++];
  assert_true(turns->given <= TURNS);
  turn->completion.done = take_turn;
  turn->all = turns;
  return &turn->completion;
}

/* ---- the stories ---- */

static struct vault *open_vault(struct keep_heard *heard) {
  struct vault *v = vault_new(heard);
  v->ops = rkv_plugin_entry.ops;
  vault_open(v, KEY);
  v->keep.no_memory = no_memory;
  return v;
}

static void append(struct vault *v, rkv_index index, size_t len, struct turns *turns) {
  struct rkv_entry entry = {.id = {1, index}, .kind = RKV_ENTRY_COMMAND};
  entry.payload = rkv_buf_static("x", len); /* one too large is not looked at */
  v->ops->append(v->it, &entry, 1, next_turn(turns));
}

/* While the storage below still works on what came before it. */
static void a_failure_comes_in_its_turn(void **state) {
  static const char says[] = "entry 2 not written: more than 1 GiB";
  struct keep_heard heard = {0};
  struct turns turns = {.given = 0};
  struct vault *v = open_vault(&heard);
  (void)state;
  v->keep.holds = true;
  v->ops->save_vote(v->it, (struct rkv_vote){3, 1, false}, next_turn(&turns));
  append(v, 1, 1, &turns);
  append(v, 2, TOO_LARGE, &turns);
  v->ops->save_vote(v->it, (struct rkv_vote){4, 2, false}, next_turn(&turns));
  v->ops->save_identity(v->it, (struct rkv_identity){{1, 2}, 3, true}, next_turn(&turns));
  v->ops->truncate(v->it, 0);
  v->ops->purge(v->it, (struct rkv_log_id){1, 1});
  append(v, 2, 1, &turns);
  assert_int_equal(turns.told, 0);
  assert_int_equal(v->host.fatals, 1);
  assert_string_equal(v->host.fatal, says);
  keep_release(&v->keep);
  assert_int_equal(turns.told, turns.given);
  for (size_t i = 0; i < turns.given; i++) {
    assert_int_equal(turns.list[i].status, i < 2 ? RKV_OK : RKV_TOO_LARGE);
    assert_string_equal(turns.list[i].text, i < 2 ? "" : says);
  }
  assert_int_equal(v->keep.state.vote.term, 3); /* nothing that came after it was done */
  assert_int_equal(v->keep.state.identity.incarnation, 0);
  assert_int_equal(v->keep.state.purged.index, 0);
  vault_reopen(v, KEY);
  vault_holds(v, 1, "x");
  vault_append(v, 1, 2, "y");
  vault_free(v);
}

/* Also when it is closed. */
static void a_close_tells_it(void **state) {
  struct keep_heard heard = {0};
  struct turns turns = {.given = 0};
  struct vault *v = open_vault(&heard);
  (void)state;
  v->keep.holds = true;
  append(v, 1, 1, &turns);
  append(v, 2, TOO_LARGE, &turns);
  vault_close(v);
  assert_int_equal(turns.told, 2);
  vault_free(v);
}

/* So many terms that their list grows. True: some allocation failed. */
static bool append_fails(uint64_t nth) {
  struct rkv_entry entries[TERMS] = {0};
  struct keep_heard heard = {0};
  struct turns turns = {.given = 0};
  struct vault *v = open_vault(&heard);
  bool failed;
  for (size_t i = 0; i < TERMS; i++) {
    entries[i] = (struct rkv_entry){.id = {i + 1, i + 2}, .kind = RKV_ENTRY_COMMAND};
    entries[i].payload = rkv_buf_static("payload", 7);
  }
  v->keep.holds = true;
  append(v, 1, 1, &turns);
  allocations_left = nth;
  v->ops->append(v->it, entries, TERMS, next_turn(&turns));
  failed = allocations_left == 0;
  allocations_left = 0;
  v->ops->save_vote(v->it, (struct rkv_vote){TERMS, 1, false}, next_turn(&turns));
  assert_int_equal(turns.told, 0);
  keep_release(&v->keep);
  assert_int_equal(turns.told, 3);
  assert_int_equal(turns.list[0].status, RKV_OK);
  for (size_t i = 1; i < 3; i++)
    assert_int_equal(turns.list[i].status, failed ? RKV_NO_MEMORY : RKV_OK);
  if (failed) assert_non_null(strstr(v->host.fatal, " not written: no memory"));
  assert_int_equal(v->host.fatals, failed);
  assert_int_equal(v->keep.state.last.index, failed ? 1 : 1 + TERMS);
  vault_reopen(v, KEY); /* nothing of it is there */
  vault_free(v);
  return failed;
}

static void an_append_lacks_memory(void **state) {
  const int buffers = fake_host_buffers();
  uint64_t nth = 1;
  (void)state;
  while (append_fails(nth)) nth++;
  assert_int_equal(nth, TERMS + 3); /* behind the batch, a record each, and the terms */
  assert_int_equal(fake_host_buffers(), buffers);
}

/* ---- snapshots, reads and opening ---- */

static enum rkv_status write_snapshot(struct vault *v) {
  const struct rkv_snapshot_meta meta = {.last = {1, 1}, .id = "a snapshot"};
  struct rkv_buf bytes = rkv_buf_static("bytes", 5);
  void *writer;
  enum rkv_status status = v->ops->snapshot_begin(v->it, &meta, &writer, &v->error);
  if (status != RKV_OK) return status;
  status = v->ops->snapshot_write(writer, bytes, &v->error);
  if (status == RKV_OK) return v->ops->snapshot_commit(writer, &v->error);
  v->ops->snapshot_abort(writer);
  return status;
}

static enum rkv_status read_snapshot(struct vault *v) {
  struct rkv_snapshot_meta meta;
  struct rkv_buf chunk = rkv_buf_none();
  void *reader;
  enum rkv_status status = v->ops->snapshot_open(v->it, &reader, &meta, &v->error);
  if (status != RKV_OK) return status;
  rkv_buf_drop(&meta.membership);
  status = v->ops->snapshot_read(reader, 0, 100, &chunk, &v->error);
  if (status == RKV_OK) assert_memory_equal(chunk.data, "bytes", 5);
  rkv_buf_drop(&chunk);
  v->ops->snapshot_close(reader);
  return status;
}

static enum rkv_status read_entry(struct vault *v) {
  struct rkv_entry entry;
  size_t count;
  enum rkv_status status = v->ops->read(v->it, 1, 1, 100, &entry, 1, &count, &v->error);
  assert_int_equal(count, status == RKV_OK);
  if (status == RKV_OK) rkv_buf_drop(&entry.payload);
  return status;
}

static enum rkv_status open_again(struct vault *v) {
  vault_close(v);
  return vault_try(v, KEY, 1);
}

/* What fails for want of memory says so, leaves nothing behind, and is done a second time. */
static void others_lack_memory(void **state) {
  static enum rkv_status (*const acts[])(struct vault * v) = {write_snapshot, read_snapshot,
                                                              read_entry, open_again};
  struct keep_heard heard = {0};
  const int buffers = fake_host_buffers();
  struct vault *v = open_vault(&heard);
  (void)state;
  vault_append(v, 1, 1, "payload");
  for (size_t act = 0; act < sizeof acts / sizeof acts[0]; act++) {
    enum rkv_status status = RKV_NO_MEMORY;
    for (uint64_t nth = 1; status != RKV_OK; nth++) {
      v->error.text[0] = '\0';
      allocations_left = nth;
      status = acts[act](v);
      allocations_left = 0;
      if (status != RKV_OK) assert_non_null(strstr(v->error.text, "memory"));
      if (status != RKV_OK) assert_int_equal(status, RKV_NO_MEMORY);
      assert_true(nth > 1 || status != RKV_OK); /* each allocates */
    }
    assert_int_equal(acts[act](v), RKV_OK);
  }
  assert_int_equal(v->host.fatals, 0);
  vault_free(v);
  assert_int_equal(fake_host_buffers(), buffers);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failure_comes_in_its_turn),
      cmocka_unit_test(a_close_tells_it),
      cmocka_unit_test(an_append_lacks_memory),
      cmocka_unit_test(others_lack_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
