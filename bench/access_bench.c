/* Rows of audit logs into a volume that `inventory_bench fill` made.
 *
 *   access_bench DIR ENTRIES ROUNDS      "name <tab> seconds of each round", a line a question
 *   access_bench peer DIR ENTRIES ROUNDS the same for SQL written by hand over the very tables
 *
 * used_N: a batch of N rows, of files all over the volume. created_200: 200 new files in one known folder. folder_one: a folder of
 * 100,000 files that lie in it, folder_many: one of 1,000 folders of 100 files, each moved and moved back. late: a file's move,
 * and one of a folder of 100 files, told after accesses that came later. top, hours, recent: of all rows told. */
#include <duckdb.h>

#include <string.h>

#include "base/mem.h"
#include "volume.h"
#include "server/inventory/access.h"

#define SECOND_NS INT64_C(1000000000)
#define PATH_BYTES 128u

struct bench {
    struct inventory *inv;
    uint64_t entries, seq;
    int rounds;
    struct inventory_access *rows;
    char (*paths)[PATH_BYTES];
    int64_t time_ns;
    char stream[AL_ID_LEN + 1];
};

static void
path_of(uint64_t folder, uint64_t file, char *out)
{
    char name[64];

    file_name(folder * FILES_A_FOLDER + file, name, sizeof(name));
    snprintf(out, PATH_BYTES, "/project%05" PRIu64 "/folder%06" PRIu64 "/%s",
             folder / FOLDERS_A_PROJECT, folder, name);
}

static struct inventory_access *
put(struct bench *b, size_t i, enum inventory_access_kind kind)
{
    struct inventory_access *a = &b->rows[i];

    b->time_ns += SECOND_NS / 1000;
    *a = (struct inventory_access){.kind = kind,
                                   .path = al_span_of(b->paths[i]),
                                   .time_ns = b->time_ns,
                                   .reads = 1,
                                   .user = al_span_of(i % 3 == 0 ? "ann" : "ben"),
                                   .host = al_span_of("workstation"),
                                   .node = al_span_of("1")};
    return a;
}

static void
made(struct inventory_access *a, enum port_type type)
{
    a->kind = INVENTORY_ACCESS_CREATE;
    a->has_stat = true;
    a->type = type;
    a->size = 1000;
    a->allocated = 4096;
    a->mtime_ns = a->ctime_ns = a->time_ns;
    a->nlink = 1;
}

static double
send(struct bench *b, size_t count)
{
    double began = now_s();

    check(inventory_access_apply(b->inv, &own, VOLUME, b->stream, ++b->seq, b->rows, count,
                                 NOW_NS + INT64_C(86400) * SECOND_NS, NULL),
          "applying");
    return now_s() - began;
}

static double
use(struct bench *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        path_of(draw() % (b->entries / FILES_A_FOLDER), 1 + draw() % (FILES_A_FOLDER - 1),
                b->paths[i]);
        (void)put(b, i, INVENTORY_ACCESS_USED);
    }
    return send(b, count);
}

static double
create(struct bench *b, size_t count, int round)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(b->paths[i], PATH_BYTES, "/project00000/folder000000/new-%d-%zu", round, i);
        made(put(b, i, INVENTORY_ACCESS_CREATE), PORT_T_FILE);
    }
    return send(b, count);
}

/* folders 0: the files lie in it. */
static void
make_folder(struct bench *b, const char *name, size_t files, size_t folders)
{
    for (size_t i = 0; i < files; i++) {
        if (folders == 0) {
            snprintf(b->paths[i], PATH_BYTES, "/%s/file%06zu", name, i);
        } else {
            snprintf(b->paths[i], PATH_BYTES, "/%s/sub%04zu/file%06zu", name, i % folders, i);
        }
        made(put(b, i, INVENTORY_ACCESS_CREATE), PORT_T_FILE);
    }
    (void)send(b, files);
}

static double
move(struct bench *b, const char *from, const char *to)
{
    struct inventory_access *a = put(b, 0, INVENTORY_ACCESS_MOVE);

    snprintf(b->paths[0], PATH_BYTES, "%s", from);
    snprintf(b->paths[1], PATH_BYTES, "%s", to);
    a->path = al_span_of(b->paths[0]);
    a->target = al_span_of(b->paths[1]);
    return send(b, 1);
}

static double
move_there_or_back(struct bench *b, const char *name, int round)
{
    char here[PATH_BYTES], there[PATH_BYTES];

    snprintf(here, sizeof(here), "/%s", name);
    snprintf(there, sizeof(there), "/project00001/folder000101/%s", name);
    return round % 2 == 0 ? move(b, here, there) : move(b, there, here);
}

static double
late(struct bench *b, int round)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    int64_t now = b->time_ns;
    double took;

    path_of(500 + (uint64_t)round, 1, from);
    snprintf(to, sizeof(to), "/project00002/late-%d", round);
    snprintf(b->paths[0], PATH_BYTES, "%s", from);
    (void)put(b, 0, INVENTORY_ACCESS_USED);
    (void)send(b, 1);
    b->time_ns = now - 60 * SECOND_NS;
    took = move(b, from, to);
    b->time_ns = now + SECOND_NS;
    return took;
}

static int
no_sum(void *ctx, const struct inventory_access_sum *s)
{
    return AL_OK;
}

static int
no_hour(void *ctx, int64_t hour_ns, uint64_t reads, uint64_t writes)
{
    return AL_OK;
}

static int
no_event(void *ctx, const struct inventory_access_event *e)
{
    return AL_OK;
}

static double
ask(struct bench *b, int what)
{
    double began = now_s();
    int64_t to = b->time_ns + SECOND_NS, from = to - INT64_C(90) * 86400 * SECOND_NS;

    switch (what) {
    case 0:
        check(inventory_access_top(b->inv, &own, VOLUME, INVENTORY_BY_FILE, al_span_of(""), from,
                                   to, 50, no_sum, NULL),
              "top");
        break;
    case 1:
        check(inventory_access_hours(b->inv, &own, VOLUME, al_span_of(""), from, to, no_hour, NULL),
              "hours");
        break;
    default:
        check(inventory_access_recent(b->inv, &own, VOLUME, al_span_of(""), 0, 0, 100, no_event,
                                      NULL),
              "recent");
    }
    return now_s() - began;
}

static double
one(struct bench *b, int what, int round)
{
    static const size_t sizes[] = {200, 7000, 100000};

    switch (what) {
    case 0:
    case 1:
    case 2:
        return use(b, sizes[what]);
    case 3:
        return create(b, 200, round);
    case 4:
        return move_there_or_back(b, "big-one", round);
    case 5:
        return move_there_or_back(b, "big-many", round);
    case 6:
        return late(b, round);
    default:
        return ask(b, what - 7);
    }
}

static void
run(struct bench *b)
{
    static const char *const names[] = {"used_200",   "used_7000",   "used_100000", "created_200",
                                        "folder_one", "folder_many", "late",        "top",
                                        "hours",      "recent"};

    for (int what = 0; what < (int)AL_LEN(names); what++) {
        printf("%s", names[what]);
        for (int i = 0; i < b->rounds; i++) {
            printf("\t%.4f", one(b, what, i));
            fflush(stdout);
        }
        printf("\n");
    }
}

/* ---- the peer ---- */

static double
statement(duckdb_connection c, const char *sql)
{
    double began = now_s();
    duckdb_result r;

    if (duckdb_query(c, sql, &r) != DuckDBSuccess) {
        fprintf(stderr, "access_bench: %s\n", duckdb_result_error(&r));
        exit(1);
    }
    duckdb_destroy_result(&r);
    return now_s() - began;
}

/* The least that must be done: rows found by path, and an update in place; the folder's path, parent and name. */
static int
peer(const char *dir, uint64_t entries, int rounds)
{
    static const char update[] =
        "UPDATE entry AS e SET accessed_ns = greatest(e.accessed_ns, 1800000000000000000 + %d), "
        "source "
        "= 2 FROM (SELECT f.id, t.name FROM told t JOIN folder f ON f.path = t.in_path) t WHERE "
        "e.folder = t.id AND e.name = t.name";
    duckdb_database db;
    duckdb_connection c;
    char path[4096], sql[1024];

    snprintf(path, sizeof(path), "%s/" VOLUME ".duckdb", dir);
    if (duckdb_open(path, &db) != DuckDBSuccess || duckdb_connect(db, &c) != DuckDBSuccess) {
        return 1;
    }
    (void)statement(c, "SET threads = 2");
    snprintf(
        sql, sizeof(sql),
        "CREATE TEMP TABLE told AS SELECT f.path AS in_path, e.name FROM entry e JOIN folder f ON "
        "f.id = e.folder WHERE e.type = 1 USING SAMPLE 100000 ROWS");
    (void)statement(c, sql);
    printf("used_100000");
    for (int i = 0; i < rounds; i++) {
        snprintf(sql, sizeof(sql), update, i);
        printf("\t%.4f", statement(c, sql));
    }
    printf("\nentries\t%" PRIu64 "\n", entries);
    duckdb_disconnect(&c);
    duckdb_close(&db);
    return 0;
}

int
main(int argc, char **argv)
{
    struct inventory_conf conf = {.port = port_native(), .threads = 2};
    struct inventory_coverage cover = {
        .audited = true, .live = true, .since_ns = NOW_NS - 86400 * SECOND_NS, .told_ns = NOW_NS};
    struct al_fail fail = {0};
    struct bench b = {.time_ns = NOW_NS};

    if (argc == 5 && strcmp(argv[1], "peer") == 0) {
        return peer(argv[2], strtoull(argv[3], NULL, 10), atoi(argv[4]));
    }
    if (argc != 4) {
        fprintf(stderr, "usage: access_bench [peer] DIR ENTRIES ROUNDS\n");
        return 2;
    }
    conf.dir = argv[1];
    b.entries = strtoull(argv[2], NULL, 10);
    b.rounds = atoi(argv[3]);
    b.rows = al_array(INVENTORY_ACCESS_ROWS_MAX, sizeof(*b.rows));
    b.paths = al_array(INVENTORY_ACCESS_ROWS_MAX, PATH_BYTES);
    snprintf(b.stream, sizeof(b.stream), "01ht%022llu",
             (unsigned long long)time(NULL) % 1000000000);
    if (b.rows == NULL || b.paths == NULL) {
        return 1;
    }
    check(inventory_open(&conf, &b.inv, &fail), fail.text);
    check(inventory_coverage_set(b.inv, &own, VOLUME, &cover), "coverage");
    make_folder(&b, "big-one", 100000, 0);
    make_folder(&b, "big-many", 100000, 1000);
    run(&b);
    inventory_close(b.inv);
    al_free(b.rows);
    al_free(b.paths);
    return 0;
}
