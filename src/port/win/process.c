#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "port/process.h"
#include "port/win/win_priv.h"

#include <tlhelp32.h>

/* A console handler has no argument: this is the one place that must be global. */
static HANDLE stop_event;

static BOOL WINAPI
on_stop(DWORD type)
{
    (void)type;
    return SetEvent(stop_event);
}

void
port_stop_catch(void)
{
    stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    (void)SetConsoleCtrlHandler(on_stop,
                                TRUE); /* without a console there is nobody to press Ctrl-C */
}

void
win_stop(void)
{
    (void)SetEvent(stop_event); /* ours, made before any thread */
}

bool
port_stop_wanted(void)
{
    return WaitForSingleObject(stop_event, 0) == WAIT_OBJECT_0;
}

bool
port_stop_wait(int64_t timeout_ns)
{
    return WaitForSingleObject(stop_event, (DWORD)(timeout_ns / 1000000)) == WAIT_OBJECT_0;
}

const char *
port_env(const char *name)
{
    return getenv(name);
}

uint32_t
port_pid(void)
{
    return GetCurrentProcessId();
}

/* The part behind the last '\\'. */
static int
name_out(const wchar_t *path, char to[PORT_PROCESS_NAME_MAX])
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 1u << 18};
    const wchar_t *slash = wcsrchr(path, L'\\'), *name = slash != NULL ? slash + 1 : path;
    int rc = win_utf8(name, wcslen(name), &text);

    if (rc == AL_OK) {
        (void)snprintf(to, PORT_PROCESS_NAME_MAX, "%s", text.len > 0 ? (const char *)text.at : "");
    }
    return rc != AL_OK || to[0] != '\0' ? rc : AL_ENOENT;
}

/* Of a process that may not be opened: the list of all has every name, and takes some ms. */
static int
name_of_list(DWORD pid, char to[PORT_PROCESS_NAME_MAX])
{
    PROCESSENTRY32W one = {.dwSize = sizeof(one)};
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    int rc = AL_ENOENT;

    if (list == INVALID_HANDLE_VALUE) {
        return win_code(GetLastError());
    }
    for (BOOL more = Process32FirstW(list, &one); more; more = Process32NextW(list, &one)) {
        if (one.th32ProcessID == pid) {
            rc = name_out(one.szExeFile, to);
            break;
        }
    }
    (void)CloseHandle(list); /* ours */
    return rc;
}

#define IMAGE_UNITS 32768u /* no path is longer */

int
port_process_name(uint32_t pid, char to[PORT_PROCESS_NAME_MAX])
{
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    AL_CLEANUP(al_freep) wchar_t *path = NULL;
    DWORD units = IMAGE_UNITS;
    int rc;

    if (process == NULL) {
        return GetLastError() == ERROR_INVALID_PARAMETER ? AL_ENOENT : name_of_list(pid, to);
    }
    path = al_array(IMAGE_UNITS, sizeof(*path));
    rc = path == NULL                                            ? AL_ENOMEM
         : !QueryFullProcessImageNameW(process, 0, path, &units) ? win_code(GetLastError())
                                                                 : name_out(path, to);
    (void)CloseHandle(process); /* ours */
    return rc;
}

unsigned
port_cpus(void)
{
    DWORD n = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);

    return n < 1 ? 1 : (unsigned)n;
}

void
port_memory_lean(void)
{
}

void
port_memory_trim(void)
{
    (void)HeapCompact(GetProcessHeap(), 0); /* best effort */
}

bool
port_is_tty(int fd_number, unsigned *ret_columns)
{
    HANDLE h = GetStdHandle(fd_number == 1 ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE);
    CONSOLE_SCREEN_BUFFER_INFO info;

    *ret_columns = 80;
    if (!GetConsoleScreenBufferInfo(h, &info)) {
        return false;
    }
    *ret_columns = (unsigned)(info.srWindow.Right - info.srWindow.Left + 1);
    return true;
}

int
port_ask_secret(const char *prompt, char *to, size_t cap)
{
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE), out = GetStdHandle(STD_ERROR_HANDLE);
    DWORD shown, n;
    size_t len = 0;
    bool got = false;
    char c = 0;

    if (!GetConsoleMode(in, &shown)) {
        return AL_ENOTSUP;
    }
    if (!SetConsoleMode(in, shown & ~(DWORD)ENABLE_ECHO_INPUT)) {
        return AL_EIO;
    }
    (void)WriteFile(out, prompt, (DWORD)strlen(prompt), &n,
                    NULL); /* a prompt that is not seen is no reason to fail */
    while (ReadFile(in, &c, 1, &n, NULL) && n == 1 && c != '\n') {
        got = true;
        if (c != '\r' && len < cap) {
            to[len] = c;
        }
        len += c != '\r';
    }
    (void)SetConsoleMode(in, shown);
    (void)WriteFile(out, "\r\n", 2, &n, NULL);
    if (!got) {
        return AL_ENODATA;
    }
    if (len >= cap) {
        return AL_ELIMIT;
    }
    to[len] = '\0';
    return AL_OK;
}
