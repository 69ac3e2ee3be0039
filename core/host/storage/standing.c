/* standing.c: opens the storage of a configuration as a node would. */
#include <host/storage/standing.h>

#include <host/storage/subject.h>
#include <node/moved.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* True if the storage has paths, and every one is this user's. */
static bool is_this_users(const struct host_part *part) {
  struct stat info;
  size_t own = 0;
  for (; part; part = part->under) {
    const struct host_table table = host_table_of(part->plugin);
    for (size_t i = 0; i < table.count; i++) {
      if (table.first[i].type != RKV_OPTION_PATH || !part->values[i].text[0]) continue;
      if (stat(part->values[i].text, &info) != 0 || info.st_uid != geteuid()) return false;
      own++;
    }
  }
  return own > 0;
}

/* What a node would be refused for, whatever else it is started with. */
static bool is_lasting(enum rkv_status status) {
  return status == RKV_FOREIGN || status == RKV_CORRUPT;
}

void standing_check(const struct host_config *config, struct host_problems *problems) {
  const struct host_part *part = &config->parts[HOST_PART_STORAGE];
  struct subject *s = calloc(1, sizeof *s);
  struct rkv_error error;
  enum rkv_status status;
  if (!s) {
    host_problems_no_memory(problems);
    return;
  }
  s->part = *part;
  s->ops = part->plugin->ops;
  if (subject_is_durable(s) && subject_is_there(s) && is_this_users(part)) {
    status = subject_open(s, config->node[HOST_NODE_ID].number, &error);
    if (status == RKV_OK)
      status = subject_said(s, moved_check(s->ops, s->storage, &s->state, &error), "open", &error);
    if (is_lasting(status))
      host_problems_add(problems, HOST_BLAME_CONFIG, 0, "%s: [%s] %s", config->settings.where,
                        part->section, error.text);
  }
  subject_free(s);
  free(s);
}
