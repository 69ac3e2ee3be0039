/* acceptor.h: takes connections in place of the core.
 *
 * The core 1.51 gives its listener up for good when accept() once finds no descriptor, and knows no
 * limit of connections. So a thread of our own accepts, judges (connections.h), and hands the
 * descriptor to the core.
 *
 * (D1) Handed over is only what a server that was started and not yet shut down may get: between
 *      acceptor_start and acceptor_stop.
 * (D2) The thread never waits but in poll() for what can end it: acceptor_stop always returns. */
#ifndef TRANSPORT_ACCEPTOR_H
#define TRANSPORT_ACCEPTOR_H

#include "runtime.h"

/* Descriptors that connections leave to the node itself: its files, its calls to peers. */
#define ACCEPTOR_RESERVE 128

struct acceptor;

/* The core's own object that takes a descriptor; the core fills in a pointer to it. */
struct acceptor_door;

/* The channel argument that a server must be made with; *door outlives the server. */
grpc_arg acceptor_arg(struct acceptor_door **door);

/* Listens at `addr`, and has `core`, made with acceptor_arg(door), await what will be accepted.
 * Blocks while the name is resolved. *out is the caller's to free after an error too. Errors:
 * RKV_ADDRESS, RKV_INVALID (with the remedy), RKV_NO_MEMORY, RKV_BROKEN (another core than
 * 1.51). */
enum rkv_status acceptor_open(struct transport *t, grpc_server *core, struct acceptor_door **door,
                              struct acceptor **out, struct rkv_error *error);

/* After grpc_server_start. Errors: RKV_NO_MEMORY. */
enum rkv_status acceptor_start(struct acceptor *a, struct rkv_error *error);
/* Nothing is accepted afterwards; the port is free. May be called again, and with NULL. */
void acceptor_stop(struct acceptor *a);
/* Ends all connections that were taken. */
void acceptor_hang_up(struct acceptor *a);
/* After acceptor_stop; may be called with NULL. */
void acceptor_free(struct acceptor *a);

#endif
