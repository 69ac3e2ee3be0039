/* acts.c: what a node asks its host for when it moves to another storage. */
#include "acts.h"

#include <contract/tree.h>

#include <stdio.h>
#include <unistd.h>

struct rig rig;
struct rig_node node;
static char lines[RIG_PATH_MAX + 64];

void open_with(const char *more) {
  (void)snprintf(lines, sizeof lines, "plugin = storage-wal\ndir = %s", rig.first);
  rig_open(&rig, &node, lines, more);
  if (node.status != RKV_OK) fail_msg("%s", node.text);
}

int swap_begin(void **state) {
  char name[32]; /* another one in each program */
  (void)state;
  (void)snprintf(name, sizeof name, "swap-%d.d", (int)getpid());
  rig_begin(&rig, name);
  open_with(ALLOWED);
  return 0;
}

int swap_end(void **state) {
  (void)state;
  rig_close(&node);
  rig_end(&rig);
  return 0;
}

static uint64_t hash_of(const char *path) {
  return rig_is_there(path) ? tree_hash(path) : 0;
}

/* Of the places beside the node's own, where a thread of its storage is at work. */
uint64_t beside(void) {
  return hash_of(rig.second) * 31 + hash_of(rig.third);
}

static char set[RKV_SWAP_SETTINGS_MAX][RIG_PATH_MAX + 16];

/* To storage-wal in `dir`; NULL: no setting. */
struct node_swap_request request_to(const char *plugin, const char *dir) {
  struct node_swap_request request = {.plugin = (char *)(uintptr_t)plugin};
  if (!dir) return request;
  (void)snprintf(set[0], sizeof set[0], "dir=%s", dir);
  request.settings[request.setting_count++] = set[0];
  return request;
}

enum rkv_status asks(const struct node_swap_request *request, const struct node_storage **out,
                     struct rkv_error *error) {
  const struct node_storages *storages = &node.assembly->swap.storages;
  return storages->open(storages->ctx, request, out, error);
}

/* Where the hash of `beside` tells nothing, since the node stands there. */
void refuses_at(const char *dir, const char *said) {
  const struct node_swap_request request = request_to("storage-wal", dir);
  const struct node_storage *out = NULL;
  struct rkv_error error = {0};
  assert_int_equal(asks(&request, &out, &error), RKV_INVALID);
  assert_says(error.text, said);
}

void refuses_request(const struct node_swap_request *request, enum rkv_status status,
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

void refuses(const char *plugin, const char *dir, enum rkv_status status, const char *said) {
  const struct node_swap_request request = request_to(plugin, dir);
  refuses_request(&request, status, said);
}

const struct node_storage *opens(const char *plugin, const char *dir) {
  const struct node_swap_request request = request_to(plugin, dir);
  const struct node_storage *out = NULL;
  struct rkv_error error = {0};
  if (asks(&request, &out, &error) != RKV_OK) fail_msg("%s", error.text);
  assert_non_null(out);
  return out;
}

void drops(void) {
  const struct node_storages *storages = &node.assembly->swap.storages;
  storages->drop(storages->ctx);
}

void moves(void) {
  const struct node_storages *storages = &node.assembly->swap.storages;
  storages->moved(storages->ctx);
}

void shows(const char *metric, bool shown) {
  char text[RIG_TEXT_MAX];
  (void)host_metrics_format(&node.assembly->services.metrics, text, sizeof text);
  if (shown)
    assert_says(text, metric);
  else
    assert_says_not(text, metric);
}
