#include "agent/run/stubs_left.h"

#include <stdio.h>
#include <string.h>

#include "agent/run/cmd.h"
#include "base/text.h"
#include "client/api.h"

#define ASK_MS 10000u
#define RECALL_MS 60000u /* the server gathers the stubs of a volume */

struct asking {
    struct port_file *state;
    struct identity *identity;
    struct http *http;
};

static void
asking_end(struct asking *k)
{
    k->http = http_close(k->http);
    k->identity = identity_free(k->identity);
    port_close_quiet(port_native(), &k->state);
}

static int
asking_begin(struct asking *k, const char *state_path, struct al_fail *fail)
{
    struct http_conf conf = {.program = "alto-agent"};
    int rc = cmd_state(state_path, &k->state, NULL, fail);

    rc = rc != AL_OK ? rc : identity_load(port_native(), k->state, &k->identity, fail);
    if (rc == AL_OK) {
        conf.url = k->identity->server;
        conf.ca_file = k->identity->ca_file;
        conf.bearer = k->identity->bearer;
        rc = http_open(&conf, &k->http, fail);
    }
    return rc;
}

/* *ret_volumes (may be NULL): the list; a reference. */
static int
ask(struct asking *k, struct stubs_left *ret, json_t **ret_volumes, struct al_fail *fail)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    const struct api_call call = {
        .method = "GET", .path = "/api/v1/agent/stubs", .timeout_ms = ASK_MS};
    struct stubs_left s = {.known = true};
    int rc = api_call(k->http, &call, &reply, fail);

    rc = rc != AL_OK ? rc : al_json_u64(reply.json, "files", &s.files, fail);
    rc = rc != AL_OK ? rc : al_json_u64(reply.json, "bytes", &s.bytes, fail);
    if (rc == AL_OK) {
        *ret = s;
    }
    if (rc == AL_OK && ret_volumes != NULL) {
        *ret_volumes = json_incref(json_object_get(reply.json, "volumes"));
    }
    return rc;
}

static int
recall_one(struct asking *k, const json_t *volume, struct al_fail *fail)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    AL_CLEANUP(al_json_freep) json_t *body = json_object();
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    struct api_call call = {.method = "POST", .timeout_ms = RECALL_MS, .body = body};
    const char *id = NULL;
    json_t *paths = json_array();
    int rc = al_json_str(volume, "volume_id", &id, fail);

    al_buf_init(&path, 256);
    if (rc == AL_OK && (paths == NULL || json_array_append_new(paths, json_string("/")) != 0)) {
        rc = AL_ENOMEM;
    }
    if (rc == AL_OK && body != NULL) {
        rc = al_json_set(body, "paths", json_incref(paths));
    }
    rc = rc != AL_OK       ? rc
         : al_id_valid(id) ? al_buf_addf(&path, "/api/v1/agent/volumes/%s/recall", id)
                           : AL_ECORRUPT;
    if (rc == AL_OK) {
        call.path = (const char *)path.at;
        rc = api_call(k->http, &call, &reply, fail);
    }
    json_decref(paths);
    return rc;
}

/* The server makes a job for each volume, and the agent, which still runs, does them. */
static int
recall_all(struct asking *k, struct stubs_left *ret, struct al_fail *fail)
{
    AL_CLEANUP(al_json_freep) json_t *volumes = NULL;
    int rc = ask(k, ret, &volumes, fail);

    for (size_t i = 0; rc == AL_OK && i < json_array_size(volumes); i++) {
        rc = recall_one(k, json_array_get(volumes, i), fail);
    }
    return rc;
}

void
stubs_left_ask(const char *state_path, struct stubs_left *ret)
{
    AL_CLEANUP(asking_end) struct asking k = {0};
    struct stubs_left s = {0};
    struct al_fail fail = {0};
    int rc = asking_begin(&k, state_path, &fail);

    rc = rc != AL_OK ? rc : ask(&k, &s, NULL, &fail);
    if (rc != AL_OK) {
        (void)snprintf(s.text, sizeof(s.text), "%.200s (%s)", fail.text, al_code_name(rc));
    }
    *ret = s;
}

static int
bring_back(const char *state_path, struct al_fail *fail)
{
    AL_CLEANUP(asking_end) struct asking k = {0};
    struct stubs_left s = {0};
    uint64_t least = UINT64_MAX;
    int64_t end = 0;
    int rc = asking_begin(&k, state_path, fail);

    rc = rc != AL_OK ? rc : recall_all(&k, &s, fail);
    while (rc == AL_OK && s.files > 0) {
        if (s.files < least) {
            least = s.files;
            end = port_mono_ns(port_native()) + STUBS_LEFT_PATIENCE_NS;
            (void)printf("%llu stubs, %llu MiB are left\n", (unsigned long long)s.files,
                         (unsigned long long)(s.bytes >> 20));
            (void)fflush(stdout); /* who waits sees it now */
        } else if (port_mono_ns(port_native()) > end) {
            return al_fail_set(fail, AL_ETIMEDOUT, 0,
                               "%llu stubs do not come back: look at the host's jobs; what came "
                               "back stays",
                               (unsigned long long)s.files);
        }
        port_sleep_ns(port_native(), STUBS_LEFT_LOOK_NS);
        rc = ask(&k, &s, NULL, fail);
    }
    return rc;
}

int
stubs_left_settle(const char *state_path, bool recall_first, bool leave, struct al_fail *fail)
{
    struct stubs_left s;

    stubs_left_ask(state_path, &s);
    if (s.known) {
        (void)printf(
            "%llu stubs of %llu MiB lie on this host's volumes, as the server knows them\n",
            (unsigned long long)s.files, (unsigned long long)(s.bytes >> 20));
    } else {
        (void)printf("how many stubs lie on this host's volumes is not known: %s\n", s.text);
    }
    (void)fflush(stdout);
    if (leave || (s.known && s.files == 0)) {
        return AL_OK;
    }
    if (!recall_first) {
        return al_fail_set(
            fail, AL_ECONFLICT, 0,
            "without an agent nobody can read a stub: --recall-first brings the files "
            "back before, --leave-stubs leaves them");
    }
    return bring_back(state_path, fail);
}
