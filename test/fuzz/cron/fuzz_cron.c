/* Any bytes as a cron expression: errors are UTF-8 sentences; what parses has a sentence and a next moment that is later, and the one after
 * that later still. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/schedule/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static const char *const zones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe",
                                    "America/New_York"};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[SCHEDULE_CRON_BYTES_MAX + 2];
    struct schedule *s = NULL;
    struct al_fail fail = {0};
    struct al_buf said;
    int64_t at = INT64_C(1774137600000000000), next;

    if (size > SCHEDULE_CRON_BYTES_MAX + 1) {
        size = SCHEDULE_CRON_BYTES_MAX + 1;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (schedule_open(text, zones[size % AL_LEN(zones)], &s, &fail) != AL_OK) {
        must(s == NULL && fail.code == AL_EINVAL && fail.text[0] != '\0');
        return 0;
    }
    al_buf_init(&said, SCHEDULE_TEXT_MAX);
    must(schedule_text(s, &said) == AL_OK && said.len > 0 && al_utf8_valid(al_buf_span(&said)));
    al_buf_free(&said);
    for (int i = 0; i < 2; i++) {
        int rc = schedule_next(s, at, &next);

        if (rc == AL_ENOENT) {
            break;
        }
        must(rc == AL_OK && next > at && next % INT64_C(60000000000) == 0);
        at = next;
    }
    (void)schedule_close(s);
    return 0;
}
