#include "server/service/agent/intake_read.h"

#include <string.h>

static const struct {
    const char *name;
    enum intake_act act;
} act_names[] = {
    {"tier", INTAKE_A_TIER},
    {"archive", INTAKE_A_ARCHIVE},
    {"recall", INTAKE_A_RECALL},
    {"read", INTAKE_A_READ},
    {"refuse", INTAKE_A_REFUSE},
    {"adopt", INTAKE_A_ADOPT},
    {"drop_marker", INTAKE_A_DROP_MARKER},
    {"reconcile", INTAKE_A_RECONCILE},
    {"repair", INTAKE_A_REPAIR},
    {"share_state", INTAKE_A_SHARE_STATE},
    {"volume_state", INTAKE_A_VOLUME_STATE},
    {"alarm", INTAKE_A_ALARM},
};

static int
get_code(struct intake_reading *r)
{
    const json_t *v = json_object_get(r->obj, "code");

    if (v == NULL || !json_is_string(v)) {
        r->bad = "\"code\" is missing";
        return AL_EINTERNAL;
    }
    return al_code_from_name(json_string_value(v));
}

/* "now_name": the file's name where that is not the path's; in the same folder. */
static struct al_span
named_beside(struct intake_reading *r, struct al_span path)
{
    struct al_span name = intake_get_path(r, "now_name"), all = {0};
    size_t folder = path.len;
    uint8_t *at;

    if (name.len == 0 || path.len == 0 || name.len > INTAKE_NOW_NAME_MAX ||
        memchr(name.at, '/', name.len) != NULL) {
        return all;
    }
    while (folder > 0 && path.at[folder - 1] != '/') {
        folder--;
    }
    at = al_arena_alloc(r->arena, folder + name.len);
    r->no_memory = r->no_memory || at == NULL;
    if (at != NULL) {
        memcpy(at, path.at, folder);
        memcpy(at + folder, name.at, name.len);
        all = (struct al_span){at, folder + name.len};
    }
    return all;
}

static void
read_outcome(struct intake_reading *r, struct intake_record *to)
{
    to->kind = INTAKE_OUTCOME;
    to->act_name = intake_get_text(r, "act", INTAKE_NAME_MAX);
    for (size_t i = 0; i < AL_LEN(act_names); i++) {
        if (strcmp(act_names[i].name, to->act_name) == 0) {
            to->act = act_names[i].act;
        }
    }
    if (to->act_name[0] == '\0') {
        r->bad = "\"act\" is missing";
    }
    to->code = get_code(r);
    to->reason = intake_get_text(r, "reason", INTAKE_NAME_MAX);
    to->text = intake_get_text(r, "text", INTAKE_TEXT_MAX);
    to->process = intake_get_text(r, "process", INTAKE_NAME_MAX);
    to->volume_id = intake_get_id(r, "volume_id");
    to->share_id = intake_get_id(r, "share_id");
    to->job_id = intake_get_id(r, "job_id");
    to->rule_id = intake_get_id(r, "rule_id");
    to->object_id = intake_get_id(r, "object_id");
    to->path = intake_get_path(r, "path");
    to->now_path = named_beside(r, to->path);
    /* An inode number fills all 64 bits on some filesystems; JSON integers are signed, so those
     * come as the same bits. */
    to->ino = (uint64_t)intake_get_number(r, "ino", INT64_MIN, INT64_MAX);
    to->size = intake_get_count(r, "size");
    to->freed = intake_get_count(r, "freed");
    to->began_ns = intake_get_number(r, "began_ns", 0, INT64_MAX);
    to->ended_ns = intake_get_number(r, "ended_ns", 0, INT64_MAX);
    to->mtime_ns = intake_get_number(r, "mtime_ns", INT64_MIN, INT64_MAX);
    to->pid = (uint32_t)intake_get_number(r, "pid", 0, UINT32_MAX);
    to->uid = (uint32_t)intake_get_number(r, "uid", 0, UINT32_MAX);
    bool moves = to->act == INTAKE_A_TIER || to->act == INTAKE_A_ARCHIVE ||
                 to->act == INTAKE_A_RECALL || to->act == INTAKE_A_REFUSE ||
                 to->act == INTAKE_A_REPAIR;
    if (moves && (to->path.len == 0 || to->volume_id == NULL) && r->bad == NULL) {
        r->bad = "a file's outcome without volume or path";
    }
    if (to->act == INTAKE_A_SHARE_STATE && to->share_id == NULL && r->bad == NULL) {
        r->bad = "a share's state without the share";
    }
    if (to->act == INTAKE_A_VOLUME_STATE && to->volume_id == NULL && r->bad == NULL) {
        r->bad = "a volume's state without the volume";
    }
}

static void
read_record(struct intake_reading *r, struct intake_record *to)
{
    const char *t = json_string_value(json_object_get(r->obj, "t"));

    if (t == NULL) {
        r->bad = "\"t\" is missing";
    } else if (strcmp(t, "outcome") == 0) {
        read_outcome(r, to);
    } else if (strcmp(t, "progress") == 0) {
        to->kind = INTAKE_PROGRESS;
        to->work_id = intake_get_id(r, "work_id");
        to->files = intake_get_count(r, "files");
        to->bytes = intake_get_count(r, "bytes");
        to->unreadable = intake_get_count(r, "unreadable");
        to->later = intake_get_count(r, "later");
    } else if (strcmp(t, "work_end") == 0) {
        to->kind = INTAKE_WORK_END;
        to->work_id = intake_get_id(r, "work_id");
        to->code = get_code(r);
        to->text = intake_get_text(r, "text", INTAKE_TEXT_MAX);
    } else if (strcmp(t, "scan_end") == 0) {
        to->kind = INTAKE_SCAN_END;
        to->scan_id = intake_get_id(r, "scan_id");
        to->volume_id = intake_get_id(r, "volume_id");
        to->follows = intake_get_id(r, "follows");
        to->reason = intake_get_text(r, "why", INTAKE_TEXT_MAX);
        to->code = get_code(r);
        to->text = intake_get_text(r, "text", INTAKE_TEXT_MAX);
        to->entries = intake_get_count(r, "entries");
        to->folders = intake_get_count(r, "folders");
        to->unreadable = intake_get_count(r, "unreadable");
        if ((to->scan_id == NULL || to->volume_id == NULL) && r->bad == NULL) {
            r->bad = "a scan's end without scan or volume";
        }
    } else if (strcmp(t, "access") == 0) {
        intake_read_access(r, to);
    } else if (strcmp(t, "audit") == 0) {
        intake_read_audit(r, to);
    } else if (strcmp(t, "filespaces") == 0) {
        intake_read_filespaces(r, to);
    } else if (strcmp(t, "driver") == 0) {
        intake_read_driver(r, to);
    } else if (strcmp(t, "share_test") == 0) {
        intake_read_share_test(r, to);
    } else if (strcmp(t, "findings") == 0) {
        intake_read_findings(r, to);
    } else if (strcmp(t, "walk") == 0) {
        intake_read_walk(r, to);
    } else {
        r->bad = "a record of an unknown kind";
    }
    if ((to->kind == INTAKE_PROGRESS || to->kind == INTAKE_WORK_END) && to->work_id == NULL &&
        r->bad == NULL) {
        r->bad = "a work's record without the work";
    }
}

void
intake_reject(struct intake_record *r, const char *why)
{
    struct al_span line = r->line;

    *r = (struct intake_record){.kind = INTAKE_REJECTED, .line = line, .why = why};
}

static int
parse_line(struct al_span line, struct al_arena *arena, struct intake_record *to)
{
    struct intake_reading r = {.arena = arena};
    json_t AL_CLEANUP(al_json_freep) *obj = NULL;
    int rc = AL_ELIMIT;

    to->line = line;
    if (line.len <= INTAKE_LINE_MAX) {
        rc = al_json_parse(line, &obj, NULL);
    }
    if (rc == AL_ENOMEM) {
        return rc;
    }
    if (rc < 0 || !json_is_object(obj)) {
        intake_reject(to, "the line is no JSON object, or too long or too deep");
        return AL_OK;
    }
    r.obj = obj;
    read_record(&r, to);
    if (r.no_memory) {
        return AL_ELIMIT; /* the arena's ceiling; real want of memory looks the same and is answered
                             the same */
    }
    if (r.bad != NULL) {
        intake_reject(to, r.bad);
    }
    return AL_OK;
}

int
intake_parse(struct al_span body, struct al_arena *arena, struct intake_batch *ret,
             struct al_fail *fail)
{
    struct intake_batch batch = {0};
    size_t lines = 0;

    for (size_t i = 0; i < body.len; i++) {
        lines += body.at[i] == '\n' || i + 1 == body.len;
    }
    if (lines > INTAKE_RECORDS_MAX || body.len > INTAKE_BODY_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "a batch has at most %u records and %u bytes",
                           INTAKE_RECORDS_MAX, INTAKE_BODY_MAX);
    }
    batch.records = al_arena_alloc(arena, (lines + 1) * sizeof(*batch.records));
    if (batch.records == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the batch");
    }
    while (body.len > 0) {
        const uint8_t *end = memchr(body.at, '\n', body.len);
        size_t len = end == NULL ? body.len : (size_t)(end - body.at);
        struct al_span line = {.at = body.at, .len = len};

        body.at += len + (end != NULL);
        body.len -= len + (end != NULL);
        if (line.len > 0) {
            int rc = parse_line(line, arena, &batch.records[batch.count]);
            if (rc < 0) {
                return al_fail_set(fail, rc, 0, "no memory for the batch's records");
            }
            batch.count++;
        }
    }
    *ret = batch;
    return AL_OK;
}
