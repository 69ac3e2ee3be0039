/* swap_test.c: what the host opens beside the storage that a node stands on, and what is left. */
#include "acts.h"

#include <contract/tree.h>
#include <host/storage/token.h>

#include <stdio.h>
#include <unistd.h>

/* ---- what is opened ---- */

static void a_storage_is_opened_beside_and_dropped(void **state) {
  const uint64_t before = beside();
  const struct node_storage *given = opens("storage-wal", rig.second);
  char expected[2 * RIG_PATH_MAX];
  struct rkv_error error;
  uint64_t token;
  (void)state;
  assert_non_null(given->storage);
  assert_true(given->capabilities & RKV_CAP_DURABLE);
  assert_string_equal(given->place, rig_wal(rig.second));
  (void)snprintf(expected, sizeof expected, "plugin = storage-wal\ndir = %s", rig.second);
  assert_string_equal(given->lines, expected);
  assert_int_equal(token_read(rig.second, &token, &error), RKV_OK);
  assert_true(token != 0 && token == given->token); /* of this copy, and of no other */
  shows(" storage-wal.", true);
  shows(" copy.storage-wal.", true);
  drops();
  shows(" copy.storage-wal.", false);
  shows(" storage-wal.", true);
  assert_true(beside() == before);
  assert_true(opens("storage-wal", rig.second)->token != token);
  drops();
}

/* ... also where the directory was there; it stays. */
static void an_empty_directory_is_left_empty(void **state) {
  uint64_t before;
  (void)state;
  assert_true(tree_make(rig.second));
  before = beside();
  (void)opens("storage-wal", rig.second);
  assert_true(beside() != before);
  drops();
  assert_true(beside() == before);
}

/* Relative to where the node runs; it is noted from the root. */
static void a_place_is_noted_from_the_root(void **state) {
  char old[RIG_PATH_MAX];
  (void)state;
  assert_non_null(getcwd(old, sizeof old));
  assert_int_equal(chdir(rig.folder), 0);
  assert_string_equal(opens("storage-wal", "second")->place, rig_wal(rig.second));
  assert_int_equal(chdir(old), 0);
  drops();
  assert_false(rig_is_there(rig.second));
}

static void the_node_goes_on_and_on(void **state) {
  const struct node_storage *given = opens("storage-wal", rig.second);
  (void)state;
  moves();
  shows(" copy.storage-wal.", false);
  shows(" storage-wal.", true);
  refuses_at(rig.second, "the node's storage is there");
  given = opens("storage-wal", rig.third);
  moves();
  assert_string_equal(given->place, rig_wal(rig.third));
  shows(" storage-wal.", true);
  tree_remove(rig.second);
  (void)opens("storage-wal", rig.second); /* open at the end, too: nothing of it is removed */
}

static void what_is_open_at_the_end_stays(void **state) {
  (void)state;
  (void)opens("storage-wal", rig.second);
  rig_close(&node);
  assert_true(rig_is_there(rig.second));
  open_with(ALLOWED);
  refuses("storage-wal", rig.second, RKV_PRECONDITION, "not empty (name an empty place");
}

static void a_check_leaves_nothing(void **state) {
  struct node_swap_request request = request_to("storage-wal", rig.second);
  const struct node_storage *out = NULL;
  const uint64_t before = beside();
  struct rkv_error error = {0};
  (void)state;
  request.check = true;
  assert_int_equal(asks(&request, &out, &error), RKV_OK);
  assert_null(out);
  assert_true(beside() == before);
  shows("copy.", false);
  (void)opens("storage-wal", rig.second);
  drops();
}

/* Its reports are no reason for the node to stop, until the node stands on it. */
static void a_copys_fatal_report_is_its_own(void **state) {
  struct host_user *user = &node.assembly->services.beside;
  struct rkv_error error;
  (void)state;
  (void)opens("storage-wal", rig.second);
  user->host.fatal(user->host.ctx, RKV_IO, "the copy's device");
  assert_int_equal(node_fatal_status(node.assembly->node, NULL), RKV_OK);
  drops();
  (void)opens("storage-wal", rig.second);
  moves();
  assert_int_equal(node_fatal_status(node.assembly->node, NULL), RKV_OK);
  user->host.fatal(user->host.ctx, RKV_IO, "the node's device");
  assert_int_equal(node_fatal_status(node.assembly->node, &error), RKV_IO);
  assert_string_equal(error.text, "storage-wal: the node's device");
}

/* ... and none is lost on the way there. */
static void a_report_on_the_way_counts(void **state) {
  struct host_user *user = &node.assembly->services.beside;
  struct rkv_error error;
  (void)state;
  (void)opens("storage-wal", rig.second);
  user->host.fatal(user->host.ctx, RKV_IO, "the copy's device");
  moves();
  assert_int_equal(node_fatal_status(node.assembly->node, &error), RKV_IO);
  assert_string_equal(error.text, "copy.storage-wal: the copy's device");
}

/* Its device may be why the node left. */
static void a_report_of_what_was_left_is_only_logged(void **state) {
  struct host_user *user = &node.assembly->services.parts[HOST_PART_STORAGE];
  struct rkv_error error;
  (void)state;
  (void)opens("storage-wal", rig.second);
  moves();
  user->host.fatal(user->host.ctx, RKV_IO, "the old device");
  assert_int_equal(node_fatal_status(node.assembly->node, NULL), RKV_OK);
  (void)opens("storage-wal", rig.third);
  moves();
  user->host.fatal(user->host.ctx, RKV_IO, "the newest device");
  assert_int_equal(node_fatal_status(node.assembly->node, &error), RKV_IO);
}

/* ---- what is removed ---- */

/* What a link in the directory leads to is not the copy's. */
static void links_are_not_followed(void **state) {
  char path[RIG_PATH_MAX + 8];
  uint64_t before;
  (void)state;
  (void)snprintf(path, sizeof path, "%s/kept", rig.third);
  assert_true(tree_make(rig.third));
  assert_true(tree_make(path));
  before = tree_hash(rig.third);
  (void)opens("storage-wal", rig.second);
  (void)snprintf(path, sizeof path, "%s/link", rig.second);
  assert_int_equal(symlink(rig.third, path), 0);
  drops();
  assert_false(rig_is_there(rig.second));
  assert_true(tree_hash(rig.third) == before);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, swap_begin, swap_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      STORY(a_storage_is_opened_beside_and_dropped),
      STORY(an_empty_directory_is_left_empty),
      STORY(a_place_is_noted_from_the_root),
      STORY(the_node_goes_on_and_on),
      STORY(what_is_open_at_the_end_stays),
      STORY(a_check_leaves_nothing),
      STORY(a_copys_fatal_report_is_its_own),
      STORY(a_report_on_the_way_counts),
      STORY(a_report_of_what_was_left_is_only_logged),
      STORY(links_are_not_followed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
