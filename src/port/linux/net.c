/* net.c: waiting for sockets; name resolution that cannot hang its caller. */
#include "port/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "port/thread.h"

#define NS_PER_MS 1000000

int
port_net_wait(const int *sockets, size_t count, int events, int64_t timeout_ns, size_t *ret_which,
              int *ret_events)
{
    struct pollfd p[PORT_NET_SOCKETS_MAX];
    int64_t ms = timeout_ns <= 0 ? 0 : (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
    size_t i;
    int n;

    count = count > PORT_NET_SOCKETS_MAX ? PORT_NET_SOCKETS_MAX : count;
    for (i = 0; i < count; i++) {
        p[i].fd = sockets[i];
        p[i].events = (short)events;
        p[i].revents = 0;
    }
    n = poll(p, count, ms > 60000 ? 60000 : (int)ms);
    if (n < 0 && errno != EINTR) {
        return AL_EIO;
    }
    *ret_which = 0;
    *ret_events = 0;
    for (i = 0; n > 0 && i < count; i++) {
        if (p[i].revents) {
            *ret_which = i;
            *ret_events = p[i].revents;
            break;
        }
    }
    return AL_OK;
}

/* A question that may outlive whoever asked it: the last of the two to leave frees it. */
struct question {
    port_mutex lock;
    port_cond answered;
    unsigned users;
    bool done;
    int code;
    char host[256];
};

static void
leave(struct question *q)
{
    bool last;

    port_mutex_lock(&q->lock);
    last = --q->users == 0;
    port_mutex_unlock(&q->lock);
    if (last) {
        port_cond_end(&q->answered);
        port_mutex_end(&q->lock);
        al_free(q);
    }
}

static int
resolve(const char *host, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *found = NULL;

    switch (getaddrinfo(host, NULL, &hints, &found)) {
    case 0:
        freeaddrinfo(found);
        return AL_OK;
    case EAI_AGAIN:
        return AL_ETIMEDOUT;
    case EAI_MEMORY:
        return AL_ENOMEM;
    default:
        return AL_ENOENT;
    }
}

static void *
answer(void *arg)
{
    struct question *q = arg;
    int code = resolve(q->host, 0);

    port_mutex_lock(&q->lock);
    q->code = code;
    q->done = true;
    port_cond_signal(&q->answered);
    port_mutex_unlock(&q->lock);
    leave(q);
    return NULL;
}

/* Detached: port_thread_start's threads are waited for. */
static int
start_detached(struct question *q)
{
    pthread_attr_t attr;
    pthread_t id;
    int rc = pthread_attr_init(&attr);

    if (rc == 0) {
        (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED); /* cannot fail */
        rc = pthread_create(&id, &attr, answer, q);
        (void)pthread_attr_destroy(&attr);
    }
    return rc == 0 ? AL_OK : AL_ENOMEM;
}

int
port_net_known(const char *host, int64_t timeout_ns)
{
    struct question *q;
    int r;

    if (resolve(host, AI_NUMERICHOST) == AL_OK) {
        return AL_OK;
    }
    q = al_zalloc(sizeof(*q));
    if (!q) {
        return AL_ENOMEM;
    }
    if (strlen(host) >= sizeof(q->host)) {
        al_free(q);
        return AL_ENOENT;
    }
    memcpy(q->host, host, strlen(host) + 1);
    port_mutex_init(&q->lock);
    port_cond_init(&q->answered);
    q->users = 2;
    r = start_detached(q);
    if (r != AL_OK) {
        leave(q);
        leave(q);
        return r;
    }
    port_mutex_lock(&q->lock);
    while (!q->done && port_cond_wait_for(&q->answered, &q->lock, timeout_ns)) {
    }
    r = q->done ? q->code : AL_ETIMEDOUT;
    port_mutex_unlock(&q->lock);
    leave(q);
    return r;
}
