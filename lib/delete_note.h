/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_DELETE_NOTE_H
#define LIB_DELETE_NOTE_H

#include <stdbool.h>

#include "agent_protocol.h"

#define DELETE_NOTE_OCTETS (CONTAINER_ID_MAX + 1 + IFNAME_MAX + 1) /* of the longest */

/** delete_note_folder() - the folder of notes below @run_dir; @may_make: made where it is missing,
 * the folder above never. A descriptor of the caller's, or -errno. */
int delete_note_folder(const char *run_dir, bool may_make);
/** delete_note_write() - for a valid id and interface name: the note that carries its DEL out
 * later, under the host end's name. It appears whole or not at all. 0 or -errno. */
int delete_note_write(int dir_fd, const char *container_id, const char *ifname);

#endif /* LIB_DELETE_NOTE_H */
