/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Within input: chords (input_chords.c), of a machine. */
#pragma once
#include "ui/input.h"

typedef struct InputChords InputChords;

/* Main loop. */
InputChords *input_chords_new(Inputs *in, Clock *clock);
void input_chords_free(InputChords *c);
InputChords *input_chords(Inputs *in); /* of a machine's */
