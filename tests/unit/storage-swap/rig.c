/* rig.c: fills storages, opens the node. */
#include "rig.h"

#include <contract/tree.h>
#include <host/contract.h>
#include <host/storage/note.h>

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { NODE = 1 };

#define PLUGINS RKV_BINARY_DIR "/plugins"
#define PORT 21001

static void name_below(char out[RIG_PATH_MAX], const char *folder, const char *name) {
  int len = snprintf(out, RIG_PATH_MAX, "%s/%s", folder, name);
  assert(len > 0 && len < RIG_PATH_MAX);
}

void rig_begin(struct rig *rig, const char *name) {
  name_below(rig->folder, RKV_BINARY_DIR "/tests", name);
  tree_remove(rig->folder);
  assert_true(tree_make(rig->folder));
  name_below(rig->config, rig->folder, "node.ini");
  name_below(rig->first, rig->folder, "first");
  name_below(rig->second, rig->folder, "second");
  name_below(rig->third, rig->folder, "third");
  name_below(rig->log, rig->folder, "log");
}

void rig_end(const struct rig *rig) {
  tree_remove(rig->folder);
}

const char *rig_wal(const char *dir) {
  static char places[4][RIG_PATH_MAX];
  static unsigned next;
  char *place = places[next++ % 4];
  (void)snprintf(place, RIG_PATH_MAX, "storage-wal, dir=%s", dir);
  return place;
}

/* ---- a storage by itself ---- */

static struct subject *open_place(const char *place) {
  const struct note_place where = {PLUGINS, HOST_CONTRACT_NONE};
  struct subject *s = calloc(1, sizeof *s);
  struct rkv_error error;
  assert_non_null(s);
  if (note_read(place, &where, s, &error) != RKV_OK || subject_open(s, NODE, &error) != RKV_OK)
    fail_msg("%s: %s", place, error.text);
  return s;
}

static void close_place(struct subject *s) {
  subject_free(s);
  free(s);
}

static void append(struct subject *s, struct rkv_entry entry) {
  s->ops->append(s->storage, &entry, 1, pending_add(&s->pending));
}

void rig_fill(const char *place, const struct rig_held *held) {
  struct subject *s = open_place(place);
  struct rkv_error error;
  struct rkv_storage_state state = {0};
  for (rkv_index i = s->state.last.index + 1; i <= held->last; i++)
    append(s, (struct rkv_entry){
                  .id = {1, i}, .kind = RKV_ENTRY_COMMAND, .payload = rkv_buf_static("x", 1)});
  state.last = (struct rkv_log_id){1, held->last};
  if (held->note) append(s, moved_note(&state, held->note));
  s->ops->save_vote(s->storage, held->vote, pending_add(&s->pending));
  s->ops->save_identity(s->storage, held->identity, pending_add(&s->pending));
  if (pending_wait(&s->pending, 0, &error) != RKV_OK) fail_msg("%s: %s", place, error.text);
  close_place(s);
}

struct rkv_storage_state rig_look(const char *place) {
  struct subject *s = open_place(place);
  struct rkv_storage_state state = s->state;
  assert_int_equal(state.snapshot.last.index, 0);
  close_place(s);
  return state;
}

/* ---- the node ---- */

/* At an address of this process's own: programs of this rig run beside each other. */
static void write_config(const struct rig *rig, const char *storage, const char *more) {
  FILE *file = fopen(rig->config, "w");
  unsigned own = (unsigned)getpid();
  assert_non_null(file);
  (void)fprintf(file,
                "[node]\nid = 1\naddr = 127.%u.%u.%u:%d\nplugin_dir = " PLUGINS "\n%s\n"
                "[storage]\n%s\n",
                1 + (own >> 16) % 254, (own >> 8) % 256, own % 256, PORT, more, storage);
  assert_int_equal(fclose(file), 0);
}

static void no_notify(void *arg) {
  (void)arg;
}

static void add_problem(void *arg, const char *text) {
  char *out = arg;
  size_t used = strlen(out);
  (void)snprintf(out + used, RIG_TEXT_MAX - used, "%s\n", text);
}

void rig_open(const struct rig *rig, struct rig_node *node, const char *storage, const char *more) {
  struct host_flags flags = {.config = rig->config};
  struct rkv_error error = {0};
  memset(node, 0, sizeof *node);
  write_config(rig, storage, more);
  node->log = open(rig->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  node->config = calloc(1, sizeof *node->config);
  node->assembly = calloc(1, sizeof *node->assembly);
  assert_true(node->log >= 0 && node->config && node->assembly);
  host_config_load(node->config, &flags, &node->problems);
  node->status = RKV_INVALID;
  if (host_problems_none(&node->problems))
    node->status =
        host_assembly_open(node->assembly, node->config, node->log, no_notify, NULL, &error);
  else
    host_problems_each(&node->problems, add_problem, node->text);
  if (node->status != RKV_OK && !node->text[0])
    (void)snprintf(node->text, sizeof node->text, "%s%s", error.text, node->assembly->remedy);
}

void rig_close(struct rig_node *node) {
  if (node->assembly->config) host_assembly_close(node->assembly);
  host_config_free(node->config);
  host_problems_free(&node->problems);
  free(node->assembly);
  free(node->config);
  (void)close(node->log);
}

const char *rig_start(const struct rig *rig, const char *storage) {
  static char text[RIG_TEXT_MAX];
  struct rig_node node;
  rig_open(rig, &node, storage, "");
  memcpy(text, node.text, sizeof text);
  if (node.status != RKV_OK) assert_int_equal(node.status, RKV_FOREIGN);
  rig_close(&node);
  return text;
}

/* ---- texts ---- */

void assert_says(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("\"%s\" does not say \"%s\"", text, part);
}

void assert_says_not(const char *text, const char *part) {
  if (strstr(text, part)) fail_msg("\"%s\" says \"%s\"", text, part);
}

bool rig_is_there(const char *path) {
  return access(path, F_OK) == 0;
}
