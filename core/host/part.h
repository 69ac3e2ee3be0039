/* part.h: one plugin of a node with its values, and the plugin under it, if it is a stacked one.
 *
 * A plugin that is built over another one of its kind (RKV_CAP_STACKED) names it by the key `over`
 * of its section [KIND]; the values of the other are in the section [KIND.under]. There is one over
 * one, never more. */
#ifndef HOST_PART_H
#define HOST_PART_H

#include "contract.h"
#include "loader.h"
#include "section.h"

#define HOST_UNDER_SUFFIX ".under" /* a section's, behind its kind */
#define HOST_UNDER_PREFIX "under." /* of a setting of a stacked plugin that is for the other */

/* One plugin section. Its name is its kind's. */
struct host_part {
  const char *section;
  uint32_t kind;
  const char *named;              /* the plugin's name or path, as the user gave it */
  const char *origin;             /* of `named` */
  struct rkv_value contract;      /* require_contract */
  struct host_contract_said said; /* by the report that it asks for */
  struct host_plugin loaded;
  const struct rkv_plugin *plugin; /* of `loaded`, or of the running node's; NULL: refused */
  struct rkv_value values[HOST_OPTIONS_MAX];
  /* What a stacked plugin is built over; NULL: it is not stacked, or that one was refused. Lives as
   * long as the texts of the settings that it was read from. */
  struct host_part *under;
  /* The name of the stacked plugin that this one is under; NULL: of none. Lives as long as the
   * process. */
  const char *through;
};

bool host_is_stacked(const struct rkv_plugin *plugin);

/* "storage.under". */
const char *host_under_section(uint32_t kind);

/* The host's own keys in the section of `plugin`, up to a NULL. */
const char *const *host_own_keys(const struct rkv_plugin *plugin);

/* The configuration that the part's plugin is opened with. */
struct rkv_config host_part_config(const struct host_part *part);

/* The directory in which the part's own plugin keeps its files, as it was given; NULL: it has no
 * option `dir`. */
const char *host_part_folder(const struct host_part *part);

/* What the part's plugin can be relied on for: of a stacked one what both declare. */
uint64_t host_part_capabilities(const struct host_part *part);

/* Checks that the report on the part's plugin, in `file`, is as good as part->contract asks; what
 * the plugin is to be built over, `settings` say. Errors: as host_contract_check. */
enum rkv_status host_part_check_contract(struct host_part *part, const char *file,
                                         const char *folder, const struct host_settings *settings,
                                         struct rkv_error *error);

/* Fills part->under, whose plugin is loaded from `folder`, after the part's own plugin was loaded.
 * With `running`, the same part of a running node, no plugin is loaded; if `over` names another
 * plugin now, part->under has no values, and NULL as `plugin`. What is wrong becomes a problem; so
 * does a section [KIND.under] of a plugin that is not stacked. */
void host_part_stack(struct host_part *part, const char *folder, const struct host_part *running,
                     struct host_settings *settings, struct host_problems *problems);

#endif
