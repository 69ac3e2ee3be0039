/* odd.h: what is odd about this node itself, as far as it can see: told in its log when it begins,
 * and in its metrics. Nothing here decides anything but that nobody speaks for this node to it. */
#ifndef NODE_ODD_H
#define NODE_ODD_H

#include <rkv/call.h>

struct node;

struct oddities {
  bool addr_differs;   /* it serves at another address than its membership says */
  bool not_durable;    /* it has peers, and a storage that forgets */
  uint64_t id_clashes; /* others said to be this node, or stood where another one should */
  uint64_t quiet_ns;   /* when the next of them may be logged */
};

/* A membership came into force. */
void odd_look(struct node *n, const struct rkv_membership *membership);
/* A peer's request, with the vote that it carries (NULL: not asked): RKV_FOREIGN, with text, if it
 * comes under this node's own id. */
enum rkv_status odd_check_sender(struct node *n, const struct rkv_call *call,
                                 const struct rkv_vote *vote, struct rkv_error *error);
/* Who stands at the address of member `id` said to be another one. */
void odd_note_answer(struct node *n, rkv_node_id id, const char *addr, rkv_node_id said);
/* Refuses such a request; true if it did: the call has ended. */
bool odd_refuses(struct node *n, struct rkv_call *call, const struct rkv_vote *vote);

#endif
