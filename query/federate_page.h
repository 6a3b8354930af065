// The pages of /federate: the text format 0.0.4, or delimited protobuf messages.
// source: Prometheus exposition formats, io.prometheus.client
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "model/histogram.h"
#include "model/labels.h"

namespace query {

// The latest sample of a series: a float, or a histogram where there is one.
struct FederatedSample {
    model::Labels labels;  // with a metric name
    int64_t t = 0;         // milliseconds since the Unix epoch
    double v = 0;
    std::shared_ptr<const model::FloatHistogram> histogram;
};

enum class FederatedFormat : uint8_t { kText, kProtobuf };

// What the client likes best by its Accept header; text when it says nothing, or nothing of these.
[[nodiscard]] FederatedFormat federated_format(std::string_view accept);

[[nodiscard]] std::string_view content_type(FederatedFormat format);

// The whole page. Histograms with custom buckets are written as classic ones; those with
// exponential buckets have no place on a text page and are left out there.
//   samples   sorted by metric name
//   external  added where a sample has no such label; instance="" besides
[[nodiscard]] std::string federated_page(FederatedFormat format,
                                         std::span<const FederatedSample> samples,
                                         const model::Labels& external);

}  // namespace query
