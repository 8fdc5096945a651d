/* increment.c: whether a scan may be an increment. The place in a volume's journal is kept together with the id of the scan
 * that began there; the server names the scan whose tables it has. Only where both are the same is it known what the
 * server knows, whichever of the two was set back, made anew or did not hear of a scan's end. */
#include "agent/run/agent.h"

#include <stdio.h>
#include <string.h>

#include "base/jsonout.h"
#include "base/mem.h"

#define PREFIX "scan-" /* and the volume's id */
#define FILE_MAX (16u << 20)
#define DAY_NS (INT64_C(86400) * 1000000000)

struct kept { /* what was written after the last scan */
    al_id scan_id;
    uint8_t place[WALK_PLACE_MAX];
    size_t place_len;
    char root[24];
    int64_t full_ns, looks;
    json_t *again; /* lent by json */
    json_t *json;
};

static void
kept_end(struct kept *k)
{
    al_json_freep(&k->json);
}

static int
read_kept(const struct agent *a, const char *volume_id, struct kept *k)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    char name[sizeof(PREFIX) + AL_ID_LEN + 1];
    const char *id = NULL, *place = NULL, *root = NULL;
    int rc;

    al_buf_init(&text, FILE_MAX);
    (void)snprintf(name, sizeof(name), PREFIX "%s", volume_id);
    rc = port_read_file(a->port, a->state, name, FILE_MAX, &text);
    rc = rc != AL_OK ? rc : al_json_parse(al_buf_span(&text), &k->json, NULL);
    rc = rc != AL_OK ? rc : al_json_str(k->json, "scan_id", &id, NULL);
    rc = rc != AL_OK ? rc : al_json_str(k->json, "place", &place, NULL);
    rc = rc != AL_OK ? rc : al_json_str(k->json, "root", &root, NULL);
    rc = rc != AL_OK ? rc : al_json_i64(k->json, "full_ns", &k->full_ns, NULL);
    rc = rc != AL_OK ? rc : al_json_i64(k->json, "looks", &k->looks, NULL);
    if (rc != AL_OK) {
        return rc;
    }
    k->again = json_object_get(k->json, "again");
    k->place_len = strlen(place) / 2;
    if (!al_id_valid(id) || k->place_len == 0 || k->place_len > sizeof(k->place) ||
        !json_is_array(k->again) || strlen(root) >= sizeof(k->root) ||
        al_unhex(place, strlen(place), k->place) != AL_OK) {
        return AL_ECORRUPT;
    }
    memcpy(k->scan_id, id, sizeof(k->scan_id));
    memcpy(k->root, root, strlen(root) + 1);
    return AL_OK;
}

static void
because(struct increment *f, const char *why)
{
    if (f->why[0] == '\0') {
        (void)snprintf(f->why, sizeof(f->why), "%s", why);
    }
}

/* f->why stays "" where nothing speaks against an increment of what is kept. */
static void
may_follow(struct agent *a, struct link_entries *e, const struct kept *k, struct increment *f)
{
    int64_t age = port_now_ns(a->port) - k->full_ns;
    char why[LINK_WHY_MAX] = "";
    al_id last = "";

    if (link_entries_follows(e, last, why, NULL) != AL_OK) {
        because(f, "the server did not say which scan it has");
    } else if (last[0] == '\0') {
        because(f, why);
    } else if (strcmp(last, k->scan_id) != 0) {
        because(f, "the server has another scan than the last one of this host");
    } else if (strcmp(f->root, k->root) != 0) {
        because(f, "another folder than before is at the volume's path");
    } else if (f->looks != k->looks) {
        because(f, "stubs are told from files in another way than before");
    } else if (age < 0 || age >= INCREMENT_FULL_DAYS * DAY_NS) {
        (void)snprintf(why, sizeof(why), "everything was walked %lld days ago",
                       (long long)(age / DAY_NS));
        because(f, age < 0 ? "the clock went back since everything was walked" : why);
    }
}

/* What could not be read is tried each time: nothing tells when it can be. */
static int
add_again(struct walk_plan *p, const json_t *again)
{
    AL_CLEANUP(al_freep) uint8_t *path = al_alloc(WALK_PATH_MAX);
    int rc = path != NULL ? AL_OK : AL_ENOMEM;

    for (size_t i = 0; rc == AL_OK && i < json_array_size(again); i++) {
        const char *hex = json_string_value(json_array_get(again, i));
        size_t len = hex != NULL ? strlen(hex) / 2 : 0;

        rc = hex == NULL || len > WALK_PATH_MAX || al_unhex(hex, strlen(hex), path) != AL_OK
                 ? AL_ECORRUPT
                 : AL_OK;
        rc = rc != AL_OK ? rc : walk_plan_add(p, (struct al_span){path, len}, WALK_WHOLE);
    }
    return rc != AL_OK ? rc : walk_plan_ready(p);
}

static int
plan(struct agent *a, struct volume *v, struct port_file *root, const struct kept *k,
     struct increment *f)
{
    const struct walk_changes *c =
        a->options.changes != NULL ? a->options.changes : &walk_changes_usn;
    bool all = f->why[0] != '\0';
    int rc = c->since(c->ctx, a->port, root, (struct al_span){k->place, all ? 0 : k->place_len},
                      &f->since);

    if (rc == AL_OK && f->since.plan != NULL && !all) {
        rc = add_again(f->since.plan, k->again);
        if (rc == AL_ECORRUPT || rc == AL_ELIMIT) {
            because(f, "what the last scan could not read is not known");
            rc = AL_OK;
        }
    }
    if (rc == AL_OK && f->since.plan == NULL) {
        because(f, f->since.full);
    }
    if (rc == AL_OK && f->why[0] == '\0') {
        memcpy(f->follows, k->scan_id, sizeof(f->follows));
        f->full_ns = k->full_ns;
        al_log(a->log, AL_LOG_DEBUG, "%s: an increment, %llu folders to go to", v->path,
               (unsigned long long)f->since.plan->count);
    } else {
        f->since.plan = walk_plan_free(f->since.plan);
        f->full_ns = port_now_ns(a->port);
    }
    return rc;
}

int
increment_begin(struct agent *a, struct volume *v, struct link_entries *e, struct increment *f)
{
    AL_CLEANUP(port_holder_end) struct port_holder root = {a->port, NULL};
    AL_CLEANUP(kept_end) struct kept k = {0};
    struct port_stat st;
    int rc;

    port_mutex_init(&f->lock);
    f->begun = true;
    rc = port_open(a->port, NULL, v->path, PORT_READ | PORT_FOLDER, 0, &root.file);
    rc = rc != AL_OK ? rc : port_stat(a->port, root.file, &st);
    if (rc != AL_OK) {
        because(f, "the volume could not be opened"); /* the walk says why */
        return rc == AL_ENOMEM ? rc : AL_OK;
    }
    (void)snprintf(f->root, sizeof(f->root), "%llu", (unsigned long long)st.ino);
    rc = read_kept(a, v->id, &k);
    if (rc == AL_OK) {
        may_follow(a, e, &k, f);
    } else if (rc == AL_ENOMEM) {
        return rc;
    } else if (rc != AL_ENOENT) {
        because(f, "what was kept of the last scan cannot be read");
    }
    if (rc != AL_OK) {
        k.place_len = 0;
    }
    return plan(a, v, root.file, &k, f);
}

void
increment_unreadable(struct increment *f, struct al_span path)
{
    char *hex = path.len <= WALK_PATH_MAX ? al_alloc(2 * path.len + 1) : NULL;
    char **grown;

    if (hex != NULL) {
        al_hex(path.at, path.len, hex);
    }
    port_mutex_lock(&f->lock);
    grown = hex == NULL || f->again_count == INCREMENT_AGAIN_MAX
                ? NULL
                : al_grow(f->again, f->again_count, &f->again_cap, sizeof(*f->again));
    if (grown != NULL) {
        f->again = grown;
        f->again[f->again_count++] = hex;
        hex = NULL;
    } else {
        f->again_lost = true;
    }
    port_mutex_unlock(&f->lock);
    al_free(hex);
}

void
increment_lost(struct increment *f)
{
    port_mutex_lock(&f->lock);
    f->again_lost = true;
    port_mutex_unlock(&f->lock);
}

static int
print_kept(const char *scan_id, const struct increment *f, struct al_buf *to)
{
    char place[2 * WALK_PLACE_MAX + 1];
    struct al_jsonout j;

    al_hex(f->since.place, f->since.place_len, place);
    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "scan_id", scan_id);
    al_jo_str(&j, "place", place);
    al_jo_str(&j, "root", f->root);
    al_jo_i64(&j, "full_ns", f->full_ns);
    al_jo_i64(&j, "looks", f->looks);
    al_jo_array(&j, "again");
    for (size_t i = 0; i < f->again_count; i++) {
        al_jo_str(&j, NULL, f->again[i]);
    }
    al_jo_close(&j);
    al_jo_close(&j);
    return al_jo_end(&j);
}

void
increment_keep(struct agent *a, const struct volume *v, const char *scan_id, struct increment *f)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    char name[sizeof(PREFIX) + AL_ID_LEN + 1];
    int rc;

    al_buf_init(&text, FILE_MAX);
    (void)snprintf(name, sizeof(name), PREFIX "%s", v->id);
    if (f->since.place_len == 0 || f->again_lost) {
        rc = port_unlink(a->port, a->state, name);
        rc = rc == AL_ENOENT ? AL_OK : rc;
    } else {
        rc = print_kept(scan_id, f, &text);
        rc = rc != AL_OK ? rc : port_write_file(a->port, a->state, name, text.at, text.len, 0600);
    }
    if (rc != AL_OK) { /* what lies there is of a scan that the server does not have as its last */
        al_log(a->log, AL_LOG_WARN, "%s: the next scan walks everything: %s", v->path,
               al_code_name(rc));
    }
}

void
increment_end(struct increment *f)
{
    f->since.plan = walk_plan_free(f->since.plan);
    for (size_t i = 0; i < f->again_count; i++) {
        al_free(f->again[i]);
    }
    al_free(f->again);
    if (f->begun) {
        port_mutex_end(&f->lock);
    }
}
