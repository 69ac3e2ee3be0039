/* tell.c: the outcome for people: one line for each law, reasons indented below it, a summary. */
#include "suite.h"

#include <host/loader.h>
#include <host/ops.h>

#include <inttypes.h>
#include <string.h>

#define INDENT "      "

enum { LACK_TEXT_MAX = 128 };

/* What all instances of the plugin share; nothing if there is nothing. */
static void tell_writable(const struct writable *w, FILE *out) {
  const char *lead = "writable data, which its instances share: ";
  for (size_t i = 0; i < w->count; i++, lead = ", ")
    (void)fprintf(out, "%s%s (%" PRIu64 " bytes)", lead, w->objects[i].name, w->objects[i].size);
  if (w->more > 0) (void)fprintf(out, " and %zu more", w->more);
  if (w->count > 0) (void)fputc('\n', out);
  if (w->stripped && w->bytes >= WRITABLE_STRIPPED_MIN)
    (void)fprintf(out,
                  "writable data, which its instances share: %" PRIu64
                  " bytes without names (it is stripped)\n",
                  w->bytes);
}

void suite_tell_head(const struct suite *suite, FILE *out) {
  const struct rkv_plugin *p = suite->plugin;
  (void)fprintf(out, "%s %s, a %s of ABI %u.%u:", p->name, p->version, host_kind_name(p->kind),
                p->abi_major, p->abi_minor);
#define HEAD_CAPABILITY(name, bit, word)                                                           \
  if (p->capabilities & RKV_CAP_##name) (void)fprintf(out, " %s", word);
  RKV_CAP_LIST(HEAD_CAPABILITY)
#undef HEAD_CAPABILITY
  if (suite->part.under) (void)fprintf(out, " over %s", suite->part.under->plugin->name);
  if (p->capabilities == 0) (void)fputs(" no capability declared", out);
  (void)fprintf(out, "\nlevel %s, seed %" PRIu64 ", sha256 %s\n",
                contract_level_names[suite->wish.level], suite->wish.seed, suite->sha256);
  if (p->abi_minor < RKV_ABI_MINOR)
    (void)fprintf(out, "not asked of it: what ABI %u.%u and later brought\n", p->abi_major,
                  p->abi_minor + 1);
  tell_writable(&suite->writable, out);
  (void)fputc('\n', out);
  (void)fflush(out);
}

/* Each line of the text, indented. */
static void tell_lines(const char *text, FILE *out) {
  while (*text) {
    size_t len = strcspn(text, "\n");
    (void)fprintf(out, INDENT "%.*s\n", (int)len, text);
    text += len + (text[len] == '\n');
  }
}

void suite_tell_law(const struct run_outcome *outcome, FILE *out) {
  const struct contract_law *law = outcome->law;
  const char *text = outcome->text ? outcome->text : "";
  bool failed = outcome->result == RUN_FAILED;
  (void)fprintf(out, "%c%02u %-40s %s %6" PRIu64 " ms%s%s\n", contract_letter(law->kind),
                law->number, law->name, failed ? "FAILED " : run_result_name(outcome->result),
                outcome->took_ms, !failed && *text ? "  " : "", failed ? "" : text);
  if (failed) {
    (void)fprintf(out, INDENT "law: %s\n", law->says);
    tell_lines(text, out);
  }
  (void)fflush(out);
}

/* Adds one thing with its reason, up to where that goes into details, as a value of an INI file:
 * without its comments' signs. */
static size_t add_untried(char *out, size_t used, const char *what, const char *why) {
  size_t room = HOST_CONTRACT_TEXT_MAX - used, len;
  int put = snprintf(out + used, room, "%s%s (%.*s)", used > 0 ? ", " : "", what,
                     (int)strcspn(why, ":\n"), why);
  len = put < 0 ? 0 : (size_t)put;
  if (len >= room) len = room - 1;
  for (char *at = out + used; at < out + used + len; at++)
    if (*at == ';' || *at == '#' || *at == '\n') *at = ',';
  return used + len;
}

/* Why laws that need this capability were not tried. */
static void say_lack(const struct suite *suite, uint64_t capability, char why[LACK_TEXT_MAX]) {
  if (suite->declared & capability)
    (void)snprintf(why, LACK_TEXT_MAX, "declared, but not by %s, over which it was tried",
                   suite->part.under->plugin->name);
  else
    (void)snprintf(why, LACK_TEXT_MAX, "not declared%s",
                   capability == RKV_CAP_FINDS_DAMAGE ? ", it does not notice a decaying disk"
                                                      : "");
}

void suite_untried(const struct suite *suite, char out[HOST_CONTRACT_TEXT_MAX]) {
  char why[LACK_TEXT_MAX];
  uint64_t lacks = 0;
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < suite->count; i++)
    lacks |= suite->outcomes[i].law->needs & ~suite->plugin->capabilities;
#define UNTRIED_CAPABILITY(name, bit, word)                                                        \
  if (lacks & RKV_CAP_##name) {                                                                    \
    say_lack(suite, RKV_CAP_##name, why);                                                          \
    used = add_untried(out, used, word, why);                                                      \
  }
  RKV_CAP_LIST(UNTRIED_CAPABILITY)
#undef UNTRIED_CAPABILITY
  for (size_t i = 0; i < suite->count; i++) {
    const struct run_outcome *outcome = &suite->outcomes[i];
    bool by_itself = !(outcome->law->needs & ~suite->plugin->capabilities);
    if (outcome->result == RUN_SKIPPED && by_itself)
      used = add_untried(out, used, outcome->law->name, outcome->text ? outcome->text : "");
  }
}

/* As a shell takes it for one word. */
static void tell_word(const char *word, FILE *out) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "_-./=:,@%+";
  if (*word && word[strspn(word, plain)] == '\0') {
    (void)fputs(word, out);
    return;
  }
  (void)fputc('\'', out);
  for (; *word; word++)
    if (*word == '\'')
      (void)fputs("'\\''", out);
    else
      (void)fputc(*word, out);
  (void)fputc('\'', out);
}

static void tell_given(const char *flag, const char *word, FILE *out) {
  (void)fprintf(out, " %s ", flag);
  tell_word(word, out);
}

void suite_tell_sum(const struct suite *suite, FILE *out) {
  char untried[HOST_CONTRACT_TEXT_MAX];
  (void)fprintf(out, "\n%s: %zu passed, %zu failed, %zu skipped\n", suite->plugin->name,
                suite->passed, suite->failed, suite->skipped);
  suite_untried(suite, untried);
  if (untried[0]) (void)fprintf(out, "not tried: %s\n", untried);
  if (suite->failed == 0) return;
  (void)fprintf(out, "broken:");
  for (size_t i = 0; i < suite->count; i++)
    if (suite->outcomes[i].result == RUN_FAILED)
      (void)fprintf(out, " %s", suite->outcomes[i].law->name);
  (void)fputs("\nagain:  rkv-contract ", out);
  tell_word(suite->path, out);
  for (size_t i = 0; i < suite->wish.option_count; i++)
    tell_given("--option", suite->wish.options[i], out);
  if (suite->wish.commands) tell_given("--commands", suite->wish.commands, out);
  (void)fprintf(out, " --level %s --seed %" PRIu64, contract_level_names[suite->wish.level],
                suite->wish.seed);
  if (suite->wish.slow > 1) (void)fprintf(out, " --slow %u", suite->wish.slow);
  if (suite->wish.limit_s > 0) (void)fprintf(out, " --limit %u", suite->wish.limit_s);
  (void)fputs(" --only LAW\n", out);
}

void suite_tell_laws(uint32_t kind, FILE *out) {
  static const uint32_t kinds[] = {RKV_KIND_STORAGE, RKV_KIND_STATE_MACHINE, RKV_KIND_TRANSPORT};
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
    size_t count;
    const struct contract_law *laws = contract_laws(kinds[k], &count);
    if (kind != 0 && kind != kinds[k]) continue;
    for (size_t i = 0; i < count; i++)
      (void)fprintf(out, "%c%02u %-40s %-5s  %s\n", contract_letter(kinds[k]), laws[i].number,
                    laws[i].name, contract_level_names[laws[i].level], laws[i].says);
  }
}
