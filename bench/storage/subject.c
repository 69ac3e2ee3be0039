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

void subject_load(struct subject *s, const struct wish *wish) {
  struct rkv_error error;
  char path[PATH_BYTES_MAX];
  (void)snprintf(path, sizeof path, "%s%s", strchr(wish->plugin, '/') ? "" : "./", wish->plugin);
  if (host_plugin_load("", path, RKV_KIND_STORAGE, &s->loaded, &error) != RKV_OK)
    die("%s", error.text);
  s->plugin = &s->loaded.descriptor;
  s->ops = s->plugin->ops;
  fake_host_init(&s->host);
}

/* The value that was given for the option, else its default; NULL if there is neither. */
static const char *text_of(const struct subject *s, const struct wish *wish,
                           const struct rkv_option *option) {
  size_t len = strlen(option->name);
  for (size_t i = 0; i < wish->option_count; i++)
    if (strncmp(wish->options[i], option->name, len) == 0 && wish->options[i][len] == '=')
      return wish->options[i] + len + 1;
  return strcmp(option->name, "dir") == 0 ? s->dir : option->default_text;
}

void subject_place(struct subject *s, const struct wish *wish, unsigned row) {
  if (wish->open)
    (void)snprintf(s->dir, sizeof s->dir, "%s", wish->dir);
  else
    (void)snprintf(s->dir, sizeof s->dir, "%s/row-%u", wish->dir, row);
}

void subject_open(struct subject *s, const struct wish *wish) {
  struct rkv_value values[OPTIONS_MAX] = {0};
  struct rkv_config config = {sizeof config, s->plugin->option_count, values};
  struct rkv_error error;
  if (s->plugin->option_count > OPTIONS_MAX) die("%s has too many options", s->plugin->name);
  for (uint32_t i = 0; i < s->plugin->option_count; i++) {
    const struct rkv_option *option = &s->plugin->options[i];
    const char *text = text_of(s, wish, option);
    if (!text) die("--set %s=... is required", option->name);
    if (host_value_parse(option, text, &values[i], &error) != RKV_OK)
      die("%s = %s: %s", option->name, text, error.text);
  }
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
