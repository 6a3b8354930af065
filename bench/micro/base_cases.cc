#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/compress.h"
#include "base/float_format.h"
#include "base/number.h"
#include "bench/micro/cases.h"
#include "bench/micro/harness.h"

namespace bench {
namespace {

// A page such as a target sends: 1000 lines that differ in a label and the value.
std::string exposition_page() {
    std::string page;
    for (int i = 0; i < 1000; ++i) {
        page +=
            "http_request_duration_seconds_bucket{service=\"checkout\",method=\"GET\",handler="
            "\"/api/v1/orders/s" +
            std::to_string(i) + "\",code=\"200\",version=\"v2.13\",le=\"0.25\"} " +
            std::to_string(i * 7919) + '\n';
    }
    return page;
}

void add_checksums(Suite& suite) {
    for (const size_t size : {size_t{32}, size_t{4096}, size_t{32768}}) {
        suite.add("crc32c/" + std::to_string(size) + "B",
                  {.bytes = size},
                  [data = std::string(size, 'x')](uint64_t times) {
                      for (uint64_t i = 0; i < times; ++i) {
                          keep(base::crc32c(data));
                      }
                  });
    }
    suite.add("hash64/160B line", {.bytes = 160}, [line = std::string(160, 'x')](uint64_t times) {
        for (uint64_t i = 0; i < times; ++i) {
            keep(base::hash64(line, i));
        }
    });
}

void add_varints(Suite& suite) {
    std::string text;
    base::ByteWriter writer(text);
    constexpr uint64_t kCount = 1000;
    // Deltas as a WAL has them: mostly one byte, some two, few more.
    for (uint64_t i = 0; i < kCount; ++i) {
        writer.uvarint(i % 50 == 0 ? uint64_t{1} << 33 : i % 10 == 0 ? 300 : i % 100);
    }
    writer.finish();
    suite.add("uvarint/read 1000", {.bytes = text.size()}, [text](uint64_t times) {
        for (uint64_t i = 0; i < times; ++i) {
            base::ByteReader reader(text);
            uint64_t sum = 0;
            for (uint64_t n = 0; n < kCount; ++n) {
                sum += reader.uvarint();
            }
            keep(sum);
        }
    });
}

void add_compression(Suite& suite) {
    const std::string page = exposition_page();
    std::string zipped;
    base::GzipEncoder().encode(page, zipped);
    suite.add(
        "gunzip/page",
        {.bytes = page.size()},
        [zipped, size = page.size(), gunzip = std::make_shared<base::Gunzip>()](uint64_t times) {
            for (uint64_t i = 0; i < times; ++i) {
                const auto body = gunzip->decode(zipped, size);
                SKEIN_CHECK(body.has_value(), "our own gzip");
                keep(body.value().size());
            }
        });
    std::string packed;
    base::snappy_encode(page, packed);
    suite.add(
        "snappy decode/page", {.bytes = page.size()}, [packed, size = page.size()](uint64_t times) {
            std::string out;
            for (uint64_t i = 0; i < times; ++i) {
                SKEIN_CHECK(base::snappy_decode(packed, size, out).has_value(), "our own snappy");
                keep(out.size());
            }
        });
}

void add_numbers(Suite& suite) {
    for (const std::string_view text :
         {"0", "184467", "0.4375", "1.234567e+06", "12345.678901234567"}) {
        suite.add("parse float/" + std::string(text), {}, [text](uint64_t times) {
            for (uint64_t i = 0; i < times; ++i) {
                double value = 0;
                keep(text);
                keep(base::parse_float(text, value));
                keep(value);
            }
        });
    }
    for (const double value : {0.0, 184467.0, 0.4375, 12345.678901234567}) {
        suite.add("sample value/" + std::to_string(value), {}, [value](uint64_t times) {
            std::string out;
            for (uint64_t i = 0; i < times; ++i) {
                out.clear();
                base::append_sample_value(out, value);
                keep(out.size());
            }
        });
    }
}

void add_budget(Suite& suite) {
    suite.add("budget/reserve and release, three levels", {}, [](uint64_t times) {
        base::Budget process("process");
        base::Budget queries("queries", process);
        base::Budget query("query", queries);
        for (uint64_t i = 0; i < times; ++i) {
            SKEIN_CHECK(query.reserve(64).has_value(), "no limit");
            query.release(64);
        }
    });
}

}  // namespace

void add_base_cases(Suite& suite) {
    add_checksums(suite);
    add_varints(suite);
    add_compression(suite);
    add_numbers(suite);
    add_budget(suite);
}

}  // namespace bench
