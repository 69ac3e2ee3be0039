/* json.c: strings and pairs. */
#include "json.h"

void host_json_text(FILE *out, const char *text) {
  (void)fputc('"', out);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      (void)fprintf(out, "\\%c", *text);
    else if ((unsigned char)*text < ' ')
      (void)fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
    else
      (void)fputc(*text, out);
  }
  (void)fputc('"', out);
}

void host_json_pair(FILE *out, const char *lead, const char *name, const char *text) {
  (void)fprintf(out, "%s\"%s\": ", lead, name);
  if (text)
    host_json_text(out, text);
  else
    (void)fputs("null", out);
}
