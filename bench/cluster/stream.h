/* stream.h: puts through one rkv.v1.Stream/Write: many in a message, several messages in flight;
 * each answer starts the next message at once. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "load.h"

/* As load_run, with `inflight` puts, options->batch in each message. Latency is that of a
 * message. */
bool stream_run(const struct cluster *cluster, const char *endpoint, unsigned inflight,
                bool (*stop)(void), struct load_result *result);

#endif
