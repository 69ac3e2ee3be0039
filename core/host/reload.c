/* reload.c: finds what changed, takes over what may change, and logs the rest. */
#include "reload.h"

#include <host/storage/spell.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "host"
#define SHOWN_MAX 200    /* bytes of a value in a line of the log */
#define LAST_WAIT_MS 100 /* for a reading that is under way when the node ends */

/* One reading that is being logged. */
struct report {
  const struct rkv_host *host;
  const struct host_config *running, *fresh;
  char moved[2 * MOVED_TO_MAX];    /* the lines that name the storage that the node moved to; "" */
  unsigned taken, waiting, beaten; /* differences */
};

/* ---- what changed ---- */

static bool is_text(const struct rkv_option *option) {
  return option->type == RKV_OPTION_STRING || option->type == RKV_OPTION_PATH ||
         option->type == RKV_OPTION_ENUM;
}

static bool same_value(const struct rkv_option *option, const struct rkv_value *a,
                       const struct rkv_value *b) {
  return is_text(option) ? strcmp(a->text, b->text) == 0 : a->number == b->number;
}

/* The file's new setting for a key that a flag or --set overrides; NULL: the file's text for the
 * key did not change, or is not overridden. */
static const struct host_setting *beaten(const struct report *report, const char *section,
                                         const char *key) {
  const struct host_setting *after =
      host_settings_given(&report->fresh->settings, HOST_SOURCE_FILE, section, key);
  const struct host_setting *before =
      host_settings_given(&report->running->settings, HOST_SOURCE_FILE, section, key);
  if (!after || host_settings_find(&report->fresh->settings, section, key) == after) return NULL;
  return before && strcmp(before->text, after->text) == 0 ? NULL : after;
}

/* ---- what is said ---- */

static void tell_waiting(struct report *report, const char *section, const char *key, bool secret,
                         const struct rkv_value *before, const struct rkv_value *after) {
  report->waiting++;
  if (secret)
    rkv_log(report->host, RKV_LOG_WARN, LOG_MODULE,
            "%s: [%s] %s: has changed; that takes effect when the node is restarted", after->origin,
            section, key);
  else
    rkv_log(report->host, RKV_LOG_WARN, LOG_MODULE,
            "%s: [%s] %s = \"%.*s\": takes effect when the node is restarted (it runs with "
            "\"%.*s\")",
            after->origin, section, key, SHOWN_MAX, after->text, SHOWN_MAX, before->text);
}

static void tell_beaten(struct report *report, const char *section, const char *key) {
  const struct host_setting *ours = beaten(report, section, key);
  if (!ours) return;
  report->beaten++;
  rkv_log(report->host, RKV_LOG_WARN, LOG_MODULE,
          "%s: [%s] %s: has changed, but %s beats it (leave that out at the next start)",
          ours->origin, section, key,
          host_settings_find(&report->fresh->settings, section, key)->origin);
}

static void compare_option(struct report *report, const char *section,
                           const struct rkv_option *option, const struct rkv_value *before,
                           const struct rkv_value *after) {
  if (same_value(option, before, after)) {
    tell_beaten(report, section, option->name);
    return;
  }
  tell_waiting(report, section, option->name, option->flags & RKV_OPTION_SECRET, before, after);
}

static void compare_values(struct report *report, const struct host_part *before,
                           const struct host_part *after) {
  const struct host_table table = host_table_of(before->plugin);
  for (size_t o = 0; o < table.count; o++)
    compare_option(report, before->section, &table.first[o], &before->values[o], &after->values[o]);
}

/* What a stacked plugin is built over. */
static void compare_under(struct report *report, const struct host_part *before,
                          const struct host_part *after) {
  const struct rkv_value old_name = {before->under->named, before->under->origin, 0};
  const struct rkv_value new_name = {after->under->named, after->under->origin, 0};
  if (!after->under->plugin) {
    tell_waiting(report, before->section, HOST_OVER_KEY, false, &old_name, &new_name);
    return;
  }
  tell_beaten(report, before->section, HOST_OVER_KEY);
  compare_values(report, before->under, after->under);
}

/* Whether the settings say what this line does; a line [SECTION] becomes *section. */
static bool says_line(const struct host_settings *settings, char *line, const char **section) {
  char *equals = strstr(line, " = ");
  const struct host_setting *given;
  if (line[0] == '[') {
    line[strcspn(line, "]")] = '\0';
    *section = line + 1;
    return true;
  }
  if (!equals) return false;
  *equals = '\0';
  given = host_settings_find(settings, *section, line);
  equals += strlen(" = ");
  return given && (strcmp(given->text, equals) == 0 || strcmp(equals, SPELL_SECRET) == 0);
}

/* The node moved: whatever it was started with, its next start needs these lines. */
static void compare_moved(struct report *report) {
  const struct host_settings *settings = &report->fresh->settings;
  const char *section = report->running->parts[HOST_PART_STORAGE].section;
  char lines[sizeof report->moved], *line = lines, *end;
  char told[2 * sizeof report->moved]; /* a line has one end, which becomes two bytes */
  size_t used = 0;
  bool said = true;
  memcpy(lines, report->moved, sizeof lines);
  while (said && *line) {
    end = line + strcspn(line, "\n");
    if (*end) *end++ = '\0';
    said = says_line(settings, line, &section);
    line = end;
  }
  if (said) return;
  for (line = report->moved; *line; line = end) {
    end = line + strcspn(line, "\n");
    used += (size_t)snprintf(told + used, sizeof told - used, "%s%.*s", used ? "; " : "",
                             (int)(end - line), line);
    if (*end) end++;
  }
  report->waiting++;
  rkv_log(report->host, RKV_LOG_WARN, LOG_MODULE,
          "%s: [storage]: the node moved to another storage since it started, and its next start "
          "needs other lines (write: %s)",
          settings->where, told);
}

static void compare_part(struct report *report, size_t i) {
  const struct host_part *before = &report->running->parts[i], *after = &report->fresh->parts[i];
  const struct rkv_value old_name = {before->named, before->origin, 0};
  const struct rkv_value new_name = {after->named, after->origin, 0};
  assert(before->plugin && (!after->plugin || after->plugin == before->plugin)); /* (O1) */
  if (strcmp(before->contract.text, after->contract.text) != 0)
    tell_waiting(report, before->section, HOST_CONTRACT_KEY, false, &before->contract,
                 &after->contract);
  if (i == HOST_PART_STORAGE && report->moved[0]) {
    compare_moved(report);
    return;
  }
  if (!after->plugin) {
    tell_waiting(report, before->section, HOST_PLUGIN_KEY, false, &old_name, &new_name);
    return;
  }
  tell_beaten(report, before->section, HOST_PLUGIN_KEY);
  compare_values(report, before, after);
  if (before->under) compare_under(report, before, after);
}

/* The reload is logged at the more talkative of the two levels, so that a node that becomes silent
 * still logs it. */
static void take_level(struct report *report, struct host_services *services) {
  const struct host_table table = host_node_table();
  const struct rkv_option *option = &table.first[HOST_NODE_LOG_LEVEL];
  const struct rkv_value *value = &report->fresh->node[HOST_NODE_LOG_LEVEL];
  const enum rkv_log_level old = (enum rkv_log_level)services->node.host.log_level;
  const enum rkv_log_level new = (enum rkv_log_level)value->number;
  if (new == old) {
    tell_beaten(report, HOST_NODE_SECTION, option->name);
    return;
  }
  report->taken++;
  if (new < old) host_services_set_log_level(services, new);
  rkv_log(report->host, RKV_LOG_INFO, LOG_MODULE, "%s changed from=%s to=%s by=%s", option->name,
          option->choices[old], value->text, value->origin);
}

static void take_reload(struct host_reload *reload) {
  const struct host_table table = host_node_table();
  struct report report = {
      .host = &reload->services->node.host, .running = reload->running, .fresh = reload->fresh};
  (void)host_swap_moved(reload->swap, report.moved);
  take_level(&report, reload->services);
  for (size_t i = 0; i < HOST_NODE_OPTION_COUNT; i++)
    if (i != HOST_NODE_LOG_LEVEL)
      compare_option(&report, HOST_NODE_SECTION, &table.first[i], &report.running->node[i],
                     &report.fresh->node[i]);
  for (size_t i = 0; i < HOST_PART_COUNT; i++) compare_part(&report, i);
  rkv_log(report.host, RKV_LOG_INFO, LOG_MODULE,
          "configuration read again file=%s changed=%u need_restart=%u beaten=%u",
          reload->flags->config, report.taken, report.waiting, report.beaten);
  host_services_set_log_level(reload->services,
                              (enum rkv_log_level)reload->fresh->node[HOST_NODE_LOG_LEVEL].number);
}

static void tell_problem(void *arg, const char *text) {
  rkv_log(arg, RKV_LOG_ERROR, LOG_MODULE, "%s", text);
}

static void refuse_reload(struct host_reload *reload) {
  struct rkv_host *host = &reload->services->node.host;
  host_problems_each(reload->problems, tell_problem, host);
  rkv_log(host, RKV_LOG_ERROR, LOG_MODULE,
          "configuration refused, everything stays as it was file=%s (mend it, and send SIGHUP "
          "again)",
          reload->flags->config);
}

/* ---- reading ---- */

static void *read_files(void *arg) {
  const struct host_reload *reload = arg;
  const uint64_t one = 1;
  ssize_t wrote;
  host_config_load_again(reload->fresh, reload->flags, reload->running, reload->problems);
  wrote = write(reload->done_fd, &one, sizeof one);
  (void)wrote; /* join_reader reads the eventfd each time, so it cannot be full */
  return NULL;
}

static void free_fresh(struct host_reload *reload) {
  if (reload->fresh) host_config_free(reload->fresh);
  if (reload->problems) host_problems_free(reload->problems);
  free(reload->fresh);
  free(reload->problems);
  reload->fresh = NULL;
  reload->problems = NULL;
}

void host_reload_begin(struct host_reload *reload) {
  const struct rkv_host *host = &reload->services->node.host;
  int failed;
  if (!reload->flags->config) {
    rkv_log(host, RKV_LOG_WARN, LOG_MODULE,
            "SIGHUP: the node was started without --config FILE: there is no configuration "
            "to read again");
    return;
  }
  if (reload->fresh) {
    reload->again = true;
    rkv_log(host, RKV_LOG_WARN, LOG_MODULE,
            "SIGHUP: an earlier reading has not ended: once it has, the configuration is read "
            "again (if it does not end: is it a pipe, or on a mount that hangs?) file=%s",
            reload->flags->config);
    return;
  }
  reload->fresh = calloc(1, sizeof *reload->fresh);
  reload->problems = calloc(1, sizeof *reload->problems);
  failed = !reload->fresh || !reload->problems
               ? ENOMEM
               : pthread_create(&reload->thread, NULL, read_files, reload);
  if (!failed) return;
  free_fresh(reload);
  rkv_log(host, RKV_LOG_ERROR, LOG_MODULE, "configuration not read again file=%s: %s",
          reload->flags->config, strerror(failed));
}

/* Waits for the reading thread; what it was given belongs to this thread again. */
static void join_reader(struct host_reload *reload) {
  uint64_t count;
  ssize_t got = read(reload->done_fd, &count, sizeof count);
  (void)got;
  (void)pthread_join(reload->thread, NULL);
}

void host_reload_finish(struct host_reload *reload) {
  const bool again = reload->again;
  assert(reload->fresh && reload->problems);
  join_reader(reload);
  if (host_problems_none(reload->problems))
    take_reload(reload);
  else
    refuse_reload(reload);
  free_fresh(reload);
  reload->again = false;
  if (again) host_reload_begin(reload);
}

bool host_reload_end(struct host_reload *reload) {
  struct pollfd done = {.fd = reload->done_fd, .events = POLLIN};
  if (!reload->fresh) return true;
  if (poll(&done, 1, LAST_WAIT_MS) != 1) return false;
  join_reader(reload);
  free_fresh(reload);
  return true;
}
