/* Follows the audit logs below ROOT as the agent does, into records that go nowhere:
 *   follow_audit read ROOT STATE            to their ends: events, rows, bytes of records, seconds of processor, events a second
 *   follow_audit rest ROOT STATE SECONDS    then at rest for so long: share of a core, resident bytes, stats and listings a second */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/auditlog/follow.h"
#include "agent/link/records.h"
#include "port/process.h"

struct sums {
    uint64_t rows, records, bytes, lost;
    struct al_buf line;
};

static int
on_put(void *ctx, const struct digest_row *rows, size_t count)
{
    struct sums *s = ctx;
    size_t done = 0, taken;
    int rc = AL_OK;

    while (done < count && rc == AL_OK) {
        rc = record_access("01arz3ndektsv4rrffq69g5fax", rows + done, count - done, false, &s->line, &taken, &s->lost);
        done += taken;
        s->records += s->line.len > 0;
        s->bytes += s->line.len;
    }
    s->rows += count;
    return rc;
}

static double
processor_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static uint64_t
resident_bytes(void)
{
    unsigned long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f == NULL || fscanf(f, "%lu %lu", &all, &pages) != 2) {
        pages = 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
rest(struct port *port, struct follow *f, unsigned seconds)
{
    struct follow_figures a, b;
    double began;
    int64_t until, wait_ns;
    int rc = AL_OK;

    port_memory_trim();
    follow_figures(f, &a);
    began = processor_s();
    until = port_mono_ns(port) + (int64_t)seconds * 1000000000;
    while (rc == AL_OK && port_mono_ns(port) < until) {
        rc = follow_poll(f, &wait_ns);
        port_sleep_ns(port, wait_ns);
    }
    follow_figures(f, &b);
    printf("rest_core_percent\t%.3f\n", (processor_s() - began) / seconds * 100);
    printf("resident_bytes\t%llu\n", (unsigned long long)resident_bytes());
    printf("stats_a_second\t%.1f\nlistings_a_second\t%.1f\nentries_listed_a_second\t%.1f\n", (double)(b.stats - a.stats) / seconds,
           (double)(b.listings - a.listings) / seconds, (double)(b.listed - a.listed) / seconds);
    return rc;
}

int
main(int argc, char **argv)
{
    static struct follow_status status;
    struct audit_settings settings = {.silence_hours = AUDIT_SILENCE_HOURS};
    struct sums s = {0};
    struct follow_conf conf = {.port = port_native(), .prefix = "", .settings = &settings, .put = on_put, .ctx = &s};
    struct follow *f = NULL;
    int64_t wait_ns = 0, began_ns;
    double began, took;
    int rc;

    if (argc < 4) {
        fprintf(stderr, "usage: follow_audit read|rest ROOT STATE [SECONDS]\n");
        return 2;
    }
    port_memory_lean();
    al_buf_init(&s.line, RECORD_ACCESS_BUFFER);
    conf.root = argv[2];
    rc = port_mkdirs(conf.port, argv[3], 0700);
    rc = rc != AL_OK ? rc : port_open(conf.port, NULL, argv[3], PORT_READ | PORT_FOLDER, 0, &conf.state);
    rc = rc != AL_OK ? rc : follow_open(&conf, &f, NULL);
    began = processor_s();
    began_ns = port_mono_ns(conf.port);
    while (rc == AL_OK && wait_ns == 0) {
        rc = follow_poll(f, &wait_ns);
    }
    if (rc != AL_OK) {
        fprintf(stderr, "follow_audit: %s\n", al_code_name(rc));
        return 1;
    }
    took = processor_s() - began;
    follow_status(f, &status);
    printf("events\t%llu\nrows\t%llu\nrecords\t%llu\nrecord_bytes\t%llu\n", (unsigned long long)status.lines.events,
           (unsigned long long)s.rows, (unsigned long long)s.records, (unsigned long long)s.bytes);
    printf("processor_s\t%.3f\nwall_s\t%.3f\nevents_a_second\t%.0f\n", took, (double)(port_mono_ns(conf.port) - began_ns) / 1e9,
           (double)status.lines.events / took);
    rc = strcmp(argv[1], "rest") == 0 && argc > 4 ? rest(conf.port, f, (unsigned)atoi(argv[4])) : AL_OK;
    (void)follow_close(f);
    port_close_quiet(conf.port, &conf.state);
    al_buf_free(&s.line);
    return rc == AL_OK ? 0 : 1;
}
