/* The logs that are looked at each second, and the few of them that are between two seconds: where somebody is at work, more comes. */
#include "agent/auditlog/follow_priv.h"

#define OLD_NS (INT64_C(86400) * 1000000000)

void
quick_offer(struct follow *f, struct log_file *log)
{
    size_t i = f->quick_count;

    if (i == FOLLOW_QUICK) {
        i--;
        if (f->quick[i]->changed_s >= log->changed_s) {
            return;
        }
    } else {
        f->quick_count++;
    }
    for (; i > 0 && f->quick[i - 1]->changed_s < log->changed_s; i--) {
        f->quick[i] = f->quick[i - 1];
    }
    f->quick[i] = log;
}

void
quick_forget(struct follow *f, const struct log_file *log)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->quick_count; i++) {
        if (f->quick[i] != log) {
            f->quick[kept++] = f->quick[i];
        }
    }
    f->quick_count = kept;
}

bool
quick_due(const struct follow *f)
{
    return f->quick_count > 0 && port_mono_ns(f->port) >= f->next_quick_ns;
}

int64_t
quick_wait_ns(const struct follow *f, int64_t wait_ns)
{
    int64_t left_ns = f->next_quick_ns - port_mono_ns(f->port);

    if (f->quick_count == 0 || left_ns >= wait_ns) {
        return wait_ns;
    }
    return left_ns > 0 ? left_ns : 0;
}

int
quick_look(struct follow *f)
{
    f->next_quick_ns = port_mono_ns(f->port) + FOLLOW_QUICK_NS;
    for (size_t i = 0; i < f->quick_count; i++) {
        struct log_file *log = f->quick[i];

        if ((log->flags & LOG_QUEUED) == 0 && look_log(f, log, NULL) == AL_ENOMEM) {
            return AL_ENOMEM; /* what else there is the second's look meets, too */
        }
    }
    return AL_OK;
}

static bool
is_last(const struct log_file *log)
{
    return log->in->files[log->in->file_count - 1] == log;
}

int
hot_look(struct follow *f)
{
    size_t kept = 0, i;
    int rc = AL_OK;

    f->quick_count = 0;
    for (i = 0; i < f->hot.count && rc == AL_OK; i++) {
        struct log_file *log = f->hot.at[i];
        uint32_t quiet_s = f->now_s - log->changed_s;
        bool active = (log->flags & LOG_ACTIVE) != 0;
        bool last = active && log->in->recent && is_last(log);
        bool keep =
            log->missing_s == 0 && (quiet_s < FOLLOW_HOT_S || last ||
                                    (look_unread(log) && quiet_s < FOLLOW_SETTLE_HOLES_S * 2));

        if (quiet_s < FOLLOW_QUICK_S) {
            quick_offer(f, log);
        }
        if ((log->flags & LOG_QUEUED) != 0) { /* reading it tells all that a look would */
            f->hot.at[kept++] = log;
            continue;
        }
        if (!keep) {
            log->flags &= (uint16_t)~LOG_HOT;
            continue;
        }
        f->hot.at[kept++] = log;
        if (!look_unread(log) && look_idle(f, log->mtime_ns) &&
            (f->now_s + log->id) % FOLLOW_IDLE_S != 0) {
            continue;
        }
        /* Of thousands that were copied here today one is not looked at rather than the next one read. */
        if ((f->now_s + log->id) % FOLLOW_OLD_S != 0 &&
            ((quiet_s >= FOLLOW_HOT_S && f->now_ns - log->mtime_ns > OLD_NS) ||
             (f->queue.count > 0 && !active))) {
            continue;
        }
        rc = look_log(f, log, NULL);
        if (rc == AL_ENOENT || (rc != AL_OK && !log->in->bad && (log->flags & LOG_BAD) == 0)) {
            log->in->check_s = f->now_s; /* rotated, or its folder may not be looked at any more */
        }
        rc = rc == AL_ENOMEM ? rc : AL_OK;
    }
    for (; i < f->hot.count; i++) {
        f->hot.at[kept++] = f->hot.at[i];
    }
    f->hot.count = kept;
    return rc;
}
