#include "server/service/import/import.h"

#include <string.h>

static int
limits(struct work_tx *t, const struct import_new *n)
{
    struct scope all = scope_system();
    struct store_import_use own, every;

    if (n->size > IMPORT_BYTES_MAX) {
        return al_fail_set(t->fail, AL_ELIMIT, 0,
                           "an import has at most %llu GiB: split the list, and import its parts "
                           "with mode \"add\"",
                           (unsigned long long)(IMPORT_BYTES_MAX / GIB));
    }
    SV_TRY(store_import_use(t->db, &all, n->customer_id, &own, t->fail));
    if (own.open >= IMPORT_OPEN_MAX) {
        return al_fail_set(t->fail, AL_ELIMIT, 0,
                           "%u imports of this customer are waiting already: run or delete some",
                           IMPORT_OPEN_MAX);
    }
    if (own.bytes + n->size > IMPORT_CUSTOMER_BYTES_MAX) {
        return al_fail_set(t->fail, AL_ELIMIT, 0,
                           "the imports kept for this customer would have more than %llu GiB: "
                           "delete some",
                           (unsigned long long)(IMPORT_CUSTOMER_BYTES_MAX / GIB));
    }
    SV_TRY(store_import_use(t->db, &all, "", &every, t->fail));
    if (every.bytes + n->size > IMPORT_ALL_BYTES_MAX) {
        return al_fail_set(t->fail, AL_ELIMIT, 0,
                           "all imports kept would have more than %llu GiB: delete some",
                           (unsigned long long)(IMPORT_ALL_BYTES_MAX / GIB));
    }
    return import_disk_room(t->worker->service, every.still, n->size, t->fail);
}

int
import_make(struct work_tx *t, const struct import_new *n, al_id ret)
{
    struct store_import m = {
        .name = n->name,
        .size = n->size,
        .options = n->options,
        .source = n->source,
        .source_ns = n->source_ns,
        .created_by = n->created_by,
        .created_ns = t->now_ns,
    };

    SV_TRY(limits(t, n));
    SV_TRY(store_id_make(t->db, t->now_ns, m.id));
    memcpy(m.customer_id, n->customer_id, sizeof(al_id));
    memcpy(m.volume_id, n->volume_id, sizeof(al_id));
    SV_TRY(store_import_add(t->db, &t->scope, &m, t->fail));
    SV_TRY(import_event(t, &m, "import.create", NULL, NULL, NULL));
    memcpy(ret, m.id, sizeof(al_id));
    return AL_OK;
}

int
import_event(struct work_tx *t, const struct store_import *m, const char *act, const char *code,
             const char *text, const char *result)
{
    AL_CLEANUP(al_buf_free) struct al_buf detail = {.max = 64u << 10};
    struct al_jsonout j;

    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "volume_id", m->volume_id);
    al_jo_u64(&j, "size", m->size);
    if (m->source != NULL && m->source[0] != '\0') {
        al_jo_str(&j, "source", m->source);
    }
    if (text != NULL && text[0] != '\0') {
        al_jo_str(&j, "text", text);
    }
    if (result != NULL) {
        al_jo_raw(&j, "result", al_span_of(result));
    }
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(t, &(struct work_event){
                             .customer_id = m->customer_id,
                             .act = act,
                             .subject_type = "import",
                             .subject_id = m->id,
                             .subject = al_span_of(m->name),
                             .code = code,
                             .detail = &detail,
                         });
}

void
import_publish(struct service_worker *w, const char *customer_id, const char *id)
{
    service_publish_noun(w, "import", &store_imports, customer_id, id);
}
