/* log.h: one line of text for people, with a level. Libraries log at debug only; the program around
 * them decides. A log is passed by pointer, never global; NULL is a log that says nothing. Any
 * thread. */
#ifndef ALTO_BASE_LOG_H
#define ALTO_BASE_LOG_H

#include "base/result.h"

enum al_log_level { AL_LOG_ERROR, AL_LOG_WARN, AL_LOG_INFO, AL_LOG_DEBUG };

struct al_log {
    enum al_log_level level; /* lines above it are dropped */
    /* Writes one line (text without newline). Must be safe from any thread. */
    void (*write)(void *ctx, enum al_log_level level, const char *text);
    void *ctx;
};

void al_log(struct al_log *log, enum al_log_level level, const char *format, ...) AL_PRINTF(3, 4);

#endif
