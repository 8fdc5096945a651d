/* cli.h: the command line `alto`: a table of commands (commands.c), a file per noun, and what they
 * share.
 *
 *   main ─▶ args_read ─▶ command from the table ─▶ run(struct cli *) ─▶ exit code
 *
 * A command's run returns AL_OK, or a code with the sentence in cli.fail; main prints it and exits
 * with 1. AL_EINVAL from args_* is wrong usage: exit 2. Results go to standard output, everything
 * else to standard error. With --json the result is one JSON value (a list: an array), as the
 * server gave it. One thread. */
#ifndef ALTO_CLI_CLI_H
#define ALTO_CLI_CLI_H

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "client/api.h"
#include "port/port.h"

#define CLI_WORDS_MAX 64u
#define CLI_OPTIONS_MAX 16u

struct cli;

struct cli_option {
    const char *name;  /* without the dashes; NULL ends the list */
    const char *value; /* what stands for the value in help; NULL: a flag */
    const char *help;
    bool required;
};

struct cli_command {
    const char *noun, *verb; /* verb NULL: the noun alone is the command */
    const char *words;       /* for help: "VOLUME PATH..." */
    unsigned words_min, words_max;
    const char *summary;
    const struct cli_option *options; /* NULL: none */
    const char *more;                 /* further help text; NULL: none */
    bool offline;                     /* needs no server */
    int (*run)(struct cli *c);
};
const struct cli_command *cli_commands(size_t *ret_count);
extern const struct cli_option cli_global_options[];

struct cli {
    struct port *port;
    const struct cli_command *command;
    const char *words[CLI_WORDS_MAX];
    size_t word_count;
    const char *values[CLI_OPTIONS_MAX]; /* by the command's options; NULL: not given; flags: "" */
    const char *server, *ca_file;        /* NULL: the session's */
    bool json, help, version;
    struct http *http; /* connected on first use */
    struct al_fail fail;
};

/* ---- args.c ---- */
/* Finds the command and reads everything. AL_EINVAL with fail. *ret_command stays NULL for "alto
 * --help" and the like. */
int args_read(struct cli *c, int argc, char **argv) AL_MUST_CHECK;
const char *args_get(const struct cli *c, const char *option); /* NULL: not given */
bool args_flag(const struct cli *c, const char *option);
int args_size(struct cli *c, const char *option, uint64_t *ret, bool *ret_given) AL_MUST_CHECK;
int args_number(struct cli *c, const char *option, uint64_t *ret, bool *ret_given) AL_MUST_CHECK;

/* ---- help.c, completion.c ---- */
void help_all(void);
void help_noun(const char *noun);
void help_command(const struct cli_command *cmd);
int cmd_completion(struct cli *c);

/* ---- session.c ---- */
/* The connection with the session's token. AL_EAUTH: log in first. */
int session_http(struct cli *c, struct http **ret) AL_MUST_CHECK;
int cmd_login(struct cli *c);
int cmd_logout(struct cli *c);
int cmd_whoami(struct cli *c);
/* A secret: from the file, from standard input when that is no terminal, else asked for without
 * echo. Never from the command line. */
int read_secret(struct cli *c, const char *file, const char *prompt,
                struct al_buf *to) AL_MUST_CHECK;
int absolute_path(struct cli *c, const char *path, char **ret) AL_MUST_CHECK;

/* ---- call.c ---- */
/* One call below /api/v1. body is taken (also on failure); *ret gets the answer (NULL: none) and
 * may be NULL. */
int call(struct cli *c, const char *method, const char *path, json_t *body_taken,
         json_t **ret) AL_MUST_CHECK;
int call_if_match(struct cli *c, const char *method, const char *path, uint64_t version,
                  json_t *body_taken, json_t **ret) AL_MUST_CHECK;
/* Every item of a list, page by page; at most max (0: all). each returns AL_OK to go on. */
int call_each(struct cli *c, const char *path, uint64_t max,
              int (*each)(void *ctx, const json_t *item), void *ctx) AL_MUST_CHECK;
/* The whole list as an array. */
int call_list(struct cli *c, const char *path, uint64_t max, json_t **ret) AL_MUST_CHECK;
/* An id as it is, or the one item of the list whose name it is. what: "customer", for messages.
 * AL_ENOENT, AL_ECONFLICT several. */
int resolve(struct cli *c, const char *what, const char *list_path, const char *name_or_id,
            al_id ret) AL_MUST_CHECK;
int resolve_customer(struct cli *c, const char *text, al_id ret) AL_MUST_CHECK;
int resolve_host(struct cli *c, const char *text, al_id ret) AL_MUST_CHECK;
int resolve_share(struct cli *c, const char *text, al_id ret) AL_MUST_CHECK;
int resolve_volume(struct cli *c, const char *text, al_id ret) AL_MUST_CHECK;
int resolve_rule(struct cli *c, const char *text, al_id ret) AL_MUST_CHECK;
/* Begins `to` with "/volumes/ID" of the volume that the first word names, and the tail. */
int volume_path(struct cli *c, const char *tail, struct al_buf *to) AL_MUST_CHECK;
/* "&name=" or "?name=" and the value, percent-encoded; nothing when value is NULL. */
int add_query(struct al_buf *path, const char *name, const char *value) AL_MUST_CHECK;
/* Likewise a path: NAME=, or NAME_b64= where the bytes are no UTF-8. file.c */
int add_path(struct al_buf *to, const char *name, const char *path) AL_MUST_CHECK;

/* ---- out.c ---- */
const char *get_text(const json_t *j, const char *key); /* "" where there is none */
uint64_t get_count(const json_t *j, const char *key);   /* 0 where there is none */
struct column {
    const char *title;
    const char *key;
    enum { COL_TEXT, COL_COUNT, COL_BYTES, COL_TIME } kind;
};
/* The list as a table, or as JSON with --json. */
int out_table(struct cli *c, const json_t *items, const struct column *columns,
              size_t count) AL_MUST_CHECK;
/* A list as the server has it at path, narrowed by --customer, --host, --volume and --state as far as the
 * command has them, at most --limit (1,000) of it, as a table. list.c */
int list_nouns(struct cli *c, const char *path, const struct column *columns,
               size_t count) AL_MUST_CHECK;
/* One object: with --json as it is, else each of its keys on a line. */
int out_object(struct cli *c, const json_t *object) AL_MUST_CHECK;
int out_json(const json_t *value) AL_MUST_CHECK;
void out_size(uint64_t bytes, char to[32]); /* "1.5 MB" */
/* Text for a terminal: control characters, those that turn the direction of what follows or are seen by
 * nobody (as "\u202e"), and what is no UTF-8 made visible. Joiners stay: scripts need them. */
int out_safe(const char *text, struct al_buf *to) AL_MUST_CHECK;
/* The same, printed: any name or sentence that is not our own. Short of memory: "?". */
void out_shown(FILE *to, const char *text);

/* ---- events.c ---- */
#define EVENTS_LINE_MAX 4096u /* bytes of a line that are looked at */
struct events {
    const char *what, *id; /* events of that name, whose data name that id */
    int (*fn)(void *ctx);
    void *ctx;
    int rc;
    bool begun, news;
    char named[16], line[EVENTS_LINE_MAX];
    size_t len;
};
/* Bytes of a stream as they come, in any pieces: sets news. */
void events_take(struct events *e, const void *bytes, size_t len);
/* Listens to live events for so long and calls fn at their begin and whenever there is such an event, or some were
 * missed. AL_OK: the time is over, or the server ended the stream; listen again. What fn answered, when that is not AL_OK. AL_ENOTSUP: there
 * are none to be had here now; ask now and then instead. Codes of http.h. */
int events_wait(struct cli *c, const char *what, const char *id, uint32_t timeout_ms,
                int (*fn)(void *ctx), void *ctx) AL_MUST_CHECK;

/* ---- wait.c ---- */
/* Prints the job, or with wait follows it to its end, with progress on a terminal. A job that did
 * not end well is AL_ECANCELED or AL_EINTERNAL with fail. */
int job_out(struct cli *c, const json_t *job, bool wait) AL_MUST_CHECK;

/* ---- a file per noun ---- */
int cmd_customer_add(struct cli *c);
int cmd_customer_list(struct cli *c);
int cmd_customer_show(struct cli *c);
int cmd_customer_remove(struct cli *c);
int cmd_host_token(struct cli *c);
int cmd_host_list(struct cli *c);
int cmd_host_show(struct cli *c);
int cmd_host_remove(struct cli *c);
/* Says on standard error what is known against a path that shall be a filespace's on that host. */
int host_filespace_hint(struct cli *c, const char *host_id, const char *path) AL_MUST_CHECK;
int cmd_share_add(struct cli *c);
int cmd_share_list(struct cli *c);
int cmd_share_test(struct cli *c);
int cmd_share_set(struct cli *c);
int cmd_share_check(struct cli *c);
int cmd_share_remove(struct cli *c);
int cmd_volume_add(struct cli *c);
int cmd_volume_list(struct cli *c);
int cmd_volume_show(struct cli *c);
int cmd_volume_set(struct cli *c);
int cmd_volume_reconcile(struct cli *c);
int cmd_file_adopt(struct cli *c);
int cmd_volume_remove(struct cli *c);
int cmd_scan(struct cli *c);
int cmd_rule_add(struct cli *c);
int cmd_rule_list(struct cli *c);
int cmd_rule_check(struct cli *c);
int cmd_rule_preview(struct cli *c);
int cmd_rule_run(struct cli *c);
int cmd_rule_set(struct cli *c);
int cmd_rule_remove(struct cli *c);
/* rule_when.c: schedule, windows, limits and marks of the options into a rule's body; rule: as it
 * is so far, NULL for a new one. */
int rule_when_body(struct cli *c, json_t *body, const json_t *rule) AL_MUST_CHECK;
int cmd_rule_versions(struct cli *c);
int cmd_rule_clone(struct cli *c);
int cmd_rule_resume(struct cli *c);
int cmd_rule_order(struct cli *c);
int cmd_rule_templates(struct cli *c);
int cmd_rule_schedule(struct cli *c);
int cmd_job_list(struct cli *c);
int cmd_job_show(struct cli *c);
int cmd_job_wait(struct cli *c);
int cmd_job_cancel(struct cli *c);
int cmd_job_pause(struct cli *c);
int cmd_job_resume(struct cli *c);
int cmd_job_outcomes(struct cli *c);
int cmd_file_list(struct cli *c);
int cmd_file_stat(struct cli *c);
int cmd_file_tier(struct cli *c);
int cmd_file_recall(struct cli *c);
int cmd_audit_list(struct cli *c);
int cmd_audit_verify(struct cli *c);
int cmd_search(struct cli *c);
int cmd_orphan_list(struct cli *c);
int cmd_orphan_show(struct cli *c);
int cmd_orphan_repair(struct cli *c);
int cmd_orphan_ignore(struct cli *c);
int cmd_rescue(struct cli *c);
/* ---- imports, plans, figures, why ---- */
int cmd_host_add(struct cli *c);
int cmd_customer_costs(struct cli *c);
int cmd_import(struct cli *c);
int cmd_import_list(struct cli *c);
int cmd_import_show(struct cli *c);
int cmd_import_cancel(struct cli *c);
int cmd_import_refused(struct cli *c);
int cmd_import_remove(struct cli *c);
int cmd_plan(struct cli *c);
int cmd_figures(struct cli *c);
int cmd_tree(struct cli *c);
int cmd_why(struct cli *c);
/* ---- what audit logs tell ---- */
int cmd_access_list(struct cli *c);
int cmd_access_status(struct cli *c);
int cmd_access_show(struct cli *c);
int cmd_access_follow(struct cli *c);
int cmd_access_top(struct cli *c);
int cmd_access_hours(struct cli *c);
int cmd_access_nodes(struct cli *c);
/* plan.c: what a plan left out for want of a record of accesses, and that the record has an end. */
void plan_held_out(const json_t *plan);
/* ---- download.c ---- */
/* The answer's bytes into a file, which is there whole or not at all; NULL or "-": to standard
 * output. path is below /api/v1. */
int download(struct cli *c, const char *path, const char *file, uint64_t *ret_bytes) AL_MUST_CHECK;
/* ---- rule.c ---- */
int check_where(struct cli *c, const char *where) AL_MUST_CHECK; /* points at what is wrong */

#endif
