/* setting.h: settings of the whole system that decide what can be known about files. Any thread. */
#ifndef ALTO_PORT_SETTING_H
#define ALTO_PORT_SETTING_H

#include "base/result.h"

enum port_setting {
    PORT_SETTING_LAST_ACCESS, /* Windows: NtfsDisableLastAccessUpdate, as fsutil behavior tells it */
    PORT_SETTING_LONG_PATHS   /* Windows: LongPathsEnabled */
};
/* AL_ENOENT: not set; AL_ENOTSUP: another system; AL_EACCES. */
int port_setting(enum port_setting s, uint32_t *ret) AL_MUST_CHECK;

#endif
