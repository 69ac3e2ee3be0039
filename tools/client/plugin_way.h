/* plugin_way.h: a client over a transport plugin: what commands ask, in the messages of protos/,
 * goes out as the calls of rkv/call.h by whatever the plugin's wire is. */
#ifndef CLIENT_PLUGIN_WAY_H
#define CLIENT_PLUGIN_WAY_H

#include "client.h"

#define PLUGIN_WAY_SETTINGS_MAX 32

/* Which plugin. */
struct plugin_way_wish {
  const char *plugin;          /* a name in the folder of plugins, or a path with a '/' */
  const char *const *settings; /* KEY=VALUE each, as in section [transport] */
  unsigned setting_count;
};

/* Loads and opens the plugin, at a port of its own on 127.0.0.1 where it answers nobody. *out is
 * closed by client_close; the plugin is never unloaded. Errors: RKV_INVALID for what the user gave,
 * and whatever the plugin's open and start say. */
enum rkv_status plugin_way_open(struct client **out, const struct plugin_way_wish *wish,
                                struct rkv_error *error);

#endif
