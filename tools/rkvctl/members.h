/* members.h: how memberships are printed. */
#ifndef RKVCTL_MEMBERS_H
#define RKVCTL_MEMBERS_H

#include "wire.h"

void members_print_json(const struct rkv_membership *m);

/* Prints the membership that a change led to, and its entry's id; either may be NULL. */
void members_print_change(const struct session *session, const Openraftpb__LogId *id,
                          const Openraftpb__Membership *membership);

#endif
