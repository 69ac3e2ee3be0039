/* doorstep.c: what a connection says first. */
#include "doorstep.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MS_NS UINT64_C(1000000)

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_LEN (sizeof preface - 1)

/* One byte tells as well as all: what follows it, if it is another's, the core refuses. */
enum doorstep_state doorstep_look(const struct doorstep_guest *guest, uint64_t now_ns) {
  char said[PREFACE_LEN];
  ssize_t got = recv(guest->fd, said, sizeof said, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return memcmp(said, preface, (size_t)got) == 0 ? DOORSTEP_BEGUN : DOORSTEP_STRANGE;
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) return DOORSTEP_GONE;
  return now_ns < guest->until_ns ? DOORSTEP_WAITS : DOORSTEP_SILENT;
}

int doorstep_patience_ms(const struct doorstep_guest *guests, unsigned count, uint64_t now_ns) {
  uint64_t first = UINT64_MAX;
  for (unsigned i = 0; i < count; i++)
    if (guests[i].until_ns < first) first = guests[i].until_ns;
  if (count == 0) return -1;
  if (first <= now_ns) return 0;
  /* Rounded up, so that it is over then; a guest waits DOORSTEP_WAIT_NS at most. */
  return (int)((first - now_ns + MS_NS - 1) / MS_NS);
}
