/* utf8.h: bytes that claim to be text. */
#ifndef HOST_UTF8_H
#define HOST_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed UTF-8 sequence (RFC 3629) that starts at `at`, of which `left` bytes are
 * there; 0 if it is none. */
size_t host_utf8_length(const unsigned char *at, size_t left);

#endif
