/* share.h: what shares and tests of shares have in common. */
#ifndef ALTO_SERVER_SERVICE_NOUN_SHARE_H
#define ALTO_SERVER_SERVICE_NOUN_SHARE_H

#include "server/service/call/call.h"

#define SHARE_URL_MAX 1024u /* bytes, as the others */
#define SHARE_USER_MAX 256u
#define SHARE_SECRET_MAX 256u

/* AL_EINVAL, with the form it has. */
int share_url_good(const char *url, struct al_fail *fail) AL_MUST_CHECK;

#endif
