/* templates.h: rules to start from. */
#ifndef ALTO_SERVER_SERVICE_RULE_TEMPLATES_H
#define ALTO_SERVER_SERVICE_RULE_TEMPLATES_H

#include <stddef.h>
#include <stdint.h>

struct rule_template {
    const char *id;         /* for ever */
    const char *name;       /* of the rule it becomes */
    const char *text;       /* what it is for, and what to look at before */
    const char *where;      /* canonical */
    const char *action;     /* of a rule */
    const char *cron;       /* NULL: none; in the zone of whoever takes it */
    uint64_t limit_minutes; /* 0: none; so below */
    uint64_t limit_error_percent, start_used_percent, stop_used_percent;
};
const struct rule_template *rule_template_list(size_t *ret_count);

#endif
