#include "server/api/api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define DEPTH_MAX 16u
#define CSP                                                                                        \
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "                    \
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "         \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/* Everything is read once, at the start: no request ever names a file to the system, so none can
 * name one outside. */
struct asset {
    char *path;                   /* "/assets/index-4f2a.js" */
    struct al_span bytes, packed; /* packed: the .gz beside it; .at NULL: none */
    char etag[24];
    const char *type;
    bool hashed; /* the name changes with the content */
};

struct asset_set {
    struct asset *item;
    size_t count, cap, bytes;
};

static const char no_console[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Alto</title>"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 1em}"
    "code,pre{background:#f2f2f2;padding:.2em .4em}</style></head><body>\n"
    "<h1>Alto is running, but its console is not built</h1>\n"
    "<p>Build it in the source folder and start <code>altod</code> again:</p>\n"
    "<pre>cd console\nnpm ci\nnpm run build</pre>\n"
    "<p>Or name a folder that holds a built console: <code>altod --console DIR</code>.</p>\n"
    "<p>The command line <code>alto</code> and the interface below <code>/api/v1</code> work "
    "without it.</p>\n</body></html>\n";

/* ---- reading ---- */

static const char *
type_of(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/vnd.microsoft.icon"},
        {".woff2", "font/woff2"},
        {".woff", "font/woff"},
        {".txt", "text/plain; charset=utf-8"},
        {".wasm", "application/wasm"},
    };
    size_t len = strlen(path);

    for (size_t i = 0; i < AL_LEN(types); i++) {
        size_t end = strlen(types[i].ending);

        if (len > end && strcmp(path + len - end, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

struct asset_set *
assets_close(struct asset_set *s)
{
    if (s == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < s->count; i++) {
        al_free(s->item[i].path);
        al_free((void *)(uintptr_t)s->item[i].bytes.at);
    }
    al_free(s->item);
    al_free(s);
    return NULL;
}

static int
add(struct asset_set *s, const char *path, struct al_buf *content)
{
    struct asset *a;
    size_t len = 0;

    if (s->count == API_ASSETS_MAX || s->bytes + content->len > API_ASSETS_BYTES_MAX) {
        return AL_ELIMIT;
    }
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 64 : s->cap * 2;
        struct asset *grown = al_realloc(s->item, cap * sizeof(*grown));

        if (grown == NULL) {
            return AL_ENOMEM;
        }
        s->item = grown;
        s->cap = cap;
    }
    a = &s->item[s->count];
    memset(a, 0, sizeof(*a));
    a->path = al_strdup(path);
    if (a->path == NULL) {
        return AL_ENOMEM;
    }
    snprintf(a->etag, sizeof(a->etag), "\"%016llx\"",
             (unsigned long long)al_xxh64(content->at, content->len, 0));
    a->bytes.at = al_buf_take(content, &len);
    a->bytes.len = len;
    a->type = type_of(path);
    a->hashed = strncmp(path, "/assets/", 8) == 0;
    s->bytes += len;
    s->count++;
    return AL_OK;
}

static int read_folder(struct asset_set *s, struct port *port, struct port_file *folder,
                       const char *path, unsigned depth);

static int
read_one(struct asset_set *s, struct port *port, struct port_file *folder,
         const struct port_dirent *e, const char *path, unsigned depth)
{
    AL_CLEANUP(al_buf_free) struct al_buf content = {.max = API_ASSETS_BYTES_MAX};
    AL_CLEANUP(al_buf_free) struct al_buf name = {.max = API_PATH_BYTES_MAX};
    struct port_stat st;
    int rc;

    rc = al_buf_addf(&name, "%s/%s", path, e->name);
    if (rc == AL_OK) {
        rc = port_stat_at(port, folder, e->name, &st);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (st.type == PORT_T_FOLDER && depth < DEPTH_MAX) {
        struct port_holder sub = {port, NULL};

        rc = port_open(port, folder, e->name, PORT_READ | PORT_FOLDER, 0, &sub.file);
        if (rc == AL_OK) {
            rc = read_folder(s, port, sub.file, (const char *)name.at, depth + 1);
        }
        port_holder_end(&sub);
        return rc;
    }
    if (st.type != PORT_T_FILE) {
        return AL_OK; /* a link could point anywhere */
    }
    rc = port_read_file(port, folder, e->name, API_ASSETS_BYTES_MAX, &content);
    return rc == AL_OK ? add(s, (const char *)name.at, &content) : rc;
}

static int
read_folder(struct asset_set *s, struct port *port, struct port_file *folder, const char *path,
            unsigned depth)
{
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    int rc = port_dir_open(port, folder, &d);

    while (rc == AL_OK) {
        rc = port_dir_next(port, d, &e, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (e.name[0] != '.') {
            rc = read_one(s, port, folder, &e, path, depth);
        }
    }
    port_dir_close(port, &d);
    return rc;
}

static int
by_path(const void *a, const void *b)
{
    return strcmp(((const struct asset *)a)->path, ((const struct asset *)b)->path);
}

static struct asset *
find(const struct asset_set *s, const char *path)
{
    struct asset key = {.path = (char *)(uintptr_t)path};

    return s->count == 0 ? NULL : bsearch(&key, s->item, s->count, sizeof(key), by_path);
}

static void
pair_packed(struct asset_set *s)
{
    char path[API_PATH_BYTES_MAX + 8];

    for (size_t i = 0; i < s->count; i++) {
        const struct asset *gz;

        snprintf(path, sizeof(path), "%s.gz", s->item[i].path);
        gz = find(s, path);
        if (gz != NULL) {
            s->item[i].packed = gz->bytes;
        }
    }
}

int
assets_open(struct port *port, const char *dir, struct al_log *log, struct asset_set **ret,
            struct al_fail *fail)
{
    struct asset_set *s = al_zalloc(sizeof(*s));
    struct port_holder folder = {port, NULL};
    int rc;

    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the console");
    }
    rc = dir == NULL ? AL_ENOENT
                     : port_open(port, NULL, dir, PORT_READ | PORT_FOLDER, 0, &folder.file);
    if (rc == AL_OK) {
        rc = read_folder(s, port, folder.file, "", 0);
    }
    port_holder_end(&folder);
    if (rc != AL_OK && rc != AL_ENOENT && rc != AL_ENOTDIR) {
        assets_close(s);
        return al_fail_set(fail, rc, 0, "cannot read the console in %.150s: %s", dir,
                           al_code_name(rc));
    }
    if (s->count > 0) {
        qsort(s->item, s->count, sizeof(*s->item), by_path);
        pair_packed(s);
    }
    al_log(log, AL_LOG_INFO, "console: %zu files, %zu bytes%s%s", s->count, s->bytes,
           dir != NULL ? " in " : "", dir != NULL ? dir : "");
    *ret = s;
    return AL_OK;
}

/* ---- sending ---- */

static void
page_fields(const struct request *r, struct http_answer *a)
{
    http_answer_field(a, "X-Content-Type-Options", "nosniff");
    http_answer_field(a, "Content-Security-Policy", CSP);
    http_answer_field(a, "X-Frame-Options", "DENY");
    http_answer_field(a, "Referrer-Policy", "same-origin");
    http_answer_field(a, "Cross-Origin-Opener-Policy", "same-origin");
    if (r->api->tls) {
        http_answer_field(a, "Strict-Transport-Security", "max-age=31536000");
    }
}

/* Rooms of the console have addresses of their own, which are no files; files have an ending. */
static const struct asset *
look_up(const struct asset_set *s, const char *path)
{
    const struct asset *a = find(s, strcmp(path, "/") == 0 ? "/index.html" : path);
    const char *last = strrchr(path, '/');

    if (a == NULL && strchr(last, '.') == NULL && strncmp(path, "/assets/", 8) != 0) {
        a = find(s, "/index.html");
    }
    return a;
}

enum http_next
assets_send(struct request *r)
{
    const char *codings = http_header(r->x, "Accept-Encoding");
    const char *have = http_header(r->x, "If-None-Match");
    struct http_answer out = {.status = 200};
    const struct asset *a = look_up(r->api->assets, r->uri.path);

    if (a == NULL && find(r->api->assets, "/index.html") == NULL &&
        strchr(strrchr(r->uri.path, '/'), '.') == NULL) {
        out.fixed = al_span_of(no_console);
        http_answer_field(&out, "Content-Type", "text/html; charset=utf-8");
        http_answer_field(&out, "Cache-Control", "no-store");
        page_fields(r, &out);
        return http_answer(r->x, &out);
    }
    if (a == NULL) {
        (void)request_fail(r, 404, AL_ENOENT, "there is nothing at this address");
        return reply_send(r);
    }
    out.fixed = a->bytes;
    http_answer_field(&out, "Content-Type", a->type);
    http_answer_field(&out, "ETag", a->etag);
    http_answer_field(&out, "Vary", "Accept-Encoding");
    http_answer_field(&out, "Cache-Control",
                      a->hashed ? "public, max-age=31536000, immutable" : "no-cache");
    if (a->packed.at != NULL && codings != NULL && strstr(codings, "gzip") != NULL) {
        out.fixed = a->packed;
        http_answer_field(&out, "Content-Encoding", "gzip");
    }
    if (have != NULL && strstr(have, a->etag) != NULL) {
        out.status = r->status = 304;
        out.fixed = (struct al_span){NULL, 0};
    }
    page_fields(r, &out);
    return http_answer(r->x, &out);
}
