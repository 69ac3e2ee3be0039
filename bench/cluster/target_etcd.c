/* target_etcd.c: etcd 3.4, driven through etcdserverpb. */
#include "ask.h"
#include "target.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_HEADER 1 /* fields of StatusResponse ... */
#define STATUS_LEADER 4
#define STATUS_RAFT_INDEX 5
#define HEADER_MEMBER_ID 2 /* ... and of its header */

static void etcd_command(const struct cluster *cluster, unsigned i, struct command_line *line) {
  char members[OPTIONS_NODES_MAX * (RKV_ADDR_MAX + 16)];
  const struct node *node = &cluster->nodes[i];
  size_t used = 0;
  for (unsigned j = 0; j < cluster->count; j++)
    used += (size_t)snprintf(members + used, sizeof members - used, "%sn%u=http://%s", j ? "," : "",
                             j + 1, cluster->nodes[j].peer);
  command_line_add(line, "etcd");
  command_line_add(line, "--name=n%u", i + 1);
  command_line_add(line, "--data-dir=%s/n%u", cluster->dir, i + 1);
  command_line_add(line, "--listen-client-urls=http://%s", node->endpoint);
  command_line_add(line, "--advertise-client-urls=http://%s", node->endpoint);
  command_line_add(line, "--listen-peer-urls=http://%s", node->peer);
  command_line_add(line, "--initial-advertise-peer-urls=http://%s", node->peer);
  command_line_add(line, "--initial-cluster=%s", members);
  command_line_add(line, "--initial-cluster-state=new");
  command_line_add(line, "--logger=zap");
  command_line_add(line, "--log-level=error");
}

/* The members name each other in their command lines. */
static bool etcd_form(struct cluster *cluster, struct client *client) {
  (void)cluster, (void)client;
  return true;
}

static bool etcd_view(struct client *client, const char *endpoint, struct node_view *view) {
  struct ask_answer *answer = malloc(sizeof *answer);
  const uint8_t *header;
  uint64_t leader = 0, member = 0;
  size_t size;
  bool ok = false;
  if (!answer) return false;
  if (!ask(client, endpoint, "/etcdserverpb.Maintenance/Status", "", 0, answer)) goto out;
  if (!wire_get_bytes(answer->data, answer->size, STATUS_HEADER, &header, &size)) goto out;
  if (!wire_get_number(header, size, HEADER_MEMBER_ID, &member)) goto out;
  /* a missing field: no leader yet */
  (void)wire_get_number(answer->data, answer->size, STATUS_LEADER, &leader);
  view->leads = leader == member;
  view->last_log = 0;
  (void)wire_get_number(answer->data, answer->size, STATUS_RAFT_INDEX, &view->last_log);
  ok = true;
out:
  free(answer);
  return ok;
}

const struct target target_etcd = {
    .name = "etcd",
    .put_path = "/etcdserverpb.KV/Put",
    .command = etcd_command,
    .form = etcd_form,
    .view = etcd_view,
};
