/* storage_laws.h: the laws of a log storage (rkv/storage.h), by number. */
#ifndef CONTRACT_STORAGE_LAWS_H
#define CONTRACT_STORAGE_LAWS_H

#define STORAGE_LAWS(X)                                                                            \
  X(1, starts_empty, BASIC, 0, 10,                                                                 \
    "A new storage has no vote, no entry, nothing purged and no snapshot.")

#endif
