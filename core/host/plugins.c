/* plugins.c: the command that shows what is installed. */
#include "commands.h"

#include "exit_codes.h"
#include "json.h"
#include "ops.h"
#include "values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROW "%-14s %-20s %-9s %-5s %-28s %s\n" /* durable,finds-damage,stacked has 28 */
#define CAPS_MAX 128                           /* bytes of a printed list of capabilities */

static const struct {
  uint64_t bit;
  const char *text;
} capabilities[] = {
#define CAPABILITY(name, bit, text) {RKV_CAP_##name, text},
    RKV_CAP_LIST(CAPABILITY)
#undef CAPABILITY
};
#define CAPABILITY_COUNT (sizeof capabilities / sizeof capabilities[0])

/* Writes "durable,streaming", each word between `quote`s; "" if there is none. */
static void list_capabilities(uint64_t flags, const char *quote, char out[CAPS_MAX]) {
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < CAPABILITY_COUNT && used < CAPS_MAX; i++)
    if (flags & capabilities[i].bit)
      used += (size_t)snprintf(out + used, CAPS_MAX - used, "%s%s%s%s", used ? "," : "", quote,
                               capabilities[i].text, quote);
}

static bool ranged(const struct rkv_option *option) {
  return option->type == RKV_OPTION_UINT || option->type == RKV_OPTION_SIZE ||
         option->type == RKV_OPTION_DURATION;
}

/* ---- for people ---- */

static void row(FILE *out, const struct rkv_plugin *plugin) {
  char abi[24], caps[CAPS_MAX];
  (void)snprintf(abi, sizeof abi, "%u.%u", plugin->abi_major, plugin->abi_minor);
  list_capabilities(plugin->capabilities, "", caps);
  (void)fprintf(out, ROW, host_kind_name(plugin->kind), plugin->name, plugin->version, abi,
                caps[0] ? caps : "-", plugin->description);
}

static void show_option(FILE *out, const struct rkv_option *option) {
  (void)fprintf(out, "\n  %s = %s\n      %s", option->name,
                option->default_text ? option->default_text : "(required)",
                host_option_type_name(option->type));
  if (ranged(option)) {
    char low[HOST_NUMBER_MAX], high[HOST_NUMBER_MAX];
    host_value_print(option->type, option->min, low);
    host_value_print(option->type, option->max, high);
    (void)fprintf(out, ", %s to %s", low, high);
  }
  for (size_t i = 0; option->choices && option->choices[i]; i++)
    (void)fprintf(out, "%s%s", i ? " | " : ": ", option->choices[i]);
  if (option->flags & RKV_OPTION_SECRET)
    (void)fprintf(out, ", secret: never shown; ${ENV} or file:PATH");
  (void)fprintf(out, "\n      %s\n", option->help);
}

static void show(FILE *out, const struct rkv_plugin *plugin) {
  struct host_table table = host_table_of(plugin);
  (void)fprintf(out, ROW, "KIND", "NAME", "VERSION", "ABI", "CAPABILITIES", "DESCRIPTION");
  row(out, plugin);
  (void)fprintf(out, "\n[%s]\nplugin = %s\n", host_kind_name(plugin->kind), plugin->name);
  if (host_is_stacked(plugin))
    (void)fprintf(out,
                  "\n  over = (required)\n      the %s that it is built over; options of that one "
                  "in section [%s]\n",
                  host_kind_name(plugin->kind), host_under_section(plugin->kind));
  for (size_t i = 0; i < table.count; i++) show_option(out, &table.first[i]);
}

/* ---- for programs ---- */

static void json_option(FILE *out, const struct rkv_option *option) {
  host_json_pair(out, "{", "name", option->name);
  host_json_pair(out, ", ", "type", host_option_type_name(option->type));
  host_json_pair(out, ", ", "default", option->default_text);
  (void)fprintf(out, ", \"required\": %s, \"secret\": %s",
                option->flags & RKV_OPTION_REQUIRED ? "true" : "false",
                option->flags & RKV_OPTION_SECRET ? "true" : "false");
  if (ranged(option))
    (void)fprintf(out, ", \"min\": %" PRIu64 ", \"max\": %" PRIu64, option->min, option->max);
  for (size_t i = 0; option->choices && option->choices[i]; i++) {
    (void)fputs(i ? ", " : ", \"choices\": [", out);
    host_json_text(out, option->choices[i]);
  }
  if (option->choices) (void)fputc(']', out);
  host_json_pair(out, ", ", "help", option->help);
  (void)fputc('}', out);
}

static void json_plugin(FILE *out, const struct rkv_plugin *plugin, bool with_options) {
  struct host_table table = host_table_of(plugin);
  char caps[CAPS_MAX];
  list_capabilities(plugin->capabilities, "\"", caps);
  host_json_pair(out, "{", "kind", host_kind_name(plugin->kind));
  host_json_pair(out, ", ", "name", plugin->name);
  host_json_pair(out, ", ", "version", plugin->version);
  (void)fprintf(out, ", \"abi\": \"%u.%u\", \"capabilities\": [%s]", plugin->abi_major,
                plugin->abi_minor, caps);
  host_json_pair(out, ", ", "description", plugin->description);
  for (size_t i = 0; with_options && i < table.count; i++) {
    (void)fputs(i ? ",\n  " : ", \"options\": [\n  ", out);
    json_option(out, &table.first[i]);
  }
  if (with_options) (void)fputs(table.count ? "]" : ", \"options\": []", out);
  (void)fputc('}', out);
}

/* ---- the command ---- */

static int print_refusal(FILE *err, const struct rkv_error *error) {
  (void)fprintf(err, "raft-key-value: %s\n", error->text);
  return HOST_EXIT_CONFIG;
}

static int show_one(const struct host_flags *flags, const char *folder, FILE *out, FILE *err) {
  struct host_plugin plugin;
  struct rkv_error error;
  if (host_plugin_load(folder, flags->plugin, 0, &plugin, &error) != RKV_OK) {
    char text[RKV_ERROR_TEXT_MAX];
    memcpy(text, error.text, sizeof text);
    (void)rkv_fail(&error, RKV_INVALID, "plugins %s: %s", flags->plugin, text);
    return print_refusal(err, &error);
  }
  if (flags->json) {
    json_plugin(out, &plugin.descriptor, true);
    (void)fputc('\n', out);
  } else {
    show(out, &plugin.descriptor);
  }
  return HOST_EXIT_OK;
}

/* Shows every plugin that can be loaded, whatever is wrong with the others. */
static int show_all(bool json, const char *folder, FILE *out, FILE *err) {
  struct host_plugin_list list;
  struct rkv_error error;
  int code = HOST_EXIT_OK;
  size_t shown = 0;
  if (host_plugin_scan(folder, &list, &error) != RKV_OK) return print_refusal(err, &error);
  if (list.count == 0)
    (void)fprintf(err,
                  "raft-key-value: no plugin found in %s: install the packages " HOST_PLUGIN_PACKAGE
                  "*, or give the plugins' folder as node.plugin_dir\n",
                  folder);
  if (json)
    (void)fputc('[', out);
  else
    (void)fprintf(out, ROW, "KIND", "NAME", "VERSION", "ABI", "CAPABILITIES", "DESCRIPTION");
  for (size_t i = 0; i < list.count; i++) {
    struct host_plugin plugin;
    if (host_plugin_load(folder, list.names[i], 0, &plugin, &error) != RKV_OK) {
      code = print_refusal(err, &error);
      continue;
    }
    if (json) {
      (void)fputs(shown++ ? ",\n " : "", out);
      json_plugin(out, &plugin.descriptor, false);
    } else {
      row(out, &plugin.descriptor);
    }
  }
  if (json) (void)fputs("]\n", out);
  return code;
}

int host_command_plugins(const struct host_flags *flags, FILE *out, FILE *err) {
  struct host_problems problems = {0};
  struct host_place *place = calloc(1, sizeof *place);
  int code = HOST_EXIT_UNAVAILABLE;
  if (!place) {
    (void)fprintf(err, "raft-key-value: out of memory\n");
    return code;
  }
  if (!host_config_place(flags, place, &problems)) {
    host_problems_print(&problems, err);
    code = host_problems_exit_code(&problems);
  } else if (flags->plugin) {
    code = show_one(flags, place->folder, out, err);
  } else {
    code = show_all(flags->json, place->folder, out, err);
  }
  host_place_free(place);
  free(place);
  host_problems_free(&problems);
  return code;
}
