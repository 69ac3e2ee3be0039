/* holders.h: which voters hold the log that their votes rest on, as far as this node knows. A voter
 * that came back without its storage, or with an older one, does not: it has no vote before a
 * leader has made it a voter again (tend.c). */
#ifndef NODE_HOLDERS_H
#define NODE_HOLDERS_H

#include <rkv/membership.h>

struct node;

#define HOLDERS_TEXT_MAX 256 /* bytes of a list of nodes, its NUL included */

struct holders {
  bool majority;                   /* of every config holds its log and answers */
  bool possible;                   /* likewise, if the voters that do not answer hold theirs */
  struct rkv_config_set lost;      /* voters that came back and do not hold it */
  struct rkv_config_set silent;    /* other voters that did not answer */
  struct rkv_config_set returning; /* who answers, and is to be made a voter again */
};

/* By what the members said when they were asked last. `without`: this voter counts as gone; 0: none
 * does. */
void holders_look(struct node *n, rkv_node_id without, struct holders *out);
/* "node 2", "nodes 2, 3"; what has no room is left out. */
void holders_list(const struct rkv_config_set *ids, char text[HOLDERS_TEXT_MAX]);
/* This node hears no leader: logs whose storage is needed to have one, if one lost it; at most one
 * line in NODE_QUIET_NS. */
void holders_tell(struct node *n);

#endif
