/* test_trouble.c: a file server that dies, hangs, refuses or is not there, with real Samba. */
#include "agent/target/target_cache.h"
#include "base/fault.h"
#include "port/remote.h"
#include "subject.h"
#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define MIB (1u << 20)
#define DEADLINE_MS 1000u

static struct subject on;
static struct al_fail fail;

static void
fresh(void)
{
    memset(&fail, 0, sizeof(fail));
}

static int
try_open_for(const struct subject *s, uint32_t deadline_ms, struct target **ret)
{
    struct target_conf conf = subject_conf(s, deadline_ms);

    fresh();
    *ret = NULL;
    return target_open(port_native(), &conf, true, ret, &fail);
}

static int
try_open(const struct subject *s, struct target **ret)
{
    return try_open_for(s, 20000, ret);
}

static double
seconds(void)
{
    return (double)port_mono_ns(port_native()) / 1e9;
}

static void
test_a_wrong_password_is_told(void)
{
    struct subject wrong = on;
    struct target *t;

    (void)snprintf(wrong.password, sizeof(wrong.password), "not-the-secret-0815");
    TAP_CODE(try_open(&wrong, &t), AL_EAUTH);
    TAP_CHECK(strstr(fail.text, "password") != NULL);
    TAP_CHECK(strstr(fail.text, "0815") == NULL);
    TAP_EQUAL_U64(fail.os, 0xC000006D);
    (void)snprintf(wrong.user, sizeof(wrong.user), "nobody-knows-me");
    TAP_CHECK(try_open(&wrong, &t) == AL_EAUTH || fail.code == AL_EACCES);
}

static void
test_a_missing_share_or_server_is_unreachable_not_empty(void)
{
    struct subject other;
    struct target *t;

    subject_other(&on, "no-such-share", &other);
    TAP_CODE(try_open(&other, &t), AL_EUNREACH);
    TAP_EQUAL_U64(fail.os, 0xC00000CC);
    other = on;
    (void)snprintf(other.url, sizeof(other.url), "smb://127.0.0.1:9/share");
    TAP_CODE(try_open(&other, &t), AL_EUNREACH);
    (void)snprintf(other.url, sizeof(other.url), "smb://no-such-host.invalid/share");
    TAP_CODE(try_open(&other, &t), AL_EUNREACH);
    (void)snprintf(other.url, sizeof(other.url), "smb://user:secret@127.0.0.1/share");
    TAP_CODE(try_open(&other, &t), AL_EINVAL);
    (void)snprintf(other.url, sizeof(other.url), "smb://127.0.0.1");
    TAP_CODE(try_open(&other, &t), AL_EINVAL);
    (void)snprintf(other.url, sizeof(other.url), "http://127.0.0.1/x");
    TAP_CODE(try_open(&other, &t), AL_EINVAL);
}

/* This server signs and encrypts when it is asked to. */
static void
test_what_is_demanded_of_the_wire_is_kept(void)
{
    static const uint32_t wires[] = {PORT_WIRE_SIGNED, PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED};
    struct target_conf conf = subject_conf(&on, 20000);
    char name[TARGET_NAME_MAX];
    struct target *t = NULL;

    for (size_t i = 0; i < AL_LEN(wires); i++) {
        fresh();
        conf.wire = wires[i];
        TAP_OK(target_open(port_native(), &conf, true, &t, &fail));
        subject_name("x", name);
        TAP_OK(subject_put(t, name, 3 * MIB + 7, 1, MIB, &fail));
        TAP_OK(subject_get(t, name, 3 * MIB + 7, 1, MIB, &fail));
        target_close(t);
    }
}

/* The server is started anew with this value of "server smb encrypt". */
static void
server_encrypts(const char *value)
{
    char out[256];

    TAP_EQUAL_U64(subject_shell("sed -i -e '/server smb encrypt/d' -e 's/^\\[share\\]/    server smb encrypt = %s\\n[share]/' '%s/smb/smb.conf'",
                                value, on.work),
                  0);
    TAP_CHECK(subject_signal(&on, "pids", SIGKILL) > 0);
    TAP_EQUAL_U64(subject_samba(&on, "restart", out, sizeof(out)), 0);
}

/* A server that demands it is used encrypted by whoever demanded as much, and else refused or used so, never in clear. */
static void
test_a_server_that_demands_encryption_gets_it(void)
{
    static const uint32_t wires[] = {PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED, PORT_WIRE_SIGNED, 0};
    struct target_conf conf = subject_conf(&on, 20000);
    char name[TARGET_NAME_MAX];

    server_encrypts("required");
    for (size_t i = 0; i < AL_LEN(wires); i++) {
        struct target *t = NULL;
        int rc;

        fresh();
        conf.wire = wires[i];
        rc = target_open(port_native(), &conf, true, &t, &fail);
        printf("# demanded %u: %s %s\n", wires[i], al_code_name(rc), rc != AL_OK ? fail.text : "");
        if (i == 0) {
            TAP_OK(rc);
        } else if (rc != AL_OK) {
            TAP_CHECK(rc == AL_EACCES || rc == AL_EUNREACH);
            TAP_CHECK(strstr(fail.text, "encrypted") != NULL);
            continue;
        }
        subject_name("x", name);
        TAP_OK(subject_put(t, name, 3 * MIB + 7, 1, MIB, &fail));
        TAP_OK(subject_get(t, name, 3 * MIB + 7, 1, MIB, &fail));
        target_close(t);
    }
}

/* What is demanded later holds for connections that are kept, too. */
static void
test_a_kept_connection_is_not_used_for_more_than_it_is(void)
{
    AL_CLEANUP(target_cache_end) struct target_cache cache = {.port = port_native()};
    struct target_conf conf = subject_conf(&on, 20000);
    struct target *t = NULL;

    server_encrypts("off");
    conf.customer_id = conf.customer_id != NULL ? conf.customer_id : "01arz3ndektsv4rrffq69g5fav";
    TAP_OK(target_cache_get(&cache, "s", &conf, &t, &fail));
    conf.wire = PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED;
    fresh();
    TAP_CHECK(target_cache_get(&cache, "s", &conf, &t, &fail) != AL_OK);
    conf.wire = PORT_WIRE_SIGNED;
    fresh();
    TAP_OK(target_cache_get(&cache, "s", &conf, &t, &fail));
}

/* A server that cannot encrypt is not used by who demanded it. */
static void
test_a_server_that_cannot_encrypt_is_refused(void)
{
    struct target_conf conf = subject_conf(&on, 20000);
    struct target *t = NULL;

    server_encrypts("off");
    fresh();
    conf.wire = PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED;
    TAP_CODE(target_open(port_native(), &conf, true, &t, &fail), AL_EUNREACH);
    printf("# %s\n", fail.text);
    TAP_CHECK(strstr(fail.text, "encrypted") != NULL);
    fresh();
    conf.wire = PORT_WIRE_SIGNED;
    TAP_OK(target_open(port_native(), &conf, true, &t, &fail));
    target_close(t);
}

/* A server whose newest dialect is before 3.0 cannot encrypt: nothing goes to it in clear. */
static void
test_an_old_dialect_is_refused_where_encryption_is_demanded(void)
{
    struct target_conf conf = subject_conf(&on, 20000);
    struct target *t = NULL;
    char out[256];

    server_encrypts("off");
    TAP_EQUAL_U64(subject_shell("sed -i -e 's/^\\[share\\]/    server max protocol = SMB2_10\\n[share]/' '%s/smb/smb.conf'", on.work), 0);
    TAP_CHECK(subject_signal(&on, "pids", SIGKILL) > 0);
    TAP_EQUAL_U64(subject_samba(&on, "restart", out, sizeof(out)), 0);
    fresh();
    conf.wire = PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED;
    TAP_CODE(target_open(port_native(), &conf, true, &t, &fail), AL_EUNREACH);
    printf("# %s\n", fail.text);
    TAP_CHECK(strstr(fail.text, "encrypted") != NULL);
    fresh();
    conf.wire = PORT_WIRE_SIGNED;
    TAP_OK(target_open(port_native(), &conf, true, &t, &fail));
    target_close(t);
    TAP_EQUAL_U64(subject_shell("sed -i -e '/server max protocol/d' '%s/smb/smb.conf'", on.work), 0);
    TAP_CHECK(subject_signal(&on, "pids", SIGKILL) > 0);
    TAP_EQUAL_U64(subject_samba(&on, "restart", out, sizeof(out)), 0);
}

static void
test_a_guest_is_refused_where_the_wire_is_demanded(void)
{
    static const uint32_t wires[] = {PORT_WIRE_SIGNED, PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED};
    struct subject guest;
    struct target_conf conf;

    subject_other(&on, "guest", &guest);
    guest.user[0] = guest.password[0] = '\0';
    conf = subject_conf(&guest, 20000);
    for (size_t i = 0; i < AL_LEN(wires); i++) {
        struct target *t = NULL;

        fresh();
        conf.wire = wires[i];
        TAP_CODE(target_open(port_native(), &conf, true, &t, &fail), AL_EINVAL);
        TAP_CHECK(strstr(fail.text, "user") != NULL);
    }
}

static void
test_a_guest_may_use_a_guest_share(void)
{
    struct subject guest;
    struct target *t;
    char name[TARGET_NAME_MAX];

    subject_other(&on, "guest", &guest);
    guest.user[0] = guest.password[0] = '\0';
    TAP_OK(try_open(&guest, &t));
    subject_name("x", name);
    TAP_OK(subject_put(t, name, 100000, 1, MIB, &fail));
    TAP_OK(subject_get(t, name, 100000, 1, MIB, &fail));
    target_close(t);
    subject_other(&on, "share", &guest);
    guest.user[0] = guest.password[0] = '\0';
    TAP_CHECK(try_open(&guest, &t) == AL_EACCES || fail.code == AL_EAUTH);
}

static void
test_a_forbidden_folder_is_told_from_a_read_only_share(void)
{
    struct subject guest;
    struct target *t;
    char name[TARGET_NAME_MAX];

    subject_other(&on, "guest", &guest);
    guest.user[0] = guest.password[0] = '\0';
    TAP_OK(try_open(&guest, &t));
    TAP_EQUAL_U64(subject_shell("chmod 555 '%s' '%s/incoming'", guest.dir, guest.dir), 0);
    subject_name("x", name);
    TAP_CODE(subject_put(t, name, 1000, 1, MIB, &fail), AL_EACCES);
    TAP_CHECK(strstr(fail.text, "write") != NULL);
    TAP_EQUAL_U64(subject_shell("chmod 777 '%s' '%s/incoming'", guest.dir, guest.dir), 0);
    target_close(t);
}

/* Puts an object of `size` bytes and calls `disturb` before the step number `when`: 0 before the first byte, 1 in the middle of the
 * bytes, 2 after the last, 3 after the first step of the finish, and so on. */
static int
disturbed_put(struct target *t, const char *name, uint64_t size, unsigned when, void (*disturb)(void), bool *ret_hit)
{
    static uint8_t bytes[MIB];
    struct target_put *p = NULL;
    unsigned step = 2;
    bool done = false;
    uint64_t at;
    int r = target_put_begin(t, name, size, &p, &fail);

    *ret_hit = false;
    if (r == AL_OK && when == 0) {
        *ret_hit = true;
        disturb();
    }
    for (at = 0; r == AL_OK && at < size; at += MIB) {
        size_t n = size - at < MIB ? (size_t)(size - at) : MIB;

        if (when == 1 && at >= size / 2 && !*ret_hit) {
            *ret_hit = true;
            disturb();
        }
        subject_fill(bytes, n, 77, at);
        r = target_put_write(p, bytes, n, &fail);
    }
    while (r == AL_OK && !done) {
        if (when == step++) {
            *ret_hit = true;
            disturb();
        }
        r = target_put_step(p, &done, &fail);
    }
    target_put_end(p);
    return r;
}

static void
cut(void)
{
    if (subject_signal(&on, "children", SIGKILL) == 0) {
        printf("# no connection to cut\n");
    }
    usleep(50000);
}

static void
test_a_cut_connection_in_every_phase_of_a_put_leaves_no_object(void)
{
    static const uint64_t sizes[] = {1001, 7 * MIB + 3};
    char name[TARGET_NAME_MAX];
    struct target *t;
    bool hit;
    unsigned when, hits;
    size_t i;

    TAP_OK(try_open(&on, &t));
    for (i = 0; i < AL_LEN(sizes); i++) {
        for (when = 0, hits = 0; when < 14; when++) {
            int before = subject_files(&on, "objects"), r;

            subject_name("x", name);
            fresh();
            r = disturbed_put(t, name, sizes[i], when, cut, &hit);
            hits += hit;
            if (hit) {
                TAP_CODE(r, AL_EUNREACH);
                TAP_CHECK(strstr(fail.text, "unreachable") != NULL);
                TAP_EQUAL_U64(subject_files(&on, "objects"), before);
            } else {
                TAP_OK(r);
            }
            subject_name("x", name);
            TAP_OK(subject_put(t, name, sizes[i], 5, MIB, &fail)); /* it connects anew by itself */
            TAP_OK(subject_get(t, name, sizes[i], 5, MIB, &fail));
        }
        TAP_CHECK(hits >= (i == 0 ? 3 : 10));
    }
    target_close(t);
}

/* Large objects are flushed every 32 MiB while they are written: each request around the first of
 * those flushes fails once, the flush among them. */
static void
test_a_request_that_fails_around_an_early_flush_leaves_no_object(void)
{
    const uint64_t size = 40ull * MIB;
    char name[TARGET_NAME_MAX];
    struct target *t;
    uint64_t requests;

    TAP_OK(try_open(&on, &t));
    subject_name("x", name);
    al_fault_arm(AL_FAULT_TARGET, 0, false);
    TAP_OK(subject_put(t, name, size, 5, MIB, &fail));
    requests = al_fault_disarm();
    TAP_OK(subject_get(t, name, size, 5, MIB, &fail));
    TAP_CHECK(requests > 40); /* a write a MiB, and the flushes */
    for (uint64_t nth = 31; nth <= 38; nth++) {
        int before = subject_files(&on, "objects"), r;

        subject_name("x", name);
        fresh();
        al_fault_arm(AL_FAULT_TARGET, nth, false);
        r = subject_put(t, name, size, 6, MIB, &fail);
        (void)al_fault_disarm();
        TAP_CODE(r, AL_EUNREACH);
        TAP_EQUAL_U64(subject_files(&on, "objects"), before);
    }
    subject_name("x", name);
    TAP_OK(subject_put(t, name, size, 7, MIB, &fail));
    TAP_OK(subject_get(t, name, size, 7, MIB, &fail));
    target_close(t);
}

static void
test_a_cut_connection_during_a_get_never_gives_wrong_bytes(void)
{
    static uint8_t got[MIB], want[MIB];
    char name[TARGET_NAME_MAX];
    struct target_get *g;
    struct target *t;
    uint64_t size, at;
    size_t len;
    unsigned round;
    int r;

    TAP_OK(try_open(&on, &t));
    subject_name("x", name);
    TAP_OK(subject_put(t, name, 30ull * MIB, 6, MIB, &fail));
    for (round = 0; round < 5; round++) {
        TAP_OK(target_get_begin(t, name, &g, &size, &fail));
        for (at = 0, len = 1, r = AL_OK; r == AL_OK && len > 0; at += len) {
            if (at == round * 3 * MIB) {
                cut();
            }
            r = target_get_read(g, got, sizeof(got), &len, NULL);
            if (r == AL_OK) {
                subject_fill(want, len, 6, at);
                TAP_CHECK(memcmp(got, want, len) == 0);
            }
        }
        TAP_CODE(r, AL_EUNREACH);
        target_get_end(g);
        TAP_OK(subject_get(t, name, 30ull * MIB, 6, MIB, &fail));
    }
    cut();
    /* A second later the identity file is asked first, and that mends the connection. */
    r = target_append(t, "manifests/h/cut.jsonl", 0, "12345678", 8, NULL);
    TAP_CHECK(r == AL_EUNREACH || r == AL_OK);
    TAP_OK(target_append(t, "manifests/h/cut.jsonl", 0, "12345678", 8, &fail));
    target_close(t);
}

static double frozen_at;

static void
freeze(void)
{
    if (subject_signal(&on, "pids", SIGSTOP) == 0) {
        printf("# nothing to stop\n");
    }
    frozen_at = seconds();
}

static void
thaw(void)
{
    (void)subject_signal(&on, "pids", SIGCONT);
}

/* A busy machine may need more than one deadline to get a thawed server going. */
static int
put_soon(struct target *t, char name[TARGET_NAME_MAX], uint64_t size)
{
    unsigned tries = 0;
    int r;

    do {
        fresh();
        r = subject_put(t, name, size, 1, MIB, &fail);
        if (r != AL_OK) {
            subject_name("x", name);
        }
    } while (r == AL_ETIMEDOUT && ++tries < 15);
    return r;
}

static void
test_a_hung_server_costs_no_more_than_the_deadline(void)
{
    static const uint64_t sizes[] = {1001, 7 * MIB};
    char name[TARGET_NAME_MAX];
    struct target *t, *second;
    double start, took;
    unsigned when;
    bool hit;
    size_t i;
    int r;

    TAP_OK(try_open_for(&on, DEADLINE_MS, &t));
    for (i = 0; i < AL_LEN(sizes); i++) {
        for (when = 0; when < 5; when++) {
            subject_name("x", name);
            fresh();
            r = disturbed_put(t, name, sizes[i], when, freeze, &hit);
            took = seconds() - frozen_at;
            thaw();
            if (hit) {
                TAP_CODE(r, AL_ETIMEDOUT);
                TAP_CHECK(took > 0.9 * DEADLINE_MS / 1000.0 && took < 3.0 + DEADLINE_MS / 1000.0);
            }
            subject_name("x", name);
            TAP_OK(put_soon(t, name, 5000));
        }
    }
    freeze();
    start = seconds();
    TAP_CODE(try_open_for(&on, DEADLINE_MS, &second), AL_ETIMEDOUT);
    TAP_CHECK(seconds() - start < 3.0 + DEADLINE_MS / 1000.0);
    TAP_CHECK(strstr(fail.text, "hangs") != NULL);
    start = seconds();
    TAP_CODE(subject_get(t, name, 5000, 1, MIB, NULL), AL_ETIMEDOUT);
    TAP_CHECK(seconds() - start < 3.0 + DEADLINE_MS / 1000.0);
    thaw();
    subject_name("x", name);
    TAP_OK(put_soon(t, name, 5000));
    target_close(t);
}

static void
test_a_pause_of_the_caller_is_not_the_servers_fault(void)
{
    static uint8_t got[MIB];
    char name[TARGET_NAME_MAX];
    struct target_get *g;
    struct target *t;
    uint64_t size;
    size_t len = 1;

    TAP_OK(try_open_for(&on, DEADLINE_MS, &t));
    subject_name("x", name);
    TAP_OK(put_soon(t, name, 9ull * MIB));
    TAP_OK(target_get_begin(t, name, &g, &size, &fail));
    TAP_OK(target_get_read(g, got, sizeof(got), &len, &fail));
    usleep((DEADLINE_MS + 500) * 1000);
    while (len > 0) {
        TAP_OK(target_get_read(g, got, sizeof(got), &len, &fail));
    }
    target_get_end(g);
    usleep((DEADLINE_MS + 500) * 1000);
    TAP_OK(subject_get(t, name, 9ull * MIB, 1, MIB, &fail));
    target_close(t);
}

static void
test_a_restarted_server_is_found_again(void)
{
    char name[TARGET_NAME_MAX], out[256];
    struct target_space space;
    struct target *t;

    TAP_OK(try_open(&on, &t));
    subject_name("x", name);
    TAP_OK(subject_put(t, name, 5000, 1, MIB, &fail));
    TAP_EQUAL_U64(subject_signal(&on, "pids", SIGKILL) > 0, 1);
    usleep(100000);
    TAP_CODE(target_check(t, &space, NULL), AL_EUNREACH);
    TAP_CODE(subject_get(t, name, 5000, 1, MIB, NULL), AL_EUNREACH);
    TAP_EQUAL_U64(subject_samba(&on, "restart", out, sizeof(out)), 0);
    TAP_OK(target_check(t, &space, &fail));
    TAP_OK(subject_get(t, name, 5000, 1, MIB, &fail));
    target_close(t);
}

static void
test_a_connection_that_was_hung_up_on_costs_nobody_anything(void)
{
    char name[TARGET_NAME_MAX], other[TARGET_NAME_MAX], out[256];
    struct target_space space;
    struct target *t;
    int rc;

    TAP_OK(try_open(&on, &t));
    subject_name("x", name);
    TAP_OK(subject_put(t, name, 5000, 1, MIB, &fail));
    for (int k = 0; k < 3; k++) {
        TAP_EQUAL_U64(subject_signal(&on, "pids", SIGKILL) > 0, 1);
        TAP_EQUAL_U64(subject_samba(&on, "restart", out, sizeof(out)), 0);
        subject_name("y", other);
        rc = k == 0   ? subject_get(t, name, 5000, 1, MIB, &fail)
             : k == 1 ? subject_put(t, other, 5000, 1, MIB, &fail)
                      : target_check(t, &space, &fail);
        if (rc != AL_OK) {
            printf("# use %d after a restart: %s\n", k, fail.text);
        }
        TAP_OK(rc);
    }
    target_close(t);
}

int
main(void)
{
    const char *why_not = NULL;

    (void)signal(SIGPIPE, SIG_IGN); /* as every program of Alto does */
    if (!subject_begin(&on, "smb", &why_not)) {
        printf(why_not ? "1..0 # SKIP %s\n" : "Bail out! no share to test%s\n", why_not ? why_not : "");
        subject_end(&on);
        return why_not ? 0 : 1;
    }
    TAP_RUN(test_a_wrong_password_is_told);
    TAP_RUN(test_a_missing_share_or_server_is_unreachable_not_empty);
    TAP_RUN(test_what_is_demanded_of_the_wire_is_kept);
    TAP_RUN(test_a_guest_may_use_a_guest_share);
    TAP_RUN(test_a_guest_is_refused_where_the_wire_is_demanded);
    TAP_RUN(test_a_forbidden_folder_is_told_from_a_read_only_share);
    TAP_RUN(test_a_cut_connection_in_every_phase_of_a_put_leaves_no_object);
    TAP_RUN(test_a_request_that_fails_around_an_early_flush_leaves_no_object);
    TAP_RUN(test_a_cut_connection_during_a_get_never_gives_wrong_bytes);
    TAP_RUN(test_a_hung_server_costs_no_more_than_the_deadline);
    TAP_RUN(test_a_pause_of_the_caller_is_not_the_servers_fault);
    TAP_RUN(test_a_restarted_server_is_found_again);
    TAP_RUN(test_a_connection_that_was_hung_up_on_costs_nobody_anything);
    TAP_RUN(test_a_server_that_cannot_encrypt_is_refused);
    TAP_RUN(test_a_kept_connection_is_not_used_for_more_than_it_is);
    TAP_RUN(test_a_server_that_demands_encryption_gets_it);
    TAP_RUN(test_an_old_dialect_is_refused_where_encryption_is_demanded);
    thaw();
    subject_end(&on);
    return tap_end();
}
