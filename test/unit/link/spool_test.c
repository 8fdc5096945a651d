#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/link/records.h"
#include "agent/link/spool.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"
#include "port/port.h"
#include "tap.h"

static struct port *port;
static char base[512];
static unsigned folders;
static unsigned told; /* error lines of the log */

static void
on_log(void *ctx, enum al_log_level level, const char *text)
{
    (void)ctx;
    (void)text;
    told += level == AL_LOG_ERROR;
}

static struct al_log a_log = {AL_LOG_DEBUG, on_log, NULL};

/* A folder of its own per test. */
static struct spool_conf
fresh(char path[600])
{
    snprintf(path, 600, "%s/s%u", base, ++folders);
    told = 0;
    return (struct spool_conf){
        .port = port, .path = path, .segment_bytes = 4096, .batch_records = 10, .log = &a_log};
}

static struct spool *
reopen(struct spool *s, const struct spool_conf *conf)
{
    struct al_fail fail = {0};

    spool_close(s);
    s = NULL;
    if (spool_open(conf, &s, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s (%d, os %u)", fail.text, fail.code, (unsigned)fail.os);
    }
    return s;
}

static void
put(struct spool *s, unsigned n)
{
    char line[64];

    snprintf(line, sizeof(line), "{\"n\":%u,\"pad\":\"0123456789012345678901234567890123456789\"}",
             n);
    TAP_OK(spool_put(s, al_span_of(line), NULL));
}

/* The numbers in a batch must run from first to last. */
static void
check_batch(const struct al_buf *body, unsigned first, unsigned last)
{
    const char *at = (const char *)body->at;
    unsigned want = first, n = 0;

    for (; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1) {
        TAP_CHECK(sscanf(at, "{\"n\":%u", &n) == 1);
        TAP_EQUAL_U64(n, want);
        want++;
    }
    TAP_EQUAL_U64(want, last + 1);
}

/* Takes the next batch, checks it, and has it applied. */
static void
deliver(struct spool *s, uint64_t seq_want, unsigned first, unsigned last)
{
    AL_CLEANUP(al_buf_free) struct al_buf body;
    uint64_t seq = 0;
    al_id stream;
    bool any = false;

    al_buf_init(&body, 1u << 20);
    TAP_OK(spool_batch(s, &body, stream, &seq, &any));
    TAP_CHECK(any);
    TAP_EQUAL_U64(seq, seq_want);
    check_batch(&body, first, last);
    TAP_OK(spool_applied(s, seq, seq));
}

/* Everything that is there, applied; whose number came is marked. */
static void
deliver_all(struct spool *s, bool *arrived)
{
    AL_CLEANUP(al_buf_free) struct al_buf body;
    bool any = true;
    al_id stream;
    uint64_t seq;

    al_buf_init(&body, 1u << 20);
    while (any) {
        TAP_OK(spool_batch(s, &body, stream, &seq, &any));
        for (char *at = (char *)body.at; any && *at != '\0'; at = strchr(at, '\n') + 1) {
            unsigned n = 0;

            TAP_CHECK(sscanf(at, "{\"n\":%u", &n) == 1);
            arrived[n] = true;
        }
        if (any) {
            TAP_OK(spool_applied(s, seq, seq));
        }
    }
}

static unsigned
files_in(const char *path)
{
    struct port_file *dir = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    unsigned n = 0;

    TAP_OK(port_open(port, NULL, path, PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_dir_open(port, dir, &d));
    while (port_dir_next(port, d, &e, &end) == AL_OK && !end) {
        n += e.name_len == 20 && memcmp(e.name + 16, ".seg", 4) == 0;
    }
    port_dir_close(port, &d);
    port_close_quiet(port, &dir);
    return n;
}

static void
records_come_out_in_order_and_in_numbered_batches(void)
{
    char path[600];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);
    AL_CLEANUP(al_buf_free) struct al_buf body;
    al_id stream;
    uint64_t seq;
    bool any = true;

    al_buf_init(&body, 1u << 20);
    TAP_OK(spool_batch(s, &body, stream, &seq, &any));
    TAP_CHECK(!any);
    for (unsigned i = 0; i < 25; i++) {
        put(s, i);
    }
    deliver(s, 1, 0, 9);
    deliver(s, 2, 10, 19);
    deliver(s, 3, 20, 24);
    TAP_OK(spool_batch(s, &body, stream, &seq, &any));
    TAP_CHECK(!any);
    TAP_EQUAL_U64(spool_waiting(s), 0);
    spool_close(s);
}

static void
a_batch_sent_again_has_the_same_bytes_also_after_a_restart(void)
{
    char path[600];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);
    AL_CLEANUP(al_buf_free) struct al_buf one, two;
    al_id stream_one, stream_two;
    uint64_t seq = 0;
    bool any = false;

    al_buf_init(&one, 1u << 20);
    al_buf_init(&two, 1u << 20);
    for (unsigned i = 0; i < 3; i++) {
        put(s, i);
    }
    TAP_OK(spool_batch(s, &one, stream_one, &seq, &any));
    for (unsigned i = 3; i < 30; i++) {
        put(s, i);
    }
    s = reopen(s, &conf);
    TAP_OK(spool_batch(s, &two, stream_two, &seq, &any));
    TAP_CHECK(any);
    TAP_EQUAL_U64(seq, 1);
    TAP_EQUAL_STR(stream_one, stream_two);
    TAP_CHECK(al_span_equal(al_buf_span(&one), al_buf_span(&two)));
    TAP_OK(spool_applied(s, 1, 0)); /* not yet: the same once more */
    TAP_OK(spool_batch(s, &two, stream_two, &seq, &any));
    TAP_CHECK(al_span_equal(al_buf_span(&one), al_buf_span(&two)));
    TAP_OK(spool_applied(s, 1, 1));
    s = reopen(s, &conf);
    deliver(s, 1, 0,
            2); /* the head on disk still names the applied batch; the server would skip it */
    deliver(s, 2, 3, 12);
    spool_close(s);
}

static void
applied_segments_are_removed(void)
{
    char path[600];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);
    unsigned before;

    for (unsigned i = 0; i < 400; i++) {
        put(s, i);
    }
    before = files_in(path);
    TAP_CHECK(before >= 7);
    for (unsigned i = 0; i < 40; i++) {
        deliver(s, i + 1, i * 10, i * 10 + 9);
    }
    TAP_EQUAL_U64(files_in(path), 1);
    s = reopen(s, &conf);
    put(s, 400);
    deliver(s, 41, 400, 400);
    spool_close(s);
}

static uint64_t
tail_of(const char *path, char name[700])
{
    struct port_file *dir = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    struct port_stat st;
    bool end = false;

    name[0] = '\0';
    TAP_OK(port_open(port, NULL, path, PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_dir_open(port, dir, &d));
    while (port_dir_next(port, d, &e, &end) == AL_OK && !end) {
        char full[700];

        snprintf(full, sizeof(full), "%s/%s", path, e.name);
        if (strstr(e.name, ".seg") != NULL && strcmp(full, name) > 0) {
            snprintf(name, 700, "%s", full);
        }
    }
    port_dir_close(port, &d);
    port_close_quiet(port, &dir);
    TAP_OK(port_stat_at(port, NULL, name, &st));
    return st.size;
}

static void
change_file(const char *name, uint64_t at, const void *bytes, size_t len, uint64_t cut_to)
{
    struct port_file *f = NULL;

    TAP_OK(port_open(port, NULL, name, PORT_READ | PORT_WRITE, 0, &f));
    if (len > 0) {
        TAP_OK(port_pwrite(port, f, bytes, len, at));
    } else {
        TAP_OK(port_truncate(port, f, cut_to));
    }
    TAP_OK(port_close(port, f));
}

static void
a_torn_tail_is_cut_at_every_length_and_nothing_else_lost(void)
{
    char path[600], name[700];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);
    AL_CLEANUP(al_buf_free) struct al_buf whole;
    uint64_t size, one;

    for (unsigned i = 0; i < 5; i++) {
        put(s, i);
    }
    s = spool_close(s);
    size = tail_of(path, name);
    one = size / 5;
    al_buf_init(&whole, 1u << 16);
    TAP_OK(port_read_file(port, NULL, name, 1u << 16, &whole));
    for (uint64_t cut = size - one; cut < size; cut++) {
        AL_CLEANUP(al_buf_free) struct al_buf body;
        al_id stream;
        uint64_t seq;
        bool any = false;

        change_file(name, 0, whole.at, whole.len, 0);
        change_file(name, 0, NULL, 0, cut);
        s = reopen(NULL, &conf);
        al_buf_init(&body, 1u << 20);
        TAP_OK(spool_batch(s, &body, stream, &seq, &any));
        TAP_CHECK(any);
        check_batch(&body, 0, 3);
        TAP_OK(spool_applied(s, seq, seq - 1));
        s = spool_close(s);
        TAP_EQUAL_U64(tail_of(path, name), size - one);
    }
    TAP_EQUAL_U64(told, 0);
    s = reopen(NULL, &conf); /* and it goes on behind the cut */
    put(s, 4);
    deliver(s, 1, 0, 3);
    deliver(s, 2, 4, 4);
    spool_close(s);
}

static void
damage_in_the_middle_costs_only_what_it_covers(void)
{
    char path[600], name[700];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);
    AL_CLEANUP(al_buf_free) struct al_buf body;
    al_id stream;
    uint64_t size, seq;
    bool any = false;
    unsigned lines = 0;

    for (unsigned i = 0; i < 9; i++) {
        put(s, i);
    }
    s = spool_close(s);
    size = tail_of(path, name);
    change_file(name, size / 9 * 4 + 20, "\xff", 1, 0); /* record 4 */
    s = reopen(NULL, &conf);
    al_buf_init(&body, 1u << 20);
    TAP_OK(spool_batch(s, &body, stream, &seq, &any));
    TAP_CHECK(any);
    for (size_t i = 0; i < body.len; i++) {
        lines += body.at[i] == '\n';
    }
    TAP_EQUAL_U64(lines, 8);
    TAP_CHECK(strstr((const char *)body.at, "\"n\":4") == NULL);
    TAP_CHECK(told > 0);
    TAP_OK(spool_applied(s, seq, seq));
    put(s, 9);
    deliver(s, 2, 9, 9);
    spool_close(s);
}

static void
a_lost_segment_costs_only_its_records(void)
{
    char path[600], name[700];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);
    AL_CLEANUP(al_buf_free) struct al_buf body;
    al_id stream;
    uint64_t seq;
    unsigned seen = 0;
    bool any = true;

    al_buf_init(&body, 1u << 20);
    for (unsigned i = 0; i < 200; i++) {
        put(s, i);
    }
    s = spool_close(s);
    snprintf(name, sizeof(name), "%s/%016x.seg", path, 0);
    TAP_OK(port_unlink(port, NULL, name));
    s = reopen(NULL, &conf);
    while (any) {
        TAP_OK(spool_batch(s, &body, stream, &seq, &any));
        for (size_t i = 0; any && i < body.len; i++) {
            seen += body.at[i] == '\n';
        }
        if (any) {
            TAP_OK(spool_applied(s, seq, seq));
        }
    }
    TAP_CHECK(seen > 100 && seen < 200);
    TAP_CHECK(told > 0);
    spool_close(s);
}

static void
at_the_limit_it_says_full_and_still_takes_what_was_done(void)
{
    char path[600];
    struct spool_conf conf = fresh(path);
    struct spool *s;
    unsigned n = 0;

    conf.limit_bytes = 2000;
    s = reopen(NULL, &conf);
    while (!spool_full(s)) {
        put(s, n++);
        TAP_CHECK(n < 100);
    }
    TAP_OK(spool_add(s, al_span_of("{\"n\":0}"))); /* dropped */
    put(s, n++);
    for (unsigned i = 0; i < n; i += 10) {
        deliver(s, i / 10 + 1, i, i + 9 < n ? i + 9 : n - 1);
    }
    TAP_CHECK(!spool_full(s));
    spool_close(s);
}

static void
a_side_that_was_set_back_begins_a_new_stream(void)
{
    char path[600];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);
    AL_CLEANUP(al_buf_free) struct al_buf body;
    al_id first, second;
    uint64_t seq;
    bool any;

    al_buf_init(&body, 1u << 20);
    put(s, 0);
    deliver(s, 1, 0, 0);
    put(s, 1);
    TAP_OK(spool_batch(s, &body, first, &seq, &any));
    TAP_EQUAL_U64(seq, 2);
    TAP_OK(spool_applied(s, 2, 0)); /* the server knows nothing of batch 1 */
    TAP_OK(spool_batch(s, &body, second, &seq, &any));
    TAP_EQUAL_U64(seq, 1);
    TAP_CHECK(strcmp(first, second) != 0);
    check_batch(&body, 1, 1);
    TAP_OK(spool_applied(s, 1, 7)); /* the server has seen batches we do not know of */
    deliver(s, 1, 1, 1);
    spool_close(s);
}

static void
a_damaged_head_loses_no_record(void)
{
    char path[600], name[700];
    struct spool_conf conf = fresh(path);
    struct spool *s = reopen(NULL, &conf);

    for (unsigned i = 0; i < 3; i++) {
        put(s, i);
    }
    s = spool_close(s);
    snprintf(name, sizeof(name), "%s/head", path);
    change_file(name, 0, "garbage", 7, 0);
    s = reopen(NULL, &conf);
    TAP_CHECK(told == 1);
    deliver(s, 1, 0, 2);
    spool_close(s);
}

/* What waits goes in larger batches once that is asked for; one that is under way stays as it is. */
static void
a_larger_limit_is_of_batches_to_come(void)
{
    char path[600], line[2048];
    struct spool_conf conf = fresh(path);
    struct spool *s;
    AL_CLEANUP(al_buf_free) struct al_buf body, again;
    al_id stream;
    uint64_t seq;
    bool any;

    conf.batch_records = UINT32_MAX;
    conf.segment_bytes = 1u << 20;
    s = reopen(NULL, &conf);
    al_buf_init(&body, 4u << 20);
    al_buf_init(&again, 4u << 20);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(line, sizeof(line), "{\"n\":%u,\"pad\":\"%01500u\"}", i, i);
        TAP_OK(spool_add(s, al_span_of(line)));
    }
    TAP_OK(spool_put(s, al_span_of("{\"n\":3000}"), NULL));
    TAP_OK(spool_batch(s, &body, stream, &seq, &any));
    TAP_CHECK(body.len >= SPOOL_BATCH_BYTES && body.len < SPOOL_BATCH_BYTES + sizeof(line));
    TAP_EQUAL_U64(spool_batch_limit(s, 0), SPOOL_BATCH_BYTES);
    TAP_EQUAL_U64(spool_batch_limit(s, SIZE_MAX), SPOOL_BATCH_BYTES_MAX);
    TAP_EQUAL_U64(spool_batch_limit(s, 2 * SPOOL_BATCH_BYTES), 2 * SPOOL_BATCH_BYTES);
    TAP_OK(spool_batch(s, &again, stream, &seq, &any));
    TAP_EQUAL_U64(seq, 1);
    TAP_CHECK(al_span_equal(al_buf_span(&body), al_buf_span(&again)));
    TAP_OK(spool_applied(s, 1, 1));
    TAP_OK(spool_batch(s, &body, stream, &seq, &any));
    TAP_CHECK(body.len >= 2 * SPOOL_BATCH_BYTES && body.len < 2 * SPOOL_BATCH_BYTES + sizeof(line));
    s = reopen(s, &conf); /* begins with small ones, and the large one is the same */
    TAP_OK(spool_batch(s, &again, stream, &seq, &any));
    TAP_EQUAL_U64(seq, 2);
    TAP_CHECK(al_span_equal(al_buf_span(&body), al_buf_span(&again)));
    TAP_OK(spool_applied(s, 2, 2));
    TAP_OK(spool_batch(s, &body, stream, &seq, &any));
    TAP_CHECK(any && body.len <= SPOOL_BATCH_BYTES + sizeof(line));
    TAP_CHECK(strstr((const char *)body.at, "{\"n\":3000}") != NULL ||
              body.len >= SPOOL_BATCH_BYTES);
    spool_close(s);
}

struct putter {
    struct spool *spool;
    unsigned from;
    int rc;
};

static void *
put_many(void *arg)
{
    struct putter *p = arg;

    for (unsigned i = 0; i < 200 && p->rc == AL_OK; i++) {
        char line[32];

        snprintf(line, sizeof(line), "%u", p->from + i);
        p->rc = spool_put(p->spool, al_span_of(line), NULL);
    }
    return NULL;
}

static void
records_of_many_threads_all_arrive_once(void)
{
    char path[600];
    struct spool_conf conf = fresh(path);
    struct spool *s;
    struct putter putters[8];
    pthread_t threads[8];
    static bool seen[8 * 200];
    AL_CLEANUP(al_buf_free) struct al_buf body;
    al_id stream;
    unsigned count = 0;
    uint64_t seq;
    bool any = true;

    conf.batch_records = 300;
    s = reopen(NULL, &conf);
    al_buf_init(&body, 1u << 20);
    for (unsigned i = 0; i < 8; i++) {
        putters[i] = (struct putter){s, i * 200, AL_OK};
        pthread_create(&threads[i], NULL, put_many, &putters[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        TAP_OK(putters[i].rc);
    }
    while (any) {
        TAP_OK(spool_batch(s, &body, stream, &seq, &any));
        for (char *at = (char *)body.at; any && *at != '\0'; at = strchr(at, '\n') + 1) {
            unsigned long n = strtoul(at, NULL, 10);

            TAP_CHECK(n < sizeof(seen) && !seen[n]);
            seen[n] = true;
            count++;
        }
        if (any) {
            TAP_OK(spool_applied(s, seq, seq));
        }
    }
    TAP_EQUAL_U64(count, sizeof(seen));
    spool_close(s);
}

static void
each_failing_call_is_told_and_no_acknowledged_record_is_lost(void)
{
    uint64_t nth = 0;
    bool hit = true;

    while (hit) {
        char path[600];
        struct spool_conf conf = fresh(path);
        struct spool *s = NULL;
        AL_CLEANUP(al_buf_free) struct al_buf body;
        bool acked[40] = {false}, arrived[40] = {false}, any = false;
        al_id stream;
        uint64_t seq;

        al_buf_init(&body, 1u << 20);
        nth++;
        al_fault_arm(AL_FAULT_PORT | AL_FAULT_MEM, nth, false);
        if (spool_open(&conf, &s, NULL) == AL_OK) {
            for (unsigned i = 0; i < 40; i++) {
                char line[200];

                snprintf(line, sizeof(line), "{\"n\":%u,\"pad\":\"%0120u\"}", i, i);
                acked[i] = spool_put(s, al_span_of(line), NULL) == AL_OK;
            }
            if (spool_batch(s, &body, stream, &seq, &any) == AL_OK && any &&
                spool_applied(s, seq, seq) == AL_OK) {
                for (char *at = (char *)body.at; *at != '\0'; at = strchr(at, '\n') + 1) {
                    unsigned n = 0;

                    TAP_CHECK(sscanf(at, "{\"n\":%u", &n) == 1);
                    arrived[n] = true;
                }
            }
        }
        hit = al_fault_disarm() >= nth;
        spool_close(s);
        s = reopen(NULL, &conf);
        deliver_all(s, arrived);
        for (unsigned i = 0; i < 40; i++) {
            if (acked[i] && !arrived[i]) {
                tap_fail(__FILE__, __LINE__,
                         "record %u was acknowledged and lost when call %llu failed", i,
                         (unsigned long long)nth);
            }
        }
        spool_close(s);
    }
    TAP_CHECK(nth > 50);
}

/* ---- records nobody waits for ---- */

static struct {
    pthread_mutex_t lock;
    unsigned answered, good;
} later = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
on_later(void *ctx, int code)
{
    bool *acked = ctx;

    pthread_mutex_lock(&later.lock);
    later.answered++;
    later.good += code == AL_OK;
    *acked = code == AL_OK;
    pthread_mutex_unlock(&later.lock);
}

static void *
run_late(void *spool)
{
    spool_late_run(spool);
    return NULL;
}

static void
put_later(struct spool *s, unsigned n, bool *acked)
{
    char line[200];

    snprintf(line, sizeof(line), "{\"n\":%u,\"pad\":\"%0120u\"}", n, n);
    if (spool_put_later(s, al_span_of(line), on_later, acked) != AL_OK) {
        on_later(acked, AL_ENOMEM);
    }
}

static void
records_nobody_waits_for_are_answered_once_and_are_there(void)
{
    char path[600];
    struct spool_conf conf = fresh(path);
    struct spool *s;
    bool acked[200] = {false};
    pthread_t thread;

    conf.batch_records = 300;
    s = reopen(NULL, &conf);
    later.answered = later.good = 0;
    spool_late_begin(s);
    TAP_CHECK(pthread_create(&thread, NULL, run_late, s) == 0);
    for (unsigned i = 0; i < 100; i++) {
        put_later(s, i, &acked[i]);
    }
    spool_late_end(s);
    pthread_join(thread, NULL);
    TAP_EQUAL_U64(later.answered, 100);
    put_later(s, 100, &acked[100]); /* without the thread: at once */
    TAP_EQUAL_U64(later.answered, 101);
    TAP_EQUAL_U64(later.good, 101);
    s = reopen(s, &conf);
    deliver(s, 1, 0, 100);
    spool_close(s);
}

/* A call that fails, each once, while such records come: whoever was told "durable" is found after
 * the next start. */
static void
no_record_told_durable_is_lost_when_a_call_fails(void)
{
    bool hit = true;

    for (uint64_t nth = 1; hit; nth++) {
        char path[600];
        struct spool_conf conf = fresh(path);
        bool acked[40] = {false}, arrived[40] = {false};
        struct spool *s = reopen(NULL, &conf);
        pthread_t thread;

        later.answered = 0;
        spool_late_begin(s);
        TAP_CHECK(pthread_create(&thread, NULL, run_late, s) == 0);
        al_fault_arm(AL_FAULT_PORT | AL_FAULT_MEM, nth, false);
        for (unsigned i = 0; i < 40; i++) {
            put_later(s, i, &acked[i]);
            if (i % 8 == 7) { /* somebody who waits takes them along */
                int rc = spool_put(s, al_span_of("{\"n\":39}"), NULL);
                (void)rc;
            }
        }
        spool_late_end(s);
        pthread_join(thread, NULL);
        hit = al_fault_disarm() >= nth;
        TAP_EQUAL_U64(later.answered, 40);
        s = reopen(s, &conf);
        deliver_all(s, arrived);
        for (unsigned i = 0; i < 40; i++) {
            TAP_CHECK(arrived[i] || !acked[i]);
        }
        spool_close(s);
    }
}

static void
an_outcome_becomes_the_line_of_the_protocol(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf line;
    AL_CLEANUP(al_buf_free) struct al_buf path;
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    struct outcome o = {.act = "recall",
                        .code = AL_EUNREACH,
                        .volume_id = "01arz3ndektsv4rrffq69g5fav",
                        .path = {(const uint8_t *)"a\xff\"\n", 4},
                        .ino = UINT64_MAX,
                        .size = 5,
                        .began_ns = -1,
                        .process = "c\xff"};
    const char *text;
    uint64_t v = 1;

    al_buf_init(&line, SPOOL_RECORD_MAX);
    al_buf_init(&path, 64);
    TAP_OK(record_outcome(&o, &line));
    TAP_CHECK(memchr(line.at, '\n', line.len) == NULL);
    TAP_OK(al_json_parse(al_buf_span(&line), &j, NULL));
    TAP_OK(al_json_str(j, "t", &text, NULL));
    TAP_EQUAL_STR(text, "outcome");
    TAP_OK(al_json_str(j, "code", &text, NULL));
    TAP_EQUAL_STR(text, "unreachable");
    TAP_OK(al_json_get_bytes(j, "path", &path, NULL));
    TAP_CHECK(al_span_equal(al_buf_span(&path), o.path));
    TAP_OK(al_json_u64(j, "ino", &v, NULL));
    TAP_EQUAL_U64(v, 0);
    TAP_OK(al_json_u64(j, "size", &v, NULL));
    TAP_EQUAL_U64(v, 5);
}

static void
a_path_of_any_bytes_fits_a_record(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf line;
    static uint8_t path[4096];
    struct outcome o = {.act = "tier", .path = {path, sizeof(path)}};

    al_buf_init(&line, SPOOL_RECORD_MAX);
    memset(path, 0x01, sizeof(path));
    TAP_OK(record_outcome(&o, &line));
    al_buf_clear(&line);
    memset(path, 0xff, sizeof(path));
    TAP_OK(record_outcome(&o, &line));
}

int
main(int argc, char **argv)
{
    port = port_native();
    if (argc < 2) {
        printf("1..0 # SKIP give a folder to work in\n");
        return 0;
    }
    snprintf(base, sizeof(base), "%s/spool-test-%lld", argv[1], (long long)port_now_ns(port));
    if (port_mkdirs(port, base, 0700) != AL_OK) {
        printf("Bail out! cannot make %s\n", base);
        return 1;
    }
    TAP_RUN(records_come_out_in_order_and_in_numbered_batches);
    TAP_RUN(a_batch_sent_again_has_the_same_bytes_also_after_a_restart);
    TAP_RUN(applied_segments_are_removed);
    TAP_RUN(a_torn_tail_is_cut_at_every_length_and_nothing_else_lost);
    TAP_RUN(damage_in_the_middle_costs_only_what_it_covers);
    TAP_RUN(a_lost_segment_costs_only_its_records);
    TAP_RUN(at_the_limit_it_says_full_and_still_takes_what_was_done);
    TAP_RUN(a_side_that_was_set_back_begins_a_new_stream);
    TAP_RUN(a_damaged_head_loses_no_record);
    TAP_RUN(a_larger_limit_is_of_batches_to_come);
    TAP_RUN(records_of_many_threads_all_arrive_once);
    TAP_RUN(each_failing_call_is_told_and_no_acknowledged_record_is_lost);
    TAP_RUN(records_nobody_waits_for_are_answered_once_and_are_there);
    TAP_RUN(no_record_told_durable_is_lost_when_a_call_fails);
    TAP_RUN(an_outcome_becomes_the_line_of_the_protocol);
    TAP_RUN(a_path_of_any_bytes_fits_a_record);
    return tap_end();
}
