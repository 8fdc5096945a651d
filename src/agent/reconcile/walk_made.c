/* walk_made.c: stubs of a maker that are met on a walk. A stub that is whole needs nothing; one that
 * was made for another file is adopted where somebody has asked for it. */
#include "agent/reconcile/reconcile_priv.h"

static void
alarm_about(const struct reconcile_made *made, const struct told *t, enum stub_is is,
            struct reconcile_counts *counts)
{
    counts->alarms++;
    /* An alarm that the spool cannot take now is raised again by the next walk. */
    if (reconcile_tell(made->env, t, "alarm", AL_EIO, stub_is_name(is),
                       is == STUB_IS_COPY
                           ? "the stub was made for another file, by a copy or a restore: nobody "
                             "can read it until an administrator adopts it (alto file adopt VOLUME "
                             "PATH, for a folder with all below)"
                           : "the stub does not fit its file: decide what it shall be") != AL_OK) {
        counts->later++;
    }
}

static void
adopt(const struct reconcile_made *made, struct al_span path, struct reconcile_counts *counts)
{
    struct mover_item item = {
        .volume = made->volume, .path = path, .act = MOVER_ADOPT, .job_id = made->job_id};
    struct mover *m = NULL;
    int rc = mover_new(made->mover_env, NULL, &item, &m);

    if (rc != AL_OK) {
        counts->later++;
        return;
    }
    while (mover_step(m) == MOVER_MORE) {
    }
    if (mover_result(m)->tiered) {
        counts->adopted++;
    } else if (made->job_id == NULL || !mover_result(m)->reported) {
        counts->later++; /* else its outcome is the job's */
    }
    (void)mover_free(m);
}

/* From the folder, so that no link on the way is followed. AL_ENOENT. */
static int
look(const struct reconcile_made *made, struct al_span path, struct stub_seen *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct place at;
    int rc =
        place_open(&at, made->env->port, made->volume->root, path, made->volume->key, false, NULL);

    if (rc == AL_OK) {
        rc = swap_look(made->volume, &at, at.name, &bytes, ret, NULL);
        place_end(&at);
    }
    return rc;
}

/* A stub that was to be adopted and cannot be, or is none. */
static void
tell_not(const struct reconcile_made *made, struct told *t, int code, const char *reason,
         const char *text, struct reconcile_counts *counts)
{
    t->job_id = made->job_id;
    if (reconcile_tell(made->env, t, "adopt", code, reason, text) != AL_OK) {
        counts->later++;
    }
}

static void
judge(const struct reconcile_made *made, struct al_span path, bool named,
      struct reconcile_counts *counts)
{
    struct told t = {
        .volume_id = made->volume->volume_id, .share_id = made->volume->share_id, .path = path};
    struct stub_seen seen;
    int rc = look(made, path, &seen);

    if (rc == AL_ENOENT || (rc == AL_OK && seen.is == STUB_IS_NONE)) {
        if (named) {
            tell_not(made, &t, rc == AL_OK ? AL_EINVAL : rc, rc == AL_OK ? RECONCILE_NO_STUB : "",
                     rc == AL_OK ? "it is no stub, so there is nothing to adopt"
                                 : "there is no such file on the host",
                     counts);
        }
        return;
    }
    if (rc != AL_OK && made->adopt) {
        tell_not(made, &t, rc, "", "whether it is a stub cannot be seen now", counts);
        return;
    }
    if (rc != AL_OK) {
        counts->unreadable++;
        return;
    }
    counts->markers++;
    t.ino = seen.st.ino;
    if (seen.is != STUB_IS_FOREIGN) {
        t.object_id = seen.object_id;
        t.size = seen.tag.size;
        t.mtime_ns = seen.st.mtime_ns;
    }
    if (seen.is == STUB_IS_COPY && made->adopt) {
        adopt(made, path, counts);
    } else if (seen.is != STUB_IS_OURS) {
        alarm_about(made, &t, seen.is, counts);
    }
}

void
reconcile_look_made(const struct reconcile_made *made, struct al_span path,
                    struct reconcile_counts *counts)
{
    reconcile_judge_made(made, path, counts);
}

void
reconcile_judge_made(const struct reconcile_made *made, struct al_span path,
                     struct reconcile_counts *counts)
{
    judge(made, path, false, counts);
}

void
reconcile_adopt_named(const struct reconcile_made *made, struct al_span path,
                      struct reconcile_counts *counts)
{
    judge(made, path, true, counts);
}
