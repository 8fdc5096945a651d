#include "server/import/cells.h"

#include <string.h>

#include "port/port.h"

#define WINDOWS_FOLDER 0x10u

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool
import_is_formula(uint8_t first)
{
    return first == '=' || first == '+' || first == '-' || first == '@' || first == '\t' ||
           first == '\r';
}

struct al_span
import_trim(struct al_span c)
{
    while (c.len > 0 && (c.at[0] == ' ' || c.at[0] == '\t')) {
        c.at++;
        c.len--;
    }
    while (c.len > 0 && (c.at[c.len - 1] == ' ' || c.at[c.len - 1] == '\t')) {
        c.len--;
    }
    return c;
}

bool
import_is(struct al_span a, const char *b)
{
    size_t i = 0;

    for (; i < a.len && b[i] != '\0'; i++) {
        if (al_lower(a.at[i]) != al_lower((uint8_t)b[i])) {
            return false;
        }
    }
    return i == a.len && b[i] == '\0';
}

bool
import_cell_empty(struct al_span cell)
{
    struct al_span c = import_trim(cell);

    /* Most cells are something: only short ones are compared. */
    return c.len == 0 ||
           (c.len <= 4 && (import_is(c, "-") || import_is(c, "n/a") || import_is(c, "null") ||
                           import_is(c, "none") || import_is(c, "\\N")));
}

int
import_cell_u64(struct al_span cell, uint64_t *ret)
{
    struct al_span c = import_trim(cell);
    uint64_t v = 0;

    if (c.len > 2 && c.at[0] == '0' && al_lower(c.at[1]) == 'x') {
        if (c.len > 18) {
            return AL_EINVAL;
        }
        for (size_t i = 2; i < c.len; i++) {
            uint8_t d = al_lower(c.at[i]);

            if (!is_digit(d) && (d < 'a' || d > 'f')) {
                return AL_EINVAL;
            }
            v = v << 4 | (uint64_t)(is_digit(d) ? d - '0' : d - 'a' + 10);
        }
        *ret = v;
        return AL_OK;
    }
    if (c.len == 0 || c.len > 20) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i < c.len; i++) {
        uint64_t d = (uint64_t)c.at[i] - '0';

        if (d > 9 || v > (UINT64_MAX - d) / 10) {
            return AL_EINVAL;
        }
        v = v * 10 + d;
    }
    *ret = v;
    return AL_OK;
}

/* ---- sizes ---- */

/* Bytes that a unit stands for; 0: none. */
static uint64_t
unit_bytes(struct al_span u)
{
    static const char letters[] = "KMGTPE";
    uint64_t each = 1024, bytes = 1;
    const char *at;

    if (u.len == 0 || import_is(u, "b") || import_is(u, "byte") || import_is(u, "bytes")) {
        return 1;
    }
    at = memchr(letters, u.at[0] & ~0x20, sizeof(letters) - 1);
    if (at == NULL || !((u.len == 1) || (u.len == 2 && al_lower(u.at[1]) == 'b') ||
                        (u.len == 3 && u.at[1] == 'i' && al_lower(u.at[2]) == 'b'))) {
        return 0;
    }
    if (u.at[0] == 'k' && u.len == 2) {
        each = 1000;
    }
    for (const char *l = letters; l <= at; l++) {
        bytes *= each;
    }
    return bytes;
}

/* Blanks that group digits: ' ', '\'', NBSP and the narrow one in UTF-8. Their length, 0: none. */
static size_t
blank_len(struct al_span c, size_t i)
{
    static const uint8_t nbsp[] = {0xc2, 0xa0}, narrow[] = {0xe2, 0x80, 0xaf},
                         thin[] = {0xe2, 0x80, 0x89};

    if (c.at[i] == ' ' || c.at[i] == '\'') {
        return 1;
    }
    if (c.len - i >= 2 && memcmp(c.at + i, nbsp, 2) == 0) {
        return 2;
    }
    return c.len - i >= 3 && (memcmp(c.at + i, narrow, 3) == 0 || memcmp(c.at + i, thin, 3) == 0)
               ? 3
               : 0;
}

#define SIZE_TEXT_MAX 64u

/* A number with separators: its digits and marks without blanks, and what stands behind. */
static bool
number_parts(struct al_span c, uint8_t marks[SIZE_TEXT_MAX], size_t *ret_len,
             struct al_span *ret_unit)
{
    size_t n = 0, i = 0;

    while (i < c.len) {
        size_t blank = blank_len(c, i);

        if (blank > 0) {
            i += blank;
        } else if (is_digit(c.at[i]) || c.at[i] == '.' || c.at[i] == ',') {
            if (n == SIZE_TEXT_MAX) {
                return false;
            }
            marks[n++] = c.at[i++];
        } else {
            break;
        }
    }
    *ret_len = n;
    *ret_unit = (struct al_span){c.at + i, c.len - i};
    return n > 0 && is_digit(marks[0]);
}

/* Where the fraction begins: the place of its mark, n: there is none. False: no number groups its digits like
 * that. */
static bool
fraction_at(const uint8_t *m, size_t n, uint8_t decimal, bool has_unit, size_t *ret)
{
    size_t dots = 0, commas = 0, last = n, after;
    uint8_t mark;

    for (size_t i = 0; i < n; i++) {
        dots += m[i] == '.';
        commas += m[i] == ',';
        last = is_digit(m[i]) ? last : i;
    }
    *ret = n;
    if (last == n) {
        return true;
    }
    mark = m[last];
    after = n - last - 1;
    if (dots > 0 && commas > 0) {
        *ret = last;
        return (mark == '.' ? dots : commas) == 1;
    }
    if (dots + commas > 1) {
        return after == 3; /* 1.234.567 */
    }
    if (after == 3 &&
        (has_unit ? mark != (decimal != 0 ? decimal : '.') : decimal == 0 || mark != decimal)) {
        return true; /* 1,234: bytes have no thousandths */
    }
    *ret = last;
    return after > 0;
}

int
import_cell_size(struct al_span cell, uint8_t decimal, uint64_t unit, uint64_t *ret)
{
    struct al_span c = import_trim(cell), text;
    uint8_t m[SIZE_TEXT_MAX];
    size_t n, point;
    uint64_t bytes, whole = 0, num = 0, den = 1;
    unsigned __int128 total;

    if (import_cell_u64(c, &whole) == AL_OK && unit == 1) {
        if (whole > INT64_MAX) {
            return AL_EINVAL;
        }
        *ret = whole;
        return AL_OK;
    }
    whole = 0;
    if (c.len == 0 || !number_parts(c, m, &n, &text)) {
        return AL_EINVAL;
    }
    bytes = unit_bytes(text);
    if (bytes == 0 || !fraction_at(m, n, decimal, text.len > 0 || unit > 1, &point)) {
        return AL_EINVAL;
    }
    bytes = text.len > 0 ? bytes : unit;
    for (size_t i = 0; i < n; i++) {
        uint64_t d = (uint64_t)m[i] - '0';

        if (!is_digit(m[i])) {
            continue;
        }
        if (i > point) {
            if (den < UINT64_C(1000000000)) {
                num = num * 10 + d;
                den *= 10;
            }
        } else if (whole > (INT64_MAX - d) / 10) {
            return AL_EINVAL;
        } else {
            whole = whole * 10 + d;
        }
    }
    total = (unsigned __int128)whole * bytes + (unsigned __int128)num * bytes / den;
    if (total > INT64_MAX) {
        return AL_EINVAL;
    }
    *ret = (uint64_t)total;
    return AL_OK;
}

/* ---- types, attributes, modes ---- */

static uint8_t
letter_type(uint8_t c)
{
    switch (c) {
    case 'f':
    case '-':
        return PORT_T_FILE;
    case 'd':
    case 'D':
        return PORT_T_FOLDER;
    case 'l':
    case 'L':
    case 'N':
        return PORT_T_SYMLINK;
    case 'p':
        return PORT_T_FIFO;
    case 's':
        return PORT_T_SOCKET;
    case 'c':
        return PORT_T_CHAR;
    case 'b':
        return PORT_T_BLOCK;
    case 'F':
        return PORT_T_FILE;
    default:
        return PORT_T_UNKNOWN;
    }
}

int
import_cell_type(struct al_span cell, uint8_t *ret)
{
    static const struct {
        const char *name;
        uint8_t type;
    } words[] = {{"file", PORT_T_FILE},
                 {"directory", PORT_T_FOLDER},
                 {"folder", PORT_T_FOLDER},
                 {"dir", PORT_T_FOLDER},
                 {"true", PORT_T_FOLDER},
                 {"false", PORT_T_FILE},
                 {"1", PORT_T_FOLDER},
                 {"0", PORT_T_FILE},
                 {"symlink", PORT_T_SYMLINK},
                 {"link", PORT_T_SYMLINK},
                 {"regular file", PORT_T_FILE},
                 {"regular empty file", PORT_T_FILE},
                 {"symbolic link", PORT_T_SYMLINK},
                 {"file folder", PORT_T_FOLDER},
                 {"dateiordner", PORT_T_FOLDER},
                 {"ordner", PORT_T_FOLDER},
                 {"verzeichnis", PORT_T_FOLDER},
                 {"datei", PORT_T_FILE},
                 {"wahr", PORT_T_FOLDER},
                 {"falsch", PORT_T_FILE},
                 {"fifo", PORT_T_FIFO},
                 {"socket", PORT_T_SOCKET},
                 {"char", PORT_T_CHAR},
                 {"block", PORT_T_BLOCK},
                 {"system.io.fileinfo", PORT_T_FILE},
                 {"system.io.directoryinfo", PORT_T_FOLDER}};
    struct al_span c = import_trim(cell);

    *ret = PORT_T_UNKNOWN;
    if (c.len == 1 && c.at[0] != '-' && !is_digit(c.at[0])) {
        *ret = letter_type(c.at[0]);
        return *ret != PORT_T_UNKNOWN || c.at[0] == 'U' || c.at[0] == '?' ? AL_OK : AL_EINVAL;
    }
    if (import_cell_empty(c)) {
        return AL_OK;
    }
    for (size_t i = 0; i < AL_LEN(words); i++) {
        if (import_is(c, words[i].name)) {
            *ret = words[i].type;
            return AL_OK;
        }
    }
    return AL_EINVAL;
}

static const struct attr_word {
    const char *name;
    uint8_t letter; /* of "RHSA" */
    uint32_t windows, attr;
} attr_words[] = {{"readonly", 'R', 0x1, PORT_A_READONLY},
                  {"hidden", 'H', 0x2, PORT_A_HIDDEN},
                  {"system", 'S', 0x4, PORT_A_SYSTEM},
                  {"directory", 'D', WINDOWS_FOLDER, 0},
                  {"archive", 'A', 0x20, 0},
                  {"device", 0, 0x40, 0},
                  {"normal", 'N', 0x80, 0},
                  {"temporary", 'T', 0x100, 0},
                  {"sparsefile", 'P', 0x200, 0},
                  {"reparsepoint", 'L', 0x400, PORT_A_REPARSE},
                  {"compressed", 'C', 0x800, PORT_A_COMPRESSED},
                  {"offline", 'O', 0x1000, PORT_A_OFFLINE},
                  {"notcontentindexed", 'I', 0x2000, 0},
                  {"encrypted", 'E', 0x4000, PORT_A_ENCRYPTED},
                  {"integritystream", 'V', 0x8000, 0},
                  {"noscrubdata", 'X', 0x20000, 0},
                  /* our own names besides */
                  {"immutable", 0, 0, PORT_A_IMMUTABLE},
                  {"append", 0, 0, PORT_A_APPEND},
                  {"verity", 0, 0, PORT_A_VERITY},
                  {"dax", 0, 0, PORT_A_DAX},
                  {"reparse", 0, 0, PORT_A_REPARSE},
                  {"mount_root", 0, 0, PORT_A_MOUNT_ROOT}};

static const struct attr_word *
attr_word(struct al_span w)
{
    for (size_t i = 0; i < AL_LEN(attr_words); i++) {
        if (import_is(w, attr_words[i].name)) {
            return &attr_words[i];
        }
    }
    return NULL;
}

static bool
attr_names(struct al_span c, uint32_t *ret, uint8_t *io_type)
{
    size_t at = 0;
    bool any = false;

    while (at < c.len) {
        const struct attr_word *w;
        size_t end = at;

        while (end < c.len && c.at[end] != ',' && c.at[end] != ' ' && c.at[end] != '|' &&
               c.at[end] != ';') {
            end++;
        }
        if (end > at) {
            w = attr_word((struct al_span){c.at + at, end - at});
            if (w == NULL) {
                return false;
            }
            any = true;
            *ret |= w->attr;
            *io_type = w->windows == WINDOWS_FOLDER ? PORT_T_FOLDER : *io_type;
        }
        at = end + 1;
    }
    return any;
}

static bool
attr_letters(struct al_span c, uint32_t *ret, uint8_t *io_type)
{
    for (size_t i = 0; i < c.len; i++) {
        uint8_t upper = c.at[i] >= 'a' && c.at[i] <= 'z' ? (uint8_t)(c.at[i] - 32) : c.at[i];

        if (upper == ' ' || upper == '-' || upper == '*' || upper == '_' || upper == '.') {
            continue;
        }
        if (upper < 'A' || upper > 'Z') {
            return false;
        }
        for (size_t k = 0; k < AL_LEN(attr_words); k++) {
            if (attr_words[k].letter == upper) {
                *ret |= attr_words[k].attr;
                *io_type = upper == 'D' ? PORT_T_FOLDER : *io_type;
            }
        }
    }
    return true;
}

int
import_cell_attrs(struct al_span cell, bool ours, uint32_t *ret, uint8_t *io_type)
{
    struct al_span c = import_trim(cell);
    uint32_t attrs = 0;
    uint8_t type = *io_type;
    uint64_t bits;

    *ret = 0;
    if (import_cell_empty(c)) {
        return AL_OK;
    }
    if (import_cell_u64(c, &bits) == AL_OK) {
        for (size_t i = 0; !ours && i < AL_LEN(attr_words); i++) {
            attrs |= (bits & attr_words[i].windows) != 0 ? attr_words[i].attr : 0;
        }
        *io_type = !ours && (bits & WINDOWS_FOLDER) != 0 ? PORT_T_FOLDER : type;
        *ret = ours ? (uint32_t)(bits & 0xfff) : attrs;
        return AL_OK;
    }
    if (attr_names(c, &attrs, &type)) {
        *ret = attrs;
        *io_type = type;
        return AL_OK;
    }
    attrs = 0;
    type = *io_type;
    if (!attr_letters(c, &attrs, &type)) {
        return AL_EINVAL;
    }
    *ret = attrs;
    *io_type = type;
    return AL_OK;
}

/* "drwxr-sr-t" */
static bool
symbolic(struct al_span c, uint32_t *ret, uint8_t *io_type)
{
    static const char want[] = "rwxrwxrwx";
    static const uint32_t special[] = {04000, 02000, 01000};
    uint32_t mode = 0;
    uint8_t type = letter_type(c.at[0]);

    if (type == PORT_T_UNKNOWN) {
        return false;
    }
    for (size_t i = 0; i < 9; i++) {
        uint8_t b = c.at[i + 1];
        bool extra = i % 3 == 2 && (al_lower(b) == 's' || al_lower(b) == 't');

        if (b != '-' && b != (uint8_t)want[i] && !extra) {
            return false;
        }
        mode |= b != '-' && (!extra || b >= 'a') ? 0400u >> i : 0;
        mode |= extra ? special[i / 3] : 0;
    }
    *ret = mode;
    *io_type = type;
    return true;
}

int
import_cell_mode(struct al_span cell, uint32_t *ret, uint8_t *io_type, uint32_t *io_attrs)
{
    static const uint8_t types[16] = {
        [1] = PORT_T_FIFO, [2] = PORT_T_CHAR,     [4] = PORT_T_FOLDER, [6] = PORT_T_BLOCK,
        [8] = PORT_T_FILE, [10] = PORT_T_SYMLINK, [12] = PORT_T_SOCKET};
    struct al_span c = import_trim(cell);
    uint32_t v = 0, attrs = 0;
    uint8_t type = *io_type;

    *ret = 0;
    if (c.len == 0) {
        return AL_OK;
    }
    if (c.len >= 10 && c.len <= 11 && symbolic(c, &v, io_type)) {
        *ret = v;
        return AL_OK;
    }
    if (c.len <= 7 && is_digit(c.at[0])) {
        for (size_t i = 0; i < c.len; i++) {
            if (c.at[i] < '0' || c.at[i] > '7') {
                return AL_EINVAL;
            }
            v = v * 8 + (uint32_t)(c.at[i] - '0');
        }
        *ret = v & 07777;
        *io_type = types[v >> 12 & 15] != 0 ? types[v >> 12 & 15] : type;
        return AL_OK;
    }
    /* PowerShell: "d-r---", "-a----", "la---" */
    if (c.len > 7 || !attr_letters(c, &attrs, &type)) {
        return AL_EINVAL;
    }
    *io_attrs |= attrs;
    *io_type = type;
    return AL_OK;
}
