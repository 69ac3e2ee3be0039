/* service.h: what the services share: how their calls go to the node, and how they end. */
#ifndef TRANSPORT_SERVICE_H
#define TRANSPORT_SERVICE_H

#include "server.h"

/* True: the request was understood, and `done` ends the call. False: the call has been refused. */
bool service_begin(struct unary *u, enum rkv_status status, const struct rkv_error *error,
                   void (*done)(struct rkv_call *call, enum rkv_status status,
                                const struct rkv_error *error));

/* The end of all that answers an empty message. */
void service_empty_done(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error);

/* The end of Vote and PreVote. */
void service_vote_done(struct rkv_call *call, enum rkv_status status,
                       const struct rkv_error *error);

/* The end of what changes the members; `encode` is of the answer's message. */
void service_members_done(struct rkv_call *call, enum rkv_status status,
                          const struct rkv_error *error,
                          enum rkv_status (*encode)(struct rkv_log_id id, struct rkv_buf membership,
                                                    grpc_slice *out, struct rkv_error *error));

#endif
