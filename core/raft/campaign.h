/* campaign.h: candidacy (paper 5.2). */
#ifndef RAFT_CAMPAIGN_H
#define RAFT_CAMPAIGN_H

#include <raft/state.h>

/* Asks for votes in the next term. `transfer`: the voters owe the present leader no lease. */
void raft_campaign(struct raft *r, struct raft_now now, bool transfer);
/* The leader has a rival (raft_check_rival): whoever follows that one takes no append of this term.
 * A later term is above both. */
void raft_outbid(struct raft *r, struct raft_now now);
/* SEND_VOTE or SEND_PRE_VOTE to every other voter. */
void raft_ask_voters(struct raft *r, enum raft_output_type type, struct rkv_vote vote,
                     bool transfer);
/* Counts one voter once; true if the voters that granted are a quorum. */
bool raft_grants_add(const struct raft *r, struct raft_grants *grants, rkv_node_id voter);

#endif
