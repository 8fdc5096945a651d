/* smb.c: the kind of share behind smb://HOST[:PORT]/SHARE[/DIR]. */
#include "agent/target/smb_priv.h"

#include <string.h>

#include "base/mem.h"

static char *
dup_part(const char *from, size_t len)
{
    struct al_span s = {.at = (const uint8_t *)from, .len = len};

    return al_span_dup(s);
}

/* The host alone, for the resolver: "h", "h:445", "[::1]:445". */
static char *
dup_host(const char *server)
{
    const char *end;

    if (server[0] == '[') {
        end = strchr(server, ']');
        return end ? dup_part(server + 1, (size_t)(end - server - 1)) : NULL;
    }
    return dup_part(server, strcspn(server, ":"));
}

/* "HOST[:PORT]/SHARE[/DIR]". */
static int
parse_root(struct smb_link *l, struct al_fail *fail)
{
    const char *root = l->t->root, *share, *dir;
    size_t host_len = strcspn(root, "/"), share_len, dir_len;
    char *c;

    share = root[host_len] ? root + host_len + 1 : root + host_len;
    share_len = strcspn(share, "/");
    dir = share[share_len] ? share + share_len + 1 : share + share_len;
    dir_len = strlen(dir);
    while (dir_len > 0 && dir[dir_len - 1] == '/') {
        dir_len--;
    }
    if (host_len == 0 || share_len == 0 || memchr(root, '@', host_len)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"%.100s\" is no share: write smb://HOST[:PORT]/SHARE[/FOLDER], user "
                           "and password apart",
                           l->t->url);
    }
    l->server = dup_part(root, host_len);
    l->share = dup_part(share, share_len);
    l->dir = dup_part(dir, dir_len);
    l->host = l->server ? dup_host(l->server) : NULL;
    if (!l->server || !l->share || !l->dir || !l->host) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory, or no host in \"%.100s\"",
                           l->t->url);
    }
    for (c = l->dir; *c; c++) {
        *c = *c == '/' ? '\\' : *c;
    }
    return AL_OK;
}

/* "DOMAIN\name" or "name". */
static int
parse_user(struct smb_link *l)
{
    const char *user = l->t->user, *slash = user ? strchr(user, '\\') : NULL;

    if (!user) {
        return AL_OK;
    }
    if (slash) {
        l->domain = dup_part(user, (size_t)(slash - user));
        if (!l->domain) {
            return AL_ENOMEM;
        }
    }
    l->user = al_strdup(slash ? slash + 1 : user);
    return l->user ? AL_OK : AL_ENOMEM;
}

/* The folder of the address itself, when a share is set up. */
static int
make_dir(struct smb_link *l, struct al_fail *fail)
{
    struct smb_open o = {
        .name = "",
        .access = SMB2_FILE_READ_ATTRIBUTES | SMB2_SYNCHRONIZE,
        .share = SMB2_FILE_SHARE_READ | SMB2_FILE_SHARE_WRITE | SMB2_FILE_SHARE_DELETE,
        .disposition = SMB2_FILE_OPEN_IF,
        .options = SMB2_FILE_DIRECTORY_FILE,
    };
    struct smb_call call = {0};
    struct smb_handle h;
    int r;

    if (l->dir[0] == '\0') {
        return AL_OK;
    }
    r = smb_do(l, smb_create(l, &o, &call), &call, fail, "make", "");
    if (r == AL_OK) {
        memcpy(h.id, call.id, SMB2_FD_SIZE);
        h.epoch = l->epoch;
        smb_close_later(l, &h);
    }
    return r;
}

static int
smb_begin(struct target *t, bool make_root, struct al_fail *fail)
{
    struct smb_link *l = al_zalloc(sizeof(*l));
    int r;

    if (!l) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    t->impl = l;
    l->t = t;
    r = parse_root(l, fail);
    if (r == AL_OK && parse_user(l) != AL_OK) {
        r = al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (r == AL_OK) {
        r = smb_ready(l, fail);
    }
    if (r == AL_OK && make_root) {
        r = make_dir(l, fail);
    }
    return r;
}

static void
smb_rest(struct target *t)
{
    struct smb_link *l = t->impl;

    while (l->pooled > 0) {
        al_free(l->pool[--l->pooled]);
    }
}

static void
smb_end(struct target *t)
{
    struct smb_link *l = t->impl;

    smb_drop(l, AL_EUNREACH);
    smb_rest(t);
    al_free(l->server);
    al_free(l->share);
    al_free(l->dir);
    al_free(l->host);
    al_free(l->domain);
    al_free(l->user);
    al_free(l);
    t->impl = NULL;
}

static const struct target_kind smb_kind = {
    .open = smb_begin,
    .close = smb_end,
    .rest = smb_rest,
    .space = smb_space,
    .put_begin = smb_put_begin,
    .put_write = smb_put_write,
    .put_step = smb_put_step,
    .put_end = smb_put_end,
    .get_begin = smb_get_begin,
    .get_read = smb_get_read,
    .get_seek = smb_get_seek,
    .get_end = smb_get_end,
    .get_small = smb_get_small,
    .append = smb_append,
    .size = smb_size,
    .list = smb_list,
    .remove = smb_remove,
};

const struct target_kind *
target_smb_kind(void)
{
    return &smb_kind;
}

const struct target_kind *
target_unc_kind(void)
{
    return &target_folder_kind;
}
