/* manifest.c: one object, one line of JSON (doc/format/share.md). */
#include "agent/target/manifest.h"

#include <stdio.h>
#include <string.h>

#include "agent/target/target_kind.h"
#include "base/json.h"
#include "base/jsonout.h"
#include "base/mem.h"

#define MANIFEST_FORMAT 1
#define MANIFEST_XATTRS_MAX 4096u /* per file; what fits into a line in any case */

static void
print_hash(const struct al_xxh128 *h, char out[33])
{
    (void)snprintf(out, 33, "%016llx%016llx", (unsigned long long)h->hi, (unsigned long long)h->lo);
}

static int
print_xattrs(struct al_jsonout *j, const struct manifest_record *r)
{
    size_t i;

    al_jo_array(j, "xattrs");
    for (i = 0; i < r->xattr_count; i++) {
        struct al_span v = r->xattrs[i].value;
        AL_CLEANUP(al_freep) char *text = NULL;

        if (v.len > MANIFEST_LINE_MAX) {
            return AL_ELIMIT;
        }
        text = al_alloc(4 * ((v.len + 2) / 3) + 1);
        if (!text) {
            return AL_ENOMEM;
        }
        al_base64(v.at, v.len, text);
        al_jo_object(j, NULL);
        al_jo_bytes(j, "name", r->xattrs[i].name);
        al_jo_str(j, "value_b64", text);
        al_jo_close(j);
    }
    al_jo_close(j);
    return AL_OK;
}

static int
print_fields(struct al_jsonout *j, const struct manifest_record *r)
{
    struct al_span sha = {.at = r->sha256, .len = sizeof(r->sha256)};
    char hash[33], mode[16];

    print_hash(&r->xxh, hash);
    (void)snprintf(mode, sizeof(mode), "%04o", r->mode);
    al_jo_object(j, NULL);
    al_jo_u64(j, "format", MANIFEST_FORMAT);
    al_jo_str(j, "object", r->object_id);
    al_jo_str(j, "name", r->object_name);
    al_jo_str(j, "host", r->host_id);
    al_jo_str(j, "volume", r->volume_id);
    al_jo_bytes(j, "path", r->path);
    al_jo_u64(j, "size", r->size);
    al_jo_i64(j, "atime_ns", r->atime_ns);
    al_jo_i64(j, "mtime_ns", r->mtime_ns);
    al_jo_i64(j, "ctime_ns", r->ctime_ns);
    al_jo_i64(j, "btime_ns", r->btime_ns);
    al_jo_str(j, "mode", mode);
    al_jo_u64(j, "uid", r->uid);
    al_jo_u64(j, "gid", r->gid);
    al_jo_str(j, "owner", r->owner);
    al_jo_str(j, "group", r->group);
    al_jo_str(j, "xxh128", hash);
    al_jo_hex(j, "sha256", sha);
    al_jo_i64(j, "tiered_ns", r->tiered_ns);
    return print_xattrs(j, r);
}

int
manifest_print(const struct manifest_record *r, struct al_buf *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = MANIFEST_LINE_MAX};
    struct al_jsonout j;
    int rc, end;

    if (r->size > INT64_MAX || r->xattr_count > MANIFEST_XATTRS_MAX) {
        return AL_ELIMIT;
    }
    al_jo_begin(&j, &line);
    rc = print_fields(&j, r);
    al_jo_close(&j);
    end = al_jo_end(&j);
    rc = rc == AL_OK ? end : rc;
    rc = rc == AL_OK ? al_buf_add(&line, "\n", 1) : rc;
    return rc == AL_OK ? al_buf_add(to, line.at, line.len) : rc;
}

/* ---- parsing ---- */

struct parse {
    const json_t *doc;
    struct al_arena *arena;
    struct al_fail *fail;
};

static int
damaged(struct parse *p, const char *key)
{
    return al_fail_set(p->fail, AL_ECORRUPT, 0, "the manifest line has no proper \"%s\"", key);
}

/* A missing key and null give NULL where `may_lack`. */
static int
take_str(struct parse *p, const char *key, bool may_lack, const char **ret)
{
    const json_t *v = json_object_get(p->doc, key);

    if (may_lack && (!v || json_is_null(v))) {
        *ret = NULL;
        return AL_OK;
    }
    if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v)) {
        return damaged(p, key);
    }
    *ret = al_arena_str(p->arena, json_string_value(v));
    return *ret ? AL_OK : AL_ELIMIT;
}

static int
take_id(struct parse *p, const char *key, const char **ret)
{
    int r = take_str(p, key, false, ret);

    return r == AL_OK && !al_id_valid(*ret) ? damaged(p, key) : r;
}

static int
take_i64(struct parse *p, const char *key, int64_t *ret)
{
    return al_json_i64(p->doc, key, ret, NULL) == AL_OK ? AL_OK : damaged(p, key);
}

static int
take_u64(struct parse *p, const char *key, uint64_t max, uint64_t *ret)
{
    if (al_json_u64(p->doc, key, ret, NULL) != AL_OK || *ret > max) {
        return damaged(p, key);
    }
    return AL_OK;
}

static int
take_u32(struct parse *p, const char *key, uint32_t *ret)
{
    uint64_t v = 0;
    int r = take_u64(p, key, UINT32_MAX, &v);

    *ret = (uint32_t)v;
    return r;
}

static int
take_bytes(struct parse *p, const json_t *obj, const char *key, struct al_span *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {.max = MANIFEST_LINE_MAX};
    int r;

    r = al_json_get_bytes(obj, key, &b, NULL);
    if (r != AL_OK || b.len == 0 || memchr(b.at, 0, b.len)) {
        return r == AL_ENOMEM ? r : damaged(p, key);
    }
    *ret = al_arena_span(p->arena, al_buf_span(&b));
    return ret->at ? AL_OK : AL_ELIMIT;
}

static int
take_mode(struct parse *p, uint32_t *ret)
{
    const char *text = NULL, *c;
    uint32_t mode = 0;
    int r = take_str(p, "mode", false, &text);

    if (r != AL_OK) {
        return r;
    }
    for (c = text; *c >= '0' && *c <= '7' && c - text < 5; c++) {
        mode = mode * 8 + (uint32_t)(*c - '0');
    }
    if (*c != '\0' || c == text || mode > 07777) {
        return damaged(p, "mode");
    }
    *ret = mode;
    return AL_OK;
}

static int
take_hashes(struct parse *p, struct manifest_record *m)
{
    const char *xxh = NULL, *sha = NULL;
    uint8_t raw[16];
    unsigned i;
    int r = take_str(p, "xxh128", false, &xxh);

    r = r == AL_OK ? take_str(p, "sha256", false, &sha) : r;
    if (r != AL_OK) {
        return r;
    }
    if (strlen(xxh) != 32 || al_unhex(xxh, 32, raw) != AL_OK) {
        return damaged(p, "xxh128");
    }
    for (i = 0; i < 8; i++) {
        m->xxh.hi = m->xxh.hi << 8 | raw[i];
        m->xxh.lo = m->xxh.lo << 8 | raw[8 + i];
    }
    if (strlen(sha) != 64 || al_unhex(sha, 64, m->sha256) != AL_OK) {
        return damaged(p, "sha256");
    }
    return AL_OK;
}

static int
take_xattrs(struct parse *p, struct manifest_record *m)
{
    const json_t *list = json_object_get(p->doc, "xattrs");
    struct manifest_xattr *all;
    size_t count = json_array_size(list), i;
    int r;

    if (!json_is_array(list) || count > MANIFEST_XATTRS_MAX) {
        return damaged(p, "xattrs");
    }
    all = al_arena_alloc(p->arena, (count + 1) * sizeof(*all));
    if (!all) {
        return AL_ELIMIT;
    }
    for (i = 0; i < count; i++) {
        AL_CLEANUP(al_buf_free) struct al_buf value = {.max = MANIFEST_LINE_MAX};
        const json_t *item = json_array_get(list, i);
        const char *text;

        if (!json_is_object(item) || al_json_str(item, "value_b64", &text, NULL) != AL_OK) {
            return damaged(p, "xattrs");
        }
        r = take_bytes(p, item, "name", &all[i].name);
        if (r == AL_OK && al_unbase64(text, strlen(text), &value) != AL_OK) {
            r = damaged(p, "xattrs");
        }
        if (r != AL_OK) {
            return r;
        }
        all[i].value = al_arena_span(p->arena, al_buf_span(&value));
        if (value.len > 0 && !all[i].value.at) {
            return AL_ELIMIT;
        }
    }
    m->xattrs = all;
    m->xattr_count = count;
    return AL_OK;
}

/* A path is relative and leads nowhere else: rescue builds trees of it. */
static int
check_path(struct parse *p, struct al_span path)
{
    size_t start = 0, i;

    for (i = 0; i <= path.len; i++) {
        if (i == path.len || path.at[i] == '/') {
            size_t n = i - start;
            const uint8_t *part = path.at + start;

            if (n == 0 || (n == 1 && part[0] == '.') ||
                (n == 2 && part[0] == '.' && part[1] == '.')) {
                return damaged(p, "path");
            }
            start = i + 1;
        }
    }
    return AL_OK;
}

static int
take_names(struct parse *p, struct manifest_record *m)
{
    int r = take_id(p, "object", &m->object_id);

    r = r == AL_OK ? take_str(p, "name", false, &m->object_name) : r;
    if (r == AL_OK && target_name_check(m->object_name, NULL) != AL_OK) {
        r = damaged(p, "name");
    }
    r = r == AL_OK ? take_id(p, "host", &m->host_id) : r;
    r = r == AL_OK ? take_id(p, "volume", &m->volume_id) : r;
    r = r == AL_OK ? take_bytes(p, p->doc, "path", &m->path) : r;
    r = r == AL_OK ? check_path(p, m->path) : r;
    r = r == AL_OK ? take_str(p, "owner", true, &m->owner) : r;
    return r == AL_OK ? take_str(p, "group", true, &m->group) : r;
}

static int
take_numbers(struct parse *p, struct manifest_record *m)
{
    int r = take_u64(p, "size", INT64_MAX, &m->size);

    r = r == AL_OK ? take_i64(p, "atime_ns", &m->atime_ns) : r;
    r = r == AL_OK ? take_i64(p, "mtime_ns", &m->mtime_ns) : r;
    r = r == AL_OK ? take_i64(p, "ctime_ns", &m->ctime_ns) : r;
    r = r == AL_OK ? take_i64(p, "btime_ns", &m->btime_ns) : r;
    r = r == AL_OK ? take_i64(p, "tiered_ns", &m->tiered_ns) : r;
    r = r == AL_OK ? take_u32(p, "uid", &m->uid) : r;
    r = r == AL_OK ? take_u32(p, "gid", &m->gid) : r;
    return r == AL_OK ? take_mode(p, &m->mode) : r;
}

int
manifest_parse(struct al_span line, struct al_arena *arena, struct manifest_record *ret,
               struct al_fail *fail)
{
    AL_CLEANUP(al_json_freep) json_t *doc = NULL;
    struct parse p = {.arena = arena, .fail = fail};
    struct manifest_record m;
    uint64_t format = 0;
    int r;

    memset(&m, 0, sizeof(m));
    if (line.len > MANIFEST_LINE_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "the manifest line is longer than %u bytes",
                           MANIFEST_LINE_MAX);
    }
    if (al_json_parse(line, &doc, NULL) != AL_OK || !json_is_object(doc)) {
        return al_fail_set(fail, AL_ECORRUPT, 0, "the manifest line is no JSON object, or cut");
    }
    p.doc = doc;
    r = take_u64(&p, "format", UINT64_MAX, &format);
    if (r == AL_OK && format != MANIFEST_FORMAT) {
        return al_fail_set(fail, AL_ECORRUPT, 0,
                           "the manifest line is of format %llu, which this "
                           "version does not know",
                           (unsigned long long)format);
    }
    r = r == AL_OK ? take_names(&p, &m) : r;
    r = r == AL_OK ? take_numbers(&p, &m) : r;
    r = r == AL_OK ? take_hashes(&p, &m) : r;
    r = r == AL_OK ? take_xattrs(&p, &m) : r;
    if (r != AL_OK) {
        return al_fail_set(fail, r, 0, "the manifest line needs more memory than there is");
    }
    *ret = m;
    return AL_OK;
}
