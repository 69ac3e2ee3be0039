/* values.c: one reader for each type of option. */
#include "values.h"

#include "nearest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct unit {
  const char *name;
  uint64_t factor;
};

/* Largest first: host_value_print takes the first unit that divides the number. */
static const struct unit size_units[] = {{"GiB", UINT64_C(1) << 30},
                                         {"MiB", UINT64_C(1) << 20},
                                         {"KiB", UINT64_C(1) << 10},
                                         {"", 1},
                                         {NULL, 0}};
static const struct unit duration_units[] = {
    {"s", UINT64_C(1000000000)}, {"ms", 1000000}, {"us", 1000}, {NULL, 0}};
static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(uint32_t type) {
  if (type == RKV_OPTION_SIZE) return size_units;
  if (type == RKV_OPTION_DURATION) return duration_units;
  return plain_units;
}

const char *host_option_type_name(uint32_t type) {
  switch (type) {
#define TYPE_NAME(name, number, text)                                                              \
  case RKV_OPTION_##name: return text;
    RKV_OPTION_TYPE_LIST(TYPE_NAME)
#undef TYPE_NAME
  default: return "unknown";
  }
}

void host_value_print(uint32_t type, uint64_t number, char out[HOST_NUMBER_MAX]) {
  const struct unit *unit = units_of(type);
  const struct unit *smallest = unit;
  while (smallest[1].name) smallest++;
  if (number == 0) unit = smallest;
  while (unit->name && number % unit->factor != 0) unit++;
  if (unit->name)
    (void)snprintf(out, HOST_NUMBER_MAX, "%" PRIu64 "%s", number / unit->factor, unit->name);
  else
    (void)snprintf(out, HOST_NUMBER_MAX, "%" PRIu64 "ns", number);
}

/* ---- ${NAME} and file:PATH ---- */

static enum rkv_status from_environment(const char *raw, size_t len, struct host_texts *texts,
                                        const char **text, struct rkv_error *error) {
  char name[HOST_VALUE_MAX];
  const char *found;
  if (len - 3 >= sizeof name) return rkv_fail(error, RKV_INVALID, "the name is too long");
  memcpy(name, raw + 2, len - 3);
  name[len - 3] = '\0';
  found = getenv(name);
  if (!found)
    return rkv_fail(error, RKV_INVALID, "the environment has no %s (export it first)", name);
  if (strlen(found) >= HOST_VALUE_MAX)
    return rkv_fail(error, RKV_INVALID, "the environment's %s is over %d bytes (shorten it)", name,
                    HOST_VALUE_MAX - 1);
  *text = host_texts_keep(texts, found, strlen(found));
  return RKV_OK;
}

static enum rkv_status from_file(const char *path, struct host_texts *texts, const char **text,
                                 struct rkv_error *error) {
  char bytes[HOST_VALUE_MAX + 1];
  FILE *file = fopen(path, "re");
  size_t len;
  int failed;
  if (!file)
    return rkv_fail(error, RKV_INVALID, "cannot open %s: %s (give a file this process may read)",
                    path, strerror(errno));
  len = fread(bytes, 1, sizeof bytes, file);
  failed = ferror(file);
  (void)fclose(file);
  if (failed)
    return rkv_fail(error, RKV_INVALID, "cannot read %s (give a plain file this process may read)",
                    path);
  if (len > 0 && bytes[len - 1] == '\n') len--;
  if (len > 0 && bytes[len - 1] == '\r') len--;
  if (len >= HOST_VALUE_MAX || memchr(bytes, '\0', len))
    return rkv_fail(error, RKV_INVALID, "%s is not a text of at most %d bytes (one line is read)",
                    path, HOST_VALUE_MAX - 1);
  *text = host_texts_keep(texts, bytes, len);
  return RKV_OK;
}

bool host_value_is_variable(const char *raw) {
  const size_t len = strlen(raw);
  return len >= 3 && raw[0] == '$' && raw[1] == '{' && raw[len - 1] == '}';
}

enum rkv_status host_value_expand(const struct rkv_option *option, const char *raw,
                                  struct host_texts *texts, const char **text,
                                  struct rkv_error *error) {
  *text = raw;
  if (host_value_is_variable(raw)) return from_environment(raw, strlen(raw), texts, text, error);
  if ((option->flags & RKV_OPTION_SECRET) &&
      strncmp(raw, HOST_FILE_PREFIX, strlen(HOST_FILE_PREFIX)) == 0)
    return from_file(raw + strlen(HOST_FILE_PREFIX), texts, text, error);
  return RKV_OK;
}

/* ---- types ---- */

static const char *remedy_of(uint32_t type) {
  switch (type) {
  case RKV_OPTION_SIZE: return "try 64KiB, 4MiB or plain bytes";
  case RKV_OPTION_DURATION: return "try 500ms, 3s or 10us";
  default: return "try 42";
  }
}

/* Reads digits and one of the units; no sign, no fraction, no blank. */
static enum rkv_status parse_scaled(const struct rkv_option *option, const char *text,
                                    uint64_t *number, struct rkv_error *error) {
  const struct unit *unit = units_of(option->type);
  const char *at = text;
  uint64_t value = 0;
  bool over = false;
  for (; *at >= '0' && *at <= '9'; at++) {
    over = over || __builtin_mul_overflow(value, 10u, &value) ||
           __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value);
  }
  while (unit->name && strcmp(unit->name, at) != 0) unit++;
  if (at == text || !unit->name)
    return rkv_fail(error, RKV_INVALID, "not a %s (%s)",
                    option->type == RKV_OPTION_UINT ? "number"
                                                    : host_option_type_name(option->type),
                    remedy_of(option->type));
  if (over || __builtin_mul_overflow(value, unit->factor, number)) *number = UINT64_MAX;
  if (over || *number > option->max || *number < option->min) {
    char low[HOST_NUMBER_MAX], high[HOST_NUMBER_MAX];
    host_value_print(option->type, option->min, low);
    host_value_print(option->type, option->max, high);
    return rkv_fail(error, RKV_INVALID, "out of range (%s to %s)", low, high);
  }
  return RKV_OK;
}

static enum rkv_status parse_bool(const char *text, uint64_t *number, struct rkv_error *error) {
  *number = strcmp(text, "true") == 0;
  if (*number == 0 && strcmp(text, "false") != 0)
    return rkv_fail(error, RKV_INVALID, "not a bool (write true or false)");
  return RKV_OK;
}

static enum rkv_status parse_enum(const struct rkv_option *option, const char *text,
                                  struct rkv_value *value, struct rkv_error *error) {
  struct host_nearest nearest = {.word = text};
  char all[RKV_ERROR_TEXT_MAX / 2] = "";
  size_t used = 0;
  for (size_t i = 0; option->choices[i]; i++) {
    if (strcmp(option->choices[i], text) == 0) {
      value->number = i;
      value->text = option->choices[i];
      return RKV_OK;
    }
    host_nearest_try(&nearest, option->choices[i]);
    if (used < sizeof all)
      used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "",
                               option->choices[i]);
  }
  if (host_nearest_best(&nearest))
    return rkv_fail(error, RKV_INVALID, "not one of the choices (%s; did you mean %s?)", all,
                    host_nearest_best(&nearest));
  return rkv_fail(error, RKV_INVALID, "not one of the choices (%s)", all);
}

enum rkv_status host_value_parse(const struct rkv_option *option, const char *text,
                                 struct rkv_value *value, struct rkv_error *error) {
  value->text = text;
  value->number = 0;
  switch (option->type) {
  case RKV_OPTION_STRING: return RKV_OK;
  case RKV_OPTION_PATH: return RKV_OK;
  case RKV_OPTION_BOOL: return parse_bool(text, &value->number, error);
  case RKV_OPTION_ENUM: return parse_enum(option, text, value, error);
  default: return parse_scaled(option, text, &value->number, error);
  }
}
