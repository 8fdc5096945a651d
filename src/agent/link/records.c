#include "agent/link/records.h"

#include "base/jsonout.h"

/* JSON integers end at 2^63 - 1 where they are read. An inode number above it (some FUSE
 * filesystems) is told as unknown. */
static uint64_t
small(uint64_t v)
{
    return v > INT64_MAX ? 0 : v;
}

int
record_outcome(const struct outcome *o, struct al_buf *to)
{
    struct al_jsonout j;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "outcome");
    al_jo_str(&j, "act", o->act);
    al_jo_str(&j, "code", al_code_name(o->code));
    al_jo_str(&j, "reason", o->reason != NULL ? o->reason : "");
    al_jo_text(&j, "text", al_span_of(o->text != NULL ? o->text : ""));
    al_jo_str(&j, "volume_id", o->volume_id);
    al_jo_str(&j, "share_id", o->share_id);
    al_jo_str(&j, "job_id", o->job_id);
    al_jo_str(&j, "rule_id", o->rule_id);
    al_jo_bytes(&j, "path", o->path.at != NULL ? o->path : al_span_of(""));
    if (o->now_name != NULL) {
        al_jo_bytes(&j, "now_name", al_span_of(o->now_name));
    }
    al_jo_u64(&j, "ino", small(o->ino));
    al_jo_str(&j, "object_id", o->object_id);
    al_jo_u64(&j, "size", small(o->size));
    al_jo_u64(&j, "freed", small(o->freed));
    al_jo_i64(&j, "began_ns", o->began_ns);
    al_jo_i64(&j, "ended_ns", o->ended_ns);
    al_jo_i64(&j, "mtime_ns", o->mtime_ns);
    al_jo_u64(&j, "pid", o->pid);
    al_jo_u64(&j, "uid", o->uid);
    /* A command name is whatever a process calls itself. */
    al_jo_text(&j, "process", al_span_of(o->process != NULL ? o->process : ""));
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
record_progress(const char *work_id, uint64_t files, uint64_t bytes, struct al_buf *to)
{
    struct al_jsonout j;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "progress");
    al_jo_str(&j, "work_id", work_id);
    al_jo_u64(&j, "files", small(files));
    al_jo_u64(&j, "bytes", small(bytes));
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
record_work_end(const char *work_id, int code, const char *text, struct al_buf *to)
{
    struct al_jsonout j;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "work_end");
    al_jo_str(&j, "work_id", work_id);
    al_jo_str(&j, "code", al_code_name(code));
    al_jo_text(&j, "text", al_span_of(text));
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
record_scan_end(const struct record_scan *r, struct al_buf *to)
{
    struct al_jsonout j;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "scan_end");
    al_jo_str(&j, "scan_id", r->scan_id);
    al_jo_str(&j, "volume_id", r->volume_id);
    al_jo_str(&j, "code", al_code_name(r->code));
    al_jo_u64(&j, "entries", small(r->entries));
    al_jo_u64(&j, "folders", small(r->folders));
    al_jo_u64(&j, "unreadable", small(r->unreadable));
    al_jo_text(&j, "text", al_span_of(r->text));
    if (r->follows != NULL) {
        al_jo_str(&j, "follows", r->follows);
    }
    if (r->why != NULL) {
        al_jo_text(&j, "why", al_span_of(r->why));
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}

static int
sink_put(struct outcome_sink *sink, const struct outcome *o)
{
    struct spool_sink *s = (struct spool_sink *)(void *)sink;
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    int rc;

    al_buf_init(&line, SPOOL_RECORD_MAX);
    rc = record_outcome(o, &line);
    return rc != AL_OK ? rc : spool_put(s->spool, al_buf_span(&line), NULL);
}

static int
sink_put_later(struct outcome_sink *sink, const struct outcome *o,
               void (*done)(void *ctx, int code), void *ctx)
{
    struct spool_sink *s = (struct spool_sink *)(void *)sink;
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    int rc;

    al_buf_init(&line, SPOOL_RECORD_MAX);
    rc = record_outcome(o, &line);
    return rc != AL_OK ? rc : spool_put_later(s->spool, al_buf_span(&line), done, ctx);
}

void
spool_sink_init(struct spool_sink *s, struct spool *spool)
{
    s->sink.put = sink_put;
    s->sink.put_later = sink_put_later;
    s->spool = spool;
}
