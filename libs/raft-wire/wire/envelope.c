/* envelope.c: request metadata that says for whom a request is meant, and who sends it. */
#include "wire/envelope.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CLUSTER_DIGITS 32
#define ID_DIGITS 20            /* of the greatest node id */
#define INCARNATION_TEXT_MAX 17 /* 16 hex digits and a NUL */
#define NOT_KNOWN "-"

/* ---- out ---- */

static const char *incarnation_text(uint64_t incarnation, char text[INCARNATION_TEXT_MAX]) {
  if (incarnation == 0) return NOT_KNOWN;
  (void)snprintf(text, INCARNATION_TEXT_MAX, "%" PRIx64, incarnation);
  return text;
}

static grpc_metadata pair_of(const char *key, const char *text) {
  grpc_metadata out;
  memset(&out, 0, sizeof out);
  out.key = grpc_slice_from_static_string(key);
  out.value = grpc_slice_from_copied_string(text);
  return out;
}

void envelope_pairs(const struct rkv_peer_info *info, rkv_node_id self,
                    grpc_metadata out[ENVELOPE_PAIRS]) {
  char cluster[CLUSTER_DIGITS + 1] = NOT_KNOWN, incarnation[INCARNATION_TEXT_MAX];
  char text[ENVELOPE_TEXT_MAX];
  if (rkv_cluster_id_known(info->cluster))
    (void)snprintf(cluster, sizeof cluster, "%016" PRIx64 "%016" PRIx64, info->cluster.high,
                   info->cluster.low);
  (void)snprintf(text, sizeof text, "%s %" PRIu64 " %s", cluster, info->id,
                 incarnation_text(info->incarnation, incarnation));
  out[0] = pair_of(ENVELOPE_KEY, text);
  (void)snprintf(text, sizeof text, "%" PRIu64 " %s", self,
                 incarnation_text(info->from_incarnation, incarnation));
  out[1] = pair_of(ENVELOPE_SENDER_KEY, text);
}

/* ---- in ---- */

/* Not below `base`: none of its digits. */
static unsigned digit(char c, unsigned base) {
  if (c >= '0' && c <= '9') return (unsigned)(c - '0');
  if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a') + 10;
  return base;
}

/* Steps over the digits of a number, at most `most` of them; how many they were. 0: none, or more
 * than 64 bits hold. */
static size_t number(const char **at, unsigned base, size_t most, uint64_t *out) {
  const char *begin = *at;
  *out = 0;
  for (; (size_t)(*at - begin) < most; ++*at) {
    const unsigned d = digit(**at, base);
    if (d >= base) break;
    if (*out > (UINT64_MAX - d) / base) return 0;
    *out = *out * base + d;
  }
  return (size_t)(*at - begin);
}

static bool skip(const char **at, const char *sign) {
  if (strncmp(*at, sign, strlen(sign)) != 0) return false;
  *at += strlen(sign);
  return true;
}

static bool cluster(const char **at, struct rkv_cluster_id *out) {
  if (skip(at, NOT_KNOWN)) return true;
  return number(at, 16, 16, &out->high) == 16 && number(at, 16, 16, &out->low) == 16;
}

static bool node(const char **at, rkv_node_id *id) {
  return number(at, 10, ID_DIGITS, id) > 0;
}

static bool incarnation(const char **at, uint64_t *out) {
  return skip(at, NOT_KNOWN) || number(at, 16, 16, out) > 0;
}

static bool parse(const char *at, struct rkv_envelope *out) {
  return cluster(&at, &out->cluster) && skip(&at, " ") && node(&at, &out->to) && skip(&at, " ") &&
         incarnation(&at, &out->incarnation) && *at == '\0';
}

static bool parse_sender(const char *at, struct rkv_envelope *out) {
  return node(&at, &out->from) && skip(&at, " ") && incarnation(&at, &out->from_incarnation) &&
         (*at == '\0' || *at == ' ');
}

/* Copies the value of the first pair of this key: false if there is none. A value with a NUL, or
 * one too long, comes out empty, which nothing parses. */
static bool value_of(const grpc_metadata_array *metadata, const char *key,
                     char text[ENVELOPE_TEXT_MAX]) {
  for (size_t i = 0; i < metadata->count; i++) {
    const grpc_metadata *pair = &metadata->metadata[i];
    const size_t len = GRPC_SLICE_LENGTH(pair->value);
    if (grpc_slice_str_cmp(pair->key, key) != 0) continue;
    text[0] = '\0';
    if (len >= ENVELOPE_TEXT_MAX || memchr(GRPC_SLICE_START_PTR(pair->value), 0, len)) return true;
    memcpy(text, GRPC_SLICE_START_PTR(pair->value), len);
    text[len] = '\0';
    return true;
  }
  return false;
}

enum rkv_status envelope_find(const grpc_metadata_array *metadata, struct rkv_envelope *out,
                              bool *found, struct rkv_error *error) {
  char text[ENVELOPE_TEXT_MAX];
  *found = false;
  memset(out, 0, sizeof *out);
  if (!value_of(metadata, ENVELOPE_KEY, text)) return RKV_OK;
  if (!parse(text, out))
    return rkv_fail(error, RKV_INVALID,
                    "metadata " ENVELOPE_KEY ": not CLUSTER NODE INCARNATION (hex, number, hex)");
  if (value_of(metadata, ENVELOPE_SENDER_KEY, text) && !parse_sender(text, out))
    return rkv_fail(error, RKV_INVALID,
                    "metadata " ENVELOPE_SENDER_KEY ": not NODE INCARNATION (number, hex)");
  *found = true;
  return RKV_OK;
}
