/* options.c: takes the option values over in the order of the list. */
#include "options.h"

enum rkv_status options_read(const struct rkv_config *config, struct transport_options *options,
                             struct rkv_error *error) {
  uint64_t *const fields[] = {
#define OPTION_FIELD(name, type, default_, min, max, help) &options->name,
      TRANSPORT_OPTION_LIST(OPTION_FIELD)
#undef OPTION_FIELD
  };
  const uint32_t count = (uint32_t)(sizeof fields / sizeof fields[0]);
  if (config->count != count)
    return rkv_fail(error, RKV_INVALID, "transport-grpc has %u options, the host gave %u values",
                    count, config->count);
  for (uint32_t i = 0; i < count; i++) *fields[i] = config->values[i].number;
  if (options->reconnect_backoff_min > options->reconnect_backoff_max)
    return rkv_fail(error, RKV_INVALID,
                    "reconnect_backoff_min is greater than reconnect_backoff_max (make it less)");
  return RKV_OK;
}
