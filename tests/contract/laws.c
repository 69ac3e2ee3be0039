/* laws.c: every law, by kind. */
#include "contract.h"

#include "sm_laws.h"
#include "storage_laws.h"
#include "transport_laws.h"

#define STORAGE_PROTOTYPE(number, name, level, needs, seconds, says)                               \
  void storage_law_##name(struct contract *c);
#define SM_PROTOTYPE(number, name, level, needs, seconds, says)                                    \
  void sm_law_##name(struct contract *c);
#define TRANSPORT_PROTOTYPE(number, name, level, needs, seconds, says)                             \
  void transport_law_##name(struct contract *c);
STORAGE_LAWS(STORAGE_PROTOTYPE)
SM_LAWS(SM_PROTOTYPE)
TRANSPORT_LAWS(TRANSPORT_PROTOTYPE)

#define STORAGE_ROW(number, name, level, needs, seconds, says)                                     \
  {number, #name, says, RKV_KIND_STORAGE, CONTRACT_##level, needs, seconds, storage_law_##name},
#define SM_ROW(number, name, level, needs, seconds, says)                                          \
  {number, #name, says, RKV_KIND_STATE_MACHINE, CONTRACT_##level, needs, seconds, sm_law_##name},
#define TRANSPORT_ROW(number, name, level, needs, seconds, says)                                   \
  {number, #name, says, RKV_KIND_TRANSPORT, CONTRACT_##level, needs, seconds, transport_law_##name},
static const struct contract_law storage_laws[] = {STORAGE_LAWS(STORAGE_ROW)};
static const struct contract_law sm_laws[] = {SM_LAWS(SM_ROW)};
static const struct contract_law transport_laws[] = {TRANSPORT_LAWS(TRANSPORT_ROW)};

const char *const contract_level_names[CONTRACT_LEVELS + 1] = {"basic", "crash", "full", NULL};

const struct contract_law *contract_laws(uint32_t kind, size_t *count) {
  switch (kind) {
  case RKV_KIND_STORAGE: *count = sizeof storage_laws / sizeof storage_laws[0]; return storage_laws;
  case RKV_KIND_STATE_MACHINE: *count = sizeof sm_laws / sizeof sm_laws[0]; return sm_laws;
  default: *count = sizeof transport_laws / sizeof transport_laws[0]; return transport_laws;
  }
}

char contract_letter(uint32_t kind) {
  if (kind == RKV_KIND_STORAGE) return 'S';
  return kind == RKV_KIND_STATE_MACHINE ? 'M' : 'T';
}
