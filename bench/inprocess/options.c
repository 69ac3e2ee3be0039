/* options.c: reads the command line (options.h). */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

const char options_help[] =
    "bench-inprocess: closed-loop clients on the leader of a cluster in one process\n\n"
    "  --clients N[xB],...    one row each, B commands handed in at once "
    "(1,64,256,1024,4096,4096x4)\n"
    "  --commands N           of each row (5000000); the row of one client: a fifth\n"
    "  --nodes N              (3)        --threads N  that the clients are spread over (1)\n"
    "  --set SECTION.KEY=V    of every node; may be repeated (storage.plugin=storage-wal)\n"
    "  --json                 one object per row\n\n"
    "exit: 0 every answered command was applied once by every node, 1 not so, 2 usage\n";

static enum rkv_status number(const char *name, const char *text, uint64_t min, uint64_t max,
                              uint64_t *out, const char **end, struct rkv_error *error) {
  char *stop;
  errno = 0;
  *out = strtoull(text, &stop, 10);
  *end = stop;
  if (*text >= '0' && *text <= '9' && !errno && *out >= min && *out <= max) return RKV_OK;
  return rkv_fail(error, RKV_INVALID, "%s: \"%s\" is no number from %" PRIu64 " to %" PRIu64, name,
                  text, min, max);
}

static enum rkv_status whole_number(const char *name, const char *text, uint64_t min, uint64_t max,
                                    uint64_t *out, struct rkv_error *error) {
  const char *end;
  enum rkv_status status = number(name, text, min, max, out, &end, error);
  if (status == RKV_OK && *end)
    return rkv_fail(error, RKV_INVALID, "%s: \"%s\" is no number", name, text);
  return status;
}

static enum rkv_status read_rows(const char *text, struct options *options,
                                 struct rkv_error *error) {
  options->row_count = 0;
  for (;; text++) {
    uint64_t clients, batch = 1;
    if (options->row_count == OPTIONS_ROWS_MAX)
      return rkv_fail(error, RKV_INVALID, "--clients: at most %d rows", OPTIONS_ROWS_MAX);
    if (number("--clients", text, 1, OPTIONS_CLIENTS_MAX, &clients, &text, error) != RKV_OK)
      return RKV_INVALID;
    if (*text == 'x' &&
        number("--clients", text + 1, 1, OPTIONS_BATCH_MAX, &batch, &text, error) != RKV_OK)
      return RKV_INVALID;
    options->rows[options->row_count++] = (struct row){(unsigned)clients, (unsigned)batch};
    if (*text == '\0') return RKV_OK;
    if (*text != ',')
      return rkv_fail(error, RKV_INVALID, "--clients: \"%s\" does not follow a number", text);
  }
}

static enum rkv_status read_value(const char *name, const char *value, struct options *options,
                                  struct rkv_error *error) {
  uint64_t wide = 0;
  enum rkv_status status;
  if (strcmp(name, "--clients") == 0) return read_rows(value, options, error);
  if (strcmp(name, "--commands") == 0)
    return whole_number(name, value, 1, UINT64_C(1) << 40, &options->commands, error);
  if (strcmp(name, "--nodes") == 0) {
    status = whole_number(name, value, 1, DIRECT_NODES_MAX, &wide, error);
    options->nodes = (unsigned)wide;
    return status;
  }
  if (strcmp(name, "--threads") == 0) {
    status = whole_number(name, value, 1, OPTIONS_THREADS_MAX, &wide, error);
    options->threads = (unsigned)wide;
    return status;
  }
  if (strcmp(name, "--set") != 0)
    return rkv_fail(error, RKV_INVALID, "unknown option %s (--help lists them)", name);
  if (options->set_count == OPTIONS_SETS_MAX)
    return rkv_fail(error, RKV_INVALID, "--set: at most %d", OPTIONS_SETS_MAX);
  options->sets[options->set_count++] = value;
  return RKV_OK;
}

enum rkv_status options_read(int argc, char **argv, struct options *options,
                             struct rkv_error *error) {
  *options = (struct options){.rows = {{1, 1}, {64, 1}, {256, 1}, {1024, 1}, {4096, 1}, {4096, 4}},
                              .row_count = 6,
                              .nodes = 3,
                              .threads = 1,
                              .commands = 5000000};
  for (int i = 1; i < argc; i++) {
    enum rkv_status status = RKV_OK;
    if (strcmp(argv[i], "--help") == 0)
      options->help = true;
    else if (strcmp(argv[i], "--json") == 0)
      options->json = true;
    else if (i + 1 == argc)
      status = rkv_fail(error, RKV_INVALID, "%s: unknown, or without its value", argv[i]);
    else
      status = read_value(argv[i], argv[i + 1], options, error), i++;
    if (status != RKV_OK) return status;
  }
  for (unsigned i = 0; i < options->row_count; i++)
    if (options->rows[i].clients < options->threads && options->rows[i].clients > 1)
      return rkv_fail(error, RKV_INVALID, "--threads: more than clients");
  return RKV_OK;
}
