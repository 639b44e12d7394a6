// UDP attempts against real servers on loopback.
#include "checks/probes/udp.hpp"

#include <array>
#include <string>
#include <vector>

#include "tests/unit/probes/fake_name_server.hpp"
#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using boost::asio::ip::udp;
using testing::StartsWith;

// Answers each datagram with these.
class UdpServer {
public:
    UdpServer(boost::asio::io_context& context, std::vector<std::string> answers,
              const char* address = "127.0.0.1", std::uint16_t port = 0)
        : socket_(context, {boost::asio::ip::make_address(address), port}),
          answers_(std::move(answers)) {
        receive();
    }
    std::uint16_t port() const { return socket_.local_endpoint().port(); }

    std::vector<std::string> received;
    udp::endpoint from;

private:
    void receive() {
        socket_.async_receive_from(boost::asio::buffer(buffer_), from,
                                   [this](const boost::system::error_code& error, std::size_t n) {
                                       if (error) {
                                           return;
                                       }
                                       received.emplace_back(buffer_.data(), n);
                                       for (const std::string& answer : answers_) {
                                           socket_.send_to(boost::asio::buffer(answer), from);
                                       }
                                       receive();
                                   });
    }

    udp::socket socket_;
    std::vector<std::string> answers_;
    std::array<char, 4096> buffer_{};
};

class UdpProbe : public Probing {
protected:
    Outcome ask(const Udp& question) {
        outcome_.reset();
        const auto attempt = start_udp(resolver, question, keep());
        EXPECT_FALSE(outcome_) << "told before the loop ran";
        return wait();
    }
    static Udp to(const UdpServer& server, std::string send, std::string expect) {
        return {{"127.0.0.1", server.port()}, {}, std::move(send), std::move(expect)};
    }
};

TEST_F(UdpProbe, AnyAnswerWillDo) {
    UdpServer server(context, {"pong\n"});
    const Outcome outcome = ask(to(server, "ping", ""));
    EXPECT_TRUE(outcome.passed);
    EXPECT_THAT(outcome.detail, StartsWith("answered in "));
    EXPECT_EQ(outcome.output, "pong\\n");
    EXPECT_TRUE(outcome.timings.first_byte);
    EXPECT_THAT(server.received, testing::ElementsAre("ping"));
}

TEST_F(UdpProbe, AnEmptyAnswerIsOne) {
    UdpServer server(context, {""});
    EXPECT_TRUE(ask(to(server, "", "")).passed);
}

TEST_F(UdpProbe, TheExpectedAnswerMayComeAfterOthers) {
    UdpServer server(context, {"busy", "", std::string(60'000, 'x'), "ready now"});
    EXPECT_TRUE(ask(to(server, "?", "ready")).passed);
}

TEST_F(UdpProbe, AWrongAnswerIsExplainedByTheProgress) {
    UdpServer server(context, {"no\x1b"});
    const Udp question = to(server, "?", "ready");
    auto attempt = start_udp(resolver, question, keep());
    EXPECT_TRUE(run_until([&] {
        return attempt->progress() == "answered \"no\\x1b\", waiting for \"ready\"";
    })) << attempt->progress();
    attempt.reset();
    context.poll();
    EXPECT_FALSE(outcome_);
}

TEST_F(UdpProbe, StrangersAreNotHeard) {
    UdpServer server(context, {});
    const Udp question = to(server, "?", "");
    const auto attempt = start_udp(resolver, question, keep());
    ASSERT_TRUE(run_until([&] { return !server.received.empty(); }));
    udp::socket stranger(context, {boost::asio::ip::address_v4::loopback(), 0});
    stranger.send_to(boost::asio::buffer("me", 2), server.from);
    context.run_for(std::chrono::milliseconds{50});
    EXPECT_FALSE(outcome_);
    EXPECT_EQ(attempt->progress(), "waiting for an answer");
}

TEST_F(UdpProbe, TheSourceIsBound) {
    UdpServer server(context, {"x"});
    Udp question = to(server, "?", "");
    question.source = IpAddress::v4(127, 0, 0, 9);
    EXPECT_TRUE(ask(question).passed);
    EXPECT_EQ(server.from.address().to_string(), "127.0.0.9");
    question.source = IpAddress::v4(192, 0, 2, 222);
    EXPECT_EQ(ask(question).detail, "cannot assign requested address");
    question.source = IpAddress::parse("::1");
    EXPECT_EQ(ask(question).detail, "127.0.0.1 has no address of the source's family");
}

TEST_F(UdpProbe, of_several_addresses_one_that_answers_is_enough) {
    UdpServer silent(context, {}, "127.0.0.7");
    UdpServer server(context, {"pong"}, "127.0.0.1", silent.port());
    std::vector<std::string> addresses{"127.0.0.7", "127.0.0.1"};
    FakeNameServer names(context, [&](const FakeNameServer::Question&) {
        FakeNameServer::Reply reply;
        reply.addresses = addresses;
        return reply;
    });
    name_servers.servers = {names.endpoint()};
    const Udp question{{"web.example.org", silent.port()}, {}, "?", "pong"};
    const Outcome outcome = ask(question);
    EXPECT_THAT(outcome.detail, StartsWith("127.0.0.1 answered in "));
    EXPECT_GE(outcome.timings.total, std::chrono::milliseconds{250});
    EXPECT_LT(outcome.timings.total, std::chrono::milliseconds{1000});
    EXPECT_THAT(silent.received, testing::ElementsAre("?"));
    addresses = {"127.0.0.8", "127.0.0.1"};  // nobody listens on the first one
    const Outcome second = ask(question);
    EXPECT_THAT(second.detail, StartsWith("127.0.0.1 answered in "));
    EXPECT_LT(second.timings.total, std::chrono::milliseconds{200});
}

TEST_F(UdpProbe, AClosedPortIsAFailureAtOnce) {
    std::uint16_t port = 0;
    {
        const UdpServer gone(context, {});
        port = gone.port();
    }
    EXPECT_EQ(ask(Udp{{"127.0.0.1", port}, {}, "?", "x"}).detail, "port unreachable");
}

}  // namespace
}  // namespace understudy::checks
