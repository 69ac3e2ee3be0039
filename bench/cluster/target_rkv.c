/* target_rkv.c: raft-key-value, driven through openraftpb.AppService. */
#include "ask.h"
#include "metrics.h"
#include "target.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE "/openraftpb.AppService/"
#define INIT_NODE_MAX (RKV_ADDR_MAX + 2 * WIRE_OVERHEAD_MAX) /* bytes of one node in an Init */

/* The program to start: beside this one, or as --bin-dir or --binary say. */
static void find_binary(const struct options *options, char *out, size_t size) {
  char self[TARGET_DIR_MAX * 8];
  ssize_t len;
  char *slash;
  if (options->binary) {
    (void)snprintf(out, size, "%s", options->binary);
    return;
  }
  if (options->bin_dir) {
    (void)snprintf(out, size, "%s/raft-key-value", options->bin_dir);
    return;
  }
  len = readlink("/proc/self/exe", self, sizeof self - 1);
  self[len > 0 ? len : 0] = '\0';
  slash = strrchr(self, '/');
  if (slash) *slash = '\0';
  (void)snprintf(out, size, "%s/raft-key-value", self);
}

#define STREAMS_USUAL 100 /* calls that transport-grpc lets a connection have open by default */

/* The most calls that one connection has open at once. If a node would keep some of them waiting,
 * its limit is raised: a node that works is measured, not one that waits. */
static unsigned streams_max(const struct options *options) {
  unsigned most = 0;
  for (unsigned i = 0; i < options->inflight_count; i++)
    if (options->inflight[i] > most) most = options->inflight[i];
  return options->connections > 0 ? (most + options->connections - 1) / options->connections : most;
}

static void rkv_command(const struct cluster *cluster, unsigned i, struct command_line *line) {
  char binary[TARGET_DIR_MAX * 8 + 32];
  unsigned s;
  find_binary(cluster->options, binary, sizeof binary);
  command_line_add(line, "%s", binary);
  command_line_add(line, "--id");
  command_line_add(line, "%u", i + 1);
  command_line_add(line, "--addr");
  command_line_add(line, "%s", cluster->nodes[i].endpoint);
  if (cluster->options->dir) {
    command_line_add(line, "--set");
    command_line_add(line, "storage.plugin=storage-wal");
    command_line_add(line, "--set");
    command_line_add(line, "storage.dir=%s/n%u", cluster->dir, i + 1);
  }
  if (streams_max(cluster->options) > STREAMS_USUAL) {
    command_line_add(line, "--set");
    command_line_add(line, "transport.concurrent_streams_max=%u", streams_max(cluster->options));
  }
  for (s = 0; s < cluster->options->set_count; s++) { /* the last --set counts */
    command_line_add(line, "--set");
    command_line_add(line, "%s", cluster->options->sets[s]);
  }
}

/* Init with all nodes: all are voters at once. */
static bool rkv_form(struct cluster *cluster, struct client *client) {
  uint8_t request[OPTIONS_NODES_MAX * INIT_NODE_MAX];
  struct ask_answer *answer = malloc(sizeof *answer);
  size_t len = 0;
  bool ok;
  if (!answer) return false;
  for (unsigned i = 0; i < cluster->count; i++) {
    const char *endpoint = cluster->nodes[i].endpoint;
    uint8_t node[INIT_NODE_MAX];
    size_t node_len = 0;
    wire_put_number(node, &node_len, 1, i + 1);
    wire_put_bytes(node, &node_len, 2, endpoint, strlen(endpoint));
    wire_put_bytes(request, &len, 1, node, node_len);
  }
  ok = ask(client, cluster->nodes[0].endpoint, SERVICE "Init", request, len, answer);
  if (!ok) (void)fprintf(stderr, "bench: Init: %s\n", answer->text);
  free(answer);
  return ok;
}

/* Our nodes tell `state:leader`; OpenRaft's example gives the state without a name, behind its
 * id. */
static bool says_leader(const char *metrics, size_t size) {
  static const char example[] = ", Leader,";
  char state[32];
  if (metrics_text(metrics, size, "state", state, sizeof state))
    return strcmp(state, "leader") == 0;
  return memmem(metrics, size, example, sizeof example - 1) != NULL;
}

static bool rkv_view(struct client *client, const char *endpoint, struct node_view *view) {
  struct ask_answer *answer = malloc(sizeof *answer);
  const uint8_t *metrics;
  size_t size;
  bool ok = false;
  if (!answer) return false;
  if (!ask(client, endpoint, SERVICE "Metrics", "", 0, answer)) goto out;
  if (!wire_get_bytes(answer->data, answer->size, 2, &metrics, &size)) goto out;
  view->leads = says_leader((const char *)metrics, size);
  if (!metrics_number((const char *)metrics, size, "last_log", &view->last_log)) view->last_log = 0;
  ok = true;
out:
  free(answer);
  return ok;
}

const struct target target_rkv = {
    .name = "rkv",
    .put_path = SERVICE "Set",
    .get_path = SERVICE "Get",
    .command = rkv_command,
    .form = rkv_form,
    .view = rkv_view,
};
