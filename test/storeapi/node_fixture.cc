#include "test/storeapi/node_fixture.h"

#include <algorithm>
#include <ostream>
#include <thread>

#include <catch2/catch.hpp>

#include "base/byte_view.h"
#include "model/merge_symbols.h"

namespace storeapi_test {
namespace {

model::Labels labels_of(const model::SeriesBatch& batch, const model::SeriesView& series) {
    std::vector<model::LabelView> labels;
    for (const model::LabelSymbols& label : series.labels) {
        labels.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
    }
    return model::Labels::from_sorted(labels);
}

class ScriptedSet final : public model::SeriesSet {
  public:
    ScriptedSet(ScriptedStorage& storage, bool skip_chunks, uint64_t limit)
        : storage_(storage),
          skip_chunks_(skip_chunks),
          end_(limit == 0 ? storage.series.size()
                          : std::min<size_t>(limit, storage.series.size())) {}

    base::Result<bool> next(model::SeriesBatch& batch) override {
        batch.clear();
        if (storage_.before_batch) {
            storage_.before_batch();
        }
        if (at_ == end_) {
            if (storage_.error) {
                return base::fail(*storage_.error);
            }
            return false;
        }
        if (symbols_ == nullptr || storage_.new_table_each_batch) {
            symbols_ = std::make_shared<model::MergedSymbols>();
            for (size_t i = 0; i < at_; ++i) {  // other numbers for the same texts
                static_cast<void>(symbols_->intern("unused" + std::to_string(i)));
            }
        }
        batch.symbols = symbols_;
        for (size_t i = 0; i < storage_.batch_series && at_ < end_; ++i, ++at_) {
            give(storage_.series[at_], batch);
        }
        ++storage_.batches_given;
        return true;
    }

    std::vector<std::string> warnings() const override { return storage_.warnings; }

  private:
    void give(const KeptSeries& series, model::SeriesBatch& batch) {
        std::vector<model::LabelSymbols> labels;
        for (const model::LabelView label : series.labels) {
            labels.push_back({symbols_->intern(label.name), symbols_->intern(label.value)});
        }
        std::vector<model::ChunkView> chunks;
        for (const KeptChunk& chunk : series.chunks) {
            if (!skip_chunks_) {
                chunks.push_back({.encoding = chunk.encoding,
                                  .source = chunk.source,
                                  .bytes = base::ByteView(chunk.bytes).span(),
                                  .min_t = chunk.min_t,
                                  .max_t = chunk.max_t});
            }
        }
        batch.series.push_back(
            {.id = at_,
             .labels = batch.arena.copy(std::span<const model::LabelSymbols>(labels)),
             .chunks = batch.arena.copy(std::span<const model::ChunkView>(chunks))});
    }

    ScriptedStorage& storage_;
    const bool skip_chunks_;
    const size_t end_;
    std::shared_ptr<model::MergedSymbols> symbols_;
    size_t at_ = 0;
};

class ScriptedQuerier final : public model::Querier {
  public:
    explicit ScriptedQuerier(ScriptedStorage& storage) : storage_(storage) {}

    base::Result<std::unique_ptr<model::SeriesSet>> select(const model::SelectHints& hints,
                                                           std::span<const model::Matcher> matchers,
                                                           const model::QueryContext&) override {
        storage_.last_hints = hints;
        storage_.last_matchers.clear();
        for (const model::Matcher& matcher : matchers) {
            storage_.last_matchers += matcher.to_string() + ";";
        }
        return std::make_unique<ScriptedSet>(storage_, hints.skip_chunks, hints.limit);
    }

    base::Result<std::vector<std::string>> label_names(const model::LabelHints&,
                                                       std::span<const model::Matcher>,
                                                       const model::QueryContext&) override {
        return names({"a", "b"});
    }

    base::Result<std::vector<std::string>> label_values(std::string_view name,
                                                        const model::LabelHints&,
                                                        std::span<const model::Matcher>,
                                                        const model::QueryContext&) override {
        return names({std::string(name) + "1"});
    }

    std::vector<std::string> warnings() const override { return storage_.warnings; }

  private:
    base::Result<std::vector<std::string>> names(std::vector<std::string> list) const {
        if (storage_.error) {
            return base::fail(*storage_.error);
        }
        return list;
    }

    ScriptedStorage& storage_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const KeptSeries& series) {
    out << series.labels.to_string();
    for (const KeptChunk& chunk : series.chunks) {
        out << " " << static_cast<int>(chunk.encoding) << "/" << chunk.source << "@" << chunk.min_t
            << "-" << chunk.max_t << ":" << chunk.bytes.size();
    }
    return out;
}

base::Result<Gathered> gather(model::SeriesSet& set) {
    Gathered out;
    model::SeriesBatch batch;
    while (true) {
        TRY(const bool more, set.next(batch));
        if (!more) {
            out.warnings = set.warnings();
            return out;
        }
        ++out.batches;
        for (const model::SeriesView& series : batch.series) {
            KeptSeries& kept = out.series.emplace_back();
            kept.labels = labels_of(batch, series);
            for (const model::ChunkView& chunk : series.chunks) {
                CHECK(chunk.replica == 0);
                kept.chunks.push_back({.encoding = chunk.encoding,
                                       .min_t = chunk.min_t,
                                       .max_t = chunk.max_t,
                                       .source = chunk.source,
                                       .bytes = std::string(base::ByteView(chunk.bytes).text())});
            }
        }
    }
}

Gathered select_locally(model::Queryable& storage,
                        const model::SelectHints& hints,
                        std::span<const model::Matcher> matchers) {
    const auto querier = std::move(storage.querier(hints.min_t, hints.max_t)).value();
    const model::QueryContext context;
    model::SelectHints sorted = hints;
    sorted.sorted = true;
    const auto set = std::move(querier->select(sorted, matchers, context)).value();
    return std::move(gather(*set)).value();
}

base::Result<std::unique_ptr<model::Querier>> ScriptedStorage::querier(int64_t, int64_t) {
    return std::make_unique<ScriptedQuerier>(*this);
}

TestServer::TestServer(std::vector<base::rpc::Method> methods) {
    base::rpc::ServerOptions listen;
    listen.listen_address = "127.0.0.1:0";
    server_ =
        std::move(base::rpc::Server::start(listen, std::move(methods), {pool_, clock_, metrics_}))
            .value();
}

DataNode::DataNode(model::Queryable& storage,
                   const std::function<void(storeapi::NodeSources&)>& more)
    : sources_{.storage = storage,
               .clock = clock_,
               .budget = node_budget_,
               .ready = [this] { return ready_.load(); },
               .labels = [] { return model::Labels{{"region", "eu-west"}, {"replica", "a"}}; },
               .node_id = "a"} {
    if (more) {
        more(sources_);
    }
    server_ = std::make_unique<TestServer>(storeapi::make_node_service(sources_));
    peer_ = std::move(storeapi::NodePeer::open({.address = server_->address()})).value();
    channel_ = std::move(base::rpc::Channel::open({.address = server_->address()})).value();
}

model::QueryContext DataNode::context(base::Duration time, std::stop_token stop) {
    return {.stop = std::move(stop),
            .deadline = base::Deadline::after(clock_, time),
            .clock = &clock_,
            .budget = &budget_};
}

base::Result<Gathered> DataNode::select(const model::SelectHints& hints,
                                        std::span<const model::Matcher> matchers) {
    const model::QueryContext bounds = context();
    const auto set = peer_->select(hints, matchers, {}, {}, bounds);
    return gather(*set);
}

bool becomes_true(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool holds = condition();
    while (!holds && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        holds = condition();
    }
    return holds;
}

}  // namespace storeapi_test
