/* session.c: who is logged in: ~/.config/alto/session.json (0600): {server, token, ca_file}. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/process.h"

#define SESSION_MAX 16384u
#define SECRET_MAX 4096u
#define DEFAULT_SERVER "http://127.0.0.1:8420"

static bool
is_absolute(const char *path)
{
    return path[0] == '/' || path[0] == '\\' || (path[0] != '\0' && path[1] == ':');
}

int
absolute_path(struct cli *c, const char *path, char **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    const char *here = port_env("PWD");
    size_t len;
    int rc;

    al_buf_init(&text, 64u << 10);
    if (!is_absolute(path) && here == NULL) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "%.100s: give an absolute path", path);
    }
    rc = is_absolute(path) ? al_buf_adds(&text, path) : al_buf_addf(&text, "%s/%s", here, path);
    if (rc == AL_OK) {
        *ret = (char *)al_buf_take(&text, &len);
    }
    return rc;
}

/* The folder of the session file. */
static int
config_folder(struct cli *c, struct al_buf *to)
{
    const char *xdg = port_env("XDG_CONFIG_HOME"), *home = port_env("HOME"),
               *windows = port_env("APPDATA");

    if (xdg != NULL && is_absolute(xdg)) {
        return al_buf_addf(to, "%s/alto", xdg);
    }
    if (home != NULL && is_absolute(home)) {
        return al_buf_addf(to, "%s/.config/alto", home);
    }
    if (windows != NULL && is_absolute(windows)) {
        return al_buf_addf(to, "%s/alto", windows);
    }
    return al_fail_set(&c->fail, AL_ENOENT, 0,
                       "there is no home folder to keep the session in: set HOME");
}

static int
session_load(struct cli *c, json_t **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    al_buf_init(&path, 64u << 10);
    al_buf_init(&text, SESSION_MAX);
    rc = config_folder(c, &path);
    rc = rc != AL_OK ? rc : al_buf_adds(&path, "/session.json");
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_read_file(c->port, NULL, (const char *)path.at, SESSION_MAX, &text);
    if (rc == AL_ENOENT) {
        return rc;
    }
    if (rc != AL_OK) {
        return al_fail_set(&c->fail, rc, port_os_error(c->port), "%s cannot be read",
                           (const char *)path.at);
    }
    rc = al_json_parse(al_buf_span(&text), ret, NULL);
    al_wipe(text.at, text.len);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(&c->fail, AL_ECORRUPT, 0, "%s is damaged: log in again",
                                     (const char *)path.at);
}

static int
session_save(struct cli *c, const json_t *j)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(port_holder_end) struct port_holder dir = {c->port, NULL};
    int rc;

    al_buf_init(&path, 64u << 10);
    al_buf_init(&text, SESSION_MAX);
    rc = config_folder(c, &path);
    rc = rc != AL_OK ? rc : port_mkdirs(c->port, (const char *)path.at, 0700);
    rc = rc != AL_OK ? rc
                     : port_open(c->port, NULL, (const char *)path.at, PORT_READ | PORT_FOLDER, 0,
                                 &dir.file);
    rc = rc != AL_OK ? rc : al_json_print(j, &text);
    rc = rc != AL_OK ? rc
                     : port_write_file(c->port, dir.file, "session.json", text.at, text.len, 0600);
    if (text.at != NULL) {
        al_wipe(text.at, text.len);
    }
    return rc == AL_OK ? AL_OK
                       : al_fail_set(&c->fail, rc, port_os_error(c->port),
                                     "the session cannot be kept in %s", (const char *)path.at);
}

static int
connect(struct cli *c, const char *server, const char *ca_file, const char *token)
{
    return http_open(
        &(struct http_conf){
            .url = server, .ca_file = ca_file, .bearer = token, .program = "alto/" ALTO_VERSION},
        &c->http, &c->fail);
}

static const char *
chosen_server(const struct cli *c, const json_t *session)
{
    const char *env = port_env("ALTO_SERVER"),
               *kept = json_string_value(json_object_get(session, "server"));

    return c->server != NULL               ? c->server
           : env != NULL && env[0] != '\0' ? env
           : kept != NULL                  ? kept
                                           : DEFAULT_SERVER;
}

/* The same address, with or without a closing '/'. */
static bool
same_server(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);

    la -= la > 0 && a[la - 1] == '/';
    lb -= lb > 0 && b[lb - 1] == '/';
    return la == lb && memcmp(a, b, la) == 0;
}

int
session_http(struct cli *c, struct http **ret)
{
    AL_CLEANUP(al_json_freep) json_t *session = NULL;
    AL_CLEANUP(al_freep) char *ca = NULL;
    const char *server, *kept, *token = port_env("ALTO_TOKEN");
    int rc;

    if (c->http != NULL) {
        *ret = c->http;
        return AL_OK;
    }
    rc = session_load(c, &session);
    if (rc != AL_OK && rc != AL_ENOENT) {
        return rc;
    }
    server = chosen_server(c, session);
    kept = json_string_value(json_object_get(session, "server"));
    /* A token goes to the server it came from and to no other. */
    if (token == NULL && kept != NULL && same_server(kept, server)) {
        token = json_string_value(json_object_get(session, "token"));
    }
    if (token == NULL) {
        return al_fail_set(&c->fail, AL_EAUTH, 0, "nobody is logged in to %s: alto login", server);
    }
    if (c->ca_file != NULL) {
        rc = absolute_path(c, c->ca_file, &ca);
        if (rc != AL_OK) {
            return rc;
        }
    }
    rc = connect(c, server,
                 ca != NULL ? ca : json_string_value(json_object_get(session, "ca_file")), token);
    *ret = c->http;
    return rc;
}

static void
cut_newline(struct al_buf *b)
{
    while (b->len > 0 && (b->at[b->len - 1] == '\n' || b->at[b->len - 1] == '\r')) {
        b->at[--b->len] = '\0';
    }
}

int
read_secret(struct cli *c, const char *file, const char *prompt, struct al_buf *to)
{
    AL_CLEANUP(al_freep) char *path = NULL;
    char line[SECRET_MAX];
    int rc = AL_OK;

    if (file != NULL) {
        rc = absolute_path(c, file, &path);
        rc = rc != AL_OK ? rc : port_read_file(c->port, NULL, path, SECRET_MAX, to);
        if (rc != AL_OK) {
            return al_fail_set(&c->fail, rc, port_os_error(c->port), "%.150s cannot be read", file);
        }
    } else {
        rc = port_ask_secret(prompt, line, sizeof(line));
        if (rc == AL_ENOTSUP) { /* no terminal: a line of standard input */
            rc = fgets(line, sizeof(line), stdin) != NULL ? AL_OK : AL_ENODATA;
        }
        rc = rc != AL_OK ? rc : al_buf_adds(to, line);
        al_wipe(line, sizeof(line));
    }
    cut_newline(to);
    if (rc == AL_OK && to->len == 0) {
        rc = AL_ENODATA;
    }
    return rc == AL_OK ? AL_OK : al_fail_set(&c->fail, rc, 0, "there is no password to read");
}

static int
ask_name(struct al_buf *to)
{
    char line[256];

    (void)fprintf(stderr, "Name: ");
    if (fgets(line, sizeof(line), stdin) == NULL) {
        return AL_ENODATA;
    }
    return al_buf_adds(to, line);
}

static int
open_session(struct cli *c, const char *name, const char *password, json_t **ret)
{
    json_t *body = json_object();
    int rc = al_json_set_str(body, "name", name);

    rc = rc != AL_OK ? rc : al_json_set_str(body, "password", password);
    if (rc != AL_OK) {
        json_decref(body);
        return rc;
    }
    return call(c, "POST", "/session", body, ret);
}

static int
keep_session(struct cli *c, const char *server, const char *ca, const json_t *answer)
{
    AL_CLEANUP(al_json_freep) json_t *session = json_object();
    int rc = al_json_set_str(session, "server", server);

    rc = rc != AL_OK ? rc
                     : al_json_set_str(session, "token",
                                       json_string_value(json_object_get(answer, "token")));
    rc = rc != AL_OK ? rc : al_json_set_str(session, "ca_file", ca);
    return rc != AL_OK ? rc : session_save(c, session);
}

int
cmd_login(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *session = NULL;
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf name = {0};
    AL_CLEANUP(al_buf_free) struct al_buf password = {0};
    AL_CLEANUP(al_freep) char *ca = NULL;
    const char *server;
    int rc;

    al_buf_init(&name, 1024);
    al_buf_init(&password, SECRET_MAX);
    rc = session_load(c, &session);
    if (rc != AL_OK && rc != AL_ENOENT && rc != AL_ECORRUPT) {
        return rc;
    }
    c->fail = (struct al_fail){0}; /* a damaged session is replaced */
    server = chosen_server(c, session);
    rc = c->ca_file != NULL ? absolute_path(c, c->ca_file, &ca) : AL_OK;
    rc = rc != AL_OK ? rc : connect(c, server, ca, NULL);
    rc = rc != AL_OK ? rc : c->word_count > 0 ? al_buf_adds(&name, c->words[0]) : ask_name(&name);
    cut_newline(&name);
    rc = rc != AL_OK ? rc : read_secret(c, args_get(c, "password-file"), "Password: ", &password);
    rc = rc != AL_OK ? rc
                     : open_session(c, (const char *)name.at, (const char *)password.at, &answer);
    if (password.at != NULL) {
        al_wipe(password.at, password.len);
    }
    rc = rc != AL_OK ? rc : keep_session(c, server, ca, answer);
    if (rc != AL_OK) {
        return rc;
    }
    if (c->json) {
        return out_json(json_object_get(answer, "user"));
    }
    (void)printf("logged in to %s as %s\n", server, (const char *)name.at);
    return AL_OK;
}

int
cmd_logout(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *empty = json_object();
    int rc = call(c, "DELETE", "/session", NULL, NULL), kept = session_save(c, empty);

    return rc != AL_OK ? rc : kept;
}

int
cmd_whoami(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *session = NULL;
    const json_t *user;
    int rc = call(c, "GET", "/session", NULL, &session);

    if (rc != AL_OK) {
        return rc;
    }
    user = json_object_get(session, "user");
    return out_object(c, user != NULL ? user : session);
}
