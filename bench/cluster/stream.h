/* stream.h: puts through one rkv.v1.Stream/Write: many in a message, messages on their way without
 * waiting, each answered one replaced at once. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "load.h"

/* As load_run: `inflight` puts, options->batch in each message. Latency is the message's. */
bool stream_run(const struct cluster *cluster, const char *endpoint, unsigned inflight,
                bool (*stop)(void), struct load_result *result);

#endif
