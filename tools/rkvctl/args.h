/* args.h: what the user typed: options, endpoints, the words of the command.
 *
 * A word that starts with "--" is an option wherever it stands, up to a lone "--". */
#ifndef RKVCTL_ARGS_H
#define RKVCTL_ARGS_H

#include <rkv/status.h>
#include <rkv/swap.h>
#include <rkv/types.h>

#include <stdbool.h>
#include <stdint.h>

#define ARGS_ENDPOINTS_MAX 64
#define ARGS_WORDS_MAX 130                /* words of one command, its name included */
#define ARGS_TIMEOUT_MAX_MS (3600 * 1000) /* --timeout, at most an hour */
#define ARGS_TRANSPORT_SETS_MAX 32
#define ARGS_DEFAULT_ENDPOINT "127.0.0.1:21001"
#define ARGS_DEFAULT_TIMEOUT_MS 5000

/* X(NAME, bit, text, the commands that take it): options of single commands. */
#define ARGS_OPTION_LIST(X)                                                                        \
  X(RETAIN, 1, "--retain", "change-membership")                                                    \
  X(READ, 2, "--read", "get and query")                                                            \
  X(STDIN, 4, "--stdin", "set, apply and query")                                                   \
  X(WAIT, 8, "--wait", "status")                                                                   \
  X(UNREACHABLE, 16, "--unreachable", "init, add-learner and change-membership")                   \
  X(PLUGIN, 32, "--plugin", "swap-storage")                                                        \
  X(SET, 64, "--set", "swap-storage")                                                              \
  X(CHECK, 128, "--check", "swap-storage")                                                         \
  X(YES, 256, "--yes", "swap-storage")                                                             \
  X(CANCEL, 512, "--cancel", "swap-storage")                                                       \
  X(TEXT, 1024, "--text", "apply and query")                                                       \
  X(HEX, 2048, "--hex", "apply and query")                                                         \
  X(FILE, 4096, "--file", "apply and query")                                                       \
  X(OUT, 8192, "--out", "apply and query")                                                         \
  X(AS_HEX, 16384, "--as-hex", "apply and query")

enum args_option {
#define ARGS_OPTION_ENUM(name, bit, text, of) ARGS_##name = bit,
  ARGS_OPTION_LIST(ARGS_OPTION_ENUM)
#undef ARGS_OPTION_ENUM
};

struct args {
  char endpoints[ARGS_ENDPOINTS_MAX][RKV_ADDR_MAX];
  unsigned endpoint_count;
  uint64_t timeout_ms;
  bool json, raw, help, version;
  unsigned options;   /* enum args_option that were given */
  const char *read;   /* --read: local, lease, linearizable; NULL if it was not given */
  const char *plugin; /* --plugin; NULL if it was not given */
  const char *text, *hex, *file, *out;     /* likewise */
  const char *sets[RKV_SWAP_SETTINGS_MAX]; /* --set, KEY=VALUE each; borrowed from argv */
  unsigned set_count;
  const char *transport; /* --transport; NULL: gRPC, which is built in */
  const char *transport_sets[ARGS_TRANSPORT_SETS_MAX]; /* --transport-set, KEY=VALUE each */
  unsigned transport_set_count;
  const char *words[ARGS_WORDS_MAX]; /* borrowed from argv */
  unsigned word_count;
};

/* Reads argv. `env` is the value of RKVCTL_ENDPOINTS or NULL; --endpoints overrides it. Errors:
 * RKV_INVALID with the word and what would be right; args->json is set also then. */
enum rkv_status args_parse(int argc, char *const *argv, const char *env, struct args *args,
                           struct rkv_error *error);

/* "5s", "500ms", "2m" to milliseconds, 1 ms to ARGS_TIMEOUT_MAX_MS. Errors: RKV_INVALID. */
enum rkv_status args_duration(const char *text, uint64_t *out_ms, struct rkv_error *error);

/* "3" to 3; 0 is no node id. Errors: RKV_INVALID. */
enum rkv_status args_node_id(const char *text, rkv_node_id *out, struct rkv_error *error);

/* "3=127.0.0.1:21003" to its id and a pointer to the address inside `text`. Errors: RKV_INVALID. */
enum rkv_status args_node(const char *text, rkv_node_id *id, const char **addr,
                          struct rkv_error *error);

#endif
