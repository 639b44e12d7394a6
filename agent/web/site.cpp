#include "agent/web/site.hpp"

#include <charconv>
#include <chrono>

#include "agent/control/json.hpp"
#include "agent/metrics/agent_metrics.hpp"
#include "agent/web/page.hpp"

namespace understudy::web {

namespace {

constexpr control::BootOrigin times_in_utc{};
constexpr const char* json_type = "application/json";

std::string error_document(const std::string& trouble) {
    return control::to_json(control::ErrorResponse{trouble, false}, times_in_utc);
}

std::string message(const char* event, const std::string& data, std::uint64_t id = 0) {
    const std::string number = id == 0 ? "" : "id: " + std::to_string(id) + '\n';
    return std::string{"event: "} + event + '\n' + number + "data: " + data + "\n\n";
}

// A reader that comes back says which event it has seen last.
std::uint64_t last_event_of(const httplib::Request& request) {
    const std::string text = request.get_header_value("Last-Event-ID");
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

// One reader of /events.
class Site::Stream {
public:
    // Of a client that begin_stream() has let in.
    Stream(Site& site, std::string client, std::uint64_t last_event)
        : site_(site), client_(std::move(client)), watch_(site.feed_), peers_watch_(site.peers_) {
        place_.last_event = last_event;
        site_.feed_.ask();  // so that the first thing it is told is true now
    }
    ~Stream() { site_.end_stream(client_); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // False: the stream is over.
    bool go_on(httplib::DataSink& sink) {
        constexpr std::chrono::seconds patience{5};
        const AgentFeed::News news = site_.feed_.wait(place_, patience);
        std::string text;
        if (news.answer && news.answer->is_there()) {
            // How old things are is told by the clock that they were dated with.
            const auto now = std::chrono::system_clock::now();
            text += message("clock", control::format_utc(std::chrono::floor<Duration>(now)));
            text += message("status", news.answer->line);
            told_trouble_.clear();
        } else if (news.answer && news.answer->trouble != told_trouble_) {
            told_trouble_ = news.answer->trouble;
            text += message("down", error_document(told_trouble_));
        }
        for (const control::StateEvent& event : news.events) {
            text += message("state", control::to_json(event, times_in_utc), event.number);
        }
        if (const std::uint64_t number = site_.peers_.number(); number != told_peers_) {
            told_peers_ = number;
            text += message("peers", site_.peers_.document());
        }
        if (text.empty()) {
            text = ": nothing new\n\n";  // finds out whether somebody is there
        }
        return !news.over && sink.write(text.data(), text.size());
    }

private:
    Site& site_;
    std::string client_;
    AgentFeed::Watch watch_;
    PeerWatch::Watch peers_watch_;
    AgentFeed::Place place_;
    std::uint64_t told_peers_ = 0;
    std::string told_trouble_;
};

void Site::install(HttpServer& server) {
    server.set_default_headers({
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
         "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", "no-store"},
    });
    const auto file = [&](const char* path, const char* type, std::string_view content) {
        server.Get(path, [type, content](const httplib::Request&, httplib::Response& response) {
            response.set_content(content.data(), content.size(), type);
        });
    };
    file("/", "text/html; charset=utf-8", page_html);
    file("/page\\.css", "text/css; charset=utf-8", page_css);
    file("/page\\.js", "text/javascript; charset=utf-8", page_js);
    const auto answer = [&](const char* path,
                            void (Site::*serve)(const httplib::Request&, httplib::Response&)) {
        server.Get(path,
                   [this, serve](const httplib::Request& request, httplib::Response& response) {
                       (this->*serve)(request, response);
                   });
    };
    answer("/metrics", &Site::serve_metrics);
    answer("/status\\.json", &Site::serve_status);
    answer("/events", &Site::serve_events);
}

// Of an agent that is down there is a metric too, so the scrape itself does not fail.
void Site::serve_metrics(const httplib::Request& request, httplib::Response& response) {
    const metrics::Format format = metrics::negotiate(request.get_header_value("Accept"));
    const auto answer = feed_.ask();
    response.set_content(answer->is_there() ? metrics::text_of(answer->status, format)
                                            : metrics::text_without_agent(format),
                         std::string{metrics::content_type(format)});
    response.set_header("Vary", "Accept");
}

void Site::serve_status(const httplib::Request&, httplib::Response& response) {
    const auto answer = feed_.ask();
    if (answer->is_there()) {
        response.set_content(answer->line, json_type);
        return;
    }
    response.status = 503;
    response.set_content(error_document(answer->trouble), json_type);
}

bool Site::begin_stream(const std::string& client) {
    const std::lock_guard lock(mutex_);
    unsigned all = 0;
    for (const auto& [each, count] : streams_) {
        all += count;
    }
    const bool fits = all < most_event_streams &&
                      (client.empty() || streams_[client] < most_event_streams_of_an_address);
    if (fits) {
        ++streams_[client];
    }
    return fits;
}

void Site::end_stream(const std::string& client) {
    const std::lock_guard lock(mutex_);
    if (--streams_[client] == 0) {
        streams_.erase(client);
    }
}

void Site::serve_events(const httplib::Request& request, httplib::Response& response) {
    if (request.method == "HEAD") {
        response.set_content("", "text/event-stream");
        return;
    }
    const std::string client = counted_as(request.remote_addr);
    if (!begin_stream(client)) {
        response.status = 503;
        response.set_header("Retry-After", "10");
        response.set_content(error_document("too many readers of /events"), json_type);
        return;
    }
    const auto stream = std::make_shared<Stream>(*this, client, last_event_of(request));
    response.set_chunked_content_provider(
        "text/event-stream",
        [stream](std::size_t, httplib::DataSink& sink) { return stream->go_on(sink); });
}

}  // namespace understudy::web
