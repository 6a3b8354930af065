#include "scrape/negotiate.h"

#include <algorithm>
#include <cctype>

#include "base/float_format.h"

namespace scrape {
namespace {

constexpr int kFirstWeight = 6;  // tenths: one more than there are known formats

std::string_view media_type_of(ScrapeProtocol protocol) {
    switch (protocol) {
        case ScrapeProtocol::kPrometheusProto:
            return "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                   "encoding=delimited";
        case ScrapeProtocol::kOpenMetricsText0_0_1:
            return "application/openmetrics-text;version=0.0.1";
        case ScrapeProtocol::kOpenMetricsText1_0_0:
            return "application/openmetrics-text;version=1.0.0";
        case ScrapeProtocol::kPrometheusText0_0_4:
            return "text/plain;version=0.0.4";
        case ScrapeProtocol::kPrometheusText1_0_0:
            return "text/plain;version=1.0.0";
    }
    return "";
}

std::string_view name_of(EscapingScheme escaping) {
    switch (escaping) {
        case EscapingScheme::kAllowUtf8:
            return "allow-utf-8";
        case EscapingScheme::kUnderscores:
            return "underscores";
        case EscapingScheme::kDots:
            return "dots";
        case EscapingScheme::kValues:
            return "values";
    }
    return "";
}

bool names_escaping(ScrapeProtocol protocol) {
    return protocol == ScrapeProtocol::kOpenMetricsText1_0_0 ||
           protocol == ScrapeProtocol::kPrometheusText1_0_0;
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

base::Result<Format> format_of(ScrapeProtocol protocol) {
    switch (protocol) {
        case ScrapeProtocol::kPrometheusProto:
            return base::fail(
                base::Code::kUnsupported,
                "the protobuf exposition format is not built in; set scrape_protocols "
                "or fallback_scrape_protocol to a text format");
        case ScrapeProtocol::kOpenMetricsText0_0_1:
        case ScrapeProtocol::kOpenMetricsText1_0_0:
            return Format::kOpenMetrics;
        default:
            return Format::kText;
    }
}

// type/subtype in lower case, without parameters; empty when malformed.
std::string media_type(std::string_view content_type) {
    std::string type(trim(content_type.substr(0, content_type.find(';'))));
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char byte) {
        return static_cast<char>(std::tolower(byte));
    });
    const auto slash = type.find('/');
    const bool well_formed = slash != std::string::npos && slash > 0 && slash + 1 < type.size() &&
                             type.find_first_of(" \t/", slash + 1) == std::string::npos;
    return well_formed ? type : std::string();
}

}  // namespace

base::Result<std::string> accept_header(const std::vector<ScrapeProtocol>& protocols,
                                        EscapingScheme escaping) {
    std::string header;
    int weight = kFirstWeight;
    for (const ScrapeProtocol protocol : protocols) {
        if (protocol == ScrapeProtocol::kPrometheusProto) {
            continue;
        }
        header += media_type_of(protocol);
        if (names_escaping(protocol)) {
            header += ";escaping=";
            header += name_of(escaping);
        }
        header += ";q=0." + std::to_string(weight--) + ",";
    }
    if (header.empty()) {
        return base::fail(base::Code::kUnsupported,
                          "scrape_protocols names only PrometheusProto, which is not built in; add "
                          "a text format");
    }
    return header + "*/*;q=0." + std::to_string(weight);
}

std::string timeout_header(std::chrono::milliseconds timeout) {
    std::string text;
    base::append_float_f(text, static_cast<double>(timeout.count()) / 1000);
    return text;
}

base::Result<Format> choose_format(std::string_view content_type,
                                   std::optional<ScrapeProtocol> fallback) {
    const std::string type = media_type(content_type);
    if (type == "text/plain") {
        return Format::kText;
    }
    if (type == "application/openmetrics-text") {
        return Format::kOpenMetrics;
    }
    if (type == "application/vnd.google.protobuf") {
        return format_of(ScrapeProtocol::kPrometheusProto);
    }
    if (fallback.has_value()) {
        return format_of(*fallback);
    }
    if (trim(content_type).empty()) {
        return base::fail(base::Code::kInvalid,
                          "non-compliant scrape target sending blank Content-Type and no "
                          "fallback_scrape_protocol specified for target");
    }
    const std::string_view problem =
        type.empty() ? "cannot parse Content-Type" : "received unsupported Content-Type";
    return base::fail(base::Code::kInvalid,
                      std::string(problem) + " \"" + std::string(content_type) +
                          "\" and no fallback_scrape_protocol specified for target");
}

}  // namespace scrape
