/* check.c: the configuration, the paths and hosts in it, the storage that it names. */
#include "check.h"

#include "commands.h"
#include "exit_codes.h"
#include "reach.h"

#include <host/storage/standing.h>

#include <stdlib.h>

/* Looks for what a node would find only when it starts. */
static int look_around(struct host_config *config, FILE *err) {
  struct host_problems *problems = calloc(1, sizeof *problems);
  int code;
  if (!problems) {
    (void)fprintf(err, "raft-key-value: out of memory\n");
    return HOST_EXIT_UNAVAILABLE;
  }
  host_reach_check(config, problems);
  if (host_problems_none(problems)) standing_check(config, problems);
  code = host_problems_exit_code(problems);
  if (code != HOST_EXIT_OK) host_problems_print(problems, err);
  host_problems_free(problems);
  free(problems);
  return code;
}

int host_command_check(const struct host_flags *flags, FILE *out, FILE *err) {
  int code;
  struct host_config *config = host_command_load(flags, err, &code);
  if (!config) return code;
  code = look_around(config, err);
  if (code == HOST_EXIT_OK) (void)fprintf(out, "%s: ok\n", flags->config);
  host_config_free(config);
  free(config);
  return code;
}
