/* keep.h: the storage under storage-crypt, in a test's hands: what it holds outlives its instances
 * and can be changed, and every message that it ever got is noted. */
#ifndef CRYPT_TEST_KEEP_H
#define CRYPT_TEST_KEEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fake_host.h>

enum {
  KEEP_ENTRIES = 64,
  KEEP_SNAPSHOT = 1 << 20,
  KEEP_MESSAGES = 4096,
  KEEP_HELD = 16,
  KEEP_NAME = 24, /* bytes of a record's head that name its key: generation, check, salt */
  KEEP_FRAME = 64 * 1024 + 16
};

/* One message that was locked: under which key, what its number counts, which number. */
struct keep_message {
  uint8_t key[KEEP_NAME], counts;
  uint64_t number;
};

/* Of all keeps of a test. */
struct keep_heard {
  struct keep_message list[KEEP_MESSAGES];
  size_t count;
};

struct keep {
  struct rkv_storage_state state; /* its snapshot's membership is a reference of the keep's */
  struct rkv_entry entries[KEEP_ENTRIES + 1]; /* [index] */
  uint8_t snapshot[KEEP_SNAPSHOT];
  struct keep_heard *heard;
  unsigned open;
  bool (*no_memory)(void); /* asked for each of the host's buffers; NULL: there is */
  bool holds;              /* completions, until keep_release */
  struct rkv_completion *held[KEEP_HELD];
  size_t held_count;
};

/* A fake host whose open_under gives the keep. */
struct keep_host {
  struct fake_host fake;
  struct keep *keep;
  uint8_t *(*real_alloc)(void *ctx, size_t len, struct rkv_buf *out);
  unsigned fatals;
  char fatal[RKV_ERROR_TEXT_MAX]; /* the last one */
};

void keep_host_init(struct keep_host *h, struct keep *keep, rkv_node_id node);
void keep_end(struct keep *keep);
/* Tells what it holds, in order. */
void keep_release(struct keep *keep);

/* Copies the payload, so that it can be put back, or changed. */
struct rkv_buf keep_copy(struct rkv_buf payload);
/* Changes one byte of what is held. */
void keep_flip(struct rkv_buf payload, size_t at);
/* How many pairs of messages have one key and one nonce. */
size_t keep_repeated(const struct keep_heard *heard);

#endif
