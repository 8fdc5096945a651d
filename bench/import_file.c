/* import_file FOLDER FILE [OPTION=VALUE ...]: imports FILE into a volume of an inventory in FOLDER (made if it is not there), as altod does.
 * Prints the seconds from the look to the commit and the closing of the database, rows, refused rows, entries' bytes on disk. With look=1 only
 * what the file seems to be. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "files.h"
#include "server/inventory/import.h"

#define CUSTOMER "01hc0000000000000000000000"
#define VOLUME "01hv0000000000000000000000"

static void
say(void *ctx, enum al_log_level level, const char *text)
{
    fprintf(stderr, "# %s\n", text);
}

static int
tell(void *ctx, const struct import_progress *p)
{
    if (getenv("IMPORT_TELL") != NULL) {
        fprintf(stderr,
                "# %.3f s, processor %.3f s, %s %llu of %llu bytes, %llu rows, %llu refused\n",
                now() - *(double *)ctx, (double)clock() / CLOCKS_PER_SEC, p->phase,
                (unsigned long long)p->bytes_done, (unsigned long long)p->bytes_total,
                (unsigned long long)p->rows, (unsigned long long)p->refused);
    }
    return AL_OK;
}

static void
show(const struct import_look *l)
{
    printf("%s, %s, %s, %s dates, header %s, delimiter '%c', made by \"%s\", root %.*s, about %llu "
           "rows, problem \"%.*s\"\n",
           import_format_name(l->options.format), import_encoding_name(l->options.encoding),
           import_compression_name(l->options.compression), import_dates_name(l->options.dates),
           import_header_name(l->options.header),
           l->options.delimiter != 0 ? l->options.delimiter : '-', l->made_by,
           (int)l->options.root.len, (const char *)l->options.root.at,
           (unsigned long long)l->rows_about, (int)l->problem.len, (const char *)l->problem.at);
    for (size_t c = 0; c < l->column_count; c++) {
        const char *field = import_field_name(l->columns[c].field);

        printf("  %.*s: %s, %s: %.*s\n", (int)l->columns[c].name.len,
               (const char *)l->columns[c].name.at, field != NULL ? field : "-",
               l->columns[c].reads_as, l->row_count > 0 ? (int)l->rows[0][c].len : 0,
               l->row_count > 0 ? (const char *)l->rows[0][c].at : "");
    }
}

static int
import(struct inventory *inv, const char *folder, const char *file,
       const struct import_options *options, bool look)
{
    static const struct inventory_scope scope = {CUSTOMER};
    struct import_result r = {0};
    struct al_fail fail = {0};
    char refused[4096];
    double began = now();
    al_id id;
    uint8_t random[10] = {0};
    int rc;

    if (look) {
        struct al_arena *arena = al_arena_new((size_t)64 << 20);
        struct import_look l;

        rc = inventory_import_look(inv, file, options, arena, &l, &fail);
        if (rc == AL_OK) {
            show(&l);
        }
        al_arena_free(arena);
    } else {
        rc = port_random(port_native(), random, sizeof(random));
        al_id_make(port_now_ns(port_native()), random, id);
        (void)snprintf(refused, sizeof(refused), "%s/refused.csv", folder);
        if (rc == AL_OK) {
            rc = inventory_volume_make(inv, &scope, VOLUME, 4096, &fail);
        }
        if (rc == AL_OK) {
            rc = inventory_import_run(inv, &scope, VOLUME, id, file, options, refused,
                                      port_now_ns(port_native()), tell, &began, &r, &fail);
        }
    }
    if (rc < 0) {
        fprintf(stderr, "import_file: %s: %s\n", al_code_name(rc), fail.text);
        return 1;
    }
    if (!look) {
        printf("%.3f s in the call, rows %llu refused %llu files %llu folders %llu others %llu "
               "bytes %llu added %llu replaced %llu evidence %llu "
               "removed %llu made %llu\n",
               now() - began, (unsigned long long)r.rows, (unsigned long long)r.refused,
               (unsigned long long)r.files, (unsigned long long)r.folders,
               (unsigned long long)r.others, (unsigned long long)r.bytes,
               (unsigned long long)r.added, (unsigned long long)r.replaced,
               (unsigned long long)r.evidence, (unsigned long long)r.removed,
               (unsigned long long)r.folders_made);
    }
    return 0;
}

static bool
option(struct import_options *o, const char *name, const char *value)
{
    if (strcmp(name, "root") == 0) {
        o->root = al_span_of(value);
    } else if (strcmp(name, "dates") == 0) {
        o->dates = (enum import_dates)import_dates_of(value);
    } else if (strcmp(name, "mode") == 0) {
        o->mode = (enum import_mode)import_mode_of(value);
    } else if (strcmp(name, "percent") == 0) {
        o->refused_percent_max = (uint32_t)atoi(value);
    } else {
        return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    static struct al_log log = {AL_LOG_DEBUG, say, NULL};
    struct inventory_conf conf = {.port = port_native(),
                                  .dir = argc > 2 ? argv[1] : NULL,
                                  .log = getenv("IMPORT_LOG") != NULL ? &log : NULL};
    struct import_options options = {0};
    struct inventory *inv = NULL;
    struct al_fail fail = {0};
    struct stat st;
    char path[4096];
    bool look = false;
    double began = now();
    int status;

    if (argc < 3) {
        fprintf(stderr, "usage: import_file FOLDER FILE [OPTION=VALUE ...]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        if (value != NULL) {
            *value++ = '\0';
        }
        if (value != NULL && strcmp(argv[i], "look") == 0) {
            look = true;
        } else if (value == NULL || !option(&options, argv[i], value)) {
            fprintf(stderr, "import_file: %s is no option\n", argv[i]);
            return 2;
        }
    }
    if (inventory_open(&conf, &inv, &fail) < 0) {
        fprintf(stderr, "import_file: %s\n", fail.text);
        return 1;
    }
    status = import(inv, argv[1], argv[2], &options, look);
    inventory_close(inv);
    (void)snprintf(path, sizeof(path), "%s/" VOLUME ".duckdb", argv[1]);
    if (status == 0 && !look) {
        printf("%.3f %llu\n", now() - began,
               (unsigned long long)(stat(path, &st) == 0 ? st.st_size : 0));
    }
    return status;
}
