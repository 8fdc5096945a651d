#include "agent/ease/tell.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/thread.h"

#define REMOTE 0x01000000u /* of create_options: an SMB client's */
#define SID_TEXT 200u
#define PATH_ROOM 131072u

struct note { /* one outcome that waits */
    struct note *next;
    struct journal_item *intent; /* of a fill, or NULL */
    int64_t due_ns;              /* port_mono_ns: not before */
    unsigned looks;
    int code;
    al_id object;
    uint64_t size, file_id;
    int64_t at_ns;
    uint32_t process;
    al_id volume_id, share_id;
    const char *act;
    char *full, *path; /* al_alloc'ed: absolute; below the volume's root, NULL where unknown */
    char text[256];
};

struct known {
    uint64_t key;
    int64_t at_ns;
};

struct ease_tell {
    struct ease_tell_conf conf;
    port_mutex lock; /* over all below */
    port_cond changed;
    struct note *first;
    unsigned queued;
    struct known known[EASE_TELL_KNOWN];
    struct stub_maker *maker;
    bool looking; /* at a file, by that maker */
    bool closing;
    uint64_t lost_untold;
    struct ease_tell_figures figures;
    struct port_thread thread;
};

/* ---- what is told ---- */

static void
sid_text(struct al_span sid, char to[SID_TEXT])
{
    uint64_t authority = 0;
    int len;

    to[0] = '\0';
    if (sid.len < 8 || sid.len < 8u + 4u * sid.at[1]) {
        return;
    }
    for (size_t i = 2; i < 8; i++) {
        authority = authority << 8 | sid.at[i];
    }
    len = snprintf(to, SID_TEXT, "S-%u-%llu", sid.at[0], (unsigned long long)authority);
    for (unsigned i = 0; i < sid.at[1] && len > 0 && (size_t)len + 12 < SID_TEXT; i++) {
        len += snprintf(to + len, SID_TEXT - (size_t)len, "-%u", al_get_u32(sid.at + 8 + 4 * i));
    }
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The part of the name below the root; NULL: it is not said so. Letters of drives come in either
 * case. */
static const char *
below(const char *root, const char *full)
{
    size_t i = 0;

    while (root[i] != '\0' && lower(root[i]) == lower(full[i])) {
        i++;
    }
    while (i > 0 && root[i - 1] == '/') {
        i--;
    }
    return (root[i] == '\0' || (root[i] == '/' && root[i + 1] == '\0')) && i > 0 &&
                   full[i] == '/' && full[i + 1] != '\0'
               ? full + i + 1
               : NULL;
}

static struct note *
note_free(struct note *n)
{
    if (n != NULL) {
        al_free(n->full);
        al_free(n->path);
        al_free(n);
    }
    return NULL;
}

static int
name_it(struct note *n, const struct ease_told *told)
{
    AL_CLEANUP(al_buf_free) struct al_buf full = {0};
    const char *path = NULL;

    al_buf_init(&full, PATH_ROOM);
    if (ease_name_text(told->request->name, &full) != AL_OK) {
        return AL_OK; /* told without a name then */
    }
    if (told->volume->root != NULL) {
        path = below(told->volume->root, (const char *)full.at);
    }
    if (path != NULL) {
        n->path = al_span_dup(al_span_of(path));
    }
    n->full = al_span_dup(al_buf_span(&full));
    return n->full == NULL || (path != NULL && n->path == NULL) ? AL_ENOMEM : AL_OK;
}

static struct note *
note_new(struct ease_tell *t, const struct ease_told *told)
{
    struct note *n = al_zalloc(sizeof(*n));
    char sid[SID_TEXT];

    if (n == NULL) {
        return NULL;
    }
    n->code = told->code;
    n->size = told->size;
    n->file_id = told->file_id;
    n->at_ns = port_now_ns(t->conf.port);
    n->process = told->request->process_id;
    (void)snprintf(n->volume_id, sizeof(n->volume_id), "%s", told->volume->volume_id);
    (void)snprintf(n->share_id, sizeof(n->share_id), "%s", told->volume->share_id);
    n->intent = told->intent;
    n->act = told->code == AL_OK && told->how != EASE_F_REHYDRATE ? "read" : "recall";
    memcpy(n->object, told->object_id, strlen(told->object_id) + 1);
    sid_text(told->request->sid, sid);
    (void)snprintf(n->text, sizeof(n->text), "%s%s%s%.160s", sid[0] != '\0' ? "for " : "", sid,
                   (told->request->create_options & REMOTE) != 0 ? " over the network" : "",
                   told->code != AL_OK && told->text != NULL ? told->text : "");
    if (name_it(n, told) != AL_OK) {
        return note_free(n);
    }
    if (n->path == NULL) { /* what became of the file nobody could look up by this */
        n->act = "read";
    }
    return n;
}

static void
outcome_of(const struct note *n, struct outcome *o)
{
    *o = (struct outcome){.act = n->act, .code = n->code, .reason = "", .text = n->text};
    o->volume_id = n->volume_id;
    o->share_id = n->share_id;
    o->path = al_span_of(n->path);
    o->ino = n->file_id;
    o->object_id = n->object[0] != '\0' ? n->object : NULL;
    o->size = n->code == AL_OK ? n->size : 0;
    o->freed = n->intent != NULL && n->code == AL_OK ? n->size : 0;
    o->began_ns = n->at_ns;
    o->ended_ns = n->at_ns;
    o->pid = n->process;
}

/* ---- the driver's threads ---- */

int
ease_tell_filling(void *ctx, const struct ease_told *told, void **ret_intent)
{
    struct ease_tell *t = ctx;
    struct note *n = note_new(t, told);
    struct journal_intent in = {.kind = JOURNAL_FILL, .state = JOURNAL_BEGUN};
    struct journal_item *item = NULL;
    int rc = n != NULL ? AL_OK : AL_ENOMEM;

    if (rc == AL_OK) {
        in.volume_id = n->volume_id;
        in.share_id = n->share_id;
        in.object_id = n->object;
        in.path = al_span_of(n->path);
        in.ino = n->file_id;
        in.size = n->size;
        in.began_ns = n->at_ns;
        in.pid = n->process;
        rc = journal_begin(t->conf.journal, &in, &item, NULL);
    }
    (void)note_free(n);
    if (rc != AL_OK) {
        port_mutex_lock(&t->lock);
        t->figures.unwritten++;
        port_mutex_unlock(&t->lock);
        return rc;
    }
    *ret_intent = item;
    return AL_OK;
}

/* Locked. Whether this open, or this denial, was told already. */
static bool
is_known(struct ease_tell *t, const struct ease_told *told)
{
    const struct ease_request *r = told->request;
    bool denied = told->code != AL_OK;
    int64_t now = port_mono_ns(t->conf.port);
    uint64_t id[3] = {denied ? (uint64_t)(uint32_t)told->code : r->file_object,
                      denied ? 0 : r->fs_context, r->process_id};
    uint64_t key;
    struct known *k;

    id[2] = denied ? 1 : id[2];
    key = al_xxh64(told->object_id, strlen(told->object_id), al_xxh64(id, sizeof(id), 0));
    k = &t->known[key % EASE_TELL_KNOWN];
    if (k->key == key && (!denied || now - k->at_ns < EASE_TELL_AGAIN_NS)) {
        return true;
    }
    *k = (struct known){.key = key, .at_ns = now};
    return false;
}

/* Locked. */
static void
put_first(struct ease_tell *t, struct note *n)
{
    struct note **at = &t->first;

    while (*at != NULL && (*at)->due_ns <= n->due_ns) {
        at = &(*at)->next;
    }
    n->next = *at;
    *at = n;
    t->queued++;
    port_cond_broadcast(&t->changed);
}

static void
leave(struct ease_tell *t, struct journal_item *intent)
{
    journal_put_back(t->conf.journal, intent);
    port_mutex_lock(&t->lock);
    t->figures.left++;
    port_mutex_unlock(&t->lock);
}

void
ease_tell(void *ctx, const struct ease_told *told)
{
    struct ease_tell *t = ctx;
    unsigned most = t->conf.queue_max != 0 ? t->conf.queue_max : EASE_TELL_QUEUE;
    struct note *n;
    bool room;

    if (told->volume == NULL || (told->code == AL_OK && told->how == 0)) {
        return; /* nobody's, which the log has; or the end of the file */
    }
    port_mutex_lock(&t->lock);
    if (told->intent == NULL && is_known(t, told)) {
        port_mutex_unlock(&t->lock);
        return;
    }
    room = t->queued < most && !t->closing;
    port_mutex_unlock(&t->lock);
    n = room ? note_new(t, told) : NULL;
    if (n != NULL) {
        n->due_ns = port_mono_ns(t->conf.port) + (n->intent != NULL ? EASE_TELL_LOOK_NS : 0);
        port_mutex_lock(&t->lock);
        put_first(t, n);
        port_mutex_unlock(&t->lock);
        return;
    }
    if (told->intent != NULL) {
        leave(t, told->intent);
        return;
    }
    port_mutex_lock(&t->lock);
    t->figures.lost++;
    t->lost_untold++;
    port_mutex_unlock(&t->lock);
}

/* ---- the thread that tells ---- */

static const uint8_t no_key[MARKER_KEY_LEN];

/* A stub says "offline"; whether the driver takes that away is not known, and a file that says so is
 * not tiered again. As far as it goes: a word to others, no more. */
static void
online_again(struct ease_tell *t, const struct note *n, const struct port_stat *st)
{
    struct port *p = t->conf.port;
    struct port_file *f = NULL;
    int rc;

    if ((st->attrs & PORT_A_OFFLINE) == 0) {
        return;
    }
    rc = port_open(p, NULL, n->full, PORT_READ | PORT_REPARSE | PORT_NONBLOCK, 0, &f);
    if (rc == AL_OK) {
        rc = port_set_attrs(p, f, 0, PORT_A_OFFLINE);
        port_close_quiet(p, &f);
    }
    if (rc != AL_OK) {
        al_log(t->conf.log, AL_LOG_WARN, "filter driver: %s is back and still says offline: %s",
               n->full, al_code_name(rc));
    }
}

/* Whether the driver has done it: no stub is there any more, and it is that very file. */
static bool
is_back(struct ease_tell *t, const struct note *n)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct stub_maker *maker;
    struct stub_seen seen;
    bool back;

    port_mutex_lock(&t->lock);
    maker = t->maker;
    t->looking = maker != NULL;
    port_mutex_unlock(&t->lock);
    al_buf_init(&bytes, EASE_DATA_BYTES);
    /* The key does not matter: whose stub it is still is all the same. */
    back = maker != NULL && n->full != NULL &&
           maker->ops->look(maker, n->full, no_key, &bytes, &seen, NULL) == AL_OK &&
           seen.is == STUB_IS_NONE && (seen.st.attrs & PORT_A_REPARSE) == 0 &&
           seen.st.size == n->size;
    if (back) {
        online_again(t, n, &seen.st);
    }
    port_mutex_lock(&t->lock);
    t->looking = false;
    port_cond_broadcast(&t->changed);
    port_mutex_unlock(&t->lock);
    return back;
}

/* Takes the note. */
static void
tell_one(struct ease_tell *t, struct note *n)
{
    struct outcome o;
    int rc;

    if (n->intent != NULL && n->code == AL_OK && !is_back(t, n)) {
        port_mutex_lock(&t->lock);
        if (n->looks < EASE_TELL_LOOKS && !t->closing) {
            n->due_ns = port_mono_ns(t->conf.port) + ((int64_t)EASE_TELL_LOOK_NS << n->looks++);
            put_first(t, n);
            n = NULL;
        }
        port_mutex_unlock(&t->lock);
        if (n != NULL) {
            leave(t, n->intent);
            (void)note_free(n);
        }
        return;
    }
    outcome_of(n, &o);
    rc = t->conf.sink->put(t->conf.sink, &o);
    if (rc == AL_OK && n->intent != NULL) {
        journal_end(t->conf.journal, n->intent);
    } else if (n->intent != NULL) {
        leave(t, n->intent);
    }
    port_mutex_lock(&t->lock);
    t->figures.told += rc == AL_OK;
    t->figures.filled += rc == AL_OK && n->intent != NULL && n->code == AL_OK;
    t->figures.lost += rc != AL_OK && n->intent == NULL;
    t->lost_untold += rc != AL_OK && n->intent == NULL;
    port_mutex_unlock(&t->lock);
    (void)note_free(n);
}

/* Not lost without a word: how many there were of which nothing else tells. */
static void
tell_lost(struct ease_tell *t)
{
    struct outcome o = {.act = "alarm", .code = AL_ELIMIT, .reason = "reads_untold"};
    char text[160];
    uint64_t lost;

    port_mutex_lock(&t->lock);
    lost = t->lost_untold;
    t->lost_untold = 0;
    port_mutex_unlock(&t->lock);
    if (lost == 0) {
        return;
    }
    (void)snprintf(text, sizeof(text),
                   "%llu reads of stubs or denials were not written down: too many at once, or "
                   "there was no room",
                   (unsigned long long)lost);
    o.text = text;
    o.began_ns = o.ended_ns = port_now_ns(t->conf.port);
    if (t->conf.sink->put(t->conf.sink, &o) != AL_OK) {
        port_mutex_lock(&t->lock);
        t->lost_untold += lost;
        port_mutex_unlock(&t->lock);
    }
}

/* Locked. NULL: closing, and nothing is left. */
static struct note *
next(struct ease_tell *t)
{
    while (t->first != NULL || !t->closing) {
        int64_t wait = t->first != NULL ? t->first->due_ns - port_mono_ns(t->conf.port) : INT64_MAX;

        if (wait <= 0 || (t->closing && t->first != NULL)) {
            struct note *n = t->first;

            t->first = n->next;
            t->queued--;
            return n;
        }
        if (t->first != NULL) {
            (void)port_cond_wait_for(&t->changed, &t->lock, wait);
        } else {
            port_cond_wait(&t->changed, &t->lock);
        }
    }
    return NULL;
}

static void *
teller(void *arg)
{
    struct ease_tell *t = arg;
    struct note *n;

    for (;;) {
        port_mutex_lock(&t->lock);
        n = next(t);
        port_mutex_unlock(&t->lock);
        if (n == NULL) {
            tell_lost(t);
            return NULL;
        }
        tell_one(t, n);
        tell_lost(t);
    }
}

/* ---- life ---- */

int
ease_tell_open(const struct ease_tell_conf *conf, struct ease_tell **ret, struct al_fail *fail)
{
    struct ease_tell *t = al_zalloc(sizeof(*t));
    int rc;

    if (t == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    t->conf = *conf;
    port_mutex_init(&t->lock);
    port_cond_init(&t->changed);
    rc = port_thread_start(&t->thread, "ease-tell", 0, teller, t);
    if (rc != AL_OK) {
        port_cond_end(&t->changed);
        port_mutex_end(&t->lock);
        al_free(t);
        return al_fail_set(fail, rc, 0, "no thread to tell of reads");
    }
    *ret = t;
    return AL_OK;
}

void
ease_tell_maker(struct ease_tell *t, struct stub_maker *maker)
{
    port_mutex_lock(&t->lock);
    t->maker = maker;
    while (t->looking) {
        port_cond_wait(&t->changed, &t->lock);
    }
    port_mutex_unlock(&t->lock);
}

struct ease_tell *
ease_tell_close(struct ease_tell *t)
{
    if (t != NULL) {
        port_mutex_lock(&t->lock);
        t->closing = true;
        port_cond_broadcast(&t->changed);
        port_mutex_unlock(&t->lock);
        port_thread_join(&t->thread);
        port_cond_end(&t->changed);
        port_mutex_end(&t->lock);
        al_free(t);
    }
    return NULL;
}

void
ease_tell_figures(struct ease_tell *t, struct ease_tell_figures *ret)
{
    port_mutex_lock(&t->lock);
    *ret = t->figures;
    ret->queued = t->queued;
    port_mutex_unlock(&t->lock);
}
