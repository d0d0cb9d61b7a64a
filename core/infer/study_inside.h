/* SPDX-License-Identifier: GPL-3.0-or-later */
/* study_inside.h - shared by the files that open a study. */
#ifndef ELBO_INFER_STUDY_INSIDE_H
#define ELBO_INFER_STUDY_INSIDE_H

#include "infer/study.h"

typedef struct opener {
  study *s;
  problems *problems;
  error *e;
} opener;

void study_complain(opener *o, place at, const char *what, const error *why);
/* study_files.c: data and labels of every variable; which of them stay in their files is decided
   here, and s->x->buffer set. */
void study_read_files(opener *o, const char *const *overrides);

#endif
