#include "port/names.h"

#include <string.h>

#include "base/mem.h"
#include "port/port.h"
#include "port/thread.h"

struct slot {
    bool used, group;
    uint32_t id;
    int64_t asked_ns;
    char name[PORT_NAME_MAX]; /* "": there is none */
};

struct port_names {
    port_mutex lock;
    struct slot slots[PORT_NAMES_SLOTS];
};

int
port_names_new(struct port_names **ret)
{
    struct port_names *n = al_zalloc(sizeof(*n));

    if (n == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&n->lock);
    *ret = n;
    return AL_OK;
}

struct port_names *
port_names_free(struct port_names *n)
{
    if (n != NULL) {
        port_mutex_end(&n->lock);
        al_free(n);
    }
    return NULL;
}

static bool
look_up(struct port_names *n, uint32_t id, bool group, char name[PORT_NAME_MAX])
{
    struct slot *s = &n->slots[(id * 2u + group) % PORT_NAMES_SLOTS];
    int64_t now = port_mono_ns(port_native());
    bool fresh;
    int rc;

    port_mutex_lock(&n->lock);
    fresh = s->used && s->id == id && s->group == group && now - s->asked_ns < PORT_NAMES_AGE_NS;
    if (fresh) {
        memcpy(name, s->name, PORT_NAME_MAX);
    }
    port_mutex_unlock(&n->lock);
    if (fresh) {
        return name[0] != '\0';
    }
    name[0] = '\0';
    /* Asked without the lock: one slow answer must not hold up the others. */
    rc = port_system_name(id, group, name);
    if (rc == AL_OK || rc == AL_ENOENT) {
        port_mutex_lock(&n->lock);
        s->used = true;
        s->id = id;
        s->group = group;
        s->asked_ns = now;
        memset(s->name, 0, sizeof(s->name));
        memcpy(s->name, name, strlen(name));
        port_mutex_unlock(&n->lock);
    }
    return name[0] != '\0';
}

bool
port_names_user(struct port_names *n, uint32_t uid, char name[PORT_NAME_MAX])
{
    return look_up(n, uid, false, name);
}

bool
port_names_group(struct port_names *n, uint32_t gid, char name[PORT_NAME_MAX])
{
    return look_up(n, gid, true, name);
}
