/* driver_state.c: how it stands with the filter driver, for people and as JSON. */
#include <stdio.h>
#include <string.h>

#include "agent/run/driver.h"
#include "base/json.h"
#include "base/text.h"

static const struct {
    const char *name, *next;
} whys[] = {
    [DRIVER_OK] = {"ok", ""},
    [DRIVER_UNKNOWN] = {"unknown", ""},
    [DRIVER_NO_DLL] = {"no_dll", "put the vendor's FilterAPI.dll and its .sys beside "
                                 "alto-agent.exe, or name it: alto-agent driver set --dll PATH"},
    [DRIVER_OTHER_DLL] = {"other_dll", "CloudTier 3.2 or later is needed: take the vendor's DLL of "
                                       "64 bits"},
    [DRIVER_NO_KEY] = {"no_key", "alto-agent driver key --state DIR --key-file FILE"},
    [DRIVER_NOT_RUNNING] = {"not_running",
                            "as administrator: alto-agent driver install --state DIR; then fltmc"},
    [DRIVER_REFUSED] = {"refused", "look whether the key is right and not over, and whether the "
                                   "service's account may connect (doc/ops/windows.md)"},
    [DRIVER_NO_FOLDER] = {"no_folder",
                          "make room on the disk of the state folder; it must lie in no volume"},
    [DRIVER_LOST] = {"lost", "it is tried again by itself; see fltmc and the agent's log"},
    [DRIVER_FAILED] = {"failed", "see the agent's log"},
};

const char *
driver_why_name(enum driver_why w)
{
    return (size_t)w < AL_LEN(whys) ? whys[w].name : "unknown";
}

const char *
driver_why_next(enum driver_why w)
{
    return (size_t)w < AL_LEN(whys) ? whys[w].next : "";
}

bool
driver_can_stub(const struct driver_state *s, char *text, size_t cap)
{
    const char *next = driver_why_next(s->why);

    if (s->why == DRIVER_OK && s->ease.flavour == EASE_CLOUDTIER) {
        (void)snprintf(text, cap, "%s", "");
        return true;
    }
    if (s->why == DRIVER_OK) {
        (void)snprintf(
            text, cap,
            "this filter driver (%.30s) makes no stub of a file that is there: its stubs "
            "are read, nothing is tiered",
            ease_flavour_name(s->ease.flavour));
    } else if (s->why == DRIVER_UNKNOWN) {
        (void)snprintf(text, cap, "the filter driver was not looked for yet");
    } else {
        (void)snprintf(text, cap, "%.120s%s%.120s", s->text, next[0] != '\0' ? "; " : "", next);
    }
    return false;
}

/* ---- JSON ---- */

static int
add_figures(const struct driver_state *s, json_t *to)
{
    const struct ease_answer_figures *f = &s->ease.answered;
    const struct {
        const char *key;
        uint64_t value;
    } list[] = {{"blocks", f->blocks},
                {"files", f->files},
                {"fills", f->fills},
                {"denied", f->failed},
                {"late", f->late},
                {"excluded", f->excluded},
                {"odd", f->odd + s->ease.unverified},
                {"held_bytes", s->fetch.bytes_held}};
    int rc = AL_OK;

    for (size_t i = 0; i < AL_LEN(list) && rc == AL_OK; i++) {
        rc = al_json_set_u64(to, list[i].key, list[i].value);
    }
    return rc;
}

int
driver_state_json(const struct driver_state *s, bool figures, json_t *to)
{
    const struct ease_state *e = &s->ease;
    int rc = al_json_set_str(to, "state", driver_why_name(s->why));

    rc = rc != AL_OK ? rc : al_json_set_str(to, "text", s->text);
    rc = rc != AL_OK ? rc : al_json_set_str(to, "next", driver_why_next(s->why));
    rc = rc != AL_OK ? rc : al_json_set_bytes(to, "dll", al_span_of(s->dll));
    rc = rc != AL_OK
             ? rc
             : al_json_set_str(to, "flavour",
                               e->flavour != EASE_NONE ? ease_flavour_name(e->flavour) : "");
    rc = rc != AL_OK ? rc : al_json_set_str(to, "product", e->product);
    rc = rc != AL_OK ? rc : al_json_set_str(to, "version", e->version);
    rc = rc != AL_OK ? rc : al_json_set_bool(to, "running", e->driver_running);
    rc = rc != AL_OK ? rc : al_json_set_bool(to, "connected", s->why == DRIVER_OK);
    rc = rc != AL_OK ? rc : al_json_set_bool(to, "has_key", s->has_key);
    rc = rc != AL_OK ? rc : al_json_set_str(to, "policy", s->keep ? "keep" : "fill");
    rc = rc != AL_OK ? rc : al_json_set_u64(to, "timeout_s", s->timeout_s);
    rc = rc != AL_OK ? rc : al_json_set_u64(to, "room_bytes", s->room_bytes);
    rc = rc != AL_OK ? rc : al_json_set_str(to, "no_recall", s->no_recall);
    rc = rc != AL_OK ? rc : al_json_set_u64(to, "times_connected", e->times_connected);
    return rc == AL_OK && figures ? add_figures(s, to) : rc;
}

int
driver_state_record(const struct driver_state *s, int64_t told_ns, struct al_buf *to)
{
    AL_CLEANUP(al_json_freep) json_t *j = json_object();
    int rc = j == NULL ? AL_ENOMEM : al_json_set_str(j, "t", "driver");

    al_buf_clear(to);
    rc = rc != AL_OK ? rc : al_json_set_i64(j, "told_ns", told_ns);
    rc = rc != AL_OK ? rc : driver_state_json(s, true, j);
    return rc != AL_OK ? rc : al_json_print(j, to);
}

int
driver_state_text(const struct driver_state *s, struct al_buf *to)
{
    const char *next = driver_why_next(s->why);
    int rc = al_buf_addf(to, "state     %s%s%s\n", driver_why_name(s->why),
                         s->text[0] != '\0' ? ": " : "", s->text);

    if (rc == AL_OK && next[0] != '\0') {
        rc = al_buf_addf(to, "next      %s\n", next);
    }
    rc = rc != AL_OK ? rc : al_buf_addf(to, "dll       %s\n", s->dll);
    if (rc == AL_OK && s->ease.flavour != EASE_NONE) {
        rc = al_buf_addf(to, "product   %s %s (%s)\n",
                         s->ease.product[0] != '\0' ? s->ease.product : "of no name",
                         s->ease.version[0] != '\0' ? s->ease.version : "of no version",
                         ease_flavour_name(s->ease.flavour));
        rc = rc != AL_OK ? rc
                         : al_buf_addf(to, "driver    %s\n",
                                       s->ease.driver_running ? "runs" : "does not run");
    }
    rc = rc != AL_OK ? rc
                     : al_buf_addf(to, "key       %s\n",
                                   s->has_key ? "there, sealed where the system can" : "none");
    rc = rc != AL_OK ? rc
                     : al_buf_addf(to, "policy    %s, %u s, room for recalls %llu MiB\n",
                                   s->keep ? "keep" : "fill", s->timeout_s,
                                   (unsigned long long)(s->room_bytes >> 20));
    return rc != AL_OK || s->no_recall[0] == '\0'
               ? rc
               : al_buf_addf(to, "refused   %s: what they read recalls nothing\n", s->no_recall);
}

/* ---- from outside ---- */

int
driver_probe(struct port *port, struct port_file *state, struct driver_state *ret,
             struct al_fail *fail)
{
    AL_CLEANUP(driver_settings_free) struct driver_settings settings = {0};
    AL_CLEANUP(al_buf_free) struct al_buf dll = {0};
    struct driver_state s = {0};
    struct al_fail why = {0};
    int rc = driver_settings_load(port, state, &settings, fail);

    al_buf_init(&dll, EASE_PATH_BYTES_MAX);
    rc = rc != AL_OK ? rc : driver_dll(&settings, &dll);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the driver's settings cannot be read");
    }
    (void)snprintf(s.dll, sizeof(s.dll), "%s", (const char *)dll.at);
    s.keep = settings.keep;
    s.timeout_s = settings.timeout_s != 0 ? settings.timeout_s : EASE_TIMEOUT_S;
    s.room_bytes = settings.room_bytes;
    (void)snprintf(s.no_recall, sizeof(s.no_recall), "%s",
                   settings.no_recall != NULL ? settings.no_recall : "");
    s.has_key = driver_key_is(port, state);
    rc = ease_probe(port, (const char *)dll.at, &s.ease, &why);
    s.why = rc == AL_ENOENT          ? DRIVER_NO_DLL
            : rc != AL_OK            ? DRIVER_OTHER_DLL
            : !s.has_key             ? DRIVER_NO_KEY
            : !s.ease.driver_running ? DRIVER_NOT_RUNNING
                                     : DRIVER_UNKNOWN;
    (void)snprintf(s.text, sizeof(s.text), "%s",
                   rc == AL_ENOENT          ? "there is no filter driver's DLL"
                   : rc != AL_OK            ? why.text
                   : s.why == DRIVER_NO_KEY ? "the filter driver has no licence key"
                   : s.why == DRIVER_NOT_RUNNING
                       ? "the filter driver does not run"
                       : "only the running agent knows whether it is connected");
    *ret = s;
    return AL_OK;
}
