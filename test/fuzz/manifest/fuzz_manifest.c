/* fuzz_manifest.c: whatever lies on a share: no line may crash the parser, and what it takes it prints so that it means the same. */
#include <stdlib.h>
#include <string.h>

#include "agent/target/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
    if (!what) {
        abort();
    }
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
must_be_equal(const struct manifest_record *a, const struct manifest_record *b)
{
    size_t i;

    must(same_text(a->object_id, b->object_id) && same_text(a->object_name, b->object_name));
    must(same_text(a->host_id, b->host_id) && same_text(a->volume_id, b->volume_id));
    must(al_span_equal(a->path, b->path) && a->size == b->size);
    must(a->atime_ns == b->atime_ns && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns);
    must(a->btime_ns == b->btime_ns && a->tiered_ns == b->tiered_ns);
    must(a->mode == b->mode && a->uid == b->uid && a->gid == b->gid);
    must(same_text(a->owner, b->owner) && same_text(a->group, b->group));
    must(al_xxh_equal(a->xxh, b->xxh) && memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0);
    must(a->xattr_count == b->xattr_count);
    for (i = 0; i < a->xattr_count; i++) {
        must(al_span_equal(a->xattrs[i].name, b->xattrs[i].name));
        must(al_span_equal(a->xattrs[i].value, b->xattrs[i].value));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(4u << 20);
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = MANIFEST_LINE_MAX};
    struct manifest_record first, second;
    struct al_span s = {.at = data, .len = size};
    int r;

    must(arena != NULL);
    if (manifest_parse(s, arena, &first, NULL) != AL_OK) {
        return 0;
    }
    r = manifest_print(&first, &line);
    must(r == AL_OK || r == AL_ELIMIT); /* base64 and escapes may be longer than what was read */
    if (r == AL_OK) {
        must(manifest_parse(al_buf_span(&line), arena, &second, NULL) == AL_OK);
        must_be_equal(&first, &second);
    }
    return 0;
}
