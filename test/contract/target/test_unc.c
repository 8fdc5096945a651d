/* test_unc.c: shares on Windows, besides what every kind of share must do (test_target.c): addresses, users, what was demanded of
 * the wire, and calls that would wait for ever. */
#include "subject.h"
#include "tap.h"

#include <stdlib.h>
#include <windows.h>

#include "port/logon.h"
#include "port/remote.h"
#include "port/thread.h"

static struct subject on, real; /* real: Samba, and its folder by UNC */
static struct al_fail fail;

static int
try_open(const char *url, const char *user, uint32_t wire)
{
    struct target_conf conf = subject_conf(&on, 5000);
    struct target *t = NULL;
    int r;

    memset(&fail, 0, sizeof(fail));
    conf.url = url;
    conf.user = user;
    conf.password = user != NULL ? "secret-0815" : NULL;
    conf.wire = wire;
    r = target_open(port_native(), &conf, true, &t, &fail);
    target_close(t);
    return r;
}

static void
test_addresses_are_taken_apart_and_refused(void)
{
    static const char *const bad[] = {"smb://", "smb://host", "smb://host/", "smb://user@host/share", "smb:///share", "\\\\", "\\\\?\\C:\\x",
                                      "\\\\.\\pipe\\x", "smb://host//share"};
    char url[600];
    const char *host = on.url + 6;

    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(try_open(bad[i], NULL, 0), AL_EINVAL);
        TAP_CHECK(strstr(fail.text, "share") != NULL);
    }
    TAP_CODE(try_open("smb://host:4450/share", NULL, 0), AL_ENOTSUP);
    TAP_CHECK(strstr(fail.text, "445") != NULL);
    TAP_CODE(try_open("smb://host:44/share", NULL, 0), AL_ENOTSUP);
    TAP_CODE(try_open("smb://[::1]:4450/share", NULL, 0), AL_ENOTSUP);
    TAP_CODE(try_open("smb://[::1/share", NULL, 0), AL_EINVAL);
    TAP_OK(try_open(on.url, NULL, 0));
    (void)snprintf(url, sizeof(url), "smb://%.*s:445/share", (int)strcspn(host, "/"), host);
    TAP_OK(try_open(url, NULL, 0));
    (void)snprintf(url, sizeof(url), "\\\\%.*s\\share", (int)strcspn(host, "/"), host);
    TAP_OK(try_open(url, NULL, 0));
    (void)snprintf(url, sizeof(url), "smb://%.*s/share/", (int)strcspn(host, "/"), host);
    TAP_OK(try_open(url, NULL, 0));
}

static void
test_what_is_not_there_is_unreachable(void)
{
    char url[600];

    TAP_CODE(try_open("smb://no-such-host.invalid/share", NULL, 0), AL_EUNREACH);
    (void)snprintf(url, sizeof(url), "%.*s/no-such-share", (int)(strrchr(on.url, '/') - on.url), on.url);
    TAP_CODE(try_open(url, NULL, 0), AL_EUNREACH);
    TAP_CODE(try_open("smb://[fe80::1]/share", NULL, 0), AL_EUNREACH);
}

/* Wine has no logons for the network: then nothing is done as somebody else. */
static void
test_a_user_is_put_on_or_the_share_is_not_used(void)
{
    struct port_logon *l = NULL;
    int can = port_logon_new("somebody", "x", &l, NULL), r = try_open(on.url, "somebody", 0);

    l = port_logon_free(l);
    TAP_CHECK(can == AL_OK || r == AL_ENOTSUP);
    TAP_CHECK(strstr(fail.text, "0815") == NULL);
}

static void
test_what_is_demanded_and_not_shown_is_not_used(void)
{
    static const uint32_t wires[] = {PORT_WIRE_SIGNED, PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED};

    for (size_t i = 0; i < AL_LEN(wires); i++) {
        int r = try_open(on.url, NULL, wires[i]);

        TAP_CHECK(r == AL_EACCES || r == AL_EUNREACH); /* Wine knows no such connection */
        TAP_CHECK(strstr(fail.text, r == AL_EACCES ? "alone" : "safely") != NULL);
    }
}

/* ---- a real Samba serves the same folder ---- */

static int
smbclient(const struct subject *s, const char *what)
{
    unsigned port;

    return sscanf(s->url, "smb://127.0.0.1:%u/", &port) == 1
               ? subject_shell("cd '%s' && PASSWD='%s' smbclient -q //127.0.0.1/share -p %u -U %s -c '%s'", s->work, s->password, port,
                               s->user, what)
               : -1;
}

static void
both_ways(struct target *t)
{
    static const uint64_t sizes[] = {0, 1, 65537, 5u << 20};
    char name[TARGET_NAME_MAX], what[1200], back[TARGET_NAME_MAX];

    for (size_t i = 0; i < AL_LEN(sizes); i++) {
        subject_name("a film.mov", name);
        TAP_OK(subject_put(t, name, sizes[i], i, 1u << 20, &fail));
        (void)snprintf(what, sizeof(what), "get %s got", name);
        TAP_EQUAL_U64(smbclient(&real, what), 0);
        TAP_EQUAL_U64(subject_shell("cmp '%s/got' '%s/%s'", real.work, real.dir, name), 0);
        subject_name("a film.mov", back);
        TAP_OK(subject_put(t, back, 1, 1, 1, &fail)); /* makes the folders */
        (void)snprintf(what, sizeof(what), "del %s; put got %s", back, back);
        TAP_EQUAL_U64(smbclient(&real, what), 0);
        TAP_OK(subject_get(t, back, sizes[i], i, 1u << 20, &fail));
        TAP_OK(target_remove(t, back, &fail));
        (void)snprintf(what, sizeof(what), "get %s got", back);
        TAP_CHECK(smbclient(&real, what) != 0);
    }
}

static void
test_what_one_side_writes_the_other_reads(void)
{
    struct target_conf conf;
    struct target *t = NULL;
    const char *why_not = NULL, *host;
    char url[600];

    if (subject_shell("command -v smbclient >/dev/null") != 0) {
        tap_skip("no smbclient");
    }
    if (!subject_begin(&real, "smb", &why_not)) {
        tap_skip(why_not != NULL ? why_not : "no Samba");
    }
    real.unc = true; /* so that the link goes with it */
    host = strrchr(real.work, '/') + 1;
    (void)snprintf(url, sizeof(url), "smb://%s/share", host);
    TAP_EQUAL_U64(subject_shell("ln -s '%s/smb' \"$WINEPREFIX/dosdevices/unc/%s\"", real.work, host), 0);
    conf = subject_conf(&real, 5000);
    conf.url = url;
    conf.user = conf.password = NULL;
    TAP_OK(target_open(port_native(), &conf, true, &t, &fail));
    both_ways(t);
    target_close(t);
}

/* ---- calls that would wait for ever ---- */

struct pipe {
    HANDLE server, client;
};

static struct pipe
silent_pipe(void)
{
    static const char name[] = "\\\\.\\pipe\\alto-test-unc";
    struct pipe p;

    p.server = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE | PIPE_WAIT, 1, 512, 512, 0, NULL);
    TAP_CHECK(p.server != INVALID_HANDLE_VALUE);
    p.client = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    TAP_CHECK(p.client != INVALID_HANDLE_VALUE);
    return p;
}

static void
test_a_call_that_hangs_is_cut_off_and_no_other(void)
{
    struct port *port = port_native();
    struct port_watch *w = NULL;
    struct pipe p = silent_pipe();
    int64_t from, took;
    char c;
    DWORD n;

    TAP_OK(port_watch_new(&w));
    for (unsigned round = 0; round < 3; round++) {
        BOOL got;
        DWORD error;

        from = port_mono_ns(port);
        port_watch_begin(w, 200);
        got = ReadFile(p.client, &c, 1, &n, NULL);
        error = GetLastError();
        TAP_CHECK(port_watch_end(w));
        took = port_mono_ns(port) - from;
        TAP_CHECK(!got && error == ERROR_OPERATION_ABORTED);
        TAP_CHECK(took > INT64_C(150000000) && took < INT64_C(5000000000));
    }
    for (unsigned i = 0; i < 200; i++) { /* what is in time is left alone */
        port_watch_begin(w, 60000);
        TAP_CHECK(WriteFile(p.server, "x", 1, &n, NULL) && ReadFile(p.client, &c, 1, &n, NULL) && n == 1);
        TAP_CHECK(!port_watch_end(w));
    }
    port_watch_begin(w, 1);
    port_sleep_ns(port, 30000000); /* late, with nothing to cut */
    TAP_CHECK(port_watch_end(w));
    TAP_CHECK(WriteFile(p.server, "x", 1, &n, NULL) && ReadFile(p.client, &c, 1, &n, NULL) && n == 1);
    TAP_CHECK(port_watch_free(w) == NULL);
    TAP_CHECK(port_watch_free(NULL) == NULL);
    (void)CloseHandle(p.client);
    (void)CloseHandle(p.server);
}

static void
test_a_local_file_tells_nothing_of_a_wire(void)
{
    struct port_file *f = NULL;
    uint32_t wire;

    TAP_OK(port_open(port_native(), NULL, "C:/windows", PORT_READ | PORT_FOLDER, 0, &f));
    TAP_CODE(port_wire_of(f, &wire), AL_ENOTSUP);
    TAP_OK(port_close(port_native(), f));
}

int
main(int argc, char **argv)
{
    const char *why_not = NULL;

    if (!subject_begin(&on, "unc", &why_not)) {
        printf("Bail out! no share to test\n");
        subject_end(&on);
        return 1;
    }
    TAP_RUN(test_addresses_are_taken_apart_and_refused);
    TAP_RUN(test_what_is_not_there_is_unreachable);
    TAP_RUN(test_a_user_is_put_on_or_the_share_is_not_used);
    TAP_RUN(test_what_is_demanded_and_not_shown_is_not_used);
    TAP_RUN(test_what_one_side_writes_the_other_reads);
    TAP_RUN(test_a_call_that_hangs_is_cut_off_and_no_other);
    TAP_RUN(test_a_local_file_tells_nothing_of_a_wire);
    subject_end(&real);
    subject_end(&on);
    return tap_end();
}
