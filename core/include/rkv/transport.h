/* rkv/transport.h: the operations of a transport, the plugin that owns the wire, and the node's
 * table it calls.
 *
 * Outbound the node asks peers through struct rkv_transport_ops; inbound the transport hands what
 * it received to the node through struct rkv_node_api. Both use the calls of rkv/call.h. A
 * transport never looks inside a command, a query or an answer.
 *
 * The transport alone knows of message limits: the transport splits an append that a peer refuses
 * as too large, and sends the parts until they fit. It remembers the limit that it learned of each
 * peer. The node sees one answer for one call. */
#ifndef RKV_TRANSPORT_H
#define RKV_TRANSPORT_H

#include <rkv/admin.h>
#include <rkv/call.h>
#include <rkv/plugin.h>
#include <rkv/swap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The node as a transport sees it. Valid from open until stop has returned. Every function: any
 * thread, never blocks, calls may overlap. Each function but kick hands in one call, which is
 * answered by its done (contract: call.h); a full inbox answers RKV_FULL at once. The node works on
 * what was handed in, and on outbound calls that were answered, only when kick is called: a thread
 * that has handed in and answered all that it had ready calls kick once. */
struct rkv_node_api {
  uint32_t struct_size;
  uint32_t reserved;
  void *ctx; /* first argument of every function below */

  void (*vote)(void *ctx, struct rkv_vote_call *call);
  void (*append)(void *ctx, struct rkv_append_call *call);

  /* A stream is handed in once its meta has arrived as a whole and was decoded; until then it takes
   * room from no other stream. A stream that stands still does not keep its sender's next stream
   * out. A newer offer that the node takes ends the stream before it: the next step of the older
   * stream ends with RKV_ABORTED. */
  void (*snapshot_begin)(void *ctx, struct rkv_snapshot_call *call);
  void (*snapshot_write)(void *ctx, struct rkv_snapshot_call *call);
  /* The stream was whole: the snapshot is installed. */
  void (*snapshot_finish)(void *ctx, struct rkv_snapshot_call *call);
  /* The stream was not whole: nothing is installed. */
  void (*snapshot_abort)(void *ctx, struct rkv_snapshot_call *call);

  void (*propose)(void *ctx, struct rkv_propose_call *call);
  void (*query)(void *ctx, struct rkv_query_call *call);
  void (*init)(void *ctx, struct rkv_init_call *call);
  void (*add_learner)(void *ctx, struct rkv_membership_call *call);
  void (*change_membership)(void *ctx, struct rkv_membership_call *call);
  void (*metrics)(void *ctx, struct rkv_metrics_call *call);

  /* Runs the node's loop on this thread unless another thread is running it. Never waits. May call
   * done of any call. Must not be called inside a done; handing calls in is allowed there. */
  void (*kick)(void *ctx);

  void (*pre_vote)(void *ctx, struct rkv_vote_call *call);
  void (*timeout_now)(void *ctx, struct rkv_timeout_now_call *call);
  void (*read_index)(void *ctx, struct rkv_read_index_call *call);
  void (*transfer)(void *ctx, struct rkv_transfer_call *call);
  void (*snapshot_now)(void *ctx, struct rkv_snapshot_now_call *call);
  void (*hello)(void *ctx, struct rkv_hello_call *call);
  /* Since 1.2: a transport looks at struct_size before it calls these two. */
  void (*remove)(void *ctx, struct rkv_membership_call *call);
  void (*set_address)(void *ctx, struct rkv_membership_call *call);
  /* Since 1.4, likewise. */
  void (*swap_storage)(void *ctx, struct rkv_swap_call *call);
  /* Since 1.5, likewise. */
  void (*admin)(void *ctx, struct rkv_admin_call *call);
};

/* The node that a connection leads to, and what its requests carry (struct rkv_envelope). */
struct rkv_peer_info {
  rkv_node_id id;
  const char *addr; /* HOST:PORT, borrowed */
  uint64_t incarnation;
  struct rkv_cluster_id cluster;
  uint64_t from_incarnation; /* since 1.1: the asking node's own; its id is rkv_host.node_id */
};

struct rkv_transport_ops {
  /* Makes an instance and binds the node's address (rkv_host.node_addr), but answers nothing yet.
   * May block. Errors: RKV_ADDRESS if the address is in use or not of this machine, RKV_INVALID if
   * it is not HOST:PORT. */
  enum rkv_status (*open)(const struct rkv_host *host, const struct rkv_config *config,
                          const struct rkv_node_api *node, void **transport,
                          struct rkv_error *error);

  /* Starts to serve: from now on the node's table is called. The node is ready. */
  enum rkv_status (*start)(void *transport, struct rkv_error *error);

  /* Ends service: no new inbound call is handed in, inbound calls that wait for the node still get
   * their answer, new requests are refused as RKV_UNAVAILABLE; outbound calls end (RKV_CANCELLED if
   * need be). When it returns, no call of either direction is open and the node's table is not
   * called any more. May block, at most `grace_ns` + 1 s; after grace_ns inbound calls are broken
   * off towards the client, but their done is still awaited. */
  void (*stop)(void *transport, uint64_t grace_ns);

  /* Ends the instance, after stop (or instead of start), and with it each connection that is still
   * open: its handle must not be used afterwards. May block. */
  void (*close)(void *transport);

  /* Makes a lasting connection to a peer; connects when first needed and again, with capped
   * backoff, after a break. Never blocks, never fails because the peer is away. Every request on it
   * carries *info as its envelope (hello since 1.2; the node at the address answers a hello all the
   * same). Several connections to one peer may be open. Errors: RKV_INVALID for an address that
   * cannot be dialled. Called by the node's loop, like all that follows. */
  enum rkv_status (*peer_open)(void *transport, const struct rkv_peer_info *info, void **peer,
                               struct rkv_error *error);

  /* Ends the connection; calls in flight on it end with RKV_CANCELLED before or after this returns,
   * each once. A snapshot stream between two steps ends without a call of done. The handle must not
   * be used afterwards. Never blocks. */
  void (*peer_close)(void *peer);

  /* Ask the peer. Never block. Any number of calls may overlap. Appends with entries are delivered
   * to one peer in the order of the calls; an append without entries may overtake them.
   * RKV_UNAVAILABLE, RKV_TIMEOUT: no answer came; the peer may have done what was asked.
   * RKV_INVALID: the peer refused it. send_append: RKV_TOO_LARGE only if a single entry can never
   * fit; `matched` then tells what was stored before it (it is an answer field with this status
   * too), and the error text names index, size and the peer's limit. */
  void (*send_vote)(void *peer, struct rkv_vote_call *call);
  void (*send_append)(void *peer, struct rkv_append_call *call);

  /* The steps of struct rkv_snapshot_call towards a peer; snapshot_abort breaks the stream so that
   * the receiver installs nothing. RKV_TOO_LARGE: a chunk was over the peer's limit, which the
   * transport knows now: begin again and obey chunk_max. */
  void (*send_snapshot_begin)(void *peer, struct rkv_snapshot_call *call);
  void (*send_snapshot_write)(void *peer, struct rkv_snapshot_call *call);
  void (*send_snapshot_finish)(void *peer, struct rkv_snapshot_call *call);
  void (*send_snapshot_abort)(void *peer, struct rkv_snapshot_call *call);

  /* Requests that only nodes of this project know. RKV_UNIMPLEMENTED: the peer does not know it. */
  void (*send_pre_vote)(void *peer, struct rkv_vote_call *call);
  void (*send_timeout_now)(void *peer, struct rkv_timeout_now_call *call);
  void (*send_read_index)(void *peer, struct rkv_read_index_call *call);
  void (*send_hello)(void *peer, struct rkv_hello_call *call);

  /* Since 1.5, each may be NULL: this transport does not carry that call. What a client asks of the
   * node at the other end: the calls of struct rkv_node_api, in the other direction. They come
   * from a client and not from a member: no envelope goes with them. Never block. Any number may
   * overlap, and may arrive in any order.
   *   Statuses. What the node said arrives as it is said: RKV_INVALID, NOT_LEADER (with
   * leader_addr), NOT_FOUND, TOO_LARGE, FULL, PRECONDITION, ABORTED, UNAVAILABLE, TIMEOUT,
   * UNIMPLEMENTED. In place of another status one may come that promises no more of what was done
   * (call.h). Here RKV_UNAVAILABLE, unlike of the requests above, says that nothing was done: of a
   * request that may have left and was not answered the transport says RKV_ABORTED, after the
   * deadline RKV_TIMEOUT, after peer_close or stop RKV_CANCELLED. RKV_UNIMPLEMENTED also: the peer
   * does not know the call.
   *   Fields. An answer field that the wire has no room for comes as none or 0: `id` of
   * send_propose may. Request fields all arrive. */
  void (*send_propose)(void *peer, struct rkv_propose_call *call);
  void (*send_query)(void *peer, struct rkv_query_call *call);
  void (*send_init)(void *peer, struct rkv_init_call *call);
  void (*send_add_learner)(void *peer, struct rkv_membership_call *call);
  void (*send_change_membership)(void *peer, struct rkv_membership_call *call);
  void (*send_remove)(void *peer, struct rkv_membership_call *call);
  void (*send_set_address)(void *peer, struct rkv_membership_call *call);
  void (*send_transfer)(void *peer, struct rkv_transfer_call *call);
  void (*send_snapshot_now)(void *peer, struct rkv_snapshot_now_call *call);
  void (*send_metrics)(void *peer, struct rkv_metrics_call *call);
  void (*send_admin)(void *peer, struct rkv_admin_call *call);
};

#ifdef __cplusplus
}
#endif
#endif
