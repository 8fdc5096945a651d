/* ease.h: the life of the binding to the filter driver: load, licence key, connect, configure,
 * answer, reconnect, stop.
 *
 *   ease_start ── the driver's threads: ease_answer ──▶ ...   ease_tend now and then   ease_stop
 *
 * One per process: the DLL's callbacks carry nothing of ours, and its driver knows one client by its
 * process id (doc/adr/0057-the-filter-drivers-binding.md).
 *
 * Threads: start, tend, stop and the stub calls by one thread at a time; ease_state_get by any. None
 * of them from a callback. */
#ifndef ALTO_AGENT_EASE_EASE_H
#define ALTO_AGENT_EASE_EASE_H

#include "agent/ease/answer.h"
#include "agent/ease/api.h"
#include "agent/stub/maker.h"

#define EASE_THREADS_MAX 64u
#define EASE_THREADS 16u    /* of the driver's DLL: recalls that wait at once */
#define EASE_TIMEOUT_S 120u /* how long the driver waits for an answer; there is no sign of life */
#define EASE_TIMEOUT_S_MAX 3600u
#define EASE_KEY_BYTES_MAX 4096u
#define EASE_FOLDERS_MAX 256u
/* after the connection was lost it is made anew, at once and then at growing distances */
#define EASE_AGAIN_NS 1000000000
#define EASE_AGAIN_NS_MAX 60000000000
/* what is on its way when it stops gets its failure within this; then the memory is left alone
 * rather than taken from under a thread of the driver */
#define EASE_STOP_NS 30000000000

struct ease_conf { /* copied; what it points at is lent */
    struct port *port;
    struct al_log *log;
    const char *dll; /* absolute path */
    /* Appends the licence key from where it is sealed; wiped after use. It is never in arguments,
     * logs, errors or messages to the server. */
    int (*key)(void *ctx, struct al_buf *to, struct al_fail *fail);
    void *key_ctx;
    bool install;       /* install the driver where it does not run: needs an administrator */
    unsigned threads;   /* 0: EASE_THREADS */
    uint32_t timeout_s; /* 0: EASE_TIMEOUT_S */
    uint32_t bools;     /* of SetBooleanConfig; 0: not called */
    const char *const *folders; /* flavour B: where stubs are, absolute */
    size_t folder_count;
    struct ease_answer_conf answer; /* port, log, timeout_ms and own_process are filled in */
};

struct ease;
/* AL_EBUSY: there is one. AL_ENOENT, AL_ENOTSUP: ease_api_load. AL_EUNREACH: the driver does not run
 * (and was not to be installed); AL_EACCES: it, or the key, was refused; `fail` has the DLL's own
 * words. */
int ease_start(const struct ease_conf *conf, struct ease **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Connects anew where the driver said that it is gone, not sooner than it should. True: connected. */
bool ease_tend(struct ease *e);
/* ease_answer_release, where conf.answer.held was set. Any thread. */
void ease_release(struct ease *e);
/* Nobody is answered any more; who waits is denied. NULL is fine; returns NULL. */
struct ease *ease_stop(struct ease *e);
/* Threads of the driver that are within a callback of ours. After ease_stop: not 0 means that what they
 * look at must stay. Any thread. */
unsigned ease_callbacks(void);

/* Other volumes than those of the configuration, from the next request on: ease_answer_volumes. The
 * driver's rules of flavour B (folders) stay what they were. Any thread. */
int ease_volumes(struct ease *e, const struct ease_volume *volumes, size_t count) AL_MUST_CHECK;

struct ease_state { /* for doctor and console */
    enum ease_flavour flavour;
    char product[EASE_PRODUCT_MAX], version[EASE_PRODUCT_MAX];
    bool driver_running, connected;
    uint32_t times_connected;
    uint64_t unverified;  /* messages whose verification number was wrong: not answered */
    char last_error[256]; /* the DLL's or ours, UTF-8; "" */
    struct ease_answer_figures answered;
};
void ease_state_get(struct ease *e, struct ease_state *ret);
/* The same of a DLL that is only looked at: nothing is connected or installed. */
int ease_probe(struct port *port, const char *dll, struct ease_state *ret,
               struct al_fail *fail) AL_MUST_CHECK;
/* Has the DLL install its driver, or take it away; both need an administrator. Nothing else of this
 * process may be bound to it. AL_ENOTSUP: the DLL has no such function; AL_EACCES with its words. */
int ease_driver_install(struct port *port, const char *dll, bool install,
                        struct al_fail *fail) AL_MUST_CHECK;
/* One line for people. */
int ease_state_text(const struct ease_state *s, struct al_buf *to) AL_MUST_CHECK;

/* ---- stubs ---- */
/* The seam that movers and reconcile use (agent/stub/maker.h), any thread; lives as long as e. NULL
 * for flavour B, whose stubs are made under a name that is free, so that the tag cannot hold the id of
 * its file. */
struct stub_maker *ease_maker(struct ease *e);
/* Makes a stub of the file at path, which must be empty or not there: what the driver does to one
 * that holds something is not known. attributes: Win32's, 0 as they are; times stay. The tag is read
 * back and compared, so is the size, and the file's id with the tag's. Flavour B takes a name that is
 * free alone. AL_ECONFLICT: the file is not empty, or (B) there, nothing was done; AL_EINVAL: no tag
 * of ours, or too long for the flavour; AL_ESTALE: the driver made another file; AL_EIO with the DLL's
 * words: what the file is now must be looked at (ease_stub_tag). */
int ease_stub_create(struct ease *e, const char *path, struct al_span tag, uint32_t attributes,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Appends the tag data of a stub, without recalling it. AL_ENODATA: no stub, as far as the DLL says;
 * it gives no reason. */
int ease_stub_tag(struct ease *e, const char *path, struct al_buf *to,
                  struct al_fail *fail) AL_MUST_CHECK;
/* Takes the tag off, so that what the file holds is what readers get: only for one whose bytes are
 * its own again. Flavour B: AL_ENOTSUP. */
int ease_stub_untag(struct ease *e, const char *path, struct al_fail *fail) AL_MUST_CHECK;

#endif
