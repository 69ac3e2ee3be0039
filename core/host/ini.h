/* ini.h: reads an INI file into settings, each with its line.
 *
 * inih parses; this module feeds it line by line, because Debian's inih does not tell line numbers,
 * and notes what inih would skip: lines that are no setting, texts behind a header, bytes that are
 * no text. Comments: a line that begins with ; or #, and " ;" behind a value. */
#ifndef HOST_INI_H
#define HOST_INI_H

#include "settings.h"

#define HOST_INI_BYTES_MAX (1024 * 1024) /* of a file */
#define HOST_INI_LINE_MAX 4096           /* bytes of a line */

/* Every error is a problem with file and line; what is right is added anyway. False: the file could
 * not be read at all, and whatever its settings should have been is not known. */
bool host_ini_read(const char *path, struct host_settings *settings,
                   struct host_problems *problems);

#endif
