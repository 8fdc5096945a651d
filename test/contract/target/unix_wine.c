#include "unix.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define PATIENCE_MS 120000u

static bool
put(const char *name, const char *to, const char *text)
{
    FILE *f = fopen(name, "wb");

    /* What was moved may be read and gone before Wine has come back to look at it: then it says that the move failed. */
    return f && fputs(text, f) >= 0 && fclose(f) == 0 && (MoveFileA(name, to) || GetFileAttributesA(name) == INVALID_FILE_ATTRIBUTES);
}

int
unix_run(const char *command, char *out, size_t cap)
{
    static unsigned count;
    const char *folder = getenv("ALTO_UNIX");
    char part[600], ask[600], answer[600];
    int status = -1;
    FILE *f;

    if (!folder) {
        return -1;
    }
    count++;
    (void)snprintf(part, sizeof(part), "%s/%u.part", folder, count);
    (void)snprintf(ask, sizeof(ask), "%s/%u.do", folder, count);
    (void)snprintf(answer, sizeof(answer), "%s/%u.done", folder, count);
    if (!put(part, ask, command)) {
        return -1;
    }
    for (unsigned i = 0; i < PATIENCE_MS / 5; i++) {
        f = fopen(answer, "rb");
        if (f) {
            if (fscanf(f, "%d", &status) != 1 || fgetc(f) != '\n') {
                status = -1;
            }
            out[fread(out, 1, cap - 1, f)] = '\0';
            (void)fclose(f);
            (void)DeleteFileA(answer);
            return status;
        }
        Sleep(5);
    }
    return -1;
}
