// The OpenMetrics text format, versions 0.0.1 and 1.0.0.
#pragma once

#include "scrape/parse/parser.h"

namespace scrape {

class OpenMetricsParser final : public Parser {
  public:
    explicit OpenMetricsParser(std::string_view page) : Parser(page) {
        help_unescapes_quotes_ = true;
    }

    [[nodiscard]] EntryKind next() override;

  protected:
    [[nodiscard]] bool suffix(const char* at) override;

  private:
    EntryKind series_line();
    EntryKind metadata_line(const char* at, EntryKind kind);
    EntryKind end_line(const char* at);
    bool exemplar(const char* at);
    bool fault(const char* what, const char* at);

    const char* fault_ = nullptr;
    const char* fault_at_ = nullptr;
};

}  // namespace scrape
