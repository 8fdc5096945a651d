/* How it stands with the filter driver of a Windows host (doc/format/protocol.md), written anew as the host's
 * JSON has it: nothing of the agent's JSON is handed on as it came. */
#include "base/jsonout.h"
#include "server/service/agent/intake_read.h"

#include <string.h>

#define DRIVER_MAX (64u << 10) /* bytes */

static const char *
word_of(struct intake_reading *r, const char *key, const char *const *words, size_t count)
{
    const char *text = json_string_value(json_object_get(r->obj, key));

    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            return words[i];
        }
    }
    return words[0];
}

static void
text_out(struct intake_reading *r, struct al_jsonout *j, const char *key, size_t max)
{
    al_jo_text(j, key, al_span_of(intake_get_text(r, key, max)));
}

void
intake_read_driver(struct intake_reading *r, struct intake_record *to)
{
    static const char *const states[] = {"unknown", "ok",          "no_dll",  "other_dll",
                                         "no_key",  "not_running", "refused", "no_folder",
                                         "lost",    "failed"};
    static const char *const flavours[] = {"", "cloudtier", "framework"};
    static const char *const policies[] = {"fill", "keep"};
    static const char *const counts[] = {"timeout_s", "room_bytes", "held_bytes", "times_connected",
                                         "blocks",    "files",      "fills",      "denied",
                                         "late",      "excluded",   "odd"};
    static const char *const flags[] = {"running", "connected", "has_key"};
    struct al_buf AL_CLEANUP(al_buf_free) text = {.max = DRIVER_MAX};
    struct al_jsonout j;
    int rc;

    to->kind = INTAKE_DRIVER;
    to->ended_ns = intake_get_number(r, "told_ns", 0, INT64_MAX);
    al_jo_begin(&j, &text);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "state", word_of(r, "state", states, AL_LEN(states)));
    text_out(r, &j, "text", INTAKE_TEXT_MAX);
    text_out(r, &j, "next", INTAKE_TEXT_MAX);
    al_jo_bytes(&j, "dll", intake_get_bytes(r, "dll", INTAKE_PATH_MAX));
    al_jo_str(&j, "flavour", word_of(r, "flavour", flavours, AL_LEN(flavours)));
    text_out(r, &j, "product", INTAKE_NAME_MAX);
    text_out(r, &j, "version", INTAKE_NAME_MAX);
    text_out(r, &j, "no_recall", INTAKE_TEXT_MAX);
    al_jo_str(&j, "policy", word_of(r, "policy", policies, AL_LEN(policies)));
    for (size_t i = 0; i < AL_LEN(flags); i++) {
        al_jo_bool(&j, flags[i], json_is_true(json_object_get(r->obj, flags[i])));
    }
    for (size_t i = 0; i < AL_LEN(counts); i++) {
        al_jo_u64(&j, counts[i], intake_get_count(r, counts[i]));
    }
    al_jo_time(&j, "told_at", to->ended_ns);
    al_jo_close(&j);
    rc = al_jo_end(&j);
    if (rc == AL_ELIMIT) {
        r->bad = "a driver's state that is too long";
        return;
    }
    to->found = rc == AL_OK ? al_arena_str(r->arena, (const char *)text.at) : NULL;
    r->no_memory = r->no_memory || to->found == NULL;
}
