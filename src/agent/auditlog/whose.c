/* whose.c: whether this is still the filespace whose logs were read before. A UUID tells where both have one, else a name. But
 * filespaces are renamed, older clients tell no UUID, and after an upgrade there may be two: so where names differ, it is
 * another one only if none of the logs that were known before is there as it was. */
#include <string.h>

#include "agent/auditlog/follow_priv.h"

#define WITNESSES 16u /* logs that are compared, at most */
#define FAILING 64u   /* logs that cannot be, at most */

static bool
told(struct al_span name)
{
    return name.at != NULL && name.len > 0 && name.len < TALLY_NAME_MAX;
}

void
whose_event(struct follow *f, const struct log_file *log, const struct auditlog_event *e,
            int64_t time_ns)
{
    struct tally *t = &f->fs.tally;
    bool strange = t->filespace_uuid[0] != '\0' && told(e->filespace_uuid)
                       ? tally_differs(t->filespace_uuid, e->filespace_uuid)
                       : tally_differs(t->filespace, e->filespace);

    if (f->fs.caught_ns ==
        0) { /* all that is there at first is one filespace, called as it was last */
        if (time_ns < f->named_ns) {
            return;
        }
        f->named_ns = told(e->filespace_uuid) || told(e->filespace) ? time_ns : f->named_ns;
    } else if (strange && !f->continued) {
        f->strange_s = f->strange ? f->strange_s : log->known_s;
        f->strange = true;
        if (!told(e->filespace_uuid) && t->filespace_uuid[0] != '\0') {
            f->nameless = true;
            return; /* unless it is another one, it keeps its UUID, and what that calls it */
        }
    }
    tally_name(t, t->filespace, e->filespace);
    tally_name(t, t->filespace_uuid, e->filespace_uuid);
}

enum witness { NONE, SAME, OTHER, UNKNOWN }; /* UNKNOWN: it cannot be looked at now */

static enum witness
as_it_was(struct follow *f, const struct log_folder *in, const struct log_file *log)
{
    AL_CLEANUP(port_holder_end) struct port_holder dir = {f->port, NULL}, file = {f->port, NULL};
    const char *const ends[] = {"", ".active"};
    char name[TREE_NAME_MAX + 16];
    int rc;

    if (log->missing_s != 0 || log->offset == 0 || log->head_len == 0 ||
        (log->known_s != 0 && log->known_s >= f->strange_s)) {
        return NONE;
    }
    rc = look_open(f, in, &dir.file);
    for (unsigned i = 0; i < 2 && dir.file != NULL && (i == 0 || rc == AL_ENOENT); i++) {
        size_t len = strlen(log->name);

        memcpy(name, log->name, len);
        memcpy(name + len, ends[i], strlen(ends[i]) + 1);
        rc = port_open(f->port, dir.file, name, PORT_READ | PORT_NOATIME | PORT_NONBLOCK, 0,
                       &file.file);
    }
    rc = rc != AL_OK ? rc : read_check_head(f, log, file.file);
    return rc == AL_OK ? SAME : rc == AL_ECHANGED || rc == AL_ENOENT ? OTHER : UNKNOWN;
}

/* The newest first: where new logs come, from the end; then all others. UNKNOWN: none could be looked at. */
static enum witness
is_the_same(struct follow *f)
{
    unsigned other = 0, unknown = 0;

    for (uint32_t n = 0; n < f->tree.folder_count * 2; n++) {
        const struct log_folder *in = f->tree.all[n % f->tree.folder_count];

        if (in->recent != (n < f->tree.folder_count)) {
            continue;
        }
        for (uint32_t k = in->file_count; k > 0 && other < WITNESSES && unknown < FAILING; k--) {
            enum witness is = as_it_was(f, in, in->files[k - 1]);

            if (is == SAME) {
                return SAME;
            }
            other += is == OTHER;
            unknown += is == UNKNOWN;
        }
    }
    return other > 0 ? OTHER : unknown > 0 ? UNKNOWN : NONE;
}

void
whose_is_it(struct follow *f)
{
    struct tally *t = &f->fs.tally;
    enum witness is = f->strange ? is_the_same(f) : SAME;

    if (is == UNKNOWN) {
        return; /* at the next flush */
    }
    if (is != SAME) {
        coverage_lost(&f->coverage, f->now_ns);
        if (f->nameless) {
            t->filespace[0] = t->filespace_uuid[0] = '\0';
            t->changed = true;
        }
    }
    f->strange = f->nameless = false;
}

bool
whose_none_is_left(const struct follow *f, uint32_t gone_s)
{
    for (uint32_t i = 0; i < f->tree.root->folder_count; i++) {
        const struct log_folder *in = f->tree.root->folders[i];

        if (in->missing_s == 0 && in->known_s < gone_s) {
            return false;
        }
    }
    return true;
}
