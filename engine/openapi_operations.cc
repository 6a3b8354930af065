#include "engine/openapi_operations.h"

#include <initializer_list>

namespace engine::openapi {
namespace {

constexpr Param kQuery{"query", "string", "A PromQL expression.", true};
constexpr Param kTime{
    "time", "string", "Evaluation time, Unix seconds or RFC 3339; now if absent."};
constexpr Param kStart{"start", "string", "First time, Unix seconds or RFC 3339."};
constexpr Param kEnd{"end", "string", "Last time, Unix seconds or RFC 3339."};
constexpr Param kStartNeeded{"start", "string", "First time, Unix seconds or RFC 3339.", true};
constexpr Param kEndNeeded{"end", "string", "Last time, Unix seconds or RFC 3339.", true};
constexpr Param kStep{"step", "string", "Resolution, a duration or seconds.", true};
constexpr Param kTimeout{
    "timeout", "string", "Longest time of the query, at most --query.timeout."};
constexpr Param kLimit{"limit", "integer", "Most elements of the answer; 0: no limit."};
constexpr Param kLookback{
    "lookback_delta", "string", "How old the last sample of a series may be."};
constexpr Param kStats{"stats", "string", "true: what the query cost; all: also by step."};
constexpr Param kExplain{"explain", "boolean", "What every operator of the query did."};
constexpr Param kMatch{"match[]", "string", "A series selector.", false, true};
constexpr Param kMatchNeeded{"match[]", "string", "A series selector.", true, true};
constexpr Param kLocal{"local", "boolean", "Of this node's own series only."};
constexpr Param kDedup{"dedup", "boolean", "Series that several nodes have come once."};
constexpr Param kReplicaLabels{
    "replicaLabels[]", "string", "A label taken off before that.", false, true};
constexpr Param kPartial{"partial_response", "boolean", "Who does not answer is a warning."};
constexpr Param kStoreMatch{
    "storeMatch[]", "string", "Only endpoints whose address it matches.", false, true};
constexpr Param kResolution{
    "max_source_resolution", "string", "The coarsest downsampled data that may be used."};
constexpr Param kState{"state", "string", "active, dropped or any."};
constexpr Param kJob{"job", "string", "Only of these jobs, separated by commas."};
constexpr Param kOfNode{"node", "string", "Only of these nodes, separated by commas."};
constexpr Param kNode{"node", "string", "A node's id.", true};
constexpr Param kPlacing{
    "state", "string", "up, down, unknown, moving, orphan or standing_in, separated by commas."};
constexpr Param kSearch{"search", "string", "A part of the job, the instance or the URL."};
constexpr Param kTargetId{"id", "string", "A target's id."};
constexpr Param kTarget{"target", "string", "A target's id.", true};
constexpr Param kFull{"full", "boolean", "Without what keeps plans calm."};
constexpr Param kSince{"since", "string", "Only later ones, Unix seconds."};
constexpr Param kKind{"kind", "string", "Only these kinds, separated by commas."};
constexpr Param kAdd{"add", "integer", "So many nodes more."};
constexpr Param kBudget{"budget", "integer", "Their budget of series."};
constexpr Param kZone{"zone", "string", "Their zone."};
constexpr Param kDrain{"drain", "string", "These nodes are emptied, separated by commas."};
constexpr Param kLose{"lose", "string", "These nodes are lost, separated by commas."};
constexpr Param kLoseZone{"lose_zone", "string", "All nodes of this zone are lost."};
constexpr Param kGrow{"grow", "string", "The targets of this job grow …"};
constexpr Param kFactor{"factor", "number", "… by this factor."};
constexpr Param kMaintenance{"maintenance", "string", "A duration: for a time, not for good."};
constexpr Param kTo{"to", "string", "The id of the node that gets it.", true};
constexpr Param kSlot{"slot", "integer", "Which of its owners gives it, from 0."};
constexpr Param kNewLeader{"to", "string", "A voter's id; without, whichever is furthest."};
constexpr Param kScrapePool{"scrapePool", "string", "Only of this scrape pool."};
constexpr Param kPool{"scrapePool", "string", "A scrape pool.", true};
constexpr Param kLabelsJson{"labels", "string", "Names and values as a JSON object.", true};
constexpr Param kMatchTarget{"match_target", "string", "A selector of targets, by their labels."};
constexpr Param kMetric{"metric", "string", "Only of this metric."};
constexpr Param kNamePattern{
    "metric_name_pattern", "string", "A regular expression that the whole name matches."};
constexpr Param kPerMetric{"limit_per_metric", "integer", "Most entries of a metric."};
constexpr Param kSkipHead{"skip_head", "boolean", "Without what is in no block yet."};
constexpr Param kName{"name", "string", "A label's name; U__ in front: escaped.", true};
constexpr Param kId{"id", "string", "As /queries has it.", true};

constexpr Param kTerms{"search[]", "string", "What is looked for; one is enough.", false, true};
constexpr Param kThreshold{"fuzz_threshold", "integer", "Least score, 0 to 100."};
constexpr Param kAlgorithm{"fuzz_alg", "string", "subsequence or jarowinkler."};
constexpr Param kCase{"case_sensitive", "boolean", "Whether capitals matter; true if absent."};
constexpr Param kSortBy{"sort_by", "string", "alpha or score."};
constexpr Param kSortDir{"sort_dir", "string", "asc or dsc, with sort_by=alpha."};
constexpr Param kScores{"include_score", "boolean", "Every result has its score."};
constexpr Param kWithMetadata{"include_metadata", "boolean", "And its type, help and unit."};
constexpr Param kBatch{"batch_size", "integer", "Results of a line."};
constexpr Param kLabel{"label", "string", "A label's name.", true};

// What the searches take besides `first`.
std::vector<const Param*> search_params(std::initializer_list<const Param*> first) {
    std::vector<const Param*> params(first);
    for (const Param* param : {&kTerms,
                               &kMatch,
                               &kStart,
                               &kEnd,
                               &kThreshold,
                               &kAlgorithm,
                               &kCase,
                               &kSortBy,
                               &kSortDir,
                               &kScores,
                               &kLimit,
                               &kBatch,
                               &kLocal,
                               &kPartial,
                               &kStoreMatch}) {
        params.push_back(param);
    }
    return params;
}

}  // namespace

const std::vector<Operation>& operations() {
    static const std::vector<Operation> kOperations = {
        {"GET POST",
         "/query",
         "query",
         "The value of an expression at one time.",
         {&kQuery,
          &kTime,
          &kTimeout,
          &kLimit,
          &kLookback,
          &kStats,
          &kExplain,
          &kLocal,
          &kDedup,
          &kReplicaLabels,
          &kPartial,
          &kStoreMatch,
          &kResolution}},
        {"GET POST",
         "/query_range",
         "query",
         "The values of an expression over a range of time.",
         {&kQuery,
          &kStartNeeded,
          &kEndNeeded,
          &kStep,
          &kTimeout,
          &kLimit,
          &kLookback,
          &kStats,
          &kExplain,
          &kLocal,
          &kDedup,
          &kReplicaLabels,
          &kPartial,
          &kStoreMatch,
          &kResolution}},
        {"GET POST",
         "/query_exemplars",
         "query",
         "Exemplars of the series an expression reads.",
         {&kQuery, &kStart, &kEnd}},
        {"GET POST", "/format_query", "query", "An expression, laid out for reading.", {&kQuery}},
        {"GET POST", "/parse_query", "query", "The syntax tree of an expression.", {&kQuery}},
        {"GET", "/queries", "query", "The queries that run."},
        {"POST", "/queries/:id/cancel", "query", "Ends a query.", {&kId}, Answer::kNothing},
        {"GET POST",
         "/series",
         "series",
         "The label sets of series.",
         {&kMatchNeeded,
          &kStart,
          &kEnd,
          &kLimit,
          &kLocal,
          &kDedup,
          &kReplicaLabels,
          &kPartial,
          &kStoreMatch}},
        {"GET POST",
         "/labels",
         "series",
         "The names of labels.",
         {&kMatch,
          &kStart,
          &kEnd,
          &kLimit,
          &kLocal,
          &kDedup,
          &kReplicaLabels,
          &kPartial,
          &kStoreMatch}},
        {"GET",
         "/label/:name/values",
         "series",
         "The values of a label.",
         {&kName,
          &kMatch,
          &kStart,
          &kEnd,
          &kLimit,
          &kLocal,
          &kDedup,
          &kReplicaLabels,
          &kPartial,
          &kStoreMatch}},
        {"GET POST",
         "/search/metric_names",
         "series",
         "Names of metrics that fit; with --enable-feature=search-api.",
         search_params({&kWithMetadata}),
         Answer::kLines},
        {"GET POST",
         "/search/label_names",
         "series",
         "Names of labels that fit; with --enable-feature=search-api.",
         search_params({}),
         Answer::kLines},
        {"GET POST",
         "/search/label_values",
         "series",
         "Values of a label that fit; with --enable-feature=search-api.",
         search_params({&kLabel}),
         Answer::kLines},
        {"GET",
         "/metadata",
         "metadata",
         "Type, help and unit of metrics.",
         {&kMetric, &kLimit, &kPerMetric}},
        {"GET",
         "/targets",
         "targets",
         "What is scraped, and how it went.",
         {&kState, &kScrapePool}},
        {"GET",
         "/targets/metadata",
         "targets",
         "What targets say of their metrics.",
         {&kMatchTarget, &kMetric, &kLimit}},
        {"GET",
         "/targets/relabel_steps",
         "targets",
         "What the rules of a scrape pool make of labels, rule by rule.",
         {&kPool, &kLabelsJson}},
        {"GET", "/scrape_pools", "targets", "The names of the scrape pools."},
        {"GET",
         "/scrape_pools/config",
         "targets",
         "The configuration of a scrape pool as it takes effect, without its secrets.",
         {&kPool}},
        {"GET", "/rules", "rules", "Rule groups."},
        {"GET", "/alerts", "rules", "Alerts that are pending or firing."},
        {"GET", "/alertmanagers", "rules", "Where alerts are sent."},
        {"GET", "/status/config", "status", "The configuration, without its secrets."},
        {"GET", "/status/flags", "status", "The values of all flags."},
        {"GET", "/status/runtimeinfo", "status", "What the process is and how it does."},
        {"GET", "/status/buildinfo", "status", "Versions."},
        {"GET", "/status/tsdb", "status", "The head, and what there is most of in it.", {&kLimit}},
        {"GET", "/status/tsdb/blocks", "status", "The blocks."},
        {"GET", "/status/storage", "status", "What of the storage is served, and what is not."},
        {"GET",
         "/status/walreplay",
         "status",
         "How far the replay is; also before the server is ready."},
        {"GET",
         "/status/self_metrics",
         "status",
         "The node's own metrics as JSON.",
         {&kNamePattern}},
        {"GET", "/stores", "status", "Nodes and endpoints that queries ask, too."},
        {"GET", "/cluster/status", "cluster", "Who leads, the nodes, and how even they are."},
        {"GET", "/cluster/nodes", "cluster", "The nodes and what they hold."},
        {"GET",
         "/cluster/targets",
         "cluster",
         "Who scrapes what.",
         {&kJob, &kOfNode, &kPlacing, &kSearch, &kTargetId, &kLimit}},
        {"GET",
         "/cluster/plan",
         "cluster",
         "What would be done now, and why. Carries nothing out.",
         {&kFull, &kLimit}},
        {"GET",
         "/cluster/history",
         "cluster",
         "What was decided, newest first.",
         {&kLimit, &kSince, &kKind, &kOfNode}},
        {"GET",
         "/cluster/simulate",
         "cluster",
         "What would become of the live loads if something changed.",
         {&kAdd, &kBudget, &kZone, &kDrain, &kLose, &kLoseZone, &kGrow, &kFactor, &kFull, &kLimit}},
        {"POST PUT", "/cluster/pause", "cluster", "Nothing is moved to balance and to drain."},
        {"POST PUT", "/cluster/resume", "cluster", "What was paused goes on."},
        {"POST PUT",
         "/cluster/drain",
         "cluster",
         "A node's targets move away.",
         {&kNode, &kMaintenance}},
        {"POST PUT", "/cluster/undrain", "cluster", "A node gets targets again.", {&kNode}},
        {"POST PUT", "/cluster/remove", "cluster", "A drained node leaves.", {&kNode}},
        {"POST PUT",
         "/cluster/move",
         "cluster",
         "A target moves to a node.",
         {&kTarget, &kTo, &kSlot}},
        {"POST PUT", "/cluster/transfer", "cluster", "Another voter leads.", {&kNewLeader}},
        {"POST PUT", "/cluster/plan/apply", "cluster", "The plan is carried out now.", {&kFull}},
        {"GET", "/features", "status", "What is built and switched on."},
        {"GET", "/notifications", "status", "What a person should know now."},
        {"GET",
         "/notifications/live",
         "status",
         "The same, then every change, as server-sent events; 204: enough subscribers.",
         {},
         Answer::kEvents},
        {"GET", "/openapi.yaml", "status", "This document.", {}, Answer::kYaml},
        {"POST", "/read", "remote", "Remote read.", {}, Answer::kProtobuf},
        {"POST PUT",
         "/admin/tsdb/delete_series",
         "admin",
         "Deletes series.",
         {&kMatchNeeded, &kStart, &kEnd},
         Answer::kNothing},
        {"POST PUT",
         "/admin/tsdb/clean_tombstones",
         "admin",
         "Removes what is deleted from the disk.",
         {},
         Answer::kNothing},
        {"POST PUT",
         "/admin/tsdb/snapshot",
         "admin",
         "A copy of the storage in its folder.",
         {&kSkipHead}},
    };
    return kOperations;
}

}  // namespace engine::openapi
