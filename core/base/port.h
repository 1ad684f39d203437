/* SPDX-License-Identifier: Apache-2.0
 *
 * The one port header: compiler attributes, and the few facts of a system that code outside
 * platform/ may need.  No other file outside platform/ tests for a compiler or a system. */
#ifndef SEINE_BASE_PORT_H
#define SEINE_BASE_PORT_H

#include <stddef.h>

#if defined(__MINGW32__)
#define PORT_PRINTF(f, a) __attribute__((format(gnu_printf, f, a)))
#else
#define PORT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#endif
/* Whether this build looks at each allocation (AddressSanitizer): 1 or 0. */
#if defined(__SANITIZE_ADDRESS__)
#define PORT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PORT_SANITIZED 1
#endif
#endif
#if !defined(PORT_SANITIZED)
#define PORT_SANITIZED 0
#endif
#define PORT_CLEANUP(fn) __attribute__((cleanup(fn)))
#define PORT_UNUSED __attribute__((unused))
#define PORT_NORETURN __attribute__((noreturn))
#define PORT_WARN_UNUSED __attribute__((warn_unused_result))

/* Number of elements of an array (not of a pointer). */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of type 'type' that embeds '*ptr' as its member 'member'. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
