/* reach.c: looks for paths and hosts. */
#include "reach.h"

#include <rkv/address.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The folder in which `path` would be made. False: the path is too long. */
static bool folder_of(const char *path, char out[HOST_PATH_MAX]) {
  size_t len = strlen(path);
  while (len > 1 && path[len - 1] == '/') len--; /* "x/" is made where "x" is */
  while (len > 0 && path[len - 1] != '/') len--;
  if (len >= HOST_PATH_MAX) return false;
  while (len > 1 && path[len - 1] == '/') len--;
  if (len == 0)
    memcpy(out, ".", sizeof ".");
  else
    memcpy(out, path, len), out[len] = '\0';
  return true;
}

/* Adds a problem if the path cannot be used. `writes`: the plugin will write there. */
static void check_path(const struct host_section *section, const struct rkv_option *option,
                       const char *path, bool writes) {
  const bool secret = option->flags & RKV_OPTION_SECRET;
  char folder[HOST_PATH_MAX], what[RKV_ERROR_TEXT_MAX];
  if (access(path, F_OK) == 0) {
    if (!writes || access(path, W_OK) == 0) return;
    (void)snprintf(what, sizeof what, "%s (let this user write there, or name another place)",
                   strerror(errno));
  } else if (errno != ENOENT) {
    (void)snprintf(what, sizeof what, "%s (name a place that this user can reach)",
                   strerror(errno));
  } else if (!folder_of(path, folder)) {
    (void)snprintf(what, sizeof what, "the path is too long");
  } else if (access(folder, F_OK) != 0) {
    (void)snprintf(what, sizeof what, "the folder %.256s is not there (make it first)", folder);
  } else if (access(folder, W_OK | X_OK) != 0) {
    (void)snprintf(what, sizeof what, "it is not there, and this user cannot make it in %.256s: %s",
                   folder, strerror(errno));
  } else {
    return;
  }
  host_section_complain(section, option->name, secret, what);
}

static void check_part(const struct host_part *part, struct host_section *section) {
  const struct host_table table = host_table_of(part->plugin);
  const bool writes =
      part->kind == RKV_KIND_STORAGE && (host_part_capabilities(part) & RKV_CAP_DURABLE) != 0;
  section->name = part->section;
  for (size_t i = 0; i < table.count; i++) {
    const struct rkv_option *option = &table.first[i];
    if (option->type == RKV_OPTION_PATH && part->values[i].text[0] != '\0' &&
        host_settings_find(section->settings, part->section, option->name))
      check_path(section, option, part->values[i].text, writes);
  }
}

/* Looks for the host of HOST:PORT, whose form was checked before. */
static void check_host(const struct host_section *section, const char *addr) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  char host[RKV_ADDR_MAX], what[RKV_ERROR_TEXT_MAX];
  const struct rkv_addr_parts parts = rkv_addr_split(addr);
  int failed;
  rkv_addr_host(&parts, host);
  failed = getaddrinfo(host, NULL, &hints, &found);
  if (found) freeaddrinfo(found);
  if (!failed) return;
  (void)snprintf(what, sizeof what, "the host %s is not found: %s (name one that this machine has)",
                 host, failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
  host_section_complain(section, "addr", false, what);
}

void host_reach_check(struct host_config *config, struct host_problems *problems) {
  struct host_section section = {HOST_NODE_SECTION, NULL, &config->settings, problems};
  check_host(&section, config->node[HOST_NODE_ADDR].text);
  for (size_t i = 0; i < HOST_PART_COUNT; i++)
    for (const struct host_part *part = &config->parts[i]; part; part = part->under)
      check_part(part, &section);
}
