/* loader.h: finds plugins and loads them; descriptor.h decides whether a loaded one fits.
 *
 * No plugin is ever unloaded: it may have threads of its own. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include "descriptor.h"

#include <stdbool.h>
#include <stddef.h>

#define HOST_PLUGIN_SUFFIX ".so"
#define HOST_PLUGIN_PACKAGE "raft-key-value-plugin-" /* packaging/debian.cmake: one for each */

/* The folder where plugins are found by name: `plugin_dir` if not empty, else plugins/ beside the
 * executable if it is there, else ../lib/raft-key-value/plugins. Errors: RKV_INVALID if the path is
 * too long; RKV_IO if the executable's own path cannot be found. */
enum rkv_status host_plugin_folder(const char *plugin_dir, char out[HOST_PATH_MAX],
                                   struct rkv_error *error);

bool host_plugin_is_folder(const char *path);

/* The names of the plugins in a folder, sorted. */
struct host_plugin_list {
  size_t count;
  char names[HOST_PLUGINS_LISTED][HOST_PLUGIN_NAME_MAX];
};

/* Lists at most HOST_PLUGINS_LISTED plugins. Errors: RKV_NOT_FOUND with the folder and the
 * reason. */
enum rkv_status host_plugin_scan(const char *folder, struct host_plugin_list *list,
                                 struct rkv_error *error);

/* Loads `plugin`, a name in `folder` or a path with a '/', which must be of `kind` (0: any). After
 * an error *out must not be used. Errors: RKV_NOT_FOUND with the plugins that there are;
 * RKV_INVALID with file, field, what was found and what would be right. */
enum rkv_status host_plugin_load(const char *folder, const char *plugin, uint32_t kind,
                                 struct host_plugin *out, struct rkv_error *error);

/* The path of the file that `plugin` (as in host_plugin_load) means. Errors: RKV_INVALID if the
 * path is too long. */
enum rkv_status host_plugin_file(const char *folder, const char *plugin, char out[HOST_PATH_MAX],
                                 struct rkv_error *error);

/* True for a regular file. Nothing else can be a plugin, and reading a FIFO would block. */
bool host_plugin_is_file(const char *path);

#endif
