/* fake_service.h: a service of a dozen operations for testing the HTTP layer alone. It links instead of src/server/service. */
#ifndef ALTO_TEST_FAKE_SERVICE_H
#define ALTO_TEST_FAKE_SERVICE_H

#include "server/service/service.h"

#define CUSTOMER_A "01jaaaaaaaaaaaaaaaaaaaaaaa"
#define CUSTOMER_B "01jbbbbbbbbbbbbbbbbbbbbbbb"

struct service *fake_service(void); /* zeroed */
/* Bearer tokens and cookies: "op" (operator), "adm-a", "aud-b" (admin of A, auditor of B), "host". The CSRF value is "csrf-" and the token. */
void fake_log_out(const char *token); /* refuses it from now on; NULL: refuses none */
void fake_publish(const char *event, const char *customer_id, const char *data);
void fake_give(const char *topic); /* something for who is parked on it, and a wake */
void fake_wake(const char *topic); /* a wake for nothing */
unsigned fake_running_max(void);   /* of the operation `slow` */
unsigned fake_runs(void);          /* of the operation `park` */

#endif
