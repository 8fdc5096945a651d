/* The service manager, as who installs, starts and stops a service sees it. service_run.c is the other
 * side. */
#include "port/service.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

#define LOOK_MS 50u /* between two looks at a service that starts or stops */
#define WORD_UNITS 512u
#define LINE_UNITS (PORT_SERVICE_ARGS_MAX + 4u)
#define EVENT_KEY L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\"

/* ---- words ---- */

/* AL_EINVAL: no UTF-8, or too long. */
static int
word_of(const char *text, wchar_t *to, size_t units)
{
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, to, (int)units) > 0
               ? AL_OK
               : AL_EINVAL;
}

static bool
name_good(const char *name)
{
    size_t len = strlen(name);

    for (const char *c = name; *c != '\0'; c++) {
        if (!((al_lower((uint8_t)*c) >= 'a' && al_lower((uint8_t)*c) <= 'z') ||
              (*c >= '0' && *c <= '9') || *c == '-')) {
            return false;
        }
    }
    return len > 0 && len < PORT_SERVICE_NAME_MAX;
}

/* As CommandLineToArgvW takes it apart again: quotes and the backslashes before them are escaped. */
static int
quoted(struct al_buf *line, const char *arg)
{
    int rc = al_buf_adds(line, line->len > 0 ? " \"" : "\"");
    size_t slashes = 0;

    for (; rc == AL_OK; arg++) {
        if (*arg == '\\') {
            slashes++;
            continue;
        }
        for (size_t n = *arg == '"' || *arg == '\0' ? 2 * slashes : slashes; rc == AL_OK && n > 0;
             n--) {
            rc = al_buf_adds(line, "\\");
        }
        slashes = 0;
        if (rc != AL_OK || *arg == '\0') {
            break;
        }
        rc = *arg == '"' ? al_buf_adds(line, "\\\"") : al_buf_add(line, arg, 1);
    }
    return rc == AL_OK ? al_buf_adds(line, "\"") : rc;
}

static int
own_path(wchar_t *to, size_t units)
{
    DWORD len = GetModuleFileNameW(NULL, to, (DWORD)units);

    return len == 0 ? win_code(GetLastError()) : len >= units ? AL_ENAMETOOLONG : AL_OK;
}

static int
command_of(const struct port_service *s, wchar_t line[LINE_UNITS])
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = PORT_SERVICE_ARGS_MAX};
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = PORT_SERVICE_ARGS_MAX};
    wchar_t own[MAX_PATH * 4];
    int rc = own_path(own, AL_LEN(own));

    if (rc == AL_OK) {
        rc = win_utf8(own, wcslen(own), &path);
    }
    if (rc == AL_OK) {
        rc = quoted(&text, (const char *)path.at);
    }
    for (size_t i = 0; rc == AL_OK && i < s->arg_count; i++) {
        rc = quoted(&text, s->args[i]);
    }
    return rc == AL_OK ? word_of((const char *)text.at, line, LINE_UNITS) : rc;
}

/* ---- the manager ---- */

struct service {
    SC_HANDLE manager, service;
};

static void
service_close(struct service *s)
{
    if (s->service != NULL) {
        (void)CloseServiceHandle(s->service); /* both fail only for what is none */
    }
    if (s->manager != NULL) {
        (void)CloseServiceHandle(s->manager);
    }
    *s = (struct service){0};
}

static int
failed(struct al_fail *fail, DWORD error, const char *what, const char *name)
{
    int code = error == ERROR_SERVICE_DOES_NOT_EXIST      ? AL_ENOENT
               : error == ERROR_SERVICE_REQUEST_TIMEOUT   ? AL_ETIMEDOUT
               : error == ERROR_SERVICE_MARKED_FOR_DELETE ? AL_EBUSY
               : error == ERROR_SERVICE_EXISTS            ? AL_EEXIST
               : error == ERROR_INVALID_SERVICE_ACCOUNT   ? AL_EINVAL
               : error == ERROR_SERVICE_DISABLED          ? AL_EACCES
               : error == ERROR_SERVICE_LOGON_FAILED      ? AL_EACCES
                                                          : win_code(error);

    return al_fail_set(fail, code, error, "cannot %s the service %s: %s%s", what, name,
                       al_code_name(code), code == AL_EACCES ? "; run it as an administrator" : "");
}

static int
manager_open(struct service *s, DWORD access, struct al_fail *fail)
{
    s->manager = OpenSCManagerW(NULL, NULL, access);
    return s->manager != NULL ? AL_OK
                              : failed(fail, GetLastError(), "ask the manager of", "services");
}

static int
service_open(struct service *s, const char *name, DWORD access, const char *what,
             struct al_fail *fail)
{
    wchar_t wide[PORT_SERVICE_NAME_MAX];
    int rc;

    if (!name_good(name) || word_of(name, wide, AL_LEN(wide)) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "no name of a service");
    }
    rc = manager_open(s, SC_MANAGER_CONNECT, fail);
    if (rc != AL_OK) {
        return rc;
    }
    s->service = OpenServiceW(s->manager, wide, access);
    return s->service != NULL ? AL_OK : failed(fail, GetLastError(), what, name);
}

/* ---- installing ---- */

/* The event log finds the sentences of our entries in the program's own message table. */
static int
event_source(const wchar_t *name)
{
    wchar_t key[256], own[MAX_PATH * 4];
    DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    HKEY h = NULL;
    LSTATUS s;
    int rc = own_path(own, AL_LEN(own));

    if (rc != AL_OK) {
        return rc;
    }
    (void)swprintf(key, AL_LEN(key), L"%ls%ls", EVENT_KEY, name);
    s = RegCreateKeyExW(HKEY_LOCAL_MACHINE, key, 0, NULL, 0, KEY_SET_VALUE, NULL, &h, NULL);
    if (s == ERROR_SUCCESS) {
        s = RegSetValueExW(h, L"EventMessageFile", 0, REG_EXPAND_SZ, (const BYTE *)own,
                           (DWORD)((wcslen(own) + 1) * sizeof(*own)));
    }
    if (s == ERROR_SUCCESS) {
        s = RegSetValueExW(h, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types, sizeof(types));
    }
    if (h != NULL) {
        (void)RegCloseKey(h);
    }
    return s == ERROR_SUCCESS ? AL_OK : win_code((DWORD)s);
}

static void
event_source_remove(const wchar_t *name)
{
    wchar_t key[256];

    (void)swprintf(key, AL_LEN(key), L"%ls%ls", EVENT_KEY, name);
    (void)RegDeleteKeyW(HKEY_LOCAL_MACHINE, key); /* one that is not there is as good */
}

/* Wine 8 knows few of these; Windows has them all since Vista. */
static bool
set2(SC_HANDLE service, DWORD level, void *info)
{
    return ChangeServiceConfig2W(service, level, info) || GetLastError() == ERROR_INVALID_LEVEL;
}

/* A list of words, each ended, and an empty one behind. */
static int
privileges_of(const struct port_service *s, wchar_t *to, size_t units)
{
    size_t at = 0;

    for (size_t i = 0; i < s->privilege_count; i++) {
        int rc = word_of(s->privileges[i], to + at, units - at - 1);

        if (rc != AL_OK) {
            return rc;
        }
        at += wcslen(to + at) + 1;
    }
    to[at] = L'\0';
    return AL_OK;
}

static int
configure(SC_HANDLE service, const struct port_service *s, struct al_fail *fail)
{
    SC_ACTION actions[] = {
        {SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 30000}, {SC_ACTION_RESTART, 60000}};
    SERVICE_FAILURE_ACTIONSW failure = {
        .dwResetPeriod = 86400, .cActions = AL_LEN(actions), .lpsaActions = actions};
    SERVICE_FAILURE_ACTIONS_FLAG also = {.fFailureActionsOnNonCrashFailures = TRUE};
    SERVICE_DELAYED_AUTO_START_INFO delayed = {.fDelayedAutostart = TRUE};
    SERVICE_SID_INFO sid = {.dwServiceSidType = SERVICE_SID_TYPE_UNRESTRICTED};
    SERVICE_PRESHUTDOWN_INFO preshutdown = {.dwPreshutdownTimeout = s->stop_ms};
    wchar_t about[WORD_UNITS], privileges[WORD_UNITS];
    SERVICE_DESCRIPTIONW description = {.lpDescription = about};
    SERVICE_REQUIRED_PRIVILEGES_INFOW required = {.pmszRequiredPrivileges = privileges};

    if (word_of(s->about, about, AL_LEN(about)) != AL_OK ||
        privileges_of(s, privileges, AL_LEN(privileges)) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "no words of a service");
    }
    if (!set2(service, SERVICE_CONFIG_DESCRIPTION, &description) ||
        !set2(service, SERVICE_CONFIG_FAILURE_ACTIONS, &failure) ||
        !set2(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &also) ||
        !set2(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed) ||
        !set2(service, SERVICE_CONFIG_SERVICE_SID_INFO, &sid) ||
        !set2(service, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown) ||
        (s->privilege_count > 0 &&
         !set2(service, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &required))) {
        return failed(fail, GetLastError(), "configure", s->name);
    }
    return AL_OK;
}

/* Its account is there from now on, and has no rights yet. */
static bool
is_virtual(const wchar_t *account)
{
    return wcsncmp(account, L"NT SERVICE\\", 11) == 0;
}

static int
grant(const wchar_t *account, const struct port_service *s, struct al_fail *fail)
{
    wchar_t list[WORD_UNITS];
    int rc = privileges_of(s, list, AL_LEN(list));

    if (rc != AL_OK || s->privilege_count == 0) {
        return rc;
    }
    rc = win_rights_grant(account, list);
    if (rc == AL_ENOENT) {
        return AL_OK; /* Wine, which has no virtual accounts and takes no privilege away */
    }
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, rc, GetLastError(),
                             "the service's account cannot be given what it needs of rights");
}

#define CONFIG_BYTES 8192u /* "The maximum size of this array is 8K bytes": QueryServiceConfigW */

/* The account to have. *ret_keep: it has it, and its password with it, which nobody here knows. */
static int
account_of(const struct service *h, const wchar_t *name, const char *wished,
           wchar_t account[WORD_UNITS], bool *ret_keep)
{
    AL_CLEANUP(al_freep) QUERY_SERVICE_CONFIGW *config = NULL;
    SC_HANDLE there;
    DWORD need;
    int rc = AL_OK;

    if (wished != NULL) {
        return word_of(wished, account, WORD_UNITS);
    }
    there = OpenServiceW(h->manager, name, SERVICE_QUERY_CONFIG);
    if (there == NULL) {
        (void)swprintf(account, WORD_UNITS, L"NT SERVICE\\%ls", name);
        return AL_OK;
    }
    config = al_zalloc(CONFIG_BYTES);
    if (config == NULL) {
        rc = AL_ENOMEM;
    } else if (!QueryServiceConfigW(there, config, CONFIG_BYTES, &need)) {
        rc = win_code(GetLastError());
    } else if (config->lpServiceStartName == NULL ||
               wcslen(config->lpServiceStartName) >= WORD_UNITS) {
        rc = AL_ENAMETOOLONG;
    } else {
        (void)wcscpy(account, config->lpServiceStartName);
        *ret_keep = true;
    }
    (void)CloseServiceHandle(there); /* ours */
    return rc;
}

static int
make(struct service *h, const struct port_service *s, const wchar_t *name, wchar_t *command,
     const wchar_t *account_or_null, struct al_fail *fail)
{
    wchar_t display[WORD_UNITS];

    if (word_of(s->display, display, AL_LEN(display)) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "no words of a service");
    }
    h->service = CreateServiceW(h->manager, name, display, SERVICE_ALL_ACCESS,
                                SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                                command, NULL, NULL, NULL, account_or_null, NULL);
    if (h->service == NULL && GetLastError() == ERROR_SERVICE_EXISTS) {
        h->service = OpenServiceW(h->manager, name, SERVICE_ALL_ACCESS);
        if (h->service != NULL &&
            !ChangeServiceConfigW(h->service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                  SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL, account_or_null,
                                  NULL, display)) {
            return failed(fail, GetLastError(), "change", s->name);
        }
    }
    return h->service != NULL ? AL_OK : failed(fail, GetLastError(), "install", s->name);
}

int
port_service_install(const struct port_service *s, struct al_fail *fail)
{
    AL_CLEANUP(service_close) struct service h = {0};
    wchar_t name[PORT_SERVICE_NAME_MAX], account[WORD_UNITS] = L"";
    wchar_t command[LINE_UNITS];
    bool keep = false;
    int rc;

    if (!name_good(s->name) || word_of(s->name, name, AL_LEN(name)) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "no name of a service");
    }
    rc = command_of(s, command);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the service's command line is too long");
    }
    rc = manager_open(&h, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE, fail);
    if (rc != AL_OK) {
        return rc;
    }
    rc = account_of(&h, name, s->account, account, &keep);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, GetLastError(), "no account for the service %s", s->name);
    }
    rc = make(&h, s, name, command, keep ? NULL : account, fail);
    rc = rc == AL_OK ? configure(h.service, s, fail) : rc;
    if (rc == AL_OK && is_virtual(account)) {
        rc = grant(account, s, fail);
    }
    if (rc == AL_OK) {
        rc = event_source(name);
        rc = rc == AL_OK ? AL_OK : al_fail_set(fail, rc, GetLastError(), "no event source");
    }
    return rc;
}

/* ---- its life ---- */

static int
state_of(SC_HANDLE service, SERVICE_STATUS_PROCESS *ret)
{
    DWORD need;

    return QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (LPBYTE)ret, sizeof(*ret), &need)
               ? AL_OK
               : win_code(GetLastError());
}

/* Until it is as wanted, or stopped by itself. */
static int
wait_for(struct service *h, const char *name, DWORD wanted, uint32_t timeout_ms,
         struct al_fail *fail)
{
    uint64_t until = GetTickCount64() + timeout_ms;
    SERVICE_STATUS_PROCESS st = {0};

    for (;;) {
        int rc = state_of(h->service, &st);

        if (rc != AL_OK) {
            return failed(fail, GetLastError(), "look at", name);
        }
        if (st.dwCurrentState == wanted) {
            return AL_OK;
        }
        if (wanted == SERVICE_RUNNING && st.dwCurrentState == SERVICE_STOPPED) {
            return al_fail_set(fail, AL_EIO, st.dwServiceSpecificExitCode,
                               "the service %s ended at once; see the event log", name);
        }
        if (GetTickCount64() >= until) {
            return al_fail_set(fail, AL_ETIMEDOUT, 0, "the service %s takes longer than %u ms",
                               name, timeout_ms);
        }
        Sleep(LOOK_MS);
    }
}

int
port_service_start(const char *name, uint32_t timeout_ms, struct al_fail *fail)
{
    AL_CLEANUP(service_close) struct service h = {0};
    SERVICE_STATUS_PROCESS st = {0};
    int rc = service_open(&h, name, SERVICE_START | SERVICE_QUERY_STATUS, "start", fail);

    if (rc != AL_OK) {
        return rc;
    }
    /* One that is stopping still is "already running" to the manager, and would be gone a moment later. */
    if (state_of(h.service, &st) == AL_OK && st.dwCurrentState == SERVICE_STOP_PENDING) {
        rc = wait_for(&h, name, SERVICE_STOPPED, timeout_ms, fail);
        if (rc != AL_OK) {
            return rc;
        }
    }
    if (!StartServiceW(h.service, 0, NULL) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING) {
        return failed(fail, GetLastError(), "start", name);
    }
    return wait_for(&h, name, SERVICE_RUNNING, timeout_ms, fail);
}

static int
stop(struct service *h, const char *name, uint32_t timeout_ms, struct al_fail *fail)
{
    SERVICE_STATUS st;

    if (!ControlService(h->service, SERVICE_CONTROL_STOP, &st) &&
        GetLastError() != ERROR_SERVICE_NOT_ACTIVE &&
        GetLastError() != ERROR_SERVICE_CANNOT_ACCEPT_CTRL) { /* it is stopping */
        return failed(fail, GetLastError(), "stop", name);
    }
    return wait_for(h, name, SERVICE_STOPPED, timeout_ms, fail);
}

int
port_service_stop(const char *name, uint32_t timeout_ms, struct al_fail *fail)
{
    AL_CLEANUP(service_close) struct service h = {0};
    int rc = service_open(&h, name, SERVICE_STOP | SERVICE_QUERY_STATUS, "stop", fail);

    return rc == AL_OK ? stop(&h, name, timeout_ms, fail) : rc;
}

int
port_service_remove(const char *name, uint32_t timeout_ms, struct al_fail *fail)
{
    AL_CLEANUP(service_close) struct service h = {0};
    wchar_t wide[PORT_SERVICE_NAME_MAX];
    int rc = service_open(&h, name, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE, "remove", fail);

    if (rc == AL_OK) {
        rc = stop(&h, name, timeout_ms, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (word_of(name, wide, AL_LEN(wide)) == AL_OK) {
        wchar_t account[PORT_SERVICE_NAME_MAX + 16];

        (void)swprintf(account, AL_LEN(account), L"NT SERVICE\\%ls", wide);
        win_rights_revoke(account); /* while there is such an account */
    }
    if (!DeleteService(h.service)) {
        return failed(fail, GetLastError(), "remove", name);
    }
    if (word_of(name, wide, AL_LEN(wide)) == AL_OK) {
        event_source_remove(wide);
    }
    return AL_OK;
}

/* ---- asking ---- */

static enum port_service_state
state_name(DWORD state)
{
    switch (state) {
    case SERVICE_STOPPED:
        return PORT_SERVICE_STOPPED;
    case SERVICE_START_PENDING:
    case SERVICE_CONTINUE_PENDING:
        return PORT_SERVICE_STARTING;
    case SERVICE_STOP_PENDING:
        return PORT_SERVICE_STOPPING;
    default:
        return PORT_SERVICE_RUNNING;
    }
}

/* What does not fit is cut. */
static void
text_of(const wchar_t *from, char *to, size_t cap)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 4 * PORT_SERVICE_ARGS_MAX};

    to[0] = '\0';
    if (from != NULL && win_utf8(from, wcslen(from), &text) == AL_OK && text.len > 0) {
        (void)snprintf(to, cap, "%s", (const char *)text.at);
    }
}

int
port_service_query(const char *name, struct port_service_status *ret, struct al_fail *fail)
{
    AL_CLEANUP(service_close) struct service h = {0};
    AL_CLEANUP(al_freep) QUERY_SERVICE_CONFIGW *config = NULL;
    SERVICE_STATUS_PROCESS st = {0};
    DWORD need;
    struct al_fail why = {0};
    int rc = service_open(&h, name, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG, "look at", &why);

    if (rc == AL_ENOENT) {
        *ret = (struct port_service_status){.state = PORT_SERVICE_NONE};
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_pass(fail, rc, &why);
    }
    config = al_zalloc(CONFIG_BYTES);
    if (config == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (state_of(h.service, &st) != AL_OK ||
        !QueryServiceConfigW(h.service, config, CONFIG_BYTES, &need)) {
        return failed(fail, GetLastError(), "look at", name);
    }
    *ret = (struct port_service_status){
        .state = state_name(st.dwCurrentState),
        .pid = st.dwProcessId,
        .exit_code = st.dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR
                         ? st.dwServiceSpecificExitCode
                         : st.dwWin32ExitCode,
    };
    text_of(config->lpServiceStartName, ret->account, sizeof(ret->account));
    text_of(config->lpBinaryPathName, ret->command, sizeof(ret->command));
    return AL_OK;
}
