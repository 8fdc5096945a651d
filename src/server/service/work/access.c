#include "server/service/work/access.h"

#include <string.h>

const char *
access_kind_name(enum inventory_access_kind kind)
{
    static const char *const names[INVENTORY_ACCESS_KINDS] = {
        [INVENTORY_ACCESS_USED] = "used",
        [INVENTORY_ACCESS_CREATE] = "create",
        [INVENTORY_ACCESS_MOVE] = "move",
        [INVENTORY_ACCESS_DELETE] = "delete",
        [INVENTORY_ACCESS_FOLDER_DELETE] = "folder_delete",
        [INVENTORY_ACCESS_PIN] = "pin",
        [INVENTORY_ACCESS_UNPIN] = "unpin",
    };

    return (size_t)kind < AL_LEN(names) ? names[kind] : "used";
}

/* As files are shown everywhere: with the leading '/'. */
static void
path_json(struct al_jsonout *j, const char *key, struct al_span path)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = (size_t)INVENTORY_PATH_MAX + 1};

    if (path.len > 0 && path.at[0] == '/') {
        al_jo_bytes(j, key, path);
    } else if (al_buf_adds(&text, "/") == AL_OK && al_buf_add(&text, path.at, path.len) == AL_OK) {
        al_jo_bytes(j, key, al_buf_span(&text));
    } else {
        j->rc = AL_ENOMEM;
    }
}

static void
name_json(struct al_jsonout *j, const char *key, struct al_span name)
{
    al_jo_bytes(j, key, name.at == NULL ? al_span_of("") : name);
}

void
access_row_json(struct al_jsonout *j, const struct inventory_access_event *e)
{
    const struct inventory_access *a = &e->row;

    al_jo_object(j, NULL);
    al_jo_u64(j, "number", e->number);
    al_jo_str(j, "kind", access_kind_name(a->kind));
    path_json(j, "path", a->path);
    if (a->kind == INVENTORY_ACCESS_MOVE) {
        path_json(j, "target", a->target);
    }
    al_jo_time(j, "at", a->time_ns);
    al_jo_time(j, "modified_at", a->modified_ns);
    al_jo_time(j, "arrived_at", e->arrived_ns);
    al_jo_u64(j, "reads", a->reads);
    al_jo_u64(j, "writes", a->writes);
    if (a->has_stat) {
        al_jo_u64(j, "size", a->size);
    }
    name_json(j, "user", a->user);
    name_json(j, "host", a->host);
    name_json(j, "node", a->node);
    al_jo_close(j);
}

/* ---- told live ---- */

struct telling {
    struct al_jsonout j;
    uint64_t last;
};

static int
tell_row(void *ctx, const struct inventory_access_event *e)
{
    struct telling *t = ctx;

    t->last = e->number > t->last ? e->number : t->last;
    access_row_json(&t->j, e);
    return t->j.rc;
}

static int
news_text(struct service *s, const struct work_news_of *n, bool rows, struct al_buf *to,
          uint64_t *ret_last)
{
    struct inventory_scope scope = work_inventory_scope(n->customer_id);
    struct telling t = {.last = n->number};
    int rc = AL_OK;

    al_buf_clear(to);
    al_jo_begin(&t.j, to);
    al_jo_object(&t.j, NULL);
    al_jo_str(&t.j, "volume_id", n->id);
    al_jo_array(&t.j, "rows");
    if (rows) {
        rc = inventory_access_recent(s->work->inventory, &scope, n->id, (struct al_span){0},
                                     n->number, 0, WORK_ACCESS_ROWS, tell_row, &t);
    }
    al_jo_close(&t.j);
    al_jo_u64(&t.j, "last_number", t.last);
    al_jo_close(&t.j);
    *ret_last = t.last;
    return rc == AL_OK || rc == AL_ENOENT ? al_jo_end(&t.j) : rc;
}

static void
publish(struct service_worker *w, const struct work_news_of *n)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = BUS_DATA_MAX};
    struct work *k = w->service->work;
    struct work_news_of *kept;
    uint64_t last;

    /* Paths that are too long for one event are left to who asks for them. */
    if (news_text(w->service, n, true, &text, &last) != AL_OK &&
        news_text(w->service, n, false, &text, &last) != AL_OK) {
        return;
    }
    port_mutex_lock(&k->lock);
    kept = work_news_find(&k->accesses, n->id, n->customer_id);
    if (kept != NULL && kept->number < last) {
        kept->number = last;
    }
    port_mutex_unlock(&k->lock);
    service_publish(w->service, "access", n->customer_id, (const char *)text.at);
}

void
work_access_tell(struct service_worker *w, const char *volume_id, const char *customer_id,
                 int64_t now_ns)
{
    struct work *k = w->service->work;
    struct work_news_of *n, now = {0};
    bool at_once = false;

    port_mutex_lock(&k->lock);
    n = work_news_find(&k->accesses, volume_id, customer_id);
    if (n != NULL) {
        at_once = work_news_now(&k->accesses, n, now_ns, false);
        now = *n;
    }
    port_mutex_unlock(&k->lock);
    if (at_once) {
        publish(w, &now);
    }
}

void
work_access_news(struct service_worker *w, int64_t now_ns)
{
    struct work *k = w->service->work;
    struct work_news_of n;

    while (work_news_next(k, &k->accesses, now_ns, &n)) {
        publish(w, &n);
    }
}
