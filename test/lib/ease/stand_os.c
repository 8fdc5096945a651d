/* stand_os.c: TEST CODE. */
#include "stand_os.h"

#include <string.h>
#include <time.h>
#ifdef _WIN32
#include <io.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

void
stand_units(const char *path, uint16_t to[STAND_PATH_MAX])
{
    const uint8_t *at = (const uint8_t *)path;
    size_t n = 0;

    while (*at != 0 && n + 3 < STAND_PATH_MAX) {
        unsigned more = *at < 0x80 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;
        uint32_t c = more == 0 ? *at : *at & (0x3fu >> more);

        for (at++; more > 0 && *at != 0; more--) {
            c = c << 6 | (*at++ & 0x3f);
        }
        if (c >= 0x10000) {
            to[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        to[n++] = c == '/' ? '\\' : (uint16_t)c;
    }
    to[n] = 0;
}

#ifdef _WIN32

FILE *
stand_fopen(const uint16_t *path, const char *mode)
{
    wchar_t wide[8] = {0};

    for (size_t i = 0; i < 7 && mode[i] != '\0'; i++) {
        wide[i] = (wchar_t)mode[i];
    }
    return _wfopen((const wchar_t *)path, wide);
}

bool
stand_resize(FILE *f, int64_t size)
{
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = size}; /* _chsize_s would write zeros */

    return fflush(f) == 0 && SetFileInformationByHandle((HANDLE)_get_osfhandle(_fileno(f)), FileEndOfFileInfo, &end, sizeof(end));
}

bool
stand_replace(const uint16_t *a, const uint16_t *b)
{
    /* A driver is in the kernel: nobody's open handle keeps it out for long. */
    for (int i = 0; i < 500; i++) {
        if (MoveFileExW((const wchar_t *)a, (const wchar_t *)b, MOVEFILE_REPLACE_EXISTING)) {
            return true;
        }
        if (GetLastError() != ERROR_ACCESS_DENIED && GetLastError() != ERROR_SHARING_VIOLATION) {
            return false;
        }
        Sleep(2);
    }
    return false;
}

void *
stand_handle(const uint16_t *path)
{
    HANDLE h = CreateFileW((const wchar_t *)path, GENERIC_READ,
                           FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                           OPEN_EXISTING, 0, NULL);

    return h == INVALID_HANDLE_VALUE ? NULL : h;
}

uint64_t
stand_file_id(const uint16_t *path)
{
    BY_HANDLE_FILE_INFORMATION info = {0};
    void *h = stand_handle(path);

    if (h == NULL) {
        return 0;
    }
    if (!GetFileInformationByHandle(h, &info)) {
        info.nFileIndexLow = info.nFileIndexHigh = 0;
    }
    (void)CloseHandle(h);
    return (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
}

void
stand_sleep_ms(unsigned ms)
{
    Sleep(ms);
}

int64_t
stand_filetime(void)
{
    FILETIME t;

    GetSystemTimeAsFileTime(&t);
    return (int64_t)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime);
}

#else

/* Back to bytes: WTF-8 with '/'. */
static void
bytes_of(const uint16_t *path, char to[4 * STAND_PATH_MAX])
{
    size_t n = 0;

    for (size_t i = 0; path[i] != 0 && n + 5 < 4 * STAND_PATH_MAX; i++) {
        uint32_t c = path[i];

        if (c >= 0xd800 && c < 0xdc00 && path[i + 1] >= 0xdc00 && path[i + 1] < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (path[++i] - 0xdc00u);
        }
        if (c < 0x80) {
            to[n++] = c == '\\' ? '/' : (char)c;
        } else if (c < 0x800) {
            to[n++] = (char)(0xc0 | c >> 6);
            to[n++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            to[n++] = (char)(0xe0 | c >> 12);
            to[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            to[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            to[n++] = (char)(0xf0 | c >> 18);
            to[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            to[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            to[n++] = (char)(0x80 | (c & 0x3f));
        }
    }
    to[n] = '\0';
}

FILE *
stand_fopen(const uint16_t *path, const char *mode)
{
    char bytes[4 * STAND_PATH_MAX];

    bytes_of(path, bytes);
    return fopen(bytes, mode);
}

bool
stand_resize(FILE *f, int64_t size)
{
    return fflush(f) == 0 && ftruncate(fileno(f), size) == 0;
}

bool
stand_replace(const uint16_t *a, const uint16_t *b)
{
    char from[4 * STAND_PATH_MAX], to[4 * STAND_PATH_MAX];

    bytes_of(a, from);
    bytes_of(b, to);
    return rename(from, to) == 0;
}

void *
stand_handle(const uint16_t *path)
{
    char bytes[4 * STAND_PATH_MAX];
    int fd;

    bytes_of(path, bytes);
    fd = open(bytes, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? NULL : (void *)(intptr_t)fd;
}

uint64_t
stand_file_id(const uint16_t *path)
{
    char bytes[4 * STAND_PATH_MAX];
    struct stat st;

    bytes_of(path, bytes);
    return stat(bytes, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

void
stand_sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL);
}

int64_t
stand_filetime(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 10000000 + t.tv_nsec / 100 + 116444736000000000LL;
}

#endif

uint64_t
stand_now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
