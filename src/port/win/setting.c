#include "port/setting.h"

#include "port/win/win_priv.h"

int
port_setting(enum port_setting s, uint32_t *ret)
{
    static const wchar_t *const names[] = {L"NtfsDisableLastAccessUpdate", L"LongPathsEnabled"};
    DWORD value = 0, len = sizeof(value);
    LSTATUS rc = RegGetValueW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Control\\FileSystem",
                              names[s], RRF_RT_REG_DWORD, NULL, &value, &len);

    if (rc != ERROR_SUCCESS) {
        return win_code((DWORD)rc);
    }
    *ret = value;
    return AL_OK;
}
