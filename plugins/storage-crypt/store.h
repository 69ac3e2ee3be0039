/* store.h: one storage-crypt over one storage, which sees records (record.h) in the place of
 * payloads and memberships, frames in that of a snapshot's bytes, and in clear log ids, kinds,
 * lengths, vote and identity. */
#ifndef CRYPT_STORE_H
#define CRYPT_STORE_H

#include "record.h"

#include <rkv/rkv.h>

enum { LATE_MAX = 1024 /* completions after a failure; those that come later wait for no turn */ };

/* A completion of an operation that failed here: the storage below tells it in its turn. */
struct late {
  struct rkv_completion own;
  const struct crypt *s;
  struct rkv_completion *theirs;
};

struct crypt {
  const struct rkv_host *host;
  const struct rkv_storage_ops *ops; /* of the storage under this one */
  void *it;                          /* its instance; NULL: not open */
  struct keys keys;
  uint64_t oldest; /* generation that was needed; what comes after open needs no older one */

  /* What follows belongs to whoever saves and appends, one thread at a time. */
  EVP_CIPHER_CTX *ctx;  /* by the key that this open drew ... */
  struct key_name own;  /* ... and its name */
  uint64_t next;        /* number of the next entry that is locked (C1) */
  struct rkv_vote vote; /* the last one that was saved; once it failed, it stays */
  struct rkv_log_id last, purged;
  struct rkv_log_id *terms; /* the first entry of each term that is held, or the purged one */
  size_t term_count, term_capacity;
  struct rkv_error failed; /* the first failure of its own; nothing succeeds after it */
  struct late late[LATE_MAX];
  size_t late_count;
};

/* What a look at entries one after the other has come to. */
struct look {
  EVP_CIPHER_CTX *ctx; /* with the key that opened the last one; freed by who looks */
  struct key_name key; /* its name */
  bool chained;        /* `before` is the term of the entry before the next one */
  rkv_term before;
  const struct rkv_vote *vote; /* is held against the entries'; NULL: is not */
};

/* Notes the entry behind the last one. Errors: RKV_NO_MEMORY. */
enum rkv_status log_note(struct crypt *s, struct rkv_log_id id, struct rkv_error *error);
/* The operation `read`, with a look that goes on from the last one. */
enum rkv_status log_look(struct crypt *s, rkv_index from, rkv_index to, uint64_t bytes_max,
                         struct rkv_entry *entries, size_t capacity, size_t *count,
                         struct look *look, struct rkv_error *error);
/* Turns the description of the storage below into the one that was given to us; *ctx opens its
 * frames. After an error the membership is dropped. */
enum rkv_status snapshot_describe(struct crypt *s, struct rkv_snapshot_meta *meta,
                                  EVP_CIPHER_CTX **ctx, struct rkv_error *error);

/* The operations of log.c, then of snapshot.c. */
#define CRYPT_OPERATIONS(X)                                                                        \
  X(save_vote)                                                                                     \
  X(save_identity)                                                                                 \
  X(append)                                                                                        \
  X(truncate)                                                                                      \
  X(purge)                                                                                         \
  X(read)                                                                                          \
  X(snapshot_begin)                                                                                \
  X(snapshot_write)                                                                                \
  X(snapshot_commit)                                                                               \
  X(snapshot_abort)                                                                                \
  X(snapshot_open)                                                                                 \
  X(snapshot_read)                                                                                 \
  X(snapshot_close)
#define CRYPT_DECLARE(op) __typeof__(*((struct rkv_storage_ops *)0)->op) crypt_##op;
CRYPT_OPERATIONS(CRYPT_DECLARE)
#undef CRYPT_DECLARE

#endif
