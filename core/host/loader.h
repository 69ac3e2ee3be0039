/* loader.h: finds and loads plugins and refuses what does not fit, field by field.
 *
 * Nothing of a descriptor is read before magic, abi_major, abi_minor and struct_size fit, in this
 * order. Nothing is ever unloaded: a library may have threads of its own.
 *
 * (L1) A plugin that was loaded has a name, a legal option table whose defaults are legal values,
 *      and every operation that ABI 1.0 has for its kind.
 * (L2) Nobody but the loader reads the tables that a plugin exports, which may be shorter than this
 *      host's: all others get its copies, struct host_plugin. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include "shape.h"

#include <rkv/rkv.h>

#include <stdbool.h>
#include <stddef.h>

#define HOST_PATH_MAX 4096      /* bytes of a path, its NUL included */
#define HOST_PLUGIN_NAME_MAX 48 /* bytes of a plugin's or option's name, its NUL included */
#define HOST_PLUGINS_LISTED 128 /* plugins of one folder */
#define HOST_OPTIONS_MAX 128    /* options of one plugin */
#define HOST_PLUGIN_SUFFIX ".so"
#define HOST_PLUGIN_PACKAGE "raft-key-value-plugin-" /* packaging/debian.cmake: one for each */

/* A plugin that was loaded, with tables of this host's length whatever minor ABI it was built with,
 * which `descriptor.abi_minor` still says: a field that it does not have is zero, an operation that
 * it does not have is NULL. It points into itself and must stay where it is as long as the plugin
 * is used. */
struct host_plugin {
  struct rkv_plugin descriptor;
  union {
    struct rkv_transport_ops transport;
    struct rkv_storage_ops storage;
    struct rkv_state_machine_ops state_machine;
  } ops;
  struct rkv_option options[HOST_OPTIONS_MAX];
};

/* The folder where plugins are found by name: `plugin_dir` if not empty, else plugins/ beside the
 * executable if it is there, else ../lib/raft-key-value/plugins. Errors: RKV_INVALID if the path is
 * too long; RKV_IO if the executable's own path cannot be found. */
enum rkv_status host_plugin_folder(const char *plugin_dir, char out[HOST_PATH_MAX],
                                   struct rkv_error *error);

/* The names of the plugins in a folder, sorted; *count of them, at most HOST_PLUGINS_LISTED.
 * Errors: RKV_NOT_FOUND with the folder and the reason. */
struct host_plugin_list {
  size_t count;
  char names[HOST_PLUGINS_LISTED][HOST_PLUGIN_NAME_MAX];
};
enum rkv_status host_plugin_scan(const char *folder, struct host_plugin_list *list,
                                 struct rkv_error *error);

/* Loads `plugin`, a name in `folder` or a path with a '/', which must be of `kind` (0: any).
 * Errors: RKV_NOT_FOUND with what is there instead; RKV_INVALID with file, field, what was found
 * and what would be right; *out is of no use then. */
enum rkv_status host_plugin_load(const char *folder, const char *plugin, uint32_t kind,
                                 struct host_plugin *out, struct rkv_error *error);

/* The file that this `plugin` stands for. Errors: RKV_INVALID if the path is too long. */
enum rkv_status host_plugin_file(const char *folder, const char *plugin, char out[HOST_PATH_MAX],
                                 struct rkv_error *error);

/* True for a regular file: nothing else can be a plugin, and reading a FIFO would hang. */
bool host_plugin_is_file(const char *path);

/* The same for a descriptor already in memory, which is only read here; `file` is named in the
 * refusal, `name` is the one it must have (NULL: any). */
enum rkv_status host_plugin_adopt(const struct rkv_plugin *given, const char *file,
                                  const char *name, uint32_t kind, struct host_plugin *out,
                                  struct rkv_error *error);

/* "transport", ...; NULL for a number outside RKV_PLUGIN_KIND_LIST. */
const char *host_kind_name(uint32_t kind);

/* How long the operations table of a known kind may be. */
const struct host_shape *host_ops_shape(uint32_t kind);

/* The first operation that a table of `kind`, of this host's length, must have and has not; NULL if
 * there is none. */
const char *host_ops_missing(uint32_t kind, const void *ops);

#endif
