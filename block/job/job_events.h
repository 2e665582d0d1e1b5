/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of jobs.  Main loop, but for job_tell_error. */
#pragma once
#include "block/job/job.h"

typedef struct Event Event;

void job_tell_status(Job *j);
void job_tell(Job *j, const Event *event); /* of disks: how far it is */
void job_tell_pending(Job *j);
void job_tell_error(Job *j, bool write, bool stops); /* any thread, no lock */
