#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const struct column columns[] = {{"ID", "id", COL_TEXT},
                                        {"NAME", "name", COL_TEXT},
                                        {"STATE", "state", COL_TEXT},
                                        {"URL", "url", COL_TEXT},
                                        {"FREE", "bytes_free", COL_BYTES},
                                        {"SIZE", "bytes_total", COL_BYTES},
                                        {"CHECKED", "checked_at", COL_TIME}};

/* user, password and what is demanded of connections, of the options into the body. A password is asked for when a user is named
 * without a file. */
static int
credentials(struct cli *c, json_t *body)
{
    AL_CLEANUP(al_buf_free) struct al_buf secret = {0};
    const char *user = args_get(c, "user"), *file = args_get(c, "password-file");
    int rc = AL_OK;

    al_buf_init(&secret, 4096);
    if (args_get(c, "wire") != NULL) {
        rc = al_json_set_str(body, "wire", args_get(c, "wire"));
    }
    if (rc == AL_OK && user != NULL) {
        rc = al_json_set_str(body, "user", user);
    }
    if (rc == AL_OK && (user != NULL || file != NULL)) {
        rc = read_secret(c, file, "Password of the share: ", &secret);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "password", (const char *)secret.at);
    }
    if (secret.at != NULL) {
        al_wipe(secret.at, secret.len);
    }
    return rc;
}

int
cmd_share_add(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    al_id customer;
    int rc = resolve_customer(c, args_get(c, "customer"), customer);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "customer_id", customer);
    rc = rc != AL_OK ? rc : al_json_set_str(body, "name", args_get(c, "name"));
    rc = rc != AL_OK ? rc : al_json_set_str(body, "url", args_get(c, "url"));
    rc = rc != AL_OK ? rc : credentials(c, body);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/shares", body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

int
cmd_share_list(struct cli *c)
{
    return list_nouns(c, "/shares", columns, AL_LEN(columns));
}

static int
get_share(struct cli *c, char path[80], json_t **ret)
{
    al_id id;
    int rc = resolve_share(c, c->words[0], id);

    (void)snprintf(path, 80, "/shares/%s", id);
    return rc != AL_OK ? rc : call(c, "GET", path, NULL, ret);
}

int
cmd_share_set(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = json_object();
    char path[80];
    int rc = get_share(c, path, &noun);

    if (rc == AL_OK && args_get(c, "name") != NULL) {
        rc = al_json_set_str(body, "name", args_get(c, "name"));
    }
    if (rc == AL_OK && args_get(c, "url") != NULL) {
        rc = al_json_set_str(body, "url", args_get(c, "url"));
    }
    rc = rc != AL_OK ? rc : credentials(c, body);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call_if_match(c, "PATCH", path, get_count(noun, "version"), body, &answer);
    return rc != AL_OK ? rc : out_object(c, answer);
}

/* What the check found, for people: the job alone tells no more than that it went well. */
static int
tell_found(struct cli *c, const char *share_id)
{
    AL_CLEANUP(al_json_freep) json_t *share = NULL;
    char path[80], free_bytes[32], total[32];
    int rc;

    (void)snprintf(path, sizeof(path), "/shares/%s", share_id);
    rc = call(c, "GET", path, NULL, &share);
    if (rc != AL_OK) {
        return rc;
    }
    if (strcmp(get_text(share, "state"), "ok") != 0) { /* another look came between */
        (void)printf("  ");
        out_shown(stdout, get_text(share, "name"));
        (void)printf(" is %s ", get_text(share, "state"));
        out_shown(stdout, get_text(share, "state_text"));
        (void)printf("\n");
        return AL_OK;
    }
    out_size(get_count(share, "bytes_free"), free_bytes);
    out_size(get_count(share, "bytes_total"), total);
    (void)printf("  address, user and password are right; %s of %s free\n", free_bytes, total);
    return AL_OK;
}

int
cmd_share_check(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *job = NULL;
    bool wait = args_flag(c, "wait");
    json_t *body = json_object();
    char path[80];
    al_id id, host;
    int rc = resolve_share(c, c->words[0], id);

    if (rc == AL_OK && args_get(c, "host") != NULL) {
        rc = resolve_host(c, args_get(c, "host"), host);
        rc = rc != AL_OK ? rc : al_json_set_str(body, "host_id", host);
    }
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    (void)snprintf(path, sizeof(path), "/shares/%s/check", id);
    rc = call(c, "POST", path, body, &job);
    rc = rc != AL_OK ? rc : job_out(c, job, wait);
    return rc != AL_OK || !wait || c->json ? rc : tell_found(c, id);
}

int
cmd_share_remove(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *noun = NULL;
    char path[80];
    int rc = get_share(c, path, &noun);

    return rc != AL_OK ? rc
                       : call_if_match(c, "DELETE", path, get_count(noun, "version"), NULL, NULL);
}

/* ---- test ---- */

#define TEST_WAIT_S "25"
#define TEST_POLLS 8u /* altod gives a test up after two minutes */

static int
wait_for_test(struct cli *c, const char *id, json_t **io)
{
    char path[96];
    int rc = AL_OK;

    (void)snprintf(path, sizeof(path), "/share-tests/%s?wait_s=" TEST_WAIT_S, id);
    for (unsigned i = 0; rc == AL_OK && i < TEST_POLLS; i++) {
        const char *state = get_text(*io, "state");

        if (strcmp(state, "queued") != 0 && strcmp(state, "running") != 0) {
            return AL_OK;
        }
        al_json_freep(io);
        rc = call(c, "GET", path, NULL, io);
    }
    return rc;
}

/* A step's name is the host's own text, too: as out_shown, filled up to a column. */
static void
print_step(const char *name)
{
    AL_CLEANUP(al_buf_free) struct al_buf safe = {.max = 4096};

    (void)printf("%-8s ", out_safe(name, &safe) == AL_OK ? (const char *)safe.at : "?");
}

static void
print_test(const json_t *test)
{
    const json_t *steps = json_object_get(test, "steps");

    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *s = json_array_get(steps, i);
        uint64_t us = get_count(s, "us");

        print_step(get_text(s, "step"));
        (void)printf("%-6s %5llu.%llu ms  ",
                     json_is_true(json_object_get(s, "ok")) ? "ok" : "FAILED",
                     (unsigned long long)(us / 1000), (unsigned long long)(us % 1000 / 100));
        out_shown(stdout, get_text(s, "text"));
        (void)printf("\n");
        if (get_text(s, "next")[0] != '\0') {
            (void)printf("%27s ", "->");
            out_shown(stdout, get_text(s, "next"));
            (void)printf("\n");
        }
    }
    if (json_is_true(json_object_get(test, "ok"))) {
        (void)printf("%-8s signing %s, encryption %s\n", "wire",
                     json_is_true(json_object_get(test, "signing")) ? "possible" : "not possible",
                     json_is_true(json_object_get(test, "encryption")) ? "possible"
                                                                       : "not possible");
    }
}

int
cmd_share_test(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *test = NULL;
    json_t *body = json_object();
    al_id host, id;
    int rc = resolve_host(c, args_get(c, "host"), host);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "host_id", host);
    rc = rc != AL_OK ? rc : al_json_set_str(body, "url", args_get(c, "url"));
    rc = rc != AL_OK ? rc : credentials(c, body);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    rc = call(c, "POST", "/share-tests", body, &test);
    if (rc == AL_OK) {
        (void)snprintf(id, sizeof(id), "%s", get_text(test, "id"));
        rc = wait_for_test(c, id, &test);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (c->json) {
        rc = out_json(test);
    } else {
        print_test(test);
    }
    if (rc == AL_OK && !json_is_true(json_object_get(test, "ok"))) {
        const char *text = get_text(test, "text");

        rc = al_fail_set(&c->fail, AL_EIO, 0, "%s",
                         text[0] != '\0' ? text : "the share did not pass the test");
    }
    return rc;
}
