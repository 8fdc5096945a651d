#include "base/result.h"

#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
} code_names[] = {
#define AL_CODE_NAME(name, number, text) {name, text},
    AL_CODES(AL_CODE_NAME)
#undef AL_CODE_NAME
};

const char *
al_code_name(int code)
{
    for (size_t i = 0; i < AL_LEN(code_names); i++) {
        if (code_names[i].code == code) {
            return code_names[i].name;
        }
    }
    return "internal";
}

int
al_code_from_name(const char *name)
{
    for (size_t i = 0; i < AL_LEN(code_names); i++) {
        if (strcmp(code_names[i].name, name) == 0) {
            return code_names[i].code;
        }
    }
    return AL_EINTERNAL;
}

int
al_fail_set(struct al_fail *fail, int code, uint32_t os, const char *format, ...)
{
    va_list args;

    if (fail == NULL || fail->code != AL_OK) {
        return code;
    }
    fail->code = code;
    fail->os = os;
    va_start(args, format);
    (void)vsnprintf(fail->text, sizeof(fail->text), format, args);
    va_end(args);
    return code;
}

int
al_fail_pass(struct al_fail *fail, int code, const struct al_fail *from)
{
    const char *text = from->text[0] != '\0' ? from->text : al_code_name(code);

    return al_fail_set(fail, code, from->os, "%s", text);
}
