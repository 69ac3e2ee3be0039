/* ini.c: any bytes as a configuration file: every value ends up legal or told as a problem. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <host/ini.h>
#include <host/node_options.h>
#include <host/section.h>

#include <sys/mman.h>
#include <unistd.h>

static int file = -1;

static void write_file(const uint8_t *data, size_t size) {
  if (file < 0) file = memfd_create("ini", 0);
  FUZZ_CHECK(file >= 0 && ftruncate(file, 0) == 0);
  FUZZ_CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct host_settings settings;
  static struct host_problems problems;
  struct rkv_value values[HOST_NODE_OPTION_COUNT];
  struct host_section section = {"node", NULL, &settings, &problems};
  struct host_table table = host_node_table();
  struct node_options options;
  char path[64];
  memset(&settings, 0, sizeof settings);
  memset(&problems, 0, sizeof problems);
  memset(values, 0, sizeof values);
  memset(&options, 0, sizeof options);
  write_file(data, size);
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  settings.where = path;
  settings.from_file = true;
  host_ini_read(path, &settings, &problems);
  FUZZ_CHECK(settings.count <= HOST_SETTINGS_MAX && settings.section_count <= HOST_SECTIONS_MAX);
  host_section_read(&section, &table, values);
  host_node_options_read(&section, values, &options);
  for (size_t i = 0; host_problems_none(&problems) && i < table.count; i++)
    FUZZ_CHECK(values[i].text);
  for (size_t i = 0; i < problems.count; i++) FUZZ_CHECK(!strchr(problems.list[i].text, '\n'));
  host_settings_free(&settings);
  host_problems_free(&problems);
  return 0;
}
