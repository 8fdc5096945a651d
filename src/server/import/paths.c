#include "server/import/paths.h"

#include <string.h>

static bool
is_drive(struct al_span p)
{
    return p.len >= 2 && p.at[1] == ':' && al_lower(p.at[0]) >= 'a' && al_lower(p.at[0]) <= 'z';
}

bool
import_path_is_windows(struct al_span raw)
{
    if (is_drive(raw) && (raw.len == 2 || raw.at[2] == '\\' || raw.at[2] == '/')) {
        return true;
    }
    return raw.len >= 2 && raw.at[0] == '\\' && raw.at[1] == '\\';
}

size_t
import_path_plain(bool windows, struct al_span raw, uint8_t *out)
{
    size_t len = 0;

    if (windows && raw.len >= 4 &&
        (memcmp(raw.at, "\\\\?\\", 4) == 0 || memcmp(raw.at, "\\\\.\\", 4) == 0)) {
        raw.at += 4;
        raw.len -= 4;
        if (raw.len >= 4 && al_lower(raw.at[0]) == 'u' && al_lower(raw.at[1]) == 'n' &&
            al_lower(raw.at[2]) == 'c' && raw.at[3] == '\\') {
            raw.at += 3; /* "\host\share", one more in front */
            raw.len -= 3;
            out[len++] = '/';
        }
    }
    while (raw.len >= 2 && raw.at[0] == '.' &&
           (raw.at[1] == '/' || (windows && raw.at[1] == '\\'))) {
        raw.at += 2;
        raw.len -= 2;
    }
    if (raw.len == 1 && raw.at[0] == '.') {
        return len;
    }
    if (!windows) {
        if (raw.len > 0) {
            memcpy(out + len, raw.at, raw.len);
        }
        return len + raw.len;
    }
    for (size_t i = 0; i < raw.len; i++) {
        out[len++] = raw.at[i] == '\\' ? '/' : raw.at[i];
    }
    return len;
}

static bool
same(bool fold, const uint8_t *a, const uint8_t *b, size_t len)
{
    if (!fold || memcmp(a, b, len) == 0) {
        return memcmp(a, b, len) == 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (al_lower(a[i]) != al_lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool
import_same_folded(struct al_span a, struct al_span b)
{
    return a.len == b.len && same(true, a.at, b.at, a.len);
}

/* "/a/b" or "/a/b/" behind the root: nothing in it may lead anywhere else. */
static const char *
check_parts(const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;

    if (len > IMPORT_PATH_BYTES_MAX) {
        return "the path is longer than 65536 bytes";
    }
    if (memchr(p, 0, len) != NULL) {
        return "the path contains a NUL byte";
    }
    while (p < end) {
        const uint8_t *name = p + 1, *stop = memchr(name, '/', (size_t)(end - name));
        size_t n = (size_t)((stop != NULL ? stop : end) - name);

        if (n == 0) {
            return "the path has an empty part";
        }
        if (n <= 2 && name[0] == '.' && (n == 1 || name[1] == '.')) {
            return n == 1 ? "the path has a part \".\"" : "the path has a part \"..\"";
        }
        if (n > IMPORT_NAME_BYTES_MAX) {
            return "a name of the path is longer than 4096 bytes";
        }
        p = name + n;
    }
    return NULL;
}

const char *
import_path_read(const struct import_root *root, struct al_span raw, uint8_t *out, size_t *ret_len,
                 bool *ret_is_folder)
{
    size_t len, cut = root->prefix.len;
    uint8_t *at = out + 1; /* room for a '/' in front of a relative path */
    const char *why;

    *ret_is_folder = false;
    if (raw.len == 0) {
        return "the path is empty";
    }
    len = import_path_plain(root->windows, raw, at);
    if (len < cut || (cut > 0 && !same(root->windows, at, root->prefix.at, cut))) {
        return "the path lies outside of the root";
    }
    at += cut;
    len -= cut;
    if (cut == 0 && len > 0 && *at != '/') {
        at--;
        *at = '/';
        len++;
    }
    if (len > 0 && *at != '/') {
        return "the path lies outside of the root"; /* /srv/data2 */
    }
    if (len > 0 && at[len - 1] == '/') {
        *ret_is_folder = true;
        len--;
    }
    why = check_parts(at, len);
    if (why != NULL) {
        return why;
    }
    memmove(out, at, len);
    *ret_is_folder = *ret_is_folder || len == 0;
    *ret_len = len;
    return NULL;
}

/* What of a plain path is no folder that could be left: "D:", "//host/share", "". */
static size_t
top_len(bool windows, struct al_span p)
{
    const uint8_t *host, *share;

    if (windows && is_drive(p)) {
        return 2;
    }
    if (!windows || p.len < 3 || p.at[0] != '/' || p.at[1] != '/') {
        return 0;
    }
    host = memchr(p.at + 2, '/', p.len - 2);
    if (host == NULL) {
        return p.len;
    }
    share = memchr(host + 1, '/', p.len - (size_t)(host + 1 - p.at));
    return share != NULL ? (size_t)(share - p.at) : p.len;
}

bool
import_path_common(bool windows, struct al_span *io, struct al_span path, bool is_folder)
{
    size_t top = top_len(windows, *io), n = 0, most = io->len < path.len ? io->len : path.len, cut;

    while (n < most &&
           (windows ? al_lower(io->at[n]) == al_lower(path.at[n]) : io->at[n] == path.at[n])) {
        n++;
    }
    cut = n;
    /* n is a border when both end there or go on with a '/'; the path itself only when it is a folder. */
    if (!((n == io->len || io->at[n] == '/') && (n == path.len ? is_folder : path.at[n] == '/'))) {
        while (cut > 0 && io->at[cut - 1] != '/') {
            cut--;
        }
        cut = cut > 0 ? cut - 1 : 0;
    }
    if (cut < top || (top == 0 && n == 0 && io->len > 0 && path.len > 0 &&
                      (io->at[0] == '/') != (path.at[0] == '/'))) {
        return false;
    }
    io->len = cut;
    return true;
}
