/* odd.h: what is odd about this node itself, as far as the node can see: logged when it begins, and
 * told in the metrics. Only one oddity has a consequence: a request that comes under this node's
 * own id is refused. */
#ifndef NODE_ODD_H
#define NODE_ODD_H

#include <rkv/call.h>

struct node;

struct oddities {
  bool addr_differs; /* this node serves at another address than its membership says */
  bool not_durable;  /* this node has peers, and a storage that forgets */
  /* this node came back without the storage of the member that it is: it has no vote */
  bool lost_storage;
  /* requests under this node's own id, and addresses where another node than the member answers */
  uint64_t id_clashes;
  uint64_t quiet_ns; /* when the next clash may be logged */
};

/* A membership came into force. */
void odd_look(struct node *n, const struct rkv_membership *membership);
/* RKV_FOREIGN if a peer's request comes under this node's own id, as its sender's or in the vote
 * that it carries (NULL: none). The text goes to *error, which may be NULL. */
enum rkv_status odd_check_sender(struct node *n, const struct rkv_call *call,
                                 const struct rkv_vote *vote, struct rkv_error *error);
/* The node at the address of member `id` answered with the id `said`: counts and logs it if they
 * differ. */
void odd_note_answer(struct node *n, rkv_node_id id, const char *addr, rkv_node_id said);
/* Ends a request that comes under this node's own id; false: it does not. */
bool odd_refuses(struct node *n, struct rkv_call *call, const struct rkv_vote *vote);

#endif
