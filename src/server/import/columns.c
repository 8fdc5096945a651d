/* From a table of cells to what each column means and how it is read. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/import/guess.h"

struct guess {
    const struct import_table *t;
    const struct import_options *options;
    struct al_arena *arena;
    struct import_look *look;
    struct import_plan *plan;
    bool guessed[IMPORT_FIELDS];
    bool is_utc[IMPORT_FIELDS];
};

static struct al_span
cell(const struct guess *g, size_t row, enum import_field f)
{
    return g->plan->column[f] >= 0 ? g->t->rows[row][g->plan->column[f]]
                                   : (struct al_span){NULL, 0};
}

static bool
named(const struct guess *g, const char *plain)
{
    for (size_t c = 0; g->t->names != NULL && c < g->t->columns; c++) {
        uint8_t out[IMPORT_NAME_PLAIN_MAX];
        uint64_t unit;

        if (al_span_equal(import_name_plain(import_trim(g->t->names[c]), out, &unit),
                          al_span_of(plain))) {
            return true;
        }
    }
    return false;
}

static enum import_maker
maker_of(const struct guess *g)
{
    if (named(g, "accessedsource") && named(g, "objectid")) {
        return IMPORT_BY_ALTO;
    }
    if (named(g, "windirstatattributes")) {
        return IMPORT_BY_WINDIRSTAT;
    }
    if (named(g, "psiscontainer") || (named(g, "lastwritetime") && named(g, "fullname"))) {
        return IMPORT_BY_POWERSHELL;
    }
    if (named(g, "ofparentallocated") || named(g, "ofparent") || named(g, "vomübergeordneten") ||
        (named(g, "fullpath") && named(g, "allocated"))) {
        return IMPORT_BY_TREESIZE;
    }
    if (g->t->names == NULL && g->t->typed == NULL && g->plan->dialect.delimiter != ',' &&
        g->plan->dialect.delimiter != ';') {
        return IMPORT_BY_FIND;
    }
    return IMPORT_BY_UNKNOWN;
}

/* How many cells of a column look like whole paths, in percent. */
static unsigned
path_share(const struct guess *g, int column)
{
    size_t n = 0;

    for (size_t r = 0; column >= 0 && r < g->t->row_count; r++) {
        n += import_looks_path(g->t->rows[r][column]);
    }
    return g->t->row_count > 0 ? (unsigned)(n * 100 / g->t->row_count) : 0;
}

/* Whether PATH's cells end with NAME's: else PATH tells the folder alone. */
static bool
path_holds_name(const struct guess *g)
{
    size_t n = 0, of = 0;

    for (size_t r = 0; r < g->t->row_count; r++) {
        struct al_span path = cell(g, r, IMPORT_F_PATH), name = cell(g, r, IMPORT_F_NAME);

        while (path.len > 0 && (path.at[path.len - 1] == '/' || path.at[path.len - 1] == '\\')) {
            path.len--;
        }
        while (name.len > 0 && (name.at[name.len - 1] == '/' || name.at[name.len - 1] == '\\')) {
            name.len--;
        }
        if (path.len > 0 && name.len > 0) {
            of++;
            n += path.len >= name.len &&
                 memcmp(path.at + path.len - name.len, name.at, name.len) == 0;
        }
    }
    return n * 2 >= of;
}

static void
settle_paths(struct guess *g)
{
    int *column = g->plan->column;

    if (column[IMPORT_F_PATH] >= 0 && column[IMPORT_F_NAME] >= 0 &&
        column[IMPORT_F_PATH] != column[IMPORT_F_NAME] && column[IMPORT_F_FOLDER] < 0 &&
        !path_holds_name(g)) {
        column[IMPORT_F_FOLDER] = column[IMPORT_F_PATH];
        column[IMPORT_F_PATH] = -1;
    }
    /* WinDirStat calls the whole path "Name". */
    if (column[IMPORT_F_PATH] < 0 && column[IMPORT_F_NAME] >= 0 &&
        path_share(g, column[IMPORT_F_NAME]) >= 50) {
        column[IMPORT_F_PATH] = column[IMPORT_F_NAME];
    }
    if (column[IMPORT_F_PATH] >= 0) {
        column[IMPORT_F_FOLDER] = column[IMPORT_F_NAME] = column[IMPORT_F_EXT] = -1;
    }
}

/* The column that a map's text names: by its name, without a header by its number. */
static int
column_named(const struct import_table *t, struct al_span name)
{
    uint64_t n;

    for (size_t c = 0; t->names != NULL && c < t->columns; c++) {
        if (al_span_equal(t->names[c], name)) {
            return (int)c;
        }
    }
    for (size_t c = 0; t->names != NULL && c < t->columns; c++) {
        if (al_span_equal(import_trim(t->names[c]), import_trim(name))) {
            return (int)c;
        }
    }
    return import_cell_u64(name, &n) == AL_OK && n >= 1 && n <= t->columns ? (int)n - 1 : -1;
}

static int problem(struct guess *g, const char *format, ...) AL_PRINTF(2, 3);

/* The first problem counts. */
static int
problem(struct guess *g, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut, where it is too long */
    va_end(args);
    if (g->look->problem.len == 0) {
        g->look->problem = al_arena_span(g->arena, al_span_of(text));
    }
    return g->look->problem.at != NULL ? AL_OK : AL_ENOMEM;
}

static int
apply_map(struct guess *g)
{
    int rc = AL_OK;
    bool path_told = false, parts_told = false;

    for (size_t i = 0; rc == AL_OK && i < g->options->map_count; i++) {
        const struct import_map *m = &g->options->map[i];
        int column = m->column.at != NULL ? column_named(g->t, m->column) : -1;

        if (m->field >= IMPORT_FIELDS) {
            continue;
        }
        if (m->column.at != NULL && column < 0) {
            rc = problem(g, "the list has no column \"%.*s\" for %s",
                         (int)(m->column.len < 200 ? m->column.len : 200),
                         (const char *)m->column.at, import_field_name(m->field));
            continue;
        }
        g->plan->column[m->field] = column;
        g->guessed[m->field] = false;
        path_told = path_told || (m->field == IMPORT_F_PATH && column >= 0);
        parts_told = parts_told ||
                     ((m->field == IMPORT_F_FOLDER || m->field == IMPORT_F_NAME) && column >= 0);
    }
    if (path_told) {
        g->plan->column[IMPORT_F_FOLDER] = g->plan->column[IMPORT_F_NAME] =
            g->plan->column[IMPORT_F_EXT] = -1;
    } else if (parts_told) {
        g->plan->column[IMPORT_F_PATH] = -1;
    }
    return rc;
}

/* ---- how cells are read ---- */

static bool
is_time(enum import_field f)
{
    return f == IMPORT_F_MODIFIED || f == IMPORT_F_ACCESSED || f == IMPORT_F_CREATED ||
           f == IMPORT_F_CHANGED;
}

/* Numbers of one column count the same: what most of them seem to. */
static void
guess_epoch(struct guess *g, enum import_field f)
{
    size_t votes[IMPORT_EPOCH_FILETIME + 1] = {0}, best = 0;

    if (g->t->typed != NULL && g->t->typed[g->plan->column[f]] != NULL &&
        g->plan->epoch[f] != IMPORT_EPOCH_GUESS) {
        return;
    }
    for (size_t r = 0; r < g->t->row_count; r++) {
        struct import_time_looks time;

        import_time_look(cell(g, r, f), &time);
        if (time.is_number && time.number != 0) {
            votes[time.has_fraction ? IMPORT_EPOCH_S : import_epoch_of(time.number)]++;
        }
    }
    for (size_t k = 1; k < AL_LEN(votes); k++) {
        best = votes[k] > votes[best] ? k : best;
    }
    g->plan->epoch[f] = (enum import_epoch)best;
}

static void
guess_dates(struct guess *g)
{
    size_t us = 0, european = 0, dotted = 0, slashed = 0, dates = 0, iso = 0;

    for (int f = 0; f < IMPORT_FIELDS; f++) {
        for (size_t r = 0;
             is_time((enum import_field)f) && g->plan->column[f] >= 0 && r < g->t->row_count; r++) {
            struct import_time_looks time;
            struct al_span c = import_trim(cell(g, r, (enum import_field)f));

            import_time_look(c, &time);
            dates += time.is_date;
            us += time.us_only;
            european += time.european_only;
            dotted += time.dotted;
            if (time.is_date && c.len > 4 && c.at[4] == '-') {
                iso++;
            } else if (time.is_date && !time.dotted && memchr(c.at, '/', c.len) != NULL) {
                slashed++;
            }
        }
    }
    g->plan->dates = g->options->dates;
    if (g->plan->dates == IMPORT_DATES_GUESS) {
        if (us != european) {
            g->plan->dates = us > european ? IMPORT_DATES_US : IMPORT_DATES_EUROPEAN;
        } else if (dates == 0 || iso == dates) {
            g->plan->dates = IMPORT_DATES_ISO;
        } else {
            g->plan->dates = dotted > slashed ? IMPORT_DATES_EUROPEAN : IMPORT_DATES_US;
        }
    }
}

/* "1,5" or "1.5": a mark with other than three digits behind it is no grouping. */
static void
guess_decimal(struct guess *g)
{
    size_t votes[2] = {0, 0};
    static const enum import_field sizes[] = {IMPORT_F_SIZE, IMPORT_F_ALLOCATED};

    for (size_t i = 0; i < AL_LEN(sizes); i++) {
        for (size_t r = 0; g->plan->column[sizes[i]] >= 0 && r < g->t->row_count; r++) {
            struct al_span c = import_trim(cell(g, r, sizes[i]));
            size_t digits = 0, marks = 0, last = 0;

            for (size_t k = 0; k < c.len; k++) {
                bool mark = c.at[k] == ',' || c.at[k] == '.';

                marks += mark;
                last = mark ? k : last;
                digits = mark ? 0 : digits + (c.at[k] >= '0' && c.at[k] <= '9');
            }
            if (marks == 1 && digits != 3) {
                votes[c.at[last] == ',']++;
            } else if (marks > 1 && digits == 3 && memchr(c.at, ',', c.len) == NULL) {
                votes[1]++; /* 1.234.567: so ',' would be its fraction */
            } else if (marks > 1 && digits == 3 && memchr(c.at, '.', c.len) == NULL) {
                votes[0]++;
            } else if (marks > 1) {
                votes[c.at[last] == ',']++;
            }
        }
    }
    g->plan->decimal = votes[1] > votes[0] ? ',' : votes[0] > 0 ? '.' : 0;
}

static void
guess_types(struct guess *g)
{
    bool bits = false;

    for (size_t r = 0; g->plan->column[IMPORT_F_TYPE] >= 0 && r < g->t->row_count; r++) {
        uint8_t type;
        uint64_t n;
        struct al_span c = cell(g, r, IMPORT_F_TYPE);

        if (g->plan->maker == IMPORT_BY_WINDIRSTAT) {
            bits = bits || (import_cell_u64(c, &n) == AL_OK && (n & 8) != 0);
        } else if (import_cell_type(c, &type) < 0) {
            g->plan->type_lenient = true;
        }
    }
    g->plan->item_bits = bits;
}

static const char *
reads_as(const struct guess *g, enum import_field f)
{
    static const char *const epochs[] = {
        "",        "epoch seconds", "epoch milliseconds", "epoch microseconds", "epoch nanoseconds",
        "FILETIME"};
    int c = g->plan->column[f];

    if (g->t->typed != NULL && g->t->typed[c] != NULL) {
        return g->t->typed[c];
    }
    if (is_time(f)) {
        static const char *const dates[] = {"dates", "ISO 8601", "US dates", "European dates"};

        return g->plan->epoch[f] != IMPORT_EPOCH_GUESS ? epochs[g->plan->epoch[f]]
                                                       : dates[g->plan->dates];
    }
    if (f == IMPORT_F_SIZE || f == IMPORT_F_ALLOCATED) {
        return g->plan->unit[f] > 1      ? "numbers in the header's unit"
               : g->plan->decimal == ',' ? "European numbers"
               : g->plan->decimal == '.' ? "US numbers"
                                         : "bytes";
    }
    if (f == IMPORT_F_PATH || f == IMPORT_F_FOLDER) {
        return g->plan->root.windows ? "Windows paths" : "POSIX paths";
    }
    if (f == IMPORT_F_TYPE && g->plan->maker == IMPORT_BY_WINDIRSTAT) {
        return "WinDirStat's item types";
    }
    return f == IMPORT_F_STATE ? "shown, not believed" : "text";
}

/* ---- the root ---- */

static bool
path_of_row(const struct guess *g, size_t r, struct al_span *ret, bool *ret_is_folder)
{
    enum import_field f = g->plan->column[IMPORT_F_PATH] >= 0 ? IMPORT_F_PATH : IMPORT_F_FOLDER;
    uint8_t type = 0;

    *ret = cell(g, r, f);
    *ret_is_folder =
        f == IMPORT_F_FOLDER ||
        (g->plan->column[IMPORT_F_TYPE] >= 0 && g->plan->maker != IMPORT_BY_WINDIRSTAT &&
         import_cell_type(cell(g, r, IMPORT_F_TYPE), &type) == AL_OK && type == 2);
    return ret->len > 0;
}

static bool
is_windows(const struct guess *g)
{
    size_t windows = 0, posix = 0, back = 0, of = 0;

    for (size_t r = 0; r < g->t->row_count; r++) {
        struct al_span p;
        bool folder;

        if (path_of_row(g, r, &p, &folder)) {
            of++;
            windows += import_path_is_windows(p);
            posix += memchr(p.at, '/', p.len) != NULL;
            back += memchr(p.at, '\\', p.len) != NULL;
        }
    }
    return windows * 2 > of || (windows == 0 && posix == 0 && back * 2 > of);
}

struct common {
    struct al_arena *arena;
    bool windows, any, apart;
    bool alone; /* prefix is a whole path, of which nothing says that it is a folder */
    struct al_span prefix;
};

static bool
is_below(bool windows, struct al_span path, struct al_span folder)
{
    struct al_span cut = {path.at, folder.len};

    return path.len > folder.len && path.at[folder.len] == '/' &&
           (windows ? import_same_folded(cut, folder) : al_span_equal(cut, folder));
}

static int
add_common(struct common *c, struct al_span raw, bool is_folder)
{
    uint8_t *plain;
    struct al_span path;

    if (raw.len > IMPORT_PATH_BYTES_MAX) {
        return AL_OK; /* is going to be refused */
    }
    if (raw.at[raw.len - 1] == '/' || (c->windows && raw.at[raw.len - 1] == '\\')) {
        is_folder = true;
    }
    plain = al_arena_alloc(c->arena, raw.len + 1);
    if (plain == NULL) {
        return AL_ENOMEM;
    }
    path = (struct al_span){plain, import_path_plain(c->windows, raw, plain)};
    while (path.len > 0 && path.at[path.len - 1] == '/') {
        path.len--;
    }
    /* What is told from the root on already shares nothing more than that. */
    if (path.len == 0 ||
        (path.at[0] != '/' && !(c->windows && path.len > 1 && path.at[1] == ':'))) {
        path.len = 0;
        is_folder = true;
    }
    if (!c->any) {
        c->any = true;
        c->prefix = path;
        c->alone = !is_folder;
    } else if (c->alone && is_below(c->windows, path, c->prefix)) {
        c->alone = false; /* others lie in it: it is a folder */
    } else {
        is_folder = is_folder || is_below(c->windows, c->prefix, path);
        c->apart = !import_path_common(c->windows, &c->prefix, path, is_folder) || c->apart;
        c->alone = false;
    }
    return AL_OK;
}

static int
told_root(struct guess *g, struct al_span told)
{
    uint8_t *plain;
    size_t len;

    g->plan->root.windows = g->plan->root.windows || import_path_is_windows(told);
    plain = al_arena_alloc(g->arena, told.len + 1);
    if (plain == NULL) {
        return AL_ENOMEM;
    }
    len = import_path_plain(g->plan->root.windows, told, plain);
    while (len > 0 && plain[len - 1] == '/') {
        len--;
    }
    g->plan->root.prefix = (struct al_span){plain, len};
    g->look->options.root = al_arena_span(g->arena, told);
    return AL_OK;
}

/* The plain root as its list would write it. */
static int
show_root(struct guess *g)
{
    struct al_span p = g->plan->root.prefix;
    bool drive = g->plan->root.windows && p.len == 2;
    uint8_t *out = al_arena_alloc(g->arena, p.len + 2);

    if (out == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < p.len; i++) {
        out[i] = g->plan->root.windows && p.at[i] == '/' ? '\\' : p.at[i];
    }
    if (p.len == 0 || drive) {
        out[p.len++] = drive ? '\\' : '/';
    }
    g->look->options.root = (struct al_span){out, p.len};
    return AL_OK;
}

static int
guess_root(struct guess *g, import_paths_fn *paths, void *ctx)
{
    struct common c = {.arena = g->arena};
    struct al_span p;
    bool folder;
    int rc = AL_OK;

    g->plan->root.windows = c.windows = is_windows(g);
    if (g->options->root.at != NULL) {
        return told_root(g, g->options->root);
    }
    if (g->plan->maker == IMPORT_BY_ALTO) {
        return told_root(g, al_span_of("/"));
    }
    for (size_t r = 0; rc == AL_OK && r < g->t->row_count; r++) {
        if (path_of_row(g, r, &p, &folder)) {
            rc = add_common(&c, p, folder);
        }
    }
    while (rc == AL_OK && paths != NULL && paths(ctx, &p, &folder)) {
        if (p.len > 0) {
            rc = add_common(&c, p, folder);
        }
    }
    if (c.alone) {
        c.apart = !import_path_common(c.windows, &c.prefix, c.prefix, false) || c.apart;
    }
    if (rc == AL_OK && c.apart) {
        rc = problem(
            g,
            "the paths lie on several drives or shares: name the root, and make an import of each");
    }
    if (rc < 0) {
        return rc;
    }
    g->plan->root.prefix = c.prefix;
    return show_root(g);
}

static int
tell_columns(struct guess *g)
{
    struct import_column *out = al_arena_alloc(g->arena, (g->t->columns + 1) * sizeof(*out));

    if (out == NULL) {
        return AL_ENOMEM;
    }
    for (size_t c = 0; c < g->t->columns; c++) {
        char number[24];

        out[c].field = IMPORT_FIELDS;
        out[c].reads_as = "";
        out[c].guessed = true;
        (void)snprintf(number, sizeof(number), "%zu", c + 1); /* fits */
        out[c].name =
            al_arena_span(g->arena, g->t->names != NULL ? g->t->names[c] : al_span_of(number));
        for (int f = 0; f < IMPORT_FIELDS; f++) {
            if (g->plan->column[f] == (int)c) {
                out[c].field = (enum import_field)f;
                out[c].guessed = g->guessed[f];
                out[c].reads_as = reads_as(g, (enum import_field)f);
            }
        }
    }
    g->look->columns = out;
    g->look->column_count = g->t->columns;
    return AL_OK;
}

static int
show_rows(struct guess *g)
{
    size_t n = g->t->row_count < IMPORT_SAMPLE_ROWS ? g->t->row_count : IMPORT_SAMPLE_ROWS;
    struct al_span **rows = al_arena_alloc(g->arena, (n + 1) * sizeof(*rows));

    for (size_t r = 0; rows != NULL && r < n; r++) {
        rows[r] = al_arena_alloc(g->arena, (g->t->columns + 1) * sizeof(**rows));
        if (rows[r] == NULL) {
            return AL_ENOMEM;
        }
        for (size_t c = 0; c < g->t->columns; c++) {
            struct al_span shown = g->t->rows[r][c];

            shown.len = shown.len < IMPORT_CELL_SHOWN_MAX ? shown.len : IMPORT_CELL_SHOWN_MAX;
            rows[r][c] = al_arena_span(g->arena, shown);
            if (rows[r][c].at == NULL && shown.len > 0) {
                return AL_ENOMEM;
            }
        }
    }
    g->look->rows = rows;
    g->look->row_count = rows != NULL ? n : 0;
    return rows != NULL ? AL_OK : AL_ENOMEM;
}

static void
match(struct guess *g)
{
    for (int f = 0; f < IMPORT_FIELDS; f++) {
        g->plan->column[f] = -1;
        g->plan->unit[f] = 1;
        g->guessed[f] = true;
    }
    if (g->t->names != NULL) {
        import_names_match(g->t->names, g->t->columns, g->plan->column, g->plan->unit, g->is_utc);
        settle_paths(g);
    } else {
        import_contents_match(g->t, g->plan->column);
    }
    /* Names that nobody knows: what stands in them. */
    if (g->t->names != NULL && g->plan->column[IMPORT_F_PATH] < 0 &&
        g->plan->column[IMPORT_F_NAME] < 0) {
        int column[IMPORT_FIELDS];

        for (int f = 0; f < IMPORT_FIELDS; f++) {
            column[f] = -1;
        }
        import_contents_match(g->t, column);
        if (path_share(g, column[IMPORT_F_PATH]) >= 50) {
            for (int f = 0; f < IMPORT_FIELDS; f++) {
                if (f == IMPORT_F_PATH) {
                    g->plan->column[f] = column[f];
                }
            }
        }
    }
}

int
import_guess_columns(const struct import_table *t, const struct import_options *options,
                     import_paths_fn *paths, void *paths_ctx, struct al_arena *arena,
                     struct import_look *io_look, struct import_plan *io_plan)
{
    static const char *const makers[] = {"",         "find -printf", "PowerShell",
                                         "TreeSize", "WinDirStat",   "Alto"};
    struct guess g = {.t = t, .options = options, .arena = arena, .look = io_look, .plan = io_plan};
    int rc;

    match(&g);
    io_plan->columns = t->columns;
    io_plan->maker = maker_of(&g);
    io_look->made_by = makers[io_plan->maker];
    rc = apply_map(&g);
    if (rc == AL_OK && io_plan->column[IMPORT_F_PATH] < 0 && io_plan->column[IMPORT_F_NAME] < 0) {
        rc = problem(&g, "no column looks like a path: say which one is");
    }
    if (rc == AL_OK) {
        rc = guess_root(&g, paths, paths_ctx);
    }
    for (int f = 0; f < IMPORT_FIELDS; f++) {
        if (is_time((enum import_field)f) && io_plan->column[f] >= 0) {
            guess_epoch(&g, (enum import_field)f);
        }
        io_plan->zone_minutes[f] = g.is_utc[f] ? 0 : options->zone_minutes;
    }
    guess_dates(&g);
    guess_decimal(&g);
    guess_types(&g);
    io_look->options.dates = io_plan->dates;
    if (rc == AL_OK) {
        rc = tell_columns(&g);
    }
    return rc == AL_OK ? show_rows(&g) : rc;
}
