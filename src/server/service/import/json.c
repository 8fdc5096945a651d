#include "server/service/import/import.h"

#include <string.h>

#define ZONE_MINUTES_MAX (14 * 60)
#define ROOT_BYTES_MAX 4096u

/* ---- options, read ---- */

static int
bad(struct al_fail *fail, const char *key, const char *what)
{
    return al_fail_set(fail, AL_EINVAL, 0, "\"options\": \"%s\" %s", key, what);
}

/* A word of one of the enums; absent or null: 0, which is a guess (of the mode: replace). */
static int
word(const json_t *o, const char *key, int (*of)(const char *name), const char *what, int *ret,
     struct al_fail *fail)
{
    const json_t *v = json_object_get(o, key);
    int found;

    if (v == NULL || json_is_null(v)) {
        return AL_OK;
    }
    found = json_is_string(v) ? of(json_string_value(v)) : -1;
    if (found < 0) {
        return bad(fail, key, what);
    }
    *ret = found;
    return AL_OK;
}

static int
words(const json_t *o, struct import_options *r, struct al_fail *fail)
{
    int format = 0, encoding = 0, compression = 0, dates = 0, header = 0, mode = 0;

    SV_TRY(word(o, "format", import_format_of, "is guess, csv or parquet", &format, fail));
    SV_TRY(word(o, "encoding", import_encoding_of, "is guess, utf-8, utf-16le, utf-16be or cp1252",
                &encoding, fail));
    SV_TRY(word(o, "compression", import_compression_of, "is guess, plain, gzip or zstd",
                &compression, fail));
    SV_TRY(word(o, "dates", import_dates_of, "is guess, iso, us or european", &dates, fail));
    SV_TRY(word(o, "header", import_header_of, "is guess, yes or no", &header, fail));
    SV_TRY(word(o, "mode", import_mode_of, "is replace or add", &mode, fail));
    r->format = (enum import_format)format;
    r->encoding = (enum import_encoding)encoding;
    r->compression = (enum import_compression)compression;
    r->dates = (enum import_dates)dates;
    r->header = (enum import_header)header;
    r->mode = (enum import_mode)mode;
    return AL_OK;
}

static int
numbers(const json_t *o, struct import_options *r, struct al_fail *fail)
{
    const json_t *zone = json_object_get(o, "zone_minutes"),
                 *percent = json_object_get(o, "refused_percent_max"),
                 *delimiter = json_object_get(o, "delimiter");

    if (zone != NULL && !json_is_null(zone)) {
        if (!json_is_integer(zone) || json_integer_value(zone) < -ZONE_MINUTES_MAX ||
            json_integer_value(zone) > ZONE_MINUTES_MAX) {
            return bad(fail, "zone_minutes", "is a whole number from -840 to 840");
        }
        r->zone_minutes = (int)json_integer_value(zone);
    }
    if (percent != NULL && !json_is_null(percent)) {
        if (!json_is_integer(percent) || json_integer_value(percent) < 1 ||
            json_integer_value(percent) > 100) {
            return bad(fail, "refused_percent_max", "is a whole number from 1 to 100");
        }
        r->refused_percent_max = (uint32_t)json_integer_value(percent);
    }
    if (delimiter != NULL && !json_is_null(delimiter)) {
        const char *text = json_string_value(delimiter);

        if (text == NULL || strlen(text) != 1 || text[0] == '"' || text[0] == '\n' ||
            text[0] == '\r' || (uint8_t)text[0] >= 0x80) {
            return bad(fail, "delimiter", "is one ASCII character, such as ; or a tab");
        }
        r->delimiter = text[0];
    }
    return AL_OK;
}

static int
root(const json_t *o, struct al_arena *a, struct import_options *r, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {.max = ROOT_BYTES_MAX};
    const json_t *v = json_object_get(o, "root");

    if ((v == NULL || json_is_null(v)) && json_object_get(o, "root_b64") == NULL) {
        return AL_OK;
    }
    if (al_json_get_bytes(o, "root", &bytes, NULL) != AL_OK) {
        return bad(fail, "root", "is the path that the volume's root has in the file");
    }
    if (bytes.len > 0) { /* an empty text is no root */
        r->root = al_arena_span(a, al_buf_span(&bytes));
        if (r->root.at == NULL) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
    }
    return AL_OK;
}

static int
map(const json_t *o, struct al_arena *a, struct import_options *r, struct al_fail *fail)
{
    json_t *m = json_object_get(o, "map"), *column;
    struct import_map *list;
    const char *field;
    size_t count = 0;

    if (m == NULL || json_is_null(m)) {
        return AL_OK;
    }
    if (!json_is_object(m)) {
        return bad(fail, "map", "is an object of fields and their columns");
    }
    list = al_arena_alloc(a, (json_object_size(m) + 1) * sizeof(*list));
    if (list == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    json_object_foreach(m, field, column)
    {
        struct import_map *to = &list[count++];

        to->field = import_field_of(field);
        if (to->field == IMPORT_FIELDS) {
            return al_fail_set(
                fail, AL_EINVAL, 0,
                "\"options\": \"map\" has \"%.60s\", which is no field: path, folder, "
                "name, ext, type, size, allocated, modified, accessed, created, "
                "changed, owner, group, mode, attributes, inode, links, state",
                field);
        }
        if (json_is_string(column)) {
            to->column = (struct al_span){(const uint8_t *)json_string_value(column),
                                          json_string_length(column)};
        } else if (!json_is_null(column)) {
            return bad(fail, "map", "tells for each field a column's name, or null for none");
        }
    }
    r->map = list;
    r->map_count = count;
    return AL_OK;
}

int
import_options_read(const json_t *o, struct al_arena *a, struct import_options *ret,
                    struct al_fail *fail)
{
    static const char *const known[] = {
        "format",    "encoding",     "compression",         "dates", "header",   "mode",
        "delimiter", "zone_minutes", "refused_percent_max", "root",  "root_b64", "map",
        NULL};
    struct import_options r = {0};
    const char *key;
    json_t *value;

    if (o == NULL || json_is_null(o)) {
        *ret = r;
        return AL_OK;
    }
    if (!json_is_object(o)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"options\" is an object");
    }
    /* jansson's iterators take a writable object and leave it as it is */
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        size_t i = 0;

        while (known[i] != NULL && strcmp(known[i], key) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"options\": \"%.60s\" is none of them", key);
        }
    }
    SV_TRY(words(o, &r, fail));
    SV_TRY(numbers(o, &r, fail));
    SV_TRY(root(o, a, &r, fail));
    SV_TRY(map(o, a, &r, fail));
    *ret = r;
    return AL_OK;
}

int
import_options_parse(const char *text, struct al_arena *a, json_t **ret_tree,
                     struct import_options *ret, struct al_fail *fail)
{
    SV_TRY(al_json_parse(al_span_of(text), ret_tree, fail));
    return import_options_read(*ret_tree, a, ret, fail);
}

/* ---- options, told ---- */

static void
map_json(struct al_jsonout *j, const struct import_options *o)
{
    al_jo_object(j, "map");
    for (size_t i = 0; i < o->map_count; i++) {
        al_jo_text(j, import_field_name(o->map[i].field), o->map[i].column);
    }
    al_jo_close(j);
}

void
import_options_json(struct al_jsonout *j, const char *key, const struct import_options *o)
{
    char delimiter[2] = {o->delimiter, '\0'};

    al_jo_object(j, key);
    al_jo_str(j, "format", import_format_name(o->format));
    al_jo_str(j, "encoding", import_encoding_name(o->encoding));
    al_jo_str(j, "compression", import_compression_name(o->compression));
    al_jo_str(j, "dates", import_dates_name(o->dates));
    al_jo_str(j, "header", import_header_name(o->header));
    al_jo_str(j, "mode", import_mode_name(o->mode));
    al_jo_str(j, "delimiter", o->delimiter == '\0' ? NULL : delimiter);
    al_jo_i64(j, "zone_minutes", o->zone_minutes);
    al_jo_u64(j, "refused_percent_max",
              o->refused_percent_max == 0 ? IMPORT_REFUSED_PERCENT_DEFAULT
                                          : o->refused_percent_max);
    if (o->root.at == NULL) {
        al_jo_null(j, "root");
    } else {
        al_jo_bytes(j, "root", o->root);
    }
    map_json(j, o);
    al_jo_close(j);
}

int
import_options_text(const struct import_options *o, struct al_buf *out)
{
    struct al_jsonout j;

    al_jo_begin(&j, out);
    import_options_json(&j, NULL, o);
    return al_jo_end(&j);
}

/* ---- a look ---- */

static void
column_json(struct al_jsonout *j, const struct import_column *c)
{
    al_jo_object(j, NULL);
    al_jo_text(j, "name", c->name);
    al_jo_str(j, "field", c->field == IMPORT_FIELDS ? NULL : import_field_name(c->field));
    al_jo_bool(j, "guessed", c->guessed);
    al_jo_str(j, "reads_as", c->reads_as == NULL ? "" : c->reads_as);
    al_jo_close(j);
}

/* Some rows less rather than an answer that is too long to be told. */
static void
rows_json(struct al_jsonout *j, const struct import_look *look, size_t room)
{
    al_jo_array(j, "rows");
    for (size_t i = 0; i < look->row_count; i++) {
        size_t bytes = 2;

        for (size_t k = 0; k < look->column_count; k++) {
            bytes += look->rows[i][k].len * 2 + 3;
        }
        if (j->out->len + bytes > room) {
            break;
        }
        al_jo_array(j, NULL);
        for (size_t k = 0; k < look->column_count; k++) {
            struct al_span cell = look->rows[i][k];

            al_jo_text(j, NULL, cell.at == NULL ? al_span_of("") : cell);
        }
        al_jo_close(j);
    }
    al_jo_close(j);
}

static int
look_json(const struct import_look *look, const char *problem, struct al_buf *out)
{
    struct al_jsonout j;

    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "made_by", look->made_by == NULL ? "" : look->made_by);
    import_options_json(&j, "options", &look->options);
    al_jo_array(&j, "columns");
    for (size_t i = 0; i < look->column_count; i++) {
        column_json(&j, &look->columns[i]);
    }
    al_jo_close(&j);
    rows_json(&j, look, out->len + IMPORT_LOOK_BYTES_MAX);
    al_jo_u64(&j, "rows_about", look->rows_about);
    al_jo_u64(&j, "bytes", look->bytes);
    if (problem != NULL) {
        al_jo_str(&j, "problem", problem);
    } else if (look->problem.len > 0) {
        al_jo_text(&j, "problem", look->problem);
    } else {
        al_jo_null(&j, "problem");
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
import_look_text(struct service *s, const char *path, const struct import_options *o,
                 struct al_arena *a, struct al_buf *out, bool *ret_problem, struct al_fail *fail)
{
    struct import_look look = {0};
    struct al_fail why = {0};
    int rc = inventory_import_look(s->work->inventory, path, o, a, &look, &why);

    if (rc == AL_ECORRUPT || rc == AL_EINVAL || rc == AL_ELIMIT) {
        look = (struct import_look){.options = *o};
        *ret_problem = true;
        return look_json(&look, why.text[0] == '\0' ? "this is no list of files" : why.text, out);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, why.os, "the file cannot be looked at: %s",
                           why.text[0] == '\0' ? al_code_name(rc) : why.text);
    }
    *ret_problem = look.problem.len > 0;
    return look_json(&look, NULL, out);
}

int
import_result_text(const struct import_result *r, struct al_buf *out)
{
    struct al_jsonout j;

    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "rows", r->rows);
    al_jo_u64(&j, "refused", r->refused);
    al_jo_u64(&j, "files", r->files);
    al_jo_u64(&j, "folders", r->folders);
    al_jo_u64(&j, "others", r->others);
    al_jo_u64(&j, "bytes", r->bytes);
    al_jo_u64(&j, "added", r->added);
    al_jo_u64(&j, "replaced", r->replaced);
    al_jo_u64(&j, "evidence", r->evidence);
    al_jo_u64(&j, "removed", r->removed);
    al_jo_u64(&j, "folders_made", r->folders_made);
    al_jo_close(&j);
    return al_jo_end(&j);
}
