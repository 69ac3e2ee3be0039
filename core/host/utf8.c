/* utf8.c: finds the end of a character, and whether it is one. */
#include "utf8.h"

size_t host_utf8_length(const unsigned char *at, size_t left) {
  size_t need = *at < 0x80                  ? 1
                : *at >= 0xC2 && *at < 0xE0 ? 2
                : *at >= 0xE0 && *at < 0xF0 ? 3
                : *at >= 0xF0 && *at < 0xF5 ? 4
                                            : 0;
  if (need == 0 || need > left) return 0;
  for (size_t i = 1; i < need; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  if (need == 3 && ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] >= 0xA0))) return 0;
  if (need == 4 && ((*at == 0xF0 && at[1] < 0x90) || (*at == 0xF4 && at[1] >= 0x90))) return 0;
  return need;
}
