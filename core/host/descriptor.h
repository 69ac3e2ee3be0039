/* descriptor.h: copies a plugin's tables and refuses what does not fit, field by field.
 *
 * Nothing of a descriptor is read before magic, abi_major, abi_minor and struct_size fit, in this
 * order.
 *
 * (L1) A plugin that was adopted has a name, a legal option table whose defaults are legal values,
 *      and every operation that ABI 1.0 has for its kind.
 * (L2) Nobody else reads the tables that a plugin exports, which may be shorter than this host's:
 *      all others get its copies, struct host_plugin. */
#ifndef HOST_DESCRIPTOR_H
#define HOST_DESCRIPTOR_H

#include "limits.h"

#include <rkv/rkv.h>

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

/* Takes the plugin that `given`, already in memory and only read here, describes; `file` is named
 * in the refusal, `name` is the one it must have (NULL: any). */
enum rkv_status host_plugin_adopt(const struct rkv_plugin *given, const char *file,
                                  const char *name, uint32_t kind, struct host_plugin *out,
                                  struct rkv_error *error);

#endif
