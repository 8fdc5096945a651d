#include "agent/recall/recall.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum step {
    STEP_EXAMINE,
    STEP_BEGIN,
    STEP_MARK,
    STEP_FILL,
    STEP_TELL,
    STEP_END,
    STEP_REPORT,
    STEP_ENDED
};

struct recall {
    const struct recall_env *env;
    struct recall_connect connect;
    struct recall_request request;
    enum step step;
    bool cancelled, quiet, may_repeat, may_wait;
    bool overtaken; /* somebody else has filled the file, or tiered it anew */
    bool looked_again;
    bool noted;  /* the intent is durable */
    bool told;   /* the outcome went out before the end, since the intent is not */
    bool untold; /* neither can be written down: the marker tells of the recall */
    int64_t began_ns;
    struct marker marker;
    struct stub_facts facts;
    /* As looked at, until it is filled; NULL: only the handle is known. Each opening of a file on a
     * marked filesystem is a round trip to the gate. */
    struct port_file *file;
    bool writable;
    uint8_t capability[JOURNAL_CAPABILITY_MAX];
    size_t capability_len; /* 0: the file has none, as nearly all */
    struct journal_item *intent;
    struct stub_fill *fill;
    struct target *target;
    struct target_get *get;
    char object_name[TARGET_NAME_MAX];
    uint8_t *chunk;
    size_t chunk_bytes, small_bytes;
    size_t got;      /* bytes in chunk that are not in the file yet */
    uint64_t offset; /* bytes in the file */
    struct al_xxh_state *xxh;
    struct recall_result result;
};

int
recall_new(const struct recall_env *env, const struct recall_connect *connect,
           const struct recall_request *request, struct recall **ret)
{
    struct recall *r = al_zalloc(sizeof(*r));

    if (r == NULL) {
        return AL_ENOMEM;
    }
    r->env = env;
    r->connect = *connect;
    r->request = *request;
    r->began_ns = port_now_ns(env->port);
    r->small_bytes = env->small_bytes != 0 ? env->small_bytes : RECALL_SMALL_BYTES;
    r->chunk_bytes = env->chunk_bytes != 0 ? env->chunk_bytes : TARGET_CHUNK_BYTES;
    *ret = r;
    return AL_OK;
}

void
recall_cancel(struct recall *r)
{
    r->cancelled = true;
}

void
recall_quiet(struct recall *r)
{
    r->quiet = true;
}

void
recall_may_repeat(struct recall *r)
{
    r->may_repeat = true;
}

void
recall_may_wait(struct recall *r)
{
    r->may_wait = true;
}

const struct recall_result *
recall_result(const struct recall *r)
{
    return &r->result;
}

struct recall *
recall_free(struct recall *r)
{
    if (r == NULL) {
        return NULL;
    }
    recall_cancel(r);
    while (recall_step(r) == RECALL_MORE) {
    }
    port_close_quiet(r->env->port, &r->file);
    al_free(r->chunk);
    al_free(r);
    return NULL;
}

/* ---- telling ---- */

static struct outcome
outcome_of(const struct recall *r, const char *act, int code, const char *reason, const char *text)
{
    struct outcome o = {.act = act, .code = code, .reason = reason, .text = text};

    o.volume_id = r->request.volume->volume_id;
    o.share_id = r->request.volume->share_id;
    o.job_id = r->request.job_id;
    o.path = r->request.path;
    o.ino = r->facts.st.ino;
    o.object_id = r->result.object_id[0] != '\0' ? r->result.object_id : NULL;
    o.began_ns = r->began_ns;
    o.ended_ns = port_now_ns(r->env->port);
    o.mtime_ns = r->marker.mtime_ns;
    o.pid = r->request.pid;
    o.uid = r->request.uid;
    o.process = r->request.process;
    if (code == AL_OK && r->result.filled) {
        o.size = r->marker.size;
        o.freed = r->marker.size;
    }
    return o;
}

static int
tell(struct recall *r, const char *act, int code, const char *reason, const char *text)
{
    struct outcome o = outcome_of(r, act, code, reason, text);

    return r->env->sink->put(r->env->sink, &o);
}

/* The ends of a fill are not synced: a power cut makes it "filling" again, which heals, but without
 * the capabilities. So for a file that has some the intent ends only when they are back, and
 * durable. */
static bool
capability_is_back(struct recall *r)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = r->env->port};
    uint8_t now[JOURNAL_CAPABILITY_MAX];
    size_t len;

    return r->capability_len == 0 ||
           (port_open_handle(r->env->port, stub_volume_inside(r->request.volume->stub),
                             &r->facts.handle, PORT_READ | PORT_NOATIME, &f.file) == AL_OK &&
            port_xattr_get(r->env->port, f.file, JOURNAL_CAPABILITY_XATTR, now, sizeof(now),
                           &len) == AL_OK &&
            port_sync(r->env->port, f.file) == AL_OK);
}

/* By chattr(1), which opens it and so has it recalled first, or by file_setattr(2), which does not. */
static bool
is_immutable(struct recall *r)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = r->env->port};
    struct port_stat st;

    return r->facts.handle.len > 0 &&
           port_open_handle(r->env->port, stub_volume_inside(r->request.volume->stub),
                            &r->facts.handle, PORT_READ | PORT_NOATIME, &f.file) == AL_OK &&
           port_stat(r->env->port, f.file, &st) == AL_OK &&
           (st.attrs & (PORT_A_IMMUTABLE | PORT_A_APPEND)) != 0;
}

/* The file as it was; the answer is no. */
static void
give_up(struct recall *r, int code, const char *reason)
{
    int told, undone = stub_fill_undo(r->fill);

    if (code == AL_EACCES && is_immutable(r)) {
        reason = "immutable";
        r->result.fail = (struct al_fail){0};
        (void)al_fail_set(&r->result.fail, code, 0,
                          "the stub was made immutable or append-only, so that its content cannot "
                          "be put back: take that away with a "
                          "chattr that uses file_setattr(2) (one that opens the file is denied as "
                          "everybody is), then open it again");
    }
    r->result.code = code;
    r->get = target_get_end(r->get);
    r->fill = stub_fill_abort(r->fill); /* only frees now */
    r->xxh = al_xxh_free(r->xxh);
    r->result.repeat = (r->may_repeat && code == AL_EUNREACH) ||
                       (r->may_wait && !r->cancelled && (r->overtaken || code == AL_EBUSY));
    told = r->result.repeat ? AL_OK : tell(r, "recall", code, reason, r->result.fail.text);
    if (r->intent != NULL) {
        if (undone == AL_OK) { /* nobody's bytes are those of this fill any more */
            journal_note(r->env->journal, r->intent, JOURNAL_PUNCHED);
        }
        if (told == AL_OK && undone == AL_OK && capability_is_back(r)) {
            journal_end(r->env->journal, r->intent);
        } else {
            journal_put_back(r->env->journal, r->intent);
        }
        r->intent = NULL;
    }
    r->step = STEP_ENDED;
}

static void
answer(struct recall *r, int code)
{
    r->result.code = code;
    r->step = STEP_ENDED;
}

/* ---- what the file is ---- */

/* For writing, so that the same descriptor can fill it; what cannot be written can be looked at. */
static int
open_seen(struct recall *r)
{
    struct port_file *root = stub_volume_inside(r->request.volume->stub);
    struct port *port = r->env->port;
    int rc = port_open_handle(port, root, &r->request.handle, PORT_READ | PORT_WRITE | PORT_NOATIME,
                              &r->file);

    r->writable = rc == AL_OK;
    if (rc == AL_EBUSY || rc == AL_EACCES || rc == AL_EROFS) {
        rc = port_open_handle(port, root, &r->request.handle, PORT_READ | PORT_NOATIME, &r->file);
    }
    return rc;
}

static int
look(struct recall *r, enum marker_verdict *ret)
{
    struct stub_volume *v = r->request.volume->stub;
    int rc;

    if (r->request.handle.len == 0) {
        return stub_examine_path(v, r->request.path, &r->marker, ret, &r->facts, &r->result.fail);
    }
    rc = open_seen(r);
    if (rc != AL_OK) {
        return al_fail_set(&r->result.fail, rc, port_os_error(r->env->port),
                           rc == AL_ESTALE ? "the file that was opened is gone"
                                           : "the file that was opened cannot be opened");
    }
    return stub_examine(v, r->file, &r->marker, ret, &r->facts, &r->result.fail);
}

static void
adopt(struct recall *r)
{
    /* Registered before it is done: from then on two stubs may refer to one object, and the ledger
     * must know. */
    int rc = tell(r, "adopt", AL_OK, "", "a stub that was copied here with its attributes");

    if (rc == AL_OK) {
        rc = stub_adopt(r->request.volume->stub, &r->facts.handle, &r->result.fail);
    }
    if (rc != AL_OK) {
        give_up(r, rc, "not_adopted");
        return;
    }
    r->step = STEP_BEGIN;
}

static void
drop(struct recall *r, enum marker_verdict verdict)
{
    int rc = tell(r, "drop_marker", AL_OK, marker_verdict_name(verdict),
                  verdict == MARKER_V_COPIED ? "a copy of a stub that has its own data"
                                             : "the stub was emptied");

    if (rc == AL_OK) {
        rc = stub_drop_marker(r->request.volume->stub, &r->facts.handle, verdict, &r->result.fail);
        r->overtaken = rc == AL_ECHANGED;
        rc = rc == AL_ENODATA ? AL_OK : rc; /* somebody else has */
    }
    if (rc != AL_OK) {
        give_up(r, rc, "marker_not_dropped");
        return;
    }
    answer(r, AL_OK);
}

/* Of a recall whose only record is its marker. The bytes are the file's own, so that nobody waits
 * for the record keeping: as long as it cannot be told the marker stays. */
static void
tell_late(struct recall *r)
{
    struct outcome o = outcome_of(r, "recall", AL_OK, "finished_by_reconcile", "");
    al_id object_id;

    marker_object_id(&r->marker, object_id);
    o.object_id = object_id;
    o.size = o.freed = r->marker.size;
    o.job_id = NULL;
    o.pid = o.uid = 0; /* who opens now is not who had it recalled */
    o.process = NULL;
    if (r->env->sink->put(r->env->sink, &o) == AL_OK &&
        stub_drop_marker(r->request.volume->stub, &r->facts.handle, MARKER_V_UNTOLD,
                         &r->result.fail) != AL_OK) {
        r->result.fail = (struct al_fail){0}; /* dropped by the next who looks */
    }
}

static void
deny(struct recall *r, enum marker_verdict verdict)
{
    (void)al_fail_set(&r->result.fail, AL_EIO, 0,
                      "the file's stub is %s: decide what it shall be, nothing was changed",
                      marker_verdict_name(verdict));
    if (!r->quiet) {
        /* Should the alarm not reach the spool, the answer is no all the same. */
        (void)tell(r, "alarm", AL_EIO, marker_verdict_name(verdict), r->result.fail.text);
    }
    answer(r, AL_EIO);
}

/* What reconcile would do, a moment earlier: an opener does not wait for it. AL_ENOENT: no intent
 * explains the bytes. */
static int
take_cut_fill(struct recall *r)
{
    al_id object_id;
    struct journal_intent like = {.volume_id = r->request.volume->volume_id,
                                  .object_id = object_id,
                                  .ino = r->facts.st.ino,
                                  .generation = r->facts.generation};
    struct al_fail ignored = {0};

    marker_object_id(&r->marker, object_id);
    return journal_open_fill(r->env->journal, &like, &r->marker.mtime_ns)
               ? stub_fill_was_cut(r->request.volume->stub, &r->facts.handle, object_id,
                                   r->marker.mtime_ns, &ignored)
               : AL_ENOENT;
}

/* An own marker "stub" on a file with bytes. True: the recall goes on with *io_verdict. */
static bool
explain_data(struct recall *r, enum marker_verdict *io_verdict)
{
    int rc = take_cut_fill(r);

    if (rc == AL_OK) {
        *io_verdict = MARKER_V_FILLING;
        return true;
    }
    if (rc == AL_EBUSY) {
        give_up(r, AL_EBUSY, "");
        return false;
    }
    if (rc == AL_ENOENT || r->looked_again) {
        return true;
    }
    r->looked_again = true; /* somebody was quicker: what is it now? */
    port_close_quiet(r->env->port, &r->file);
    return false;
}

/* What a job names, and no opener: it was made from a path that no scan has seen. */
static bool
is_folder(struct recall *r)
{
    AL_CLEANUP(al_freep) char *text = al_span_dup(r->request.path);
    AL_CLEANUP(port_holder_end) struct port_holder dir = {r->env->port, NULL};
    struct port_stat st;
    const char *name;

    return r->request.job_id != NULL && r->request.handle.len == 0 && text != NULL &&
           port_walk_to(r->env->port, stub_volume_root(r->request.volume->stub), text, &dir.file,
                        &name) == AL_OK &&
           port_stat_at(r->env->port, dir.file, name, &st) == AL_OK && st.type == PORT_T_FOLDER;
}

static void
step_examine(struct recall *r)
{
    enum marker_verdict verdict = MARKER_V_STUB;
    int rc = look(r, &verdict);

    if (rc == AL_OK &&
        verdict == MARKER_V_WHOLE) { /* of a recall that has told, or whose intent will */
        rc = stub_drop_marker(r->request.volume->stub, &r->facts.handle, verdict, &r->result.fail);
        r->overtaken = rc == AL_ECHANGED;
        rc = rc == AL_OK ? AL_ENODATA : rc;
    }
    if (rc == AL_OK && verdict == MARKER_V_UNTOLD) {
        tell_late(r);
        rc = AL_ENODATA;
    }
    if (rc == AL_ENODATA && is_folder(r)) {
        rc = al_fail_set(&r->result.fail, AL_EISDIR, 0,
                         "nothing to bring back: it is a folder, and no scan has seen stubs in it");
        give_up(r, rc, OUTCOME_NOTHING_BACK);
        return;
    }
    if (rc == AL_ENODATA) {
        r->result.was_resident = true;
        r->result.fail = (struct al_fail){0};
        if (r->request.job_id != NULL) {
            rc = tell(r, "recall", AL_OK, "already_resident", "");
            answer(r, rc);
        } else {
            answer(r, AL_OK);
        }
        return;
    }
    if (rc != AL_OK) {
        give_up(r, rc, "");
        return;
    }
    if (verdict == MARKER_V_DATA && !explain_data(r, &verdict)) {
        return;
    }
    r->result.verdict = verdict;
    r->result.size = r->marker.size;
    if (verdict == MARKER_V_STUB || verdict == MARKER_V_FILLING || verdict == MARKER_V_ADOPT) {
        marker_object_id(&r->marker, r->result.object_id);
    }
    switch (verdict) {
    case MARKER_V_STUB:
    case MARKER_V_FILLING:
    case MARKER_V_ADOPT:
        if (r->marker.share_tag != marker_share_tag(r->request.volume->share_id)) {
            (void)al_fail_set(&r->result.fail, AL_EFOREIGN, 0,
                              "the stub's object lies on another share than this volume's");
            give_up(r, AL_EFOREIGN, "other_share");
        } else if (verdict == MARKER_V_ADOPT) {
            adopt(r);
        } else {
            r->step = STEP_BEGIN;
        }
        return;
    case MARKER_V_COPIED:
    case MARKER_V_TRUNCATED:
        drop(r, verdict);
        return;
    case MARKER_V_WHOLE:
    case MARKER_V_UNTOLD:
    case MARKER_V_CHANGED:
    case MARKER_V_DATA:
    case MARKER_V_FORGED:
        break;
    }
    deny(r, verdict);
}

/* ---- filling ---- */

static int
name_object(struct recall *r)
{
    char path[MARKER_EXT_LEN + 3];

    (void)snprintf(path, sizeof(path), r->marker.ext[0] != '\0' ? "f.%s" : "f%s", r->marker.ext);
    return target_object_name(r->result.object_id, al_span_of(path), r->object_name);
}

static int
begin_intent(struct recall *r)
{
    struct journal_intent in = {.kind = JOURNAL_RECALL, .state = JOURNAL_BEGUN};

    in.volume_id = r->request.volume->volume_id;
    in.share_id = r->request.volume->share_id;
    in.job_id = r->request.job_id;
    in.object_id = r->result.object_id;
    in.object_name = r->object_name;
    in.path = r->request.path;
    in.handle = r->facts.handle;
    in.ino = r->facts.st.ino;
    in.generation = r->facts.generation;
    in.size = r->marker.size;
    in.atime_ns = r->facts.st.atime_ns;
    in.mtime_ns = r->marker.mtime_ns;
    in.began_ns = r->began_ns;
    in.capability = (struct al_span){r->capability, r->capability_len};
    in.pid = r->request.pid;
    in.uid = r->request.uid;
    in.process = r->request.process;
    /* The first write into the file takes its capabilities away, so an intent that knows them must
     * be durable before. */
    return r->capability_len == 0
               ? journal_begin_soon(r->env->journal, &in, &r->intent, &r->result.fail)
               : journal_begin(r->env->journal, &in, &r->intent, &r->result.fail);
}

static int
read_capability(struct recall *r)
{
    size_t len = 0;
    int rc = AL_OK;

    if (r->file == NULL) {
        rc = port_open_handle(r->env->port, stub_volume_inside(r->request.volume->stub),
                              &r->facts.handle, PORT_READ | PORT_NOATIME, &r->file);
    }
    if (rc == AL_OK) {
        rc = port_xattr_get(r->env->port, r->file, JOURNAL_CAPABILITY_XATTR, r->capability,
                            sizeof(r->capability), &len);
    }
    if (rc == AL_ENODATA || rc == AL_ENOTSUP) {
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(&r->result.fail, rc, port_os_error(r->env->port),
                           "the file's capabilities cannot be read");
    }
    r->capability_len = len;
    return AL_OK;
}

static int
fetch(struct recall *r)
{
    int rc;

    if (r->get != NULL) {
        rc = target_get_read(r->get, r->chunk, r->chunk_bytes, &r->got, &r->result.fail);
    } else {
        rc = target_get_small(r->target, r->object_name, r->chunk, r->chunk_bytes, &r->got,
                              &r->result.fail);
        if (rc == AL_ELIMIT || (rc == AL_OK && r->got != r->marker.size)) {
            return al_fail_set(&r->result.fail, AL_ECORRUPT, 0,
                               "the object on the share has another length than the file had");
        }
    }
    if (rc == AL_OK && r->got == 0 && r->marker.size > 0) {
        rc = al_fail_set(&r->result.fail, AL_ECORRUPT, 0, "the object on the share ends early");
    }
    if (rc != AL_OK) {
        return rc;
    }
    al_xxh_add(r->xxh, r->chunk, r->got);
    if (r->offset + r->got == r->marker.size &&
        (uint32_t)al_xxh_result(r->xxh).lo != r->marker.content) {
        return al_fail_set(&r->result.fail, AL_ECORRUPT, 0,
                           "the object on the share is not the content that was tiered");
    }
    return AL_OK;
}

/* The share is asked first: while it does not answer, no file is touched. */
static int
step_begin(struct recall *r)
{
    uint64_t there = r->marker.size;
    int rc = name_object(r);

    if (rc == AL_OK) {
        rc = r->connect.get(r->connect.ctx, r->request.volume, &r->target, &r->result.fail);
    }
    if (rc == AL_OK) {
        rc = read_capability(r);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (begin_intent(r) != AL_OK) {
        r->intent = NULL; /* then the outcome itself must be durable first: step_tell */
        r->result.fail = (struct al_fail){0};
    }
    if (r->marker.size > r->small_bytes) {
        rc = target_get_begin(r->target, r->object_name, &r->get, &there, &r->result.fail);
    }
    if (rc == AL_OK && there != r->marker.size) {
        rc = al_fail_set(&r->result.fail, AL_ECORRUPT, 0,
                         "the object on the share has another length than the file had");
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (r->marker.size < r->chunk_bytes || r->marker.size <= r->small_bytes) {
        r->chunk_bytes = (size_t)r->marker.size;
    }
    r->chunk = al_alloc(r->chunk_bytes + 1);
    r->xxh = al_xxh_new();
    if (r->chunk == NULL || r->xxh == NULL) {
        return al_fail_set(&r->result.fail, AL_ENOMEM, 0, "out of memory");
    }
    r->step = STEP_MARK;
    return fetch(r);
}

/* From here on the file is touched. A durable intent spares the marker a sync of its own: what a
 * power cut may leave, bytes of the fill under a marker that says "stub", the intent explains. */
static int
step_mark(struct recall *r)
{
    struct stub_volume *v = r->request.volume->stub;
    struct marker now;
    int rc;

    r->noted = r->intent != NULL && journal_settle(r->env->journal, r->intent) == AL_OK;
    if (r->writable) {
        rc = stub_fill_begin_open(v, &r->file, r->noted, &r->fill, &now, &r->result.fail);
    } else {
        port_close_quiet(r->env->port, &r->file);
        rc = stub_fill_begin(v, &r->facts.handle, r->noted, &r->fill, &now, &r->result.fail);
    }
    if (rc == AL_OK && (memcmp(now.object, r->marker.object, sizeof(now.object)) != 0 ||
                        now.size != r->marker.size || now.content != r->marker.content)) {
        rc = al_fail_set(&r->result.fail, AL_ECHANGED, 0, "the stub changed meanwhile");
    }
    r->overtaken = rc == AL_ENODATA || rc == AL_ECHANGED;
    r->step = STEP_FILL;
    return rc;
}

static int
step_fill(struct recall *r)
{
    int rc = stub_fill_write(r->fill, r->chunk, r->got, r->offset, &r->result.fail);

    if (rc != AL_OK) {
        return rc;
    }
    r->offset += r->got;
    if (r->offset == r->marker.size) {
        r->step = r->noted ? STEP_END : STEP_TELL;
        return AL_OK;
    }
    return fetch(r);
}

/* Once the marker is gone only the intent, or the outcome, knows that there was a recall: one of
 * them must be durable before. Where neither can be, since the disk with the agent's state is full,
 * the marker stays and tells of it: a recall needs host and share, nothing else. */
static void
step_tell(struct recall *r)
{
    r->result.filled = true;
    r->told = tell(r, "recall", AL_OK, "", "") == AL_OK;
    r->result.filled = false;
    r->untold = !r->told;
    r->step = STEP_END;
}

static int
step_end(struct recall *r)
{
    int rc = r->untold ? stub_fill_end_untold(r->fill, &r->result.fail)
                       : stub_fill_end(r->fill, &r->result.fail);

    if (rc != AL_OK) {
        return rc;
    }
    r->fill = stub_fill_abort(r->fill); /* only frees now */
    r->result.filled = true;
    if (r->intent != NULL) {
        journal_note(r->env->journal, r->intent, JOURNAL_FILLED);
    }
    r->step = STEP_REPORT;
    return AL_OK;
}

struct later { /* an intent that ends when its outcome is durable */
    struct journal *journal;
    struct journal_item *intent;
};

static void
on_told(void *ctx, int code)
{
    struct later *l = ctx;

    if (code == AL_OK) {
        journal_end(l->journal, l->intent);
    } else {
        journal_put_back(l->journal, l->intent);
    }
    al_free(l);
}

/* True: the intent is on_told's now. */
static bool
tell_later(struct recall *r)
{
    struct outcome_sink *sink = r->env->sink;
    struct outcome o = outcome_of(r, "recall", AL_OK, "", "");
    struct later *l = sink->put_later != NULL ? al_zalloc(sizeof(*l)) : NULL;

    if (l == NULL) {
        return false;
    }
    *l = (struct later){r->env->journal, r->intent};
    if (sink->put_later(sink, &o, on_told, l) != AL_OK) {
        al_free(l);
        return false;
    }
    return true;
}

/* The content is there and durable. Should the outcome not reach the spool now, the opener is let
 * in all the same, and the open intent makes reconcile report it: readers never wait for the record
 * keeping. */
static void
step_report(struct recall *r)
{
    r->get = target_get_end(r->get);
    r->xxh = al_xxh_free(r->xxh);
    if (r->noted && !r->told && capability_is_back(r) && tell_later(r)) {
        r->intent = NULL;
        answer(r, AL_OK);
        return;
    }
    if (!r->told && !r->untold) { /* of an untold one its marker tells, when it can be */
        r->told = tell(r, "recall", AL_OK, "", "") == AL_OK;
    }
    if (r->intent != NULL && r->told && capability_is_back(r)) {
        journal_end(r->env->journal, r->intent);
    } else if (r->intent != NULL) {
        journal_put_back(r->env->journal, r->intent);
    }
    r->intent = NULL;
    answer(r, AL_OK);
}

enum recall_event
recall_step(struct recall *r)
{
    int rc = AL_OK;

    if (r->cancelled && r->step < STEP_REPORT && !r->told) {
        (void)al_fail_set(&r->result.fail, AL_ECANCELED, 0, "cancelled");
        give_up(r, AL_ECANCELED, "");
    }
    switch (r->step) {
    case STEP_EXAMINE:
        step_examine(r);
        break;
    case STEP_BEGIN:
        rc = step_begin(r);
        break;
    case STEP_MARK:
        rc = step_mark(r);
        break;
    case STEP_FILL:
        rc = step_fill(r);
        break;
    case STEP_TELL:
        step_tell(r);
        break;
    case STEP_END:
        rc = step_end(r);
        break;
    case STEP_REPORT:
        step_report(r);
        break;
    case STEP_ENDED:
        break;
    }
    if (rc != AL_OK) {
        give_up(r, rc, "");
    }
    return r->step == STEP_ENDED ? RECALL_ENDED : RECALL_MORE;
}
