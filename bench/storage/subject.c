/* subject.c: loads a storage plugin as the host does, and opens it in a directory of its own for
 * each row. */
#define _GNU_SOURCE /* nftw */
#include "bench.h"

#include <host/values.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)fprintf(stderr, "bench-storage: ");
  (void)vfprintf(stderr, format, args);
  (void)fprintf(stderr, "\n");
  va_end(args);
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static const struct rkv_plugin *load(const char *plugin, struct host_plugin *loaded) {
  struct rkv_error error;
  char path[PATH_BYTES_MAX];
  (void)snprintf(path, sizeof path, "%s%s", strchr(plugin, '/') ? "" : "./", plugin);
  if (host_plugin_load("", path, RKV_KIND_STORAGE, loaded, &error) != RKV_OK) die("%s", error.text);
  return &loaded->descriptor;
}

/* What was given by --set for `key`; NULL: nothing. */
static const char *given(const struct wish *wish, const char *key) {
  size_t len = strlen(key);
  for (size_t i = 0; i < wish->option_count; i++)
    if (strncmp(wish->options[i], key, len) == 0 && wish->options[i][len] == '=')
      return wish->options[i] + len + 1;
  return NULL;
}

/* Fills the values of a plugin's options, which are given as PREFIX and their names. */
static struct rkv_config config_of(const struct subject *s, const struct rkv_plugin *plugin,
                                   const char *prefix, struct rkv_value values[OPTIONS_MAX]) {
  const struct rkv_config config = {sizeof config, plugin->option_count, values};
  struct rkv_error error;
  if (plugin->option_count > OPTIONS_MAX) die("%s has too many options", plugin->name);
  for (uint32_t i = 0; i < plugin->option_count; i++) {
    const struct rkv_option *option = &plugin->options[i];
    char key[128];
    const char *text;
    (void)snprintf(key, sizeof key, "%s%s", prefix, option->name);
    text = given(s->wish, key);
    if (!text) text = strcmp(option->name, "dir") == 0 ? s->dir : option->default_text;
    if (!text) die("--set %s=... is required", key);
    if (host_value_parse(option, text, &values[i], &error) != RKV_OK)
      die("%s = %s: %s", key, text, error.text);
  }
  return config;
}

/* rkv_host.open_under; ctx is the subject's fake host. */
static enum rkv_status open_under(void *ctx, enum rkv_plugin_kind kind,
                                  const struct rkv_node_api *node, struct rkv_under *under,
                                  struct rkv_error *error) {
  struct subject *s = (struct subject *)(void *)((char *)ctx - offsetof(struct subject, host));
  const struct rkv_storage_ops *ops = s->under->ops;
  struct rkv_value values[OPTIONS_MAX] = {0};
  const struct rkv_config config = config_of(s, s->under, "under.", values);
  (void)kind, (void)node;
  under->abi_minor = s->under->abi_minor;
  under->name = s->under->name;
  under->capabilities = s->under->capabilities;
  under->ops = ops;
  return ops->open(&s->host.host, &config, &under->instance, error);
}

void subject_load(struct subject *s, const struct wish *wish) {
  const char *over = given(wish, "over");
  s->wish = wish;
  s->plugin = load(wish->plugin, &s->loaded);
  s->ops = s->plugin->ops;
  fake_host_init(&s->host);
  if (!(s->plugin->capabilities & RKV_CAP_STACKED)) return;
  if (!over) die("--set over=PLUGIN.so is required");
  s->under = load(over, &s->loaded_under);
  s->host.host.open_under = open_under;
}

void subject_place(struct subject *s, const struct wish *wish, unsigned row) {
  if (wish->open)
    (void)snprintf(s->dir, sizeof s->dir, "%s", wish->dir);
  else
    (void)snprintf(s->dir, sizeof s->dir, "%s/row-%u", wish->dir, row);
}

void subject_open(struct subject *s) {
  struct rkv_value values[OPTIONS_MAX] = {0};
  const struct rkv_config config = config_of(s, s->plugin, "", values);
  struct rkv_error error;
  if (s->ops->open(&s->host.host, &config, &s->storage, &error) != RKV_OK) die("%s", error.text);
}

void subject_close(struct subject *s) {
  s->ops->close(s->storage);
  s->storage = NULL;
}

static int remove_one(const char *path, const struct stat *info, int what, struct FTW *at) {
  (void)info, (void)what, (void)at;
  return remove(path);
}

void subject_clean(const struct subject *s) {
  if (access(s->dir, F_OK) != 0) return; /* a storage without files */
  if (nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
    die("%s: cannot be removed: %s", s->dir, strerror(errno));
}
