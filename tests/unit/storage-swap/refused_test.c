/* refused_test.c: where a node does not move, and why. */
#include "acts.h"

#include <contract/tree.h>

#include <stdio.h>
#include <stdlib.h>

static void it_is_refused_by_default(void **state) {
  (void)state;
  rig_close(&node);
  open_with("");
  refuses("storage-wal", rig.second, RKV_PRECONDITION,
          "this node does not move to another storage (set swap_storage = true in section [node] "
          "of ");
}

static void a_plugin_is_a_name(void **state) {
  static const char *const paths[] = {RKV_BINARY_DIR "/plugins/storage-wal.so", "./storage-wal",
                                      "../plugins/storage-wal", ".storage-wal", ""};
  (void)state;
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    refuses(paths[i], rig.second, RKV_INVALID, "not the name of a plugin");
  refuses("storage-wall", rig.second, RKV_INVALID, "did you mean storage-wal?");
  refuses("sm-protobuf", rig.second, RKV_INVALID, "kind");
}

static void settings_are_those_of_the_section(void **state) {
  struct node_swap_request request = request_to("storage-wal", rig.second);
  static char *const wrong[][2] = {{"dirr=x", "did you mean dir?"},
                                   {"segment_bytes=ten", "not a size"},
                                   {"dir", "not KEY=VALUE"},
                                   {"=x", "not KEY=VALUE"},
                                   {"plugin=storage-mem", "no setting of a storage"},
                                   {"require_contract=none", "no setting of a storage"},
                                   {"dir=/x", "given twice"},
                                   {"segment_bytes=${HOME}", "only a secret comes from the node's"},
                                   {"sync=${RKV_SYNC}", "only a secret comes from the node's"}};
  (void)state;
  assert_int_equal(setenv("RKV_SYNC", "true", 1), 0);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    request.settings[1] = wrong[i][0];
    request.setting_count = 2;
    refuses_request(&request, RKV_INVALID, wrong[i][1]);
  }
  refuses("storage-wal", NULL, RKV_INVALID, "dir: missing");
}

static void the_report_that_the_node_asks_for_is_asked_for(void **state) {
  (void)state;
  rig_close(&node);
  open_with(ALLOWED);
  node.config->parts[HOST_PART_STORAGE].contract.number = HOST_CONTRACT_FULL;
  refuses("storage-mem", NULL, RKV_INVALID, "(run rkv-contract ");
}

static void the_nodes_own_place_is_refused(void **state) {
  char inside[RIG_PATH_MAX + 8];
  (void)state;
  (void)snprintf(inside, sizeof inside, "%s/in", rig.first);
  refuses("storage-wal", rig.first, RKV_INVALID, "the node's storage is there, or inside of it");
  refuses("storage-wal", rig.folder, RKV_INVALID, "or around it");
  refuses("storage-wal", inside, RKV_INVALID, "the node's storage is there");
}

static void a_place_that_is_not_empty_is_refused(void **state) {
  char file[RIG_PATH_MAX + 8];
  FILE *made;
  (void)state;
  assert_true(tree_make(rig.second));
  (void)snprintf(file, sizeof file, "%s/mine", rig.second);
  made = fopen(file, "w");
  assert_non_null(made);
  assert_int_equal(fclose(made), 0);
  refuses("storage-wal", rig.second, RKV_PRECONDITION, "not empty (name an empty place");
  refuses("storage-wal", file, RKV_INVALID, "Not a directory");
  (void)snprintf(file, sizeof file, "%s/a/b", rig.third);
  refuses("storage-wal", file, RKV_INVALID, "(name a place in which this node may make it)");
}

static void what_is_lost_is_told(void **state) {
  struct node_swap_request request = request_to("storage-mem", NULL);
  const struct node_storage *out = NULL;
  struct rkv_error error = {0};
  (void)state;
  refuses_request(&request, RKV_PRECONDITION,
                  "storage-mem forgets what it holds when the node stops: then its vote and its "
                  "log are gone");
  request.forgetful = true;
  assert_int_equal(asks(&request, &out, &error), RKV_OK);
  assert_false(out->capabilities & RKV_CAP_DURABLE);
  assert_string_equal(out->place, "storage-mem");
  moves();
  request.forgetful = false; /* nothing is lost any more */
  assert_int_equal(asks(&request, &out, &error), RKV_OK);
  drops();
}

/* A path is noted whole, or not at all. */
static void a_place_that_cannot_be_noted_is_refused(void **state) {
  char deep[RIG_PATH_MAX];
  size_t used = (size_t)snprintf(deep, sizeof deep, "%s", rig.folder);
  (void)state;
  while (used < MOVED_TO_MAX) {
    used += (size_t)snprintf(deep + used, sizeof deep - used, "/%0*d", 60, 0);
    assert_true(tree_make(deep));
  }
  refuses("storage-wal", deep, RKV_INVALID, "too long to be noted");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, swap_begin, swap_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      STORY(it_is_refused_by_default),
      STORY(a_plugin_is_a_name),
      STORY(settings_are_those_of_the_section),
      STORY(the_report_that_the_node_asks_for_is_asked_for),
      STORY(the_nodes_own_place_is_refused),
      STORY(a_place_that_is_not_empty_is_refused),
      STORY(what_is_lost_is_told),
      STORY(a_place_that_cannot_be_noted_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
