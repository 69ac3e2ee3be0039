/* wal_open.c: storage-wal on segments of any content: it opens what makes sense, and then what it
 * holds can be read, added to and opened again; or it refuses with a place.
 *
 * Records are made with right checksums, or no mutation would get past them; then bytes of the file
 * are changed as the input says. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fake_host.h>
#include <head.h>
#include <record.h>
#include <scratch.h>

#include <dirent.h>
#include <fcntl.h>
#include <semaphore.h>
#include <unistd.h>

#define SEGMENT_BYTES (64u << 10)
#define RECORDS_MAX 64
#define EDITS_MAX 4
#define READ_MAX 128
#define INDEX_MAX (UINT64_MAX / 2) /* beyond it core/raft refuses to start, whatever is held */

extern const struct rkv_plugin rkv_plugin_entry; /* plugins/storage-wal/plugin.c */

static char dir[SCRATCH_PATH_MAX];
static uint8_t segment[SEGMENT_BYTES];

/* ---- a segment ---- */

static void make_record(struct feed *f, struct head *head, struct rkv_log_id *last, uint32_t *prev,
                        uint64_t *at) {
  struct record r = {.type = (uint16_t)(1 + feed_pick(f, RECORD_CLUSTER)), .prev = *prev};
  struct feed payload = feed_bytes(f, feed_pick(f, 40));
  uint32_t seed = head_seed(head);
  uint8_t how = feed_byte(f);
  r.kind = (uint16_t)feed_pick(f, 4);
  r.batch = (uint32_t)(how & 1 ? *at : HEAD_SIZE);
  r.term = how & 2 ? feed_number(f) : last->term;
  r.index = how & 4 ? feed_number(f) : last->index + 1;
  r.length = (uint32_t)payload.left;
  if (how & 8) r.prev = (uint32_t)feed_number(f);
  if (*at + record_size(r.length) > SEGMENT_BYTES) return;
  r.payload_crc = record_payload_crc(seed, payload.at, payload.left);
  record_encode(&r, seed, *at, segment + *at);
  if (payload.left > 0) memcpy(segment + *at + RECORD_HEADER, payload.at, payload.left);
  *at += record_size(r.length);
  *prev = r.header_crc;
  if (r.type == RECORD_ENTRY) *last = (struct rkv_log_id){r.term, r.index};
}

static void make_segment(struct feed *f) {
  struct head head = {
      .format = HEAD_FORMAT_ALONE, .node_id = 1, .sequence = 1, .size = SEGMENT_BYTES};
  uint64_t at = HEAD_SIZE;
  uint32_t prev, i, count = feed_pick(f, RECORDS_MAX);
  struct rkv_log_id last;
  uint8_t how = feed_byte(f);
  memset(segment, 0, sizeof segment);
  head.recycled = how & 1;
  if (how & 2) head.vote = (struct rkv_vote){feed_number(f), feed_pick(f, 4), (how & 4) != 0};
  if (how & 8) head.purged = (struct rkv_log_id){feed_number(f), feed_number(f)};
  head.last = how & 16 ? (struct rkv_log_id){feed_number(f), feed_number(f)} : head.purged;
  head_encode(&head, segment);
  prev = head.crc;
  last = head.last;
  for (i = 0; i < count && f->left > 0; i++) make_record(f, &head, &last, &prev, &at);
  for (i = feed_pick(f, EDITS_MAX); i > 0; i--) {
    size_t where = (size_t)feed_byte(f) << 8;
    where |= feed_byte(f);
    segment[where % SEGMENT_BYTES] = feed_byte(f);
  }
}

static void empty_dir(void) {
  DIR *d = opendir(dir);
  struct dirent *entry;
  FUZZ_CHECK(d);
  while ((entry = readdir(d)))
    if (entry->d_name[0] != '.') (void)unlinkat(dirfd(d), entry->d_name, 0);
  (void)closedir(d);
}

static void write_segment(size_t size) {
  char path[SCRATCH_PATH_MAX + 64];
  int fd;
  (void)snprintf(path, sizeof path, "%s/log-%016x.wal", dir, 1);
  fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  FUZZ_CHECK(fd >= 0 && write(fd, segment, size) == (ssize_t)size);
  (void)close(fd);
}

/* ---- the storage ---- */

static void *open_storage(struct fake_host *fake, struct rkv_error *error) {
  struct rkv_value values[16] = {0};
  const struct rkv_plugin *plugin = &rkv_plugin_entry;
  const struct rkv_storage_ops *ops = plugin->ops;
  struct rkv_config config = {sizeof config, plugin->option_count, values};
  void *storage = NULL;
  for (uint32_t i = 0; i < plugin->option_count; i++) {
    values[i].number = plugin->options[i].min; /* sync: false */
    if (strcmp(plugin->options[i].name, "dir") == 0) values[i].text = dir;
  }
  fake_host_init(fake);
  return ops->open(&fake->host, &config, &storage, error) == RKV_OK ? storage : NULL;
}

struct wait {
  struct rkv_completion completion;
  sem_t done;
  enum rkv_status status;
};

static void wake(struct rkv_completion *self, enum rkv_status status,
                 const struct rkv_error *error) {
  struct wait *wait = (struct wait *)(void *)self;
  (void)error;
  wait->status = status;
  (void)sem_post(&wait->done);
}

/* Everything that is said to be held can be read, without a hole. */
static void read_all(const struct rkv_storage_ops *ops, void *storage,
                     const struct rkv_storage_state *state) {
  struct rkv_entry entries[READ_MAX];
  struct rkv_error error = {0};
  rkv_index at = state->purged.index + 1;
  FUZZ_CHECK(state->purged.index <= state->last.index);
  while (at <= state->last.index) {
    size_t count = 0;
    enum rkv_status status =
        ops->read(storage, at, state->last.index, 4096, entries, READ_MAX, &count, &error);
    FUZZ_CHECK(status == RKV_OK && count > 0);
    for (size_t i = 0; i < count; i++) {
      FUZZ_CHECK(entries[i].id.index == at++);
      rkv_buf_drop(&entries[i].payload);
    }
  }
}

/* One more entry, durable when it is told. */
static void add_entry(const struct rkv_storage_ops *ops, void *storage,
                      const struct rkv_storage_state *state) {
  struct rkv_entry entry = {.id = {state->last.term, state->last.index + 1}};
  struct wait wait = {.completion = {wake}};
  (void)sem_init(&wait.done, 0, 0);
  ops->append(storage, &entry, 1, &wait.completion);
  while (sem_wait(&wait.done) != 0) {
  }
  (void)sem_destroy(&wait.done);
  FUZZ_CHECK(wait.status == RKV_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const struct rkv_storage_ops *ops = rkv_plugin_entry.ops;
  struct feed f = {data, size};
  struct rkv_storage_state state, again;
  struct rkv_error error = {0};
  struct fake_host fake;
  void *storage;
  if (!dir[0]) scratch_make(dir);
  empty_dir();
  make_segment(&f);
  write_segment(feed_pick(&f, 8) == 7 ? feed_number(&f) * 64 % SEGMENT_BYTES : SEGMENT_BYTES);
  storage = open_storage(&fake, &error);
  if (!storage) {
    FUZZ_CHECK(strstr(error.text, "log-")); /* the place */
    return 0;
  }
  FUZZ_CHECK(ops->load(storage, &state, &error) == RKV_OK);
  if (state.last.index < INDEX_MAX) {
    read_all(ops, storage, &state);
    add_entry(ops, storage, &state);
  }
  ops->close(storage);
  if (state.last.index >= INDEX_MAX) return 0;
  storage = open_storage(&fake, &error);
  FUZZ_CHECK(storage && ops->load(storage, &again, &error) == RKV_OK);
  FUZZ_CHECK(again.last.index == state.last.index + 1);
  FUZZ_CHECK(rkv_vote_compare(again.vote, state.vote) == RKV_EQUAL);
  read_all(ops, storage, &again);
  ops->close(storage);
  rkv_buf_drop(&state.snapshot.membership);
  rkv_buf_drop(&again.snapshot.membership);
  return 0;
}
