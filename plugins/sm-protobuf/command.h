/* command.h: SetRequest and GetRequest, and the limits at the door.
 *
 * One scanner reads every message of the shape {key = 1, value = 2}: SetRequest, GetRequest (no
 * value) and the entries of StateMachineData.data. A repeated field: the last one wins. A missing
 * field is empty. Unknown fields are ignored. */
#ifndef SM_COMMAND_H
#define SM_COMMAND_H

#include <rkv/status.h>

#include <stddef.h>

#define COMMAND_BYTES_MAX (64u << 20) /* bytes of one key and value that any node ever takes */

/* Slices of the message scanned. */
struct command {
  const uint8_t *key, *value;
  size_t key_len, value_len;
};

/* What a client may write and ask for. The limits are checked before a command is proposed, never
 * when it is applied: every node applies what is committed alike, whatever its own limits are. */
struct command_limits {
  size_t key_max, value_max; /* bytes */
};

/* Reads a message {key, value}; `message` names it in errors. Errors: RKV_INVALID if it is
 * malformed, a field has another type, or key or value is not UTF-8; RKV_TOO_LARGE over
 * COMMAND_BYTES_MAX. */
enum rkv_status command_scan(const char *message, const uint8_t *data, size_t len,
                             struct command *command, struct rkv_error *error);

/* Reads a GetRequest {key}; a field 2 is unknown to it. Errors: as command_scan. */
enum rkv_status command_scan_get(const uint8_t *data, size_t len, struct command *command,
                                 struct rkv_error *error);

/* Checks key and value against the limits. Errors: RKV_INVALID for an empty key, RKV_TOO_LARGE. */
enum rkv_status command_check(const char *message, const struct command *command,
                              const struct command_limits *limits, struct rkv_error *error);

#endif
