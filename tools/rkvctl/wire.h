/* wire.h: between the messages of openraftpb and what the commands work with. */
#ifndef RKVCTL_WIRE_H
#define RKVCTL_WIRE_H

#include "follow.h"

#include "app.pb-c.h"

#include <rkv/membership.h>

#define WIRE_SERVICE "/openraftpb.AppService/"
#define WIRE_ADMIN "/rkv.v1.Admin/"

/* Packs `message` and asks `method` (WIRE_SERVICE "Set") for an answer. */
enum outcome wire_ask(struct session *session, const char *method, const ProtobufCMessage *message,
                      enum follow_kind kind, struct follow_answer *answer);

/* Likewise with request metadata. */
enum outcome wire_ask_with(struct session *session, const char *method, struct client_pair pair,
                           const ProtobufCMessage *message, enum follow_kind kind,
                           struct follow_answer *answer);

/* A C string as a bytes field; nothing is copied. */
ProtobufCBinaryData wire_bytes(const char *text);

/* What an answer says of the members, in order of their ids; nodes and configs over the limits are
 * left out. NULL gives an empty membership. */
void wire_membership(const Openraftpb__Membership *from, struct rkv_membership *to);

/* What a node is in *m: "voter", "learner", or of a joint membership "joining" and "leaving". */
const char *wire_role(const struct rkv_membership *m, rkv_node_id id);

#define WIRE_VALUE_MAX 512 /* bytes of a metric, its NUL included; what is longer is cut */

/* A metric as people see it: OpenRaft's names for places in the log (last_log, last_applied,
 * snapshot, purged) count from 0, Raft from 1. Of "T.N" N is counted on. */
void wire_count(const char *name, const char *value, size_t len, char *out, size_t size);

#endif
