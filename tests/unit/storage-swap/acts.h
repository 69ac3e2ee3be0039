/* acts.h: a node on storage-wal in rig.first, and what it asks its host for when it moves. */
#ifndef STORAGE_SWAP_ACTS_H
#define STORAGE_SWAP_ACTS_H

#include "rig.h"

#define ALLOWED "swap_storage = true"

extern struct rig rig;
extern struct rig_node node;

/* Of a test: the node is open, and may swap its storage. */
int swap_begin(void **state);
int swap_end(void **state);
/* Opens the node, with `more` in its section [node]. */
void open_with(const char *more);

/* A checksum of the places beside the node's own, where a thread of its storage is at work. */
uint64_t beside(void);

/* In `dir`; NULL: without a setting. Valid until the next one. */
struct node_swap_request request_to(const char *plugin, const char *dir);
enum rkv_status asks(const struct node_swap_request *request, const struct node_storage **out,
                     struct rkv_error *error);

/* Refused, and nothing is left behind. */
void refuses_request(const struct node_swap_request *request, enum rkv_status status,
                     const char *said);
void refuses(const char *plugin, const char *dir, enum rkv_status status, const char *said);
/* storage-wal in a place of which `beside` tells nothing, since the node stands there. */
void refuses_at(const char *dir, const char *said);

const struct node_storage *opens(const char *plugin, const char *dir);
void drops(void);
void moves(void);

/* Whether the metrics hold this text. */
void shows(const char *metric, bool shown);

#endif
