/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_PULSE_H
#define LOADER_PULSE_H

#include <stdint.h>

struct agent;
struct pulse;

/*
 * RUN-DIR/alive.sock: a thread of its own tells whoever connects how long ago the agent's loop last
 * made progress (MSG_CNI_ALIVE). The plugin asks while its request is not answered.
 */

/** pulse_open() - listen and start the thread; to be called by the thread that runs the loop. 0 or
 * -errno (said in the log). */
int pulse_open(struct agent *agent, struct pulse **ret_pulse);
/** pulse_restore() - make the socket again when somebody removed its file; said in the log. */
void pulse_restore(struct pulse *pulse);
/** pulse_close() - end the thread, remove the socket. NULL is fine. */
void pulse_close(struct pulse *pulse);

/** pulse_silence_ms() - what is told: 0 when the kernel holds the loop's thread in a call that
 * cannot be interrupted (@task_state 'D' of proc_pid_stat(5)), else @silence_ms as far as it
 * fits. */
uint32_t pulse_silence_ms(uint64_t silence_ms, char task_state);
/** pulse_task_state() - the state's letter out of the text of /proc/PID/task/TID/stat, '\0' when it
 * is not of that form. */
char pulse_task_state(const char *stat);

#endif /* LOADER_PULSE_H */
