/* addresses.h: whether the addresses of members make sense together. A proposed membership with a
 * wrong address is refused; a membership that is in the log already is taken, with a warning. */
#ifndef NODE_ADDRESSES_H
#define NODE_ADDRESSES_H

#include <rkv/membership.h>

/* True if both texts are the same host and port: as bytes if they are IP addresses, else without
 * regard to case. Names are not resolved. */
bool addresses_equal(const char *a, const char *b);

/* Refuses an address that leads nowhere (0.0.0.0, [::], *) and one that two members have.
 * Errors: RKV_INVALID. */
enum rkv_status addresses_check(const struct rkv_membership *m, struct rkv_error *error);

/* Checks the address of one member against all others. Two other members may have one address. */
enum rkv_status addresses_check_one(const struct rkv_membership *m, rkv_node_id id,
                                    struct rkv_error *error);

#endif
