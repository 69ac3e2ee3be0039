/* crypt_open.c: storage-crypt over a storage that somebody changed: records with other bytes,
 * moved, cut, older or foreign ones, other ids, votes and snapshots. It refuses with a text; or
 * what it gives is what was once written at that place, whatever was done.
 *
 * What is changed was written by the plugin itself, as the input says, or no mutation would get
 * past the tags. */
#include "fuzz.h"

#include <keep.h>

#include <sys/random.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER_KEY "1:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define MEMBERS "members"

enum { ACTS_MAX = 16, EDITS_MAX = 5, SNAPSHOT_MAX = 140000 };

extern const struct rkv_plugin rkv_plugin_entry; /* plugins/storage-crypt/plugin.c */
#define OPS ((const struct rkv_storage_ops *)rkv_plugin_entry.ops)

static struct keep keep;
static struct keep_host host;
static struct keep_heard heard;
static uint8_t content[SNAPSHOT_MAX];
static struct rkv_entry old; /* a copy of one that was held at some time; index 0: none */

/* All that was ever written; the bytes of an entry are `fill`. */
static struct written {
  struct rkv_log_id id;
  uint32_t kind;
  uint8_t fill;
  size_t len;
} written[ACTS_MAX];
static size_t written_count;
static struct rkv_snapshot_meta last_snapshot; /* the last one that was written */

/* ---- salts that an input gets again ---- */

ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags) {
  static uint64_t drawn;
  (void)flags;
  drawn++;
  for (size_t i = 0; i < len; i++)
    ((uint8_t *)bytes)[i] = i < sizeof drawn ? ((uint8_t *)&drawn)[i] : 0;
  return (ssize_t)len;
}

/* ---- the storage is written ---- */

static void told(struct rkv_completion *self, enum rkv_status status,
                 const struct rkv_error *error) {
  (void)self, (void)error;
  FUZZ_CHECK(status == RKV_OK);
}

static struct rkv_completion completion = {told};

static void *open_storage(const char *key, rkv_node_id node, struct rkv_error *error) {
  const struct rkv_value value = {.text = key, .origin = "the input"};
  const struct rkv_config config = {sizeof config, 1, &value};
  void *it = NULL;
  enum rkv_status status;
  keep_host_init(&host, &keep, node);
  *error = (struct rkv_error){0};
  status = OPS->open(&host.fake.host, &config, &it, error);
  check_refusal(status, error);
  FUZZ_CHECK(keep.open == (status == RKV_OK));
  return status == RKV_OK ? it : NULL;
}

static void append(struct feed *f, void *it) {
  struct written *w = &written[written_count++];
  struct rkv_entry entry;
  uint8_t bytes[64];
  w->id.index = keep.state.last.index + 1;
  w->id.term = keep.state.last.term + (feed_pick(f, 4) == 0);
  w->kind = feed_pick(f, 3);
  w->fill = (uint8_t)written_count;
  w->len = feed_pick(f, sizeof bytes);
  memset(bytes, w->fill, sizeof bytes);
  entry = (struct rkv_entry){.id = w->id, .kind = w->kind};
  entry.payload = fake_host_copy(bytes, w->len);
  OPS->append(it, &entry, 1, &completion);
  rkv_buf_drop(&entry.payload);
}

static void write_snapshot(struct feed *f, void *it) {
  static const uint32_t sizes[] = {0, 1, 100, 65535, 65536, 65537, 131072, SNAPSHOT_MAX};
  struct rkv_snapshot_meta meta = {.last = keep.state.last, .id = "a snapshot"};
  struct rkv_buf bytes = {content, sizes[feed_pick(f, 8)], NULL};
  struct rkv_error error;
  void *writer;
  meta.membership = rkv_buf_static(MEMBERS, strlen(MEMBERS));
  FUZZ_CHECK(OPS->snapshot_begin(it, &meta, &writer, &error) == RKV_OK);
  FUZZ_CHECK(OPS->snapshot_write(writer, bytes, &error) == RKV_OK);
  FUZZ_CHECK(OPS->snapshot_commit(writer, &error) == RKV_OK);
  last_snapshot = meta;
  last_snapshot.size = bytes.len;
}

static void keep_old(struct feed *f) {
  const rkv_index index = feed_pick(f, KEEP_ENTRIES);
  if (index <= keep.state.purged.index || index > keep.state.last.index) return;
  rkv_buf_drop(&old.payload);
  old = keep.entries[index];
  old.payload = keep_copy(old.payload);
}

static void *act(struct feed *f, void *it) {
  struct rkv_error error;
  rkv_index index = feed_pick(f, KEEP_ENTRIES);
  switch (feed_pick(f, 8)) {
  case 0:
    OPS->save_vote(it, (struct rkv_vote){keep.state.vote.term + 1, feed_pick(f, 3), false},
                   &completion);
    return it;
  case 1:
    if (index >= keep.state.purged.index) OPS->truncate(it, index);
    return it;
  case 2:
    if (index <= keep.state.last.index && index > keep.state.purged.index)
      OPS->purge(it, keep.entries[index].id);
    return it;
  case 3: write_snapshot(f, it); return it;
  case 4: keep_old(f); return it;
  case 5:
    OPS->close(it);
    it = open_storage(KEY, 1, &error);
    FUZZ_CHECK(it); /* nobody changed anything */
    return it;
  default: append(f, it); return it;
  }
}

/* ---- and changed ---- */

static void put_bytes(struct feed *f, struct rkv_buf *in_place_of) {
  struct feed bytes = feed_message(f);
  rkv_buf_drop(in_place_of);
  *in_place_of = fake_host_copy(bytes.at, bytes.left);
}

/* In a buffer that ends where they do, so that a sanitizer sees who reads on. */
static void cut_bytes(struct feed *f, struct rkv_buf *bytes) {
  const struct rkv_buf shorter = fake_host_copy(bytes->data, bytes->len * feed_byte(f) / 256);
  rkv_buf_drop(bytes);
  *bytes = shorter;
}

static void edit_bytes(struct feed *f, struct rkv_buf *bytes) {
  switch (feed_pick(f, 4)) {
  case 0: put_bytes(f, bytes); break;
  case 1: cut_bytes(f, bytes); break;
  default:
    if (bytes->len > 0) keep_flip(*bytes, feed_number(f) % bytes->len);
  }
}

static void edit_snapshot(struct feed *f) {
  struct rkv_snapshot_meta *meta = &keep.state.snapshot;
  switch (feed_pick(f, 6)) {
  case 0: edit_bytes(f, &meta->membership); break;
  case 1: meta->size = feed_number(f) * 16 % KEEP_SNAPSHOT; break;
  case 2: meta->last.index = feed_number(f); break;
  case 3: meta->id[feed_pick(f, 10)] ^= 1; break;
  case 4: meta->membership_id.term = feed_number(f); break;
  default:
    if (meta->size > 0) keep.snapshot[(feed_number(f) << 8 | feed_byte(f)) % meta->size] ^= 1;
  }
}

static void edit(struct feed *f) {
  const rkv_index first = keep.state.purged.index + 1, last = keep.state.last.index;
  struct rkv_entry *entry, *other, swapped;
  uint32_t what = feed_pick(f, 8);
  if (what == 0) edit_snapshot(f);
  if (what == 1) keep.state.vote = (struct rkv_vote){feed_number(f), feed_pick(f, 3), false};
  if (what < 2 || first > last) return;
  entry = &keep.entries[first + feed_number(f) % (last - first + 1)];
  other = &keep.entries[first + feed_number(f) % (last - first + 1)];
  swapped = *entry;
  switch (what) {
  case 2: entry->id.term = feed_number(f); break;
  case 3: entry->kind ^= 1 + feed_pick(f, 2); break;
  case 4:
    entry->payload = other->payload;
    other->payload = swapped.payload;
    break;
  case 5:
    if (old.id.index < first || old.id.index > last) break;
    rkv_buf_drop(&keep.entries[old.id.index].payload);
    keep.entries[old.id.index] = old;
    (void)rkv_buf_share(old.payload);
    break;
  default: edit_bytes(f, &entry->payload); break;
  }
}

/* ---- what comes of it ---- */

static bool was_written(const struct rkv_entry *entry) {
  for (size_t i = 0; i < written_count; i++) {
    const struct written *w = &written[i];
    size_t same = 0;
    if (w->id.term != entry->id.term || w->id.index != entry->id.index || w->kind != entry->kind)
      continue;
    while (same < entry->payload.len && entry->payload.data[same] == w->fill) same++;
    if (w->len == entry->payload.len && same == w->len) return true;
  }
  return false;
}

static void read_entries(void *it) {
  for (rkv_index i = keep.state.purged.index + 1; i <= keep.state.last.index; i++) {
    struct rkv_entry entry;
    struct rkv_error error;
    size_t count;
    FUZZ_CHECK(OPS->read(it, i, i, UINT64_MAX, &entry, 1, &count, &error) == RKV_OK && count == 1);
    FUZZ_CHECK(was_written(&entry));
    rkv_buf_drop(&entry.payload);
  }
}

/* A snapshot that opens is the last one, up to a part that does not open. */
static enum rkv_status read_snapshot(void *it) {
  struct rkv_snapshot_meta meta = {0};
  struct rkv_error error = {0};
  struct rkv_buf chunk = rkv_buf_none();
  void *reader;
  enum rkv_status status = OPS->snapshot_open(it, &reader, &meta, &error);
  check_refusal(status, &error);
  if (status != RKV_OK) return status;
  FUZZ_CHECK(meta.last.index == last_snapshot.last.index && strcmp(meta.id, last_snapshot.id) == 0);
  FUZZ_CHECK(meta.membership.len == strlen(MEMBERS) &&
             memcmp(meta.membership.data, MEMBERS, strlen(MEMBERS)) == 0);
  rkv_buf_drop(&meta.membership);
  for (uint64_t at = 0; at < meta.size;) {
    status = OPS->snapshot_read(reader, at, 50000, &chunk, &error);
    check_refusal(status, &error);
    if (status != RKV_OK) break;
    FUZZ_CHECK(chunk.len > 0 && at + chunk.len <= sizeof content &&
               memcmp(chunk.data, content + at, chunk.len) == 0);
    at += chunk.len;
    rkv_buf_drop(&chunk);
  }
  if (status == RKV_OK) FUZZ_CHECK(meta.size == last_snapshot.size);
  OPS->snapshot_close(reader);
  return status;
}

static void begin(void) {
  memset(&keep.state, 0, sizeof keep.state);
  memset(&last_snapshot, 0, sizeof last_snapshot);
  heard.count = written_count = 0;
  keep.heard = &heard;
  for (size_t i = 0; i < sizeof content; i++) content[i] = (uint8_t)(i % 251);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct feed f = {data, size};
  struct rkv_error error;
  uint32_t how, edits;
  void *it;
  begin();
  it = open_storage(KEY, 1, &error);
  FUZZ_CHECK(it);
  for (uint32_t i = feed_pick(&f, ACTS_MAX); i > 0; i--) it = act(&f, it);
  OPS->close(it);
  edits = feed_pick(&f, EDITS_MAX);
  for (uint32_t i = edits; i > 0; i--) edit(&f);
  how = feed_pick(&f, 16);
  it = open_storage(how == 0 ? OTHER_KEY : KEY, how == 1 ? 2 : 1, &error);
  FUZZ_CHECK(it || edits > 0 || how < 2); /* what nobody changed opens */
  if (it) {
    enum rkv_status status = RKV_OK;
    read_entries(it);
    if (keep.state.snapshot.membership.len > 0) status = read_snapshot(it);
    FUZZ_CHECK(status == RKV_OK || edits > 0);
    append(&f, it);
    OPS->close(it);
  }
  rkv_buf_drop(&old.payload);
  old = (struct rkv_entry){0};
  keep_end(&keep);
  return 0;
}
