/* How the audit logs of a volume are read, as people set it. */
#include "server/service/noun/volume.h"

#include <string.h>

#define AUDIT_TEXT_MAX ((size_t)1 << 19) /* bytes: four full lists, escaped, fit */

static const char *const lists[] = {"drop_users", "drop_hosts", "drop_nodes", "logs"};

bool
volume_is_audited(const struct store_volume *v)
{
    return strcmp(v->kind, "lucidlink") == 0;
}

static int
known_keys(const json_t *o, struct al_fail *fail)
{
    static const char *const others[] = {"root", "prehydrate", "silence_hours"};
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        bool known = false;

        for (size_t i = 0; i < AL_LEN(lists); i++) {
            known = known || strcmp(lists[i], key) == 0;
        }
        for (size_t i = 0; i < AL_LEN(others); i++) {
            known = known || strcmp(others[i], key) == 0;
        }
        if (!known) {
            return al_fail_set(fail, AL_EINVAL, 0,
                               "\"audit\": \"%.60s\" is nothing that can be set here", key);
        }
    }
    return AL_OK;
}

static bool
has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static int
put_root(const json_t *v, struct al_jsonout *j, struct al_fail *fail)
{
    const char *text = v == NULL ? "" : json_string_value(v), *wrong;

    if (text == NULL || json_string_length(v) > VOLUME_PATH_MAX ||
        (v != NULL && has_control(text, json_string_length(v)))) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"audit\": \"root\" is a path of at most %u bytes without control "
                           "characters, or empty",
                           VOLUME_PATH_MAX);
    }
    wrong = text[0] == '\0' ? NULL : volume_path_wrong(text);
    if (wrong != NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"audit\": \"root\" %s", wrong);
    }
    al_jo_str(j, "root", text);
    return AL_OK;
}

/* Endings of names are told without the folders before them. */
static int
put_list(const char *key, const json_t *v, struct al_jsonout *j, struct al_fail *fail)
{
    bool endings = strcmp(key, "logs") == 0;

    if (v != NULL && (!json_is_array(v) || json_array_size(v) > VOLUME_AUDIT_NAMES_MAX)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"audit\": \"%s\" is a list of at most %u texts",
                           key, VOLUME_AUDIT_NAMES_MAX);
    }
    al_jo_array(j, key);
    for (size_t i = 0; v != NULL && i < json_array_size(v); i++) {
        const char *text = json_string_value(json_array_get(v, i));
        size_t len = text == NULL ? 0 : json_string_length(json_array_get(v, i));

        if (len == 0 || len > VOLUME_AUDIT_NAME_MAX || has_control(text, len)) {
            return al_fail_set(fail, AL_EINVAL, 0,
                               "\"audit\": each of \"%s\" has 1 to %u bytes without control "
                               "characters",
                               key, VOLUME_AUDIT_NAME_MAX);
        }
        if (endings && strchr(text, '/') != NULL) {
            return al_fail_set(fail, AL_EINVAL, 0,
                               "\"audit\": each of \"logs\" is the ending of a name, like .jsonl");
        }
        al_jo_str(j, NULL, text);
    }
    al_jo_close(j);
    return AL_OK;
}

static int
put_all(const json_t *asked, const json_t *was, struct al_jsonout *j, struct al_fail *fail)
{
#define OF(key)                                                                                    \
    (json_object_get(asked, key) != NULL ? json_object_get(asked, key) : json_object_get(was, key))
    const json_t *prehydrate = OF("prehydrate"), *hours = OF("silence_hours");

    al_jo_object(j, NULL);
    SV_TRY(put_root(OF("root"), j, fail));
    if (prehydrate != NULL && !json_is_boolean(prehydrate)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"audit\": \"prehydrate\" is true or false");
    }
    al_jo_bool(j, "prehydrate", json_is_true(prehydrate));
    if (hours != NULL && (!json_is_integer(hours) || json_integer_value(hours) < 1 ||
                          json_integer_value(hours) > VOLUME_SILENCE_HOURS_MAX)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"audit\": \"silence_hours\" is a whole number from 1 to %u",
                           VOLUME_SILENCE_HOURS_MAX);
    }
    al_jo_u64(j, "silence_hours",
              hours == NULL ? VOLUME_SILENCE_HOURS : (uint64_t)json_integer_value(hours));
    for (size_t i = 0; i < AL_LEN(lists); i++) {
        SV_TRY(put_list(lists[i], OF(lists[i]), j, fail));
    }
#undef OF
    al_jo_close(j);
    return al_jo_end(j);
}

int
volume_audit_read(struct service_req *req, struct store_volume *io, struct al_fail *fail)
{
    const json_t *asked = json_object_get(req->body, "audit");
    AL_CLEANUP(al_json_freep) json_t *was = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = AUDIT_TEXT_MAX};
    struct al_jsonout j;

    if (!volume_is_audited(io)) {
        return asked == NULL
                   ? AL_OK
                   : al_fail_set(fail, AL_EINVAL, 0,
                                 "\"audit\": only volumes of kind lucidlink have audit logs");
    }
    if (asked != NULL && !json_is_object(asked)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"audit\" is an object");
    }
    SV_TRY(asked == NULL ? AL_OK : known_keys(asked, fail));
    if (io->audit != NULL) {
        SV_TRY(al_json_parse(al_span_of(io->audit), &was, fail));
    }
    al_jo_begin(&j, &text);
    SV_TRY(put_all(asked, was, &j, fail));
    io->audit = al_arena_str(req->arena, (const char *)text.at);
    return io->audit == NULL ? al_fail_set(fail, AL_ENOMEM, 0, "out of memory") : AL_OK;
}
