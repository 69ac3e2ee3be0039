/* peer_promise_test.c: promises in a peer's answers to appends, and answers that the peer did not
 * give itself. */
#include "peer_pipe.h"

#define LEASE_NS UINT64_C(3000000000)

static void promise(uint64_t lease_ns) {
  peer_fake_set(&peer, (struct peer_manner){.lease_ns = lease_ns});
}

static void ask_from_behind(struct asked *asked, const struct rkv_entry *entries, size_t count,
                            rkv_index prev) {
  ask_prepare(&rig, asked, LONG_MS);
  asked->append.vote = (struct rkv_vote){1, 1, true};
  asked->append.prev = (struct rkv_log_id){prev ? 1 : 0, prev};
  asked->append.entries = entries;
  asked->append.entry_count = count;
  asked->append.lease_ns = 77; /* left by an earlier use of the call */
  asked->append.inferred = 1;
  rig.fake.ops->send_append(rig.peer, &asked->append);
}

static void assert_promised(struct asked *asked, uint64_t lease_ns) {
  await_result(asked, RKV_APPEND_SUCCESS);
  assert_int_equal(asked->append.lease_ns, lease_ns);
  assert_int_equal(asked->append.inferred, 0);
}

/* By a stream, by a unary call, and by one beside the others; a peer that says nothing promises
 * nothing. */
static void a_promise_comes_with_each_answer(void **state) {
  static const enum peer_dialect dialects[] = {PEER_HEAD, PEER_D6};
  struct rkv_entry *entries = make_entries(1, 2, 100);
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct asked asked;
    start(dialects[i]);
    promise(LEASE_NS);
    ask_from_behind(&asked, entries, 1, 0);
    assert_promised(&asked, LEASE_NS);
    ask_from_behind(&asked, NULL, 0, 1);
    assert_promised(&asked, LEASE_NS);
    promise(0);
    ask_from_behind(&asked, entries + 1, 1, 1);
    assert_promised(&asked, 0);
    ask_from_behind(&asked, NULL, 0, 2);
    assert_promised(&asked, 0);
    stop();
  }
  free_entries(entries, 2);
}

/* An append that went in parts has the promise of the last one that was answered. */
static void parts_have_the_last_promise(void **state) {
  enum { ENTRIES = 40 };
  struct rkv_entry *entries = make_entries(1, ENTRIES, 100);
  struct asked asked;
  (void)state;
  start(PEER_D6);
  peer_fake_set(&peer, (struct peer_manner){.lease_ns = LEASE_NS,
                                            .limit = 1024,
                                            .refusal = GRPC_STATUS_OUT_OF_RANGE,
                                            .refusal_text = "found %zu bytes, the limit is %zu"});
  ask_from_behind(&asked, entries, ENTRIES, 0);
  assert_promised(&asked, LEASE_NS);
  assert_int_equal(asked.append.matched.index, ENTRIES);
  assert_true(seen().unary > 3);
  stop();
  free_entries(entries, ENTRIES);
}

/* What is told for appends behind one that failed is no word of the peer's: no promise, and no
 * proof that it heard them. */
static void nothing_is_promised_behind_a_conflict(void **state) {
  enum { APPENDS = 6 };
  static struct asked asked[APPENDS];
  struct rkv_entry *entries = make_entries(1, APPENDS, 100);
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.conflict_from = 3, .lease_ns = LEASE_NS});
  ask_all(asked, entries, APPENDS);
  await_each(asked, 2);
  for (int i = 2; i < APPENDS; i++) {
    await_result(&asked[i], RKV_APPEND_CONFLICT);
    assert_int_equal(asked[i].append.lease_ns, i == 2 ? LEASE_NS : 0);
    assert_int_equal(asked[i].append.inferred, i == 2 ? 0 : 1);
  }
  stop();
  free_entries(entries, APPENDS);
}

/* Nor by one that did not answer. */
static void nothing_is_promised_in_silence(void **state) {
  struct rkv_entry *entries = make_entries(1, 1, 100);
  struct asked asked;
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.hang = true, .lease_ns = LEASE_NS});
  ask_append(&rig, &asked, entries, 1, 0, 200);
  await_end(&asked, RKV_TIMEOUT);
  assert_int_equal(asked.append.lease_ns, 0);
  stop();
  free_entries(entries, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_promise_comes_with_each_answer),
      cmocka_unit_test(parts_have_the_last_promise),
      cmocka_unit_test(nothing_is_promised_behind_a_conflict),
      cmocka_unit_test(nothing_is_promised_in_silence),
  };
  return cmocka_run_group_tests_name("transport peer: promises", tests, NULL, NULL);
}
