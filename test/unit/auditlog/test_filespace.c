/* Which filespaces a host has, out of the table of mounts and what `lucid` prints. The texts are made by what is documented of
 * them, and by what may go wrong with it. */
#include "tap.h"

#include "agent/auditlog/filespace.h"
#include "base/mem.h"

static struct al_span
text(const char *s)
{
    return al_span_of(s);
}

static void
the_table_gives_fuse_mounts_with_their_odd_names(void)
{
    static const char table[] =
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "40 22 0:40 / /media/examplepost/shows rw,nosuid,nodev shared:9 master:2 - fuse.Lucid Lucid rw,user_id=0,allow_other\n"
        "41 22 0:41 / /media/a\\040b\\011c\\012d\\134e rw - fuse /dev/fuse\\040x rw\n"
        "42 22 0:42 /part /media/bound rw - fuse.sshfs host: rw\n"
        "43 22 0:43 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n"
        "44 22 8:2 / /win rw - fuseblk /dev/sdb1 rw\n"
        "45 22 0:45 / /home/u/ssh rw - fuse.sshfs u@h:/x rw\n"
        "46 22 0:46 / /home/u/ssh rw - fuse.sshfs other: rw\n"
        "47 22 0:47 / relative rw - fuse x rw\n"
        "48 22 0:48 / /cut rw - fuse\n"
        "\n"
        "junk\n"
        "49 22 0:49 / /media/n\\000ul rw - fuse x rw";
    struct filespaces f = {0};

    TAP_OK(filespaces_table(&f, text(table)));
    TAP_EQUAL_U64(f.count, 3);
    TAP_EQUAL_STR(f.at[0].path, "/media/examplepost/shows");
    TAP_EQUAL_STR(f.at[0].type, "fuse.Lucid");
    TAP_CHECK(f.at[0].by_type && f.at[0].in_table && !f.at[0].by_program);
    TAP_EQUAL_STR(f.at[1].path, "/media/a b\tc\nd\\e");
    TAP_EQUAL_STR(f.at[1].source, "/dev/fuse x");
    TAP_CHECK(!f.at[1].by_type);
    TAP_EQUAL_STR(f.at[2].path, "/home/u/ssh");
    TAP_EQUAL_STR(f.at[2].source, "other:");
    TAP_EQUAL_U64(f.odd, 4);
    filespaces_end(&f);
    TAP_EQUAL_U64(f.count, 0);
}

static void
instances_are_read_from_the_list_and_the_rest_is_passed_over(void)
{
    static const char said[] = "INSTANCE ID        FILESPACE                 PORT      MODE\r\n"
                               "2001               shows.examplepost         8279      live\r\n"
                               "  501\tclassic.example\t7778\n"
                               "2003\n"
                               "2002 only.name\n"
                               "99999999999 number.too.long 1 live\n"
                               "The daemon is not running\n";
    struct filespace_instance got[3];
    uint64_t odd = 0;

    TAP_EQUAL_U64(filespaces_list(text(said), got, 3, &odd), 3);
    TAP_EQUAL_STR(got[0].number, "2001");
    TAP_EQUAL_STR(got[0].name, "shows.examplepost");
    TAP_EQUAL_STR(got[0].mode, "live");
    TAP_EQUAL_STR(got[1].name, "classic.example");
    TAP_EQUAL_STR(got[1].mode, "");
    TAP_EQUAL_STR(got[2].name, "only.name");
    TAP_EQUAL_U64(odd, 3);
    odd = 0;
    TAP_EQUAL_U64(filespaces_list(text(said), got, 1, &odd), 1);
    TAP_EQUAL_U64(odd, 5);
    TAP_EQUAL_U64(filespaces_list(text(""), got, 3, &odd), 0);
}

static void
the_status_of_an_instance_finds_its_mount(void)
{
    static const struct filespace_instance of = {.number = "2001", .name = "from.the.list", .mode = "live"};
    struct filespaces f = {0};

    TAP_OK(filespaces_table(&f, text("40 22 0:40 / /media/examplepost/shows rw - fuse x rw\n")));
    TAP_OK(filespaces_status(&f, &of,
                             text("Client version: 3.8\nFilespace: shows.examplepost\r\n"
                                  "  mount POINT :   /media/examplepost/shows/  \n"
                                  "Filespace ID: 6F9619FF-8B86-D011-B42D-00CF4FC964FF\n"
                                  "Mount point: /elsewhere\nFilespace: other\n")));
    TAP_EQUAL_U64(f.count, 1);
    TAP_CHECK(f.at[0].in_table && f.at[0].by_program);
    TAP_EQUAL_STR(f.at[0].name, "shows.examplepost");
    TAP_EQUAL_STR(f.at[0].id, "6F9619FF-8B86-D011-B42D-00CF4FC964FF");
    TAP_EQUAL_STR(f.at[0].instance, "2001");
    TAP_OK(filespaces_status(&f, &of, text("Mount point: C:\\Volumes\\examplepost\\shows\\\nFilespace ID: 12\n")));
    TAP_EQUAL_U64(f.count, 2);
    TAP_EQUAL_STR(f.at[1].path, "C:/Volumes/examplepost/shows");
    TAP_EQUAL_STR(f.at[1].name, "from.the.list");
    TAP_CHECK(f.at[1].id == NULL && !f.at[1].in_table);
    TAP_OK(filespaces_status(&f, &of, text("")));
    TAP_OK(filespaces_status(&f, &of, text("Mount point: not/absolute\nMount point:\n")));
    TAP_EQUAL_U64(f.count, 4);
    TAP_CHECK(f.at[2].path == NULL && f.at[3].path == NULL);
    filespaces_end(&f);
}

static void
what_is_too_much_is_counted(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf table = {.max = 1u << 20};
    struct filespaces f = {0};

    for (unsigned i = 0; i < FILESPACE_MOUNTS_MAX + 5; i++) {
        TAP_OK(al_buf_addf(&table, "1 2 0:1 / /m/%u rw - fuse.lucid x rw\n", i));
    }
    TAP_OK(filespaces_table(&f, al_buf_span(&table)));
    TAP_EQUAL_U64(f.count, FILESPACE_MOUNTS_MAX);
    TAP_EQUAL_U64(f.more, 5);
    filespaces_end(&f);
    al_buf_clear(&table);
    TAP_OK(al_buf_adds(&table, "1 2 0:1 / /"));
    for (unsigned i = 0; i < FILESPACE_PATH_MAX; i++) {
        TAP_OK(al_buf_adds(&table, "x"));
    }
    TAP_OK(al_buf_adds(&table, " rw - fuse x rw\n"));
    TAP_OK(filespaces_table(&f, al_buf_span(&table)));
    TAP_CHECK(f.count == 0 && f.odd == 1);
    filespaces_end(&f);
}

int
main(void)
{
    TAP_RUN(the_table_gives_fuse_mounts_with_their_odd_names);
    TAP_RUN(instances_are_read_from_the_list_and_the_rest_is_passed_over);
    TAP_RUN(the_status_of_an_instance_finds_its_mount);
    TAP_RUN(what_is_too_much_is_counted);
    return tap_end();
}
