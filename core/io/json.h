/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json.h - JSON through jansson (included by json.c alone): a writer for results and lines, a
 * strict reader of one value. */
#ifndef ELBO_IO_JSON_H
#define ELBO_IO_JSON_H

#include "base/text.h"

/* A writer of compact JSON into a text; commas are its business. Doubles: %.17g shortest that
 * reads back; inf and nan are written as null. */
typedef struct json_out {
  text *t;
  int depth;
  unsigned char filled[32]; /* has the open array or object at this depth an entry yet */
} json_out;
void json_begin(json_out *j, text *t); /* deeper than 32: t->failed */
/* jansson has functions of these two names; so in the object files ours are called otherwise. */
#define json_string json_out_string
#define json_null json_out_null
/* key NULL inside arrays and at the top. */
void json_open(json_out *j, const char *key, char bracket); /* '{' or '[' */
void json_close(json_out *j, char bracket);                 /* '}' or ']' */
/* NULL: null; bad UTF-8 is replaced */
void json_string(json_out *j, const char *key, const char *s);
void json_number(json_out *j, const char *key, double v);
void json_float(json_out *j, const char *key, double v, int digits);
void json_int(json_out *j, const char *key, int64_t v);
void json_bool(json_out *j, const char *key, bool v);
void json_null(json_out *j, const char *key);

/* A value read strictly: duplicate keys, NUL characters, bad UTF-8 and numbers beyond int64 or
 * double refused; depth at most 64, at most 65536 values (so that memory stays bounded by the
 * length of the text and some 20 MB). */
typedef struct json_value json_value;
json_value *json_read(const char *s, size_t n, char *why, size_t why_n); /* NULL with why */
void json_free(json_value *v);
typedef enum {
  JSON_NULL,
  JSON_BOOL,
  JSON_INT,
  JSON_REAL,
  JSON_STRING,
  JSON_ARRAY,
  JSON_OBJECT
} json_kind;
json_kind json_kind_of(const json_value *v);
size_t json_length(const json_value *v); /* of an array or object */
const json_value *json_item(const json_value *v, size_t i);
const json_value *json_get(const json_value *v, const char *key); /* NULL: not there */
/* Keys in the order of the file: NULL gives the first, the last gives NULL; key: one of these. The
 * value is json_get of it. */
const char *json_key_after(const json_value *v, const char *key);
const char *json_text(const json_value *v); /* of a string */
int64_t json_as_int(const json_value *v);   /* of an integer, or a bool as 0 or 1; else 0 */
double json_number_of(const json_value *v); /* of an integer or real; else, and of NULL, NaN */

#endif
