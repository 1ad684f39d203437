/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms of names that the Kubernetes API server asks for.  Each function returns NULL if 's'
 * has the form, else what is wrong with it: a constant text for an error message. */
#ifndef SEINE_K8S_NAMES_H
#define SEINE_K8S_NAMES_H

/* DNS-1123 label: Namespaces. */
const char *name_dns_label_problem(const char *s);
/* DNS-1123 subdomain: most objects. */
const char *name_dns_subdomain_problem(const char *s);
/* "name" or "prefix/name": label keys. */
const char *name_label_key_problem(const char *s);
const char *name_label_value_problem(const char *s);
/* IANA service name: named ports. */
const char *name_port_problem(const char *s);

#endif
