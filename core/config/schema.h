/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schema.h - what an experiment may say, as tables: one row a key, with type, default, range,
 * help and the place in infer/spec.h where it goes. One engine reads by them, writes by them
 * and prints them. Private to core/config. */
#ifndef ELBO_CONFIG_SCHEMA_H
#define ELBO_CONFIG_SCHEMA_H

#include "base/text.h"
#include "config/yaml.h"

typedef enum {
  KEY_TEXT,   /* const char *: a text; NULL: not given */
  KEY_PATH,   /* const char *: made absolute against the data's root */
  KEY_COUNT,  /* int64_t */
  KEY_NUMBER, /* double */
  KEY_SEED,   /* uint64_t */
  KEY_SWITCH, /* bool: the first (false) or second of two words */
  KEY_WORD,   /* int: index in a list of words */
  KEY_MAP,    /* a mapping with a schema of its own, into the struct at `offset` */
  KEY_OTHER,  /* read and written by functions */
  KEY_REFUSED /* known, but not to be used here: `help` says why */
} key_type;

/* The words of a KEY_WORD: the names of a table's rows. */
typedef struct words {
  const char *what; /* "activation" */
  const int *n;
  const char *(*at)(int i);
} words;

typedef struct writer {
  text *t;
  int depth;
  const registry *registry;
} writer;

struct schema;
typedef struct key {
  const char *name;
  key_type type;
  size_t offset;
  size_t at; /* 1 + the offset of a place to be filled; 0: none (see AT) */
  /* Of a number, a count, a seed, a switch. One out of range stands for "none" and is not
     written. */
  double standard;
  double low, high;
  bool open_low, open_high; /* the end itself is refused */
  const words *words;       /* of a switch: `at` alone */
  const char *word;         /* default of a KEY_WORD */
  const struct schema *map; /* KEY_OTHER: for the list of keys only */
  bool named;               /* KEY_MAP: a bare word W is read as {name: W} */
  bool required;
  bool (*written)(const void *from); /* is there anything to write? NULL: always */
  void (*read)(reader *r, const struct key *k, const tree *n, void *into);
  void (*write)(writer *w, const struct key *k, const void *from);
  const char *form;    /* KEY_OTHER: the value, in words */
  const char *example; /* of the value; NULL: its default, or those of the keys in it */
  const char *help;
} key;
#define AT(TYPE, MEMBER) (1 + offsetof(TYPE, MEMBER))

enum { MORE_KEYS = 32 };
/* Rows that depend on what was read already: parameters of a family, constants of an optimizer. */
typedef struct more_keys {
  key rows[MORE_KEYS];
  int n; /* -1: not known, let every key pass */
  char text[2048];
} more_keys;

typedef struct schema {
  const char *what; /* for messages: "a variable of p" */
  const key *keys;
  int n;
  void (*more)(const registry *r, const void *into, more_keys *out);
  /* An entry that is none of the keys, where names are free (variables). NULL: such an entry
     is an unknown key. */
  void (*each)(reader *r, const tree *entry, void *into);
  void (*write_each)(writer *w, const void *from);
  /* After all keys; only when the mapping was written in the file. */
  void (*check)(reader *r, const tree *map, void *into);
  /* For the list of keys: a line about what `each` or `more` let in, then the keys of such an
     entry or the rows themselves. */
  const char *rest_help;
  const struct schema *rest_map;
  void (*print_rest)(text *out, int depth);
} schema;

void schema_defaults(reader *r, const schema *s, void *into);
/* n: a mapping, else a problem. Defaults first. */
void schema_read(reader *r, const schema *s, const tree *n, void *into);
void schema_write(writer *w, const schema *s, const void *from);
void schema_write_map(writer *w, const char *name, const schema *s, const void *from);
void schema_print(text *out, const schema *s, int depth);
void key_print(text *out, const key *k, int depth);

bool key_in_range(const key *k, double v);
/* " of at least 1 and at most 100", " above 0", or nothing where anything goes. */
void range_text(const key *k, line *l);

/* Values, for KEY_OTHER rows. false: a problem was added. */
bool read_number(reader *r, const key *k, const tree *n, double *out);
bool read_count(reader *r, const key *k, const tree *n, int64_t *out);
bool read_word(reader *r, const tree *n, const char *what,
               const char **out); /* a scalar that is not empty */
/* A list of numbers, or one number, or a list of equally long lists of numbers, laid out flat. */
bool read_numbers(reader *r, const key *k, const tree *n, double **values, size_t *count);

bool read_estimator_name(reader *r, const tree *n,
                         const char **out); /* `auto`, or a row of the table */

void write_key(writer *w, const char *name); /* indentation and `name: ` */
void write_quoted(writer *w, const char *s);
void write_numbers(writer *w, const double *values, size_t n); /* one: itself, else a list */

/* May there be one more variable beside n others, and may it be called so? false: a problem
 * was added. */
bool variable_fine(reader *r, const tree *entry, int n);

extern const schema experiment_schema, data_schema, estimator_schema, optimizer_schema,
    train_schema;
extern const schema p_schema, q_schema, weight_prior_schema, net_schema;

/* Bounds on what a file may ask for, so that no product of sizes wraps. */
enum { MOST_ROWS = 1000000000, MOST_SIZE = 1000000, MOST_SAMPLES = 100000, MOST_VARIABLES = 100 };

#define KEYS(TABLE) .keys = TABLE, .n = sizeof TABLE / sizeof *TABLE
#define RESERVED_HELP "is reserved for a later version; remove it"
#define RESERVED(NAME)                                                                             \
  {                                                                                                \
    .name = NAME, .type = KEY_REFUSED, .help = RESERVED_HELP                                       \
  }

/* What no row of a table can see: the graphs of p and q, and the parameters against their
 * families. */
void structure_check(reader *r);
void params_check(reader *r, const conditional *c, int64_t size, int64_t dim);

#endif
