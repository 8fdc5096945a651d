/* Between two seconds the few logs that grew last are looked at, too: where somebody is at work, more comes. */
#include "agent/auditlog/follow_priv.h"

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
