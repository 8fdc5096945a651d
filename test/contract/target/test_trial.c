/* test_trial.c: a share tried out: which step fails, what is said to it, and that nothing stays. Argument: the kind of share. */
#include "agent/target/trial.h"
#include "base/fault.h"
#include "subject.h"
#include "tap.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct subject on;
static struct target_trial r;

static void
try_conf(const struct target_conf *conf)
{
    target_trial(port_native(), conf, &r);
    for (unsigned i = 0; i < TARGET_S_COUNT; i++) {
        const struct target_step_result *s = &r.steps[i];

        if (s->done) {
            printf("# %s %s %llu us: %s%s%s\n", target_step_name((enum target_step)i), al_code_name(s->code), (unsigned long long)s->us, s->text,
                   s->next[0] ? " -> " : "", s->next);
            TAP_CHECK(s->text[0] != '\0' && (s->code == AL_OK) == (s->next[0] == '\0'));
            TAP_CHECK(on.password[0] == '\0' || strstr(s->text, on.password) == NULL);
        } else {
            TAP_CHECK(s->code == AL_OK && s->text[0] == '\0' && s->next[0] == '\0');
        }
    }
}

static void
try_share(const struct subject *s)
{
    struct target_conf conf = subject_conf(s, 0);

    try_conf(&conf);
}

/* A folder has no server. */
static unsigned
first(void)
{
    return on.smb || on.unc ? TARGET_S_REACH : TARGET_S_OPEN;
}

/* All before are fine, this one failed, and of the rest only what cleans up was done. */
static void
failed_at(enum target_step which, int code)
{
    TAP_CODE(r.code, code);
    for (unsigned i = first(); i < which; i++) {
        TAP_CHECK(r.steps[i].done);
        TAP_OK(r.steps[i].code);
    }
    TAP_CHECK(r.steps[which].done);
    TAP_CODE(r.steps[which].code, code);
    for (unsigned i = which + 1; i < TARGET_S_REMOVE; i++) {
        TAP_CHECK(!r.steps[i].done);
    }
    TAP_CHECK(!r.signing && !r.encryption);
}

static void
all_well(void)
{
    TAP_OK(r.code);
    for (unsigned i = first(); i < TARGET_S_COUNT; i++) {
        TAP_CHECK(r.steps[i].done);
        TAP_OK(r.steps[i].code);
    }
    TAP_CHECK(r.space.bytes_total > 0 && r.space.bytes_free <= r.space.bytes_total);
}

static void
test_a_fresh_share_passes_and_stays_as_it_was(void)
{
    struct target *t = NULL;
    struct target_conf conf = subject_conf(&on, 20000);

    try_share(&on);
    all_well();
    TAP_CHECK(strstr(r.steps[TARGET_S_OWNER].text, "empty") != NULL);
    TAP_CHECK(r.signing == on.smb && r.encryption == on.smb);
    TAP_EQUAL_U64(subject_files(&on, ""), 0);
    TAP_OK(target_open(port_native(), &conf, true, &t, NULL)); /* and may become the customer's */
    target_close(t);
    try_share(&on);
    all_well();
    TAP_CHECK(strstr(r.steps[TARGET_S_OWNER].text, "already") != NULL);
    TAP_EQUAL_U64(subject_files(&on, ""), 1);
}

static void
test_a_folder_with_files_and_a_foreign_share_are_not_written_to(void)
{
    struct subject other;

    subject_other(&on, "foreign", &other);
    try_share(&other);
    failed_at(TARGET_S_OWNER, AL_EFOREIGN);
    TAP_CHECK(!r.steps[TARGET_S_REMOVE].done);
    TAP_EQUAL_U64(subject_files(&other, ""), 1);
    other = on;
    (void)snprintf(other.url + strlen(other.url), 16, "/full");
    TAP_EQUAL_U64(subject_shell("mkdir '%s/full' && chmod 777 '%s/full' && echo x > '%s/full/a file'", on.dir, on.dir, on.dir), 0);
    try_share(&other);
    failed_at(TARGET_S_OWNER, AL_ENOTEMPTY);
    TAP_EQUAL_U64(subject_shell("rm -r '%s/full'", on.dir), 0);
}

static void
test_what_is_no_address_or_leads_nowhere_fails_at_the_first_step(void)
{
    struct subject other = on;

    (void)snprintf(other.url, sizeof(other.url), "http://127.0.0.1/x");
    try_share(&other);
    failed_at(TARGET_S_REACH, AL_EINVAL);
    TAP_CHECK(strstr(r.steps[TARGET_S_REACH].next, "smb://") != NULL);
    if (on.smb) {
        (void)snprintf(other.url, sizeof(other.url), "smb://127.0.0.1:9/share");
        try_share(&other);
        failed_at(TARGET_S_REACH, AL_EUNREACH);
        (void)snprintf(other.url, sizeof(other.url), "smb://no-such-host.invalid/share");
        try_share(&other);
        failed_at(TARGET_S_REACH, AL_EUNREACH);
    }
}

static void
test_a_full_share_fails_where_it_is_written_to_and_is_left_clean(void)
{
    struct subject other;

    if (!subject_is_root() || on.unc) {
        printf("# a small filesystem needs root, on Linux\n");
        return;
    }
    subject_other(&on, "small", &other);
    TAP_EQUAL_U64(subject_shell("cd '%s' && mkdir incoming && chmod 777 incoming && { dd if=/dev/zero of=incoming/fill bs=64k 2>/dev/null; test -s incoming/fill; }",
                                other.dir), 0);
    try_share(&other);
    TAP_CODE(r.code, AL_ENOSPC);
    failed_at(TARGET_S_WRITE, AL_ENOSPC);
    TAP_EQUAL_U64(subject_files(&other, ""), 1);
    TAP_EQUAL_U64(subject_shell("rm '%s/incoming/fill'", other.dir), 0);
    try_share(&other);
    all_well();
}

/* ---- what only a server can do ---- */

static void
test_a_wrong_password_is_told_from_a_server_that_is_away(void)
{
    struct subject wrong = on;

    (void)snprintf(wrong.password, sizeof(wrong.password), "not-the-secret-0815");
    try_share(&wrong);
    failed_at(TARGET_S_LOG_IN, AL_EAUTH);
    TAP_CHECK(strstr(r.steps[TARGET_S_LOG_IN].text, "0815") == NULL);
    TAP_CHECK(strstr(r.steps[TARGET_S_LOG_IN].next, "password") != NULL);
}

static void
test_a_share_that_the_server_does_not_have_is_told(void)
{
    struct subject other;

    subject_other(&on, "no-such-share", &other);
    try_share(&other);
    failed_at(TARGET_S_OPEN, AL_EUNREACH);
    TAP_CHECK(strstr(r.steps[TARGET_S_OPEN].next, "name") != NULL);
}

static void
test_a_share_that_cannot_be_written_to_is_told(void)
{
    struct subject other;

    subject_other(&on, "readonly", &other);
    try_share(&other);
    TAP_CHECK(r.code == AL_EROFS || r.code == AL_EACCES);
    TAP_CHECK(r.steps[TARGET_S_WRITE].done && r.steps[TARGET_S_WRITE].code == r.code);
    TAP_CHECK(strstr(r.steps[TARGET_S_WRITE].next, "writ") != NULL);
    TAP_CHECK(!r.steps[TARGET_S_FLUSH].done);
}

static void
test_a_server_that_goes_away_in_between_fails_the_step_it_was_at(void)
{
    struct target_conf conf = subject_conf(&on, 2000);
    unsigned failed = 0;

    /* The n-th request finds the connection broken: wherever that is, it is told, and ends. */
    for (uint64_t n = 1; n < 60; n++) {
        al_fault_arm(AL_FAULT_TARGET, n, false);
        try_conf(&conf);
        if (al_fault_disarm() < n) {
            break;
        }
        failed += r.code != AL_OK;
    }
    TAP_CHECK(failed > 3);
    try_share(&on);
    all_well();
}

int
main(int argc, char **argv)
{
    const char *why_not = NULL;

#ifdef SIGPIPE
    (void)signal(SIGPIPE, SIG_IGN); /* as every program of Alto does */
#endif
    if (!subject_begin(&on, argc > 1 ? argv[1] : "folder", &why_not)) {
        printf(why_not ? "1..0 # SKIP %s\n" : "Bail out! no share to test%s\n", why_not ? why_not : "");
        subject_end(&on);
        return why_not ? 0 : 1;
    }
    TAP_RUN(test_a_fresh_share_passes_and_stays_as_it_was);
    TAP_RUN(test_a_folder_with_files_and_a_foreign_share_are_not_written_to);
    TAP_RUN(test_what_is_no_address_or_leads_nowhere_fails_at_the_first_step);
    TAP_RUN(test_a_full_share_fails_where_it_is_written_to_and_is_left_clean);
    if (on.smb) {
        TAP_RUN(test_a_wrong_password_is_told_from_a_server_that_is_away);
        TAP_RUN(test_a_share_that_the_server_does_not_have_is_told);
        TAP_RUN(test_a_share_that_cannot_be_written_to_is_told);
        TAP_RUN(test_a_server_that_goes_away_in_between_fails_the_step_it_was_at);
    }
    subject_end(&on);
    return tap_end();
}
