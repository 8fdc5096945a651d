/* driver_told.c: outcomes of recalls on their way from the driver's threads to the spool, whose syncs no
 * reader waits for. */
#include <string.h>

#include "agent/run/driver.h"
#include "base/hash.h"
#include "base/mem.h"
#include "port/thread.h"

#define RECENT 1024u /* outcomes that are remembered */
#define HASH_SEED 23

struct item {
    al_id volume_id, share_id, object_id;
    char *path; /* below the volume's root; NULL: unknown */
    int code;
    uint64_t size;
    uint32_t pid;
    int64_t at_ns;
    char text[256];
};

struct recent {
    uint64_t hash;
    int64_t at_ns; /* port_mono_ns; 0: free */
};

struct driver_told {
    struct port *port;
    struct al_log *log;
    struct outcome_sink *sink;
    struct port_thread thread;
    port_mutex lock; /* over what follows */
    port_cond changed;
    bool stopping;
    size_t first, count;
    struct item items[DRIVER_TOLD_MAX];
    struct recent recent[RECENT];
};

static void
id_copy(al_id to, const char *from)
{
    size_t len = from != NULL ? strlen(from) : 0;

    len = len > AL_ID_LEN ? 0 : len; /* none of ours */
    memcpy(to, from != NULL ? from : "", len);
    to[len] = '\0';
}

/* ---- to the sink ---- */

static void
hand_over(struct driver_told *t, struct item *i)
{
    struct outcome o = {.act = "recall",
                        .code = i->code,
                        .text = i->text,
                        .volume_id = i->volume_id,
                        .share_id = i->share_id,
                        .path = al_span_of(i->path),
                        .object_id = i->object_id[0] != '\0' ? i->object_id : NULL,
                        .size = i->code == AL_OK ? i->size : 0,
                        .freed = i->code == AL_OK ? i->size : 0,
                        .began_ns = i->at_ns,
                        .ended_ns = i->at_ns,
                        .pid = i->pid};
    int rc = t->sink->put(t->sink, &o);

    if (rc != AL_OK) {
        al_log(t->log, AL_LOG_ERROR,
               "the outcome of a recall could not be spooled (%s); the next scan finds the file",
               al_code_name(rc));
    }
    al_free(i->path);
}

static void *
told_main(void *arg)
{
    struct driver_told *t = arg;

    port_mutex_lock(&t->lock);
    while (!t->stopping || t->count > 0) {
        struct item i;

        if (t->count == 0) {
            port_cond_wait(&t->changed, &t->lock);
            continue;
        }
        i = t->items[t->first];
        t->first = (t->first + 1) % DRIVER_TOLD_MAX;
        t->count--;
        port_mutex_unlock(&t->lock);
        hand_over(t, &i);
        port_mutex_lock(&t->lock);
        port_cond_broadcast(&t->changed);
    }
    port_mutex_unlock(&t->lock);
    return NULL;
}

/* ---- from the driver's threads ---- */

/* Of one that is told the hundredth time within a minute nobody learns anything. */
static bool
was_told(struct driver_told *t, const struct item *i)
{
    int64_t now = port_mono_ns(t->port);
    uint64_t hash = al_xxh64(i->object_id, sizeof(i->object_id), HASH_SEED + (uint64_t)-i->code);
    struct recent *r;

    if (i->path != NULL) {
        hash ^= al_xxh64(i->path, strlen(i->path), HASH_SEED);
    }
    r = &t->recent[hash % RECENT];
    if (r->at_ns != 0 && r->hash == hash && now - r->at_ns < DRIVER_TOLD_AGAIN_NS) {
        return true;
    }
    *r = (struct recent){hash, now > 0 ? now : 1};
    return false;
}

/* The name below the volume's root, or NULL. */
static char *
name_of(const struct ease_told *told, const char *volume_path)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    size_t len = strlen(volume_path);

    al_buf_init(&path, EASE_PATH_BYTES_MAX);
    if (ease_name_text(told->request->name, &path) != AL_OK || path.at == NULL ||
        !driver_path_within(volume_path, (const char *)path.at)) {
        return NULL;
    }
    while (len > 0 && (volume_path[len - 1] == '/' || volume_path[len - 1] == '\\')) {
        len--;
    }
    return path.len > len + 1 ? al_strdup((const char *)path.at + len + 1) : NULL;
}

void
driver_told_put(struct driver_told *t, const struct ease_told *told, const char *volume_path)
{
    struct item i = {.code = told->code,
                     .size = told->size,
                     .pid = told->request->process_id,
                     .at_ns = port_now_ns(t->port)};
    size_t text_len = told->text != NULL ? strlen(told->text) : 0;

    if (told->volume == NULL || told->code == AL_ECANCELED ||
        (told->code == AL_OK && told->how != EASE_F_REHYDRATE)) {
        return;
    }
    id_copy(i.volume_id, told->volume->volume_id);
    id_copy(i.share_id, told->volume->share_id);
    id_copy(i.object_id, told->object_id);
    text_len = text_len < sizeof(i.text) ? text_len : sizeof(i.text) - 1;
    memcpy(i.text, told->text != NULL ? told->text : "", text_len);
    i.path = name_of(told, volume_path);
    port_mutex_lock(&t->lock);
    if (was_told(t, &i)) {
        al_free(i.path);
    } else {
        while (t->count == DRIVER_TOLD_MAX) {
            port_cond_wait(&t->changed, &t->lock); /* slower rather than untold */
        }
        t->items[(t->first + t->count++) % DRIVER_TOLD_MAX] = i;
        port_cond_broadcast(&t->changed);
    }
    port_mutex_unlock(&t->lock);
}

/* ---- life ---- */

int
driver_told_open(struct port *port, struct al_log *log, struct outcome_sink *sink,
                 struct driver_told **ret)
{
    struct driver_told *t = al_zalloc(sizeof(*t));
    int rc;

    if (t == NULL) {
        return AL_ENOMEM;
    }
    t->port = port;
    t->log = log;
    t->sink = sink;
    port_mutex_init(&t->lock);
    port_cond_init(&t->changed);
    rc = port_thread_start(&t->thread, "told", 0, told_main, t);
    if (rc != AL_OK) {
        port_cond_end(&t->changed);
        port_mutex_end(&t->lock);
        al_free(t);
        return rc;
    }
    *ret = t;
    return AL_OK;
}

struct driver_told *
driver_told_close(struct driver_told *t)
{
    if (t == NULL) {
        return NULL;
    }
    port_mutex_lock(&t->lock);
    t->stopping = true;
    port_cond_broadcast(&t->changed);
    port_mutex_unlock(&t->lock);
    port_thread_join(&t->thread);
    port_cond_end(&t->changed);
    port_mutex_end(&t->lock);
    al_free(t);
    return NULL;
}
