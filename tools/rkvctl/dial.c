/* dial.c: attempts to connect, and what is said when they fail. */
#include "dial.h"

#include "probe.h"

#include <stdio.h>
#include <time.h>

static void pause_before_next(void) {
  const struct timespec time = {.tv_sec = 0, .tv_nsec = DIAL_PAUSE_MS * 1000000L};
  (void)nanosleep(&time, NULL);
}

bool dial_again(const struct client *client, const char *endpoint, unsigned attempts,
                uint64_t deadline_ms, char *out, size_t size) {
  if (!probe_connects(endpoint)) {
    (void)snprintf(out, size, "no connection (does a node listen there?)");
    return false;
  }
  if (attempts < DIAL_ATTEMPTS && client_now_ms() + DIAL_PAUSE_MS < deadline_ms) {
    pause_before_next();
    return true;
  }
  (void)snprintf(out, size,
                 "something takes connections there, but did not speak %s when it was asked to "
                 "(another program's port? a node that hangs, or takes no more connections?)",
                 client_way_name(client));
  return false;
}

struct client_channel *dial(struct client *client, const char *endpoint, uint64_t deadline_ms,
                            char *out, size_t size) {
  unsigned attempts = 0;
  do {
    struct client_channel *channel = client_connect(client, endpoint);
    if (channel && client_wait_ready(channel, deadline_ms)) return channel;
    client_disconnect(channel);
  } while (dial_again(client, endpoint, ++attempts, deadline_ms, out, size));
  return NULL;
}
