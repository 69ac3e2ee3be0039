/* assembly.c: opens, starts, stops and closes a node's parts. */
#include "assembly.h"

#include "through.h"

#include <node/kernel/outcome.h>

#include <assert.h>
#include <poll.h>

#define END_POLL_MS 1

static const struct host_part *part_of(const struct host_assembly *a, enum host_part_index i) {
  return &a->config->parts[i];
}

static const struct rkv_plugin *plugin_of(const struct host_assembly *a, enum host_part_index i) {
  return a->config->parts[i].plugin;
}

/* Says which plugin refused. */
static enum rkv_status named(const struct host_assembly *a, enum host_part_index i,
                             enum rkv_status status, struct rkv_error *error) {
  char text[RKV_ERROR_TEXT_MAX];
  memcpy(text, error->text, sizeof text);
  return rkv_fail(error, status, "%s: %s", plugin_of(a, i)->name, text);
}

/* ---- open ---- */

/* The services of a part whose plugin is opened next. */
static struct host_user *before_open(struct host_assembly *a, enum host_part_index i) {
  struct host_user *user = &a->services.parts[i];
  host_services_stack(user, part_of(a, i)->under);
  user->opening = true;
  return user;
}

/* The open of a part returned: metric_register is no longer allowed. If it failed, the metrics that
 * it registered go. */
static enum rkv_status after_open(struct host_assembly *a, enum host_part_index i,
                                  enum rkv_status status, void *const *instance,
                                  struct rkv_error *error) {
  struct host_user *user = &a->services.parts[i];
  user->opening = false;
  status = outcome_of_gift(status, instance, "open", error);
  if (status == RKV_OK) return RKV_OK;
  host_services_drop_metrics(user);
  return named(a, i, status, error);
}

static enum rkv_status open_storage(struct host_assembly *a, struct rkv_error *error) {
  struct host_user *user = before_open(a, HOST_PART_STORAGE);
  struct rkv_config config = host_part_config(part_of(a, HOST_PART_STORAGE));
  enum rkv_status status;
  a->storage_ops = plugin_of(a, HOST_PART_STORAGE)->ops;
  status = host_through_enter(part_of(a, HOST_PART_STORAGE), error);
  if (status == RKV_OK)
    status = a->storage_ops->open(&user->host, &config, &a->storage, outcome_clear(error));
  status = after_open(a, HOST_PART_STORAGE, status, &a->storage, error);
  if (status == RKV_OK) host_swap_init(&a->swap, a->config, &a->services, a->storage);
  return status;
}

/* The storage that was opened, or the one that the node moved to, and one beside it. */
static void close_storages(struct host_assembly *a) {
  if (!a->storage) return;
  host_swap_end(&a->swap);
  a->storage = NULL;
}

static enum rkv_status open_sm(struct host_assembly *a, struct rkv_error *error) {
  struct host_user *user = before_open(a, HOST_PART_STATE_MACHINE);
  struct rkv_config config = host_part_config(part_of(a, HOST_PART_STATE_MACHINE));
  enum rkv_status status;
  assert(a->storage_ops && !a->sm_ops && !a->node); /* (A1) */
  a->sm_ops = plugin_of(a, HOST_PART_STATE_MACHINE)->ops;
  status = a->sm_ops->open(&user->host, &config, &a->sm, outcome_clear(error));
  return after_open(a, HOST_PART_STATE_MACHINE, status, &a->sm, error);
}

static enum rkv_status open_transport(struct host_assembly *a, struct rkv_error *error) {
  struct host_user *user = before_open(a, HOST_PART_TRANSPORT);
  struct rkv_config config = host_part_config(part_of(a, HOST_PART_TRANSPORT));
  enum rkv_status status;
  status = a->transport_ops->open(&user->host, &config, node_api(a->node), &a->transport,
                                  outcome_clear(error));
  return after_open(a, HOST_PART_TRANSPORT, status, &a->transport, error);
}

static void on_plugin_fatal(void *arg, enum rkv_status status, const char *text) {
  node_fatal(arg, status, text);
}

static void on_copy_fatal(void *arg, enum rkv_status status, const char *text) {
  node_copy_fatal(arg, status, text);
}

static enum rkv_status make_node(struct host_assembly *a, void (*notify)(void *arg), void *arg,
                                 struct rkv_error *error) {
  struct node_plugins plugins = {
      .host = &a->services.node.host,
      .transport = a->transport_ops,
      .transport_abi_minor = plugin_of(a, HOST_PART_TRANSPORT)->abi_minor,
      .storage = a->storage_ops,
      .storage_instance = a->storage,
      .sm = a->sm_ops,
      .sm_instance = a->sm,
      .sm_capabilities = host_part_capabilities(part_of(a, HOST_PART_STATE_MACHINE)),
      .storage_capabilities = host_part_capabilities(part_of(a, HOST_PART_STORAGE)),
      .metrics_format = host_metrics_format,
      .metrics_help = host_metrics_help,
      .metrics_ctx = &a->services.metrics,
      .storages = &a->swap.storages,
  };
  assert(a->storage_ops && a->sm_ops && !a->node && !a->transport); /* (A1) */
  enum rkv_status status = node_executor_new(&a->executor, error);
  if (status != RKV_OK) return status;
  status = node_new(&a->config->options, &plugins, a->executor, &a->node, error);
  if (status == RKV_FOREIGN) { /* it refused the storage, before it wrote to it */
    close_storages(a);
    settle_retired(a->config, error, a->remedy);
  }
  if (status != RKV_OK) return status;
  node_on_fatal(a->node, notify, arg);
  host_services_bind(&a->services, on_plugin_fatal, a->node);
  host_services_bind_apart(&a->services, on_copy_fatal);
  return RKV_OK;
}

enum rkv_status host_assembly_open(struct host_assembly *a, const struct host_config *config,
                                   int log_fd, void (*notify)(void *arg), void *arg,
                                   struct rkv_error *error) {
  const char *names[HOST_PART_COUNT];
  struct host_identity identity = {
      .id = config->node[HOST_NODE_ID].number,
      .addr = config->node[HOST_NODE_ADDR].text,
      .log_level = (enum rkv_log_level)config->node[HOST_NODE_LOG_LEVEL].number,
  };
  const struct rkv_metric dropped = {"log_lines_dropped",
                                     "lines of the log that nobody took in time",
                                     host_services_lines_dropped, &a->services};
  enum rkv_status status;
  a->config = config;
  for (size_t i = 0; i < HOST_PART_COUNT; i++) names[i] = config->parts[i].plugin->name;
  host_services_init(&a->services, &identity, names, log_fd);
  a->transport_ops = plugin_of(a, HOST_PART_TRANSPORT)->ops;
  status = host_metrics_add(&a->services.metrics, "host", &dropped, error);
  if (status == RKV_OK) status = open_storage(a, error);
  if (status == RKV_OK) status = open_sm(a, error);
  if (status == RKV_OK) status = make_node(a, notify, arg, error);
  if (status == RKV_OK) status = open_transport(a, error);
  if (status == RKV_OK) node_set_transport(a->node, a->transport);
  return status;
}

/* ---- run ---- */

enum rkv_status host_assembly_start(struct host_assembly *a, struct rkv_error *error) {
  assert(a->transport && !a->executor_runs && !a->transport_runs); /* (A1) */
  enum rkv_status status = node_executor_start(a->executor, a->node, error);
  if (status != RKV_OK) return status;
  a->executor_runs = true;
  status = outcome_of(a->transport_ops->start(a->transport, outcome_clear(error)), "start", error);
  if (status != RKV_OK) return named(a, HOST_PART_TRANSPORT, status, error);
  a->transport_runs = true;
  node_start(a->node);
  return RKV_OK;
}

void host_assembly_stop(struct host_assembly *a, uint64_t grace_ns) {
  if (!a->transport_runs) return;
  node_abandon(a->node); /* else the transport would wait for calls that wait for a quorum */
  a->transport_ops->stop(a->transport, grace_ns);
  a->transport_runs = false;
}

/* Closes one part. Its metrics go first: none is read while or after it closes. */
static void close_part(struct host_assembly *a, enum host_part_index i, void (*close_op)(void *),
                       void **instance) {
  if (!*instance) return;
  host_services_drop_metrics(&a->services.parts[i]);
  close_op(*instance);
  *instance = NULL;
}

/* Waits until the node has ended. A thread of the storage may still be in the node's loop, where it
 * will close the peers: node_abandon has told it to, and the ends of the worker's and the
 * transport's jobs are in its inbox. */
static void await_end(struct node *node) {
  while (!node_ended(node)) (void)poll(NULL, 0, END_POLL_MS);
}

void host_assembly_close(struct host_assembly *a) {
  host_assembly_stop(a, 0);
  if (a->executor_runs) node_executor_stop(a->executor);
  if (a->node) await_end(a->node);
  if (a->transport) close_part(a, HOST_PART_TRANSPORT, a->transport_ops->close, &a->transport);
  close_storages(a);
  if (a->sm) close_part(a, HOST_PART_STATE_MACHINE, a->sm_ops->close, &a->sm);
  host_services_unbind(&a->services);
  assert(!a->transport && !a->storage && !a->sm); /* (A1) */
  if (a->node) node_free(a->node);
  if (a->executor) node_executor_free(a->executor);
  host_services_end(&a->services);
}
