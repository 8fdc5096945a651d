#include "agent/ease/ease.h"

#include <stdio.h>
#include <string.h>

#include "agent/ease/ease_priv.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/process.h"

/* Callbacks have no argument of ours: this is the one place that must be global. layout outlives the
 * binding, so that a message that comes late is denied in the right words. */
static _Atomic(struct ease *) current;
static atomic_uint running; /* callbacks under way, of whichever binding */
static _Atomic(enum ease_layout) current_layout;

int
ease_failed(struct ease *e, struct al_fail *fail, int code, const char *what)
{
    AL_CLEANUP(al_buf_free) struct al_buf words = {0};
    bool said;

    al_buf_init(&words, 4 * EASE_ERROR_UNITS_MAX);
    said = ease_api_error(&e->api, &words) == AL_OK && words.len > 0;
    port_mutex_lock(&e->lock);
    (void)snprintf(e->last_error, sizeof(e->last_error), "%s%s%.160s", what, said ? ": " : "",
                   said ? (const char *)words.at : "");
    port_mutex_unlock(&e->lock);
    return al_fail_set(fail, code, 0, "%s%s%.160s", what, said ? ": " : "",
                       said ? (const char *)words.at : "");
}

/* ---- the driver's threads ---- */

static void
deny(const void *message, void *reply)
{
    enum ease_layout layout = atomic_load(&current_layout);
    struct ease_request r = {0};

    if (reply != NULL) {
        if (ease_request_decode(layout, message, ease_message_bytes(layout), &r) != AL_OK) {
            r = (struct ease_request){0};
        }
        ease_reply_fail(reply, &r, (uint32_t)EASE_S_FAILED);
    }
}

static int32_t
answer_for(struct ease *e, const void *message, void *reply)
{
    /* Before the look at stopping: what is asked for after that look is interrupted all the same. */
    uint64_t turn = ease_fetch_turn(e->conf.answer.fetch);
    struct ease_request r;
    int rc = ease_request_decode(e->api.layout, message, ease_message_bytes(e->api.layout), &r);

    if (rc != AL_OK) {
        struct ease_request none = {0};

        if (atomic_fetch_add(&e->unverified, 1) == 0) {
            al_log(
                e->conf.log, AL_LOG_ERROR,
                "filter driver: a message that is none of %s %s as we know them; such are denied",
                e->api.product, e->api.version);
        }
        if (reply != NULL) {
            ease_reply_fail(reply, &none, (uint32_t)EASE_S_FAILED);
        }
        return 0;
    }
    if (atomic_load(&e->stopping)) {
        if (reply != NULL) {
            ease_reply_fail(reply, &r, (uint32_t)EASE_S_FAILED);
        }
        return 1;
    }
    ease_answer(e->answer, &r, turn, reply);
    return 1;
}

static int32_t
on_message(const void *message, void *reply)
{
    struct ease *e;
    int32_t ret = 0;

    if (message == NULL) {
        return 0;
    }
    (void)atomic_fetch_add(&running, 1); /* before we look: ease_stop waits for it */
    e = atomic_load(&current);
    if (e != NULL) {
        ret = answer_for(e, message, reply);
    } else {
        deny(message, reply);
    }
    (void)atomic_fetch_sub(&running, 1);
    return ret;
}

static void
on_disconnect(void)
{
    struct ease *e;

    (void)atomic_fetch_add(&running, 1);
    e = atomic_load(&current);
    if (e != NULL && !atomic_load(&e->stopping)) {
        atomic_store(&e->gone, true);
        al_log(e->conf.log, AL_LOG_WARN, "filter driver: the connection ended");
    }
    (void)atomic_fetch_sub(&running, 1);
}

/* ---- connecting ---- */

/* Called with every step's function, which may be missing where it is not needed. */
#define STEP(rc, e, fail, name, ...)                                                               \
    ((rc) == AL_OK && (e)->api.fn.name != NULL && !(e)->api.fn.name(__VA_ARGS__)                   \
         ? ease_failed(e, fail, AL_EACCES, "the filter driver refused " #name)                     \
         : (rc))

static int
get_key(struct ease *e, struct al_buf *key, struct al_fail *fail)
{
    int rc;

    al_buf_init(key, EASE_KEY_BYTES_MAX);
    rc = al_buf_reserve(key, EASE_KEY_BYTES_MAX); /* so that it never moves and leaves a trace */
    if (rc == AL_OK) {
        rc = e->conf.key != NULL ? e->conf.key(e->conf.key_ctx, key, fail) : AL_ENODATA;
    }
    if (rc == AL_OK && (key->len == 0 || memchr(key->at, 0, key->len) != NULL)) {
        rc = AL_EINVAL;
    }
    return rc == AL_OK ? AL_OK
                       : ease_failed(e, fail, rc, "there is no licence key for the filter driver");
}

static int
connect_with(struct ease *e, char *key, struct al_fail *fail)
{
    unsigned threads = e->conf.threads;
    int rc = AL_OK;

    rc = STEP(rc, e, fail, set_key, key);
    if (e->api.flavour == EASE_FRAMEWORK && e->api.fn.start_filter != NULL) {
        /* One connection for each thread, and messages to any of them: so no slow recall holds up
         * who happens to be pinned behind it. */
        rc = STEP(rc, e, fail, start_filter, key, threads, 1, 1, on_message, on_disconnect);
    } else {
        rc = STEP(rc, e, fail, connect, threads, on_message, on_disconnect);
    }
    return rc;
}

static int
add_folder(struct ease *e, size_t i, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint16_t mask[EASE_NAME_UNITS];
    size_t n;
    int rc;

    al_buf_init(&path, EASE_PATH_BYTES_MAX);
    rc = al_buf_addf(&path, "%s/*", e->conf.folders[i]);
    if (rc == AL_OK) {
        rc = ease_name_units((const char *)path.at, mask, AL_LEN(mask), &n);
    }
    if (rc != AL_OK) {
        return ease_failed(e, fail, rc, "a folder's name is no mask for the filter driver");
    }
    rc = STEP(rc, e, fail, add_file_rule, EASE_ACCESS_ALL, mask, 0, (uint32_t)i + 1);
    return STEP(rc, e, fail, add_rule_bools, mask, EASE_BOOL_STUB_HEADER);
}

/* Clearing what was set before also clears the excluded processes, and in B the time-out and the
 * type, so all is set after it; and B's before it too, as the vendor's samples do. */
static int
configure(struct ease *e, struct al_fail *fail)
{
    uint32_t timeout = e->conf.timeout_s;
    bool b = e->api.flavour == EASE_FRAMEWORK;
    int rc = AL_OK;

    if (b) {
        rc = STEP(rc, e, fail, set_timeout, timeout);
        rc = STEP(rc, e, fail, set_filter_type, EASE_FILTER_HSM);
    }
    rc = STEP(rc, e, fail, reset);
    /* First of all, so that no read of ours is ever sent to us. */
    rc = STEP(rc, e, fail, exclude_process, e->process);
    rc = STEP(rc, e, fail, set_timeout, timeout);
    if (b) {
        rc = STEP(rc, e, fail, set_filter_type, EASE_FILTER_HSM);
    }
    if (e->conf.bools != 0) {
        rc = STEP(rc, e, fail, set_bools, e->conf.bools);
    }
    for (size_t i = 0; b && rc == AL_OK && i < e->conf.folder_count; i++) {
        rc = add_folder(e, i, fail);
    }
    return rc;
}

static void
disconnect(struct ease *e)
{
    if (!e->connected) {
        return;
    }
    if (e->api.flavour == EASE_FRAMEWORK && e->api.fn.start_filter != NULL &&
        e->api.fn.stop_filter != NULL) {
        e->api.fn.stop_filter();
    } else if (e->api.fn.disconnect != NULL) {
        e->api.fn.disconnect();
    }
    e->connected = false;
    atomic_store(&e->serves, false);
}

static int
wipe_and_free(struct al_buf *key, int rc)
{
    if (key->at != NULL) {
        al_wipe(key->at, key->cap);
    }
    al_buf_free(key);
    return rc;
}

static int
connect_now(struct ease *e, struct al_fail *fail)
{
    struct al_buf key = {0};
    int rc = AL_OK;

    if (!e->api.fn.driver_running()) {
        if (!e->conf.install) {
            return ease_failed(e, fail, AL_EUNREACH, "the filter driver does not run");
        }
        rc = STEP(rc, e, fail, install_driver);
    }
    if (rc == AL_OK) {
        rc = get_key(e, &key, fail);
    }
    if (rc == AL_OK) {
        atomic_store(&e->gone, false);
        e->was_connected = true; /* or half: its threads may run */
        rc = connect_with(e, (char *)key.at, fail);
    }
    rc = wipe_and_free(&key, rc);
    if (rc != AL_OK) {
        return rc;
    }
    e->connected = true;
    rc = configure(e, fail);
    if (rc != AL_OK) {
        disconnect(e);
        return rc;
    }
    atomic_store(&e->serves, true);
    port_mutex_lock(&e->lock);
    e->times_connected++;
    e->last_error[0] = '\0';
    port_mutex_unlock(&e->lock);
    al_log(e->conf.log, AL_LOG_INFO, "filter driver: connected to %s %s (%s)", e->api.product,
           e->api.version, ease_flavour_name(e->api.flavour));
    return AL_OK;
}

/* ---- life ---- */

static int
check(const struct ease_conf *conf, struct al_fail *fail)
{
    if (conf->threads > EASE_THREADS_MAX || conf->timeout_s > EASE_TIMEOUT_S_MAX ||
        conf->folder_count > EASE_FOLDERS_MAX || conf->dll == NULL || conf->answer.fetch == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "at most %u threads, %u s and %u folders for the filter driver",
                           EASE_THREADS_MAX, EASE_TIMEOUT_S_MAX, EASE_FOLDERS_MAX);
    }
    return AL_OK;
}

static struct ease *
ease_free(struct ease *e)
{
    ease_api_unload(&e->api, e->was_connected);
    e->answer = ease_answer_free(e->answer);
    port_mutex_end(&e->lock);
    port_mutex_end(&e->calls);
    al_free(e);
    return NULL;
}

static int
ease_new(const struct ease_conf *conf, struct ease **ret, struct al_fail *fail)
{
    struct ease *e = al_zalloc(sizeof(*e));
    int rc;

    if (e == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    port_mutex_init(&e->lock);
    port_mutex_init(&e->calls);
    e->maker.ops = &ease_maker_ops;
    e->conf = *conf;
    e->conf.threads = conf->threads != 0 ? conf->threads : EASE_THREADS;
    e->conf.timeout_s = conf->timeout_s != 0 ? conf->timeout_s : EASE_TIMEOUT_S;
    e->process = port_pid();
    e->conf.answer.port = conf->port;
    e->conf.answer.log = conf->log;
    e->conf.answer.timeout_ms = e->conf.timeout_s * 1000;
    e->conf.answer.own_process = e->process;
    rc = ease_api_load(conf->port, conf->dll, &e->api, fail);
    if (rc == AL_OK) {
        rc = ease_answer_new(&e->conf.answer, &e->answer);
    }
    if (rc != AL_OK) {
        (void)ease_free(e);
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    *ret = e;
    return AL_OK;
}

int
ease_start(const struct ease_conf *conf, struct ease **ret, struct al_fail *fail)
{
    struct ease *e = NULL, *none = NULL;
    int rc = check(conf, fail);

    if (rc == AL_OK) {
        rc = ease_new(conf, &e, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (!atomic_compare_exchange_strong(&current, &none, e)) {
        (void)ease_free(e);
        return al_fail_set(fail, AL_EBUSY, 0, "this process is bound to the filter driver already");
    }
    atomic_store(&current_layout, e->api.layout);
    rc = connect_now(e, fail);
    if (rc != AL_OK) {
        (void)ease_stop(e);
        return rc;
    }
    *ret = e;
    return AL_OK;
}

bool
ease_tend(struct ease *e)
{
    struct port *port = e->conf.port;
    int64_t now = port_mono_ns(port);
    struct al_fail fail = {0};
    int rc;

    if (e->connected && !atomic_load(&e->gone)) {
        return true;
    }
    if (now < e->again_ns) {
        return false;
    }
    port_mutex_lock(&e->calls); /* no stub is made meanwhile */
    disconnect(e);
    rc = connect_now(e, &fail);
    port_mutex_unlock(&e->calls);
    if (rc == AL_OK) {
        e->again_ns = e->wait_ns = 0;
        return true;
    }
    e->wait_ns = e->wait_ns == 0 ? EASE_AGAIN_NS : 2 * e->wait_ns;
    e->wait_ns = e->wait_ns > EASE_AGAIN_NS_MAX ? EASE_AGAIN_NS_MAX : e->wait_ns;
    e->again_ns = now + e->wait_ns;
    al_log(e->conf.log, AL_LOG_WARN, "filter driver: %s", fail.text);
    return false;
}

void
ease_release(struct ease *e)
{
    ease_answer_release(e->answer);
}

struct ease *
ease_stop(struct ease *e)
{
    struct port *port;
    int64_t until;

    if (e == NULL) {
        return NULL;
    }
    port = e->conf.port;
    until = port_mono_ns(port) + EASE_STOP_NS;
    atomic_store(&e->stopping, true);
    ease_fetch_interrupt(e->conf.answer.fetch); /* who waits in a callback goes now */
    disconnect(e);
    atomic_store(&current, NULL);
    while (atomic_load(&running) > 0 && port_mono_ns(port) < until) {
        port_sleep_ns(port, 1000000);
    }
    if (atomic_load(&running) > 0) {
        al_log(e->conf.log, AL_LOG_ERROR,
               "filter driver: its threads do not come back; their memory is left alone");
        return NULL;
    }
    return ease_free(e);
}

unsigned
ease_callbacks(void)
{
    return atomic_load(&running);
}

int
ease_volumes(struct ease *e, const struct ease_volume *volumes, size_t count)
{
    return ease_answer_volumes(e->answer, volumes, count);
}

/* ---- state ---- */

static void
about(struct ease_api *api, struct ease_state *s)
{
    s->flavour = api->flavour;
    memcpy(s->product, api->product, sizeof(s->product));
    memcpy(s->version, api->version, sizeof(s->version));
    s->driver_running = api->fn.driver_running() != 0;
}

void
ease_state_get(struct ease *e, struct ease_state *ret)
{
    struct ease_state s = {0};

    about(&e->api, &s);
    s.unverified = atomic_load(&e->unverified);
    port_mutex_lock(&e->lock);
    s.times_connected = e->times_connected;
    memcpy(s.last_error, e->last_error, sizeof(s.last_error));
    port_mutex_unlock(&e->lock);
    s.connected = s.times_connected > 0 && !atomic_load(&e->gone);
    ease_answer_figures(e->answer, &s.answered);
    *ret = s;
}

int
ease_probe(struct port *port, const char *dll, struct ease_state *ret, struct al_fail *fail)
{
    struct ease_state s = {0};
    struct ease_api api;
    int rc = ease_api_load(port, dll, &api, fail);

    if (rc != AL_OK) {
        return rc;
    }
    about(&api, &s);
    ease_api_unload(&api, false);
    *ret = s;
    return AL_OK;
}

int
ease_driver_install(struct port *port, const char *dll, bool install, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf words = {0};
    const char *what = install ? "InstallDriver" : "UnInstallDriver";
    struct ease_api api;
    int rc = ease_api_load(port, dll, &api, fail);

    if (rc != AL_OK) {
        return rc;
    }
    al_buf_init(&words, 4 * EASE_ERROR_UNITS_MAX);
    if ((install ? api.fn.install_driver : api.fn.uninstall_driver) == NULL) {
        rc = al_fail_set(fail, AL_ENOTSUP, 0, "this DLL has no %s", what);
    } else if ((install ? api.fn.install_driver() : api.fn.uninstall_driver()) == 0) {
        bool said = ease_api_error(&api, &words) == AL_OK && words.len > 0;

        rc = al_fail_set(fail, AL_EACCES, 0, "the DLL's %s failed%s%.160s", what, said ? ": " : "",
                         said ? (const char *)words.at : "; it says nothing about why");
    }
    ease_api_unload(&api, false);
    return rc;
}

int
ease_state_text(const struct ease_state *s, struct al_buf *to)
{
    const struct ease_answer_figures *f = &s->answered;
    int rc = al_buf_addf(
        to, "%s %s (%s), driver %s, %s", s->product[0] != '\0' ? s->product : "DLL",
        s->version[0] != '\0' ? s->version : "of no version", ease_flavour_name(s->flavour),
        s->driver_running ? "runs" : "does not run", s->connected ? "connected" : "not connected");

    if (rc == AL_OK && s->connected) {
        rc =
            al_buf_addf(to,
                        "; answered %llu blocks, %llu files, %llu filled, %llu denied (%llu late), "
                        "%llu not understood",
                        (unsigned long long)f->blocks, (unsigned long long)f->files,
                        (unsigned long long)f->fills, (unsigned long long)f->failed,
                        (unsigned long long)f->late, (unsigned long long)(f->odd + s->unverified));
    }
    return rc == AL_OK && s->last_error[0] != '\0'
               ? al_buf_addf(to, "; last error: %s", s->last_error)
               : rc;
}
