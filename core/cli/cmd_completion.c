/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Completions for three shells, from the tables of commands and options. What a value is follows
 * from the word that the help shows for it. */
#include "cli.h"

#include <string.h>

/* ---- what completes a word of the help, in each shell */
typedef struct {
  const char *word; /* the start of it */
  const char *bash, *zsh, *fish;
} hint;
#define PLUGINS "(elbo plugin list 2>/dev/null | awk 'NR > 1 {print $1}')"
#define FAMILIES "(elbo plugin list 2>/dev/null | awk '$2 == \"family\" {print $1}')"
#define COMMANDS                                                                                   \
  "(elbo --help 2>/dev/null | awk '/^Commands/ {on = 1} /^$/ {on = 0} "                            \
  "on && /^  [a-z]/ && !there[$1]++ {print $1} END {print \"experiment\"}')"
#define FILES "compgen -f -- \"$1\"", "_files", "(__fish_complete_path)"
#define FOLDERS "compgen -d -- \"$1\"", "_files -/", "(__fish_complete_directories)"
static const hint hints[] = {
  { "EXP", "compgen -f -X '!*.@(yaml|yml|json)' -- \"$1\"; compgen -d -- \"$1\"",
    "_files -g \"*.(yaml|yml|json)\"", "(__fish_complete_suffix .yaml .yml .json)" },
  { "RUN", FOLDERS },
  { "DIR", FOLDERS },
  { "FILE", FILES },
  { "F.", FILES },
  { "M.", FILES },
  { "FAMILY", "compgen -W \"$" FAMILIES "\" -- \"$1\"", "compadd -- $" FAMILIES, FAMILIES },
  { "NAME", "compgen -W \"$" PLUGINS "\" -- \"$1\"", "compadd -- $" PLUGINS, PLUGINS },
  { "COMMAND", "compgen -W \"$" COMMANDS "\" -- \"$1\"", "compadd -- $" COMMANDS, COMMANDS },
  { "family|reparametrizer", "compgen -W 'family reparametrizer' -- \"$1\"",
    "compadd family reparametrizer", "family reparametrizer" },
  { "bash|zsh|fish", "compgen -W 'bash zsh fish' -- \"$1\"", "compadd bash zsh fish",
    "bash zsh fish" },
};
enum { HINTS = sizeof hints / sizeof *hints };

static const hint *hint_of(const char *word)
{
  word += *word == '[';
  for (size_t i = 0; word && i < HINTS; i++)
    if (!strncmp(word, hints[i].word, strlen(hints[i].word))) return &hints[i];
  return NULL;
}

static bool is_choice(const option_row *o)
{
  return o->argument && strchr(o->argument, '|');
}

static void print_spaced(const char *words)
{
  for (; *words; words++) putchar(*words == '|' ? ' ' : *words);
}

/* Text between single quotes, where `escape` comes before what would end or mean something. */
static void print_quoted(const char *text, const char *special)
{
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\''", stdout);
    else if (strchr(special, *text))
      printf("\\%c", *text);
    else
      putchar(*text);
  }
}

/* The first words of the commands, then the second words of each group. */
static void print_words(const char *group)
{
  size_t n = strlen(group);
  const char *last = "";
  EACH_COMMAND(row) {
    const char *word = row->name;
    if (n && (strncmp(word, group, n) || word[n] != ' ')) continue;
    word += n ? n + 1 : 0;
    size_t length = strcspn(word, " ");
    if (strlen(last) >= length && !strncmp(last, word, length) &&
        (last[length] == ' ' || !last[length]))
      continue;
    printf(" %.*s", (int)length, word);
    last = word;
  }
}

static void print_groups(const char *before, const char *after)
{
  char last[64] = "";
  EACH_COMMAND(row) {
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(row->name, " "), row->name);
    if (!strchr(row->name, ' ') || !strcmp(word, last)) continue;
    strcpy(last, word);
    printf("%s%s%s", before, word, after);
    print_words(word);
    puts("' ;;");
  }
}

/* ---- bash */
static void bash_options(const command_row *row)
{
  printf("  '%s')\n    options='", row->name);
  EACH_OPTION(row, id) {
    const option_row *o = &option_table[id];
    printf("--%s ", o->name);
    if (o->letter) printf("-%c ", o->letter);
  }
  printf("'\n    case $2 in\n");
  EACH_OPTION(row, id) {
    const option_row *o = &option_table[id];
    if (!o->argument) continue;
    printf("    --%s", o->name);
    if (o->letter) printf("|-%c", o->letter);
    const hint *h = hint_of(o->argument);
    fputs(") ", stdout);
    if (is_choice(o)) {
      fputs("compgen -W '", stdout);
      print_spaced(o->argument);
      fputs("' -- \"$1\"; ", stdout);
    } else if (h) {
      printf("%s; ", h->bash);
    }
    puts("return ;;");
  }
  puts("    esac");
  const hint *h = hint_of(row->arguments);
  printf("    [[ $1 == -* ]] || { %s; return; } ;;\n", h ? h->bash : "true");
}

static void bash(void)
{
  puts("# completion of elbo for bash\n"
       "_elbo_words() # WORD BEFORE COMMAND\n{\n  local options=\ncase $3 in");
  EACH_COMMAND(row) bash_options(row);
  puts("esac\n  compgen -W \"$options\" -- \"$1\"\n}\n\n_elbo()\n{\n"
       "  local word=$2 before=$3 command=${COMP_WORDS[1]} groups=\n"
       "  case $command in");
  print_groups("  ", ") groups='");
  printf("  esac\n"
         "  if [[ $COMP_CWORD == 1 ]]; then\n    groups='");
  print_words("");
  puts(" --help --version'\n"
       "    COMPREPLY=($(compgen -W \"$groups\" -- \"$word\"))\n    return\n  fi\n"
       "  if [[ $COMP_CWORD == 2 && $groups && $word != -* ]]; then\n"
       "    COMPREPLY=($(compgen -W \"$groups --help\" -- \"$word\"))\n"
       "  fi\n"
       "  [[ $groups && \" $groups \" == *\" ${COMP_WORDS[2]} \"* ]] && "
       "command=\"$command ${COMP_WORDS[2]}\"\n"
       "  compopt -o filenames 2>/dev/null\n"
       "  mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(shopt -s extglob; _elbo_words \"$word\" "
       "\"$before\" "
       "\"$command\")\n"
       "}\ncomplete -F _elbo elbo");
}

/* ---- zsh */
static void zsh_option(const option_row *o, bool letter)
{
  const char *repeats = o->argument && strstr(o->help, "repeatable") ? "*" : "";
  if (letter)
    printf("    '%s-%c[", repeats, o->letter);
  else
    printf("    '%s--%s%s[", repeats, o->name, o->argument ? "=" : "");
  print_quoted(o->help, "[]:\\");
  putchar(']');
  if (o->argument) {
    const hint *h = hint_of(o->argument);
    putchar(':');
    print_quoted(o->argument, ":\\");
    putchar(':');
    if (is_choice(o)) {
      putchar('(');
      print_spaced(o->argument);
      putchar(')');
    } else if (h) {
      print_quoted(h->zsh, ":\\");
    }
  }
  puts("' \\");
}

static void zsh_arguments(const command_row *row)
{
  const hint *h = hint_of(row->arguments);
  printf("  '%s') _arguments -s \\\n", row->name);
  EACH_OPTION(row, id) {
    zsh_option(&option_table[id], false);
    if (option_table[id].letter) zsh_option(&option_table[id], true);
  }
  fputs("    '*:", stdout);
  print_quoted(*row->arguments ? row->arguments : "no more", ":\\[]");
  putchar(':');
  if (h) print_quoted(h->zsh, ":\\");
  puts("' ;;");
}

static void zsh(void)
{
  printf("#compdef elbo\n_elbo()\n{\n  local command=$words[2] groups=\n"
         "  if (( CURRENT == 2 )); then\n    compadd --");
  print_words("");
  puts(" --help --version\n    return\n  fi\n  case $command in");
  print_groups("  ", ") groups='");
  puts("  esac\n"
       "  if (( CURRENT == 3 )) && [[ -n $groups ]]; then\n    compadd -- ${=groups}\n"
       "  fi\n"
       "  if [[ -n $groups && \" $groups \" == *\" $words[3] \"* ]]; then\n"
       "    command=\"$command $words[3]\"\n    shift words; (( CURRENT-- ))\n  fi\n"
       "  shift words; (( CURRENT-- ))\n  case $command in");
  EACH_COMMAND(row) zsh_arguments(row);
  puts(
      "  esac\n}\nif [[ $funcstack[1] == _elbo ]]; then _elbo \"$@\"; else compdef _elbo elbo; fi");
}

/* ---- fish */
static void fish_option(const command_row *row, const option_row *o)
{
  printf("complete -c elbo -n '__elbo_at \"%s\"' -l %s", row->name, o->name);
  if (o->letter) printf(" -s %c", o->letter);
  const hint *h = o->argument ? hint_of(o->argument) : NULL;
  if (o->argument) fputs(" -x", stdout);
  if (o->argument && (is_choice(o) || h)) {
    fputs(" -a '", stdout);
    if (is_choice(o))
      print_spaced(o->argument);
    else
      for (const char *s = h->fish; *s; s++) printf(*s == '\'' ? "\\'" : "%c", *s);
    putchar('\'');
  }
  fputs(" -d '", stdout);
  for (const char *s = o->help; *s; s++) printf(*s == '\'' || *s == '\\' ? "\\%c" : "%c", *s);
  puts("'");
}

static void fish(void)
{
  puts("# completion of elbo for fish\n"
       "function __elbo_command\n  set -l words (commandline -opc)\n  set -e words[1]\n"
       "  set -l one $words[1]\n  set -l two (string join ' ' -- $words[1..2])\n  switch \"$two\"");
  fputs("    case", stdout);
  EACH_COMMAND(row)
    if (strchr(row->name, ' ')) printf(" '%s'", row->name);
  puts("\n      echo $two\n    case '*'\n      echo $one\n  end\nend\n"
       "function __elbo_at\n  test (__elbo_command) = \"$argv[1]\" 2>/dev/null\nend\n"
       "complete -c elbo -f\n"
       "complete -c elbo -n 'test (count (commandline -opc)) = 1' -l help -l version");
  EACH_COMMAND(row) {
    const char *second = strchr(row->name, ' ');
    printf("complete -c elbo -n '");
    if (second)
      printf("__elbo_at %.*s; and test (count (commandline -opc)) = 2' -a '%s' -d '",
             (int)(second - row->name), row->name, second + 1);
    else
      printf("test (count (commandline -opc)) = 1' -a '%s' -d '", row->name);
    for (const char *s = row->summary; *s; s++)
      printf(*s == '\'' || *s == '\\' ? "\\%c" : "%c", *s);
    puts("'");
    EACH_OPTION(row, id) fish_option(row, &option_table[id]);
    const hint *h = hint_of(row->arguments);
    if (!h) continue;
    printf("complete -c elbo -n '__elbo_at \"%s\"' -a '", row->name);
    for (const char *s = h->fish; *s; s++) printf(*s == '\'' ? "\\'" : "%c", *s);
    puts("'");
  }
}

static const struct {
  const char *name;
  void (*print)(void);
} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

static int cmd_completion(cli *c)
{
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
    if (!strcmp(shells[i].name, c->arguments[0])) return shells[i].print(), 0;
  return fail(c, 2, "completion: expected bash, zsh or fish, found %s",
              quote(c->arguments[0]).text);
}

const command_row command_completion = {
  .name = "completion",
  .arguments = "bash|zsh|fish",
  .least = 1,
  .most = 1,
  .options = ALWAYS,
  .summary = "print the completion of commands and options for a shell",
  .help = "`meson install` puts them where the shells look; without an installation:\n"
          "\n"
          "Example:\n"
          "  elbo completion bash >elbo.bash    # then: source elbo.bash\n"
          "  elbo completion zsh >_elbo         # in a folder of $fpath\n"
          "  elbo completion fish >~/.config/fish/completions/elbo.fish\n",
  .run = cmd_completion,
};
