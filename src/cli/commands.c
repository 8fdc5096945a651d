/* commands.c: the table. Help, completion and the manual page are made of it. */
#include "cli/cli.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL, false                                                                    \
    }
#define WAIT                                                                                       \
    {                                                                                              \
        "wait", NULL, "follow the job to its end", false                                           \
    }
#define OF_CUSTOMER                                                                                \
    {                                                                                              \
        "customer", "C", "only this customer's", false                                             \
    }
#define LIMIT                                                                                      \
    {                                                                                              \
        "limit", "N", "at most so many rows; default 1000, 0: all", false                          \
    }

static const struct cli_option login[] = {
    {"password-file", "FILE", "read the password from here instead of asking", false}, END};
static const struct cli_option host_token[] = {
    {"customer", "C", "whose host it will be", true},
    {"name", "NAME", "the token is good for a host of this name only", false},
    {"hours", "N", "how long it is good", false},
    END};
static const struct cli_option by_customer[] = {OF_CUSTOMER, LIMIT, END};
static const struct cli_option share_add[] = {
    {"customer", "C", "whose share it is", true},
    {"name", "N", "its name here", true},
    {"url", "URL", "smb://HOST[:PORT]/SHARE[/DIR] or file:///DIR", true},
    {"user", "U", "user on the share; default: guest", false},
    {"password-file", "F", "its password; else asked for when --user is given", false},
    {"wire", "WORD", "what connections must be: signed, encrypted or any (default)", false},
    END};
static const struct cli_option share_test[] = {
    {"host", "H", "the host that tries it", true},
    {"url", "URL", "smb://HOST[:PORT]/SHARE[/DIR] or file:///DIR", true},
    {"user", "U", "user on the share; default: guest", false},
    {"password-file", "F", "its password; else asked for when --user is given", false},
    END};
static const struct cli_option share_set[] = {{"name", "N", "another name", false},
                                              {"url", "URL", "another address", false},
                                              {"user", "U", "another user", false},
                                              {"password-file", "F", "another password", false},
                                              {"wire", "WORD", "signed, encrypted or any", false},
                                              END};
/* Of volume add and volume set alike. */
#define VOLUME_AUDIT                                                                               \
    {"audit-root", "P", "kind lucidlink: the filespace's root on the host, if not found", false},  \
        {"silence-hours", "N", "audit logs that nobody writes to for longer count as off", false}, \
        {"prehydrate", "YES", "yes or no: prefetching a file counts as an access", false},         \
        {"drop-users", "A,B", "whose accesses are noise; * and ? as in a shell", false},           \
        {"drop-hosts", "A,B", "likewise hosts", false},                                            \
        {"drop-nodes", "A,B", "likewise nodes", false},                                            \
    {                                                                                              \
        "logs", "A,B", "further endings of names that are audit logs", false                       \
    }
static const struct cli_option volume_add[] = {
    {"host", "H", "the host it is on", true},
    {"path", "P", "its root there, absolute", true},
    {"name", "N", "its name here", true},
    {"share", "S", "where its cold files go; without: tracked only", false},
    {"kind", "KIND", "posix (default), ntfs or lucidlink", false},
    VOLUME_AUDIT,
    END};
static const struct cli_option volume_set[] = {{"name", "N", "another name", false},
                                               {"share", "S", "another share", false},
                                               {"path", "P", "another path", false},
                                               VOLUME_AUDIT,
                                               END};
static const struct cli_option volume_list[] = {
    OF_CUSTOMER, {"host", "H", "only this host's", false}, LIMIT, END};
static const struct cli_option waiting[] = {WAIT, END};
static const struct cli_option scan[] = {
    {"full", NULL, "walk everything, also where the host knows what changed", false}, WAIT, END};
static const struct cli_option share_check[] = {
    {"host", "H", "have this one look; default: one that is online, best one that uses it", false},
    WAIT,
    END};
/* Of rule add and rule set alike. */
#define RULE_WHEN                                                                                  \
    {"schedule", "CRON", "when it runs by itself, such as \"0 20 * * 1-5\"; none: never", false},  \
        {"zone", "ZONE", "of schedule and window, such as Europe/Berlin", false},                  \
        {"window", "SPANS",                                                                        \
         "when its jobs may work, such as \"mon-fri 20:00-06:00; sat,sun "                         \
         "00:00-24:00\"; none: always",                                                            \
         false},                                                                                   \
        {"limit-files", "N", "a run ends after so many files; 0: no limit, so below", false},      \
        {"limit-bytes", "SIZE", "a run ends after so many bytes", false},                          \
        {"limit-minutes", "N", "a run ends after so many minutes of work", false},                 \
        {"limit-errors", "PERCENT", "so many failed files suspend the rule", false},               \
        {"start-used", "PERCENT", "runs when so much of the volume is used", false},               \
    {                                                                                              \
        "stop-used", "PERCENT", "a run ends when less is used", false                              \
    }
static const struct cli_option rule_add[] = {
    {"volume", "V", "the volume it is for", true},
    {"name", "N", "its name", true},
    {"where", "EXPR", "which files it means", true},
    {"action", "A", "tier (default), archive, recall, pin or exclude", false},
    {"share", "S", "another share than the volume's", false},
    {"position", "N", "its place among the volume's rules, from 1; default: the last", false},
    RULE_WHEN,
    END};
static const struct cli_option rule_set[] = {{"name", "N", "another name", false},
                                             {"where", "EXPR", "other files", false},
                                             {"enable", NULL, "switch it on", false},
                                             {"disable", NULL, "switch it off", false},
                                             {"position", "N", "another place", false},
                                             RULE_WHEN,
                                             END};
static const struct cli_option rule_clone[] = {
    {"name", "N", "its name", true}, {"volume", "V", "on another volume", false}, END};
static const struct cli_option rule_schedule[] = {
    {"zone", "ZONE", "its time zone, such as Europe/Berlin", true},
    {"window", "SPANS", "only then, such as \"mon-fri 20:00-06:00\"", false},
    END};
static const struct cli_option rule_preview[] = {
    {"volume", "V", "with --where: on this volume", false},
    {"where", "EXPR", "an expression instead of a rule that is there", false},
    END};
static const struct cli_option by_volume[] = {
    {"volume", "V", "only this volume's", false}, LIMIT, END};
static const struct cli_option job_list[] = {
    OF_CUSTOMER,
    {"volume", "V", "only of this volume", false},
    {"state", "STATE", "queued, running, done, failed, cancelled, suspended or paused", false},
    LIMIT,
    END};
static const struct cli_option job_outcomes[] = {
    {"code", "CODE", "only with this code, such as ok or unreachable", false},
    {"reason", "REASON", "only refused for this reason", false},
    LIMIT,
    END};
static const struct cli_option file_list[] = {
    {"recursive", NULL, "everything below, not only the folder's own", false},
    {"state", "STATE", "resident, stub, tiering, recalling, pinned or archived", false},
    {"name", "TEXT", "only names that contain it", false},
    {"sort", "KEY", "name (default), size, mtime or accessed", false},
    {"reverse", NULL, "largest, newest or last first", false},
    LIMIT,
    END};
static const struct cli_option audit_list[] = {
    OF_CUSTOMER,
    {"act", "ACT", "only of this kind, such as tier or rule.create", false},
    {"from", "TIME", "from this time on, such as 2026-11-23T00:00:00Z", false},
    {"to", "TIME", "before this time", false},
    {"search", "TEXT", "only with this in subject or actor", false},
    LIMIT,
    END};
static const struct cli_option search[] = {
    OF_CUSTOMER,
    {"kinds", "A,B",
     "only customer, host, share, volume, rule, job, user or file, with commas between", false},
    {"limit", "N", "at most so many of each kind, up to 50; default 8", false},
    END};
static const struct cli_option orphan_list[] = {
    OF_CUSTOMER,
    {"kind", "K", "only this kind", false},
    {"state", "S", "open (default), ignored, mended or all", false},
    LIMIT,
    END};
static const struct cli_option orphan_repair[] = {
    {"kind", "K", "all that are open of this kind, instead of ids", false},
    {"plan", NULL, "only tell how many it would be, and how many bytes", false},
    WAIT,
    END};
static const struct cli_option orphan_ignore[] = {
    {"kind", "K", "all of this kind, instead of ids", false},
    {"reason", "TEXT", "why; it stands in the record", false},
    {"undo", NULL, "take them up again", false},
    END};
static const struct cli_option audit_verify[] = {OF_CUSTOMER, END};
static const struct cli_option rescue[] = {
    {"share", "URL", "the share: smb://… or file:///DIR", true},
    {"to", "DIR", "the folder the files go to", false},
    {"user", "U", "user on the share", false},
    {"password-file", "F", "its password; else asked for when --user is given", false},
    {"customer-id", "ID",
     "the customer the share belongs to; default: whoever its identity file says", false},
    {"path", "PREFIX", "only files whose path begins with it", false},
    {"list", NULL, "only list what is there", false},
    END};

/* imports, plans, figures, why */
static const struct cli_option host_add[] = {
    {"customer", "C", "whose host it will be", true},
    {"name", "NAME", "what its agent will call itself", true},
    {"os", "OS", "linux (default) or windows", false},
    END};
static const struct cli_option customer_costs[] = {
    {"currency", "EUR", "set it: a code of three letters", false},
    {"primary", "PRICE", "set what a TB on the file server costs a month; - for none", false},
    {"tier", "PRICE", "set what a TB on the share costs a month", false},
    {"recall", "PRICE", "set what bringing back a GB costs", false},
    END};
static const struct cli_option import[] = {
    {"map", "FIELD=COLUMN,...", "what columns mean, such as path=FullName,size=Length", false},
    {"dry-run", NULL, "only look at it; nothing stays", false},
    {"replace", NULL, "what was imported before and is not in the file goes (default)", false},
    {"add", NULL, "what was imported before stays", false},
    {"wait", NULL, "follow the import to its end", false},
    {"resume", "IMPORT", "go on sending a file that was cut off", false},
    {"root", "PATH", "what the volume's root is called in the file", false},
    {"format", "F", "csv or parquet; default: guessed, as all that follows", false},
    {"encoding", "E", "utf-8, utf-16le, utf-16be or cp1252", false},
    {"compression", "C", "plain, gzip or zstd", false},
    {"delimiter", "D", "between columns; tab for a tab", false},
    {"header", "YES|NO", "whether the first row names the columns", false},
    {"dates", "D", "iso, us or european", false},
    {"zone", "MINUTES", "east of UTC, of times that name no zone; default 0", false},
    {"refused-max", "PERCENT", "more refused rows than that and it fails; default 50", false},
    END};
static const struct cli_option import_list[] = {
    {"volume", "V", "only of this volume", false},
    {"state", "STATE", "uploading, ready, running, done, failed or cancelled", false},
    LIMIT,
    END};
static const struct cli_option import_refused[] = {
    {"output", "FILE", "into this file; default: standard output", false}, END};
static const struct cli_option plan[] = {
    {"volume", "V", "with --where: on this volume", false},
    {"where", "EXPR", "an expression instead of a rule that is there", false},
    {"as-of", "TIME", "at this moment, such as 2026-01-01; default: now", false},
    {"history", "DAYS", "count the recalls of so many days; default 90", false},
    {"rule-version", "N", "the rule as it was at this version", false},
    {"compare", "RULE", "tell what enters and leaves against this rule", false},
    {"compare-version", "N", "or against this version, of RULE itself without --compare", false},
    {"compare-where", "EXPR", "or against this expression", false},
    {"export", "FILE", "write all files of it: FILE.csv or FILE.parquet", false},
    {"refused", NULL, "with --export: those that are refused too", false},
    END};
static const struct cli_option figures[] = {
    {"customer", "C", "of all volumes of this customer, instead of a volume", false},
    {"folder", "PATH", "only what lies below it", false},
    {"by", "KEY",
     "ext, owner, age, modified, size, hottest, coldest, largest or duplicates; default: ext",
     false},
    {"rows", "N", "of the list; default 20", false},
    END};
static const struct cli_option tree[] = {
    {"sort", "KEY", "bytes (default), files, name or accessed", false},
    {"limit", "N", "at most so many folders; default 50", false},
    {"offset", "N", "behind so many", false},
    END};

#define PICK_ROWS                                                                                  \
    {"user", "NAME", "only what this user did", false},                                            \
    {                                                                                              \
        "host", "NAME", "only what was done on this host", false                                   \
    }
#define WINDOW                                                                                     \
    {"days", "N", "of so many days, 1 to 90; default 7", false},                                   \
    {                                                                                              \
        "folder", "PATH", "only what lies below it", false                                         \
    }
static const struct cli_option access_show[] = {
    {"since", "AGO", "not older than this: 90m, 12h, 7d, 2w", false},
    PICK_ROWS,
    {"limit", "N", "at most so many rows; default 50, 0: all that are kept", false},
    END};
static const struct cli_option access_follow[] = {
    PICK_ROWS, {"seconds", "N", "end after so long; default: when interrupted", false}, END};
static const struct cli_option access_top[] = {
    {"by", "KEY", "file (default), folder, user or host", false},
    WINDOW,
    {"limit", "N", "at most so many; default 20", false},
    END};
static const struct cli_option access_hours[] = {WINDOW, END};
static const struct cli_option access_nodes[] = {
    {"active", NULL, "only those with a log open", false},
    {"behind", NULL, "only those whose logs are not read to their ends", false},
    {"search", "TEXT", "part of node, host or user", false},
    {"sort", "KEY", "node (default), host, user, last_event, last_grown or behind", false},
    {"reverse", NULL, "the other way round", false},
    LIMIT,
    END};

static const char import_more[] =
    "Reads what find -printf, PowerShell, TreeSize, WinDirStat and Alto itself write, and other "
    "lists with a column for the path. What it takes the\n"
    "columns for is shown first. Nothing is half imported. Imports that are there: alto import "
    "list, show, cancel, refused, remove; for a volume\n"
    "of such a name give its id.";
static const char plan_more[] =
    "Nothing is moved. With prices set (alto customer costs) the plan tells what it saves.";
static const char login_more[] =
    "The password is asked for, or read from --password-file or standard input; never from the "
    "command line. The session is kept in\n"
    "~/.config/alto/session.json, readable for you alone.";
static const char names_more[] =
    "Wherever an id is wanted a name will do, as long as only one has it.";
static const char share_test_more[] =
    "Step by step: reach, log_in, open, owner, space, write, flush, read, list, latency, remove; "
    "the first that fails ends it, with what to do. Nothing is\n"
    "saved, the password is forgotten with the end of the test, and nothing stays on the share but "
    "empty folders, unless the test is cut off: then a file incoming/test-ID of 1 MiB may.";
static const char search_more[] =
    "Found is what has the text in its name, or in a share's address, a volume's path, a rule's "
    "expression, or as its id. Of files it is looked for in\n"
    "their names; a text with a / asks for the way to them: acme/rep finds what begins with rep in "
    "folders that end in acme. Upper and lower case\n"
    "of A to Z are the same. After two seconds it ends with the files that were found.";
static const char orphan_list_more[] =
    "Without VOLUME the sums of each kind. What is listed was found by reconciles (alto volume "
    "reconcile); a whole one ends what it does not find again.";
static const char orphan_repair_more[] =
    "Nothing is overwritten or deleted: objects stay on the share, and a file that gives way to "
    "the "
    "one that is brought back stays beside it, with\n"
    "(kept) in its name. The host looks at each file afresh, and refuses what is not as it was "
    "found.";
static const char scan_more[] =
    "Where the host knows what changed since the last scan (a journal of the filesystem), only "
    "that "
    "is listed, and the end says so; all is\n"
    "walked once in seven days, and in any doubt, and the end says why. Wherever an id is wanted a "
    "name will do, as long as only one has it.";
static const char reconcile_more[] =
    "Due after a restore from a backup: what was restored or moved is adopted, markers that were "
    "copied onto other files are dropped, what a\n"
    "crash left is finished. A stub that does not fit its file raises an alarm; nothing is decided "
    "about it. No content is changed.";
static const char adopt_more[] =
    "A stub on a Windows volume is good for the one file it was made for. One that a restore from "
    "a "
    "backup or a copy has made is denied to everybody,\n"
    "and each walk raises an alarm about it, until somebody who may says that it is right: then it "
    "is read like any other. PATH: a file, or a folder\n"
    "with all below it; / is the whole volume. Look first who put it there: whoever can read an "
    "adopted stub can read what it stands for.";
static const char where_more[] =
    "An expression is such as: size >= 10MB and accessed older than 90d and ext in (mov, mxf, wav)";
static const char schedule_more[] =
    "Minute, hour, day of month (L: the last), month, day of week; or @hourly, @daily, @weekly, "
    "@monthly, @yearly.";
static const char rescue_more[] =
    "Needs no altod and no agent: manifests and objects on the share are enough. Each version of a "
    "file that was tiered is in the manifests; the\n"
    "last one of a path is restored, with its times, mode and, for root, owner and attributes; a "
    "file from Windows on Windows with its security\n"
    "descriptor, attributes, named streams and time of creation. What could not be set is told at "
    "the end; it stays on the share, in each file's line\n"
    "of the manifests, and --list --json names that line. Where the rights of a file from Windows "
    "cannot be set, nobody but whoever ran this may read\n"
    "it. Files that are there already are left alone.";

static const struct cli_command table[] = {
    {"login", NULL, "[NAME]", 0, 1, "log in to altod", login, login_more, true, cmd_login},
    {"logout", NULL, "", 0, 0, "end the session", NULL, NULL, false, cmd_logout},
    {"whoami", NULL, "", 0, 0, "who is logged in", NULL, NULL, false, cmd_whoami},
    {"customer", "add", "NAME", 1, 1, "add a customer", NULL, NULL, false, cmd_customer_add},
    {"customer", "list", "", 0, 0, "list customers", NULL, NULL, false, cmd_customer_list},
    {"customer", "show", "CUSTOMER", 1, 1, "show one with its figures", NULL, names_more, false,
     cmd_customer_show},
    {"customer", "remove", "CUSTOMER", 1, 1, "remove one that has no hosts and shares any more",
     NULL, names_more, false, cmd_customer_remove},
    {"host", "token", "", 0, 0, "make a token for enrolling a host", host_token, names_more, false,
     cmd_host_token},
    {"host", "list", "", 0, 0, "list hosts", by_customer, NULL, false, cmd_host_list},
    {"host", "show", "HOST", 1, 1, "show one with the LucidLink filespaces that are mounted there",
     NULL, names_more, false, cmd_host_show},
    {"host", "remove", "HOST", 1, 1, "remove one; its agent is locked out", NULL, names_more, false,
     cmd_host_remove},
    {"share", "add", "", 0, 0, "add a share", share_add, NULL, false, cmd_share_add},
    {"share", "test", "", 0, 0, "try a share out from a host, before it is added", share_test,
     share_test_more, false, cmd_share_test},
    {"share", "list", "", 0, 0, "list shares", by_customer, NULL, false, cmd_share_list},
    {"share", "set", "SHARE", 1, 1, "change one", share_set, names_more, false, cmd_share_set},
    {"share", "check", "SHARE", 1, 1, "have a host look at it", share_check, names_more, false,
     cmd_share_check},
    {"share", "remove", "SHARE", 1, 1, "remove one that no volume uses", NULL, names_more, false,
     cmd_share_remove},
    {"volume", "add", "", 0, 0, "add a volume", volume_add, names_more, false, cmd_volume_add},
    {"volume", "list", "", 0, 0, "list volumes", volume_list, NULL, false, cmd_volume_list},
    {"volume", "show", "VOLUME", 1, 1, "show one", NULL, names_more, false, cmd_volume_show},
    {"volume", "set", "VOLUME", 1, 1, "change one", volume_set, names_more, false, cmd_volume_set},
    {"volume", "reconcile", "VOLUME", 1, 1, "hold every stub's marker against its file", waiting,
     reconcile_more, false, cmd_volume_reconcile},
    {"volume", "remove", "VOLUME", 1, 1, "remove one; its files stay where they are", NULL,
     names_more, false, cmd_volume_remove},
    {"scan", NULL, "VOLUME", 1, 1, "walk a volume, or list only what changed in it", scan,
     scan_more, false, cmd_scan},
    {"rule", "add", "", 0, 0, "add a rule", rule_add, where_more, false, cmd_rule_add},
    {"rule", "list", "", 0, 0, "list rules in their order", by_volume, NULL, false, cmd_rule_list},
    {"rule", "check", "EXPR", 1, 1, "check an expression", NULL, where_more, false, cmd_rule_check},
    {"rule", "preview", "[RULE]", 0, 1, "tell what a rule would do, without doing it", rule_preview,
     where_more, false, cmd_rule_preview},
    {"rule", "run", "RULE", 1, 1, "run a rule", waiting, names_more, false, cmd_rule_run},
    {"rule", "set", "RULE", 1, 1, "change one", rule_set, names_more, false, cmd_rule_set},
    {"rule", "versions", "RULE", 1, 1, "list its versions, with who and when", NULL, names_more,
     false, cmd_rule_versions},
    {"rule", "clone", "RULE", 1, 1, "make another like it, switched off", rule_clone, names_more,
     false, cmd_rule_clone},
    {"rule", "resume", "RULE", 1, 1, "let one run again that errors suspended", NULL, names_more,
     false, cmd_rule_resume},
    {"rule", "order", "VOLUME RULE...", 2, CLI_WORDS_MAX,
     "put all of a volume's rules in this order", NULL, names_more, false, cmd_rule_order},
    {"rule", "templates", "", 0, 0, "list rules to start from", NULL, NULL, false,
     cmd_rule_templates},
    {"rule", "schedule", "CRON", 1, 1, "tell what a schedule means, and when it is next",
     rule_schedule, schedule_more, false, cmd_rule_schedule},
    {"rule", "remove", "RULE", 1, 1, "remove one", NULL, names_more, false, cmd_rule_remove},
    {"job", "list", "", 0, 0, "list jobs, newest first", job_list, NULL, false, cmd_job_list},
    {"job", "show", "JOB", 1, 1, "show one", NULL, NULL, false, cmd_job_show},
    {"job", "wait", "JOB", 1, 1, "follow one to its end", NULL, NULL, false, cmd_job_wait},
    {"job", "cancel", "JOB", 1, 1, "cancel one", NULL, NULL, false, cmd_job_cancel},
    {"job", "pause", "JOB", 1, 1, "pause one that moves files", NULL, NULL, false, cmd_job_pause},
    {"job", "resume", "JOB", 1, 1, "let a paused one go on", NULL, NULL, false, cmd_job_resume},
    {"job", "outcomes", "JOB", 1, 1, "what became of each file", job_outcomes, NULL, false,
     cmd_job_outcomes},
    {"file", "list", "VOLUME [PATH]", 1, 2, "list a folder as the inventory knows it", file_list,
     NULL, false, cmd_file_list},
    {"file", "stat", "VOLUME PATH", 2, 2, "tell what is known of a file", NULL, NULL, false,
     cmd_file_stat},
    {"file", "tier", "VOLUME PATH...", 2, CLI_WORDS_MAX, "move files to the share", waiting, NULL,
     false, cmd_file_tier},
    {"file", "recall", "VOLUME PATH...", 2, CLI_WORDS_MAX, "bring files back", waiting, NULL, false,
     cmd_file_recall},
    {"file", "adopt", "VOLUME PATH...", 2, CLI_WORDS_MAX,
     "make stubs readable that were restored or copied to a Windows volume", waiting, adopt_more,
     false, cmd_file_adopt},
    {"audit", "list", "", 0, 0, "list audit events, newest first", audit_list, NULL, false,
     cmd_audit_list},
    {"audit", "verify", "", 0, 0, "check that the record was not altered", audit_verify, NULL,
     false, cmd_audit_verify},
    {"host", "add", "", 0, 0, "expect a host: volumes and imports before it has an agent", host_add,
     names_more, false, cmd_host_add},
    {"customer", "costs", "CUSTOMER", 1, 1, "show or set what storage costs", customer_costs,
     names_more, false, cmd_customer_costs},
    {"import", "list", "", 0, 0, "list imports, newest first", import_list, NULL, false,
     cmd_import_list},
    {"import", "show", "IMPORT", 1, 1, "show one, with its columns", NULL, NULL, false,
     cmd_import_show},
    {"import", "cancel", "IMPORT", 1, 1, "cancel one", NULL, NULL, false, cmd_import_cancel},
    {"import", "refused", "IMPORT", 1, 1, "the rows that were refused, as CSV", import_refused,
     NULL, false, cmd_import_refused},
    {"import", "remove", "IMPORT", 1, 1, "remove one and its file; what it brought in stays", NULL,
     NULL, false, cmd_import_remove},
    {"import", NULL, "VOLUME FILE", 2, 2, "import an inventory, CSV or Parquet", import,
     import_more, false, cmd_import},
    {"plan", NULL, "[RULE]", 0, 1, "tell what a rule would do, what it saves, and export it", plan,
     plan_more, false, cmd_plan},
    {"figures", NULL, "[VOLUME]", 0, 1, "what lies on a volume", figures, names_more, false,
     cmd_figures},
    {"tree", NULL, "VOLUME [PATH]", 1, 2, "folders with all that lies below them", tree, names_more,
     false, cmd_tree},
    {"why", NULL, "VOLUME PATH", 2, 2, "why a file is where it is, and what happened to it", NULL,
     names_more, false, cmd_why},
    {"access", "list", "", 0, 0, "volumes with audit logs, those in trouble first", by_customer,
     NULL, false, cmd_access_list},
    {"access", "status", "VOLUME", 1, 1, "how it stands with the audit logs of a volume", NULL,
     names_more, false, cmd_access_status},
    {"access", "show", "VOLUME [PATH]", 1, 2, "the latest accesses, newest first", access_show,
     names_more, false, cmd_access_show},
    {"access", "follow", "VOLUME [PATH]", 1, 2, "print accesses as they come in", access_follow,
     names_more, false, cmd_access_follow},
    {"access", "top", "VOLUME", 1, 1, "what and who was busiest", access_top, names_more, false,
     cmd_access_top},
    {"access", "hours", "VOLUME", 1, 1, "accesses by hour, in UTC", access_hours, names_more, false,
     cmd_access_hours},
    {"access", "nodes", "VOLUME", 1, 1, "the clients that write audit logs", access_nodes,
     names_more, false, cmd_access_nodes},
    {"orphan", "list", "[VOLUME]", 0, 1, "what reconciles found between volumes and shares",
     orphan_list, orphan_list_more, false, cmd_orphan_list},
    {"orphan", "show", "VOLUME ID", 2, 2, "show one, and what to do about it", NULL, names_more,
     false, cmd_orphan_show},
    {"orphan", "repair", "VOLUME [ID...]", 1, CLI_WORDS_MAX, "mend some, or all of a kind",
     orphan_repair, orphan_repair_more, false, cmd_orphan_repair},
    {"orphan", "ignore", "VOLUME [ID...]", 1, CLI_WORDS_MAX,
     "put some aside, or all of a kind, or take them up again", orphan_ignore, names_more, false,
     cmd_orphan_ignore},
    {"search", NULL, "TEXT", 1, 1, "look for hosts, rules, jobs, files and all else by name",
     search, search_more, false, cmd_search},
    {"rescue", NULL, "", 0, 0, "rebuild files from a share alone", rescue, rescue_more, true,
     cmd_rescue},
    {"completion", NULL, "SHELL", 1, 1, "print completion for bash, zsh or fish", NULL,
     "bash: source <(alto completion bash)\nzsh:  source <(alto completion zsh)\nfish: alto "
     "completion fish | source",
     true, cmd_completion},
};

const struct cli_command *
cli_commands(size_t *ret_count)
{
    *ret_count = AL_LEN(table);
    return table;
}
