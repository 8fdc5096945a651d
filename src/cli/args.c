/* args.c: the command line read against the table. */
#include "cli/cli.h"

#include <string.h>

const struct cli_option cli_global_options[] = {
    {"server", "URL", "altod to talk to; default: $ALTO_SERVER, or the one logged in to", false},
    {"ca-file", "FILE", "certificate authority of the server (PEM)", false},
    {"json", NULL, "print the result as JSON", false},
    {"help", NULL, "tell about a command", false},
    {"version", NULL, "print the version", false},
    {NULL, NULL, NULL, false},
};

static const char *
equals(const char *arg, const char *name)
{
    size_t n = strlen(name);

    return strncmp(arg, name, n) == 0 && (arg[n] == '\0' || arg[n] == '=') ? arg + n : NULL;
}

static int
value_of(struct cli *c, const char *rest, const char *name, const char *placeholder, int argc,
         char **argv, int *io_at, const char **ret)
{
    if (placeholder == NULL) {
        if (*rest == '=') {
            return al_fail_set(&c->fail, AL_EINVAL, 0, "--%s takes no value", name);
        }
        *ret = "";
        return AL_OK;
    }
    if (*rest == '=') {
        *ret = rest + 1;
        return AL_OK;
    }
    if (*io_at + 1 >= argc) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "--%s needs a value: --%s %s", name, name,
                           placeholder);
    }
    *ret = argv[++*io_at];
    return AL_OK;
}

/* *ret_known false: it is no global option. */
static int
read_global(struct cli *c, int argc, char **argv, int *io_at, bool *ret_known)
{
    for (const struct cli_option *o = cli_global_options; o->name != NULL; o++) {
        const char *rest = equals(argv[*io_at] + 2, o->name), *value = NULL;
        int rc;

        if (rest == NULL) {
            continue;
        }
        *ret_known = true;
        rc = value_of(c, rest, o->name, o->value, argc, argv, io_at, &value);
        if (rc != AL_OK) {
            return rc;
        }
        if (strcmp(o->name, "server") == 0) {
            c->server = value;
        } else if (strcmp(o->name, "ca-file") == 0) {
            c->ca_file = value;
        } else if (strcmp(o->name, "json") == 0) {
            c->json = true;
        } else if (strcmp(o->name, "help") == 0) {
            c->help = true;
        } else {
            c->version = true;
        }
        return AL_OK;
    }
    return AL_OK;
}

static int
read_option(struct cli *c, int argc, char **argv, int *io_at)
{
    bool known = false;
    int rc = read_global(c, argc, argv, io_at, &known);

    if (rc != AL_OK || known) {
        return rc;
    }
    for (size_t i = 0;
         c->command != NULL && c->command->options != NULL && c->command->options[i].name != NULL;
         i++) {
        const struct cli_option *o = &c->command->options[i];
        const char *rest = equals(argv[*io_at] + 2, o->name);

        if (rest != NULL) {
            return value_of(c, rest, o->name, o->value, argc, argv, io_at, &c->values[i]);
        }
    }
    return al_fail_set(&c->fail, AL_EINVAL, 0, "unknown option %.80s%s", argv[*io_at],
                       c->command == NULL ? ": options of a command stand behind it" : "");
}

static bool
option_given(const struct cli *c)
{
    for (size_t i = 0; i < CLI_OPTIONS_MAX; i++) {
        if (c->values[i] != NULL) {
            return true;
        }
    }
    return false;
}

/* A noun that is a command by itself may have verbs too: the first word behind it decides, unless
 * it stands behind "--" or an option. NULL: it is none. */
static const struct cli_command *
verb_of_bare(const struct cli *c, const char *word)
{
    size_t count;
    const struct cli_command *all = cli_commands(&count);

    for (size_t i = 0; i < count && c->command->verb == NULL && c->word_count == 0; i++) {
        if (all[i].verb != NULL && strcmp(all[i].noun, c->command->noun) == 0 &&
            strcmp(all[i].verb, word) == 0 && !option_given(c)) {
            return &all[i];
        }
    }
    return NULL;
}

/* Takes a word as noun, verb or argument. */
static int
read_word(struct cli *c, const char *word, bool ended, const char **io_noun)
{
    size_t count;
    const struct cli_command *all = cli_commands(&count), *verb;
    bool is_noun = false;

    if (c->command == NULL && *io_noun == NULL && strcmp(word, "help") == 0) {
        c->help = true; /* as other programs have it: "alto help rule add" */
        return AL_OK;
    }
    if (c->command != NULL && !ended && (verb = verb_of_bare(c, word)) != NULL) {
        c->command = verb;
        return AL_OK;
    }
    if (c->command != NULL) {
        if (c->word_count == c->command->words_max || c->word_count == CLI_WORDS_MAX) {
            return al_fail_set(&c->fail, AL_EINVAL, 0, "too many words: %.80s", word);
        }
        c->words[c->word_count++] = word;
        return AL_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (*io_noun == NULL && strcmp(all[i].noun, word) == 0) {
            is_noun = true;
            if (all[i].verb == NULL) {
                c->command = &all[i];
            }
        } else if (*io_noun != NULL && all[i].verb != NULL && strcmp(all[i].noun, *io_noun) == 0 &&
                   strcmp(all[i].verb, word) == 0) {
            c->command = &all[i];
        }
    }
    if (*io_noun == NULL && is_noun) {
        *io_noun = word;
        return AL_OK;
    }
    if (c->command != NULL) {
        return AL_OK;
    }
    return *io_noun == NULL
               ? al_fail_set(&c->fail, AL_EINVAL, 0, "unknown command %.80s: see alto --help", word)
               : al_fail_set(&c->fail, AL_EINVAL, 0, "unknown command %s %.80s: see alto %s --help",
                             *io_noun, word, *io_noun);
}

static int
check(struct cli *c, const char *noun)
{
    const struct cli_command *cmd = c->command;

    if (cmd == NULL) {
        return noun != NULL
                   ? al_fail_set(&c->fail, AL_EINVAL, 0,
                                 "what shall be done with the %s? See alto %s --help", noun, noun)
                   : al_fail_set(&c->fail, AL_EINVAL, 0, "what shall be done? See alto --help");
    }
    if (c->word_count < cmd->words_min) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "usage: alto %s%s%s %s", cmd->noun,
                           cmd->verb != NULL ? " " : "", cmd->verb != NULL ? cmd->verb : "",
                           cmd->words);
    }
    for (size_t i = 0; cmd->options != NULL && cmd->options[i].name != NULL; i++) {
        if (cmd->options[i].required && c->values[i] == NULL) {
            return al_fail_set(&c->fail, AL_EINVAL, 0, "--%s %s is needed", cmd->options[i].name,
                               cmd->options[i].value);
        }
    }
    return AL_OK;
}

int
args_read(struct cli *c, int argc, char **argv)
{
    const char *noun = NULL;
    bool ended = false;

    for (int at = 1; at < argc; at++) {
        int rc;

        if (!ended && strcmp(argv[at], "--") == 0) {
            ended = true;
            continue;
        }
        rc = !ended && strncmp(argv[at], "--", 2) == 0 ? read_option(c, argc, argv, &at)
                                                       : read_word(c, argv[at], ended, &noun);
        if (rc != AL_OK) {
            return rc;
        }
    }
    if (c->version) {
        return AL_OK;
    }
    if (c->help || argc == 1) {
        c->help = true;
        c->words[0] = c->command == NULL ? noun : c->words[0]; /* for help_noun */
        return AL_OK;
    }
    return check(c, noun);
}

const char *
args_get(const struct cli *c, const char *option)
{
    for (size_t i = 0; c->command->options != NULL && c->command->options[i].name != NULL; i++) {
        if (strcmp(c->command->options[i].name, option) == 0) {
            return c->values[i];
        }
    }
    return NULL;
}

bool
args_flag(const struct cli *c, const char *option)
{
    return args_get(c, option) != NULL;
}

int
args_size(struct cli *c, const char *option, uint64_t *ret, bool *ret_given)
{
    const char *text = args_get(c, option);

    *ret_given = text != NULL;
    if (text == NULL || al_parse_size(text, ret) == AL_OK) {
        return AL_OK;
    }
    return al_fail_set(&c->fail, AL_EINVAL, 0,
                       "--%s: %.60s is no size; such as 10MB, 4 GiB or 4096", option, text);
}

int
args_number(struct cli *c, const char *option, uint64_t *ret, bool *ret_given)
{
    const char *text = args_get(c, option);

    *ret_given = text != NULL;
    if (text == NULL || al_parse_u64(text, ret) == AL_OK) {
        return AL_OK;
    }
    return al_fail_set(&c->fail, AL_EINVAL, 0, "--%s: %.60s is no number", option, text);
}
