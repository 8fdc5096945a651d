/* stand_dll.c: TEST CODE. The functions that both flavours export, by the vendor's documented names. */
#include "stand_dll.h"

#include <stdlib.h>
#include <string.h>

#include "stand_priv.h"

static int32_t
called(const char *name, int32_t ret)
{
    pthread_mutex_lock(&stand.lock);
    stand_called(name);
    if (ret == 0) {
        (void)snprintf(stand.error, sizeof(stand.error), "stand-in: %s was refused", name);
    }
    pthread_mutex_unlock(&stand.lock);
    return ret;
}

STAND_EXPORT int32_t
IsDriverServiceRunning(void)
{
    return stand.running ? 1 : 0;
}

STAND_EXPORT int32_t
InstallDriver(void)
{
    stand.running = true;
    return called("InstallDriver", 1);
}

STAND_EXPORT int32_t
UnInstallDriver(void)
{
    stand.running = false;
    return called("UnInstallDriver", 1);
}

STAND_EXPORT int32_t
SetRegistrationKey(char *key)
{
    bool ok;

    pthread_mutex_lock(&stand.lock);
    ok = !stand.settings.refuse_key && strcmp(key, "STAND-IN-KEY") == 0;
    stand.counts.key_set = ok;
    pthread_mutex_unlock(&stand.lock);
    return called("SetRegistrationKey", ok);
}

int32_t
stand_start(const char *name, uint32_t threads, stand_message_fn m, stand_disconnect_fn d)
{
    bool ok;

    pthread_mutex_lock(&stand.lock);
    stand_called(name);
    ok = stand.running && stand.counts.key_set && stand_connect(threads, m, d);
    pthread_mutex_unlock(&stand.lock);
    return ok;
}

STAND_EXPORT int32_t
RegisterMessageCallback(uint32_t threads, stand_message_fn m, stand_disconnect_fn d)
{
    return stand_start("RegisterMessageCallback", threads, m, d);
}

void
stand_end(const char *name)
{
    pthread_mutex_lock(&stand.lock);
    stand_called(name);
    stand_disconnect(false);
    pthread_mutex_unlock(&stand.lock);
}

STAND_EXPORT void
Disconnect(void)
{
    stand_end("Disconnect");
}

STAND_EXPORT int32_t
GetLastErrorMessage(uint16_t *text, uint32_t *io_len)
{
    size_t len = strlen(stand.error);

    if (text == NULL || *io_len < len) {
        *io_len = (uint32_t)len;
        return 0;
    }
    for (size_t i = 0; i <= len; i++) {
        text[i] = (uint8_t)stand.error[i];
    }
    *io_len = (uint32_t)len;
    return 1;
}

/* Everything that was set is as if it never had been. */
STAND_EXPORT int32_t
ResetConfigData(void)
{
    pthread_mutex_lock(&stand.lock);
    stand.counts.resets++;
    stand.counts.excluded = 0;
    stand.counts.timeout_s = 0;
    stand.counts.filter_type = 0;
    stand.counts.rules = stand.counts.stub_rules = 0;
    pthread_mutex_unlock(&stand.lock);
    return called("ResetConfigData", 1);
}

STAND_EXPORT int32_t
SetConnectionTimeout(uint32_t seconds)
{
    pthread_mutex_lock(&stand.lock);
    stand.counts.timeout_s = seconds;
    pthread_mutex_unlock(&stand.lock);
    return called("SetConnectionTimeout", seconds > 0);
}

STAND_EXPORT int32_t
SetBooleanConfig(uint32_t bits)
{
    return called("SetBooleanConfig", bits != 0);
}

STAND_EXPORT int32_t
SetMaxWaitingRequestCount(uint32_t count)
{
    return called("SetMaxWaitingRequestCount", count > 0);
}

STAND_EXPORT int32_t
AddExcludedProcessId(uint32_t process)
{
    bool ok;

    pthread_mutex_lock(&stand.lock);
    ok = stand.counts.excluded < STAND_PIDS;
    if (ok) {
        stand.excluded[stand.counts.excluded++] = process;
    }
    pthread_mutex_unlock(&stand.lock);
    return called("AddExcludedProcessId", ok);
}

STAND_EXPORT int32_t
RemoveExcludeProcessId(uint32_t process)
{
    return called("RemoveExcludeProcessId", process != 0);
}

STAND_EXPORT const struct stand_control *
StandControl(void)
{
    return &stand_functions;
}
