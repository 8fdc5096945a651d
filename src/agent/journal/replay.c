#include <string.h>

#include "agent/journal/journal_priv.h"
#include "base/hash.h"
#include "base/mem.h"

static const uint8_t magic[8] = "ALTOJ1\n";

static size_t
text_len(const char *s)
{
    return s != NULL ? strlen(s) : 0;
}

static const char *
copy_text(char **io_to, const char *s)
{
    char *at = *io_to;
    size_t len = text_len(s);

    if (s == NULL) {
        return NULL;
    }
    memcpy(at, s, len + 1);
    *io_to += len + 1;
    return at;
}

int
journal_item_new(const struct journal_intent *in, uint64_t seq, struct journal_item **ret)
{
    size_t bytes = text_len(in->volume_id) + text_len(in->share_id) + text_len(in->job_id) +
                   text_len(in->rule_id) + text_len(in->object_id) + text_len(in->object_name) +
                   text_len(in->process) + in->path.len + in->capability.len + 8;
    struct journal_item *item = al_zalloc(sizeof(*item) + bytes);
    char *to;

    if (item == NULL) {
        return AL_ENOMEM;
    }
    to = item->strings;
    item->seq = seq;
    item->intent = *in;
    item->intent.volume_id = copy_text(&to, in->volume_id);
    item->intent.share_id = copy_text(&to, in->share_id);
    item->intent.job_id = copy_text(&to, in->job_id);
    item->intent.rule_id = copy_text(&to, in->rule_id);
    item->intent.object_id = copy_text(&to, in->object_id);
    item->intent.object_name = copy_text(&to, in->object_name);
    item->intent.process = copy_text(&to, in->process);
    if (in->path.len > 0) {
        memcpy(to, in->path.at, in->path.len);
    }
    item->intent.path.at = (const uint8_t *)to;
    to += in->path.len;
    if (in->capability.len > 0) {
        memcpy(to, in->capability.at, in->capability.len);
    }
    item->intent.capability.at = (const uint8_t *)to;
    al_list_init(&item->open);
    al_list_init(&item->found);
    *ret = item;
    return AL_OK;
}

int
journal_image(struct journal *j, uint64_t seed, struct al_buf *to)
{
    uint8_t header[JOURNAL_HEADER_BYTES];
    int rc;

    memcpy(header, magic, 8);
    al_put_u64(header + 8, seed);
    al_put_u64(header + 16, al_xxh64(header, 16, 0));
    rc = al_buf_add(to, header, sizeof(header));
    for (struct al_list *l = j->open.next; rc == AL_OK && l != &j->open; l = l->next) {
        const struct journal_item *item = AL_LIST_ITEM(l, struct journal_item, open);
        struct journal_record r = {.seq = item->seq, .state = item->intent.state, .whole = true};

        r.intent = item->intent;
        rc = journal_record_print(&r, seed, to);
    }
    return rc;
}

int
journal_replace(struct port *port, struct port_file *dir, const struct al_buf *image,
                struct port_file **ret_file)
{
    struct port_file *f = NULL;
    int rc = port_open(port, dir, JOURNAL_FILE_NEW,
                       PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0600, &f);

    if (rc != AL_OK) {
        return rc;
    }
    rc = port_pwrite(port, f, image->at, image->len, 0);
    if (rc == AL_OK) {
        rc = port_sync(port, f);
    }
    if (rc == AL_OK) {
        rc = port_rename(port, dir, JOURNAL_FILE_NEW, dir, JOURNAL_FILE, true);
    }
    if (rc == AL_OK) {
        rc = port_sync(port, dir);
    }
    if (rc != AL_OK) {
        port_close_quiet(port, &f);
        return rc;
    }
    *ret_file = f;
    return AL_OK;
}

static int
check_header(struct al_span *io, uint64_t *ret_seed, struct al_fail *fail)
{
    struct al_span header;

    if (al_span_take(io, JOURNAL_HEADER_BYTES, &header) != AL_OK ||
        memcmp(header.at, magic, sizeof(magic)) != 0 ||
        al_get_u64(header.at + 16) != al_xxh64(header.at, 16, 0)) {
        return al_fail_set(fail, AL_ECORRUPT, 0,
                           "the file \"journal\" in the agent's state folder is no journal of this "
                           "version; move it away and let the volumes be reconciled");
    }
    *ret_seed = al_get_u64(header.at + 8);
    return AL_OK;
}

struct replay {
    struct journal_item **items; /* by seq, ascending; NULL once ended */
    uint64_t *seqs;
    size_t count, cap;
};

static int
replay_room(struct replay *r)
{
    size_t cap = r->cap == 0 ? 256 : r->cap * 2;
    struct journal_item **items;
    uint64_t *seqs;

    if (r->count < r->cap) {
        return AL_OK;
    }
    items = al_realloc(r->items, cap * sizeof(struct journal_item *));
    if (items == NULL) {
        return AL_ENOMEM;
    }
    r->items = items;
    seqs = al_realloc(r->seqs, cap * sizeof(uint64_t));
    if (seqs == NULL) {
        return AL_ENOMEM;
    }
    r->seqs = seqs;
    r->cap = cap;
    return AL_OK;
}

static struct journal_item **
replay_find(struct replay *r, uint64_t seq)
{
    size_t lo = 0, hi = r->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (r->seqs[mid] < seq) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < r->count && r->seqs[lo] == seq ? &r->items[lo] : NULL;
}

/* One good record. A note of an intent that is not there is of one that ended before the file was
 * written anew. */
static int
replay_one(struct replay *r, const struct journal_record *rec, size_t bytes)
{
    if (rec->whole) {
        int rc;

        if (r->count > 0 && rec->seq <= r->seqs[r->count - 1]) {
            return AL_ECORRUPT;
        }
        rc = replay_room(r);
        if (rc == AL_OK) {
            rc = journal_item_new(&rec->intent, rec->seq, &r->items[r->count]);
        }
        if (rc == AL_OK) {
            r->items[r->count]->bytes = bytes;
            r->seqs[r->count++] = rec->seq;
        }
        return rc;
    }
    {
        struct journal_item **at = replay_find(r, rec->seq);

        if (at != NULL && *at != NULL) {
            if (rec->state == JOURNAL_ENDED) {
                al_free(*at);
                *at = NULL;
            } else {
                (*at)->intent.state = rec->state;
            }
        }
    }
    return AL_OK;
}

static void
replay_end(struct replay *r)
{
    for (size_t k = 0; k < r->count; k++) {
        al_free(r->items[k]);
    }
    al_free(r->items);
    al_free(r->seqs);
}

static int
replay_all(struct journal *j, struct al_span left, uint64_t seed, uint64_t *ret_torn)
{
    AL_CLEANUP(replay_end) struct replay r = {0};
    AL_CLEANUP(al_freep) char *strings = al_alloc(JOURNAL_STRINGS_MAX);
    int rc = strings != NULL ? AL_OK : AL_ENOMEM;

    while (rc == AL_OK && left.len > 0) {
        struct journal_record rec;
        size_t before = left.len;

        if (journal_record_parse(&left, seed, strings, &rec) != AL_OK) {
            break;
        }
        rc = replay_one(&r, &rec, before - left.len);
        if (rc == AL_ECORRUPT) {
            left.len = before;
            rc = AL_OK;
            break;
        }
        j->seq_next = rec.seq >= j->seq_next ? rec.seq + 1 : j->seq_next;
    }
    if (rc != AL_OK) {
        return rc;
    }
    for (size_t k = 0; k < r.count; k++) {
        if (r.items[k] != NULL) {
            al_list_push(&j->open, &r.items[k]->open);
            al_list_push(&j->found, &r.items[k]->found);
            j->open_bytes += r.items[k]->bytes;
            j->figures.open++;
            j->figures.found++;
            r.items[k] = NULL;
        }
    }
    while (left.len > 0 && left.at[left.len - 1] == 0) {
        left.len--; /* room */
    }
    *ret_torn = left.len;
    return AL_OK;
}

int
journal_replay(struct journal *j, uint64_t *ret_torn, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf all = {0};
    struct al_span left;
    uint64_t seed = 0;
    int rc;

    al_buf_init(&all, JOURNAL_FILE_MAX);
    rc = port_read_file(j->port, j->dir, JOURNAL_FILE, JOURNAL_FILE_MAX, &all);
    if (rc == AL_ENOENT) {
        *ret_torn = 0;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return rc;
    }
    left = al_buf_span(&all);
    rc = check_header(&left, &seed, fail);
    return rc == AL_OK ? replay_all(j, left, seed, ret_torn) : rc;
}
