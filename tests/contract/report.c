/* report.c: the outcome for programs: JSON, and the report that the host reads. */
#include "suite.h"

#include <host/json.h>
#include <host/loader.h>
#include <host/ops.h>

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void write_law(const struct run_outcome *outcome, const char *lead, FILE *out) {
  char id[16];
  (void)snprintf(id, sizeof id, "%c%02u", contract_letter(outcome->law->kind),
                 outcome->law->number);
  (void)fprintf(out, "%s\n    {", lead);
  host_json_pair(out, "", "law", id);
  host_json_pair(out, ", ", "name", outcome->law->name);
  host_json_pair(out, ", ", "says", outcome->law->says);
  host_json_pair(out, ", ", "result", run_result_name(outcome->result));
  (void)fprintf(out, ", \"took_ms\": %" PRIu64, outcome->took_ms);
  host_json_pair(out, ", ", "text", outcome->text ? outcome->text : "");
  (void)fputc('}', out);
}

/* What the run as a whole came to: a part of the laws proves nothing. */
static const char *verdict(const struct suite *suite) {
  if (suite->failed > 0) return "failed";
  return suite->wish.only_count > 0 ? "partial" : "passed";
}

static void write_writable(const struct writable *w, FILE *out) {
  (void)fputs(",\n  \"writable_data\": [", out);
  for (size_t i = 0; i < w->count; i++) {
    (void)fputs(i ? ", {" : "{", out);
    host_json_pair(out, "", "symbol", w->objects[i].name);
    (void)fprintf(out, ", \"size\": %" PRIu64 "}", w->objects[i].size);
  }
  (void)fprintf(out, "],\n  \"writable_more\": %zu,\n  \"writable_without_names\": %" PRIu64,
                w->more, w->stripped ? w->bytes : 0);
}

void suite_write_json(const struct suite *suite, FILE *out) {
  const struct rkv_plugin *p = suite->plugin;
  char untried[HOST_CONTRACT_TEXT_MAX];
  (void)fputs("{", out);
  host_json_pair(out, "\n  ", "plugin", p->name);
  host_json_pair(out, ",\n  ", "version", p->version);
  host_json_pair(out, ",\n  ", "kind", host_kind_name(p->kind));
  (void)fprintf(out, ",\n  \"abi\": \"%u.%u\"", p->abi_major, p->abi_minor);
  host_json_pair(out, ",\n  ", "sha256", suite->sha256);
  if (suite->under_sha256[0]) {
    host_json_pair(out, ",\n  ", HOST_OVER_KEY, suite->part.under->plugin->name);
    host_json_pair(out, ",\n  ", HOST_CONTRACT_OVER_HASH, suite->under_sha256);
  }
  host_json_pair(out, ",\n  ", "level", contract_level_names[suite->wish.level]);
  (void)fprintf(out, ",\n  \"seed\": %" PRIu64, suite->wish.seed);
  host_json_pair(out, ",\n  ", "result", verdict(suite));
  (void)fprintf(out, ",\n  \"passed\": %zu,\n  \"failed\": %zu,\n  \"skipped\": %zu", suite->passed,
                suite->failed, suite->skipped);
  suite_untried(suite, untried);
  host_json_pair(out, ",\n  ", "not_tried", untried);
  write_writable(&suite->writable, out);
  (void)fputs(",\n  \"options\": [", out);
  for (size_t i = 0; i < suite->wish.option_count; i++) {
    (void)fputs(i ? ", " : "", out);
    host_json_text(out, suite->wish.options[i]);
  }
  (void)fputs("],\n  \"laws\": [", out);
  for (size_t i = 0; i < suite->count; i++) write_law(&suite->outcomes[i], i ? "," : "", out);
  (void)fputs("\n  ]\n}\n", out);
}

void suite_write_report(const struct suite *suite, FILE *out) {
  const struct rkv_plugin *p = suite->plugin;
  char when[32] = "", untried[HOST_CONTRACT_TEXT_MAX];
  time_t now = time(NULL);
  struct tm utc;
  if (gmtime_r(&now, &utc)) (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
  (void)fprintf(out,
                "; rkv-contract's report, which `require_contract = LEVEL` asks for. It is about "
                "one file: build it anew and run rkv-contract --report anew.\n");
  (void)fprintf(out,
                "[" HOST_CONTRACT_SECTION "]\nname = %s\nversion = %s\nkind = %s\nabi = %u.%u\n"
                "sha256 = %s\nlevel = %s\nseed = %" PRIu64 "\nresult = %s\npassed = %zu\n"
                "failed = %zu\nskipped = %zu\nwhen = %s\n",
                p->name, p->version, host_kind_name(p->kind), p->abi_major, p->abi_minor,
                suite->sha256, contract_level_names[suite->wish.level], suite->wish.seed,
                verdict(suite), suite->passed, suite->failed, suite->skipped, when);
  if (suite->under_sha256[0])
    (void)fprintf(out, HOST_OVER_KEY " = %s\n" HOST_CONTRACT_OVER_HASH " = %s\n",
                  suite->part.under->plugin->name, suite->under_sha256);
  suite_untried(suite, untried);
  if (untried[0]) (void)fprintf(out, "not_tried = %s\n", untried);
  (void)fputs("\n[laws]\n", out);
  for (size_t i = 0; i < suite->count; i++)
    (void)fprintf(out, "%s = %s\n", suite->outcomes[i].law->name,
                  run_result_name(suite->outcomes[i].result));
  if (suite->writable.count > 0) (void)fputs("\n[writable-data]\n", out);
  for (size_t i = 0; i < suite->writable.count; i++)
    (void)fprintf(out, "object-%zu = %s, %" PRIu64 " bytes\n", i + 1,
                  suite->writable.objects[i].name, suite->writable.objects[i].size);
}
