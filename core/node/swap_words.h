/* swap_words.h: a call that moves the storage as text, and back: the request and the answer of the
 * admin method swap-storage (rkv/admin.h). Both sides use it: the node, and who asks it. */
#ifndef NODE_SWAP_WORDS_H
#define NODE_SWAP_WORDS_H

#include <rkv/swap.h>

/* What is asked, or answered, as text: from malloc, *len bytes and a NUL. NULL: no memory. */
char *swap_words_request(const struct rkv_swap_call *call, size_t *len);
char *swap_words_answer(const struct rkv_swap_call *call, size_t *len);

/* Fills the request fields; *space holds what they point to, for the caller to free. A refusal
 * tells a setting by its place and never by its text, which may be a secret. Errors: RKV_INVALID,
 * RKV_NO_MEMORY. */
enum rkv_status swap_words_read_request(struct rkv_buf bytes, struct rkv_swap_call *call,
                                        void **space, struct rkv_error *error);

/* Fills the answer fields; call->text shares `bytes` and is given to the caller. Errors:
 * RKV_CORRUPT. */
enum rkv_status swap_words_read_answer(struct rkv_buf bytes, struct rkv_swap_call *call,
                                       struct rkv_error *error);

#endif
