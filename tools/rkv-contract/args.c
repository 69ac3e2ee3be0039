/* args.c: flags. */
#include "args.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum contract_flag {
  FLAG_OPTION = 256,
  FLAG_LEVEL,
  FLAG_JSON,
  FLAG_ONLY,
  FLAG_COMMANDS,
  FLAG_SEED,
  FLAG_REPORT,
  FLAG_SCRATCH,
  FLAG_SLOW,
  FLAG_LIMIT,
  FLAG_KEEP,
  FLAG_FOREGROUND,
  FLAG_JOBS,
  FLAG_JUNIT,
  FLAG_LIST,
  FLAG_HELP,
  FLAG_VERSION
};

static const struct option flags[] = {
    {"option", required_argument, NULL, FLAG_OPTION},
    {"level", required_argument, NULL, FLAG_LEVEL},
    {"json", required_argument, NULL, FLAG_JSON},
    {"only", required_argument, NULL, FLAG_ONLY},
    {"commands", required_argument, NULL, FLAG_COMMANDS},
    {"seed", required_argument, NULL, FLAG_SEED},
    {"report", no_argument, NULL, FLAG_REPORT},
    {"scratch", required_argument, NULL, FLAG_SCRATCH},
    {"slow", required_argument, NULL, FLAG_SLOW},
    {"limit", required_argument, NULL, FLAG_LIMIT},
    {"keep", required_argument, NULL, FLAG_KEEP},
    {"foreground", required_argument, NULL, FLAG_FOREGROUND},
    {"jobs", required_argument, NULL, FLAG_JOBS},
    {"junit", required_argument, NULL, FLAG_JUNIT},
    {"list", no_argument, NULL, FLAG_LIST},
    {"help", no_argument, NULL, FLAG_HELP},
    {"version", no_argument, NULL, FLAG_VERSION},
    {NULL, 0, NULL, 0},
};

void args_usage(FILE *out) {
  (void)fputs(
      "usage: rkv-contract PLUGIN.so [--option KEY=VALUE]... [--level basic|crash|full]\n"
      "                    [--only LAW]... [--jobs N] [--seed N] [--json FILE] [--junit FILE]\n"
      "                    [--report] [--commands FILE] [--scratch DIR | --keep DIR] [--slow N]\n"
      "                    [--limit SECONDS] [--foreground LAW]\n"
      "       rkv-contract --list\n"
      "\n"
      "Tries every law of the plugin's kind, each in a process of its own.\n"
      "\n"
      "  --option K=V  an option of the plugin's INI section; `dir` is given by the suite\n"
      "  --level       basic: no trouble; crash (default): kills and failing disks too;\n"
      "                full: the same at length, minutes\n"
      "  --only LAW    a law by name or number (S7), whatever its level\n"
      "  --jobs N      so many laws at a time (default 1); the report stays in order\n"
      "  --commands F  a state machine's commands and queries, if it takes none of the suite's:\n"
      "                lines `command BYTES` or `query BYTES`, with \\xHH \\n \\r \\t \\{ \\\\\n"
      "                and patterns: {0..99} a key, {bytes 1..1MiB} {letters 1..20} values\n"
      "  --seed N      what chance decides with (default 1)\n"
      "  --json FILE   the result for machines (-: stdout, and nothing else there)\n"
      "  --junit FILE  the result as JUnit's XML, for build servers\n"
      "  --report      write PLUGIN.so.contract beside the plugin, which the host asks for where\n"
      "                `require_contract = LEVEL` stands in the plugin's section\n"
      "  --scratch DIR where plugins write (default: TMPDIR, else /tmp)\n"
      "  --keep DIR    plugins write in DIR, which is new or empty, and what each law leaves "
      "stays:\n"
      "                its files in DIR/LAW, how it ended and what it printed in DIR/LAW.txt\n"
      "  --foreground L tries this law in rkv-contract's own process, without a time limit: put a\n"
      "                debugger in front (gdb --args rkv-contract ...)\n"
      "  --slow N      every time limit is N times longer\n"
      "  --limit N     no law may take longer than N seconds (default: as each law says)\n"
      "  --list        the laws with what they say\n"
      "\n"
      "exit: 0 every law holds, 1 some law is broken, 64 usage, 78 the plugin is refused\n",
      out);
}

static bool number(const char *text, uint64_t max, uint64_t *out) {
  char *end;
  *out = strtoull(text, &end, 10);
  return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out <= max;
}

static bool level(const char *text, enum contract_level *out) {
  for (int i = 0; i < CONTRACT_LEVELS; i++)
    if (strcmp(text, contract_level_names[i]) == 0) {
      *out = (enum contract_level)i;
      return true;
    }
  return false;
}

/* Adds a text to a list; false: the list is full. */
static bool add_text(const char **list, size_t *count, size_t max, const char *text) {
  if (*count == max) return false;
  list[(*count)++] = text;
  return true;
}

/* Takes one flag with its value. False: the value makes no sense. */
static bool take_flag(struct args *args, int flag, const char *text) {
  struct suite_wish *wish = &args->wish;
  uint64_t n = 0;
  bool good = true;
  switch (flag) {
  case FLAG_OPTION: return add_text(wish->options, &wish->option_count, SUITE_OPTIONS_MAX, text);
  case FLAG_ONLY: return add_text(wish->only, &wish->only_count, SUITE_ONLY_MAX, text);
  case FLAG_LEVEL: return level(text, &wish->level);
  case FLAG_SEED: return number(text, UINT64_MAX, &wish->seed);
  case FLAG_JSON: args->json = text; break;
  case FLAG_JUNIT: args->junit = text; break;
  case FLAG_COMMANDS: /* a file that is not there is told of by the suite */
    wish->commands = realpath(text, args->commands) ? args->commands : text;
    break;
  case FLAG_KEEP: wish->keep = text; break;
  case FLAG_FOREGROUND:
    wish->foreground = true;
    return add_text(wish->only, &wish->only_count, SUITE_ONLY_MAX, text);
  case FLAG_JOBS:
    good = number(text, SUITE_JOBS_MAX, &n) && n > 0;
    wish->jobs = (unsigned)n;
    break;
  case FLAG_SCRATCH:
    wish->scratch = text;
    args->scratch = true;
    break;
  case FLAG_REPORT: args->report = true; break;
  case FLAG_LIST: args->list = true; break;
  case FLAG_HELP: args->help = true; break;
  case FLAG_VERSION: args->version = true; break;
  case FLAG_SLOW:
    good = number(text, 1000, &n) && n > 0;
    wish->slow = (unsigned)n;
    break;
  case FLAG_LIMIT:
    good = number(text, 100000, &n) && n > 0;
    wish->limit_s = (unsigned)n;
    break;
  default: return false;
  }
  return good;
}

static bool wrong(FILE *err, const char *what, const char *which) {
  (void)fprintf(err, "rkv-contract: %s%s (see rkv-contract --help)\n", what, which);
  return false;
}

/* Flags that are right by themselves must be right together. */
static bool agree(const struct args *args, FILE *err) {
  const struct suite_wish *wish = &args->wish;
  if (wish->keep && args->scratch)
    return wrong(err, "--keep DIR says where plugins write: leave --scratch out", "");
  if (wish->foreground && wish->only_count > 1)
    return wrong(err, "--foreground is about one law: give it once, and leave --only out", "");
  if (wish->foreground && (args->report || args->json || args->junit))
    return wrong(err, "--foreground leaves no result: leave --report, --json and --junit out", "");
  if (args->report && wish->only_count > 0)
    return wrong(err, "--report is about all laws: leave --only out", "");
  return true;
}

bool args_parse(struct args *args, int argc, char **argv, FILE *err) {
  const char *temporary = getenv("TMPDIR");
  int flag, at;
  *args = (struct args){.wish = {.scratch = temporary && *temporary ? temporary : "/tmp",
                                 .level = CONTRACT_CRASH,
                                 .seed = 1,
                                 .slow = 1,
                                 .jobs = 1}};
  opterr = 0;
  while ((flag = getopt_long(argc, argv, "", flags, &at)) != -1) {
    if (flag == '?')
      return wrong(err, "unknown flag, or one without its value: ", argv[optind - 1]);
    if (!take_flag(args, flag, optarg)) return wrong(err, "makes no sense: ", argv[optind - 1]);
  }
  if (args->list || args->help || args->version) return true;
  if (optind + 1 != argc) return wrong(err, "give one PLUGIN.so", "");
  args->wish.file = argv[optind];
  return agree(args, err);
}
