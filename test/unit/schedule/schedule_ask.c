/* Answers questions on standard input, a line each, for test_zoneinfo.py:
 *   next|CRON|ZONE|AFTER_NS|COUNT            the next COUNT moments, separated by blanks
 *   open|ZONE|DAYS,FROM,TO;...|NOW_NS        "1 UNTIL" or "0 UNTIL" */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/schedule/schedule.h"

static void
answer_next(char *const part[5])
{
    struct schedule *s = NULL;
    struct al_fail fail = {0};
    int64_t at = 0, count = 0;

    if (al_parse_i64(part[3], &at) != AL_OK || al_parse_i64(part[4], &count) != AL_OK ||
        schedule_open(part[1], part[2], &s, &fail) != AL_OK) {
        printf("error %s\n", fail.text);
        return;
    }
    for (int64_t i = 0; i < count && schedule_next(s, at, &at) == AL_OK; i++) {
        printf("%s%" PRId64, i == 0 ? "" : " ", at);
    }
    printf("\n");
    (void)schedule_close(s);
}

static void
answer_open(char *const part[5])
{
    struct schedule_span spans[SCHEDULE_SPANS_MAX];
    struct windows *w = NULL;
    struct al_fail fail = {0};
    int64_t now = 0, until = 0;
    size_t count = 0;
    bool open = false;
    char *rest = part[2], *one;

    while ((one = strsep(&rest, ";")) != NULL && count < SCHEDULE_SPANS_MAX) {
        unsigned days, from, to;

        if (sscanf(one, "%u,%u,%u", &days, &from, &to) != 3) {
            break;
        }
        spans[count++] = (struct schedule_span){(uint8_t)days, (uint16_t)from, (uint16_t)to};
    }
    if (al_parse_i64(part[3], &now) != AL_OK ||
        windows_open(part[1], spans, count, &w, &fail) != AL_OK ||
        windows_at(w, now, &open, &until) != AL_OK) {
        printf("error %s\n", fail.text);
        return;
    }
    printf("%d %" PRId64 "\n", open, until);
    (void)windows_close(w);
}

int
main(void)
{
    char line[1024];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        char none[1] = "", *part[5] = {none, none, none, none, none}, *rest = line;

        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < 5 && rest != NULL; i++) {
            part[i] = strsep(&rest, "|");
        }
        if (strcmp(part[0], "next") == 0) {
            answer_next(part);
        } else {
            answer_open(part);
        }
        fflush(stdout);
    }
    return 0;
}
