/* options.h: altod's command line. Texts point into argv. One thread. */
#ifndef ALTO_SERVER_OPTIONS_H
#define ALTO_SERVER_OPTIONS_H

#include "base/log.h"
#include "port/listen.h"

struct options {
    const char *data;
    struct port_addr listen;
    const char *store, *inventory, *bus, *series; /* NULL: embedded */
    /* NULL: where it is installed, or ./console/dist */
    const char *console;
    const char *tls_cert, *tls_key;
    bool tls_self_signed;
    unsigned workers;
    enum al_log_level log_level;
    bool log_json;
    int ready_fd;           /* -1: none */
    const char *import_dir; /* NULL: none is watched */
    const char *password_file;
    bool help, version, print_routes;
};

/* AL_EINVAL with a sentence for the user; what belongs together is checked too. */
int options_parse(struct options *ret, int argc, char **argv, struct al_fail *fail) AL_MUST_CHECK;
extern const char options_help[];

#endif
