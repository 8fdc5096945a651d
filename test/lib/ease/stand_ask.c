/* stand_ask.c: TEST CODE. For programs that load the stand-in and know nothing of it, as the agent itself: where
 * STAND_ASK names a folder, or, for services, which have an environment of their own, a file beside the DLL with
 * ".ask" behind its name holds that of one, a thread reads there what an application shall do, and does it:
 *
 *   NAME.ask   "read PATH" or "stub PATH"   ─▶   NAME.got (the bytes that were read), then NAME.end ("ok", or why not)
 */
#include "stand_priv.h"

#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <dirent.h>
#endif

#define LOOK_MS 20u
#define LINE_MAX 4096
#define READ_MAX (256u << 20)
#define READER 4242u /* process id of whoever reads */

static char folder[LINE_MAX];

static FILE *
open_in(const char *name, const char *tail, const char *mode)
{
    char path[2 * LINE_MAX + 16];
    uint16_t units[STAND_PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s%s", folder, name, tail);
    stand_units(path, units);
    return stand_fopen(units, mode);
}

static void
end(const char *name, const char *text)
{
    FILE *f = open_in(name, ".end", "wb");

    if (f != NULL) {
        (void)fputs(text, f);
        (void)fclose(f);
    }
}

static const char *
do_read(const char *name, const char *path)
{
    static const char *const why[] = {"ok",       "denied",    "timeout", "left",
                                      "excluded", "no client", "broken"};
    uint8_t *bytes = malloc(READ_MAX);
    size_t len = 0;
    int rc =
        bytes != NULL ? stand_functions.read(path, READER, 0, bytes, READ_MAX, &len) : STAND_BROKEN;
    FILE *f = rc == STAND_OK ? open_in(name, ".got", "wb") : NULL;

    if (f != NULL) {
        rc = fwrite(bytes, 1, len, f) == len ? rc : STAND_BROKEN;
        rc = fclose(f) == 0 ? rc : STAND_BROKEN;
    } else if (rc == STAND_OK) {
        rc = STAND_BROKEN;
    }
    free(bytes);
    return why[-rc];
}

static void
one(const char *name)
{
    char line[LINE_MAX] = "";
    FILE *f = open_in(name, ".end", "rb");

    if (f != NULL) { /* done already */
        (void)fclose(f);
        return;
    }
    f = open_in(name, ".ask", "rb");
    if (f == NULL) {
        return;
    }
    line[fread(line, 1, sizeof(line) - 1, f)] = '\0';
    (void)fclose(f);
    if (strncmp(line, "read ", 5) == 0) {
        end(name, do_read(name, line + 5));
    } else if (strncmp(line, "stub ", 5) == 0) {
        end(name, stand_functions.is_stub(line + 5) ? "stub" : "file");
    }
}

static void
one_of(const char *file)
{
    char name[LINE_MAX];
    size_t len = strlen(file);

    if (len > 4 && len < sizeof(name) && strcmp(file + len - 4, ".ask") == 0) {
        memcpy(name, file, len - 4);
        name[len - 4] = '\0';
        one(name);
    }
}

static void
look(void)
{
#ifdef _WIN32
    char mask[LINE_MAX + 8];
    WIN32_FIND_DATAA found;
    HANDLE h;

    (void)snprintf(mask, sizeof(mask), "%s/*.ask", folder);
    h = FindFirstFileA(mask, &found);
    for (BOOL more = h != INVALID_HANDLE_VALUE; more; more = FindNextFileA(h, &found)) {
        one_of(found.cFileName);
    }
    if (h != INVALID_HANDLE_VALUE) {
        (void)FindClose(h);
    }
#else
    DIR *d = opendir(folder);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        one_of(e->d_name);
    }
    if (d != NULL) {
        (void)closedir(d);
    }
#endif
}

static void *
ask_main(void *arg)
{
    for (;;) {
        look();
        stand_sleep_ms(LOOK_MS);
    }
    return arg;
}

#ifdef _WIN32
static const char *
beside(void)
{
    static char text[LINE_MAX];
    char path[MAX_PATH + 8];
    HMODULE self = NULL;
    FILE *f = NULL;

    if (GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                               GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           (const char *)(uintptr_t)stand_ask_begin, &self) &&
        GetModuleFileNameA(self, path, MAX_PATH) > 0) {
        (void)strcat(path, ".ask");
        f = fopen(path, "rb");
    }
    if (f == NULL) {
        return NULL;
    }
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    return text;
}
#else
static const char *
beside(void)
{
    return NULL;
}
#endif

void
stand_ask_begin(void)
{
    static bool begun;
    const char *where = getenv("STAND_ASK") != NULL ? getenv("STAND_ASK") : beside();
    pthread_t thread;

    if (begun || where == NULL || strlen(where) >= sizeof(folder)) {
        return;
    }
    begun = true;
    (void)snprintf(folder, sizeof(folder), "%s", where);
    if (pthread_create(&thread, NULL, ask_main, NULL) == 0) {
        (void)pthread_detach(thread);
    }
}
