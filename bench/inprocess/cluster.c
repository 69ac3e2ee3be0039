/* cluster.c: whole nodes in one process (cluster.h). */
#include "cluster.h"

#include "empty.h"

#include <host/commands.h>
#include <host/services.h>
#include <node/kernel/executor.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define COURIER_NS 1000000         /* between two rounds of kicks */
#define LEADER_MAX_S 30            /* limit of waiting for a leader */
#define ADDR_FORMAT "127.0.0.1:%u" /* the nodes' names: no node listens there */

struct member {
  struct host_config *config;
  struct host_services services;
  const struct rkv_storage_ops *storage_ops;
  void *storage;
  struct empty_machine machine;
  struct direct transport;
  struct node_executor *executor;
  struct node *node;
  bool runs;
};

struct cluster {
  unsigned count, leader;
  struct direct_net net;
  struct member members[DIRECT_NODES_MAX + 1]; /* by id */
  pthread_t courier;
  bool courier_runs;
  atomic_bool stopping;
};

/* ---- one node ---- */

static struct host_config *configure(unsigned id, const char *const *sets, unsigned set_count) {
  struct host_flags flags = {.command = HOST_COMMAND_RUN};
  char id_text[8], addr[32];
  int code;
  (void)snprintf(id_text, sizeof id_text, "%u", id);
  (void)snprintf(addr, sizeof addr, ADDR_FORMAT, id);
  flags.id = id_text;
  flags.addr = addr;
  flags.sets.list[flags.sets.count++] = "node.plugin_dir=" RKV_BINARY_DIR "/plugins";
  flags.sets.list[flags.sets.count++] = "node.log_level=warn";
  for (unsigned i = 0; i < set_count; i++) flags.sets.list[flags.sets.count++] = sets[i];
  return host_command_load(&flags, stderr, &code);
}

static void on_fatal(void *arg, enum rkv_status status, const char *text) {
  node_fatal(arg, status, text);
}

static enum rkv_status open_storage(struct member *m, struct rkv_error *error) {
  const struct host_part *part = &m->config->parts[HOST_PART_STORAGE];
  struct host_user *user = &m->services.parts[HOST_PART_STORAGE];
  struct rkv_config config = host_part_config(part);
  m->storage_ops = part->plugin->ops;
  user->opening = true;
  enum rkv_status status = m->storage_ops->open(&user->host, &config, &m->storage, error);
  user->opening = false;
  return status;
}

static enum rkv_status make_node(struct member *m, struct rkv_error *error) {
  struct node_plugins plugins = {.host = &m->services.node.host,
                                 .transport = &direct_ops,
                                 .transport_abi_minor = RKV_ABI_MINOR,
                                 .storage = m->storage_ops,
                                 .storage_instance = m->storage,
                                 .sm = &empty_ops,
                                 .sm_instance = &m->machine,
                                 .sm_capabilities = RKV_CAP_CONCURRENT_QUERIES};
  enum rkv_status status = node_executor_new(&m->executor, error);
  if (status != RKV_OK) return status;
  status = node_new(&m->config->options, &plugins, m->executor, &m->node, error);
  if (status != RKV_OK) return status;
  host_services_bind(&m->services, on_fatal, m->node);
  node_set_transport(m->node, &m->transport);
  return RKV_OK;
}

static bool open_member(struct cluster *c, unsigned id, const char *const *sets,
                        unsigned set_count) {
  struct member *m = &c->members[id];
  const char *names[HOST_PART_COUNT] = {"direct", "storage", "empty"};
  struct rkv_error error;
  m->config = configure(id, sets, set_count);
  if (!m->config) return false;
  struct host_identity identity = {
      .id = id,
      .addr = m->config->node[HOST_NODE_ADDR].text,
      .log_level = (enum rkv_log_level)m->config->node[HOST_NODE_LOG_LEVEL].number};
  host_services_init(&m->services, &identity, names, STDERR_FILENO);
  m->transport.net = &c->net;
  if (open_storage(m, &error) == RKV_OK && make_node(m, &error) == RKV_OK) {
    c->net.nodes[id] = node_api(m->node);
    return true;
  }
  (void)fprintf(stderr, "bench-inprocess: node %u: %s\n", id, error.text);
  return false;
}

static bool start_member(struct cluster *c, unsigned id) {
  struct member *m = &c->members[id];
  struct rkv_error error;
  if (node_executor_start(m->executor, m->node, &error) != RKV_OK) {
    (void)fprintf(stderr, "bench-inprocess: node %u: %s\n", id, error.text);
    return false;
  }
  m->runs = true;
  node_start(m->node);
  return true;
}

static void close_member(struct member *m) {
  if (!m->config) return;
  if (m->runs) node_executor_stop(m->executor);
  if (m->storage) m->storage_ops->close(m->storage);
  host_services_unbind(&m->services);
  if (m->node) node_free(m->node);
  if (m->executor) node_executor_free(m->executor);
  direct_free(&m->transport);
  empty_free(&m->machine);
  host_services_end(&m->services);
  host_config_free(m->config);
  free(m->config);
}

/* ---- the courier ---- */

static void *run_courier(void *arg) {
  struct cluster *c = arg;
  const struct timespec pause = {0, COURIER_NS};
  while (!atomic_load(&c->stopping)) {
    for (unsigned id = 1; id <= c->count; id++) node_kick(c->members[id].node);
    (void)nanosleep(&pause, NULL);
  }
  return NULL;
}

/* ---- the cluster ---- */

struct waited {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_init_call init;
    struct rkv_metrics_call metrics;
  } as;
  atomic_int status; /* -1: not answered yet */
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct waited *w = (struct waited *)call;
  if (error) (void)fprintf(stderr, "bench-inprocess: %s\n", error->text);
  atomic_store(&w->status, (int)status);
}

static bool wait_for(struct waited *w) {
  const struct timespec pause = {0, COURIER_NS};
  while (atomic_load(&w->status) < 0) (void)nanosleep(&pause, NULL);
  return atomic_load(&w->status) == RKV_OK;
}

static bool init(struct cluster *c) {
  struct rkv_membership membership = {0};
  struct waited w = {.as.init = {.membership = &membership}, .status = -1};
  w.as.call.done = on_done;
  membership.config_count = 1;
  for (unsigned id = 1; id <= c->count; id++) {
    char addr[32];
    (void)snprintf(addr, sizeof addr, ADDR_FORMAT, id);
    (void)rkv_config_add(&membership.configs[0], id);
    (void)rkv_membership_add_node(&membership, id, addr, strlen(addr));
  }
  c->net.nodes[1]->init(c->net.nodes[1]->ctx, &w.as.init);
  c->net.nodes[1]->kick(c->net.nodes[1]->ctx);
  return wait_for(&w);
}

static bool leads(struct cluster *c, unsigned id) {
  const struct rkv_node_api *api = c->net.nodes[id];
  struct waited w = {.as.metrics = {.leader = 0}, .status = -1};
  w.as.call.done = on_done;
  api->metrics(api->ctx, &w.as.metrics);
  api->kick(api->ctx);
  if (!wait_for(&w)) return false;
  rkv_buf_drop(&w.as.metrics.membership);
  rkv_buf_drop(&w.as.metrics.text);
  return w.as.metrics.leader == id && w.as.metrics.applied.term == w.as.metrics.vote.term;
}

static bool find_leader(struct cluster *c) {
  const struct timespec pause = {0, COURIER_NS};
  time_t until = time(NULL) + LEADER_MAX_S;
  while (time(NULL) < until) {
    for (c->leader = 1; c->leader <= c->count; c->leader++)
      if (leads(c, c->leader)) return true;
    (void)nanosleep(&pause, NULL);
  }
  (void)fprintf(stderr, "bench-inprocess: nobody leads\n");
  return false;
}

struct cluster *cluster_start(unsigned count, const char *const *sets, unsigned set_count) {
  struct cluster *c = calloc(1, sizeof *c);
  bool ok = c != NULL;
  if (!ok) return NULL;
  c->count = count;
  for (unsigned id = 1; ok && id <= count; id++) ok = open_member(c, id, sets, set_count);
  for (unsigned id = 1; ok && id <= count; id++) ok = start_member(c, id);
  ok = ok && pthread_create(&c->courier, NULL, run_courier, c) == 0;
  c->courier_runs = ok;
  if (ok && init(c) && find_leader(c)) return c;
  cluster_stop(c);
  return NULL;
}

const struct rkv_node_api *cluster_leader(const struct cluster *c) {
  return c->net.nodes[c->leader];
}

uint64_t cluster_applied(const struct cluster *c, rkv_node_id id) {
  return atomic_load(&c->members[id].machine.commands);
}

void cluster_stop(struct cluster *c) {
  for (unsigned id = 1; id <= c->count; id++)
    if (c->members[id].runs) node_abandon(c->members[id].node);
  if (c->courier_runs) {
    struct timespec pause = {0, 10 * COURIER_NS}; /* time for every node to see the others end */
    (void)nanosleep(&pause, NULL);
    atomic_store(&c->stopping, true);
    (void)pthread_join(c->courier, NULL);
  }
  for (unsigned id = 1; id <= c->count; id++) close_member(&c->members[id]);
  free(c);
}
