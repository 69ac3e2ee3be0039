/* swap_test.c: what the host opens beside the storage that a node stands on, what it refuses, and
 * what it leaves behind. */
#include "rig.h"

#include <contract/tree.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALLOWED "swap_storage = true"

static struct rig rig;
static struct rig_node node;
static char lines[RIG_PATH_MAX + 64];

static void open_with(const char *more) {
  (void)snprintf(lines, sizeof lines, "plugin = storage-wal\ndir = %s", rig.first);
  rig_open(&rig, &node, lines, more);
  if (node.status != RKV_OK) fail_msg("%s", node.text);
}

static int begin(void **state) {
  (void)state;
  rig_begin(&rig, "swap.d");
  open_with(ALLOWED);
  return 0;
}

static int end(void **state) {
  (void)state;
  rig_close(&node);
  rig_end(&rig);
  return 0;
}

/* ---- helpers ---- */

static uint64_t hash_of(const char *path) {
  return rig_is_there(path) ? tree_hash(path) : 0;
}

/* Of the places beside the node's own, where a thread of its storage is at work. */
static uint64_t beside(void) {
  return hash_of(rig.second) * 31 + hash_of(rig.third);
}

static char set[RKV_SWAP_SETTINGS_MAX][RIG_PATH_MAX + 16];

/* To storage-wal in `dir`; NULL: no setting. */
static struct node_swap_request request_to(const char *plugin, const char *dir) {
  struct node_swap_request request = {.plugin = (char *)(uintptr_t)plugin};
  if (!dir) return request;
  (void)snprintf(set[0], sizeof set[0], "dir=%s", dir);
  request.settings[request.setting_count++] = set[0];
  return request;
}

static enum rkv_status asks(const struct node_swap_request *request,
                            const struct node_storage **out, struct rkv_error *error) {
  const struct node_storages *storages = &node.assembly->swap.storages;
  return storages->open(storages->ctx, request, out, error);
}

/* Where the hash of `beside` tells nothing, since the node stands there. */
static void refuses_at(const char *dir, const char *said) {
  const struct node_swap_request request = request_to("storage-wal", dir);
  const struct node_storage *out = NULL;
  struct rkv_error error = {0};
  assert_int_equal(asks(&request, &out, &error), RKV_INVALID);
  assert_says(error.text, said);
}

static void refuses_request(const struct node_swap_request *request, enum rkv_status status,
                            const char *said) {
  const struct node_storage *out = NULL;
  const uint64_t before = beside();
  struct rkv_error error = {0};
  assert_int_equal(asks(request, &out, &error), status);
  assert_int_equal(error.status, status);
  assert_null(out);
  assert_says(error.text, said);
  assert_true(beside() == before);
}

static void refuses(const char *plugin, const char *dir, enum rkv_status status, const char *said) {
  const struct node_swap_request request = request_to(plugin, dir);
  refuses_request(&request, status, said);
}

static const struct node_storage *opens(const char *plugin, const char *dir) {
  const struct node_swap_request request = request_to(plugin, dir);
  const struct node_storage *out = NULL;
  struct rkv_error error = {0};
  if (asks(&request, &out, &error) != RKV_OK) fail_msg("%s", error.text);
  assert_non_null(out);
  return out;
}

static void drops(void) {
  const struct node_storages *storages = &node.assembly->swap.storages;
  storages->drop(storages->ctx);
}

static void moves(void) {
  const struct node_storages *storages = &node.assembly->swap.storages;
  storages->moved(storages->ctx);
}

static void shows(const char *metric, bool shown) {
  char text[RIG_TEXT_MAX];
  (void)host_metrics_format(&node.assembly->services.metrics, text, sizeof text);
  if (shown)
    assert_says(text, metric);
  else
    assert_says_not(text, metric);
}

/* ---- what is opened ---- */

static void a_storage_is_opened_beside_and_dropped(void **state) {
  const uint64_t before = beside();
  const struct node_storage *given = opens("storage-wal", rig.second);
  char expected[2 * RIG_PATH_MAX];
  (void)state;
  assert_non_null(given->storage);
  assert_true(given->capabilities & RKV_CAP_DURABLE);
  assert_string_equal(given->place, rig_wal(rig.second));
  (void)snprintf(expected, sizeof expected, "plugin = storage-wal; dir = %s", rig.second);
  assert_string_equal(given->lines, expected);
  shows(" storage-wal.", true);
  shows(" copy.storage-wal.", true);
  drops();
  shows(" copy.storage-wal.", false);
  shows(" storage-wal.", true);
  assert_true(beside() == before);
  (void)opens("storage-wal", rig.second);
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

/* ---- what is refused ---- */

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
                                   {"segment_bytes=${HOME}", "not a size"},
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
  (void)snprintf(lines, sizeof lines, "plugin = storage-wal\ndir = %s", rig.first);
  rig_open(&rig, &node, lines, ALLOWED);
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

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
      STORY(it_is_refused_by_default),
      STORY(a_plugin_is_a_name),
      STORY(settings_are_those_of_the_section),
      STORY(the_report_that_the_node_asks_for_is_asked_for),
      STORY(the_nodes_own_place_is_refused),
      STORY(a_place_that_is_not_empty_is_refused),
      STORY(what_is_lost_is_told),
      STORY(a_place_that_cannot_be_noted_is_refused),
      STORY(links_are_not_followed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
