/* stand_priv.h: TEST CODE. The stand-in's inside. Offsets are written down here a second time, from
 * doc/format/ease.md and not from the code under test. */
#ifndef ALTO_TEST_LIB_EASE_STAND_PRIV_H
#define ALTO_TEST_LIB_EASE_STAND_PRIV_H

#include <pthread.h>

#include "stand.h"
#include "stand_os.h"

#define STAND_TAG_MAX 16360u
#define STAND_DATA 65536u
#define STAND_REPLY 65556u
#define STAND_PIDS 64u
#define STAND_THREADS 256u
#define STAND_RULES 64u

typedef int32_t (*stand_message_fn)(const void *message, void *reply);
typedef void (*stand_disconnect_fn)(void);

/* Set by stand_a.c and stand_b.c. */
extern const bool stand_is_b;
extern const uint32_t stand_tag_max;

struct stand_stub { /* the head of a stub's file */
    int64_t size;
    uint32_t attributes, tag_bytes;
    uint8_t tag[STAND_TAG_MAX];
};

enum stand_item_state { ITEM_QUEUED, ITEM_TAKEN, ITEM_DONE };

struct stand_item { /* one message on its way */
    uint32_t id, command, process, length;
    uint64_t offset;
    uint16_t path[STAND_PATH_MAX];
    const struct stand_stub *stub; /* copied for the item */
    struct stand_stub stub_copy;
    bool notice, left; /* left: nobody waits any more; the worker frees it */
    enum stand_item_state state;
    bool broken;
    uint32_t status, how, data_bytes;
    uint8_t *data; /* of the reply */
    struct stand_item *next;
};

struct stand {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    struct stand_settings settings;
    struct stand_counts counts;
    struct stand_item *first;
    unsigned queued;
    bool running, stop;
    uint64_t random;
    uint32_t next_id;
    pthread_t threads[STAND_THREADS];
    unsigned thread_count;
    stand_message_fn message;
    stand_disconnect_fn disconnected;
    uint32_t excluded[STAND_PIDS];
    uint16_t masks[STAND_RULES][STAND_PATH_MAX];
    char error[100];
};
extern struct stand stand;

/* ---- stand.c: the driver ---- */
uint32_t stand_random(void);         /* locked */
void stand_called(const char *name); /* locked: into counts.order */
bool stand_stub_call(void);          /* false: the settings want this call about stubs to fail */
void stand_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Locked. Starts and ends the threads that call back. */
bool stand_connect(uint32_t threads, stand_message_fn m, stand_disconnect_fn d);
void stand_disconnect(bool tell);
/* Sends and waits; fills item. */
int stand_send(struct stand_item *item);
struct stand_item *stand_item_new(uint32_t command, const uint16_t *path, uint32_t process,
                                  uint64_t offset, uint32_t length, const struct stand_stub *stub);
void stand_item_free(struct stand_item *item);

/* ---- stand_message.c: one message and its reply ---- */
void stand_deliver(struct stand_item *item, stand_message_fn call, const struct stand_settings *how,
                   uint64_t seed);

/* ---- stand_files.c: stubs on disk and who reads them ---- */
bool stand_stub_read(const uint16_t *path, struct stand_stub *ret);
/* A new file takes the old one's place at once. */
bool stand_stub_write(const uint16_t *path, const struct stand_stub *s);
/* Into the file that is there, which a kill may leave half. */
bool stand_stub_over(const uint16_t *path, const struct stand_stub *s);
/* stand_file_id while nobody replaces the file, which Windows would refuse. */
uint64_t stand_locked_id(const uint16_t *path);
extern const struct stand_control stand_functions;

/* ---- stand_ask.c ---- */
void stand_ask_begin(void); /* once; nothing where nobody wants it */

#endif
