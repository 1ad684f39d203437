/* SPDX-License-Identifier: Apache-2.0
 *
 * The version of this build, the same text in all programs (library seine_version). */
#ifndef SEINE_BASE_VERSION_H
#define SEINE_BASE_VERSION_H

/* "0.1.512": numbers alone, growing with each commit. */
const char *version_text(void);

#endif
