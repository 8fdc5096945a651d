/* meta.c: what a file is that logs say was made, written or moved: by name, without opening it, and never through a link. */
#include <string.h>

#include "agent/auditlog/follow_priv.h"
#include "base/mem.h"

struct looker {
    struct follow *f;
    struct port_file *root; /* the volume's, or the filespace's */
    struct port_file *dir;  /* of the last look: files of one folder come together */
    int dir_rc;             /* dir NULL: why it could not be opened */
    bool dir_known;         /* it is there, or known not to be */
    struct al_buf dir_path; /* with its '/' */
};

static void
looker_end(struct looker *l)
{
    port_close_quiet(l->f->port, &l->dir);
    port_close_quiet(l->f->port, &l->root);
    al_buf_free(&l->dir_path);
}

/* below: added to the filespace's root. */
static int
looker_begin(struct looker *l, struct follow *f, const char *below)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc;

    *l = (struct looker){.f = f};
    al_buf_init(&l->dir_path, DIGEST_PATH_MAX + 1);
    al_buf_init(&path, (size_t)64 << 10);
    rc = al_buf_addf(&path, "%s%s", f->conf.root, below);
    if (rc == AL_OK && strcmp((const char *)path.at, "") == 0) {
        rc = al_buf_adds(&path, "/");
    }
    return rc != AL_OK ? rc
                       : port_open(f->port, NULL, (const char *)path.at,
                                   PORT_READ | PORT_FOLDER | PORT_NOATIME, 0, &l->root);
}

static int
look(struct looker *l, struct al_span path, struct port_stat *ret)
{
    AL_CLEANUP(al_freep) char *text = al_span_dup(path);
    size_t dir_len = path.len;
    const char *name;
    int rc;

    if (text == NULL) {
        return AL_ENOMEM;
    }
    l->f->figures.stats++;
    if (path.len == 0) {
        return port_stat(l->f->port, l->root, ret);
    }
    while (dir_len > 0 && path.at[dir_len - 1] != '/') {
        dir_len--;
    }
    name = text + dir_len;
    if (!l->dir_known || l->dir_path.len != dir_len ||
        (dir_len > 0 && memcmp(l->dir_path.at, path.at, dir_len) != 0)) {
        port_close_quiet(l->f->port, &l->dir);
        al_buf_clear(&l->dir_path);
        rc = dir_len > 0 ? al_buf_add(&l->dir_path, path.at, dir_len) : AL_OK;
        rc = rc != AL_OK ? rc : port_walk_to(l->f->port, l->root, text, &l->dir, &name);
        l->dir_known = rc == AL_OK || rc == AL_ENOENT; /* other errors may be the name's */
        l->dir_rc = rc;
    }
    return l->dir != NULL ? port_stat_at(l->f->port, l->dir, name, ret) : l->dir_rc;
}

static int
look_row(struct looker *in, struct looker *out, struct digest_row *row, struct port_stat *to)
{
    bool outside = row->look == DIGEST_LOOK_OUTSIDE;
    int rc = look(outside ? out : in,
                  outside || row->look == DIGEST_LOOK_TARGET ? row->target : row->path, to);

    if (rc == AL_ENOMEM || rc == AL_ECRASH) {
        return rc;
    }
    if (outside) {
        row->kind = rc == AL_OK && to->type == PORT_T_FOLDER ? DIGEST_FOLDER_DELETE : DIGEST_DELETE;
        row->target = (struct al_span){(const uint8_t *)"", 0};
    } else if (rc == AL_OK) {
        row->stat = to;
    }
    return AL_OK;
}

int
meta_look(struct follow *f, struct digest_row *rows, size_t count, struct port_stat **ret_stats)
{
    struct looker in, out;
    struct port_stat *stats = NULL;
    size_t wanted = 0, used = 0;
    int rc = AL_OK, in_rc, out_rc;

    for (size_t i = 0; i < count; i++) {
        wanted += rows[i].look != DIGEST_LOOK_NONE;
    }
    wanted = wanted < FOLLOW_STATS_MAX ? wanted : FOLLOW_STATS_MAX;
    if (wanted == 0) {
        return AL_OK;
    }
    stats = al_array(wanted, sizeof(*stats));
    if (stats == NULL) {
        return AL_ENOMEM;
    }
    in_rc = looker_begin(&in, f, f->conf.prefix);
    out_rc = looker_begin(&out, f, "");
    for (size_t i = 0; i < count && rc == AL_OK; i++) {
        struct digest_row *row = &rows[i];
        bool outside = row->look == DIGEST_LOOK_OUTSIDE;

        if (row->look == DIGEST_LOOK_NONE) {
            continue;
        }
        row->stat = NULL;
        if (used < wanted && (outside ? out_rc : in_rc) == AL_OK && !follow_stops(f)) {
            rc = look_row(&in, &out, row, &stats[used]);
            used += row->stat != NULL;
        } else if (outside) {
            row->target = (struct al_span){(const uint8_t *)"", 0};
        }
        row->dropped = row->look == DIGEST_LOOK_NEEDED && row->stat == NULL;
        row->look = outside ? DIGEST_LOOK_NONE : row->look;
    }
    looker_end(&in);
    looker_end(&out);
    if (rc != AL_OK) {
        al_free(stats);
        return rc;
    }
    *ret_stats = stats;
    return AL_OK;
}
