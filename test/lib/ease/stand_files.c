/* stand_files.c: TEST CODE. Stubs in a form of our own, and applications that read them. A stub's
 * file holds a head: 8 bytes, size, attributes, length of the tag, the tag; behind it holes, so that it
 * is as long as its file was, unless that was shorter than the head. */
#include "stand_priv.h"

#include <stdlib.h>
#include <string.h>

#define FORM "STANDSTB"
#define HEAD 24u
#define LOCKS 64u

/* Over each file while it is looked at or replaced; never while a reply is waited for. */
static pthread_mutex_t locks[LOCKS];
static pthread_once_t locks_once = PTHREAD_ONCE_INIT;

static void
make_locks(void)
{
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&locks[i], NULL);
    }
}

static pthread_mutex_t *
lock_of(const uint16_t *path)
{
    uint32_t h = 2166136261u;

    (void)pthread_once(&locks_once, make_locks);
    for (; *path != 0; path++) {
        h = (h ^ *path) * 16777619u;
    }
    return &locks[h % LOCKS];
}

uint64_t
stand_locked_id(const uint16_t *path)
{
    pthread_mutex_t *lock = lock_of(path);
    uint64_t id;

    (void)pthread_mutex_lock(lock);
    id = stand_file_id(path);
    (void)pthread_mutex_unlock(lock);
    return id;
}

static bool
read_form(FILE *f, struct stand_stub *ret)
{
    uint8_t head[HEAD];
    bool ok = fread(head, 1, HEAD, f) == HEAD && memcmp(head, FORM, 8) == 0;
    if (ok) {
        memcpy(&ret->size, head + 8, 8);
        memcpy(&ret->attributes, head + 16, 4);
        memcpy(&ret->tag_bytes, head + 20, 4);
        ok = ret->tag_bytes <= STAND_TAG_MAX &&
             fread(ret->tag, 1, ret->tag_bytes, f) == ret->tag_bytes;
    }
    return ok;
}

bool
stand_stub_read(const uint16_t *path, struct stand_stub *ret)
{
    FILE *f = stand_fopen(path, "rb");
    bool ok = f != NULL && read_form(f, ret);

    if (f != NULL) {
        (void)fclose(f);
    }
    return ok;
}

/* The driver is no process that can be killed: what it does to a file is done or not. */
static void
beside(const uint16_t *path, uint16_t to[STAND_PATH_MAX])
{
    static const char more[] = ".stand";
    size_t n = 0;

    while (path[n] != 0 && n + sizeof(more) < STAND_PATH_MAX) {
        to[n] = path[n];
        n++;
    }
    for (size_t i = 0; i < sizeof(more); i++) {
        to[n + i] = (uint8_t)more[i];
    }
}

static bool
write_form(const uint16_t *path, const char *mode, const struct stand_stub *s)
{
    uint8_t head[HEAD] = FORM;
    FILE *f = stand_fopen(path, mode);
    bool ok;

    if (f == NULL) {
        return false;
    }
    memcpy(head + 8, &s->size, 8);
    memcpy(head + 16, &s->attributes, 4);
    memcpy(head + 20, &s->tag_bytes, 4);
    ok = fwrite(head, 1, HEAD, f) == HEAD && fwrite(s->tag, 1, s->tag_bytes, f) == s->tag_bytes;
    if (ok && s->size > (int64_t)(HEAD + s->tag_bytes)) {
        ok = stand_resize(f, s->size);
    }
    return fclose(f) == 0 && ok;
}

bool
stand_stub_write(const uint16_t *path, const struct stand_stub *s)
{
    uint16_t temp[STAND_PATH_MAX];

    beside(path, temp);
    return write_form(temp, "wb", s) && stand_replace(temp, path);
}

bool
stand_stub_over(const uint16_t *path, const struct stand_stub *s)
{
    return write_form(path, "wb", s);
}

static size_t
read_at(FILE *f, uint64_t offset, void *to, size_t len)
{
    return fseek(f, (long)offset, SEEK_SET) == 0 ? fread(to, 1, len, f) : 0;
}

static size_t
plain_read(const uint16_t *path, uint64_t offset, void *to, size_t len)
{
    FILE *f = stand_fopen(path, "rb");
    size_t got = f != NULL ? read_at(f, offset, to, len) : 0;

    if (f != NULL) {
        (void)fclose(f);
    }
    return got;
}

static bool
copy(const uint16_t *from, const uint16_t *to)
{
    FILE *a = stand_fopen(from, "rb"), *b = a != NULL ? stand_fopen(to, "wb") : NULL;
    char *buffer = malloc(65536);
    bool ok = b != NULL && buffer != NULL;
    size_t n;

    while (ok && (n = fread(buffer, 1, 65536, a)) > 0) {
        ok = fwrite(buffer, 1, n, b) == n;
    }
    ok = ok && ferror(a) == 0;
    free(buffer);
    if (a != NULL) {
        (void)fclose(a);
    }
    return (b == NULL || fclose(b) == 0) && ok;
}

static void
path_of(const struct stand_item *item, uint16_t to[STAND_PATH_MAX])
{
    memset(to, 0, STAND_PATH_MAX * sizeof(*to));
    memcpy(to, item->data, item->data_bytes);
}

/* The driver puts the file in the stub's place, unless somebody was first. */
static bool
fill(const uint16_t *path, const struct stand_item *item)
{
    pthread_mutex_t *lock = lock_of(path);
    struct stand_stub now;
    uint16_t cache[STAND_PATH_MAX], temp[STAND_PATH_MAX];
    bool ok = true;

    path_of(item, cache);
    (void)pthread_mutex_lock(lock);
    if (stand_stub_read(path, &now)) {
        beside(path, temp);
        ok = copy(cache, temp);
        if (!ok) {
            stand_violation("a file whose path was given out cannot be copied any more");
        }
        ok = ok && stand_replace(temp, path);
    }
    (void)pthread_mutex_unlock(lock);
    return ok;
}

static bool
is_excluded(uint32_t process)
{
    bool found = false;

    pthread_mutex_lock(&stand.lock);
    for (unsigned i = 0; i < stand.counts.excluded; i++) {
        found = found || stand.excluded[i] == process;
    }
    pthread_mutex_unlock(&stand.lock);
    return found;
}

/* Looks at the file as the driver does at an open: what it is and what is read of it are one open file's, since the
 * name may be another's a moment later. 1: a stub; 0: its bytes were read. */
static int
look(const uint16_t *path, uint64_t offset, void *to, size_t len, size_t *ret_len,
     struct stand_stub *stub)
{
    pthread_mutex_t *lock = lock_of(path);
    FILE *f;
    int ret = 0;

    *ret_len = 0;
    (void)pthread_mutex_lock(lock);
    f = stand_fopen(path, "rb");
    if (f != NULL) {
        ret = read_form(f, stub);
        if (ret == 0) {
            *ret_len = read_at(f, offset, to, len);
        }
        (void)fclose(f);
    }
    (void)pthread_mutex_unlock(lock);
    return ret;
}

/* What the reply is to the reader. *again: the file is a plain one now. */
static int
use_reply(const uint16_t *path, struct stand_item *item, void *to, size_t len, size_t *ret_len,
          bool *again)
{
    uint16_t cache[STAND_PATH_MAX];

    *ret_len = 0;
    *again = false;
    if (item->broken) {
        return STAND_BROKEN;
    }
    if (item->status == 0xc0000011u) {
        return STAND_OK;
    }
    if (item->status != 0) {
        return STAND_DENIED;
    }
    if (item->how == 0x08) {
        *ret_len = item->data_bytes < len ? item->data_bytes : len;
        memcpy(to, item->data, *ret_len);
        return STAND_OK;
    }
    if (item->how == 0x20) {
        *again = true;
        return fill(path, item) ? STAND_OK : STAND_BROKEN;
    }
    path_of(item, cache);
    *ret_len = plain_read(cache, item->offset, to, len);
    return STAND_OK;
}

static int
ask(uint32_t command, const uint16_t *path, uint32_t process, uint64_t offset, uint32_t length,
    const struct stand_stub *stub, void *to, size_t len, size_t *ret_len, bool *again)
{
    struct stand_item *item = stand_item_new(command, path, process, offset, length, stub);
    int ret = stand_send(item);

    *ret_len = 0;
    *again = false;
    if (ret == STAND_OK) {
        ret = use_reply(path, item, to, len, ret_len, again);
        stand_item_free(item);
    }
    return ret;
}

static int
read_some(uint32_t command, const uint16_t *path, uint32_t process, uint64_t offset,
          uint32_t length, void *to, size_t len, size_t *ret_len)
{
    struct stand_stub stub;
    bool again = true;
    int ret = STAND_OK;

    /* What was filled can be a stub again by the time it is read: asked again then. */
    for (int tries = 0; ret == STAND_OK && again && tries < 100; tries++) {
        if (look(path, offset, to, len, ret_len, &stub) == 0) {
            return STAND_OK;
        }
        if (is_excluded(process)) {
            return STAND_EXCLUDED;
        }
        ret = ask(command, path, process, offset, length, &stub, to, len, ret_len, &again);
    }
    if (ret == STAND_OK && again) {
        stand_violation("a file that was filled a hundred times is a stub still");
        ret = STAND_BROKEN;
    }
    return ret;
}

static int
app_read(const char *name, uint32_t process, uint64_t offset, void *to, size_t len, size_t *ret_len)
{
    uint16_t path[STAND_PATH_MAX];
    size_t done = 0;

    stand_units(name, path);
    while (done < len) {
        size_t want = len - done < STAND_DATA ? len - done : STAND_DATA, got = 0;
        int ret = read_some(0x01, path, process, offset + done, (uint32_t)want, (char *)to + done,
                            want, &got);

        if (ret != STAND_OK) {
            return ret;
        }
        if (got == 0) {
            break;
        }
        done += got;
    }
    *ret_len = done;
    return STAND_OK;
}

static int
app_read_once(const char *name, uint32_t process, uint64_t offset, uint32_t len, void *to,
              size_t *ret_len)
{
    uint16_t path[STAND_PATH_MAX];

    stand_units(name, path);
    return read_some(0x01, path, process, offset, len, to, len, ret_len);
}

static int
app_map(const char *name, uint32_t process, void *to, size_t cap, size_t *ret_len)
{
    uint16_t path[STAND_PATH_MAX];

    stand_units(name, path);
    return read_some(0x08, path, process, 0, 0, to, cap, ret_len);
}

static int
app_send(uint32_t command, const char *name, uint32_t process, uint64_t offset, uint32_t length)
{
    uint16_t path[STAND_PATH_MAX] = {0};
    struct stand_stub stub;
    bool is, again;
    size_t got;
    char *room = malloc(STAND_DATA);
    int ret;

    if (name != NULL) {
        stand_units(name, path);
    }
    is = name != NULL && stand_stub_read(path, &stub);
    ret = ask(command, path, process, offset, length, is ? &stub : NULL, room, STAND_DATA, &got,
              &again);
    free(room);
    return ret;
}

static bool
app_is_stub(const char *name)
{
    uint16_t path[STAND_PATH_MAX];
    struct stand_stub stub;

    stand_units(name, path);
    return stand_stub_read(path, &stub);
}

static int
app_make(const char *name, int64_t size, const uint8_t *tag, uint32_t tag_bytes)
{
    uint16_t path[STAND_PATH_MAX];
    struct stand_stub stub = {.size = size, .attributes = 0x1000, .tag_bytes = tag_bytes};
    pthread_mutex_t *lock;
    bool ok;

    if (tag_bytes > STAND_TAG_MAX) {
        return STAND_BROKEN;
    }
    memcpy(stub.tag, tag, tag_bytes);
    stand_units(name, path);
    lock = lock_of(path);
    (void)pthread_mutex_lock(lock);
    ok = stand_stub_write(path, &stub);
    (void)pthread_mutex_unlock(lock);
    return ok ? STAND_OK : STAND_BROKEN;
}

static void
app_set(const struct stand_settings *s)
{
    bool connected;

    pthread_mutex_lock(&stand.lock);
    connected = stand.message != NULL;
    stand.settings = *s;
    if (!connected) {
        stand.running = s->driver_runs;
        stand.counts = (struct stand_counts){0};
    }
    if (s->seed != 0) {
        stand.random = s->seed * 2654435761u + 1;
    }
    pthread_mutex_unlock(&stand.lock);
}

static void
app_counts(struct stand_counts *ret)
{
    pthread_mutex_lock(&stand.lock);
    *ret = stand.counts;
    pthread_mutex_unlock(&stand.lock);
}

static void
app_drop(void)
{
    pthread_mutex_lock(&stand.lock);
    stand_disconnect(true);
    pthread_mutex_unlock(&stand.lock);
}

const struct stand_control stand_functions = {
    .set = app_set,
    .counts = app_counts,
    .read = app_read,
    .read_once = app_read_once,
    .map = app_map,
    .send = app_send,
    .is_stub = app_is_stub,
    .drop = app_drop,
    .make = app_make,
};
