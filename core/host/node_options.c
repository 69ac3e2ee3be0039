/* node_options.c: the options of [node]. */
#include "node_options.h"

#include "values.h"

#include <rkv/address.h>

#include <string.h>

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
enum { DIVERGENCE_REPORT, DIVERGENCE_STOP };
static const char *const on_divergence[] = {
    [DIVERGENCE_REPORT] = "report", [DIVERGENCE_STOP] = "stop", NULL};

#define CHOICES(id)                                                                                \
  (HOST_NODE_##id == HOST_NODE_LOG_LEVEL       ? log_levels                                        \
   : HOST_NODE_##id == HOST_NODE_ON_DIVERGENCE ? on_divergence                                     \
                                               : NULL)

static const struct rkv_option node_table[HOST_NODE_OPTION_COUNT] = {
#define NODE_OPTION(id, key, value_type, text, low, high, about)                                   \
  {.name = key,                                                                                    \
   .default_text = text,                                                                           \
   .help = about,                                                                                  \
   .choices = CHOICES(id),                                                                         \
   .min = low,                                                                                     \
   .max = high,                                                                                    \
   .type = RKV_OPTION_##value_type,                                                                \
   .flags = (text) == NULL ? RKV_OPTION_REQUIRED : 0},
    HOST_NODE_OPTION_LIST(NODE_OPTION)
#undef NODE_OPTION
};
#undef CHOICES

_Static_assert(RKV_LOG_DEBUG == 0 && RKV_LOG_INFO == 1 && RKV_LOG_WARN == 2 && RKV_LOG_ERROR == 3,
               "log_levels is in the order of RKV_LOG_LEVEL_LIST");

struct host_table host_node_table(void) {
  struct host_table table = {node_table, HOST_NODE_OPTION_COUNT};
  return table;
}

static void check_addr(const struct host_section *section, const char *addr) {
  const char *wrong = addr ? rkv_addr_refusal(addr) : NULL;
  if (wrong) host_section_complain(section, "addr", false, wrong);
}

/* `high` must be at least `factor` times `low`, and more than it if strict. */
struct order {
  enum host_node_option low, high;
  uint64_t factor;
  bool strict;
};

static const struct order orders[] = {
    {HOST_NODE_HEARTBEAT, HOST_NODE_ELECTION_MIN, 2, false},
    {HOST_NODE_ELECTION_MIN, HOST_NODE_ELECTION_MAX, 1, true},
    {HOST_NODE_COMMAND_BYTES, HOST_NODE_INBOX_BYTES, 1, false},
};

/* Blames a key that the user gave: the higher one if both were given. */
static void check_order(const struct host_section *section, const struct rkv_value *values,
                        const struct order *order) {
  const struct rkv_value *low = &values[order->low], *high = &values[order->high];
  const char *low_name = node_table[order->low].name, *high_name = node_table[order->high].name;
  const char *blamed = high_name;
  char what[RKV_ERROR_TEXT_MAX];
  if (!low->text || !high->text) return;
  if (high->number >= low->number * order->factor + (order->strict ? 1 : 0)) return;
  if (!host_settings_find(section->settings, section->name, high_name)) blamed = low_name;
  (void)snprintf(what, sizeof what, "%s = %s does not fit %s = %s (%s must be %s%s %s)", high_name,
                 high->text, low_name, low->text, high_name,
                 order->strict ? "more than" : "at least", order->factor > 1 ? " twice" : "",
                 low_name);
  host_section_complain(section, blamed, false, what);
}

void host_node_options_read(const struct host_section *section, const struct rkv_value *values,
                            struct node_options *options) {
  options->heartbeat_ns = values[HOST_NODE_HEARTBEAT].number;
  options->election_min_ns = values[HOST_NODE_ELECTION_MIN].number;
  options->election_max_ns = values[HOST_NODE_ELECTION_MAX].number;
  options->snapshot_after = values[HOST_NODE_SNAPSHOT_AFTER].number;
  options->keep_entries = values[HOST_NODE_KEEP].number;
  options->inbox_max = values[HOST_NODE_INBOX].number;
  options->inbox_bytes_max = values[HOST_NODE_INBOX_BYTES].number;
  options->hot_tail_bytes_max = values[HOST_NODE_HOT_TAIL].number;
  options->append_bytes_max = values[HOST_NODE_APPEND_BYTES].number;
  options->append_entries_max = values[HOST_NODE_APPEND_ENTRIES].number;
  options->append_window = values[HOST_NODE_APPEND_WINDOW].number;
  options->purge_hold_entries = values[HOST_NODE_PURGE_HOLD].number;
  options->pre_vote = values[HOST_NODE_PRE_VOTE].number != 0;
  options->check_quorum = values[HOST_NODE_CHECK_QUORUM].number != 0;
  options->lease_reads = values[HOST_NODE_LEASE_READS].number != 0;
  options->clock_drift_ppm = values[HOST_NODE_CLOCK_DRIFT].number;
  options->stop_on_divergence = values[HOST_NODE_ON_DIVERGENCE].number == DIVERGENCE_STOP;
  options->command_bytes_max = values[HOST_NODE_COMMAND_BYTES].number;
  check_addr(section, values[HOST_NODE_ADDR].text);
  for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
    check_order(section, values, &orders[i]);
}
