/* broken_clients.h: faults in what clients ask through a transport broken on purpose. */
#ifndef CONTRACT_BROKEN_CLIENTS_H
#define CONTRACT_BROKEN_CLIENTS_H

#include "broken_transport.h"

#include "../transport.h"

/* Puts the fault into a call, a copy, that leaves. */
void broken_client_spoil(struct broken_peer *peer, enum call_kind kind, union any_call *call);
/* Puts it into the answer. False: the caller is never told. */
bool broken_client_back(struct broken_peer *peer, enum call_kind kind, union any_call *call,
                        enum rkv_status *status, struct rkv_error *error);

#endif
