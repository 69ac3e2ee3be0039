/* main.c: raft-key-value. */
#include "check.h"
#include "commands.h"
#include "descriptors.h"
#include "exit_codes.h"
#include "open_files.h"
#include "run.h"

#include <host/storage/command.h>

#include <poll.h>
#include <unistd.h>

HOST_DESCRIPTORS_FIRST;

static int raise_limit_and_run(const struct host_flags *flags) {
  struct rkv_error error;
  if (host_open_files_raise(&error) != RKV_OK) {
    (void)fprintf(stderr, "raft-key-value: %s\n", error.text);
    return HOST_EXIT_UNAVAILABLE;
  }
  return host_run(flags);
}

static int do_command(const struct host_flags *flags) {
  switch (flags->command) {
  case HOST_COMMAND_CHECK: return host_command_check(flags, stdout, stderr);
  case HOST_COMMAND_CONFIG: return host_command_config(flags, stdout, stderr);
  case HOST_COMMAND_PLUGINS: return host_command_plugins(flags, stdout, stderr);
  case HOST_COMMAND_STORAGE_COPY: return storage_command_copy(flags, stdout, stderr);
  case HOST_COMMAND_STORAGE_VERIFY:
  case HOST_COMMAND_STORAGE_DUMP:
  case HOST_COMMAND_STORAGE_STAT: return storage_command_look(flags, stdout, stderr);
  case HOST_COMMAND_HELP: (void)fputs(host_help, stdout); return HOST_EXIT_OK;
  case HOST_COMMAND_VERSION:
    (void)printf("raft-key-value %s (ABI %u.%u)\n", RKV_VERSION, RKV_ABI_MAJOR, RKV_ABI_MINOR);
    return HOST_EXIT_OK;
  case HOST_COMMAND_RUN: return raise_limit_and_run(flags);
  }
  return HOST_EXIT_BROKEN;
}

/* It was a pipe to `head`, say: its reader has seen enough. */
static bool reader_left(void) {
  struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int main(int argc, char *argv[]) {
  struct host_flags flags;
  struct rkv_error error;
  int code;
  if (!host_descriptors_fill("raft-key-value")) return HOST_EXIT_UNAVAILABLE;
  if (host_flags_parse(argc, argv, &flags, &error) != RKV_OK) {
    (void)fprintf(stderr, "raft-key-value: %s\n", error.text);
    return HOST_EXIT_USAGE;
  }
  code = do_command(&flags);
  if ((ferror(stdout) || fflush(stdout) != 0) && code == HOST_EXIT_OK && !reader_left()) {
    (void)fprintf(stderr, "raft-key-value: stdout cannot be written\n");
    return HOST_EXIT_UNAVAILABLE;
  }
  return code;
}
