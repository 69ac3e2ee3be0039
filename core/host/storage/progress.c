/* progress.c: one line that is written over, as wide as the terminal lets it be. */
#include <host/storage/progress.h>

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SHOW_NS UINT64_C(200000000) /* between two looks of the line */
#define SECOND_NS UINT64_C(1000000000)
enum {
  BAR_MAX = 30, /* characters */
  BAR_MIN = 5,  /* a shorter one is left out */
  USUAL_COLUMNS = 80,
  LINE_MAX = 256
};

static uint64_t progress_now_ns(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void progress_init(struct progress *p, FILE *out) {
  *p = (struct progress){.out = out, .shown = isatty(fileno(out)) == 1};
}

void progress_begin(struct progress *p, const char *what, enum progress_unit unit, uint64_t total) {
  p->what = what;
  p->unit = unit;
  p->total = total;
  p->done = p->from = 0;
  p->began_ns = p->next_ns = progress_now_ns();
}

void progress_join(struct progress *p, uint64_t done) {
  p->done = p->from = done;
}

/* A line that fills the last column would be broken by some terminals. */
static int width_of(const struct progress *p) {
  struct winsize size = {0};
  int columns = ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  if (columns == 0) columns = USUAL_COLUMNS;
  return columns < LINE_MAX ? columns - 1 : LINE_MAX - 1;
}

static const char *amount(const struct progress *p, double count, char out[32]) {
  if (p->unit == PROGRESS_BYTES)
    (void)snprintf(out, 32, "%.1f MiB", count / (1 << 20));
  else
    (void)snprintf(out, 32, "%.0f", count);
  return out;
}

static void progress_show(const struct progress *p, uint64_t now) {
  const double part = (double)p->done / (double)p->total;
  const double rate = (double)(p->done - p->from) * (double)SECOND_NS /
                      (double)(now > p->began_ns ? now - p->began_ns : 1);
  char line[LINE_MAX], numbers[LINE_MAX / 2], total[32], speed[32], bar[BAR_MAX + 4] = "";
  int width = width_of(p), room;
  (void)snprintf(numbers, sizeof numbers, "%3.0f%% of %s, %s/s", part * 100,
                 amount(p, (double)p->total, total), amount(p, rate, speed));
  room = width - (int)strlen(p->what) - (int)strlen(numbers) - 4;
  if (room > BAR_MAX) room = BAR_MAX;
  if (room >= BAR_MIN) {
    memset(bar, '.', sizeof bar - 1);
    memset(bar + 1, '#', (size_t)(part * room));
    bar[0] = '[';
    (void)snprintf(bar + room + 1, sizeof bar - (size_t)room - 1, "] ");
  }
  (void)snprintf(line, sizeof line, "%s %s%s", p->what, bar, numbers);
  (void)fprintf(p->out, "\r\033[K%.*s", width, line);
  (void)fflush(p->out);
}

void progress_add(struct progress *p, uint64_t more) {
  uint64_t now = p->shown ? progress_now_ns() : 0;
  p->done += more;
  if (!p->shown || now < p->next_ns || p->total == 0) return;
  p->next_ns = now + SHOW_NS;
  progress_show(p, now);
}

void progress_end(struct progress *p) {
  if (!p->shown) return;
  (void)fputs("\r\033[K", p->out);
  (void)fflush(p->out);
}
