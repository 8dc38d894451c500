/*
 * Shows where two texts differ.
 */
#pragma once
#include "base/buf.h"

/** Print the lines between those that both begin and those that both end with, each behind the name
 * of its text. */
void difference_print(const char *const names[2], const struct buf texts[2]);
