#include "server/import/kinds.h"

#include <string.h>

static const char *const field_names[IMPORT_FIELDS] = {
    "path",       "folder",   "name",    "ext",     "type",     "size",  "allocated",
    "modified",   "accessed", "created", "changed", "owner",    "group", "mode",
    "attributes", "inode",    "links",   "state",   "path_b64",
};
static const char *const format_names[] = {"guess", "csv", "parquet"};
static const char *const encoding_names[] = {"guess", "utf-8", "utf-16le", "utf-16be", "cp1252"};
static const char *const compression_names[] = {"guess", "plain", "gzip", "zstd"};
static const char *const dates_names[] = {"guess", "iso", "us", "european"};
static const char *const header_names[] = {"guess", "yes", "no"};
static const char *const mode_names[] = {"replace", "add"};

static const char *
name_in(const char *const *names, size_t count, unsigned v)
{
    return v < count ? names[v] : NULL;
}

static int
find_in(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; name != NULL && i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *
import_field_name(enum import_field f)
{
    return name_in(field_names, IMPORT_FIELDS, (unsigned)f);
}

enum import_field
import_field_of(const char *name)
{
    int i = find_in(field_names, IMPORT_FIELDS, name);

    return i < 0 ? IMPORT_FIELDS : (enum import_field)i;
}

const char *
import_format_name(enum import_format v)
{
    return name_in(format_names, AL_LEN(format_names), (unsigned)v);
}

const char *
import_encoding_name(enum import_encoding v)
{
    return name_in(encoding_names, AL_LEN(encoding_names), (unsigned)v);
}

const char *
import_compression_name(enum import_compression v)
{
    return name_in(compression_names, AL_LEN(compression_names), (unsigned)v);
}

const char *
import_dates_name(enum import_dates v)
{
    return name_in(dates_names, AL_LEN(dates_names), (unsigned)v);
}

const char *
import_header_name(enum import_header v)
{
    return name_in(header_names, AL_LEN(header_names), (unsigned)v);
}

const char *
import_mode_name(enum import_mode v)
{
    return name_in(mode_names, AL_LEN(mode_names), (unsigned)v);
}

int
import_format_of(const char *name)
{
    return find_in(format_names, AL_LEN(format_names), name);
}

int
import_encoding_of(const char *name)
{
    return find_in(encoding_names, AL_LEN(encoding_names), name);
}

int
import_compression_of(const char *name)
{
    return find_in(compression_names, AL_LEN(compression_names), name);
}

int
import_dates_of(const char *name)
{
    return find_in(dates_names, AL_LEN(dates_names), name);
}

int
import_header_of(const char *name)
{
    return find_in(header_names, AL_LEN(header_names), name);
}

int
import_mode_of(const char *name)
{
    return find_in(mode_names, AL_LEN(mode_names), name);
}
