/* main.c: exit codes 0 done, 1 failed, 2 wrong usage. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "port/process.h"

static int
finish(struct cli *c, int rc)
{
    c->http = http_close(c->http);
    /* What was printed must have arrived: a full disk behind a redirection is a failure. */
    if (rc == AL_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        rc = al_fail_set(&c->fail, AL_EIO, 0, "the result could not be written");
    }
    if (rc == AL_OK) {
        return 0;
    }
    (void)fprintf(stderr, "alto: ");
    out_shown(stderr, c->fail.text[0] != '\0' ? c->fail.text : al_code_name(rc));
    if (c->fail.text[0] != '\0') {
        (void)fprintf(stderr, " (%s)", al_code_name(rc));
    }
    (void)fprintf(stderr, "\n");
    return 1;
}

int
main(int argc, char **argv)
{
    struct cli c = {.port = port_native()};
    int rc = args_read(&c, argc, argv);

    if (rc != AL_OK) {
        (void)fprintf(stderr, "alto: %s\n", c.fail.text);
        return 2;
    }
    if (c.version) {
        (void)printf("alto %s\n", ALTO_VERSION);
        return finish(&c, AL_OK);
    }
    if (c.help) {
        if (c.command != NULL) {
            help_command(c.command);
        } else if (c.words[0] != NULL) {
            help_noun(c.words[0]);
        } else {
            help_all();
        }
        return finish(&c, AL_OK);
    }
    return finish(&c, c.command->run(&c));
}
