/* utf8.h: checks bytes that should be UTF-8. */
#ifndef HOST_UTF8_H
#define HOST_UTF8_H

#include <stddef.h>

/* The length of the well-formed UTF-8 sequence (RFC 3629) at `at`, where `left` bytes are left; 0
 * if there is none. */
size_t host_utf8_length(const unsigned char *at, size_t left);

#endif
