/* completion.c: shell completion, made of the table: nouns, verbs, options. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static bool
first_of_noun(const struct cli_command *all, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(all[k].noun, all[i].noun) == 0) {
            return false;
        }
    }
    return true;
}

static void
nouns(const struct cli_command *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (first_of_noun(all, i)) {
            (void)printf("%s ", all[i].noun);
        }
    }
}

static void
option_words(const struct cli_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        (void)printf(" --%s", o->name);
    }
}

static void
verbs(const struct cli_command *all, size_t count, const char *noun)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].verb != NULL && strcmp(all[i].noun, noun) == 0) {
            (void)printf("%s ", all[i].verb);
        }
    }
}

/* Whether the noun is a command by itself. */
static bool
is_bare(const struct cli_command *all, size_t count, const char *noun)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].verb == NULL && strcmp(all[i].noun, noun) == 0) {
            return true;
        }
    }
    return false;
}

/* One shell function for bash and zsh: the words so far choose the list. */
static void
bash_like(const struct cli_command *all, size_t count, bool zsh)
{
    if (zsh) {
        (void)printf("autoload -U +X bashcompinit && bashcompinit\n");
    }
    (void)printf("_alto() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words=''\n"
                 "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words='");
    nouns(all, count);
    (void)printf("'\n    else\n        case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < count; i++) {
        if (all[i].verb != NULL) {
            (void)printf("        '%s %s') words='", all[i].noun, all[i].verb);
        } else {
            (void)printf("        '%s '*) words='", all[i].noun);
            verbs(all, count, all[i].noun);
        }
        option_words(all[i].options);
        option_words(cli_global_options);
        (void)printf("' ;;\n");
    }
    for (size_t i = 0; i < count; i++) {
        if (!first_of_noun(all, i) || is_bare(all, count, all[i].noun)) {
            continue;
        }
        (void)printf("        '%s '*) words='", all[i].noun);
        verbs(all, count, all[i].noun);
        (void)printf("' ;;\n");
    }
    (void)printf("        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                 "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "
                 "\"$cur\"))\n}\ncomplete -F _alto alto\n");
}

/* In fish's single quotes a quote is written with a backslash. */
static void
quoted(const char *text)
{
    (void)printf("'");
    for (; *text != '\0'; text++) {
        (void)printf(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    (void)printf("'\n");
}

static void
fish(const struct cli_command *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct cli_command *c = &all[i];

        if (first_of_noun(all, i)) {
            (void)printf("complete -c alto -n __fish_use_subcommand -a %s -d ", c->noun);
            quoted(c->verb == NULL ? c->summary : c->noun);
        }
        if (c->verb != NULL) {
            (void)printf("complete -c alto -n '__fish_seen_subcommand_from %s' -a %s -d ", c->noun,
                         c->verb);
            quoted(c->summary);
        }
        for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++) {
            (void)printf("complete -c alto -n '__fish_seen_subcommand_from %s%s%s' -l %s%s -d ",
                         c->noun, c->verb != NULL ? "; and __fish_seen_subcommand_from " : "",
                         c->verb != NULL ? c->verb : "", o->name, o->value != NULL ? " -r" : "");
            quoted(o->help);
        }
    }
    for (const struct cli_option *o = cli_global_options; o->name != NULL; o++) {
        (void)printf("complete -c alto -l %s%s -d ", o->name, o->value != NULL ? " -r" : "");
        quoted(o->help);
    }
}

int
cmd_completion(struct cli *c)
{
    size_t count;
    const struct cli_command *all = cli_commands(&count);

    if (strcmp(c->words[0], "bash") == 0 || strcmp(c->words[0], "zsh") == 0) {
        bash_like(all, count, c->words[0][0] == 'z');
        return AL_OK;
    }
    if (strcmp(c->words[0], "fish") == 0) {
        fish(all, count);
        return AL_OK;
    }
    return al_fail_set(&c->fail, AL_EINVAL, 0, "completion is there for bash, zsh and fish");
}
