/* storage_texture.c: law 80: bytes that compress. A plugin that compresses, or leaves out zeros,
 * has branches that random bytes never enter. */
#include "texture.h"
#include "storage.h"
#include "storage_laws.h"

#include <inttypes.h>
#include <stdio.h>

STORAGE_LAWS_TEXTURE(STORAGE_LAW_PROTOTYPE)

enum {
  MEMBERSHIP = 400, /* bytes */
  CHUNK = 7001,
  READ = 65536,
  SEED = 80,
};

static const size_t entry_sizes[] = {1,    2,    7,    8,     9,     16,    40,
                                     64,   100,  127,  128,   129,   500,   1000,
                                     1024, 4096, 4097, 16384, 65536, 70000, 300000};
static const size_t snapshot_sizes[] = {100, 65536, 70001, 300000};
enum {
  ENTRY_SIZES = sizeof entry_sizes / sizeof entry_sizes[0],
  SNAPSHOT_SIZES = sizeof snapshot_sizes / sizeof snapshot_sizes[0],
  SMALL_SIZES = ENTRY_SIZES - 3, /* of entries that are appended at once, too */
};

static uint64_t seed_of(rkv_index index) {
  return texture_seed(SEED, index);
}

/* ---- entries ---- */

static struct rkv_entry entry_of(struct contract *c, enum texture texture, rkv_index index,
                                 size_t len) {
  const uint32_t kind = index % 5 ? RKV_ENTRY_COMMAND : RKV_ENTRY_MEMBERSHIP;
  struct rkv_entry entry = {{1, index}, kind, 0, contract_bytes(c, NULL, len)};
  texture_fill(texture, seed_of(index), 0, (uint8_t *)(uintptr_t)entry.payload.data, len);
  return entry;
}

static void append_some(struct storage *s, struct rkv_entry *entries, size_t count) {
  struct contract_told told;
  contract_told_init(&told, s->c, "append");
  s->ops->append(s->it, entries, count, &told.completion);
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
  contract_told_ok(&told);
}

/* Each size by itself, then the smaller ones at once. */
static void append_sizes(struct storage *s, enum texture texture, rkv_index *last) {
  struct rkv_entry all[SMALL_SIZES], one;
  for (size_t i = 0; i < ENTRY_SIZES; i++) {
    one = entry_of(s->c, texture, ++*last, entry_sizes[i]);
    append_some(s, &one, 1);
  }
  for (size_t i = 0; i < SMALL_SIZES; i++)
    all[i] = entry_of(s->c, texture, ++*last, entry_sizes[i]);
  append_some(s, all, SMALL_SIZES);
}

static void find_entry(struct storage *s, enum texture texture, rkv_index index, size_t len) {
  struct contract *c = s->c;
  struct rkv_entry entry;
  struct rkv_error error;
  size_t count = 0;
  enum rkv_status status =
      s->ops->read(s->it, index, index, len, &entry, 1, &count, contract_ask(&error));
  CONTRACT_REQUIRE(c, status == RKV_OK && count == 1, "an entry of %zu bytes (%s) is not read: %s",
                   len, texture_names[texture], status == RKV_OK ? "nothing came" : error.text);
  CONTRACT_REQUIRE(c, entry.payload.len == len, "an entry of %zu bytes (%s) was read as one of %zu",
                   len, texture_names[texture], entry.payload.len);
  CONTRACT_REQUIRE(c, texture_is(texture, seed_of(index), 0, entry.payload.data, len),
                   "an entry of %zu bytes (%s) was read as other bytes", len,
                   texture_names[texture]);
  rkv_buf_drop(&entry.payload);
}

static void find_all(struct storage *s) {
  rkv_index index = 0;
  for (unsigned texture = 0; texture < TEXTURES; texture++) {
    for (size_t i = 0; i < ENTRY_SIZES; i++)
      find_entry(s, (enum texture)texture, ++index, entry_sizes[i]);
    for (size_t i = 0; i < SMALL_SIZES; i++)
      find_entry(s, (enum texture)texture, ++index, entry_sizes[i]);
  }
}

/* ---- snapshots ---- */

static struct rkv_buf membership_of(struct contract *c, enum texture texture, rkv_index index) {
  struct rkv_buf bytes = contract_bytes(c, NULL, MEMBERSHIP);
  texture_fill(texture, seed_of(index) + 1, 0, (uint8_t *)(uintptr_t)bytes.data, MEMBERSHIP);
  return bytes;
}

static void write_one(struct storage *s, enum texture texture, rkv_index index, size_t size) {
  struct contract *c = s->c;
  struct rkv_snapshot_meta meta = {.last = {1, index}, .membership_id = {1, 1}};
  struct rkv_error error;
  void *writer;
  (void)snprintf(meta.id, sizeof meta.id, "texture-%" PRIu64, index);
  meta.membership = membership_of(c, texture, index);
  CONTRACT_REQUIRE(c, s->ops->snapshot_begin(s->it, &meta, &writer, &error) == RKV_OK,
                   "snapshot_begin: %s", error.text);
  rkv_buf_drop(&meta.membership);
  for (size_t at = 0; at < size; at += CHUNK) {
    const size_t len = size - at < CHUNK ? size - at : CHUNK;
    struct rkv_buf chunk = contract_bytes(c, NULL, len);
    texture_fill(texture, seed_of(index), at, (uint8_t *)(uintptr_t)chunk.data, len);
    CONTRACT_REQUIRE(c, s->ops->snapshot_write(writer, chunk, &error) == RKV_OK,
                     "snapshot_write: %s", error.text);
    rkv_buf_drop(&chunk);
  }
  CONTRACT_REQUIRE(c, s->ops->snapshot_commit(writer, &error) == RKV_OK, "snapshot_commit: %s",
                   error.text);
}

/* From its end to its beginning, and then as a whole. */
static void read_one(struct storage *s, void *reader, enum texture texture, rkv_index index,
                     size_t size) {
  for (uint64_t at = size - size % READ, back = 1; back || at < size;) {
    struct contract *c = s->c;
    struct rkv_buf chunk = rkv_buf_none();
    struct rkv_error error;
    CONTRACT_REQUIRE(c, s->ops->snapshot_read(reader, at, READ, &chunk, &error) == RKV_OK,
                     "snapshot_read at %" PRIu64 " of %zu bytes (%s): %s", at, size,
                     texture_names[texture], error.text);
    CONTRACT_REQUIRE(c, chunk.len <= READ && (chunk.len > 0) == (at < size),
                     "snapshot_read at %" PRIu64 " of %zu bytes (%s) gave %zu bytes", at, size,
                     texture_names[texture], chunk.len);
    CONTRACT_REQUIRE(c, texture_is(texture, seed_of(index), at, chunk.data, chunk.len),
                     "snapshot_read at %" PRIu64 " of %zu bytes (%s) gave other bytes", at, size,
                     texture_names[texture]);
    if (back && at == 0)
      back = 0;
    else
      at = back ? at - READ : at + chunk.len;
    rkv_buf_drop(&chunk);
  }
}

static void require_one(struct storage *s, enum texture texture, rkv_index index, size_t size) {
  struct contract *c = s->c;
  struct rkv_buf membership = membership_of(c, texture, index);
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *reader;
  CONTRACT_REQUIRE(c, s->ops->snapshot_open(s->it, &reader, &meta, &error) == RKV_OK,
                   "snapshot_open: %s", error.text);
  CONTRACT_REQUIRE(c, meta.last.index == index && meta.size == size,
                   "a snapshot of %zu bytes (%s) is opened as one of %" PRIu64, size,
                   texture_names[texture], meta.size);
  CONTRACT_REQUIRE(c, rkv_buf_equal(meta.membership, membership),
                   "a membership of %d bytes (%s) came back as %zu bytes, or others", MEMBERSHIP,
                   texture_names[texture], meta.membership.len);
  read_one(s, reader, texture, index, size);
  rkv_buf_drop(&meta.membership);
  rkv_buf_drop(&membership);
  s->ops->snapshot_close(reader);
}

/* ---- the law ---- */

void storage_law_any_bytes_are_kept(struct contract *c) {
  struct storage s;
  rkv_index last = 0;
  storage_init(&s, c);
  storage_open(&s);
  for (unsigned texture = 0; texture < TEXTURES; texture++)
    append_sizes(&s, (enum texture)texture, &last);
  for (int round = 0; round < 2; round++) {
    find_all(&s);
    if (storage_durable(c)) storage_reopen(&s);
  }
  for (unsigned texture = 0; texture < TEXTURES; texture++)
    for (size_t i = 0; i < SNAPSHOT_SIZES; i++) {
      const rkv_index index = texture * SNAPSHOT_SIZES + i + 1;
      write_one(&s, (enum texture)texture, index, snapshot_sizes[i]);
      if (i + 1 == SNAPSHOT_SIZES && storage_durable(c)) storage_reopen(&s);
      require_one(&s, (enum texture)texture, index, snapshot_sizes[i]);
    }
  storage_close(&s);
}
