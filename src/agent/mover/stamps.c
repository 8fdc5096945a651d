#include "agent/mover/stamps.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"
#include "port/thread.h"

#define FILE_MAX 64u

struct stamps {
    struct port *port;
    struct port_file *dir;
    port_mutex lock;
    int64_t last, bound; /* given out; durable */
};

static int
load(struct stamps *s)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    uint64_t bound;
    int rc;

    al_buf_init(&text, FILE_MAX);
    rc = port_read_file(s->port, s->dir, STAMPS_FILE, FILE_MAX - 1, &text);
    if (rc != AL_OK) {
        return rc == AL_ENOENT || rc == AL_ELIMIT ? AL_OK : rc;
    }
    if (text.len > 0 && text.at[text.len - 1] == '\n') {
        text.at[text.len - 1] = '\0'; /* as port_read_file leaves it behind the end */
    }
    if (text.len > 0 && al_parse_u64((const char *)text.at, &bound) == AL_OK &&
        bound <= INT64_MAX - STAMPS_AHEAD_NS) {
        s->last = s->bound = (int64_t)bound;
    }
    return AL_OK;
}

int
stamps_open(struct port *port, struct port_file *state_dir, struct stamps **ret,
            struct al_fail *fail)
{
    struct stamps *s = al_zalloc(sizeof(*s));
    int rc;

    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    s->port = port;
    s->dir = state_dir;
    port_mutex_init(&s->lock);
    rc = load(s);
    if (rc != AL_OK) {
        (void)stamps_close(s); /* returns NULL */
        return al_fail_set(fail, rc, port_os_error(port),
                           "the file \"" STAMPS_FILE "\" in the state folder cannot be read");
    }
    *ret = s;
    return AL_OK;
}

struct stamps *
stamps_close(struct stamps *s)
{
    if (s != NULL) {
        port_mutex_end(&s->lock);
        al_free(s);
    }
    return NULL;
}

int
stamps_next(struct stamps *s, int64_t *ret, struct al_fail *fail)
{
    int64_t now;
    int rc = AL_OK;

    port_mutex_lock(&s->lock);
    now = port_now_ns(s->port);
    now = now > s->last ? now : s->last + 1;
    if (now > s->bound) {
        char text[FILE_MAX];
        int64_t bound = now + STAMPS_AHEAD_NS;
        int len = snprintf(text, sizeof(text), "%lld\n", (long long)bound);

        rc = port_write_file(s->port, s->dir, STAMPS_FILE, text, (size_t)len, 0600);
        s->bound = rc == AL_OK ? bound : s->bound;
    }
    if (rc == AL_OK) {
        s->last = *ret = now;
    }
    port_mutex_unlock(&s->lock);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(s->port),
                                     "the agent's state folder cannot be written");
}
