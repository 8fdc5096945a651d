#include "server/service/work/work.h"

#include <string.h>

struct work_news_of *
work_news_find(struct work_news_list *l, const char *id, const char *customer_id)
{
    struct work_news_of *n;

    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->of[i].id, id) == 0) {
            return &l->of[i];
        }
    }
    if (l->count == l->max) {
        return NULL;
    }
    n = &l->of[l->count++];
    *n = (struct work_news_of){0};
    memcpy(n->id, id, strnlen(id, AL_ID_LEN));
    memcpy(n->customer_id, customer_id, strnlen(customer_id, AL_ID_LEN));
    return n;
}

bool
work_news_now(const struct work_news_list *l, struct work_news_of *n, int64_t now_ns, bool at_once)
{
    at_once = at_once || now_ns - n->told_ns >= l->every_ns || n->told_ns > now_ns;
    n->news = !at_once;
    n->told_ns = at_once ? now_ns : n->told_ns;
    return at_once;
}

bool
work_news_next(struct work *k, struct work_news_list *l, int64_t now_ns, struct work_news_of *ret)
{
    bool found = false;

    port_mutex_lock(&k->lock);
    for (size_t i = 0; i < l->count && !found;) {
        struct work_news_of *n = &l->of[i];

        if (n->news && now_ns - n->told_ns >= l->every_ns) {
            n->news = false;
            n->told_ns = now_ns;
            *ret = *n;
            found = true;
        } else if (!n->news && now_ns - n->told_ns >= l->forget_ns) {
            l->of[i] = l->of[--l->count];
            continue;
        }
        i++;
    }
    port_mutex_unlock(&k->lock);
    return found;
}

static void
tell_job(struct service_worker *w, const struct work_touched *x, int64_t now_ns, bool at_once)
{
    struct work *k = w->service->work;
    struct work_news_of *n;

    port_mutex_lock(&k->lock);
    n = work_news_find(&k->jobs, x->id, x->customer_id);
    at_once = n == NULL || work_news_now(&k->jobs, n, now_ns, at_once);
    port_mutex_unlock(&k->lock);
    if (at_once) {
        service_publish_noun(w, "job", &store_jobs, x->customer_id, x->id);
    }
}

void
work_note_volume(struct work *k, const char *id, const char *customer_id)
{
    struct work_volume_news *n = NULL;

    port_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->volume_count && n == NULL; i++) {
        n = strcmp(k->volumes[i].id, id) == 0 ? &k->volumes[i] : NULL;
    }
    if (n == NULL && k->volume_count == k->volume_cap && k->volume_cap < WORK_VOLUMES_MAX) {
        size_t cap = k->volume_cap == 0 ? 64 : k->volume_cap * 2;
        struct work_volume_news *more = al_realloc(k->volumes, cap * sizeof(*more));

        if (more != NULL) { /* else: told late, by the next change or start */
            k->volumes = more;
            k->volume_cap = cap;
        }
    }
    if (n == NULL && k->volume_count < k->volume_cap) {
        n = &k->volumes[k->volume_count++];
        *n = (struct work_volume_news){0};
        memcpy(n->id, id, strnlen(id, AL_ID_LEN));
        memcpy(n->customer_id, customer_id, strnlen(customer_id, AL_ID_LEN));
    }
    if (n != NULL) {
        n->news = true;
    }
    port_mutex_unlock(&k->lock);
}

static int
orphans_json(void *ctx, const struct store_orphan_volume *v)
{
    struct al_jsonout j;

    al_jo_begin(&j, ctx);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "volume_id", v->volume_id);
    al_jo_str(&j, "customer_id", v->customer_id);
    al_jo_u64(&j, "open", v->open);
    al_jo_u64(&j, "unreadable", v->unreadable);
    al_jo_bool(&j, "walking", v->walk.began_ns != 0 && v->walk.ended_ns == 0);
    al_jo_close(&j);
    return al_jo_end(&j);
}

static void
tell_orphans(struct service_worker *w, const struct work_touched *x)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = BUS_DATA_MAX};
    struct scope all = scope_system();

    if (store_orphan_volumes(w->db, &all, NULL, x->id, 1, orphans_json, &text, NULL) == AL_OK &&
        text.len > 0) {
        service_publish(w->service, "orphans", x->customer_id, (const char *)text.at);
    }
}

static void
wake_share_test(struct service *s, const char *id)
{
    char topic[16 + sizeof(al_id)];

    (void)snprintf(topic, sizeof(topic), "share_test:%s", id);
    service_wake(s, topic);
}

void
work_tell(struct work_tx *t)
{
    struct service_worker *w = t->worker;

    for (size_t i = 0; i < t->count; i++) {
        const struct work_touched *x = &t->touched[i];

        switch (x->what) {
        case WORK_T_JOB:
        case WORK_T_JOB_ENDED:
            tell_job(w, x, t->now_ns, x->what == WORK_T_JOB_ENDED);
            break;
        case WORK_T_WAKE:
            service_wake_host(w->service, x->id);
            break;
        case WORK_T_VOLUME:
            work_note_volume(w->service->work, x->id, x->customer_id);
            break;
        case WORK_T_VOLUME_STATE:
            service_publish_noun(w, "volume", &store_volumes, x->customer_id, x->id);
            break;
        case WORK_T_FIGURES:
            work_figures_tell(w, x->customer_id, t->now_ns);
            break;
        case WORK_T_SHARE:
            service_publish_noun(w, "share", &store_shares, x->customer_id, x->id);
            break;
        case WORK_T_HOST:
            service_publish_noun(w, "host", &store_hosts, x->customer_id, x->id);
            break;
        case WORK_T_SHARE_TEST:
            wake_share_test(w->service, x->id);
            break;
        case WORK_T_ACCESS:
            work_access_tell(w, x->id, x->customer_id, t->now_ns);
            break;
        case WORK_T_ORPHANS:
            tell_orphans(w, x);
            break;
        }
    }
    t->count = 0;
}

static bool
next_volume_news(struct work *k, int64_t now_ns, struct work_volume_news *ret)
{
    bool found = false;

    port_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->volume_count && !found; i++) {
        struct work_volume_news *n = &k->volumes[i];

        if (n->news && n->next_ns <= now_ns) {
            n->news = false;
            n->next_ns = now_ns + WORK_FIGURES_EVERY_NS;
            *ret = *n;
            found = true;
        }
    }
    port_mutex_unlock(&k->lock);
    return found;
}

/* Totals of a volume of hundreds of millions of files take seconds: at most a twentieth of the time
 * goes into them. */
static void
rest_volume(struct work *k, const char *id, int64_t until_ns, bool again)
{
    port_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->volume_count; i++) {
        if (strcmp(k->volumes[i].id, id) == 0) {
            k->volumes[i].next_ns = until_ns;
            k->volumes[i].news = k->volumes[i].news || again;
        }
    }
    port_mutex_unlock(&k->lock);
}

void
work_news(struct service_worker *w, int64_t now_ns)
{
    struct service *s = w->service;
    struct work_news_of j;
    struct work_volume_news v;

    while (work_news_next(s->work, &s->work->jobs, now_ns, &j)) {
        service_publish_noun(w, "job", &store_jobs, j.customer_id, j.id);
    }
    work_access_news(w, now_ns);
    while (next_volume_news(s->work, now_ns, &v)) {
        int64_t began = port_mono_ns(s->port), took;
        int rc = work_figures_refresh(w, v.customer_id, v.id, now_ns);

        took = port_mono_ns(s->port) - began;
        rest_volume(s->work, v.id,
                    now_ns +
                        (took * 20 > WORK_FIGURES_EVERY_NS ? took * 20 : WORK_FIGURES_EVERY_NS),
                    rc != AL_OK);
        if (rc != AL_OK) {
            al_log(s->log, AL_LOG_WARN, "figures of volume %s: %s", v.id, al_code_name(rc));
        }
        work_figures_tell(w, v.customer_id, now_ns);
    }
}
