/* json.h: prints JSON, so far as `plugins --json` needs it. */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <stdio.h>

/* A string with quotes and escapes. */
void host_json_text(FILE *out, const char *text);

/* `"name": "text"`, with null for NULL; `lead` goes before it (a comma or nothing). */
void host_json_pair(FILE *out, const char *lead, const char *name, const char *text);

#endif
