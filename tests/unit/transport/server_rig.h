/* server_rig.h: what most server_*_test.c begin with: one transport over a fake node, one client of
 * it; a stream that the story has under way, and how its last call ended. */
#ifndef SERVER_RIG_H
#define SERVER_RIG_H

#include "server_client.h"
#include "server_harness.h"

extern struct fake f;
extern struct client c;
extern struct call stream;
extern struct outcome out;

/* Opens, starts and dials, with option texts as fake_open takes them. */
void rig_begin(const char *const *set);
/* cmocka fixtures: begin without options; the end. */
int begin_plain(void **state);
int end(void **state);

/* Sends one message; a stream that is dead shows it in its status. */
void call_send_hex(struct call *call, const char *hex);
/* Likewise over `stream`. */
void send_hex(const char *hex);
/* The next message of `stream` has these bytes. */
void expect_answer(const char *hex);
/* Waits for the call's end, which has this code and a text with these words (NULL: any). */
void ends_with(struct call *call, grpc_status_code code, const char *words);
/* The answer in `out` has these bytes. */
void assert_answer(const char *hex);

#endif
