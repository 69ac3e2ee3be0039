/* recover.h: what is read before the node begins. */
#ifndef NODE_RECOVER_H
#define NODE_RECOVER_H

#include <node/kernel/state.h>

enum rkv_status recover_all(struct node *n, struct rkv_error *error);

#endif
