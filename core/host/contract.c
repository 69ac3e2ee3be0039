/* contract.c: whether a report stands beside the plugin, is about this file, and is good enough. */
#include "contract.h"

#include "ini.h"
#include "settings.h"

#include <openssl/evp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024 };

static const char *const levels[HOST_CONTRACT_LEVELS + 1] = {"none", "basic", "crash", "full",
                                                             NULL};

const struct rkv_option host_contract_option = {
    .name = HOST_CONTRACT_KEY,
    .default_text = "none",
    .help = "refuse the plugin unless rkv-contract --report passed it at this level",
    .choices = levels,
    .type = RKV_OPTION_ENUM,
};

/* ---- the file's hash ---- */

static bool digest(FILE *file, EVP_MD_CTX *sha, unsigned char out[EVP_MAX_MD_SIZE], unsigned *len) {
  unsigned char bytes[READ_BYTES];
  bool good = EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1;
  size_t got;
  while (good && (got = fread(bytes, 1, sizeof bytes, file)) > 0)
    good = EVP_DigestUpdate(sha, bytes, got) == 1;
  return good && !ferror(file) && EVP_DigestFinal_ex(sha, out, len) == 1;
}

enum rkv_status host_contract_hash(const char *path, char hex[HOST_CONTRACT_HASH_MAX],
                                   struct rkv_error *error) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  FILE *file = fopen(path, "re");
  EVP_MD_CTX *sha = EVP_MD_CTX_new();
  bool good = file && sha && digest(file, sha, bytes, &len);
  int failed = errno;
  EVP_MD_CTX_free(sha);
  if (file) (void)fclose(file);
  if (!good)
    return rkv_fail(error, RKV_IO, "%s: no checksum: %s (make it readable for this process)", path,
                    strerror(failed));
  for (unsigned i = 0; i < len && 2 * i + 2 < HOST_CONTRACT_HASH_MAX; i++)
    (void)snprintf(hex + 2 * (size_t)i, 3, "%02x", bytes[i]);
  return RKV_OK;
}

enum rkv_status host_contract_path(const char *plugin_file, char out[HOST_PATH_MAX],
                                   struct rkv_error *error) {
  int len = snprintf(out, HOST_PATH_MAX, "%s" HOST_CONTRACT_SUFFIX, plugin_file);
  if (len > 0 && len < HOST_PATH_MAX) return RKV_OK;
  return rkv_fail(error, RKV_INVALID, "the plugin's path is too long (at most %d bytes)",
                  HOST_PATH_MAX - 1 - (int)strlen(HOST_CONTRACT_SUFFIX));
}

/* ---- the report ---- */

/* A value of the report; "" if it is not there. */
static const char *report_says(struct host_settings *report, const char *key) {
  const struct host_setting *setting = host_settings_find(report, HOST_CONTRACT_SECTION, key);
  return setting ? setting->text : "";
}

static uint64_t level_of(const char *word) {
  for (uint64_t i = 0; i < HOST_CONTRACT_LEVELS; i++)
    if (strcmp(levels[i], word) == 0) return i;
  return HOST_CONTRACT_NONE;
}

/* What is wrong with the report; NULL if nothing is. */
static const char *report_refusal(struct host_settings *report, const char *hash, uint64_t level) {
  if (strcmp(report_says(report, "sha256"), hash) != 0)
    return report_says(report, "sha256")[0]
               ? "is about another file: the plugin was built or replaced "
                 "since"
               : "has no sha256";
  if (strcmp(report_says(report, "result"), "passed") != 0)
    return "says that the plugin has failed";
  if (level_of(report_says(report, "level")) < level) return "is of a lower level";
  return NULL;
}

/* Says what is wrong with the report, and the command that makes a right one. */
static enum rkv_status refuse_report(const struct host_contract_asked *asked, const char *path,
                                     const char *wrong, struct rkv_error *error) {
  const bool stacked = asked->over != NULL;
  return rkv_fail(error, RKV_INVALID,
                  "the report %s %s (run rkv-contract %s%s%s --level %s --report)", path, wrong,
                  asked->file, stacked ? " --option " HOST_OVER_KEY "=" : "",
                  stacked ? asked->over : "", levels[asked->level]);
}

static void note_said(struct host_settings *report, struct host_contract_said *said) {
  (void)snprintf(said->untried, sizeof said->untried, "%s", report_says(report, "not_tried"));
  (void)snprintf(said->over, sizeof said->over, "%s", report_says(report, HOST_OVER_KEY));
  (void)snprintf(said->over_sha256, sizeof said->over_sha256, "%s",
                 report_says(report, HOST_CONTRACT_OVER_HASH));
}

static enum rkv_status check_report(const struct host_contract_asked *asked, const char *path,
                                    struct host_settings *report, struct host_problems *problems,
                                    struct host_contract_said *said, struct rkv_error *error) {
  const char *file = asked->file, *wrong = "is missing";
  char hash[HOST_CONTRACT_HASH_MAX];
  enum rkv_status status = host_contract_hash(file, hash, error);
  if (status != RKV_OK) return status;
  if (access(path, F_OK) == 0) {
    (void)host_ini_read(path, report, problems);
    if (host_texts_failed(&report->texts) || host_texts_failed(&problems->texts))
      return rkv_fail(error, RKV_NO_MEMORY, "no memory for the report on %s", file);
    wrong = host_problems_none(problems) ? report_refusal(report, hash, asked->level)
                                         : "cannot be read";
  }
  if (wrong) return refuse_report(asked, path, wrong, error);
  if (said) note_said(report, said);
  return RKV_OK;
}

enum rkv_status host_contract_check(const struct host_contract_asked *asked,
                                    struct host_contract_said *said, struct rkv_error *error) {
  struct host_settings *report;
  struct host_problems *problems;
  char path[HOST_PATH_MAX];
  enum rkv_status status;
  if (said) memset(said, 0, sizeof *said);
  if (asked->level == HOST_CONTRACT_NONE) return RKV_OK;
  status = host_contract_path(asked->file, path, error);
  if (status != RKV_OK) return status;
  report = calloc(1, sizeof *report);
  problems = calloc(1, sizeof *problems);
  if (report && problems)
    status = check_report(asked, path, report, problems, said, error);
  else
    status = rkv_fail(error, RKV_NO_MEMORY, "no memory for the report on %s", asked->file);
  if (report) host_settings_free(report);
  if (problems) host_problems_free(problems);
  free(report);
  free(problems);
  return status;
}

enum rkv_status host_contract_check_over(const struct host_contract_asked *asked,
                                         const struct host_contract_said *said, const char *over,
                                         struct rkv_error *error) {
  char path[HOST_PATH_MAX], hash[HOST_CONTRACT_HASH_MAX], wrong[RKV_ERROR_TEXT_MAX];
  enum rkv_status status;
  if (asked->level == HOST_CONTRACT_NONE) return RKV_OK;
  status = host_contract_path(asked->file, path, error);
  if (status == RKV_OK) status = host_contract_hash(over, hash, error);
  if (status != RKV_OK) return status;
  if (strcmp(said->over_sha256, hash) == 0) return RKV_OK;
  if (said->over_sha256[0])
    (void)snprintf(wrong, sizeof wrong, "is about it over another file, a %s", said->over);
  else
    (void)snprintf(wrong, sizeof wrong, "does not say what it was tried over");
  return refuse_report(asked, path, wrong, error);
}
