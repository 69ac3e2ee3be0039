/* plugin_load.c: finds a transport, reads its settings, and opens it. */
#include "plugin_parts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OPEN_TRIES = 5 };
#define SECTION "transport"

/* ---- settings ---- */

/* A setting may be a secret: a refusal tells its place. */
static enum rkv_status add_setting(struct plugin_client *p, const char *given, unsigned place,
                                   struct host_problems *problems, struct rkv_error *error) {
  const char *equals = strchr(given, '=');
  const size_t len = equals ? (size_t)(equals - given) : 0;
  char key[HOST_PLUGIN_NAME_MAX];
  if (len == 0 || len >= sizeof key)
    return rkv_fail(error, RKV_INVALID, "--transport-set number %u is no KEY=VALUE", place + 1);
  memcpy(key, given, len);
  key[len] = '\0';
  host_settings_add(&p->settings, HOST_SOURCE_SET, SECTION, key, equals + 1, "--transport-set", 0,
                    problems);
  return RKV_OK;
}

static enum rkv_status read_settings(struct plugin_client *p, const struct plugin_way_wish *wish,
                                     struct rkv_error *error) {
  const struct host_table table = host_table_of(&p->plugin.descriptor);
  struct host_problems *problems = calloc(1, sizeof *problems);
  const struct host_section section = {SECTION, NULL, &p->settings, problems};
  enum rkv_status status = RKV_OK;
  if (!problems) return rkv_fail(error, RKV_NO_MEMORY, "out of memory");
  p->settings.where = "command line";
  for (unsigned i = 0; i < wish->setting_count && status == RKV_OK; i++)
    status = add_setting(p, wish->settings[i], i, problems, error);
  if (status == RKV_OK) {
    host_section_read(&section, &table, p->values);
    if (!host_problems_none(problems)) status = host_problems_tell(problems, error);
  }
  p->config = (struct rkv_config){sizeof p->config, (uint32_t)table.count, p->values};
  host_problems_free(problems);
  free(problems);
  return status;
}

/* ---- opening ---- */

/* A port that the kernel chose, and that is free again. */
static bool choose_addr(char addr[RKV_ADDR_MAX]) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool good = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                    getsockname(fd, (struct sockaddr *)&at, &len) == 0;
  if (good) (void)snprintf(addr, RKV_ADDR_MAX, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
  if (fd >= 0) (void)close(fd);
  return good;
}

/* Between the choice of a port and its use another program may be faster. */
static enum rkv_status open_somewhere(struct plugin_client *p, struct rkv_error *error) {
  const struct rkv_transport_ops *ops = &p->plugin.ops.transport;
  enum rkv_status status = RKV_ADDRESS;
  (void)rkv_fail(error, status, "no port is free on 127.0.0.1");
  for (int i = 0; i < OPEN_TRIES && status == RKV_ADDRESS && choose_addr(p->addr); i++)
    status = ops->open(&p->host, &p->config, &p->node, &p->it, error);
  if (status != RKV_OK) {
    p->it = NULL;
    return status;
  }
  return ops->start(p->it, error);
}

enum rkv_status plugin_load(struct plugin_client *p, const struct plugin_way_wish *wish,
                            struct rkv_error *error) {
  char folder[HOST_PATH_MAX];
  struct rkv_error why;
  enum rkv_status status = host_plugin_folder("", folder, error);
  if (status == RKV_OK) {
    status = host_plugin_load(folder, wish->plugin, RKV_KIND_TRANSPORT, &p->plugin, &why);
    if (status != RKV_OK) (void)rkv_fail(error, status, "%.100s: %s", wish->plugin, why.text);
  }
  if (status == RKV_OK) {
    p->way.name = p->plugin.descriptor.name;
    status = read_settings(p, wish, error);
  }
  return status == RKV_OK ? open_somewhere(p, error) : status;
}
