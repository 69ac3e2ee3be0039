/* main.c: rkv-contract, which tells whether a plugin keeps the contract of its kind. */
#include "args.h"

#include <host/descriptors.h>
#include <host/exit_codes.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

HOST_DESCRIPTORS_FIRST;

/* Writes one output file. False: the file is not whole, and the run has failed. */
static bool write_to(const char *path, const struct suite *suite,
                     void (*write_out)(const struct suite *suite, FILE *out)) {
  FILE *file = fopen(path, "we");
  bool good = file != NULL;
  if (file) write_out(suite, file);
  if (file && (ferror(file) || fflush(file) != 0)) good = false;
  if (file && fclose(file) != 0) good = false;
  if (!good) (void)fprintf(stderr, "rkv-contract: %s: %s\n", path, strerror(errno));
  return good;
}

static bool write_report(const struct suite *suite) {
  char path[HOST_PATH_MAX];
  struct rkv_error error;
  if (host_contract_path(suite->path, path, &error) == RKV_OK)
    return write_to(path, suite, suite_write_report);
  (void)fprintf(stderr, "rkv-contract: %s\n", error.text);
  return false;
}

/* Every output that was asked for. False: one of them is not whole. */
static bool write_results(const struct args *args, const struct suite *suite, bool quiet) {
  bool good = true;
  if (quiet) suite_write_json(suite, stdout);
  if (args->json && !quiet) good = write_to(args->json, suite, suite_write_json);
  if (args->junit && !write_to(args->junit, suite, suite_write_junit)) good = false;
  if (args->report && !write_report(suite)) good = false;
  return good;
}

static int run_suite(const struct args *args) {
  struct suite *suite = calloc(1, sizeof *suite);
  bool quiet = args->json && strcmp(args->json, "-") == 0;
  int code = HOST_EXIT_CONFIG, broken_off = 0;
  if (!suite) return HOST_EXIT_UNAVAILABLE;
  if (suite_open(suite, &args->wish, stderr)) {
    bool holds = suite_run(suite, quiet ? stderr : stdout, stderr);
    code = suite->count == 0 ? HOST_EXIT_USAGE : holds ? HOST_EXIT_OK : SUITE_EXIT_BROKEN;
    broken_off = suite->broken_off;
    if (broken_off == 0 && suite->count > 0 && !write_results(args, suite, quiet))
      code = HOST_EXIT_STORAGE;
  }
  suite_close(suite);
  free(suite);
  if (broken_off != 0) (void)raise(broken_off); /* who waits for this process sees why it ended */
  return code;
}

int main(int argc, char **argv) {
  struct args args;
  if (!host_descriptors_fill("rkv-contract")) return HOST_EXIT_UNAVAILABLE;
  if (!args_parse(&args, argc, argv, stderr)) return HOST_EXIT_USAGE;
  if (args.help) args_usage(stdout);
  if (args.version) (void)printf("rkv-contract %s\n", RKV_VERSION);
  if (args.list) suite_tell_laws(0, stdout);
  if (args.help || args.version || args.list) return HOST_EXIT_OK;
  return run_suite(&args);
}
