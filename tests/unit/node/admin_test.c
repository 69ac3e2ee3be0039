/* admin_test.c: what operators ask by a method's name: a node that moves to another storage. */
#include "swapping.h"

#include <node/swap_words.h>
#include <support/world_internal.h>

#include <stdlib.h>
#include <string.h>

#define SECONDS UINT64_C(1000000000)

static struct {
  struct rkv_admin_call call; /* first */
  bool done;
  enum rkv_status status;
  struct rkv_error error;
} asked;

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  assert_ptr_equal(call, &asked.call);
  assert_false(asked.done);
  asked.done = true;
  asked.status = status;
  if (error) asked.error = *error;
}

static bool is_done(struct world *w, void *arg) {
  (void)w, (void)arg;
  return asked.done;
}

static enum rkv_status ask(struct world *w, const char *method, const char *request) {
  const struct rkv_node_api *api = node_api(w->nodes[1].node);
  rkv_buf_drop(&asked.call.answer);
  memset(&asked, 0, sizeof asked);
  asked.call.call.done = on_done;
  asked.call.call.abi_minor = RKV_ABI_MINOR;
  asked.call.call.deadline_ns = world_local_ns(&w->nodes[1]) + 5 * SECONDS;
  asked.call.method = method;
  asked.call.request = rkv_buf_static(request, strlen(request));
  api->admin(api->ctx, &asked.call);
  world_kick(w, 1);
  assert_true(world_until(w, 6 * SECONDS, is_done, NULL));
  return asked.status;
}

/* The answer as the call that it stands for; its text is borrowed from the answer. */
static struct rkv_swap_call answer(void) {
  struct rkv_swap_call call = {.phase = 99};
  struct rkv_error error;
  struct rkv_buf text;
  assert_int_equal(asked.status, RKV_OK);
  assert_int_equal(swap_words_read_answer(asked.call.answer, &call, &error), RKV_OK);
  text = call.text;
  rkv_buf_drop(&text);
  return call;
}

static bool has_moved(struct world *w, void *arg) {
  uint64_t done, total;
  (void)arg;
  return swap_phase(w->nodes[1].node, &done, &total) == RKV_SWAP_PHASE_MOVED;
}

static void a_node_moves(void **state) {
  struct world *w = swapping_cluster(1);
  struct rkv_swap_call said;
  char text[SWAP_TEXT_MAX + 1] = "";
  (void)state;
  swapping_write(w, 1, 0, 10);
  assert_int_equal(ask(w, "swap-storage", ""), RKV_OK);
  assert_int_equal(answer().phase, RKV_SWAP_PHASE_NONE);
  assert_int_equal(ask(w, "swap-storage", "action=1\nplugin=storage-new\n"), RKV_OK);
  assert_null(swapping_new.storage);
  assert_int_equal(ask(w, "swap-storage", "action=2\nplugin=storage-new\nset=dir=/x\n"), RKV_OK);
  assert_true(world_until(w, 20 * SECONDS, has_moved, NULL));
  assert_int_equal(ask(w, "swap-storage", "action=0\n"), RKV_OK);
  said = answer();
  assert_int_equal(said.phase, RKV_SWAP_PHASE_MOVED);
  assert_in_range(said.text.len, 1, sizeof text - 1);
  memcpy(text, said.text.data, said.text.len);
  assert_non_null(strstr(text, "[storage]\n"));
  swapping_expect_on_new(w, 1);
  rkv_buf_drop(&asked.call.answer);
  world_free(w);
}

/* The errors are those of the call that the method stands for. */
static void it_refuses_as_ever(void **state) {
  struct world *w = swapping_cluster(1);
  (void)state;
  assert_int_equal(ask(w, "swap-storage", "action=3\n"), RKV_PRECONDITION);
  assert_int_equal(ask(w, "swap-storage", "action=2\nplugin=storage-none\n"), RKV_INVALID);
  assert_string_equal(asked.error.text, "no plugin storage-none");
  world_free(w);
}

/* Without plugins' metrics: the node's own. */
static void what_its_numbers_mean(void **state) {
  struct world *w = swapping_cluster(1);
  char text[8192] = "";
  (void)state;
  assert_int_equal(ask(w, "metrics-help", ""), RKV_OK);
  assert_in_range(asked.call.answer.len, 1, sizeof text - 1);
  memcpy(text, asked.call.answer.data, asked.call.answer.len);
  assert_non_null(strstr(text, "\nproposals=commands that it took"));
  assert_int_equal(ask(w, "metrics-help", "all"), RKV_INVALID);
  world_free(w);
}

static void what_it_cannot_read(void **state) {
  static const struct {
    const char *request, *text;
  } rows[] = {
      {"action=2", "line 1 has no end"},
      {"action=0\nplugin\n", "line 2 is no KEY=VALUE"},
      {"action=4\n", "action: not one of 0 to 3"},
      {"action=-1\n", "action: not one of 0 to 3"},
      {"forgetful=yes\n", "forgetful: neither 0 nor 1"},
      {"set=secret\n", "set[0]: not KEY=VALUE"},
      {"set=a=b\nset==secret\n", "set[1]: not KEY=VALUE"},
      {"plugin=a\tb\n", "line 1 has a control character"},
      {"wish=secret\n", "a key that this node does not know"},
  };
  struct world *w = swapping_cluster(1);
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_int_equal(ask(w, "swap-storage", rows[i].request), RKV_INVALID);
    if (!strstr(asked.error.text, rows[i].text)) fail_msg("%s", asked.error.text);
    assert_null(strstr(asked.error.text, "secret")); /* a setting may be one */
  }
  world_free(w);
}

static void what_it_does_not_know(void **state) {
  struct world *w = swapping_cluster(1);
  (void)state;
  assert_int_equal(ask(w, "make-coffee", ""), RKV_UNIMPLEMENTED);
  assert_non_null(strstr(asked.error.text, "it knows swap-storage"));
  assert_int_equal(ask(w, "Swap", ""), RKV_INVALID);
  assert_int_equal(ask(w, "", ""), RKV_INVALID);
  assert_int_equal(ask(w, NULL, ""), RKV_INVALID);
  world_free(w);
}

/* Too many settings, which no call has room for. */
static void more_settings_than_there_is_room(void **state) {
  struct rkv_swap_call call = {0};
  struct rkv_error error;
  char request[16 * (RKV_SWAP_SETTINGS_MAX + 1)];
  size_t len = 0;
  void *space;
  (void)state;
  for (int i = 0; i <= RKV_SWAP_SETTINGS_MAX; i++) {
    assert_int_equal(swap_words_read_request(rkv_buf_static(request, len), &call, &space, &error),
                     RKV_OK);
    assert_int_equal(call.setting_count, i);
    free(space);
    len += (size_t)snprintf(request + len, sizeof request - len, "set=k%d=v\n", i);
  }
  assert_int_equal(swap_words_read_request(rkv_buf_static(request, len), &call, &space, &error),
                   RKV_INVALID);
  free(space);
}

/* Of an answer what is newer than this program is passed over. */
static void answers_of_a_newer_node(void **state) {
  static const char newer[] = "phase=2\ndone=5\ntotal=9\nrate=7\ntext=on\nits way";
  static const char cut[] = "phase=2\ndone=5\n";
  struct rkv_swap_call call = {0};
  struct rkv_error error;
  (void)state;
  assert_int_equal(swap_words_read_answer(rkv_buf_static(newer, sizeof newer - 1), &call, &error),
                   RKV_OK);
  assert_int_equal(call.phase, 2);
  assert_int_equal(call.done, 5);
  assert_int_equal(call.total, 9);
  assert_int_equal(call.text.len, 10);
  assert_memory_equal(call.text.data, "on\nits way", 10);
  assert_int_equal(swap_words_read_answer(rkv_buf_static(cut, sizeof cut - 1), &call, &error),
                   RKV_CORRUPT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_node_moves),
      cmocka_unit_test(it_refuses_as_ever),
      cmocka_unit_test(what_its_numbers_mean),
      cmocka_unit_test(what_it_cannot_read),
      cmocka_unit_test(what_it_does_not_know),
      cmocka_unit_test(more_settings_than_there_is_room),
      cmocka_unit_test(answers_of_a_newer_node),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
