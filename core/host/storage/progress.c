/* progress.c: one line that is written over. */
#include <host/storage/progress.h>

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#define SHOW_NS UINT64_C(200000000) /* between two looks of the line */
#define SECOND_NS UINT64_C(1000000000)
enum { BAR = 30 }; /* characters */

static uint64_t now_ns(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void progress_init(struct progress *p, FILE *out) {
  *p = (struct progress){.out = out, .shown = isatty(fileno(out)) == 1};
}

void progress_begin(struct progress *p, const char *what, uint64_t total) {
  p->what = what;
  p->total = total;
  p->done = 0;
  p->began_ns = p->next_ns = now_ns();
}

void progress_add(struct progress *p, uint64_t more) {
  char bar[BAR + 1];
  uint64_t now = p->shown ? now_ns() : 0, rate, filled;
  p->done += more;
  if (!p->shown || now < p->next_ns || p->total == 0) return;
  p->next_ns = now + SHOW_NS;
  filled = (uint64_t)((double)p->done / (double)p->total * BAR);
  for (uint64_t i = 0; i < BAR; i++) bar[i] = i < filled ? '#' : '.';
  bar[BAR] = '\0';
  rate = (uint64_t)((double)p->done * (double)SECOND_NS / (double)(now - p->began_ns + 1));
  (void)fprintf(p->out, "\r%-20s [%s] %" PRIu64 " of %" PRIu64 ", %" PRIu64 "/s\033[K", p->what,
                bar, p->done, p->total, rate);
  (void)fflush(p->out);
}

void progress_end(struct progress *p) {
  if (!p->shown) return;
  (void)fputs("\r\033[K", p->out);
  (void)fflush(p->out);
}
