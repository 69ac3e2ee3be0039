/* metrics.c: the registry of plugin metrics. */
#include "metrics.h"

#include <assert.h>
#include <inttypes.h>

#define NAME_MAX_BYTES 64 /* of a metric's name */

/* `name:value` pairs are separated by blanks and a colon: a name may hold neither. */
static bool metric_well_named(const char *name) {
  size_t len = name ? strlen(name) : 0;
  if (len == 0 || len > NAME_MAX_BYTES) return false;
  return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* Called with the lock held. */
static enum rkv_status add_metric(struct host_metrics *metrics, const char *plugin,
                                  const struct rkv_metric *metric, struct rkv_error *error) {
  for (size_t i = 0; i < metrics->count; i++)
    if (strcmp(metrics->list[i].plugin, plugin) == 0 &&
        strcmp(metrics->list[i].metric.name, metric->name) == 0)
      return rkv_fail(error, RKV_INVALID, "metric %s.%s: the name is taken", plugin, metric->name);
  assert(metrics->count <= HOST_METRICS_MAX);
  if (metrics->count == HOST_METRICS_MAX)
    return rkv_fail(error, RKV_FULL, "metric %s.%s: over the limit of %d metrics", plugin,
                    metric->name, HOST_METRICS_MAX);
  metrics->list[metrics->count].plugin = plugin;
  metrics->list[metrics->count++].metric = *metric;
  return RKV_OK;
}

enum rkv_status host_metrics_add(struct host_metrics *metrics, const char *plugin,
                                 const struct rkv_metric *metric, struct rkv_error *error) {
  enum rkv_status status;
  if (!metric_well_named(metric->name) || !metric->read)
    return rkv_fail(error, RKV_INVALID, "metric of %s: %s (lower case, digits, '_'; a function)",
                    plugin, metric->read ? "ill-formed name" : "no read function");
  (void)pthread_mutex_lock(&metrics->lock);
  status = add_metric(metrics, plugin, metric, error);
  (void)pthread_mutex_unlock(&metrics->lock);
  return status;
}

void host_metrics_drop(struct host_metrics *metrics, const char *plugin) {
  size_t kept = 0;
  (void)pthread_mutex_lock(&metrics->lock);
  for (size_t i = 0; i < metrics->count; i++)
    if (strcmp(metrics->list[i].plugin, plugin) != 0) metrics->list[kept++] = metrics->list[i];
  metrics->count = kept;
  (void)pthread_mutex_unlock(&metrics->lock);
}

void host_metrics_rename(struct host_metrics *metrics, const char *plugin, const char *name) {
  (void)pthread_mutex_lock(&metrics->lock);
  for (size_t i = 0; i < metrics->count; i++)
    if (strcmp(metrics->list[i].plugin, plugin) == 0) metrics->list[i].plugin = name;
  (void)pthread_mutex_unlock(&metrics->lock);
}

size_t host_metrics_format(void *ctx, char *out, size_t size) {
  struct host_metrics *metrics = ctx;
  size_t used = 0;
  if (size == 0) return 0;
  out[0] = '\0';
  (void)pthread_mutex_lock(&metrics->lock);
  for (size_t i = 0; i < metrics->count; i++) {
    const struct host_metric *m = &metrics->list[i];
    int len = snprintf(out + used, size - used, " %s.%s:%" PRIu64, m->plugin, m->metric.name,
                       m->metric.read(m->metric.arg));
    if (len < 0 || (size_t)len >= size - used) {
      out[used] = '\0';
      break;
    }
    used += (size_t)len;
  }
  (void)pthread_mutex_unlock(&metrics->lock);
  return used;
}

size_t host_metrics_help(void *ctx, char *out, size_t size) {
  struct host_metrics *metrics = ctx;
  size_t used = 0;
  if (size == 0) return 0;
  out[0] = '\0';
  (void)pthread_mutex_lock(&metrics->lock);
  for (size_t i = 0; i < metrics->count; i++) {
    const struct host_metric *m = &metrics->list[i];
    const char *help = m->metric.help ? m->metric.help : "";
    int len = snprintf(out + used, size - used, "%s.%s=%.*s\n", m->plugin, m->metric.name,
                       (int)strcspn(help, "\r\n"), help);
    if (len < 0 || (size_t)len >= size - used) {
      out[used] = '\0';
      break;
    }
    used += (size_t)len;
  }
  (void)pthread_mutex_unlock(&metrics->lock);
  return used;
}
