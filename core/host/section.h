/* section.h: checks the settings of one section against its option table. */
#ifndef HOST_SECTION_H
#define HOST_SECTION_H

#include "loader.h"
#include "settings.h"

#include <rkv/plugin.h>

#define HOST_PLUGIN_KEY "plugin"

struct host_table {
  const struct rkv_option *first;
  size_t count;
};

/* The options of a loaded plugin, in the copy that has this host's length (descriptor.h). */
struct host_table host_table_of(const struct rkv_plugin *plugin);

/* One section being read. */
struct host_section {
  const char *name;
  /* the host's own keys of this section ("plugin"), up to a NULL; NULL: none */
  const char *const *own_keys;
  struct host_settings *settings;
  struct host_problems *problems;
};

/* Fills values[0..table->count) with what the user gave, else the default. Every key of the section
 * that is neither in the table nor in own_keys, every key given twice, every value of a wrong type
 * or out of range and every required option that is missing becomes a problem. A refused value has
 * text NULL. */
void host_section_read(const struct host_section *section, const struct host_table *table,
                       struct rkv_value *values);

/* The same for one option, which need not be in the section's table. */
void host_section_read_option(const struct host_section *section, const struct rkv_option *option,
                              struct rkv_value *value);

/* For a section whose table is not known, because its plugin was refused: reports only keys that
 * are given twice, with all values masked. */
void host_section_read_blind(const struct host_section *section);

/* Adds a problem about the key: `ORIGIN: [section] key = "text": what`. A secret is masked. */
void host_section_complain(const struct host_section *section, const char *key, bool secret,
                           const char *what);

#endif
