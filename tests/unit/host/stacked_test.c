/* stacked_test.c: plugins of each kind that are built over another one (tests/stacked): their
 * settings are checked, shown and explained; a node of them opens, serves, and closes in order. */
#include "support.h"

#include <host/assembly.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACKED RKV_BINARY_DIR "/tests/stacked-plugins/"
#define PLUGINS RKV_BINARY_DIR "/plugins"
#define NODE "[node]\nid = 1\naddr = 127.0.0.1:21001\nplugin_dir = " PLUGINS "\n"
#define TRANSPORT "[transport]\nplugin = " STACKED "transport-through.so\n"
#define MACHINE "[state-machine]\nplugin = " STACKED "sm-through.so\n"
#define STORAGE "[storage]\nplugin = " STACKED "storage-through.so\nover = storage-mem\n"

/* What check says of these settings behind those of the node. */
static void refuses(const char *settings, const char *says) {
  char text[4096];
  struct outcome o;
  (void)snprintf(text, sizeof text, NODE "%s", settings);
  o = run_check(text);
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_holds(o.err, says);
  assert_ptr_equal(strchr(o.err, '\n'), o.err + strlen(o.err) - 1); /* one cause, one line */
  outcome_free(&o);
}

static void what_does_not_fit_is_told(void **state) {
  (void)state;
  refuses(TRANSPORT,
          "[transport] over: missing (the plugin of its kind that this one is built over");
  refuses(MACHINE, "[state-machine] over: missing");
  refuses(TRANSPORT "over = transport-grcp\n",
          "node.ini:7: [transport] over = \"transport-grcp\": no such plugin (did you mean "
          "transport-grpc?");
  refuses(TRANSPORT "over = sm-protobuf\n", "node.ini:7: [transport] over = \"sm-protobuf\": ");
  refuses(MACHINE "over = transport-grpc\n", "node.ini:7: [state-machine] over = ");
  refuses(MACHINE "over = " STACKED "sm-through.so\n",
          "sm-through is built over another plugin itself (one over one: name one that is not)");
  refuses(TRANSPORT "over = transport-grpc\n[transport.under]\nraft_message_max = ten\n",
          "node.ini:9: [transport.under] raft_message_max = \"ten\": not a size");
  refuses(MACHINE "over = sm-protobuf\n[state-machine.under]\nkey_mx = 1\n",
          "node.ini:9: [state-machine.under] key_mx = \"1\": unknown key (did you mean key_max?)");
  refuses(
      "[transport.under]\nraft_message_max = 1MiB\n",
      "[transport.under] raft_message_max: transport-grpc is not built over another plugin (leave "
      "the section out)");
  refuses("[state-machine.under]\nkey_max = 1\n",
          "[state-machine.under] key_max: sm-protobuf is not built over another plugin");
}

static void settings_of_both_are_shown(void **state) {
  struct scratch s = scratch_begin("node.ini", NODE TRANSPORT
                                   "over = transport-grpc\nmark = a\n"
                                   "[transport.under]\nraft_message_max = 3MiB\n" MACHINE
                                   "over = sm-protobuf\n[state-machine.under]\nkey_max = 77\n");
  const char *words[] = {"config", "--config", s.file, NULL};
  struct outcome o = run_command(host_command_config, words);
  (void)state;
  assert_string_equal(o.err, "");
  assert_int_equal(o.code, HOST_EXIT_OK);
  assert_holds(o.out, "\nover = transport-grpc ");
  assert_holds(o.out, "\nmark = a ");
  assert_holds(o.out, "\n\n[transport.under]\n");
  assert_holds(o.out, "\nraft_message_max = 3MiB ");
  assert_holds(o.out, "\nover = sm-protobuf ");
  assert_holds(o.out, "\n\n[state-machine.under]\nkey_max = 77 ");
  outcome_free(&o);
  scratch_end(&s);
}

static void they_are_explained(void **state) {
  static const struct {
    const char *plugin, *says;
  } cases[] = {
      {STACKED "transport-through.so",
       "\n[transport]\nplugin = transport-through\n\n  over = (required)\n      the transport that "
       "it is built over; options of that one in section [transport.under]\n\n  mark = none\n"},
      {STACKED "sm-through.so",
       "\n[state-machine]\nplugin = sm-through\n\n  over = (required)\n      the state-machine "
       "that "
       "it is built over; options of that one in section [state-machine.under]\n\n  mark = none\n"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *words[] = {"plugins", cases[i].plugin, "--set", "node.plugin_dir=" PLUGINS, NULL};
    struct outcome o = run_command(host_command_plugins, words);
    assert_string_equal(o.err, "");
    assert_holds(o.out, cases[i].says);
    assert_holds(o.out, ",stacked");
    outcome_free(&o);
  }
}

/* ---- a node of them ---- */

static void free_addr(char out[32]) {
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof addr;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
  (void)snprintf(out, 32, "127.0.0.1:%d", ntohs(addr.sin_port));
  (void)close(fd);
}

/* A configuration that has no problem. */
static struct host_config *configure(const char *text) {
  struct scratch s = scratch_begin("node.ini", text);
  char *argv[] = {"raft-key-value", "--config", s.file, NULL};
  struct host_config *config;
  struct host_flags flags;
  struct rkv_error error;
  int code;
  assert_int_equal(host_flags_parse(3, argv, &flags, &error), RKV_OK);
  config = host_command_load(&flags, stderr, &code);
  assert_non_null(config);
  scratch_end(&s);
  return config;
}

static void unnoticed(void *arg) {
  (void)arg;
}

/* Opens a node that logs to `log`, starts it if it opened, and closes it; how the open ended. */
static enum rkv_status live(const struct host_config *config, int log, struct rkv_error *error) {
  struct host_assembly *a = calloc(1, sizeof *a);
  enum rkv_status status, started = RKV_OK;
  assert_non_null(a);
  status = host_assembly_open(a, config, log, unnoticed, NULL, error);
  if (status == RKV_OK) started = host_assembly_start(a, error);
  host_assembly_close(a);
  free(a);
  assert_int_equal(started, RKV_OK);
  return status;
}

/* The parts of `text` stand in this order. */
static void assert_order(const char *text, const char *const *parts) {
  const char *at = text;
  for (; *parts; parts++) {
    const char *found = strstr(at, *parts);
    if (!found) fail_msg("expected\n  %s\nin its place in\n%s", *parts, text);
    at = found + strlen(*parts);
  }
}

static void they_open_and_close_in_order(void **state) {
  static const char *const order[] = {"sm-through open over sm-protobuf",
                                      "transport-through open over transport-grpc",
                                      "transport-through closed",
                                      "through closed",
                                      "sm-through closed",
                                      NULL};
  char text[4096], addr[32], log[8192] = "";
  struct host_config *config;
  struct rkv_error error;
  FILE *file = tmpfile();
  (void)state;
  assert_non_null(file);
  free_addr(addr);
  (void)snprintf(text, sizeof text,
                 "[node]\nid = 1\naddr = %s\nplugin_dir = " PLUGINS "\n" TRANSPORT
                 "over = transport-grpc\n" STORAGE MACHINE "over = sm-protobuf\n",
                 addr);
  config = configure(text);
  if (live(config, fileno(file), &error) != RKV_OK) fail_msg("%s", error.text);
  assert_true(pread(fileno(file), log, sizeof log - 1, 0) > 0);
  assert_order(log, order);
  (void)fclose(file);
  host_config_free(config);
  free(config);
}

/* What the one under it says is told with both names, once each; what was open is closed. */
static void a_refusal_names_both(void **state) {
  char text[4096], says[256], log[8192] = "";
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof addr;
  struct host_config *config;
  struct rkv_error error;
  FILE *file = tmpfile();
  int taken = socket(AF_INET, SOCK_STREAM, 0);
  (void)state;
  assert_true(file && taken >= 0);
  assert_int_equal(bind(taken, (struct sockaddr *)&addr, sizeof addr), 0);
  assert_int_equal(listen(taken, 1), 0);
  assert_int_equal(getsockname(taken, (struct sockaddr *)&addr, &len), 0);
  (void)snprintf(text, sizeof text,
                 "[node]\nid = 1\naddr = 127.0.0.1:%d\nplugin_dir = " PLUGINS "\n" TRANSPORT
                 "over = transport-grpc\n" MACHINE "over = sm-protobuf\n",
                 ntohs(addr.sin_port));
  (void)snprintf(says, sizeof says,
                 "transport-through: transport-grpc: address 127.0.0.1:%d is in use",
                 ntohs(addr.sin_port));
  config = configure(text);
  assert_int_equal(live(config, fileno(file), &error), RKV_ADDRESS);
  assert_holds(error.text, says);
  assert_true(pread(fileno(file), log, sizeof log - 1, 0) > 0);
  assert_holds(log, "sm-through closed");
  assert_lacks(log, "transport-through closed");
  (void)close(taken);
  (void)fclose(file);
  host_config_free(config);
  free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_does_not_fit_is_told), cmocka_unit_test(settings_of_both_are_shown),
      cmocka_unit_test(they_are_explained),        cmocka_unit_test(they_open_and_close_in_order),
      cmocka_unit_test(a_refusal_names_both),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
