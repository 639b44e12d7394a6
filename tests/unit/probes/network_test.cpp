// TCP, UDP and HTTP attempts against real servers on loopback.
#include "checks/probes/http.hpp"
#include "checks/probes/tcp.hpp"
#include "checks/probes/udp.hpp"
#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using testing::HasSubstr;

class Network : public Probing {
protected:
    Outcome ask(Tcp question) {
        const auto attempt = start_tcp(resolver, question, keep());
        return wait();
    }
    Outcome ask(const Http& question) {
        const auto attempt = start_http(resolver, tools, question, keep());
        return wait();
    }
    CurlLoop loop{context};
    LoadedFiles files{context};
    TrustStores trust{files};
    CurlTools tools{loop, files, trust};

    static std::uint16_t closed_port() {
        boost::asio::io_context other;
        tcp::acceptor acceptor(other, {boost::asio::ip::address_v4::loopback(), 0});
        return acceptor.local_endpoint().port();
    }
    static Http url(const TcpServer& server) {
        Http http;
        http.url = "http://127.0.0.1:" + std::to_string(server.port) + "/";
        return http;
    }
    static std::function<void(TcpServer::Socket&)> answering(std::string text) {
        return [text](TcpServer::Socket& socket) {
            std::array<char, 4096> buffer{};
            socket.read_some(boost::asio::buffer(buffer));
            socket.send(boost::asio::buffer(text));
        };
    }
};

TEST_F(Network, TcpConnects) {
    const TcpServer server([](TcpServer::Socket&) {});
    const Outcome outcome = ask(Tcp{{"localhost", server.port}, {}, "", ""});
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    EXPECT_TRUE(outcome.timings.connect);
}

TEST_F(Network, TcpRefusedAndUnknownAreSaid) {
    EXPECT_EQ(ask(Tcp{{"127.0.0.1", closed_port()}, {}, "", ""}).detail, "connection refused");
    outcome_.reset();
    EXPECT_THAT(ask(Tcp{{"no-such-host.invalid", 80}, {}, "", ""}).detail,
                HasSubstr("no-such-host.invalid: "));
}

TEST_F(Network, TcpSendsAndExpects) {
    const TcpServer server(answering("220 hello\r\n"));
    EXPECT_TRUE(ask(Tcp{{"127.0.0.1", server.port}, {}, "x", "220 "}).passed);
    outcome_.reset();
    EXPECT_EQ(ask(Tcp{{"127.0.0.1", server.port}, {}, "x", "250"}).detail,
              "closed before \"250\" came");
}

TEST_F(Network, TcpReadsNoMoreThanItMust) {
    const TcpServer server([](TcpServer::Socket& socket) {
        const std::string block(65536, 'x');
        while (true) {
            socket.send(boost::asio::buffer(block));
        }
    });
    EXPECT_EQ(ask(Tcp{{"127.0.0.1", server.port}, {}, "", "never"}).detail,
              "no \"never\" within the first 65536 bytes");
}

TEST_F(Network, AnAttemptThatIsEndedTellsNothing) {
    const TcpServer server([](TcpServer::Socket&) {});
    const Tcp question{{"127.0.0.1", server.port}, {}, "", "never"};
    auto attempt = start_tcp(resolver, question, keep());
    context.run_one_for(std::chrono::milliseconds{100});
    context.restart();
    EXPECT_NE(attempt->progress(), "");
    attempt.reset();
    context.run_for(std::chrono::milliseconds{100});
    EXPECT_FALSE(outcome_);
}

TEST_F(Network, UdpNeedsAnAnswer) {
    udp::socket server(context, {boost::asio::ip::address_v4::loopback(), 0});
    std::array<char, 100> buffer{};
    udp::endpoint from;
    server.async_receive_from(boost::asio::buffer(buffer), from,
                              [&](const boost::system::error_code&, std::size_t) {
                                  server.send_to(boost::asio::buffer("pong", 4), from);
                              });
    const Udp question{{"127.0.0.1", server.local_endpoint().port()}, {}, "ping", "on"};
    const auto attempt = start_udp(resolver, question, keep());
    EXPECT_TRUE(wait().passed);
}

TEST_F(Network, UdpRefusedIsDownAtOnce) {
    udp::socket other(context, {boost::asio::ip::address_v4::loopback(), 0});
    const Udp question{{"127.0.0.1", other.local_endpoint().port()}, {}, "ping", ""};
    other.close();
    const auto attempt = start_udp(resolver, question, keep());
    EXPECT_EQ(wait().detail, "port unreachable");
}

constexpr const char* ok = "HTTP/1.1 200 OK\r\nServer: lab/1\r\nContent-Length: 8\r\n\r\nall fine";

TEST_F(Network, HttpLooksAtStatusBodyAndHeaders) {
    const TcpServer server(answering(ok));
    Http http = url(server);
    http.body = "fine";
    http.body_regex = "^all \\w+$";
    http.expect_headers = {{"server", "lab"}};
    const Outcome outcome = ask(http);
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    EXPECT_THAT(outcome.detail, HasSubstr("HTTP 200 in "));
    EXPECT_EQ(outcome.output, "all fine");
    EXPECT_TRUE(outcome.timings.first_byte);
}

TEST_F(Network, HttpSaysWhatIsMissing) {
    const TcpServer server(answering(ok));
    const auto detail = [&](const std::function<void(Http&)>& change) {
        Http http = url(server);
        change(http);
        outcome_.reset();
        return ask(http).detail;
    };
    EXPECT_EQ(detail([](Http& h) { h.status = {{300, 399}}; }), "HTTP 200");
    EXPECT_EQ(detail([](Http& h) { h.body = "bad"; }),
              "HTTP 200, but the body does not contain \"bad\"");
    EXPECT_EQ(detail([](Http& h) { h.body_regex = "^fine"; }),
              "HTTP 200, but the body does not match \"^fine\"");
    EXPECT_EQ(detail([](Http& h) { h.expect_headers = {{"Server", "other"}}; }),
              "HTTP 200, but no header \"Server: other\"");
    EXPECT_EQ(detail([](Http& h) { h.max_size = 7; }), "the headers are larger than max_size = 7");
    EXPECT_EQ(detail([](Http& h) { h.version = HttpVersion::http2; }),
              "HTTP 200, but not by HTTP/2");
    EXPECT_EQ(detail([](Http& h) {
                  h.credentials = Credentials::basic;
                  h.credentials_file = "/nowhere";
              }),
              "a file was not read when the prober started");
}

TEST_F(Network, APatternThatIsTooCostlyIsAFailureAndNoHang) {
    const std::string body(40, 'a');
    const TcpServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" + body + "!"));
    Http http = url(server);
    http.body_regex = "^(a+)+$";
    EXPECT_THAT(ask(http).detail, HasSubstr("too costly to match"));
}

// RFC 9110 8.6.
TEST_F(Network, request_without_content_says_so_where_its_method_may_have_some) {
    const auto asked_with = [&](const std::string& method, std::vector<std::string> headers) {
        std::string request;
        const TcpServer server([&](TcpServer::Socket& socket) {
            std::array<char, 4096> buffer{};
            request.assign(buffer.data(), socket.read_some(boost::asio::buffer(buffer)));
            socket.send(boost::asio::buffer(std::string{"HTTP/1.1 200 OK\r\n\r\n"}));
        });
        Http http = url(server);
        http.method = method;
        http.headers = std::move(headers);
        outcome_.reset();
        EXPECT_TRUE(ask(http).passed);
        return request;
    };
    for (const char* method : {"POST", "PUT", "PATCH"}) {
        EXPECT_THAT(asked_with(method, {}), HasSubstr("\r\nContent-Length: 0\r\n")) << method;
    }
    for (const char* method : {"GET", "DELETE", "OPTIONS"}) {
        EXPECT_THAT(asked_with(method, {}), testing::Not(HasSubstr("Content-Length"))) << method;
    }
    const std::string own = asked_with("POST", {"content-length: 0"});
    EXPECT_THAT(own, testing::Not(HasSubstr("Content-Length")));
    EXPECT_THAT(own, HasSubstr("content-length: 0"));
}

TEST_F(Network, HttpSendsWhatWasAskedFor) {
    std::string seen;
    const TcpServer server([&](TcpServer::Socket& socket) {
        std::array<char, 4096> buffer{};
        seen = std::string(buffer.data(), socket.read_some(boost::asio::buffer(buffer)));
        socket.send(boost::asio::buffer(std::string{"HTTP/1.1 204 No Content\r\n\r\n"}));
    });
    Http http;
    http.url = "http://www.example.com/x?y";
    http.connect = "127.0.0.1:" + std::to_string(server.port);
    http.method = "OPTIONS";
    http.headers = {"X-One: 1"};
    EXPECT_TRUE(ask(http).passed);
    EXPECT_THAT(seen, HasSubstr("OPTIONS /x?y HTTP/1.1\r\nHost: www.example.com\r\n"));
    EXPECT_THAT(seen, HasSubstr("\r\nX-One: 1\r\n"));
}

}  // namespace
}  // namespace understudy::checks
