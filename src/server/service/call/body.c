#include "server/service/call/call.h"

#include <string.h>

int
service_body(const struct service_req *req, struct al_fail *fail)
{
    if (req->body == NULL || !json_is_object(req->body)) {
        return al_fail_set(fail, AL_EINVAL, 0, "the body is a JSON object");
    }
    return AL_OK;
}

int
service_body_keys(const struct service_req *req, const char *const *known, struct al_fail *fail)
{
    const char *key;
    json_t *value;

    SV_TRY(service_body(req, fail));
    /* jansson's iterators take a writable object and leave it as it is */
    json_object_foreach((json_t *)(uintptr_t)req->body, key, value)
    {
        size_t i = 0;

        while (known[i] != NULL && strcmp(known[i], key) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"%.60s\" is nothing that can be set here",
                               key);
        }
    }
    return AL_OK;
}

bool
service_body_has(const struct service_req *req, const char *key)
{
    return req->body != NULL && json_object_get(req->body, key) != NULL;
}

/* The value, or NULL with *ret_rc AL_OK when it is absent and need not be there. */
static const json_t *
value_of(const struct service_req *req, const char *key, bool needed, int *ret_rc,
         struct al_fail *fail)
{
    const json_t *v = req->body != NULL ? json_object_get(req->body, key) : NULL;

    *ret_rc =
        v == NULL && needed ? al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is missing", key) : AL_OK;
    return v;
}

int
service_body_text(const struct service_req *req, const char *key, size_t min, size_t max,
                  bool needed, const char **ret, struct al_fail *fail)
{
    int rc;
    const json_t *v = value_of(req, key, needed, &rc, fail);
    const char *text;
    size_t len;

    if (v == NULL) {
        return rc;
    }
    if (json_is_null(v) && !needed) {
        *ret = NULL;
        return AL_OK;
    }
    if (!json_is_string(v)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is a text", key);
    }
    text = json_string_value(v);
    len = json_string_length(v);
    if (len < min || len > max) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" has %zu to %zu bytes", key, min, max);
    }
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" has control characters", key);
        }
    }
    *ret = text;
    return AL_OK;
}

int
service_body_name(const struct service_req *req, const char *key, bool needed, const char **ret,
                  struct al_fail *fail)
{
    const char *text = NULL;

    SV_TRY(service_body_text(req, key, 1, STORE_NAME_BYTES_MAX, needed, &text, fail));
    if (text == NULL) {
        return service_body_has(req, key)
                   ? al_fail_set(fail, AL_EINVAL, 0, "\"%s\" cannot be empty", key)
                   : AL_OK;
    }
    if (text[0] == ' ' || text[strlen(text) - 1] == ' ') {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" begins or ends with a blank", key);
    }
    *ret = text;
    return AL_OK;
}

int
service_body_u64(const struct service_req *req, const char *key, uint64_t max, uint64_t *io,
                 struct al_fail *fail)
{
    int rc;
    const json_t *v = value_of(req, key, false, &rc, fail);

    if (v == NULL) {
        return AL_OK;
    }
    if (json_is_null(v)) {
        *io = 0;
        return AL_OK;
    }
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is a whole number from 0 to %llu", key,
                           (unsigned long long)max);
    }
    *io = (uint64_t)json_integer_value(v);
    return AL_OK;
}

int
service_body_bool(const struct service_req *req, const char *key, bool *io, struct al_fail *fail)
{
    int rc;
    const json_t *v = value_of(req, key, false, &rc, fail);

    if (v == NULL) {
        return AL_OK;
    }
    if (!json_is_boolean(v)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is true or false", key);
    }
    *io = json_is_true(v);
    return AL_OK;
}

int
service_body_id(const struct service_req *req, const char *key, bool needed, al_id io,
                struct al_fail *fail)
{
    int rc;
    const json_t *v = value_of(req, key, needed, &rc, fail);

    if (v == NULL) {
        return rc;
    }
    if (json_is_null(v) && !needed) {
        io[0] = '\0';
        return AL_OK;
    }
    if (!json_is_string(v) || !al_id_valid(json_string_value(v))) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is an id of %d characters", key, AL_ID_LEN);
    }
    memcpy(io, json_string_value(v), AL_ID_LEN + 1);
    return AL_OK;
}

int
service_body_word(const struct service_req *req, const char *key, const char *const *words,
                  bool needed, const char **ret, struct al_fail *fail)
{
    const char *text = NULL;

    SV_TRY(service_body_text(req, key, 1, 64, needed, &text, fail));
    if (text == NULL && !service_body_has(req, key)) {
        return AL_OK;
    }
    for (size_t i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = words[i];
            return AL_OK;
        }
    }
    return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" cannot be \"%.40s\"", key,
                       text != NULL ? text : "");
}

int
service_body_customer(struct service_req *req, al_id ret, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_customer c;
    al_id id = "";

    SV_TRY(service_body_id(req, "customer_id", false, id, fail));
    if (id[0] == '\0') {
        memcpy(id, req->caller->customer_id, sizeof id);
    }
    if (id[0] == '\0') {
        return al_fail_set(fail, AL_EINVAL, 0, "\"customer_id\" is missing");
    }
    SV_TRY(store_customer_get(req->worker->db, &scope, id, req->arena, &c, fail));
    memcpy(ret, id, sizeof id);
    return AL_OK;
}
