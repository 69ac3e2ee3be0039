/* values.h: expands, reads, checks and prints the value of an option. */
#ifndef HOST_VALUES_H
#define HOST_VALUES_H

#include "texts.h"

#include <rkv/plugin.h>

/* Bytes of one value's text, its NUL included; also of a secret's file. */
#define HOST_VALUE_MAX 4096
#define HOST_FILE_PREFIX "file:" /* of a secret that stands in a file */
#define HOST_NUMBER_MAX 32       /* bytes of a printed number with its unit, its NUL included */

/* Whether a value is ${NAME}. */
bool host_value_is_variable(const char *raw);

/* Replaces a value `${NAME}` by the environment variable's text and, for a secret, `file:PATH` by
 * the file's text without the newline at its end. *text lives in `texts` or is `raw` itself.
 * Errors: RKV_INVALID with what is wrong and what would be right. */
enum rkv_status host_value_expand(const struct rkv_option *option, const char *raw,
                                  struct host_texts *texts, const char **text,
                                  struct rkv_error *error);

/* Reads `text` as the option's type and checks its range; fills value->number and value->text (an
 * ENUM: the choice of the table; else `text` itself, borrowed). Errors: RKV_INVALID as above. */
enum rkv_status host_value_parse(const struct rkv_option *option, const char *text,
                                 struct rkv_value *value, struct rkv_error *error);

/* Prints a number as a user would write it: 64KiB, 500ms, 42. */
void host_value_print(uint32_t type, uint64_t number, char out[HOST_NUMBER_MAX]);

/* "bool", "size", ...; "unknown" for a number outside RKV_OPTION_TYPE_LIST. */
const char *host_option_type_name(uint32_t type);

#endif
