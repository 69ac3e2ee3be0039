/* wire.h: converts between the messages of openraftpb and the types that commands use. */
#ifndef RKVCTL_WIRE_H
#define RKVCTL_WIRE_H

#include "follow.h"

#include "app.pb-c.h"

#include <rkv/membership.h>

#define WIRE_SERVICE "/openraftpb.AppService/"
#define WIRE_ADMIN "/rkv.v1.Admin/"

/* Packs `message`, sends it to `method` (WIRE_SERVICE "Set") and waits for the answer. */
enum outcome wire_ask(struct session *session, const char *method, const ProtobufCMessage *message,
                      enum follow_kind kind, struct follow_answer *answer);

/* Likewise, with request metadata. */
enum outcome wire_ask_with(struct session *session, const char *method, struct client_pair pair,
                           const ProtobufCMessage *message, enum follow_kind kind,
                           struct follow_answer *answer);

/* Likewise, with the request's bytes as they are. */
enum outcome wire_ask_bytes(struct session *session, const char *method, struct client_pair pair,
                            ProtobufCBinaryData bytes, enum follow_kind kind,
                            struct follow_answer *answer);

/* A C string as a bytes field, without a copy. */
ProtobufCBinaryData wire_bytes(const char *text);

/* Reads the members of an answer, in the order of their ids. Nodes and configs over the limits are
 * left out. NULL gives an empty membership. */
void wire_membership(const Openraftpb__Membership *from, struct rkv_membership *to);

/* Where a swap of a storage is (rkv_swap_phase): in words, and in one word for scripts. */
const char *wire_swap_phase(uint64_t phase);
const char *wire_swap_word(uint64_t phase);

/* The part of a node in *m: "voter", "learner", or in a joint membership "joining" and
 * "leaving". */
const char *wire_role(const struct rkv_membership *m, rkv_node_id id);

#define WIRE_VALUE_MAX 512 /* bytes of a metric, its NUL included; a longer one is cut */

/* Formats a metric for people: OpenRaft counts places in the log (last_log, last_applied, snapshot,
 * purged) from 0, Raft from 1. Of "T.N" the N is raised by 1. */
void wire_count(const char *name, const char *value, size_t len, char *out, size_t size);

#endif
