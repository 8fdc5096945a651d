/* Imports: the look, and the run from the file to the commit. */
#include "server/inventory/import.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/import_priv.h"

#define LOOK_ARENA_BYTES ((size_t)64 << 20)
#define UNPACKED_NAME ".unpacked"
#define UNPACKED_MODE 0600u
#define UNPACK_CHUNK ((size_t)1 << 20)
#define TELL_NS INT64_C(250000000)

static const struct import_options nothing_told;

static int
look_at(struct inventory *inv, struct inv_conn *c, const char *path,
        const struct import_options *options, struct al_arena *arena, struct import_look *ret,
        struct import_plan *ret_plan, unsigned *ret_bom, struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {inv->port, NULL};
    AL_CLEANUP(import_sample_free) struct import_sample sample = {0};
    int rc = port_open(inv->port, NULL, path, PORT_READ, 0, &file.file);

    if (rc < 0) {
        return al_fail_set(fail, rc, port_os_error(inv->port), "the file cannot be opened");
    }
    rc = import_sample_read(inv->port, file.file, options, &sample, fail);
    if (rc < 0) {
        return rc;
    }
    *ret_bom = sample.bom;
    if (!sample.is_parquet) {
        return import_guess_csv(&sample, options, arena, ret, ret_plan, fail);
    }
    rc = import_parquet_look(inv, c, path, options, arena, ret, ret_plan, fail);
    if (rc == AL_OK) {
        ret->bytes = sample.file_bytes;
    }
    return rc;
}

int
inventory_import_look(struct inventory *inv, const char *path, const struct import_options *options,
                      struct al_arena *arena, struct import_look *ret, struct al_fail *fail)
{
    AL_CLEANUP(inv_disconnect) struct inv_conn_of of = {inv, NULL};
    struct import_plan plan;
    unsigned bom = 0;
    int rc = inv_connect(inv, &of.conn);

    if (rc < 0) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    return look_at(inv, of.conn, path, options != NULL ? options : &nothing_told, arena, ret, &plan,
                   &bom, fail);
}

/* ---- a run ---- */

struct run {
    struct inventory *inv;
    const char *path;
    const struct import_options *options;
    struct al_arena *arena;
    struct import_look look;
    unsigned bom;
    char *unpacked; /* temporary file beside path; NULL: none */
    struct import_job job;
    struct inv_tree tree;
    struct import_running running;
    unsigned job_slot, map_slot;
    bool job_lent, map_lent, begun;
    struct import_result result;
    struct al_fail *fail;
};

static void
run_end(struct run *r)
{
    struct import_job *j = &r->job;

    if (r->job_lent) {
        inv_take_back(r->inv, r->job_slot);
    }
    if (r->map_lent) {
        inv_take_back(r->inv, r->map_slot);
    }
    port_close_quiet(r->inv->port, &j->file);
    if (r->unpacked != NULL && port_unlink(r->inv->port, NULL, r->unpacked) < 0) {
        al_log(r->inv->log, AL_LOG_DEBUG, "inventory: %s stays", r->unpacked);
    }
    al_free(r->unpacked);
    if (r->begun) {
        for (uint64_t i = 0; j->held != NULL && i < j->piece_count; i++) {
            al_buf_free(&j->held[i]);
        }
        al_free(j->held);
        al_free(j->held_count);
        al_free(j->pieces);
        import_folders_end(&j->folders);
        import_owners_end(&j->owners);
        import_seen_end(&j->seen);
        inv_gather_end(&j->gather);
        port_mutex_end(&j->lock);
    }
    import_refused_end(&j->refused);
    inv_tree_free(&r->tree);
    r->arena = al_arena_free(r->arena);
}

/* What is packed or no UTF-8 is written out once: pieces need a place. */
static int
unpack_to(struct run *r, struct port_file *from, struct port_file *to)
{
    AL_CLEANUP(import_stream_closep) struct import_stream *s = NULL;
    AL_CLEANUP(al_freep) uint8_t *chunk = al_alloc(UNPACK_CHUNK);
    struct port *port = r->inv->port;
    int64_t told = port_mono_ns(port);
    uint64_t at = 0;
    int rc = chunk != NULL ? import_stream_open(port, from, r->look.options.compression,
                                                r->look.options.encoding, &s, r->fail)
                           : AL_ENOMEM;

    while (rc == AL_OK) {
        size_t len = 0;

        rc = import_stream_read(s, chunk, UNPACK_CHUNK, &len, r->fail);
        if (rc < 0 || len == 0) {
            break;
        }
        rc = port_pwrite(port, to, chunk, len, at);
        if (rc < 0) {
            return al_fail_set(r->fail, rc, port_os_error(port),
                               "the file cannot be unpacked beside itself");
        }
        at += len;
        if (port_mono_ns(port) - told > TELL_NS) {
            told = port_mono_ns(port);
            r->running.told.bytes_done = import_stream_at(s) / 3;
            rc = import_tell(&r->running);
        }
    }
    return rc;
}

static int
open_file(struct run *r)
{
    struct port *port = r->inv->port;
    bool plain =
        r->look.options.compression == IMPORT_PLAIN && r->look.options.encoding == IMPORT_UTF8;
    AL_CLEANUP(port_holder_end) struct port_holder from = {port, NULL};
    struct port_stat st;
    size_t len = strlen(r->path) + sizeof(UNPACKED_NAME);
    int rc = port_open(port, NULL, r->path, PORT_READ, 0, &from.file);

    if (rc == AL_OK && plain) {
        r->job.file = from.file;
        from.file = NULL;
        r->job.plan.data_at += r->bom;
    } else if (rc == AL_OK) {
        char *name = al_alloc(len);

        if (name == NULL) {
            return AL_ENOMEM;
        }
        (void)snprintf(name, len, "%s" UNPACKED_NAME, r->path); /* fits */
        rc = port_open(port, NULL, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC,
                       UNPACKED_MODE, &r->job.file);
        if (rc == AL_OK) {
            r->unpacked = name;
            r->running.told.phase = "reading";
            rc = unpack_to(r, from.file, r->job.file);
        } else {
            al_free(name);
        }
    }
    if (rc == AL_OK) {
        rc = port_stat(port, r->job.file, &st);
    }
    if (rc < 0) {
        return al_fail_set(r->fail, rc, port_os_error(port), "the file cannot be read");
    }
    r->job.file_bytes = st.size;
    return AL_OK;
}

static int
job_begin(struct run *r)
{
    struct import_job *j = &r->job;
    int rc;

    j->inv = r->inv;
    j->parquet = r->look.options.format == IMPORT_PARQUET;
    j->source.tree = &r->tree;
    j->source.inv = r->inv;
    port_mutex_init(&j->lock);
    rc = import_folders_begin(&j->folders);
    if (import_owners_begin(&j->owners) < 0) {
        rc = AL_ENOMEM;
    }
    r->begun = true;
    if (rc == AL_OK && !j->parquet) {
        rc = open_file(r);
    }
    if (rc == AL_OK && !j->parquet) {
        rc = import_pieces_make(j);
    }
    if (rc == AL_OK) {
        rc = inv_lend(r->inv, j, &r->job_slot);
        r->job_lent = rc == AL_OK;
    }
    if (rc == AL_OK) {
        rc = inv_lend(r->inv, &j->source, &r->map_slot);
        r->map_lent = rc == AL_OK;
    }
    r->running.work_total =
        2 * (j->parquet ? r->look.rows_about : j->piece_count * IMPORT_PIECE_BYTES);
    return rc;
}

/* Once more from the start, one piece after the other. */
static int
first_pass_again(struct run *r)
{
    struct import_job *j = &r->job;
    int rc = import_refused_restart(&j->refused);

    for (uint64_t i = 0; i < j->piece_count; i++) {
        al_buf_free(&j->held[i]);
    }
    import_folders_end(&j->folders);
    import_owners_end(&j->owners);
    if (import_folders_begin(&j->folders) < 0 || import_owners_begin(&j->owners) < 0) {
        return AL_ENOMEM;
    }
    j->counts = (struct import_counts){0};
    j->next = j->flushed = 0;
    j->bytes_seen = j->rows_seen = j->refused_seen = 0;
    j->misfit = false;
    j->rc = AL_OK;
    j->fail = (struct al_fail){0};
    j->one_after_the_other = true;
    return rc < 0 ? rc : import_pieces_make(j);
}

static int
first_pass(struct run *r, struct inv_conn *c)
{
    struct import_job *j = &r->job;
    INV_SQL(sql);
    INV_SQL(from);
    INV_SQL(args);
    int rc = AL_OK;

    r->running.told.phase = "folders";
    if (j->parquet) {
        rc = import_parquet_sql(j, c, r->path, &r->look, &from, &args, r->fail);
        inv_put(&sql, "SELECT count(*) FROM (SELECT alto_import_good(%u::UBIGINT, file_row_number",
                r->job_slot);
        inv_put_text(&sql, args.text.at != NULL ? (char *)args.text.at : "");
        inv_put(&sql, ") AS r FROM ");
        inv_put_text(&sql, from.text.at != NULL ? (char *)from.text.at : "");
        inv_put(&sql, ") WHERE r");
    } else {
        inv_put(&sql, "SELECT count(*) FROM alto_import_check(%u::UBIGINT)", r->job_slot);
    }
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : import_run_sql(&r->running, c, (char *)sql.text.at);
    }
    if (j->misfit && !j->cancel && rc != AL_ENOMEM) {
        rc = first_pass_again(r);
        if (rc == AL_OK) {
            rc = import_run_sql(&r->running, c, (char *)sql.text.at);
        }
    }
    if (rc < 0 && j->parquet && j->rc == AL_OK && rc != AL_ECANCELED && rc != AL_ENOMEM &&
        rc != AL_ENOSPC && !j->cancel) {
        return al_fail_set(r->fail, AL_ECORRUPT, 0,
                           "the Parquet file is damaged or cut; make and send it again");
    }
    return rc;
}

static int
check_refused(struct run *r)
{
    const struct import_counts *c = &r->job.counts;
    uint32_t most = r->options->refused_percent_max;

    most = most == 0 ? IMPORT_REFUSED_PERCENT_DEFAULT : most;
    if (c->rows == 0) {
        return al_fail_set(r->fail, AL_ECORRUPT, 0, "the file has no rows");
    }
    if (most < 100 && (double)c->refused * 100 > (double)c->rows * most) {
        return al_fail_set(r->fail, AL_ELIMIT, 0,
                           "%llu of %llu rows are refused, more than %u percent: look at the list "
                           "of refused rows and at "
                           "which column means what",
                           (unsigned long long)c->refused, (unsigned long long)c->rows, most);
    }
    return AL_OK;
}

static int
known_owners(struct run *r, struct inv_use *u)
{
    INV_ROWS(rows);
    char sql[128];
    bool end = false;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT uid, name FROM \"v_%s\".owner", u->volume->id);
    rc = inv_query(r->inv, u->conn, sql, false, &rows);
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        import_owner_known(&r->job.owners, inv_bytes(&rows, 1), (uint32_t)inv_num(&rows, 0));
    }
    import_owners_number(&r->job.owners);
    return rc;
}

static int
second_source(struct run *r, struct inv_conn *c, struct inv_sql *out)
{
    INV_SQL(from);
    INV_SQL(args);
    int rc = AL_OK;

    r->job.second = true;
    if (!r->job.parquet) {
        inv_put(out, "alto_import(%u::UBIGINT)", r->job_slot);
        return out->rc;
    }
    rc = import_parquet_sql(&r->job, c, r->path, &r->look, &from, &args, r->fail);
    if (rc == AL_OK) {
        inv_put(out, "(SELECT unnest(r) FROM (SELECT alto_import_row(%u::UBIGINT, file_row_number",
                r->job_slot);
        inv_put_text(out, args.text.at != NULL ? (char *)args.text.at : "");
        inv_put(out, ") AS r FROM ");
        inv_put_text(out, (char *)from.text.at);
        inv_put(out, ") WHERE r.folder > 0)");
    }
    return rc < 0 ? rc : out->rc;
}

/* From the judged rows to the commit. */
static int
build(struct run *r, struct inv_use *u, const char *import_id, int64_t now_ns)
{
    struct import_build b = {.u = u,
                             .job = &r->job,
                             .running = &r->running,
                             .job_slot = r->job_slot,
                             .map_slot = r->map_slot,
                             .mode = r->options->mode,
                             .result = &r->result};
    INV_SQL(from);
    int rc = known_owners(r, u);

    if (rc == AL_OK) {
        rc = second_source(r, u->conn, &from);
    }
    b.from = (char *)from.text.at;
    r->job.block_bytes = u->volume->block_bytes;
    if (rc == AL_OK) {
        rc = import_build_tree(&b);
    }
    r->running.told.phase = "entries";
    if (rc == AL_OK) {
        rc = inv_came_unknown(u, now_ns, b.came);
    }
    if (rc == AL_OK) {
        rc = import_build_entries(&b);
    }
    r->result.rows = r->job.counts.rows;
    r->result.refused = r->job.counts.refused;
    r->result.files = r->job.counts.files;
    r->result.folders = r->job.counts.folders;
    r->result.others = r->job.counts.others;
    r->result.bytes = r->job.counts.bytes;
    if (rc == AL_OK) {
        rc = check_refused(r);
    }
    r->running.told.phase = "committing";
    if (rc == AL_OK) {
        rc = import_tell(&r->running);
    }
    if (rc == AL_OK) {
        rc = import_build_tables(&b, import_id, now_ns);
    }
    /* The list first: who sees the import in can read it. */
    if (rc == AL_OK) {
        rc = import_refused_finish(&r->job.refused);
    }
    if (rc == AL_OK) {
        rc = inv_access_merged(u, false, now_ns);
    }
    if (rc == AL_OK) {
        rc = inv_next_commit(u);
    }
    if (rc == AL_OK) {
        inv_access_after(u, now_ns);
    }
    return rc;
}

static int
look_and_begin(struct run *r, struct inv_conn *c, const char *refused_path)
{
    int rc;

    r->arena = al_arena_new(LOOK_ARENA_BYTES);
    r->running.told.phase = "reading";
    rc = r->arena != NULL ? look_at(r->inv, c, r->path, r->options, r->arena, &r->look,
                                    &r->job.plan, &r->bom, r->fail)
                          : AL_ENOMEM;
    if (rc == AL_OK && r->look.problem.len > 0) {
        return al_fail_set(r->fail, AL_EINVAL, 0, "%.*s",
                           (int)(r->look.problem.len < 250 ? r->look.problem.len : 250),
                           (const char *)r->look.problem.at);
    }
    if (rc == AL_OK) {
        r->running.told.bytes_total = r->look.bytes;
        rc = import_tell(&r->running);
    }
    if (rc == AL_OK) {
        rc = import_refused_begin(&r->job.refused, r->inv->port, refused_path, r->fail);
    }
    return rc < 0 ? rc : job_begin(r);
}

static int
run_passes(struct run *r, const struct inventory_scope *scope, const char *volume_id,
           const char *import_id, const char *refused_path, int64_t now_ns, bool *ret_known)
{
    INV_USE(u);
    AL_CLEANUP(inv_disconnect) struct inv_conn_of of = {r->inv, NULL};
    int rc = inv_use_begin(r->inv, scope, volume_id, false, &u), told;

    if (rc == AL_OK) {
        rc = import_known_result(&u, import_id, ret_known, &r->result);
    }
    inv_use_end(&u);
    if (rc < 0 || *ret_known) {
        return rc;
    }
    /* Nobody waits for the first pass. */
    rc = inv_connect(r->inv, &of.conn);
    if (rc == AL_OK) {
        rc = look_and_begin(r, of.conn, refused_path);
    }
    if (rc == AL_OK) {
        rc = first_pass(r, of.conn);
        told = import_tell(&r->running); /* of a list that is refused, how much of it was */
        rc = rc < 0 ? rc : told;
    }
    if (rc == AL_OK) {
        rc = check_refused(r);
    }
    if (rc == AL_OK) {
        rc = inv_use_begin(r->inv, scope, volume_id, true, &u);
    }
    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = import_known_result(&u, import_id, ret_known, &r->result);
    }
    return rc < 0 || *ret_known ? rc : build(r, &u, import_id, now_ns);
}

int
inventory_import_run(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, const char *import_id, const char *path,
                     const struct import_options *options, const char *refused_path, int64_t now_ns,
                     import_progress_fn *progress, void *ctx, struct import_result *ret,
                     struct al_fail *fail)
{
    AL_CLEANUP(run_end)
    struct run r = {.inv = inv, .path = path, .fail = fail};
    bool known = false;
    int rc;

    r.options = options != NULL ? options : &nothing_told;
    r.running =
        (struct import_running){.inv = inv, .job = &r.job, .progress = progress, .ctx = ctx};
    if (!al_id_valid(import_id) || r.options->refused_percent_max > 100 ||
        r.options->mode > IMPORT_ADD || r.options->zone_minutes < -1440 ||
        r.options->zone_minutes > 1440) {
        return al_fail_set(fail, AL_EINVAL, 0, "the import's identifier or options are wrong");
    }
    rc = run_passes(&r, scope, volume_id, import_id, refused_path, now_ns, &known);
    if (rc < 0) {
        /* What a thread of DuckDB's met says more than the code. */
        return r.job.fail.code != 0 && rc == r.job.rc
                   ? al_fail_pass(fail, rc, &r.job.fail)
                   : al_fail_set(fail, rc, 0, "the import failed: %s", al_code_name(rc));
    }
    if (ret != NULL) {
        *ret = r.result;
    }
    return AL_OK;
}
