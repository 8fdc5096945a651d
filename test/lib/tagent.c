/* tagent: a small agent for trials of gate and stub layer: tiers by command into a folder of originals and answers recalls from there.
 *
 *   tagent SOCKET VOLUME-ROOT ORIGINALS STATE-FOLDER
 *   commands on standard input, an answer line each: tier PATH | examine PATH | adopt PATH | drop PATH | hold-answers | give-answers |
 *   fail-answers | stop-at hold|mark|punch (the next tier ends there, killed) | pause-at ... (it stays there half a second) | probe | marked | quit */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/recall/gatelink.h"
#include "agent/stub/stub.h"
#include "port/fan.h"

#define WORKERS 4
#define QUEUE_MAX 65536

static struct {
    struct gatelink *link;
    struct stub_volume *volume;
    const char *originals, *stop_at, *pause_at;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct gatelink_event queue[QUEUE_MAX];
    unsigned head, tail;
    bool silent, failing;
    unsigned recalls;
} t = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void
opened(void *ctx, const struct gatelink_event *e)
{
    pthread_mutex_lock(&t.lock);
    t.queue[t.tail++ % QUEUE_MAX] = *e;
    pthread_cond_signal(&t.more);
    pthread_mutex_unlock(&t.lock);
}

static int
copy_back(struct stub_fill *f, const struct marker *m)
{
    enum { ROOM = 1 << 20 };
    char *room = malloc(ROOM);
    char path[4096];
    al_id id;
    uint64_t at = 0;
    ssize_t n;
    int fd, rc = AL_OK;

    marker_object_id(m, id);
    (void)snprintf(path, sizeof(path), "%s/%s", t.originals, id);
    fd = open(path, O_RDONLY);
    if (fd < 0 || room == NULL) {
        free(room);
        return AL_ENOENT;
    }
    while (rc == AL_OK && (n = read(fd, room, ROOM)) > 0) {
        rc = stub_fill_write(f, room, (size_t)n, at, NULL);
        at += (uint64_t)n;
    }
    (void)close(fd);
    free(room);
    return rc == AL_OK && at != m->size ? AL_EIO : rc;
}

static int
recall(const struct port_handle *h)
{
    struct stub_fill *f;
    struct marker m;
    struct al_fail fail = {0};
    int rc;

    rc = stub_fill_begin(t.volume, h, false, &f, &m, &fail);
    if (rc != AL_OK) {
        return rc == AL_ENODATA ? AL_OK : rc; /* no marker any more: somebody else filled it */
    }
    rc = copy_back(f, &m);
    if (rc == AL_OK) {
        rc = stub_fill_end(f, &fail);
    }
    f = stub_fill_abort(f);
    if (rc == AL_OK) {
        __atomic_add_fetch(&t.recalls, 1, __ATOMIC_RELAXED);
    }
    return rc;
}

static void *
worker(void *arg)
{
    for (;;) {
        struct gatelink_event e;
        int rc;

        pthread_mutex_lock(&t.lock);
        while (t.head == t.tail || t.silent) {
            pthread_cond_wait(&t.more, &t.lock);
        }
        e = t.queue[t.head++ % QUEUE_MAX];
        pthread_mutex_unlock(&t.lock);
        do {
            rc = t.failing ? AL_EIO : recall(&e.handle);
            if (rc == AL_EBUSY) {
                usleep(1000); /* another opener's fill of the same file */
            }
        } while (rc == AL_EBUSY);
        gatelink_answer(t.link, e.number, rc);
    }
    return NULL;
}

static int
copy_out(struct stub_take *k, const char *id, bool *ret_wanted)
{
    static char room[1 << 20];
    const struct stub_facts *facts = stub_take_facts(k);
    char path[4096];
    uint64_t at = 0;
    size_t n;
    int fd, rc = AL_OK;

    (void)snprintf(path, sizeof(path), "%s/%s", t.originals, id);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        return AL_EIO;
    }
    while (rc == AL_OK && at < facts->st.size && !*ret_wanted) {
        rc = stub_take_read(k, room, sizeof(room), at, &n, NULL);
        if (rc == AL_OK && (n == 0 || write(fd, room, n) != (ssize_t)n)) {
            rc = AL_EIO;
        }
        at += n;
        *ret_wanted = stub_take_wanted(k);
    }
    if (fsync(fd) != 0 || close(fd) != 0) {
        rc = AL_EIO;
    }
    return rc;
}

static void
stop_here(const char *where)
{
    if (t.pause_at != NULL && strcmp(t.pause_at, where) == 0) {
        t.pause_at = NULL;
        usleep(500000);
    }
    if (t.stop_at != NULL && strcmp(t.stop_at, where) == 0) {
        (void)raise(SIGKILL);
    }
}

static int
seal(struct stub_take *k, const char *id, enum stub_refusal *r, uint64_t *freed, struct al_fail *fail)
{
    int rc;

    rc = stub_seal_hold(k, r, fail);
    stop_here("hold");
    if (rc == AL_OK && *r == STUB_R_NONE) {
        rc = stub_seal_mark(k, id, "bin", 7, r, fail);
        stop_here("mark");
    }
    if (rc == AL_OK && *r == STUB_R_NONE) {
        rc = stub_seal_punch(k, r, freed, fail);
        stop_here("punch");
        if (rc == AL_OK && *r != STUB_R_NONE) {
            rc = stub_unmark(k, fail);
        }
    }
    return rc;
}

static void
tier(const char *path)
{
    struct stub_take *k = NULL;
    enum stub_refusal r = STUB_R_NONE;
    struct al_fail fail = {0};
    uint8_t random[10];
    uint64_t freed = 0;
    bool wanted = false;
    al_id id;
    int rc;

    rc = stub_take(t.volume, al_span_of(path), &k, &r, &fail);
    if (rc == AL_OK && k != NULL) {
        rc = port_random(port_native(), random, sizeof(random));
        al_id_make(port_now_ns(port_native()), random, id);
        if (rc == AL_OK) {
            rc = copy_out(k, id, &wanted);
        }
        if (wanted) {
            r = STUB_R_OPEN;
        } else if (rc == AL_OK) {
            rc = seal(k, id, &r, &freed, &fail);
        }
        k = stub_let_go(k);
    }
    if (rc != AL_OK) {
        printf("error %s %s\n", al_code_name(rc), fail.text);
    } else if (r != STUB_R_NONE) {
        printf("refused %s %s\n", stub_refusal_name(r), fail.text);
    } else {
        printf("ok %" PRIu64 "\n", freed);
    }
}

static void
examine(const char *path, const char *act)
{
    struct marker m;
    enum marker_verdict v;
    struct stub_facts facts;
    struct al_fail fail = {0};
    int rc;

    rc = stub_examine_path(t.volume, al_span_of(path), &m, &v, &facts, &fail);
    if (rc == AL_OK && strcmp(act, "adopt") == 0) {
        rc = stub_adopt(t.volume, &facts.handle, &fail);
    }
    if (rc == AL_OK && strcmp(act, "drop") == 0) {
        rc = stub_drop_marker(t.volume, &facts.handle, v, &fail);
    }
    if (rc != AL_OK) {
        printf("error %s %s\n", al_code_name(rc), fail.text);
    } else {
        printf("ok %s\n", marker_verdict_name(v));
    }
}

static void
answers(bool silent, bool failing)
{
    pthread_mutex_lock(&t.lock);
    t.silent = silent;
    t.failing = failing;
    pthread_cond_broadcast(&t.more);
    pthread_mutex_unlock(&t.lock);
    printf("ok\n");
}

static void
probe(void)
{
    const char *why = NULL;
    bool can = false;
    int rc = stub_volume_probe(t.volume, &can, &why);

    printf("%s %s\n", rc != AL_OK ? "error" : can ? "ok" : "no", rc != AL_OK ? al_code_name(rc) : can ? "" : why);
}

static void
marked(void)
{
    bool yes = false;
    int rc = gatelink_marked(t.link, stub_volume_root(t.volume), &yes);

    printf("%s %s\n", rc == AL_OK ? "ok" : "error", rc != AL_OK ? al_code_name(rc) : yes ? "yes" : "no");
}

/* Whether a gate would go unasked by opens through the volume's root, and through its mount of our own. */
static void
passes(void)
{
    int group = -1, rc = port_fan_group_new(&group), open_to_all = AL_OK, apart = AL_OK;

    if (rc == AL_OK) {
        open_to_all = port_fan_pass(group, port_native_fd(stub_volume_root(t.volume)));
        apart = port_fan_pass(group, port_native_fd(stub_volume_inside(t.volume)));
    }
    (void)close(group);
    printf("%s %s %s\n", rc == AL_OK ? "ok" : "error", al_code_name(open_to_all), al_code_name(apart));
}

static bool
command(char *line)
{
    static char stop[32];
    char *arg = strchr(line, ' ');

    if (arg != NULL) {
        *arg++ = '\0';
    }
    if (strcmp(line, "tier") == 0 && arg != NULL) {
        tier(arg);
    } else if (arg != NULL && (strcmp(line, "examine") == 0 || strcmp(line, "adopt") == 0 || strcmp(line, "drop") == 0)) {
        examine(arg, line);
    } else if (strcmp(line, "hold-answers") == 0) {
        answers(true, false);
    } else if (strcmp(line, "give-answers") == 0) {
        answers(false, false);
    } else if (strcmp(line, "fail-answers") == 0) {
        answers(false, true);
    } else if (strcmp(line, "stop-at") == 0 && arg != NULL) {
        (void)snprintf(stop, sizeof(stop), "%s", arg);
        t.stop_at = stop;
        printf("ok\n");
    } else if (strcmp(line, "pause-at") == 0 && arg != NULL) {
        (void)snprintf(stop, sizeof(stop), "%s", arg);
        t.pause_at = stop;
        printf("ok\n");
    } else if (strcmp(line, "probe") == 0) {
        probe();
    } else if (strcmp(line, "marked") == 0) {
        marked();
    } else if (strcmp(line, "passes") == 0) {
        passes();
    } else if (strcmp(line, "recalls") == 0) {
        printf("ok %u\n", __atomic_load_n(&t.recalls, __ATOMIC_RELAXED));
    } else if (strcmp(line, "waiting") == 0) {
        pthread_mutex_lock(&t.lock);
        printf("ok %u\n", t.tail - t.head);
        pthread_mutex_unlock(&t.lock);
    } else if (strcmp(line, "quit") == 0) {
        return false;
    } else {
        printf("error unknown command\n");
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct gatelink_conf link = {.port = port_native(), .opened = opened};
    struct stub_volume_conf volume = {.volume_id = "volume", .share_id = "share", .marker_key = {1, 2, 3}};
    struct al_fail fail = {0};
    static char line[70000];
    int rc;

    if (argc != 5) {
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    link.socket = argv[1];
    link.state_folder = argv[4];
    volume.root = argv[2];
    t.originals = argv[3];
    rc = gatelink_start(&link, &t.link, &fail);
    if (rc == AL_OK) {
        (void)gatelink_wait(t.link, 20000);
        rc = stub_volume_open_linux(port_native(), &volume, gatelink_gate(t.link), &t.volume, &fail);
    }
    if (rc != AL_OK) {
        printf("error %s %s\n", al_code_name(rc), fail.text);
        return 1;
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_t id;

        pthread_create(&id, NULL, worker, NULL);
    }
    printf("ready %s\n", gatelink_connected(t.link) ? "connected" : "alone");
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (!command(line)) {
            break;
        }
    }
    return 0;
}
