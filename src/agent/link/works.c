/* works.c: STATE/works.json, an array of the ids of works that run. What is in it and does not run
 * any more is harmless: the end of a work that the server does not know as ours changes nothing
 * there. */
#include "agent/link/link_priv.h"

#include <string.h>

#include "base/json.h"

#define WORKS_FILE "works.json"
#define WORKS_FILE_MAX 65536u

int
link_works_save(struct link *l)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *list = json_array();
    int rc = list != NULL ? AL_OK : AL_ENOMEM;

    al_buf_init(&text, WORKS_FILE_MAX);
    port_mutex_lock(&l->mutex);
    for (size_t i = 0; i < l->running_count && rc == AL_OK; i++) {
        if (!l->running[i].ended) {
            rc =
                json_array_append_new(list, json_string(l->running[i].id)) == 0 ? AL_OK : AL_ENOMEM;
        }
    }
    port_mutex_unlock(&l->mutex);
    rc = rc != AL_OK ? rc : al_json_print(list, &text);
    return rc != AL_OK
               ? rc
               : port_write_file(l->conf.port, l->conf.state, WORKS_FILE, text.at, text.len, 0600);
}

void
link_works_give_back(struct link *l)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *list = NULL;

    al_buf_init(&text, WORKS_FILE_MAX);
    if (port_read_file(l->conf.port, l->conf.state, WORKS_FILE, WORKS_FILE_MAX, &text) != AL_OK ||
        al_json_parse(al_buf_span(&text), &list, NULL) != AL_OK) {
        return; /* none, or damaged: the leases run out by themselves */
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        AL_CLEANUP(al_buf_free) struct al_buf line = {0};
        const char *id = json_string_value(json_array_get(list, i));

        al_buf_init(&line, SPOOL_RECORD_MAX);
        if (id == NULL || !al_id_valid(id)) {
            continue;
        }
        if (record_work_end(id, AL_ECANCELED, "the agent was restarted", &line) != AL_OK ||
            spool_add(l->conf.spool, al_buf_span(&line)) != AL_OK) {
            return;
        }
    }
}
