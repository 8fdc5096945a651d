/* target_identity.c: whose share this is. */
#include "agent/target/target_identity.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define IDENTITY_FORMAT 1
#define IDENTITY_WAIT_NS INT64_C(5000000000) /* for somebody else who makes it at the same time */
#define IDENTITY_LOOK_NS 20000000

int
target_identity_check(struct target *t, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = TARGET_IDENTITY_MAX + 1};
    AL_CLEANUP(al_json_freep) json_t *doc = NULL;
    const char *customer;
    uint64_t format;
    int r;

    r = target_read_plain(t, TARGET_IDENTITY, TARGET_IDENTITY_MAX, &text, fail);
    if (r != AL_OK) {
        return r;
    }
    if (al_json_parse(al_buf_span(&text), &doc, NULL) != AL_OK ||
        al_json_u64(doc, "format", &format, NULL) != AL_OK) {
        return al_fail_set(fail, AL_EFOREIGN, 0,
                           "share %.80s has an " TARGET_IDENTITY " that cannot be read; restore it "
                           "from a backup before anything is done there",
                           t->url);
    }
    if (format > IDENTITY_FORMAT) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "share %.80s was made by a later version of Alto (format %llu); update "
                           "this one",
                           t->url, (unsigned long long)format);
    }
    if (al_json_str(doc, "customer_id", &customer, NULL) != AL_OK ||
        (t->customer_id && strcmp(customer, t->customer_id) != 0)) {
        return al_fail_set(fail, AL_EFOREIGN, 0, "share %.80s belongs to another customer%s",
                           t->url, target_advice(AL_EFOREIGN));
    }
    return AL_OK;
}

/* What file systems and servers put into an empty root by themselves, and what a first start that
 * was cut off leaves. */
static int
expect_empty(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    static const char *const ignored[] = {"lost+found", "System Volume Information", "$RECYCLE.BIN",
                                          ".snapshot", TARGET_INCOMING};
    size_t i;

    for (i = 0; i < AL_LEN(ignored); i++) {
        if (is_folder && strcmp(name, ignored[i]) == 0) {
            return AL_OK;
        }
    }
    return AL_ENOTEMPTY;
}

static int
print_identity(struct target *t, struct al_buf *to)
{
    AL_CLEANUP(al_json_freep) json_t *doc = json_object();
    char when[AL_TIME_TEXT_MAX];
    int r;

    if (!doc) {
        return AL_ENOMEM;
    }
    al_time_text(port_now_ns(t->port), when);
    r = al_json_set_u64(doc, "format", IDENTITY_FORMAT);
    r = r == AL_OK ? al_json_set_str(doc, "customer_id", t->customer_id) : r;
    r = r == AL_OK ? al_json_set_str(doc, "made", when) : r;
    r = r == AL_OK ? al_json_print(doc, to) : r;
    return r == AL_OK ? al_buf_adds(to, "\n") : r;
}

/* Under a temporary name first, then renamed without replacing: of two that come at once, one wins,
 * and the other gets AL_EEXIST. */
static int
put_identity(struct target *t, const struct al_buf *text, struct al_fail *fail)
{
    struct target_put *p = NULL;
    bool done = false;
    int r = target_put_begin(t, TARGET_IDENTITY, text->len, &p, fail);

    if (r == AL_OK) {
        r = target_put_write(p, text->at, text->len, fail);
    }
    while (r == AL_OK && !done) {
        r = target_put_step(p, &done, fail);
    }
    target_put_end(p);
    return r;
}

int
target_identity_room(struct target *t, struct al_fail *fail)
{
    int r = target_list(t, "", expect_empty, NULL, fail);

    return r != AL_ENOTEMPTY
               ? r
               : al_fail_set(fail, AL_ENOTEMPTY, 0,
                             "share %.80s holds files but no " TARGET_IDENTITY
                             "; give an empty folder",
                             t->url);
}

static int
make_once(struct target *t, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = TARGET_IDENTITY_MAX};
    int r = target_identity_room(t, fail);

    if (r != AL_OK) {
        return r;
    }
    r = print_identity(t, &text);
    if (r != AL_OK) {
        return al_fail_set(fail, r, 0, "cannot print " TARGET_IDENTITY ": %s", al_code_name(r));
    }
    t->identity_ns = port_mono_ns(t->port); /* none is there to be asked before this write */
    return put_identity(t, &text, fail);
}

/* A first start that was cut off may have left its temporary file. */
static int
remove_rest(struct target *t, struct al_fail *fail)
{
    char temp[TARGET_NAME_MAX];
    int r = target_temp_name(TARGET_IDENTITY, temp);

    r = r == AL_OK ? t->kind->remove(t, temp, NULL) : r;
    return r == AL_OK || r == AL_ENOENT ? AL_OK
                                        : al_fail_set(fail, r, 0, "cannot begin %.80s: %s%s",
                                                      t->url, al_code_name(r), target_advice(r));
}

/* Many may use a share first at the same time: whoever comes second waits for what the first makes.
 */
int
target_identity_make(struct target *t, struct al_fail *fail)
{
    int64_t until = port_mono_ns(t->port) + IDENTITY_WAIT_NS;
    bool removed = false;

    for (;;) {
        struct al_fail why = {0};
        int r = make_once(t, &why);

        if (r == AL_EEXIST || r == AL_ENOTEMPTY) {
            int found = target_identity_check(t, NULL);

            if (found != AL_ENOENT) {
                return target_identity_check(t, fail);
            }
        }
        if (r == AL_OK || r != AL_EEXIST || (removed && port_mono_ns(t->port) >= until)) {
            return r == AL_OK ? r : al_fail_set(fail, r, why.os, "%s", why.text);
        }
        if (port_mono_ns(t->port) >= until) {
            r = remove_rest(t, fail);
            if (r != AL_OK) {
                return r;
            }
            removed = true;
            until += IDENTITY_WAIT_NS;
        }
        port_sleep_ns(t->port, IDENTITY_LOOK_NS);
    }
}
