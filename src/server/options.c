#include "server/options.h"

#include <string.h>

#include "base/text.h"

#define WORKERS_MAX 64u

const char options_help[] =
    "Usage: altod --data DIR [OPTION]...\n"
    "Serves Alto's interface and console, and keeps its data in DIR.\n"
    "\n"
    "  --data DIR            where everything is kept; made if it is not there, readable by nobody "
    "else\n"
    "  --listen ADDR:PORT    default 127.0.0.1:8420; any address that is not loopback needs TLS\n"
    "  --tls-cert FILE       certificate (chain) in PEM, with\n"
    "  --tls-key FILE        its private key in PEM\n"
    "  --tls-self-signed     makes both in DIR/tls and renews them\n"
    "  --console DIR         the built console; default: where it is installed, or ./console/dist\n"
    "  --store URL           default sqlite, in DIR\n"
    "  --inventory URL       default duckdb, a file per volume in DIR\n"
    "  --bus URL             default local:\n"
    "  --series URL          default store:\n"
    "  --import-dir DIR      watches DIR for inventories to import: DIR/VOLUME-ID/FILE or\n"
    "                        DIR/CUSTOMER/VOLUME/FILE; each goes to done/ or refused/ beside it\n"
    "  --workers N           operations that run at once; default 8\n"
    "  --password-file FILE  the first start writes the password of \"admin\" there (mode 0600) "
    "instead of\n"
    "                        to standard output; FILE must not be there yet\n"
    "  --log-level LEVEL     error, warn, info (default) or debug\n"
    "  --log-format FORMAT   text (default) or json, a line each, to standard error\n"
    "  --ready-fd N          writes \"ready URL\" and a line end to descriptor N once requests are "
    "taken\n"
    "  --help, --version\n"
    "\n"
    "Ends with 0 after SIGTERM or SIGINT, 1 when something failed, 2 for wrong usage.\n";

struct option {
    const char *name;
    bool flag; /* takes no value */
    int (*set)(struct options *o, const char *value, struct al_fail *fail);
};

static int
set_listen(struct options *o, const char *value, struct al_fail *fail)
{
    return port_addr_parse(value, &o->listen, fail);
}

static int
set_workers(struct options *o, const char *value, struct al_fail *fail)
{
    uint64_t n;

    if (al_parse_u64(value, &n) != AL_OK || n < 1 || n > WORKERS_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "--workers takes a number from 1 to %u",
                           WORKERS_MAX);
    }
    o->workers = (unsigned)n;
    return AL_OK;
}

static int
set_ready_fd(struct options *o, const char *value, struct al_fail *fail)
{
    uint64_t n;

    if (al_parse_u64(value, &n) != AL_OK || n > INT32_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "--ready-fd takes the number of a descriptor");
    }
    o->ready_fd = (int)n;
    return AL_OK;
}

static int
set_log_level(struct options *o, const char *value, struct al_fail *fail)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    for (size_t i = 0; i < AL_LEN(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            o->log_level = (enum al_log_level)i;
            return AL_OK;
        }
    }
    return al_fail_set(fail, AL_EINVAL, 0, "--log-level takes error, warn, info or debug");
}

static int
set_log_format(struct options *o, const char *value, struct al_fail *fail)
{
    o->log_json = strcmp(value, "json") == 0;
    if (!o->log_json && strcmp(value, "text") != 0) {
        return al_fail_set(fail, AL_EINVAL, 0, "--log-format takes text or json");
    }
    return AL_OK;
}

#define TEXT_SETTER(member)                                                                        \
    static int set_##member(struct options *o, const char *value, struct al_fail *fail)            \
    {                                                                                              \
        o->member = value;                                                                         \
        return AL_OK;                                                                              \
    }
#define FLAG_SETTER(member)                                                                        \
    static int set_##member(struct options *o, const char *value, struct al_fail *fail)            \
    {                                                                                              \
        o->member = true;                                                                          \
        return AL_OK;                                                                              \
    }
TEXT_SETTER(data)
TEXT_SETTER(store)
TEXT_SETTER(inventory)
TEXT_SETTER(bus)
TEXT_SETTER(series)
TEXT_SETTER(console)
TEXT_SETTER(tls_cert)
TEXT_SETTER(tls_key)
TEXT_SETTER(password_file)
TEXT_SETTER(import_dir)
FLAG_SETTER(tls_self_signed)
FLAG_SETTER(help)
FLAG_SETTER(version)
FLAG_SETTER(print_routes)

static const struct option table[] = {
    {"--data", false, set_data},
    {"--listen", false, set_listen},
    {"--store", false, set_store},
    {"--inventory", false, set_inventory},
    {"--bus", false, set_bus},
    {"--series", false, set_series},
    {"--console", false, set_console},
    {"--tls-cert", false, set_tls_cert},
    {"--tls-key", false, set_tls_key},
    {"--tls-self-signed", true, set_tls_self_signed},
    {"--import-dir", false, set_import_dir},
    {"--workers", false, set_workers},
    {"--password-file", false, set_password_file},
    {"--log-level", false, set_log_level},
    {"--log-format", false, set_log_format},
    {"--ready-fd", false, set_ready_fd},
    {"--help", true, set_help},
    {"--version", true, set_version},
    {"--print-routes", true, set_print_routes},
};

static int
parse_one(struct options *o, int argc, char **argv, int *io_at, struct al_fail *fail)
{
    const char *word = argv[*io_at], *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);

    for (size_t i = 0; i < AL_LEN(table); i++) {
        if (strlen(table[i].name) != len || strncmp(table[i].name, word, len) != 0) {
            continue;
        }
        if (table[i].flag) {
            return equals == NULL
                       ? table[i].set(o, NULL, fail)
                       : al_fail_set(fail, AL_EINVAL, 0, "%s takes no value", table[i].name);
        }
        if (equals == NULL && *io_at + 1 >= argc) {
            return al_fail_set(fail, AL_EINVAL, 0, "%s needs a value", table[i].name);
        }
        return table[i].set(o, equals != NULL ? equals + 1 : argv[++*io_at], fail);
    }
    return al_fail_set(fail, AL_EINVAL, 0, "%.80s is no option; altod --help lists them", word);
}

static int
check(const struct options *o, struct al_fail *fail)
{
    if (o->data == NULL || o->data[0] == '\0') {
        return al_fail_set(fail, AL_EINVAL, 0, "--data DIR is needed");
    }
    if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
        return al_fail_set(fail, AL_EINVAL, 0, "--tls-cert and --tls-key belong together");
    }
    if (o->tls_cert != NULL && o->tls_self_signed) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "either --tls-cert and --tls-key, or --tls-self-signed");
    }
    if (!o->listen.loopback && o->tls_cert == NULL && !o->tls_self_signed) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "%s:%u can be reached from elsewhere, and passwords would cross the "
                           "network in the clear: add --tls-cert and --tls-key, or "
                           "--tls-self-signed, or listen at 127.0.0.1",
                           o->listen.host[0] != '\0' ? o->listen.host : "every address",
                           o->listen.port);
    }
    return AL_OK;
}

int
options_parse(struct options *ret, int argc, char **argv, struct al_fail *fail)
{
    struct options o = {.log_level = AL_LOG_INFO, .ready_fd = -1};
    int rc = port_addr_parse("127.0.0.1:8420", &o.listen, fail);

    for (int i = 1; rc == AL_OK && i < argc; i++) {
        rc = parse_one(&o, argc, argv, &i, fail);
    }
    if (rc == AL_OK && !o.help && !o.version && !o.print_routes) {
        rc = check(&o, fail);
    }
    if (rc == AL_OK) {
        *ret = o;
    }
    return rc;
}
