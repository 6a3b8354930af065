// Samples as promtool prints them.
#pragma once

#include <string>

#include "model/chunk_codec.h"

namespace engine {

// A float in Go's %g, or a histogram: {count:4, sum:9, (1,2]:3}.
void append_sample_text(std::string& out, const model::TypedSample& sample);

}  // namespace engine
