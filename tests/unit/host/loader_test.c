/* loader_test.c: a plugin that does not fit is refused, each wrong field by its own sentence. */
#include "support.h"

#include <stdio.h>

/* Loads from the bad plugins and gives the refusal. */
static struct rkv_error refused(const char *plugin, uint32_t kind) {
  static struct host_plugin out;
  struct rkv_error error;
  memset(&error, 0, sizeof error);
  assert_int_not_equal(host_plugin_load(BAD_PLUGINS, plugin, kind, &out, &error), RKV_OK);
  assert_null(strchr(error.text, '\n'));
  return error;
}

static void assert_refused(const char *plugin, const char *sentence) {
  struct rkv_error error = refused(plugin, RKV_KIND_STORAGE);
  assert_holds(error.text, plugin);
  assert_holds(error.text, sentence);
}

/* The whole fixture is loaded: so each refusal below is the changed field's doing alone. */
static void a_whole_plugin_is_loaded(void **state) {
  struct host_plugin plugin;
  struct rkv_error error;
  (void)state;
  if (host_plugin_load(FIXTURES, "fix-storage", RKV_KIND_STORAGE, &plugin, &error) != RKV_OK)
    fail_msg("%s", error.text);
  assert_string_equal(plugin.descriptor.name, "fix-storage");
  assert_int_equal(host_plugin_load("/nowhere", FIXTURES "/fix-sm.so", 0, &plugin, &error), RKV_OK);
  assert_int_equal(plugin.descriptor.kind, RKV_KIND_STATE_MACHINE);
}

/* What is found and what would be right both stand in the sentence. */
static void each_wrong_field_has_its_own_sentence(void **state) {
  (void)state;
  assert_refused("bad-magic", "magic is 0x1122334455667788, not 0x3147554c50564b52");
  assert_refused("bad-abi-major", "abi_major is 2, this host has 1");
  assert_refused("bad-abi-minor", "abi_minor is 9, this host knows only up to 1.5");
  assert_refused("bad-struct-size",
                 "struct_size is 16, too short: a descriptor has 88 bytes in ABI 1.0");
  assert_refused("bad-kind", "kind is 9, which is none");
  assert_refused("bad-name", "name is ill-formed");
  assert_refused("bad-option-size",
                 "option_size is 48, too short: an option has 56 bytes in ABI 1.0");
  assert_refused("bad-default", "option wrong: its default \"ten\" is not a size");
  assert_refused("bad-over", "option over is called over, which is the host's own key");
  assert_refused("bad-ops", "ops is NULL");
  assert_refused("bad-ops-size", "ops_size is 136, too long: the storage table has 128 bytes");
  assert_refused("bad-operation", "operation save_vote is missing");
  assert_refused("bad-symbol", "has no symbol rkv_plugin_entry");
  assert_refused("bad-elf", "not an ELF file");
  assert_refused("bad-links", "cannot be loaded");
}

/* A storage where a transport belongs. */
static void a_plugin_of_another_kind_is_refused(void **state) {
  struct rkv_error error;
  struct host_plugin out;
  (void)state;
  assert_int_equal(host_plugin_load(FIXTURES, "fix-storage", RKV_KIND_TRANSPORT, &out, &error),
                   RKV_INVALID);
  assert_holds(error.text, "kind is storage, this section needs a transport");
}

/* By name the file's name counts: a copy under another name is a mistake. */
static void a_file_that_lies_about_its_name_is_refused(void **state) {
  (void)state;
  assert_refused("bad-file-name", "name is fix-storage, the file says bad-file-name");
}

/* Missing: what is there is listed, the nearest name offered. */
static void a_missing_plugin_lists_what_is_there(void **state) {
  struct host_plugin out;
  struct rkv_error error;
  (void)state;
  assert_int_equal(host_plugin_load(FIXTURES, "fix-storag", 0, &out, &error), RKV_NOT_FOUND);
  assert_holds(error.text, "did you mean fix-storage?");
  assert_holds(error.text, "there are: fix-sm, fix-storage, fix-transport");
  assert_int_equal(host_plugin_load(FIXTURES, "entirely-other", 0, &out, &error), RKV_NOT_FOUND);
  assert_lacks(error.text, "did you mean");
  assert_int_equal(host_plugin_load("/nowhere", "x", 0, &out, &error), RKV_NOT_FOUND);
  assert_holds(error.text, "found in /nowhere: install the package raft-key-value-plugin-");
  assert_int_equal(host_plugin_load(FIXTURES, "", 0, &out, &error), RKV_NOT_FOUND);
  assert_int_equal(host_plugin_load(FIXTURES, "./no/such.so", 0, &out, &error), RKV_NOT_FOUND);
  assert_holds(error.text, "./no/such.so: No such file");
  assert_int_equal(host_plugin_load(FIXTURES, "/dev/null", 0, &out, &error), RKV_INVALID);
  assert_holds(error.text, "/dev/null: not a file");
}

/* ---- option tables, as descriptors in memory ---- */

static void unused(void) {}

/* A descriptor with one option, otherwise whole. */
static struct rkv_error check_one(struct rkv_option option) {
  static void (*const ops[16])(void) = {unused, unused, unused, unused, unused, unused,
                                        unused, unused, unused, unused, unused, unused,
                                        unused, unused, unused, unused};
  struct rkv_plugin plugin = {
      .magic = RKV_PLUGIN_MAGIC,
      .abi_major = RKV_ABI_MAJOR,
      .abi_minor = RKV_ABI_MINOR,
      .struct_size = sizeof plugin,
      .kind = RKV_KIND_STORAGE,
      .name = "x",
      .version = "1",
      .description = "d",
      .options = &option,
      .option_count = 1,
      .option_size = sizeof option,
      .ops = ops,
      .ops_size = sizeof(struct rkv_storage_ops),
  };
  struct host_plugin out;
  struct rkv_error error;
  memset(&error, 0, sizeof error);
  (void)host_plugin_adopt(&plugin, "x.so", NULL, 0, &out, &error);
  return error;
}

static void an_option_that_cannot_be_right_is_refused(void **state) {
  struct rkv_option good = {"a", "1", "help", NULL, 0, 9, RKV_OPTION_UINT, 0}, o;
  (void)state;
  assert_string_equal(check_one(good).text, "");
  o = good, o.name = NULL;
  assert_holds(check_one(o).text, "options[0]: name is missing");
  o = good, o.name = "Big";
  assert_holds(check_one(o).text, "options[0]: name is ill-formed");
  o = good, o.name = "plugin";
  assert_holds(check_one(o).text, "the host's own key");
  o = good, o.help = NULL;
  assert_holds(check_one(o).text, "option a has no help");
  o = good, o.type = 99;
  assert_holds(check_one(o).text, "option a has an unknown type");
  o = good, o.default_text = NULL;
  assert_holds(check_one(o).text, "has no default and is not required");
  o = good, o.flags = RKV_OPTION_REQUIRED;
  assert_holds(check_one(o).text, "is required and has a default");
  o = good, o.type = RKV_OPTION_ENUM;
  assert_holds(check_one(o).text, "is an enum without choices");
  o = good, o.min = 10;
  assert_holds(check_one(o).text, "has min above max");
  o = good, o.default_text = "10";
  assert_holds(check_one(o).text, "its default \"10\" is out of range (0 to 9)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_plugin_is_loaded),
      cmocka_unit_test(each_wrong_field_has_its_own_sentence),
      cmocka_unit_test(a_plugin_of_another_kind_is_refused),
      cmocka_unit_test(a_file_that_lies_about_its_name_is_refused),
      cmocka_unit_test(a_missing_plugin_lists_what_is_there),
      cmocka_unit_test(an_option_that_cannot_be_right_is_refused),
  };
  return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
