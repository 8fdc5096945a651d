/* Secrets, private folders, logons, and services: this program installs itself as a service, is started by the system's manager,
 * stopped, changed and removed. argv: none; "serve FILE": what the manager starts; "fail": a service that ends at once. */
#include "tap.h"

#include <stdlib.h>

#if defined(_WIN32)
#include <windows.h>
#endif

#include "base/mem.h"
#include "base/text.h"
#include "port/logon.h"
#include "port/port.h"
#include "port/process.h"
#include "port/seal.h"
#include "port/service.h"

#define NAME "alto-test-service"
#define PATIENCE_MS 60000u
#define SECOND INT64_C(1000000000)

static struct port *p;
static struct port_file *root;
static char root_path[256];
static struct al_fail fail;

/* ---- the service ---- */

static int
note(const char *path, const char *text)
{
    struct port_file *f = NULL;
    int rc = port_open(p, NULL, path, PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0600, &f);

    if (rc == AL_OK) {
        rc = port_pwrite(p, f, text, strlen(text), 0);
    }
    if (rc == AL_OK) {
        rc = port_close(p, f);
    }
    return rc;
}

static int
serve(void *ctx)
{
    int rc = note(ctx, "running");

    port_event_write(NAME, PORT_EVENT_STARTED, "it runs");
    while (rc == AL_OK && !port_stop_wait(SECOND)) {
    }
    port_sleep_ns(p, SECOND / 2); /* as if it had something to end */
    return rc == AL_OK ? note(ctx, "stopped") : rc;
}

static int
end_at_once(void *ctx)
{
    return 7;
}

/* ---- the tests ---- */

static void
fresh(void)
{
    memset(&fail, 0, sizeof(fail));
}

static void
secrets_come_back_for_their_purpose_alone(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf sealed = {.max = 4u << 20};
    AL_CLEANUP(al_buf_free) struct al_buf open = {.max = 4u << 20};
    AL_CLEANUP(al_freep) uint8_t *much = al_zalloc(PORT_SEAL_BYTES_MAX + 1);
    struct al_span secret = al_span_of("correct horse battery staple");
    uint32_t os = 0;
    int rc;

    if (!port_seals()) {
        TAP_CODE(port_seal("test", secret, &sealed, &os), AL_ENOTSUP);
        TAP_CODE(port_unseal("test", secret, &open, NULL), AL_ENOTSUP);
        return;
    }
    TAP_OK(port_seal("test", secret, &sealed, &os));
    for (size_t i = 0; i + secret.len <= sealed.len; i++) {
        TAP_CHECK(memcmp(sealed.at + i, secret.at, secret.len) != 0);
    }
    TAP_OK(port_unseal("test", al_buf_span(&sealed), &open, NULL));
    TAP_CHECK(al_span_equal(al_buf_span(&open), secret));
    al_buf_clear(&open);
    TAP_CODE(port_unseal("another purpose", al_buf_span(&sealed), &open, &os), AL_ECORRUPT);
    TAP_CODE(port_unseal("test", (struct al_span){sealed.at, sealed.len / 2}, &open, &os), AL_ECORRUPT);
    TAP_CODE(port_unseal("test", (struct al_span){NULL, 0}, &open, &os), AL_ECORRUPT);
    sealed.at[sealed.len / 2] ^= 1;
    rc = port_unseal("test", al_buf_span(&sealed), &open, &os);
    TAP_CHECK(rc == AL_ECORRUPT || (rc == AL_OK && al_span_equal(al_buf_span(&open), secret))); /* Wine keeps what nobody reads */
    al_buf_clear(&open);
    al_buf_clear(&sealed);
    TAP_CODE(port_seal("test", (struct al_span){much, PORT_SEAL_BYTES_MAX + 1}, &sealed, NULL), AL_ELIMIT);
    TAP_OK(port_seal("test", (struct al_span){much, PORT_SEAL_BYTES_MAX}, &sealed, NULL));
    TAP_EQUAL_U64(open.len, 0);
    TAP_OK(port_unseal("test", al_buf_span(&sealed), &open, NULL));
    TAP_EQUAL_U64(open.len, PORT_SEAL_BYTES_MAX);
}

static void
a_private_folder_can_still_be_used_by_us(void)
{
    struct port_file *dir = NULL, *f = NULL;
    struct port_stat st;

    TAP_OK(port_mkdir(p, root, "private", 0755));
    TAP_OK(port_open(p, root, "private", PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_private(p, dir, NULL));
    TAP_OK(port_stat(p, dir, &st));
    TAP_CHECK(port_seals() || (st.mode & 0777) == 0700);
    TAP_CODE(port_private(p, dir, "nobody of this name 4711"), port_seals() ? AL_ENOENT : AL_ENOTSUP);
    TAP_OK(port_open(p, dir, "f", PORT_WRITE | PORT_CREATE, 0600, &f));
    TAP_OK(port_close(p, f));
    TAP_OK(port_unlink(p, dir, "f"));
    TAP_OK(port_close(p, dir));
    TAP_OK(port_rmdir(p, root, "private"));
}

static void
logons_are_had_or_it_is_said_that_there_are_none(void)
{
    struct port_logon *l = NULL;
    int rc;

    fresh();
    rc = port_logon_new("DOMAIN\\somebody", "wrong, which is found by the first use alone", &l, &fail);
    TAP_CHECK(rc == AL_OK || (rc == AL_ENOTSUP && l == NULL && fail.text[0] != '\0'));
    TAP_CHECK(strstr(fail.text, "wrong, which") == NULL);
    if (rc == AL_OK) {
        TAP_OK(port_logon_use(l));
        TAP_OK(port_logon_use(NULL));
        TAP_CHECK(port_logon_free(l) == NULL);
    }
    TAP_OK(port_logon_use(NULL));
    TAP_CHECK(port_logon_free(NULL) == NULL);
}

static void
rights_that_the_account_holds_are_switched_on(void)
{
    static const char *const names[] = {"SeBackupPrivilege", "SeNoSuchPrivilege", "SeRestorePrivilege"};
    uint32_t missing = 0;
    int rc = port_rights_on(names, AL_LEN(names), &missing);

    if (!port_seals()) {
        TAP_CODE(rc, AL_ENOTSUP);
        return;
    }
    TAP_OK(rc);
    printf("# missing: %x\n", missing);
    TAP_CHECK((missing & 2) != 0);
    TAP_CODE(port_rights_on(names, 33, &missing), AL_EINVAL);
}

#if defined(_WIN32)
/* attributes: SE_PRIVILEGE_... */
static void
change_right(const wchar_t *name, DWORD attributes)
{
    TOKEN_PRIVILEGES one = {.PrivilegeCount = 1, .Privileges[0].Attributes = attributes};
    HANDLE token = NULL;

    TAP_CHECK(OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token));
    TAP_CHECK(LookupPrivilegeValueW(NULL, name, &one.Privileges[0].Luid));
    TAP_CHECK(AdjustTokenPrivileges(token, FALSE, &one, 0, NULL, NULL) && GetLastError() == ERROR_SUCCESS);
    TAP_CHECK(CloseHandle(token));
}
#endif

static void
who_a_process_is_and_what_it_holds_can_be_seen(void)
{
    static const char *const names[] = {"SeChangeNotifyPrivilege", "SeNoSuchPrivilege", "SeBackupPrivilege"};
    enum port_right rights[3] = {PORT_RIGHT_OFF, PORT_RIGHT_OFF, PORT_RIGHT_OFF};
    char account[PORT_ACCOUNT_MAX] = "";

    if (!port_seals()) {
        TAP_CODE(port_rights_of(0, names, 3, rights, account), AL_ENOTSUP);
        return;
    }
    TAP_OK(port_rights_of(0, names, 3, rights, account));
    printf("# %s\n", account);
    TAP_CHECK(account[0] != '\0' && rights[0] == PORT_RIGHT_ON && rights[1] == PORT_RIGHT_LACKS);
    TAP_OK(port_rights_of(port_pid(), names, 1, rights, account));
    TAP_CODE(port_rights_of(0x7ffffffc, names, 3, rights, account), AL_ENOENT);
#if defined(_WIN32)
    change_right(L"SeBackupPrivilege", SE_PRIVILEGE_ENABLED);
    TAP_OK(port_rights_of(0, names, 3, rights, account));
    TAP_CHECK(rights[2] == PORT_RIGHT_ON);
    change_right(L"SeBackupPrivilege", 0);
    TAP_OK(port_rights_of(0, names, 3, rights, account));
    TAP_CHECK(rights[2] == PORT_RIGHT_OFF);
    change_right(L"SeShutdownPrivilege", SE_PRIVILEGE_REMOVED); /* for good: one that no other test needs */
    TAP_OK(port_rights_of(0, (const char *const[]){"SeShutdownPrivilege"}, 1, rights, account));
    TAP_CHECK(rights[0] == PORT_RIGHT_LACKS);
#endif
}

static struct port_service_status
look(void)
{
    struct port_service_status s = {0};

    fresh();
    TAP_OK(port_service_query(NAME, &s, &fail));
    return s;
}

static void
must_note(const char *name, const char *text)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {.max = 100};

    TAP_OK(port_read_file(p, root, name, 100, &b));
    TAP_EQUAL_STR((const char *)b.at, text);
}

static void
a_service_lives_and_ends_as_it_is_told(void)
{
    static const char *const rights[] = {"SeBackupPrivilege", "SeRestorePrivilege"};
    char file[400];
    const char *args[] = {"serve", file};
    struct port_service s = {.name = NAME,
                             .display = "Alto's test service",
                             .about = "Goes when the test ends",
                             .args = args,
                             .arg_count = 2,
                             .account = "LocalSystem",
                             .privileges = rights,
                             .privilege_count = 2,
                             .stop_ms = 20000};
    struct port_service_status st;
    enum port_right held[2];
    char account[PORT_ACCOUNT_MAX];

    (void)snprintf(file, sizeof(file), "%s/it has blanks, a \"quote\" and an end\\", root_path);
    fresh();
    if (!port_seals()) {
        TAP_CODE(port_service_install(&s, &fail), AL_ENOTSUP);
        TAP_CODE(port_service_query(NAME, &st, &fail), AL_ENOTSUP);
        tap_skip("no service manager of this kind");
    }
    (void)snprintf(file, sizeof(file), "%s/note with blanks", root_path); /* the name of a file */
    TAP_CODE(port_service_remove(NAME, PATIENCE_MS, &fail), AL_ENOENT);
    TAP_CHECK(look().state == PORT_SERVICE_NONE);
    fresh();
    TAP_OK(port_service_install(&s, &fail));
    st = look();
    TAP_CHECK(st.state == PORT_SERVICE_STOPPED && strstr(st.command, "\"serve\" \"") != NULL);
    TAP_EQUAL_STR(st.account, "LocalSystem");
    s.account = NULL;
    TAP_OK(port_service_install(&s, &fail)); /* again: changed, not doubled, and the account is what it was */
    TAP_EQUAL_STR(look().account, "LocalSystem");
    TAP_OK(port_service_start(NAME, PATIENCE_MS, &fail));
    st = look();
    TAP_CHECK(st.state == PORT_SERVICE_RUNNING && st.pid != 0 && st.pid != port_pid());
    TAP_OK(port_rights_of(st.pid, rights, 2, held, account)); /* it is looked at from outside */
    TAP_CHECK(account[0] != '\0' && held[0] != PORT_RIGHT_LACKS);
    TAP_OK(port_service_start(NAME, PATIENCE_MS, &fail));
    TAP_OK(port_service_stop(NAME, PATIENCE_MS, &fail));
    must_note("note with blanks", "stopped");
    st = look();
    TAP_CHECK(st.state == PORT_SERVICE_STOPPED && st.exit_code == 0);
    TAP_OK(port_service_stop(NAME, PATIENCE_MS, &fail));
    TAP_OK(port_service_start(NAME, PATIENCE_MS, &fail));
    TAP_OK(port_service_remove(NAME, PATIENCE_MS, &fail)); /* while it runs */
    TAP_CHECK(look().state == PORT_SERVICE_NONE);
    TAP_OK(port_unlink(p, root, "note with blanks"));
}

static void
a_service_that_fails_is_told(void)
{
    const char *args[] = {"fail"};
    struct port_service s = {
        .name = NAME, .display = "x", .about = "x", .args = args, .arg_count = 1, .account = "LocalSystem", .stop_ms = 1000};
    struct port_service_status st;
    int rc;

    if (!port_seals()) {
        tap_skip("no service manager of this kind");
    }
    fresh();
    TAP_OK(port_service_install(&s, &fail));
    rc = port_service_start(NAME, PATIENCE_MS, &fail);
    TAP_CHECK(rc == AL_OK || rc == AL_EIO); /* seen running, or ended already */
    for (unsigned i = 0; i < 100 && look().state != PORT_SERVICE_STOPPED; i++) {
        port_sleep_ns(p, SECOND / 10);
    }
    st = look();
    TAP_CHECK(st.state == PORT_SERVICE_STOPPED && st.exit_code == 7);
    TAP_OK(port_service_remove(NAME, PATIENCE_MS, &fail));
}

#if defined(_WIN32)
static SC_HANDLE
open_service(DWORD access)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager != NULL ? OpenServiceW(manager, L"" NAME, access) : NULL;

    TAP_CHECK(service != NULL);
    (void)CloseServiceHandle(manager);
    return service;
}

/* What the manager keeps of it; false: this one keeps none (Wine). */
static bool
restarts_are_kept(void)
{
    SC_HANDLE service = open_service(SERVICE_QUERY_CONFIG);
    union {
        SERVICE_FAILURE_ACTIONSW actions;
        BYTE room[4096];
    } got;
    DWORD need;
    bool kept, right = false;

    kept = QueryServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, got.room, sizeof(got), &need);
    if (kept) {
        right = got.actions.dwResetPeriod == 86400 && got.actions.cActions == 3;
        for (DWORD i = 0; right && i < 3; i++) {
            static const DWORD wait_ms[] = {5000, 30000, 60000};

            right = got.actions.lpsaActions[i].Type == SC_ACTION_RESTART && got.actions.lpsaActions[i].Delay == wait_ms[i];
        }
    }
    (void)CloseServiceHandle(service);
    TAP_CHECK(!kept || right);
    return kept;
}

static void
kill_process(DWORD pid)
{
    HANDLE h = OpenProcess(PROCESS_TERMINATE, FALSE, pid);

    TAP_CHECK(h != NULL && TerminateProcess(h, 9) && CloseHandle(h));
}
#endif

/* Killed from outside, as a crash is: the manager starts it anew after five seconds. */
static void
a_service_that_dies_is_started_again(void)
{
#if defined(_WIN32)
    char file[400];
    const char *args[] = {"serve", file};
    struct port_service s = {
        .name = NAME, .display = "x", .about = "x", .args = args, .arg_count = 2, .account = "LocalSystem", .stop_ms = 1000};
    struct port_service_status st;
    bool kept, again = false;
    uint32_t pid;

    (void)snprintf(file, sizeof(file), "%s/died", root_path);
    fresh();
    TAP_OK(port_service_install(&s, &fail));
    kept = restarts_are_kept();
    TAP_OK(port_service_start(NAME, PATIENCE_MS, &fail));
    pid = look().pid;
    kill_process(pid);
    for (unsigned i = 0; i < (kept ? 200 : 80) && !again; i++) {
        port_sleep_ns(p, SECOND / 10);
        st = look();
        again = st.state == PORT_SERVICE_RUNNING && st.pid != pid;
    }
    printf("# %s, %s\n", kept ? "actions are kept" : "no actions are kept", again ? "started again" : "not started again");
    if (!again) { /* Wine takes it for running still, so that it cannot be stopped either */
        SC_HANDLE h = open_service(DELETE);

        TAP_CHECK(DeleteService(h) && CloseServiceHandle(h));
        TAP_OK(port_unlink(p, root, "died"));
        if (!kept) {
            tap_skip("this manager does not start again what died");
        }
    }
    TAP_CHECK(again);
    TAP_OK(port_service_remove(NAME, PATIENCE_MS, &fail));
    TAP_OK(port_unlink(p, root, "died"));
#else
    tap_skip("no service manager of this kind");
#endif
}

static void
a_service_that_is_stopping_still_is_started_behind_it(void)
{
#if defined(_WIN32)
    char file[400];
    const char *args[] = {"serve", file};
    struct port_service s = {
        .name = NAME, .display = "x", .about = "x", .args = args, .arg_count = 2, .account = "LocalSystem", .stop_ms = 1000};
    SERVICE_STATUS status;
    SC_HANDLE h;

    (void)snprintf(file, sizeof(file), "%s/behind", root_path);
    fresh();
    TAP_OK(port_service_install(&s, &fail));
    TAP_OK(port_service_start(NAME, PATIENCE_MS, &fail));
    h = open_service(SERVICE_STOP);
    TAP_CHECK(ControlService(h, SERVICE_CONTROL_STOP, &status) && CloseServiceHandle(h));
    TAP_CHECK(look().state == PORT_SERVICE_STOPPING);
    TAP_OK(port_service_start(NAME, PATIENCE_MS, &fail));
    TAP_CHECK(look().state == PORT_SERVICE_RUNNING);
    TAP_OK(port_service_remove(NAME, PATIENCE_MS, &fail));
    TAP_OK(port_unlink(p, root, "behind"));
#else
    tap_skip("no service manager of this kind");
#endif
}

static void
odd_names_and_words_are_refused(void)
{
    static char much[9000];
    const char *args[] = {much};
    struct port_service s = {.name = "a\\b", .display = "x", .about = "x", .account = "LocalSystem"};
    struct port_service_status st;

    if (!port_seals()) {
        tap_skip("no service manager of this kind");
    }
    fresh();
    TAP_CODE(port_service_install(&s, &fail), AL_EINVAL);
    fresh();
    TAP_CODE(port_service_query("", &st, &fail), AL_EINVAL);
    memset(much, 'x', sizeof(much) - 1);
    s.name = NAME;
    s.args = args;
    s.arg_count = 1;
    fresh();
    TAP_CODE(port_service_install(&s, &fail), AL_ELIMIT);
    port_event_write(NAME, PORT_EVENT_WARNING, much); /* cut, and no harm where there is no log */
    port_event_write(NAME, (enum port_event)9, "x");
}

/* The event log takes the sentence from the program itself. */
static void
the_program_carries_the_sentences_of_its_events(void)
{
#if defined(_WIN32)
    static const DWORD ids[] = {0x40000001, 0x40000002, 0x80000003, 0xC0000004};
    wchar_t text[100];
    DWORD_PTR words[1] = {(DWORD_PTR)L"what happened"};

    for (size_t i = 0; i < AL_LEN(ids); i++) {
        DWORD n = FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, NULL, ids[i], 0, text, AL_LEN(text),
                                 (va_list *)words);

        TAP_CHECK(n >= 13 && wcsncmp(text, L"what happened", 13) == 0);
    }
#else
    tap_skip("no message tables");
#endif
}

static void
nobody_started_us_as_a_service(void)
{
    int code = -1, rc = port_service_run(NAME, end_at_once, NULL, &code);

    TAP_CHECK(port_seals() ? rc == AL_ENOTSUP && code == -1 : rc == AL_OK && code == 7);
}

static void
setup(void)
{
    uint8_t random[6];
    char hex[13];
    const char *base = getenv("TMPDIR");

    TAP_OK(port_random(p, random, sizeof(random)));
    al_hex(random, sizeof(random), hex);
    (void)snprintf(root_path, sizeof(root_path), "%s/alto-service-%s", base != NULL ? base : TEST_TEMP, hex);
    TAP_OK(port_mkdirs(p, root_path, 0700));
    TAP_OK(port_open(p, NULL, root_path, PORT_READ | PORT_FOLDER, 0, &root));
}

static void
teardown(void)
{
    int rc;

    TAP_OK(port_close(p, root));
    rc = port_rmdir(p, NULL, root_path);
    TAP_CHECK(rc == AL_OK || rc == AL_ENOTEMPTY); /* what a failed test left */
}

int
main(int argc, char **argv)
{
    int code = 1;

    p = port_native();
    port_stop_catch();
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return port_service_run(NAME, serve, argv[2], &code) == AL_OK ? code : 1;
    }
    if (argc == 2 && strcmp(argv[1], "fail") == 0) {
        return port_service_run(NAME, end_at_once, NULL, &code) == AL_OK ? code : 1;
    }
    TAP_RUN(setup);
    TAP_RUN(secrets_come_back_for_their_purpose_alone);
    TAP_RUN(a_private_folder_can_still_be_used_by_us);
    TAP_RUN(logons_are_had_or_it_is_said_that_there_are_none);
    TAP_RUN(rights_that_the_account_holds_are_switched_on);
    TAP_RUN(who_a_process_is_and_what_it_holds_can_be_seen);
    TAP_RUN(nobody_started_us_as_a_service);
    TAP_RUN(a_service_lives_and_ends_as_it_is_told);
    TAP_RUN(a_service_that_fails_is_told);
    TAP_RUN(a_service_that_is_stopping_still_is_started_behind_it);
    TAP_RUN(a_service_that_dies_is_started_again);
    TAP_RUN(odd_names_and_words_are_refused);
    TAP_RUN(the_program_carries_the_sentences_of_its_events);
    TAP_RUN(teardown);
    return tap_end();
}
