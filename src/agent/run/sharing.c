/* sharing.c: volumes that share a filesystem, side by side or one within another: whose is a stub?
 * The one's by whose key it was made. */
#include "agent/run/agent.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Whether the inode's marker was made with this volume's key. */
static bool
is_marked_by(struct agent *a, const struct volume *v, const struct port_handle *h)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {a->port, NULL};
    enum marker_verdict verdict;
    struct stub_facts facts;
    struct marker m;

    if (port_open_handle(a->port, stub_volume_root(v->recall.stub), h, PORT_PATH, &f.file) !=
        AL_OK) {
        return false;
    }
    return stub_examine(v->recall.stub, f.file, &m, &verdict, &facts, NULL) == AL_OK &&
           verdict != MARKER_V_FORGED;
}

#define SHARING_MAX                                                                                \
    64u /* volumes on one filesystem that are told apart; more are not configured by anybody in    \
           their right mind */

struct volume *
volume_of_event(struct agent *a, uint64_t dev, const struct port_handle *h)
{
    struct volume *on[SHARING_MAX], *found;
    size_t count = 0, chosen = 0;
    bool more = false; /* may come */

    port_mutex_lock(&a->mutex);
    for (size_t i = 0; i < a->volume_count && count < SHARING_MAX; i++) {
        more = more || (!a->volumes[i]->tracked_only && !atomic_load(&a->volumes[i]->looked));
        if (a->volumes[i]->root != NULL && a->volumes[i]->root->dev == dev) {
            on[count] = a->volumes[i];
            on[count++]->refs++;
        }
    }
    port_mutex_unlock(&a->mutex);
    if (count == 0) {
        return NULL;
    }
    while ((count > 1 || more) && chosen < count && !is_marked_by(a, on[chosen], h)) {
        chosen++;
    }
    if (chosen == count && more) {
        found = NULL; /* at the start, or with new settings: its volume is the next to be opened */
    } else {
        found = on[chosen < count ? chosen : 0]; /* nobody's: its recall says what is wrong */
    }
    for (size_t i = 0; i < count; i++) {
        if (on[i] != found) {
            volume_unref(on[i]);
        }
    }
    return found;
}

struct volume *
volume_other_of(struct volume *v, const struct port_handle *h)
{
    struct agent *a = v->agent;
    struct volume *on[SHARING_MAX], *found = NULL;
    size_t count = 0;
    bool open;

    port_mutex_lock(&a->mutex);
    open = v->root != NULL;
    for (size_t i = 0; open && i < a->volume_count && count < SHARING_MAX; i++) {
        struct volume *o = a->volumes[i];

        if (strcmp(o->id, v->id) != 0 && o->root != NULL && o->root->dev == v->root->dev) {
            on[count] = o;
            on[count++]->refs++;
        }
    }
    port_mutex_unlock(&a->mutex);
    if (count > 0 && !is_marked_by(a, v, h)) {
        for (size_t i = 0; i < count && found == NULL; i++) {
            found = is_marked_by(a, on[i], h) ? on[i] : NULL;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (on[i] != found) {
            volume_unref(on[i]);
        }
    }
    return found;
}

/* What of `path` is below `above`, both absolute. False: it is not below. */
static bool
below(const char *above, struct al_span path, struct al_span *ret)
{
    size_t len = strlen(above);

    if (path.len <= len + 1 || memcmp(path.at, above, len) != 0 || path.at[len] != '/') {
        return false;
    }
    *ret = (struct al_span){path.at + len + 1, path.len - len - 1};
    return true;
}

static bool
is_alone(struct volume *v)
{
    struct agent *a = v->agent;
    bool alone = true;

    port_mutex_lock(&a->mutex);
    for (size_t i = 0; v->root != NULL && alone && i < a->volume_count; i++) {
        const struct volume *o = a->volumes[i];

        alone = o->root == NULL || o->root->dev != v->root->dev || strcmp(o->id, v->id) == 0;
    }
    port_mutex_unlock(&a->mutex);
    return alone;
}

struct volume *
volume_other_at(struct volume *v, struct al_span path, struct al_buf *to,
                struct port_handle *ret_handle)
{
    AL_CLEANUP(al_freep) char *text = is_alone(v) ? NULL : al_span_dup(path);
    AL_CLEANUP(port_holder_end) struct port_holder dir = {v->agent->port, NULL};
    AL_CLEANUP(port_holder_end) struct port_holder f = {v->agent->port, NULL};
    struct port *p = v->agent->port;
    struct volume *other;
    struct al_span rest;
    const char *name;

    if (text == NULL ||
        port_walk_to(p, stub_volume_root(v->recall.stub), text, &dir.file, &name) != AL_OK ||
        port_open(p, dir.file, name, PORT_PATH, 0, &f.file) != AL_OK ||
        port_handle_get(p, f.file, ret_handle) != AL_OK) {
        return NULL; /* its recall says what is wrong */
    }
    other = volume_other_of(v, ret_handle);
    al_buf_clear(to);
    if (other != NULL &&
        (al_buf_addf(to, "%s/", v->path) != AL_OK || al_buf_add(to, path.at, path.len) != AL_OK ||
         !below(other->path, al_buf_span(to), &rest))) {
        al_buf_clear(to); /* without a name then */
    } else if (other != NULL) {
        memmove(to->at, rest.at, rest.len);
        to->len = rest.len;
    }
    return other;
}

bool
volume_is_anothers(void *agent, const struct recall_volume *rv, const struct port_handle *h)
{
    struct volume *v = volume_find(agent, rv->volume_id), *other;

    if (v == NULL) {
        return false;
    }
    other = volume_other_of(v, h);
    volume_unref(v);
    volume_unref(other);
    return other != NULL;
}

void
volume_say_nested(struct volume *v, char *text, size_t cap)
{
    struct agent *a = v->agent;
    struct al_span mine = al_span_of(v->path), rest;

    port_mutex_lock(&a->mutex);
    for (size_t i = 0; v->root != NULL && i < a->volume_count && text[0] == '\0'; i++) {
        const struct volume *o = a->volumes[i];
        bool outer;

        if (o->root == NULL || strcmp(o->id, v->id) == 0 || o->root->dev != v->root->dev) {
            continue;
        }
        outer = below(v->path, al_span_of(o->path), &rest);
        if (outer || below(o->path, mine, &rest)) {
            (void)snprintf(text, cap,
                           "the volume %.60s lies %s this one on the same filesystem: files there "
                           "are counted in both, and rules of both apply; a stub is of the volume "
                           "that tiered it",
                           o->name, outer ? "within" : "around");
        }
    }
    port_mutex_unlock(&a->mutex);
}
