/* token.h: tells a copy from every other one that was ever begun at its place.
 *
 * A node may move to a disk, have that move given up, and move to another disk that is mounted at
 * the same place later: what the first one holds must never be taken for what the second one has.
 * So each copy gets a number by chance, which stands in a file of its directory; the storage that
 * is left is retired for that number (node/moved.h). */
#ifndef HOST_STORAGE_TOKEN_H
#define HOST_STORAGE_TOKEN_H

#include <rkv/status.h>

#include <stdint.h>

#define TOKEN_FILE ".copy"

/* Draws a token, and makes it durable in the directory, which is there; an older one is replaced
 * as a whole. `folder` NULL or "": the storage has none, and the token is 0. May block. Errors:
 * RKV_IO, RKV_NO_SPACE. */
enum rkv_status token_draw(const char *folder, uint64_t *token, struct rkv_error *error);

/* The token of a directory; 0: it has none, or is not there. May block. Errors: RKV_IO;
 * RKV_FOREIGN for a file that is none of token_draw's. */
enum rkv_status token_read(const char *folder, uint64_t *token, struct rkv_error *error);

#endif
