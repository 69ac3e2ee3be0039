/* words.c: commands by their state machine, memberships and notes by the host. */
#include <host/storage/words.h>

#include <host/ops.h>
#include <host/utf8.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define USUAL "sm-protobuf" /* of a configuration that names none */

bool words_find(struct words *words, const char *named, struct host_place *place,
                struct host_problems *problems) {
  const struct host_setting *setting =
      host_settings_find(&place->settings, host_kind_name(RKV_KIND_STATE_MACHINE), HOST_PLUGIN_KEY);
  const char *name = named ? named : setting ? setting->text : USUAL;
  const struct rkv_state_machine_ops *ops;
  struct rkv_error error;
  if (host_plugin_load(place->folder, name, RKV_KIND_STATE_MACHINE, &words->machine, &error) !=
      RKV_OK) {
    if (named)
      host_problems_add(problems, HOST_BLAME_CONFIG, 0, "--state-machine %s: %s", named,
                        error.text);
    return !named;
  }
  ops = words->machine.descriptor.ops;
  if (ops->describe) words->ops = ops;
  if (named && !words->ops)
    host_problems_add(problems, HOST_BLAME_CONFIG, 0,
                      "--state-machine %s: it puts no commands into words (operation describe, "
                      "since ABI 1.4)",
                      named);
  return !named || words->ops;
}

/* ---- memberships ---- */

struct line {
  char *text;
  size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *line, const char *format, ...) {
  va_list args;
  int len;
  va_start(args, format);
  len = vsnprintf(line->text + line->len, WORDS_MAX - line->len, format, args);
  va_end(args);
  if (len > 0) line->len += (size_t)len;
  if (line->len >= WORDS_MAX) line->len = WORDS_MAX - 1;
}

static void put_config(struct line *line, const struct rkv_config_set *config) {
  for (uint32_t i = 0; i < config->count; i++)
    put(line, "%s%" PRIu64, i == 0 ? "[" : " ", config->ids[i]);
  put(line, "]");
}

static void put_learners(struct line *line, const struct rkv_membership *m) {
  unsigned count = 0;
  for (uint32_t i = 0; i < m->node_count; i++)
    if (!rkv_membership_is_voter(m, m->nodes[i].id))
      put(line, "%s%" PRIu64, count++ == 0 ? ", learners [" : " ", m->nodes[i].id);
  if (count > 0) put(line, "]");
}

static bool membership_of(struct rkv_buf bytes, char text[WORDS_MAX]) {
  struct rkv_membership *m = malloc(sizeof *m);
  struct line line = {text, 0};
  struct rkv_error error;
  bool good = m && rkv_membership_decode(bytes.data, bytes.len, m, &error) == RKV_OK;
  for (uint32_t i = 0; good && i < m->config_count; i++) {
    put(&line, "%s", i == 0 ? "voters " : " and ");
    put_config(&line, &m->configs[i]);
  }
  if (good) put_learners(&line, m);
  free(m);
  return good;
}

/* ---- the rest ---- */

/* One line for a terminal, whoever wrote it. */
static bool is_plain(const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  for (size_t left = strlen(text), step; left > 0; at += step, left -= step) {
    step = host_utf8_length(at, left);
    if (step == 0 || *at < ' ' || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0)) return false;
  }
  return true;
}

static bool note_of(struct rkv_buf bytes, char text[WORDS_MAX]) {
  size_t len = bytes.len < WORDS_MAX ? bytes.len : WORDS_MAX - 1;
  if (len > 0) memcpy(text, bytes.data, len);
  text[len] = '\0';
  return is_plain(text);
}

static bool command_of(const struct words *words, struct rkv_buf bytes, char text[WORDS_MAX]) {
  struct rkv_error error = {0};
  if (!words->ops) return false;
  text[0] = '\0';
  if (words->ops->describe(bytes, text, WORDS_MAX, &error) != RKV_OK) return false;
  text[WORDS_MAX - 1] = '\0';
  return is_plain(text);
}

bool words_of(const struct words *words, const struct rkv_entry *entry, char text[WORDS_MAX]) {
  switch (entry->kind) {
  case RKV_ENTRY_COMMAND: return command_of(words, entry->payload, text);
  case RKV_ENTRY_MEMBERSHIP: return membership_of(entry->payload, text);
  case RKV_ENTRY_MOVED: return note_of(entry->payload, text);
  default: return false;
  }
}
