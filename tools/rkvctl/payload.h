/* payload.h: bytes of any kind: in for a state machine, and its answers out. */
#ifndef RKVCTL_PAYLOAD_H
#define RKVCTL_PAYLOAD_H

#include "print.h"
#include "wire.h"

/* The bytes that the user gave: --text, --hex, --file or --stdin, one of them. The caller frees
 * out->data, which is never NULL then. Errors, each with the option: RKV_INVALID, RKV_TOO_LARGE
 * over CLIENT_MESSAGE_MAX, RKV_IO, RKV_NO_MEMORY. */
enum rkv_status payload_take(const struct args *args, ProtobufCBinaryData *out,
                             struct rkv_error *error);

/* Likewise: all of stdin. */
enum rkv_status payload_stdin(ProtobufCBinaryData *out, struct rkv_error *error);

/* Opens what --out names, before anything is sent; what is in there stays until the answer came.
 * *fd is -1 without --out. Errors: RKV_IO with the path. */
enum rkv_status payload_open(const struct args *args, int *fd, struct rkv_error *error);

/* Shows an answer: into fd, which is closed then, or on stdout as the options say.
 * OUTCOME_UNWRITTEN, told on stderr: the file did not take it. */
enum outcome payload_show(const struct args *args, const struct follow_answer *answer, int fd);

#endif
