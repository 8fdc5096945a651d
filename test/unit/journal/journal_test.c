/* The journal: durable when begin returns, torn tails dropped, groups share a sync, written anew
 * when ended intents dominate. */
#include "tap.h"

#include <string.h>

#include "agent/journal/journal.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/mem.h"
#include "port/sim/sim.h"
#include "port/thread.h"

static struct sim *disk;
static struct port_file *state;

static void
disk_make(uint64_t seed)
{
    struct port_file *root = NULL;

    TAP_OK(sim_new(seed, SIM_ORDER_OBJECT, &disk));
    TAP_OK(port_mkdir(sim_other(disk), NULL, "/state", 0700));
    TAP_OK(port_open(sim_other(disk), NULL, "/", PORT_READ | PORT_FOLDER, 0, &root));
    TAP_OK(port_sync(sim_other(disk), root));
    TAP_OK(port_close(sim_other(disk), root));
    TAP_OK(port_open(sim_port(disk), NULL, "/state", PORT_READ | PORT_FOLDER, 0, &state));
}

static void
disk_end(void)
{
    TAP_OK(port_close(sim_port(disk), state));
    TAP_EQUAL_U64(sim_open_files(disk), 0);
    disk = sim_free(disk);
}

static void
disk_crash(enum sim_crash how)
{
    port_close_quiet(sim_port(disk), &state);
    TAP_OK(sim_restart(disk, how));
    TAP_OK(port_open(sim_port(disk), NULL, "/state", PORT_READ | PORT_FOLDER, 0, &state));
}

static struct journal_intent
intent(uint64_t ino)
{
    struct journal_intent in = {.kind = JOURNAL_TIER, .state = JOURNAL_BEGUN};

    in.volume_id = "01kaz0000000000000000000vv";
    in.share_id = "01kaz0000000000000000000ss";
    in.rule_id = "01kaz0000000000000000000rr";
    in.object_id = "01kaz0000000000000000000oo";
    in.object_name = "objects/o/o/01kaz0000000000000000000oo.mov";
    in.path = (struct al_span){(const uint8_t *)"a\nb/\xff name", 10};
    in.handle = (struct port_handle){.type = -7, .len = 12, .bytes = "abcdefghijk"};
    in.ino = ino;
    in.generation = 0xfedcba98u;
    in.size = 1ull << 40;
    in.atime_ns = -5;
    in.mtime_ns = 1500000000987654321;
    in.began_ns = 1790000000000000001;
    in.capability = (struct al_span){(const uint8_t *)"\1\0\0\2", 4};
    return in;
}

static struct journal *
open_it(uint64_t *ret_torn)
{
    struct journal *j = NULL;
    struct al_fail fail = {0};
    int rc = journal_open(sim_port(disk), state, &j, ret_torn, &fail);

    if (rc != AL_OK) {
        printf("# %s\n", fail.text);
    }
    TAP_OK(rc);
    return j;
}

static void
an_intent_survives_a_power_cut_with_every_field(void)
{
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct journal_intent in = intent(77);
        const struct journal_intent *got;
        struct journal_item *item;
        struct journal *j;

        disk_make(seed);
        j = open_it(NULL);
        TAP_OK(journal_begin(j, &in, &item, NULL));
        j = journal_close(j);
        disk_crash(SIM_POWER);
        j = open_it(NULL);
        item = journal_take_found(j);
        TAP_CHECK(item != NULL && journal_take_found(j) == NULL);
        got = journal_intent_of(item);
        TAP_CHECK(got->kind == JOURNAL_TIER && got->state == JOURNAL_BEGUN);
        TAP_EQUAL_STR(got->volume_id, in.volume_id);
        TAP_EQUAL_STR(got->share_id, in.share_id);
        TAP_CHECK(got->job_id == NULL);
        TAP_EQUAL_STR(got->rule_id, in.rule_id);
        TAP_EQUAL_STR(got->object_id, in.object_id);
        TAP_EQUAL_STR(got->object_name, in.object_name);
        TAP_CHECK(al_span_equal(got->path, in.path));
        TAP_CHECK(got->handle.type == -7 && got->handle.len == 12);
        TAP_CHECK(memcmp(got->handle.bytes, in.handle.bytes, 12) == 0);
        TAP_EQUAL_U64(got->ino, 77);
        TAP_EQUAL_U64(got->generation, in.generation);
        TAP_EQUAL_U64(got->size, in.size);
        TAP_CHECK(got->atime_ns == in.atime_ns && got->mtime_ns == in.mtime_ns);
        TAP_CHECK(got->began_ns == in.began_ns);
        TAP_CHECK(al_span_equal(got->capability, in.capability));
        j = journal_close(j);
        disk_end();
    }
}

static void
an_ended_intent_is_gone_and_a_note_is_remembered_after_a_kill(void)
{
    struct journal_intent in = intent(1);
    struct journal_item *a, *b;
    struct journal *j;

    disk_make(3);
    j = open_it(NULL);
    TAP_OK(journal_begin(j, &in, &a, NULL));
    in.ino = 2;
    TAP_OK(journal_begin(j, &in, &b, NULL));
    journal_note(j, a, JOURNAL_COPIED);
    journal_note(j, b, JOURNAL_COPIED);
    journal_note(j, b, JOURNAL_MANIFESTED);
    journal_end(j, a);
    j = journal_close(j);
    disk_crash(SIM_KILL);
    j = open_it(NULL);
    b = journal_take_found(j);
    TAP_CHECK(b != NULL && journal_take_found(j) == NULL);
    TAP_EQUAL_U64(journal_intent_of(b)->ino, 2);
    TAP_EQUAL_U64(journal_intent_of(b)->state, JOURNAL_MANIFESTED);
    j = journal_close(j);
    disk_end();
}

static void
a_settled_intent_survives_a_power_cut(void)
{
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct journal_intent in = intent(5);
        struct journal_figures figures;
        struct journal_item *item, *second;
        struct journal *j;

        disk_make(seed);
        j = open_it(NULL);
        in.kind = JOURNAL_RECALL;
        TAP_OK(journal_begin_soon(j, &in, &item, NULL));
        TAP_OK(journal_begin_soon(j, &in, &second, NULL));
        TAP_OK(journal_settle(j, item));
        journal_figures(j, &figures);
        TAP_OK(journal_settle(j, second)); /* the first one's sync took it along */
        {
            uint64_t syncs = figures.syncs;

            journal_figures(j, &figures);
            TAP_EQUAL_U64(figures.syncs, syncs);
        }
        j = journal_close(j);
        disk_crash(SIM_POWER);
        j = open_it(NULL);
        TAP_CHECK(journal_take_found(j) != NULL && journal_take_found(j) != NULL);
        j = journal_close(j);
        disk_end();
    }
}

static void
what_was_put_back_is_found_again_and_once(void)
{
    struct journal_intent in = intent(1);
    struct journal_item *a;
    struct journal *j;

    disk_make(4);
    j = open_it(NULL);
    TAP_OK(journal_begin(j, &in, &a, NULL));
    journal_put_back(j, a);
    TAP_CHECK(journal_take_found(j) == a);
    TAP_CHECK(journal_take_found(j) == NULL);
    journal_end(j, a);
    j = journal_close(j);
    disk_end();
}

/* Cuts the file at every length and flips every byte: what comes back is a prefix of what was
 * written, never something else. */
static void
a_torn_or_damaged_tail_is_dropped_and_told(void)
{
    static uint8_t whole[1 << 16];
    struct port_file *f = NULL;
    struct journal_item *item;
    struct journal *j;
    size_t len, first = 0, bytes = 0;

    disk_make(5);
    j = open_it(NULL);
    for (uint64_t ino = 1; ino <= 3; ino++) {
        struct journal_intent in = intent(ino);
        struct journal_figures figures;

        journal_figures(j, &figures);
        first = ino == 1 ? (size_t)figures.bytes : first;
        TAP_OK(journal_begin(j, &in, &item, NULL));
        journal_figures(j, &figures);
        bytes = (size_t)figures.bytes;
    }
    j = journal_close(j);
    TAP_OK(port_open(sim_port(disk), state, JOURNAL_FILE, PORT_READ, 0, &f));
    TAP_OK(port_pread(sim_port(disk), f, whole, sizeof(whole), 0, &len));
    TAP_OK(port_close(sim_port(disk), f));
    TAP_EQUAL_U64(len, sizeof(whole)); /* it has room */
    len = bytes;
    for (size_t at = first; at < len; at++) {
        for (int flip = 0; flip < 2; flip++) {
            uint64_t torn = 0, seen = 0, expected = (at - first) / ((len - first) / 3);
            size_t kept = first + expected * ((len - first) / 3), end = flip ? len : at;

            TAP_OK(port_open(sim_port(disk), state, JOURNAL_FILE, PORT_WRITE | PORT_TRUNC, 0, &f));
            whole[at] ^= flip ? 0x40 : 0;
            TAP_OK(port_pwrite(sim_port(disk), f, whole, end, 0));
            for (; end > kept && whole[end - 1] == 0; end--) { /* zeros are room */
            }
            whole[at] ^= flip ? 0x40 : 0;
            TAP_OK(port_close(sim_port(disk), f));
            j = open_it(&torn);
            while ((item = journal_take_found(j)) != NULL) {
                TAP_EQUAL_U64(journal_intent_of(item)->ino, ++seen);
            }
            TAP_EQUAL_U64(seen, expected);
            TAP_EQUAL_U64(torn, end - kept);
            j = journal_close(j);
        }
    }
    disk_end();
}

static void
a_file_that_is_no_journal_is_refused_and_left_alone(void)
{
    struct port_file *f = NULL;
    struct journal *j = NULL;
    struct al_fail fail = {0};
    struct port_stat st;

    disk_make(6);
    TAP_OK(port_open(sim_port(disk), state, JOURNAL_FILE, PORT_WRITE | PORT_CREATE, 0600, &f));
    TAP_OK(port_pwrite(sim_port(disk), f, "something else entirely, of some length", 39, 0));
    TAP_OK(port_close(sim_port(disk), f));
    TAP_CODE(journal_open(sim_port(disk), state, &j, NULL, &fail), AL_ECORRUPT);
    TAP_CHECK(j == NULL && fail.text[0] != '\0');
    TAP_OK(port_stat_at(sim_port(disk), state, JOURNAL_FILE, &st));
    TAP_EQUAL_U64(st.size, 39);
    disk_end();
}

static void
many_ended_intents_do_not_let_the_file_grow(void)
{
    struct journal_figures figures;
    struct journal_item *kept, *item;
    struct journal_intent in = intent(999);
    struct journal *j;

    disk_make(7);
    j = open_it(NULL);
    TAP_OK(journal_begin(j, &in, &kept, NULL));
    for (uint64_t k = 0; k < 40000; k++) {
        in.ino = k;
        TAP_OK(journal_begin(j, &in, &item, NULL));
        journal_end(j, item);
    }
    journal_figures(j, &figures);
    TAP_CHECK(figures.rotations >= 2);
    TAP_CHECK(figures.bytes <= JOURNAL_ROTATE_BYTES + 100000);
    TAP_EQUAL_U64(figures.open, 1);
    j = journal_close(j);
    disk_crash(SIM_POWER);
    j = open_it(NULL);
    item = journal_take_found(j);
    TAP_EQUAL_U64(journal_intent_of(item)->ino, 999);
    j = journal_close(j);
    disk_end();
}

/* After a failed write or sync nothing is promised on the old tail: the next begin writes all anew,
 * and both are there. */
static void
a_failed_sync_fails_its_begin_and_the_next_begin_heals(void)
{
    for (uint64_t nth = 1; nth <= 4; nth++) {
        struct journal_intent in = intent(1);
        struct journal_item *a, *b;
        struct journal *j;
        int rc;

        disk_make(8 + nth);
        j = open_it(NULL);
        TAP_OK(journal_begin(j, &in, &a, NULL));
        in.ino = 2;
        al_fault_arm(AL_FAULT_PORT, nth, false);
        rc = journal_begin(j, &in, &b, NULL);
        (void)al_fault_disarm();
        TAP_CHECK(nth > 2 || rc == AL_EIO);
        journal_note(j, a, JOURNAL_COPIED);
        in.ino = 3;
        TAP_OK(journal_begin(j, &in, &b, NULL));
        j = journal_close(j);
        disk_crash(SIM_POWER);
        j = open_it(NULL);
        b = journal_take_found(j);
        TAP_EQUAL_U64(journal_intent_of(b)->ino, 1);
        if (nth <= 2) {
            TAP_EQUAL_U64(journal_intent_of(b)->state, JOURNAL_COPIED);
            b = journal_take_found(j);
            TAP_EQUAL_U64(journal_intent_of(b)->ino, 3);
        }
        j = journal_close(j);
        disk_end();
    }
}

/* Opening and a recall's begin go on; what must be durable is refused; with room again all of it is
 * written. */
static void
on_a_full_disk_it_opens_and_keeps_recalls_in_memory(void)
{
    struct journal_intent in = intent(1);
    struct journal_figures f;
    struct journal_item *found, *soon, *not ;
    struct journal *j;

    disk_make(21);
    j = open_it(NULL);
    TAP_OK(journal_begin(j, &in, &found, NULL));
    j = journal_close(j);
    disk_crash(SIM_KILL);
    sim_space(disk, 0);
    j = open_it(NULL);
    TAP_CODE(journal_begin(j, &in, &not, NULL), AL_ENOSPC);
    in.kind = JOURNAL_RECALL;
    in.ino = 2;
    TAP_OK(journal_begin_soon(j, &in, &soon, NULL));
    TAP_CODE(journal_settle(j, soon), AL_ENOSPC);
    found = journal_take_found(j);
    TAP_EQUAL_U64(journal_intent_of(found)->ino, 1);
    journal_put_back(j, found);
    journal_note(j, soon, JOURNAL_FILLED);
    journal_figures(j, &f);
    TAP_CHECK(f.unwritten);
    TAP_EQUAL_U64(f.open, 2);
    sim_space(disk, UINT64_MAX);
    TAP_OK(journal_settle(j, soon));
    journal_figures(j, &f);
    TAP_CHECK(!f.unwritten);
    j = journal_close(j);
    disk_crash(SIM_POWER);
    j = open_it(NULL);
    TAP_EQUAL_U64(journal_intent_of(journal_take_found(j))->ino, 1);
    TAP_EQUAL_U64(journal_intent_of(journal_take_found(j))->state, JOURNAL_FILLED);
    j = journal_close(j);
    disk_end();
}

static void
opening_survives_each_call_failing_and_each_crash(void)
{
    for (uint64_t nth = 1; nth < 60; nth++) {
        struct journal_intent in = intent(1);
        struct journal_item *item;
        struct journal *j;
        uint64_t seen;

        disk_make(nth);
        j = open_it(NULL);
        TAP_OK(journal_begin(j, &in, &item, NULL));
        j = journal_close(j);
        al_fault_arm(AL_FAULT_ALL, nth, false);
        if (journal_open(sim_port(disk), state, &j, NULL, NULL) == AL_OK) {
            j = journal_close(j);
        }
        seen = al_fault_disarm();
        sim_crash_at(disk, nth, SIM_POWER, nth % 2 == 0);
        if (journal_open(sim_port(disk), state, &j, NULL, NULL) == AL_OK) {
            j = journal_close(j);
        }
        disk_crash(SIM_POWER);
        j = open_it(NULL);
        item = journal_take_found(j);
        TAP_CHECK(item != NULL && journal_intent_of(item)->ino == 1);
        j = journal_close(j);
        disk_end();
        if (seen < nth) {
            break;
        }
    }
}

static void
records_print_and_parse_to_the_same(void)
{
    struct journal_record r = {.seq = 123456789, .state = JOURNAL_BEGUN, .whole = true}, got;
    AL_CLEANUP(al_buf_free) struct al_buf buf = {0};
    AL_CLEANUP(al_freep) char *strings = al_alloc(JOURNAL_STRINGS_MAX);
    struct al_span left;

    al_buf_init(&buf, 1 << 20);
    r.intent = intent(9);
    TAP_OK(journal_record_print(&r, 7, &buf));
    r.whole = false;
    r.state = JOURNAL_ENDED;
    TAP_OK(journal_record_print(&r, 7, &buf));
    left = al_buf_span(&buf);
    TAP_CODE(journal_record_parse(&left, 8, strings, &got),
             AL_ECORRUPT); /* another file's record */
    TAP_OK(journal_record_parse(&left, 7, strings, &got));
    TAP_CHECK(got.whole && got.seq == 123456789 && got.intent.ino == 9);
    TAP_OK(journal_record_parse(&left, 7, strings, &got));
    TAP_CHECK(!got.whole && got.state == JOURNAL_ENDED && left.len == 0);
    r.whole = true;
    r.intent.path.len = JOURNAL_PATH_MAX + 1;
    TAP_CODE(journal_record_print(&r, 7, &buf), AL_ELIMIT);
}

int
main(void)
{
    TAP_RUN(records_print_and_parse_to_the_same);
    TAP_RUN(an_intent_survives_a_power_cut_with_every_field);
    TAP_RUN(an_ended_intent_is_gone_and_a_note_is_remembered_after_a_kill);
    TAP_RUN(a_settled_intent_survives_a_power_cut);
    TAP_RUN(what_was_put_back_is_found_again_and_once);
    TAP_RUN(a_torn_or_damaged_tail_is_dropped_and_told);
    TAP_RUN(a_file_that_is_no_journal_is_refused_and_left_alone);
    TAP_RUN(many_ended_intents_do_not_let_the_file_grow);
    TAP_RUN(a_failed_sync_fails_its_begin_and_the_next_begin_heals);
    TAP_RUN(on_a_full_disk_it_opens_and_keeps_recalls_in_memory);
    TAP_RUN(opening_survives_each_call_failing_and_each_crash);
    return tap_end();
}
