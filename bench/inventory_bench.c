/* The inventory alone: fills a volume through scans, asks it, and asks the same of DuckDB with SQL written by hand over
 * the very tables.
 *
 *   inventory_bench fill DIR ENTRIES [SCANS]   seconds of packing and keeping, of merging, bytes of the file; a line each scan
 *   inventory_bench ask DIR ROUNDS [NAME]   "name <tab> seconds of each round", a line a question, and "name_cpu <tab>
 *                                           seconds of processor a round"
 *   inventory_bench peer DIR ROUNDS      the same for the peer's SQL
 *
 * Entries: folders of a hundred files in two levels, names of some 15 bytes, sizes spread over nine powers of ten, times
 * with nanoseconds; ctime is mtime in three of four; a quarter are stubs with object ids. */
#include <duckdb.h>

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "volume.h"
#include "server/inventory/figures.h"

#define SCAN "01hs0000000000000000000001" /* the first; also the object of stubs */
#define CHANGES 100000u

static const char rule_text[] =
    "size >= 10MB and accessed older than 90d and ext in (mov, mxf, wav) and modified older than "
    "180d and not path matches \"/project00000/**\"";

/* Of all threads: what the work takes, whoever else is at it. */
static double
cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
open_inventory(const char *dir, struct inventory **ret)
{
    struct inventory_conf conf = {.port = port_native(), .dir = dir, .threads = 2};
    struct al_fail fail = {0};

    check(inventory_open(&conf, ret, &fail), fail.text);
    check(inventory_volume_make(*ret, &own, VOLUME, 4096, &fail), "making the volume");
}

static uint64_t
file_bytes(const char *dir)
{
    char path[4096];
    struct stat st = {0};

    snprintf(path, sizeof(path), "%s/" VOLUME ".duckdb", dir);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- filling ---- */

struct filling {
    struct inventory *inv;
    const char *scan;
    struct al_buf body;
    uint64_t count, seq;
};

static void
send(struct filling *f)
{
    struct al_buf packed;

    al_buf_init(&packed, 2 * (size_t)ENTRIES_PLAIN_MAX);
    check(entries_pack(&f->body, f->count, &packed), "packing");
    check(inventory_entries_apply(f->inv, &own, VOLUME, f->scan, ++f->seq, al_buf_span(&packed),
                                  NULL),
          "keeping");
    al_buf_free(&packed);
    al_buf_clear(&f->body);
    f->count = 0;
}

static void
add(struct filling *f, const struct entry_record *r)
{
    if (f->count == ENTRIES_BATCH_RECORDS || entries_add(&f->body, r) < 0) {
        send(f);
        check(entries_add(&f->body, r), "adding");
    }
    f->count++;
}

static void
add_folder(struct filling *f, uint64_t id, uint64_t parent, const char *name)
{
    struct entry_record folder = {
        .is_folder_record = true, .folder = id, .parent = parent, .name = al_span_of(name)};
    struct entry_record e = {.folder = parent,
                             .type = PORT_T_FOLDER,
                             .name = al_span_of(name),
                             .mode = 0755,
                             .nlink = 2,
                             .ino = 1000000000 + id,
                             .size = 4096,
                             .allocated = 4096,
                             .mtime_ns = NOW_NS - (int64_t)(draw() % 100000000000000000),
                             .atime_ns = NOW_NS};

    add(f, &folder);
    if (parent != 0) {
        add(f, &e);
    }
}

static void
add_file(struct filling *f, uint64_t folder, uint64_t i)
{
    struct entry_record e = {.folder = folder,
                             .type = PORT_T_FILE,
                             .mode = 0644,
                             .uid = 1000 + (uint32_t)(draw() % 50),
                             .gid = 100,
                             .nlink = 1,
                             .ino = i * 3 + draw() % 3};
    char name[64];
    uint64_t how = draw();

    file_name(i, name, sizeof(name));
    e.name = al_span_of(name);
    e.size = (uint64_t)exp((double)(draw() % 1000000) / 1000000 * 18 + 2);
    e.mtime_ns = NOW_NS - (int64_t)(draw() % 400000000000000000);
    e.ctime_ns = e.mtime_ns + (how % 4 == 0 ? (int64_t)(draw() % 10000000000000000) : 0);
    e.btime_ns = e.mtime_ns - (how % 3 == 0 ? 0 : (int64_t)(draw() % 1000000000));
    e.atime_ns = e.mtime_ns + (int64_t)(draw() % (uint64_t)(NOW_NS - e.mtime_ns + 1));
    e.flags = (how >> 8) % 4 == 0 ? ENTRY_STUB : 0;
    e.allocated = e.flags != 0 ? 0 : (e.size + 4095) / 4096 * 4096;
    add(f, &e);
}

static void
add_all(struct filling *f, uint64_t entries)
{
    uint64_t folders = entries / FILES_A_FOLDER, project = 0, id = 1;
    char name[32];

    add_folder(f, id, 0, "");
    for (uint64_t i = 0; i < folders; i++) {
        if (i % FOLDERS_A_PROJECT == 0) {
            project = ++id;
            snprintf(name, sizeof(name), "project%05" PRIu64, i / FOLDERS_A_PROJECT);
            add_folder(f, project, 1, name);
        }
        snprintf(name, sizeof(name), "folder%06" PRIu64, i);
        add_folder(f, ++id, project, name);
        for (uint64_t k = 1; k < FILES_A_FOLDER; k++) {
            add_file(f, id, i * FILES_A_FOLDER + k);
        }
    }
    send(f);
}

/* Scans after the first see the same files with other times and sizes. */
static int
fill(const char *dir, uint64_t entries, int scans)
{
    struct filling f = {0};
    struct inventory_scan_result result = {0};
    al_id scan;

    open_inventory(dir, &f.inv);
    al_buf_init(&f.body, ENTRIES_PLAIN_MAX);
    f.scan = scan;
    for (int i = 1; i <= scans; i++) {
        double began = now_s(), kept, cpu;

        snprintf(scan, sizeof(scan), "%.22s%04u", SCAN, (unsigned)i % 10000);
        f.seq = 0;
        check(inventory_scan_begin(f.inv, &own, VOLUME, scan), "beginning");
        add_all(&f, entries);
        kept = now_s();
        cpu = cpu_s();
        check(inventory_scan_end(f.inv, &own, VOLUME, scan, NOW_NS, &result), "merging");
        printf("fill_cpu\t%.3f\n", cpu_s() - cpu);
        printf("fill_keep\t%.3f\nfill_merge\t%.3f\n", kept - began, now_s() - kept);
        if (i == scans) {
            al_buf_free(&f.body);
            inventory_close(f.inv);
        }
        printf("fill_entries\t%" PRIu64 "\nfill_bytes\t%" PRIu64 "\n", result.entries,
               file_bytes(dir));
        fflush(stdout);
    }
    return 0;
}

/* ---- asking ---- */

struct asking {
    struct inventory *inv;
    struct rule *rule, *path, *glob, *like, *all;
    uint64_t seq;
};

static struct rule *
parsed(const char *text)
{
    struct rule *r = NULL;
    struct rule_error error = {0};

    if (rule_parse(al_span_of(text), NULL, &r, &error) < 0) {
        fprintf(stderr, "inventory_bench: %s: %s\n", text, error.message);
        exit(1);
    }
    return r;
}

static void
figures(struct asking *a, const char *folder, unsigned want)
{
    struct al_arena *arena = al_arena_new(64u << 20);
    struct inventory_figures f;
    struct inventory_figures_query q = {
        .folder = al_span_of(folder), .want = want, .now_ns = NOW_NS};

    check(inventory_figures(a->inv, &own, VOLUME, &q, arena, &f), "figures");
    al_arena_free(arena);
}

static int
no_folder(void *ctx, const struct inventory_folder *f)
{
    return AL_OK;
}

static void
tree(struct asking *a, const char *folder)
{
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_tree_query q = {.folder = al_span_of(folder), .limit = 100};
    struct inventory_folder self;
    uint64_t total;

    check(inventory_tree(a->inv, &own, VOLUME, &q, arena, &self, &total, no_folder, NULL), "tree");
    al_arena_free(arena);
}

static void
count(struct asking *a, const struct rule *rule)
{
    struct inventory_count c;

    check(inventory_count(a->inv, &own, VOLUME, rule, NOW_NS, &c), "count");
}

static void
plan(struct asking *a, const struct rule *rule)
{
    struct al_arena *arena = al_arena_new(64u << 20);
    struct inventory_plan_query q = {.rule = rule, .now_ns = NOW_NS};
    struct inventory_plan p;

    check(inventory_plan(a->inv, &own, VOLUME, &q, arena, &p), "plan");
    al_arena_free(arena);
}

static int
one_row(void *ctx, const struct inventory_row *row)
{
    uint64_t *n = ctx;

    *n += row->path.len > 0;
    return AL_OK;
}

static uint64_t
first(struct asking *a, const struct rule *rule)
{
    struct inventory_plan_query q = {.rule = rule, .now_ns = NOW_NS};
    struct inventory_limits limits = {.files = CHANGES};
    uint64_t n = 0;

    check(inventory_candidates(a->inv, &own, VOLUME, &q, &limits, one_row, &n), "candidates");
    return n;
}

static void
apply(struct asking *a, uint64_t folders, uint64_t changes)
{
    struct inventory_outcome *rows = al_array(INVENTORY_OUTCOMES_MAX, sizeof(*rows));
    char *names = al_array(INVENTORY_OUTCOMES_MAX, 128), name[64];
    uint64_t left = changes, missing = 0;

    while (left > 0) {
        uint64_t n = left < INVENTORY_OUTCOMES_MAX ? left : INVENTORY_OUTCOMES_MAX;

        for (uint64_t i = 0; i < n; i++) {
            uint64_t folder = draw() % folders,
                     file = folder * FILES_A_FOLDER + 1 + draw() % (FILES_A_FOLDER - 1);

            file_name(file, name, sizeof(name));
            snprintf(names + i * 128, 128, "/project%05" PRIu64 "/folder%06" PRIu64 "/%s",
                     folder / FOLDERS_A_PROJECT, folder, name);
            rows[i] =
                (struct inventory_outcome){.path = al_span_of(names + i * 128),
                                           .set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT |
                                                  INVENTORY_SET_ALLOCATED | INVENTORY_SET_ACCESSED,
                                           .state = RULE_S_STUB,
                                           .object_id = SCAN,
                                           .accessed_ns = NOW_NS,
                                           .source = INVENTORY_BY_AUDIT};
        }
        a->seq++;
        check(inventory_outcomes_apply(a->inv, &own, VOLUME, VOLUME, a->seq, rows, n, &missing),
              "outcomes");
        if (missing > 0) {
            check(AL_EINTERNAL, "outcomes of files that are not there");
        }
        left -= n;
    }
    al_free(rows);
    al_free(names);
}

#define ASK(name, statement)                                                                       \
    do {                                                                                           \
        double cpu = 0;                                                                            \
                                                                                                   \
        if (only != NULL && strcmp(only, name) != 0) {                                             \
            break;                                                                                 \
        }                                                                                          \
        statement;                                                                                 \
        cpu = cpu_s();                                                                             \
        printf("%s", name);                                                                        \
        for (int round = 0; round < rounds; round++) {                                             \
            double began = now_s();                                                                \
                                                                                                   \
            statement;                                                                             \
            printf("\t%.6f", now_s() - began);                                                     \
        }                                                                                          \
        printf("\n");                                                                              \
        printf("%s_cpu\t%.6f\n", name, (cpu_s() - cpu) / rounds);                                  \
        fflush(stdout);                                                                            \
    } while (0)

static int
ask(const char *dir, int rounds, const char *only)
{
    static const char *const names[] = {"age",     "modified", "size",       "ext",    "owner",
                                        "hottest", "coldest",  "duplicates", "largest"};
    struct asking a = {.rule = parsed(rule_text),
                       .path = parsed("path matches \"/project0001?/**\" and size > 1MB"),
                       .glob = parsed("name matches \"*9?.mov\""),
                       .like = parsed("name like /^scan.*9\\.mov$/"),
                       .all = parsed("true")};
    struct inventory_totals t;
    uint64_t n = 0;
    char text[64];

    open_inventory(dir, &a.inv);
    check(inventory_totals(a.inv, &own, VOLUME, &t), "totals");
    a.seq = (uint64_t)time(NULL) * 1000; /* greater than in any run before */
    seed += a.seq;                       /* other files than those */
    for (size_t i = 0; i < AL_LEN(names); i++) {
        snprintf(text, sizeof(text), "figure_%s", names[i]);
        ASK(text, figures(&a, "", 1u << i));
    }
    ASK("figures_all", figures(&a, "", 511));
    ASK("figures_all_of_a_project", figures(&a, "/project00007", 511));
    ASK("tree_root", tree(&a, ""));
    ASK("tree_project", tree(&a, "/project00007"));
    ASK("count_five_terms", count(&a, a.rule));
    ASK("count_path", count(&a, a.path));
    ASK("count_glob", count(&a, a.glob));
    ASK("count_like", count(&a, a.like));
    ASK("first_100000", n = first(&a, a.rule));
    ASK("plan", plan(&a, a.rule));
    ASK("plan_everything", plan(&a, a.all));
    printf("first_rows\t%" PRIu64 "\nasked_entries\t%" PRIu64 "\n", n,
           t.files + t.folders + t.others);
    {
        rounds = rounds > 3 ? 3 : rounds;
        ASK("apply_100", apply(&a, t.files / (FILES_A_FOLDER - 1), 100));
        ASK("apply_100000", apply(&a, t.files / (FILES_A_FOLDER - 1), CHANGES));
    }
    inventory_close(a.inv);
    rule_free(a.rule);
    rule_free(a.path);
    rule_free(a.glob);
    rule_free(a.like);
    rule_free(a.all);
    return 0;
}

/* ---- the peer ---- */

/* All rows are fetched and their paths looked at, as Alto's are. */
static void
query(duckdb_connection con, const char *sql)
{
    duckdb_prepared_statement st = NULL;
    duckdb_result result;
    duckdb_data_chunk chunk;

    if (duckdb_prepare(con, sql, &st) != DuckDBSuccess ||
        duckdb_execute_prepared_streaming(st, &result) != DuckDBSuccess) {
        fprintf(stderr, "inventory_bench: %s\n", duckdb_prepare_error(st));
        exit(1);
    }
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    duckdb_destroy_prepare(&st);
}

#define TERMS                                                                                      \
    "e.type = 1 AND e.size >= 10000000 AND e.accessed_ns < 1792224000000000000 AND e.ext IN "      \
    "('mov'::BLOB, 'mxf'::BLOB, 'wav'::BLOB) AND e.mtime_ns < 1784448000000000000 AND e.state = "  \
    "0 AND e.nlink = 1 AND e.allocated >= e.size AND e.attrs & 31 = 0"
#define NOT_THERE "NOT (f.path >= '/project00000'::BLOB AND f.path < '/project000000'::BLOB)"

static int
peer(const char *dir, int rounds, const char *only)
{
    duckdb_config config;
    duckdb_database db;
    duckdb_connection con;
    char path[4096];

    duckdb_create_config(&config);
    duckdb_set_config(config, "threads", "2");
    duckdb_set_config(config, "memory_limit", "1GiB");
    duckdb_set_config(config, "preserve_insertion_order", "false");
    duckdb_set_config(config, "access_mode", "READ_ONLY");
    snprintf(path, sizeof(path), "%s/" VOLUME ".duckdb", dir);
    if (duckdb_open_ext(path, &db, config, NULL) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess) {
        fprintf(stderr, "inventory_bench: %s does not open\n", path);
        return 1;
    }
    ASK("first_100000",
        query(con, "SELECT f.path, e.* FROM (SELECT e.folder, e.name, e.type, e.state, e.flags, "
                   "e.attrs, e.size, e.allocated, e.mtime_ns, e.ctime_ns, e.btime_ns, "
                   "e.accessed_ns, e.source, e.mode, e.uid, e.gid, e.nlink, e.ino, e.object_id "
                   "FROM entry e JOIN folder f ON f.id = e.folder WHERE " TERMS " AND " NOT_THERE
                   " ORDER BY e.accessed_ns LIMIT 100000) e JOIN folder f ON f.id = e.folder ORDER "
                   "BY e.accessed_ns"));
    ASK("plan", query(con, "SELECT count(*), sum(e.size), sum(e.allocated) FROM entry e JOIN "
                           "folder f ON f.id = e.folder WHERE " TERMS " AND " NOT_THERE));
    duckdb_disconnect(&con);
    duckdb_close(&db);
    duckdb_destroy_config(&config);
    return 0;
}

int
main(int argc, char **argv)
{
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "fill") == 0) {
        return fill(argv[2], strtoull(argv[3], NULL, 10), argc == 5 ? atoi(argv[4]) : 1);
    }
    if (argc >= 4 && strcmp(argv[1], "ask") == 0) {
        return ask(argv[2], atoi(argv[3]), argv[4]);
    }
    if (argc >= 4 && strcmp(argv[1], "peer") == 0) {
        return peer(argv[2], atoi(argv[3]), argv[4]);
    }
    fprintf(stderr,
            "usage: inventory_bench fill DIR ENTRIES [SCANS] | ask DIR ROUNDS [NAME] | peer DIR "
            "ROUNDS [NAME]\n");
    return 2;
}
