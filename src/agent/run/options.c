#include "agent/run/options.h"

#include <string.h>

static const struct option *
find(const struct option *options, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

/* One "--…" at argv[*io_at], and its value where that is the next word. */
static int
read_one(int argc, char **argv, int *io_at, const struct option *options, size_t count,
         struct al_fail *fail)
{
    const char *name = argv[*io_at] + 2, *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct option *o = find(options, count, name, len);

    if (o == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "unknown option --%.*s", (int)(len > 80 ? 80 : len),
                           name);
    }
    if (o->value == NULL) {
        if (equals != NULL) {
            return al_fail_set(fail, AL_EINVAL, 0, "--%s takes no value", o->name);
        }
        *o->flag = true;
        return AL_OK;
    }
    if (equals == NULL && *io_at + 1 >= argc) {
        return al_fail_set(fail, AL_EINVAL, 0, "--%s needs a value", o->name);
    }
    *o->value = equals != NULL ? equals + 1 : argv[++*io_at];
    return AL_OK;
}

int
options_read(int argc, char **argv, const struct option *options, size_t count,
             const char *words[OPTIONS_WORDS_MAX], size_t *ret_words, struct al_fail *fail)
{
    size_t n = 0;
    bool ended = false;

    for (int at = 2; at < argc; at++) {
        int rc;

        if (!ended && strcmp(argv[at], "--") == 0) {
            ended = true;
        } else if (!ended && strncmp(argv[at], "--", 2) == 0) {
            rc = read_one(argc, argv, &at, options, count, fail);
            if (rc != AL_OK) {
                return rc;
            }
        } else if (n == OPTIONS_WORDS_MAX) {
            return al_fail_set(fail, AL_EINVAL, 0, "too many words");
        } else {
            words[n++] = argv[at];
        }
    }
    *ret_words = n;
    return AL_OK;
}
