#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void
options(const struct cli_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        char left[64];

        (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        (void)printf("  %-24s %s%s\n", left, o->help, o->required ? " (needed)" : "");
    }
}

static void
line(const struct cli_command *cmd)
{
    char left[96];

    (void)snprintf(left, sizeof(left), "%s%s%s %s", cmd->noun, cmd->verb != NULL ? " " : "",
                   cmd->verb != NULL ? cmd->verb : "", cmd->words);
    (void)printf("  %-34s %s\n", left, cmd->summary);
}

void
help_all(void)
{
    size_t count;
    const struct cli_command *all = cli_commands(&count);

    (void)printf("usage: alto COMMAND [WORDS] [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < count; i++) {
        line(&all[i]);
    }
    (void)printf("\nOptions of every command:\n");
    options(cli_global_options);
    (void)printf(
        "\nExit codes: 0 done, 1 failed, 2 wrong usage. alto COMMAND --help tells more.\n");
}

void
help_noun(const char *noun)
{
    size_t count;
    const struct cli_command *all = cli_commands(&count);

    (void)printf("usage: alto %s COMMAND [WORDS] [OPTIONS]\n\nCommands:\n", noun);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].noun, noun) == 0) {
            line(&all[i]);
        }
    }
    (void)printf("\nOptions of every command:\n");
    options(cli_global_options);
}

void
help_command(const struct cli_command *cmd)
{
    (void)printf("usage: alto %s%s%s %s%s[OPTIONS]\n\n%s\n", cmd->noun,
                 cmd->verb != NULL ? " " : "", cmd->verb != NULL ? cmd->verb : "", cmd->words,
                 cmd->words[0] != '\0' ? " " : "", cmd->summary);
    if (cmd->options != NULL) {
        (void)printf("\nOptions:\n");
        options(cmd->options);
    }
    (void)printf("\nOptions of every command:\n");
    options(cli_global_options);
    if (cmd->more != NULL) {
        (void)printf("\n%s\n", cmd->more);
    }
}
