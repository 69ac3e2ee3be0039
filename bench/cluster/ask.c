/* ask.c: makes one call and waits for its answer. */
#include "ask.h"

#include <grpc/status.h>

#include <stdio.h>
#include <string.h>

struct waiting {
  bool done;
  struct ask_answer *answer;
};

static void on_reply(void *ctx, const struct client_reply *reply) {
  struct waiting *waiting = ctx;
  struct ask_answer *answer = waiting->answer;
  waiting->done = true;
  answer->code = reply->code;
  memcpy(answer->text, reply->text, sizeof answer->text);
  if (reply->code != GRPC_STATUS_OK || reply->size == 0) return;
  if (reply->size > ASK_ANSWER_MAX) {
    answer->code = GRPC_STATUS_OUT_OF_RANGE;
    return;
  }
  memcpy(answer->data, reply->data, reply->size);
  answer->size = reply->size;
}

bool ask(struct client *client, const char *endpoint, const char *path, const void *request,
         size_t size, struct ask_answer *answer) {
  struct waiting waiting = {.done = false, .answer = answer};
  struct client_channel *channel = client_connect(client, endpoint);
  uint64_t deadline = client_now_ms() + ASK_TIMEOUT_MS;
  answer->code = GRPC_STATUS_UNAVAILABLE;
  answer->size = 0;
  (void)snprintf(answer->text, sizeof answer->text, "%s: no connection", endpoint);
  if (channel && client_wait_ready(channel, deadline) &&
      client_start(channel, path, request, size, deadline, on_reply, &waiting) == RKV_OK)
    while (!waiting.done) client_poll(client, UINT64_MAX);
  client_disconnect(channel);
  return answer->code == GRPC_STATUS_OK;
}
