#include "port/thread.h"

#include <assert.h>
#include <time.h>

#define THREAD_STACK_BYTES (256u << 10)

/* winpthreads knows only this clock for conditions: a clock set back makes a wait longer, never wrong. */
#if defined(_WIN32)
#define COND_CLOCK CLOCK_REALTIME
#else
#define COND_CLOCK CLOCK_MONOTONIC
#endif

/* The kernel's limit of a thread name is 15 characters; where pthreads cannot name threads nothing
 * is lost. */
static void
thread_name(pthread_t id, const char *name)
{
#if defined(__linux__)
    (void)pthread_setname_np(id, name); /* a name is for debuggers only */
#else
    (void)id;
    (void)name;
#endif
}

int
port_thread_start(struct port_thread *t, const char *name, size_t stack_bytes, void *(*fn)(void *),
                  void *arg)
{
    pthread_attr_t attr;
    int rc;

    if (pthread_attr_init(&attr) != 0) {
        return AL_ENOMEM;
    }
    rc = pthread_attr_setstacksize(&attr, stack_bytes == 0 ? THREAD_STACK_BYTES : stack_bytes);
    if (rc == 0) {
        rc = pthread_create(&t->id, &attr, fn, arg);
    }
    (void)pthread_attr_destroy(&attr); /* cannot fail on an initialised one */
    if (rc != 0) {
        return AL_ENOMEM;
    }
    thread_name(t->id, name);
    return AL_OK;
}

void
port_thread_join(struct port_thread *t)
{
    int rc = pthread_join(t->id, NULL);

    assert(rc == 0);
    (void)rc;
}

void
port_thread_leave(struct port_thread *t)
{
    int rc = pthread_detach(t->id);

    assert(rc == 0);
    (void)rc;
}

void
port_mutex_init(port_mutex *m)
{
    int rc = pthread_mutex_init(m, NULL);

    assert(rc == 0);
    (void)rc;
}

void
port_mutex_end(port_mutex *m)
{
    int rc = pthread_mutex_destroy(m);

    assert(rc == 0);
    (void)rc;
}

void
port_mutex_lock(port_mutex *m)
{
    int rc = pthread_mutex_lock(m);

    assert(rc == 0);
    (void)rc;
}

void
port_mutex_unlock(port_mutex *m)
{
    int rc = pthread_mutex_unlock(m);

    assert(rc == 0);
    (void)rc;
}

void
port_cond_init(port_cond *c)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);

    assert(rc == 0);
    rc = pthread_condattr_setclock(&attr, COND_CLOCK);
    assert(rc == 0);
    rc = pthread_cond_init(c, &attr);
    assert(rc == 0);
    (void)rc;
    (void)pthread_condattr_destroy(&attr); /* cannot fail on an initialised one */
}

void
port_cond_end(port_cond *c)
{
    int rc = pthread_cond_destroy(c);

    assert(rc == 0);
    (void)rc;
}

void
port_cond_wait(port_cond *c, port_mutex *m)
{
    int rc = pthread_cond_wait(c, m);

    assert(rc == 0);
    (void)rc;
}

bool
port_cond_wait_for(port_cond *c, port_mutex *m, int64_t timeout_ns)
{
    struct timespec until;

    (void)clock_gettime(COND_CLOCK, &until); /* cannot fail: the clock exists everywhere we run */
    if (timeout_ns < 0) {
        timeout_ns = 0;
    }
    until.tv_sec += (time_t)(timeout_ns / 1000000000);
    until.tv_nsec += timeout_ns % 1000000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(c, m, &until) == 0;
}

void
port_cond_signal(port_cond *c)
{
    int rc = pthread_cond_signal(c);

    assert(rc == 0);
    (void)rc;
}

void
port_cond_broadcast(port_cond *c)
{
    int rc = pthread_cond_broadcast(c);

    assert(rc == 0);
    (void)rc;
}
