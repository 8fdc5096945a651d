/* figures.c: what lies where, and why. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define DAY_S 86400

/* ---- figures ---- */

static void
totals(const json_t *f)
{
    const json_t *t = json_object_get(f, "totals"), *u = json_object_get(f, "unknown_access");
    char bytes[32], allocated[32], stubs[32], freed[32];

    out_size(get_count(t, "bytes"), bytes);
    out_size(get_count(t, "allocated"), allocated);
    out_size(get_count(t, "stub_bytes"), stubs);
    out_size(get_count(t, "freed_bytes"), freed);
    (void)printf("%llu files, %s (%s on disk), %llu folders\n",
                 (unsigned long long)get_count(t, "files"), bytes, allocated,
                 (unsigned long long)get_count(t, "folders"));
    (void)printf("%llu stubs, %s, %s freed; %llu files known from an import only; of %llu the last "
                 "access is unknown\n",
                 (unsigned long long)get_count(t, "stub_files"), stubs, freed,
                 (unsigned long long)get_count(f, "imported_files"),
                 (unsigned long long)get_count(u, "files"));
}

/* An edge of a histogram: "90 d", "1.0 MB". */
static void
edge(const json_t *bucket, const char *key, bool age, char to[32])
{
    if (!json_is_integer(json_object_get(bucket, key))) {
        (void)snprintf(to, 32, "-");
    } else if (age) {
        (void)snprintf(to, 32, "%llu d", (unsigned long long)(get_count(bucket, key) / DAY_S));
    } else {
        out_size(get_count(bucket, key), to);
    }
}

/* A row for people of each bucket. */
static int
print_buckets(struct cli *c, const json_t *buckets, bool age)
{
    static const struct column columns[] = {{"FROM", "from", COL_TEXT},
                                            {"TO", "to", COL_TEXT},
                                            {"FILES", "files", COL_COUNT},
                                            {"SIZE", "bytes", COL_BYTES}};
    AL_CLEANUP(al_json_freep) json_t *rows = json_array();
    int rc = rows == NULL ? AL_ENOMEM : AL_OK;

    for (size_t i = 0; i < json_array_size(buckets) && rc == AL_OK; i++) {
        const json_t *b = json_array_get(buckets, i);
        json_t *row = json_object();
        char from[32], to[32];

        edge(b, age ? "from_s" : "from", age, from);
        edge(b, age ? "to_s" : "to", age, to);
        rc = al_json_set_str(row, "from", from);
        rc = rc != AL_OK ? rc : al_json_set_str(row, "to", to);
        rc = rc != AL_OK ? rc : al_json_set_u64(row, "files", get_count(b, "files"));
        rc = rc != AL_OK ? rc : al_json_set_u64(row, "bytes", get_count(b, "bytes"));
        if (rc != AL_OK || json_array_append_new(rows, row) != 0) {
            rc = AL_ENOMEM;
        }
    }
    return rc != AL_OK ? rc : out_table(c, rows, columns, AL_LEN(columns));
}

static int
print_by(struct cli *c, const json_t *f, const char *by)
{
    static const struct column groups[] = {{"NAME", "name", COL_TEXT},
                                           {"FILES", "files", COL_COUNT},
                                           {"SIZE", "bytes", COL_BYTES},
                                           {"STUBS", "stub_files", COL_COUNT}};
    static const struct column files[] = {{"PATH", "path", COL_TEXT},
                                          {"SIZE", "size", COL_BYTES},
                                          {"MODIFIED", "mtime_at", COL_TIME},
                                          {"ACCESSED", "accessed_at", COL_TIME},
                                          {"BY", "accessed_source", COL_TEXT}};
    static const struct column twins[] = {{"NAME", "name", COL_TEXT},
                                          {"SIZE", "size", COL_BYTES},
                                          {"FILES", "files", COL_COUNT},
                                          {"WASTED", "wasted_bytes", COL_BYTES},
                                          {"SUCH AS", "sample_path", COL_TEXT}};
    const json_t *rows = json_object_get(f, by);

    if (strcmp(by, "ext") == 0 || strcmp(by, "owner") == 0) {
        return out_table(c, rows, groups, AL_LEN(groups));
    }
    if (strcmp(by, "duplicates") == 0) {
        return out_table(c, rows, twins, AL_LEN(twins));
    }
    if (strcmp(by, "age") == 0 || strcmp(by, "modified") == 0 || strcmp(by, "size") == 0) {
        return print_buckets(c, rows, strcmp(by, "size") != 0);
    }
    return out_table(c, rows, files, AL_LEN(files));
}

static int
figures_path(struct cli *c, struct al_buf *path)
{
    const char *customer = args_get(c, "customer");
    al_id id;
    int rc;

    if ((c->word_count == 1) == (customer != NULL)) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "give either a volume or --customer");
    }
    if (customer != NULL) {
        rc = resolve_customer(c, customer, id);
        rc = rc != AL_OK ? rc : al_buf_adds(path, "/figures/inventory");
        return rc != AL_OK ? rc : add_query(path, "customer_id", id);
    }
    rc = resolve_volume(c, c->words[0], id);
    rc = rc != AL_OK ? rc : al_buf_addf(path, "/volumes/%s/figures", id);
    return rc == AL_OK && args_get(c, "folder") != NULL
               ? add_path(path, "folder", args_get(c, "folder"))
               : rc;
}

int
cmd_figures(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *f = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = 64u << 10};
    const char *by = args_get(c, "by") != NULL ? args_get(c, "by") : "ext";
    int rc = figures_path(c, &path);

    rc = rc != AL_OK ? rc : add_query(&path, "want", by);
    rc = rc != AL_OK ? rc : add_query(&path, "rows", args_get(c, "rows"));
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &f);
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(f);
    }
    totals(f);
    (void)printf("\n");
    return print_by(c, f, by);
}

/* ---- tree ---- */

int
cmd_tree(struct cli *c)
{
    static const struct column columns[] = {
        {"SIZE", "bytes", COL_BYTES},          {"ON DISK", "allocated", COL_BYTES},
        {"FILES", "files", COL_COUNT},         {"STUBS", "stub_files", COL_COUNT},
        {"ACCESSED", "accessed_at", COL_TIME}, {"FOLDER", "path", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *tree = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = 64u << 10};
    const json_t *self;
    char bytes[32];
    al_id id;
    int rc = resolve_volume(c, c->words[0], id);

    rc = rc != AL_OK ? rc : al_buf_addf(&path, "/volumes/%s/tree", id);
    rc = rc != AL_OK ? rc : add_path(&path, "folder", c->word_count > 1 ? c->words[1] : "/");
    rc = rc != AL_OK ? rc : add_query(&path, "sort", args_get(c, "sort"));
    rc = rc != AL_OK ? rc : add_query(&path, "limit", args_get(c, "limit"));
    rc = rc != AL_OK ? rc : add_query(&path, "offset", args_get(c, "offset"));
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &tree);
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(tree);
    }
    self = json_object_get(tree, "self");
    out_size(get_count(self, "bytes"), bytes);
    out_shown(stdout, get_text(self, "path"));
    (void)printf(": %llu files, %s, %llu folders\n",
                 (unsigned long long)get_count(self, "files"), bytes,
                 (unsigned long long)get_count(self, "folders"));
    if (json_array_size(json_object_get(tree, "items")) == 0) {
        return AL_OK;
    }
    (void)printf("\n");
    return out_table(c, json_object_get(tree, "items"), columns, AL_LEN(columns));
}

/* ---- why ---- */

int
cmd_why(struct cli *c)
{
    static const struct column rules[] = {
        {"RULE", "name", COL_TEXT},       {"ACTION", "action", COL_TEXT},
        {"ENABLED", "enabled", COL_TEXT}, {"MATCHES", "matches", COL_TEXT},
        {"DECIDES", "decides", COL_TEXT}, {"WHERE", "where", COL_TEXT}};
    static const struct column told[] = {{"WHEN", "at", COL_TIME},
                                         {"WHAT", "what", COL_TEXT},
                                         {"BY", "by", COL_TEXT},
                                         {"", "text", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *why = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = 64u << 10};
    al_id id;
    int rc = resolve_volume(c, c->words[0], id);

    rc = rc != AL_OK ? rc : al_buf_addf(&path, "/volumes/%s/why", id);
    rc = rc != AL_OK ? rc : add_path(&path, "path", c->words[1]);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &why);
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(why);
    }
    out_shown(stdout, get_text(json_object_get(why, "decision"), "text"));
    (void)printf("\n");
    if (json_array_size(json_object_get(why, "rules")) > 0) {
        (void)printf("\n");
        rc = out_table(c, json_object_get(why, "rules"), rules, AL_LEN(rules));
    }
    if (rc == AL_OK && json_array_size(json_object_get(why, "timeline")) > 0) {
        (void)printf("\n");
        rc = out_table(c, json_object_get(why, "timeline"), told, AL_LEN(told));
    }
    return rc;
}
