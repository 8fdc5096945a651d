/* cmd_driver.c: `alto-agent driver`: the filter driver's key, settings and state. The key comes from a
 * file or standard input and is shown nowhere. */
#include <stdio.h>
#include <string.h>

#include "agent/run/agent.h"
#include "agent/run/cmd.h"
#include "agent/run/driver.h"
#include "agent/run/options.h"
#include "base/json.h"
#include "base/mem.h"

#define OUT_MAX (64u << 10)

struct call { /* one command line */
    const char *state, *key_file, *dll, *policy, *timeout, *threads, *room, *install, *no_recall;
    bool json, leave_stubs;
    struct port *port;
    struct port_file *folder; /* the state folder, open */
};

static int
key(struct call *c, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    al_buf_init(&text, EASE_KEY_BYTES_MAX + 64);
    rc = al_buf_reserve(&text, EASE_KEY_BYTES_MAX + 64); /* so that it never moves */
    rc = rc != AL_OK ? rc : cmd_secret(c->key_file, EASE_KEY_BYTES_MAX, &text, fail);
    rc = rc != AL_OK ? rc : driver_key_save(c->port, c->folder, al_buf_span(&text), fail);
    if (text.at != NULL) {
        al_wipe(text.at, text.cap);
    }
    if (rc == AL_OK) {
        (void)printf("the licence key is kept in the state folder; remove the file it came in\n");
    }
    return rc == AL_OK ? 0 : cmd_failed(fail, rc);
}

/* ---- settings ---- */

static bool
number(const char *text, uint32_t *to)
{
    uint64_t v = 0;

    if (text != NULL && (al_parse_u64(text, &v) != AL_OK || v > UINT32_MAX)) {
        return false;
    }
    *to = text != NULL ? (uint32_t)v : *to;
    return true;
}

static bool
words(const char *text, const char *no, const char *yes, bool *to)
{
    if (text != NULL && strcmp(text, no) != 0 && strcmp(text, yes) != 0) {
        return false;
    }
    *to = text != NULL ? strcmp(text, yes) == 0 : *to;
    return true;
}

static int
set(struct call *c, struct al_fail *fail)
{
    AL_CLEANUP(driver_settings_free) struct driver_settings s = {0};
    int rc = driver_settings_load(c->port, c->folder, &s, fail);

    if (rc == AL_OK && c->dll != NULL) {
        al_free(s.dll);
        s.dll = NULL;
        rc = cmd_absolute(c->dll, &s.dll);
    }
    if (rc == AL_OK && c->no_recall != NULL) {
        al_free(s.no_recall);
        s.no_recall = strcmp(c->no_recall, "-") != 0 ? al_strdup(c->no_recall) : NULL;
        rc = s.no_recall == NULL && strcmp(c->no_recall, "-") != 0 ? AL_ENOMEM : AL_OK;
    }
    if (rc != AL_OK) {
        return cmd_failed(fail, rc);
    }
    if (!number(c->timeout, &s.timeout_s) || !number(c->threads, &s.threads) ||
        !words(c->policy, "fill", "keep", &s.keep) || !words(c->install, "no", "yes", &s.install) ||
        (c->room != NULL && al_parse_size(c->room, &s.room_bytes) != AL_OK)) {
        return cmd_wrong("a setting of the driver is none that is known");
    }
    rc = driver_settings_save(c->port, c->folder, &s, fail);
    if (rc != AL_OK) {
        return cmd_failed(fail, rc);
    }
    (void)printf("kept; they count from the next start of the agent on\n");
    return 0;
}

/* ---- state ---- */

/* What the agent told last, as it lies in the state folder; null: nothing. */
static json_t *
told(struct call *c)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    json_t *j = NULL;

    al_buf_init(&text, OUT_MAX);
    if (port_read_file(c->port, c->folder, DRIVER_STATE_FILE, OUT_MAX, &text) != AL_OK ||
        al_json_parse(al_buf_span(&text), &j, NULL) != AL_OK || !json_is_object(j)) {
        al_json_freep(&j);
        return json_null();
    }
    (void)json_object_del(j, "t"); /* not there: as good */
    return j;
}

/* Of an agent that does not run any more it says how it was. */
static int
print_told(const json_t *j, struct al_buf *out)
{
    const char *state = NULL, *text = NULL;
    char when[AL_TIME_TEXT_MAX];
    int64_t ns = 0;

    if (al_json_str(j, "state", &state, NULL) != AL_OK ||
        al_json_str(j, "text", &text, NULL) != AL_OK ||
        al_json_i64(j, "told_ns", &ns, NULL) != AL_OK) {
        return al_buf_addf(out, "agent     has told nothing yet\n");
    }
    al_time_text(ns / 1000000000 * 1000000000, when);
    return al_buf_addf(out, "agent     %s%s%s (told %s)\n", state, text[0] != '\0' ? ": " : "",
                       text, when);
}

static int
status(struct call *c, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf out = {0};
    AL_CLEANUP(al_json_freep) json_t *j = json_object();
    json_t *agent = told(c);
    struct driver_state s;
    const char *state = NULL;
    bool well;
    int rc = driver_probe(c->port, c->folder, &s, fail);

    al_buf_init(&out, OUT_MAX);
    well = al_json_str(agent, "state", &state, NULL) == AL_OK && strcmp(state, "ok") == 0 &&
           s.why == DRIVER_UNKNOWN;
    if (rc == AL_OK && c->json) {
        rc = j == NULL ? AL_ENOMEM : driver_state_json(&s, false, j);
        rc = rc != AL_OK ? rc : al_json_set(j, "agent", json_incref(agent));
        rc = rc != AL_OK ? rc : al_json_print(j, &out);
        rc = rc != AL_OK ? rc : al_buf_adds(&out, "\n");
    } else if (rc == AL_OK) {
        rc = driver_state_text(&s, &out);
        rc = rc != AL_OK ? rc : print_told(agent, &out);
    }
    al_json_freep(&agent);
    if (rc != AL_OK) {
        return cmd_failed(fail, rc);
    }
    (void)printf("%s", (const char *)out.at);
    return well ? 0 : 1;
}

/* ---- the driver itself ---- */

static int
install(struct call *c, bool yes, struct al_fail *fail)
{
    AL_CLEANUP(driver_settings_free) struct driver_settings s = {0};
    AL_CLEANUP(al_buf_free) struct al_buf dll = {0};
    int rc;

    if (!yes && !c->leave_stubs) {
        return cmd_wrong(
            "without its driver no stub on this host can be read: bring the files back "
            "first, or say --leave-stubs");
    }
    al_buf_init(&dll, EASE_PATH_BYTES_MAX);
    rc = driver_settings_load(c->port, c->folder, &s, fail);
    rc = rc != AL_OK ? rc : driver_dll(&s, &dll);
    rc = rc != AL_OK ? rc : ease_driver_install(c->port, (const char *)dll.at, yes, fail);
    if (rc != AL_OK) {
        return cmd_failed(fail, rc);
    }
    (void)printf("%s\n", yes ? "installed; see fltmc" : "removed");
    return 0;
}

static int
call(struct call *c, const char *verb)
{
    struct al_fail fail = {0};
    int rc, code;

    c->port = port_native();
    rc = cmd_state(c->state, &c->folder, NULL, &fail);
    if (rc != AL_OK) {
        return cmd_failed(&fail, rc);
    }
    code = strcmp(verb, "key") == 0       ? key(c, &fail)
           : strcmp(verb, "set") == 0     ? set(c, &fail)
           : strcmp(verb, "status") == 0  ? status(c, &fail)
           : strcmp(verb, "install") == 0 ? install(c, true, &fail)
           : strcmp(verb, "remove") == 0  ? install(c, false, &fail)
                                          : cmd_wrong("driver status|key|set|install|remove");
    port_close_quiet(c->port, &c->folder);
    return code;
}

int
cmd_driver(int argc, char **argv)
{
    struct call c = {0};
    const struct option options[] = {{"state", &c.state, NULL},
                                     {"key-file", &c.key_file, NULL},
                                     {"dll", &c.dll, NULL},
                                     {"policy", &c.policy, NULL},
                                     {"timeout", &c.timeout, NULL},
                                     {"threads", &c.threads, NULL},
                                     {"room", &c.room, NULL},
                                     {"install", &c.install, NULL},
                                     {"no-recall", &c.no_recall, NULL},
                                     {"json", NULL, &c.json},
                                     {"leave-stubs", NULL, &c.leave_stubs}};
    const char *rest[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;

    if (options_read(argc, argv, options, AL_LEN(options), rest, &count, &fail) != AL_OK) {
        return cmd_wrong(fail.text);
    }
    if (count != 1) {
        return cmd_wrong("driver needs one of status, key, set, install, remove");
    }
    return call(&c, rest[0]);
}
