/* wait.c: following a job. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "port/process.h"

#define POLL_FIRST_NS 100000000
#define POLL_MAX_NS 1000000000
#define BAR 24u

static bool
ended(const json_t *job)
{
    const char *state = get_text(job, "state");

    return strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 ||
           strcmp(state, "cancelled") == 0;
}

static void
progress(const json_t *job)
{
    uint64_t total = get_count(job, "total_files"), done = get_count(job, "done_files"),
             other = get_count(job, "refused_files");
    char size[32], bar[BAR + 1];
    unsigned columns;
    size_t filled;

    if (!port_is_tty(2, &columns)) {
        return;
    }
    other += get_count(job, "failed_files");
    filled = total > 0 ? (size_t)((double)(done + other) / (double)total * BAR) : 0;
    filled = filled > BAR ? BAR : filled;
    memset(bar, '.', BAR);
    memset(bar, '#', filled);
    bar[BAR] = '\0';
    out_size(get_count(job, "done_bytes"), size);
    (void)fprintf(stderr, "\r\033[K%-9s [%s] %llu%s%llu files, %s, %llu refused or failed",
                  get_text(job, "state"), bar, (unsigned long long)done, total > 0 ? " of " : ", ",
                  (unsigned long long)total, size, (unsigned long long)other);
    (void)fflush(stderr);
}

static void
progress_end(void)
{
    unsigned columns;

    if (port_is_tty(2, &columns)) {
        (void)fprintf(stderr, "\r\033[K");
    }
}

/* A suspended job goes on by itself once its share is well, a paused one when its window opens or
 * somebody resumes it: say what it waits for, once. */
static void
tell_suspended(const json_t *job, bool *io_told)
{
    const char *state = get_text(job, "state");
    bool suspended = strcmp(state, "suspended") == 0 || strcmp(state, "paused") == 0;

    if (suspended && !*io_told) {
        progress_end();
        (void)fprintf(stderr, "%s: ", state);
        out_shown(stderr, get_text(job, "text"));
        (void)fprintf(stderr, "\n");
    }
    *io_told = suspended;
}

static int
follow(struct cli *c, const char *id, json_t **ret)
{
    int64_t pause = POLL_FIRST_NS;
    bool told = false;
    char path[64];

    (void)snprintf(path, sizeof(path), "/jobs/%s", id);
    for (;;) {
        json_t *job = NULL;
        int rc = call(c, "GET", path, NULL, &job);

        if (rc != AL_OK) {
            progress_end();
            return rc;
        }
        tell_suspended(job, &told);
        progress(job);
        if (ended(job)) {
            progress_end();
            *ret = job;
            return AL_OK;
        }
        al_json_freep(&job);
        port_sleep_ns(c->port, pause);
        pause = pause * 3 / 2 > POLL_MAX_NS ? POLL_MAX_NS : pause * 3 / 2;
    }
}

/* What a walk of markers came to. */
static void
reconciled(const json_t *r)
{
    (void)printf(
        "%llu markers, %llu adopted, %llu dropped, %llu finished, %llu alarms, %llu must "
        "wait, %llu folders unreadable\n",
        (unsigned long long)get_count(r, "markers"), (unsigned long long)get_count(r, "adopted"),
        (unsigned long long)get_count(r, "dropped"), (unsigned long long)get_count(r, "finished"),
        (unsigned long long)get_count(r, "alarms"), (unsigned long long)get_count(r, "waiting"),
        (unsigned long long)get_count(r, "unreadable"));
}

static void
files_done(const json_t *job)
{
    char done[32], freed[32];

    out_size(get_count(job, "done_bytes"), done);
    out_size(get_count(job, "freed_bytes"), freed);
    (void)printf("%llu files done (%s), %s freed, %llu refused, %llu failed\n",
                 (unsigned long long)get_count(job, "done_files"), done, freed,
                 (unsigned long long)get_count(job, "refused_files"),
                 (unsigned long long)get_count(job, "failed_files"));
}

/* How a scan went, against what was known before it. */
static void
scanned(const json_t *s)
{
    bool increment = strcmp(get_text(s, "kind"), "increment") == 0;

    (void)printf("  %s%s",
                 increment ? "an increment: what changed since the last scan"
                           : "everything was walked",
                 get_text(s, "why")[0] != '\0' ? ": " : "");
    out_shown(stdout, get_text(s, "why"));
    (void)printf(
        "\n  %llu added, %llu changed, %llu moved, %llu gone\n",
        (unsigned long long)get_count(s, "added"), (unsigned long long)get_count(s, "changed"),
        (unsigned long long)get_count(s, "moved"), (unsigned long long)get_count(s, "gone"));
}

static void
summary(const json_t *job)
{
    const json_t *reasons = json_object_get(job, "reasons");
    const json_t *reconcile = json_object_get(job, "reconcile");

    (void)printf("%s %s: %s", get_text(job, "kind"), get_text(job, "id"), get_text(job, "state"));
    if (strcmp(get_text(job, "kind"), "check_share") == 0) { /* no file is touched */
        (void)printf("\n");
        return;
    }
    (void)printf(", ");
    if (json_is_object(reconcile)) {
        reconciled(reconcile);
    } else {
        files_done(job);
    }
    if (json_is_object(json_object_get(job, "scan"))) {
        scanned(json_object_get(job, "scan"));
    }
    for (size_t i = 0; i < json_array_size(reasons); i++) {
        const json_t *r = json_array_get(reasons, i);

        (void)printf("  %llu %s%s%s%s", (unsigned long long)get_count(r, "files"),
                     get_text(r, "reason"), get_text(r, "code")[0] != '\0' ? " " : "",
                     get_text(r, "code"),
                     get_text(r, "sample_path")[0] != '\0' ? ", such as " : "");
        out_shown(stdout, get_text(r, "sample_path"));
        (void)printf("\n");
    }
    if (get_text(job, "text")[0] != '\0') {
        (void)printf("  ");
        out_shown(stdout, get_text(job, "text"));
        (void)printf("\n");
    }
    if (get_count(job, "refused_files") + get_count(job, "failed_files") > 1) {
        (void)printf("  each of them: alto job outcomes %s\n", get_text(job, "id"));
    }
}

int
job_out(struct cli *c, const json_t *job, bool wait)
{
    AL_CLEANUP(al_json_freep) json_t *last = NULL;
    const char *state;
    int rc = AL_OK;

    if (wait) {
        rc = follow(c, get_text(job, "id"), &last);
        job = last;
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (c->json) {
        rc = out_json(job);
    } else {
        summary(job);
    }
    state = get_text(job, "state");
    if (rc == AL_OK && strcmp(state, "failed") == 0) {
        return al_fail_set(&c->fail, AL_EINTERNAL, 0, "the job failed: %.200s",
                           get_text(job, "text"));
    }
    if (rc == AL_OK && wait && strcmp(state, "cancelled") == 0) {
        return al_fail_set(&c->fail, AL_ECANCELED, 0, "the job was cancelled");
    }
    if (rc == AL_OK && wait && get_count(job, "failed_files") > 0) {
        return al_fail_set(&c->fail, AL_EINTERNAL, 0, "%llu %s: alto job outcomes %s",
                           (unsigned long long)get_count(job, "failed_files"),
                           json_is_object(json_object_get(job, "reconcile")) ? "alarms"
                                                                             : "files failed",
                           get_text(job, "id"));
    }
    return rc;
}
