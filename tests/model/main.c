/* main.c: rkv-model [--terms N] [--entries N] [--crashes N] [--change none|3to2|1to3|2to1|1to1]
 *         [--changes N] [--saves N] [--step-down yes|no] [--states N]
 *
 * Explores core/raft within these bounds (model.h) and prints how many states it saw. Exit code 0:
 * every law held in all of them. --states stops the exploration after so many states. */
#include "model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EX_USAGE 64
#define ALL_VOTERS 0xe /* nodes 1, 2, 3 */
#define WALK_PATHS 400
#define WALK_STEPS 300

static int usage(void) {
  fputs("usage: rkv-model [--terms N] [--entries N] [--crashes N] [--change "
        "none|3to2|1to3|2to1|1to1]\n"
        "             [--changes N] [--saves N] [--step-down yes|no] [--states N]\n",
        stderr);
  return EX_USAGE;
}

static bool number_of(const char *text, unsigned long max, unsigned long *number) {
  char *end;
  *number = strtoul(text, &end, 10);
  return *text != '\0' && *end == '\0' && *number <= max;
}

static bool change_of(const char *text, struct model_options *o) {
  static const struct {
    const char *name;
    uint32_t voters, after;
  } changes[] = {
      {"none", ALL_VOTERS, ALL_VOTERS}, {"3to2", ALL_VOTERS, 1u << 1 | 1u << 2},
      {"1to3", 1u << 1, ALL_VOTERS},    {"2to1", 1u << 1 | 1u << 2, 1u << 1},
      {"1to1", 1u << 1, 1u << 2},
  };
  size_t i = 0, count = sizeof changes / sizeof changes[0];
  while (i < count && strcmp(text, changes[i].name) != 0) i++;
  if (i == count) return false;
  o->voters = changes[i].voters;
  o->voters_after = changes[i].after;
  o->changes = o->voters != o->voters_after;
  return true;
}

static bool option(const char *name, const char *value, struct model_options *o) {
  unsigned long n = 0;
  if (strcmp(name, "--change") == 0) return change_of(value, o);
  if (strcmp(name, "--step-down") == 0) {
    o->steps_down = strcmp(value, "yes") == 0;
    return o->steps_down || strcmp(value, "no") == 0;
  }
  if (strcmp(name, "--states") == 0) {
    bool fits = number_of(value, UINT32_MAX, &n);
    o->states_max = (uint32_t)n;
    return fits;
  }
  if (!number_of(value, MODEL_TERMS_MAX, &n)) return false;
  if (strcmp(name, "--terms") == 0)
    o->terms = (uint8_t)n;
  else if (strcmp(name, "--entries") == 0)
    o->entries = (uint8_t)n;
  else if (strcmp(name, "--crashes") == 0)
    o->crashes = (uint8_t)n;
  else if (strcmp(name, "--saves") == 0)
    o->saves = (uint8_t)n;
  else if (strcmp(name, "--changes") == 0)
    o->changes = (uint8_t)n;
  else
    return false;
  return true;
}

static bool parse(int argc, char **argv, struct model_options *o) {
  int at = 1;
  for (; at + 1 < argc; at += 2)
    if (!option(argv[at], argv[at + 1], o)) return false;
  return at == argc && o->saves > 0;
}

int main(int argc, char **argv) {
  struct model_options options = {.terms = 2,
                                  .entries = 3,
                                  .crashes = 1,
                                  .saves = 1,
                                  .voters = ALL_VOTERS,
                                  .voters_after = ALL_VOTERS,
                                  .states_max = UINT32_MAX};
  struct model_world w;
  struct model_result result;
  bool same;
  if (!parse(argc, argv, &options)) return usage();
  model_world_open(&w, &options);
  same = model_walk(&w, 1, WALK_PATHS, WALK_STEPS);
  model_world_close(&w);
  if (!same) return 1;
  model_world_open(&w, &options);
  result = model_explore(&w, stdout);
  printf("model: %u states, %" PRIu64 " transitions, depth %u (%u node states, %u messages), bound "
         "%d nodes, %u terms, %u entries, %u crashes, %u changes, %u saves in hand%s: %s\n",
         result.states, result.transitions, result.depth, result.nodes, result.messages,
         MODEL_NODES, options.terms, options.entries, options.crashes, options.changes,
         options.saves, options.steps_down ? ", leaders step down" : "",
         result.broken     ? "BROKEN"
         : result.complete ? "holds"
                           : "holds as deep as --states reaches");
  model_world_close(&w);
  return result.broken ? 1 : 0;
}
