/* volumes.c: the volumes of the configuration as they are on this host now.
 *
 * agent.mutex guards the lists, the counts and volume.root, and is held only for moments, since the
 * gate's thread takes it. volume.lock is held while one is looked at, which may wait for the gate
 * or a share; the gate's thread never takes it. */
#include "agent/run/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/run/driver.h"
#include "base/mem.h"

const char *
volume_state_name(enum volume_state s)
{
    static const char *const names[] = {"unknown", "ok", "tracked_only", "unmarked", "unreachable"};

    return (size_t)s < AL_LEN(names) ? names[s] : "unknown";
}

/* ---- roots ---- */

static struct volume_root *
root_free(struct volume_root *r)
{
    if (r != NULL) {
        (void)stub_volume_close(r->stub); /* returns NULL */
        al_wipe(r->key, sizeof(r->key));
        al_free(r->path);
        al_free(r);
    }
    return NULL;
}

void
volume_root_unref(struct agent *a, struct volume_root *r)
{
    bool last;

    if (r == NULL) {
        return;
    }
    port_mutex_lock(&a->mutex);
    last = --r->refs == 0;
    if (last) {
        al_list_drop(&r->node);
    }
    port_mutex_unlock(&a->mutex);
    if (last) {
        (void)root_free(r); /* returns NULL */
    }
}

static bool
root_fits(const struct volume_root *r, const struct volume *v)
{
    return strcmp(r->path, v->path) == 0 && strcmp(r->share_id, v->share_id) == 0 &&
           memcmp(r->key, v->key, sizeof(r->key)) == 0;
}

/* *ret: an open root with the volume's settings, with a reference. AL_EBUSY: one with other
 * settings is still in use. AL_ENOENT: none. */
static int
root_of(struct volume *v, struct volume_root **ret)
{
    struct agent *a = v->agent;
    int rc = AL_ENOENT;

    port_mutex_lock(&a->mutex);
    for (struct al_list *n = a->roots.next; n != &a->roots; n = n->next) {
        struct volume_root *r = AL_LIST_ITEM(n, struct volume_root, node);

        if (strcmp(r->volume_id, v->id) != 0) {
            continue;
        }
        rc = root_fits(r, v) ? AL_OK : AL_EBUSY;
        if (rc == AL_OK) {
            r->refs++;
            *ret = r;
            break;
        }
    }
    port_mutex_unlock(&a->mutex);
    return rc;
}

static int
root_new(struct volume *v, struct volume_root **ret, struct al_fail *fail)
{
    struct agent *a = v->agent;
    struct volume_root *r = al_zalloc(sizeof(*r));
    struct stub_volume_conf conf = {.volume_id = v->id,
                                    .root = v->path,
                                    .share_id = v->share_id,
                                    .gate_socket = a->options.gate_socket};
    struct port_stat st;
    int rc;

    if (r == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    r->refs = 1;
    memcpy(r->volume_id, v->id, sizeof(r->volume_id));
    memcpy(r->share_id, v->share_id, sizeof(r->share_id));
    memcpy(r->key, v->key, sizeof(r->key));
    memcpy(conf.marker_key, v->key, sizeof(conf.marker_key));
    r->path = al_strdup(v->path);
    rc = r->path == NULL ? AL_ENOMEM : agent_stub_open(a, &conf, &r->stub, fail);
    al_wipe(conf.marker_key, sizeof(conf.marker_key));
    if (rc == AL_OK) {
        rc = port_stat(a->port, stub_volume_root(r->stub), &st);
    }
    if (rc != AL_OK) {
        (void)root_free(r); /* returns NULL */
        return al_fail_set(fail, rc, port_os_error(a->port), "%s cannot be opened", v->path);
    }
    r->dev = st.dev;
    port_mutex_lock(&a->mutex);
    al_list_push(&a->roots, &r->node);
    port_mutex_unlock(&a->mutex);
    *ret = r;
    return AL_OK;
}

/* ---- one volume ---- */

static void
volume_free(struct volume *v)
{
    (void)manifest_writer_close(v->manifests); /* returns NULL */
    volume_root_unref(v->agent, v->root);
    if (v->password != NULL) {
        al_wipe(v->password, strlen(v->password));
    }
    al_free(v->password);
    al_free(v->share_name);
    al_free(v->user);
    al_free(v->url);
    al_free(v->kind);
    al_free(v->root_path);
    al_free(v->path);
    al_free(v->name);
    al_wipe(v->key, sizeof(v->key));
    port_mutex_end(&v->lock);
    al_free(v);
}

void
volume_unref(struct volume *v)
{
    bool last;

    if (v == NULL) {
        return;
    }
    port_mutex_lock(&v->agent->mutex);
    last = --v->refs == 0;
    port_mutex_unlock(&v->agent->mutex);
    if (last) {
        volume_free(v);
    }
}

static bool
copy(char **to, const char *text)
{
    *to = text != NULL ? al_strdup(text) : NULL;
    return text == NULL || *to != NULL;
}

static struct volume *
volume_new(struct agent *a, const struct config_volume *c, const struct config_share *share)
{
    struct volume *v = al_zalloc(sizeof(*v));
    struct al_fail fail = {0};

    if (v == NULL) {
        return NULL;
    }
    v->agent = a;
    v->refs = 1;
    port_mutex_init(&v->lock);
    memcpy(v->id, c->id, sizeof(v->id));
    memcpy(v->share_id, c->share_id, sizeof(v->share_id));
    memcpy(v->key, c->marker_key, sizeof(v->key));
    v->has_key = c->has_key;
    v->wire = share != NULL ? share->wire : 0;
    v->tracked_only = c->tracked_only || share == NULL || !c->has_key;
    v->root_path = driver_path_slashed(c->path);
    if (v->root_path == NULL || !copy(&v->name, c->name) || !copy(&v->path, c->path) ||
        !copy(&v->kind, c->kind) || !copy(&v->url, share != NULL ? share->url : NULL) ||
        !copy(&v->user, share != NULL ? share->user : NULL) ||
        !copy(&v->password, share != NULL ? share->password : NULL) ||
        !copy(&v->share_name, share != NULL ? share->name : NULL) ||
        (share != NULL && pools_of(a, v->share_id, &v->pools, &fail) != AL_OK)) {
        volume_free(v);
        return NULL;
    }
    return v;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same(const struct volume *v, const struct config_volume *c, const struct config_share *share)
{
    return strcmp(v->id, c->id) == 0 && strcmp(v->share_id, c->share_id) == 0 &&
           memcmp(v->key, c->marker_key, sizeof(v->key)) == 0 && v->has_key == c->has_key &&
           v->tracked_only == (c->tracked_only || share == NULL || !c->has_key) &&
           same_text(v->name, c->name) && same_text(v->path, c->path) &&
           same_text(v->kind, c->kind) && same_text(v->url, share != NULL ? share->url : NULL) &&
           same_text(v->user, share != NULL ? share->user : NULL) &&
           same_text(v->password, share != NULL ? share->password : NULL) &&
           v->wire == (share != NULL ? share->wire : 0) &&
           same_text(v->share_name, share != NULL ? share->name : NULL);
}

struct target_conf
volume_target(const struct volume *v)
{
    return (struct target_conf){.url = v->url,
                                .user = v->user,
                                .password = v->password,
                                .customer_id = v->agent->identity->customer_id,
                                .wire = v->wire};
}

/* ---- the list ---- */

struct volume *
volume_find(struct agent *a, const char *id)
{
    struct volume *found = NULL;

    port_mutex_lock(&a->mutex);
    for (size_t i = 0; i < a->volume_count && found == NULL; i++) {
        if (strcmp(a->volumes[i]->id, id) == 0) {
            found = a->volumes[i];
            found->refs++;
        }
    }
    port_mutex_unlock(&a->mutex);
    return found;
}

static void
list_free(struct volume **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        volume_unref(list[i]);
    }
    al_free(list);
}

int
volumes_apply(struct agent *a, const struct agent_config *c)
{
    struct volume **list = al_array(c->volume_count + 1, sizeof(*list)), **old;
    size_t old_count;

    if (list == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < c->volume_count; i++) {
        const struct config_volume *cv = &c->volumes[i];
        const struct config_share *share =
            cv->share_id[0] != '\0' ? agent_config_share(c, cv->share_id) : NULL;
        struct volume *v = volume_find(a, cv->id);

        if (v != NULL && !same(v, cv, share)) {
            volume_unref(v);
            v = NULL;
        }
        list[i] = v != NULL ? v : volume_new(a, cv, share);
        if (list[i] == NULL) {
            list_free(list, i);
            return AL_ENOMEM;
        }
    }
    port_mutex_lock(&a->mutex);
    old = a->volumes;
    old_count = a->volume_count;
    a->volumes = list;
    a->volume_count = c->volume_count;
    port_mutex_unlock(&a->mutex);
    list_free(old, old_count);
    return AL_OK;
}

void
volumes_end(struct agent *a)
{
    list_free(a->volumes, a->volume_count);
    a->volumes = NULL;
    a->volume_count = 0;
}

/* ---- looking ---- */

static void
set_root(struct volume *v, struct volume_root *root)
{
    struct volume_root *old;

    if (root != NULL) {
        v->recall = (struct recall_volume){.volume_id = v->id,
                                           .share_id = v->share_id,
                                           .stub = root->stub,
                                           .target = volume_target(v)};
    }
    port_mutex_lock(&v->agent->mutex);
    old = v->root;
    v->root = root;
    port_mutex_unlock(&v->agent->mutex);
    volume_root_unref(v->agent, old);
}

/* A root that is open, and whose path leads elsewhere by now, is let go when nobody uses it. What
 * was lent stays good: movers and recalls hold the volume, and the volume is looked at anew only by
 * its next settings. */
static enum volume_state
judge_open(struct volume *v, char *text, size_t cap)
{
    struct agent *a = v->agent;
    struct port_stat st;
    const char *why = NULL;
    bool can = false;

    if (port_stat_at(a->port, NULL, v->path, &st) != AL_OK || st.dev != v->root->dev) {
        (void)snprintf(text, cap,
                       "another filesystem than before is at %s now: mount the volume again and "
                       "restart alto-agent",
                       v->path);
        return VOLUME_UNREACHABLE;
    }
    if (v->state == VOLUME_OK) { /* it was probed; only the mark can get lost */
        bool marked = true;

        if (agent_gate_marked(a->gate, stub_volume_root(v->root->stub), &marked) == AL_OK &&
            !marked) {
            (void)snprintf(text, cap, "%s is not marked by alto-gate: mount it with mount.alto",
                           v->path);
            return VOLUME_UNMARKED;
        }
        return VOLUME_OK;
    }
    if (stub_volume_probe(v->root->stub, &can, &why) != AL_OK) {
        (void)snprintf(text, cap, "whether %s can hold stubs could not be tried: is it full?",
                       v->path);
        return VOLUME_OK;
    }
    if (can) {
        return VOLUME_OK;
    }
    (void)snprintf(text, cap, "%s", why);
    return strstr(why, "alto-gate") != NULL ? VOLUME_UNMARKED : VOLUME_TRACKED_ONLY;
}

/* Why the settings alone leave a volume tracked only. */
static void
say_why_tracked(const struct volume *v, char *text, size_t cap)
{
    agent_gate_why_not(v->agent->gate, v->kind, text, cap);
    if (text[0] == '\0') {
        (void)snprintf(text, cap, "%s",
                       v->url == NULL ? "it has no share to tier to"
                       : !v->has_key  ? "its key for stubs has not come from the server"
                                      : "the server has it tracked only");
    }
}

static enum volume_state
judge(struct volume *v, char *text, size_t cap)
{
    struct agent *a = v->agent;
    struct volume_root *root = NULL;
    struct al_fail fail = {0};
    int rc;

    text[0] = '\0';
    if (v->root != NULL) {
        return judge_open(v, text, cap);
    }
    rc = fs_memory_check(a->filesystems, v->id, v->path, &fail);
    if (rc == AL_OK && v->tracked_only) {
        say_why_tracked(v, text, cap);
        return VOLUME_TRACKED_ONLY;
    }
    if (rc == AL_OK && agent_gate_makes(a->gate)) {
        agent_gate_why_not(a->gate, v->kind, text, cap);
        return text[0] == '\0' ? VOLUME_OK : VOLUME_TRACKED_ONLY;
    }
    if (rc == AL_OK) {
        rc = root_of(v, &root);
        if (rc == AL_EBUSY) {
            (void)al_fail_set(&fail, rc, 0, "the volume is still in use with its former settings");
        } else if (rc == AL_ENOENT) {
            rc = root_new(v, &root, &fail);
        }
    }
    if (rc == AL_ENOTSUP) {
        (void)snprintf(text, cap, "%s", fail.text);
        return VOLUME_TRACKED_ONLY;
    }
    if (rc != AL_OK) {
        (void)snprintf(text, cap, "%.200s (%s)", fail.text, al_code_name(rc));
        return VOLUME_UNREACHABLE;
    }
    set_root(v, root);
    return judge_open(v, text, cap);
}

void
volume_look(struct volume *v)
{
    struct agent *a = v->agent;
    enum volume_state state;
    char text[sizeof(v->text)];

    port_mutex_lock(&v->lock);
    state = judge(v, text, sizeof(text));
    if (state == VOLUME_OK && text[0] == '\0') {
        volume_say_nested(v, text, sizeof(text));
    }
    if (state != v->told || strcmp(text, v->text) != 0) {
        struct outcome o = {.act = "volume_state",
                            .code = AL_OK,
                            .reason = volume_state_name(state),
                            .text = text,
                            .volume_id = v->id,
                            .began_ns = port_now_ns(a->port),
                            .ended_ns = port_now_ns(a->port)};

        al_log(a->log,
               state == VOLUME_OK || state == VOLUME_TRACKED_ONLY ? AL_LOG_INFO : AL_LOG_WARN,
               "volume %s (%s): %s%s%s", v->name, v->path, volume_state_name(state),
               text[0] != '\0' ? ": " : "", text);
        if (a->sink.sink.put(&a->sink.sink, &o) == AL_OK) {
            v->told = state;
        }
    }
    v->state = state;
    memcpy(v->text, text, sizeof(v->text));
    atomic_store(&v->looked, true);
    port_mutex_unlock(&v->lock);
}

void
volumes_look(struct agent *a, bool all)
{
    struct volume **list = NULL;
    size_t count;

    port_mutex_lock(&a->mutex);
    count = a->volume_count;
    list = al_array(count + 1, sizeof(*list));
    for (size_t i = 0; i < count && list != NULL; i++) {
        list[i] = a->volumes[i];
        list[i]->refs++;
    }
    port_mutex_unlock(&a->mutex);
    for (size_t i = 0; i < count && list != NULL; i++) {
        bool well;

        port_mutex_lock(&list[i]->lock);
        well = list[i]->state == VOLUME_TRACKED_ONLY;
        port_mutex_unlock(&list[i]->lock);
        if (all || !well) {
            volume_look(list[i]);
        }
        volume_unref(list[i]);
    }
    al_free(list);
}

/* ---- for movers and recalls ---- */

const struct recall_volume *
volume_recall(struct volume *v)
{
    const struct recall_volume *r;

    port_mutex_lock(&v->agent->mutex);
    r = v->root != NULL ? &v->recall : NULL;
    port_mutex_unlock(&v->agent->mutex);
    return r;
}

static int
connect_manifests(struct volume *v, struct manifest_writer **ret, struct al_fail *fail)
{
    struct agent *a = v->agent;
    struct target_conf conf = volume_target(v);
    struct target *t = NULL;
    int rc;

    /* A share that is empty becomes this customer's at its first use. */
    rc = target_open(a->port, &conf, true, &t, fail);
    t = target_close(t);
    if (rc == AL_OK) {
        rc = manifest_writer_open(a->port, &conf, a->identity->host_id, ret, fail);
    }
    return rc;
}

static int
may_move(const struct volume *v, struct al_fail *fail)
{
    if (v->state == VOLUME_TRACKED_ONLY) {
        return al_fail_set(fail, AL_ENOTSUP, 0, "%s", v->text);
    }
    if (v->root == NULL || v->state == VOLUME_UNREACHABLE) {
        return al_fail_set(fail, AL_ENOENT, 0, "%s",
                           v->text[0] != '\0' ? v->text : "the volume is not open");
    }
    return AL_OK;
}

int
volume_manifests(struct volume *v, struct manifest_writer **ret, struct al_fail *fail)
{
    struct manifest_writer *fresh = NULL;
    bool connected;
    int rc = AL_OK;

    port_mutex_lock(&v->lock);
    connected = v->manifests != NULL;
    port_mutex_unlock(&v->lock);
    if (!connected) {
        /* Without the lock: a share that hangs must not hold up who looks at volumes. */
        rc = connect_manifests(v, &fresh, fail);
    }
    port_mutex_lock(&v->lock);
    if (rc == AL_OK && v->manifests == NULL) {
        v->manifests = fresh;
        fresh = NULL;
    }
    *ret = v->manifests;
    port_mutex_unlock(&v->lock);
    (void)manifest_writer_close(fresh); /* somebody else was quicker; returns NULL */
    return rc;
}

int
volume_mover(struct volume *v, const struct mover_volume **ret, struct al_fail *fail)
{
    struct manifest_writer *manifests = NULL;
    int rc;

    if (v->tracked_only) {
        return al_fail_set(fail, AL_ENOTSUP, 0, "the volume %s is tracked only", v->name);
    }
    if (volume_recall(v) == NULL) {
        volume_look(v);
    }
    port_mutex_lock(&v->lock);
    rc = may_move(v, fail);
    port_mutex_unlock(&v->lock);
    rc = rc != AL_OK ? rc : volume_manifests(v, &manifests, fail);
    if (rc == AL_OK) {
        port_mutex_lock(&v->lock);
        if (v->mover.manifests == NULL) {
            v->mover = (struct mover_volume){.volume_id = v->id,
                                             .share_id = v->share_id,
                                             .stub = v->recall.stub,
                                             .manifests = manifests,
                                             .target = volume_target(v)};
        }
        port_mutex_unlock(&v->lock);
        *ret = &v->mover;
    }
    return rc;
}
