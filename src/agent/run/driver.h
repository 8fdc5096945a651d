/* driver.h: the filter driver in the agent's life: its settings and key in the state folder, the folder
 * for recalls, the volumes of the configuration, and what its answers came to. Under it: agent/ease.
 *
 *   driver_open ─▶ driver_apply (each configuration) ─▶ driver_tend now and then ─▶ driver_close
 *
 * Whatever is missing (DLL, key, the driver itself) is a state with a name and a next step, never a
 * failure of the agent: volumes are tracked only until it is there, and driver_tend finds it by itself.
 *
 * Threads: driver_tend and driver_close by one at a time; all else from any. */
#ifndef ALTO_AGENT_RUN_DRIVER_H
#define ALTO_AGENT_RUN_DRIVER_H

#include "agent/ease/ease.h"
#include "agent/ease/tell.h"
#include "agent/link/config.h"

#define DRIVER_DLL "FilterAPI.dll"            /* in the program's folder */
#define DRIVER_SETTINGS_FILE "driver.json"    /* in the state folder, as the next three */
#define DRIVER_KEY_FILE "driver.key"          /* agent/link/secret.h */
#define DRIVER_STATE_FILE "driver-state.json" /* what the running agent knew last */
#define DRIVER_FOLDER "recall"
#define DRIVER_SETTINGS_MAX 65536u /* bytes */
#define DRIVER_WORKERS 8u          /* objects fetched at once */
/* the folder for recalls: this part of its disk, but never more than this part of what is free when
 * the agent starts, and no recall goes below the least */
#define DRIVER_ROOM_OF_DISK 10
#define DRIVER_ROOM_OF_FREE 2
#define DRIVER_ROOM_MIN (64ull << 20)
/* between two tries to begin: what is missing may have come */
#define DRIVER_AGAIN_NS 10000000000
#define DRIVER_AGAIN_NS_MAX 60000000000
#define DRIVER_TELL_NS                                                                             \
    3600000000000 /* the state is told to the server on change, and once an hour */

/* ---- driver_settings.c ---- */
struct driver_settings {
    char *dll;    /* absolute; NULL: DRIVER_DLL in the program's folder */
    bool keep;    /* stubs stay stubs when they are read; else the file comes back for good */
    bool install; /* install the driver where it does not run (administrators can) */
    uint32_t timeout_s, threads; /* 0: agent/ease's */
    uint64_t room_bytes;         /* 0: by the disk */
    char *no_recall;             /* programs that recall nothing (ease_answer_conf); NULL: none */
};
/* No file: defaults. AL_ECORRUPT with the place in fail. */
int driver_settings_load(struct port *port, struct port_file *state, struct driver_settings *ret,
                         struct al_fail *fail) AL_MUST_CHECK;
/* AL_EINVAL: out of agent/ease's limits, a path that is not absolute, names that no files have. */
int driver_settings_save(struct port *port, struct port_file *state,
                         const struct driver_settings *s, struct al_fail *fail) AL_MUST_CHECK;
void driver_settings_free(struct driver_settings *s); /* for AL_CLEANUP */
/* Appends where the DLL is looked for. */
int driver_dll(const struct driver_settings *s, struct al_buf *to) AL_MUST_CHECK;
/* A key of 1 to EASE_KEY_BYTES_MAX bytes of printable ASCII, blanks and line ends around it taken off.
 * AL_EINVAL. */
int driver_key_save(struct port *port, struct port_file *state, struct al_span key,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Appends it; who calls wipes. AL_ENOENT: none. */
int driver_key_load(struct port *port, struct port_file *state, struct al_buf *to,
                    struct al_fail *fail) AL_MUST_CHECK;
bool driver_key_is(struct port *port, struct port_file *state);

/* ---- driver_state.c ---- */
enum driver_why {
    DRIVER_OK,          /* connected */
    DRIVER_UNKNOWN,     /* not tried yet */
    DRIVER_NO_DLL,      /* not there */
    DRIVER_OTHER_DLL,   /* none that we know */
    DRIVER_NO_KEY,      /* none was given */
    DRIVER_NOT_RUNNING, /* the driver itself */
    DRIVER_REFUSED,     /* by driver or DLL: key, rights */
    DRIVER_NO_FOLDER,   /* for recalls: no room, not ours, within a volume */
    DRIVER_LOST,        /* the connection ended; it is tried again */
    DRIVER_FAILED       /* memory, settings */
};
const char *driver_why_name(enum driver_why w); /* "ok", "no_dll" ... */
const char *driver_why_next(enum driver_why w); /* what to do; "" */
struct driver_state {
    enum driver_why why;
    char text[256]; /* a sentence; "" with DRIVER_OK */
    char dll[512];  /* where it was looked for */
    bool has_key, keep;
    uint32_t timeout_s;
    uint64_t room_bytes;
    char no_recall[EASE_NO_RECALL_BYTES_MAX]; /* as set; "": none */
    struct ease_state ease;                   /* as far as it is known */
    struct ease_fetch_figures fetch;
};
/* Whether files can become stubs now; else why not, with the next step, in at most cap bytes. */
bool driver_can_stub(const struct driver_state *s, char *text, size_t cap);
/* A JSON object's members, without what only counts unless figures is true. */
int driver_state_json(const struct driver_state *s, bool figures, json_t *to) AL_MUST_CHECK;
/* The record that the server gets (doc/format/protocol.md). `to` is cleared. */
int driver_state_record(const struct driver_state *s, int64_t told_ns,
                        struct al_buf *to) AL_MUST_CHECK;
/* For people, some lines. */
int driver_state_text(const struct driver_state *s, struct al_buf *to) AL_MUST_CHECK;
/* What a process that is not the agent can see: settings, key, DLL, whether the driver runs. */
int driver_probe(struct port *port, struct port_file *state, struct driver_state *ret,
                 struct al_fail *fail) AL_MUST_CHECK;

/* ---- driver.c ---- */
struct driver_conf { /* copied; everything it points at is lent */
    struct port *port;
    struct al_log *log;
    const char *state_path;
    struct port_file *state;
    struct journal *journal;
    struct outcome_sink *sink;
    const char *dll; /* instead of the settings'; NULL: theirs */
};
struct driver;
/* AL_ENOMEM; nothing is loaded or connected yet. */
int driver_open(const struct driver_conf *conf, struct driver **ret,
                struct al_fail *fail) AL_MUST_CHECK;
/* Takes over the volumes that have a key and a share. AL_ENOMEM: the former ones hold. */
int driver_apply(struct driver *d, struct agent_config *c) AL_MUST_CHECK;
/* Begins, or connects anew, as far as it is time. True: driver_state_get says something else than
 * before the call. */
bool driver_tend(struct driver *d);
void driver_again(struct driver *d); /* the next driver_tend tries whatever the time is */
void driver_state_get(struct driver *d, struct driver_state *ret);
/* Who makes stubs (agent/stub/maker.h), valid until driver_close. NULL: the driver was not connected
 * yet, or makes none of files that are there. */
struct stub_maker *driver_maker(struct driver *d);
/* What a crash cut was looked at while the driver was connected: from now on readers are answered, who
 * waited until then. */
void driver_release(struct driver *d);
struct driver *driver_close(struct driver *d); /* NULL is fine; returns NULL */

/* Whether path lies in the folder, or is it: parts compared without case or kind of slash. */
bool driver_path_within(const char *folder, const char *path);
/* al_alloc'ed copy with the slashes of all paths here, of one as people write it on Windows; one that
 * begins with '/' is as it was. NULL: no memory. */
char *driver_path_slashed(const char *path) AL_MUST_CHECK;

#endif
