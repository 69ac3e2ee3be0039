/* loader.c: where plugins are, and dlopen. */
#include "loader.h"

#include "nearest.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSTALLED_FOLDER "../lib/raft-key-value/plugins" /* seen from the executable's folder */
#define BESIDE_FOLDER "plugins"

enum { HINT_MAX = 192 };

/* ---- where ---- */

bool host_plugin_is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum rkv_status host_plugin_folder(const char *plugin_dir, char out[HOST_PATH_MAX],
                                   struct rkv_error *error) {
  char exe[HOST_PATH_MAX / 2];
  ssize_t len;
  if (plugin_dir[0] != '\0') {
    if (strlen(plugin_dir) >= HOST_PATH_MAX)
      return rkv_fail(error, RKV_INVALID, "plugin_dir is too long (at most %d bytes)",
                      HOST_PATH_MAX - 1);
    memcpy(out, plugin_dir, strlen(plugin_dir) + 1);
    return RKV_OK;
  }
  len = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (len <= 0)
    return rkv_fail(error, RKV_IO, "cannot find the executable's folder: %s (give node.plugin_dir)",
                    strerror(errno));
  exe[len] = '\0';
  if (strrchr(exe, '/')) *strrchr(exe, '/') = '\0';
  (void)snprintf(out, HOST_PATH_MAX, "%s/%s", exe, BESIDE_FOLDER);
  if (!host_plugin_is_folder(out))
    (void)snprintf(out, HOST_PATH_MAX, "%s/%s", exe, INSTALLED_FOLDER);
  return RKV_OK;
}

static int by_name(const void *a, const void *b) {
  return strcmp(a, b);
}

enum rkv_status host_plugin_scan(const char *folder, struct host_plugin_list *list,
                                 struct rkv_error *error) {
  DIR *dir = opendir(folder);
  const struct dirent *file;
  list->count = 0;
  if (!dir)
    return rkv_fail(error, RKV_NOT_FOUND,
                    "%s: %s (install the packages " HOST_PLUGIN_PACKAGE
                    "*, or give the plugins' folder as node.plugin_dir)",
                    folder, strerror(errno));
  while (list->count < HOST_PLUGINS_LISTED && (file = readdir(dir)) != NULL) {
    size_t len = strlen(file->d_name), suffix = strlen(HOST_PLUGIN_SUFFIX);
    if (len <= suffix || strcmp(file->d_name + len - suffix, HOST_PLUGIN_SUFFIX) != 0) continue;
    if (len - suffix >= HOST_PLUGIN_NAME_MAX) continue;
    memcpy(list->names[list->count], file->d_name, len - suffix);
    list->names[list->count++][len - suffix] = '\0';
  }
  (void)closedir(dir);
  qsort(list->names, list->count, sizeof list->names[0], by_name);
  return RKV_OK;
}

/* The folder has no plugin at all, as after the host's package alone was installed. */
static enum rkv_status refuse_not_installed(const char *folder, const char *name,
                                            struct rkv_error *error) {
  const char *why = access(folder, R_OK) == 0 ? "it holds none" : strerror(errno);
  return rkv_fail(error, RKV_NOT_FOUND,
                  "no plugin %s found in %.160s: install the package " HOST_PLUGIN_PACKAGE
                  "%s, or give the plugins' folder as node.plugin_dir (%s)",
                  name, folder, name, why);
}

/* The plugin that was meant; NULL: none is near. Also without its kind: "rocksdb" for
 * storage-rocksdb. */
static const char *name_near(const struct host_plugin_list *list, const char *name) {
  struct host_nearest whole = {.word = name}, tail = {.word = name};
  for (size_t i = 0; i < list->count; i++) {
    const char *dash = strchr(list->names[i], '-');
    host_nearest_try(&whole, list->names[i]);
    if (dash) host_nearest_try(&tail, dash + 1);
  }
  if (host_nearest_best(&whole)) return host_nearest_best(&whole);
  for (size_t i = 0; host_nearest_best(&tail) && i < list->count; i++)
    if (strchr(list->names[i], '-') && strchr(list->names[i], '-') + 1 == tail.best)
      return list->names[i];
  return NULL;
}

/* What was given as a name is a file of the working directory, or looks like a file. */
static void hint_path(const char *name, char out[HINT_MAX]) {
  const size_t len = strlen(name), end = strlen(HOST_PLUGIN_SUFFIX);
  const bool whole = len > end && strcmp(name + len - end, HOST_PLUGIN_SUFFIX) == 0;
  char path[HOST_PATH_MAX];
  out[0] = '\0';
  (void)snprintf(path, sizeof path, "./%.128s%s", name, whole ? "" : HOST_PLUGIN_SUFFIX);
  if (whole || host_plugin_is_file(path))
    (void)snprintf(out, HINT_MAX, "for a file give a path, with a '/', as %.140s; ", path);
}

/* Refuses a name that no plugin of the folder has, and lists those that there are. */
static enum rkv_status refuse_not_there(const char *folder, const char *name,
                                        struct rkv_error *error) {
  struct host_plugin_list list;
  const char *meant;
  char all[RKV_ERROR_TEXT_MAX / 2] = "", near[HOST_PLUGIN_NAME_MAX + 32] = "", path[HINT_MAX];
  size_t used = 0;
  if (host_plugin_scan(folder, &list, error) != RKV_OK || list.count == 0)
    return refuse_not_installed(folder, name, error);
  for (size_t i = 0; i < list.count; i++) {
    if (used < sizeof all)
      used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", list.names[i]);
  }
  meant = name_near(&list, name);
  if (meant) (void)snprintf(near, sizeof near, "did you mean %s? ", meant);
  hint_path(name, path);
  return rkv_fail(
      error, RKV_NOT_FOUND,
      "no such plugin (%sin %.160s there are: %s; others have a package, " HOST_PLUGIN_PACKAGE
      "NAME)",
      path[0] ? path : near, folder, all);
}

/* ---- loading ---- */

/* Refuses a file that is no shared object, of which dlopen gives poor texts, and a FIFO, on which
 * dlopen blocks. */
static enum rkv_status check_file(const char *path, struct rkv_error *error) {
  static const char elf[4] = {'\x7f', 'E', 'L', 'F'};
  char head[sizeof elf] = {0};
  struct stat info;
  FILE *file;
  size_t len;
  if (stat(path, &info) != 0)
    return rkv_fail(error, RKV_NOT_FOUND, "%s: %s (give a plugin's name or the path of its .so)",
                    path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return rkv_fail(error, RKV_INVALID, "%s: not a file (give the path of a plugin's .so)", path);
  file = fopen(path, "re");
  if (!file)
    return rkv_fail(error, RKV_INVALID, "%s: %s (make it readable for this process)", path,
                    strerror(errno));
  len = fread(head, 1, sizeof head, file);
  (void)fclose(file);
  if (len != sizeof head || memcmp(head, elf, sizeof elf) != 0)
    return rkv_fail(error, RKV_INVALID, "%s: not an ELF file (build the plugin with -shared)",
                    path);
  return RKV_OK;
}

static enum rkv_status load_file(const char *path, const char *name, uint32_t kind,
                                 struct host_plugin *out, struct rkv_error *error) {
  enum rkv_status status = check_file(path, error);
  const struct rkv_plugin *given;
  void *library;
  if (status != RKV_OK) return status;
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* the handle is dropped, never closed */
  if (!library)
    return rkv_fail(error, RKV_INVALID, "%s: cannot be loaded: %s (link it with -Wl,-z,defs)", path,
                    dlerror());
  given = dlsym(library, RKV_PLUGIN_SYMBOL);
  if (!given)
    return rkv_fail(error, RKV_INVALID,
                    "%s: has no symbol %s (export the descriptor with RKV_PLUGIN_EXPORT)", path,
                    RKV_PLUGIN_SYMBOL);
  return host_plugin_adopt(given, path, name, kind, out, error);
}

enum rkv_status host_plugin_file(const char *folder, const char *plugin, char out[HOST_PATH_MAX],
                                 struct rkv_error *error) {
  bool path = strchr(plugin, '/') != NULL;
  int len = snprintf(out, HOST_PATH_MAX, "%s%s%s%s", path ? "" : folder, path ? "" : "/", plugin,
                     path ? "" : HOST_PLUGIN_SUFFIX);
  if (len >= 0 && len < HOST_PATH_MAX) return RKV_OK;
  return rkv_fail(error, RKV_INVALID, "the name is too long (give a plugin of %s)", folder);
}

bool host_plugin_is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

enum rkv_status host_plugin_load(const char *folder, const char *plugin, uint32_t kind,
                                 struct host_plugin *out, struct rkv_error *error) {
  char path[HOST_PATH_MAX];
  enum rkv_status status = host_plugin_file(folder, plugin, path, error);
  if (status != RKV_OK) return status;
  if (strchr(plugin, '/')) return load_file(path, NULL, kind, out, error);
  if (plugin[0] == '\0' || access(path, F_OK) != 0) return refuse_not_there(folder, plugin, error);
  return load_file(path, plugin, kind, out, error);
}
