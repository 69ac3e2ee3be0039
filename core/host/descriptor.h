/* descriptor.h: copies a plugin's tables and refuses what does not fit, field by field.
 *
 * Nothing of a descriptor is read before magic, abi_major, abi_minor and struct_size fit, in this
 * order.
 *
 * (L1) A plugin that was adopted has a name, a legal option table whose defaults are legal values,
 *      and every operation that ABI 1.0 has for its kind.
 * (L2) Only this module reads the tables that a plugin exports, which may be shorter than this
 *      host's. All others read the copies in struct host_plugin. */
#ifndef HOST_DESCRIPTOR_H
#define HOST_DESCRIPTOR_H

#include "limits.h"

#include <rkv/rkv.h>

/* A loaded plugin with copies of its tables, as long as this host's tables are. A field or an
 * operation that the plugin's minor ABI does not have is zero; `descriptor.abi_minor` is still the
 * plugin's. The struct points into itself: it must stay at its address as long as the plugin is
 * used. */
struct host_plugin {
  struct rkv_plugin descriptor;
  union {
    struct rkv_transport_ops transport;
    struct rkv_storage_ops storage;
    struct rkv_state_machine_ops state_machine;
  } ops;
  struct rkv_option options[HOST_OPTIONS_MAX];
};

/* Checks and copies the tables of the plugin that `given` describes, which is only read here.
 * `file` is named in a refusal. `name` is the name that the plugin must have; NULL: any. */
enum rkv_status host_plugin_adopt(const struct rkv_plugin *given, const char *file,
                                  const char *name, uint32_t kind, struct host_plugin *out,
                                  struct rkv_error *error);

#endif
