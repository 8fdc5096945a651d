/* ask.h on Windows: a child in a job object, so that what it starts ends with it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "port/ask.h"
#include "port/win/win_priv.h"

#define LOOK_MS 20u       /* between two looks at a pipe, which cannot be waited for */
#define END_MS 500u       /* what a killed child may take to be gone */
#define LINE_UNITS 32767u /* of a command line: CreateProcessW */
#define CHUNK 16384u

int
port_mounts(struct al_buf *to)
{
    (void)to;
    return AL_ENOTSUP;
}

static bool
is_program(const char *path)
{
    AL_CLEANUP(al_freep) wchar_t *wide = NULL;
    DWORD attrs;

    if (win_path(path, &wide) != AL_OK) {
        return false;
    }
    attrs = GetFileAttributesW(wide);
    return attrs != INVALID_FILE_ATTRIBUTES && (attrs & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

/* wide as it is filled, '/' between parts. len 0: the call that filled it failed. */
static int
add_path(const wchar_t *wide, DWORD len, struct al_buf *to)
{
    size_t before = to->len;
    int rc;

    if (len == 0 || len >= LINE_UNITS) {
        return len == 0 ? win_code(GetLastError()) : AL_ENAMETOOLONG;
    }
    rc = win_utf8(wide, len, to);
    for (size_t i = before; i < to->len; i++) {
        to->at[i] = to->at[i] == '\\' ? '/' : to->at[i];
    }
    return rc;
}

int
port_program_path(struct al_buf *to)
{
    AL_CLEANUP(al_freep) wchar_t *wide = al_array(LINE_UNITS, sizeof(*wide));

    return wide == NULL ? AL_ENOMEM
                        : add_path(wide, GetModuleFileNameW(NULL, wide, LINE_UNITS), to);
}

int
port_folder_now(struct al_buf *to)
{
    AL_CLEANUP(al_freep) wchar_t *wide = al_array(LINE_UNITS, sizeof(*wide));

    return wide == NULL ? AL_ENOMEM : add_path(wide, GetCurrentDirectoryW(LINE_UNITS, wide), to);
}

int
port_program_find(const char *name, struct al_buf *to)
{
    const char *at = getenv("PATH");
    size_t before = to->len;

    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ";");

        if (len > 2 && at[1] == ':' && (at[2] == '\\' || at[2] == '/')) {
            int rc = al_buf_addf(to, "%.*s/%s.exe", (int)len, at, name);

            if (rc != AL_OK) {
                return rc;
            }
            for (size_t i = before; i < to->len; i++) {
                to->at[i] = to->at[i] == '\\' ? '/' : to->at[i];
            }
            if (is_program((const char *)to->at + before)) {
                return AL_OK;
            }
            to->len = before;
        }
        at += len + (at[len] == ';');
    }
    return AL_ENOENT;
}

/* ---- a child ---- */

static void
close_handle(HANDLE *h)
{
    if (*h != NULL && *h != INVALID_HANDLE_VALUE) {
        (void)CloseHandle(*h); /* fails only for what is no handle */
    }
    *h = NULL;
}

static int
command_line(const struct port_child_conf *conf, wchar_t **ret)
{
    AL_CLEANUP(al_freep) wchar_t *path = NULL;
    wchar_t *line = al_array(LINE_UNITS + 1, sizeof(*line));
    size_t len = 0;
    int rc = win_path(conf->program, &path);

    if (line == NULL || rc != AL_OK) {
        al_free(line);
        return rc != AL_OK ? rc : AL_ENOMEM;
    }
    line[len++] = L'"';
    for (const wchar_t *c = path; *c != L'\0' && len < LINE_UNITS / 2; c++) {
        line[len++] = *c;
    }
    line[len++] = L'"';
    for (size_t i = 0; i < conf->arg_count; i++) {
        line[len++] = L' ';
        for (const char *c = conf->args[i]; *c != '\0' && len < LINE_UNITS - 2; c++) {
            line[len++] = (wchar_t)*c;
        }
    }
    *ret = line;
    return AL_OK;
}

/* Handles of a run. */
struct run {
    HANDLE out, in, nul, job, process, thread;
};

static void
run_end(struct run *r)
{
    close_handle(&r->out);
    close_handle(&r->in);
    close_handle(&r->nul);
    close_handle(&r->job); /* kills what is left in it */
    close_handle(&r->process);
    close_handle(&r->thread);
}

static int
run_begin(struct run *r)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof(inherit), .bInheritHandle = TRUE};
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags =
                                                       JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};

    if (!CreatePipe(&r->out, &r->in, &inherit, 0) ||
        !SetHandleInformation(r->out, HANDLE_FLAG_INHERIT, 0)) {
        return win_code(GetLastError());
    }
    r->nul = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                         &inherit, OPEN_EXISTING, 0, NULL);
    r->job = CreateJobObjectW(NULL, NULL);
    if (r->nul == INVALID_HANDLE_VALUE || r->job == NULL ||
        !SetInformationJobObject(r->job, JobObjectExtendedLimitInformation, &limits,
                                 sizeof(limits))) {
        return win_code(GetLastError());
    }
    return AL_OK;
}

/* Suspended until it is in its job; no handles but these two go with it. */
static int
start(struct run *r, wchar_t *line)
{
    HANDLE handles[2] = {r->in, r->nul};
    STARTUPINFOEXW info = {.StartupInfo = {.cb = sizeof(info),
                                           .dwFlags = STARTF_USESTDHANDLES,
                                           .hStdInput = r->nul,
                                           .hStdOutput = r->in,
                                           .hStdError = r->nul}};
    PROCESS_INFORMATION got = {0};
    AL_CLEANUP(al_freep) void *list = NULL;
    SIZE_T size = 0;
    BOOL ok;

    (void)InitializeProcThreadAttributeList(NULL, 1, 0, &size); /* tells the size by failing */
    list = al_zalloc(size);
    if (list == NULL) {
        return AL_ENOMEM;
    }
    info.lpAttributeList = list;
    if (!InitializeProcThreadAttributeList(info.lpAttributeList, 1, 0, &size)) {
        return win_code(GetLastError());
    }
    ok = UpdateProcThreadAttribute(info.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                   handles, sizeof(handles), NULL, NULL) &&
         CreateProcessW(NULL, line, NULL, NULL, TRUE,
                        CREATE_SUSPENDED | CREATE_NO_WINDOW | EXTENDED_STARTUPINFO_PRESENT, NULL,
                        NULL, &info.StartupInfo, &got);
    DWORD error = ok ? 0 : GetLastError();
    DeleteProcThreadAttributeList(info.lpAttributeList);
    if (!ok) {
        return win_code(error);
    }
    r->process = got.hProcess;
    r->thread = got.hThread;
    close_handle(&r->in);
    ok = AssignProcessToJobObject(r->job, r->process) && ResumeThread(r->thread) != (DWORD)-1;
    if (!ok) {
        error = GetLastError();
        (void)TerminateProcess(r->process, 1); /* it never ran */
        return win_code(error);
    }
    return AL_OK;
}

static void
drain(HANDLE out, struct al_buf *to, bool *io_over)
{
    uint8_t chunk[CHUNK];
    DWORD there = 0, got = 0;

    while (!*io_over && PeekNamedPipe(out, NULL, 0, NULL, &there, NULL) && there > 0 &&
           ReadFile(out, chunk, there < CHUNK ? there : CHUNK, &got, NULL) && got > 0) {
        *io_over = al_buf_add(to, chunk, got) != AL_OK;
    }
}

static int
watch(struct run *r, const struct port_child_conf *conf, struct al_buf *to, int *ret_status)
{
    int64_t until_ns = port_mono_ns(port_native()) + conf->timeout_ns;
    bool over = false, ended = false, stopped = false;
    DWORD status = 0;

    while (!ended && !over && !stopped && port_mono_ns(port_native()) < until_ns) {
        ended = WaitForSingleObject(r->process, LOOK_MS) == WAIT_OBJECT_0;
        drain(r->out, to, &over);
        stopped = !ended && conf->stop != NULL && conf->stop(conf->ctx);
    }
    if (!ended) {
        (void)TerminateJobObject(r->job, 1); /* what does not end by it is looked for below */
    }
    if (!ended && !over) {
        return stopped ? AL_ECANCELED : AL_ETIMEDOUT;
    }
    if (over) {
        al_buf_free(to);
        return AL_ELIMIT;
    }
    if (!GetExitCodeProcess(r->process, &status)) {
        return win_code(GetLastError());
    }
    *ret_status = (int)status;
    return AL_OK;
}

int
port_child_run(struct port_child *c, const struct port_child_conf *conf, struct al_buf *to,
               int *ret_status)
{
    AL_CLEANUP(al_freep) wchar_t *line = NULL;
    HANDLE left = (HANDLE)(intptr_t)c->left;
    struct run r = {0};
    int rc;

    if (left != NULL) {
        if (WaitForSingleObject(left, 0) == WAIT_TIMEOUT) {
            return AL_EBUSY;
        }
        close_handle(&left);
        c->left = 0;
    }
    if (conf->arg_count > PORT_CHILD_ARGS_MAX) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i < conf->arg_count; i++) {
        if (!port_child_arg_ok(conf->args[i])) {
            return AL_EINVAL;
        }
    }
    rc = command_line(conf, &line);
    rc = rc != AL_OK ? rc : run_begin(&r);
    rc = rc != AL_OK ? rc : start(&r, line);
    rc = rc != AL_OK ? rc : watch(&r, conf, to, ret_status);
    if ((rc == AL_ETIMEDOUT || rc == AL_ELIMIT || rc == AL_ECANCELED) &&
        WaitForSingleObject(r.process, END_MS) == WAIT_TIMEOUT) {
        c->left = (int64_t)(intptr_t)r.process;
        r.process = NULL;
    }
    run_end(&r);
    return rc;
}
