/* transport_basic.c: what every transport does, without trouble. */
#include "contract.h"

#include <host/section.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void transport_law_opens_and_closes(struct contract *c);

/* A port that the kernel gave and nobody holds any more. */
static void free_addr(struct contract *c, char addr[RKV_ADDR_MAX]) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CONTRACT_REQUIRE(c,
                   fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                       getsockname(fd, (struct sockaddr *)&at, &len) == 0,
                   "the suite finds no free port");
  (void)snprintf(addr, RKV_ADDR_MAX, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
  (void)close(fd);
}

void transport_law_opens_and_closes(struct contract *c) {
  const struct rkv_transport_ops *ops = c->plugin->ops;
  struct rkv_value values[HOST_OPTIONS_MAX];
  struct rkv_config config = contract_config(c, NULL, values);
  struct rkv_node_api node = {.struct_size = sizeof node};
  struct contract_host host;
  struct rkv_error error;
  char addr[RKV_ADDR_MAX];
  void *transport;
  contract_host_init(&host, c, 1);
  free_addr(c, addr);
  host.host.node_addr = addr;
  CONTRACT_REQUIRE(c, ops->open(&host.host, &config, &node, &transport, &error) == RKV_OK,
                   "open: %s", error.text);
  ops->close(transport);
  contract_host_calm(&host);
}
