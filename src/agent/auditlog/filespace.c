#include "agent/auditlog/filespace.h"

#include <string.h>

#include "base/mem.h"

#define FIELDS_MAX 64u   /* of a line of the table: ten and some optional ones */
#define WORDS_MAX 8u     /* of a line of the list */
#define LINES_MAX 65536u /* of any of the texts */

const char *
filespace_logs_name(enum filespace_logs l)
{
    static const char *const names[] = {"unknown", "absent", "denied", "present"};

    return names[l];
}

static void
one_end(struct filespace *s)
{
    al_free(s->path);
    al_free(s->type);
    al_free(s->source);
    al_free(s->name);
    al_free(s->id);
    al_free(s->instance);
    al_free(s->mode);
    *s = (struct filespace){0};
}

void
filespaces_end(struct filespaces *f)
{
    for (size_t i = 0; i < f->count; i++) {
        one_end(&f->at[i]);
    }
    *f = (struct filespaces){0};
}

/* ---- texts ---- */

static bool
next_line(struct al_span *io, struct al_span *ret)
{
    const uint8_t *end;

    if (io->len == 0) {
        return false;
    }
    end = memchr(io->at, '\n', io->len);
    ret->at = io->at;
    ret->len = end == NULL ? io->len : (size_t)(end - io->at);
    io->at += ret->len + (end != NULL);
    io->len -= ret->len + (end != NULL);
    return true;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct al_span
trim(struct al_span s)
{
    while (s.len > 0 && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

static size_t
split(struct al_span line, struct al_span *words, size_t max)
{
    size_t count = 0;

    for (line = trim(line); line.len > 0 && count < max; line = trim(line)) {
        size_t len = 0;

        while (len < line.len && !is_blank(line.at[len])) {
            len++;
        }
        words[count++] = (struct al_span){line.at, len};
        line.at += len;
        line.len -= len;
    }
    return count;
}

static bool
same(struct al_span s, const char *lower)
{
    size_t len = strlen(lower);

    for (size_t i = 0; i < s.len && i < len; i++) {
        if (al_lower(s.at[i]) != (uint8_t)lower[i]) {
            return false;
        }
    }
    return s.len == len;
}

static bool
says_lucid(const char *text)
{
    static const char word[] = "lucid";
    size_t len = strlen(text);

    for (size_t i = 0; i + sizeof(word) - 1 <= len; i++) {
        if (same((struct al_span){(const uint8_t *)text + i, sizeof(word) - 1}, word)) {
            return true;
        }
    }
    return false;
}

/* Something to show: no control characters, not too long. */
static bool
is_word(struct al_span s, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < 0x20 || s.at[i] == 0x7f) {
            return false;
        }
    }
    return s.len > 0 && s.len <= max;
}

static bool
is_uuid(struct al_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = al_lower(s.at[i]);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return s.len == 36;
}

static int
keep(struct al_span s, char **to)
{
    char *copy = al_span_dup(s);

    if (copy == NULL) {
        return AL_ENOMEM;
    }
    al_free(*to);
    *to = copy;
    return AL_OK;
}

/* The one at that path, or a new one; *ret NULL: there is no room for more. */
static int
one_at(struct filespaces *f, struct al_span path, struct filespace **ret)
{
    struct filespace *s;
    int rc;

    *ret = NULL;
    for (size_t i = 0; path.len > 0 && i < f->count; i++) {
        if (f->at[i].path != NULL && al_span_equal(al_span_of(f->at[i].path), path)) {
            *ret = &f->at[i];
            return AL_OK;
        }
    }
    if (f->count == FILESPACE_MOUNTS_MAX) {
        f->more++;
        return AL_OK;
    }
    s = &f->at[f->count];
    rc = path.len > 0 ? keep(path, &s->path) : AL_OK;
    if (rc == AL_OK) {
        f->count++;
        *ret = s;
    }
    return rc;
}

/* ---- the table of mounts ---- */

/* "\040" is a blank, and so on: three octal digits. */
static int
unescape(struct al_span s, struct al_buf *to)
{
    int rc = AL_OK;

    al_buf_clear(to);
    for (size_t i = 0; i < s.len && rc == AL_OK; i++) {
        uint8_t c = s.at[i];

        if (c == '\\' && i + 3 < s.len && s.at[i + 1] >= '0' && s.at[i + 1] <= '3' &&
            s.at[i + 2] >= '0' && s.at[i + 2] <= '7' && s.at[i + 3] >= '0' && s.at[i + 3] <= '7') {
            c = (uint8_t)((s.at[i + 1] - '0') * 64 + (s.at[i + 2] - '0') * 8 + (s.at[i + 3] - '0'));
            i += 3;
        }
        rc = c == '\0' ? AL_EINVAL : al_buf_add(to, &c, 1);
    }
    return rc;
}

static bool
is_fuse(struct al_span type)
{
    return al_span_equal(type, al_span_of("fuse")) ||
           (type.len > 5 && memcmp(type.at, "fuse.", 5) == 0);
}

static int
take_mount(struct filespaces *f, struct al_span path, struct al_span type, struct al_span source)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct filespace *s;
    int rc;

    al_buf_init(&text, FILESPACE_PATH_MAX);
    rc = unescape(path, &text);
    if (rc != AL_OK || text.len == 0 || text.at[0] != '/') {
        f->odd += rc != AL_ENOMEM;
        return rc == AL_ENOMEM ? rc : AL_OK;
    }
    rc = one_at(f, al_buf_span(&text), &s);
    if (rc != AL_OK || s == NULL) {
        return rc;
    }
    al_buf_free(&text);
    al_buf_init(&text, FILESPACE_PATH_MAX);
    rc = unescape(source, &text);
    if (rc == AL_ENOMEM) {
        return rc;
    }
    s->in_table = true;
    type.len = type.len < FILESPACE_WORD_MAX ? type.len : FILESPACE_WORD_MAX;
    rc = keep(type, &s->type);
    if (rc == AL_OK && text.at != NULL) {
        rc = keep((struct al_span){text.at,
                                   text.len < FILESPACE_WORD_MAX ? text.len : FILESPACE_WORD_MAX},
                  &s->source);
    }
    s->by_type =
        rc == AL_OK && (says_lucid(s->type) || (s->source != NULL && says_lucid(s->source)));
    return rc;
}

/* number parent major:minor root mount-point options [optional ...] - type source options */
int
filespaces_table(struct filespaces *f, struct al_span mountinfo)
{
    struct al_span line, w[FIELDS_MAX];
    uint32_t lines = 0;
    int rc = AL_OK;

    while (rc == AL_OK && lines++ < LINES_MAX && next_line(&mountinfo, &line)) {
        size_t count = split(line, w, FIELDS_MAX), dash = 6;

        while (dash < count && !al_span_equal(w[dash], al_span_of("-"))) {
            dash++;
        }
        if (dash + 2 >= count) {
            f->odd += count > 0;
            continue;
        }
        if (is_fuse(w[dash + 1]) && al_span_equal(w[3], al_span_of("/"))) {
            rc = take_mount(f, w[4], w[dash + 1], w[dash + 2]);
        }
    }
    return rc;
}

/* ---- the program ---- */

static bool
is_number(struct al_span s, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return false;
        }
    }
    return s.len > 0 && s.len <= max;
}

static void
word_to(struct al_span s, char to[FILESPACE_WORD_MAX + 1])
{
    to[0] = '\0';
    if (is_word(s, FILESPACE_WORD_MAX)) {
        memcpy(to, s.at, s.len);
        to[s.len] = '\0';
    }
}

size_t
filespaces_list(struct al_span said, struct filespace_instance *to, size_t max, uint64_t *io_odd)
{
    struct al_span line, w[WORDS_MAX];
    uint32_t lines = 0;
    size_t told = 0;

    while (lines++ < LINES_MAX && next_line(&said, &line)) {
        size_t count = split(line, w, WORDS_MAX);

        if (count < 2 || !is_number(w[0], FILESPACE_NUMBER_MAX)) {
            bool heading = count > 1 && same(w[0], "instance");

            *io_odd += count > 0 && !heading;
            continue;
        }
        if (told < max) {
            struct filespace_instance *i = &to[told];

            *i = (struct filespace_instance){0};
            memcpy(i->number, w[0].at, w[0].len);
            word_to(w[1], i->name);
            if (count > 3 && is_number(w[2], FILESPACE_NUMBER_MAX)) { /* the port stands between */
                word_to(w[3], i->mode);
            }
            told++;
        } else {
            ++*io_odd;
        }
    }
    return told;
}

struct status {
    struct al_span name, path, id; /* empty: not told. The first of each counts */
};

static void
status_line(struct al_span line, struct status *s)
{
    const uint8_t *colon = line.len == 0 ? NULL : memchr(line.at, ':', line.len);
    struct al_span key, value, *to;
    size_t max = FILESPACE_WORD_MAX;

    if (colon == NULL) {
        return;
    }
    key = trim((struct al_span){line.at, (size_t)(colon - line.at)});
    value = trim((struct al_span){colon + 1, line.len - (size_t)(colon + 1 - line.at)});
    to = same(key, "filespace")                                                         ? &s->name
         : same(key, "mount point")                                                     ? &s->path
         : (same(key, "filespace id") || same(key, "filespace uuid")) && is_uuid(value) ? &s->id
                                                                                        : NULL;
    max = to == &s->path ? FILESPACE_PATH_MAX : max;
    if (to != NULL && to->len == 0 && is_word(value, max)) {
        *to = value;
    }
}

/* "/a/b", "C:\a" or "C:/a"; written with '/', without one at the end. */
static int
tidy_path(struct al_span path, struct al_buf *to)
{
    bool drive = path.len > 2 && path.at[1] == ':' && (path.at[2] == '\\' || path.at[2] == '/');
    int rc;

    if (!drive && (path.len == 0 || path.at[0] != '/')) {
        return AL_EINVAL;
    }
    rc = al_buf_add(to, path.at, path.len);
    for (size_t i = 0; rc == AL_OK && drive && i < to->len; i++) {
        to->at[i] = to->at[i] == '\\' ? '/' : to->at[i];
    }
    while (rc == AL_OK && to->len > 1 && to->at[to->len - 1] == '/' && to->at[to->len - 2] != ':') {
        to->at[--to->len] = '\0';
    }
    return rc;
}

int
filespaces_status(struct filespaces *f, const struct filespace_instance *of, struct al_span said)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    struct al_span line, name = al_span_of(of->name);
    struct status st = {0};
    struct filespace *s;
    uint32_t lines = 0;
    int rc;

    while (lines++ < LINES_MAX && next_line(&said, &line)) {
        status_line(line, &st);
    }
    al_buf_init(&path, FILESPACE_PATH_MAX);
    rc = st.path.len > 0 ? tidy_path(st.path, &path) : AL_OK;
    if (rc == AL_EINVAL || rc == AL_ELIMIT) { /* no path that is one */
        al_buf_free(&path);
        f->odd++;
    } else if (rc != AL_OK) {
        return rc;
    }
    name = st.name.len > 0 ? st.name : name;
    rc = one_at(f, al_buf_span(&path), &s);
    if (rc != AL_OK || s == NULL) {
        return rc;
    }
    s->by_program = true;
    rc = name.len > 0 ? keep(name, &s->name) : AL_OK;
    rc = rc == AL_OK && st.id.len > 0 ? keep(st.id, &s->id) : rc;
    rc = rc == AL_OK && of->number[0] != '\0' ? keep(al_span_of(of->number), &s->instance) : rc;
    return rc == AL_OK && of->mode[0] != '\0' ? keep(al_span_of(of->mode), &s->mode) : rc;
}
