/* envelope.c: request metadata that says for whom a request is meant. */
#include "envelope.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER_DIGITS 32
#define NOT_KNOWN "-"

grpc_metadata envelope_pair(const struct rkv_peer_info *info) {
  char cluster[CLUSTER_DIGITS + 1] = NOT_KNOWN, incarnation[17] = NOT_KNOWN;
  char text[ENVELOPE_TEXT_MAX];
  grpc_metadata pair;
  memset(&pair, 0, sizeof pair);
  if (rkv_cluster_id_known(info->cluster))
    (void)snprintf(cluster, sizeof cluster, "%016" PRIx64 "%016" PRIx64, info->cluster.high,
                   info->cluster.low);
  if (info->incarnation)
    (void)snprintf(incarnation, sizeof incarnation, "%" PRIx64, info->incarnation);
  (void)snprintf(text, sizeof text, "%s %" PRIu64 " %s", cluster, info->id, incarnation);
  pair.key = grpc_slice_from_static_string(ENVELOPE_KEY);
  pair.value = grpc_slice_from_copied_string(text);
  return pair;
}

/* One word of digits, at most `digits` of them, ended by `end`. */
static bool number(const char **at, int base, size_t digits, char end, uint64_t *out) {
  const char *allowed = base == 16 ? "0123456789abcdef" : "0123456789";
  const size_t len = strspn(*at, allowed);
  if (len == 0 || len > digits || (*at)[len] != end) return false;
  *out = strtoull(*at, NULL, base);
  *at += len + (end != '\0');
  return true;
}

static bool cluster(const char **at, struct rkv_cluster_id *out) {
  char high[17];
  const char *half = high;
  if (strncmp(*at, NOT_KNOWN " ", 2) == 0) {
    *at += 2;
    return true;
  }
  if (strspn(*at, "0123456789abcdef") != CLUSTER_DIGITS) return false;
  memcpy(high, *at, 16);
  high[16] = '\0';
  *at += 16;
  return number(&half, 16, 16, '\0', &out->high) && number(at, 16, 16, ' ', &out->low);
}

static bool parse(const char *at, struct rkv_envelope *out) {
  memset(out, 0, sizeof *out);
  if (!cluster(&at, &out->cluster) || !number(&at, 10, 19, ' ', &out->to)) return false;
  if (strcmp(at, NOT_KNOWN) == 0) return true;
  return number(&at, 16, 16, '\0', &out->incarnation);
}

enum rkv_status envelope_find(const grpc_metadata_array *metadata, struct rkv_envelope *out,
                              bool *found, struct rkv_error *error) {
  char text[ENVELOPE_TEXT_MAX];
  *found = false;
  for (size_t i = 0; i < metadata->count; i++) {
    const grpc_metadata *pair = &metadata->metadata[i];
    const size_t len = GRPC_SLICE_LENGTH(pair->value);
    if (grpc_slice_str_cmp(pair->key, ENVELOPE_KEY) != 0) continue;
    if (len < sizeof text) {
      memcpy(text, GRPC_SLICE_START_PTR(pair->value), len);
      text[len] = '\0';
      *found = strlen(text) == len && parse(text, out);
    }
    if (*found) return RKV_OK;
    return rkv_fail(error, RKV_INVALID,
                    "metadata " ENVELOPE_KEY ": not CLUSTER NODE INCARNATION (hex, number, hex)");
  }
  return RKV_OK;
}
