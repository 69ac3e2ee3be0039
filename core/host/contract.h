/* contract.h: the report that rkv-contract --report leaves beside a plugin, and what a node that
 * asks for it (`require_contract = LEVEL` in the plugin's section) demands.
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

/* The option itself, for check, config and plugins. */
extern const struct rkv_option host_contract_option;

/* SHA-256 of a file as hex. Errors: RKV_IO, RKV_NO_MEMORY. */
enum rkv_status host_contract_hash(const char *file, char hex[HOST_CONTRACT_HASH_MAX],
                                   struct rkv_error *error);

/* Where the report on a plugin's file stands. Errors: RKV_INVALID if the path is too long. */
enum rkv_status host_contract_path(const char *plugin_file, char out[HOST_PATH_MAX],
                                   struct rkv_error *error);

/* Checks that the plugin in `file` may be used where `level` (an enum host_contract_level) is
 * required. `untried` (HOST_CONTRACT_TEXT_MAX bytes) gets what the report says was not tried, and
 * why, in a line, "" if it says nothing; NULL: nobody asks. Errors: RKV_INVALID with what is wrong
 * with the report and the command that makes a right one; RKV_IO, RKV_NO_MEMORY. */
enum rkv_status host_contract_check(const char *file, uint64_t level, char *untried,
                                    struct rkv_error *error);

#endif
