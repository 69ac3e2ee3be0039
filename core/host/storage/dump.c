/* dump.c: a log, entry by entry. */
#include <host/storage/dump.h>

#include <host/json.h>
#include <host/storage/walk.h>

#include <inttypes.h>
#include <stdint.h>

enum { SHOWN_MAX = 48 }; /* bytes of a payload that a line for people shows */

static const char *kind_name(uint32_t kind) {
  switch (kind) {
  case RKV_ENTRY_BLANK: return "blank";
  case RKV_ENTRY_COMMAND: return "command";
  case RKV_ENTRY_MEMBERSHIP: return "membership";
  case RKV_ENTRY_MOVED: return "moved";
  default: return "unknown";
  }
}

static void print_bytes(FILE *out, struct rkv_buf payload, size_t max) {
  for (size_t i = 0; i < payload.len && i < max; i++) (void)fprintf(out, "%02x", payload.data[i]);
  if (payload.len > max) (void)fputs("...", out);
}

static void dump_json(FILE *out, const struct rkv_entry *e, const char *text) {
  (void)fprintf(out, "{\"index\": %" PRIu64 ", \"term\": %" PRIu64 ", \"kind\": \"%s\"",
                e->id.index, e->id.term, kind_name(e->kind));
  host_json_pair(out, ", ", "text", text);
  (void)fputs(", \"payload\": \"", out);
  print_bytes(out, e->payload, SIZE_MAX);
  (void)fputs("\"}\n", out);
}

static void dump_line(FILE *out, const struct rkv_entry *e, const char *text) {
  (void)fprintf(out, "%10" PRIu64 "  %6" PRIu64 "  %-10s  %8zu  ", e->id.index, e->id.term,
                kind_name(e->kind), e->payload.len);
  if (text)
    (void)fputs(text, out);
  else
    print_bytes(out, e->payload, SHOWN_MAX);
  (void)fputc('\n', out);
}

enum rkv_status dump_log(const struct subject *s, const struct words *words, bool json, FILE *out,
                         struct rkv_error *error) {
  struct walk walk = {0};
  const struct rkv_entry *entry = NULL;
  char text[WORDS_MAX];
  enum rkv_status status = walk_begin(&walk, s, s->state.last.index, error);
  if (!json)
    (void)fprintf(out, "%10s  %6s  %-10s  %8s  PAYLOAD\n", "INDEX", "TERM", "KIND", "BYTES");
  while (status == RKV_OK) {
    status = walk_entry(&walk, &entry, error);
    if (status != RKV_OK || !entry) break;
    (json ? dump_json : dump_line)(out, entry, words_of(words, entry, text) ? text : NULL);
    if (ferror(out)) break; /* the reader has seen enough */
  }
  walk_end(&walk);
  return status;
}
