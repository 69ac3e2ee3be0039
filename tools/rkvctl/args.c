/* args.c: reads the command line. */
#include "args.h"

#include <host/nearest.h>
#include <rkv/address.h>
#include <rkv/call.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum rkv_status args_duration(const char *text, uint64_t *out_ms, struct rkv_error *error) {
  static const struct {
    const char *name;
    uint64_t ms;
  } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}};
  char *unit;
  uint64_t count;
  errno = 0;
  count = strtoull(text, &unit, 10);
  if (*text < '0' || *text > '9' || errno) goto wrong;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (strcmp(unit, units[i].name) != 0) continue;
    if (count == 0 || count > ARGS_TIMEOUT_MAX_MS / units[i].ms) goto wrong;
    *out_ms = count * units[i].ms;
    return RKV_OK;
  }
wrong:
  return rkv_fail(error, RKV_INVALID, "\"%s\" is no duration (try 500ms, 5s or 1m; at most 60m)",
                  text);
}

enum rkv_status args_node_id(const char *text, rkv_node_id *out, struct rkv_error *error) {
  char *end;
  errno = 0;
  *out = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || *out == 0)
    return rkv_fail(error, RKV_INVALID, "\"%s\" is no node id (a number from 1 on)", text);
  return RKV_OK;
}

/* Checks a HOST:PORT. It may hold no '=': then an ID=HOST:PORT stands at the wrong place. */
static bool is_endpoint(const char *text, size_t len) {
  char addr[RKV_ADDR_MAX];
  if (len >= sizeof addr || memchr(text, '=', len)) return false;
  memcpy(addr, text, len);
  addr[len] = '\0';
  return !rkv_addr_refusal(addr);
}

enum rkv_status args_node(const char *text, rkv_node_id *id, const char **addr,
                          struct rkv_error *error) {
  char number[24];
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || (size_t)(equals - text) >= sizeof number) goto wrong;
  memcpy(number, text, (size_t)(equals - text));
  number[equals - text] = '\0';
  if (args_node_id(number, id, error) != RKV_OK) return RKV_INVALID;
  *addr = equals + 1;
  if (!is_endpoint(*addr, strlen(*addr))) goto wrong;
  return RKV_OK;
wrong:
  return rkv_fail(error, RKV_INVALID, "\"%s\" is no node (try ID=HOST:PORT, 2=127.0.0.1:21002)",
                  text);
}

static enum rkv_status parse_endpoints(const char *list, const char *origin, struct args *args,
                                       struct rkv_error *error) {
  const char *at = list;
  args->endpoint_count = 0;
  for (;;) {
    size_t len = strcspn(at, ",");
    if (!is_endpoint(at, len))
      return rkv_fail(error, RKV_INVALID, "%s: \"%.*s\" is no endpoint (try 127.0.0.1:21001)",
                      origin, (int)(len < RKV_ADDR_MAX ? len : RKV_ADDR_MAX), at);
    if (args->endpoint_count == ARGS_ENDPOINTS_MAX)
      return rkv_fail(error, RKV_INVALID, "%s: more than %d endpoints", origin, ARGS_ENDPOINTS_MAX);
    memcpy(args->endpoints[args->endpoint_count], at, len);
    args->endpoints[args->endpoint_count++][len] = '\0';
    if (at[len] == '\0') return RKV_OK;
    at += len + 1;
  }
}

/* True if `word` is `--name VALUE` or `--name=VALUE`; *value is NULL if the value is missing. */
static bool value_option(const char *name, int argc, char *const *argv, int *i,
                         const char **value) {
  const char *word = argv[*i];
  size_t len = strlen(name);
  if (strncmp(word, name, len) != 0) return false;
  if (word[len] == '=') {
    *value = word + len + 1;
    return true;
  }
  if (word[len] != '\0') return false;
  *value = *i + 1 < argc ? argv[++*i] : NULL;
  return true;
}

static bool flag_option(const char *word, struct args *args) {
  const struct {
    const char *name;
    bool *flag;
  } flags[] = {{"--json", &args->json},
               {"--raw", &args->raw},
               {"--help", &args->help},
               {"-h", &args->help},
               {"--version", &args->version}};
  static const struct {
    const char *name;
    enum args_option option;
  } own[] = {{"--retain", ARGS_RETAIN},
             {"--stdin", ARGS_STDIN},
             {"--wait", ARGS_WAIT},
             {"--wait=voters", ARGS_WAIT},
             {"--unreachable", ARGS_UNREACHABLE},
             {"--check", ARGS_CHECK},
             {"--yes", ARGS_YES},
             {"--cancel", ARGS_CANCEL},
             {"--as-hex", ARGS_AS_HEX}};
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
    if (strcmp(word, own[i].name) != 0) continue;
    args->options |= own[i].option;
    return true;
  }
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (strcmp(word, flags[i].name) != 0) continue;
    *flags[i].flag = true;
    return true;
  }
  return false;
}

/* Reads a word of RKV_READ_LIST; `text` NULL: the value is missing. */
static enum rkv_status parse_read(const char *text, struct args *args, struct rkv_error *error) {
#define READ_NAME(name, number, word)                                                              \
  if (text && strcmp(text, word) == 0) {                                                           \
    args->read = word;                                                                             \
    return RKV_OK;                                                                                 \
  }
  RKV_READ_LIST(READ_NAME)
#undef READ_NAME
  return rkv_fail(error, RKV_INVALID, "--read needs local, lease or linearizable");
}

static enum rkv_status parse_plugin(const char *name, struct args *args, struct rkv_error *error) {
  args->options |= ARGS_PLUGIN;
  if (!name || !*name)
    return rkv_fail(error, RKV_INVALID, "--plugin needs the name of a storage (storage-wal)");
  if (args->plugin) return rkv_fail(error, RKV_INVALID, "--plugin is given twice (keep one)");
  args->plugin = name;
  return RKV_OK;
}

/* A setting may be a secret: a refusal tells its place. */
static enum rkv_status parse_set(const char *pair, struct args *args, struct rkv_error *error) {
  args->options |= ARGS_SET;
  if (args->set_count == RKV_SWAP_SETTINGS_MAX)
    return rkv_fail(error, RKV_INVALID, "--set is given over %d times", RKV_SWAP_SETTINGS_MAX);
  if (!pair || *pair == '=' || !strchr(pair, '='))
    return rkv_fail(error, RKV_INVALID, "--set number %u is no KEY=VALUE (try --set dir=/srv/wal)",
                    args->set_count + 1);
  args->sets[args->set_count++] = pair;
  return RKV_OK;
}

/* An option that is given once, with any text. *taken: `argv[*i]` is one. */
static enum rkv_status parse_once(int argc, char *const *argv, int *i, struct args *args,
                                  bool *taken, struct rkv_error *error) {
  const struct {
    const char *name, *needs;
    enum args_option option;
    const char **into;
  } all[] = {{"--text", "the bytes as text", ARGS_TEXT, &args->text},
             {"--hex", "the bytes as hex digits (--hex 0a03)", ARGS_HEX, &args->hex},
             {"--file", "the file that holds the bytes", ARGS_FILE, &args->file},
             {"--out", "the file to which the answer goes", ARGS_OUT, &args->out}};
  const char *value;
  for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
    if (!value_option(all[k].name, argc, argv, i, &value)) continue;
    *taken = true;
    args->options |= all[k].option;
    if (!value) return rkv_fail(error, RKV_INVALID, "%s needs %s", all[k].name, all[k].needs);
    if (*all[k].into)
      return rkv_fail(error, RKV_INVALID, "%s is given twice (keep one)", all[k].name);
    *all[k].into = value;
    return RKV_OK;
  }
  *taken = false;
  return RKV_OK;
}

static enum rkv_status parse_transport(const char *name, struct args *args,
                                       struct rkv_error *error) {
  if (!name || !*name)
    return rkv_fail(error, RKV_INVALID,
                    "--transport needs the name of a plugin, or the path of its .so");
  if (args->transport) return rkv_fail(error, RKV_INVALID, "--transport is given twice (keep one)");
  args->transport = name;
  return RKV_OK;
}

static enum rkv_status parse_transport_set(const char *pair, struct args *args,
                                           struct rkv_error *error) {
  if (args->transport_set_count == ARGS_TRANSPORT_SETS_MAX)
    return rkv_fail(error, RKV_INVALID, "--transport-set is given over %d times",
                    ARGS_TRANSPORT_SETS_MAX);
  if (!pair || *pair == '=' || !strchr(pair, '='))
    return rkv_fail(error, RKV_INVALID, "--transport-set number %u is no KEY=VALUE",
                    args->transport_set_count + 1);
  args->transport_sets[args->transport_set_count++] = pair;
  return RKV_OK;
}

#define OPTION_TEXT(name, bit, text, of) text,
static const char *const option_texts[] = {
    "--endpoints",     "--timeout", "--transport",
    "--transport-set", "--json",    "--raw",
    "--help",          "--version", ARGS_OPTION_LIST(OPTION_TEXT)};
#undef OPTION_TEXT

/* Refuses an unknown option, with the nearest one, or with all if none is near. */
static enum rkv_status unknown_option(const char *word, struct rkv_error *error) {
  char name[HOST_NEAREST_NAME_MAX], all[RKV_ERROR_TEXT_MAX / 2] = "";
  struct host_nearest nearest = {.word = name};
  size_t used = 0;
  (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
  for (size_t i = 0; i < sizeof option_texts / sizeof option_texts[0]; i++) {
    if (strcmp(name, option_texts[i]) == 0)
      return rkv_fail(error, RKV_INVALID, "%s does not take what follows the = (leave it out)",
                      name);
    host_nearest_try(&nearest, option_texts[i]);
    if (used < sizeof all)
      used +=
          (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", option_texts[i]);
  }
  if (host_nearest_best(&nearest))
    return rkv_fail(error, RKV_INVALID, "unknown option %s (did you mean %s?)", word,
                    host_nearest_best(&nearest));
  return rkv_fail(
      error, RKV_INVALID,
      "unknown option %s (there are %s; a word of yours that starts with -- goes behind "
      "a lone --)",
      word, all);
}

static enum rkv_status parse_option(int argc, char *const *argv, int *i, struct args *args,
                                    struct rkv_error *error) {
  const char *word = argv[*i], *value;
  bool taken;
  enum rkv_status status = parse_once(argc, argv, i, args, &taken, error);
  if (taken) return status;
  if (value_option("--endpoints", argc, argv, i, &value)) {
    if (!value) return rkv_fail(error, RKV_INVALID, "--endpoints needs HOST:PORT,...");
    return parse_endpoints(value, "--endpoints", args, error);
  }
  if (value_option("--timeout", argc, argv, i, &value)) {
    if (!value) return rkv_fail(error, RKV_INVALID, "--timeout needs a duration such as 5s");
    return args_duration(value, &args->timeout_ms, error);
  }
  if (value_option("--transport", argc, argv, i, &value))
    return parse_transport(value, args, error);
  if (value_option("--transport-set", argc, argv, i, &value))
    return parse_transport_set(value, args, error);
  if (value_option("--read", argc, argv, i, &value)) {
    args->options |= ARGS_READ;
    return parse_read(value, args, error);
  }
  if (value_option("--plugin", argc, argv, i, &value)) return parse_plugin(value, args, error);
  if (value_option("--set", argc, argv, i, &value)) return parse_set(value, args, error);
  if (flag_option(word, args)) return RKV_OK;
  return unknown_option(word, error);
}

/* --json is looked for first: an error in any other word is printed as JSON too. */
static bool asks_for_json(int argc, char *const *argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--json") == 0) return true;
  return false;
}

enum rkv_status args_parse(int argc, char *const *argv, const char *env, struct args *args,
                           struct rkv_error *error) {
  bool options_ended = false;
  memset(args, 0, sizeof *args);
  args->json = asks_for_json(argc, argv);
  args->timeout_ms = ARGS_DEFAULT_TIMEOUT_MS;
  for (int i = 1; i < argc; i++) {
    if (!options_ended && strcmp(argv[i], "--") == 0) {
      options_ended = true;
    } else if (!options_ended && (strncmp(argv[i], "--", 2) == 0 || strcmp(argv[i], "-h") == 0)) {
      if (parse_option(argc, argv, &i, args, error) != RKV_OK) return RKV_INVALID;
    } else if (args->word_count == ARGS_WORDS_MAX) {
      return rkv_fail(error, RKV_INVALID, "more than %d words", ARGS_WORDS_MAX);
    } else {
      args->words[args->word_count++] = argv[i];
    }
  }
  if (args->transport_set_count > 0 && !args->transport)
    return rkv_fail(error, RKV_INVALID, "--transport-set without --transport (name the plugin)");
  if (args->endpoint_count > 0) return RKV_OK;
  if (env && *env) return parse_endpoints(env, "RKVCTL_ENDPOINTS", args, error);
  return parse_endpoints(ARGS_DEFAULT_ENDPOINT, "default", args, error);
}
