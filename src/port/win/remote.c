#include "port/remote.h"

#include <string.h>

#include "port/win/win_priv.h"

#include <winnetwk.h>

#include "base/mem.h"
#include "port/thread.h"

#define AGAIN_NS 50000000 /* between two cuts: the thread may just have been between two calls */
#define NS_PER_MS 1000000

struct port_watch {
    port_mutex mutex;
    port_cond wake;
    struct port_thread thread;
    HANDLE who; /* the user thread */
    DWORD who_id;
    int64_t due_ns; /* 0: nobody is watched */
    bool late, over;
};

static void *
watch_main(void *arg)
{
    struct port_watch *w = arg;

    port_mutex_lock(&w->mutex);
    while (!w->over) {
        int64_t left = w->due_ns - port_mono_ns(port_native());

        if (w->due_ns == 0) {
            port_cond_wait(&w->wake, &w->mutex);
        } else if (left > 0) {
            (void)port_cond_wait_for(&w->wake, &w->mutex, left);
        } else {
            w->late = true;
            /* With the mutex held, so that it is over when port_watch_end returns. Finding nothing to
             * cut is no failure. */
            (void)CancelSynchronousIo(w->who);
            (void)port_cond_wait_for(&w->wake, &w->mutex, AGAIN_NS);
        }
    }
    port_mutex_unlock(&w->mutex);
    return NULL;
}

int
port_watch_new(struct port_watch **ret)
{
    struct port_watch *w = al_zalloc(sizeof(*w));
    int rc;

    if (w == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&w->mutex);
    port_cond_init(&w->wake);
    rc = port_thread_start(&w->thread, "watch", 0, watch_main, w);
    if (rc != AL_OK) {
        port_cond_end(&w->wake);
        port_mutex_end(&w->mutex);
        al_free(w);
        return rc;
    }
    *ret = w;
    return AL_OK;
}

struct port_watch *
port_watch_free(struct port_watch *w)
{
    if (w == NULL) {
        return NULL;
    }
    port_mutex_lock(&w->mutex);
    w->over = true;
    port_cond_signal(&w->wake);
    port_mutex_unlock(&w->mutex);
    port_thread_join(&w->thread);
    if (w->who != NULL) {
        (void)CloseHandle(w->who); /* ours */
    }
    port_cond_end(&w->wake);
    port_mutex_end(&w->mutex);
    al_free(w);
    return NULL;
}

void
port_watch_begin(struct port_watch *w, uint32_t limit_ms)
{
    DWORD me = GetCurrentThreadId();

    port_mutex_lock(&w->mutex);
    if (w->who_id != me) {
        if (w->who != NULL) {
            (void)CloseHandle(w->who); /* ours */
        }
        w->who = OpenThread(THREAD_TERMINATE, FALSE, me); /* what CancelSynchronousIo asks for */
        w->who_id = w->who != NULL ? me : 0;
    }
    w->late = false;
    w->due_ns = port_mono_ns(port_native()) + (int64_t)limit_ms * NS_PER_MS;
    port_cond_signal(&w->wake);
    port_mutex_unlock(&w->mutex);
}

bool
port_watch_end(struct port_watch *w)
{
    bool late;

    port_mutex_lock(&w->mutex);
    late = w->late;
    w->due_ns = 0;
    w->late = false;
    port_mutex_unlock(&w->mutex);
    return late;
}

/* ---- the wire ---- */

/* ntifs.h, REMOTE_PROTOCOL_FLAG_; told since Windows 8 */
#define FLAG_PRIVACY 0x8u
#define FLAG_INTEGRITY 0x10u

int
port_wire_of(struct port_file *f, uint32_t *ret)
{
    FILE_REMOTE_PROTOCOL_INFO info = {0};

    if (!GetFileInformationByHandleEx(f->handle, FileRemoteProtocolInfo, &info, sizeof(info)) ||
        info.StructureVersion < 2 || info.Protocol != WNNC_NET_LANMAN) {
        return AL_ENOTSUP;
    }
    *ret = (info.Flags & FLAG_PRIVACY) != 0     ? PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED
           : (info.Flags & FLAG_INTEGRITY) != 0 ? PORT_WIRE_SIGNED
                                                : 0u;
    return AL_OK;
}

#define REQUIRE_INTEGRITY 0x4000u /* winnetwk.h, CONNECT_REQUIRE_; mingw's lacks both */
#define REQUIRE_PRIVACY 0x8000u

int
port_wire_demand(const char *share, uint32_t wire)
{
    wchar_t name[1024];
    NETRESOURCEW where = {.dwType = RESOURCETYPE_DISK, .lpRemoteName = name};
    DWORD flags = CONNECT_TEMPORARY | ((wire & PORT_WIRE_SIGNED) != 0 ? REQUIRE_INTEGRITY : 0u) |
                  ((wire & PORT_WIRE_ENCRYPTED) != 0 ? REQUIRE_PRIVACY : 0u);
    DWORD error;

    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, share, -1, name, AL_LEN(name)) <= 0) {
        return AL_EINVAL;
    }
    for (wchar_t *c = name; *c != L'\0'; c++) {
        *c = *c == L'/' ? L'\\' : *c;
    }
    error = WNetAddConnection2W(&where, NULL, NULL, flags);
    SetLastError(error);
    return error == NO_ERROR ? AL_OK : win_code(error);
}
