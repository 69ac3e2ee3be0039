/* good.h: the good plugin inside a broken one: loaded from a path, with default options. */
#ifndef CONTRACT_GOOD_H
#define CONTRACT_GOOD_H

#include "broken_error.h"

enum { GOOD_OPTIONS_MAX = 32 };

struct good {
  const struct rkv_plugin *plugin;
  struct rkv_value values[GOOD_OPTIONS_MAX];
  struct rkv_config config; /* of these */
};

/* Errors: RKV_INVALID if it does not load, is of another kind, or has more options. */
enum rkv_status good_load(struct good *good, const char *path, uint32_t kind,
                          struct rkv_error *error);

/* Changes the option of this name, if there is one. */
void good_set(struct good *good, const char *name, uint64_t number);

#endif
