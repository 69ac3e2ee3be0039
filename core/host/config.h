/* config.h: the whole configuration of a node: settings, plugins, values.
 *
 * (C1) After host_config_load without problems every plugin is loaded and every value is legal.
 *
 * All texts live until host_config_free, which comes after the last plugin was closed. */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include "flags.h"
#include "node_options.h"
#include "part.h"

/* X(NAME, kind, plugin when none is named): the sections that name a plugin, in order. */
#define HOST_PART_LIST(X)                                                                          \
  X(TRANSPORT, RKV_KIND_TRANSPORT, "transport-grpc")                                               \
  X(STORAGE, RKV_KIND_STORAGE, "storage-mem")                                                      \
  X(STATE_MACHINE, RKV_KIND_STATE_MACHINE, "sm-protobuf")

enum host_part_index {
#define HOST_PART_ENUM(name, kind, plugin) HOST_PART_##name,
  HOST_PART_LIST(HOST_PART_ENUM)
#undef HOST_PART_ENUM
      HOST_PART_COUNT
};

#define HOST_NODE_SECTION "node"

struct host_config {
  struct host_settings settings;
  struct rkv_value node[HOST_NODE_OPTION_COUNT];
  struct node_options options;
  struct host_part parts[HOST_PART_COUNT];
};

/* Fills *config, which is all zero, from flags and file. Everything that is wrong becomes a
 * problem. */
void host_config_load(struct host_config *config, const struct host_flags *flags,
                      struct host_problems *problems);

/* The same while a node runs with `running`: no plugin is loaded. A part for which another plugin
 * is named now has no values, and NULL as `plugin`; that is no problem. */
void host_config_load_again(struct host_config *config, const struct host_flags *flags,
                            const struct host_config *running, struct host_problems *problems);

/* What a command needs that starts no node and loads its plugins itself. */
struct host_place {
  struct host_settings settings;
  char folder[HOST_PATH_MAX]; /* where plugins are found by name */
  rkv_node_id id;             /* 0: nobody said */
  uint64_t contract;          /* at least so good a report is asked for, whatever settings say */
};

/* Fills *place, all zero before, from flags and file. False after a problem; in either case
 * host_place_free follows. */
bool host_config_place(const struct host_flags *flags, struct host_place *place,
                       struct host_problems *problems);
void host_place_free(struct host_place *place);

void host_config_free(struct host_config *config);

#endif
