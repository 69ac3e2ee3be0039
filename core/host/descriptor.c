/* descriptor.c: copies a plugin's tables and checks them field by field, each refusal its own
 * sentence. */
#include "descriptor.h"

#include "contract.h"
#include "ops.h"
#include "values.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is being checked, for the refusals. */
struct check {
  const struct rkv_plugin *given; /* the plugin's own: read only as far as its sizes say */
  struct host_plugin *out;
  const char *file;
  struct rkv_error *error;
};

/* Checks that a table may be `size` bytes long, as the descriptor's `field` says. */
static enum rkv_status check_size(const struct check *c, const struct host_shape *shape,
                                  const char *field, uint32_t size, const char *what,
                                  const char *remedy) {
  const char *wrong = host_shape_refusal(shape, size);
  if (!wrong) return RKV_OK;
  return rkv_fail(c->error, RKV_INVALID,
                  "%s: %s is %u, %s: %s has %zu bytes in ABI %u.0 and %zu in this host's %u.%u "
                  "(set .%s = %s)",
                  c->file, field, size, wrong, what, shape->first, RKV_ABI_MAJOR,
                  host_shape_full(shape), RKV_ABI_MAJOR, RKV_ABI_MINOR, field, remedy);
}

/* True for a name of lower-case letters, digits and `joint` ('-' for plugins, '_' for options). */
static bool plugin_well_named(const char *name, char joint) {
  size_t len = strlen(name);
  if (len == 0 || len >= HOST_PLUGIN_NAME_MAX || name[0] < 'a' || name[0] > 'z') return false;
  for (; *name; name++)
    if (!(*name >= 'a' && *name <= 'z') && !(*name >= '0' && *name <= '9') && *name != joint)
      return false;
  return true;
}

static enum rkv_status take_descriptor(const struct check *c) {
  const struct rkv_plugin *p = c->given;
  enum rkv_status status;
  if (p->magic != RKV_PLUGIN_MAGIC)
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: magic is 0x%016" PRIx64 ", not 0x%016" PRIx64
                    " (not a raft-key-value plugin: set .magic = RKV_PLUGIN_MAGIC)",
                    c->file, p->magic, RKV_PLUGIN_MAGIC);
  if (p->abi_major != RKV_ABI_MAJOR)
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: abi_major is %u, this host has %u (build the plugin with this host's "
                    "include/rkv)",
                    c->file, p->abi_major, RKV_ABI_MAJOR);
  if (p->abi_minor > RKV_ABI_MINOR)
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: abi_minor is %u, this host knows only up to %u.%u (use a newer host or "
                    "build the plugin with an older include/rkv)",
                    c->file, p->abi_minor, RKV_ABI_MAJOR, RKV_ABI_MINOR);
  status = check_size(c, &host_descriptor_shape, "struct_size", p->struct_size, "a descriptor",
                      "sizeof(struct rkv_plugin)");
  if (status != RKV_OK) return status;
  host_shape_copy(&host_descriptor_shape, p, p->struct_size, &c->out->descriptor);
  c->out->descriptor.struct_size = sizeof c->out->descriptor;
  return RKV_OK;
}

static enum rkv_status check_kind(const struct check *c, uint32_t kind) {
  const struct rkv_plugin *p = &c->out->descriptor;
  const char *found = host_kind_name(p->kind);
  if (!found)
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: kind is %u, which is none (1 transport, 2 storage, "
                    "3 state-machine)",
                    c->file, p->kind);
  if (kind != 0 && p->kind != kind)
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: kind is %s, this section needs a %s (name a %s "
                    "plugin here)",
                    c->file, found, host_kind_name(kind), host_kind_name(kind));
  return RKV_OK;
}

static enum rkv_status check_names(const struct check *c, const char *name) {
  const struct rkv_plugin *p = &c->out->descriptor;
  if (!p->name || !plugin_well_named(p->name, '-'))
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: name is %s (lower case, digits and '-', at most %d "
                    "bytes)",
                    c->file, p->name ? "ill-formed" : "missing", HOST_PLUGIN_NAME_MAX - 1);
  if (name && strcmp(p->name, name) != 0)
    return rkv_fail(c->error, RKV_INVALID, "%s: name is %s, the file says %s (rename one of them)",
                    c->file, p->name, name);
  if (!p->version || !p->description)
    return rkv_fail(c->error, RKV_INVALID, "%s: %s is missing (give one line of text)", c->file,
                    p->version ? "description" : "version");
  if (p->reserved != 0)
    return rkv_fail(c->error, RKV_INVALID, "%s: reserved is %u (must be 0)", c->file, p->reserved);
  return RKV_OK;
}

/* What is wrong with an option of known name; NULL if nothing is. */
static const char *option_refusal(const struct rkv_option *option, bool stacked) {
  bool required = option->flags & RKV_OPTION_REQUIRED;
  bool listed = option->type == RKV_OPTION_ENUM;
  if (strcmp(option->name, "plugin") == 0) return "is called plugin, which is the host's own key";
  if (strcmp(option->name, host_contract_option.name) == 0)
    return "is called " HOST_CONTRACT_KEY ", which is the host's own key";
  if (stacked && strcmp(option->name, "over") == 0)
    return "is called over, which is the host's own key of a stacked plugin";
  if (strcmp(host_option_type_name(option->type), "unknown") == 0) return "has an unknown type";
  if (!option->help) return "has no help";
  if (required == (option->default_text != NULL))
    return required ? "is required and has a default" : "has no default and is not required";
  if (listed != (option->choices != NULL) || (listed && !option->choices[0]))
    return listed ? "is an enum without choices" : "has choices but is no enum";
  if (option->min > option->max) return "has min above max";
  return NULL;
}

static enum rkv_status check_option(const struct check *c, size_t at) {
  const struct rkv_option *options = c->out->options, *option = &options[at];
  struct rkv_error reason;
  struct rkv_value value;
  const char *wrong;
  if (!option->name || !plugin_well_named(option->name, '_'))
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: options[%zu]: name is %s (lower case, digits and "
                    "'_', at most %d bytes)",
                    c->file, at, option->name ? "ill-formed" : "missing", HOST_PLUGIN_NAME_MAX - 1);
  for (size_t i = 0; i < at; i++)
    if (strcmp(options[i].name, option->name) == 0)
      return rkv_fail(c->error, RKV_INVALID,
                      "%s: options[%zu] and [%zu] are both called %s (keep "
                      "one)",
                      c->file, i, at, option->name);
  wrong = option_refusal(option, c->out->descriptor.capabilities & RKV_CAP_STACKED);
  if (wrong)
    return rkv_fail(c->error, RKV_INVALID, "%s: option %s %s (see rkv/plugin.h)", c->file,
                    option->name, wrong);
  if (option->default_text &&
      host_value_parse(option, option->default_text, &value, &reason) != RKV_OK)
    return rkv_fail(c->error, RKV_INVALID, "%s: option %s: its default \"%s\" is %s", c->file,
                    option->name, option->default_text, reason.text);
  return RKV_OK;
}

static enum rkv_status take_options(const struct check *c) {
  struct rkv_plugin *p = &c->out->descriptor;
  enum rkv_status status = check_size(c, &host_option_shape, "option_size", p->option_size,
                                      "an option", "sizeof(struct rkv_option)");
  if (status != RKV_OK) return status;
  if (p->option_count > HOST_OPTIONS_MAX || (p->option_count > 0 && !p->options))
    return rkv_fail(c->error, RKV_INVALID, "%s: option_count is %u%s (at most %d, with a table)",
                    c->file, p->option_count, p->options ? "" : " and options is NULL",
                    HOST_OPTIONS_MAX);
  for (size_t i = 0; i < p->option_count; i++) {
    const char *from = (const char *)p->options + i * p->option_size;
    host_shape_copy(&host_option_shape, from, p->option_size, &c->out->options[i]);
    status = check_option(c, i);
    if (status != RKV_OK) return status;
  }
  p->options = c->out->options;
  p->option_size = sizeof c->out->options[0];
  return RKV_OK;
}

static enum rkv_status take_ops(const struct check *c) {
  struct rkv_plugin *p = &c->out->descriptor;
  const struct host_shape *shape = host_ops_shape(p->kind);
  const char *kind = host_kind_name(p->kind), *missing;
  char what[64];
  enum rkv_status status;
  if (!p->ops)
    return rkv_fail(c->error, RKV_INVALID, "%s: ops is NULL (point it to the %s operations)",
                    c->file, kind);
  (void)snprintf(what, sizeof what, "the %s table", kind);
  status = check_size(c, shape, "ops_size", p->ops_size, what, "its sizeof");
  if (status != RKV_OK) return status;
  host_shape_copy(shape, p->ops, p->ops_size, &c->out->ops);
  missing = host_ops_missing(p->kind, &c->out->ops);
  if (missing)
    return rkv_fail(c->error, RKV_INVALID,
                    "%s: operation %s is missing (a %s must have every one of ABI %u.0)", c->file,
                    missing, kind, RKV_ABI_MAJOR);
  p->ops = &c->out->ops;
  p->ops_size = (uint32_t)host_shape_full(shape);
  return RKV_OK;
}

enum rkv_status host_plugin_adopt(const struct rkv_plugin *given, const char *file,
                                  const char *name, uint32_t kind, struct host_plugin *out,
                                  struct rkv_error *error) {
  struct check c = {given, out, file, error};
  enum rkv_status status = take_descriptor(&c);
  if (status == RKV_OK) status = check_kind(&c, kind);
  if (status == RKV_OK) status = check_names(&c, name);
  if (status == RKV_OK) status = take_options(&c);
  if (status == RKV_OK) status = take_ops(&c);
  if (status != RKV_OK) return status;
  assert(out->descriptor.name && !host_ops_missing(out->descriptor.kind, &out->ops));  /* (L1) */
  assert(out->descriptor.ops == &out->ops && out->descriptor.options == out->options); /* (L2) */
  return RKV_OK;
}
