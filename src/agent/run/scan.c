/* scan.c: a volume walked, its entries sent as they come. */
#include "agent/run/agent.h"

#include <string.h>

#include "base/mem.h"

struct scan {
    struct agent_work *aw;
    struct link_entries *entries;
    struct al_fail *fail;
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
key_of(struct agent *a, const struct volume *v, struct marker_key *key)
{
    AL_CLEANUP(port_holder_end) struct port_holder root = {a->port, NULL};
    struct port_fs fs;

    memset(key, 0, sizeof(*key));
    memcpy(key->key, v->key, sizeof(key->key));
    /* Without the id a marker decodes all the same; it only is not found authentic, which a walk
     * does not ask. */
    if (port_open(a->port, NULL, v->path, PORT_READ | PORT_FOLDER, 0, &root.file) == AL_OK &&
        port_fs(a->port, root.file, &fs) == AL_OK) {
        memcpy(key->fs_id, fs.id, sizeof(key->fs_id));
    }
}

static int
walk(struct agent_work *aw, const struct volume *v, struct walk_result *ret, struct al_fail *fail)
{
    struct agent *a = aw->agent;
    struct scan s = {.aw = aw, .fail = fail};
    struct marker_key key;
    struct walk_conf conf = {.port = a->port,
                             .root = v->path,
                             .key = v->has_key ? &key : NULL,
                             .threads = a->options.walk_threads,
                             .send = on_batch,
                             .stop = on_stop,
                             .ctx = &s};
    int rc = link_entries_open(a->link, aw->work->scan_id, &s.entries, fail);

    if (rc != AL_OK) {
        return rc;
    }
    key_of(a, v, &key);
    rc = walk_run(&conf, ret, fail);
    al_wipe(&key, sizeof(key));
    s.entries = link_entries_close(s.entries);
    return rc;
}

void
work_scan(struct agent_work *aw)
{
    struct agent *a = aw->agent;
    const struct work *w = aw->work;
    struct volume *v = volume_find(a, w->volume_id);
    struct record_scan r = {.scan_id = w->scan_id, .volume_id = w->volume_id};
    struct walk_result res = {0};
    struct al_fail fail = {0};
    int64_t began = port_mono_ns(a->port);

    if (v == NULL) {
        r.code = al_fail_set(&fail, AL_ENOENT, 0, "this host has no such volume");
    } else {
        r.code = fs_memory_check(a->filesystems, v->id, v->path, &fail);
    }
    if (r.code == AL_OK) {
        r.code = walk(aw, v, &res, &fail);
    }
    r.entries = res.entries;
    r.folders = res.folders;
    r.unreadable = res.unreadable;
    r.text = r.code == AL_OK ? "" : fail.text;
    al_log(a->log, r.code == AL_OK ? AL_LOG_INFO : AL_LOG_WARN,
           "scan of %s: %s, %llu entries in %llu folders, %llu unreadable, %llu stubs, %lld ms %s",
           v != NULL ? v->path : w->volume_id, al_code_name(r.code),
           (unsigned long long)res.entries, (unsigned long long)res.folders,
           (unsigned long long)res.unreadable, (unsigned long long)res.stubs,
           (long long)((port_mono_ns(a->port) - began) / 1000000), r.text);
    volume_unref(v);
    if (link_scan_end(a->link, w->work_id, &r) != AL_OK) {
        al_log(a->log, AL_LOG_ERROR,
               "the end of scan %s could not be spooled; it will be done again", w->scan_id);
    }
}
