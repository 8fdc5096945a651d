#include <stdlib.h>
#include <string.h>

#include "port/process.h"
#include "port/win/win_priv.h"

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
