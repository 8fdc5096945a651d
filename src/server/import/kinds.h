/* kinds.h: the words in which one speaks about a list of files that somebody else made: what its columns
 * can mean, how it is written, what shall be done with it, what it looks like. server/inventory/import.h
 * is the interface; this folder reads CSV without a database. Any thread. */
#ifndef ALTO_SERVER_IMPORT_KINDS_H
#define ALTO_SERVER_IMPORT_KINDS_H

#include "base/arena.h"
#include "base/bytes.h"

#define IMPORT_COLUMNS_MAX 256u
#define IMPORT_SAMPLE_ROWS 20u
#define IMPORT_CELL_SHOWN_MAX 512u         /* bytes of a cell in a look */
#define IMPORT_RECORD_BYTES_MAX (1u << 20) /* one CSV record: bounds memory */
#define IMPORT_REFUSED_KEPT_MAX 1000000u   /* rows written into the list; all are counted */
#define IMPORT_REFUSED_PERCENT_DEFAULT 50u /* above it the mapping is wrong, not the rows */

enum import_field {                  /* what a column can mean; names by import_field_name */
                    IMPORT_F_PATH,   /* whole path of a file or folder */
                    IMPORT_F_FOLDER, /* path of the folder it lies in, together with NAME */
                    IMPORT_F_NAME,
                    IMPORT_F_EXT, /* appended to NAME where that has none and the column says so */
                    IMPORT_F_TYPE, /* file, folder, link: "f", "d", "File", "Directory", "True" ... */
                    IMPORT_F_SIZE,
                    IMPORT_F_ALLOCATED,
                    IMPORT_F_MODIFIED,
                    IMPORT_F_ACCESSED,
                    IMPORT_F_CREATED,
                    IMPORT_F_CHANGED,
                    IMPORT_F_OWNER, /* a name, or a number: then the uid */
                    IMPORT_F_GROUP,
                    IMPORT_F_MODE,
                    IMPORT_F_ATTRIBUTES, /* "RHSA", "Archive, ReadOnly", a number */
                    IMPORT_F_INODE,
                    IMPORT_F_LINKS,
                    IMPORT_F_STATE, /* of Alto's own exports: shown, never believed */
                    IMPORT_F_PATH_B64, /* of Alto's own exports: the path, where it is not UTF-8; wins over PATH */
                    IMPORT_FIELDS
};
const char *import_field_name(enum import_field f); /* "path", "folder" ...; NULL beyond */
/* IMPORT_FIELDS when none has this name. */
enum import_field import_field_of(const char *name);

enum import_format { IMPORT_FORMAT_GUESS, IMPORT_CSV, IMPORT_PARQUET };
enum import_encoding {
    IMPORT_ENCODING_GUESS,
    IMPORT_UTF8, /* and any bytes */
    IMPORT_UTF16LE,
    IMPORT_UTF16BE,
    IMPORT_CP1252
};
enum import_compression { IMPORT_COMPRESSION_GUESS, IMPORT_PLAIN, IMPORT_GZIP, IMPORT_ZSTD };
enum import_dates { IMPORT_DATES_GUESS, IMPORT_DATES_ISO, IMPORT_DATES_US, IMPORT_DATES_EUROPEAN };
enum import_header { IMPORT_HEADER_GUESS, IMPORT_HEADER_YES, IMPORT_HEADER_NO };
enum import_mode { IMPORT_REPLACE, IMPORT_ADD };
/* Names as the API and the command line use them: "csv", "utf-16le", "gzip", "us", "yes", "replace" ...; "guess" for 0.
 * _of: -1 for none. */
const char *import_format_name(enum import_format v);
const char *import_encoding_name(enum import_encoding v);
const char *import_compression_name(enum import_compression v);
const char *import_dates_name(enum import_dates v);
const char *import_header_name(enum import_header v);
const char *import_mode_name(enum import_mode v);
int import_format_of(const char *name);
int import_encoding_of(const char *name);
int import_compression_of(const char *name);
int import_dates_of(const char *name);
int import_header_of(const char *name);
int import_mode_of(const char *name);

struct import_map { /* a column's meaning, told by the user */
    enum import_field field;
    struct al_span
        column; /* its name, or without a header its number from 1 as text; .at NULL: the field has no column */
};

/* Zero: everything is guessed. */
struct import_options {
    enum import_format format;
    enum import_encoding encoding;
    enum import_compression compression;
    enum import_dates dates;
    enum import_header header;
    enum import_mode mode;
    char delimiter;               /* 0: guess */
    int zone_minutes;             /* east of UTC, of times that name no zone */
    uint32_t refused_percent_max; /* 0: IMPORT_REFUSED_PERCENT_DEFAULT; 100: any */
    const struct import_map *map; /* wins over what is guessed */
    size_t map_count;
    struct al_span
        root; /* what the volume's root is called in the file ("/srv/data", "D:\\Data", "\\\\nas\\x");
                            .at NULL: the longest folder that all paths of the look's sample share, "/" and a drive's or
                            share's root at least */
};

struct import_column {
    struct al_span name;     /* of the header; "1", "2" ... without one */
    enum import_field field; /* IMPORT_FIELDS: not used */
    bool guessed;            /* false: by options.map */
    const char *
        reads_as; /* how its cells are read: "bytes", "epoch seconds", "FILETIME", "ISO 8601", "German numbers" ...; "" where it is not used */
};
struct import_look { /* everything in the arena */
    struct import_options
        options; /* as they would be used: nothing is left to guess but the map, which columns tells */
    const char
        *made_by; /* "find -printf", "PowerShell", "TreeSize", "WinDirStat", "Alto"; "" unknown */
    struct import_column *columns;
    size_t column_count;
    struct al_span **rows; /* raw cells, cut to IMPORT_CELL_SHOWN_MAX; column_count each */
    size_t row_count;
    uint64_t bytes;      /* of the file */
    uint64_t rows_about; /* estimated from the sample, exact for Parquet */
    struct al_span
        problem; /* why it cannot be imported like this ("no column looks like a path ..."); empty: it can */
};

#endif
