/* options.c: the command line of bench-storage. */
#include "bench.h"

#include <stdlib.h>

void wish_usage(FILE *to) {
  (void)fputs(
      "bench-storage PLUGIN.so [--dir DIR] [--set KEY=VALUE]... [--size BYTES,...]\n"
      "              [--batch ENTRIES,...] [--window N] [--seconds S | --fill ENTRIES] [--keep]\n"
      "              [--watch S] [--json]\n"
      "bench-storage PLUGIN.so --dir DIR --open [--cold] [--purge N] [--set KEY=VALUE]... "
      "[--json]\n"
      "bench-storage --probe --dir DIR [--json]\n\n"
      "  --dir      where each row gets a directory DIR/row-N, made anew (default: .)\n"
      "  --set      an option of the plugin; of a stacked one over=PLUGIN.so and under.KEY=VALUE, "
      "too\n"
      "  --size     bytes of an entry (default 256,4096)\n"
      "  --batch    entries of one append (default 1,64)\n"
      "  --window   appends on their way at once (default 1)\n"
      "  --seconds  of appending in each row (default 2)\n"
      "  --fill     so many entries in each row instead\n"
      "  --watch    every S seconds of appending a line: how long the log is, memory in use\n"
      "  --keep     the last row's directory stays, DIR/row-N, as it was closed\n"
      "  --open     only opens the storage in DIR, and tells time and memory\n"
      "  --cold     before that, what the system holds of its files in memory is dropped\n"
      "  --purge    after that, all but the last N entries, and tells the bytes on the disk\n"
      "  --probe    only what the device of DIR takes for a sync\n"
      "  --json     one object per row\n",
      to);
}

static bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *out) {
  char *end;
  *out = strtoull(text, &end, 10);
  return end != text && *end == '\0' && *out >= least && *out <= most;
}

static bool parse_list(char *text, uint64_t *list, size_t *count) {
  char *state, *word = strtok_r(text, ",", &state);
  *count = 0;
  for (; word && *count < LIST_MAX; word = strtok_r(NULL, ",", &state))
    if (!parse_number(word, 1, UINT64_C(1) << 26, &list[(*count)++])) return false;
  return *count > 0 && !word;
}

static bool parse_value(struct wish *w, const char *flag, char *value) {
  if (strcmp(flag, "--dir") == 0) return (w->dir = value);
  if (strcmp(flag, "--size") == 0) return parse_list(value, w->sizes, &w->size_count);
  if (strcmp(flag, "--batch") == 0) return parse_list(value, w->batches, &w->batch_count);
  if (strcmp(flag, "--window") == 0) return parse_number(value, 1, WINDOW_MAX, &w->window);
  if (strcmp(flag, "--seconds") == 0) return parse_number(value, 1, 3600, &w->seconds);
  if (strcmp(flag, "--watch") == 0) return parse_number(value, 1, 3600, &w->watch);
  if (strcmp(flag, "--fill") == 0) return parse_number(value, 1, UINT64_C(1) << 32, &w->fill);
  if (strcmp(flag, "--purge") == 0) return parse_number(value, 1, UINT64_C(1) << 32, &w->left);
  if (strcmp(flag, "--set") != 0 || w->option_count == OPTIONS_MAX) return false;
  w->options[w->option_count++] = value;
  return true;
}

/* True if the word is a flag without a value. */
static bool take_switch(struct wish *w, const char *word) {
  const struct {
    const char *name;
    bool *on;
  } switches[] = {{"--keep", &w->keep},
                  {"--open", &w->open},
                  {"--cold", &w->cold},
                  {"--probe", &w->probe},
                  {"--json", &w->json}};
  for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
    if (strcmp(word, switches[i].name) == 0) return (*switches[i].on = true);
  return false;
}

/* Words that need each other. */
static bool whole(const struct wish *w) {
  const char *reason = NULL;
  if (!w->plugin && !w->probe) reason = "the PLUGIN.so is missing";
  if ((w->cold || w->left > 0) && !w->open) reason = "--cold and --purge belong to --open";
  if (reason) (void)fprintf(stderr, "bench-storage: %s\n", reason);
  return !reason;
}

bool wish_parse(struct wish *w, int argc, char **argv) {
  *w = (struct wish){.dir = ".",
                     .sizes = {256, 4096},
                     .size_count = 2,
                     .batches = {1, 64},
                     .batch_count = 2,
                     .window = 1,
                     .seconds = 2};
  for (int i = 1; i < argc; i++) {
    bool good = true;
    if (take_switch(w, argv[i])) continue;
    if (argv[i][0] != '-' && !w->plugin)
      w->plugin = argv[i];
    else if (i + 1 < argc)
      good = parse_value(w, argv[i], argv[i + 1]), i++;
    else
      good = false;
    if (good) continue;
    (void)fprintf(stderr, "bench-storage: wrong: %s\n", argv[i]);
    return false;
  }
  return whole(w);
}
