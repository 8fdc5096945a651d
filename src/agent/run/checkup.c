#include "agent/run/checkup.h"

#include <stdio.h>
#include <string.h>

#include "agent/link/config.h"
#include "agent/link/identity.h"
#include "agent/run/agent.h"
#include "agent/run/driver.h"
#include "agent/run/rights.h"
#include "agent/target/target.h"
#include "client/api.h"

#define ENROL "make a token with alto host token, then alto-agent enrol --server URL --state DIR"

struct checkup {
    struct port *port;
    const struct doctor_conf *conf;
    const char *program;
    struct doctor_report *report;
    struct port_file *state;
    struct identity *identity;
    struct agent_config *config;
};

/* Whether anybody but the owner could read what is kept there: keys and passwords. On NTFS the mode
 * is made up. */
static bool
open_to_others(const struct port_stat *st, const struct port_fs *fs)
{
    return fs->kind != PORT_FS_NTFS && (st->mode & 0077) != 0;
}

static bool
check_state(struct checkup *c)
{
    struct port_stat st;
    struct port_fs fs;
    int rc = port_open(c->port, NULL, c->conf->state, PORT_READ | PORT_FOLDER, 0, &c->state);

    if (rc == AL_ENOENT) {
        doctor_find(c->report, "state", DOCTOR_WARN, ENROL,
                    "%.150s is not there: nothing is tiered or recalled here", c->conf->state);
        return false;
    }
    rc = rc != AL_OK ? rc : port_stat(c->port, c->state, &st);
    rc = rc != AL_OK ? rc : port_fs(c->port, c->state, &fs);
    if (rc != AL_OK) {
        doctor_find(c->report, "state", DOCTOR_BAD, "run it as root, and look at the folder",
                    "%.150s cannot be used (%s)", c->conf->state, al_code_name(rc));
        return false;
    }
    if (fs.read_only) {
        doctor_find(c->report, "state", DOCTOR_BAD, "mount its filesystem read-write",
                    "%.150s is on a read-only filesystem", c->conf->state);
    } else if (open_to_others(&st, &fs)) {
        doctor_find(c->report, "state", DOCTOR_WARN, "chmod 0700 it",
                    "%.150s may be looked into by others; shares' passwords lie there",
                    c->conf->state);
    } else if (fs.bytes_free < CHECKUP_FREE_MIN) {
        doctor_find(c->report, "state", DOCTOR_WARN, "make room on its filesystem",
                    "only %llu MiB are free for journal and spool",
                    (unsigned long long)(fs.bytes_free >> 20));
    } else {
        doctor_find(c->report, "state", DOCTOR_GOOD, NULL, "%.150s is the agent's alone, with room",
                    c->conf->state);
    }
    return true;
}

static bool
check_identity(struct checkup *c)
{
    struct al_fail fail = {0};
    int rc = identity_load(c->port, c->state, &c->identity, &fail);

    if (rc != AL_OK) {
        doctor_find(c->report, "identity", DOCTOR_WARN, ENROL, "%s (%s)", fail.text,
                    al_code_name(rc));
        return false;
    }
    doctor_find(c->report, "identity", DOCTOR_GOOD, NULL, "host %s of customer %s",
                c->identity->host_id, c->identity->customer_id);
    return true;
}

/* Segments are deleted when they are delivered: what lies there has not been, up to one segment. */
static int
spool_bytes(struct checkup *c, uint64_t *ret)
{
    AL_CLEANUP(port_holder_end) struct port_holder folder = {c->port, NULL};
    struct port_dir *dir = NULL;
    struct port_dirent e;
    uint64_t sum = 0;
    bool end = false;
    int rc = port_open(c->port, c->state, "spool", PORT_READ | PORT_FOLDER, 0, &folder.file);

    rc = rc != AL_OK ? rc : port_dir_open(c->port, folder.file, &dir);
    if (rc != AL_OK) {
        return rc;
    }
    while (rc == AL_OK) {
        struct port_stat st;

        rc = port_dir_next(c->port, dir, &e, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (port_stat_at(c->port, folder.file, e.name, &st) == AL_OK) {
            sum += st.size; /* one that is gone again was delivered meanwhile */
        }
    }
    port_dir_close(c->port, &dir);
    if (rc == AL_OK) {
        *ret = sum;
    }
    return rc;
}

static void
check_spool(struct checkup *c)
{
    uint64_t bytes = 0;
    int rc = spool_bytes(c, &bytes);

    if (rc == AL_ENOENT) {
        doctor_find(c->report, "spool", DOCTOR_GOOD, NULL, "no outcome has been spooled yet");
    } else if (rc != AL_OK) {
        doctor_find(c->report, "spool", DOCTOR_BAD, "look at the disk and the folder's owner",
                    "the spool cannot be read (%s): without it nothing is tiered",
                    al_code_name(rc));
    } else if (bytes > CHECKUP_SPOOL_WARN) {
        doctor_find(c->report, "spool", DOCTOR_WARN, "bring the server back; see the next line",
                    "%llu MiB of outcomes wait for the server", (unsigned long long)(bytes >> 20));
    } else {
        doctor_find(c->report, "spool", DOCTOR_GOOD, NULL, "the spool holds %llu KiB",
                    (unsigned long long)((bytes + 1023) >> 10));
    }
}

static void
check_server(struct checkup *c)
{
    AL_CLEANUP(http_closep) struct http *http = NULL;
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    const struct http_conf conf = {.url = c->identity->server,
                                   .ca_file = c->identity->ca_file,
                                   .bearer = c->identity->bearer,
                                   .program = c->program};
    const struct api_call call = {
        .method = "GET", .path = "/api/v1/agent/config", .timeout_ms = CHECKUP_SERVER_MS};
    struct al_fail fail = {0};
    int rc = http_open(&conf, &http, &fail);

    rc = rc != AL_OK ? rc : api_call(http, &call, &reply, &fail);
    if (rc == AL_OK) {
        doctor_find(c->report, "server", DOCTOR_GOOD, NULL, "%.150s answers and knows this host",
                    c->identity->server);
    } else if (rc == AL_EAUTH || rc == AL_EPERM) {
        doctor_find(c->report, "server", DOCTOR_WARN,
                    "if the host was removed by mistake: remove agent.json and enrol anew",
                    "%.100s does not accept this host any more (%.60s)", c->identity->server,
                    fail.text);
    } else {
        doctor_find(c->report, "server", DOCTOR_WARN,
                    "recalls go on without it; look at altod, the network and its certificate",
                    "%.100s does not answer: %.80s (%s)", c->identity->server, fail.text,
                    al_code_name(rc));
    }
}

/* Paths of Windows are the same in either case and with either slash. */
static bool
lies_in(const char *folder, size_t len, const char *path)
{
    return path[0] != '/'
               ? driver_path_within(folder, path)
               : strncmp(path, folder, len) == 0 &&
                     (path[len] == '\0' || path[len] == '/' || (len == 1 && folder[0] == '/'));
}

/* The volume whose path is the longest that leads to the path, or NULL. */
static const struct config_volume *
volume_of(const struct agent_config *config, const char *path)
{
    const struct config_volume *best = NULL;
    size_t best_len = 0, i;

    for (i = 0; i < config->volume_count; i++) {
        const struct config_volume *v = &config->volumes[i];
        size_t len = strlen(v->path);

        while (len > 1 && v->path[len - 1] == '/') {
            len--;
        }
        if (lies_in(v->path, len, path) && len > best_len) {
            best = v;
            best_len = len;
        }
    }
    return best;
}

static void
check_share(struct checkup *c, const struct config_share *s)
{
    const struct target_conf conf = {.url = s->url,
                                     .user = s->user,
                                     .password = s->password,
                                     .customer_id = c->identity->customer_id,
                                     .wire = s->wire,
                                     .deadline_ms = CHECKUP_SHARE_MS};
    AL_CLEANUP(target_closep) struct target *t = NULL;
    struct target_space space = {0};
    struct al_fail fail = {0};
    int rc = target_open(c->port, &conf, false, &t, &fail);

    if (rc == AL_ENOENT) {
        doctor_find(c->report, "share", DOCTOR_WARN,
                    "nothing to do before the first file is tiered; else look for the right share",
                    "share %.60s answers, but has no identity file", s->name);
        return;
    }
    rc = rc != AL_OK ? rc : target_check(t, &space, &fail);
    if (rc == AL_OK) {
        doctor_find(c->report, "share", DOCTOR_GOOD, NULL, "share %.60s answers, %llu GiB free",
                    s->name, (unsigned long long)(space.bytes_free >> 30));
    } else {
        doctor_find(c->report, "share", DOCTOR_WARN,
                    "stubs cannot be filled until it is back: openers wait, then get EIO",
                    "share %.60s: %.100s (%s)", s->name, fail.text, al_code_name(rc));
    }
}

/* The agent takes nothing but the filesystem it knows for a volume's files: an empty folder where
 * one is not mounted would look as if all had been deleted. */
static void
check_mounted(struct checkup *c, const struct config_volume *v)
{
    struct fs_memory *m = NULL;
    struct al_fail fail = {0};
    bool known = false;
    char next[256];
    int rc = fs_memory_open(c->port, c->state, &m, &fail);

    (void)snprintf(next, sizeof(next), "the agent cannot start so: look at %.120s", c->conf->state);
    if (rc == AL_OK) {
        (void)snprintf(next, sizeof(next),
                       "mount the right one; if this is it: alto-agent accept --state %.80s %.90s",
                       c->conf->state, v->path);
        rc = fs_memory_look(m, v->path, &known, &fail);
    }
    if (rc == AL_OK && known) {
        doctor_find(c->report, "mounted", DOCTOR_GOOD, NULL,
                    "the filesystem this volume had before is at %.150s", v->path);
    } else if (rc == AL_ECHANGED) {
        doctor_find(c->report, "mounted", DOCTOR_BAD, next,
                    "volume %.60s is held: %.140s; nothing is walked, tiered or recalled", v->name,
                    fail.text);
    } else if (rc != AL_OK) {
        doctor_find(c->report, "mounted", DOCTOR_BAD, next, "volume %.60s: %.140s (%s)", v->name,
                    fail.text, al_code_name(rc));
    }
    (void)fs_memory_close(m); /* returns NULL */
}

static void
check_volume(struct checkup *c)
{
    const struct config_volume *v = volume_of(c->config, c->conf->path);
    const struct config_share *s;

    if (v == NULL) {
        doctor_find(c->report, "volume", DOCTOR_WARN,
                    "alto volume add --host H --path P --name N --share S",
                    "it belongs to no volume of this host");
        return;
    }
    check_mounted(c, v);
    s = v->share_id[0] != '\0' ? agent_config_share(c->config, v->share_id) : NULL;
    if (s == NULL) {
        doctor_find(c->report, "volume", DOCTOR_WARN, "alto volume set VOLUME --share S",
                    "volume %.60s has no share: it is tracked only", v->name);
        return;
    }
    if (v->tracked_only) {
        doctor_find(c->report, "volume", DOCTOR_WARN,
                    "alto volume show VOLUME tells what its settings are",
                    "volume %.60s is tracked only by its settings", v->name);
    } else {
        doctor_find(c->report, "volume", DOCTOR_GOOD, NULL, "volume %.60s, share %.60s", v->name,
                    s->name);
    }
    check_share(c, s);
}

static void
check_config(struct checkup *c)
{
    struct al_fail fail = {0};
    int rc = agent_config_load(c->port, c->state, &c->config, &fail);

    if (rc == AL_OK) {
        check_volume(c);
    } else {
        doctor_find(c->report, "volume", DOCTOR_WARN, "start the agent: it fetches and keeps it",
                    "this host's configuration is not here yet (%s)", al_code_name(rc));
    }
}

void
agent_checkup(const struct doctor_conf *conf, const char *program, struct doctor_report *report)
{
    struct checkup c = {.port = conf->port, .conf = conf, .program = program, .report = report};

    rights_checkup(report); /* first: they may be why the state cannot be looked at */
    if (!check_state(&c)) {
        port_close_quiet(c.port, &c.state);
        return;
    }
    agent_checkup_system(c.port, c.state, report);
    if (check_identity(&c)) {
        check_spool(&c);
        check_server(&c);
        if (conf->path != NULL) {
            check_config(&c);
        }
    }
    (void)agent_config_unref(c.config); /* returns NULL */
    c.identity = identity_free(c.identity);
    port_close_quiet(c.port, &c.state);
}
