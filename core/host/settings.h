/* settings.h: what the user gave, from all sources, as texts that nothing has interpreted yet.
 *
 * (S1) A key counts at most once per source; the strongest source wins: flag, --set, file.
 * (S2) Every setting knows where it came from. */
#ifndef HOST_SETTINGS_H
#define HOST_SETTINGS_H

#include "problems.h"

#define HOST_SETTINGS_MAX 512 /* settings of all sources together */
#define HOST_SECTIONS_MAX 32  /* section headers of one file */

/* Weakest first. */
enum host_source { HOST_SOURCE_FILE, HOST_SOURCE_SET, HOST_SOURCE_FLAG };

struct host_setting {
  const char *section, *key, *text;
  const char *origin; /* "node.ini:14", "--set", "--id" */
  unsigned line;      /* of the file; 0 = none */
  enum host_source source;
  const struct host_setting *overridden_by; /* its source gave the key before; NULL: this counts */
  bool refused; /* its text was no legal one, which was reported; "" stands for it */
};

/* A [section] header of the file: kept apart from the keys, so that an empty section is noticed
 * too. */
struct host_section_mark {
  const char *name, *origin;
  unsigned line;
};

struct host_settings {
  const char *where; /* the place to name for what is missing: the file, or "command line" */
  bool from_file;    /* there is a file, in which what is missing could be added */
  bool by_wire; /* a stranger to this process gave them: its environment is for secrets alone */
  struct host_texts texts;
  struct host_setting list[HOST_SETTINGS_MAX];
  size_t count;
  struct host_section_mark sections[HOST_SECTIONS_MAX];
  size_t section_count;
};

/* Copies the texts. An illegal text or one setting too many becomes a problem; a key whose text is
 * illegal counts as given all the same, so that it is not reported as missing, too. A key that one
 * source gives twice is reported by host_section_read, which knows whether its value is a
 * secret. */
void host_settings_add(struct host_settings *settings, enum host_source source, const char *section,
                       const char *key, const char *text, const char *origin, unsigned line,
                       struct host_problems *problems);

/* Notes a [section] header. A section with two headers is a problem. */
void host_settings_open(struct host_settings *settings, const char *name, const char *origin,
                        unsigned line, struct host_problems *problems);

/* The strongest setting of a key, NULL if nobody gave it. */
const struct host_setting *host_settings_find(const struct host_settings *settings,
                                              const char *section, const char *key);

/* What one source gave, even if a stronger source overrides it; NULL if it gave nothing. */
const struct host_setting *host_settings_given(const struct host_settings *settings,
                                               enum host_source source, const char *section,
                                               const char *key);

void host_settings_free(struct host_settings *settings);

#endif
