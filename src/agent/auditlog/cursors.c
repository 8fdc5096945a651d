#include "agent/auditlog/cursors.h"

#include <string.h>

#include "agent/auditlog/mark.h"
#include "base/hash.h"
#include "base/mem.h"

static const char magic[] = "ALTOCUR1";
#define HEAD_BYTES 16u
#define FRAME_BYTES 12u
#define IDS_MAX (TREE_FILES_MAX * 4u) /* a file of cursors is written anew long before */
enum kept { KEPT_LONG = 1, KEPT_WHOLE = 2, KEPT_COUNTED = 4 };

enum entry {
    ENTRY_LOG = 1,
    ENTRY_AT,
    ENTRY_GONE,
    ENTRY_COVERAGE,
    ENTRY_ROOT,
    ENTRY_CAUGHT,
    ENTRY_TALLY,
    ENTRY_SAMPLE
};

struct cursors {
    struct port *port;
    struct port_file *dir, *file;
    uint64_t number, end; /* the file's own number, and where the next frame goes */
    uint64_t live;        /* about what a new file would take */
    struct mark mark;     /* as it is on disk; zeroed: none */
    int64_t synced_ns, marked_ns;
    int64_t floor_ns;   /* of the coverage, at the last mark */
    bool anew;          /* the file is to be written as a whole */
    struct al_buf gone; /* entries of what was forgotten */
    struct al_buf text;
};

/* ---- reading ---- */

static int
ids_room(struct cursors_ids *ids, uint64_t id)
{
    size_t count = ids->count == 0 ? 256 : ids->count;
    struct log_file **more;

    if (id >= IDS_MAX) {
        return AL_ECORRUPT;
    }
    while (count <= id) {
        count *= 2;
    }
    if (count == ids->count) {
        return AL_OK;
    }
    more = al_realloc(ids->at, count * sizeof(struct log_file *));
    if (more == NULL) {
        return AL_ENOMEM;
    }
    memset(more + ids->count, 0, (count - ids->count) * sizeof(struct log_file *));
    ids->at = more;
    ids->count = count;
    return AL_OK;
}

static int
take_text(struct al_span *io, struct al_span *ret)
{
    uint64_t len;
    int rc = al_span_varint(io, &len);

    return rc != AL_OK ? rc : len > io->len ? AL_ECORRUPT : al_span_take(io, (size_t)len, ret);
}

static int
folder_of(struct tree *t, struct al_span path, struct log_folder **ret)
{
    struct log_folder *at = t->root;
    int rc = AL_OK;

    while (path.len > 0 && rc == AL_OK) {
        const uint8_t *slash = memchr(path.at, '/', path.len);
        size_t len = slash != NULL ? (size_t)(slash - path.at) : path.len;

        rc = tree_folder(t, at, (struct al_span){path.at, len}, &at, NULL);
        len += slash != NULL;
        path.at += len;
        path.len -= len;
    }
    *ret = at;
    return rc == AL_ELIMIT ? AL_ECORRUPT : rc;
}

static int
take_at(struct al_span *io, struct log_file *f)
{
    struct al_span rest;
    uint64_t offset, head_len;
    int rc = al_span_varint(io, &offset);

    rc = rc != AL_OK ? rc : al_span_take(io, 1, &rest);
    if (rc != AL_OK || offset > INT64_MAX) {
        return AL_ECORRUPT;
    }
    f->offset = offset;
    f->flags &= (uint16_t) ~(LOG_LONG | LOG_WHOLE | LOG_COUNTED);
    f->flags |= (rest.at[0] & KEPT_LONG) != 0 ? LOG_LONG : 0;
    f->flags |= (rest.at[0] & KEPT_WHOLE) != 0 ? LOG_WHOLE : 0;
    f->flags |= (rest.at[0] & KEPT_COUNTED) != 0 ? LOG_COUNTED : 0;
    rc = al_span_varint(io, &head_len);
    rc = rc != AL_OK ? rc : al_span_take(io, 8, &rest);
    if (rc != AL_OK || head_len > UINT16_MAX) {
        f->offset = 0; /* read again */
        return AL_ECORRUPT;
    }
    f->head_len = (uint16_t)head_len;
    f->head_hash = al_get_u64(rest.at);
    return AL_OK;
}

static int
take_log(struct al_span *io, uint64_t id, struct tree *t, struct cursors_ids *ids)
{
    struct al_span path, name;
    struct log_folder *in;
    struct log_file *f;
    int rc = take_text(io, &path);

    rc = rc != AL_OK ? rc : take_text(io, &name);
    rc = rc != AL_OK ? rc : folder_of(t, path, &in);
    rc = rc != AL_OK ? rc : tree_file(t, in, name, &f, NULL);
    rc = rc != AL_OK ? rc : ids_room(ids, id);
    if (rc != AL_OK) {
        return rc == AL_ELIMIT ? AL_ECORRUPT : rc;
    }
    if (f->id < ids->count && ids->at[f->id] == f) {
        ids->at[f->id] = NULL; /* named a second time: by its new number alone */
    }
    if (ids->at[id] != NULL && ids->at[id] != f) {
        return AL_ECORRUPT;
    }
    f->id = (uint32_t)id;
    f->flags |= LOG_WRITTEN;
    ids->at[id] = f;
    t->last_id = t->last_id < id ? (uint32_t)id : t->last_id;
    return take_at(io, f);
}

static int
take_entry(struct al_span *io, struct tree *t, struct cursors_ids *ids, struct coverage *c,
           struct cursors_root *root)
{
    struct al_span kind, bytes;
    struct log_file *f;
    uint64_t id;
    int rc = al_span_take(io, 1, &kind);

    if (rc != AL_OK) {
        return rc;
    }
    if (kind.at[0] == ENTRY_COVERAGE) {
        rc = al_span_take(io, COVERAGE_BYTES, &bytes);
        return rc != AL_OK ? rc : coverage_parse(bytes, c);
    }
    if (kind.at[0] == ENTRY_ROOT || kind.at[0] == ENTRY_CAUGHT) {
        rc = al_span_take(io, 8, &bytes);
        if (rc == AL_OK && kind.at[0] == ENTRY_ROOT) {
            root->fs = al_get_u64(bytes.at);
        } else if (rc == AL_OK && al_get_u64(bytes.at) <= INT64_MAX) {
            root->caught_ns = (int64_t)al_get_u64(bytes.at);
        }
        return rc;
    }
    if (kind.at[0] == ENTRY_TALLY || kind.at[0] == ENTRY_SAMPLE) {
        return kind.at[0] == ENTRY_TALLY ? tally_take(&root->tally, io)
                                         : tally_take_sample(&root->tally, io);
    }
    rc = al_span_varint(io, &id);
    if (rc != AL_OK || kind.at[0] < ENTRY_LOG || kind.at[0] > ENTRY_GONE) {
        return AL_ECORRUPT;
    }
    if (kind.at[0] == ENTRY_LOG) {
        return take_log(io, id, t, ids);
    }
    f = id < ids->count ? ids->at[id] : NULL;
    if (f == NULL) {
        return AL_ECORRUPT;
    }
    if (kind.at[0] == ENTRY_AT) {
        return take_at(io, f);
    }
    ids->at[id] = NULL;
    tree_forget_file(t, f);
    return AL_OK;
}

int
cursors_entries(struct al_span entries, struct tree *t, struct cursors_ids *ids, struct coverage *c,
                struct cursors_root *root)
{
    int rc = AL_OK;

    while (entries.len > 0 && rc == AL_OK) {
        rc = take_entry(&entries, t, ids, c, root);
    }
    return rc;
}

int
cursors_parse(struct al_span bytes, struct tree *t, struct coverage *c, struct cursors_root *root,
              size_t *ret_good)
{
    struct cursors_ids ids = {0};
    size_t at = HEAD_BYTES;
    uint64_t number;
    int rc = AL_OK;

    *ret_good = 0;
    if (bytes.len < HEAD_BYTES || memcmp(bytes.at, magic, 8) != 0) {
        return AL_OK;
    }
    number = al_get_u64(bytes.at + 8);
    while (rc == AL_OK) {
        size_t left = bytes.len - at;
        uint32_t len = left >= FRAME_BYTES ? al_get_u32(bytes.at + at) : 0;

        *ret_good = at;
        if (left < FRAME_BYTES || len == 0 || len > left - FRAME_BYTES ||
            al_get_u64(bytes.at + at + 4) !=
                al_xxh64(bytes.at + at + FRAME_BYTES, len, number + at)) {
            break;
        }
        rc = cursors_entries((struct al_span){bytes.at + at + FRAME_BYTES, len}, t, &ids, c, root);
        at += FRAME_BYTES + len;
    }
    al_free(ids.at);
    return rc == AL_ECORRUPT ? AL_OK : rc;
}

/* Whether there was more than the bytes that hold. Of a file by an agent that wrote no mark only its front tells. */
static int
look_at_mark(struct cursors *k, struct al_span bytes, size_t good, bool exists, bool *ret_lost)
{
    uint64_t number = good > 0 ? al_get_u64(bytes.at + 8) : 0;
    bool is;
    int rc = mark_read(k->port, k->dir, &k->mark, &is);

    *ret_lost = is ? !mark_holds(&k->mark, number, good) : exists && good == 0;
    if (*ret_lost) { /* and is so until a new one is written */
        k->mark = (struct mark){.bytes = UINT64_MAX};
    } else if (good > 0 && (!is || number != k->mark.number)) {
        k->mark = (struct mark){.number = number, .bytes = is ? k->mark.next_bytes : good};
    } else {
        k->mark.next_bytes = 0; /* the new file did not come to be */
    }
    return rc;
}

int
cursors_open(struct port *p, struct port_file *dir, struct tree *t, struct coverage *c,
             struct cursors_root *root, struct cursors **ret, bool *ret_lost)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct cursors *k = al_zalloc(sizeof(*k));
    size_t good = 0;
    bool exists;
    int rc;

    if (k == NULL) {
        return AL_ENOMEM;
    }
    *k = (struct cursors){.port = p, .dir = dir};
    al_buf_init(&k->gone, CURSORS_FRAME_MAX);
    al_buf_init(&k->text, CURSORS_BYTES_MAX);
    al_buf_init(&bytes, CURSORS_BYTES_MAX);
    rc = port_read_file(p, dir, CURSORS_FILE, CURSORS_BYTES_MAX, &bytes);
    exists = rc != AL_ENOENT;
    if (rc == AL_ENOENT || rc == AL_ELIMIT) { /* none, or nothing of ours */
        rc = AL_OK;
        al_buf_clear(&bytes);
    } else if (rc == AL_OK && bytes.len > 0) {
        rc = cursors_parse(al_buf_span(&bytes), t, c, root, &good);
    }
    rc = rc != AL_OK ? rc : look_at_mark(k, al_buf_span(&bytes), good, exists, ret_lost);
    if (rc != AL_OK) {
        (void)cursors_close(k); /* returns NULL */
        return rc;
    }
    /* One that holds whole is gone on with; else, and at first, it is written anew. */
    k->anew = good == 0 || good < bytes.len;
    if (!k->anew) {
        k->number = al_get_u64(bytes.at + 8);
        k->end = k->live = bytes.len;
        rc = port_open(p, dir, CURSORS_FILE, PORT_READ | PORT_WRITE, 0600, &k->file);
        k->anew = rc != AL_OK;
    }
    k->floor_ns = c->floor_ns;
    *ret = k;
    return AL_OK;
}

struct cursors *
cursors_close(struct cursors *k)
{
    if (k != NULL) {
        port_close_quiet(k->port, &k->file);
        al_buf_free(&k->gone);
        al_buf_free(&k->text);
        al_free(k);
    }
    return NULL;
}

/* ---- writing ---- */

static int
put_text(struct al_buf *to, struct al_span text)
{
    int rc = al_buf_add_varint(to, text.len);

    return rc != AL_OK || text.len == 0 ? rc : al_buf_add(to, text.at, text.len);
}

static int
put_file(struct al_buf *to, const struct log_file *f, bool whole)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint8_t kind = whole ? ENTRY_LOG : ENTRY_AT, hash[8];
    /* Also of what it was, as long as nothing is read of what it has become: it may be compressed. */
    bool is_whole = (f->flags & LOG_WHOLE) != 0 || (f->offset == 0 && f->was_whole);
    uint8_t flags =
        (uint8_t)(((f->flags & LOG_LONG) != 0 ? KEPT_LONG : 0) | (is_whole ? KEPT_WHOLE : 0) |
                  ((f->flags & LOG_COUNTED) != 0 ? KEPT_COUNTED : 0));
    int rc = al_buf_add(to, &kind, 1);

    rc = rc != AL_OK ? rc : al_buf_add_varint(to, f->id);
    if (whole && rc == AL_OK) {
        al_buf_init(&path, (TREE_NAME_MAX + 1) * TREE_DEPTH_MAX);
        rc = tree_path(f->in, &path);
        rc = rc != AL_OK ? rc : put_text(to, al_buf_span(&path));
        rc = rc != AL_OK ? rc : put_text(to, al_span_of(f->name));
    }
    al_put_u64(hash, f->head_hash);
    rc = rc != AL_OK ? rc : al_buf_add_varint(to, f->offset);
    rc = rc != AL_OK ? rc : al_buf_add(to, &flags, 1);
    rc = rc != AL_OK ? rc : al_buf_add_varint(to, f->head_len);
    return rc != AL_OK ? rc : al_buf_add(to, hash, sizeof(hash));
}

static int
put_coverage(struct al_buf *to, struct coverage *c, const struct cursors_root *root)
{
    uint8_t bytes[1 + COVERAGE_BYTES + 9];

    bytes[0] = ENTRY_COVERAGE;
    coverage_print(c, bytes + 1);
    bytes[1 + COVERAGE_BYTES] = ENTRY_ROOT;
    al_put_u64(bytes + 2 + COVERAGE_BYTES, root->fs);
    return al_buf_add(to, bytes, sizeof(bytes));
}

static int
put_caught(struct al_buf *to, const struct cursors_root *root)
{
    uint8_t bytes[9] = {ENTRY_CAUGHT};

    al_put_u64(bytes + 1, (uint64_t)root->caught_ns);
    return al_buf_add(to, bytes, sizeof(bytes));
}

/* The text grows by whole frames; `from` is where the text will lie. A frame is begun, and ended. */
static int
frame_begin(struct cursors *k, size_t *ret_at)
{
    static const uint8_t none[FRAME_BYTES];

    *ret_at = k->text.len;
    return al_buf_add(&k->text, none, sizeof(none));
}

static void
frame_end(struct cursors *k, size_t at, uint64_t from)
{
    size_t len = k->text.len - at - FRAME_BYTES;

    if (len == 0) {
        k->text.len = at;
        return;
    }
    al_put_u32(k->text.at + at, (uint32_t)len);
    al_put_u64(k->text.at + at + 4,
               al_xxh64(k->text.at + at + FRAME_BYTES, len, k->number + from + at));
}

static int
put_files(struct cursors *k, struct log_file **files, size_t count, bool whole, size_t *io_at,
          uint64_t from)
{
    int rc = AL_OK;

    for (size_t i = 0; i < count && rc == AL_OK; i++) {
        rc = put_file(&k->text, files[i], whole || (files[i]->flags & LOG_WRITTEN) == 0);
        if (rc == AL_OK && k->text.len - *io_at > CURSORS_FRAME_MAX / 2) {
            frame_end(k, *io_at, from);
            rc = frame_begin(k, io_at);
        }
    }
    return rc;
}

static int
print_all(struct cursors *k, struct tree *t, struct coverage *c, struct cursors_root *root)
{
    uint8_t number[8];
    size_t at;
    int rc = port_random(k->port, number, sizeof(number));

    if (k->mark.next_bytes != 0) {
        al_put_u64(number, k->mark.next_number);
    }
    k->number = al_get_u64(number);
    al_buf_clear(&k->text);
    rc = rc != AL_OK ? rc : al_buf_add(&k->text, magic, 8);
    rc = rc != AL_OK ? rc : al_buf_add(&k->text, number, sizeof(number));
    rc = rc != AL_OK ? rc : frame_begin(k, &at);
    rc = rc != AL_OK ? rc : put_coverage(&k->text, c, root);
    rc = rc != AL_OK ? rc : put_caught(&k->text, root);
    rc = rc != AL_OK ? rc : tally_print(&root->tally, ENTRY_TALLY, ENTRY_SAMPLE, true, &k->text);
    t->last_id = 0;
    for (uint32_t i = 0; i < t->folder_count && rc == AL_OK; i++) {
        for (uint32_t j = 0; j < t->all[i]->file_count; j++) {
            t->all[i]->files[j]->id = ++t->last_id;
        }
        rc = put_files(k, t->all[i]->files, t->all[i]->file_count, true, &at, 0);
    }
    if (rc == AL_OK) {
        frame_end(k, at, 0);
    }
    return rc;
}

/* The new file is named before it takes the old one's place, so that whichever is there after a crash is the right one. After
 * an error nobody knows which it is: the next one has the same number. */
static int
mark_next(struct cursors *k)
{
    uint64_t bytes = k->mark.next_bytes;

    k->mark.next_number = k->number;
    k->mark.next_bytes = bytes != 0 && bytes < k->text.len ? bytes : k->text.len;
    return mark_write(k->port, k->dir, &k->mark);
}

/* So much is durable. */
static int
mark_end(struct cursors *k, uint64_t bytes, const struct coverage *c)
{
    struct mark m = {.number = k->number, .bytes = bytes};
    int rc = mark_write(k->port, k->dir, &m);

    if (rc == AL_OK) {
        k->mark = m;
        k->marked_ns = port_mono_ns(k->port);
        k->floor_ns = c->floor_ns;
    }
    return rc;
}

static int
write_all(struct cursors *k, struct tree *t, struct coverage *c, struct cursors_root *root)
{
    int rc;

    port_close_quiet(k->port, &k->file);
    k->anew = true;
    rc = print_all(k, t, c, root);
    rc = rc != AL_OK ? rc : mark_next(k);
    rc = rc != AL_OK
             ? rc
             : port_write_file(k->port, k->dir, CURSORS_FILE, k->text.at, k->text.len, 0600);
    rc = rc != AL_OK
             ? rc
             : port_open(k->port, k->dir, CURSORS_FILE, PORT_READ | PORT_WRITE, 0600, &k->file);
    rc = rc != AL_OK ? rc : mark_end(k, k->text.len, c);
    if (rc == AL_OK) {
        k->anew = false;
        k->end = k->live = k->text.len;
        k->synced_ns = port_mono_ns(k->port);
        al_buf_clear(&k->gone);
        for (uint32_t i = 0; i < t->folder_count; i++) {
            for (uint32_t j = 0; j < t->all[i]->file_count; j++) {
                t->all[i]->files[j]->flags |= LOG_WRITTEN;
            }
        }
    }
    al_buf_free(&k->text);
    return rc;
}

static int
append(struct cursors *k, struct log_file **dirty, size_t count, struct coverage *c,
       struct cursors_root *root)
{
    int64_t now_ns = port_mono_ns(k->port);
    bool mark =
        k->marked_ns == 0 || now_ns - k->marked_ns >= CURSORS_MARK_NS || k->floor_ns != c->floor_ns;
    size_t at;
    int rc;

    al_buf_clear(&k->text);
    rc = frame_begin(k, &at);
    if (rc == AL_OK && c->changed) {
        rc = put_coverage(&k->text, c, root);
    }
    rc = rc != AL_OK ? rc : tally_print(&root->tally, ENTRY_TALLY, ENTRY_SAMPLE, false, &k->text);
    if (rc == AL_OK && k->gone.len > 0) {
        rc = al_buf_add(&k->text, k->gone.at, k->gone.len);
    }
    rc = rc != AL_OK ? rc : put_files(k, dirty, count, false, &at, k->end);
    if (rc == AL_OK && root->caught_ns != 0) { /* behind the cursors that it speaks of */
        rc = put_caught(&k->text, root);
    }
    if (rc == AL_OK) {
        frame_end(k, at, k->end);
    }
    if (rc == AL_OK && k->text.len > 0) {
        rc = port_pwrite(k->port, k->file, k->text.at, k->text.len, k->end);
    }
    if (rc == AL_OK && (mark || now_ns - k->synced_ns >= CURSORS_SYNC_NS)) {
        rc = port_datasync(k->port, k->file);
        k->synced_ns = port_mono_ns(k->port);
    }
    if (rc == AL_OK && mark) {
        rc = mark_end(k, k->end + k->text.len, c);
    }
    if (rc == AL_OK) {
        k->end += k->text.len;
        al_buf_clear(&k->gone);
    }
    return rc;
}

int
cursors_save(struct cursors *k, struct tree *t, struct log_file **dirty, size_t count,
             struct coverage *c, struct cursors_root *root)
{
    bool anew = k->anew || (k->end > CURSORS_COMPACT_BYTES && k->end > k->live * 4);
    int rc = anew ? write_all(k, t, c, root) : append(k, dirty, count, c, root);

    if (rc != AL_OK) {
        k->anew = true;
        c->changed = true;
        return rc;
    }
    for (size_t i = 0; i < count; i++) {
        dirty[i]->flags = (uint16_t)((dirty[i]->flags | LOG_WRITTEN) & ~(unsigned)LOG_DIRTY);
    }
    return AL_OK;
}

void
cursors_gone(struct cursors *k, const struct log_file *f)
{
    uint8_t kind = ENTRY_GONE;

    if ((f->flags & LOG_WRITTEN) == 0) {
        return;
    }
    if (al_buf_add(&k->gone, &kind, 1) != AL_OK || al_buf_add_varint(&k->gone, f->id) != AL_OK) {
        k->anew = true; /* then the new file has it no more */
    }
}
