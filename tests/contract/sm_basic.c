/* sm_basic.c: what every state machine does, without trouble. */
#include "contract.h"

#include <host/section.h>

void sm_law_opens_and_closes(struct contract *c);

void sm_law_opens_and_closes(struct contract *c) {
  const struct rkv_state_machine_ops *ops = c->plugin->ops;
  struct rkv_value values[HOST_OPTIONS_MAX];
  struct rkv_config config = contract_config(c, NULL, values);
  struct contract_host host;
  struct rkv_error error;
  void *sm;
  contract_host_init(&host, c, 1);
  CONTRACT_REQUIRE(c, ops->open(&host.host, &config, &sm, &error) == RKV_OK, "open: %s",
                   error.text);
  ops->close(sm);
  contract_host_calm(&host);
}
