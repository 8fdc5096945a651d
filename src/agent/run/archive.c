/* archive.c: files that are archived with a placeholder and brought back: on any volume that has a
 * share and whose root can be opened, whether it holds stubs or not. */
#include "agent/run/agent.h"

#include <string.h>

#include "agent/mover/placeholder.h"
#include "base/mem.h"

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
