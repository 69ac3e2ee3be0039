/* ini.h: reads an INI file into settings, each with its line.
 *
 * inih parses. This module feeds it line by line, because Debian's inih tells no line numbers, and
 * reports what inih would skip: lines that are no setting, text behind a header, bytes that are no
 * text. Comments: a line that begins with ; or #, and " ;" behind a value. */
#ifndef HOST_INI_H
#define HOST_INI_H

#include "settings.h"

#define HOST_INI_BYTES_MAX (1024 * 1024) /* of a file */
#define HOST_INI_LINE_MAX 4096           /* bytes of a line */

/* Every error becomes a problem with file and line; the settings that are right are added
 * nevertheless. False: the file could not be read at all, so its settings are not known. */
bool host_ini_read(const char *path, struct host_settings *settings,
                   struct host_problems *problems);

#endif
