/* under.c: the plugin under a stacked one, as the host opens it. */
#include "contract.h"

#include <host/part.h>

#include <assert.h>

enum { OPEN_MAX_AT_ONCE = 64 /* instances under stacked ones */ };

/* Of the law of this process: the operations that are handed out, whose close is seen here, and who
 * has what open. */
static struct {
  void (*close)(void *it);
  struct {
    const struct contract_host *host; /* NULL: free */
    void *it;
  } open[OPEN_MAX_AT_ONCE];
  union {
    struct rkv_transport_ops transport;
    struct rkv_storage_ops storage;
    struct rkv_state_machine_ops machine;
  } ops;
} under_law;

static void seen_close(void *it) {
  for (size_t i = 0; i < OPEN_MAX_AT_ONCE; i++)
    if (under_law.open[i].it == it) under_law.open[i].host = NULL, under_law.open[i].it = NULL;
  under_law.close(it);
}

static void see_open(const struct contract_host *h, void *it) {
  size_t i = 0;
  while (i < OPEN_MAX_AT_ONCE && under_law.open[i].host) i++;
  CONTRACT_REQUIRE(h->c, i < OPEN_MAX_AT_ONCE, "over %d plugins are open under it",
                   OPEN_MAX_AT_ONCE);
  under_law.open[i].host = h;
  under_law.open[i].it = it;
}

/* Every kind's table begins in its own way. */
static void see_closes(const struct contract *c) {
  const void *ops = c->under->plugin->ops;
  switch (c->under->kind) {
  case RKV_KIND_TRANSPORT:
    under_law.ops.transport = *(const struct rkv_transport_ops *)ops;
    under_law.close = under_law.ops.transport.close;
    under_law.ops.transport.close = seen_close;
    break;
  case RKV_KIND_STORAGE:
    under_law.ops.storage = *(const struct rkv_storage_ops *)ops;
    under_law.close = under_law.ops.storage.close;
    under_law.ops.storage.close = seen_close;
    break;
  default:
    under_law.ops.machine = *(const struct rkv_state_machine_ops *)ops;
    under_law.close = under_law.ops.machine.close;
    under_law.ops.machine.close = seen_close;
  }
}

/* Both name metrics; only those of the stacked plugin are held against each other. */
static enum rkv_status under_metric(void *ctx, const struct rkv_metric *metric,
                                    struct rkv_error *error) {
  struct contract_host *h = ctx;
  (void)error;
  CONTRACT_REQUIRE(h->c, metric && metric->name && metric->help && metric->read,
                   "what is under it registered a metric without name, help or read");
  return RKV_OK;
}

static enum rkv_status open_it(struct contract_host *h, const struct rkv_config *config,
                               const struct rkv_node_api *node, void **it,
                               struct rkv_error *error) {
  switch (h->c->under->kind) {
  case RKV_KIND_TRANSPORT: return under_law.ops.transport.open(&h->under, config, node, it, error);
  case RKV_KIND_STORAGE: return under_law.ops.storage.open(&h->under, config, it, error);
  default: return under_law.ops.machine.open(&h->under, config, it, error);
  }
}

enum rkv_status contract_open_under(void *ctx, enum rkv_plugin_kind kind,
                                    const struct rkv_node_api *node, struct rkv_under *under,
                                    struct rkv_error *error) {
  struct contract_host *h = ctx;
  const struct host_part *part = h->c->under;
  struct rkv_config config;
  enum rkv_status status;
  if (!part || (uint32_t)kind != part->kind)
    return rkv_fail(error, RKV_INVALID, "open_under: nothing of this kind is under it");
  assert(under->struct_size == sizeof *under);
  see_closes(h->c);
  memcpy(h->values, part->values, part->plugin->option_count * sizeof h->values[0]);
  if (h->c->under_dir_option >= 0)
    h->values[h->c->under_dir_option].text = h->dir ? h->dir : h->c->dir;
  config = (struct rkv_config){sizeof config, part->plugin->option_count, h->values};
  h->under = h->host;
  h->under.metric_register = under_metric;
  status = open_it(h, &config, node, &under->instance, error);
  if (status != RKV_OK) return status;
  see_open(h, under->instance);
  under->abi_minor = part->plugin->abi_minor;
  under->name = part->plugin->name;
  under->capabilities = part->plugin->capabilities;
  under->ops = &under_law.ops;
  return RKV_OK;
}

void contract_under_closed(const struct contract_host *h, const char *when) {
  for (size_t i = 0; i < OPEN_MAX_AT_ONCE; i++)
    CONTRACT_REQUIRE(h->c, under_law.open[i].host != h, "%s left the plugin under it open", when);
}
