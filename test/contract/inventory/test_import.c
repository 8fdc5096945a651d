/* Lists of others into a volume. Figures are held against those of an independent count (count_list.py). */
#include "help.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "server/inventory/figures.h"
#include "server/inventory/import.h"

#define IMPORT(n) "01hm00000000000000000000" #n

struct world {
    struct help h;
    char list[128], refused[128];
    struct import_result r;
    struct al_fail fail;
};

static void
begin(struct world *w)
{
    memset(w, 0, sizeof(*w));
    help_begin(&w->h);
    (void)snprintf(w->list, sizeof(w->list), "%s/list", w->h.dir);
    (void)snprintf(w->refused, sizeof(w->refused), "%s/refused", w->h.dir);
}

static void
end(struct world *w)
{
    help_end(&w->h);
}

static void
write_bytes(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");

    TAP_CHECK(f != NULL && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static int
run_with(struct world *w, const char *id, const struct import_options *o)
{
    w->fail = (struct al_fail){0};
    return inventory_import_run(w->h.inv, &own, VOLUME, id, w->list, o, w->refused, NOW_NS, NULL,
                                NULL, &w->r, &w->fail);
}

static int
run(struct world *w, const char *id)
{
    return run_with(w, id, NULL);
}

#define LIST(w, text) write_bytes((w)->list, text, sizeof(text) - 1)
#define RUN_OK(w, id)                                                                              \
    do {                                                                                           \
        int run_rc_ = run(w, id);                                                                  \
        if (run_rc_ != AL_OK) {                                                                    \
            tap_fail(__FILE__, __LINE__, "the import gave %d: %s", run_rc_, (w)->fail.text);       \
        }                                                                                          \
    } while (0)

static void
read_text(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(out, 1, cap - 1, f) : 0;

    TAP_CHECK(f != NULL && fclose(f) == 0);
    out[n] = '\0';
}

/* ---- everything a volume holds, as one number ---- */

struct sum {
    uint64_t hash, rows;
};

static int
add_row(void *ctx, const struct inventory_row *row)
{
    struct sum *s = ctx;
    uint64_t numbers[] = {row->type,
                          row->state,
                          row->flags,
                          row->attrs,
                          row->size,
                          row->allocated,
                          (uint64_t)row->mtime_ns,
                          (uint64_t)row->accessed_ns,
                          row->source,
                          row->mode,
                          row->uid,
                          row->gid,
                          row->ino};

    s->hash += al_xxh64(row->path.at, row->path.len, al_xxh64(numbers, sizeof(numbers), 1));
    s->rows++;
    return AL_OK;
}

static struct sum
sum_of(struct help *h)
{
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_list_query q = {.recursive = true, .state = -1, .limit = INVENTORY_PAGE_MAX};
    struct inventory_page page = {0};
    struct sum s = {0};

    do {
        TAP_OK(inventory_list(h->inv, &own, VOLUME, &q, add_row, &s, arena, &page, NULL));
        q.cursor = page.next_cursor;
    } while (page.next_cursor != NULL);
    al_arena_free(arena);
    return s;
}

static void
totals_are(struct world *w, uint64_t files, uint64_t folders, uint64_t bytes)
{
    struct inventory_totals t;

    TAP_OK(inventory_totals(w->h.inv, &own, VOLUME, &t));
    TAP_EQUAL_U64(t.files, files);
    TAP_EQUAL_U64(t.folders, folders + 1); /* the root */
    TAP_EQUAL_U64(t.bytes, bytes);
}

/* ---- tests ---- */

static const char plain_list[] = "path,size,modified,accessed,owner,type\n"
                                 "/srv/a,4096,1714571110,1714571110,alice,d\n"
                                 "/srv/a/one.MOV,5000,1714571110,1714571120,alice,f\n"
                                 "/srv/a/b/two.txt,70,1714571110,,bob,f\n"
                                 "/srv/c,9,1714571110,1714571110,1000,f\n";

static void
a_volume_never_scanned_is_there_after_an_import(void)
{
    struct world w;
    struct seen s;

    begin(&w);
    LIST(&w, plain_list);
    RUN_OK(&w, IMPORT(01));
    TAP_EQUAL_U64(w.r.rows, 4);
    TAP_EQUAL_U64(w.r.refused, 0);
    TAP_EQUAL_U64(w.r.files, 3);
    TAP_EQUAL_U64(w.r.folders, 1);
    TAP_EQUAL_U64(w.r.bytes, 5079);
    TAP_EQUAL_U64(w.r.added, 4);
    TAP_EQUAL_U64(w.r.folders_made, 1);
    totals_are(&w, 3, 2, 5079);
    TAP_CHECK(stat_of(&w.h, "/a/one.MOV", &s));
    TAP_EQUAL_U64(s.row.flags, INVENTORY_IMPORTED);
    TAP_EQUAL_U64(s.row.source, INVENTORY_BY_IMPORT);
    TAP_EQUAL_U64(s.row.allocated, 8192);
    TAP_CHECK(s.row.accessed_ns == INT64_C(1714571120) * SECOND_NS &&
              s.row.mtime_ns == INT64_C(1714571110) * SECOND_NS);
    TAP_CHECK(s.row.uid >= 3221225472u);
    TAP_CHECK(stat_of(&w.h, "/a/b/two.txt", &s));
    TAP_CHECK(s.row.accessed_ns == RULE_TIME_UNKNOWN && s.row.source == INVENTORY_BY_WALK);
    TAP_CHECK(stat_of(&w.h, "/a/b", &s) && s.row.type == PORT_T_FOLDER && s.row.has_counts &&
              s.row.files == 1 && s.row.bytes == 70);
    TAP_CHECK(stat_of(&w.h, "/c", &s) && s.row.uid == 1000);
    TAP_CHECK(stat_of(&w.h, "/", &s) && s.row.files == 3 && s.row.bytes == 5079);
    end(&w);
}

static void
the_same_import_is_made_once(void)
{
    struct world w;
    struct import_result first;
    uint64_t before, after;

    begin(&w);
    LIST(&w, plain_list);
    RUN_OK(&w, IMPORT(01));
    first = w.r;
    TAP_OK(inventory_volume_version(w.h.inv, &own, VOLUME, &before));
    LIST(&w, "path\n/x\n");
    RUN_OK(&w, IMPORT(01));
    TAP_OK(inventory_volume_version(w.h.inv, &own, VOLUME, &after));
    TAP_CHECK(memcmp(&first, &w.r, sizeof(first)) == 0 && before == after);
    totals_are(&w, 3, 2, 5079);
    TAP_CODE(inventory_import_run(w.h.inv, &(struct inventory_scope){OTHER_CUSTOMER}, VOLUME,
                                  IMPORT(02), w.list, NULL, w.refused, NOW_NS, NULL, NULL, &w.r,
                                  NULL),
             AL_ENOENT);
    end(&w);
}

static void
rows_that_make_no_sense_are_refused_one_by_one(void)
{
    struct world w;
    struct import_options all = {.refused_percent_max = 100, .root = sp("/srv")};
    char text[4096];

    begin(&w);
    LIST(&w, "path,size,modified\r\n/srv/ok,1,2024-05-01\r\n/srv/a/../b,1,2024-05-01\r\n\r\n/srv/"
             "size,x\"y,2024-05-01\r\n"
             "/srv/\"date\",1,2024-02-30\r\n\"/srv/new\nline\",2,2024-05-01\r\n/other/"
             "x,1,2024-05-01\r\n/srv/short,1\r\n/srv/last,3,2024-05-01");
    TAP_OK(run_with(&w, IMPORT(01), &all));
    TAP_EQUAL_U64(w.r.rows, 8);
    TAP_EQUAL_U64(w.r.refused, 5);
    TAP_EQUAL_U64(w.r.files, 3);
    read_text(w.refused, text, sizeof(text));
    TAP_EQUAL_STR(text, "line,reason,column,text\r\n"
                        "3,\"the path has a part \"\"..\"\"\",path,\"/srv/a/../b\"\r\n"
                        "5,\"the size is none\",size,\"x\"\"y\"\r\n"
                        "6,\"the date is none that a calendar has\",modified,\"2024-02-30\"\r\n"
                        "9,\"the path lies outside of the root\",path,\"/other/x\"\r\n"
                        "10,\"the row has fewer columns than the others\",,\"\"\r\n");
    totals_are(&w, 3, 0, 6);
    /* More than half of them: nothing changes. */
    TAP_CODE(
        run_with(&w, IMPORT(02), &(struct import_options){.root = sp("/srv"), .mode = IMPORT_ADD}),
        AL_ELIMIT);
    TAP_CHECK(strstr(w.fail.text, "5 of 8 rows are refused") != NULL);
    totals_are(&w, 3, 0, 6);
    end(&w);
}

/* Lists of ours are opened in spreadsheets. */
static void
an_owner_that_looks_like_a_formula_goes_round(void)
{
    struct world w;
    struct inventory_export_query q = {.format = INVENTORY_EXPORT_CSV};
    struct import_options names = {.mode = IMPORT_REPLACE};
    struct seen s;
    char text[4096];
    uint64_t rows = 0;

    begin(&w);
    LIST(&w, "path,size,owner\n/a/x,1,\"=HYPERLINK(\"\"http://x\"\")\"\n/a/y,2,'quoted\n/a/z,@me,-2+3\n");
    RUN_OK(&w, IMPORT(01));
    read_text(w.refused, text, sizeof(text));
    TAP_CHECK(strstr(text, ",\"'@me\"") != NULL);
    TAP_OK(inventory_export(w.h.inv, &own, VOLUME, &q, w.list, &rows));
    read_text(w.list, text, sizeof(text));
    TAP_CHECK(strstr(text, ",\"'=HYPERLINK(\"\"http://x\"\")\",") != NULL);
    TAP_CHECK(strstr(text, ",\"'quoted\",") != NULL);
    TAP_CHECK(strstr(text, ",\"=") == NULL);
    TAP_OK(run_with(&w, IMPORT(02), &names));
    TAP_CHECK(stat_of(&w.h, "/x", &s) && s.row.size == 1);
    TAP_OK(inventory_export(w.h.inv, &own, VOLUME, &q, w.list, &rows));
    read_text(w.list, text, sizeof(text));
    TAP_CHECK(strstr(text, ",\"'=HYPERLINK(\"\"http://x\"\")\",") != NULL);
    TAP_CHECK(strstr(text, ",\"'quoted\",") != NULL);
    end(&w);
}

static void
a_path_that_comes_twice_counts_once(void)
{
    struct world w;
    struct seen s;
    char text[4096];

    begin(&w);
    LIST(&w, "path,size,type\n/a/x,1,f\n/a/y,5,f\n/a/x,2,f\n/a/y/z,7,f\n/a/w,3,f\n");
    RUN_OK(&w, IMPORT(01));
    TAP_EQUAL_U64(w.r.refused, 2);
    TAP_EQUAL_U64(w.r.files, 3);
    TAP_EQUAL_U64(w.r.bytes, 12);
    TAP_EQUAL_U64(w.r.added, 3);
    read_text(w.refused, text, sizeof(text));
    TAP_CHECK(strstr(text, "2,\"the same path comes again further down\"") != NULL);
    TAP_CHECK(strstr(text, "3,\"other rows lie in it, so it is a folder\"") != NULL);
    TAP_CHECK(stat_of(&w.h, "/x", &s) && s.row.size == 2);
    TAP_CHECK(stat_of(&w.h, "/y", &s) && s.row.type == PORT_T_FOLDER);
    totals_are(&w, 3, 1, 12);
    end(&w);
}

/* ---- what was known ---- */

static void
what_a_walk_saw_stays_and_gains_evidence(void)
{
    struct world w;
    struct seen s;
    struct import_options o = {.root = sp("/")};

    begin(&w);
    small_scan(&w.h, SCAN(01));
    LIST(&w, "path,size,accessed,type\n/a/one.mov,1,1714571110,f\n/a/b/two.MOV,1,,f\n/a/"
             "new,3,1714571110,f\n/n/m/o,4,,f\n/top.txt,1,1714571110,d\n");
    TAP_OK(run_with(&w, IMPORT(01), &o));
    TAP_EQUAL_U64(w.r.added, 2);
    TAP_EQUAL_U64(w.r.folders_made, 2);
    TAP_EQUAL_U64(w.r.evidence, 1);
    TAP_EQUAL_U64(w.r.replaced, 0);
    TAP_EQUAL_U64(w.r.removed, 0);
    TAP_CHECK(stat_of(&w.h, "/a/one.mov", &s));
    TAP_CHECK(s.row.size == 5000 && s.row.flags == 0 && s.row.source == INVENTORY_BY_IMPORT &&
              s.row.accessed_ns == INT64_C(1714571110) * SECOND_NS);
    TAP_CHECK(stat_of(&w.h, "/a/b/two.MOV", &s) && s.row.source == INVENTORY_BY_WALK &&
              s.row.size == 6000);
    TAP_CHECK(stat_of(&w.h, "/top.txt", &s) && s.row.type == PORT_T_FILE &&
              s.row.source == INVENTORY_BY_WALK);
    TAP_CHECK(stat_of(&w.h, "/c", &s) && stat_of(&w.h, "/n/m/o", &s) &&
              stat_of(&w.h, "/a/b/three", &s));
    TAP_CHECK(stat_of(&w.h, "/", &s) && s.row.files == 6);
    /* Another list: what is from lists alone follows it, the rest does not. */
    LIST(&w, "path,size,accessed,type\n/a/new,33,1714571111,f\n/a/one.mov,1,1714571110,f\n");
    TAP_OK(run_with(&w, IMPORT(02), &o));
    TAP_EQUAL_U64(w.r.added, 0);
    TAP_EQUAL_U64(w.r.replaced, 1);
    TAP_EQUAL_U64(w.r.evidence, 0);
    TAP_EQUAL_U64(w.r.removed, 3);
    TAP_CHECK(!stat_of(&w.h, "/n/m/o", &s) && !stat_of(&w.h, "/n", &s));
    TAP_CHECK(stat_of(&w.h, "/a/new", &s) && s.row.size == 33 &&
              s.row.accessed_ns == INT64_C(1714571111) * SECOND_NS);
    TAP_CHECK(stat_of(&w.h, "/", &s) && s.row.files == 5);
    end(&w);
}

static void
a_list_can_be_added(void)
{
    struct world w;
    struct seen s;

    begin(&w);
    LIST(&w, "path,size,accessed,type\n/a/x,1,1714571110,f\n/b/y,2,,f\n");
    RUN_OK(&w, IMPORT(01));
    LIST(&w, "path,size,accessed,type\n/a/x,5,,f\n/c/z,3,,f\n");
    TAP_OK(run_with(&w, IMPORT(02), &(struct import_options){.mode = IMPORT_ADD}));
    TAP_EQUAL_U64(w.r.added, 1);
    TAP_EQUAL_U64(w.r.replaced, 1);
    TAP_EQUAL_U64(w.r.removed, 0);
    TAP_EQUAL_U64(w.r.folders_made, 1);
    totals_are(&w, 3, 3, 10);
    /* Who does not know the time does not take away what was known. */
    TAP_CHECK(stat_of(&w.h, "/a/x", &s) && s.row.accessed_ns == INT64_C(1714571110) * SECOND_NS &&
              s.row.source == INVENTORY_BY_IMPORT);
    end(&w);
}

static void
what_an_access_log_said_is_stronger(void)
{
    struct world w;
    struct seen s;
    struct inventory_outcome o = {.path = sp("/x"),
                                  .set = INVENTORY_SET_ACCESSED,
                                  .accessed_ns = NOW_NS,
                                  .source = INVENTORY_BY_AUDIT};

    begin(&w);
    LIST(&w, "path,size,accessed,type\n/a/x,1,1714571110,f\n/a/y,1,1714571110,f\n");
    RUN_OK(&w, IMPORT(01));
    TAP_OK(inventory_outcomes_apply(w.h.inv, &own, VOLUME, STREAM, 1, &o, 1, NULL));
    RUN_OK(&w, IMPORT(02));
    TAP_CHECK(stat_of(&w.h, "/x", &s) && s.row.accessed_ns == NOW_NS &&
              s.row.source == INVENTORY_BY_AUDIT);
    TAP_CHECK(stat_of(&w.h, "/y", &s) && s.row.accessed_ns == INT64_C(1714571110) * SECOND_NS);
    end(&w);
}

/* The list told of another content: that one's access says nothing of this one's. */
static void
what_was_written_since_the_list_is_not_as_cold_as_the_list_says(void)
{
    struct world w;
    struct seen s;
    struct scan scan;

    begin(&w);
    /* The scan: one.mov and two.MOV as old as 100 and 200 days, both with that access time. */
    LIST(&w, "path,size,modified,accessed,type\n/a/one.mov,5000,1614571110,1614571110,f\n"
             "/a/b/two.MOV,6000,1900000000,1614571110,f\n/a/b/three,0,,1614571110,f\n");
    TAP_OK(run_with(&w, IMPORT(01), &(struct import_options){.root = sp("/")}));
    scan_begin(&scan, &w.h, SCAN(01));
    scan_folder(&scan, 1, 0, "", 0);
    scan_folder(&scan, 2, 1, "a", 0);
    scan_folder(&scan, 3, 2, "b", 0);
    scan_file(&scan, 2, "one.mov", 5000, 100);
    scan_file(&scan, 3, "two.MOV", 6000, 200);
    scan_file(&scan, 3, "three", 0, 300);
    (void)scan_end(&scan);
    TAP_CHECK(stat_of(&w.h, "/a/one.mov", &s) && s.row.source == INVENTORY_BY_WALK &&
              s.row.accessed_ns == NOW_NS - 100 * DAY_NS);
    /* Written before what the list knows of it; or nothing to say otherwise. */
    TAP_CHECK(stat_of(&w.h, "/a/b/two.MOV", &s) && s.row.source == INVENTORY_BY_IMPORT &&
              s.row.accessed_ns == INT64_C(1614571110) * SECOND_NS);
    TAP_CHECK(stat_of(&w.h, "/a/b/three", &s) && s.row.source == INVENTORY_BY_IMPORT);
    end(&w);
}

static void
a_later_scan_replaces_what_was_imported(void)
{
    struct world w;
    struct seen s;
    struct inventory_scan_result r;
    struct scan scan;

    begin(&w);
    LIST(&w, "path,size,accessed,inode,type\n/a/one.mov,1,1714571110,999,f\n/a/"
             "gone,2,1714571110,5,f\n/old/x,3,,6,f\n/a/b/three,7,,8,f\n/c,1,,3,f\n");
    TAP_OK(run_with(&w, IMPORT(01), &(struct import_options){.root = sp("/")}));
    small_scan(&w.h, SCAN(01));
    TAP_CHECK(stat_of(&w.h, "/a/one.mov", &s));
    TAP_CHECK(s.row.flags == 0 && s.row.size == 5000 && s.row.source == INVENTORY_BY_IMPORT &&
              s.row.accessed_ns == INT64_C(1714571110) * SECOND_NS);
    TAP_CHECK(stat_of(&w.h, "/a/b/three", &s) && s.row.flags == 0 &&
              s.row.source == INVENTORY_BY_WALK);
    TAP_CHECK(!stat_of(&w.h, "/a/gone", &s) && !stat_of(&w.h, "/old/x", &s) &&
              !stat_of(&w.h, "/old", &s));
    TAP_CHECK(stat_of(&w.h, "/c", &s) && s.row.type == PORT_T_FOLDER &&
              s.row.source == INVENTORY_BY_WALK);
    /* Below a folder that cannot be read, what was imported stays, and is still an import's. */
    LIST(&w, "path,size,accessed,type\n/a/b/more,2,1714571110,f\n");
    TAP_OK(run_with(&w, IMPORT(02), &(struct import_options){.root = sp("/")}));
    scan_begin(&scan, &w.h, SCAN(02));
    scan_folder(&scan, 1, 0, "", 0);
    scan_folder(&scan, 2, 1, "a", 0);
    scan_folder(&scan, 3, 2, "b", ENTRY_UNREADABLE);
    r = scan_end(&scan);
    TAP_EQUAL_U64(r.kept, 3);
    TAP_CHECK(stat_of(&w.h, "/a/b/more", &s) && s.row.flags == INVENTORY_IMPORTED);
    end(&w);
}

/* ---- files that are broken as a whole ---- */

static void
changes_nothing(struct world *w, const char *id, int code, const char *says)
{
    struct sum before = sum_of(&w->h), after;
    int rc = run(w, id);
    char leftover[160];

    after = sum_of(&w->h);
    if (rc != code || strstr(w->fail.text, says) == NULL) {
        tap_fail(__FILE__, __LINE__, "the import gave %d: %s", rc, w->fail.text);
    }
    TAP_EQUAL_U64(after.hash, before.hash);
    TAP_EQUAL_U64(after.rows, before.rows);
    (void)snprintf(leftover, sizeof(leftover), "%s.unpacked", w->list);
    TAP_CHECK(access(leftover, F_OK) != 0);
}

static void
shell(const char *format, const char *list)
{
    char command[512];

    (void)snprintf(command, sizeof(command), format, list, list, list, list);
    TAP_CHECK(system(command) == 0);
}

#define MANY                                                                                       \
    "mawk 'BEGIN { print \"path,size,type\"; for (i = 0; i < 200000; i++) printf "                 \
    "\"/d%%d/f%%d,%%d,f\\n\", i / 50, i, i }' >%s"

static void
a_broken_file_changes_nothing(void)
{
    struct world w;

    begin(&w);
    small_scan(&w.h, SCAN(01));
    LIST(&w, plain_list);
    RUN_OK(&w, IMPORT(01));
    shell(MANY " && gzip -f %s && head -c 300000 %s.gz >%s.cut", w.list);
    shell("mv %s.cut %s", w.list);
    changes_nothing(&w, IMPORT(02), AL_ECORRUPT, "cut");
    shell("mv %s.gz %s && printf 'xxxxxxxxxxxxxxxx' | dd of=%s bs=1 seek=200000 conv=notrunc "
          "2>/dev/null",
          w.list);
    changes_nothing(&w, IMPORT(03), AL_ECORRUPT, "damaged");
    LIST(&w, "PAR1 and nothing more PAR1");
    changes_nothing(&w, IMPORT(04), AL_ECORRUPT, "Parquet");
    LIST(&w, "first,second\n1,2\n3,4\n");
    changes_nothing(&w, IMPORT(05), AL_EINVAL, "no column looks like a path");
    LIST(&w, "");
    changes_nothing(&w, IMPORT(06), AL_ECORRUPT, "empty");
    LIST(&w, "path,size\n");
    changes_nothing(&w, IMPORT(07), AL_EINVAL, "no rows");
    LIST(&w, "D:\\a,1\nE:\\b,2\n");
    changes_nothing(&w, IMPORT(08), AL_EINVAL, "several drives");
    end(&w);
}

static void
a_line_of_ten_gigabytes_is_refused(void)
{
    struct world w;
    int fd;

    begin(&w);
    LIST(&w, plain_list);
    RUN_OK(&w, IMPORT(01));
    fd = open(w.list, O_WRONLY);
    TAP_CHECK(fd >= 0 && lseek(fd, 0, SEEK_END) > 0 && write(fd, "/srv/", 5) == 5 &&
              ftruncate(fd, INT64_C(10) << 30) == 0 && close(fd) == 0);
    changes_nothing(&w, IMPORT(02), AL_ELIMIT, "line 6: the record is longer than 1048576 bytes");
    /* A quote that is never closed, in the middle of a longer list. */
    shell(MANY " && cp %s %s.all", w.list);
    shell("{ printf '\"/d1/open,1,f\\n'; mawk 'NR > 1' %s.all; } >>%s", w.list);
    changes_nothing(&w, IMPORT(03), AL_ELIMIT, "line 200002: the record is longer");
    end(&w);
}

/* ---- the same figures as an independent count ---- */

static void
figures_are(struct world *w, const char *kind)
{
    char command[512], line[256] = "";
    unsigned long long files, folders, bytes, refused;
    struct inventory_totals t;
    FILE *f;

    (void)snprintf(command, sizeof(command), "python3 '%s/count_list.py' '%s' '%s'", SOURCE_DIR,
                   kind, w->list);
    f = popen(command, "r");
    TAP_CHECK(f != NULL && fgets(line, sizeof(line), f) != NULL && pclose(f) == 0);
    TAP_CHECK(sscanf(line, "%llu %llu %llu %llu", &files, &folders, &bytes, &refused) == 4);
    TAP_OK(inventory_totals(w->h.inv, &own, VOLUME, &t));
    printf("# %s: %llu files, %llu folders, %llu bytes, %llu refused\n", kind, files, folders,
           bytes, refused);
    TAP_EQUAL_U64(t.files, files);
    TAP_EQUAL_U64(t.folders, folders + 1); /* the root */
    TAP_EQUAL_U64(t.bytes, bytes);
    TAP_EQUAL_U64(w->r.refused, refused);
    TAP_CHECK(files > 1000);
}

static void
figures_equal_an_independent_count(void)
{
    static const char *const kinds[] = {"find-tabs",        "find-nul", "find-blanks", "powershell",
                                        "powershell-utf16", "treesize", "windirstat",  "alto",
                                        "quoted",           "gzip",     "zstd"};
    struct world w;
    char command[512];
    char id[] = IMPORT(00);

    begin(&w);
    for (size_t i = 0; i < AL_LEN(kinds); i++) {
        (void)snprintf(command, sizeof(command), "python3 '%s/make_list.py' '%s' '%s'", SOURCE_DIR,
                       kinds[i], w.list);
        TAP_CHECK(system(command) == 0);
        id[24] = (char)('0' + i / 10);
        id[25] = (char)('0' + i % 10);
        if (run_with(&w, id, &(struct import_options){.refused_percent_max = 90}) != AL_OK) {
            tap_fail(__FILE__, __LINE__, "%s: %s", kinds[i], w.fail.text);
        }
        figures_are(&w, kinds[i]);
    }
    end(&w);
}

/* ---- Parquet ---- */

static void
parquet(const char *select, const char *list)
{
    char command[2048];

    (void)snprintf(command, sizeof(command),
                   "'%s' '' \"COPY (%s) TO '%s' (FORMAT parquet)\" >/dev/null", DUCK, select, list);
    TAP_CHECK(system(command) == 0);
}

static void
parquet_of_any_sensible_types(void)
{
    struct world w;
    struct seen s;
    char text[4096];

    begin(&w);
    parquet("SELECT '/srv/f' || i AS path, i::UBIGINT AS size, TIMESTAMP '2024-05-01 13:45:10' AS "
            "mtime, 1714571110::BIGINT AS atime, DATE "
            "'2024-05-01' AS created, 'u' || (i % 3) AS owner, i::HUGEINT AS inode FROM "
            "range(50000) t(i)",
            w.list);
    RUN_OK(&w, IMPORT(01));
    TAP_EQUAL_U64(w.r.files, 50000);
    TAP_EQUAL_U64(w.r.bytes, UINT64_C(1249975000));
    TAP_CHECK(stat_of(&w.h, "/f7", &s) && s.row.size == 7 && s.row.ino == 7 &&
              s.row.mtime_ns == INT64_C(1714571110) * SECOND_NS);
    TAP_CHECK(s.row.accessed_ns == INT64_C(1714571110) * SECOND_NS &&
              s.row.btime_ns == INT64_C(1714521600) * SECOND_NS);
    parquet("SELECT encode('/srv/' || i) || '\\\\xFF'::BLOB AS FullName, (i * 1.5)::DOUBLE AS "
            "Length, CASE WHEN i = 3 THEN '9999-01-01'::TIMESTAMP ELSE "
            "'2024-05-01 13:45:10.5'::TIMESTAMP_NS::TIMESTAMP END AS LastWriteTime, CASE WHEN i = "
            "4 THEN NULL ELSE 'x' END AS n FROM range(10) t(i)",
            w.list);
    RUN_OK(&w, IMPORT(02));
    TAP_EQUAL_U64(w.r.refused, 1);
    read_text(w.refused, text, sizeof(text));
    TAP_CHECK(strstr(text, "4,\"the date is outside of the years 1678 to 2261\",modified") != NULL);
    TAP_CHECK(stat_of(&w.h, "/2\xff", &s) && s.row.size == 3 &&
              s.row.mtime_ns == INT64_C(1714571110) * SECOND_NS + SECOND_NS / 2);
    totals_are(&w, 9, 0, 61);
    /* Its middle damaged. */
    parquet("SELECT '/srv/' || i || hash(i) AS path, i AS size FROM range(200000) t(i)", w.list);
    shell("head -c 2000 /dev/urandom | dd of=%s bs=1 seek=100000 conv=notrunc 2>/dev/null", w.list);
    changes_nothing(&w, IMPORT(03), AL_ECORRUPT, "Parquet");
    parquet("SELECT '/srv/' || i || hash(i) AS path, i AS size FROM range(200000) t(i)", w.list);
    shell("truncate -s 1000000 %s", w.list);
    changes_nothing(&w, IMPORT(04), AL_ECORRUPT, "Parquet");
    end(&w);
}

/* ---- ending it ---- */

struct stopping {
    unsigned calls, at;
    uint64_t bytes;
};

static int
stop(void *ctx, const struct import_progress *p)
{
    struct stopping *s = ctx;

    TAP_CHECK(p->bytes_done >= s->bytes && p->bytes_done <= p->bytes_total && p->phase != NULL);
    s->bytes = p->bytes_done;
    return s->calls++ == s->at ? AL_ECANCELED : AL_OK;
}

static void
an_import_can_be_cancelled_anywhere(void)
{
    struct world w;
    struct sum before, after;
    bool done = false;

    begin(&w);
    LIST(&w, plain_list);
    RUN_OK(&w, IMPORT(01));
    before = sum_of(&w.h);
    shell(MANY, w.list);
    for (unsigned at = 0; !done && at < 200; at++) {
        struct stopping s = {.at = at};
        int rc = inventory_import_run(w.h.inv, &own, VOLUME, IMPORT(02), w.list, NULL, w.refused,
                                      NOW_NS, stop, &s, &w.r, &w.fail);

        done = rc == AL_OK;
        if (!done) {
            TAP_CODE(rc, AL_ECANCELED);
            after = sum_of(&w.h);
            TAP_CHECK(after.hash == before.hash && after.rows == before.rows);
        }
    }
    TAP_CHECK(done);
    totals_are(&w, 200000, 4000, UINT64_C(19999900000));
    end(&w);
}

/* Pieces begin inside of quotes: what is guessed wrong is seen. Each name holds lines that look like rows. */
static void
line_ends_inside_of_quotes_are_no_ends(void)
{
    struct world w;
    FILE *f;

    begin(&w);
    f = fopen(w.list, "w");
    TAP_CHECK(f != NULL);
    fprintf(f, "path,size,type\n");
    for (int i = 0; i < 30000; i++) {
        fprintf(f, "\"/d/%d", i);
        for (int k = 0; k < 40; k++) {
            fprintf(f, "\nx %d,7,f", k);
        }
        fprintf(f, "\",%d,f\n", i % 10);
    }
    TAP_CHECK(fclose(f) == 0);
    TAP_OK(run_with(&w, IMPORT(01), &(struct import_options){.root = sp("/d")}));
    TAP_EQUAL_U64(w.r.rows, 30000);
    TAP_EQUAL_U64(w.r.refused, 0);
    totals_are(&w, 30000, 0, 135000);
    end(&w);
}

static void
lines_of_old_macs_and_marks_between_files(void)
{
    struct world w;
    struct seen seen;

    begin(&w);
    LIST(&w, "path,size,type\r/srv/a/one,5,f\r/srv/a/two,6,f\r\"/srv/a/th\"\"ree\",7,f\r");
    RUN_OK(&w, IMPORT(01));
    TAP_EQUAL_U64(w.r.rows, 3);
    TAP_EQUAL_U64(w.r.refused, 0);
    totals_are(&w, 3, 0, 18);
    LIST(&w, "\xef\xbb\xbfpath,size,type\n/srv/a/one,5,f\n\xef\xbb\xbf/srv/a/two,60,f\n"
             "\xef\xbb\xbf\"/srv/a/fo\nur\",7,f\n/srv/b/five,1,f\n");
    RUN_OK(&w, IMPORT(02));
    TAP_EQUAL_U64(w.r.refused, 0);
    totals_are(&w, 4, 2, 73);
    TAP_CHECK(stat_of(&w.h, "/a/two", &seen) && stat_of(&w.h, "/a/fo\nur", &seen));
    end(&w);
}

static void
who_is_not_told_owns_nothing(void)
{
    struct world w;
    struct seen seen;
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_figures f = {0};
    struct inventory_figures_query q = {.want = INVENTORY_FIG_OWNER, .now_ns = NOW_NS};

    begin(&w);
    LIST(&w, "path,size,owner,type\n/srv/a/one,5,,f\n/srv/a/two,6,root,f\n/srv/b/three,7,0,f\n");
    RUN_OK(&w, IMPORT(01));
    TAP_CHECK(stat_of(&w.h, "/a/one", &seen));
    TAP_EQUAL_U64(seen.row.uid, UINT32_MAX);
    TAP_CHECK(stat_of(&w.h, "/b/three", &seen));
    TAP_EQUAL_U64(seen.row.uid, 0);
    TAP_OK(inventory_figures(w.h.inv, &own, VOLUME, &q, arena, &f));
    TAP_EQUAL_U64(f.owner_count, 3);
    TAP_CHECK(f.owner_count == 3 && f.owners[2].name.len == 0 && f.owners[2].bytes == 5);
    al_arena_free(arena);
    end(&w);
}

static int
keep_progress(void *ctx, const struct import_progress *p)
{
    *(struct import_progress *)ctx = *p;
    return AL_OK;
}

static void
what_was_refused_is_told_of_a_list_that_is_refused(void)
{
    struct world w;
    struct import_progress last = {0};

    begin(&w);
    LIST(&w, "path,size,type\n/srv/a/one,5,f\n/srv/a/two,x,f\n/srv/a/three,y,f\n/srv/b,z,f\n");
    TAP_CODE(inventory_import_run(w.h.inv, &own, VOLUME, IMPORT(01), w.list, NULL, w.refused,
                                  NOW_NS, keep_progress, &last, &w.r, &w.fail),
             AL_ELIMIT);
    TAP_EQUAL_U64(last.rows, 4);
    TAP_EQUAL_U64(last.refused, 3);
    end(&w);
}

int
main(void)
{
    TAP_RUN(a_volume_never_scanned_is_there_after_an_import);
    TAP_RUN(the_same_import_is_made_once);
    TAP_RUN(rows_that_make_no_sense_are_refused_one_by_one);
    TAP_RUN(an_owner_that_looks_like_a_formula_goes_round);
    TAP_RUN(a_path_that_comes_twice_counts_once);
    TAP_RUN(what_a_walk_saw_stays_and_gains_evidence);
    TAP_RUN(a_list_can_be_added);
    TAP_RUN(what_an_access_log_said_is_stronger);
    TAP_RUN(what_was_written_since_the_list_is_not_as_cold_as_the_list_says);
    TAP_RUN(a_later_scan_replaces_what_was_imported);
    TAP_RUN(a_broken_file_changes_nothing);
    TAP_RUN(a_line_of_ten_gigabytes_is_refused);
    TAP_RUN(parquet_of_any_sensible_types);
    TAP_RUN(an_import_can_be_cancelled_anywhere);
    TAP_RUN(line_ends_inside_of_quotes_are_no_ends);
    TAP_RUN(lines_of_old_macs_and_marks_between_files);
    TAP_RUN(who_is_not_told_owns_nothing);
    TAP_RUN(what_was_refused_is_told_of_a_list_that_is_refused);
    TAP_RUN(figures_equal_an_independent_count);
    return tap_end();
}
