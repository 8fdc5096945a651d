#include "cli/import.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/process.h"

#define POLL_NS INT64_C(250000000) /* as often as altod tells */
#define LOOK_ROWS 5u
#define CELL_MAX 40u

/* ---- options ---- */

/* "path=FullName,size=Length,owner=": each field with its column, or with none. */
static int
read_map(struct cli *c, const char *text, json_t *options)
{
    json_t *map = json_object();
    int rc = map == NULL ? AL_ENOMEM : AL_OK;

    while (rc == AL_OK && *text != '\0') {
        size_t len = strcspn(text, ","), field = strcspn(text, "=");
        char name[64], column[512];

        if (field >= len || field == 0 || field >= sizeof(name) || len - field > sizeof(column)) {
            rc = al_fail_set(&c->fail, AL_EINVAL, 0,
                             "--map takes field=column,... such as path=FullName,size=Length; "
                             "field= for a field that has no column");
            break;
        }
        (void)snprintf(name, sizeof(name), "%.*s", (int)field, text);
        (void)snprintf(column, sizeof(column), "%.*s", (int)(len - field - 1), text + field + 1);
        rc = al_json_set_str(map, name, column[0] == '\0' ? NULL : column);
        text += len;
        text += *text == ',';
    }
    if (rc != AL_OK) {
        al_json_freep(&map);
        return rc;
    }
    return al_json_set(options, "map", map);
}

static int
read_words(struct cli *c, json_t *options)
{
    static const char *const names[] = {"format", "encoding", "compression",
                                        "dates",  "header",   "root"};
    const char *delimiter = args_get(c, "delimiter");
    int rc = AL_OK;

    for (size_t i = 0; i < AL_LEN(names) && rc == AL_OK; i++) {
        if (args_get(c, names[i]) != NULL) {
            rc = al_json_set_str(options, names[i], args_get(c, names[i]));
        }
    }
    if (rc == AL_OK && delimiter != NULL) {
        rc = al_json_set_str(
            options, "delimiter",
            strcmp(delimiter, "tab") == 0 || strcmp(delimiter, "\\t") == 0 ? "\t" : delimiter);
    }
    return rc;
}

static int
read_options(struct cli *c, json_t *options)
{
    uint64_t percent = 0;
    int64_t zone = 0;
    bool given = false;
    int rc;

    if (args_flag(c, "replace") && args_flag(c, "add")) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "either --replace or --add");
    }
    rc = al_json_set_str(options, "mode", args_flag(c, "add") ? "add" : "replace");
    rc = rc != AL_OK ? rc : read_words(c, options);
    if (rc == AL_OK && args_get(c, "zone") != NULL) {
        rc = al_parse_i64(args_get(c, "zone"), &zone);
        rc = rc == AL_OK ? al_json_set_i64(options, "zone_minutes", zone)
                         : al_fail_set(&c->fail, rc, 0, "--zone takes minutes east of UTC");
    }
    rc = rc != AL_OK ? rc : args_number(c, "refused-max", &percent, &given);
    if (rc == AL_OK && given) {
        rc = al_json_set_u64(options, "refused_percent_max", percent);
    }
    if (rc == AL_OK && args_get(c, "map") != NULL) {
        rc = read_map(c, args_get(c, "map"), options);
    }
    return rc;
}

/* ---- the look, as a table ---- */

/* One row of the look for out_table: its cells by the columns' numbers. */
static int
add_row(json_t *rows, const json_t *cells, const char keys[][12], size_t count)
{
    json_t *row = json_object();
    int rc = row == NULL ? AL_ENOMEM : AL_OK;

    for (size_t i = 0; i < count && rc == AL_OK; i++) {
        const char *text = json_string_value(json_array_get(cells, i));
        char cell[CELL_MAX + 4];
        size_t len = text == NULL ? 0 : strlen(text), cut = len > CELL_MAX ? CELL_MAX : len;

        while (cut > 0 && cut < len && ((uint8_t)text[cut] & 0xc0) == 0x80) {
            cut--; /* no half characters */
        }
        (void)snprintf(cell, sizeof(cell), "%.*s%s", (int)cut, text == NULL ? "" : text,
                       cut < len ? "..." : "");
        rc = al_json_set_str(row, keys[i], cell);
    }
    return rc == AL_OK && json_array_append_new(rows, row) == 0 ? AL_OK : AL_ENOMEM;
}

#define SAMPLE_COLUMNS 6u

static int
print_rows(struct cli *c, const json_t *look)
{
    AL_CLEANUP(al_json_freep) json_t *rows = json_array();
    const json_t *columns = json_object_get(look, "columns"),
                 *cells = json_object_get(look, "rows");
    size_t count =
        json_array_size(columns) > SAMPLE_COLUMNS ? SAMPLE_COLUMNS : json_array_size(columns);
    struct column shown[SAMPLE_COLUMNS];
    char keys[SAMPLE_COLUMNS][12];
    int rc = AL_OK;

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%zu", i);
        shown[i] = (struct column){get_text(json_array_get(columns, i), "name"), keys[i], COL_TEXT};
    }
    for (size_t i = 0; i < json_array_size(cells) && i < LOOK_ROWS && rc == AL_OK; i++) {
        rc = add_row(rows, json_array_get(cells, i), keys, count);
    }
    if (rc == AL_OK && json_array_size(rows) > 0) {
        (void)printf("\n");
        rc = out_table(c, rows, shown, count);
    }
    return rc;
}

static int
print_look(struct cli *c, const json_t *import)
{
    static const struct column columns[] = {{"COLUMN", "name", COL_TEXT},
                                            {"MEANS", "field", COL_TEXT},
                                            {"READ AS", "reads_as", COL_TEXT},
                                            {"GUESSED", "guessed", COL_TEXT}};
    const json_t *look = json_object_get(import, "look"), *o = json_object_get(look, "options");
    const char *by = get_text(look, "made_by"), *problem = get_text(look, "problem");
    char size[32];
    int rc = AL_OK;

    out_size(get_count(look, "bytes"), size);
    out_shown(stdout, get_text(import, "name"));
    (void)printf(": %s", by[0] == '\0' ? "" : "made by ");
    out_shown(stdout, by);
    (void)printf("%s, %s, %s, about %llu rows\n", by[0] == '\0' ? get_text(o, "format") : "",
                 get_text(o, "encoding"), size, (unsigned long long)get_count(look, "rows_about"));
    if (get_text(o, "root")[0] != '\0') {
        (void)printf("the volume's root is ");
        out_shown(stdout, get_text(o, "root"));
        (void)printf(" in it\n");
    }
    if (json_array_size(json_object_get(look, "columns")) > 0) {
        (void)printf("\n");
        rc = out_table(c, json_object_get(look, "columns"), columns, AL_LEN(columns));
        rc = rc != AL_OK ? rc : print_rows(c, look);
    }
    if (problem[0] != '\0') {
        (void)printf("\nit cannot be imported like this: %s\n", problem);
    }
    return rc;
}

/* ---- running ---- */

static void
run_progress(const json_t *i)
{
    uint64_t size = get_count(i, "size"), done = get_count(i, "bytes_done");
    unsigned columns;

    if (port_is_tty(2, &columns)) {
        (void)fprintf(stderr, "\r\033[K%s %u %%, %llu rows, %llu rows/s, %llu refused",
                      get_text(i, "phase"),
                      (unsigned)(size == 0 ? 0 : (double)done * 100.0 / (double)size),
                      (unsigned long long)get_count(i, "rows"),
                      (unsigned long long)get_count(i, "rows_per_s"),
                      (unsigned long long)get_count(i, "refused"));
        (void)fflush(stderr);
    }
}

static int
follow(struct cli *c, const char *id, json_t **ret)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/imports/%s", id);
    for (;;) {
        json_t *now = NULL;
        int rc = call(c, "GET", path, NULL, &now);

        if (rc != AL_OK || strcmp(get_text(now, "state"), "running") != 0) {
            import_line_end();
            *ret = now;
            return rc;
        }
        run_progress(now);
        al_json_freep(&now);
        port_sleep_ns(c->port, POLL_NS);
    }
}

static void
summary(const json_t *i)
{
    const json_t *r = json_object_get(i, "result");
    char bytes[32];

    (void)printf("import %s: %s\n", get_text(i, "id"), get_text(i, "state"));
    if (json_is_object(r)) {
        out_size(get_count(r, "bytes"), bytes);
        (void)printf("%llu files, %s, %llu folders; %llu new, %llu replaced, %llu with newer "
                     "evidence, %llu gone\n",
                     (unsigned long long)get_count(r, "files"), bytes,
                     (unsigned long long)get_count(r, "folders"),
                     (unsigned long long)get_count(r, "added"),
                     (unsigned long long)get_count(r, "replaced"),
                     (unsigned long long)get_count(r, "evidence"),
                     (unsigned long long)get_count(r, "removed"));
    }
    if (get_count(i, "refused") > 0) {
        (void)printf("%llu rows were refused: alto import refused %s\n",
                     (unsigned long long)get_count(i, "refused"), get_text(i, "id"));
    }
}

/* What became of it decides the exit code. */
static int
import_out(struct cli *c, const json_t *i)
{
    const char *state = get_text(i, "state");
    int rc = AL_OK;

    if (c->json) {
        rc = out_json(i);
    } else {
        summary(i);
    }
    if (rc == AL_OK && strcmp(state, "failed") == 0) {
        rc = al_code_from_name(get_text(i, "code"));
        return al_fail_set(&c->fail, rc == AL_OK ? AL_EINTERNAL : rc, 0,
                           "the import failed, nothing was changed: %.300s", get_text(i, "text"));
    }
    if (rc == AL_OK && strcmp(state, "cancelled") == 0) {
        return al_fail_set(&c->fail, AL_ECANCELED, 0, "the import was cancelled");
    }
    return rc;
}

static int
run(struct cli *c, const char *id)
{
    AL_CLEANUP(al_json_freep) json_t *now = NULL;
    char path[80];
    int rc;

    (void)snprintf(path, sizeof(path), "/imports/%s/run", id);
    rc = call(c, "POST", path, NULL, &now);
    if (rc == AL_OK && args_flag(c, "wait")) {
        al_json_freep(&now);
        rc = follow(c, id, &now);
    }
    return rc != AL_OK ? rc : import_out(c, now);
}

/* Only the look was wanted: nothing stays. */
static int
dry_run(struct cli *c, const json_t *import)
{
    const json_t *look = json_object_get(import, "look");
    bool problem = get_text(look, "problem")[0] != '\0';
    char path[64];
    int rc;

    (void)snprintf(path, sizeof(path), "/imports/%s", get_text(import, "id"));
    rc = call(c, "DELETE", path, NULL, NULL);
    if (rc == AL_OK && c->json) {
        rc = out_json(look);
    }
    return rc == AL_OK && problem
               ? al_fail_set(&c->fail, AL_EINVAL, 0, "tell what the columns mean with --map")
               : rc;
}

int
cmd_import(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *import = NULL;
    json_t *options = json_object();
    al_id volume;
    int rc = read_options(c, options);

    rc = rc != AL_OK ? rc : resolve_volume(c, c->words[0], volume);
    if (rc != AL_OK) {
        json_decref(options);
        return rc;
    }
    rc = import_send(c, volume, c->words[1], options, &import);
    rc = rc != AL_OK || c->json ? rc : print_look(c, import);
    if (rc != AL_OK) {
        return rc;
    }
    if (args_flag(c, "dry-run")) {
        return dry_run(c, import);
    }
    if (get_text(json_object_get(import, "look"), "problem")[0] != '\0') {
        return al_fail_set(&c->fail, AL_EINVAL, 0,
                           "tell what the columns mean with --map; this one: alto import remove %s",
                           get_text(import, "id"));
    }
    if (!c->json) {
        (void)printf("\n");
    }
    return run(c, get_text(import, "id"));
}

/* ---- those that are there ---- */

int
cmd_import_list(struct cli *c)
{
    static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                            {"STATE", "state", COL_TEXT},
                                            {"NAME", "name", COL_TEXT},
                                            {"SIZE", "size", COL_BYTES},
                                            {"ROWS", "rows", COL_COUNT},
                                            {"REFUSED", "refused", COL_COUNT},
                                            {"CREATED", "created_at", COL_TIME}};

    return list_nouns(c, "/imports", columns, AL_LEN(columns));
}

static int
of_import(struct cli *c, const char *tail, char path[96])
{
    if (!al_id_valid(c->words[0])) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "%.80s is no id of an import: alto import list",
                           c->words[0]);
    }
    (void)snprintf(path, 96, "/imports/%s%s", c->words[0], tail);
    return AL_OK;
}

int
cmd_import_show(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *import = NULL;
    char path[96];
    int rc = of_import(c, "", path);

    rc = rc != AL_OK ? rc : call(c, "GET", path, NULL, &import);
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(import);
    }
    if (json_is_object(json_object_get(import, "look"))) {
        rc = print_look(c, import);
        (void)printf("\n");
    }
    summary(import);
    if (get_text(import, "text")[0] != '\0') {
        out_shown(stdout, get_text(import, "text"));
        (void)printf("\n");
    }
    return rc;
}

int
cmd_import_cancel(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *import = NULL;
    char path[96];
    int rc = of_import(c, "/cancel", path);

    rc = rc != AL_OK ? rc : call(c, "POST", path, NULL, &import);
    if (rc == AL_OK && c->json) {
        rc = out_json(import);
    }
    return rc;
}

int
cmd_import_refused(struct cli *c)
{
    char path[96];
    int rc = of_import(c, "/refused", path);

    return rc != AL_OK ? rc : download(c, path, args_get(c, "output"), NULL);
}

int
cmd_import_remove(struct cli *c)
{
    char path[96];
    int rc = of_import(c, "", path);

    return rc != AL_OK ? rc : call(c, "DELETE", path, NULL, NULL);
}
