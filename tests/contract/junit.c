/* junit.c: the outcome as JUnit's XML, which build servers read. */
#include "suite.h"

#include <host/ops.h>

#include <inttypes.h>

/* A text inside of an element or an attribute. What XML cannot hold, and what is no ASCII, becomes
 * '?': reasons quote a plugin's bytes. */
static void put_text(FILE *out, const char *text) {
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    switch (byte) {
    case '<': (void)fputs("&lt;", out); break;
    case '>': (void)fputs("&gt;", out); break;
    case '&': (void)fputs("&amp;", out); break;
    case '"': (void)fputs("&quot;", out); break;
    case '\n': (void)fputs("&#10;", out); break;
    default: (void)fputc(byte == '\t' || (byte >= ' ' && byte < 0x7f) ? byte : '?', out);
    }
  }
}

static void put_attribute(FILE *out, const char *name, const char *text) {
  (void)fprintf(out, " %s=\"", name);
  put_text(out, text);
  (void)fputc('"', out);
}

static void put_seconds(FILE *out, uint64_t ms) {
  (void)fprintf(out, " time=\"%" PRIu64 ".%03" PRIu64 "\"", ms / 1000, ms % 1000);
}

static void put_law(FILE *out, const struct run_outcome *outcome) {
  const struct contract_law *law = outcome->law;
  const char *text = outcome->text ? outcome->text : "";
  (void)fputs("    <testcase", out);
  put_attribute(out, "classname", host_kind_name(law->kind));
  put_attribute(out, "name", law->name);
  put_seconds(out, outcome->took_ms);
  (void)fputs(">\n", out);
  if (outcome->result == RUN_FAILED) {
    (void)fputs("      <failure", out);
    put_attribute(out, "message", law->says);
    (void)fputc('>', out);
    put_text(out, text);
    (void)fputs("</failure>\n", out);
  } else if (outcome->result == RUN_SKIPPED) {
    (void)fputs("      <skipped", out);
    put_attribute(out, "message", text);
    (void)fputs("/>\n", out);
  } else if (*text) {
    (void)fputs("      <system-out>", out);
    put_text(out, text);
    (void)fputs("</system-out>\n", out);
  }
  (void)fputs("    </testcase>\n", out);
}

void suite_write_junit(const struct suite *suite, FILE *out) {
  uint64_t ms = 0;
  for (size_t i = 0; i < suite->count; i++) ms += suite->outcomes[i].took_ms;
  (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite", out);
  put_attribute(out, "name", suite->plugin->name);
  (void)fprintf(out, " tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" errors=\"0\"", suite->count,
                suite->failed, suite->skipped);
  put_seconds(out, ms);
  (void)fputs(">\n", out);
  for (size_t i = 0; i < suite->count; i++) put_law(out, &suite->outcomes[i]);
  (void)fputs("  </testsuite>\n</testsuites>\n", out);
}
