/* What a header's names mean. */
#include <string.h>

#include "server/import/guess.h"

/* Without blanks, marks and units; ASCII in lower case, other letters as they are. The first of a field's names that a
 * header has counts, so the better ones stand first. */
static const struct {
    enum import_field field;
    const char *names[30];
} known[] = {
    {IMPORT_F_PATH,
     {"fullname", "fullpath", "path", "filepath", "filename", "pathname", "literalpath", "pfad",
      "vollständigerpfad", "dateipfad", "file", "fullfilename", "completepath"}},
    {IMPORT_F_PATH_B64, {"pathb64"}},
    {IMPORT_F_FOLDER,
     {"directoryname", "folder", "directory", "parent", "folderpath", "dirname", "parentpath",
      "dir", "location", "ordnerpfad", "verzeichnis", "übergeordneterordner"}},
    {IMPORT_F_NAME, {"name", "basename", "dateiname", "itemname"}},
    {IMPORT_F_EXT, {"extension", "ext", "erweiterung", "dateiendung"}},
    {IMPORT_F_TYPE,
     {"windirstatattributes", "windirstatattribute", "psiscontainer", "type", "filetype", "kind",
      "isdirectory", "isfolder", "typ", "isdir"}},
    {IMPORT_F_SIZE,
     {"length", "logicalsize", "size", "sizebytes", "filesize", "bytes", "sizeinbytes", "größe",
      "groesse", "dateigröße", "logischegröße", "stsize", "sizebyte"}},
    {IMPORT_F_ALLOCATED,
     {"physicalsize", "allocated", "allocatedsize", "sizeondisk", "diskusage", "allocatedbytes",
      "belegt", "größeaufdatenträger", "belegterspeicherplatz", "physischegröße"}},
    {IMPORT_F_MODIFIED,
     {"lastwritetimeutc", "lastwritetime", "modified", "lastmodified", "lastchange", "mtime",
      "modifiedat", "datemodified", "mtimens", "modificationtime", "modifiedtime", "modifieddate",
      "letzteänderung", "geändert", "geändertam", "änderungsdatum", "stmtime", "lastwrite"}},
    {IMPORT_F_ACCESSED,
     {"lastaccesstimeutc", "lastaccesstime", "accessed", "lastaccessed", "lastaccess", "atime",
      "accessedat", "dateaccessed", "atimens", "accesstime", "accessdate", "letzterzugriff",
      "letzterzugriffam", "zugriff", "statime"}},
    {IMPORT_F_CREATED,
     {"creationtimeutc", "creationtime", "created", "creationdate", "datecreated", "btime",
      "crtime", "birthtime", "createdat", "btimens", "erstellt", "erstelltam", "erstelldatum",
      "erstellungsdatum", "stbirthtime"}},
    {IMPORT_F_CHANGED, {"ctime", "changed", "changetime", "statuschange", "ctimens", "stctime"}},
    {IMPORT_F_OWNER,
     {"owner", "user", "username", "uid", "besitzer", "eigentümer", "ownername", "stuid"}},
    {IMPORT_F_GROUP, {"group", "gid", "groupname", "gruppe", "stgid"}},
    {IMPORT_F_MODE, {"mode", "permissions", "perm", "perms", "unixmode", "stmode"}},
    {IMPORT_F_ATTRIBUTES, {"attributes", "attribute", "attribs", "fileattributes", "attrs"}},
    {IMPORT_F_INODE, {"inode", "ino", "fileid", "stino"}},
    {IMPORT_F_LINKS, {"links", "nlink", "hardlinks", "stnlink"}},
    {IMPORT_F_STATE, {"state"}},
};

static bool
is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* "Size (KB)" → "size", 1024 */
struct al_span
import_name_plain(struct al_span name, uint8_t out[IMPORT_NAME_PLAIN_MAX], uint64_t *ret_unit)
{
    size_t n = 0, i = 0;

    *ret_unit = 1;
    for (; i < name.len && n < IMPORT_NAME_PLAIN_MAX; i++) {
        uint8_t c =
            name.at[i] >= 'A' && name.at[i] <= 'Z' ? (uint8_t)(name.at[i] + 32) : name.at[i];

        if (c == '(' || c == '[') {
            break;
        }
        if (i > 0 && name.at[i - 1] == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97) {
            c = (uint8_t)(c + 32); /* À to Þ in UTF-8 */
        }
        if (is_word(c)) {
            out[n++] = c;
        }
    }
    if (i + 2 < name.len) {
        uint8_t text[16] = "1 ";
        size_t len = 2;

        for (i++; i < name.len && name.at[i] != ')' && name.at[i] != ']' && len < sizeof(text);
             i++) {
            text[len++] = name.at[i];
        }
        if (import_cell_size((struct al_span){text, len}, '.', 1, ret_unit) < 0) {
            *ret_unit = 1;
        }
    }
    return (struct al_span){out, n};
}

/* How good a name is for a field: 0 no, else the smaller the better. */
static size_t
rank_of(struct al_span plain, size_t row)
{
    for (size_t i = 0; i < AL_LEN(known[row].names) && known[row].names[i] != NULL; i++) {
        if (al_span_equal(plain, al_span_of(known[row].names[i]))) {
            return i + 1;
        }
    }
    return 0;
}

bool
import_name_known(struct al_span name)
{
    uint8_t out[IMPORT_NAME_PLAIN_MAX];
    uint64_t unit;
    struct al_span plain = import_name_plain(import_trim(name), out, &unit);

    for (size_t row = 0; row < AL_LEN(known); row++) {
        if (rank_of(plain, row) > 0) {
            return true;
        }
    }
    return false;
}

void
import_names_match(const struct al_span *names, size_t count, int column[IMPORT_FIELDS],
                   uint64_t unit[IMPORT_FIELDS], bool is_utc[IMPORT_FIELDS])
{
    size_t best[IMPORT_FIELDS] = {0};

    for (size_t c = 0; c < count; c++) {
        uint8_t out[IMPORT_NAME_PLAIN_MAX];
        uint64_t bytes;
        struct al_span plain = import_name_plain(import_trim(names[c]), out, &bytes);

        for (size_t row = 0; row < AL_LEN(known); row++) {
            enum import_field f = known[row].field;
            size_t rank = rank_of(plain, row);

            if (rank > 0 && (best[f] == 0 || rank < best[f])) {
                best[f] = rank;
                column[f] = (int)c;
                unit[f] = bytes;
                is_utc[f] = plain.len > 3 && memcmp(plain.at + plain.len - 3, "utc", 3) == 0;
            }
        }
    }
}
