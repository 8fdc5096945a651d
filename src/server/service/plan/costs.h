/* costs.h: a customer's prices, and what a plan saves by them. */
#ifndef ALTO_SERVER_SERVICE_PLAN_COSTS_H
#define ALTO_SERVER_SERVICE_PLAN_COSTS_H

#include "server/service/work/work.h"
#include "server/store/import.h"

/* Money is in hundredths of a cent. */
#define MONEY_UNIT 10000u /* of one, such as a euro */
#define MONEY_TEXT_MAX 32u
#define MONEY_PRICE_MAX (UINT64_C(1000000) * MONEY_UNIT) /* of a TB and month, or a GB */
#define TB_BYTES UINT64_C(1000000000000)
#define GB_BYTES UINT64_C(1000000000)
/* "12.34", "0.005": at most four digits behind the point. AL_EINVAL. */
int money_parse(const char *text, uint64_t *ret) AL_MUST_CHECK;
/* As short as it may be, with two digits behind the point at least. */
void money_text(int64_t money, char to[MONEY_TEXT_MAX]);
/* bytes at a price per unit of bytes, to a whole cent, half up. */
int64_t money_of(uint64_t price, uint64_t bytes, uint64_t unit_bytes);
void costs_plan_json(struct al_jsonout *j, const struct store_costs *c, uint64_t freed_bytes,
                     uint64_t bytes, uint64_t recall_bytes);

#endif
