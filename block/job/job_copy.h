/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The work of jobs on disks: on their threads.  0 or -errno. */
#pragma once
#include "block/job/job.h"

int job_mirror_run(Job *j); /* until it is to complete: then nothing is marked */
int job_backup_run(Job *j);
int job_stream_run(Job *j);
int job_commit_run(Job *j);
/* The rest of a mirror, of a disk that is held: in the loop. */
int job_mirror_rest(Job *j);
void job_backup_before(void *job, uint64_t offset, uint64_t length); /* WatchUse.before */
