#include "agent/journal/journal.h"

#include <assert.h>
#include <string.h>

#include "agent/journal/journal_priv.h"
#include "base/mem.h"

static int
item_record(const struct journal_item *item, uint64_t seed, struct al_buf *to)
{
    struct journal_record r = {.seq = item->seq, .state = item->intent.state, .whole = true};

    r.intent = item->intent;
    return journal_record_print(&r, seed, to);
}

/* Without room, on a full disk say, the file just grows with each record. The writer's alone. */
static void
make_room(struct journal *j, uint64_t end)
{
    static const uint8_t zeros[JOURNAL_ROOM_BYTES];

    if (end > j->room && port_pwrite(j->port, j->file, zeros, sizeof(zeros), end) == AL_OK) {
        j->room = end + sizeof(zeros);
    }
}

/* Everything queued so far goes to the file, with a sync where somebody waits for one. Called with
 * the lock held and `writing` taken; drops the lock while it works. */
static int
write_pending(struct journal *j, bool sync)
{
    struct al_buf out = j->pending;
    uint64_t below = j->seq_next;
    int rc = AL_OK;

    al_buf_init(&j->pending, JOURNAL_PENDING_MAX);
    port_mutex_unlock(&j->lock);
    if (out.len > 0) {
        rc = port_pwrite(j->port, j->file, out.at, out.len, j->size);
        make_room(j, j->size + out.len);
    }
    if (rc == AL_OK && sync) {
        rc = port_datasync(j->port, j->file);
    }
    port_mutex_lock(&j->lock);
    if (rc == AL_OK) {
        j->size += out.len;
        j->figures.syncs += sync;
        j->durable_below = sync ? below : j->durable_below;
    } else {
        j->tail_unknown = true;
    }
    al_buf_free(&out);
    return rc;
}

/* The open intents alone, in a new file. Same rules as write_pending. */
static int
write_anew(struct journal *j)
{
    struct al_buf image;
    struct port_file *file = NULL;
    uint64_t seed, below = j->seq_next;
    int rc = port_random(j->port, &seed, sizeof(seed));

    al_buf_init(&image, JOURNAL_FILE_MAX);
    if (rc == AL_OK) {
        rc = journal_image(j, seed, &image);
    }
    if (rc != AL_OK) {
        al_buf_free(&image);
        return rc;
    }
    al_buf_clear(&j->pending); /* the image holds what it says */
    j->seed = seed;            /* what is queued from now on goes behind the image */
    port_mutex_unlock(&j->lock);
    rc = journal_replace(j->port, j->dir, &image, &file);
    port_mutex_lock(&j->lock);
    if (rc == AL_OK) {
        port_close_quiet(j->port, &j->file); /* nothing refers to the old file any more */
        j->file = file;
        j->size = j->room = image.len;
        j->tail_unknown = false;
        j->durable_below = below;
        j->figures.rotations++;
        j->figures.syncs += 2;
    } else {
        j->tail_unknown = true; /* what was cleared above is in no file */
    }
    al_buf_free(&image);
    return rc;
}

static bool
wants_rotation(const struct journal *j)
{
    return j->tail_unknown || (j->size > JOURNAL_ROTATE_BYTES && j->size / 4 > j->open_bytes);
}

/* One round as the writer: all who wait now get their answer. Lock held. */
static void
write_round(struct journal *j)
{
    struct al_list group;
    unsigned turn = j->turn;
    int rc;

    al_list_init(&group);
    j->turn ^= 1u;
    for (struct al_list *l; (l = al_list_pop(&j->waiters)) != NULL;) {
        al_list_push(&group, l);
    }
    j->writing = true;
    rc = wants_rotation(j) ? write_anew(j) : write_pending(j, true);
    while (j->pending.len > 0 && al_list_empty(&j->waiters) && !j->tail_unknown) {
        (void)write_pending(j, false); /* notes that came meanwhile; remembered in tail_unknown */
    }
    j->writing = false;
    for (struct al_list *l; (l = al_list_pop(&group)) != NULL;) {
        struct journal_waiter *w = AL_LIST_ITEM(l, struct journal_waiter, node);

        w->rc = rc;
        w->done = true;
    }
    port_cond_broadcast(&j->turns[turn]);
    port_cond_signal(&j->turns[j->turn]); /* whoever that is writes for the next group */
}

/* Waits until everything queued before is durable; the first who comes while nobody writes does it
 * for all. Lock held. */
static int
wait_durable(struct journal *j, struct journal_waiter *w)
{
    *w = (struct journal_waiter){.turn = j->turn};
    al_list_push(&j->waiters, &w->node);
    while (!w->done) {
        if (j->writing) {
            port_cond_wait(&j->turns[w->turn], &j->lock);
        } else {
            write_round(j);
        }
    }
    return w->rc;
}

static void
forget(struct journal *j, struct journal_item *item)
{
    j->open_bytes -= item->bytes;
    j->figures.open--;
    al_list_drop(&item->open);
    al_list_drop(&item->found);
    al_free(item);
}

/* What is queued goes to the file now, unless a writer is at it, who then takes it along. Lock
 * held. */
static void
write_soon(struct journal *j)
{
    if (!j->writing && !j->tail_unknown) {
        j->writing = true;
        (void)write_pending(j, false); /* remembered in tail_unknown */
        j->writing = false;
        port_cond_signal(&j->turns[j->turn]); /* who came meanwhile found a writer at it */
    }
}

static void
put_soon(struct journal *j, const struct journal_record *r)
{
    if (journal_record_print(r, j->seed, &j->pending) != AL_OK) {
        j->tail_unknown = true; /* the next begin writes what is open anew, this state included */
        return;
    }
    write_soon(j);
}

/* A new item, queued, not written. Lock held. */
static int
begin_queue(struct journal *j, const struct journal_intent *in, struct journal_item **ret)
{
    struct journal_item *item = NULL;
    size_t before = j->pending.len;
    int rc;

    assert(in->state == JOURNAL_BEGUN);
    if (j->figures.open >= JOURNAL_OPEN_MAX) {
        return AL_ELIMIT;
    }
    rc = journal_item_new(in, j->seq_next, &item);
    if (rc == AL_OK) {
        rc = item_record(item, j->seed, &j->pending);
    }
    if (rc != AL_OK) {
        al_free(item);
        return rc;
    }
    item->bytes = j->pending.len - before;
    j->seq_next++;
    j->open_bytes += item->bytes;
    j->figures.open++;
    al_list_push(&j->open, &item->open);
    *ret = item;
    return AL_OK;
}

static int
begin(struct journal *j, const struct journal_intent *in, bool durable, struct journal_item **ret,
      struct al_fail *fail)
{
    struct journal_item *item = NULL;
    int rc;

    port_mutex_lock(&j->lock);
    rc = begin_queue(j, in, &item);
    if (rc != AL_OK) {
        port_mutex_unlock(&j->lock);
        return al_fail_set(fail, rc, 0, "the agent's journal cannot take another intent");
    }
    if (durable || j->tail_unknown) {
        rc = wait_durable(j, &item->waiter);
    } else {
        write_soon(j);
    }
    if (rc != AL_OK && durable) {
        forget(j, item);
    } else {
        j->figures.begun++;
        *ret = item;
        rc = AL_OK;
    }
    port_mutex_unlock(&j->lock);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(j->port),
                                     "the agent's journal could not be written");
}

int
journal_begin(struct journal *j, const struct journal_intent *in, struct journal_item **ret,
              struct al_fail *fail)
{
    return begin(j, in, true, ret, fail);
}

int
journal_begin_soon(struct journal *j, const struct journal_intent *in, struct journal_item **ret,
                   struct al_fail *fail)
{
    return begin(j, in, false, ret, fail);
}

void
journal_note(struct journal *j, struct journal_item *item, enum journal_state state)
{
    struct journal_record r = {.seq = item->seq, .state = state};

    port_mutex_lock(&j->lock);
    item->intent.state = state;
    put_soon(j, &r);
    port_mutex_unlock(&j->lock);
}

int
journal_say(struct journal *j, struct journal_item *item, enum journal_state state)
{
    journal_note(j, item, state);
    return journal_sync(j);
}

void
journal_end(struct journal *j, struct journal_item *item)
{
    struct journal_record r = {.seq = item->seq, .state = JOURNAL_ENDED};

    port_mutex_lock(&j->lock);
    forget(j, item);
    j->figures.ended++;
    put_soon(j, &r);
    port_mutex_unlock(&j->lock);
}

int
journal_settle(struct journal *j, struct journal_item *item)
{
    int rc = AL_OK;

    port_mutex_lock(&j->lock);
    if (item->seq >= j->durable_below) {
        rc = wait_durable(j, &item->waiter);
    }
    port_mutex_unlock(&j->lock);
    return rc;
}

int
journal_sync(struct journal *j)
{
    struct journal_waiter *w = al_alloc(sizeof(*w));
    int rc;

    if (w == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_lock(&j->lock);
    rc = wait_durable(j, w);
    port_mutex_unlock(&j->lock);
    al_free(w);
    return rc;
}

struct journal_item *
journal_take_found(struct journal *j)
{
    struct al_list *l;

    port_mutex_lock(&j->lock);
    l = al_list_pop(&j->found);
    if (l != NULL) {
        j->figures.found--;
    }
    port_mutex_unlock(&j->lock);
    return l != NULL ? AL_LIST_ITEM(l, struct journal_item, found) : NULL;
}

void
journal_put_back(struct journal *j, struct journal_item *item)
{
    port_mutex_lock(&j->lock);
    al_list_push(&j->found, &item->found);
    j->figures.found++;
    port_mutex_unlock(&j->lock);
}

static bool
same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

bool
journal_open_fill(struct journal *j, const struct journal_intent *like, int64_t *ret_mtime_ns)
{
    bool there = false;

    port_mutex_lock(&j->lock);
    for (struct al_list *l = j->open.next; l != &j->open && !there; l = l->next) {
        const struct journal_intent *in = &AL_LIST_ITEM(l, struct journal_item, open)->intent;

        there = in->kind == JOURNAL_RECALL && in->state == JOURNAL_BEGUN && in->ino == like->ino &&
                in->generation == like->generation && same_text(in->volume_id, like->volume_id) &&
                same_text(in->object_id, like->object_id);
        *ret_mtime_ns = there ? in->mtime_ns : *ret_mtime_ns;
    }
    port_mutex_unlock(&j->lock);
    return there;
}

const struct journal_intent *
journal_intent_of(const struct journal_item *item)
{
    return &item->intent;
}

void
journal_figures(struct journal *j, struct journal_figures *ret)
{
    port_mutex_lock(&j->lock);
    *ret = j->figures;
    ret->bytes = j->size;
    ret->unwritten = j->tail_unknown;
    port_mutex_unlock(&j->lock);
}

int
journal_open(struct port *port, struct port_file *state_dir, struct journal **ret,
             uint64_t *ret_torn, struct al_fail *fail)
{
    struct journal *j = al_zalloc(sizeof(*j));
    uint64_t torn = 0;
    int rc;

    if (j == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    j->port = port;
    j->dir = state_dir;
    j->seq_next = 1;
    al_buf_init(&j->pending, JOURNAL_PENDING_MAX);
    al_list_init(&j->waiters);
    al_list_init(&j->open);
    al_list_init(&j->found);
    port_mutex_init(&j->lock);
    port_cond_init(&j->turns[0]);
    port_cond_init(&j->turns[1]);
    rc = journal_replay(j, &torn, fail);
    if (rc == AL_OK) {
        port_mutex_lock(&j->lock);
        rc = write_anew(j);
        port_mutex_unlock(&j->lock);
        rc = rc == AL_ENOSPC ? AL_OK : rc; /* tail_unknown: the next begin tries again */
    }
    if (rc != AL_OK) {
        (void)journal_close(j);
        return al_fail_set(fail, rc, port_os_error(port), "the agent's journal cannot be opened");
    }
    if (ret_torn != NULL) {
        *ret_torn = torn;
    }
    *ret = j;
    return AL_OK;
}

struct journal *
journal_close(struct journal *j)
{
    if (j == NULL) {
        return NULL;
    }
    for (struct al_list *l; (l = al_list_pop(&j->open)) != NULL;) {
        al_free(AL_LIST_ITEM(l, struct journal_item, open));
    }
    al_buf_free(&j->pending);
    port_close_quiet(j->port, &j->file);
    port_cond_end(&j->turns[0]);
    port_cond_end(&j->turns[1]);
    port_mutex_end(&j->lock);
    al_free(j);
    return NULL;
}
