/* search.h: what the room's files share. */
#ifndef ALTO_SERVER_SERVICE_SEARCH_SEARCH_H
#define ALTO_SERVER_SERVICE_SEARCH_SEARCH_H

#include "server/service/work/work.h"
#include "server/store/import.h"
#include "server/store/search.h"

#define SEARCH_TEXT_MAX 256u   /* bytes of what is looked for */
#define SEARCH_HITS_DEFAULT 8u /* of each kind */
#define SEARCH_HITS_MAX 50u    /* likewise: beyond, the kinds' own lists have pages */
#define SEARCH_VOLUMES 16384u  /* looked through for files */
/* for files: somebody types and waits; the nouns take milliseconds */
#define SEARCH_FILES_NS (INT64_C(2000) * 1000000)

struct search {
    struct service_req *req;
    struct scope scope;
    const char *text;
    uint32_t limit;
    struct al_jsonout *j;
    struct al_fail *fail;
};

/* Writes the hits into the open array. *ret_more: there are more. *ret_partial: the time was over, or a
 * volume could not be read, before all were looked through. */
int search_files(struct search *s, bool *ret_more, bool *ret_partial) AL_MUST_CHECK;
/* Members of a hit, into the open object. */
void search_hit(struct al_jsonout *j, const char *kind, const struct store_hit *hit);

#endif
