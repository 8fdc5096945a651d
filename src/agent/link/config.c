#include "agent/link/config.h"

#include <stdatomic.h>
#include <string.h>

#include "agent/link/secret.h"
#include "base/mem.h"
#include "port/remote.h"

/* The counter stands in front of what users see. */
struct counted {
    struct agent_config config; /* first */
    _Atomic unsigned refs;
};

static void
wipe_text(char *text)
{
    if (text != NULL) {
        al_wipe(text, strlen(text));
    }
    al_free(text);
}

static void
config_free(struct counted *c)
{
    for (size_t i = 0; i < c->config.volume_count; i++) {
        struct config_volume *v = &c->config.volumes[i];

        al_free(v->name);
        al_free(v->path);
        al_free(v->kind);
        audit_settings_free(&v->audit);
        al_wipe(v->marker_key, sizeof(v->marker_key));
    }
    for (size_t i = 0; i < c->config.share_count; i++) {
        struct config_share *s = &c->config.shares[i];

        al_free(s->name);
        al_free(s->url);
        al_free(s->user);
        wipe_text(s->password);
    }
    al_free(c->config.volumes);
    al_free(c->config.shares);
    al_free(c);
}

struct agent_config *
agent_config_ref(struct agent_config *c)
{
    struct counted *k = (struct counted *)(void *)c;

    (void)atomic_fetch_add(&k->refs, 1); /* the old count is nobody's concern */
    return c;
}

struct agent_config *
agent_config_unref(struct agent_config *c)
{
    struct counted *k = (struct counted *)(void *)c;

    if (k != NULL && atomic_fetch_sub(&k->refs, 1) == 1) {
        config_free(k);
    }
    return NULL;
}

/* A text that may be null or missing: *ret NULL then. */
static int
get_text(const json_t *j, const char *key, bool needed, char **ret, struct al_fail *fail)
{
    const json_t *v = json_object_get(j, key);
    const char *text = NULL;
    int rc;

    if (!needed && (v == NULL || json_is_null(v))) {
        return AL_OK;
    }
    rc = al_json_str(j, key, &text, fail);
    if (rc != AL_OK) {
        return rc;
    }
    *ret = al_strdup(text);
    return *ret == NULL ? AL_ENOMEM : AL_OK;
}

static int
get_id(const json_t *j, const char *key, bool needed, al_id to, struct al_fail *fail)
{
    const json_t *v = json_object_get(j, key);
    const char *text = NULL;
    int rc;

    to[0] = '\0';
    if (!needed && (v == NULL || json_is_null(v))) {
        return AL_OK;
    }
    rc = al_json_str(j, key, &text, fail);
    if (rc != AL_OK) {
        return rc;
    }
    if (!al_id_valid(text)) {
        return al_fail_set(fail, AL_EINVAL, 0, "%s is no identifier", key);
    }
    memcpy(to, text, sizeof(al_id));
    return AL_OK;
}

static int
get_names(const json_t *j, const char *key, struct audit_names *to, struct al_fail *fail)
{
    const json_t *list = json_object_get(j, key);

    if (list != NULL && !json_is_null(list) && !json_is_array(list)) {
        return al_fail_set(fail, AL_EINVAL, 0, "%s is no list", key);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        int rc = name != NULL ? audit_names_add(to, name) : AL_EINVAL;

        if (rc != AL_OK) {
            return al_fail_set(fail, rc, 0, "%s cannot be taken over", key);
        }
    }
    return AL_OK;
}

static int
parse_audit(const json_t *j, struct audit_settings *s, struct al_fail *fail)
{
    uint64_t hours = AUDIT_SILENCE_HOURS;
    int rc;

    s->silence_hours = AUDIT_SILENCE_HOURS;
    if (j == NULL || json_is_null(j)) {
        return AL_OK;
    }
    rc = get_text(j, "root", false, &s->root, fail);
    if (rc == AL_OK && s->root != NULL && s->root[0] == '\0') {
        al_free(s->root);
        s->root = NULL;
    }
    if (rc == AL_OK && json_object_get(j, "prehydrate") != NULL) {
        rc = al_json_bool(j, "prehydrate", &s->prehydrate, fail);
    }
    if (rc == AL_OK && json_object_get(j, "silence_hours") != NULL) {
        rc = al_json_u64(j, "silence_hours", &hours, fail);
    }
    hours = hours == 0 ? AUDIT_SILENCE_HOURS : hours;
    s->silence_hours = hours > AUDIT_SILENCE_HOURS_MAX ? AUDIT_SILENCE_HOURS_MAX : (uint32_t)hours;
    rc = rc != AL_OK ? rc : get_names(j, "drop_users", &s->drop_users, fail);
    rc = rc != AL_OK ? rc : get_names(j, "drop_hosts", &s->drop_hosts, fail);
    rc = rc != AL_OK ? rc : get_names(j, "drop_nodes", &s->drop_nodes, fail);
    return rc != AL_OK ? rc : get_names(j, "logs", &s->logs, fail);
}

static int
parse_volume(const json_t *j, struct config_volume *v, struct al_fail *fail)
{
    const json_t *key = json_object_get(j, "marker_key");
    int rc = get_id(j, "id", true, v->id, fail);

    rc = rc != AL_OK ? rc : get_id(j, "share_id", false, v->share_id, fail);
    rc = rc != AL_OK ? rc : get_text(j, "name", true, &v->name, fail);
    rc = rc != AL_OK ? rc : get_text(j, "path", true, &v->path, fail);
    rc = rc != AL_OK ? rc : get_text(j, "kind", true, &v->kind, fail);
    rc = rc != AL_OK ? rc : al_json_bool(j, "tracked_only", &v->tracked_only, fail);
    rc = rc != AL_OK ? rc : parse_audit(json_object_get(j, "audit"), &v->audit, fail);
    if (rc != AL_OK || key == NULL || json_is_null(key)) {
        return rc;
    }
    if (!json_is_string(key) || json_string_length(key) != sizeof(v->marker_key) * 2 ||
        al_unhex(json_string_value(key), json_string_length(key), v->marker_key) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "marker_key is not %u bytes in hex", CONFIG_KEY_LEN);
    }
    v->has_key = true;
    return AL_OK;
}

/* A word of a newer server asks for more than is known here: then the most that is. */
static uint32_t
wire_of(const char *word)
{
    return word == NULL || strcmp(word, "any") == 0 ? 0
           : strcmp(word, "signed") == 0            ? PORT_WIRE_SIGNED
                                                    : PORT_WIRE_SIGNED | PORT_WIRE_ENCRYPTED;
}

static int
parse_share(const json_t *j, struct config_share *s, struct al_fail *fail)
{
    int rc = get_id(j, "id", true, s->id, fail);

    s->wire = wire_of(json_string_value(json_object_get(j, "wire")));
    rc = rc != AL_OK ? rc : get_text(j, "name", true, &s->name, fail);
    rc = rc != AL_OK ? rc : get_text(j, "url", true, &s->url, fail);
    rc = rc != AL_OK ? rc : get_text(j, "user", false, &s->user, fail);
    return rc != AL_OK ? rc : get_text(j, "password", false, &s->password, fail);
}

static int
parse_lists(const json_t *j, struct agent_config *c, struct al_fail *fail)
{
    const json_t *volumes = json_object_get(j, "volumes"), *shares = json_object_get(j, "shares");
    size_t volume_count = json_array_size(volumes), share_count = json_array_size(shares);
    int rc = AL_OK;

    if (!json_is_array(volumes) || !json_is_array(shares)) {
        return al_fail_set(fail, AL_EINVAL, 0, "volumes or shares are missing");
    }
    if (volume_count > CONFIG_VOLUMES_MAX || share_count > CONFIG_SHARES_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "more than %u volumes or shares",
                           CONFIG_VOLUMES_MAX);
    }
    c->volumes = al_array(volume_count + 1, sizeof(*c->volumes));
    c->shares = al_array(share_count + 1, sizeof(*c->shares));
    if (c->volumes == NULL || c->shares == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < volume_count && rc == AL_OK; i++) {
        c->volume_count = i + 1; /* also a half-parsed one is freed */
        rc = parse_volume(json_array_get(volumes, i), &c->volumes[i], fail);
    }
    for (size_t i = 0; i < share_count && rc == AL_OK; i++) {
        c->share_count = i + 1;
        rc = parse_share(json_array_get(shares, i), &c->shares[i], fail);
    }
    return rc;
}

int
agent_config_parse(const json_t *j, struct agent_config **ret, struct al_fail *fail)
{
    struct counted *k = al_zalloc(sizeof(*k));
    const json_t *limits = json_object_get(j, "limits");
    uint64_t wait_ms = 0, workers = 0;
    struct agent_config *c;
    int rc;

    if (k == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    atomic_init(&k->refs, 1);
    c = &k->config;
    rc = al_json_u64(j, "version", &c->version, fail);
    rc = rc != AL_OK ? rc : get_id(j, "host_id", true, c->host_id, fail);
    rc = rc != AL_OK ? rc : get_id(j, "customer_id", true, c->customer_id, fail);
    rc = rc != AL_OK ? rc : parse_lists(j, c, fail);
    rc = rc != AL_OK ? rc : al_json_u64(limits, "recall_wait_ms", &wait_ms, fail);
    rc = rc != AL_OK ? rc : al_json_u64(limits, "workers", &workers, fail);
    if (rc != AL_OK) {
        (void)agent_config_unref(c); /* returns NULL */
        (void)al_fail_set(fail, rc, 0, "the configuration cannot be read");
        return rc == AL_ENODATA ? AL_EINVAL : rc;
    }
    c->recall_wait_ms = wait_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)wait_ms;
    c->workers = workers > 1024 ? 1024 : (unsigned)workers;
    *ret = c;
    return AL_OK;
}

const struct config_volume *
agent_config_volume(const struct agent_config *c, const char *id)
{
    for (size_t i = 0; i < c->volume_count; i++) {
        if (strcmp(c->volumes[i].id, id) == 0) {
            return &c->volumes[i];
        }
    }
    return NULL;
}

const struct config_share *
agent_config_share(const struct agent_config *c, const char *id)
{
    for (size_t i = 0; i < c->share_count; i++) {
        if (strcmp(c->shares[i].id, id) == 0) {
            return &c->shares[i];
        }
    }
    return NULL;
}

int
agent_config_load(struct port *port, struct port_file *state, struct agent_config **ret,
                  struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    int rc;

    al_buf_init(&text, CONFIG_BYTES_MAX);
    rc = secret_read(port, state, CONFIG_FILE, CONFIG_BYTES_MAX, &text, NULL);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "%s cannot be read", CONFIG_FILE);
    }
    rc = al_json_parse(al_buf_span(&text), &j, fail);
    al_wipe(text.at, text.len);
    return rc != AL_OK ? rc : agent_config_parse(j, ret, fail);
}

int
agent_config_save(struct port *port, struct port_file *state, const json_t *j)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    al_buf_init(&text, CONFIG_BYTES_MAX);
    rc = al_json_print(j, &text);
    if (rc == AL_OK) {
        rc = secret_write(port, state, CONFIG_FILE, al_buf_span(&text));
    }
    if (text.at != NULL) {
        al_wipe(text.at, text.len);
    }
    return rc;
}
