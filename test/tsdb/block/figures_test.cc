// Figures, printed: nanoseconds per series written, memory at the peak. Hidden; run
// tsdb_block_test "[.figures]" of an optimised build.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "test/support/temp_folder.h"
#include "test/tsdb/block/figure_labels.h"

namespace {

constexpr size_t kInstances = 1000;
constexpr size_t kNames = 1000;
constexpr size_t kSeries = kInstances * kNames;
constexpr size_t kChunks = 4;
constexpr double kNsPerSecond = 1e9;

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / kNsPerSecond;
}

// Of this process: "VmHWM", "RssAnon", … in MiB.
double status_mib(const std::string& field) {
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(field + ":")) {
            return std::strtod(line.c_str() + field.size() + 1, nullptr) / 1024;
        }
    }
    return 0;
}

class Lap {
  public:
    explicit Lap(const char* what) : what_(what), began_(seconds_now()), cpu_(cpu_seconds()) {}

    ~Lap() {
        const double cpu = cpu_seconds() - cpu_;
        std::printf("%-10s %6.0f ns of CPU a series, %5.2f s in all; resident at most %.0f MiB\n",
                    what_,
                    cpu / kSeries * kNsPerSecond,
                    seconds_now() - began_,
                    status_mib("VmHWM"));
    }

    Lap(const Lap&) = delete;
    Lap& operator=(const Lap&) = delete;

  private:
    const char* what_;
    double began_;
    double cpu_;
};

}  // namespace

TEST_CASE("figures of writing a block", "[.figures]") {
    const auto files = base::make_posix_files();
    const test_support::TempFolder folder;
    base::SeededRandom random(1);
    std::vector<block_test::Series> shape;
    for (size_t i = 0; i < kInstances; ++i) {
        shape.push_back({block_test::labels_of(i, i), {}});
    }
    const auto symbols = block_test::symbols_of(shape);
    std::vector<std::vector<uint8_t>> payloads;
    std::vector<tsdb::block::ChunkInput> chunks;
    for (size_t i = 0; i < kChunks; ++i) {
        const int64_t from = static_cast<int64_t>(i) * 120 * block_test::kInterval;
        payloads.push_back(block_test::xor_chunk(block_test::some_samples(from, 120, 1)));
        chunks.push_back(
            {model::Encoding::kXor, payloads[i], from, from + 119 * block_test::kInterval});
    }
    std::vector<std::vector<model::LabelSymbols>> numbers(kInstances);
    auto writer = tsdb::block::BlockWriter::create(
                      *files, folder.path(), tsdb::block::Ulid::make(1, random), {})
                      .value();
    std::printf("%zu series of 10 labels and %zu chunks of %zu bytes; before %.1f MiB\n",
                kSeries,
                kChunks,
                payloads[0].size(),
                status_mib("RssAnon"));
    {
        const Lap lap("symbols");
        for (const std::string& symbol : symbols) {
            REQUIRE(writer->add_symbol(symbol));
        }
    }
    std::vector<std::vector<model::LabelSymbols>> of_names;
    for (size_t i = 0; i < kInstances; ++i) {
        numbers[i] = block_test::numbers_of(block_test::labels_of(0, i), symbols);
        of_names.push_back(block_test::numbers_of(block_test::labels_of(i, 0), symbols));
    }
    {
        const Lap lap("series");
        for (size_t name = 0; name < kNames; ++name) {
            for (size_t i = 0; i < kInstances; ++i) {
                auto& labels = numbers[i];
                labels[0] = of_names[name][0];
                labels[3] = of_names[name][3];
                const auto added = writer->add_series(labels, chunks);
                if (!added) {
                    FAIL(added.error().message());
                }
            }
        }
    }
    {
        const Lap lap("publishing");
        REQUIRE(writer->publish({}));
    }
}
