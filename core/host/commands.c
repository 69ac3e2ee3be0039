/* commands.c: config, and what every command reads first. */
#include "commands.h"

#include "exit_codes.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

#define ORIGIN_COLUMN 44 /* where the origin comments begin */

struct host_config *host_command_load(const struct host_flags *flags, FILE *err, int *code) {
  struct host_config *config = calloc(1, sizeof *config);
  struct host_problems *problems = calloc(1, sizeof *problems);
  if (!config || !problems) {
    (void)fprintf(err, "raft-key-value: out of memory\n");
    *code = HOST_EXIT_UNAVAILABLE;
    goto failed;
  }
  host_config_load(config, flags, problems);
  *code = host_problems_exit_code(problems);
  if (*code != HOST_EXIT_OK) {
    host_problems_print(problems, err);
    goto failed;
  }
  host_problems_free(problems);
  free(problems);
  return config;
failed:
  if (config) host_config_free(config);
  if (problems) host_problems_free(problems);
  free(problems);
  free(config);
  return NULL;
}

static void print_setting(FILE *out, const char *key, const char *text, const char *origin) {
  int written = fprintf(out, "%s = %s", key, text);
  (void)fprintf(out, "%*s; %s\n", written < ORIGIN_COLUMN ? ORIGIN_COLUMN - written : 1, "",
                origin);
}

static void print_values(FILE *out, const struct host_table *table,
                         const struct rkv_value *values) {
  for (size_t i = 0; i < table->count; i++) {
    const struct rkv_option *option = &table->first[i];
    bool secret = option->flags & RKV_OPTION_SECRET;
    print_setting(out, option->name, secret ? "***" : values[i].text, values[i].origin);
  }
}

int host_command_config(const struct host_flags *flags, FILE *out, FILE *err) {
  struct host_table table = host_node_table();
  int code;
  struct host_config *config = host_command_load(flags, err, &code);
  if (!config) return code;
  (void)fprintf(out, "[%s]\n", HOST_NODE_SECTION);
  print_values(out, &table, config->node);
  for (size_t i = 0; i < HOST_PART_COUNT; i++) {
    const struct host_part *part = &config->parts[i];
    const struct host_part *under = part->under;
    (void)fprintf(out, "\n[%s]\n", part->section);
    print_setting(out, HOST_PLUGIN_KEY, part->named, part->origin);
    print_setting(out, HOST_CONTRACT_KEY, part->contract.text, part->contract.origin);
    if (under) print_setting(out, HOST_OVER_KEY, under->named, under->origin);
    table = host_table_of(part->plugin);
    print_values(out, &table, part->values);
    if (!under) continue;
    (void)fprintf(out, "\n[%s]\n", under->section);
    table = host_table_of(under->plugin);
    print_values(out, &table, under->values);
  }
  host_config_free(config);
  free(config);
  return HOST_EXIT_OK;
}
