/* ask.h: makes one call and waits for its answer. */
#ifndef BENCH_ASK_H
#define BENCH_ASK_H

#include "client.h"

#define ASK_TIMEOUT_MS 1000
#define ASK_ANSWER_MAX 65536 /* bytes of an answer */

struct ask_answer {
  int code; /* gRPC status */
  char text[CLIENT_TEXT_MAX];
  size_t size;
  uint8_t data[ASK_ANSWER_MAX];
};

/* True if the endpoint answered OK. */
bool ask(struct client *client, const char *endpoint, const char *path, const void *request,
         size_t size, struct ask_answer *answer);

#endif
