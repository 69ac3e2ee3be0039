/* owner.c: notes to text and back. */
#include "owner.h"

#include "dir.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FORMAT = 2, NOTE_LINE_MAX = 80, TEXT_MAX = OWNER_NOTES_MAX * NOTE_LINE_MAX + 1 };

static enum rkv_status owner_no_memory(const struct owner *owner, struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory for rkv-owner",
                  owner->claim.log->folder.path);
}

static enum rkv_status take_notes(struct owner *owner, const char *text, struct rkv_error *error) {
  static const char pattern[] = "log %" SCNu64 " %" SCNu64 " %" SCNu64 "\n%n";
  struct owner_note note;
  int len = 0;
  for (owner->count = 0;
       owner->count < OWNER_NOTES_MAX &&
       sscanf(text, pattern, &note.first, &note.last, &note.sequence, &len) == 3 && len > 0;
       text += len, len = 0)
    owner->notes[owner->count++] = note;
  if (*text == '\0') return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s: expected the number of a log file, found %.20s",
                  owner->claim.log->folder.path, OWNED_FILE, text);
}

enum rkv_status owner_take(struct owner *owner, const struct log *log, struct rkv_error *error) {
  char *text = malloc(TEXT_MAX);
  enum rkv_status status;
  owner->claim = (struct claim){
      .log = log, .format = FORMAT, .format_unchecked = 1, .ours = dir_names, .maker = dir_maker};
  if (!text) return owner_no_memory(owner, error);
  status = claim_take(&owner->claim, &owner->state, text, TEXT_MAX, error);
  if (status == RKV_OK) status = take_notes(owner, text, error);
  free(text);
  return status;
}

enum rkv_status owner_write(const struct owner *owner, struct rkv_error *error) {
  char *text = malloc(TEXT_MAX);
  enum rkv_status status;
  size_t len = 0;
  if (!text) return owner_no_memory(owner, error);
  text[0] = '\0';
  for (size_t i = 0; i < owner->count; i++) {
    const struct owner_note *note = &owner->notes[i];
    len += (size_t)snprintf(text + len, TEXT_MAX - len, "log %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                            note->first, note->last, note->sequence);
  }
  status = claim_write(&owner->claim, owner->state, text, error);
  free(text);
  return status;
}
