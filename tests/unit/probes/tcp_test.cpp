// TCP attempts against real servers on loopback, also those that behave badly.
#include "checks/probes/tcp.hpp"

#include <array>
#include <boost/asio/write.hpp>

#include "tests/unit/probes/fake_name_server.hpp"
#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using boost::asio::ip::tcp;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

class TcpProbe : public Probing {
protected:
    Outcome ask(const Tcp& question) {
        outcome_.reset();
        const auto attempt = start_tcp(resolver, question, keep());
        EXPECT_FALSE(outcome_) << "told before the loop ran";
        return wait();
    }
    static Tcp to(const TcpServer& server, std::string send = "", std::string expect = "") {
        return {{"127.0.0.1", server.port}, {}, std::move(send), std::move(expect)};
    }
};

// How the connection ended, as the server saw it.
boost::system::error_code end_of(TcpServer::Socket& socket, std::string* received = nullptr) {
    boost::system::error_code error;
    while (!error) {
        std::array<char, 4096> buffer{};
        const std::size_t size = socket.read_some(boost::asio::buffer(buffer), error);
        if (received != nullptr) {
            received->append(buffer.data(), size);
        }
    }
    return error;
}

TEST_F(TcpProbe, ConnectingIsEnoughAndEndsWithAReset) {
    boost::system::error_code end;
    {
        const TcpServer server([&](TcpServer::Socket& socket) { end = end_of(socket); });
        const Outcome outcome = ask(to(server));
        EXPECT_TRUE(outcome.passed);
        EXPECT_THAT(outcome.detail, StartsWith("connected in "));
        EXPECT_TRUE(outcome.timings.lookup);
        EXPECT_TRUE(outcome.timings.connect);
        EXPECT_TRUE(outcome.timings.total);
        EXPECT_FALSE(outcome.timings.first_byte);
    }
    EXPECT_EQ(end, boost::asio::error::connection_reset);
}

TEST_F(TcpProbe, WhatIsSentArrivesWhole) {
    std::string received;
    boost::system::error_code end;
    const std::string sent(1U << 20, 'x');
    {
        const TcpServer server([&](TcpServer::Socket& socket) { end = end_of(socket, &received); });
        EXPECT_THAT(ask(to(server, sent)).detail, StartsWith("sent in "));
    }
    EXPECT_EQ(end, boost::asio::error::eof);
    EXPECT_EQ(received.size(), sent.size());
}

TEST_F(TcpProbe, TheSourceIsBound) {
    std::string from;
    {
        const TcpServer server([&](TcpServer::Socket& socket) {
            from = socket.remote_endpoint().address().to_string();
            socket.send(boost::asio::buffer("ok", 2));
        });
        Tcp question = to(server, "", "ok");
        question.source = IpAddress::v4(127, 0, 0, 9);
        EXPECT_TRUE(ask(question).passed);
        question.source = IpAddress::v4(192, 0, 2, 222);
        EXPECT_EQ(ask(question).detail, "cannot assign requested address");
        question.source = IpAddress::parse("::1");
        EXPECT_EQ(ask(question).detail, "127.0.0.1 has no address of the source's family");
    }
    EXPECT_EQ(from, "127.0.0.9");
}

TEST_F(TcpProbe, EachAddressInItsTurn) {
    const TcpServer server([](TcpServer::Socket&) {});  // on 127.0.0.1 only
    EXPECT_TRUE(ask(Tcp{{"localhost", server.port}, {}, "", ""}).passed);
}

// RFC 8305: the dead ones cost a quarter of a second each.
TEST_F(TcpProbe, dead_address_of_a_name_does_not_hold_up_the_next_one) {
    const TcpServer server([](TcpServer::Socket& socket) { end_of(socket); });
    const SilentPort dead(context, "127.0.0.7", server.port);
    const SilentPort dead_too(context, "::1", server.port);
    FakeNameServer names(context, [](const FakeNameServer::Question&) {
        FakeNameServer::Reply reply;
        reply.addresses = {"::1", "127.0.0.7", "127.0.0.1"};
        return reply;
    });
    name_servers.servers = {names.endpoint()};
    const Tcp question{{"web.example.org", server.port}, {}, "", ""};
    auto attempt = start_tcp(resolver, question, keep());
    EXPECT_TRUE(run_until([&] {
        return attempt->progress() ==
               "connecting to ::1 and 127.0.0.7 port " + std::to_string(server.port);
    })) << attempt->progress();
    const Outcome outcome = wait();
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    EXPECT_THAT(outcome.detail, StartsWith("connected to 127.0.0.1 in "));
    EXPECT_GE(outcome.timings.connect, std::chrono::milliseconds{500});
    EXPECT_LT(outcome.timings.connect, std::chrono::milliseconds{2000});
}

TEST_F(TcpProbe, address_that_refuses_is_passed_over_at_once_and_all_are_named_in_the_end) {
    std::uint16_t port = 0;
    FakeNameServer names(context, [](const FakeNameServer::Question&) {
        FakeNameServer::Reply reply;
        reply.addresses = {"127.0.0.8", "127.0.0.1"};
        return reply;
    });
    name_servers.servers = {names.endpoint()};
    {
        const TcpServer server([](TcpServer::Socket& socket) { end_of(socket); });
        port = server.port;
        const Outcome outcome = ask(Tcp{{"web.example.org", port}, {}, "", ""});
        EXPECT_TRUE(outcome.passed) << outcome.detail;
        EXPECT_LT(outcome.timings.connect, std::chrono::milliseconds{200});
    }
    EXPECT_EQ(ask(Tcp{{"web.example.org", port}, {}, "", ""}).detail,
              "127.0.0.8: connection refused; 127.0.0.1: connection refused");
}

// The name server is silent about IPv6 for ever.
TEST_F(TcpProbe, family_that_nobody_answers_for_does_not_hold_up_the_other) {
    const TcpServer server([](TcpServer::Socket& socket) { end_of(socket); });
    FakeNameServer names(context, [](const FakeNameServer::Question& question) {
        FakeNameServer::Reply reply;
        reply.silent = question.type == type_aaaa;
        reply.addresses = {"127.0.0.1"};
        return reply;
    });
    name_servers.servers = {names.endpoint()};
    const Outcome outcome = ask(Tcp{{"web.example.org", server.port}, {}, "", ""});
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    EXPECT_LT(outcome.timings.total, std::chrono::milliseconds{250});
}

// The first answer leads nowhere, and the second one comes when nothing else is left to try.
TEST_F(TcpProbe, addresses_that_come_late_are_tried) {
    const TcpServer server([](TcpServer::Socket& socket) { end_of(socket); });
    const SilentPort dead(context, "::1", server.port);
    FakeNameServer names(context, [](const FakeNameServer::Question& question) {
        FakeNameServer::Reply reply;
        reply.addresses = {"::1", "127.0.0.1"};
        reply.delay = std::chrono::milliseconds{question.type == type_a ? 600 : 0};
        return reply;
    });
    name_servers.servers = {names.endpoint()};
    const Outcome outcome = ask(Tcp{{"web.example.org", server.port}, {}, "", ""});
    EXPECT_THAT(outcome.detail, StartsWith("connected to 127.0.0.1 in "));
    EXPECT_LT(outcome.timings.total, std::chrono::milliseconds{900});
}

TEST_F(TcpProbe, TheExpectedMayComeInPieces) {
    const TcpServer server([](TcpServer::Socket& socket) {
        socket.set_option(tcp::no_delay(true));
        for (const char c : std::string{"+PO+PONG\r\n"}) {
            socket.send(boost::asio::buffer(&c, 1));
        }
        end_of(socket);
    });
    const Outcome outcome = ask(to(server, "PING\r\n", "+PONG"));
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    EXPECT_TRUE(outcome.timings.first_byte);
    EXPECT_THAT(outcome.output, StartsWith("+PO+PONG"));
}

TEST_F(TcpProbe, AnAnswerWithoutTheExpected) {
    const TcpServer server([](TcpServer::Socket& socket) {
        socket.send(boost::asio::buffer(std::string{"554 \x1b[2Jno\r\n"}));
        socket.shutdown(tcp::socket::shutdown_send);
        end_of(socket);
    });
    const Outcome outcome = ask(to(server, "", "220\r\n"));
    EXPECT_FALSE(outcome.passed);
    EXPECT_EQ(outcome.detail, "closed before \"220\\r\\n\" came");
    EXPECT_EQ(outcome.output, "554 \\x1b[2Jno\\r\\n") << "nothing that a terminal would obey";
}

TEST_F(TcpProbe, AResetInsteadOfAnAnswer) {
    const TcpServer server([](TcpServer::Socket& socket) {
        socket.set_option(tcp::socket::linger(true, 0));
        socket.close();
    });
    // The kernel tells of a reset once: who heard of it when sending finds an end when reading.
    EXPECT_THAT(ask(to(server, "x", "220")).detail,
                AnyOf("connection reset by peer before \"220\" came", "connection reset by peer",
                      "closed before \"220\" came"));
}

TEST_F(TcpProbe, EndlessBytesAreReadToALimit) {
    const TcpServer server([](TcpServer::Socket& socket) {
        const std::string block(100'000, 'x');
        while (true) {
            socket.send(boost::asio::buffer(block));
        }
    });
    const Outcome outcome = ask(to(server, "", "never"));
    EXPECT_EQ(outcome.detail, "no \"never\" within the first 65536 bytes");
    EXPECT_LE(outcome.output.size(), longest_output + 3);
}

TEST_F(TcpProbe, TheLimitIsExact) {
    const auto serving = [](std::size_t before) {
        return [before](TcpServer::Socket& socket) {
            boost::asio::write(socket, boost::asio::buffer(std::string(before, 'x') + "here"));
            end_of(socket);
        };
    };
    const TcpServer within(serving(65532));
    EXPECT_TRUE(ask(to(within, "", "here")).passed);
    const TcpServer beyond(serving(65533));
    EXPECT_EQ(ask(to(beyond, "", "here")).detail, "no \"here\" within the first 65536 bytes");
}

TEST_F(TcpProbe, ASilentServerIsExplainedByTheProgress) {
    tcp::acceptor silent(context, {boost::asio::ip::address_v4::loopback(), 0});
    const Tcp question{{"127.0.0.1", silent.local_endpoint().port()}, {}, "x", "y\n"};
    auto attempt = start_tcp(resolver, question, keep());
    EXPECT_TRUE(run_until([&] { return attempt->progress() == "waiting for \"y\\n\""; }))
        << attempt->progress();
    attempt.reset();
    context.poll();
    EXPECT_FALSE(outcome_);
}

}  // namespace
}  // namespace understudy::checks
