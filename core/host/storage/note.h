/* note.h: from the note in a retired storage (node/moved.h) back to the storage that it names. */
#ifndef HOST_STORAGE_NOTE_H
#define HOST_STORAGE_NOTE_H

#include <host/storage/subject.h>

/* Fills *subject, all zero before, with the storage that `note` names, as subject_describe spells
 * it; the plugin is found in `folder`. subject_free follows in either case. Errors: RKV_INVALID:
 * why it cannot be told from the note: its plugin is not there, or needs a secret. */
enum rkv_status note_read(const char *note, const char *folder, struct subject *subject,
                          struct rkv_error *error);

#endif
