// What is served: the page, the metrics, the status as JSON, and the events as they happen. Nothing
// can be changed, and nothing is shown that a question to the agent does not answer.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "agent/web/agent_feed.hpp"
#include "agent/web/http_server.hpp"
#include "agent/web/peer_watch.hpp"

namespace understudy::web {

// Each occupies a thread of its connection's server for as long as it lasts.
inline constexpr unsigned most_event_streams = 24;
inline constexpr unsigned most_event_streams_of_an_address =
    8;  // but loopback; see http_server.hpp

class Site {
public:
    Site(AgentFeed& feed, PeerWatch& peers) : feed_(feed), peers_(peers) {}

    // All of them outlive the server.
    void install(HttpServer& server);

private:
    class Stream;

    void serve_metrics(const httplib::Request& request, httplib::Response& response);
    void serve_status(const httplib::Request& request, httplib::Response& response);
    void serve_events(const httplib::Request& request, httplib::Response& response);

    AgentFeed& feed_;
    PeerWatch& peers_;
    // False: there are too many, of all clients or of this one.
    bool begin_stream(const std::string& client);
    void end_stream(const std::string& client);

    std::mutex mutex_;
    std::map<std::string, unsigned> streams_;  // by what the client is counted as
};

}  // namespace understudy::web
