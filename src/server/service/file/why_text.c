/* What happened to one file, in sentences that people understand. */
#include "server/service/file/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1024u

/* ---- refusals ---- */

static const struct {
    const char *reason, *text;
} refusals[] = {
    {"not_a_file", "it is no plain file"},
    {"already_stub", "it is a stub already"},
    {"already_archived", "it is archived already"},
    {"name_too_long", "its name has no room for .alto behind it"},
    {"is_placeholder", "it is a placeholder itself, or a file of Alto's own"},
    {"pinned", "it is pinned, so it stays on the host"},
    {"open_elsewhere", "it is being moved or read just now"},
    {"hard_linked", "it has several names (hard links), so taking one of them away frees nothing"},
    {"saves_no_blocks", "it uses no blocks that could be freed"},
    {"sparse", "it has holes, which would not come back as they are"},
    {"immutable", "it is marked immutable"},
    {"append_only", "it is marked append-only"},
    {"fs_verity", "it is protected by fs-verity"},
    {"fscrypt", "it is encrypted by its filesystem"},
    {"dax", "it is mapped straight from memory (DAX)"},
    {"changed", "it changed while it was looked at"},
    {"not_matching", "its rule does not mean it any more"},
    {"excluded", "a rule excludes it"},
    {"earlier_rule", "an earlier rule decides it"},
    {"no_access_record",
     "accesses are not known for as long as its rule asks, so nobody can say that it is cold"},
    {"pinned_in_lucidlink", "somebody pinned it in LucidLink, so it is wanted close at hand"},
    {"unknown", "nothing is known of it"},
};

const char *
why_refusal_text(const char *reason)
{
    for (size_t i = 0; i < AL_LEN(refusals); i++) {
        if (strcmp(refusals[i].reason, reason) == 0) {
            return refusals[i].text;
        }
    }
    return reason;
}

/* The order and the words are those of plans (inventory/plan.c); a test holds them equal. */
const char *
why_refusal_of(const struct inventory_row *row, bool archive)
{
    static const struct {
        uint32_t attr;
        const char *reason;
    } attrs[] = {
        {RULE_A_IMMUTABLE, "immutable"},
        {RULE_A_APPEND, "append_only"},
        {RULE_A_VERITY, "fs_verity"},
        {RULE_A_ENCRYPTED, "fscrypt"},
        {RULE_A_DAX, "dax"},
    };

    if (row->type != PORT_T_FILE) {
        return "not_a_file";
    }
    switch (row->state) {
    case RULE_S_STUB:
        return "already_stub";
    case RULE_S_ARCHIVED:
        return "already_archived";
    case RULE_S_PINNED:
        return "pinned";
    case RULE_S_TIERING:
    case RULE_S_RECALLING:
        return "open_elsewhere";
    default:
        break;
    }
    if (row->nlink > 1) {
        return "hard_linked";
    }
    if (archive ? row->size <= 4096 : row->size == 0 || row->allocated == 0) {
        return "saves_no_blocks";
    }
    if (!archive && row->allocated < row->size && (row->attrs & RULE_A_COMPRESSED) == 0) {
        return "sparse";
    }
    for (size_t i = 0; i < AL_LEN(attrs); i++) {
        if ((row->attrs & attrs[i].attr) != 0 && !(archive && attrs[i].attr == RULE_A_DAX)) {
            return attrs[i].reason;
        }
    }
    return archive && row->name.len > 250 ? "name_too_long" : NULL;
}

/* ---- events ---- */

static void
size_text(uint64_t bytes, char to[32])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t rest = 0;
    size_t u = 0;

    while (bytes >= 1000 && u + 1 < AL_LEN(units)) {
        rest = bytes % 1000;
        bytes /= 1000;
        u++;
    }
    if (u == 0) {
        (void)snprintf(to, 32, "%llu bytes", (unsigned long long)bytes);
    } else {
        (void)snprintf(to, 32, "%llu.%llu %s", (unsigned long long)bytes,
                       (unsigned long long)(rest / 100), units[u]);
    }
}

static const char *
text_of(const json_t *detail, const char *key)
{
    const char *text = json_string_value(json_object_get(detail, key));

    return text != NULL ? text : "";
}

static uint64_t
number_of(const json_t *detail, const char *key)
{
    const json_t *v = json_object_get(detail, key);

    return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static void AL_PRINTF(2, 3) say(char to[TEXT_MAX], const char *format, ...)
{
    size_t len = strlen(to);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(to + len, TEXT_MAX - len, format, args);
    va_end(args);
}

static void
say_failed(char to[TEXT_MAX], const char *what, const struct store_told *e, const json_t *d)
{
    const char *text = text_of(d, "text"), *reason = text_of(d, "reason");

    say(to, "%s: %s", what,
        text[0] != '\0'     ? text
        : reason[0] != '\0' ? why_refusal_text(reason)
                            : e->code);
}

static void
say_tier(char to[TEXT_MAX], const struct store_told *e, const json_t *d)
{
    char size[32], freed[32];

    if (strcmp(e->code, "ok") != 0) {
        say_failed(to, "Moving it to the share failed", e, d);
        return;
    }
    size_text(number_of(d, "size"), size);
    size_text(number_of(d, "freed"), freed);
    if (strcmp(e->act, "file.archive") == 0) {
        say(to, "Archived: %s went to the share, a placeholder stands in its place", size);
    } else {
        say(to, "Tiered: %s went to the share, %s became free on the host", size, freed);
    }
}

static void
say_recall(char to[TEXT_MAX], const struct store_told *e, const json_t *d)
{
    uint64_t pid = number_of(d, "pid"), took_ms = number_of(d, "took_ns") / 1000000;
    const char *process = text_of(d, "process");

    if (pid != 0) {
        say(to, "Opened by %s (process %llu, user %llu)",
            process[0] == '\0' ? "a program" : process, (unsigned long long)pid,
            (unsigned long long)number_of(d, "uid"));
    } else {
        say(to, "Asked for by a job");
    }
    if (strcmp(e->code, "ok") != 0) {
        say_failed(to, ", but bringing it back failed", e, d);
    } else if (took_ms > 0) {
        say(to, " and brought back from the share in %llu.%03llu s",
            (unsigned long long)(took_ms / 1000), (unsigned long long)(took_ms % 1000));
    } else {
        say(to, " and brought back from the share");
    }
}

static void
say_refuse(char to[TEXT_MAX], const json_t *d)
{
    const char *reason = text_of(d, "reason"), *text = text_of(d, "text");

    say(to, "Not moved: %s",
        reason[0] != '\0' ? why_refusal_text(reason)
        : text[0] != '\0' ? text
                          : "the host refused it");
    if (reason[0] != '\0' && text[0] != '\0') {
        say(to, " (%s)", text);
    }
}

static const char *
say_what(char to[TEXT_MAX], const struct store_told *e, const json_t *d)
{
    const struct {
        const char *act, *what, *text;
    } others[] = {
        {"file.read", "read", "Read through its stub, which stayed one"},
        {"file.adopt", "adopt",
         strcmp(e->code, "ok") == 0 ? "Recognised as a stub that was restored or moved here"
                                    : "Not adopted"},
        {"file.drop_marker", "drop_marker",
         "Its marker belonged to another file and was taken away"},
        {"file.reconcile", "reconcile", "Its marker was held against the file"},
        {"host.alarm", "alarm", "The host raised an alarm about it"},
    };

    if (strcmp(e->act, "file.tier") == 0) {
        say_tier(to, e, d);
        return "tier";
    }
    if (strcmp(e->act, "file.archive") == 0) {
        say_tier(to, e, d);
        return "archive";
    }
    if (strcmp(e->act, "file.recall") == 0) {
        say_recall(to, e, d);
        return "recall";
    }
    if (strcmp(e->act, "file.refuse") == 0) {
        say_refuse(to, d);
        return "refuse";
    }
    for (size_t i = 0; i < AL_LEN(others); i++) {
        if (strcmp(others[i].act, e->act) == 0) {
            const char *text = text_of(d, "text");

            say(to, "%s%s%s", others[i].text, text[0] == '\0' ? "" : ": ", text);
            return others[i].what;
        }
    }
    say(to, "%s%s%s", e->act, strcmp(e->code, "ok") == 0 ? "" : ": ",
        strcmp(e->code, "ok") == 0 ? "" : e->code);
    return "other";
}

/* NULL for the empty text, and when there is no memory: then it is not told. */
static const char *
kept(struct al_arena *a, const char *text)
{
    return text[0] == '\0' ? NULL : al_arena_str(a, text);
}

int
why_of_event(const struct store_told *e, struct al_arena *a, struct why_entry *ret)
{
    AL_CLEANUP(al_json_freep) json_t *d = NULL;
    char text[TEXT_MAX] = "";

    if (al_json_parse(e->detail, &d, NULL) != AL_OK) {
        d = json_object(); /* the event is told all the same */
    }
    *ret = (struct why_entry){
        .at_ns = e->at_ns,
        .what = say_what(text, e, d),
        .by = kept(a, e->actor_name),
        .code = kept(a, e->code),
        .reason = kept(a, text_of(d, "reason")),
        .rule_id = kept(a, text_of(d, "rule_id")),
        .job_id = kept(a, text_of(d, "job_id")),
        .event_id = kept(a, e->id),
        .rule_version = number_of(d, "rule_version"),
    };
    ret->text = al_arena_str(a, text);
    return ret->text == NULL ? AL_ENOMEM : AL_OK;
}
