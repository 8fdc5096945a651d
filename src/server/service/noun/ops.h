/* ops.h: operations on the nouns people manage, and on their record. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_NOUN_OPS_H
#define ALTO_SERVER_SERVICE_NOUN_OPS_H

#include "server/service/service.h"

service_fn session_create, session_get, session_delete;
service_fn customer_list, customer_create, customer_get, customer_update, customer_delete;
service_fn user_list, user_create, user_get, user_update, user_delete, user_password;
service_fn host_list, host_create, host_get, host_update, host_delete, host_filespaces,
    enrol_token_create;
service_fn share_list, share_create, share_get, share_update, share_delete;
service_fn share_test_create, share_test_get;
service_fn volume_list, volume_create, volume_get, volume_update, volume_delete;
service_fn audit_list, audit_verify;

#endif
