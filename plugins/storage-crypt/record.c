/* record.c: heads, and what is bound into tags. */
#include "record.h"

#include <storage-parts/ids.h>

#include <stdio.h>

#define MAGIC "rkvC\1"

enum { AT_WHAT = 5, AT_COMMITTED = 6, AT_ZERO = 7, AT_KEY = 8, AT_CHECK = 12, AT_SALT = 16 };
enum { AT_NUMBER = 32, AT_BEFORE = 40, AT_VOTE = 48, BOUND = RECORD_HEAD + RECORD_PLACE };

void record_put_entry(struct record *record, rkv_node_id node, const struct rkv_entry *entry) {
  record->what = RECORD_ENTRY;
  put_u64(record->place, node);
  put_log_id(record->place + 8, entry->id);
  put_u64(record->place + 24, entry->kind);
}

void record_put_snapshot(struct record *record, rkv_node_id node,
                         const struct rkv_snapshot_meta *meta) {
  record->what = RECORD_META;
  put_u64(record->place, node);
  put_log_id(record->place + 8, meta->last);
  put_log_id(record->place + 24, meta->membership_id);
  (void)snprintf((char *)record->place + 40, RKV_SNAPSHOT_ID_MAX, "%s", meta->id);
}

static void put_head(const struct record *record, uint8_t out[RECORD_HEAD]) {
  memcpy(out, MAGIC, AT_WHAT);
  out[AT_WHAT] = (uint8_t)record->what;
  out[AT_COMMITTED] = record->vote.committed;
  out[AT_ZERO] = 0;
  put_u32(out + AT_KEY, record->key.generation);
  memcpy(out + AT_CHECK, record->key.check, KEY_CHECK);
  memcpy(out + AT_SALT, record->key.salt, KEY_SALT);
  put_u64(out + AT_NUMBER, record->number);
  put_u64(out + AT_BEFORE, record->before);
  put_vote(out + AT_VOTE, record->vote);
}

bool record_read(struct record *record, struct rkv_buf bytes) {
  const uint8_t *head = bytes.data;
  if (bytes.len < RECORD_MORE || bytes.len - RECORD_MORE > CIPHER_TEXT_MAX) return false;
  if (memcmp(head, MAGIC, AT_WHAT) != 0 || head[AT_WHAT] != record->what) return false;
  record->key.generation = get_u32(head + AT_KEY);
  memcpy(record->key.check, head + AT_CHECK, KEY_CHECK);
  memcpy(record->key.salt, head + AT_SALT, KEY_SALT);
  record->number = get_u64(head + AT_NUMBER);
  record->before = get_u64(head + AT_BEFORE);
  record->vote = get_vote(head + AT_VOTE, head[AT_COMMITTED] != 0);
  return true;
}

/* Binds the head and the place. */
static struct message message_of(const struct record *record, const uint8_t *head, size_t text,
                                 uint8_t bound[BOUND]) {
  memcpy(bound, head, RECORD_HEAD);
  memcpy(bound + RECORD_HEAD, record->place, RECORD_PLACE);
  return (struct message){record->what, record->number, bound, BOUND, text};
}

enum rkv_status record_lock(const struct rkv_host *host, EVP_CIPHER_CTX *ctx,
                            const struct record *record, struct rkv_buf text, struct rkv_buf *out,
                            struct rkv_error *error) {
  uint8_t bound[BOUND], *room;
  struct message m;
  if (text.len > CIPHER_TEXT_MAX) return rkv_fail(error, RKV_TOO_LARGE, "more than 1 GiB");
  room = host->buf_alloc(host->ctx, text.len + RECORD_MORE, out);
  if (!room) return rkv_fail(error, RKV_NO_MEMORY, "no memory");
  put_head(record, room);
  m = message_of(record, room, text.len, bound);
  if (cipher_lock(ctx, &m, text.data, room + RECORD_HEAD)) return RKV_OK;
  return rkv_fail(error, RKV_BROKEN, "libcrypto encrypts nothing");
}

enum rkv_status record_open(const struct rkv_host *host, EVP_CIPHER_CTX *ctx,
                            const struct record *record, struct rkv_buf bytes, struct rkv_buf *text,
                            struct rkv_error *error) {
  uint8_t bound[BOUND], *room = NULL;
  const size_t len = record_text(bytes.len);
  const struct message m = message_of(record, bytes.data, len, bound);
  *text = rkv_buf_none();
  if (len > 0) room = host->buf_alloc(host->ctx, len, text);
  if (len > 0 && !room) return rkv_fail(error, RKV_NO_MEMORY, "no memory");
  if (cipher_open(ctx, &m, bytes.data + RECORD_HEAD, room)) return RKV_OK;
  rkv_buf_drop(text);
  return rkv_fail(error, RKV_CORRUPT,
                  "does not open: it was changed, or is another place's or another node's");
}
