/* shape.c: checks the lengths of a plugin's tables, and copies them. */
#include "shape.h"

#include <rkv/plugin.h>

#include <string.h>

/* The ends of the last field of ABI 1.0 and of each field appended since. A new field's end is
 * added here. */
#define END(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
static const size_t descriptor_ends[] = {END(struct rkv_plugin, reserved)};
static const size_t option_ends[] = {END(struct rkv_option, flags)};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])
_Static_assert(END(struct rkv_plugin, reserved) == sizeof(struct rkv_plugin),
               "the last field of struct rkv_plugin is in descriptor_ends");
_Static_assert(END(struct rkv_option, flags) == sizeof(struct rkv_option),
               "the last field of struct rkv_option is in option_ends");

const struct host_shape host_descriptor_shape = {END(struct rkv_plugin, reserved), descriptor_ends,
                                                 COUNT(descriptor_ends)};
const struct host_shape host_option_shape = {END(struct rkv_option, flags), option_ends,
                                             COUNT(option_ends)};

size_t host_shape_full(const struct host_shape *shape) {
  return shape->ends[shape->count - 1];
}

const char *host_shape_refusal(const struct host_shape *shape, size_t size) {
  if (size < shape->first) return "too short";
  if (size > host_shape_full(shape)) return "too long";
  for (size_t i = 0; i < shape->count; i++)
    if (shape->ends[i] == size) return NULL;
  return "inside of a field";
}

void host_shape_copy(const struct host_shape *shape, const void *from, size_t size, void *to) {
  memcpy(to, from, size);
  memset((char *)to + size, 0, host_shape_full(shape) - size);
}
