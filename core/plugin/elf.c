/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The linker maps what the program headers say and believes them: a segment that reaches beyond the
 * file is a bus error at whatever moment the page is touched, maybe not in the child that probes
 * but in the host. So the headers are held against the file's size first. What is no object of this
 * machine is left to the linker, which says it well. */
#include "plugin/inside.h"

#include <errno.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#define DAMAGED "is a damaged shared object: "

enum { MOST_HEADERS = 64 };
static const uint64_t largest_segment = (uint64_t)1 << 30;

static bool reads(int fd, void *to, size_t n, uint64_t at)
{
  for (size_t done = 0; done < n;) {
    ssize_t got = pread(fd, (char *)to + done, n - done, (off_t)(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += (size_t)got;
  }
  return true;
}

static const char *segment_wrong(const ElfW(Phdr) * p, uint64_t size)
{
  if (p->p_type != PT_LOAD && p->p_type != PT_DYNAMIC) return NULL;
  if (p->p_offset > size || p->p_filesz > size - p->p_offset)
    return DAMAGED "a segment reaches beyond the end of the file; build it again";
  if (p->p_type == PT_LOAD &&
      (p->p_memsz < p->p_filesz || p->p_memsz > largest_segment || p->p_vaddr > largest_segment))
    return DAMAGED "a segment has no sensible size or place; build it again";
  return NULL;
}

const char *elf_damaged(int image, uint64_t size)
{
  ElfW(Ehdr) h;
  ElfW(Phdr) p[MOST_HEADERS];
  const unsigned char mine = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
  if (!reads(image, &h, sizeof h, 0) || memcmp(h.e_ident, ELFMAG, SELFMAG))
    return "is no shared object; one is made of a C file by `cc -O2 -shared -fPIC "
           "$(pkg-config --cflags elbo-plugin) -o NAME.so NAME.c -lm`";
  if (h.e_ident[EI_CLASS] != mine) return NULL;
  if (h.e_phentsize != sizeof *p || h.e_phnum == 0 || h.e_phnum > MOST_HEADERS ||
      !reads(image, p, h.e_phnum * sizeof *p, h.e_phoff))
    return DAMAGED "its program headers make no sense; build it again";
  for (int i = 0; i < h.e_phnum; i++) {
    const char *wrong = segment_wrong(&p[i], size);
    if (wrong) return wrong;
  }
  return NULL;
}
