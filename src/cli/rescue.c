/* rescue.c: files from a share alone. Two passes over the manifests: the first finds the last
 * version of each path, keeping 40 bytes a file; the second restores those. What is there already
 * is left alone, so a rescue that was cut goes on where it stopped. */
#include "cli/cli.h"
#include "cli/rescue.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "port/process.h"
#include "port/service.h"

#define LINE_ARENA (8u << 20)
#define BAR_NS 200000000

/* ---- the manifests, line by line ---- */

typedef int line_fn(struct rescue *r, const struct manifest_record *rec);

static int
one_line(struct rescue *r, struct al_span line, line_fn *fn)
{
    struct manifest_record rec;
    int rc;

    r->line++;
    al_arena_reset(r->arena);
    rc = manifest_parse(line, r->arena, &rec, NULL);
    if (rc == AL_ENOMEM) {
        return rc;
    }
    if (rc != AL_OK) {
        r->damaged++; /* the last line of an agent that lost power, as a rule */
        return AL_OK;
    }
    return fn(r, &rec);
}

/* Takes whole lines off the front of the buffer. */
static int
lines(struct rescue *r, struct al_buf *b, bool last, line_fn *fn)
{
    size_t at = 0;

    while (at < b->len) {
        const uint8_t *end = memchr(b->at + at, '\n', b->len - at);
        int rc;

        if (end == NULL && !last) {
            break;
        }
        rc = one_line(
            r, (struct al_span){b->at + at, end != NULL ? (size_t)(end - b->at) - at : b->len - at},
            fn);
        if (rc != AL_OK) {
            return rc;
        }
        at = end != NULL ? (size_t)(end - b->at) + 1 : b->len;
    }
    memmove(b->at, b->at + at, b->len - at);
    b->len -= at;
    return AL_OK;
}

static void
get_freep(struct target_get **g)
{
    *g = target_get_end(*g);
}

static int
one_manifest(struct rescue *r, const char *name, line_fn *fn)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    AL_CLEANUP(get_freep) struct target_get *g = NULL;
    uint64_t size;
    size_t got = 1;
    int rc = target_get_begin(r->target, name, &g, &size, &r->cli->fail);

    al_buf_init(&b, RESCUE_CHUNK + MANIFEST_LINE_MAX + 1);
    while (rc == AL_OK && got > 0) {
        rc = al_buf_reserve(&b, RESCUE_CHUNK / 2);
        rc = rc != AL_OK ? rc
                         : target_get_read(g, b.at + b.len, RESCUE_CHUNK / 2, &got, &r->cli->fail);
        if (rc != AL_OK) {
            break;
        }
        b.len += got;
        rc = lines(r, &b, got == 0, fn);
        if (rc == AL_OK &&
            b.len > MANIFEST_LINE_MAX) { /* no line at all: what follows its end is read again */
            b.len = 0;
        }
    }
    return rc;
}

struct names {
    char **at;
    size_t count, cap;
    const char *folder; /* "manifests/HOST" under way */
    bool want_folders;
};

static int
add_name(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    struct names *n = ctx;
    AL_CLEANUP(al_buf_free) struct al_buf full = {0};
    size_t len;
    int rc;

    (void)size;
    (void)mtime_ns;
    if (is_folder != n->want_folders) {
        return AL_OK;
    }
    if (n->count == n->cap) {
        size_t cap = n->cap == 0 ? 64 : n->cap * 2;
        char **grown = al_realloc(n->at, cap * sizeof(*grown));

        if (grown == NULL) {
            return AL_ENOMEM;
        }
        n->at = grown;
        n->cap = cap;
    }
    al_buf_init(&full, TARGET_NAME_MAX);
    rc = al_buf_addf(&full, "%s/%s", n->folder, name);
    if (rc == AL_OK) {
        n->at[n->count++] = (char *)al_buf_take(&full, &len);
    }
    return rc;
}

static void
names_end(struct names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        al_free(n->at[i]);
    }
    al_free(n->at);
}

static int
every_manifest(struct rescue *r, line_fn *fn)
{
    AL_CLEANUP(names_end) struct names hosts = {.folder = "manifests", .want_folders = true};
    AL_CLEANUP(names_end) struct names files = {.want_folders = false};
    int rc = target_list(r->target, "manifests", add_name, &hosts, &r->cli->fail);

    for (size_t i = 0; i < hosts.count && rc == AL_OK; i++) {
        files.folder = hosts.at[i];
        rc = target_list(r->target, hosts.at[i], add_name, &files, &r->cli->fail);
    }
    r->line = 0;
    r->damaged = 0;
    for (size_t i = 0; i < files.count && rc == AL_OK; i++) {
        r->file = i + 1;
        r->manifest = files.at[i];
        rc = one_manifest(r, files.at[i], fn);
    }
    return rc;
}

/* ---- first pass: the last version of each path ---- */

static bool
wanted(const struct rescue *r, const struct manifest_record *rec)
{
    return rec->path.len >= r->prefix.len &&
           (r->prefix.len == 0 || memcmp(rec->path.at, r->prefix.at, r->prefix.len) == 0);
}

static struct al_xxh128
key_of(const struct manifest_record *rec)
{
    struct al_xxh128 k = al_xxh128(rec->path.at, rec->path.len);

    k.lo ^= al_xxh64(rec->volume_id, strlen(rec->volume_id), 1);
    k.hi ^= al_xxh64(rec->volume_id, strlen(rec->volume_id), 2);
    return k;
}

static struct newest *
slot_of(struct newest *table, size_t cap, struct al_xxh128 key)
{
    size_t i = (size_t)key.lo & (cap - 1);

    while (table[i].here.line != 0 && !al_xxh_equal(table[i].key, key)) {
        i = (i + 1) & (cap - 1);
    }
    return &table[i];
}

static int
grow(struct rescue *r)
{
    size_t cap = r->cap == 0 ? 1024 : r->cap * 2;
    struct newest *table = al_array(cap, sizeof(*table));

    if (table == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < r->cap; i++) {
        if (r->table[i].here.line != 0) {
            *slot_of(table, cap, r->table[i].key) = r->table[i];
        }
    }
    al_free(r->table);
    r->table = table;
    r->cap = cap;
    return AL_OK;
}

static const struct version *
newest_of(const struct newest *n)
{
    return n->earlier.line != 0 && n->earlier.tiered_ns > n->here.tiered_ns ? &n->earlier
                                                                            : &n->here;
}

static int
note(struct rescue *r, const struct manifest_record *rec)
{
    struct al_xxh128 key = key_of(rec);
    struct newest *slot;

    if (!wanted(r, rec)) {
        return AL_OK;
    }
    if (r->volume[0] == '\0') {
        (void)snprintf(r->volume, sizeof(r->volume), "%s", rec->volume_id);
    }
    r->several_volumes = r->several_volumes || strcmp(r->volume, rec->volume_id) != 0;
    if (r->count * 2 >= r->cap) {
        int rc = grow(r);

        if (rc != AL_OK) {
            return rc;
        }
    }
    slot = slot_of(r->table, r->cap, key);
    r->count += slot->here.line == 0;
    r->bytes -= newest_of(slot)->size;
    if (slot->file != r->file) {
        slot->earlier = *newest_of(slot);
    }
    slot->key = key;
    slot->file = r->file;
    slot->here = (struct version){rec->tiered_ns, rec->size, r->line};
    r->bytes += newest_of(slot)->size;
    return AL_OK;
}

/* ---- second pass ---- */

/* With where its line is, and which attributes are in it: for whoever has to set them by hand. */
static int
list_json(struct rescue *r, const struct manifest_record *rec, const char *time)
{
    AL_CLEANUP(al_json_freep) json_t *names = json_array();
    json_t *j = json_object();
    int rc = names == NULL ? AL_ENOMEM : al_json_set_str(j, "volume_id", rec->volume_id);

    rc = rc != AL_OK ? rc : al_json_set_bytes(j, "path", rec->path);
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "size", rec->size);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "mtime_at", time);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "object_id", rec->object_id);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "object", rec->object_name);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "manifest", r->manifest);
    for (size_t i = 0; rc == AL_OK && i < rec->xattr_count; i++) {
        json_t *name = json_stringn((const char *)rec->xattrs[i].name.at, rec->xattrs[i].name.len);

        rc = json_array_append_new(names, name != NULL ? name : json_null()) == 0 ? AL_OK
                                                                                  : AL_ENOMEM;
    }
    rc = rc != AL_OK ? rc : al_json_set(j, "xattrs", json_incref(names));
    if (rc != AL_OK) {
        json_decref(j);
        return rc;
    }
    return json_array_append_new(r->listed, j) == 0 ? AL_OK : AL_ENOMEM;
}

static int
list_one(struct rescue *r, const struct manifest_record *rec)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    AL_CLEANUP(al_buf_free) struct al_buf safe = {0};
    char size[32], time[AL_TIME_TEXT_MAX];
    int rc;

    al_buf_init(&path, 1u << 20);
    al_buf_init(&safe, 4u << 20);
    al_time_text(rec->mtime_ns, time);
    if (r->cli->json) {
        return list_json(r, rec, time);
    }
    rc = al_utf8_clean(rec->path, &path);
    rc = rc != AL_OK ? rc : out_safe(path.at != NULL ? (const char *)path.at : "", &safe);
    if (rc == AL_OK) {
        out_size(rec->size, size);
        (void)printf("%s  %s  %10s  %s\n", rec->volume_id, time, size, (const char *)safe.at);
    }
    return rc;
}

static void
bar(struct rescue *r, bool force)
{
    int64_t now = port_mono_ns(r->cli->port);
    char done[32], all[32];
    unsigned columns;

    if (!port_is_tty(2, &columns) || (!force && now - r->told_ns < BAR_NS)) {
        return;
    }
    r->told_ns = now;
    out_size(r->bytes_done, done);
    out_size(r->bytes, all);
    (void)fprintf(stderr, "\r\033[K%llu of %llu files, %s of %s%s",
                  (unsigned long long)(r->restored + r->there + r->failed),
                  (unsigned long long)r->count, done, all, force ? "\n" : "");
    (void)fflush(stderr);
}

static int
restore_one(struct rescue *r, const struct manifest_record *rec)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    AL_CLEANUP(al_buf_free) struct al_buf safe = {0};
    struct al_fail fail = {0};
    int rc = rescue_file(r, rec, &fail);

    r->bytes_done += rec->size;
    bar(r, false);
    if (rc == AL_OK || rc == AL_EEXIST) {
        r->restored += rc == AL_OK;
        r->there += rc == AL_EEXIST;
        return AL_OK;
    }
    if (rc == AL_ENOMEM || rc == AL_ENOSPC) { /* every further file would fail the same way */
        return al_fail_set(&r->cli->fail, rc, fail.os, "%s", fail.text);
    }
    al_buf_init(&path, 1u << 20);
    al_buf_init(&safe, 4u << 20);
    r->failed++;
    rc = al_utf8_clean(rec->path, &path);
    rc = rc != AL_OK ? rc : out_safe(path.at != NULL ? (const char *)path.at : "", &safe);
    (void)fprintf(stderr, "%s: %s\n", rc == AL_OK ? (const char *)safe.at : rec->object_name,
                  fail.text);
    return AL_OK;
}

static int
second(struct rescue *r, const struct manifest_record *rec)
{
    struct newest *slot;

    if (r->cap == 0 || !wanted(r, rec)) {
        return AL_OK;
    }
    slot = slot_of(r->table, r->cap, key_of(rec));
    if (newest_of(slot)->line != r->line) {
        return AL_OK; /* an older version, or one written since the first pass */
    }
    return r->list ? list_one(r, rec) : restore_one(r, rec);
}

/* ---- what could not be set ---- */

static const char *
why(int code)
{
    return code == AL_ENOTSUP                      ? "this system or filesystem has none"
           : code == AL_EPERM || code == AL_EACCES ? "root, or an elevated administrator, may"
                                                   : al_code_name(code);
}

static void
print_missed(const struct rescue *r)
{
    if (r->lesser == 0) {
        return;
    }
    for (size_t i = 0; i < KEPT_PARTS; i++) {
        if (r->missed[i].files > 0) {
            (void)printf("not set: %s of %llu files: %s\n", kept_words[i].text,
                         (unsigned long long)r->missed[i].files, why(r->missed[i].code));
        }
    }
    (void)printf("What %llu files lack is kept on the share, in each file's line of manifests/; "
                 "--list --json tells which.\n",
                 (unsigned long long)r->lesser);
    if (r->missed[KEPT_SECURITY].code == AL_ENOTSUP) {
        (void)printf(
            "These files are of Windows: nobody but whoever ran this may read them here. On "
            "Windows alto rescue sets all of it, in a folder of its own.\n");
    }
}

static int
json_missed(const struct rescue *r, json_t *to)
{
    json_t *all = json_array();
    int rc = all != NULL ? al_json_set_u64(to, "incomplete", r->lesser) : AL_ENOMEM;

    for (size_t i = 0; rc == AL_OK && i < KEPT_PARTS; i++) {
        json_t *one;

        if (r->missed[i].files == 0) {
            continue;
        }
        one = json_object();
        rc = one != NULL ? al_json_set_str(one, "what", kept_words[i].name) : AL_ENOMEM;
        rc = rc != AL_OK ? rc : al_json_set_u64(one, "files", r->missed[i].files);
        rc = rc != AL_OK ? rc : al_json_set_str(one, "code", al_code_name(r->missed[i].code));
        rc = rc != AL_OK ? rc : al_json_set_str(one, "kept_in", "manifests");
        rc = rc != AL_OK ? rc : al_json_set_str(one, "kept_as", kept_words[i].where);
        if (json_array_append_new(all, one) != 0) {
            rc = AL_ENOMEM;
        }
    }
    if (rc != AL_OK) {
        json_decref(all);
        return rc;
    }
    return al_json_set(to, "not_set", all);
}

static int
tell(struct rescue *r)
{
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    int rc = AL_OK;

    if (r->list) {
        return r->cli->json ? out_json(r->listed) : AL_OK;
    }
    bar(r, true);
    if (r->cli->json) {
        j = json_object();
        rc = al_json_set_u64(j, "restored", r->restored);
        rc = rc != AL_OK ? rc : al_json_set_u64(j, "there_already", r->there);
        rc = rc != AL_OK ? rc : al_json_set_u64(j, "failed", r->failed);
        rc = rc != AL_OK ? rc : al_json_set_u64(j, "damaged_lines", r->damaged);
        rc = rc != AL_OK ? rc : json_missed(r, j);
        rc = rc != AL_OK ? rc : out_json(j);
    } else {
        (void)printf("%llu files restored, %llu there already, %llu failed\n",
                     (unsigned long long)r->restored, (unsigned long long)r->there,
                     (unsigned long long)r->failed);
        print_missed(r);
    }
    return rc == AL_OK && r->failed > 0
               ? al_fail_set(&r->cli->fail, AL_EIO, 0, "%llu files could not be restored",
                             (unsigned long long)r->failed)
               : rc;
}

/* A line that cannot be read may be of a file that nobody misses until much later. */
static int
all_was_read(struct rescue *r)
{
    return r->damaged == 0
               ? AL_OK
               : al_fail_set(&r->cli->fail, AL_ECORRUPT, 0,
                             "%llu manifest lines could not be read: what they name, if anything, "
                             "was left out",
                             (unsigned long long)r->damaged);
}

static int
open_ends(struct rescue *r)
{
    AL_CLEANUP(al_buf_free) struct al_buf secret = {0};
    AL_CLEANUP(al_freep) char *to = NULL;
    struct cli *c = r->cli;
    struct target_conf conf = {.url = args_get(c, "share"),
                               .user = args_get(c, "user"),
                               .customer_id = args_get(c, "customer-id")};
    int rc = AL_OK;

    al_buf_init(&secret, 4096);
    if (conf.user != NULL) {
        rc = read_secret(c, args_get(c, "password-file"), "Password of the share: ", &secret);
        conf.password = (const char *)secret.at;
    }
    rc = rc != AL_OK ? rc : target_open(c->port, &conf, false, &r->target, &c->fail);
    if (secret.at != NULL) {
        al_wipe(secret.at, secret.len);
    }
    if (rc != AL_OK || r->list) {
        return rc;
    }
    rc = absolute_path(c, args_get(c, "to"), &to);
    rc = rc != AL_OK ? rc : port_mkdirs(c->port, to, 0755);
    rc = rc != AL_OK ? rc : port_open(c->port, NULL, to, PORT_READ | PORT_FOLDER, 0, &r->root);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(&c->fail, rc, port_os_error(c->port),
                                     "%.150s cannot be opened", args_get(c, "to"));
}

/* An administrator holds them, but they are off until they are wished for: with them owners are set, and
 * files are made whatever the folder's rights say. Who has none goes without, and is told per file. */
static void
rights_on(void)
{
    static const char *const names[] = {"SeBackupPrivilege", "SeRestorePrivilege",
                                        "SeSecurityPrivilege"};
    uint32_t missing = 0;

    (void)!port_rights_on(names, AL_LEN(names), &missing);
}

int
cmd_rescue(struct cli *c)
{
    struct rescue r = {.cli = c, .list = args_flag(c, "list")};
    int rc;

    if (!r.list && args_get(c, "to") == NULL) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "give --to DIR, or --list");
    }
    r.prefix = al_span_of(args_get(c, "path") != NULL ? args_get(c, "path") : "");
    while (r.prefix.len > 0 && r.prefix.at[0] == '/') {
        r.prefix.at++;
        r.prefix.len--;
    }
    if (!r.list) {
        rights_on();
    }
    r.arena = al_arena_new(LINE_ARENA);
    r.chunk = al_alloc(RESCUE_CHUNK);
    r.listed = json_array();
    rc = r.arena == NULL || r.chunk == NULL || r.listed == NULL ? AL_ENOMEM : open_ends(&r);
    rc = rc != AL_OK ? rc : every_manifest(&r, note);
    rc = rc != AL_OK ? rc : every_manifest(&r, second);
    rc = rc != AL_OK ? rc : tell(&r);
    rc = rc != AL_OK ? rc : all_was_read(&r);
    port_close_quiet(c->port, &r.root);
    r.target = target_close(r.target);
    r.arena = al_arena_free(r.arena);
    al_free(r.chunk);
    al_free(r.table);
    al_json_freep(&r.listed);
    return rc;
}
