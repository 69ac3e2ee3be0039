/* node_options.h: the option table of the section [node], which belongs to the host itself. */
#ifndef HOST_NODE_OPTIONS_H
#define HOST_NODE_OPTIONS_H

#include "section.h"

#include <node/node.h>

/* X(NAME, key, type, default, min, max, help): the table's order. default NULL = required. */
#define HOST_NODE_OPTION_LIST(X)                                                                   \
  X(ID, "id", UINT, NULL, 1, UINT64_MAX, "this node's number: give --id N or id = N")              \
  X(ADDR, "addr", STRING, NULL, 0, 0,                                                              \
    "where it serves and is known: give --addr HOST:PORT or addr = HOST:PORT")                     \
  X(HEARTBEAT, "heartbeat_interval", DURATION, "500ms", HOST_MS, HOST_HOUR,                        \
    "a leader is heard from at least this often")                                                  \
  X(ELECTION_MIN, "election_timeout_min", DURATION, "1500ms", HOST_MS, HOST_HOUR,                  \
    "shortest silence after which a follower stands for election")                                 \
  X(ELECTION_MAX, "election_timeout_max", DURATION, "3000ms", HOST_MS, HOST_HOUR,                  \
    "longest such silence; also how long a node stays with a leader it heard")                     \
  X(SNAPSHOT_AFTER, "snapshot_after_entries", UINT, "5000", 0, UINT64_MAX,                         \
    "entries applied since the last snapshot that make the next one; 0 = never")                   \
  X(KEEP, "keep_entries", UINT, "1000", 0, UINT64_MAX,                                             \
    "entries kept in the log behind a snapshot for peers that lag")                                \
  X(LOG_LEVEL, "log_level", ENUM, "info", 0, 0,                                                    \
    "least important messages that are logged; SIGHUP takes a new one")                            \
  X(INBOX, "inbox_max", UINT, "65536", 1, 1 << 24,                                                 \
    "reads and writes that may wait; more are refused as full")                                    \
  X(INBOX_BYTES, "inbox_bytes_max", SIZE, "256MiB", HOST_KIB, HOST_TIB,                            \
    "bytes of the commands among them")                                                            \
  X(HOT_TAIL, "hot_tail_bytes_max", SIZE, "32MiB", 0, HOST_TIB,                                    \
    "newest entries kept in memory, so that replication does not read storage")                    \
  X(APPEND_BYTES, "append_bytes_max", SIZE, "1MiB", 1, HOST_GIB,                                   \
    "payload of one append to a peer")                                                             \
  X(APPEND_ENTRIES, "append_entries_max", UINT, "4096", 1, 1 << 20, "entries of one append")       \
  X(APPEND_WINDOW, "append_window", UINT, "16", 1, 1024,                                           \
    "appends in flight to one peer (1 if the transport does not stream)")                          \
  X(PURGE_HOLD, "purge_hold_entries", UINT, "10000", 0, UINT64_MAX,                                \
    "entries behind a snapshot that are kept for a peer that lags")                                \
  X(PRE_VOTE, "pre_vote", BOOL, "true", 0, 0,                                                      \
    "ask before campaigning, so that a node that was away disturbs nobody")                        \
  X(CHECK_QUORUM, "check_quorum", BOOL, "true", 0, 0,                                              \
    "a leader that no quorum answers steps down")                                                  \
  X(LEASE_READS, "lease_reads", BOOL, "false", 0, 0,                                               \
    "serve rkv-read: lease from a leader to whom a quorum of voters promised a lease, trusting "   \
    "clocks to run apart by clock_drift_ppm at most")                                              \
  X(CLOCK_DRIFT, "clock_drift_ppm", UINT, "10000", 0, 500000,                                      \
    "how much faster one node's clock may run than another's, in parts per million")               \
  X(COMMAND_BYTES, "command_bytes_max", SIZE, "1600KiB", 1, HOST_GIB,                              \
    "a single command; larger ones are refused at the door")                                       \
  X(ON_DIVERGENCE, "on_divergence", ENUM, "report", 0, 0,                                          \
    "what a node does whose state machine's state differs from the leader's, and a leader from "   \
    "whose state a majority of the voters differs: only say so, or stop too")                      \
  X(SWAP_STORAGE, "swap_storage", BOOL, "false", 0, 0,                                             \
    "let rkvctl swap-storage move the running node to another storage, in any directory that "     \
    "this "                                                                                        \
    "process may write to")                                                                        \
  X(PLUGIN_DIR, "plugin_dir", PATH, "", 0, 0,                                                      \
    "where plugins are found by name; empty: plugins/ beside the executable")

#define HOST_MS UINT64_C(1000000)
#define HOST_HOUR UINT64_C(3600000000000)
#define HOST_KIB (UINT64_C(1) << 10)
#define HOST_GIB (UINT64_C(1) << 30)
#define HOST_TIB (UINT64_C(1) << 40)

enum host_node_option {
#define HOST_NODE_ENUM(name, key, type, text, min, max, help) HOST_NODE_##name,
  HOST_NODE_OPTION_LIST(HOST_NODE_ENUM)
#undef HOST_NODE_ENUM
      HOST_NODE_OPTION_COUNT
};

/* The table of [node]. */
struct host_table host_node_table(void);

/* Fills *options from the table's values, and checks what concerns two of them; a problem names the
 * key that would have to change. Values that were refused before (text NULL) are passed over. */
void host_node_options_read(const struct host_section *section, const struct rkv_value *values,
                            struct node_options *options);

#endif
