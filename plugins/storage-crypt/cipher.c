/* cipher.c: keys and messages by libcrypto. */
#include "cipher.h"

#include <storage-parts/little.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>

#include <stdlib.h>
#include <sys/random.h>

#define BETWEEN " ,\t\r\n"
#define PURPOSE "raft-key-value storage-crypt 1 " /* before what a derived key is for */

/* ---- deriving ---- */

#define UNCONST(bytes) (void *)(uintptr_t)(bytes) /* libcrypto's parameters are not const */

static enum rkv_status derive(const uint8_t from[KEY_BYTES], const uint8_t salt[KEY_SALT],
                              const char *purpose, uint8_t *out, size_t len,
                              struct rkv_error *error) {
  EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
  EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, UNCONST("SHA256"), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, UNCONST(from), KEY_BYTES),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, UNCONST(salt), KEY_SALT),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, UNCONST(purpose), strlen(purpose)),
      OSSL_PARAM_construct_end()};
  const bool good = ctx && EVP_KDF_derive(ctx, out, len, params) == 1;
  EVP_KDF_CTX_free(ctx);
  EVP_KDF_free(kdf);
  return good ? RKV_OK : rkv_fail(error, RKV_BROKEN, "libcrypto derives no key (HKDF-SHA256)");
}

static enum rkv_status take_key(const struct user_key *from, const struct key_name *name, bool lock,
                                EVP_CIPHER_CTX **ctx, struct rkv_error *error) {
  uint8_t key[KEY_BYTES];
  enum rkv_status status =
      derive(from->bytes, name->salt, PURPOSE "records", key, sizeof key, error);
  if (!*ctx) *ctx = EVP_CIPHER_CTX_new();
  if (status == RKV_OK &&
      (!*ctx || EVP_CipherInit_ex(*ctx, EVP_aes_256_gcm(), NULL, key, NULL, lock) != 1))
    status = rkv_fail(error, RKV_BROKEN, "libcrypto takes no key (AES-256-GCM)");
  OPENSSL_cleanse(key, sizeof key);
  return status;
}

enum rkv_status keys_draw(const struct keys *keys, struct key_name *name, EVP_CIPHER_CTX **ctx,
                          struct rkv_error *error) {
  const struct user_key *from = &keys->list[keys->newest];
  name->generation = from->generation;
  memcpy(name->check, from->check, KEY_CHECK);
  if (getrandom(name->salt, KEY_SALT, 0) != KEY_SALT)
    return rkv_fail(error, RKV_BROKEN, "getrandom gives no salt");
  return take_key(from, name, true, ctx, error);
}

enum rkv_status keys_find(const struct keys *keys, const struct key_name *name,
                          EVP_CIPHER_CTX **ctx, struct rkv_error *error) {
  size_t i = 0;
  while (i < keys->count && keys->list[i].generation != name->generation) i++;
  if (i == keys->count)
    return rkv_fail(error, RKV_INVALID,
                    "locked by a key of generation %" PRIu32 ", which `key` lacks (add it to it)",
                    name->generation);
  if (memcmp(keys->list[i].check, name->check, KEY_CHECK) != 0)
    return rkv_fail(error, RKV_INVALID,
                    "locked by another key of generation %" PRIu32
                    " than `key` has (give the one that it was written with)",
                    name->generation);
  return take_key(&keys->list[i], name, false, ctx, error);
}

/* ---- the user's keys ---- */

/* Reads `[GENERATION:]HEX`. What is wrong with it; NULL: nothing. */
static const char *read_key(const char *item, struct user_key *key) {
  const char *colon = strchr(item, ':'), *hex = colon ? colon + 1 : item;
  size_t len = 0;
  uint64_t generation = 0;
  for (const char *at = item; colon && at < colon; at++) {
    if (*at < '0' || *at > '9' || generation > UINT32_MAX / 10)
      return "its generation is no number";
    generation = generation * 10 + (uint64_t)(*at - '0');
  }
  key->generation = (uint32_t)generation;
  if (strlen(hex) != 2 * KEY_BYTES || strspn(hex, "0123456789abcdefABCDEF") != 2 * KEY_BYTES ||
      OPENSSL_hexstr2buf_ex(key->bytes, KEY_BYTES, &len, hex, '\0') != 1)
    return "not 64 hexadecimal digits";
  return NULL;
}

static enum rkv_status add_key(struct keys *keys, const char *item, const char *origin,
                               struct rkv_error *error) {
  static const uint8_t no_salt[KEY_SALT];
  struct user_key *key = &keys->list[keys->count];
  const char *wrong = keys->count == KEYS_MAX ? "one too many (32 are possible)" : NULL;
  if (!wrong) wrong = read_key(item, key);
  for (size_t i = 0; !wrong && i < keys->count; i++)
    if (keys->list[i].generation == key->generation) wrong = "the second one of its generation";
  if (wrong)
    return rkv_fail(
        error, RKV_INVALID,
        "%s: key number %zu: %s (write GENERATION:HEX, as openssl rand -hex 32 makes it)", origin,
        keys->count + 1, wrong);
  if (key->generation > keys->list[keys->newest].generation) keys->newest = keys->count;
  keys->count++;
  return derive(key->bytes, no_salt, PURPOSE "check", key->check, KEY_CHECK, error);
}

enum rkv_status keys_parse(struct keys *keys, const struct rkv_value *value,
                           struct rkv_error *error) {
  char *text = strdup(value->text), *rest = NULL;
  enum rkv_status status = text ? RKV_OK : rkv_fail(error, RKV_NO_MEMORY, "no memory");
  for (char *item = text ? strtok_r(text, BETWEEN, &rest) : NULL; item && status == RKV_OK;
       item = strtok_r(NULL, BETWEEN, &rest))
    status = add_key(keys, item, value->origin, error);
  if (text) OPENSSL_cleanse(text, strlen(value->text));
  free(text);
  if (status != RKV_OK || keys->count > 0) return status;
  return rkv_fail(error, RKV_INVALID, "%s: key: empty (openssl rand -hex 32 > FILE makes one)",
                  value->origin);
}

/* ---- messages ---- */

/* Up to the last byte of text; the tag is the caller's. */
static bool turn(EVP_CIPHER_CTX *ctx, const struct message *m, const uint8_t *in, uint8_t *out) {
  uint8_t nonce[12];
  int len;
  put_u32(nonce, m->counts);
  put_u64(nonce + 4, m->number);
  return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
         EVP_CipherUpdate(ctx, NULL, &len, m->bound, (int)m->bound_len) == 1 &&
         (m->len == 0 || EVP_CipherUpdate(ctx, out, &len, in, (int)m->len) == 1);
}

bool cipher_lock(EVP_CIPHER_CTX *ctx, const struct message *m, const uint8_t *text, uint8_t *out) {
  int len;
  return turn(ctx, m, text, out) && EVP_CipherFinal_ex(ctx, out + m->len, &len) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG, out + m->len) == 1;
}

bool cipher_open(EVP_CIPHER_CTX *ctx, const struct message *m, const uint8_t *locked,
                 uint8_t *out) {
  uint8_t tag[CIPHER_TAG], none[CIPHER_TAG];
  int len;
  memcpy(tag, locked + m->len, sizeof tag);
  return turn(ctx, m, locked, out) &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG, tag) == 1 &&
         EVP_CipherFinal_ex(ctx, none, &len) == 1;
}
