/* stand.c: TEST CODE. The driver's queue: messages wait for threads of the client, who may take them
 * in any order; readers wait for replies. */
#include "stand_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct stand stand = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
    .settings = {.driver_runs = true},
    .running = true,
    .random = 88172645463325252ull,
};

uint32_t
stand_random(void)
{
    stand.random ^= stand.random << 13;
    stand.random ^= stand.random >> 7;
    stand.random ^= stand.random << 17;
    return (uint32_t)(stand.random >> 16);
}

bool
stand_stub_call(void)
{
    bool fails;

    pthread_mutex_lock(&stand.lock);
    fails = stand.settings.fail_stub_call > 0 && --stand.settings.fail_stub_call == 0;
    pthread_mutex_unlock(&stand.lock);
    return !fails;
}

void
stand_called(const char *name)
{
    size_t len = strlen(stand.counts.order);

    (void)snprintf(stand.counts.order + len, sizeof(stand.counts.order) - len, "%s%s",
                   len > 0 ? " " : "", name);
}

/* Locks by itself. */
void
stand_violation(const char *format, ...)
{
    va_list args;

    pthread_mutex_lock(&stand.lock);
    if (stand.counts.violations++ == 0) {
        va_start(args, format);
        (void)vsnprintf(stand.counts.first_violation, sizeof(stand.counts.first_violation), format,
                        args);
        va_end(args);
    }
    pthread_mutex_unlock(&stand.lock);
}

struct stand_item *
stand_item_new(uint32_t command, const uint16_t *path, uint32_t process, uint64_t offset,
               uint32_t length, const struct stand_stub *stub)
{
    struct stand_item *item = calloc(1, sizeof(*item));

    if (item == NULL) {
        abort();
    }
    item->command = command;
    item->process = process;
    item->offset = offset;
    item->length = length;
    if (path != NULL) {
        memcpy(item->path, path, sizeof(item->path));
    }
    if (stub != NULL) {
        item->stub_copy = *stub;
        item->stub = &item->stub_copy;
    }
    return item;
}

void
stand_item_free(struct stand_item *item)
{
    if (item != NULL) {
        free(item->data);
        free(item);
    }
}

/* Locked. The first, or any. */
static struct stand_item *
take_item(void)
{
    struct stand_item **at = &stand.first, *item;
    unsigned skip = 0;

    if (stand.first == NULL) {
        return NULL;
    }
    if (stand_random() % 100 < stand.settings.shuffle_percent) {
        skip = stand_random() % stand.queued;
    }
    while (skip > 0 && (*at)->next != NULL) {
        at = &(*at)->next;
        skip--;
    }
    item = *at;
    *at = item->next;
    item->next = NULL;
    stand.queued--;
    item->state = ITEM_TAKEN;
    return item;
}

/* Both replies to one message, sent twice, say the same where both say bytes. */
static void
compare_twins(struct stand_item *item, const struct stand_item *twin)
{
    if (twin->status == 0 && item->status == 0 && twin->how == 0x08 && item->how == 0x08 &&
        (twin->data_bytes != item->data_bytes ||
         memcmp(twin->data, item->data, item->data_bytes) != 0)) {
        item->broken = true;
        stand_violation("two replies to message %u differ", item->id);
    }
}

static void *
worker(void *arg)
{
    pthread_mutex_lock(&stand.lock);
    for (;;) {
        struct stand_item *item = take_item();
        stand_message_fn call = stand.message;
        struct stand_settings s = stand.settings;
        uint64_t seed;

        if (item == NULL) {
            if (stand.stop) {
                break;
            }
            pthread_cond_wait(&stand.work, &stand.lock);
            continue;
        }
        seed = stand_random();
        stand.counts.messages++;
        stand.counts.threads++;
        if (stand.counts.threads > stand.counts.threads_most) {
            stand.counts.threads_most = stand.counts.threads;
        }
        pthread_mutex_unlock(&stand.lock);
        stand_deliver(item, call, &s, seed);
        pthread_mutex_lock(&stand.lock);
        stand.counts.threads--;
        stand.counts.replies++;
        item->state = ITEM_DONE;
        if (item->left) {
            stand.counts.late += item->notice || item->command == 0 ? 0 : 1;
            stand_item_free(item);
        }
        pthread_cond_broadcast(&stand.done);
    }
    pthread_mutex_unlock(&stand.lock);
    return arg;
}

static void
queue(struct stand_item *item)
{
    struct stand_item **at = &stand.first;

    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = item;
    stand.queued++;
    pthread_cond_signal(&stand.work);
}

/* Locked: waits for one item until then. False: it was left behind. */
static bool
wait_for(struct stand_item *item, uint64_t until_ms)
{
    while (item->state != ITEM_DONE) {
        uint64_t now = stand_now_ms();
        struct timespec t;

        if (now >= until_ms) {
            item->left = true;
            return false;
        }
        (void)clock_gettime(CLOCK_REALTIME, &t);
        now = (uint64_t)t.tv_nsec + (until_ms - now) * 1000000;
        t.tv_sec += (time_t)(now / 1000000000);
        t.tv_nsec = (long)(now % 1000000000);
        (void)pthread_cond_timedwait(&stand.done, &stand.lock, &t);
    }
    return true;
}

static void
send_notice(const struct stand_item *about)
{
    struct stand_item *item =
        stand_item_new(stand_is_b ? 0x10001 : 0x10, about->path, about->process, 0, 0, NULL);

    item->notice = true;
    item->left = true; /* nobody waits for it */
    item->id = ++stand.next_id;
    stand.counts.notices++;
    queue(item);
}

int
stand_send(struct stand_item *item)
{
    struct stand_item *twin = NULL;
    uint64_t now = stand_now_ms(), timeout, until;
    bool leaves, there;
    int ret = STAND_OK;

    pthread_mutex_lock(&stand.lock);
    if (stand.message == NULL || stand.stop) {
        pthread_mutex_unlock(&stand.lock);
        stand_item_free(item);
        return STAND_NO_CLIENT;
    }
    timeout = stand.settings.timeout_ms != 0 ? stand.settings.timeout_ms
                                             : (uint64_t)stand.counts.timeout_s * 1000;
    item->id = ++stand.next_id;
    leaves = stand_random() % 100 < stand.settings.abandon_percent;
    until = now + (leaves ? stand.settings.abandon_ms : timeout);
    if (stand_random() % 100 < stand.settings.notice_percent) {
        send_notice(item);
    }
    if (stand_random() % 100 < stand.settings.repeat_percent) {
        twin = stand_item_new(item->command, item->path, item->process, item->offset, item->length,
                              item->stub);
        twin->id = item->id;
        stand.counts.repeats++;
        queue(twin);
    }
    queue(item);
    stand.counts.waiting++;
    there = wait_for(item, until);
    if (twin != NULL && !wait_for(twin, now + timeout)) {
        twin = NULL; /* the worker's to free, as item is where it is not there */
    }
    stand.counts.waiting--;
    if (!there) {
        ret = leaves ? STAND_LEFT : STAND_TIMEOUT;
        stand.counts.lost += leaves ? 0 : 1;
    }
    pthread_mutex_unlock(&stand.lock);
    if (there && twin != NULL) {
        compare_twins(item, twin);
    }
    stand_item_free(twin);
    return ret;
}

/* ---- clients ---- */

bool
stand_connect(uint32_t threads, stand_message_fn m, stand_disconnect_fn d)
{
    if (stand.message != NULL || threads == 0 || threads > STAND_THREADS || m == NULL) {
        return false;
    }
    stand_ask_begin();
    stand.message = m;
    stand.disconnected = d;
    stand.stop = false;
    stand.counts.connects++;
    stand.counts.connected = true;
    for (stand.thread_count = 0; stand.thread_count < threads; stand.thread_count++) {
        if (pthread_create(&stand.threads[stand.thread_count], NULL, worker, NULL) != 0) {
            abort();
        }
    }
    return true;
}

/* Locked before and after. Threads finish what they have taken; what waits is answered by nobody,
 * so its readers are denied as if the client had gone. */
void
stand_disconnect(bool tell)
{
    stand_disconnect_fn d = stand.disconnected;

    if (stand.message == NULL) {
        return;
    }
    stand.stop = true;
    pthread_cond_broadcast(&stand.work);
    for (unsigned i = 0; i < stand.thread_count; i++) {
        pthread_mutex_unlock(&stand.lock);
        pthread_join(stand.threads[i], NULL);
        pthread_mutex_lock(&stand.lock);
    }
    stand.thread_count = 0;
    stand.message = NULL;
    stand.counts.connected = false;
    stand.counts.disconnects++;
    if (tell && d != NULL) {
        pthread_mutex_unlock(&stand.lock);
        d();
        pthread_mutex_lock(&stand.lock);
    }
}
