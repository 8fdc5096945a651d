/* import.h: what import.c and import_send.c share. */
#ifndef ALTO_CLI_IMPORT_H
#define ALTO_CLI_IMPORT_H

#include "cli/cli.h"

/* Announces the file, or with --resume goes on with one, and sends its bytes, with progress on a
 * terminal. *ret: the import as it is then. */
int import_send(struct cli *c, const char *volume_id, const char *file, json_t *options_taken,
                json_t **ret) AL_MUST_CHECK;
void import_line_end(void); /* clears the line of progress on a terminal */

#endif
