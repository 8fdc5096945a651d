/* options.h: reading a command line: "--name VALUE", "--name=VALUE", "--flag", and words. Long
 * names only; "--" ends them. */
#ifndef ALTO_AGENT_RUN_OPTIONS_H
#define ALTO_AGENT_RUN_OPTIONS_H

#include "base/result.h"

struct option {
    const char *name;   /* without the dashes */
    const char **value; /* where the value goes; NULL: a flag */
    bool *flag;
};

#define OPTIONS_WORDS_MAX 8u

/* Everything behind argv[1]. words gets what is no option. AL_EINVAL with the sentence in fail. */
int options_read(int argc, char **argv, const struct option *options, size_t count,
                 const char *words[OPTIONS_WORDS_MAX], size_t *ret_words,
                 struct al_fail *fail) AL_MUST_CHECK;

#endif
