/* space.c: how full the filesystems of the volumes are, for the server: a rule may run by it. */
#include "agent/run/agent.h"

#include "base/mem.h"

#define ROOTS_MAX 1024u /* told at once; the server takes no more */

static int
add(struct agent *a, const struct volume_root *r, json_t *list)
{
    struct port_fs fs;
    json_t *one;
    int rc;

    if (port_fs(a->port, stub_volume_root(r->stub), &fs) != AL_OK || fs.bytes_total == 0) {
        return AL_OK; /* told when it can be read again */
    }
    one = json_object();
    rc = one == NULL ? AL_ENOMEM : al_json_set_str(one, "volume_id", r->volume_id);
    rc = rc != AL_OK ? rc : al_json_set_u64(one, "bytes_total", fs.bytes_total);
    rc = rc != AL_OK ? rc : al_json_set_u64(one, "bytes_free", fs.bytes_free);
    if (rc != AL_OK) {
        json_decref(one);
        return rc;
    }
    return json_array_append_new(list, one) == 0 ? AL_OK : AL_ENOMEM;
}

int
volumes_space(struct agent *a, json_t *list)
{
    AL_CLEANUP(al_freep) struct volume_root **roots = al_array(ROOTS_MAX, sizeof(*roots));
    size_t count = 0;
    int rc = roots != NULL ? AL_OK : AL_ENOMEM;

    if (rc != AL_OK) {
        return rc;
    }
    port_mutex_lock(&a->mutex);
    for (struct al_list *n = a->roots.next; n != &a->roots && count < ROOTS_MAX; n = n->next) {
        roots[count] = AL_LIST_ITEM(n, struct volume_root, node);
        roots[count++]->refs++;
    }
    port_mutex_unlock(&a->mutex);
    for (size_t i = 0; i < count; i++) { /* without the lock: the gate's thread takes it */
        rc = rc != AL_OK ? rc : add(a, roots[i], list);
        volume_root_unref(a, roots[i]);
    }
    return rc;
}
