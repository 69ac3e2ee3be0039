/* commands.h: the commands config and plugins, which start no node. Each returns an exit code. */
#ifndef HOST_COMMANDS_H
#define HOST_COMMANDS_H

#include "config.h"

#include <stdio.h>

/* `config`: the effective configuration as an INI file, each value with its origin behind it. */
int host_command_config(const struct host_flags *flags, FILE *out, FILE *err);

/* `plugins [NAME] [--json]`: what is installed, or one plugin's options. A refused plugin is
 * reported on `err` and makes the exit code 78. */
int host_command_plugins(const struct host_flags *flags, FILE *out, FILE *err);

/* Reads the configuration for one of the commands, or to run: NULL after the problems were printed
 * on `err` and *code was set. Free with host_config_free and free. */
struct host_config *host_command_load(const struct host_flags *flags, FILE *err, int *code);

#endif
