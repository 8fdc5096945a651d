/* What lists of the usual programs are taken for, without help. */
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/import/look.h"

struct seen {
    struct al_arena *arena;
    struct import_sample sample;
    struct import_look look;
    struct import_plan plan;
    struct al_fail fail;
    int rc;
};

static struct al_span
sp(const char *t)
{
    return al_span_of(t);
}

static void
look_with(struct seen *s, const void *bytes, size_t len, const struct import_options *options)
{
    char path[] = "/tmp/alto-look-XXXXXX";
    int fd = mkstemp(path);
    struct port_file *file = NULL;

    memset(s, 0, sizeof(*s));
    s->arena = al_arena_new((size_t)64 << 20);
    TAP_CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
    TAP_OK(port_open(port_native(), NULL, path, PORT_READ, 0, &file));
    s->rc = import_sample_read(port_native(), file, options, &s->sample, &s->fail);
    if (s->rc == AL_OK) {
        s->rc = import_guess_csv(&s->sample, options, s->arena, &s->look, &s->plan, &s->fail);
    }
    port_close_quiet(port_native(), &file);
    unlink(path);
}

static void
look_at(struct seen *s, const char *text, size_t len)
{
    static const struct import_options none;

    look_with(s, text, len, &none);
    if (s->rc < 0) {
        tap_fail(__FILE__, __LINE__, "gave %d: %s", s->rc, s->fail.text);
    }
}

#define LOOK(s, text) look_at(s, text, sizeof(text) - 1)

static void
look_end(struct seen *s)
{
    import_sample_free(&s->sample);
    s->arena = al_arena_free(s->arena);
}

/* "name=field:reads as;" of all columns. */
static void
columns_are(const struct seen *s, const char *expected)
{
    char out[2048] = "";
    size_t n = 0;

    for (size_t i = 0; i < s->look.column_count; i++) {
        const struct import_column *c = &s->look.columns[i];
        const char *field = import_field_name(c->field);

        if (field != NULL) {
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s=%s:%s;", (int)c->name.len,
                                  (const char *)c->name.at, field, c->reads_as);
        }
    }
    TAP_EQUAL_STR(out, expected);
}

static void
root_is(const struct seen *s, const char *expected)
{
    char out[256];

    (void)snprintf(out, sizeof(out), "%.*s", (int)s->look.options.root.len,
                   (const char *)s->look.options.root.at);
    TAP_EQUAL_STR(out, expected);
}

/* Reads row r of the sample as the import would. */
static void
row_is(struct seen *s, const char *path, uint8_t type, uint64_t size, int64_t modified_s,
       int64_t accessed_s)
{
    static uint8_t scratch[IMPORT_ROW_SCRATCH];
    struct import_values values;
    struct import_refusal why = {0};
    struct import_row row;
    uint8_t *at = s->sample.bytes.at + s->plan.data_at,
            *end = s->sample.bytes.at + s->sample.head_len;
    struct al_span want = sp(path);

    while (at < end) {
        struct al_span cells[IMPORT_COLUMNS_MAX];
        uint64_t lines;
        size_t len = (size_t)(end - at);
        uint8_t *copy = malloc(len), *next;
        size_t n;
        bool found = false;

        memcpy(copy, at, len);
        next = import_record_end(&s->plan.dialect, copy, copy + len, &lines);
        next = next != NULL ? next : copy + len;
        at += next - copy;
        n = import_record_split(&s->plan.dialect, copy, next, cells);
        if (n > 0 && import_row_values(&s->plan, cells, n, &values, &why) &&
            import_row_read(&s->plan, &values, scratch, &row, &why)) {
            found = al_span_equal(row.path, want);
        }
        free(copy);
        if (found) {
            TAP_EQUAL_U64(row.type, type);
            TAP_EQUAL_U64(row.size, size);
            TAP_CHECK(row.modified_ns ==
                      (modified_s == 0 ? IMPORT_TIME_UNKNOWN : modified_s * 1000000000));
            TAP_CHECK(row.accessed_ns ==
                      (accessed_s == 0 ? IMPORT_TIME_UNKNOWN : accessed_s * 1000000000));
            return;
        }
    }
    tap_fail(__FILE__, __LINE__, "no row %s; the last was refused: %s", path,
             why.reason != NULL ? why.reason : "-");
}

#define MAY_1 1714571110 /* 2024-05-01 13:45:10 UTC */

static void
find_with_tabs(void)
{
    struct seen s;

    LOOK(&s, "d\t4096\t1714571110.0000000000\t1714571110.1234567890\t/srv/data\n"
             "f\t100\t1714571110.0000000000\t1714571111.0000000000\t/srv/data/a \"b\"\tc.txt\n"
             "l\t7\t1714571110.0000000000\t1714571110.0000000000\t/srv/data/link\n");
    TAP_EQUAL_STR(s.look.made_by, "find -printf");
    columns_are(&s, "1=type:text;2=size:bytes;3=modified:epoch seconds;4=accessed:epoch "
                    "seconds;5=path:POSIX paths;");
    root_is(&s, "/srv/data");
    row_is(&s, "/a \"b\"\tc.txt", PORT_T_FILE, 100, MAY_1, MAY_1 + 1);
    row_is(&s, "/link", PORT_T_SYMLINK, 7, MAY_1, MAY_1);
    look_end(&s);
}

static void
find_with_blanks_and_the_path_last(void)
{
    struct seen s;

    LOOK(
        &s,
        "4096 1714571110.5 d .\n100 1714571110.0 f ./a, b; c.txt\n2000000000 1714571110.0 f ./d\n");
    TAP_EQUAL_STR(s.look.made_by, "find -printf");
    columns_are(&s, "1=size:bytes;2=modified:epoch seconds;3=type:text;4=path:POSIX paths;");
    row_is(&s, "/a, b; c.txt", PORT_T_FILE, 100, MAY_1, 0);
    look_end(&s);
}

static void
find_with_dates_and_symbolic_modes(void)
{
    struct seen s;

    LOOK(&s, "-rw-r--r--\talice\t100\t2024-05-01+13:45:10.0000000000\ta/"
             "b\ndrwxr-xr-x\tbob\t4096\t2024-05-01+13:45:10.0000000000\ta\n");
    columns_are(&s,
                "1=mode:text;2=owner:text;3=size:bytes;4=modified:ISO 8601;5=path:POSIX paths;");
    row_is(&s, "/a/b", PORT_T_FILE, 100, MAY_1, 0);
    row_is(&s, "/a", PORT_T_FOLDER, 0, MAY_1, 0);
    look_end(&s);
}

static void
find_with_nul(void)
{
    struct seen s;

    LOOK(&s, "f\t100\t1714571110.0\t./a\nb\0f\t200\t1714571110.0\t./c\0");
    columns_are(&s, "1=type:text;2=size:bytes;3=modified:epoch seconds;4=path:POSIX paths;");
    row_is(&s, "/a\nb", PORT_T_FILE, 100, MAY_1, 0);
    look_end(&s);
}

static void
find_of_paths_alone(void)
{
    struct seen s;

    LOOK(&s, "/srv/data\n/srv/data/a, b\n/srv/data/a, b/c d\n");
    columns_are(&s, "1=path:POSIX paths;");
    root_is(&s, "/srv/data");
    row_is(&s, "/a, b/c d", PORT_T_UNKNOWN, 0, 0, 0);
    look_end(&s);
}

static const char powershell[] =
    "#TYPE System.IO.DirectoryInfo\r\n"
    "\"PSPath\",\"PSIsContainer\",\"Mode\",\"Name\",\"FullName\",\"Extension\",\"CreationTime\","
    "\"CreationTimeUtc\",\"LastAccessTime\","
    "\"LastWriteTime\",\"Attributes\",\"Length\",\"Directory\"\r\n"
    "\"FileSystem::D:\\Data\\a\",\"True\",\"d-----\",\"a\",\"D:\\Data\\a\",\"\",\"5/1/2024 3:45:10 "
    "PM\",\"5/1/2024 1:45:10 PM\","
    "\"5/1/2024 3:45:10 PM\",\"5/13/2024 3:45:10 PM\",\"Directory\",,\r\n"
    "\"FileSystem::D:\\Data\\a\\b.txt\",\"False\",\"-a----\",\"b.txt\",\"D:\\Data\\a\\b.txt\",\"."
    "txt\",\"5/1/2024 3:45:10 PM\","
    "\"5/1/2024 1:45:10 PM\",\"5/1/2024 3:45:10 PM\",\"5/1/2024 3:45:10 "
    "PM\",\"Archive\",\"12345\",\"D:\\Data\\a\"\r\n";

static void
powershell_csv(void)
{
    struct seen s;

    look_at(&s, powershell, sizeof(powershell) - 1);
    TAP_EQUAL_STR(s.look.made_by, "PowerShell");
    columns_are(&s, "PSIsContainer=type:text;Mode=mode:text;FullName=path:Windows "
                    "paths;CreationTimeUtc=created:US dates;"
                    "LastAccessTime=accessed:US dates;LastWriteTime=modified:US "
                    "dates;Attributes=attributes:text;Length=size:bytes;");
    root_is(&s, "D:\\Data\\a");
    look_end(&s);
}

static void
powershell_in_utf16_with_a_root(void)
{
    static uint8_t wide[2 * sizeof(powershell) + 2];
    struct import_options o = {.root = sp("D:\\Data"), .zone_minutes = 120};
    struct seen s;
    size_t n = 2;

    wide[0] = 0xff;
    wide[1] = 0xfe;
    for (size_t i = 0; i < sizeof(powershell) - 1; i++) {
        wide[n++] = (uint8_t)powershell[i];
        wide[n++] = 0;
    }
    look_with(&s, wide, n, &o);
    TAP_OK(s.rc);
    TAP_CHECK(s.look.options.encoding == IMPORT_UTF16LE);
    row_is(&s, "/a", PORT_T_FOLDER, 0, MAY_1 + 12 * 86400, MAY_1);
    row_is(&s, "/a/b.txt", PORT_T_FILE, 12345, MAY_1, MAY_1);
    look_end(&s);
    /* The same without a mark, and the other way round. */
    for (size_t i = 0; i < n; i += 2) {
        uint8_t b = wide[i];

        wide[i] = wide[i + 1];
        wide[i + 1] = b;
    }
    look_with(&s, wide + 2, n - 2, &o);
    TAP_OK(s.rc);
    TAP_CHECK(s.look.options.encoding == IMPORT_UTF16BE);
    row_is(&s, "/a/b.txt", PORT_T_FILE, 12345, MAY_1, MAY_1);
    look_end(&s);
}

static void
powershell_in_german(void)
{
    struct seen s;

    LOOK(&s, "\"FullName\";\"Length\";\"LastWriteTime\"\r\n\"D:\\Daten\\Gr\xc3\xb6\xc3\x9f"
             "e.txt\";\"100\";\"01.05.2024 13:45:10\"\r\n"
             "\"D:\\Daten\\a;b\";\"\";\"31.05.2024 13:45:10\"\r\n");
    TAP_EQUAL_STR(s.look.made_by, "PowerShell");
    columns_are(
        &s, "FullName=path:Windows paths;Length=size:bytes;LastWriteTime=modified:European dates;");
    row_is(&s,
           "/Gr\xc3\xb6\xc3\x9f"
           "e.txt",
           PORT_T_UNKNOWN, 100, MAY_1, 0);
    row_is(&s, "/a;b", PORT_T_FOLDER, 0, MAY_1 + 30 * 86400, 0);
    look_end(&s);
}

static void
treesize(void)
{
    struct seen s;

    LOOK(&s, "TreeSize Report, 5/2/2024\r\n\r\n"
             "Name,Full Path,Size,Allocated,Files,Folders,% of Parent (Allocated),Last "
             "Modified,Last Accessed,Owner,Type\r\n"
             "data,\\\\nas\\share\\data\\,\"1.5 GB\",\"1,537.0 MB\",2,1,100.0 %,5/1/2024 1:45:10 "
             "PM,5/13/2024,CORP\\alice,File folder\r\n"
             "a.mov,\\\\nas\\share\\data\\a.mov,\"1,024 MB\",\"1.0 GB\",1,0,66.7 %,5/1/2024 "
             "1:45:10 PM,5/13/2024,CORP\\alice,QuickTime Movie\r\n");
    TAP_EQUAL_STR(s.look.made_by, "TreeSize");
    columns_are(&s, "Full Path=path:Windows paths;Size=size:US numbers;Allocated=allocated:US "
                    "numbers;Last Modified=modified:US dates;"
                    "Last Accessed=accessed:US dates;Owner=owner:text;Type=type:text;");
    root_is(&s, "\\\\nas\\share\\data");
    row_is(&s, "/a.mov", PORT_T_UNKNOWN, UINT64_C(1073741824), MAY_1, 1715558400);
    row_is(&s, "", PORT_T_FOLDER, 0, MAY_1, 1715558400);
    look_end(&s);
}

static void
treesize_in_german(void)
{
    struct seen s;

    LOOK(&s,
         "Name;Vollst\xc3\xa4ndiger Pfad;Gr\xc3\xb6\xc3\x9f"
         "e;Belegt;Letzte \xc3\x84nderung;Besitzer;Typ\r\n"
         "b.txt;D:\\Daten\\b.txt;1,5 MB;1.540,0 KB;01.05.2024 13:45:10;alice;Textdokument\r\n"
         "c.txt;D:\\Daten\\c.txt;2,25 MB;2.304,0 KB;31.05.2024 13:45:10;alice;Textdokument\r\n");
    columns_are(
        &s, "Vollst\xc3\xa4ndiger Pfad=path:Windows paths;Gr\xc3\xb6\xc3\x9f"
            "e=size:European numbers;Belegt=allocated:European numbers;"
            "Letzte \xc3\x84nderung=modified:European dates;Besitzer=owner:text;Typ=type:text;");
    row_is(&s, "/b.txt", PORT_T_UNKNOWN, 1572864, MAY_1, 0);
    look_end(&s);
}

static void
windirstat(void)
{
    struct seen s;

    LOOK(
        &s,
        "\"Name\",\"Files\",\"Folders\",\"Logical Size\",\"Physical Size\",\"Attributes\",\"Last "
        "Change\",\"WinDirStat Attributes\",\"Index\"\r\n"
        "\"D:\\\",1,1,100,4096,\"\",2024-05-01T13:45:10Z,0x01000002,0x0000000000000005\r\n"
        "\"D:\\a\",1,0,100,4096,\"\",2024-05-01T13:45:10Z,0x00000003,0x0000000000000006\r\n"
        "\"D:\\a\\b.txt\",0,0,100,4096,\"A\",2024-05-01T13:45:10Z,0x00000004,0x0000000000000007\r\n"
        "\"<Free Space>\",0,0,999,999,\"\",2024-05-01T13:45:10Z,0x00000006,0x0000000000000000\r\n");
    TAP_EQUAL_STR(s.look.made_by, "WinDirStat");
    columns_are(
        &s, "Name=path:Windows paths;Logical Size=size:bytes;Physical "
            "Size=allocated:bytes;Attributes=attributes:text;"
            "Last Change=modified:ISO 8601;WinDirStat Attributes=type:WinDirStat's item types;");
    row_is(&s, "/a/b.txt", PORT_T_FILE, 100, MAY_1, 0);
    row_is(&s, "/a", PORT_T_FOLDER, 0, MAY_1, 0);
    look_end(&s);
}

static void
windirstat_with_types_as_bits(void)
{
    struct seen s;

    LOOK(&s, "\"Name\",\"Files\",\"Folders\",\"Logical Size\",\"Physical "
             "Size\",\"Attributes\",\"Last Change\",\"WinDirStat Attributes\",\"Index\"\r\n"
             "\"D:\\\",1,1,100,4096,\"\",2024-05-01T13:45:10Z,0x01000002,0x0000000000000005\r\n"
             "\"D:\\a\",1,0,100,4096,\"\",2024-05-01T13:45:10Z,0x00000004,0x0000000000000006\r\n"
             "\"D:\\a\\b.txt\",0,0,100,4096,\"A\",2024-05-01T13:45:10Z,0x00000008,"
             "0x0000000000000007\r\n");
    row_is(&s, "/a/b.txt", PORT_T_FILE, 100, MAY_1, 0);
    row_is(&s, "/a", PORT_T_FOLDER, 0, MAY_1, 0);
    look_end(&s);
}

static void
altos_own_export(void)
{
    struct seen s;

    LOOK(&s, "path,path_b64,type,size,allocated,modified,accessed,accessed_source,created,owner,"
             "mode,attributes,inode,links,state,object_id,reason\r\n"
             "/only/"
             "a,,file,100,4096,2024-05-01T13:45:10Z,2024-05-01T13:45:10Z,walk,,alice,0644,,7,1,"
             "stub,01hx0000000000000000000000,\r\n"
             ",L29ubHkv/"
             "2I=,file,100,4096,2024-05-01T13:45:10Z,,walk,,1000,0644,readonly,8,1,resident,,\r\n");
    TAP_EQUAL_STR(s.look.made_by, "Alto");
    root_is(&s, "/");
    row_is(&s, "/only/a", PORT_T_FILE, 100, MAY_1, MAY_1);
    look_end(&s);
}

static void
names_and_folders_apart(void)
{
    struct seen s;

    LOOK(&s, "Directory,Name,Size (KB)\n/srv/x,a,1.5\n/srv/x/y,b,2\n");
    columns_are(
        &s,
        "Directory=folder:POSIX paths;Name=name:text;Size (KB)=size:numbers in the header's unit;");
    root_is(&s, "/srv/x");
    row_is(&s, "/y/b", PORT_T_UNKNOWN, 2048, 0, 0);
    row_is(&s, "/a", PORT_T_UNKNOWN, 1536, 0, 0);
    look_end(&s);
}

static void
what_is_told_wins(void)
{
    static const struct import_map map[] = {{IMPORT_F_PATH, {(const uint8_t *)"where", 5}},
                                            {IMPORT_F_SIZE, {(const uint8_t *)"big", 3}},
                                            {IMPORT_F_OWNER, {NULL, 0}}};
    static const struct import_map wrong[] = {{IMPORT_F_PATH, {(const uint8_t *)"gone", 4}}};
    static const char text[] = "where,big,owner,size\n/a/b,5,x,9\n/a/c,6,y,9\n";
    struct import_options o = {.map = map, .map_count = 3};
    struct seen s;

    look_with(&s, text, sizeof(text) - 1, &o);
    TAP_OK(s.rc);
    columns_are(&s, "where=path:POSIX paths;big=size:bytes;");
    TAP_CHECK(!s.look.columns[0].guessed);
    look_end(&s);
    o.map = wrong;
    o.map_count = 1;
    look_with(&s, text, sizeof(text) - 1, &o);
    TAP_OK(s.rc);
    TAP_CHECK(s.look.problem.len > 0 &&
              memmem(s.look.problem.at, s.look.problem.len, "gone", 4) != NULL);
    look_end(&s);
}

static void
what_is_no_list_is_said_so(void)
{
    static const struct import_options none;
    static const char binary[] =
        "\x7f"
        "ELF\x02\x01\x01\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14";
    static const char gzip[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage";
    struct seen s;

    LOOK(&s, "first,second\n1,2\n3,4\n");
    TAP_CHECK(s.look.problem.len > 0);
    look_end(&s);
    look_with(&s, "", 0, &none);
    TAP_CODE(s.rc, AL_ECORRUPT);
    look_end(&s);
    look_with(&s, binary, sizeof(binary) - 1, &none);
    TAP_CODE(s.rc, AL_ECORRUPT);
    look_end(&s);
    look_with(&s, gzip, sizeof(gzip) - 1, &none);
    TAP_CODE(s.rc, AL_ECORRUPT);
    TAP_CHECK(s.fail.text[0] != '\0');
    look_end(&s);
}

/* As lines they would be a thousand paths of no size, and take the place of what was imported before. */
static void
rows_that_do_not_fit_their_header_are_no_paths(void)
{
    struct seen s;

    LOOK(&s, "path,size\n/a,1\n/b,2\n/bad\n/c,3\n/bad\n/bad\n/bad\n/bad\n");
    TAP_EQUAL_U64(s.look.column_count, 2);
    TAP_CHECK(s.look.options.header == IMPORT_HEADER_YES);
    columns_are(&s, "path=path:POSIX paths;size=size:bytes;");
    look_end(&s);
    LOOK(&s, "path,size\n\"/a,1\n/b,2\n/c,3\n"); /* a quote that is never closed */
    TAP_CHECK(s.look.column_count != 1);
    look_end(&s);
}

static void
many_columns(void)
{
    char text[4096] = "path,size";
    struct seen s;
    size_t n = strlen(text);

    for (int i = 0; i < 200; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, ",c%d", i);
    }
    for (int row = 0; row < 2; row++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "\n/a%d,5", row);
        for (int i = 0; i < 200; i++) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, ",x");
        }
    }
    look_at(&s, text, n);
    TAP_EQUAL_U64(s.look.column_count, 202);
    columns_are(&s, "path=path:POSIX paths;size=size:bytes;");
    look_end(&s);
}

static void
windows_names_of_the_old_code_page(void)
{
    struct seen s;

    LOOK(&s, "FullName,Length\r\nD:\\Gr\xf6\xdf"
             "e\\\x80,5\r\nD:\\x,6\r\n");
    TAP_CHECK(s.look.options.encoding == IMPORT_CP1252);
    row_is(&s,
           "/Gr\xc3\xb6\xc3\x9f"
           "e/\xe2\x82\xac",
           PORT_T_UNKNOWN, 5, 0, 0);
    look_end(&s);
    LOOK(&s, "/srv/a\xff\t5\n/srv/b\t6\n");
    TAP_CHECK(s.look.options.encoding == IMPORT_UTF8);
    row_is(&s, "/a\xff", PORT_T_UNKNOWN, 5, 0, 0);
    look_end(&s);
}

int
main(void)
{
    TAP_RUN(find_with_tabs);
    TAP_RUN(find_with_blanks_and_the_path_last);
    TAP_RUN(find_with_dates_and_symbolic_modes);
    TAP_RUN(find_with_nul);
    TAP_RUN(find_of_paths_alone);
    TAP_RUN(powershell_csv);
    TAP_RUN(powershell_in_utf16_with_a_root);
    TAP_RUN(powershell_in_german);
    TAP_RUN(treesize);
    TAP_RUN(treesize_in_german);
    TAP_RUN(windirstat);
    TAP_RUN(windirstat_with_types_as_bits);
    TAP_RUN(altos_own_export);
    TAP_RUN(names_and_folders_apart);
    TAP_RUN(what_is_told_wins);
    TAP_RUN(what_is_no_list_is_said_so);
    TAP_RUN(rows_that_do_not_fit_their_header_are_no_paths);
    TAP_RUN(many_columns);
    TAP_RUN(windows_names_of_the_old_code_page);
    return tap_end();
}
