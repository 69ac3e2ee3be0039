/* options.h: every option of the transport's INI section, once: the table that the host checks and
 * the struct that the rooms read are both made from this list. */
#ifndef TRANSPORT_OPTIONS_H
#define TRANSPORT_OPTIONS_H

#include <rkv/rkv.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MS UINT64_C(1000000) /* nanoseconds */
#define SECOND (1000 * MS)

/* X(name, TYPE, default, min, max, help). Appended, never reordered: rkv_config has this order. */
#define TRANSPORT_OPTION_LIST(X)                                                                   \
  X(raft_message_max, SIZE, "4MiB", 256, 64 * MIB, "largest message accepted from a peer")         \
  X(app_message_max, SIZE, "4MiB", 256, 64 * MIB, "largest message accepted from a client")        \
  X(snapshot_idle_timeout, DURATION, "10s", 10 * MS, 3600 * SECOND,                                \
    "a snapshot stream that is silent for so long is given up")                                    \
  X(concurrent_streams_max, UINT, "100", 1, 1000000, "calls open at once on one connection")       \
  X(metadata_max, SIZE, "16KiB", 1 * KIB, 1 * MIB, "metadata of one call, both directions")        \
  X(memory_max, SIZE, "256MiB", 8 * MIB, 64 * GIB,                                                 \
    "memory that received messages may take until they are handed on")                             \
  X(reconnect_backoff_min, DURATION, "100ms", 100 * MS, 60 * SECOND,                               \
    "first pause before a peer is dialled again")                                                  \
  X(reconnect_backoff_max, DURATION, "1s", 100 * MS, 600 * SECOND,                                 \
    "longest pause before a peer is dialled and looked up again")                                  \
  X(connect_timeout, DURATION, "2s", 100 * MS, 600 * SECOND,                                       \
    "a connection to a peer that takes longer is given up")                                        \
  X(vote_timeout, DURATION, "1s", 10 * MS, 600 * SECOND,                                           \
    "a vote or question that the node gave no deadline is given up after it")                      \
  X(append_timeout, DURATION, "1s", 10 * MS, 600 * SECOND,                                         \
    "likewise one message of an append; large ones get 1 s more per 4 MB")                         \
  X(snapshot_step_timeout, DURATION, "30s", 10 * MS, 3600 * SECOND,                                \
    "likewise one step of sending a snapshot")                                                     \
  X(stream_window_bytes, SIZE, "4MiB", 1, 1 * GIB,                                                 \
    "appends on their way to one peer: no further one is sent while these are unanswered")         \
  X(busy_poll, DURATION, "0ms", 0, 10 * MS,                                                        \
    "while a few calls wait for peers, look for their answers so long before sleeping: 100us "     \
    "make a lone writer 13 % faster (3,644 sets/s against 3,213) and keep a core busy meanwhile")  \
  X(connections_max, UINT, "2000", 1, 100000,                                                      \
    "connections open at once; further ones are refused")                                          \
  X(connections_per_address_max, UINT, "256", 1, 100000,                                           \
    "likewise from one IPv4 address or IPv6 /64 network")                                          \
  X(first_message_timeout, DURATION, "10s", 10 * MS, 3600 * SECOND,                                \
    "a call whose first message does not come for so long is ended")                               \
  X(answer_timeout, DURATION, "30s", 10 * MS, 3600 * SECOND,                                       \
    "a call whose client does not take the answer for so long is ended")                           \
  X(answers_max, SIZE, "256MiB", 1 * KIB, 64 * GIB,                                                \
    "answers that clients have not taken yet: beyond so many bytes the oldest calls are ended")

/* Sizes in bytes, durations in nanoseconds, as rkv_value.number. */
struct transport_options {
#define TRANSPORT_OPTION_FIELD(name, type, default_, min, max, help) uint64_t name;
  TRANSPORT_OPTION_LIST(TRANSPORT_OPTION_FIELD)
#undef TRANSPORT_OPTION_FIELD
};

/* Takes the values over. Errors: RKV_INVALID if the config is not of this table. */
enum rkv_status options_read(const struct rkv_config *config, struct transport_options *options,
                             struct rkv_error *error);

#endif
