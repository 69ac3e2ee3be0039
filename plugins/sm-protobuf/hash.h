/* hash.h: 64 bits of a key and its value, for the digest of the state.
 *
 * Nodes of several versions compare their digests, so this function never changes: not by a newer
 * library, not by the machine's byte order. It is the inner loop of wyhash (Wang Yi, public
 * domain): 16 bytes go into a product of 64 by 64 bits, whose halves are folded into one. It does
 * not defend against clients who look for two values of one hash. */
#ifndef SM_HASH_H
#define SM_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of `len` bytes, of which the first `key_len` are the key: where the key ends counts. */
uint64_t hash_item(const uint8_t *bytes, size_t len, size_t key_len);

#endif
