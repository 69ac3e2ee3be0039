/* record.h: what stands in the storage under this one in the place of a payload, or of a snapshot's
 * membership: a head in clear, the locked text, its tag.
 *
 *   0 "rkvC" format 1, what, committed, 0   8 generation   12 check   16 salt   32 number
 *   40 term of the entry before   48 vote: term, node   64 text ... tag
 *
 * The whole head is bound into the tag, and so is the place that the storage below names beside the
 * record: a record opens where it was written and nowhere else. */
#ifndef CRYPT_RECORD_H
#define CRYPT_RECORD_H

#include "cipher.h"

#include <rkv/entry.h>

enum { RECORD_HEAD = 64, RECORD_MORE = RECORD_HEAD + CIPHER_TAG, RECORD_PLACE = 104 /* bytes */ };

/* What it is, and what its number counts. */
enum record_what { RECORD_ENTRY = 1, RECORD_META = 2, RECORD_FRAME = 3 /* has no head */ };

struct record {
  uint8_t place[RECORD_PLACE]; /* record_put_entry, record_put_snapshot */
  enum record_what what;
  struct key_name key;
  uint64_t number;
  rkv_term before;      /* of the entry before this one; 0: none, or no entry */
  struct rkv_vote vote; /* in force when it was written */
};

void record_put_entry(struct record *record, rkv_node_id node, const struct rkv_entry *entry);
void record_put_snapshot(struct record *record, rkv_node_id node,
                         const struct rkv_snapshot_meta *meta);

/* Makes the record of a text; record->key is the one of `ctx`. Errors: RKV_TOO_LARGE,
 * RKV_NO_MEMORY, RKV_BROKEN. */
enum rkv_status record_lock(const struct rkv_host *host, EVP_CIPHER_CTX *ctx,
                            const struct record *record, struct rkv_buf text, struct rkv_buf *out,
                            struct rkv_error *error);

/* Reads the head into *record, whose place and `what` stay. False: the bytes are no such record. */
bool record_read(struct record *record, struct rkv_buf bytes);
#define RECORD_NONE                                                                                \
  "not written by storage-crypt (raft-key-value storage copy moves a storage to it)"
/* Bytes of text that a record of so many has. */
static inline size_t record_text(size_t bytes) {
  return bytes < RECORD_MORE ? 0 : bytes - RECORD_MORE;
}
/* Opens a record that was read, by the ctx of its key. Errors: RKV_NO_MEMORY; RKV_CORRUPT, with a
 * text that says what may have happened. */
enum rkv_status record_open(const struct rkv_host *host, EVP_CIPHER_CTX *ctx,
                            const struct record *record, struct rkv_buf bytes, struct rkv_buf *text,
                            struct rkv_error *error);

#endif
