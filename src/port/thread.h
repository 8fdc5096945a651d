/* thread.h: threads, locks and conditions; pthreads on both systems (mingw-w64's posix flavour).
 * Not simulated: code that runs under port/sim is single-threaded step engines, threads are added
 * around them. */
#ifndef ALTO_PORT_THREAD_H
#define ALTO_PORT_THREAD_H

#include <pthread.h>

#include "base/result.h"

struct port_thread {
    pthread_t id;
};

/* Starts fn(arg); name is for debuggers, at most 15 characters. stack_bytes 0: 256 KiB.
 * AL_ENOMEM. */
int port_thread_start(struct port_thread *t, const char *name, size_t stack_bytes,
                      void *(*fn)(void *), void *arg) AL_MUST_CHECK;
void port_thread_join(struct port_thread *t);
/* Instead of join, once: what it holds is given back when it ends, and nobody waits for it. */
void port_thread_leave(struct port_thread *t);

typedef pthread_mutex_t port_mutex;
typedef pthread_cond_t port_cond;

/* asserts on failure: it cannot happen with default attributes */
void port_mutex_init(port_mutex *m);
void port_mutex_end(port_mutex *m);
void port_mutex_lock(port_mutex *m);
void port_mutex_unlock(port_mutex *m);
void port_cond_init(port_cond *c); /* waits by the monotonic clock where the system can */
void port_cond_end(port_cond *c);
void port_cond_wait(port_cond *c, port_mutex *m);
/* True when signalled, false when timeout_ns passed. */
bool port_cond_wait_for(port_cond *c, port_mutex *m, int64_t timeout_ns);
void port_cond_signal(port_cond *c);
void port_cond_broadcast(port_cond *c);

#endif
