#include "agent/auditlog/tree.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const char active[] = ".active";
#define ACTIVE_LEN (sizeof(active) - 1)

static int
order(const char *a, struct al_span b)
{
    return al_span_order(al_span_of(a), b);
}

static const char *
folder_name(const void *list, uint32_t i)
{
    return ((struct log_folder *const *)list)[i]->name;
}

static const char *
file_name(const void *list, uint32_t i)
{
    return ((struct log_file *const *)list)[i]->name;
}

/* Where the name is, or would be. */
static uint32_t
place_of(const void *list, uint32_t count, const char *(*name_of)(const void *list, uint32_t i),
         struct al_span name, bool *ret_found)
{
    uint32_t low = 0, high = count;

    *ret_found = false;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int o = order(name_of(list, mid), name);

        if (o == 0) {
            *ret_found = true;
            return mid;
        }
        if (o < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static uint32_t
folder_place(const struct log_folder *in, struct al_span name, bool *ret_found)
{
    return place_of(in->folders, in->folder_count, folder_name, name, ret_found);
}

static uint32_t
file_place(const struct log_folder *in, struct al_span name, bool *ret_found)
{
    return place_of(in->files, in->file_count, file_name, name, ret_found);
}

/* Room for one more in a list of pointers. */
static bool
room(void **list, uint32_t count, uint32_t *cap)
{
    uint32_t more = *cap < 4 ? 4 : *cap + *cap / 2;
    void *grown;

    if (count < *cap) {
        return true;
    }
    grown = al_realloc(*list, more * sizeof(void *));
    if (grown == NULL) {
        return false;
    }
    *list = grown;
    *cap = more;
    return true;
}

static struct log_folder *
folder_new(struct log_folder *in, struct al_span name)
{
    struct log_folder *f = al_zalloc(sizeof(*f) + name.len + 1);

    if (f == NULL) {
        return NULL;
    }
    f->parent = in;
    f->new = true;
    f->depth = in == NULL ? 0 : (uint16_t)(in->depth + 1);
    if (name.len > 0) {
        memcpy(f->name, name.at, name.len);
    }
    if (f->depth == 1) {
        f->node = al_zalloc(sizeof(*f->node));
        if (f->node == NULL) {
            al_free(f);
            return NULL;
        }
    } else if (in != NULL) {
        f->node = in->node;
    }
    return f;
}

static void
folder_free(struct log_folder *f)
{
    for (uint32_t i = 0; i < f->file_count; i++) {
        al_free(f->files[i]->hole);
        al_free(f->files[i]);
    }
    if (f->depth == 1) {
        al_free(f->node->host);
        al_free(f->node->user);
        al_free(f->node);
    }
    al_free(f->files);
    al_free(f->folders);
    al_free(f);
}

static int
folder_in_all(struct tree *t, struct log_folder *f)
{
    void *all = t->all;
    bool fits = room(&all, t->folder_count, &t->folder_cap);

    t->all = all;
    if (fits) {
        t->all[t->folder_count++] = f;
    }
    return fits ? AL_OK : AL_ENOMEM;
}

int
tree_begin(struct tree *t)
{
    int rc;

    *t = (struct tree){.root = folder_new(NULL, al_span_of(""))};
    rc = t->root != NULL ? folder_in_all(t, t->root) : AL_ENOMEM;
    if (rc != AL_OK) {
        al_free(t->root);
        *t = (struct tree){0};
    }
    return rc;
}

void
tree_end(struct tree *t)
{
    for (uint32_t i = t->folder_count; i > 0; i--) {
        folder_free(t->all[i - 1]);
    }
    al_free(t->all);
    *t = (struct tree){0};
}

static bool
name_is_usable(struct al_span name)
{
    return name.len > 0 && name.len <= TREE_NAME_MAX && memchr(name.at, 0, name.len) == NULL &&
           memchr(name.at, '/', name.len) == NULL && !al_span_equal(name, al_span_of(".")) &&
           !al_span_equal(name, al_span_of(".."));
}

int
tree_folder(struct tree *t, struct log_folder *in, struct al_span name, struct log_folder **ret,
            bool *ret_new)
{
    bool found, fits;
    uint32_t at = folder_place(in, name, &found);
    void *list = in->folders;
    struct log_folder *f;
    int rc;

    if (ret_new != NULL) {
        *ret_new = !found;
    }
    if (found) {
        *ret = in->folders[at];
        return AL_OK;
    }
    if (!name_is_usable(name) || t->folder_count >= TREE_FOLDERS_MAX ||
        in->depth >= TREE_DEPTH_MAX) {
        return AL_ELIMIT;
    }
    fits = room(&list, in->folder_count, &in->folder_cap);
    in->folders = list;
    f = fits ? folder_new(in, name) : NULL;
    if (f == NULL) {
        return AL_ENOMEM;
    }
    rc = folder_in_all(t, f);
    if (rc != AL_OK) {
        folder_free(f);
        return rc;
    }
    memmove(&in->folders[at + 1], &in->folders[at], (in->folder_count - at) * sizeof(f));
    in->folders[at] = f;
    in->folder_count++;
    *ret = f;
    return AL_OK;
}

int
tree_file(struct tree *t, struct log_folder *in, struct al_span name, struct log_file **ret,
          bool *ret_new)
{
    bool found, fits;
    uint32_t at = file_place(in, name, &found);
    void *list = in->files;
    struct log_file *f;
    size_t size;

    if (ret_new != NULL) {
        *ret_new = !found;
    }
    if (found) {
        *ret = in->files[at];
        return AL_OK;
    }
    if (!name_is_usable(name) || t->file_count >= TREE_FILES_MAX) {
        return AL_ELIMIT;
    }
    fits = room(&list, in->file_count, &in->file_cap);
    in->files = list;
    size = offsetof(struct log_file, name) + name.len +
           1; /* the name begins in the padding: of so many each byte counts */
    f = fits ? al_zalloc(size > sizeof(*f) ? size : sizeof(*f)) : NULL;
    if (f == NULL) {
        return AL_ENOMEM;
    }
    f->in = in;
    f->id = ++t->last_id;
    f->flags = LOG_NEW;
    memcpy(f->name, name.at, name.len);
    memmove(&in->files[at + 1], &in->files[at], (in->file_count - at) * sizeof(f));
    in->files[at] = f;
    in->file_count++;
    t->file_count++;
    *ret = f;
    return AL_OK;
}

void
tree_forget_file(struct tree *t, struct log_file *f)
{
    struct log_folder *in = f->in;
    bool found;
    uint32_t at = file_place(in, al_span_of(f->name), &found);

    if (found) {
        in->file_count--;
        memmove(&in->files[at], &in->files[at + 1], (in->file_count - at) * sizeof(f));
        t->file_count--;
        al_free(f->hole);
        al_free(f);
    }
}

void
tree_forget_folder(struct tree *t, struct log_folder *f)
{
    struct log_folder *in = f->parent;
    bool found;
    uint32_t at = folder_place(in, al_span_of(f->name), &found);

    if (!found || f->file_count > 0 || f->folder_count > 0) {
        return;
    }
    in->folder_count--;
    memmove(&in->folders[at], &in->folders[at + 1], (in->folder_count - at) * sizeof(f));
    for (uint32_t i = 0; i < t->folder_count; i++) {
        if (t->all[i] == f) {
            t->all[i] = t->all[--t->folder_count];
            break;
        }
    }
    folder_free(f);
}

int
tree_path(const struct log_folder *f, struct al_buf *to)
{
    int rc = AL_OK;

    if (f->parent == NULL) {
        return AL_OK;
    }
    if (f->parent->parent != NULL) {
        rc = tree_path(f->parent, to);
        rc = rc != AL_OK ? rc : al_buf_adds(to, "/");
    }
    return rc != AL_OK ? rc : al_buf_adds(to, f->name);
}

static bool
ends_with(struct al_span name, const char *end, size_t len)
{
    return len > 0 && name.len > len && memcmp(name.at + name.len - len, end, len) == 0;
}

bool
tree_is_log(struct al_span name, const struct audit_names *endings, struct al_span *ret_key,
            bool *ret_active)
{
    *ret_active = ends_with(name, active, ACTIVE_LEN);
    *ret_key = name;
    if (*ret_active) {
        ret_key->len -= ACTIVE_LEN;
        return true;
    }
    if (ends_with(name, ".log", 4)) {
        return true;
    }
    for (size_t i = 0; i < endings->count; i++) {
        if (ends_with(name, endings->at[i], strlen(endings->at[i]))) {
            return true;
        }
    }
    return false;
}

int64_t
tree_begin_of(const char *name)
{
    char text[] = "0000-00-00T00:00:00Z";
    int64_t ns;

    if (strlen(name) < sizeof(text) - 1 || name[19] != 'Z') {
        return 0;
    }
    memcpy(text, name, sizeof(text) - 1);
    if (text[13] != '.' || text[16] != '.') {
        return 0;
    }
    text[13] = text[16] = ':';
    return al_time_parse(text, &ns) == AL_OK && ns > 0 ? ns : 0;
}

const struct log_folder *
tree_last_folder(const struct log_folder *in)
{
    const struct log_folder *last = NULL;
    uint64_t last_number = 0;

    for (uint32_t i = 0; i < in->folder_count; i++) {
        uint64_t number = 0;

        if (in->folders[i]->missing_s != 0) {
            continue;
        }
        if (al_parse_u64(in->folders[i]->name, &number) != AL_OK) {
            number = 0;
        }
        if (last == NULL || number >= last_number) {
            last = in->folders[i];
            last_number = number;
        }
    }
    return last;
}
