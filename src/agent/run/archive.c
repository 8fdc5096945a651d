/* archive.c: files that are archived with a placeholder and brought back: on any volume that has a
 * share and whose root can be opened, whether it holds stubs or not. */
#include "agent/run/agent.h"

#include <string.h>

#include "agent/mover/placeholder.h"
#include "base/mem.h"

#define VIEWS_PROBE STUB_PROBE_PREFIX "views"

/* How this volume tells of views of files whose handles are closed, which decides whether one that is
 * held alone may be moved. Asked once; where it cannot be asked, again with the next work. */
static enum port_views
views_of(struct volume *v, struct port_file *root)
{
    struct port *p = v->agent->port;
    enum port_views views = PORT_VIEWS_HIDDEN;
    int rc = AL_OK;

    port_mutex_lock(&v->lock);
    if (!v->views_known) {
        rc = port_unlink(p, root, VIEWS_PROBE); /* of a start that was cut */
        rc = rc == AL_OK || rc == AL_ENOENT ? port_map_probe(p, root, VIEWS_PROBE, &v->views) : rc;
        v->views_known = rc == AL_OK || rc == AL_ENOTSUP;
    }
    views = v->views_known ? v->views : views;
    port_mutex_unlock(&v->lock);
    if (rc != AL_OK && rc != AL_ENOTSUP) {
        al_log(
            v->agent->log, AL_LOG_WARN,
            "volume %s: whether programs have files mapped cannot be found out (%s), so that none "
            "is tiered",
            v->path, al_code_name(rc));
    }
    return views;
}

/* Opened for each work anew: a filespace that is mounted again is another mount. */
int
volume_place(struct volume *v, struct volume_place *ret, struct al_fail *fail)
{
    struct agent *a = v->agent;
    struct volume_place p = {.port = a->port};
    int rc = AL_OK;

    if (v->url == NULL || !v->has_key) {
        return al_fail_set(fail, AL_ENOTSUP, 0, "%s",
                           v->url == NULL ? "it has no share to archive to"
                                          : "its key has not come from the server");
    }
    if (!atomic_load(&v->looked)) {
        volume_look(v);
    }
    port_mutex_lock(&v->lock);
    if (v->state == VOLUME_UNREACHABLE || v->state == VOLUME_UNKNOWN) {
        rc = al_fail_set(fail, AL_ENOENT, 0, "%s",
                         v->text[0] != '\0' ? v->text : "the volume is not open");
    }
    port_mutex_unlock(&v->lock);
    /* Asked again: what is mounted there may have changed since it was looked at. */
    rc = rc != AL_OK ? rc : fs_memory_check(a->filesystems, v->id, v->path, fail);
    rc = rc != AL_OK ? rc : port_open(a->port, NULL, v->path, PORT_READ | PORT_FOLDER, 0, &p.root);
    if (rc != AL_OK) {
        return al_fail_set(fail, AL_ENOENT, port_os_error(a->port), "%s cannot be opened", v->path);
    }
    p.mover = (struct mover_volume){.volume_id = v->id,
                                    .share_id = v->share_id,
                                    .target = volume_target(v),
                                    .root = p.root,
                                    .key = v->key,
                                    .name = v->name,
                                    .share_name = v->share_name};
    if (agent_gate_makes(a->gate) && strcmp(v->kind, "ntfs") == 0) {
        p.mover.maker = agent_gate_maker(a->gate);
        p.mover.root_path = v->root_path;
        p.mover.views = views_of(v, p.root);
    }
    *ret = p;
    return AL_OK;
}

void
volume_place_end(struct volume_place *p)
{
    if (p->root != NULL) {
        port_close_quiet(p->port, &p->root);
    }
}

bool
item_is_archived(const struct work_item *item)
{
    return item->object_id[0] != '\0' || placeholder_named(item->path);
}
