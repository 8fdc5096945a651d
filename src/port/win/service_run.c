/* This process as a service, and its words in the event log. */
#include "port/service.h"

#include <string.h>

#include "base/mem.h"
#include "port/process.h"
#include "port/win/win_priv.h"

#define START_MS 30000u /* it may take until the body runs */
#define STOP_MS 60000u  /* told to the manager when it is to stop */
#define EVENT_BYTES 8000u

/* The manager calls back with nothing of ours but a name: one service a process, and this its place. */
static struct {
    wchar_t name[PORT_SERVICE_NAME_MAX];
    int (*body)(void *ctx);
    void *ctx;
    int code;
    SERVICE_STATUS_HANDLE handle;
    SRWLOCK lock; /* of state and what is told: the handler runs on a thread of its own */
    DWORD state;
} self = {.lock = SRWLOCK_INIT};

/* A state is left once and not come back to, whoever is quicker. */
static void
tell(DWORD state, DWORD wait_ms, int code)
{
    SERVICE_STATUS st = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted =
            state == SERVICE_RUNNING
                ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PRESHUTDOWN
                : 0u,
        .dwWin32ExitCode = code != 0 ? ERROR_SERVICE_SPECIFIC_ERROR : NO_ERROR,
        .dwServiceSpecificExitCode = (DWORD)code,
        .dwCheckPoint = wait_ms != 0 ? 1u : 0u,
        .dwWaitHint = wait_ms,
    };

    AcquireSRWLockExclusive(&self.lock);
    if (self.state != SERVICE_STOPPED &&
        !(self.state == SERVICE_STOP_PENDING && state == SERVICE_RUNNING)) {
        self.state = state;
        (void)SetServiceStatus(self.handle, &st); /* nobody is there to be told of a failure */
    }
    ReleaseSRWLockExclusive(&self.lock);
}

static DWORD WINAPI
on_control(DWORD control, DWORD type, void *data, void *ctx)
{
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
    case SERVICE_CONTROL_PRESHUTDOWN:
        tell(SERVICE_STOP_PENDING, STOP_MS, 0);
        win_stop();
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static void WINAPI
service_main(DWORD count, LPWSTR *words)
{
    self.handle = RegisterServiceCtrlHandlerExW(self.name, on_control, NULL);
    if (self.handle == 0) {
        self.code = AL_EIO;
        return;
    }
    self.state = SERVICE_START_PENDING;
    tell(SERVICE_START_PENDING, START_MS, 0);
    tell(SERVICE_RUNNING, 0, 0);
    self.code = self.body(self.ctx);
    tell(SERVICE_STOPPED, 0, self.code);
}

int
port_service_run(const char *name, int (*body)(void *ctx), void *ctx, int *ret_code)
{
    SERVICE_TABLE_ENTRYW table[] = {{self.name, service_main}, {NULL, NULL}};

    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, self.name,
                            AL_LEN(self.name)) <= 0) {
        return AL_EINVAL;
    }
    self.body = body;
    self.ctx = ctx;
    if (!StartServiceCtrlDispatcherW(table)) {
        return GetLastError() == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT ? AL_ENOTSUP
                                                                         : win_code(GetLastError());
    }
    *ret_code = self.code;
    return AL_OK;
}

/* ---- rights ---- */

int
port_rights_on(const char *const *names, size_t count, uint32_t *ret_missing)
{
    wchar_t name[64];
    HANDLE token = NULL;
    uint32_t missing = 0;

    if (count > 32) {
        return AL_EINVAL;
    }
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token)) {
        return win_code(GetLastError());
    }
    for (size_t i = 0; i < count; i++) {
        bool on = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, names[i], -1, name,
                                      AL_LEN(name)) > 0 &&
                  win_privilege_on(token, name);

        missing |= on ? 0u : 1u << i;
    }
    (void)CloseHandle(token); /* ours */
    *ret_missing = missing;
    return AL_OK;
}

/* ---- the event log ---- */

/* events.mc has the same numbers, and a sentence that is the text alone. */
static const struct {
    WORD type;
    DWORD id;
} events[] = {
    [PORT_EVENT_STARTED] = {EVENTLOG_INFORMATION_TYPE, 0x40000001},
    [PORT_EVENT_STOPPED] = {EVENTLOG_INFORMATION_TYPE, 0x40000002},
    [PORT_EVENT_WARNING] = {EVENTLOG_WARNING_TYPE, 0x80000003},
    [PORT_EVENT_ERROR] = {EVENTLOG_ERROR_TYPE, 0xC0000004},
};

void
port_event_write(const char *name, enum port_event event, const char *text)
{
    AL_CLEANUP(al_freep) wchar_t *wide = al_array(EVENT_BYTES + 1, sizeof(*wide));
    wchar_t source[PORT_SERVICE_NAME_MAX];
    size_t len = strnlen(text, EVENT_BYTES);
    const wchar_t *words[1] = {wide};
    HANDLE log;

    if (wide == NULL || event < PORT_EVENT_STARTED || event > PORT_EVENT_ERROR ||
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, source, AL_LEN(source)) <= 0) {
        return;
    }
    while (len > 0 && len == EVENT_BYTES && ((uint8_t)text[len] & 0xc0) == 0x80) {
        len--; /* not in the middle of a letter */
    }
    (void)MultiByteToWideChar(CP_UTF8, 0, text, (int)len, wide, (int)EVENT_BYTES);
    log = RegisterEventSourceW(NULL, source);
    if (log != NULL) {
        (void)ReportEventW(log, events[event].type, 0, events[event].id, NULL, 1, 0, words, NULL);
        (void)DeregisterEventSource(log);
    }
}
