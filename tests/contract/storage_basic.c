/* storage_basic.c: what every storage does, without trouble. */
#include "contract.h"

#include <host/section.h>

void storage_law_starts_empty(struct contract *c);

void storage_law_starts_empty(struct contract *c) {
  const struct rkv_storage_ops *ops = c->plugin->ops;
  struct rkv_value values[HOST_OPTIONS_MAX];
  struct rkv_config config = contract_config(c, NULL, values);
  struct rkv_storage_state state;
  struct contract_host host;
  struct rkv_error error;
  void *storage;
  contract_host_init(&host, c, 1);
  CONTRACT_REQUIRE(c, ops->open(&host.host, &config, &storage, &error) == RKV_OK, "open: %s",
                   error.text);
  CONTRACT_REQUIRE(c, ops->load(storage, &state, &error) == RKV_OK, "load: %s", error.text);
  CONTRACT_REQUIRE(c, state.last.index == 0 && state.purged.index == 0, "it holds entries");
  CONTRACT_REQUIRE(c, state.vote.term == 0 && state.vote.node_id == 0, "it holds a vote");
  CONTRACT_REQUIRE(c, state.snapshot.last.index == 0, "it holds a snapshot");
  ops->close(storage);
  contract_host_calm(&host);
}
