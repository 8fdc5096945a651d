#include "agent/link/identity.h"

#include <string.h>

#include "agent/link/secret.h"
#include "base/mem.h"
#include "client/api.h"

struct identity *
identity_free(struct identity *id)
{
    if (id != NULL) {
        if (id->bearer != NULL) {
            al_wipe(id->bearer, strlen(id->bearer));
        }
        al_free(id->bearer);
        al_free(id->ca_file);
        al_free(id->server);
        al_free(id);
    }
    return NULL;
}

void
identity_freep(struct identity **id)
{
    *id = identity_free(*id);
}

static int
get_id(const json_t *j, const char *key, al_id to)
{
    const char *text = NULL;
    int rc = al_json_str(j, key, &text, NULL);

    if (rc != AL_OK || !al_id_valid(text)) {
        return AL_ECORRUPT;
    }
    memcpy(to, text, sizeof(al_id));
    return AL_OK;
}

static int
bearer_of(struct identity *id, const char *secret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    size_t len;
    int rc;

    al_buf_init(&text, 1024);
    rc = al_buf_addf(&text, "%s.%s", id->host_id, secret);
    if (rc == AL_OK) {
        id->bearer = (char *)al_buf_take(&text, &len);
    }
    return rc;
}

static int
parse(struct identity *id, const json_t *j)
{
    const char *server = NULL, *secret = NULL, *ca = NULL;
    int rc = get_id(j, "host_id", id->host_id);

    rc = rc != AL_OK ? rc : get_id(j, "customer_id", id->customer_id);
    rc = rc != AL_OK ? rc : al_json_str(j, "server", &server, NULL);
    rc = rc != AL_OK ? rc : al_json_str(j, "secret", &secret, NULL);
    if (rc != AL_OK) {
        return AL_ECORRUPT;
    }
    if (al_json_str(j, "ca_file", &ca, NULL) == AL_OK) {
        id->ca_file = al_strdup(ca);
    }
    id->server = al_strdup(server);
    rc = bearer_of(id, secret);
    if (rc != AL_OK) {
        return rc;
    }
    return id->server == NULL || (ca != NULL && id->ca_file == NULL) ? AL_ENOMEM : AL_OK;
}

int
identity_load(struct port *port, struct port_file *state, struct identity **ret,
              struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    AL_CLEANUP(identity_freep) struct identity *id = al_zalloc(sizeof(*id));
    int rc;

    al_buf_init(&text, IDENTITY_FILE_MAX);
    if (id == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = secret_read(port, state, IDENTITY_FILE, IDENTITY_FILE_MAX, &text, NULL);
    if (rc == AL_ENOENT) {
        return al_fail_set(fail, rc, 0, "this host is not enrolled yet: run alto-agent enrol");
    }
    if (rc == AL_ECORRUPT) {
        return al_fail_set(fail, rc, 0,
                           "%s is damaged, or was sealed on another machine: remove it and enrol "
                           "anew",
                           IDENTITY_FILE);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "%s cannot be read", IDENTITY_FILE);
    }
    rc = al_json_parse(al_buf_span(&text), &j, NULL);
    rc = rc == AL_OK ? parse(id, j) : AL_ECORRUPT;
    al_wipe(text.at, text.len);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "%s is damaged: remove it and enrol anew", IDENTITY_FILE);
    }
    *ret = id;
    id = NULL;
    return AL_OK;
}

/* ---- enrolment ---- */

/* A name for this start of the machine; "" where the system has none. */
static int
boot_id(struct port *port, struct al_buf *to)
{
    int rc = port_read_file(port, NULL, "/proc/sys/kernel/random/boot_id", 64, to);

    if (rc == AL_ENOMEM) {
        return rc;
    }
    if (rc != AL_OK) {
        al_buf_clear(to);
    }
    while (to->len > 0 && to->at[to->len - 1] == '\n') {
        to->at[--to->len] = '\0';
    }
    return al_buf_adds(to, "");
}

static int
enrol_body(const struct enrol_conf *conf, json_t *j)
{
    AL_CLEANUP(al_buf_free) struct al_buf name = {0};
    AL_CLEANUP(al_buf_free) struct al_buf boot = {0};
    int rc;

    al_buf_init(&name, 1024);
    al_buf_init(&boot, 128);
    rc = conf->name != NULL ? al_buf_adds(&name, conf->name) : port_hostname(conf->port, &name);
    rc = rc != AL_OK ? rc : boot_id(conf->port, &boot);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "token", conf->token);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "name", (const char *)name.at);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "os", conf->os);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "version", conf->version);
    return rc != AL_OK ? rc : al_json_set_str(j, "boot_id", (const char *)boot.at);
}

static int
save(const struct enrol_conf *conf, json_t *answer, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct identity check = {0};
    int rc;

    al_buf_init(&text, IDENTITY_FILE_MAX);
    rc = al_json_set_u64(answer, "v", 1);
    rc = rc != AL_OK ? rc : al_json_set_str(answer, "server", conf->server);
    if (rc == AL_OK && conf->ca_file != NULL) {
        rc = al_json_set_str(answer, "ca_file", conf->ca_file);
    }
    if (rc == AL_OK && (get_id(answer, "host_id", check.host_id) != AL_OK ||
                        get_id(answer, "customer_id", check.customer_id) != AL_OK ||
                        !json_is_string(json_object_get(answer, "secret")))) {
        return al_fail_set(fail, AL_ECORRUPT, 0,
                           "the server's answer is not one of an Alto server of this version");
    }
    rc = rc != AL_OK ? rc : al_json_print(answer, &text);
    if (rc == AL_OK) {
        rc = secret_write(conf->port, conf->state, IDENTITY_FILE, al_buf_span(&text));
    }
    if (text.at != NULL) {
        al_wipe(text.at, text.len);
    }
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(conf->port),
                                     "%s cannot be written; the token is used up, ask for another",
                                     IDENTITY_FILE);
}

int
identity_enrol(const struct enrol_conf *conf, struct al_fail *fail)
{
    AL_CLEANUP(http_closep) struct http *h = NULL;
    AL_CLEANUP(al_json_freep) json_t *body = json_object();
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    struct port_stat st;
    int rc = port_stat_at(conf->port, conf->state, IDENTITY_FILE, &st);

    if (rc == AL_OK) {
        return al_fail_set(fail, AL_EEXIST, 0,
                           "this state directory belongs to an enrolled host; use another one, or "
                           "remove %s to enrol anew",
                           IDENTITY_FILE);
    }
    if (rc != AL_ENOENT) {
        return al_fail_set(fail, rc, port_os_error(conf->port),
                           "the state directory cannot be read");
    }
    rc = http_open(
        &(struct http_conf){.url = conf->server, .ca_file = conf->ca_file, .program = "alto-agent"},
        &h, fail);
    if (rc != AL_OK) {
        return rc;
    }
    if (body == NULL || enrol_body(conf, body) != AL_OK) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = api_call(h,
                  &(struct api_call){.method = "POST", .path = "/api/v1/agent/enrol", .body = body},
                  &reply, fail);
    if (rc != AL_OK) {
        return rc;
    }
    return save(conf, reply.json, fail);
}
