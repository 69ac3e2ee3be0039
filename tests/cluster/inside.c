/* inside.c: starts, observes and stops the nodes of a test. */
#define _GNU_SOURCE /* memfd_create */
#include "inside.h"

#include <host/commands.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT_TRIES 8 /* a free port may be taken by another process before the node binds it */
#define POLL_NS 5000000

static const char *const always[] = {
    "node.plugin_dir=" RKV_BINARY_DIR "/plugins", "node.heartbeat_interval=100ms",
    "node.election_timeout_min=600ms", "node.election_timeout_max=1200ms"};

/* ---- start ---- */

static void choose_addr(char addr[RKV_ADDR_MAX]) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
  (void)close(fd);
  (void)snprintf(addr, RKV_ADDR_MAX, "127.0.0.1:%u", ntohs(at.sin_port));
}

static struct host_config *configure(rkv_node_id id, const char *addr, const char *const *sets) {
  struct host_flags flags = {.command = HOST_COMMAND_RUN, .addr = addr};
  struct host_config *config;
  char id_text[24];
  int code;
  (void)snprintf(id_text, sizeof id_text, "%" PRIu64, id);
  flags.id = id_text;
  for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
    flags.sets.list[flags.sets.count++] = always[i];
  while (sets && *sets) flags.sets.list[flags.sets.count++] = *sets++;
  config = host_command_load(&flags, stderr, &code);
  assert_non_null(config);
  return config;
}

static void on_fatal(void *arg) {
  (void)arg; /* told in the log, and by calls that fail */
}

static void close_node(struct inside_node *node) {
  if (node->assembly) host_assembly_close(node->assembly);
  free(node->assembly);
  if (node->config) host_config_free(node->config);
  free(node->config);
  node->assembly = NULL;
  node->config = NULL;
}

void inside_start(struct inside *in, rkv_node_id id, const char *const *sets) {
  struct inside_node *node = &in->nodes[id];
  struct rkv_error error;
  enum rkv_status status = RKV_ADDRESS;
  assert_true(id >= 1 && id <= INSIDE_NODES_MAX && !node->config);
  node->log_fd = memfd_create("log", MFD_CLOEXEC);
  assert_true(node->log_fd >= 0);
  for (int i = 0; i < PORT_TRIES && status == RKV_ADDRESS; i++) {
    close_node(node);
    choose_addr(node->addr);
    node->config = configure(id, node->addr, sets);
    node->assembly = calloc(1, sizeof *node->assembly);
    assert_non_null(node->assembly);
    status = host_assembly_open(node->assembly, node->config, node->log_fd, on_fatal, NULL, &error);
  }
  if (status == RKV_OK) status = host_assembly_start(node->assembly, &error);
  if (status != RKV_OK) fail_msg("node %" PRIu64 " does not start: %s", id, error.text);
  node->channel = client_connect(in->client, node->addr);
  assert_non_null(node->channel);
}

int inside_setup(void **state) {
  struct inside *in = calloc(1, sizeof *in);
  if (!in) return -1;
  *state = in;
  return client_open(&in->client) == RKV_OK ? 0 : -1;
}

/* The last ones first, so that a leader among them does not wait for those that went. */
int inside_teardown(void **state) {
  struct inside *in = *state;
  client_close(in->client);
  for (size_t i = INSIDE_NODES_MAX; i > 0; i--) {
    bool started = in->nodes[i].config != NULL;
    close_node(&in->nodes[i]);
    if (started) (void)close(in->nodes[i].log_fd);
  }
  free(in);
  return 0;
}

/* ---- logs ---- */

/* The whole log so far, NUL-terminated. */
static char *read_log(const struct inside_node *node) {
  off_t size = lseek(node->log_fd, 0, SEEK_CUR); /* the nodes write at it */
  char *text;
  ssize_t got;
  assert_true(size >= 0);
  text = malloc((size_t)size + 1);
  assert_non_null(text);
  got = pread(node->log_fd, text, (size_t)size, 0);
  assert_int_equal(got, size);
  text[size] = '\0';
  return text;
}

size_t inside_log_lines(struct inside *in, rkv_node_id id, const char *text, const char *other) {
  char *log = read_log(&in->nodes[id]), *save = NULL;
  size_t count = 0;
  for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    if (strstr(line, text) && (!other || strstr(line, other))) count++;
  free(log);
  return count;
}

char *inside_log_line(struct inside *in, rkv_node_id id, const char *text, size_t n) {
  char *log = read_log(&in->nodes[id]), *save = NULL, *found = NULL;
  for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    if (strstr(line, text) && --n == 0) {
      found = strdup(line);
      break;
    }
  free(log);
  if (!found) found = strdup("");
  assert_non_null(found);
  return found;
}

static void show_logs(const struct inside *in) {
  for (size_t i = 1; i <= INSIDE_NODES_MAX; i++) {
    char *log;
    if (!in->nodes[i].config) continue;
    log = read_log(&in->nodes[i]);
    print_error("---- node %zu at %s\n%s", i, in->nodes[i].addr, log);
    free(log);
  }
}

void inside_until(struct inside *in, const char *what, bool (*holds)(struct inside *in, void *arg),
                  void *arg) {
  const struct timespec pause = {.tv_nsec = POLL_NS};
  uint64_t deadline = client_now_ms() + INSIDE_WAIT_MS;
  while (!holds(in, arg)) {
    if (client_now_ms() > deadline) {
      show_logs(in);
      fail_msg("after %u ms not yet: %s", INSIDE_WAIT_MS, what);
    }
    (void)nanosleep(&pause, NULL);
  }
}
