/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A writer of JSON on one line. `key` is NULL inside an array and for the outermost value. What
 * can't be written as JSON becomes what can: a number that is not finite null, a byte that is not
 * UTF-8 U+FFFD. */
#ifndef ELBO_CLI_JSON_PRINT_H
#define ELBO_CLI_JSON_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
  FILE *out;
  uint64_t filled; /* bit d: the object or array at depth d has a member already */
  unsigned depth;  /* at most 63 */
} json;

json json_start(FILE *out);
void json_object(json *j, const char *key);
void json_object_end(json *j);
void json_array(json *j, const char *key);
void json_array_end(json *j);
void json_text(json *j, const char *key, const char *text); /* NULL: null */
void json_number(json *j, const char *key,
                 double number); /* the shortest digits that read back as the same number */
void json_integer(json *j, const char *key, int64_t number);
void json_count(json *j, const char *key, uint64_t number);
void json_bool(json *j, const char *key, bool value);
void json_null(json *j, const char *key);
void json_lines(json *j, const char *key,
                const char *text); /* an array of its lines, empty ones left out */

#endif
