#include "help.h"

#define ALL_MAX 400u

struct rows {
    char *paths[ALL_MAX];
    size_t count, fail_at; /* fail_at: the row that fn refuses, from 1; 0: none */
};

static int
keep(void *ctx, const struct inventory_row *row)
{
    struct rows *r = ctx;

    if (r->fail_at != 0 && r->count + 1 == r->fail_at) {
        return AL_EINTERNAL;
    }
    TAP_CHECK(r->count < ALL_MAX);
    r->paths[r->count++] = al_span_dup(row->path);
    return AL_OK;
}

static void
forget(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++) {
        al_free(r->paths[i]);
    }
    r->count = 0;
}

static bool
has(const struct rows *r, const char *path)
{
    size_t times = 0;

    for (size_t i = 0; i < r->count; i++) {
        times += strcmp(r->paths[i], path) == 0;
    }
    TAP_CHECK(times < 2);
    return times == 1;
}

static const char *const names[] = {
    "Report.pdf",  "report.PDF", "report",       "st*r",      "star",      "[x]",      "x",
    "back\\slash", "quote'\"",   "\xff\xfe.mov", "new\nline", "per%cent_", "per_cent%"};
static const char *const folders[] = {"", "Projects", "acme", "old projects"};

static void
some_files(struct help *h)
{
    struct scan s;

    help_begin(h);
    scan_begin(&s, h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    for (uint64_t f = 1; f < AL_LEN(folders); f++) {
        scan_folder(&s, f + 1, f == 2 ? 2 : 1, folders[f], 0); /* /Projects/acme */
    }
    for (uint64_t f = 0; f < AL_LEN(folders); f++) {
        for (size_t i = 0; i < AL_LEN(names); i++) {
            scan_file(&s, f + 1, names[i], 1000, 3);
        }
    }
    (void)scan_end(&s);
}

static void
find(struct help *h, const char *text, size_t limit, struct rows *r)
{
    forget(r);
    TAP_OK(inventory_find(h->inv, &own, VOLUME, sp(text), limit, keep, r));
}

static void
a_part_of_a_name_finds_it_in_either_case_and_as_it_stands(void)
{
    struct rows r = {0};
    struct help h;

    some_files(&h);
    find(&h, "REPORT", 100, &r);
    TAP_EQUAL_U64(r.count, 12);
    TAP_CHECK(has(&r, "/Projects/acme/report.PDF") && has(&r, "/old projects/report"));
    find(&h, "t*r", 100, &r); /* no glob, and no pattern of SQL either */
    TAP_EQUAL_U64(r.count, 4);
    TAP_CHECK(has(&r, "/st*r"));
    find(&h, "[x]", 100, &r);
    TAP_EQUAL_U64(r.count, 4);
    find(&h, "r%c", 100, &r);
    TAP_EQUAL_U64(r.count, 4);
    find(&h, "k\\s", 100, &r);
    TAP_EQUAL_U64(r.count, 4);
    find(&h, "e'\"", 100, &r);
    TAP_EQUAL_U64(r.count, 4);
    find(&h, "\xff", 100, &r);
    TAP_EQUAL_U64(r.count, 4);
    find(&h, "'; DROP TABLE entry; --", 100, &r);
    TAP_EQUAL_U64(r.count, 0);
    find(&h, "project", 100, &r); /* folders too */
    TAP_EQUAL_U64(r.count, 2);
    forget(&r);
    help_end(&h);
}

static void
a_slash_asks_for_the_way_to_it(void)
{
    struct rows r = {0};
    struct help h;

    some_files(&h);
    find(&h, "jects/rep", 100, &r); /* /Projects and /old projects */
    TAP_EQUAL_U64(r.count, 6);
    find(&h, "/projects/rep", 100, &r);
    TAP_EQUAL_U64(r.count, 3);
    TAP_CHECK(has(&r, "/Projects/Report.pdf"));
    find(&h, "/Projects/acme/Report.pdf", 100, &r);
    TAP_EQUAL_U64(r.count, 2);
    TAP_EQUAL_STR(r.paths[0], "/Projects/acme/Report.pdf"); /* the very one first */
    find(&h, "acme/", 100, &r);
    TAP_EQUAL_U64(r.count, AL_LEN(names));
    find(&h, "/x", 100, &r);
    TAP_EQUAL_U64(r.count, 4);
    find(&h, "/nowhere/x", 100, &r);
    TAP_EQUAL_U64(r.count, 0);
    forget(&r);
    help_end(&h);
}

static void
the_very_name_comes_first_and_the_limit_ends_it(void)
{
    struct rows r = {0};
    struct help h;

    some_files(&h);
    find(&h, "report", 5, &r);
    TAP_EQUAL_U64(r.count, 5);
    for (size_t i = 0; i < 4; i++) {
        TAP_EQUAL_STR(strrchr(r.paths[i], '/') + 1, "report");
    }
    find(&h, "report", 4, &r);
    TAP_EQUAL_U64(r.count, 4);
    forget(&r);
    r.fail_at = 2;
    TAP_CODE(inventory_find(h.inv, &own, VOLUME, sp("report"), 9, keep, &r), AL_EINTERNAL);
    TAP_EQUAL_U64(r.count, 1);
    forget(&r);
    help_end(&h);
}

static void
what_cannot_be_asked_is_refused_and_another_customer_sees_nothing(void)
{
    const struct inventory_scope other = {OTHER_CUSTOMER};
    static uint8_t long_text[INVENTORY_FIND_BYTES_MAX + 1];
    struct rows r = {0};
    struct help h;

    some_files(&h);
    memset(long_text, '*', sizeof(long_text));
    TAP_CODE(inventory_find(h.inv, &own, VOLUME, sp(""), 9, keep, &r), AL_EINVAL);
    TAP_CODE(inventory_find(h.inv, &own, VOLUME, sp("x"), 0, keep, &r), AL_EINVAL);
    TAP_CODE(inventory_find(h.inv, &own, VOLUME, sp("x"), INVENTORY_PAGE_MAX + 1, keep, &r),
             AL_EINVAL);
    TAP_CODE(inventory_find(h.inv, &own, VOLUME, (struct al_span){long_text, sizeof(long_text)}, 9,
                            keep, &r),
             AL_EINVAL);
    TAP_OK(inventory_find(h.inv, &own, VOLUME, (struct al_span){long_text, sizeof(long_text) - 1},
                          9, keep, &r));
    TAP_CODE(inventory_find(h.inv, &other, VOLUME, sp("report"), 9, keep, &r), AL_ENOENT);
    TAP_EQUAL_U64(r.count, 0);
    help_end(&h);
}

static void
a_look_that_takes_too_long_ends_and_keeps_what_it_found(void)
{
    const struct inventory_scope brief = {.customer_id = CUSTOMER, .limit_ns = 1};
    struct rows r = {0};
    struct help h;
    int rc = AL_OK;

    some_files(&h);
    while (rc == AL_OK) { /* a small volume may be through before the clock is looked at */
        forget(&r);
        rc = inventory_find(h.inv, &brief, VOLUME, sp("report"), 100, keep, &r);
    }
    TAP_CODE(rc, AL_ETIMEDOUT);
    TAP_CHECK(r.count <= 12);
    find(&h, "report", 100, &r); /* and the next is as if nothing had been */
    TAP_EQUAL_U64(r.count, 12);
    forget(&r);
    help_end(&h);
}

int
main(void)
{
    TAP_RUN(a_part_of_a_name_finds_it_in_either_case_and_as_it_stands);
    TAP_RUN(a_slash_asks_for_the_way_to_it);
    TAP_RUN(the_very_name_comes_first_and_the_limit_ends_it);
    TAP_RUN(what_cannot_be_asked_is_refused_and_another_customer_sees_nothing);
    TAP_RUN(a_look_that_takes_too_long_ends_and_keeps_what_it_found);
    return tap_end();
}
