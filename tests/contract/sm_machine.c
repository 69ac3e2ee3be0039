/* sm_machine.c: machines under test: opened and closed. */
#include "sm.h"

#include <stdio.h>
#include <sys/stat.h>

void machine_open(struct machine *m, struct contract *c, const char *name) {
  machine_open_as(m, c, name, NULL);
}

void machine_open_as(struct machine *m, struct contract *c, const char *name,
                     const struct machine_node *node) {
  memset(m, 0, sizeof *m);
  m->c = c;
  m->ops = c->plugin->ops;
  (void)snprintf(m->dir, sizeof m->dir, "%s/%s", c->dir, name);
  if (c->dir_option >= 0)
    CONTRACT_REQUIRE(c, mkdir(m->dir, 0700) == 0, "the suite cannot make %s", m->dir);
  m->config = contract_config(c, m->dir, m->values);
  contract_host_init(&m->host, c, node ? node->id : 1);
  if (node) m->host.host.node_addr = node->addr, m->host.later_ns = node->later_ns;
  m->host.dir = m->dir;
  CONTRACT_REQUIRE(c, m->ops->open(&m->host.host, &m->config, &m->it, &m->error) == RKV_OK,
                   "open: %s", m->error.text);
  CONTRACT_REQUIRE(c, m->it, "open returned OK and no instance");
}

void machine_close(struct machine *m) {
  if (m->it) m->ops->close(m->it);
  m->it = NULL;
  contract_under_closed(&m->host, "close");
  contract_host_calm(&m->host);
}
