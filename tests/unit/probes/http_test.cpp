// HTTP attempts: names, redirections, and what is sent.
#include "checks/probes/http.hpp"

#include <deque>
#include <mutex>

#include "tests/unit/probes/fake_name_server.hpp"
#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Question = FakeNameServer::Question;
using Reply = FakeNameServer::Reply;

// Answers one request after the other with these, and keeps the requests.
class WebServer {
public:
    explicit WebServer(std::deque<std::string> answers)
        : answers_(std::move(answers)), server_([this](TcpServer::Socket& socket) {
              std::array<char, 8192> buffer{};
              std::string request;
              while (request.find("\r\n\r\n") == std::string::npos) {
                  request.append(buffer.data(), socket.read_some(boost::asio::buffer(buffer)));
              }
              const std::scoped_lock lock(mutex_);
              requests_.push_back(request);
              socket.send(boost::asio::buffer(answers_.empty() ? "HTTP/1.1 500 E\r\n\r\n"
                                                               : answers_.front()));
              if (!answers_.empty()) {
                  answers_.pop_front();
              }
          }) {}
    std::vector<std::string> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }
    std::string authority(const std::string& host = "127.0.0.1") const {
        return host + ':' + std::to_string(server_.port);
    }

private:
    mutable std::mutex mutex_;
    std::deque<std::string> answers_;
    std::vector<std::string> requests_;
    TcpServer server_;
};

constexpr const char* ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string redirection(const std::string& to, int status = 302) {
    return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + to +
           "\r\nContent-Length: 5\r\n\r\nmoved";
}

class HttpProbe : public Probing {
protected:
    Outcome ask(const Http& question) {
        outcome_.reset();
        const auto attempt = start_http(resolver, tools, question, keep());
        EXPECT_FALSE(outcome_) << "told before the loop ran";
        return wait();
    }
    static Http url(const std::string& text) {
        Http http;
        http.url = text;
        return http;
    }

    CurlLoop loop{context};
    LoadedFiles files{context};
    TrustStores trust{files};
    CurlTools tools{loop, files, trust};
};

// RFC 9110, 8.6: servers answer 411 otherwise.
TEST_F(HttpProbe, method_that_takes_a_body_says_that_there_is_none) {
    for (const std::string method : {"POST", "PUT", "PATCH"}) {
        const WebServer server({ok, ok});
        Http http = url("http://" + server.authority() + "/");
        http.method = method;
        EXPECT_TRUE(ask(http).passed);
        http.headers = {"Content-Length: 0"};
        EXPECT_TRUE(ask(http).passed);
        for (const std::string& request : server.requests()) {
            EXPECT_THAT(request, StartsWith(method + " / HTTP/1.1\r\n"));
            const auto first = request.find("\r\nContent-Length: 0\r\n");
            ASSERT_NE(first, std::string::npos) << request;
            EXPECT_EQ(request.find("Content-Length", first + 4), std::string::npos) << request;
            EXPECT_THAT(request, Not(HasSubstr("Content-Type")));
        }
    }
    for (const std::string method : {"GET", "HEAD", "DELETE", "OPTIONS"}) {
        const WebServer server({"HTTP/1.1 204 No Content\r\n\r\n"});
        Http http = url("http://" + server.authority() + "/");
        http.method = method;
        EXPECT_TRUE(ask(http).passed);
        EXPECT_THAT(server.requests().at(0), Not(HasSubstr("Content-Length")));
    }
}

TEST_F(HttpProbe, dead_addresses_of_a_name_do_not_hold_up_the_living_one) {
    const WebServer server({ok});
    const auto port = static_cast<std::uint16_t>(std::stoi(server.authority("").substr(1)));
    const SilentPort dead(context, "::1", port);
    const SilentPort dead_too(context, "127.0.0.7", port);
    FakeNameServer names(context, [](const Question&) {
        return Reply{false, 0, {"::1", "127.0.0.7", "127.0.0.1"}};
    });
    name_servers.servers = {names.endpoint()};
    const Outcome outcome = ask(url("http://" + server.authority("web.example.org") + "/x"));
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    EXPECT_GE(outcome.timings.connect, 500ms);
    EXPECT_LT(outcome.timings.total, 2s);
    EXPECT_GE(outcome.timings.first_byte, outcome.timings.connect);
    EXPECT_THAT(server.requests().at(0), HasSubstr("Host: " + server.authority("web.example.org")));
}

// It used to join the thread in which libcurl was looking the name up.
TEST_F(HttpProbe, attempt_that_still_looks_up_a_name_ends_at_once) {
    FakeNameServer names(context, [](const Question&) { return Reply{true}; });
    name_servers.servers = {names.endpoint()};
    const Http http = url("http://slow.example.org/");
    auto attempt = start_http(resolver, tools, http, keep());
    context.run_for(50ms);
    EXPECT_EQ(attempt->progress(), "looking up slow.example.org: no answer from 127.0.0.1");
    const auto begun = std::chrono::steady_clock::now();
    attempt.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 100ms);
    EXPECT_FALSE(outcome_);
}

TEST_F(HttpProbe, redirection_to_a_name_is_looked_up_beside_everything_else) {
    const WebServer server({redirection("http://slow.example.org/")});
    FakeNameServer names(context, [](const Question&) { return Reply{true}; });
    name_servers.servers = {names.endpoint()};
    Http http = url("http://" + server.authority() + "/");
    http.redirects = 1;
    auto attempt = start_http(resolver, tools, http, keep());
    EXPECT_TRUE(run_until([&] {
        return attempt->progress() == "looking up slow.example.org: no answer from 127.0.0.1";
    })) << attempt->progress();
    const auto begun = std::chrono::steady_clock::now();
    attempt.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 100ms);
}

TEST_F(HttpProbe, redirections_are_followed_up_to_their_number) {
    const WebServer server({redirection("/one"), redirection("two?x#y"), ok});
    Http http = url("http://" + server.authority() + "/a/b");
    http.redirects = 2;
    http.body = "ok";
    const Outcome outcome = ask(http);
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    ASSERT_EQ(server.requests().size(), 3U);
    EXPECT_THAT(server.requests()[1], StartsWith("GET /one HTTP/1.1\r\n"));
    EXPECT_THAT(server.requests()[2], StartsWith("GET /two?x HTTP/1.1\r\n"));
    const WebServer circle({redirection("/"), redirection("/"), redirection("/")});
    http.url = "http://" + circle.authority() + "/";
    EXPECT_EQ(ask(http).detail, "too many redirects: more than 2");
    const WebServer other({redirection("file:///etc/passwd")});
    http.url = "http://" + other.authority() + "/";
    EXPECT_THAT(ask(http).detail, StartsWith("redirected to "));
    const WebServer none({"HTTP/1.1 304 Not Modified\r\n\r\n"});
    http.url = "http://" + none.authority() + "/";
    EXPECT_EQ(ask(http).detail, "HTTP 304");
}

// RFC 9110, 15.4.
TEST_F(HttpProbe, redirection_changes_the_method_where_the_rfc_says_so) {
    const auto second_request = [this](int status, const std::string& method) {
        const WebServer server({redirection("/next", status), ok});
        Http http = url("http://" + server.authority() + "/");
        http.method = method;
        http.redirects = 1;
        EXPECT_TRUE(ask(http).passed);
        return server.requests().at(1);
    };
    EXPECT_THAT(second_request(303, "PUT"), StartsWith("GET /next "));
    EXPECT_THAT(second_request(302, "POST"), StartsWith("GET /next "));
    EXPECT_THAT(second_request(301, "POST"), Not(HasSubstr("Content-Length")));
    EXPECT_THAT(second_request(302, "PUT"), StartsWith("PUT /next "));
    EXPECT_THAT(second_request(307, "POST"), StartsWith("POST /next "));
    EXPECT_THAT(second_request(308, "POST"), HasSubstr("\r\nContent-Length: 0\r\n"));
}

TEST_F(HttpProbe, another_host_gets_no_secrets_and_is_connected_to_by_its_own_name) {
    const WebServer other({ok});
    const WebServer first(
        {redirection("/again"), redirection("http://" + other.authority("o.example.org") + "/")});
    FakeNameServer names(context, [](const Question&) { return Reply{false, 0, {"127.0.0.1"}}; });
    name_servers.servers = {names.endpoint()};
    Http http = url("http://www.example.com/");
    http.connect = first.authority();
    http.headers = {"Authorization: Basic eDp5", "Cookie: a=b", "X-Mine: 1"};
    http.redirects = 2;
    const Outcome outcome = ask(http);
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    ASSERT_EQ(first.requests().size(), 2U);
    EXPECT_THAT(first.requests()[1], HasSubstr("Host: www.example.com\r\n"));
    EXPECT_THAT(first.requests()[1], HasSubstr("Authorization: Basic eDp5\r\n"));
    const std::string there = other.requests().at(0);
    EXPECT_THAT(there, HasSubstr("Host: " + other.authority("o.example.org") + "\r\n"));
    EXPECT_THAT(there, Not(HasSubstr("Authorization")));
    EXPECT_THAT(there, Not(HasSubstr("Cookie")));
    EXPECT_THAT(there, HasSubstr("X-Mine: 1\r\n"));
}

}  // namespace
}  // namespace understudy::checks
