/* screen.c: draws the line. */
#include "screen.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  COLUMNS = 80,     /* where the terminal does not say */
  LINE_BYTES = 256, /* bytes of the line */
  GUESS_MS = 2000,  /* no guess before */
  MINUTE_S = 60
};

#define TO_BEGIN "\r\x1b[K" /* the cursor goes to the line's begin, and what stood there is gone */

void screen_begin(struct screen *screen, FILE *out) {
  int fd = fileno(out);
  *screen = (struct screen){fd >= 0 && isatty(fd) ? out : NULL, contract_now_ms(), false};
}

void screen_clear(struct screen *screen) {
  if (screen->shown) (void)fputs(TO_BEGIN, screen->out);
  screen->shown = false;
}

/* What the laws of a run come to. Weights are seconds that they may take. */
struct count {
  size_t over;
  uint64_t weight_over, weight_left, took_ms;
};

/* Milliseconds that are left: what the laws to come need if they are like those that are over, side
 * by side, and what those that run need. Who runs for longer than that is taken to need half as
 * long again. */
static uint64_t guess_ms(const struct count *n, const struct run *runs, size_t places) {
  uint64_t longest = 0, coming = n->weight_left, weight = n->weight_over ? n->weight_over : 1;
  for (size_t i = 0; i < places; i++) {
    uint64_t elapsed, needs;
    if (runs[i].pid == 0) continue;
    coming -= runs[i].law->seconds;
    elapsed = contract_now_ms() - runs[i].began_ms;
    needs = n->took_ms * runs[i].law->seconds / weight;
    needs = needs > elapsed + elapsed / 2 ? needs - elapsed : elapsed / 2;
    if (needs > longest) longest = needs;
  }
  return longest + n->took_ms * coming / weight / places;
}

static size_t columns_of(FILE *out) {
  struct winsize size = {0};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return COLUMNS;
  return size.ws_col;
}

static size_t put_left(char *line, size_t room, uint64_t left_s) {
  const char *unit = left_s < UINT64_C(2) * MINUTE_S ? "s" : "min";
  uint64_t number = left_s < UINT64_C(2) * MINUTE_S ? left_s : left_s / MINUTE_S;
  return (size_t)snprintf(line, room, ", about %" PRIu64 " %s left", number, unit);
}

void screen_show(struct screen *screen, const struct contract_law *const *laws, const bool *over,
                 const struct run_outcome *outcomes, size_t count, const struct run *runs,
                 size_t places) {
  char line[LINE_BYTES];
  struct count n = {0};
  size_t used, room;
  if (!screen->out) return;
  for (size_t i = 0; i < count; i++) {
    n.over += over[i];
    *(over[i] ? &n.weight_over : &n.weight_left) += laws[i]->seconds;
    if (over[i]) n.took_ms += outcomes[i].took_ms;
  }
  used = (size_t)snprintf(line, sizeof line, "%zu of %zu laws", n.over, count);
  if (n.over > 0 && contract_now_ms() - screen->began_ms >= GUESS_MS)
    used += put_left(line + used, sizeof line - used, guess_ms(&n, runs, places) / 1000 + 1);
  for (size_t i = 0; i < places && used < sizeof line; i++)
    if (runs[i].pid > 0)
      used += (size_t)snprintf(line + used, sizeof line - used, "  %s %" PRIu64 " s",
                               runs[i].law->name, (contract_now_ms() - runs[i].began_ms) / 1000);
  room = columns_of(screen->out) - 1;
  if (room < sizeof line) line[room] = '\0'; /* a line that is broken would not go away */
  (void)fprintf(screen->out, TO_BEGIN "%s", line);
  (void)fflush(screen->out);
  screen->shown = true;
}
