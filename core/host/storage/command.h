/* command.h: storage copy, verify, dump, stat. Each returns an exit code. */
#ifndef HOST_STORAGE_COMMAND_H
#define HOST_STORAGE_COMMAND_H

#include <host/flags.h>

#include <stdio.h>

/* `storage copy`: what was done on `out`, progress and problems on `err`. */
int storage_command_copy(const struct host_flags *flags, FILE *out, FILE *err);

/* `storage verify | dump | stat`. */
int storage_command_look(const struct host_flags *flags, FILE *out, FILE *err);

#endif
