/* api.h: the table that the transport calls. */
#ifndef NODE_API_H
#define NODE_API_H

#include <node/kernel/state.h>

void api_make(struct node *n);

#endif
