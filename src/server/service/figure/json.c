#include "server/service/figure/figure.h"
#include "server/service/plan/ask.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned figure;
} wants[] = {
    {"age", INVENTORY_FIG_AGE},
    {"modified", INVENTORY_FIG_MODIFIED},
    {"size", INVENTORY_FIG_SIZE},
    {"ext", INVENTORY_FIG_EXT},
    {"owner", INVENTORY_FIG_OWNER},
    {"hottest", INVENTORY_FIG_HOTTEST},
    {"coldest", INVENTORY_FIG_COLDEST},
    {"largest", INVENTORY_FIG_LARGEST},
    {"duplicates", INVENTORY_FIG_DUPLICATES},
};

int
figure_want(struct service_req *req, unsigned *ret, struct al_fail *fail)
{
    const char *at = service_query(req, "want");
    unsigned want = 0;

    for (size_t i = 0; i < AL_LEN(wants) && at == NULL; i++) {
        want |= wants[i].figure;
    }
    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ","), i = 0;

        while (i < AL_LEN(wants) &&
               (strlen(wants[i].name) != len || strncmp(wants[i].name, at, len) != 0)) {
            i++;
        }
        if (i == AL_LEN(wants)) {
            return al_fail_set(fail, AL_EINVAL, 0,
                               "\"want\" is a list of age, modified, size, ext, owner, hottest, "
                               "coldest, largest, duplicates");
        }
        want |= wants[i].figure;
        at += len;
        at += *at == ',';
    }
    *ret = want;
    return AL_OK;
}

void
figure_totals_json(struct al_jsonout *j, const struct inventory_figures *f)
{
    const struct inventory_totals *t = &f->totals;

    al_jo_object(j, "totals");
    al_jo_u64(j, "files", t->files);
    al_jo_u64(j, "folders", t->folders);
    al_jo_u64(j, "others", t->others);
    al_jo_u64(j, "bytes", t->bytes);
    al_jo_u64(j, "allocated", t->allocated);
    al_jo_u64(j, "stub_files", t->stub_files);
    al_jo_u64(j, "stub_bytes", t->stub_bytes);
    al_jo_u64(j, "freed_bytes", t->freed_bytes);
    al_jo_u64(j, "unreadable", t->unreadable);
    al_jo_time(j, "last_scan_at", t->last_scan_ns);
    al_jo_close(j);
    al_jo_object(j, "unknown_access");
    al_jo_u64(j, "files", f->unknown_access_files);
    al_jo_u64(j, "bytes", f->unknown_access_bytes);
    al_jo_close(j);
    al_jo_u64(j, "imported_files", f->imported_files);
    al_jo_object(j, "evidence");
    for (unsigned i = 0; i < INVENTORY_SOURCES; i++) {
        al_jo_u64(j, inventory_source_name((enum inventory_source)i), f->evidence_files[i]);
    }
    al_jo_close(j);
}

/* Files; with of, each with its volume. */
static void
rows_json(struct al_jsonout *j, const char *key, const struct inventory_row *rows, size_t count,
          const al_id *of)
{
    if (of == NULL) {
        plan_rows_json(j, key, rows, count);
        return;
    }
    al_jo_array(j, key);
    for (size_t i = 0; i < count; i++) {
        al_jo_object(j, NULL);
        al_jo_str(j, "volume_id", of[i]);
        file_row_members(j, &rows[i]);
        al_jo_close(j);
    }
    al_jo_close(j);
}

static void
duplicates_json(struct al_jsonout *j, const struct inventory_figures *f, const al_id *of)
{
    al_jo_array(j, "duplicates");
    for (size_t i = 0; i < f->duplicate_count; i++) {
        const struct inventory_duplicate *d = &f->duplicates[i];

        al_jo_object(j, NULL);
        if (of != NULL) {
            al_jo_str(j, "volume_id", of[i]);
        }
        al_jo_bytes(j, "name", d->name);
        al_jo_bytes(j, "sample_path", d->sample_path);
        al_jo_u64(j, "size", d->size);
        al_jo_u64(j, "files", d->files);
        al_jo_u64(j, "wasted_bytes", d->wasted_bytes);
        al_jo_close(j);
    }
    al_jo_close(j);
}

static void
lists_json(struct al_jsonout *j, const struct inventory_figures *f, unsigned want,
           const struct figure_from *from)
{
    const struct figure_from none = {0};

    from = from != NULL ? from : &none;
    if ((want & INVENTORY_FIG_EXT) != 0) {
        plan_groups_json(j, "ext", f->exts, f->ext_count, true);
    }
    if ((want & INVENTORY_FIG_OWNER) != 0) {
        plan_groups_json(j, "owner", f->owners, f->owner_count, true);
    }
    if ((want & INVENTORY_FIG_HOTTEST) != 0) {
        rows_json(j, "hottest", f->hottest, f->hottest_count, from->hottest);
    }
    if ((want & INVENTORY_FIG_COLDEST) != 0) {
        rows_json(j, "coldest", f->coldest, f->coldest_count, from->coldest);
    }
    if ((want & INVENTORY_FIG_LARGEST) != 0) {
        rows_json(j, "largest", f->largest, f->largest_count, from->largest);
    }
    if ((want & INVENTORY_FIG_DUPLICATES) != 0) {
        duplicates_json(j, f, from->duplicates);
    }
}

int
figure_json(struct al_buf *out, const struct inventory_figures *f, unsigned want,
            const struct figure_from *from, size_t volumes, int64_t took_ns)
{
    struct al_jsonout j;

    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    figure_totals_json(&j, f);
    if (from != NULL) {
        al_jo_u64(&j, "volumes", volumes);
    }
    if ((want & INVENTORY_FIG_AGE) != 0) {
        plan_buckets_json(&j, "age", f->age, f->age_count, true, true);
    }
    if ((want & INVENTORY_FIG_MODIFIED) != 0) {
        plan_buckets_json(&j, "modified", f->modified, f->modified_count, true, true);
    }
    if ((want & INVENTORY_FIG_SIZE) != 0) {
        plan_buckets_json(&j, "size", f->size, f->size_count, false, true);
    }
    lists_json(&j, f, want, from);
    al_jo_u64(&j, "took_ms", (uint64_t)(took_ns < 0 ? 0 : took_ns) / 1000000);
    al_jo_close(&j);
    return al_jo_end(&j);
}
