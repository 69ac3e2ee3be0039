/* cipher.h: the user's keys, the keys that are derived from them, and AES-256-GCM. A leaf.
 *
 * Nothing is locked by a user's key itself: HKDF-SHA256 (RFC 5869) makes one of it and of a salt.
 * (C1) Whoever draws a key counts its messages and locks no two with one number; nobody else locks
 *      by it. So no two messages ever have the same key and nonce. */
#ifndef CRYPT_CIPHER_H
#define CRYPT_CIPHER_H

#include <rkv/plugin.h>

#include <openssl/evp.h>

enum {
  KEYS_MAX = 32, /* generations */
  KEY_BYTES = 32,
  KEY_SALT = 16,
  KEY_CHECK = 4,            /* bytes that tell a user's key from another one of its generation */
  KEY_MESSAGES = INT32_MAX, /* for which one derived key serves */
  CIPHER_TAG = 16,
  CIPHER_TEXT_MAX = 1 << 30 /* bytes of one message */
};

/* Which derived key: stands in clear before what it locks. */
struct key_name {
  uint32_t generation;
  uint8_t check[KEY_CHECK], salt[KEY_SALT];
};

struct keys {
  struct user_key {
    uint32_t generation;
    uint8_t check[KEY_CHECK], bytes[KEY_BYTES];
  } list[KEYS_MAX];
  size_t count, newest;
};

/* Fills *keys, all zero before, from the option's value: `[GENERATION:]HEX`, 64 digits each, with
 * blanks, commas or line ends between them; no generation is generation 0. Errors: RKV_INVALID,
 * which shows nothing of a key. */
enum rkv_status keys_parse(struct keys *keys, const struct rkv_value *value,
                           struct rkv_error *error);

/* Draws a key that nobody had, of the newest generation; *ctx (NULL: is made) locks by it. Errors:
 * RKV_BROKEN. */
enum rkv_status keys_draw(const struct keys *keys, struct key_name *name, EVP_CIPHER_CTX **ctx,
                          struct rkv_error *error);
/* *ctx opens by the key of that name. Errors: RKV_INVALID if the user's key is not there, or is
 * another one; RKV_BROKEN. */
enum rkv_status keys_find(const struct keys *keys, const struct key_name *name,
                          EVP_CIPHER_CTX **ctx, struct rkv_error *error);

/* One message, with what is bound into its tag. */
struct message {
  uint32_t counts; /* what `number` counts: a part of the nonce */
  uint64_t number;
  const uint8_t *bound;
  size_t bound_len, len; /* of the text */
};
/* Locks `text` into `out`, with the tag behind it. False: libcrypto failed. */
bool cipher_lock(EVP_CIPHER_CTX *ctx, const struct message *m, const uint8_t *text, uint8_t *out);
/* Opens what has m->len bytes and a tag into `out`. False: the key, the number, what is bound in or
 * a byte is another one; what was written is worth nothing. */
bool cipher_open(EVP_CIPHER_CTX *ctx, const struct message *m, const uint8_t *locked, uint8_t *out);

#endif
