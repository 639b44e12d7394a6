// DNS checks against a name server on loopback, and answers written by hand after RFC 1035 4.1.
#include "checks/probes/dns.hpp"

#include <gmock/gmock.h>

#include <string_view>

#include "checks/probes/dns_message.hpp"
#include "tests/unit/probes/fake_name_server.hpp"
#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_view_literals;

std::vector<std::byte> bytes(std::string_view text) {
    const auto view = std::as_bytes(std::span{text});
    return {view.begin(), view.end()};
}

constexpr std::string_view question =
    "\x03www\x07"
    "example\x03"
    "com\0\0\x01\0\x01"sv;

// A response with the flags and the number of answers that are given.
std::vector<std::byte> response(std::string_view flags, char answers, std::string_view records) {
    std::string text{"\x12\x34"};
    text += flags;
    text += std::string_view{"\0\x01\0", 3};
    text += answers;
    text += std::string_view{"\0\0\0\0", 4};
    text += question;
    text += records;
    return bytes(text);
}

constexpr std::string_view good = "\x81\x80"sv;  // response, recursion desired and available
constexpr std::string_view a_record = "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x0a"sv;

DnsAnswer read(const std::vector<std::byte>& packet) {
    return read_dns_answer(packet, 0x1234, "www.example.com", *record_type("A"));
}

TEST(Dns, AnAddressIsRead) {
    const DnsAnswer answer = read(response(good, 1, a_record));
    EXPECT_TRUE(answer.ours);
    EXPECT_EQ(answer.error, "");
    EXPECT_THAT(answer.records, ElementsAre("192.0.2.10"));
}

TEST(Dns, ErrorsHaveTheirNames) {
    EXPECT_EQ(read(response("\x81\x83", 0, "")).error, "NXDOMAIN");
    EXPECT_EQ(read(response("\x81\x82", 0, "")).error, "SERVFAIL");
    EXPECT_THAT(read(response(good, 0, "")).records, IsEmpty());
}

TEST(Dns, WhatAnswersAnotherQuestionIsIgnored) {
    EXPECT_FALSE(read_dns_answer(response(good, 1, a_record), 1, "www.example.com", 1).ours);
    EXPECT_FALSE(read_dns_answer(response(good, 1, a_record), 0x1234, "example.com", 1).ours);
    EXPECT_FALSE(read_dns_answer(response(good, 1, a_record), 0x1234, "www.example.com", 28).ours);
    EXPECT_FALSE(read(response("\x01\x80", 1, a_record)).ours) << "a query";
}

TEST(Dns, EveryTruncationIsSurvived) {
    const auto whole = response(good, 1, a_record);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const DnsAnswer answer = read_dns_answer(std::span{whole}.first(size), 0x1234,
                                                 "www.example.com", *record_type("A"));
        EXPECT_THAT(answer.records, IsEmpty()) << size;
    }
}

TEST(Dns, AnAddressOfTheWrongSizeIsMalformed) {
    EXPECT_EQ(read(response(good, 1, "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x03\xc0\0\x02"sv)).error,
              "malformed answer");
}

// RFC 6891, 6.1.3: the upper bits of the code are in the OPT record.
TEST(Dns, extended_response_code_is_read) {
    EXPECT_FALSE(record_type("AXFR"));
    std::string opt{"\0\0\x29\x04\xd0\x01\0\0\0\0\0"sv};
    std::string message{"\x12\x34\x81\x80\0\x01\0\0\0\0\0\x01"sv};
    EXPECT_EQ(read(bytes(message + std::string{question} + opt)).error, "BADVERS");
}

class DnsProbe : public Probing {
protected:
    using Question = FakeNameServer::Question;
    using Reply = FakeNameServer::Reply;

    Outcome ask(const Dns& dns) {
        outcome_.reset();
        const auto attempt = start_dns(resolver, dns, keep());
        EXPECT_FALSE(outcome_) << "told before the loop ran";
        return wait();
    }
    static Dns to(const FakeNameServer& server) {
        return {{"127.0.0.1", server.endpoint().port()}, "www.example.com", "A", ""};
    }
};

// RFC 1035 4.1 and RFC 6891 6.1.2: 1232 bytes fit, version 0, no flags.
TEST_F(DnsProbe, query_has_the_bytes_of_the_rfc) {
    FakeNameServer server(context, [](const Question&) { return Reply{false, 0, {"192.0.2.1"}}; });
    const Outcome outcome = ask(to(server));
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    ASSERT_EQ(server.questions.size(), 1U);
    const std::string header{"\x01\0\0\x01\0\0\0\0\0\x01"sv};
    const std::string opt{"\0\0\x29\x04\xd0\0\0\0\0\0\0"sv};
    EXPECT_EQ(server.questions[0].whole.substr(2), header + std::string{question} + opt);
}

TEST_F(DnsProbe, server_without_edns_is_asked_again_without_it) {
    constexpr unsigned formerr = 1;
    FakeNameServer server(context, [](const Question& asked) {
        return asked.has_edns ? Reply{false, formerr, {}} : Reply{false, 0, {"192.0.2.1"}};
    });
    EXPECT_TRUE(ask(to(server)).passed);
    EXPECT_EQ(server.questions.size(), 2U);
}

TEST_F(DnsProbe, truncated_answer_is_asked_for_by_tcp) {
    std::vector<std::string> many;
    for (int i = 1; i <= 200; ++i) {
        many.push_back("192.0.2." + std::to_string(i));
    }
    FakeNameServer server(
        context, [&](const Question& asked) { return Reply{false, 0, many, !asked.by_tcp}; });
    Dns dns = to(server);
    dns.answer = "192.0.2.200";
    const Outcome outcome = ask(dns);
    EXPECT_TRUE(outcome.passed) << outcome.detail;
    EXPECT_THAT(outcome.detail, testing::HasSubstr(" by TCP in "));
    ASSERT_EQ(server.questions.size(), 2U);
    EXPECT_TRUE(server.questions[1].by_tcp);
}

TEST_F(DnsProbe, truncated_answer_without_tcp_is_a_failure_that_says_so) {
    boost::asio::ip::udp::socket server(context, {boost::asio::ip::address_v4::loopback(), 0});
    std::array<char, 512> query{};
    boost::asio::ip::udp::endpoint from;
    server.async_receive_from(boost::asio::buffer(query), from,
                              [&](const boost::system::error_code&, std::size_t size) {
                                  std::string reply(query.data(), size);
                                  reply[2] = static_cast<char>(0x83);  // a response, truncated
                                  server.send_to(boost::asio::buffer(reply), from);
                              });
    const Outcome outcome =
        ask({{"127.0.0.1", server.local_endpoint().port()}, "www.example.com", "A", ""});
    EXPECT_EQ(outcome.detail, "www.example.com A: connection refused by TCP");
}

// RFC 7766 has no such limit as a datagram's 300 ms.
TEST_F(DnsProbe, answer_by_tcp_may_take_its_time) {
    FakeNameServer server(context, [](const Question& asked) {
        return Reply{false,
                     0,
                     {"192.0.2.1"},
                     !asked.by_tcp,
                     std::chrono::milliseconds{asked.by_tcp ? 1200 : 0}};
    });
    EXPECT_TRUE(ask(to(server)).passed);
}

TEST_F(DnsProbe, question_is_repeated) {
    int asked = 0;
    FakeNameServer server(context,
                          [&](const Question&) { return Reply{++asked < 3, 0, {"192.0.2.1"}}; });
    EXPECT_TRUE(ask(to(server)).passed);
}

TEST_F(DnsProbe, errors_are_said) {
    unsigned code = 2;
    FakeNameServer server(context, [&](const Question&) { return Reply{false, code, {}}; });
    EXPECT_EQ(ask(to(server)).detail, "www.example.com A: SERVFAIL");
    code = 5;
    EXPECT_EQ(ask(to(server)).detail, "www.example.com A: REFUSED");
    code = 0;
    EXPECT_EQ(ask(to(server)).detail, "www.example.com A: no such record");
    Dns dns = to(server);
    dns.name = std::string(64, 'a');
    EXPECT_EQ(ask(dns).detail, dns.name + " A: not a domain name");
    dns.server.host = "ns.example.org";
    EXPECT_EQ(ask(dns).detail,
              "the name server cannot be found: ns.example.org: there is no name server");
    boost::asio::ip::udp::socket closed(context, {boost::asio::ip::address_v4::loopback(), 0});
    dns = to(server);
    dns.server.port = closed.local_endpoint().port();
    closed.close();
    EXPECT_EQ(ask(dns).detail, "www.example.com A: port unreachable");
}

// The name of the name server leads to one that is dead and to one that answers.
TEST_F(DnsProbe, every_address_of_the_server_is_asked) {
    FakeNameServer dead(context, [](const Question&) { return Reply{true}; }, "127.0.0.7");
    FakeNameServer names(
        context, [](const Question&) { return Reply{false, 0, {"127.0.0.7", "127.0.0.9"}}; });
    name_servers.servers = {names.endpoint()};
    boost::asio::ip::udp::socket living(
        context, {boost::asio::ip::make_address("127.0.0.9"), dead.endpoint().port()});
    std::array<char, 512> query{};
    boost::asio::ip::udp::endpoint from;
    living.async_receive_from(boost::asio::buffer(query), from,
                              [&](const boost::system::error_code&, std::size_t size) {
                                  std::string reply(query.data(), size);
                                  reply[2] = static_cast<char>(0x81);
                                  reply[3] = 3;  // NXDOMAIN
                                  living.send_to(boost::asio::buffer(reply), from);
                              });
    const Outcome outcome =
        ask({{"ns.example.org", dead.endpoint().port()}, "www.example.com", "A", ""});
    EXPECT_EQ(outcome.detail, "www.example.com A: NXDOMAIN");
    EXPECT_LT(outcome.timings.total, std::chrono::milliseconds{1000});
}

}  // namespace
}  // namespace understudy::checks
