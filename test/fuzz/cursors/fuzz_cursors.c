/* The agent's file of cursors: any bytes load into a tree and a coverage that can be walked and asked, or are told as not holding. The
 * checksums would keep a fuzzer out, so the input is also taken as the entries of a frame. */
#include <string.h>

#include "agent/auditlog/cursors.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken can be printed and taken again, and is the same. */
static void
tally(struct tally *t)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    static struct tally again;
    const struct tally_sample *a[TALLY_SAMPLES_MAX], *b[TALLY_SAMPLES_MAX];
    struct al_span left;
    size_t count = tally_latest(t, a);
    int rc;

    al_buf_init(&text, 1u << 16);
    again = (struct tally){0};
    rc = tally_print(t, 7, 8, true, &text);
    left = al_buf_span(&text);
    while (rc == AL_OK && left.len > 0) {
        uint8_t kind = left.at[0];

        left.at++;
        left.len--;
        rc = kind == 7 ? tally_take(&again, &left) : tally_take_sample(&again, &left);
    }
    if (rc != AL_OK || memcmp(&again.lines, &t->lines, sizeof(t->lines)) != 0 || memcmp(&again.events, &t->events, sizeof(t->events)) != 0 ||
        strcmp(again.filespace, t->filespace) != 0 || strcmp(again.filespace_uuid, t->filespace_uuid) != 0 || tally_latest(&again, b) != count) {
        __builtin_trap();
    }
    for (size_t i = 0; i < count; i++) {
        if (a[i]->number != b[i]->number || a[i]->why >= AUDITLOG_SKIP_COUNT || a[i]->path_len > TALLY_PATH_MAX || a[i]->text_len > AUDITLOG_SAMPLE_MAX) {
            __builtin_trap();
        }
    }
}

static void
walk(const struct tree *t, const struct coverage *c, struct cursors_root *root)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint32_t files = 0;
    uint8_t bytes[COVERAGE_BYTES];
    struct coverage copy = *c, again;

    al_buf_init(&path, 1u << 16);
    for (uint32_t i = 0; i < t->folder_count; i++) {
        al_buf_clear(&path);
        if (tree_path(t->all[i], &path) != AL_OK || t->all[i]->depth > TREE_DEPTH_MAX) {
            __builtin_trap();
        }
        files += t->all[i]->file_count;
        for (uint32_t k = 0; k < t->all[i]->file_count; k++) {
            const struct log_file *f = t->all[i]->files[k];

            if (f->in != t->all[i] || strlen(f->name) == 0 || (k > 0 && strcmp(t->all[i]->files[k - 1]->name, f->name) >= 0)) {
                __builtin_trap();
            }
            (void)tree_begin_of(f->name); /* must only not crash */
        }
        (void)tree_last_folder(t->all[i]);
    }
    if (files != t->file_count) {
        __builtin_trap();
    }
    (void)coverage_since(c, 168); /* the same */
    tally(&root->tally);
    coverage_event(&copy, INT64_C(1790000000) * 1000000000);
    coverage_print(&copy, bytes);
    if (coverage_parse((struct al_span){bytes, sizeof(bytes)}, &again) != AL_OK) {
        __builtin_trap();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree t;
    struct coverage c = {0};
    struct cursors_root root = {0};
    struct cursors_ids ids = {0};
    size_t good = 0;
    int rc;

    if (tree_begin(&t) != AL_OK) {
        return 0;
    }
    rc = cursors_parse((struct al_span){data, size}, &t, &c, &root, &good);
    if (rc != AL_OK || good > size) {
        __builtin_trap();
    }
    walk(&t, &c, &root);
    rc = cursors_entries((struct al_span){data, size}, &t, &ids, &c, &root);
    if (rc != AL_OK && rc != AL_ECORRUPT) {
        __builtin_trap();
    }
    walk(&t, &c, &root);
    al_free(ids.at);
    tree_end(&t);
    return 0;
}
