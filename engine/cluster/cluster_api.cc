#include "engine/cluster/cluster_api.h"

#include <string>
#include <utility>

#include "model/api_answer.h"
#include "shard/answers/answers.h"

namespace engine {

using base::Code;
using base::Error;
using base::fail;
using base::Result;
using base::http::Method;
using base::http::Params;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;
using shard::Answer;
using shard::Question;

namespace {

constexpr int kNobodyAnswers = 503;

constexpr const char* kLooks[] = {"status", "nodes", "targets", "plan", "history", "simulate"};
constexpr const char* kChanges[] = {
    "plan/apply", "pause", "resume", "drain", "undrain", "move", "transfer", "remove"};

base::Duration patience(std::string_view what) {
    return what == "plan" || what == "simulate" || what == "plan/apply" ? base::Duration(kPlanMax)
                                                                        : base::Duration(kLookMax);
}

// The question itself is wrong: nobody else answers it better.
bool final(const Error& error) {
    return error.code() == Code::kInvalid || error.code() == Code::kNotFound ||
           error.code() == Code::kLimit;
}

Question for_leader(Question question) {
    question.what.insert(0, kForLeader);
    return question;
}

Result<Answer> change(const ClusterApiParts& parts,
                      const Question& question,
                      const std::stop_token& stop) {
    const auto deadline = base::Deadline::after(parts.clock, patience(question.what));
    TRY(const ClusterWhere where, parts.where());
    if (where.leads) {
        return parts.here(question, deadline);
    }
    if (where.leader_address.empty()) {
        return fail(Code::kUnavailable,
                    "the cluster has no leader now; nothing was changed, ask again in a few "
                    "seconds");
    }
    return parts.ask(where.leader_address, for_leader(question), deadline, stop);
}

Result<Answer> look(const ClusterApiParts& parts,
                    const Question& question,
                    const std::stop_token& stop) {
    const auto deadline = base::Deadline::after(parts.clock, patience(question.what));
    TRY(const ClusterWhere where, parts.where());
    if (where.leads) {
        return parts.here(question, deadline);
    }
    std::string why = "the cluster has no leader now";
    if (!where.leader_address.empty()) {
        auto answer = parts.ask(where.leader_address, for_leader(question), deadline, stop);
        if (answer || final(answer.error())) {
            return answer;
        }
        why = "the leader at " + where.leader_address +
              " does not answer: " + answer.error().message();
    }
    if (shard::needs_leader(question.what)) {
        return fail(Code::kUnavailable, why + "; ask again in a few seconds");
    }
    TRY(Answer answer, parts.here(question, deadline));
    answer.warnings.insert(answer.warnings.begin(), std::move(why));
    return answer;
}

Response error_response(const Error& error) {
    Response response = model::api_error(error);
    if (error.code() == Code::kUnavailable || error.code() == Code::kTimeout) {
        response.status = kNobodyAnswers;
    }
    return response;
}

Result<Question> read_question(const char* what, bool changes, const Request& request) {
    Question question{.what = what, .parameters = {}, .change = changes};
    Params params = request.query;
    if (changes) {
        TRY(params, request.form());
    }
    for (const auto& [name, text] : params) {
        if (question.parameters.size() >= shard::kParametersMax) {
            return fail(Code::kLimit, "more than", shard::kParametersMax, "parameters");
        }
        if (!question.parameters.emplace(name, text).second) {
            return fail(Code::kInvalid,
                        "parameter " + name + " is given twice; put commas between what it lists");
        }
    }
    return question;
}

Response respond(const ClusterApiParts& parts,
                 const Result<Question>& question,
                 const RequestContext& context) {
    if (!question) {
        return error_response(question.error());
    }
    auto answer = question.value().change ? change(parts, question.value(), context.stop)
                                          : look(parts, question.value(), context.stop);
    if (!answer) {
        return error_response(answer.error());
    }
    return model::api_success(answer.value().json,
                              {.warnings = std::move(answer.value().warnings), .infos = {}});
}

}  // namespace

void register_cluster_routes(base::http::Router& router, const ClusterApiParts& parts) {
    base::http::RouteOptions options;
    options.cors = true;
    options.pool = parts.pool;
    const auto path = [](const char* what) { return "/api/v1/cluster/" + std::string(what); };
    for (const char* const what : kLooks) {
        router.add(
            {Method::kGet},
            path(what),
            [parts, what](const Request& request, const RequestContext& context) {
                return respond(parts, read_question(what, false, request), context);
            },
            options);
    }
    for (const char* const what : kChanges) {
        router.add(
            {Method::kPost, Method::kPut},
            path(what),
            [parts, what](const Request& request, const RequestContext& context) {
                if (!parts.changes) {
                    return model::api_error(
                        Error(Code::kUnavailable,
                              "admin APIs disabled; start this node with --web.enable-admin-api "
                              "to change the cluster"));
                }
                return respond(parts, read_question(what, true, request), context);
            },
            options);
    }
}

}  // namespace engine
