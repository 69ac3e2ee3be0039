/* vault.h: one storage-crypt over one keep, and what a test does with it. */
#ifndef CRYPT_TEST_VAULT_H
#define CRYPT_TEST_VAULT_H

#include "keep.h"

/* One storage-crypt over one keep. */
struct vault {
  struct keep keep;
  struct keep_host host;
  const struct rkv_storage_ops *ops;
  void *it;
  struct rkv_error error; /* of the last refusal */
};

struct vault *vault_new(struct keep_heard *heard);
enum rkv_status vault_try(struct vault *v, const char *key, rkv_node_id node);
void vault_open(struct vault *v, const char *key);
void vault_close(struct vault *v);
void vault_reopen(struct vault *v, const char *key);
void vault_free(struct vault *v);
/* It does not open, and says so in a sentence with these words. */
void vault_refuses(struct vault *v, const char *key, enum rkv_status expected, const char *words);
void vault_append(struct vault *v, rkv_term term, rkv_index index, const char *text);
void vault_vote(struct vault *v, rkv_term term, rkv_node_id node);
void vault_holds(struct vault *v, rkv_index index, const char *text);
/* A snapshot of `size` bytes, each its offset's. */
void vault_snapshot(struct vault *v, rkv_index last, size_t size);
/* How reading all of the snapshot ends; v->error says why. */
enum rkv_status vault_read_snapshot(struct vault *v, uint64_t *size);

#endif
