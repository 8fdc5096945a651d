/* manifest_writer.c: many workers, one file, one flush for all who wait.
 *
 * Whoever finds nobody writing writes for everybody queued by then; who comes meanwhile makes up
 * the next group. After a failure nobody knows what the end of the file looks like, so the next
 * group begins a new one. */
#include "agent/target/manifest.h"

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "port/thread.h"

#define QUEUE_BYTES_MAX                                                                            \
    (256u << 20) /* of lines waiting: a thousand workers with the longest of lines */
#define FILE_BYTES_MAX (256ull << 20) /* of one manifest; then the next is begun */

struct manifest_writer {
    struct port *port;
    struct target *target; /* used by whoever is writing */
    al_id host;
    port_mutex lock;
    port_cond turns[2]; /* of the group that is written, and of the next: each is woken once */
    unsigned turn;      /* of who comes now */
    bool writing;
    struct al_list waiting;     /* of struct waiter */
    struct al_buf queue;        /* their lines, in the same order */
    char name[TARGET_NAME_MAX]; /* "" before the first line and after a failure */
    uint64_t offset;
    char day[9];
};

struct waiter {
    struct al_list node;
    unsigned turn;
    bool done;
    int code;
    struct al_fail fail;
};

int
manifest_writer_open(struct port *port, const struct target_conf *conf, const char *host_id,
                     struct manifest_writer **ret, struct al_fail *fail)
{
    struct manifest_writer *w;
    int r;

    if (!al_id_valid(host_id)) {
        return al_fail_set(fail, AL_EINVAL, 0, "a manifest needs the host's identifier");
    }
    w = al_zalloc(sizeof(*w));
    if (!w) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    w->port = port;
    memcpy(w->host, host_id, sizeof(w->host));
    port_mutex_init(&w->lock);
    port_cond_init(&w->turns[0]);
    port_cond_init(&w->turns[1]);
    al_list_init(&w->waiting);
    al_buf_init(&w->queue, QUEUE_BYTES_MAX);
    r = target_open(port, conf, false, &w->target, fail);
    if (r != AL_OK) {
        manifest_writer_close(w);
        return r;
    }
    *ret = w;
    return AL_OK;
}

struct manifest_writer *
manifest_writer_close(struct manifest_writer *w)
{
    if (!w) {
        return NULL;
    }
    target_close(w->target);
    al_buf_free(&w->queue);
    port_cond_end(&w->turns[0]);
    port_cond_end(&w->turns[1]);
    port_mutex_end(&w->lock);
    al_free(w);
    return NULL;
}

/* Sees to it that there is a file to append to: of today, not too long, with an end we know. */
static int
choose_file(struct manifest_writer *w, struct al_fail *fail)
{
    char now[AL_TIME_TEXT_MAX], day[9];
    uint8_t chance[10];
    al_id id;
    int64_t now_ns = port_now_ns(w->port);
    int r;

    al_time_text(now_ns, now);
    (void)snprintf(day, sizeof(day), "%.4s%.2s%.2s", now, now + 5, now + 8);
    if (w->name[0] && w->offset < FILE_BYTES_MAX && strcmp(day, w->day) == 0) {
        return AL_OK;
    }
    r = port_random(w->port, chance, sizeof(chance));
    if (r != AL_OK) {
        return al_fail_set(fail, r, port_os_error(w->port), "no random numbers");
    }
    al_id_make(now_ns, chance, id);
    memcpy(w->day, day, sizeof(day));
    w->offset = 0;
    (void)snprintf(w->name, sizeof(w->name), "manifests/%s/%s-%s.jsonl", w->host, day, id);
    return AL_OK;
}

static int
write_group(struct manifest_writer *w, const struct al_buf *lines, struct al_fail *fail)
{
    int r = choose_file(w, fail);

    if (r == AL_OK) {
        r = target_append(w->target, w->name, w->offset, lines->at, lines->len, fail);
    }
    if (r ==
        AL_ECHANGED) { /* the share was put back to an earlier state: a file of our own again */
        *fail = (struct al_fail){0};
        w->name[0] = '\0';
        r = choose_file(w, fail);
        r = r == AL_OK ? target_append(w->target, w->name, w->offset, lines->at, lines->len, fail)
                       : r;
    }
    if (r == AL_OK) {
        /* The last look at the share before files let go of their blocks. */
        r = target_confirm(w->target, fail);
    }
    if (r == AL_OK) {
        w->offset += lines->len;
    } else {
        w->name[0] = '\0';
    }
    return r;
}

/* Writes for everybody who waits. Called and left with the lock held. */
static void
lead(struct manifest_writer *w)
{
    struct al_list group, *node;
    struct al_buf lines = w->queue;
    struct al_fail fail = {0};
    unsigned turn = w->turn;
    int r;

    al_list_init(&group);
    w->turn ^= 1u;
    while ((node = al_list_pop(&w->waiting)) != NULL) {
        al_list_push(&group, node);
    }
    al_buf_init(&w->queue, QUEUE_BYTES_MAX);
    w->writing = true;
    port_mutex_unlock(&w->lock);

    r = write_group(w, &lines, &fail);

    port_mutex_lock(&w->lock);
    w->writing = false;
    while ((node = al_list_pop(&group)) != NULL) {
        struct waiter *waiter = AL_LIST_ITEM(node, struct waiter, node);

        waiter->code = r;
        waiter->fail = fail;
        waiter->done = true;
    }
    al_buf_free(&lines);
    port_cond_broadcast(&w->turns[turn]);
    port_cond_signal(&w->turns[w->turn]); /* whoever that is writes for the next group */
}

int
manifest_commit(struct manifest_writer *w, const struct manifest_record *r, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = MANIFEST_LINE_MAX};
    struct waiter me;
    int rc;

    memset(&me, 0, sizeof(me));
    rc = manifest_print(r, &line);
    if (rc == AL_ENOMEM) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0,
                           "the file has more attributes than a manifest line of %u "
                           "bytes holds",
                           MANIFEST_LINE_MAX);
    }
    port_mutex_lock(&w->lock);
    /* Reserved first: a queue that refused a line would have lost those of the others. */
    rc =
        w->queue.len + line.len < QUEUE_BYTES_MAX ? al_buf_reserve(&w->queue, line.len) : AL_ELIMIT;
    if (rc == AL_OK) {
        rc = al_buf_add(&w->queue, line.at, line.len);
    }
    if (rc != AL_OK) {
        port_mutex_unlock(&w->lock);
        return al_fail_set(fail, rc, 0, "too many manifest lines wait for the share");
    }
    me.turn = w->turn;
    al_list_push(&w->waiting, &me.node);
    while (!me.done) {
        if (!w->writing) {
            lead(w);
        } else {
            port_cond_wait(&w->turns[me.turn], &w->lock);
        }
    }
    port_mutex_unlock(&w->lock);
    if (me.code != AL_OK) {
        return al_fail_set(fail, me.code, me.fail.os, "%s", me.fail.text);
    }
    return AL_OK;
}
