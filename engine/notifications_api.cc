#include "engine/notifications_api.h"

#include "base/json.h"
#include "base/time_format.h"
#include "model/api_answer.h"

namespace engine {
namespace {

using base::http::Request;
using base::http::RequestContext;
using base::http::Response;

void write(base::JsonWriter& json, const Notification& notification) {
    json.begin_object();
    json.member("text", notice_text(notification.notice));
    json.member("date", base::format_rfc3339_ms(notification.raised_ms));
    json.key("active");
    json.boolean(notification.active);
    json.end_object();
}

std::string list(const Notifications& notifications) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_array();
    for (const Notification& notification : notifications.active()) {
        write(json, notification);
    }
    json.end_array();
    return out;
}

// Answers with an event per notification; an empty frame is "nothing yet".
Response live(Notifications& notifications) {
    Response response;
    response.headers.set("Content-Type", "text/event-stream");
    response.headers.set("Cache-Control", "no-cache");
    const std::shared_ptr<Notifications::Subscriber> subscriber = notifications.subscribe();
    if (subscriber == nullptr) {
        response.status = 204;
        return response;
    }
    response.compress = false;  // an event must not wait in an encoder
    response.stream = [subscriber](std::string& frame, std::stop_token stop) -> base::Result<bool> {
        std::vector<Notification> news;
        const bool more = subscriber->take(news);
        for (const Notification& notification : news) {
            frame += "data: ";
            base::JsonWriter json(frame);
            write(json, notification);
            frame += "\n\n";
        }
        return more && !stop.stop_requested();
    };
    return response;
}

}  // namespace

void register_notification_routes(base::http::Router& router, Notifications& notifications) {
    base::http::RouteOptions options;
    options.cors = true;
    const auto add = [&](const char* path, Response (*answer)(Notifications&)) {
        router.add(
            {base::http::Method::kGet},
            path,
            [&notifications, answer](const Request&, const RequestContext&) {
                return answer(notifications);
            },
            options);
    };
    add("/api/v1/notifications",
        [](Notifications& known) { return model::api_success(list(known)); });
    add("/api/v1/notifications/live", live);
}

}  // namespace engine
