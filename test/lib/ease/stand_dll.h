/* stand_dll.h: TEST CODE. Prototypes of what the stand-in exports: the vendor's documented names. */
#ifndef ALTO_TEST_LIB_EASE_STAND_DLL_H
#define ALTO_TEST_LIB_EASE_STAND_DLL_H

#include "stand_priv.h"

STAND_EXPORT int32_t IsDriverServiceRunning(void);
STAND_EXPORT int32_t InstallDriver(void);
STAND_EXPORT int32_t UnInstallDriver(void);
STAND_EXPORT int32_t SetRegistrationKey(char *key);
STAND_EXPORT int32_t RegisterMessageCallback(uint32_t threads, stand_message_fn m,
                                             stand_disconnect_fn d);
STAND_EXPORT void Disconnect(void);
STAND_EXPORT int32_t GetLastErrorMessage(uint16_t *text, uint32_t *io_len);
STAND_EXPORT int32_t ResetConfigData(void);
STAND_EXPORT int32_t SetConnectionTimeout(uint32_t seconds);
STAND_EXPORT int32_t SetBooleanConfig(uint32_t bits);
STAND_EXPORT int32_t SetMaxWaitingRequestCount(uint32_t count);
STAND_EXPORT int32_t AddExcludedProcessId(uint32_t process);
STAND_EXPORT int32_t RemoveExcludeProcessId(uint32_t process);
STAND_EXPORT const struct stand_control *StandControl(void);

/* flavour A */
STAND_EXPORT int32_t CreateStubFileEx(const uint16_t *name, int64_t size, uint32_t attributes,
                                      uint32_t tag_bytes, uint8_t *tag, uint64_t created,
                                      uint64_t written, uint64_t accessed, int32_t overwrite,
                                      void **ret_handle);
STAND_EXPORT int32_t OpenStubFile(const uint16_t *name, uint32_t access, uint32_t share,
                                  void **ret_handle);
STAND_EXPORT int32_t GetTagData(void *handle, uint32_t *io_len, uint8_t *tag);
STAND_EXPORT int32_t RemoveTagData(void *handle, uint8_t touch_times);
/* flavour B */
STAND_EXPORT int32_t StartFilter(char *key, uint32_t threads, uint8_t per_thread, uint8_t round,
                                 stand_message_fn m, stand_disconnect_fn d);
STAND_EXPORT void StopFilter(void);
STAND_EXPORT int32_t SetFilterType(uint32_t type);
STAND_EXPORT int32_t AddFileFilterRule(uint32_t access, const uint16_t *mask, int32_t resident,
                                       uint32_t rule_id);
STAND_EXPORT int32_t AddBooleanConfigToFilterRule(const uint16_t *mask, uint32_t bits);
STAND_EXPORT int32_t CreateVirtualStubFile(const uint16_t *name, int64_t size, uint32_t tag_bytes,
                                           uint8_t *tag);
STAND_EXPORT int32_t GetVirtualStubFileInfo(const uint16_t *name, int64_t *ret_size,
                                            uint32_t *io_len, uint8_t *tag);

int32_t stand_start(const char *name, uint32_t threads, stand_message_fn m, stand_disconnect_fn d);
void stand_end(const char *name);

#endif
