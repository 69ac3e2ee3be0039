/* peer.h: the client half: asks peers. peers_* are called by runtime.c around the life of the
 * instance; peer_* are the operations of rkv/transport.h. */
#ifndef TRANSPORT_PEER_H
#define TRANSPORT_PEER_H

#include "connections.h"
#include "runtime.h"

/* Inside open, after the queue exists: sets t->peers, adds ticks, registers metrics. */
enum rkv_status peers_open(struct transport *t, struct rkv_error *error);

/* Inside stop, after outbound was closed: cancels every call in flight, on any thread; their ends
 * come as events on the poller. Never blocks: runtime waits for the count of outbound calls. */
void peers_cancel(struct transport *t);

/* True while a channel waits for its peer's first words; runtime waits a while for that to end,
 * with the poller running (P5 of peer_parts.h). Any thread, between open and close. */
bool peers_connecting(struct transport *t);

/* Does a peer live at this address? Of one that has a name that is known from its last answer. Any
 * thread, between open and close. */
bool peers_live_at(struct transport *t, struct connections_owner owner);

/* Inside close (also after a failed open, also if peers_open was never called): no call is open,
 * the poller is gone, the queue still exists. Frees peers and channels that were not closed. */
void peers_close(struct transport *t);

enum rkv_status peer_open(void *transport, const struct rkv_peer_info *info, void **peer,
                          struct rkv_error *error);
void peer_close(void *peer);
void peer_send_vote(void *peer, struct rkv_vote_call *call);
void peer_send_append(void *peer, struct rkv_append_call *call);
void peer_send_snapshot_begin(void *peer, struct rkv_snapshot_call *call);
void peer_send_snapshot_write(void *peer, struct rkv_snapshot_call *call);
void peer_send_snapshot_finish(void *peer, struct rkv_snapshot_call *call);
void peer_send_snapshot_abort(void *peer, struct rkv_snapshot_call *call);
void peer_send_pre_vote(void *peer, struct rkv_vote_call *call);
void peer_send_timeout_now(void *peer, struct rkv_timeout_now_call *call);
void peer_send_read_index(void *peer, struct rkv_read_index_call *call);
void peer_send_hello(void *peer, struct rkv_hello_call *call);
/* As a client (peer_client.c). */
void peer_send_propose(void *peer, struct rkv_propose_call *call);
void peer_send_query(void *peer, struct rkv_query_call *call);
void peer_send_init(void *peer, struct rkv_init_call *call);
void peer_send_add_learner(void *peer, struct rkv_membership_call *call);
void peer_send_change_membership(void *peer, struct rkv_membership_call *call);
void peer_send_remove(void *peer, struct rkv_membership_call *call);
void peer_send_set_address(void *peer, struct rkv_membership_call *call);
void peer_send_transfer(void *peer, struct rkv_transfer_call *call);
void peer_send_snapshot_now(void *peer, struct rkv_snapshot_now_call *call);
void peer_send_metrics(void *peer, struct rkv_metrics_call *call);
void peer_send_admin(void *peer, struct rkv_admin_call *call);

#endif
