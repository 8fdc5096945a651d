/* stand_os.h: TEST CODE. Files by UTF-16 names, on both systems. */
#ifndef ALTO_TEST_LIB_EASE_STAND_OS_H
#define ALTO_TEST_LIB_EASE_STAND_OS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define STAND_PATH_MAX 1100 /* UTF-16 units with NUL */

#ifdef _WIN32
#define STAND_EXPORT __declspec(dllexport)
#else
#define STAND_EXPORT __attribute__((visibility("default")))
#endif

FILE *stand_fopen(const uint16_t *path, const char *mode);
/* The open file gets this length; what is added reads as zeros. */
bool stand_resize(FILE *f, int64_t size);
/* a takes the place of b, at once, so that a kill leaves one of them whole. */
bool stand_replace(const uint16_t *a, const uint16_t *b);
/* Opened for reading, as the DLL hands it out. NULL: cannot. */
void *stand_handle(const uint16_t *path);
/* The file's own number on its volume; 0: cannot. */
uint64_t stand_file_id(const uint16_t *path);
void stand_sleep_ms(unsigned ms);
uint64_t stand_now_ms(void);
int64_t stand_filetime(void);
/* The program's text form to UTF-16, '/' to '\'; test names are ASCII or WTF-8. */
void stand_units(const char *path, uint16_t to[STAND_PATH_MAX]);

#endif
