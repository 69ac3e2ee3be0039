/* shape_test.c: the tables of plugins of every length: a table of an older minor ABI is taken, with
 * zeros for the fields that it lacks, and nothing is read behind its end; any other length is
 * refused.
 *
 * The tables end where a page ends behind which nothing can be read. */
#include "support.h"

#include <host/loader.h>
#include <host/ops.h>

#include <support/edge.h>

#define BEYOND 40 /* bytes over this host's length that are tried */

/* ---- a plugin ---- */

static void unused(void) {}

/* A whole one of today, whose tables are then cut. */
struct whole {
  struct rkv_plugin plugin;
  struct rkv_option options[2];
  void (*ops[32])(void);
};

static void whole_make(struct whole *w, uint32_t kind) {
  const struct rkv_option option = {
      .name = "a", .default_text = "1", .help = "help", .max = 9, .type = RKV_OPTION_UINT};
  memset(w, 0xff, sizeof *w); /* fields of a later version may hold anything */
  w->options[0] = w->options[1] = option;
  w->options[1].name = "b";
  for (size_t i = 0; i < sizeof w->ops / sizeof w->ops[0]; i++) w->ops[i] = unused;
  w->plugin.magic = RKV_PLUGIN_MAGIC;
  w->plugin.abi_major = RKV_ABI_MAJOR;
  w->plugin.abi_minor = RKV_ABI_MINOR;
  w->plugin.struct_size = sizeof w->plugin;
  w->plugin.kind = kind;
  w->plugin.name = "x";
  w->plugin.version = w->plugin.description = "text";
  w->plugin.capabilities = 0;
  w->plugin.options = w->options;
  w->plugin.option_count = 2;
  w->plugin.option_size = sizeof w->options[0];
  w->plugin.ops = w->ops;
  w->plugin.ops_size = (uint32_t)host_shape_full(host_ops_shape(kind));
  w->plugin.reserved = 0;
}

static bool fits(const struct host_shape *shape, size_t size) {
  for (size_t i = 0; i < shape->count; i++)
    if (shape->ends[i] == size) return size >= shape->first;
  return false;
}

static bool is_zero(const void *bytes, size_t from, size_t to) {
  for (size_t i = from; i < to; i++)
    if (((const uint8_t *)bytes)[i] != 0) return false;
  return true;
}

/* A table of `size` bytes was offered as `field` says. */
static void assert_taken_if(const struct rkv_plugin *given, struct host_plugin *out,
                            const struct host_shape *shape, size_t size, const char *field) {
  struct rkv_error error = {.status = RKV_OK};
  enum rkv_status status = host_plugin_adopt(given, "x.so", "x", 0, out, &error);
  if (fits(shape, size)) {
    if (status != RKV_OK) fail_msg("%zu bytes: %s", size, error.text);
    assert_ptr_equal(out->descriptor.options, out->options);
    assert_ptr_equal(out->descriptor.ops, &out->ops);
    assert_int_equal(out->descriptor.struct_size, sizeof out->descriptor);
    assert_int_equal(out->descriptor.option_size, sizeof out->options[0]);
    assert_int_equal(out->descriptor.ops_size,
                     host_shape_full(host_ops_shape(out->descriptor.kind)));
    return;
  }
  assert_int_equal(status, RKV_INVALID);
  assert_holds(error.text, field);
  assert_holds(error.text, size < shape->first             ? "too short"
                           : size > host_shape_full(shape) ? "too long"
                                                           : "inside of a field");
}

/* ---- the stories ---- */

static void a_descriptor_of_any_length(void **state) {
  const struct host_shape *shape = &host_descriptor_shape;
  struct edge edge = edge_begin();
  struct whole w;
  (void)state;
  whole_make(&w, RKV_KIND_STORAGE);
  /* what says the length is read first, and must be there */
  for (size_t size = offsetof(struct rkv_plugin, kind); size <= sizeof w.plugin + BEYOND; size++) {
    const size_t aligned = (size + _Alignof(struct rkv_plugin) - 1) & -_Alignof(struct rkv_plugin);
    struct host_plugin out;
    w.plugin.struct_size = (uint32_t)size;
    memset(&out, 0xff, sizeof out);
    assert_taken_if(edge_put(&edge, &w, aligned), &out, shape, size, "struct_size is ");
    if (fits(shape, size)) assert_true(is_zero(&out.descriptor, size, sizeof out.descriptor));
  }
  edge_end(&edge);
}

static void options_of_any_length(void **state) {
  const struct host_shape *shape = &host_option_shape;
  struct edge edge = edge_begin();
  (void)state;
  for (size_t size = 0; size <= sizeof(struct rkv_option) + BEYOND; size++) {
    uint8_t table[2 * (sizeof(struct rkv_option) + BEYOND)] = {0};
    struct host_plugin out;
    struct whole w;
    whole_make(&w, RKV_KIND_STORAGE);
    for (size_t i = 0; i < 2; i++)
      memcpy(table + i * size, &w.options[i],
             size < sizeof w.options[0] ? size : sizeof w.options[0]);
    w.plugin.options = edge_put(&edge, table, 2 * size);
    w.plugin.option_size = (uint32_t)size;
    memset(&out, 0xff, sizeof out);
    assert_taken_if(&w.plugin, &out, shape, size, "option_size is ");
    if (!fits(shape, size)) continue;
    assert_string_equal(out.options[1].name, "b");
    assert_true(is_zero(&out.options[0], size, sizeof out.options[0]));
    assert_true(is_zero(&out.options[1], size, sizeof out.options[1]));
  }
  edge_end(&edge);
}

static void operations_of_any_length(void **state) {
  struct edge edge = edge_begin();
  (void)state;
  for (uint32_t kind = RKV_KIND_TRANSPORT; kind <= RKV_KIND_STATE_MACHINE; kind++) {
    const struct host_shape *shape = host_ops_shape(kind);
    const size_t full = host_shape_full(shape);
    for (size_t size = 0; size <= full + BEYOND; size++) {
      struct host_plugin out;
      struct whole w;
      whole_make(&w, kind);
      w.plugin.ops = edge_put(&edge, w.ops, size);
      w.plugin.ops_size = (uint32_t)size;
      memset(&out, 0xff, sizeof out);
      assert_taken_if(&w.plugin, &out, shape, size, "ops_size is ");
      if (!fits(shape, size)) continue;
      assert_memory_equal(&out.ops, w.ops, size);
      assert_true(is_zero(&out.ops, size, full));
    }
  }
  edge_end(&edge);
}

/* The limit of a length is this host's: nothing is read of what says more. */
static void absurd_lengths_are_refused(void **state) {
  struct host_plugin out;
  struct rkv_error error;
  struct whole w;
  (void)state;
  for (int field = 0; field < 3; field++) {
    whole_make(&w, RKV_KIND_TRANSPORT);
    uint32_t *const sizes[] = {&w.plugin.struct_size, &w.plugin.option_size, &w.plugin.ops_size};
    *sizes[field] = UINT32_MAX;
    assert_int_equal(host_plugin_adopt(&w.plugin, "x.so", NULL, 0, &out, &error), RKV_INVALID);
    assert_holds(error.text, "_size is 4294967295, too long");
  }
}

/* Newer minors are told by their number, not by their longer tables. */
static void a_newer_plugin_is_refused_by_its_minor(void **state) {
  struct host_plugin out;
  struct rkv_error error;
  struct whole w;
  (void)state;
  whole_make(&w, RKV_KIND_STATE_MACHINE);
  w.plugin.abi_minor = RKV_ABI_MINOR + 1;
  w.plugin.struct_size += 8;
  w.plugin.option_size += 8;
  w.plugin.ops_size += 8;
  assert_int_equal(host_plugin_adopt(&w.plugin, "x.so", NULL, 0, &out, &error), RKV_INVALID);
  assert_holds(error.text, "this host knows only up to ");
}

/* What ABI 1.0 had never moves: as abi-1.0.txt says. */
static void the_shortest_are_those_of_1_0(void **state) {
  (void)state;
  assert_int_equal(host_descriptor_shape.first, 88);
  assert_int_equal(host_option_shape.first, 56);
  assert_int_equal(host_ops_shape(RKV_KIND_TRANSPORT)->first, 128);
  assert_int_equal(host_ops_shape(RKV_KIND_STORAGE)->first, 128);
  assert_int_equal(host_ops_shape(RKV_KIND_STATE_MACHINE)->first, 104);
}

/* Tables of which some later minor appended a number, two numbers as one, and an operation: the
 * real ones may not have grown yet. */
static void a_table_that_has_grown(void **state) {
  static const size_t ends[] = {8, 16, 20, 24, 40, 48};
  const struct host_shape shape = {16, ends, sizeof ends / sizeof ends[0]};
  struct edge edge = edge_begin();
  uint8_t from[64], to[64];
  (void)state;
  memset(from, 0xaa, sizeof from);
  assert_int_equal(host_shape_full(&shape), 48);
  for (size_t size = 0; size <= sizeof from; size++) {
    const bool good = size == 16 || size == 20 || size == 24 || size == 40 || size == 48;
    assert_int_equal(host_shape_refusal(&shape, size) == NULL, good);
    if (!good) continue;
    memset(to, 0xff, sizeof to);
    host_shape_copy(&shape, edge_put(&edge, from, size), size, to);
    assert_memory_equal(to, from, size);
    assert_true(is_zero(to, size, 48));
    assert_int_equal(to[48], 0xff);
  }
  edge_end(&edge);
}

/* An operation that came later may be missing, also in a table of full length; one of 1.0 not. */
static void only_operations_of_1_0_are_required(void **state) {
  (void)state;
  for (uint32_t kind = RKV_KIND_TRANSPORT; kind <= RKV_KIND_STATE_MACHINE; kind++) {
    const struct host_shape *shape = host_ops_shape(kind);
    for (size_t i = 0; i < shape->count; i++) {
      struct host_plugin out;
      struct rkv_error error;
      struct whole w;
      enum rkv_status status;
      whole_make(&w, kind);
      w.ops[i] = NULL;
      status = host_plugin_adopt(&w.plugin, "x.so", NULL, 0, &out, &error);
      if (shape->ends[i] > shape->first) {
        assert_int_equal(status, RKV_OK);
        continue;
      }
      assert_int_equal(status, RKV_INVALID);
      assert_holds(error.text, "operation ");
      assert_holds(error.text, " is missing (");
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_descriptor_of_any_length),
      cmocka_unit_test(options_of_any_length),
      cmocka_unit_test(operations_of_any_length),
      cmocka_unit_test(absurd_lengths_are_refused),
      cmocka_unit_test(a_newer_plugin_is_refused_by_its_minor),
      cmocka_unit_test(the_shortest_are_those_of_1_0),
      cmocka_unit_test(a_table_that_has_grown),
      cmocka_unit_test(only_operations_of_1_0_are_required),
  };
  return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
