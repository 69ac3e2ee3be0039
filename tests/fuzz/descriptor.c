/* descriptor.c: a plugin's descriptor of any numbers and texts, with tables of any length. Pointers
 * are NULL or valid: no check can tell another one. Each table is an allocation of its own, as long
 * as it says: AddressSanitizer sees who reads on. What is taken keeps what the loader promises
 * (L2), (L4). */
#include "fuzz.h"

#include <host/loader.h>
#include <host/ops.h>

#define OPTIONS_MAX 6
#define CHOICES_MAX 4
#define TEXT_MAX 64
#define TEXTS_MAX (8 + OPTIONS_MAX * (3 + CHOICES_MAX))
#define OPS_MAX 64
#define TABLE_MAX 512u /* bytes: a table that says more is as long, and must not be read */

struct texts {
  char list[TEXTS_MAX][TEXT_MAX];
  size_t count;
};

static void an_operation(void) {}

/* NULL, one of the words that matter, or any text. */
static const char *text(struct feed *f, struct texts *t) {
  static const char *const words[] = {"storage-x", "1.0",   "a line",          "x",
                                      "plugin",    "64KiB", "500ms",           "true",
                                      "12",        "size",  "require_contract"};
  uint32_t kind = feed_pick(f, 16);
  struct feed bytes;
  char *out;
  if (kind == 0) return NULL;
  if (kind <= sizeof words / sizeof words[0]) return words[kind - 1];
  out = t->list[t->count++];
  bytes = feed_bytes(f, feed_pick(f, TEXT_MAX));
  if (bytes.left > 0) memcpy(out, bytes.at, bytes.left);
  out[bytes.left] = '\0';
  return out;
}

static void option(struct feed *f, struct texts *t, struct rkv_option *o,
                   const char *choices[CHOICES_MAX + 1]) {
  uint32_t i, count = feed_pick(f, CHOICES_MAX + 1);
  memset(o, 0, sizeof *o);
  o->name = text(f, t);
  o->default_text = text(f, t);
  o->help = text(f, t);
  o->min = feed_number(f);
  o->max = feed_number(f);
  o->type = feed_pick(f, 10);
  o->flags = feed_pick(f, 8);
  for (i = 0; i < count; i++) choices[i] = text(f, t);
  choices[count] = NULL;
  if (feed_byte(f) & 1) o->choices = choices;
}

/* Right, or anything. */
static uint32_t nearly(struct feed *f, uint64_t right) {
  return (uint32_t)(feed_pick(f, 16) == 0 ? feed_number(f) : right);
}

/* A table's length: this host's, a shorter one, or anything. */
static uint32_t length(struct feed *f, size_t right) {
  switch (feed_pick(f, 16)) {
  case 0: return (uint32_t)feed_number(f);
  case 1: return (uint32_t)(right - feed_byte(f) % right);
  default: return (uint32_t)right;
  }
}

/* `count` rows of `size` bytes, of which `from` has `full` each. */
static void *table(const void *from, size_t full, uint32_t size, size_t count) {
  size_t row = size < TABLE_MAX ? size : TABLE_MAX;
  char *out = calloc(count ? count : 1, row ? row : 1);
  FUZZ_CHECK(out);
  for (size_t i = 0; i < count; i++)
    memcpy(out + i * row, (const char *)from + i * full, row < full ? row : full);
  return out;
}

/* The same up to what was given, zeros behind it. */
static void check_copy(const void *is, const void *given, uint32_t size, size_t full) {
  FUZZ_CHECK(size <= full && memcmp(is, given, size) == 0);
  for (size_t i = size; i < full; i++) FUZZ_CHECK(((const char *)is)[i] == 0);
}

/* What the loader made of it. */
static void check_taken(const struct host_plugin *out, const struct rkv_plugin *p, uint32_t kind,
                        const char *name) {
  const struct rkv_plugin *d = &out->descriptor;
  FUZZ_CHECK(d->magic == RKV_PLUGIN_MAGIC && d->abi_major == RKV_ABI_MAJOR && d->reserved == 0);
  FUZZ_CHECK(d->name && d->version && d->description && host_kind_name(d->kind));
  FUZZ_CHECK((kind == 0 || d->kind == kind) && (!name || strcmp(d->name, name) == 0));
  FUZZ_CHECK(d->ops == &out->ops && d->options == out->options);
  FUZZ_CHECK(d->option_count == p->option_count && d->abi_minor == p->abi_minor);
  FUZZ_CHECK(!host_ops_missing(d->kind, d->ops));
  check_copy(&out->ops, p->ops, p->ops_size, host_shape_full(host_ops_shape(d->kind)));
  for (size_t i = 0; i < p->option_count; i++) {
    check_copy(&out->options[i], (const char *)p->options + i * p->option_size, p->option_size,
               sizeof out->options[i]);
    FUZZ_CHECK(out->options[i].name && out->options[i].help);
  }
}

/* Offers `p`, whose tables are whole, with tables as long as it says. */
static void offer(struct rkv_plugin *p, uint32_t kind, const char *name) {
  static struct host_plugin out;
  const uint32_t head = offsetof(struct rkv_plugin, kind); /* always there */
  struct rkv_error error = {0};
  void *options = NULL, *ops = NULL, *given;
  if (p->options)
    p->options = options = table(p->options, sizeof *p->options, p->option_size, p->option_count);
  if (p->ops) p->ops = ops = table(p->ops, OPS_MAX * sizeof(void (*)(void)), p->ops_size, 1);
  given = table(p, sizeof *p, p->struct_size > head ? p->struct_size : head, 1);
  memset(&out, 0xff, sizeof out);
  if (host_plugin_adopt(given, "x.so", name, kind, &out, &error) == RKV_OK)
    check_taken(&out, p, kind, name);
  else
    FUZZ_CHECK(strncmp(error.text, "x.so: ", 6) == 0);
  free(options);
  free(ops);
  free(given);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct texts texts;
  static const char *choices[OPTIONS_MAX][CHOICES_MAX + 1];
  static struct rkv_option options[OPTIONS_MAX];
  static void (*ops[OPS_MAX])(void);
  struct feed f = {data, size};
  struct rkv_plugin p = {0};
  uint32_t i, kind = feed_pick(&f, 4);
  const char *name;
  texts.count = 0;
  p.kind = nearly(&f, kind == 0 ? 1 : kind);
  p.magic = feed_pick(&f, 16) == 0 ? feed_number(&f) : RKV_PLUGIN_MAGIC;
  p.abi_major = nearly(&f, RKV_ABI_MAJOR);
  p.abi_minor = nearly(&f, RKV_ABI_MINOR);
  p.struct_size = length(&f, sizeof p);
  p.option_size = length(&f, sizeof options[0]);
  p.ops_size = length(&f, host_shape_full(host_ops_shape(p.kind)));
  p.reserved = nearly(&f, 0);
  p.capabilities = feed_number(&f);
  p.name = text(&f, &texts);
  p.version = text(&f, &texts);
  p.description = text(&f, &texts);
  name = text(&f, &texts);
  p.option_count = feed_pick(&f, OPTIONS_MAX + 1);
  for (i = 0; i < p.option_count; i++) option(&f, &texts, &options[i], choices[i]);
  if (p.option_count > 0 || feed_byte(&f) & 1) p.options = options;
  for (i = 0; i < sizeof ops / sizeof ops[0]; i++) ops[i] = an_operation;
  if (feed_pick(&f, 8) == 1) ops[feed_pick(&f, sizeof ops / sizeof ops[0])] = NULL;
  if (feed_pick(&f, 16) != 1) p.ops = ops;
  offer(&p, kind, name);
  return 0;
}
