/* driver_settings.c: what the state folder holds about the filter driver. */
#include <string.h>

#include "agent/link/secret.h"
#include "agent/run/driver.h"
#include "base/json.h"
#include "base/mem.h"
#include "port/ask.h"

void
driver_settings_free(struct driver_settings *s)
{
    al_free(s->dll);
    s->dll = NULL;
    al_free(s->no_recall);
    s->no_recall = NULL;
}

static bool
absolute(const char *path)
{
    return path[0] == '/' || path[0] == '\\' || (path[0] != '\0' && path[1] == ':');
}

static int
check(const struct driver_settings *s, struct al_fail *fail)
{
    if (s->dll != NULL && !absolute(s->dll)) {
        return al_fail_set(fail, AL_EINVAL, 0, "the path of the driver's DLL must be absolute");
    }
    if (s->timeout_s > EASE_TIMEOUT_S_MAX || s->threads > EASE_THREADS_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "at most %u s and %u threads", EASE_TIMEOUT_S_MAX,
                           EASE_THREADS_MAX);
    }
    if (s->room_bytes != 0 && s->room_bytes < DRIVER_ROOM_MIN) {
        return al_fail_set(fail, AL_EINVAL, 0, "the folder for recalls needs at least %llu MiB",
                           (unsigned long long)(DRIVER_ROOM_MIN >> 20));
    }
    if (s->no_recall != NULL && !ease_no_recall_good(s->no_recall)) {
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "programs that recall nothing: at most %u file names such as backup.exe, "
            "with commas between",
            EASE_NO_RECALL_MAX);
    }
    return AL_OK;
}

static int
get_u32(const json_t *j, const char *key, uint32_t *to, struct al_fail *fail)
{
    uint64_t v = 0;
    int rc = al_json_u64(j, key, &v, fail);

    *to = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
    return rc == AL_ENODATA ? AL_OK : rc;
}

static int
parse(const json_t *j, struct driver_settings *s, struct al_fail *fail)
{
    const char *policy = "fill", *dll = NULL, *no_recall = NULL;
    struct al_fail none = {0};
    int rc = al_json_str(j, "policy", &policy, &none);

    rc = rc == AL_ENODATA ? AL_OK : rc;
    if (rc == AL_OK && strcmp(policy, "fill") != 0 && strcmp(policy, "keep") != 0) {
        rc = AL_EINVAL;
    }
    s->keep = rc == AL_OK && strcmp(policy, "keep") == 0;
    rc = rc != AL_OK ? rc : get_u32(j, "timeout_s", &s->timeout_s, &none);
    rc = rc != AL_OK ? rc : get_u32(j, "threads", &s->threads, &none);
    if (rc == AL_OK && json_object_get(j, "room_bytes") != NULL) {
        rc = al_json_u64(j, "room_bytes", &s->room_bytes, &none);
    }
    if (rc == AL_OK && json_object_get(j, "install") != NULL) {
        rc = al_json_bool(j, "install", &s->install, &none);
    }
    if (rc == AL_OK && json_object_get(j, "dll") != NULL) {
        rc = al_json_str(j, "dll", &dll, &none);
    }
    if (rc == AL_OK && json_object_get(j, "no_recall") != NULL) {
        rc = al_json_str(j, "no_recall", &no_recall, &none);
    }
    if (rc == AL_OK && dll != NULL) {
        s->dll = al_strdup(dll);
        rc = s->dll == NULL ? AL_ENOMEM : AL_OK;
    }
    if (rc == AL_OK && no_recall != NULL) {
        s->no_recall = al_strdup(no_recall);
        rc = s->no_recall == NULL ? AL_ENOMEM : AL_OK;
    }
    rc = rc != AL_OK ? rc : check(s, &none);
    return rc == AL_OK || rc == AL_ENOMEM
               ? rc
               : al_fail_set(fail, AL_ECORRUPT, 0, "%s in the state folder: %.150s",
                             DRIVER_SETTINGS_FILE,
                             none.text[0] != '\0' ? none.text : "a value that is not known");
}

int
driver_settings_load(struct port *port, struct port_file *state, struct driver_settings *ret,
                     struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    struct driver_settings s = {0};
    int rc;

    al_buf_init(&text, DRIVER_SETTINGS_MAX);
    rc = port_read_file(port, state, DRIVER_SETTINGS_FILE, DRIVER_SETTINGS_MAX, &text);
    if (rc == AL_ENOENT) {
        *ret = s;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "%s cannot be read",
                           DRIVER_SETTINGS_FILE);
    }
    rc = al_json_parse(al_buf_span(&text), &j, fail);
    rc = rc != AL_OK || !json_is_object(j) ? AL_ECORRUPT : parse(j, &s, fail);
    if (rc != AL_OK) {
        driver_settings_free(&s);
        return al_fail_set(fail, rc, 0, "%s is damaged", DRIVER_SETTINGS_FILE);
    }
    *ret = s;
    return AL_OK;
}

int
driver_settings_save(struct port *port, struct port_file *state, const struct driver_settings *s,
                     struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *j = json_object();
    int rc = check(s, fail);

    if (rc != AL_OK) {
        return rc;
    }
    al_buf_init(&text, DRIVER_SETTINGS_MAX);
    rc = j == NULL ? AL_ENOMEM : al_json_set_u64(j, "v", 1);
    if (rc == AL_OK && s->dll != NULL) {
        rc = al_json_set_str(j, "dll", s->dll);
    }
    if (rc == AL_OK && s->no_recall != NULL) {
        rc = al_json_set_str(j, "no_recall", s->no_recall);
    }
    rc = rc != AL_OK ? rc : al_json_set_str(j, "policy", s->keep ? "keep" : "fill");
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "timeout_s", s->timeout_s);
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "threads", s->threads);
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "room_bytes", s->room_bytes);
    rc = rc != AL_OK ? rc : al_json_set_bool(j, "install", s->install);
    rc = rc != AL_OK ? rc : al_json_print(j, &text);
    rc = rc != AL_OK ? rc
                     : port_write_file(port, state, DRIVER_SETTINGS_FILE, text.at, text.len, 0600);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(port), "%s cannot be written",
                                     DRIVER_SETTINGS_FILE);
}

int
driver_dll(const struct driver_settings *s, struct al_buf *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf self = {0};
    int rc;

    if (s->dll != NULL) {
        return al_buf_adds(to, s->dll);
    }
    al_buf_init(&self, EASE_PATH_BYTES_MAX);
    rc = port_program_path(&self);
    while (rc == AL_OK && self.len > 0 && self.at[self.len - 1] != '/') {
        self.at[--self.len] = '\0';
    }
    rc = rc != AL_OK ? rc : al_buf_add(to, self.at, self.len);
    return rc != AL_OK ? rc : al_buf_adds(to, DRIVER_DLL);
}

/* ---- the key ---- */

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int
driver_key_save(struct port *port, struct port_file *state, struct al_span key,
                struct al_fail *fail)
{
    int rc;

    while (key.len > 0 && is_blank(key.at[0])) {
        key.at++;
        key.len--;
    }
    while (key.len > 0 && is_blank(key.at[key.len - 1])) {
        key.len--;
    }
    rc = key.len == 0 || key.len > EASE_KEY_BYTES_MAX - 1 ? AL_EINVAL : AL_OK;
    for (size_t i = 0; i < key.len && rc == AL_OK; i++) {
        rc = key.at[i] > ' ' && key.at[i] < 127 ? AL_OK : AL_EINVAL;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0,
                           "a licence key is one word of printable ASCII, at most %u characters",
                           EASE_KEY_BYTES_MAX - 1);
    }
    rc = secret_write(port, state, DRIVER_KEY_FILE, key);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(port), "%s cannot be written",
                                     DRIVER_KEY_FILE);
}

int
driver_key_load(struct port *port, struct port_file *state, struct al_buf *to, struct al_fail *fail)
{
    int rc = secret_read(port, state, DRIVER_KEY_FILE, EASE_KEY_BYTES_MAX, to, NULL);

    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, rc, 0, "the licence key cannot be read%s",
                             rc == AL_ECORRUPT ? ": it is damaged, or was sealed on another machine"
                                               : "");
}

bool
driver_key_is(struct port *port, struct port_file *state)
{
    struct port_stat st;

    return port_stat_at(port, state, DRIVER_KEY_FILE, &st) == AL_OK;
}
