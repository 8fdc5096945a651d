/* A program that stands in for another one in tests: prints the file beside it that is named by its arguments ("list.txt",
 * "--instance_2001_status.txt"), and ends with 3 where there is none. What a first line says is done instead:
 *   HANG  never ends       FLOOD  prints without end       EXIT N  ends with N */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#define nap() Sleep(1000)
#else
#include <unistd.h>
#define nap() sleep(1)
#endif

int
main(int argc, char **argv)
{
    char path[4000], line[200] = "";
    size_t len = strlen(argv[0]);
    FILE *f;
    int c;

    while (len > 0 && argv[0][len - 1] != '/' && argv[0][len - 1] != '\\') {
        len--;
    }
    snprintf(path, sizeof(path), "%.*s", (int)len, argv[0]);
    for (int i = 1; i < argc; i++) {
        len = strlen(path);
        snprintf(path + len, sizeof(path) - len, "%s%s", i > 1 ? "_" : "", argv[i]);
    }
    len = strlen(path);
    snprintf(path + len, sizeof(path) - len, ".txt");
    f = fopen(path, "rb");
    if (f == NULL) {
        return 3;
    }
    if (fgets(line, sizeof(line), f) == NULL) {
        return 0;
    }
    while (strncmp(line, "HANG", 4) == 0) {
        nap();
    }
    while (strncmp(line, "FLOOD", 5) == 0) {
        puts("flood flood flood flood flood flood flood flood");
    }
    if (strncmp(line, "EXIT ", 5) == 0) {
        return atoi(line + 5);
    }
    fputs(line, stdout);
    while ((c = getc(f)) != EOF) {
        putchar(c);
    }
    return 0;
}
