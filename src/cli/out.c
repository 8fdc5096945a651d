/* out.c: results for people (tables, lines) and for programs (JSON). */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/process.h"

#define JSON_MAX (1u << 30) /* of one result: as many rows as anybody asks for */

const char *
get_text(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));

    return text != NULL ? text : "";
}

uint64_t
get_count(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);

    return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

int
out_json(const json_t *value)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    al_buf_init(&text, JSON_MAX);
    rc = al_json_print(value, &text);
    rc = rc != AL_OK ? rc : al_buf_add(&text, "\n", 1);
    if (rc == AL_OK && fwrite(text.at, 1, text.len, stdout) != text.len) {
        rc = AL_EIO;
    }
    return rc;
}

void
out_size(uint64_t bytes, char to[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t whole = bytes, rest = 0;
    size_t u = 0;

    while (whole >= 1000 && u + 1 < AL_LEN(units)) {
        rest = whole % 1000;
        whole /= 1000;
        u++;
    }
    if (u == 0) {
        (void)snprintf(to, 32, "%llu B", (unsigned long long)whole);
    } else {
        (void)snprintf(to, 32, "%llu.%llu %s", (unsigned long long)whole,
                       (unsigned long long)(rest / 100), units[u]);
    }
}

/* The character that begins here, of valid UTF-8; *ret_len: its bytes. */
static uint32_t
character(const uint8_t *at, size_t len, size_t *ret_len)
{
    size_t n = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? at[0] : at[0] & (0x7fu >> n);

    n = n <= len ? n : len;
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (at[i] & 0x3fu);
    }
    *ret_len = n;
    return c;
}

/* As the console has it (console/src/lib/path.ts), with what is rarer. */
static bool
is_unseen(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {{0xad, 0xad},     {0x61c, 0x61c},   {0x115f, 0x1160}, {0x180e, 0x180e},
                  {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
                  {0x3164, 0x3164}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff9, 0xfffb},
                  {0xe0000, 0xe007f}};

    for (size_t i = 0; i < AL_LEN(ranges); i++) {
        if (c >= ranges[i].from && c <= ranges[i].to) {
            return true;
        }
    }
    return false;
}

int
out_safe(const char *text, struct al_buf *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    size_t len = 0;
    int rc;

    al_buf_init(&clean, to->max);
    rc = al_utf8_clean(al_span_of(text), &clean);
    for (size_t i = 0; i < clean.len && rc == AL_OK; i += len) {
        uint32_t c = character(clean.at + i, clean.len - i, &len);

        if (c == '\n') {
            rc = al_buf_adds(to, "\\n");
        } else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) { /* U+0080..U+009F drive terminals too */
            rc = al_buf_addf(to, "\\x%02x", (unsigned)c);
        } else if (is_unseen(c)) {
            rc = al_buf_addf(to, "\\u%04x", (unsigned)c);
        } else {
            rc = al_buf_add(to, clean.at + i, len);
        }
    }
    return rc != AL_OK ? rc : al_buf_adds(to, "");
}

void
out_shown(FILE *to, const char *text)
{
    AL_CLEANUP(al_buf_free) struct al_buf safe = {.max = JSON_MAX};

    (void)fputs(out_safe(text, &safe) == AL_OK ? (const char *)safe.at : "?", to);
}

static int
cell(const json_t *item, const struct column *col, struct al_buf *to)
{
    const json_t *v = json_object_get(item, col->key);
    char size[32];

    if (v == NULL || json_is_null(v)) {
        return al_buf_adds(to, "-");
    }
    if (json_is_string(v)) {
        return out_safe(json_string_value(v), to);
    }
    if (json_is_boolean(v)) {
        return al_buf_adds(to, json_is_true(v) ? "yes" : "no");
    }
    if (json_is_integer(v) && col->kind == COL_BYTES) {
        out_size(get_count(item, col->key), size);
        return al_buf_adds(to, size);
    }
    if (json_is_integer(v) && strcmp(col->key, "mode") == 0) {
        return al_buf_addf(to, "%04o", (unsigned)json_integer_value(v));
    }
    if (json_is_integer(v)) {
        return al_buf_addf(to, "%lld", (long long)json_integer_value(v));
    }
    return al_json_print(v, to);
}

/* Characters, which is what columns are counted in; wide ones are not told apart. */
static size_t
width(const struct al_buf *text)
{
    size_t n = 0;

    for (size_t i = 0; i < text->len; i++) {
        n += (text->at[i] & 0xc0) != 0x80;
    }
    return n;
}

#define COLUMNS_MAX 12u

static int
row(const json_t *item, const struct column *columns, size_t count, size_t widths[COLUMNS_MAX],
    bool print)
{
    for (size_t k = 0; k < count; k++) {
        AL_CLEANUP(al_buf_free) struct al_buf text = {0};
        bool right = columns[k].kind == COL_COUNT || columns[k].kind == COL_BYTES;
        size_t w, pad;
        int rc;

        al_buf_init(&text, 1u << 20);
        rc = item == NULL ? al_buf_adds(&text, columns[k].title) : cell(item, &columns[k], &text);
        if (rc != AL_OK) {
            return rc;
        }
        w = width(&text);
        widths[k] = !print && w > widths[k] ? w : widths[k];
        if (!print) {
            continue;
        }
        pad = widths[k] > w ? widths[k] - w : 0;
        if (right) {
            (void)printf("%*s%s", (int)pad, "", (const char *)text.at);
        } else {
            (void)printf("%s%*s", (const char *)text.at, k + 1 < count ? (int)pad : 0, "");
        }
        (void)printf("%s", k + 1 < count ? "  " : "\n");
    }
    return AL_OK;
}

int
out_table(struct cli *c, const json_t *items, const struct column *columns, size_t count)
{
    size_t widths[COLUMNS_MAX] = {0};
    int rc = AL_OK;

    if (c->json) {
        return out_json(items);
    }
    if (json_array_size(items) == 0) {
        (void)fprintf(stderr, "none\n");
        return AL_OK;
    }
    for (int print = 0; print < 2 && rc == AL_OK; print++) {
        rc = row(NULL, columns, count, widths, print == 1);
        for (size_t i = 0; i < json_array_size(items) && rc == AL_OK; i++) {
            rc = row(json_array_get(items, i), columns, count, widths, print == 1);
        }
    }
    return rc;
}

static bool
ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool
is_bytes_key(const char *key)
{
    return strcmp(key, "bytes") == 0 || strcmp(key, "size") == 0 || strcmp(key, "allocated") == 0 ||
           ends_with(key, "_bytes") || strncmp(key, "bytes_", 6) == 0;
}

int
out_object(struct cli *c, const json_t *object)
{
    const char *key;
    json_t *value;

    if (c->json) {
        return out_json(object);
    }
    json_object_foreach((json_t *)object, key, value)
    {
        AL_CLEANUP(al_buf_free) struct al_buf text = {0};
        struct column col = {
            .title = key, .key = key, .kind = is_bytes_key(key) ? COL_BYTES : COL_TEXT};
        int rc;

        if (ends_with(key, "_b64") || (json_is_array(value) && json_array_size(value) == 0)) {
            continue;
        }
        al_buf_init(&text, 1u << 20);
        rc = cell(object, &col, &text);
        if (rc != AL_OK) {
            return rc;
        }
        (void)printf("%-16s %s\n", key, (const char *)text.at);
    }
    return AL_OK;
}
