/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plugin's tables, laid out in memory as the input says: every number free, every pointer NULL or
 * to something of the right kind and of just the promised length. (A pointer into nowhere costs the
 * probing child its life, by design, and is tested there.) */
#include "fuzz.h"
#include "plugin/inside.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const uint8_t *at, *end;
  void *made[8192];
  int n;
} input;

static uint32_t byte(input *in)
{
  return in->at < in->end ? *in->at++ : 0;
}

/* Mostly as it should be, else anything. */
static uint32_t number(input *in, uint32_t expected)
{
  uint32_t way = byte(in);
  if (way < 192) return expected;
  if (way < 224) return byte(in);
  uint32_t v = 0;
  for (int i = 0; i < 4; i++) v = v << 8 | byte(in);
  return v;
}

static void *room(input *in, size_t n)
{
  if (in->n == (int)(sizeof in->made / sizeof *in->made)) return NULL;
  void *p = calloc(1, n ? n : 1);
  fuzz_want(p != NULL, "there is memory");
  return in->made[in->n++] = p;
}

static const char *word(input *in, const char *expected)
{
  uint32_t way = byte(in);
  if (way < 192) return expected;
  if (way < 196) return NULL;
  if (way < 198) {
    char *s = room(in, 5000);
    return s ? memset(s, 'a', 4999) : NULL;
  }
  size_t n = byte(in) % 80;
  char *s = room(in, n + 1);
  for (size_t i = 0; s && i < n; i++) s[i] = (char)byte(in);
  return s;
}

static void *function(input *in)
{
  uint32_t way = byte(in);
  return way < 160   ? (void *)(uintptr_t)LLVMFuzzerTestOneInput
         : way < 224 ? NULL
                     : (void *)(uintptr_t)byte(in);
}

static const void *params(input *in, uint32_t n)
{
  static const char *const names[] = { "loc", "scale", "rate", "a", "b", "c", "d", "e" };
  elbo_param *p = byte(in) < 240 ? room(in, (n < 8 ? n : 8) * sizeof *p) : NULL;
  for (uint32_t i = 0; p && i < n && i < 8; i++) {
    uint32_t standard = byte(in);
    p[i] = (elbo_param){ word(in, names[i]), number(in, ELBO_REAL), number(in, 0), 1,
                         word(in, "help") };
    if (standard > 200)
      p[i].standard = standard == 255 ? 1e300 * 1e300 : ((int)standard - 228) / 7.0;
  }
  return p;
}

static const char *const *words(input *in, uint32_t n)
{
  const char **list = byte(in) < 240 ? room(in, (n + 1) * sizeof *list) : NULL;
  for (uint32_t i = 0; list && i < n; i++) list[i] = word(in, "gamma");
  return list;
}

static const void *form_sets(input *in, uint32_t n, uint32_t names)
{
  elbo_form_set *s = byte(in) < 240 ? room(in, (n < 16 ? n : 16) * sizeof *s) : NULL;
  for (uint32_t i = 0; s && i < n && i < 16; i++) {
    s[i].names = words(in, number(in, names) % 12);
    *(void **)&s[i].to_working = function(in);
  }
  return s;
}

static const void *kls(input *in, uint32_t n)
{
  elbo_kl *k = byte(in) < 240 ? room(in, (n < 1024 ? n : 1024) * sizeof *k) : NULL;
  for (uint32_t i = 0; k && i < n && i < 1024; i++) {
    k[i].q = word(in, "name");
    k[i].p = word(in, "gamma");
    *(void **)&k[i].kl = function(in);
    *(void **)&k[i].kl_f32[0] = function(in);
  }
  return k;
}

static void *family(input *in)
{
  elbo_family *f = room(in, sizeof *f);
  *f = (elbo_family){ .size = number(in, sizeof *f),
                      .param_size = number(in, sizeof(elbo_param)),
                      .form_set_size = number(in, sizeof(elbo_form_set)),
                      .kl_size = number(in, sizeof(elbo_kl)) };
  f->name = word(in, "name");
  f->summary = word(in, "a summary");
  f->n_params = number(in, byte(in) % 9);
  f->event_rank = number(in, byte(in) % 2);
  f->n_form_sets = number(in, byte(in) % 3);
  f->value_form = number(in, byte(in) % 4);
  f->support.kind = number(in, byte(in) % 10);
  f->seen = number(in, byte(in) % 3);
  f->n_kls = number(in, byte(in) % 4);
  void **slots[] = { (void **)&f->log_prob,
                     (void **)&f->support.range,
                     (void **)&f->standard,
                     (void **)&f->icdf,
                     (void **)&f->draw,
                     (void **)&f->pull,
                     (void **)&f->cdf,
                     (void **)&f->moment,
                     (void **)&f->support_point,
                     (void **)&f->extension,
                     (void **)&f->log_prob_f32[0],
                     (void **)&f->log_prob_f32[2],
                     (void **)&f->standard_f32[1] };
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) *slots[i] = function(in);
  static const char *const roads[] = { "location_scale", "inverse_cdf", "composition", "implicit",
                                       "own" };
  uint32_t road = byte(in);
  f->reparam = road % 8 < 5 ? word(in, roads[road % 8]) : NULL;
  f->params = params(in, f->n_params);
  f->form_sets = form_sets(in, f->n_form_sets, f->n_params);
  f->kls = kls(in, f->n_kls);
  f->uses = words(in, byte(in) % 24);
  f->mean_in_c = word(in, "return loc;");
  return f;
}

static void *reparam(input *in)
{
  elbo_reparam *r = room(in, sizeof *r);
  r->size = number(in, sizeof *r);
  r->name = word(in, "road");
  r->summary = word(in, "a summary");
  void **slots[] = { (void **)&r->missing,         (void **)&r->forward,
                     (void **)&r->backward,        (void **)&r->forward_f32[0],
                     (void **)&r->backward_f32[0], (void **)&r->forward_f32[2],
                     (void **)&r->backward_f32[2] };
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) *slots[i] = function(in);
  return r;
}

static void *backend(input *in)
{
  elbo_backend *b = room(in, sizeof *b);
  b->size = number(in, sizeof *b);
  b->name = word(in, "products");
  b->summary = word(in, "a summary");
  void **slots[] = { (void **)&b->sgemm, (void **)&b->describe, (void **)&b->advice,
                     (void **)&b->start };
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) *slots[i] = function(in);
  return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  static void *(*const tables[])(input *) = { family, reparam, backend };
  static input in;
  in = (input){ .at = at, .end = at + n };
  uint32_t kind = byte(&in) % 4 % 3;
  elbo_plugin p = { .abi_major = number(&in, ELBO_ABI_MAJOR),
                    .abi_minor = number(&in, ELBO_ABI_MINOR),
                    .size = number(&in, sizeof p),
                    .kind = number(&in, kind + 1) };
  memcpy(p.magic, ELBO_MAGIC, sizeof ELBO_MAGIC);
  p.magic[byte(&in) % sizeof p.magic] ^= (char)(byte(&in) > 250);
  memset(p.build, 'C', sizeof p.build - (byte(&in) < 250));
  p.table = byte(&in) < 250 ? tables[kind](&in) : NULL;
  /* The kind alone says what the table is. */
  if (p.kind >= 1 && p.kind <= 3 && p.table) p.table = tables[p.kind - 1](&in);
  char why[PLUGIN_WHY] = "";
  arena *copies = arena_new(NULL);
  const elbo_plugin *whole = plugin_whole(&p, number(&in, sizeof p), copies, why, NULL);
  fuzz_want(!whole == !!why[0], "a refusal, and only a refusal, has a reason");
  fuzz_want(memchr(why, 0, sizeof why) != NULL, "a reason ends");
  if (whole) fuzz_want(name_valid(plugin_name(whole)), "a plugin that is taken has a name");
  arena_free(copies);
  while (in.n) free(in.made[--in.n]);
  return 0;
}
