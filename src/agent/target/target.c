/* target.c: what all kinds of share have in common: choosing the kind by the address, checking
 * names and arguments, hashing what goes out and what comes back, telling people what went wrong.
 * The identity file is in target_identity.c. */
#include "agent/target/target_identity.h"
#include "agent/target/target_kind.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

const char *
target_advice(int code)
{
    switch (code) {
    case AL_ENOSPC:
        return "; free space there or choose another share, work goes on by itself";
    case AL_EACCES:
        return "; the share's user needs to read, write and delete there";
    case AL_EROFS:
        return "; make the share writable for its user";
    case AL_EAUTH:
        return "; check user name and password of the share";
    case AL_EUNREACH:
        return "; check that the file server runs and that its port is reachable from this host";
    case AL_ETIMEDOUT:
        return "; the file server hangs or is overloaded, it is tried again later";
    case AL_EFOREIGN:
        return "; check the share's address: nothing was changed there";
    default:
        return "";
    }
}

int
target_say(struct target *t, struct al_fail *fail, int code, uint32_t os, const char *what,
           const char *name)
{
    return al_fail_set(fail, code, os, "cannot %s %.80s on share %.60s: %s%s", what,
                       name[0] ? name : "the root", t->url, al_code_name(code),
                       target_advice(code));
}

/* Splits the scheme off. file:///DIR and, on Windows, \\HOST\SHARE\DIR are folders. */
static int
choose_kind(struct target *t, struct al_fail *fail)
{
    const char *rest = NULL;

    if (strncmp(t->url, "smb://", 6) == 0) {
        t->kind = target_smb_kind();
        rest = t->url + 6;
    } else if (strncmp(t->url, "file:///", 8) == 0) {
        t->kind = &target_folder_kind;
        /* "file:///C:/dir" names a drive. */
        rest = t->url[8] != '\0' && t->url[9] == ':' ? t->url + 8 : t->url + 7;
    } else if (strncmp(t->url, "\\\\", 2) == 0) {
        t->kind = target_unc_kind();
        rest = t->url;
    } else {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "a share's address begins with smb:// or file:///, not \"%.60s\"",
                           t->url);
    }
    t->root = al_strdup(rest);
    return t->root ? AL_OK : AL_ENOMEM;
}

static int
copy_conf(struct target *t, const struct target_conf *conf)
{
    t->deadline_ms = conf->deadline_ms ? conf->deadline_ms : TARGET_DEADLINE_MS;
    t->wire = conf->wire;
    t->url = al_strdup(conf->url);
    t->customer_id = conf->customer_id ? al_strdup(conf->customer_id) : NULL;
    t->user = conf->user ? al_strdup(conf->user) : NULL;
    t->password = conf->password ? al_strdup(conf->password) : NULL;
    if (!t->url || (conf->customer_id && !t->customer_id) || (conf->user && !t->user) ||
        (conf->password && !t->password)) {
        return AL_ENOMEM;
    }
    return AL_OK;
}

int
target_connect(struct port *port, const struct target_conf *conf, bool make_root,
               struct target **ret, struct al_fail *fail)
{
    AL_CLEANUP(target_closep) struct target *t = NULL;
    int r;

    if (!conf->url || strlen(conf->url) >= TARGET_URL_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a share needs an address and a customer");
    }
    t = al_zalloc(sizeof(*t));
    if (!t) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    t->port = port;
    t->identity_ns = port_mono_ns(port);
    r = copy_conf(t, conf);
    if (r == AL_OK) {
        r = choose_kind(t, fail);
    }
    if (r != AL_OK) {
        return al_fail_set(fail, r, 0, "out of memory");
    }
    r = t->kind->open(t, make_root, fail);
    if (r == AL_OK) {
        *ret = t;
        t = NULL;
    }
    return r;
}

int
target_open(struct port *port, const struct target_conf *conf, bool create_identity,
            struct target **ret, struct al_fail *fail)
{
    AL_CLEANUP(target_closep) struct target *t = NULL;
    int r;

    if (conf->customer_id ? conf->customer_id[0] == '\0' : create_identity) {
        return al_fail_set(fail, AL_EINVAL, 0, "a share needs an address and a customer");
    }
    r = target_connect(port, conf, create_identity, &t, fail);
    if (r != AL_OK) {
        return r;
    }
    r = target_identity_check(t, fail);
    if (r == AL_ENOENT && create_identity) {
        /* Not finding one was no failure yet: the sentence that counts is the next one. */
        if (fail) {
            memset(fail, 0, sizeof(*fail));
        }
        r = target_identity_make(t, fail);
    }
    if (r != AL_OK) {
        return r;
    }
    *ret = t;
    t = NULL;
    return AL_OK;
}

struct target *
target_close(struct target *t)
{
    if (!t) {
        return NULL;
    }
    if (t->impl) {
        t->kind->close(t);
    }
    if (t->port_end) {
        t->port_end(t);
    }
    if (t->password) {
        al_wipe(t->password, strlen(t->password));
    }
    al_free(t->password);
    al_free(t->user);
    al_free(t->customer_id);
    al_free(t->root);
    al_free(t->url);
    al_free(t);
    return NULL;
}

void
target_closep(struct target **t)
{
    *t = target_close(*t);
}

void
target_rest(struct target *t)
{
    if (t->kind->rest) {
        t->kind->rest(t);
    }
}

/* "Not there" counts only on the right share: when the identity file cannot be read either (another
 * disk mounted, the folder renamed, the server half up), nothing is known about anything. */
static int
absent(struct target *t, struct al_fail *fail, int code)
{
    int r;

    if (code != AL_ENOENT) {
        return code;
    }
    r = target_identity_check(t, NULL);
    if (r == AL_OK) {
        return AL_ENOENT;
    }
    if (fail) {
        memset(fail, 0, sizeof(*fail));
    }
    r = r == AL_ENOENT ? AL_EUNREACH : r;
    return al_fail_set(fail, r, 0,
                       "share %.80s does not show its identity file (%s): what is missing there "
                       "says nothing%s",
                       t->url, al_code_name(r), target_advice(r));
}

int
target_check(struct target *t, struct target_space *ret, struct al_fail *fail)
{
    struct target_space space;
    int r = t->kind->refresh ? t->kind->refresh(t, fail) : AL_OK;

    if (r == AL_OK) {
        r = absent(t, fail, target_identity_check(t, fail));
    }
    if (r == AL_OK) {
        r = t->kind->space(t, &space, fail);
    }
    if (r == AL_OK) {
        *ret = space;
    }
    return r;
}

int
target_confirm(struct target *t, struct al_fail *fail)
{
    int64_t now = port_mono_ns(t->port);
    int r = AL_OK;

    if (t->customer_id != NULL) {
        r = t->kind->same ? t->kind->same(t, fail) : AL_OK;
        r = r == AL_OK ? absent(t, fail, target_identity_check(t, fail)) : r;
    }
    if (r == AL_OK) {
        t->identity_ns = now;
    }
    return r;
}

/* Before anything is written: not to somebody else's share, as far as one look a second tells. */
static int
still_ours(struct target *t, struct al_fail *fail)
{
    return port_mono_ns(t->port) - t->identity_ns < TARGET_IDENTITY_NS ? AL_OK
                                                                       : target_confirm(t, fail);
}

static int
try_put(struct target *t, const char *name, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) uint8_t *bytes = al_zalloc(TARGET_TRY_BYTES);
    struct target_put *p = NULL;
    bool done = false;
    int r;

    if (!bytes) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    r = target_put_begin(t, name, TARGET_TRY_BYTES, &p, fail);
    if (r == AL_OK) {
        r = target_put_write(p, bytes, TARGET_TRY_BYTES, fail);
    }
    while (r == AL_OK && !done) {
        r = target_put_step(p, &done, fail);
    }
    target_put_end(p);
    return r;
}

int
target_try_write(struct target *t, struct al_fail *fail)
{
    char name[TARGET_NAME_MAX];
    uint8_t chance[10];
    al_id id;
    int r = port_random(t->port, chance, sizeof(chance));

    if (r != AL_OK) {
        return al_fail_set(fail, r, port_os_error(t->port), "no random numbers");
    }
    al_id_make(port_now_ns(t->port), chance, id);
    (void)snprintf(name, sizeof(name), TARGET_INCOMING "/try-%s", id);
    r = try_put(t, name, fail);
    return r == AL_OK ? target_remove(t, name, fail) : r;
}

/* ---- putting ---- */

int
target_put_begin(struct target *t, const char *name, uint64_t size_expected,
                 struct target_put **ret, struct al_fail *fail)
{
    struct target_put *p;
    int r = target_name_check(name, fail);

    if (r == AL_OK) {
        r = still_ours(t, fail);
    }
    if (r != AL_OK) {
        return r;
    }
    p = al_zalloc(sizeof(*p));
    if (!p) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    p->t = t;
    (void)snprintf(p->name, sizeof(p->name), "%s", name);
    p->hash_out = al_xxh_new();
    p->hash_back = al_xxh_new();
    r = p->hash_out && p->hash_back ? target_temp_name(name, p->temp) : AL_ENOMEM;
    if (r == AL_OK) {
        r = absent(t, fail, t->kind->put_begin(p, size_expected, fail));
    }
    if (r != AL_OK) {
        target_put_end(p);
        return al_fail_set(fail, r, 0, "cannot begin an object: %s", al_code_name(r));
    }
    *ret = p;
    return AL_OK;
}

int
target_put_write(struct target_put *p, const void *bytes, size_t len, struct al_fail *fail)
{
    int r;

    if (len == 0) {
        return AL_OK;
    }
    r = absent(p->t, fail, p->t->kind->put_write(p, bytes, len, fail));
    if (r == AL_OK) {
        al_xxh_add(p->hash_out, bytes, len);
        p->size += len;
    }
    return r;
}

int
target_put_step(struct target_put *p, bool *ret_done, struct al_fail *fail)
{
    bool done = false;
    int r = AL_OK;

    if (!p->done) {
        r = absent(p->t, fail, p->t->kind->put_step(p, &done, fail));
        if (r != AL_OK) {
            return r;
        }
        p->done = done;
    }
    *ret_done = p->done;
    return AL_OK;
}

void
target_put_back(struct target_put *p, const void *bytes, size_t len)
{
    al_xxh_add(p->hash_back, bytes, len);
    p->size_back += len;
}

int
target_put_compare(struct target_put *p, struct al_fail *fail)
{
    if (p->size == p->size_back &&
        al_xxh_equal(al_xxh_result(p->hash_out), al_xxh_result(p->hash_back))) {
        return AL_OK;
    }
    return al_fail_set(fail, AL_ECORRUPT, 0,
                       "what share %.60s gave back of %.60s is not what was written "
                       "(%llu of %llu bytes came); the file server's disk, memory or network is "
                       "not to be trusted",
                       p->t->url, p->name, (unsigned long long)p->size_back,
                       (unsigned long long)p->size);
}

void
target_put_result(const struct target_put *p, uint64_t *ret_size, struct al_xxh128 *ret_hash)
{
    *ret_size = p->size;
    *ret_hash = al_xxh_result(p->hash_out);
}

struct target_put *
target_put_end(struct target_put *p)
{
    if (!p) {
        return NULL;
    }
    if (p->impl) {
        p->t->kind->put_end(p);
    }
    al_xxh_free(p->hash_out);
    al_xxh_free(p->hash_back);
    al_free(p);
    return NULL;
}

/* ---- getting ---- */

int
target_get_begin(struct target *t, const char *name, struct target_get **ret, uint64_t *ret_size,
                 struct al_fail *fail)
{
    char temp[TARGET_NAME_MAX];
    struct target_get *g;
    int r = target_name_check(name, fail);

    if (r != AL_OK) {
        return r;
    }
    g = al_zalloc(sizeof(*g));
    if (!g) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    g->t = t;
    r = t->kind->get_begin(g, name, &g->size, fail);
    if (r == AL_ENOENT && target_temp_name(name, temp) == AL_OK &&
        t->kind->get_begin(g, temp, &g->size, NULL) == AL_OK) {
        /* The bytes were durable before the object got its name, the name may have been lost in a
         * power cut of the server: it is still where it was put together. Whoever reads it compares
         * length and hash with the stub's. */
        r = AL_OK;
        if (fail) {
            memset(fail, 0, sizeof(*fail));
        }
    }
    if (r != AL_OK) {
        target_get_end(g);
        r = absent(t, fail, r);
        return al_fail_set(fail, r, 0, "cannot open an object: %s", al_code_name(r));
    }
    *ret_size = g->size;
    *ret = g;
    return AL_OK;
}

int
target_get_read(struct target_get *g, void *to, size_t cap, size_t *ret_len, struct al_fail *fail)
{
    size_t got = 0;
    int r;

    if (cap > g->size - g->at) {
        cap = (size_t)(g->size - g->at);
    }
    if (cap > 0) {
        r = g->t->kind->get_read(g, to, cap, &got, fail);
        if (r != AL_OK) {
            return r;
        }
        if (got == 0) {
            return al_fail_set(fail, AL_EIO, 0,
                               "an object on share %.60s ends after %llu of %llu bytes", g->t->url,
                               (unsigned long long)g->at, (unsigned long long)g->size);
        }
    }
    g->at += got;
    *ret_len = got;
    return AL_OK;
}

int
target_get_seek(struct target_get *g, uint64_t offset, struct al_fail *fail)
{
    int r = AL_OK;

    if (offset > g->size) {
        return al_fail_set(fail, AL_EINVAL, 0, "behind the end of an object");
    }
    if (g->t->kind->get_seek && offset != g->at) {
        r = g->t->kind->get_seek(g, offset, fail);
    }
    if (r == AL_OK) {
        g->at = offset;
    }
    return r;
}

struct target_get *
target_get_end(struct target_get *g)
{
    if (g) {
        if (g->impl) {
            g->t->kind->get_end(g);
        }
        al_free(g);
    }
    return NULL;
}

int
target_get_small(struct target *t, const char *name, void *to, size_t cap, size_t *ret_len,
                 struct al_fail *fail)
{
    char temp[TARGET_NAME_MAX];
    int r = target_name_check(name, fail);

    if (r != AL_OK) {
        return r;
    }
    r = t->kind->get_small(t, name, to, cap, ret_len, fail);
    if (r == AL_ENOENT && target_temp_name(name, temp) == AL_OK &&
        t->kind->get_small(t, temp, to, cap, ret_len, NULL) == AL_OK) {
        r = AL_OK; /* as in target_get_begin */
        if (fail) {
            memset(fail, 0, sizeof(*fail));
        }
    }
    return absent(t, fail, r);
}

/* ---- small files ---- */

int
target_append(struct target *t, const char *name, uint64_t offset, const void *bytes, size_t len,
              struct al_fail *fail)
{
    int r = target_name_check(name, fail);

    if (r == AL_OK) {
        r = still_ours(t, fail);
    }
    return r == AL_OK ? absent(t, fail, t->kind->append(t, name, offset, bytes, len, fail)) : r;
}

int
target_size(struct target *t, const char *name, uint64_t *ret, struct al_fail *fail)
{
    int r = target_name_check(name, fail);

    return r == AL_OK ? absent(t, fail, t->kind->size(t, name, ret, fail)) : r;
}

int
target_read_plain(struct target *t, const char *name, size_t max, struct al_buf *to,
                  struct al_fail *fail)
{
    struct target_get *g = NULL;
    uint64_t size;
    size_t got = 0;
    int r = target_name_check(name, fail);

    if (r != AL_OK) {
        return r;
    }
    g = al_zalloc(sizeof(*g));
    if (!g) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    g->t = t;
    r = t->kind->get_begin(g, name, &size, fail);
    g->size = r == AL_OK ? size : 0;
    if (r == AL_OK && size > max) {
        r = al_fail_set(fail, AL_ELIMIT, 0,
                        "%.80s on share %.60s has %llu bytes, at most %llu are "
                        "read",
                        name, t->url, (unsigned long long)size, (unsigned long long)max);
    }
    if (r == AL_OK) {
        r = al_buf_reserve(to, (size_t)size + 1);
    }
    do {
        if (r == AL_OK) {
            r = target_get_read(g, to->at + to->len, TARGET_CHUNK_BYTES, &got, fail);
        }
        if (r == AL_OK) {
            to->len += got;
            to->at[to->len] = '\0';
        }
    } while (r == AL_OK && got > 0);
    target_get_end(g);
    return r == AL_OK ? r : al_fail_set(fail, r, 0, "cannot read a file: %s", al_code_name(r));
}

int
target_read_file(struct target *t, const char *name, size_t max, struct al_buf *to,
                 struct al_fail *fail)
{
    return absent(t, fail, target_read_plain(t, name, max, to, fail));
}

int
target_list(struct target *t, const char *folder, target_each_fn each, void *ctx,
            struct al_fail *fail)
{
    int r = folder[0] ? target_name_check(folder, fail) : AL_OK;

    return r == AL_OK ? absent(t, fail, t->kind->list(t, folder, each, ctx, fail)) : r;
}

int
target_remove(struct target *t, const char *name, struct al_fail *fail)
{
    int r = target_name_check(name, fail);

    return r == AL_OK ? absent(t, fail, t->kind->remove(t, name, fail)) : r;
}
