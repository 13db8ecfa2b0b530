/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FOREIGN_PODS_H
#define LOADER_FOREIGN_PODS_H

#include "loader/status_lines.h"

/** foreign_pods_status() - pods that another network plugin attached and that live on, as far as
 * their routes tell. */
int foreign_pods_status(struct agent *agent, status_line_fn *fn, void *arg);

#endif /* LOADER_FOREIGN_PODS_H */
