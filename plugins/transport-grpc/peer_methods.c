/* peer_methods.c: what each method is called on the wire. */
#include "peer_parts.h"

const char *const peer_paths[PEER_METHODS] = {
    [PEER_VOTE] = "/openraftpb.RaftService/Vote",
    [PEER_APPEND] = "/openraftpb.RaftService/AppendEntries",
    [PEER_SNAPSHOT] = "/openraftpb.RaftService/Snapshot",
    [PEER_PRE_VOTE] = "/rkv.v1.Peer/PreVote",
    [PEER_TIMEOUT_NOW] = "/rkv.v1.Peer/TimeoutNow",
    [PEER_READ_INDEX] = "/rkv.v1.Peer/ReadIndex",
    [PEER_HELLO] = "/rkv.v1.Peer/Hello",
    [PEER_STREAM_APPEND] = "/openraftpb.RaftService/StreamAppend",
    [PEER_PROPOSE] = "/openraftpb.AppService/Set",
    [PEER_QUERY] = "/openraftpb.AppService/Get",
    [PEER_INIT] = "/openraftpb.AppService/Init",
    [PEER_ADD_LEARNER] = "/openraftpb.AppService/AddLearner",
    [PEER_CHANGE_MEMBERSHIP] = "/openraftpb.AppService/ChangeMembership",
    [PEER_REMOVE] = "/rkv.v1.Admin/Remove",
    [PEER_SET_ADDRESS] = "/rkv.v1.Admin/SetAddress",
    [PEER_TRANSFER] = "/rkv.v1.Admin/TransferLeader",
    [PEER_SNAPSHOT_NOW] = "/rkv.v1.Admin/TriggerSnapshot",
    [PEER_METRICS] = "/openraftpb.AppService/Metrics",
    [PEER_ADMIN] = "/rkv.v1.Admin/Call",
};
