/* What a host found of LucidLink filespaces (doc/format/protocol.md), written anew as the answer of GET
 * /hosts/{id}/filespaces has it: nothing of the host's JSON is handed on as it came. */
#include "base/jsonout.h"
#include "server/service/agent/intake_read.h"

#include <string.h>

#define FOUND_MAX                                                                                  \
    (512u << 10) /* bytes: 64 paths of 4 KiB in both forms, escaped, end in a refusal */

static void
text_out(struct intake_reading *r, struct al_jsonout *j, const char *key)
{
    al_jo_text(j, key, al_span_of(intake_get_text(r, key, INTAKE_WHO_MAX)));
}

static const char *
logs_of(const json_t *obj)
{
    static const char *const words[] = {"absent", "denied", "present"};
    const char *text = json_string_value(json_object_get(obj, "logs"));

    for (size_t i = 0; text != NULL && i < AL_LEN(words); i++) {
        if (strcmp(words[i], text) == 0) {
            return words[i];
        }
    }
    return "unknown";
}

static void
one_out(struct intake_reading *r, struct al_jsonout *j)
{
    al_jo_object(j, NULL);
    al_jo_bytes(j, "path", intake_get_bytes(r, "path", INTAKE_PATH_MAX));
    text_out(r, j, "type");
    text_out(r, j, "source");
    text_out(r, j, "filespace");
    text_out(r, j, "filespace_uuid");
    text_out(r, j, "instance");
    text_out(r, j, "mode");
    al_jo_bool(j, "lucidlink", json_is_true(json_object_get(r->obj, "lucidlink")));
    al_jo_bool(j, "mounted", json_is_true(json_object_get(r->obj, "mounted")));
    al_jo_bool(j, "named", json_is_true(json_object_get(r->obj, "named")));
    al_jo_str(j, "logs", logs_of(r->obj));
    al_jo_close(j);
}

void
intake_read_filespaces(struct intake_reading *r, struct intake_record *to)
{
    const json_t *items = json_object_get(r->obj, "items");
    size_t count = json_array_size(items);
    struct al_buf AL_CLEANUP(al_buf_free) text = {.max = FOUND_MAX};
    struct al_jsonout j;
    int rc;

    to->kind = INTAKE_FILESPACES;
    to->ended_ns = intake_get_number(r, "told_ns", 0, INT64_MAX);
    if (!json_is_array(items)) {
        r->bad = r->bad != NULL ? r->bad : "filespaces of a host without a list of them";
        return;
    }
    al_jo_begin(&j, &text);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "program", intake_get_text(r, "program", INTAKE_TEXT_MAX));
    al_jo_str(&j, "text", intake_get_text(r, "text", INTAKE_TEXT_MAX));
    al_jo_u64(&j, "odd", intake_get_count(r, "odd"));
    al_jo_u64(&j, "more", intake_get_count(r, "more"));
    al_jo_array(&j, "items");
    for (size_t i = 0; i < count && i < INTAKE_FILESPACES_MAX && !r->no_memory; i++) {
        struct intake_reading one = {.arena = r->arena, .obj = json_array_get(items, i)};

        one_out(&one, &j); /* what is wrong with a member reads as not told */
        r->no_memory = one.no_memory;
    }
    al_jo_close(&j);
    al_jo_close(&j);
    rc = al_jo_end(&j);
    if (rc == AL_ELIMIT) {
        r->bad = "filespaces of a host that are too long";
        return;
    }
    to->found = rc == AL_OK ? al_arena_str(r->arena, (const char *)text.at) : NULL;
    r->no_memory = r->no_memory || to->found == NULL;
}
