/* writable.c: finds objects in sections that are written to. Nothing in the file is believed: every
 * offset is checked against the file's end. */
#include "writable.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
  const uint8_t *bytes;
  size_t size;
  const Elf64_Ehdr *head;
};

/* `count` records of `each` bytes at an offset; NULL: not within the file, or not aligned. */
static const void *at(const struct image *i, uint64_t offset, uint64_t count, size_t each) {
  if (offset > i->size || count > (i->size - offset) / each || offset % 8 != 0) return NULL;
  return i->bytes + offset;
}

static const Elf64_Shdr *sections_of(const struct image *i) {
  if (i->head->e_shentsize != sizeof(Elf64_Shdr)) return NULL;
  return at(i, i->head->e_shoff, i->head->e_shnum, sizeof(Elf64_Shdr));
}

/* A name of a table of strings; "" if it is none. */
static const char *string_at(const struct image *i, const Elf64_Shdr *table, uint64_t offset) {
  if (table->sh_offset > i->size || table->sh_size > i->size - table->sh_offset ||
      offset >= table->sh_size)
    return "";
  if (!memchr(i->bytes + table->sh_offset + offset, '\0', table->sh_size - offset)) return "";
  return (const char *)i->bytes + table->sh_offset + offset;
}

static bool begins(const char *name, const char *const *starts) {
  for (; *starts; starts++)
    if (strncmp(name, *starts, strlen(*starts)) == 0) return true;
  return false;
}

/* True for a section that is written to while the plugin runs; the linker writes some others. */
static bool is_written(const struct image *i, const Elf64_Shdr *names, const Elf64_Shdr *section) {
  static const char *const linkers[] = {".data.rel.ro", ".init_array", ".fini_array", ".ctors",
                                        ".dtors",       ".dynamic",    ".got",        ".tm_clone",
                                        ".jcr",         NULL};
  if (!(section->sh_flags & SHF_WRITE) || !(section->sh_flags & SHF_ALLOC)) return false;
  return !begins(string_at(i, names, section->sh_name), linkers);
}

/* What the compiler, the C library and sanitizers bring along. */
static bool is_theirs(const char *name) {
  static const char *const starts[] = {
      "completed.",  "__dso_handle",    "__TMC_END__", "_edata",
      "_end",        "__bss_start",     "__gcov",      "__asan",
      "__odr_asan",  "DW.ref.__gxx",    "__llvm",      "__sanitizer",
      "__tsan",      "_ZStL8__ioinit",  "_DYNAMIC",    "__ubsan",
      "__cpu_model", "__cpu_features2", NULL};
  return begins(name, starts);
}

static void add(struct writable *w, const char *name, uint64_t size) {
  size_t place = w->count;
  while (place > 0 && w->objects[place - 1].size < size) place--;
  if (w->count == WRITABLE_LISTED_MAX) {
    w->more++;
    if (place == w->count) return;
    w->count--;
  }
  memmove(&w->objects[place + 1], &w->objects[place],
          (w->count - place) * sizeof w->objects[place]);
  (void)snprintf(w->objects[place].name, sizeof w->objects[place].name, "%s", name);
  w->objects[place].size = size;
  w->count++;
}

static bool read_symbols(const struct image *i, const Elf64_Shdr *sections, const Elf64_Shdr *table,
                         struct writable *w) {
  const Elf64_Shdr *names = &sections[i->head->e_shstrndx];
  uint64_t count = table->sh_size / sizeof(Elf64_Sym);
  const Elf64_Sym *symbols = at(i, table->sh_offset, count, sizeof(Elf64_Sym));
  if (!symbols || table->sh_link >= i->head->e_shnum) return false;
  for (uint64_t k = 0; k < count; k++) {
    const Elf64_Sym *symbol = &symbols[k];
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    const char *name = string_at(i, &sections[table->sh_link], symbol->st_name);
    if ((type != STT_OBJECT && type != STT_TLS) || symbol->st_size == 0) continue;
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= i->head->e_shnum) continue;
    if (is_written(i, names, &sections[symbol->st_shndx]) && !is_theirs(name))
      add(w, name, symbol->st_size);
  }
  return true;
}

static bool read_image(const struct image *i, struct writable *w) {
  const Elf64_Shdr *sections = sections_of(i);
  size_t count = i->head->e_shnum;
  if (!sections || i->head->e_shstrndx >= count) return false;
  for (size_t k = 0; k < count; k++)
    if (sections[k].sh_type == SHT_SYMTAB) return read_symbols(i, sections, &sections[k], w);
  w->stripped = true;
  for (size_t k = 0; k < count; k++)
    if (is_written(i, &sections[i->head->e_shstrndx], &sections[k]))
      w->bytes += sections[k].sh_size;
  return true;
}

/* A file that this machine would load. */
static bool is_object(const struct image *i) {
  static const uint16_t one = 1;
  uint8_t order = *(const uint8_t *)&one == 1 ? ELFDATA2LSB : ELFDATA2MSB;
  return i->size >= sizeof(Elf64_Ehdr) && memcmp(i->bytes, ELFMAG, SELFMAG) == 0 &&
         i->bytes[EI_CLASS] == ELFCLASS64 && i->bytes[EI_DATA] == order;
}

bool writable_read(struct writable *writable, const char *file) {
  struct image image = {NULL, 0, NULL};
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  struct stat info;
  void *map = MAP_FAILED;
  bool good = false;
  memset(writable, 0, sizeof *writable);
  if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size > 0)
    map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map != MAP_FAILED) {
    image = (struct image){map, (size_t)info.st_size, map};
    good = is_object(&image) && read_image(&image, writable);
    (void)munmap(map, (size_t)info.st_size);
  }
  if (fd >= 0) (void)close(fd);
  return good;
}
