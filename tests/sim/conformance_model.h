/*
 * Runs a sequence on the model API server, in one go.
 */
#pragma once
#include "sim/conformance_side.h"

/** @seed: of the model's uids and generated names. */
void model_run(struct side *side, uint64_t seed);
