#include "agent/ease/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/process.h"
#include "port/thread.h"

#define EASE_EXCLUDED_LINE 1000u           /* one line in the log for so many that were refused */
#define HELD_LOOK_NS 50000000              /* between two looks whether to go on waiting */
#define FILETIME_1970 116444736000000000LL /* 100 ns from 1601 to 1970 */

/* Never changed; one that was replaced stays for requests that look at it. */
struct answer_volumes {
    struct answer_volumes *former;
    const struct ease_volume *list;
    size_t count;
    uint32_t share_tags[]; /* of each */
};

struct ease_answer {
    struct ease_answer_conf conf;
    port_mutex lock; /* over what follows */
    struct answer_volumes *volumes;
    struct ease_answer_figures figures;
    bool held;
    port_cond released;
    char no_recall[EASE_NO_RECALL_BYTES_MAX]; /* "": none; never changed */
};

struct asked { /* one request on its way */
    struct ease_answer *a;
    const struct ease_request *r;
    void *reply;
    struct stub_tag tag;
    const struct ease_volume *volume;
    struct ease_object object;
    int64_t until_ns; /* port_mono_ns */
    struct ease_told told;
    struct al_fail fail;
    bool excluded;
};

/* ---- programs that recall nothing ---- */

#define NO_RECALL_NAME_MAX 127u

static bool
name_fits(const char *name, size_t len)
{
    bool fits = len > 0 && len <= NO_RECALL_NAME_MAX && name[0] != ' ' && name[len - 1] != ' ';

    for (size_t i = 0; fits && i < len; i++) {
        fits = (uint8_t)name[i] >= ' ' && strchr("/\\:*?\"<>|", name[i]) == NULL;
    }
    return fits;
}

bool
ease_no_recall_good(const char *list)
{
    size_t count = 0;

    if (strlen(list) >= EASE_NO_RECALL_BYTES_MAX) {
        return false;
    }
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ",");

        if (!name_fits(at, len) || ++count > EASE_NO_RECALL_MAX) {
            return false;
        }
        at += len;
        if (*at == '\0') {
            return true;
        }
    }
}

static bool
in_list(const char *list, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *at = list; *at != '\0'; at += *at == ',' ? 1 : 0) {
        size_t len = strcspn(at, ","), i = 0;

        while (len == name_len && i < len &&
               al_lower((uint8_t)at[i]) == al_lower((uint8_t)name[i])) {
            i++;
        }
        if (len == name_len && i == len) {
            return true;
        }
        at += len;
    }
    return false;
}

int
ease_answer_new(const struct ease_answer_conf *conf, struct ease_answer **ret)
{
    struct ease_answer *a = al_zalloc(sizeof(*a));

    if (a == NULL) {
        return AL_ENOMEM;
    }
    a->conf = *conf;
    port_mutex_init(&a->lock);
    port_cond_init(&a->released);
    a->held = conf->held;
    if (conf->no_recall != NULL) {
        (void)snprintf(a->no_recall, sizeof(a->no_recall), "%s", conf->no_recall);
    }
    a->conf.no_recall = NULL;
    if (ease_answer_volumes(a, conf->volumes, conf->volume_count) != AL_OK) {
        (void)ease_answer_free(a); /* returns NULL */
        return AL_ENOMEM;
    }
    *ret = a;
    return AL_OK;
}

int
ease_answer_volumes(struct ease_answer *a, const struct ease_volume *volumes, size_t count)
{
    struct answer_volumes *v =
        count < EASE_VOLUMES_MAX ? al_zalloc(sizeof(*v) + count * sizeof(v->share_tags[0])) : NULL;

    if (v == NULL) {
        return AL_ENOMEM;
    }
    v->list = volumes;
    v->count = count;
    for (size_t i = 0; i < count; i++) {
        v->share_tags[i] = marker_share_tag(volumes[i].share_id);
    }
    port_mutex_lock(&a->lock);
    v->former = a->volumes;
    a->volumes = v;
    port_mutex_unlock(&a->lock);
    return AL_OK;
}

struct ease_answer *
ease_answer_free(struct ease_answer *a)
{
    while (a != NULL && a->volumes != NULL) {
        struct answer_volumes *v = a->volumes;

        a->volumes = v->former;
        al_free(v);
    }
    if (a != NULL) {
        port_cond_end(&a->released);
        port_mutex_end(&a->lock);
        al_free(a);
    }
    return NULL;
}

void
ease_answer_release(struct ease_answer *a)
{
    port_mutex_lock(&a->lock);
    a->held = false;
    port_cond_broadcast(&a->released);
    port_mutex_unlock(&a->lock);
}

void
ease_answer_figures(struct ease_answer *a, struct ease_answer_figures *ret)
{
    port_mutex_lock(&a->lock);
    *ret = a->figures;
    port_mutex_unlock(&a->lock);
}

void
ease_answer_odd(struct ease_answer *a, const struct ease_request *r, const char *what)
{
    AL_CLEANUP(al_buf_free) struct al_buf name = {0}, clean = {0};
    uint64_t count;

    port_mutex_lock(&a->lock);
    count = ++a->figures.odd;
    port_mutex_unlock(&a->lock);
    if (count > EASE_ODD_LINES_MAX) {
        return;
    }
    al_buf_init(&name, EASE_PATH_BYTES_MAX);
    al_buf_init(&clean, EASE_PATH_BYTES_MAX);
    if (ease_name_text(r->name, &name) != AL_OK ||
        al_utf8_clean(al_buf_span(&name), &clean) != AL_OK || clean.at == NULL) {
        al_buf_clear(&clean);
    }
    al_log(a->conf.log, AL_LOG_WARN,
           "filter driver: %s (request 0x%x, offset %lld, length %u, size %lld, attributes 0x%x, "
           "options 0x%x, tag of %zu bytes, %.300s)%s",
           what, r->command, (long long)r->offset, r->length, (long long)r->file_size,
           r->file_attributes, r->create_options, r->tag.len,
           clean.at != NULL ? (const char *)clean.at : "no name",
           count == EASE_ODD_LINES_MAX ? "; such lines end here" : "");
}

/* ---- whose it is ---- */

static int
find_volume(struct asked *q)
{
    struct ease_answer *a = q->a;
    const struct answer_volumes *v;
    bool authentic = false;
    int rc = ease_tag_decode(q->r->tag, &q->tag);

    if (rc != AL_OK) {
        return al_fail_set(&q->fail, rc, 0, "the stub's tag data is not ours");
    }
    port_mutex_lock(&a->lock);
    v = a->volumes;
    port_mutex_unlock(&a->lock);
    for (size_t i = 0; i < v->count; i++) {
        if (v->share_tags[i] != q->tag.share_tag) {
            continue;
        }
        rc = ease_tag_authentic(q->r->tag, v->list[i].marker_key, &authentic);
        if (rc != AL_OK) {
            return al_fail_set(&q->fail, rc, 0, "cannot check the stub's tag data");
        }
        if (authentic) {
            q->volume = &v->list[i];
            return AL_OK;
        }
    }
    return al_fail_set(&q->fail, AL_EFOREIGN, 0,
                       "the stub's tag data names no volume that this agent was told of");
}

/* Anybody who may write a file can give it tag data, and whoever sees a stub can read its: so a tag
 * is good for the file alone that it was made for. Layout A does not say which that is; the name does,
 * looked up without opening its data, by a process that the driver leaves alone. */
static int
same_file(struct asked *q)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    struct port_stat st;
    uint64_t id = 0;
    int rc;

    if (q->tag.file_id == 0) {
        return AL_OK;
    }
    if (q->r->has_file_id) {
        id = al_get_u64(q->r->file_id);
    } else {
        al_buf_init(&path, EASE_PATH_BYTES_MAX);
        rc = ease_name_text(q->r->name, &path);
        if (rc == AL_OK) {
            rc = port_stat_at(q->a->conf.port, NULL, (const char *)path.at, &st);
        }
        if (rc != AL_OK) {
            ease_answer_odd(q->a, q->r, "the file cannot be looked at by its name");
            return al_fail_set(&q->fail, rc, 0, "the stub cannot be looked at by its name");
        }
        id = st.ino;
    }
    q->told.file_id = id;
    if (id != q->tag.file_id) {
        ease_answer_odd(q->a, q->r, "tag data that was made for another file");
        return al_fail_set(&q->fail, AL_EFOREIGN, 0,
                           "the stub is a copy of another: its tag data was made for that file");
    }
    return AL_OK;
}

static int
look(struct asked *q)
{
    struct marker m = {0};
    int rc = find_volume(q);

    if (rc != AL_OK) {
        ease_answer_odd(q->a, q->r, q->fail.text);
        return rc;
    }
    memcpy(m.object, q->tag.object, sizeof(m.object));
    marker_object_id(&m, q->object.id);
    q->object.tag = &q->tag;
    q->object.share_id = q->volume->share_id;
    q->object.target = &q->volume->target;
    q->told.volume = q->volume;
    q->told.object_id = q->object.id;
    q->told.size = q->tag.size;
    if ((uint64_t)q->r->file_size != q->tag.size) {
        ease_answer_odd(q->a, q->r, "the file's size is not the one it was tiered with");
        return al_fail_set(&q->fail, AL_ECHANGED, 0,
                           "the stub has another size than the file that was tiered");
    }
    return same_file(q);
}

/* ---- answers ---- */

static void
counted(struct asked *q, uint32_t how)
{
    struct ease_answer_figures *f = &q->a->figures;

    port_mutex_lock(&q->a->lock);
    f->blocks += how == EASE_F_BLOCK ? 1 : 0;
    f->files += how == EASE_F_CACHE ? 1 : 0;
    f->fills += how == EASE_F_REHYDRATE ? 1 : 0;
    port_mutex_unlock(&q->a->lock);
    q->told.how = how;
}

static int
answer_block(struct asked *q, struct ease_held *h, uint32_t len)
{
    int rc = ease_held_read(h, (uint64_t)q->r->offset, ease_reply_room(q->reply), len, &q->fail);

    if (rc == AL_OK) {
        ease_reply_block(q->reply, q->r, len);
        counted(q, EASE_F_BLOCK);
    }
    return rc;
}

/* Whether the stub may become a file again: what tells of it is durable. */
static bool
may_fill(struct asked *q)
{
    struct ease_answer *a = q->a;

    return a->conf.filling == NULL ||
           a->conf.filling(a->conf.told_ctx, &q->told, &q->told.intent) == AL_OK;
}

static int
path_for(struct asked *q, struct ease_held *h, uint32_t how, struct al_buf *to)
{
    al_buf_init(to, EASE_PATH_BYTES_MAX);
    /* Through "cache" the driver may let the opener write to the file [unknown]: it gets its own. */
    return ease_held_path(h, how == EASE_F_CACHE, q->until_ns, to, &q->fail);
}

/* len 0: only a path will do. */
static int
answer_path(struct asked *q, struct ease_held *h, uint32_t len)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0}, own = {0};
    uint32_t how = q->a->conf.policy == EASE_FILL_STUB ? EASE_F_REHYDRATE : EASE_F_CACHE;
    const struct al_buf *given = &path;
    int rc = path_for(q, h, how, &path);

    if (rc == AL_ENOSPC && len > 0) { /* the stub stays for now; the reader need not wait */
        q->fail = (struct al_fail){0};
        return answer_block(q, h, len);
    }
    if (rc == AL_OK && how == EASE_F_REHYDRATE && !may_fill(q)) {
        if (len > 0) {
            return answer_block(q, h, len);
        }
        how = EASE_F_CACHE;
        given = &own;
        rc = path_for(q, h, how, &own);
    }
    if (rc == AL_OK) {
        rc = ease_reply_path(q->reply, q->r, how, (const char *)given->at);
    }
    if (rc == AL_OK) {
        counted(q, how);
    }
    return rc;
}

/* len 0: only the whole file will do. */
static int
answer_once(struct asked *q, uint32_t len)
{
    struct ease_answer *a = q->a;
    bool fill = a->conf.policy == EASE_FILL_STUB, whole = false;
    bool by_block = len > 0 && !(fill && q->tag.size <= EASE_FILL_AT_ONCE_BYTES);
    struct ease_held *h = NULL;
    int rc = ease_fetch_wait(a->conf.fetch, &q->object, (uint64_t)q->r->offset, by_block ? len : 0,
                             q->until_ns, &h, &whole, &q->fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (len > 0 && !(fill && whole)) {
        rc = answer_block(q, h, len);
    } else {
        rc = answer_path(q, h, len);
    }
    (void)ease_held_end(h);
    return rc;
}

static int
answer_data(struct asked *q, bool block)
{
    uint64_t size = q->tag.size, offset = (uint64_t)q->r->offset, left;
    uint32_t len = 0;
    int rc;

    if (block && offset >= size) {
        ease_reply_fail(q->reply, q->r, (uint32_t)EASE_S_END);
        port_mutex_lock(&q->a->lock);
        q->a->figures.ends++;
        port_mutex_unlock(&q->a->lock);
        return AL_OK;
    }
    if (block && (q->r->length == 0 || q->r->length > EASE_DATA_BYTES)) {
        ease_answer_odd(q->a, q->r, "a read of a length that no reply has");
    } else if (block) {
        left = size - offset;
        len = left < q->r->length ? (uint32_t)left : q->r->length;
    }
    rc = answer_once(q, len);
    if (rc == AL_ECHANGED) { /* what was fetched was touched: it is fetched anew, once */
        q->fail = (struct al_fail){0};
        rc = answer_once(q, len);
    }
    return rc;
}

/* From when the driver sent the message, as far as it says so credibly, less what an answer needs to
 * get back. */
static int64_t
deadline(const struct ease_answer *a, const struct ease_request *r)
{
    int64_t whole = (int64_t)a->conf.timeout_ms * 1000000, early = whole / EASE_ANSWER_EARLY_PART;
    int64_t passed = 0, ticks = 0;

    early = early < EASE_ANSWER_EARLY_NS ? early : EASE_ANSWER_EARLY_NS;
    if (r->transaction_time > FILETIME_1970) {
        ticks = r->transaction_time - FILETIME_1970;
    }
    if (ticks > 0 && ticks < INT64_MAX / 100) {
        passed = port_now_ns(a->conf.port) - ticks * 100;
    }
    if (passed < 0 || passed > whole) { /* another clock, or not what we take it for */
        passed = 0;
    }
    return port_mono_ns(a->conf.port) + whole - early - passed;
}

/* Until it is released, but not beyond what the driver waits, nor while it is being stopped. */
static int
wait_released(struct asked *q)
{
    struct ease_answer *a = q->a;
    bool held;

    port_mutex_lock(&a->lock);
    while (a->held && ease_fetch_turn(a->conf.fetch) == q->object.turn &&
           port_mono_ns(a->conf.port) < q->until_ns) {
        (void)port_cond_wait_for(&a->released, &a->lock, HELD_LOOK_NS);
    }
    held = a->held;
    port_mutex_unlock(&a->lock);
    return held ? al_fail_set(&q->fail, AL_ETIMEDOUT, 0, "what a crash cut is not healed yet")
                : AL_OK;
}

/* Not told to the server file by file: a scanner meets every stub there is. */
static bool
is_excluded(struct asked *q)
{
    struct ease_answer *a = q->a;
    char name[PORT_PROCESS_NAME_MAX];
    uint64_t count;

    if (a->no_recall[0] == '\0' || q->r->process_id <= EASE_SYSTEM_PROCESS ||
        (q->r->create_options & EASE_REMOTE_ORIGIN) != 0 ||
        port_process_name(q->r->process_id, name) != AL_OK || !in_list(a->no_recall, name)) {
        return false;
    }
    port_mutex_lock(&a->lock);
    count = ++a->figures.excluded;
    port_mutex_unlock(&a->lock);
    if (count == 1 || count % EASE_EXCLUDED_LINE == 0) {
        al_log(
            a->conf.log, AL_LOG_INFO,
            "filter driver: %.100s (process %u) recalls nothing, as set: refused; %llu such so far",
            name, q->r->process_id, (unsigned long long)count);
    }
    return true;
}

static int
answer(struct asked *q)
{
    int rc;

    if (q->r->process_id == q->a->conf.own_process) {
        ease_answer_odd(q->a, q->r, "our own read of a stub came back to us");
        return al_fail_set(&q->fail, AL_ECONFLICT, 0, "the agent itself never reads a stub");
    }
    switch (q->r->command) {
    case EASE_C_BLOCK:
    case EASE_C_FILE_CACHE:
        q->excluded = is_excluded(q);
        if (q->excluded) {
            return AL_EPERM;
        }
        rc = wait_released(q);
        rc = rc != AL_OK ? rc : look(q);
        return rc == AL_OK ? answer_data(q, q->r->command == EASE_C_BLOCK) : rc;
    default: /* EASE_C_FILE_BACK among them: what it wants is not known */
        ease_answer_odd(q->a, q->r, "a request that is not understood");
        return al_fail_set(&q->fail, AL_ENOTSUP, 0, "not a request that is known");
    }
}

void
ease_answer(struct ease_answer *a, const struct ease_request *r, uint64_t turn, void *reply)
{
    struct asked q = {.a = a, .r = r, .reply = reply};
    int rc;

    if (reply == NULL) {
        if (!ease_request_is_notice(r)) {
            ease_answer_odd(a, r, "a request without room for a reply");
        }
        port_mutex_lock(&a->lock);
        a->figures.notices++;
        port_mutex_unlock(&a->lock);
        return;
    }
    ease_reply_fail(reply, r, (uint32_t)EASE_S_FAILED);
    if (ease_request_is_notice(r)) { /* with room for a reply, which means nothing then */
        port_mutex_lock(&a->lock);
        a->figures.notices++;
        port_mutex_unlock(&a->lock);
        return;
    }
    port_mutex_lock(&a->lock);
    a->figures.running++;
    port_mutex_unlock(&a->lock);
    q.until_ns = deadline(a, r);
    q.object.turn = turn;
    q.told.request = r;
    q.told.object_id = "";
    rc = answer(&q);
    port_mutex_lock(&a->lock);
    a->figures.running--;
    a->figures.failed += rc != AL_OK && !q.excluded ? 1 : 0;
    a->figures.late += rc == AL_ETIMEDOUT ? 1 : 0;
    port_mutex_unlock(&a->lock);
    if (rc != AL_OK) {
        ease_reply_fail(reply, r, (uint32_t)EASE_S_FAILED);
    }
    q.told.code = rc;
    q.told.text = q.fail.text;
    if (a->conf.told != NULL && !q.excluded) {
        a->conf.told(a->conf.told_ctx, &q.told);
    }
}
