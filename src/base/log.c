#include "base/log.h"

#include <stdio.h>

#define LOG_LINE_MAX 2048 /* bytes; longer lines are cut */

void
al_log(struct al_log *log, enum al_log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;

    if (log == NULL || level > log->level) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log->write(log->ctx, level, line);
}
