/* uri.h: the request target, decoded strictly, once. What is not plainly right is refused, since
 * whatever two programs read differently is a hole between them:
 *
 *   path    absolute form and "*" refused; "%" must be two hex digits; %00 and control characters
 *           refused; %2F stays data inside a part and is therefore refused; the result must be
 *           valid UTF-8 (overlong forms are not) without empty, "." or ".." parts
 *   query   name=value&...; "+" is a blank; the same "%" rules; %00 refused; values are bytes,
 *           valid UTF-8; a name twice is refused
 *
 * Any thread; all memory is the arena's. */
#ifndef ALTO_SERVER_API_URI_H
#define ALTO_SERVER_API_URI_H

#include "base/arena.h"
#include "server/api/limits.h"

struct uri {
    /* decoded, begins with "/"; "/" alone is the root, else no "/" at the end but where the request
     * had one */
    const char *path;
    size_t params;
    struct {
        const char *name, *value; /* decoded */
    } param[API_QUERY_PARAMS_MAX];
};

/* AL_EINVAL with what is wrong, AL_ELIMIT for a path too long or too many parameters, AL_ENOMEM. */
int uri_parse(const char *raw, struct al_arena *arena, struct uri *ret,
              struct al_fail *fail) AL_MUST_CHECK;
/* NULL: absent. */
const char *uri_param(const struct uri *u, const char *name);

#endif
