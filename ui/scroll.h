/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has a picture scrolled?  Found by its rows, for whoever would rather say so than send it again. */
#pragma once
#include "ui/picture.h"

/* By how many rows most of what is in the rectangle has gone from one picture to the other, up to less, down to more than 0.
 * 0: it has not, or too little of it for the answer to be of use.  Both have the same size, and the rectangle in them. */
int scroll_find(const Picture *before, const Picture *now, const PictureRect *r);
/* Where the rows of the rectangle are that have not left it. */
PictureRect scroll_target(const PictureRect *r, int by);
