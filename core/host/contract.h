/* contract.h: the report that rkv-contract --report leaves beside a plugin, and what a node that
 * asks for it (`require_contract = LEVEL` in the plugin's section) demands. That of a stacked
 * plugin is about it over one other plugin: it promises nothing over any else.
 *
 * The report guards against mistakes, not against intent: a plugin that was never tried, or was
 * rebuilt since, is refused. The report is an INI file. */
#ifndef HOST_CONTRACT_H
#define HOST_CONTRACT_H

#include "limits.h"

#include <rkv/rkv.h>

#define HOST_CONTRACT_KEY "require_contract"
#define HOST_CONTRACT_SUFFIX ".contract" /* behind the plugin's file name */
#define HOST_CONTRACT_SECTION "contract"
#define HOST_CONTRACT_OVER_HASH "over_sha256" /* in it */
#define HOST_OVER_KEY "over"                  /* of a section, and in the report */

enum {
  HOST_CONTRACT_HASH_MAX = 65, /* bytes of a SHA-256 as hex, its NUL included */
  HOST_CONTRACT_TEXT_MAX = 768 /* bytes of what was not tried, its NUL included */
};

/* The values of require_contract, each asking for more than the one before. */
enum host_contract_level {
  HOST_CONTRACT_NONE,
  HOST_CONTRACT_BASIC,
  HOST_CONTRACT_CRASH,
  HOST_CONTRACT_FULL,
  HOST_CONTRACT_LEVELS
};

/* What a report says beside its verdict; "" where it says nothing. */
struct host_contract_said {
  char untried[HOST_CONTRACT_TEXT_MAX];     /* what was not tried, and why, in a line */
  char over[HOST_PLUGIN_NAME_MAX];          /* a stacked plugin was tried over this one, ... */
  char over_sha256[HOST_CONTRACT_HASH_MAX]; /* ... whose file had this checksum */
};

/* Which report is asked for. */
struct host_contract_asked {
  const char *file; /* the plugin's */
  uint64_t level;   /* an enum host_contract_level */
  /* The file of what it is to be built over, for the command that makes a right report; NULL: it is
   * not known, or nothing. */
  const char *over;
};

/* The option itself, for check, config and plugins. */
extern const struct rkv_option host_contract_option;

/* SHA-256 of a file as hex. Errors: RKV_IO, RKV_NO_MEMORY. */
enum rkv_status host_contract_hash(const char *file, char hex[HOST_CONTRACT_HASH_MAX],
                                   struct rkv_error *error);

/* Where the report on a plugin's file stands. Errors: RKV_INVALID if the path is too long. */
enum rkv_status host_contract_path(const char *plugin_file, char out[HOST_PATH_MAX],
                                   struct rkv_error *error);

/* Checks that the plugin may be used where this level is required. *said gets what the report says;
 * NULL: nobody asks. Errors: RKV_INVALID with what is wrong with the report and the command that
 * makes a right one; RKV_IO, RKV_NO_MEMORY. */
enum rkv_status host_contract_check(const struct host_contract_asked *asked,
                                    struct host_contract_said *said, struct rkv_error *error);

/* Checks further that a stacked plugin, of whose report *said is, was tried over the plugin in the
 * file `over`, as it is now. Errors: as above. */
enum rkv_status host_contract_check_over(const struct host_contract_asked *asked,
                                         const struct host_contract_said *said, const char *over,
                                         struct rkv_error *error);

#endif
