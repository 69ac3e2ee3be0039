/* story.c: each act in a process of its own. */
#include "story.h"

#include <contract/tree.h>
#include <host/storage/command.h>
#include <host/storage/walk.h>

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NODE = 1, MANY = 64, ENDED_WELL = 0, ENDED_BADLY = 3 };

/* ---- directories ---- */

static void name_below(char out[STORY_PATH_MAX], const char *folder, const char *name) {
  int len = snprintf(out, STORY_PATH_MAX, "%s/%s", folder, name);
  assert(len > 0 && len < STORY_PATH_MAX);
}

void story_begin(struct story *story, const char *name) {
  const char *folder = story->folder;
  name_below(story->folder, RKV_BINARY_DIR "/tests", name);
  tree_remove(folder);
  assert_true(tree_make(folder));
  name_below(story->root, folder, "device");
  name_below(story->kept, folder, "kept");
  name_below(story->undo, folder, "undo");
  name_below(story->from, story->root, "from");
  name_below(story->to, story->root, "to");
  name_below(story->other, story->root, "other");
  assert_true(tree_make(story->root));
}

void story_end(const struct story *story) {
  tree_remove(story->folder);
}

/* ---- acts ---- */

/* What an act tells, in memory of both processes. */
struct told {
  struct seen seen;
  struct copied copied;
};

struct act {
  struct told *told;
  const struct story *story;
  struct place from, to;
  const struct filling *filling;
  const struct shim_plan *plan;
};

/* True if the act came to its end. */
static bool play(struct act *act, bool (*part)(struct act *act), struct told *told) {
  const struct shim_plan none = {0};
  int status = 0;
  pid_t pid;
  act->told =
      mmap(NULL, sizeof *act->told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(act->told != MAP_FAILED);
  (void)fflush(NULL);
  pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    shim_skip_syncs(true);
    shim_begin(act->story->root, act->story->undo, act->plan ? act->plan : &none);
    _exit(part(act) ? ENDED_WELL : ENDED_BADLY);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (told) *told = *act->told;
  (void)munmap(act->told, sizeof *act->told);
  tree_remove(act->story->undo);
  assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
  return WIFEXITED(status) && WEXITSTATUS(status) == ENDED_WELL;
}

/* ---- one storage ---- */

static void place_flags(struct host_flags *flags, char set[STORY_PATH_MAX + 8],
                        const struct place *place) {
  flags->id = "1";
  flags->sets.list[flags->sets.count++] = "node.plugin_dir=" RKV_BINARY_DIR "/plugins";
  (void)snprintf(set, STORY_PATH_MAX + 8, "dir=%s", place->dir);
}

/* Options that make many files of little. */
static void add_options(struct host_sets *sets, const char *plugin, const char *dir) {
  sets->list[sets->count++] = dir;
  if (strcmp(plugin, "storage-wal") == 0) sets->list[sets->count++] = "segment_bytes=64KiB";
  if (strcmp(plugin, "storage-rocksdb") == 0)
    sets->list[sets->count++] = "write_buffer_bytes=64KiB";
}

static enum rkv_status open_place(struct subject *s, const struct place *place,
                                  struct rkv_error *error) {
  struct host_flags flags = {0};
  struct host_sets sets = {0};
  struct subject_source source = {"--plugin", "--set", place->plugin, &sets, .there = false};
  struct host_problems problems = {0};
  struct host_place folder = {0};
  char set[STORY_PATH_MAX + 8];
  bool good;
  place_flags(&flags, set, place);
  add_options(&sets, place->plugin, set);
  good =
      host_config_place(&flags, &folder, &problems) && subject_read(s, &source, &folder, &problems);
  if (!good) host_problems_print(&problems, stderr);
  assert(good);
  return subject_open(s, NODE, error);
}

/* ---- filling ---- */

static void wait_for(struct subject *s) {
  struct rkv_error error;
  enum rkv_status status = pending_wait(&s->pending, 0, &error);
  if (status != RKV_OK) (void)fprintf(stderr, "fill: %s\n", error.text);
  assert(status == RKV_OK);
}

static void fill_entries(struct subject *s, const struct filling *f) {
  static uint8_t bytes[1 << 16];
  struct rkv_entry entries[MANY];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 + i / 251);
  for (uint64_t index = f->first; index <= f->last;) {
    size_t count = 0;
    for (; count < MANY && index <= f->last; index++, count++)
      entries[count] = (struct rkv_entry){
          .id = {f->term, index},
          .kind = RKV_ENTRY_COMMAND,
          .payload = rkv_buf_static(bytes + index % 997, (size_t)(f->size + index % 5))};
    s->ops->append(s->storage, entries, count, pending_add(&s->pending));
    wait_for(s);
  }
}

static void fill_snapshot(struct subject *s, const struct filling *f) {
  static uint8_t bytes[1 << 15];
  struct rkv_snapshot_meta meta = {.id = "1-1-1"};
  struct rkv_error error;
  void *writer;
  if (!f->empty_state) meta.last = (struct rkv_log_id){f->term, f->last};
  memset(bytes, 's', sizeof bytes);
  assert(s->ops->snapshot_begin(s->storage, &meta, &writer, &error) == RKV_OK);
  for (uint64_t left = f->snapshot_bytes; left > 0;) {
    size_t len = left < sizeof bytes ? (size_t)left : sizeof bytes;
    bytes[0] = (uint8_t)(left >> 12);
    assert(s->ops->snapshot_write(writer, rkv_buf_static(bytes, len), &error) == RKV_OK);
    left -= len;
  }
  assert(s->ops->snapshot_commit(writer, &error) == RKV_OK);
}

static bool fill(struct act *act) {
  const struct filling *f = act->filling;
  static struct subject s;
  struct rkv_error error;
  if (open_place(&s, &act->from, &error) != RKV_OK) return false;
  s.ops->save_vote(s.storage, (struct rkv_vote){f->term, 2, !f->vote_only},
                   pending_add(&s.pending));
  if (!f->vote_only) {
    s.ops->save_identity(s.storage, (struct rkv_identity){{11, 12}, 13, true},
                         pending_add(&s.pending));
    fill_entries(&s, f);
  }
  wait_for(&s);
  if (f->snapshot_bytes > 0) fill_snapshot(&s, f);
  if (f->purge > 0) s.ops->purge(s.storage, (struct rkv_log_id){f->term, f->purge});
  subject_free(&s);
  return true;
}

bool story_fill(const struct story *story, struct place place, const struct filling *filling) {
  struct act act = {.story = story, .from = place, .filling = filling};
  return play(&act, fill, NULL);
}

/* ---- looking ---- */

static uint64_t mix(uint64_t number, const void *data, size_t len) {
  const uint8_t *bytes = data;
  for (size_t i = 0; i < len; i++) number = (number ^ bytes[i]) * UINT64_C(0x100000001b3);
  return number;
}

static void hold_log(const struct subject *s, struct rkv_log_id last, struct holding *h) {
  struct walk walk;
  const struct rkv_entry *e;
  struct rkv_error error;
  enum rkv_status status = walk_begin(&walk, s, last.index, &error);
  assert(status == RKV_OK);
  while ((status = walk_entry(&walk, &e, &error)) == RKV_OK && e) {
    h->entries = mix(h->entries, &e->id, sizeof e->id);
    h->entries = mix(h->entries, &e->kind, sizeof e->kind);
    h->entries = mix(h->entries, e->payload.data, e->payload.len);
  }
  if (status != RKV_OK) h->entries = 0;
  walk_end(&walk);
}

static void hold_snapshot(const struct subject *s, struct holding *h) {
  struct snapshot_walk walk;
  struct rkv_error error;
  enum rkv_status status = snapshot_walk_begin(&walk, s, &error);
  if (status == RKV_OK) {
    h->snapshot_meta = mix(1, walk.meta.id, strlen(walk.meta.id));
    h->snapshot_meta = mix(h->snapshot_meta, walk.meta.membership.data, walk.meta.membership.len);
  }
  while (status == RKV_OK) {
    status = snapshot_walk_next(&walk, WALK_BYTES, &error);
    if (status != RKV_OK || walk.chunk.len == 0) break;
    h->snapshot_bytes = mix(h->snapshot_bytes, walk.chunk.data, walk.chunk.len);
  }
  if (status != RKV_OK) h->snapshot_bytes = 0;
  snapshot_walk_end(&walk);
}

static void hold(const struct subject *s, struct holding *h) {
  const struct rkv_storage_state *st = &s->state;
  struct rkv_error error;
  char to[MOVED_TO_MAX + 1];
  struct rkv_log_id last;
  enum rkv_status status = moved_find_note(s->ops, s->storage, st, &last, to, &error);
  assert(status == RKV_OK);
  *h = (struct holding){st->vote.term,
                        st->vote.node_id,
                        st->vote.committed,
                        st->identity.incarnation,
                        st->identity.cluster.high,
                        st->identity.cluster.low,
                        st->identity.settled,
                        st->purged.term,
                        st->purged.index,
                        last.term,
                        last.index,
                        1,
                        st->snapshot.last.term,
                        st->snapshot.last.index,
                        st->snapshot.size,
                        1,
                        0};
  hold_log(s, last, h);
  if (st->snapshot.id[0]) hold_snapshot(s, h);
}

static bool look(struct act *act) {
  static struct subject s;
  struct seen *seen = &act->told->seen;
  struct rkv_error error = {0};
  seen->standing = STANDS_BROKEN;
  if (open_place(&s, &act->from, &error) == RKV_OK) {
    seen->standing = subject_is_empty(&s) ? STANDS_EMPTY : STANDS_READY;
    hold(&s, &seen->holding);
    if (moved_check(s.ops, s.storage, &s.state, &error) != RKV_OK) seen->standing = STANDS_REFUSED;
  }
  (void)snprintf(seen->text, sizeof seen->text, "%s", error.text);
  subject_free(&s);
  return true;
}

struct seen story_look(const struct story *story, struct place place) {
  struct act act = {.story = story, .from = place};
  struct told told;
  assert_true(play(&act, look, &told));
  return told.seen;
}

/* ---- copying ---- */

static bool copy(struct act *act) {
  static struct host_flags flags;
  struct copied *copied = &act->told->copied;
  char from[STORY_PATH_MAX + 8], to[STORY_PATH_MAX + 8];
  FILE *text;
  place_flags(&flags, from, &act->from);
  (void)snprintf(to, sizeof to, "dir=%s", act->to.dir);
  flags.command = HOST_COMMAND_STORAGE_COPY;
  flags.from = act->from.plugin;
  flags.to = act->to.plugin;
  add_options(&flags.from_sets, flags.from, from);
  add_options(&flags.to_sets, flags.to, to);
  text = fmemopen(copied->text, sizeof copied->text, "w");
  assert(text);
  copied->code = storage_command_copy(&flags, text, text);
  copied->calls = shim_calls();
  copied->ended = true;
  (void)fclose(text);
  return true;
}

struct copied story_copy(const struct story *story, struct place from, struct place to,
                         const struct shim_plan *plan) {
  struct act act = {.story = story, .from = from, .to = to, .plan = plan};
  struct told told;
  (void)play(&act, copy, &told);
  return told.copied;
}
