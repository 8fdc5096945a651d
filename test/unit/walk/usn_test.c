/* The USN journal's records, and what is made of them: by records built here after winioctl.h, since neither Linux nor Wine has a
 * journal. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/walk/changes.h"
#include "base/fault.h"
#include "base/mem.h"

#define DIRECTORY 0x10u
#define SERIAL 0xabcd1234u

/* ---- building ---- */

/* Memory that no armed fault takes away. */
struct built {
    uint8_t at[65536];
    size_t len;
};

static void
put(struct built *to, const void *bytes, size_t len)
{
    TAP_CHECK(len <= sizeof(to->at) - to->len);
    memcpy(to->at + to->len, bytes, len);
    to->len += len;
}

static struct al_span
span(const struct built *b)
{
    return (struct al_span){b->at, b->len};
}

static void
put_record(struct built *to, unsigned version, uint64_t id, uint64_t parent, int64_t usn, uint32_t reasons, uint32_t attributes,
           const char *name)
{
    size_t ids = version == 2 ? 8 : 16, rest = 8 + 2 * ids, head = rest + 36, chars = strlen(name);
    size_t len = (head + 2 * chars + 7) / 8 * 8;
    uint8_t r[1024] = {0};

    al_put_u32(r, (uint32_t)len);
    al_put_u16(r + 4, (uint16_t)version);
    al_put_u64(r + 8, id);
    al_put_u64(r + 8 + ids, parent);
    al_put_u64(r + rest, (uint64_t)usn);
    al_put_u64(r + rest + 8, 116444736000000000ull + 17000000005000000ull);
    al_put_u32(r + rest + 16, reasons);
    al_put_u32(r + rest + 28, attributes);
    al_put_u16(r + rest + 32, (uint16_t)(2 * chars));
    al_put_u16(r + rest + 34, (uint16_t)head);
    for (size_t i = 0; i < chars; i++) {
        r[head + 2 * i] = (uint8_t)name[i];
    }
    put(to, r, len);
}

static void
put_next(struct built *to, int64_t next)
{
    uint8_t bytes[8];

    al_put_u64(bytes, (uint64_t)next);
    put(to, bytes, sizeof(bytes));
}

/* ---- records ---- */

struct seen {
    unsigned count;
    struct usn_record last;
    int rc;
};

static int
see(void *ctx, const struct usn_record *r)
{
    struct seen *s = ctx;

    s->count++;
    s->last = *r;
    return s->rc;
}

static void
records_of_both_versions_are_taken_apart(void)
{
    static struct built b;
    struct seen s = {0};
    int64_t next = 0;

    b.len = 0;
    put_next(&b, 4242);
    put_record(&b, 2, 0x1122334455667788, 5, 100, USN_CREATED, 0x20, "first");
    TAP_OK(usn_decode(span(&b), &next, see, &s));
    TAP_CHECK(s.count == 1 && next == 4242 && s.last.usn == 100 && s.last.reasons == USN_CREATED && s.last.attributes == 0x20);
    TAP_CHECK(al_get_u64(s.last.id) == 0x1122334455667788 && al_get_u64(s.last.id + 8) == 0 && al_get_u64(s.last.parent) == 5);
    TAP_CHECK(s.last.time_ns == 1700000000500000000 && s.last.name.len == 10 && memcmp(s.last.name.at, "f\0i\0r\0s\0t\0", 10) == 0);
    put_record(&b, 3, 7, 9, 200, USN_DELETED | USN_CLOSED, DIRECTORY, "");
    TAP_OK(usn_decode(span(&b), &next, see, &s));
    TAP_CHECK(s.count == 3 && al_get_u64(s.last.id) == 7 && al_get_u64(s.last.parent) == 9 && s.last.usn == 200 && s.last.name.len == 0);
    s.rc = AL_ECANCELED;
    TAP_CODE(usn_decode(span(&b), &next, see, &s), AL_ECANCELED);
    TAP_EQUAL_U64(s.count, 4);
    put_record(&b, 4, 7, 9, 200, 0, 0, "");
    s.rc = AL_OK;
    TAP_CODE(usn_decode(span(&b), &next, see, &s), AL_ENOTSUP);
}

static void
what_is_cut_or_damaged_is_refused_or_read_within_its_bytes(void)
{
    static struct built b;
    struct seen s = {0};
    int64_t next;
    unsigned refused = 0;

    b.len = 0;
    put_next(&b, 1);
    put_record(&b, 2, 1, 2, 3, USN_CREATED, 0, "name");
    put_record(&b, 3, 1, 2, 3, USN_CREATED, 0, "another name");
    for (size_t len = 0; len < b.len; len++) {
        AL_CLEANUP(al_freep) uint8_t *cut = al_memdup(b.at, len > 0 ? len : 1); /* the sanitizer sees what is behind it */
        int rc = usn_decode((struct al_span){cut, len}, &next, see, &s);

        TAP_CHECK(rc == AL_ECORRUPT || len == 8 || len == 8 + 72);
    }
    for (size_t i = 0; i < b.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            AL_CLEANUP(al_freep) uint8_t *copy = al_memdup(b.at, b.len);

            copy[i] ^= (uint8_t)(1u << bit);
            refused += usn_decode((struct al_span){copy, b.len}, &next, see, &s) != AL_OK;
        }
    }
    TAP_CHECK(refused > 40);
}

static void
places_come_back(void)
{
    struct usn_place a = {.journal = 0x1d9a8b7c6d5e4f3, .next = 123456789, .serial = SERIAL}, b;
    uint8_t bytes[USN_PLACE_BYTES];

    usn_place_encode(&a, bytes);
    TAP_OK(usn_place_decode((struct al_span){bytes, sizeof(bytes)}, &b));
    TAP_CHECK(a.journal == b.journal && a.next == b.next && a.serial == b.serial);
    TAP_CODE(usn_place_decode((struct al_span){bytes, sizeof(bytes) - 1}, &b), AL_ECORRUPT);
    bytes[23] = 0x80;
    TAP_CODE(usn_place_decode((struct al_span){bytes, sizeof(bytes)}, &b), AL_ECORRUPT);
    bytes[23] = 0;
    bytes[0] = 'X';
    TAP_CODE(usn_place_decode((struct al_span){bytes, sizeof(bytes)}, &b), AL_ECORRUPT);
}

/* ---- a journal of ours ---- */

#define STEP 100 /* between two records' places */

struct journal {
    struct port_journal_state now;
    uint64_t parent[4000], id[4000];
    uint32_t reasons[4000], attributes[4000];
    unsigned count, reads;
    int state_rc, read_rc;
    bool stuck, damaged;
    uint64_t moves_at;
    unsigned moves;
};

static struct journal *j;

static int
j_state(void *ctx, struct port_journal_state *ret)
{
    *ret = j->now;
    return j->state_rc;
}

static void happens(uint64_t id, uint64_t parent, uint32_t reasons, uint32_t attributes);

/* 50 records a read. */
static int
j_read(void *ctx, uint64_t id, int64_t from, void *to, size_t cap, size_t *ret_len)
{
    static struct built b;
    unsigned first = (unsigned)(from / STEP), last = first + 50 < j->count ? first + 50 : j->count;

    j->reads++;
    if (j->read_rc != AL_OK || id != j->now.id) {
        return j->read_rc != AL_OK ? j->read_rc : AL_ECHANGED;
    }
    b.len = 0;
    put_next(&b, j->stuck ? from : (int64_t)last * STEP);
    for (unsigned i = first; i < last; i++) {
        put_record(&b, i % 2 ? 2 : 3, j->id[i], j->parent[i], (int64_t)i * STEP, j->reasons[i], j->attributes[i], "n");
    }
    if (j->damaged) {
        b.at[8] = 3;
    }
    TAP_CHECK(b.len <= cap);
    memcpy(to, b.at, b.len);
    *ret_len = b.len;
    return AL_OK;
}

/* A folder N lies at "fN", but those that somebody made odd. */
static int
j_place(void *ctx, const uint8_t id[16], struct al_buf *path)
{
    uint64_t n = al_get_u64(id);

    if (n == j->moves_at && j->moves > 0) { /* while its place is asked for, something is renamed */
        j->moves--;
        happens(n, 5, USN_RENAMED_TO, DIRECTORY);
    }
    return n == 404   ? AL_ENOENT
           : n == 403 ? AL_EACCES
           : n == 500 ? AL_EIO
                      : al_buf_addf(path, n == 900 ? "f9/below/a name" : "f%llu", (unsigned long long)n);
}

static const struct usn_source source = {.state = j_state, .read = j_read, .place = j_place};

static void
happens(uint64_t id, uint64_t parent, uint32_t reasons, uint32_t attributes)
{
    j->id[j->count] = id;
    j->parent[j->count] = parent;
    j->reasons[j->count] = reasons;
    j->attributes[j->count++] = attributes;
    j->now.next = (int64_t)j->count * STEP;
}

static void
fresh(void)
{
    static struct journal one;

    memset(&one, 0, sizeof(one));
    j = &one;
    j->now.id = 77;
}

static const struct usn_folder *
folder(const struct usn_changes *c, uint64_t id)
{
    for (size_t i = 0; i < c->count; i++) {
        if (al_get_u64(c->folders[i].id) == id) {
            return &c->folders[i];
        }
    }
    return NULL;
}

static void
folders_that_changed_come_once_and_new_ones_whole(void)
{
    struct usn_place since = {.journal = 77, .next = 2 * STEP, .serial = SERIAL};
    struct usn_changes c;

    fresh();
    happens(1000, 1, USN_CREATED, 0); /* before */
    happens(1001, 1, USN_CREATED, 0);
    happens(2000, 5, 1 /* data overwritten */, 0);
    for (unsigned i = 0; i < 300; i++) {
        happens(2000 + i, 6, USN_DELETED, 0);
    }
    happens(7, 5, USN_CREATED, DIRECTORY);
    happens(3000, 7, USN_CREATED, 0); /* in the new folder */
    happens(8, 9, USN_RENAMED_FROM, DIRECTORY);
    happens(8, 10, USN_RENAMED_TO, DIRECTORY);
    happens(11, 10, USN_DELETED, DIRECTORY);
    TAP_OK(usn_changes(&source, SERIAL, &since, &c));
    TAP_CHECK(c.full == NULL && c.place.next == j->now.next && c.place.journal == 77 && c.place.serial == SERIAL);
    TAP_EQUAL_U64(c.count, 6);
    TAP_CHECK(folder(&c, 1) == NULL && folder(&c, 11) == NULL);
    TAP_CHECK(!folder(&c, 5)->whole && !folder(&c, 6)->whole && folder(&c, 7)->whole && folder(&c, 8)->whole);
    TAP_CHECK(!folder(&c, 9)->whole && !folder(&c, 10)->whole);
    since = c.place;
    usn_changes_free(&c);
    j->reads = 0;
    TAP_OK(usn_changes(&source, SERIAL, &since, &c)); /* nothing more */
    TAP_CHECK(c.full == NULL && c.count == 0 && j->reads == 0);
    usn_changes_free(&c);
}

static void
rights_and_names_that_changed_are_looked_into(void)
{
    struct usn_place since = {.journal = 77, .serial = SERIAL};
    struct usn_changes c;

    fresh();
    happens(7, 5, USN_SECURITY_CHANGED, DIRECTORY);
    happens(8, 5, USN_SECURITY_CHANGED, 0);
    happens(9, 6, USN_LINKS_CHANGED | USN_CLOSED, 0);
    TAP_OK(usn_changes(&source, SERIAL, &since, &c));
    TAP_EQUAL_U64(c.count, 4);
    TAP_CHECK(folder(&c, 7)->whole && !folder(&c, 5)->whole && folder(&c, 8) == NULL && folder(&c, 9)->file && !folder(&c, 6)->file);
    usn_changes_free(&c);
}

/* ---- as a plan ---- */

static struct walk_since
since_of(const struct usn_place *place)
{
    uint8_t bytes[USN_PLACE_BYTES];
    struct walk_since s;

    if (place != NULL) {
        usn_place_encode(place, bytes);
    }
    TAP_OK(walk_since_usn(&source, SERIAL, (struct al_span){bytes, place != NULL ? sizeof(bytes) : 0}, &s));
    return s;
}

static struct usn_place
place_of(const struct walk_since *s)
{
    struct usn_place p = {0};

    TAP_OK(usn_place_decode((struct al_span){s->place, s->place_len}, &p));
    return p;
}

static void
records_become_a_plan_and_a_place(void)
{
    struct usn_place since = {.journal = 77, .serial = SERIAL};
    struct walk_since s;

    fresh();
    happens(1000, 5, USN_CREATED, 0);
    s = since_of(NULL);
    TAP_CHECK(s.plan == NULL && strstr(s.full, "never") != NULL && place_of(&s).next == j->now.next);
    happens(1001, 404, USN_DELETED, 0); /* in a folder that is gone */
    happens(1002, 403, USN_CREATED, 0); /* where nobody lets us look */
    happens(12, 5, USN_RENAMED_TO, DIRECTORY);
    happens(900, 404, USN_LINKS_CHANGED, 0); /* still below f9/below */
    s = since_of(&since);
    TAP_CHECK(s.full == NULL && place_of(&s).next == j->now.next && place_of(&s).journal == 77);
    TAP_CHECK(walk_plan_find(s.plan, al_span_of("f5"))->how == WALK_LIST && walk_plan_find(s.plan, al_span_of("f12"))->how == WALK_WHOLE);
    TAP_CHECK(walk_plan_find(s.plan, al_span_of("f9/below"))->how == WALK_LIST);
    TAP_CHECK(walk_plan_find(s.plan, al_span_of("f9/below/a name")) == NULL && walk_plan_find(s.plan, al_span_of("f1000")) == NULL);
    TAP_EQUAL_U64(s.plan->count, 5); /* with the root and f9 on the way */
    s.plan = walk_plan_free(s.plan);
    happens(1003, 500, USN_CREATED, 0);
    s = since_of(&since);
    TAP_CHECK(s.plan == NULL && strstr(s.full, "could not be told") != NULL && s.place_len == USN_PLACE_BYTES);
    TAP_OK(walk_since_usn(NULL, SERIAL, (struct al_span){0}, &s));
    TAP_CHECK(s.plan == NULL && s.full != NULL && s.place_len == 0);
}

/* Its place was told, and it is another by now. */
static void
folders_that_move_under_the_plan_make_it_anew(void)
{
    struct usn_place since = {.journal = 77, .serial = SERIAL};
    struct walk_since s;

    fresh();
    happens(1000, 5, USN_CREATED, 0);
    j->moves_at = 5;
    j->moves = 1;
    s = since_of(&since);
    TAP_CHECK(s.full == NULL && walk_plan_find(s.plan, al_span_of("f5"))->how == WALK_WHOLE && place_of(&s).next == j->now.next);
    s.plan = walk_plan_free(s.plan);
    j->moves = 100;
    s = since_of(&since);
    TAP_CHECK(s.plan == NULL && strstr(s.full, "were moved") != NULL && s.place_len == USN_PLACE_BYTES);
}

static void
a_plan_ends_with_memory_at_every_call(void)
{
    struct usn_place since = {.journal = 77, .serial = SERIAL};
    uint8_t bytes[USN_PLACE_BYTES];

    usn_place_encode(&since, bytes);
    fresh();
    for (unsigned i = 0; i < 60; i++) {
        happens(i + 10, i + 1000, USN_CREATED, DIRECTORY);
    }
    for (uint64_t nth = 1;; nth++) {
        struct walk_since s;
        int rc;

        al_fault_arm(AL_FAULT_MEM, nth, false);
        rc = walk_since_usn(&source, SERIAL, (struct al_span){bytes, sizeof(bytes)}, &s);
        if (al_fault_disarm() < nth) {
            TAP_OK(rc);
            TAP_CHECK(s.full == NULL && s.plan->count == 121);
            s.plan = walk_plan_free(s.plan);
            break;
        }
        TAP_CHECK(rc == AL_ENOMEM && s.plan == NULL);
    }
}

static void
must_be_full(const struct usn_place *since, const char *why)
{
    struct usn_changes c;

    TAP_OK(usn_changes(&source, SERIAL, since, &c));
    TAP_CHECK(c.full != NULL && c.folders == NULL && c.count == 0);
    if (strstr(c.full, why) == NULL) {
        tap_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", c.full, why);
    }
    TAP_CHECK(c.place.next == j->now.next && c.place.journal == j->now.id);
    usn_changes_free(&c);
}

static void
whatever_is_missing_or_odd_is_a_full_walk(void)
{
    struct usn_place since = {.journal = 77, .next = 0, .serial = SERIAL};
    struct usn_changes c;

    fresh();
    for (unsigned i = 0; i < 120; i++) {
        happens(i + 10, 5, USN_CREATED, 0);
    }
    must_be_full(NULL, "never");
    since.serial++;
    must_be_full(&since, "another volume");
    since.serial--;
    since.journal++;
    must_be_full(&since, "anew");
    since.journal--;
    j->now.first = STEP;
    must_be_full(&since, "forgot");
    j->now.first = 0;
    since.next = j->now.next + 1;
    must_be_full(&since, "ends before");
    since.next = 0;
    j->read_rc = AL_ECHANGED; /* it went between the question and the read */
    must_be_full(&since, "anew");
    j->read_rc = AL_EIO;
    must_be_full(&since, "could not be read");
    j->read_rc = AL_OK;
    j->stuck = true;
    must_be_full(&since, "could not be read");
    j->stuck = false;
    j->damaged = true;
    must_be_full(&since, "could not be read");
    j->damaged = false;
    j->state_rc = AL_ENOTSUP;
    TAP_OK(usn_changes(&source, SERIAL, &since, &c));
    TAP_CHECK(c.full != NULL && c.place.journal == 0 && c.place.next == 0);
    TAP_OK(usn_changes(NULL, SERIAL, NULL, &c));
    TAP_CHECK(c.full != NULL && c.place.journal == 0);
    j->state_rc = AL_OK;
    TAP_OK(usn_changes(&source, SERIAL, &since, &c));
    TAP_CHECK(c.full == NULL && c.count == 1);
    usn_changes_free(&c);
}

/* A journal without an end of new folders. */
static int
endless_state(void *ctx, struct port_journal_state *ret)
{
    *ret = (struct port_journal_state){.id = 77, .first = 0, .next = INT64_C(1) << 40};
    return AL_OK;
}

static int
endless_read(void *ctx, uint64_t id, int64_t from, void *to, size_t cap, size_t *ret_len)
{
    static struct built b;

    b.len = 0;
    put_next(&b, from + 800);
    for (unsigned i = 0; i < 800; i++) {
        put_record(&b, 2, 1, (uint64_t)from + i, from + i, 1, 0, "n");
    }
    memcpy(to, b.at, b.len);
    *ret_len = b.len;
    return AL_OK;
}

static void
too_many_folders_are_a_full_walk(void)
{
    const struct usn_source endless = {.state = endless_state, .read = endless_read};
    struct usn_place since = {.journal = 77, .serial = SERIAL};
    struct usn_changes c;

    TAP_OK(usn_changes(&endless, SERIAL, &since, &c));
    TAP_CHECK(c.full != NULL && strstr(c.full, "more folders") != NULL && c.folders == NULL);
}

static void
memory_may_end_at_every_call(void)
{
    struct usn_place since = {.journal = 77, .serial = SERIAL};
    struct usn_changes c;

    fresh();
    for (unsigned i = 0; i < 500; i++) {
        happens(i + 10, i, USN_CREATED, DIRECTORY);
    }
    for (uint64_t nth = 1;; nth++) {
        int rc;

        al_fault_arm(AL_FAULT_MEM, nth, false);
        rc = usn_changes(&source, SERIAL, &since, &c);
        if (al_fault_disarm() < nth) {
            TAP_OK(rc);
            TAP_EQUAL_U64(c.count, 510);
            usn_changes_free(&c);
            break;
        }
        TAP_CODE(rc, AL_ENOMEM);
        usn_changes_free(&c);
    }
}

static void
without_a_journal_it_is_said(void)
{
    struct port_journal *none = NULL;
    struct port_file *root = NULL;
    int rc;

    TAP_OK(port_open(port_native(), NULL, "/", PORT_READ | PORT_FOLDER, 0, &root));
    rc = port_journal_open(port_native(), root, &none);
    TAP_CHECK(rc == AL_ENOTSUP || rc == AL_EACCES || rc == AL_OK);
    printf("# the journal here: %s\n", al_code_name(rc));
    none = port_journal_close(none);
    TAP_OK(port_close(port_native(), root));
}

int
main(void)
{
    TAP_RUN(records_of_both_versions_are_taken_apart);
    TAP_RUN(what_is_cut_or_damaged_is_refused_or_read_within_its_bytes);
    TAP_RUN(places_come_back);
    TAP_RUN(folders_that_changed_come_once_and_new_ones_whole);
    TAP_RUN(rights_and_names_that_changed_are_looked_into);
    TAP_RUN(records_become_a_plan_and_a_place);
    TAP_RUN(folders_that_move_under_the_plan_make_it_anew);
    TAP_RUN(a_plan_ends_with_memory_at_every_call);
    TAP_RUN(whatever_is_missing_or_odd_is_a_full_walk);
    TAP_RUN(too_many_folders_are_a_full_walk);
    TAP_RUN(memory_may_end_at_every_call);
    TAP_RUN(without_a_journal_it_is_said);
    return tap_end();
}
