#include "base/http/content_coding.h"

#include <algorithm>
#include <charconv>
#include <variant>

#include "base/check.h"
#include "base/compress.h"

namespace base::http {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

// How much an item's parameters (";q=0.5") say it is liked; 1 if they do not.
double quality(std::string_view parameters) {
    const size_t at = parameters.find("q=");
    if (at == std::string_view::npos) {
        return 1;
    }
    const std::string_view text = trimmed(parameters.substr(at + 2));
    double value = 1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// kIdentity: not one of ours.
ContentCoding coding_of(std::string_view name) {
    for (const ContentCoding coding :
         {ContentCoding::kZstd, ContentCoding::kGzip, ContentCoding::kDeflate}) {
        if (equals_ignoring_case(name, coding_name(coding))) {
            return coding;
        }
    }
    return name == "*" ? ContentCoding::kGzip : ContentCoding::kIdentity;
}

// Of codings that are liked equally.
int rank(ContentCoding coding) {
    switch (coding) {
        case ContentCoding::kIdentity:
            return 0;
        case ContentCoding::kDeflate:
            return 1;
        case ContentCoding::kGzip:
            return 2;
        case ContentCoding::kZstd:
            return 3;
    }
    return 0;
}

// The best coding so far.
struct Choice {
    void consider(std::string_view item) {
        const size_t semicolon = std::min(item.find(';'), item.size());
        const ContentCoding other = coding_of(trimmed(item.substr(0, semicolon)));
        const double liked = quality(item.substr(semicolon));
        if (other == ContentCoding::kIdentity || liked <= 0) {
            return;
        }
        if (liked > best || (liked == best && rank(other) > rank(coding))) {
            best = liked;
            coding = other;
        }
    }

    ContentCoding coding = ContentCoding::kIdentity;
    double best = 0;
};

}  // namespace

ContentCoding choose_coding(const Headers& headers) {
    Choice choice;
    for (std::string_view list : headers.get_all("Accept-Encoding")) {
        while (!list.empty()) {
            const size_t comma = std::min(list.find(','), list.size());
            choice.consider(list.substr(0, comma));
            list.remove_prefix(std::min(comma + 1, list.size()));
        }
    }
    return choice.coding;
}

std::string_view coding_name(ContentCoding coding) {
    switch (coding) {
        case ContentCoding::kIdentity:
            return "";
        case ContentCoding::kGzip:
            return "gzip";
        case ContentCoding::kZstd:
            return "zstd";
        case ContentCoding::kDeflate:
            return "deflate";
    }
    return "";
}

struct BodyEncoder::State {
    std::variant<GzipEncoder, ZstdEncoder> encoder;
};

BodyEncoder::BodyEncoder(ContentCoding coding) {
    SKEIN_CHECK(coding != ContentCoding::kIdentity, "nothing to encode");
    if (coding == ContentCoding::kZstd) {
        state_ = std::make_unique<State>(State{ZstdEncoder()});
    } else {
        state_ = std::make_unique<State>(
            State{GzipEncoder(coding == ContentCoding::kGzip ? GzipEncoder::Format::kGzip
                                                             : GzipEncoder::Format::kZlib)});
    }
}

BodyEncoder::~BodyEncoder() = default;

void BodyEncoder::add(std::string_view piece, std::string& out) {
    std::visit([&](auto& encoder) { encoder.add(ByteView(piece), out); }, state_->encoder);
}

void BodyEncoder::finish(std::string& out) {
    std::visit([&](auto& encoder) { encoder.finish(out); }, state_->encoder);
}

void encode_body(ContentCoding coding, std::string_view plain, std::string& out) {
    thread_local std::unique_ptr<BodyEncoder> encoders[4];
    std::unique_ptr<BodyEncoder>& encoder = encoders[static_cast<size_t>(coding)];
    if (encoder == nullptr) {
        encoder = std::make_unique<BodyEncoder>(coding);
    }
    out.clear();
    encoder->add(plain, out);
    encoder->finish(out);
}

}  // namespace base::http
