/* shim_harm.c: what power loss may make of writes that were not synced, byte by byte.
 *
 * Writes of which some bytes were written again, through to the device, are left alone. Only bare
 * system calls, as in shim_undo.c. */
#define _GNU_SOURCE
#include "shim_undo_internal.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOISE_MAX = 4096 }; /* bytes of garbage in one write */

/* The write that is hit, by chance; NULL: there is none. */
static const struct undo_kept *chosen(uint64_t seed) {
  uint64_t count = 0, n;
  for (const struct undo_kept *kept = undo.kept; kept; kept = kept->older)
    count += kept->len > 0 && !kept->through;
  if (count == 0) return NULL;
  n = undo_mix(seed) % count;
  for (const struct undo_kept *kept = undo.kept; kept; kept = kept->older)
    if (kept->len > 0 && !kept->through && n-- == 0) return kept;
  return NULL;
}

/* Everything behind one byte of a write did not reach the device. */
static void cut(const struct undo_kept *hit, uint64_t seed) {
  for (const struct undo_kept *kept = undo.kept; kept != hit; kept = kept->older)
    if (kept->file == hit->file && !kept->through) undo_from(kept, kept->at);
  undo_from(hit, hit->at + (off_t)(undo_mix(seed + 1) % hit->len));
}

static void change(const struct undo_kept *kept, off_t at, uint8_t difference) {
  uint8_t byte;
  if (syscall(SYS_pread64, kept->fd, &byte, sizeof byte, at) != sizeof byte) return;
  byte ^= difference;
  (void)syscall(SYS_pwrite64, kept->fd, &byte, sizeof byte, at);
}

static void flip(const struct undo_kept *kept, uint64_t seed) {
  off_t at = kept->at + (off_t)(undo_mix(seed + 3) % kept->len);
  change(kept, at, (uint8_t)(1u << undo_mix(seed + 4) % 8));
}

static void make_noise(const struct undo_kept *kept, uint64_t seed) {
  size_t from = undo_mix(seed + 5) % kept->len, to = kept->len;
  if (to - from > NOISE_MAX) to = from + NOISE_MAX;
  for (size_t i = from; i < to; i++)
    change(kept, kept->at + (off_t)i, (uint8_t)(undo_mix(seed + 6 + i) | 1));
}

void undo_harm(const struct shim_plan *plan) {
  const struct undo_kept *hit = chosen(plan->seed);
  if (!hit) return;
  switch (plan->loss) {
  case SHIM_SECTORS: break;
  case SHIM_CUT: cut(hit, plan->seed); break;
  case SHIM_FLIP: flip(hit, plan->seed); break;
  case SHIM_NOISE: make_noise(hit, plan->seed); break;
  case SHIM_LOSSES: break;
  }
}
