// The Prometheus text exposition format, versions 0.0.4 and 1.0.0.
#pragma once

#include "scrape/parse/parser.h"

namespace scrape {

class TextParser final : public Parser {
  public:
    explicit TextParser(std::string_view page) : Parser(page) {}

    [[nodiscard]] EntryKind next() override;

  protected:
    [[nodiscard]] bool suffix(const char* at) override;

  private:
    EntryKind series_line(const char* at);
    EntryKind metadata_line(const char* at, EntryKind kind);
    bool fault(const char* what, const char* at);

    const char* fault_ = nullptr;
    const char* fault_at_ = nullptr;
};

}  // namespace scrape
