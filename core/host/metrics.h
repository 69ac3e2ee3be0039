/* metrics.h: the numbers that plugins show, as `<plugin name>.<name>`.
 *
 * After host_metrics_drop no metric of that plugin is read any more. Any thread. */
#ifndef HOST_METRICS_H
#define HOST_METRICS_H

#include <rkv/plugin.h>

#include <pthread.h>
#include <stddef.h>

#define HOST_METRICS_MAX 256 /* of all plugins of one node */

struct host_metric {
  const char *plugin;
  struct rkv_metric metric;
};

struct host_metrics {
  pthread_mutex_t lock;
  size_t count;
  struct host_metric list[HOST_METRICS_MAX];
};

/* Errors: RKV_FULL, RKV_INVALID (name taken, missing or ill-formed, no read function). */
enum rkv_status host_metrics_add(struct host_metrics *metrics, const char *plugin,
                                 const struct rkv_metric *metric, struct rkv_error *error);

/* Drops all metrics of a plugin. Waits while host_metrics_format is running. */
void host_metrics_drop(struct host_metrics *metrics, const char *plugin);

/* From now on the metrics of `plugin` are those of `name`. Waits likewise. */
void host_metrics_rename(struct host_metrics *metrics, const char *plugin, const char *name);

/* node_plugins.metrics_format: ctx is a struct host_metrics. */
size_t host_metrics_format(void *ctx, char *out, size_t size);

/* node_plugins.metrics_help, likewise. Of a help its first line is told. */
size_t host_metrics_help(void *ctx, char *out, size_t size);

#endif
