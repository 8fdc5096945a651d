/* scan.c: a volume walked, its entries sent as they come. */
#include "agent/run/agent.h"

#include <string.h>

#include "agent/auditlog/follow.h"
#include "agent/mover/swap.h"
#include "base/mem.h"

#define SCAN_ODD_MAX 10000u /* files looked at closer; more come with the next scan */

struct scan {
    struct agent_work *aw;
    struct link_entries *entries;
    struct al_fail *fail;
    port_mutex lock;          /* the odd files: told by several walkers at once */
    struct stub_maker *maker; /* NULL: none */
    struct volume *volume;
    struct port_file *root; /* with a maker */
    struct increment *increment;
    char *odd[SCAN_ODD_MAX];
    size_t odd_count;
    uint64_t odd_more;
};

static int
on_batch(void *ctx, uint64_t seq, struct al_span packed)
{
    struct scan *s = ctx;

    return link_entries_send(s->entries, seq, packed, work_stops, s->aw, s->fail);
}

static bool
on_stop(void *ctx)
{
    struct scan *s = ctx;

    return work_stops(s->aw);
}

static void
on_odd(void *ctx, struct al_span path)
{
    struct scan *s = ctx;
    char *text = al_span_dup(path);

    port_mutex_lock(&s->lock);
    if (text != NULL && s->odd_count < SCAN_ODD_MAX) {
        s->odd[s->odd_count++] = text;
        text = NULL;
    } else {
        s->odd_more++;
        increment_lost(s->increment);
    }
    port_mutex_unlock(&s->lock);
    al_free(text);
}

static void
on_unreadable(void *ctx, struct al_span path)
{
    struct scan *s = ctx;

    increment_unreadable(s->increment, path);
}

/* Appends the absolute path of a file of the folder. */
static int
path_of(struct scan *s, struct port_file *folder, const char *name, struct al_buf *to)
{
    struct port *port = s->aw->agent->port;
    struct port_stat here, root;
    size_t at;
    int rc = al_buf_addf(to, "%s/", s->volume->root_path);

    at = to->len;
    rc = rc != AL_OK ? rc : port_stat(port, s->root, &root);
    rc = rc != AL_OK ? rc : port_stat(port, folder, &here);
    if (rc == AL_OK && (here.ino != root.ino || here.dev != root.dev)) {
        rc = port_path_of(port, s->root, folder, to);
    }
    rc = rc == AL_OK && to->len > at ? al_buf_adds(to, "/") : rc;
    return rc != AL_OK ? rc : al_buf_adds(to, name);
}

/* One that cannot be looked at now counts as the stub it may be: nobody is to take it for a file that
 * has its bytes. */
static bool
on_made(void *ctx, struct port_file *folder, const char *name, const struct port_stat *st,
        bool *ret_odd)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct scan *s = ctx;
    struct stub_seen seen = {.is = STUB_IS_NONE};
    int rc;

    if (!s->maker->ops->may_be(s->maker, st)) {
        return false;
    }
    al_buf_init(&path, SWAP_PATH_MAX);
    al_buf_init(&bytes, SWAP_PATH_MAX);
    rc = path_of(s, folder, name, &path);
    rc = rc != AL_OK ? rc
                     : s->maker->ops->look(s->maker, (const char *)path.at, s->volume->key, &bytes,
                                           &seen, NULL);
    if (rc != AL_OK) {
        increment_lost(s->increment); /* nothing tells when it can be looked at */
    }
    *ret_odd = rc == AL_OK && seen.is != STUB_IS_NONE && seen.is != STUB_IS_OURS;
    return rc != AL_OK || seen.is != STUB_IS_NONE;
}

/* A scan heals nothing that needs the share: it looks, and tells. */
static int
no_share(void *ctx, const struct recall_volume *v, struct target **ret, struct al_fail *fail)
{
    return al_fail_set(fail, AL_EUNREACH, 0, "a scan does not ask the share");
}

/* Markers that do not fit: what they are is told before the scan ends, so that what was done about
 * them counts as newer than the scan. */
static void
look_closer(struct scan *s, struct volume *v)
{
    struct agent *a = s->aw->agent;
    struct reconcile_env env = {.port = a->port,
                                .journal = a->journal,
                                .sink = &a->sink.sink,
                                .connect = {.get = no_share},
                                .is_anothers = volume_is_anothers,
                                .others_ctx = a};
    struct reconcile_counts counts = {0};
    const struct recall_volume *rv = volume_recall(v);

    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    struct reconcile_made made = {.env = &env, .mover_env = &a->mover_env};
    bool open = s->maker != NULL && s->odd_count > 0 && volume_place(v, &place, NULL) == AL_OK;

    made.volume = &place.mover;
    for (size_t i = 0; i < s->odd_count; i++) {
        if (rv != NULL && !v->tracked_only && !work_stops(s->aw)) {
            reconcile_look(&env, rv, al_span_of(s->odd[i]), &counts);
        } else if (open && place.mover.maker != NULL && !work_stops(s->aw)) {
            reconcile_look_made(&made, al_span_of(s->odd[i]), &counts);
        }
        al_free(s->odd[i]);
    }
    if (s->odd_count > 0) {
        al_log(a->log, AL_LOG_INFO,
               "%s: %llu markers looked at closer: %llu adopted, %llu dropped, %llu alarms; %llu "
               "more left for the next scan",
               v->path, (unsigned long long)counts.markers, (unsigned long long)counts.adopted,
               (unsigned long long)counts.dropped, (unsigned long long)counts.alarms,
               (unsigned long long)s->odd_more);
    }
}

/* False: markers will be found, but not whether they are authentic. */
static bool
key_of(struct agent *a, const struct volume *v, struct marker_key *key)
{
    AL_CLEANUP(port_holder_end) struct port_holder root = {a->port, NULL};
    struct port_fs fs;

    memset(key, 0, sizeof(*key));
    memcpy(key->key, v->key, sizeof(key->key));
    if (port_open(a->port, NULL, v->path, PORT_READ | PORT_FOLDER, 0, &root.file) != AL_OK ||
        port_fs(a->port, root.file, &fs) != AL_OK) {
        return false;
    }
    memcpy(key->fs_id, fs.id, sizeof(key->fs_id));
    return true;
}

static int
walk(struct agent_work *aw, struct volume *v, struct increment *f, struct walk_result *ret,
     struct al_fail *fail)
{
    struct agent *a = aw->agent;
    struct scan *s = al_zalloc(sizeof(*s));
    bool lucid = strcmp(v->kind, "lucidlink") == 0;
    struct port_names *names = NULL;
    struct marker_key key;
    struct walk_conf conf = {.port = a->port,
                             .root = v->path,
                             .key = v->has_key ? &key : NULL,
                             .threads = a->options.walk_threads,
                             .leave_out = lucid ? FOLLOW_FOLDER : NULL,
                             .no_access_times = lucid,
                             .send = on_batch,
                             .unreadable = on_unreadable,
                             .stop = on_stop,
                             .ctx = s};
    int rc;

    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    s->aw = aw;
    s->fail = fail;
    s->volume = v;
    s->increment = f;
    s->maker = v->has_key && strcmp(v->kind, "ntfs") == 0 ? agent_gate_maker(a->gate) : NULL;
    conf.stub_of = s->maker != NULL ? on_made : NULL;
    port_mutex_init(&s->lock);
    rc = s->maker == NULL ? AL_OK
                          : port_open(a->port, NULL, v->path, PORT_READ | PORT_FOLDER, 0, &s->root);
    rc = rc != AL_OK ? rc : link_entries_open(a->link, aw->work->scan_id, &s->entries, fail);
    f->looks = (v->has_key ? 1 : 0) + (s->maker != NULL ? 2 : 0);
    rc = rc != AL_OK ? rc : increment_begin(a, v, s->entries, f);
    if (rc == AL_OK) {
        conf.only = f->since.plan;
        if (port_names_new(&names) == AL_OK) {
            conf.names = names;
        }
        conf.odd = key_of(a, v, &key) && v->has_key ? on_odd : NULL;
        rc = walk_run(&conf, ret, fail);
        al_wipe(&key, sizeof(key));
        names = port_names_free(names);
        look_closer(s, v);
    }
    s->entries = link_entries_close(s->entries);
    port_close_quiet(a->port, &s->root);
    port_mutex_end(&s->lock);
    al_free(s);
    return rc;
}

void
work_scan(struct agent_work *aw)
{
    struct agent *a = aw->agent;
    const struct work *w = aw->work;
    struct volume *v = volume_find(a, w->volume_id);
    struct record_scan r = {.scan_id = w->scan_id, .volume_id = w->volume_id};
    AL_CLEANUP(increment_end) struct increment f = {0};
    struct walk_result res = {0};
    struct al_fail fail = {0};
    int64_t began = port_mono_ns(a->port);

    if (v == NULL) {
        r.code = al_fail_set(&fail, AL_ENOENT, 0, "this host has no such volume");
    } else {
        r.code = fs_memory_check(a->filesystems, v->id, v->path, &fail);
    }
    if (r.code == AL_OK) {
        r.code = walk(aw, v, &f, &res, &fail);
    }
    r.entries = res.entries;
    r.folders = res.folders;
    r.unreadable = res.unreadable;
    r.text = r.code == AL_OK ? "" : fail.text;
    r.follows = f.since.plan != NULL ? f.follows : NULL;
    r.why = f.why;
    al_log(
        a->log, r.code == AL_OK ? AL_LOG_INFO : AL_LOG_WARN,
        "scan of %s: %s, %s%s%s, %llu entries in %llu folders, %llu unreadable, %llu stubs, %lld "
        "ms %s",
        v != NULL ? v->path : w->volume_id, al_code_name(r.code),
        r.follows != NULL ? "an increment" : "everything", f.why[0] != '\0' ? ": " : "", f.why,
        (unsigned long long)res.entries, (unsigned long long)res.folders,
        (unsigned long long)res.unreadable, (unsigned long long)res.stubs,
        (long long)((port_mono_ns(a->port) - began) / 1000000), r.text);
    if (r.code == AL_OK) {
        increment_keep(a, v, w->scan_id,
                       &f); /* first: the next scan may come right behind the end */
    }
    if (link_scan_end(a->link, w->work_id, &r) != AL_OK) {
        al_log(a->log, AL_LOG_ERROR,
               "the end of scan %s could not be spooled; it will be done again", w->scan_id);
    }
    volume_unref(v);
}
