/* note.h: from the note in a retired storage (node/moved.h) back to the storage that it names. */
#ifndef HOST_STORAGE_NOTE_H
#define HOST_STORAGE_NOTE_H

#include <host/storage/subject.h>

/* Which plugin may be loaded. */
struct note_place {
  const char *folder; /* where the plugins are */
  uint64_t contract;  /* an enum host_contract_level: require_contract of section [storage] */
};

/* Fills *subject, all zero before, with the storage that `note` names, as spell_note spells
 * it. subject_free follows in either case. Errors: RKV_INVALID: why it cannot be told from the
 * note: its plugin is not there, lacks the contract's report, or needs a secret. */
enum rkv_status note_read(const char *note, const struct note_place *where, struct subject *subject,
                          struct rkv_error *error);

#endif
