/* admin.h: what only operators ask, by the method's name (rkv/admin.h). */
#ifndef NODE_ADMIN_H
#define NODE_ADMIN_H

#include <rkv/admin.h>

struct node;

/* Reads the request and hands it in as the call that it stands for; ends what cannot be read, or is
 * not known. Any thread. */
void admin_ask(struct node *n, struct rkv_admin_call *call);

#endif
