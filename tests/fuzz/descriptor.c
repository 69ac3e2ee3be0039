/* descriptor.c: a plugin's descriptor of any numbers and texts. Pointers are NULL or valid: no
 * check can tell another one. What is taken keeps what the loader promises (L2). */
#include "fuzz.h"

#include <host/loader.h>

#define OPTIONS_MAX 6
#define CHOICES_MAX 4
#define TEXT_MAX 64
#define TEXTS_MAX (8 + OPTIONS_MAX * (3 + CHOICES_MAX))

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct texts texts;
  static const char *choices[OPTIONS_MAX][CHOICES_MAX + 1];
  static struct rkv_option options[OPTIONS_MAX];
  static void (*ops[64])(void);
  struct feed f = {data, size};
  struct rkv_error error = {0};
  struct rkv_plugin p = {0};
  uint32_t i, kind = feed_pick(&f, 4);
  const char *name;
  texts.count = 0;
  p.kind = nearly(&f, kind == 0 ? 1 : kind);
  p.magic = feed_pick(&f, 16) == 0 ? feed_number(&f) : RKV_PLUGIN_MAGIC;
  p.abi_major = nearly(&f, RKV_ABI_MAJOR);
  p.abi_minor = nearly(&f, RKV_ABI_MINOR);
  p.struct_size = nearly(&f, sizeof p);
  p.option_size = nearly(&f, sizeof options[0]);
  p.ops_size = nearly(&f, host_ops_size(p.kind));
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
  if (host_plugin_check(&p, "x.so", name, kind, &error) != RKV_OK) {
    FUZZ_CHECK(strncmp(error.text, "x.so: ", 6) == 0);
    return 0;
  }
  FUZZ_CHECK(p.magic == RKV_PLUGIN_MAGIC && p.abi_major == RKV_ABI_MAJOR && p.reserved == 0);
  FUZZ_CHECK(p.name && p.version && p.description && p.ops && host_kind_name(p.kind));
  FUZZ_CHECK((kind == 0 || p.kind == kind) && (!name || strcmp(p.name, name) == 0));
  FUZZ_CHECK(!host_ops_missing(p.kind, p.ops));
  for (i = 0; i < p.option_count; i++) FUZZ_CHECK(options[i].name && options[i].help);
  return 0;
}
