// Samples as messages of the remote protocols.
// source: prometheus.TimeSeries, prometheus.Sample, prometheus.Histogram (protocol buffers)
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/chunk_codec.h"
#include "model/labels.h"
#include "storeapi/wire.h"

namespace storeapi {

// {name 1, value 2} for each, as fields of a series.
void write_labels(WireWriter& out, char field, std::span<const model::LabelView> labels);

// A whole TimeSeries: labels, floats, histograms, each by time.
//   field  of the message that it is in
void write_time_series(WireWriter& out,
                       char field,
                       std::span<const model::LabelView> labels,
                       std::span<const model::TypedSample> samples);

}  // namespace storeapi
