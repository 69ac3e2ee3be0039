/* membership.h: log ids and memberships between this program's form and the snapshot's protobuf.
 *
 * Only this file knows that indexes on the wire start at 0 (core index 1 = wire index 0), that an
 * ABSENT LogId means "none" and that an EMPTY LogId is the id of term 0, wire index 0. Decoding
 * merges into what the caller's struct holds already, as protobuf does with a message that comes
 * twice. */
#ifndef SM_MEMBERSHIP_H
#define SM_MEMBERSHIP_H

#include <rkv/membership.h>
#include <rkv/types.h>

#define LOG_ID_WIRE_MAX 24              /* bytes of a LogId field, its head included */
#define MEMBERSHIP_WIRE_MAX (32u << 10) /* bytes of a Membership field, its head included */

/* Writes `id` as field `number` to `out` (LOG_ID_WIRE_MAX bytes). Returns how many bytes it wrote;
 * 0 for none. */
size_t log_id_to_wire(struct rkv_log_id id, uint32_t number, uint8_t *out);

/* Reads a LogId. *id = none stands for "not given yet". Errors: RKV_CORRUPT. */
enum rkv_status log_id_from_wire(const uint8_t *data, size_t len, struct rkv_log_id *id,
                                 struct rkv_error *error);

/* Writes *m, which passes rkv_membership_check, as field `number` to `out` (MEMBERSHIP_WIRE_MAX
 * bytes). Returns how many bytes it wrote. */
size_t membership_to_wire(const struct rkv_membership *m, uint32_t number, uint8_t *out);

/* Reads a Membership into *m, which is all zero before. Errors: RKV_CORRUPT if it is malformed or
 * over RKV_CONFIGS_MAX, RKV_NODES_MAX or RKV_ADDR_MAX. The caller then checks *m as a whole by
 * rkv_membership_check. */
enum rkv_status membership_from_wire(const uint8_t *data, size_t len, struct rkv_membership *m,
                                     struct rkv_error *error);

#endif
