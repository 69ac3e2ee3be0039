/* wire.h: writes and reads the few protobuf fields that the bench needs of two services
 * (openraftpb, etcdserverpb). */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FIELD_MAX 15    /* field numbers whose tag is one byte */
#define WIRE_OVERHEAD_MAX 24 /* bytes that two fields add to their contents */

/* Appends a field to out[*len], which must have room (WIRE_OVERHEAD_MAX / 2 + n). */
void wire_put_number(uint8_t *out, size_t *len, unsigned field, uint64_t value);
void wire_put_bytes(uint8_t *out, size_t *len, unsigned field, const void *data, size_t n);

/* Looks for a field of a message; the last one wins. False: there is none, or the message is
 * damaged before it. */
bool wire_get_number(const uint8_t *data, size_t size, unsigned field, uint64_t *out);
bool wire_get_bytes(const uint8_t *data, size_t size, unsigned field, const uint8_t **out,
                    size_t *out_size);

#endif
