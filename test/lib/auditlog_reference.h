/* auditlog_reference.h: what a line tells, by a general JSON library (Jansson), slowly and by the rules as they are written, for comparing. */
#ifndef ALTO_TEST_AUDITLOG_REFERENCE_H
#define ALTO_TEST_AUDITLOG_REFERENCE_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/auditlog/line.h"
#include "agent/auditlog/when.h"
#include "base/text.h"

enum reference { REFERENCE_EVENT, REFERENCE_SKIP, REFERENCE_UNSURE /* the library cannot read what is allowed here */ };

static struct al_span
reference_text(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_string(v) ? (struct al_span){(const uint8_t *)json_string_value(v), json_string_length(v)} : (struct al_span){NULL, 0};
}

/* A number longer than ours are read: some say one thing, some the other. */
static bool
reference_long_number(const uint8_t *line, size_t len)
{
    size_t run = 0;

    for (size_t i = 0; i < len && run <= 1000; i++) {
        run = strchr("0123456789.eE+-", line[i]) != NULL && line[i] != 0 ? run + 1 : 0;
    }
    return run > 1000;
}

static bool
reference_path(struct al_span p, char *out, size_t *ret_len)
{
    size_t len = p.len;

    if (p.at == NULL || len == 0 || p.at[0] != '/' || memchr(p.at, 0, len) != NULL) {
        return false;
    }
    len -= len > 1 && p.at[len - 1] == '/';
    for (size_t from = 1, i = 1; len > 1 && i <= len; i++) {
        if (i < len && p.at[i] != '/') {
            continue;
        }
        if (i == from || (i - from == 1 && p.at[from] == '.') || (i - from == 2 && p.at[from] == '.' && p.at[from + 1] == '.')) {
            return false;
        }
        from = i + 1;
    }
    memcpy(out, p.at, len);
    *ret_len = len;
    return true;
}

/* exact: the time is told to the nanosecond; else a double stood between. */
static enum reference
reference_read(const uint8_t *line, size_t len, char *path, size_t *path_len, int64_t *time_ns, bool *exact, json_t **ret_tree,
               enum auditlog_skip *why)
{
    /* Jansson 2.14 passes over a NUL behind a number. */
    const bool nul = len > 0 && memchr(line, 0, len) != NULL;
    json_error_t error;
    json_t *tree = nul ? NULL : json_loadb((const char *)line, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error), *t, *o;
    struct al_span action, entry;

    *ret_tree = tree;
    *exact = true;
    if (nul) {
        *why = AUDITLOG_SKIP_JUNK;
        return REFERENCE_SKIP;
    }
    if (tree == NULL) {
        enum json_error_code code = json_error_code(&error);

        *why = AUDITLOG_SKIP_JUNK;
        return code == json_error_invalid_utf8 || code == json_error_numeric_overflow || code == json_error_stack_overflow ||
                       code == json_error_null_character || code == json_error_null_byte_in_key || strstr(error.text, "\\u") != NULL
                   ? REFERENCE_UNSURE
                   : REFERENCE_SKIP;
    }
    *why = AUDITLOG_SKIP_JUNK;
    if (!json_is_object(tree)) {
        return REFERENCE_SKIP;
    }
    if (reference_long_number(line, len)) {
        return REFERENCE_UNSURE;
    }
    *why = AUDITLOG_SKIP_TIME;
    t = json_object_get(tree, "timestamp");
    if (json_is_integer(t)) {
        if (json_integer_value(t) < 0) {
            return REFERENCE_SKIP;
        }
        *time_ns = auditlog_time_of((uint64_t)json_integer_value(t));
    } else if (json_is_real(t)) {
        *exact = false;
        if (json_real_value(t) < 0) {
            return REFERENCE_SKIP;
        }
        *time_ns = json_real_value(t) >= 1.8e19 ? INT64_MAX : auditlog_time_of((uint64_t)json_real_value(t));
    } else if (!json_is_string(t) || !auditlog_time_text(reference_text(tree, "timestamp"), time_ns)) {
        return REFERENCE_SKIP;
    }
    if (*time_ns < AUDITLOG_TIME_MIN_NS) {
        return REFERENCE_SKIP;
    }
    o = json_object_get(tree, "operation");
    *why = AUDITLOG_SKIP_ACTION;
    action = reference_text(o, "action");
    if (action.at == NULL) {
        return REFERENCE_SKIP;
    }
    *why = AUDITLOG_SKIP_PATH;
    entry = reference_text(o, "entryPath");
    if (!reference_path(entry, path, path_len)) {
        return REFERENCE_SKIP;
    }
    *why = AUDITLOG_SKIP_OWN;
    if (*path_len >= 13 && memcmp(path, "/.lucid_audit", 13) == 0 && (*path_len == 13 || path[13] == '/')) {
        return REFERENCE_SKIP;
    }
    return REFERENCE_EVENT;
}

static bool
reference_same(struct al_span got, const json_t *tree, const char *a, const char *b, bool number)
{
    const json_t *v = json_object_get(json_object_get(tree, a), b);

    if (json_is_string(v)) {
        return got.at != NULL && got.len == json_string_length(v) && memcmp(got.at, json_string_value(v), got.len) == 0;
    }
    return number && json_is_number(v) ? got.at != NULL && got.len > 0 : got.at == NULL;
}

/* By their bytes, wherever they lie. */
static bool
reference_same_text(struct al_span a, struct al_span b)
{
    return (a.at == NULL) == (b.at == NULL) && (a.at == NULL || (a.len == b.len && memcmp(a.at, b.at, a.len) == 0));
}

static bool
reference_same_event(const struct auditlog_event *a, const struct auditlog_event *b)
{
    return a->time_ns == b->time_ns && a->action == b->action && reference_same_text(a->name, b->name) && reference_same_text(a->path, b->path) &&
           reference_same_text(a->target, b->target) && reference_same_text(a->user, b->user) && reference_same_text(a->host, b->host) && reference_same_text(a->node, b->node) &&
           reference_same_text(a->file_id, b->file_id) && reference_same_text(a->filespace, b->filespace) && reference_same_text(a->filespace_uuid, b->filespace_uuid);
}

/* NULL: both say the same of this line; else what differs. */
static const char *
reference_differs(struct line_reader *r, const uint8_t *line, size_t len)
{
    static char path[1 << 21];
    size_t path_len = 0;
    int64_t time_ns = 0, off;
    bool exact, got;
    json_t *tree;
    struct auditlog_event e = {0};
    enum auditlog_skip why = AUDITLOG_SKIP_LONG, theirs;
    enum reference ref = reference_read(line, len, path, &path_len, &time_ns, &exact, &tree, &theirs);
    const char *differs = NULL;

    got = line_read(r, (struct al_span){line, len}, &e, &why);
    if (ref == REFERENCE_SKIP) {
        differs = got ? "it tells something" : why != theirs ? "another reason" : NULL;
    } else if (ref == REFERENCE_EVENT) {
        off = got ? (e.time_ns > time_ns ? e.time_ns - time_ns : time_ns - e.time_ns) : 0;
        differs = !got                                                                    ? "it tells nothing"
                  : e.path.len != path_len || memcmp(e.path.at, path, path_len) != 0     ? "the path"
                  : exact ? (off != 0 ? "the time" : NULL)
                          : (off > INT64_C(2000000000) ? "the time, far" : NULL);
        if (differs == NULL) {
            differs = !reference_same(e.user, tree, "user", "name", false)                    ? "the user"
                      : !reference_same(e.host, tree, "device", "hostName", false)           ? "the host"
                      : !reference_same(e.node, tree, "event", "nodeId", true)               ? "the node"
                      : !reference_same(e.filespace, tree, "event", "filespace", false)      ? "the filespace"
                      : !reference_same(e.filespace_uuid, tree, "event", "filespaceUuid", false) ? "the filespace's id"
                      : !reference_same(e.file_id, tree, "operation", "fileId", true)        ? "the file's id"
                      : !reference_same(e.name, tree, "operation", "action", false)          ? "the action"
                                                                                             : NULL;
        }
    }
    json_decref(tree);
    return differs;
}

#endif
