/* help.h: an inventory in a temporary folder, and scans written by hand, for tests of the
 * inventory. */
#ifndef ALTO_TEST_CONTRACT_INVENTORY_HELP_H
#define ALTO_TEST_CONTRACT_INVENTORY_HELP_H

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/inventory/inventory.h"

#define CUSTOMER "01hc0000000000000000000000"
#define OTHER_CUSTOMER "01hc0000000000000000000001"
#define VOLUME "01hv0000000000000000000000"
#define SCAN(n) "01hs00000000000000000000" #n
#define STREAM "01ht0000000000000000000000"
#define SECOND_NS INT64_C(1000000000)
#define DAY_NS (86400 * SECOND_NS)
#define NOW_NS (INT64_C(1800000000) * SECOND_NS)

static const struct inventory_scope own = {CUSTOMER};

struct help {
    char dir[64];
    struct inventory *inv;
};

__attribute__((unused)) static struct al_span
sp(const char *t)
{
    return al_span_of(t);
}

/* What DuckDB said, as a diagnostic. */
__attribute__((unused)) static void
help_say(void *ctx, enum al_log_level level, const char *text)
{
    printf("# %.800s\n", text);
}
static struct al_log help_log = {AL_LOG_DEBUG, help_say, NULL};

__attribute__((unused)) static void
help_open(struct help *h)
{
    struct inventory_conf conf = {.port = port_native(),
                                  .dir = h->dir,
                                  .memory_bytes = 512u << 20,
                                  .threads = 2,
                                  .log = &help_log};
    struct al_fail fail = {0};
    int rc = inventory_open(&conf, &h->inv, &fail);

    if (rc < 0) {
        tap_fail(__FILE__, __LINE__, "inventory_open: %s", fail.text);
    }
}

__attribute__((unused)) static void
help_begin(struct help *h)
{
    struct al_fail fail = {0};

    snprintf(h->dir, sizeof(h->dir), "/tmp/alto-inventory-XXXXXX");
    TAP_CHECK(mkdtemp(h->dir) != NULL);
    help_open(h);
    if (inventory_volume_make(h->inv, &own, VOLUME, 4096, &fail) < 0) {
        tap_fail(__FILE__, __LINE__, "inventory_volume_make: %s", fail.text);
    }
}

__attribute__((unused)) static void
help_end(struct help *h)
{
    char command[128];

    h->inv = inventory_close(h->inv);
    snprintf(command, sizeof(command), "rm -rf '%s'", h->dir);
    TAP_CHECK(system(command) == 0);
}

/* ---- a scan ---- */

struct scan {
    struct help *h;
    const char *id;
    uint64_t seq, count;
    struct al_buf body;
};

__attribute__((unused)) static void
scan_begin(struct scan *s, struct help *h, const char *id)
{
    *s = (struct scan){.h = h, .id = id};
    al_buf_init(&s->body, ENTRIES_PLAIN_MAX);
    TAP_OK(inventory_scan_begin(h->inv, &own, VOLUME, id));
}

__attribute__((unused)) static void
scan_send(struct scan *s)
{
    struct al_buf packed;
    uint64_t applied = 0;

    al_buf_init(&packed, 2 * (size_t)ENTRIES_PLAIN_MAX);
    TAP_OK(entries_pack(&s->body, s->count, &packed));
    TAP_OK(inventory_entries_apply(s->h->inv, &own, VOLUME, s->id, ++s->seq, al_buf_span(&packed),
                                   &applied));
    TAP_EQUAL_U64(applied, s->seq);
    al_buf_free(&packed);
    al_buf_clear(&s->body);
    s->count = 0;
}

__attribute__((unused)) static void
scan_add(struct scan *s, const struct entry_record *r)
{
    if (s->count == ENTRIES_BATCH_RECORDS || entries_add(&s->body, r) < 0) {
        scan_send(s);
        TAP_OK(entries_add(&s->body, r));
    }
    s->count++;
}

__attribute__((unused)) static void
scan_folder(struct scan *s, uint64_t id, uint64_t parent, const char *name, uint32_t flags)
{
    struct entry_record f = {
        .is_folder_record = true, .folder = id, .parent = parent, .flags = flags, .name = sp(name)};
    struct entry_record e = {.folder = parent,
                             .type = PORT_T_FOLDER,
                             .name = sp(name),
                             .mode = 0755,
                             .nlink = 2,
                             .ino = 100000 + id,
                             .size = 4096,
                             .allocated = 4096,
                             .mtime_ns = NOW_NS,
                             .ctime_ns = NOW_NS,
                             .atime_ns = NOW_NS};

    scan_add(s, &f);
    if (parent != 0) {
        scan_add(s, &e);
    }
}

/* A plain file last read `days` ago. ino is of the name, so that the same name is the same file. */
__attribute__((unused)) static struct entry_record
a_file(uint64_t folder, const char *name, uint64_t size, int days)
{
    struct entry_record e = {.folder = folder,
                             .type = PORT_T_FILE,
                             .name = sp(name),
                             .mode = 0644,
                             .uid = 1000,
                             .gid = 100,
                             .nlink = 1,
                             .size = size,
                             .allocated = (size + 4095) / 4096 * 4096,
                             .mtime_ns = NOW_NS - 400 * DAY_NS,
                             .ctime_ns = NOW_NS - 400 * DAY_NS,
                             .atime_ns = NOW_NS - days * DAY_NS,
                             .btime_ns = NOW_NS - 500 * DAY_NS};

    e.ino = 7;
    for (const char *c = name; *c != '\0'; c++) {
        e.ino = e.ino * 31 + (uint8_t)*c;
    }
    e.ino = (e.ino << 8) + folder;
    return e;
}

__attribute__((unused)) static void
scan_file(struct scan *s, uint64_t folder, const char *name, uint64_t size, int days)
{
    struct entry_record e = a_file(folder, name, size, days);

    scan_add(s, &e);
}

__attribute__((unused)) static struct inventory_scan_result
scan_end(struct scan *s)
{
    struct inventory_scan_result r;

    if (s->count > 0) {
        scan_send(s);
    }
    al_buf_free(&s->body);
    TAP_OK(inventory_scan_end(s->h->inv, &own, VOLUME, s->id, NOW_NS, &r));
    return r;
}

/* ---- what is there ---- */

struct seen {
    char path[512];
    struct inventory_row row; /* spans not valid any more */
};

__attribute__((unused)) static int
keep_row(void *ctx, const struct inventory_row *row)
{
    struct seen *s = ctx;

    snprintf(s->path, sizeof(s->path), "%.*s", (int)row->path.len, (const char *)row->path.at);
    s->row = *row;
    return AL_OK;
}

__attribute__((unused)) static bool
stat_of(struct help *h, const char *path, struct seen *ret)
{
    int rc = inventory_stat(h->inv, &own, VOLUME, sp(path), keep_row, ret);

    if (rc != AL_OK && rc != AL_ENODATA) {
        tap_fail(__FILE__, __LINE__, "inventory_stat of %s gave %d", path, rc);
    }
    return rc == AL_OK;
}

__attribute__((unused)) static int
no_row(void *ctx, const struct inventory_row *row)
{
    return AL_EINTERNAL;
}

__attribute__((unused)) static void
small_tree(struct scan *s)
{
    scan_folder(s, 1, 0, "", 0);
    scan_folder(s, 2, 1, "a", 0);
    scan_folder(s, 3, 2, "b", 0);
    scan_folder(s, 4, 1, "c", 0);
    scan_file(s, 1, "top.txt", 100, 10);
    scan_file(s, 2, "one.mov", 5000, 100);
    scan_file(s, 3, "two.MOV", 6000, 200);
    scan_file(s, 3, "three", 0, 300);
}

__attribute__((unused)) static void
small_scan(struct help *h, const char *id)
{
    struct scan s;

    scan_begin(&s, h, id);
    small_tree(&s);
    (void)scan_end(&s);
}

#endif
