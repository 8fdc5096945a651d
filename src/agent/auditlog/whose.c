/* whose.c: whether this is still the filespace whose logs were read before. A UUID tells where both have one, else a name. But
 * filespaces are renamed, older clients tell no UUID, and after an upgrade there may be two: so where names differ, it is
 * another one only if none of the logs that were known before is there as it was. */
#include <string.h>

#include "agent/auditlog/follow_priv.h"

#define WITNESSES 16u /* logs that are looked at */

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

/* 1: it is there as it was; 0: it is not; -1: it is no witness. */
static int
as_it_was(struct follow *f, const struct log_folder *in, const struct log_file *log)
{
    AL_CLEANUP(port_holder_end) struct port_holder dir = {f->port, NULL}, file = {f->port, NULL};
    const char *const ends[] = {"", ".active"};
    char name[TREE_NAME_MAX + 16];
    int rc;

    if (log->missing_s != 0 || log->offset == 0 || log->head_len == 0 ||
        (log->known_s != 0 && log->known_s >= f->strange_s)) {
        return -1;
    }
    rc = look_open(f, in, &dir.file);
    for (unsigned i = 0; i < 2 && rc == AL_OK && file.file == NULL; i++) {
        size_t len = strlen(log->name);

        memcpy(name, log->name, len);
        memcpy(name + len, ends[i], strlen(ends[i]) + 1);
        rc = port_open(f->port, dir.file, name, PORT_READ | PORT_NOATIME | PORT_NONBLOCK, 0,
                       &file.file);
        rc = rc == AL_ENOENT ? AL_OK : rc;
    }
    return rc == AL_OK && file.file != NULL && read_check_head(f, log, file.file) == AL_OK;
}

static bool
is_the_same(struct follow *f)
{
    unsigned looked = 0;

    for (uint32_t i = 0; i < f->tree.folder_count; i++) {
        const struct log_folder *in = f->tree.all[i];

        for (uint32_t k = in->file_count; k > 0 && looked < WITNESSES; k--) {
            int is = as_it_was(f, in, in->files[k - 1]);

            if (is > 0) {
                return true;
            }
            looked += is == 0;
        }
    }
    return false;
}

void
whose_is_it(struct follow *f)
{
    struct tally *t = &f->fs.tally;

    if (f->strange && !is_the_same(f)) {
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
