#include "agent/run/driver.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/seal.h"
#include "port/thread.h"

/* The volumes of one configuration. It stays until the end: requests and fetches point into it. */
struct generation {
    struct generation *former;
    struct agent_config *config; /* a reference */
    struct ease_volume *list;
    char **paths; /* of the same places, with '/'; the folders of flavour B */
    size_t count;
};

struct driver {
    struct driver_conf conf;
    struct driver_settings settings;
    char *folder, *dll;
    struct ease_tell *tell;
    int64_t again_ns, wait_ns; /* of driver_tend: not before */

    port_mutex life; /* over the binding */
    struct ease *ease;
    bool released;                  /* readers need not wait any more for what a crash cut */
    const struct generation *bound; /* whose folders flavour B was told of */

    port_mutex lock;          /* over what follows */
    struct ease_fetch *fetch; /* set once, by who holds life */
    struct generation *volumes;
    struct driver_state state;
    bool at_once;
};

/* ---- paths ---- */

static uint8_t
fold(char c)
{
    return c == '\\' ? '/' : al_lower((uint8_t)c);
}

bool
driver_path_within(const char *folder, const char *path)
{
    size_t len = strlen(folder);

    while (len > 0 && fold(folder[len - 1]) == '/') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (fold(folder[i]) != fold(path[i])) { /* the end of path included */
            return false;
        }
    }
    return path[len] == '\0' || fold(path[len]) == '/';
}

/* ---- state ---- */

static void
say(struct driver *d, enum driver_why why, const char *text)
{
    bool other;

    port_mutex_lock(&d->lock);
    other = d->state.why != why || strcmp(d->state.text, text) != 0;
    d->state.why = why;
    (void)snprintf(d->state.text, sizeof(d->state.text), "%s", text);
    port_mutex_unlock(&d->lock);
    if (other && why != DRIVER_OK) {
        al_log(d->conf.log, AL_LOG_WARN, "filter driver: %s%s%s", text,
               driver_why_next(why)[0] != '\0' ? "; " : "", driver_why_next(why));
    }
}

void
driver_state_get(struct driver *d, struct driver_state *ret)
{
    struct ease_fetch *fetch;

    port_mutex_lock(&d->lock);
    *ret = d->state;
    fetch = d->fetch;
    port_mutex_unlock(&d->lock);
    if (fetch != NULL) {
        ease_fetch_figures(fetch, &ret->fetch);
    }
}

static void
look_at_ease(struct driver *d)
{
    struct ease_state s;

    if (d->ease == NULL) {
        return;
    }
    ease_state_get(d->ease, &s);
    port_mutex_lock(&d->lock);
    d->state.ease = s;
    port_mutex_unlock(&d->lock);
    if (s.connected) {
        say(d, DRIVER_OK, "");
    } else {
        say(d, s.driver_running ? DRIVER_LOST : DRIVER_NOT_RUNNING,
            s.last_error[0] != '\0' ? s.last_error : "the connection to the filter driver ended");
    }
}

/* ---- volumes ---- */

static void
generation_free(struct generation *g)
{
    if (g != NULL) {
        for (size_t i = 0; g->paths != NULL && i < g->count; i++) {
            al_free(g->paths[i]);
        }
        (void)agent_config_unref(g->config); /* returns NULL */
        al_free(g->list);
        al_free(g->paths);
        al_free(g);
    }
}

char *
driver_path_slashed(const char *path)
{
    char *copy = al_strdup(path);

    for (char *c = copy; copy != NULL && path[0] != '/' && *c != '\0'; c++) {
        *c = *c == '\\' ? '/' : *c;
    }
    return copy;
}

static bool
can_hold(const struct config_volume *v)
{
    return v->has_key && v->share_id[0] != '\0' && strcmp(v->kind, "lucidlink") != 0;
}

static int
generation_new(struct agent_config *c, struct generation **ret)
{
    struct generation *g = al_zalloc(sizeof(*g));

    if (g == NULL) {
        return AL_ENOMEM;
    }
    g->config = agent_config_ref(c);
    g->list = al_array(c->volume_count + 1, sizeof(*g->list));
    g->paths = al_array(c->volume_count + 1, sizeof(*g->paths));
    if (g->list == NULL || g->paths == NULL) {
        generation_free(g);
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < c->volume_count; i++) {
        const struct config_volume *v = &c->volumes[i];
        const struct config_share *s = can_hold(v) ? agent_config_share(c, v->share_id) : NULL;
        struct ease_volume *to = &g->list[g->count];

        if (s == NULL) {
            continue;
        }
        to->volume_id = v->id;
        to->share_id = v->share_id;
        memcpy(to->marker_key, v->marker_key, sizeof(to->marker_key));
        to->target = (struct target_conf){.url = s->url,
                                          .user = s->user,
                                          .password = s->password,
                                          .customer_id = c->customer_id,
                                          .wire = s->wire};
        to->root = g->paths[g->count] = driver_path_slashed(v->path);
        if (to->root == NULL) {
            generation_free(g);
            return AL_ENOMEM;
        }
        g->count++;
    }
    *ret = g;
    return AL_OK;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same(const struct generation *a, const struct generation *b)
{
    bool is = a->count == b->count && strcmp(a->config->customer_id, b->config->customer_id) == 0;

    for (size_t i = 0; is && i < a->count; i++) {
        const struct ease_volume *x = &a->list[i], *y = &b->list[i];

        is = strcmp(x->volume_id, y->volume_id) == 0 && strcmp(x->share_id, y->share_id) == 0 &&
             memcmp(x->marker_key, y->marker_key, sizeof(x->marker_key)) == 0 &&
             same_text(x->target.url, y->target.url) && same_text(x->target.user, y->target.user) &&
             same_text(x->target.password, y->target.password) &&
             strcmp(a->paths[i], b->paths[i]) == 0;
    }
    return is;
}

int
driver_apply(struct driver *d, struct agent_config *c)
{
    struct generation *g = NULL;
    bool nothing_new;
    int rc = generation_new(c, &g);

    if (rc != AL_OK) {
        return rc;
    }
    port_mutex_lock(&d->life);
    nothing_new = d->volumes != NULL && same(d->volumes, g);
    if (!nothing_new && d->ease != NULL) {
        rc = ease_volumes(d->ease, g->list, g->count);
    }
    if (nothing_new || rc != AL_OK) {
        generation_free(g);
    } else {
        port_mutex_lock(&d->lock);
        g->former = d->volumes;
        d->volumes = g;
        d->at_once =
            true; /* flavour B is told of folders, and the folder for recalls is looked at */
        port_mutex_unlock(&d->lock);
    }
    port_mutex_unlock(&d->life);
    return rc;
}

/* ---- beginning ---- */

static int
read_key(void *ctx, struct al_buf *to, struct al_fail *fail)
{
    struct driver *d = ctx;

    return driver_key_load(d->conf.port, d->conf.state, to, fail);
}

static int
fail_room(struct al_fail *fail, uint64_t free_bytes)
{
    return al_fail_set(fail, AL_ENOSPC, 0, "only %llu MiB are free for files that are recalled",
                       (unsigned long long)(free_bytes >> 20));
}

static int
open_fetch(struct driver *d, struct al_fail *fail)
{
    struct port *port = d->conf.port;
    AL_CLEANUP(port_holder_end) struct port_holder folder = {port, NULL};
    struct ease_fetch_conf conf = {.port = port,
                                   .log = d->conf.log,
                                   .folder = d->folder,
                                   .workers = DRIVER_WORKERS,
                                   .bytes_max = d->settings.room_bytes};
    struct ease_fetch *fetch = NULL;
    struct port_fs fs;
    int rc = port_mkdirs(port, d->folder, 0700);

    rc = rc != AL_OK ? rc
                     : port_open(port, NULL, d->folder, PORT_READ | PORT_FOLDER, 0, &folder.file);
    /* It holds people's files in clear, and driver and system open them as they like. */
    rc = rc != AL_OK ? rc : port_private(port, folder.file, NULL);
    rc = rc != AL_OK ? rc : port_fs(port, folder.file, &fs);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "%.150s cannot be used for recalls",
                           d->folder);
    }
    if (conf.bytes_max == 0) {
        conf.bytes_max = fs.bytes_total / DRIVER_ROOM_OF_DISK;
        if (conf.bytes_max > fs.bytes_free / DRIVER_ROOM_OF_FREE) {
            conf.bytes_max = fs.bytes_free / DRIVER_ROOM_OF_FREE;
        }
    }
    if (conf.bytes_max < DRIVER_ROOM_MIN) {
        return fail_room(fail, fs.bytes_free);
    }
    rc = ease_fetch_open(&conf, &fetch, fail);
    if (rc == AL_OK) {
        port_mutex_lock(&d->lock);
        d->fetch = fetch;
        d->state.room_bytes = conf.bytes_max;
        port_mutex_unlock(&d->lock);
    }
    return rc;
}

/* A stub's content on the volume itself would be walked, tiered and recalled in its turn. */
static int
check_folder(struct driver *d, const struct generation *g, struct al_fail *fail)
{
    for (size_t i = 0; i < g->config->volume_count; i++) {
        const char *path = g->config->volumes[i].path;

        if (driver_path_within(path, d->folder)) {
            return al_fail_set(fail, AL_ECONFLICT, 0,
                               "the folder for recalls %.80s lies in the volume at %.80s",
                               d->folder, path);
        }
    }
    return d->fetch != NULL ? AL_OK : open_fetch(d, fail);
}

static int
start(struct driver *d, const struct generation *g, struct al_fail *fail)
{
    const struct ease_conf conf = {
        .port = d->conf.port,
        .log = d->conf.log,
        .dll = d->dll,
        .key = read_key,
        .key_ctx = d,
        .install = d->settings.install,
        .threads = d->settings.threads,
        .timeout_s = d->settings.timeout_s,
        .folders = (const char *const *)g->paths,
        .folder_count = g->count < EASE_FOLDERS_MAX ? g->count : EASE_FOLDERS_MAX,
        .answer = {.fetch = d->fetch,
                   .volumes = g->list,
                   .volume_count = g->count,
                   .held = !d->released,
                   .policy = d->settings.keep ? EASE_KEEP_STUB : EASE_FILL_STUB,
                   .no_recall = d->settings.no_recall,
                   .filling = ease_tell_filling,
                   .told = ease_tell,
                   .told_ctx = d->tell}};
    int rc = ease_start(&conf, &d->ease, fail);

    d->bound = rc == AL_OK ? g : NULL;
    if (rc == AL_OK) {
        ease_tell_maker(d->tell, ease_maker(d->ease));
    }
    return rc;
}

static enum driver_why
why_of(int rc)
{
    return rc == AL_ENOENT                         ? DRIVER_NO_DLL
           : rc == AL_ENOTSUP                      ? DRIVER_OTHER_DLL
           : rc == AL_EUNREACH                     ? DRIVER_NOT_RUNNING
           : rc == AL_EACCES                       ? DRIVER_REFUSED
           : rc == AL_ECORRUPT                     ? DRIVER_NO_KEY
           : rc == AL_ENOSPC || rc == AL_ECONFLICT ? DRIVER_NO_FOLDER
                                                   : DRIVER_FAILED;
}

/* Everything that can be seen without a connection, so that state tells it. */
static bool
is_ready(struct driver *d)
{
    struct ease_state s = {0};
    struct al_fail fail = {0};
    bool key = driver_key_is(d->conf.port, d->conf.state);
    int rc = ease_probe(d->conf.port, d->dll, &s, &fail);

    port_mutex_lock(&d->lock);
    d->state.has_key = key;
    d->state.ease = s;
    port_mutex_unlock(&d->lock);
    if (rc == AL_ENOENT) {
        char text[256];

        (void)snprintf(text, sizeof(text), "there is no filter driver: %.180s is not there",
                       d->dll);
        say(d, DRIVER_NO_DLL, text);
    } else if (rc != AL_OK) {
        say(d, why_of(rc), fail.text);
    } else if (!key) {
        say(d, DRIVER_NO_KEY, "the filter driver has no licence key");
    }
    return rc == AL_OK && key;
}

static void
begin(struct driver *d)
{
    struct generation *g;
    struct al_fail fail = {0};
    int rc;

    port_mutex_lock(&d->lock);
    g = d->volumes;
    port_mutex_unlock(&d->lock);
    if (g == NULL || !is_ready(d)) {
        return;
    }
    rc = check_folder(d, g, &fail);
    if (rc != AL_OK) {
        say(d, rc == AL_ENOMEM ? DRIVER_FAILED : DRIVER_NO_FOLDER, fail.text);
        return;
    }
    rc = start(d, g, &fail);
    if (rc != AL_OK) {
        say(d, why_of(rc), fail.text);
    }
}

/* Flavour B answers for the folders it was told of when it connected. */
static void
rebind(struct driver *d)
{
    struct ease_state s;

    if (d->ease == NULL || d->bound == d->volumes) {
        return;
    }
    ease_state_get(d->ease, &s);
    if (s.flavour == EASE_FRAMEWORK) {
        ease_tell_maker(d->tell, NULL);
        d->ease = ease_stop(d->ease);
    } else {
        d->bound = d->volumes;
    }
}

bool
driver_tend(struct driver *d)
{
    int64_t now = port_mono_ns(d->conf.port);
    struct driver_state before, after;
    bool due;

    driver_state_get(d, &before);
    port_mutex_lock(&d->life);
    port_mutex_lock(&d->lock);
    due = d->at_once || now >= d->again_ns;
    d->at_once = false;
    port_mutex_unlock(&d->lock);
    rebind(d);
    if (d->ease == NULL && due) {
        begin(d);
        d->wait_ns = d->ease != NULL || d->wait_ns == 0 ? DRIVER_AGAIN_NS : 2 * d->wait_ns;
        d->wait_ns = d->wait_ns > DRIVER_AGAIN_NS_MAX ? DRIVER_AGAIN_NS_MAX : d->wait_ns;
        d->again_ns = now + d->wait_ns;
    } else if (d->ease != NULL) {
        (void)ease_tend(d->ease); /* its state tells how it went */
    }
    look_at_ease(d);
    port_mutex_unlock(&d->life);
    driver_state_get(d, &after);
    return before.why != after.why || strcmp(before.text, after.text) != 0 ||
           before.ease.flavour != after.ease.flavour;
}

void
driver_again(struct driver *d)
{
    port_mutex_lock(&d->lock);
    d->at_once = true;
    port_mutex_unlock(&d->lock);
}

void
driver_release(struct driver *d)
{
    port_mutex_lock(&d->life);
    if (d->ease != NULL && !d->released) {
        ease_release(d->ease);
        d->released = true;
    }
    port_mutex_unlock(&d->life);
}

struct stub_maker *
driver_maker(struct driver *d)
{
    struct stub_maker *m;

    port_mutex_lock(&d->life);
    m = d->ease != NULL ? ease_maker(d->ease) : NULL;
    port_mutex_unlock(&d->life);
    return m;
}

/* ---- life ---- */

static int
open_texts(struct driver *d)
{
    AL_CLEANUP(al_buf_free) struct al_buf dll = {0};
    AL_CLEANUP(al_buf_free) struct al_buf folder = {0};
    size_t len;
    int rc;

    al_buf_init(&dll, EASE_PATH_BYTES_MAX);
    al_buf_init(&folder, EASE_PATH_BYTES_MAX);
    rc = d->conf.dll != NULL ? al_buf_adds(&dll, d->conf.dll) : driver_dll(&d->settings, &dll);
    rc = rc != AL_OK ? rc : al_buf_addf(&folder, "%s/" DRIVER_FOLDER, d->conf.state_path);
    if (rc == AL_OK) {
        d->dll = (char *)al_buf_take(&dll, &len);
        d->folder = (char *)al_buf_take(&folder, &len);
        (void)snprintf(d->state.dll, sizeof(d->state.dll), "%s", d->dll);
    }
    return rc;
}

int
driver_open(const struct driver_conf *conf, struct driver **ret, struct al_fail *fail)
{
    struct driver *d = al_zalloc(sizeof(*d));
    struct al_fail why = {0};
    int rc;

    if (d == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    d->conf = *conf;
    port_mutex_init(&d->life);
    port_mutex_init(&d->lock);
    d->state.why = DRIVER_UNKNOWN;
    rc = driver_settings_load(conf->port, conf->state, &d->settings, &why);
    if (rc != AL_OK && rc != AL_ENOMEM) {
        al_log(conf->log, AL_LOG_ERROR, "filter driver: %s; going on with the defaults", why.text);
        rc = AL_OK;
    }
    d->state.keep = d->settings.keep;
    d->state.timeout_s = d->settings.timeout_s != 0 ? d->settings.timeout_s : EASE_TIMEOUT_S;
    d->state.room_bytes = d->settings.room_bytes;
    (void)snprintf(d->state.no_recall, sizeof(d->state.no_recall), "%s",
                   d->settings.no_recall != NULL ? d->settings.no_recall : "");
    rc = rc != AL_OK ? rc : open_texts(d);
    rc = rc != AL_OK ? rc
                     : ease_tell_open(&(struct ease_tell_conf){.port = conf->port,
                                                               .log = conf->log,
                                                               .journal = conf->journal,
                                                               .sink = conf->sink},
                                      &d->tell, fail);
    if (rc != AL_OK) {
        (void)driver_close(d); /* returns NULL */
        return al_fail_set(fail, rc, 0, "the filter driver's side cannot be set up");
    }
    *ret = d;
    return AL_OK;
}

struct driver *
driver_close(struct driver *d)
{
    if (d == NULL) {
        return NULL;
    }
    if (d->tell != NULL) {
        ease_tell_maker(d->tell, NULL);
    }
    d->ease = ease_stop(d->ease);
    if (ease_callbacks() > 0) {
        return NULL; /* its threads still look at all this */
    }
    if (d->fetch != NULL) {
        ease_fetch_cancel(d->fetch);
    }
    d->fetch = ease_fetch_close(d->fetch);
    d->tell = ease_tell_close(d->tell);
    while (d->volumes != NULL) {
        struct generation *g = d->volumes;

        d->volumes = g->former;
        generation_free(g);
    }
    driver_settings_free(&d->settings);
    al_free(d->folder);
    al_free(d->dll);
    port_mutex_end(&d->lock);
    port_mutex_end(&d->life);
    al_free(d);
    return NULL;
}
