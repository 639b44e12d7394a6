// Every kind of event as a line and back, and what is left away.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "agent/config/parse.hpp"
#include "agent/record/record.hpp"

namespace understudy::record {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const IpPrefix prefix4 = *IpPrefix::parse("192.0.2.10/24");
const IpPrefix prefix6 = *IpPrefix::parse("2001:db8::10/64");
constexpr TimePoint at{123'456'789us};
const std::string small = "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\n";

Entry parse(const std::string& line) {
    auto parsed = parse_line(line);
    EXPECT_TRUE(parsed) << line << ": " << (parsed ? "" : parsed.error());
    return parsed ? std::get<Entry>(std::move(*parsed)) : Entry{};
}

std::string error_of(const std::string& line) {
    const auto parsed = parse_line(line);
    return parsed ? "accepted" : parsed.error();
}

std::vector<std::byte> bytes_of(std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = std::byte(i & 0xffU);
    }
    return bytes;
}

std::vector<core::Event> one_of_each(std::span<const std::byte> payload) {
    const core::Listener listener{Family::ipv6, 3, true};
    checks::Outcome outcome;
    outcome.passed = true;
    outcome.detail = "HTTP 200 in 1.2 ms: \"ok\" \xc3\xa9";
    outcome.weight = -20;
    return {
        core::TimePassed{},
        core::StopRequested{},
        core::LinkSeen{2, "eth0", true, {{2, 0, 0, 0xab, 0, 1}}},
        core::LinkGone{2},
        core::AddressSeen{2, prefix4, true, false, 5ms, 2s},
        core::AddressSeen{2, prefix6, false, true, std::nullopt, std::nullopt},
        core::AddressGone{2, prefix6},
        core::ObservationStarted{},
        core::ObservationComplete{},
        core::ListenerOpened{listener},
        core::ListenerFailed{listener, "No such device"},
        core::DatagramReceived{2, {prefix4.address, IpAddress::v4(224, 0, 0, 18), 255, payload}},
        core::SendFailed{2, Family::ipv4, 51, "Network is unreachable"},
        core::AddressRefused{2, prefix4, true, "File exists"},
        core::CheckFinished{7, 0x80000001U, outcome},
        core::ProberStarted{},
        core::ServiceCommandFinished{1, 4, false, "exit status 1"},
        core::HookFinished{4'000'000'000U, false, "exit status 3"},
        core::CommandReceived{9, control::FailoverRequest{"web", 2500us}},
        core::CommandReceived{9, control::TakeoverRequest{"", true}},
        core::CommandReceived{9, control::CheckRunRequest{"frontend"}},
        core::ClientGone{9},
        core::ConfigurationChanged{std::make_shared<const core::Configuration>(
                                       *config::parse_text("f", small, "lb1").configuration),
                                   {"frontend", "gateway"},
                                   {"haproxy"}},
    };
}

TEST(Lines, EveryEventComesBackAsItWas) {
    const auto payload = bytes_of(40);
    std::vector<bool> seen(std::variant_size_v<core::Event>);
    std::uint64_t number = 0;
    for (const core::Event& event : one_of_each(payload)) {
        const Decisions decisions{number, number == 0 ? 0 : 0xfedcba9876543210U + number};
        const std::string line = to_line(++number, at, event, decisions);
        const Entry entry = parse(line);
        EXPECT_EQ(entry.number, number);
        EXPECT_EQ(entry.at, at);
        EXPECT_EQ(entry.decisions, decisions);
        ASSERT_EQ(entry.event.index(), event.index()) << line;
        EXPECT_EQ(to_line(number, at, entry.event, decisions), line);
        seen[event.index()] = true;
    }
    EXPECT_THAT(seen, testing::Each(true)) << "a kind of event has no line in this test";
}

TEST(Lines, AnAddressKeepsItsFlags) {
    using core::AddressSeen;
    for (bool AddressSeen::* flag :
         {&AddressSeen::ours, &AddressSeen::tentative, &AddressSeen::duplicate,
          &AddressSeen::deprecated, &AddressSeen::secondary}) {
        AddressSeen event{2, prefix6, false, false, 5ms, 2s};
        event.*flag = true;
        const Entry entry = parse(to_line(1, at, event, {}));
        const auto& seen = std::get<AddressSeen>(entry.event);
        EXPECT_TRUE(seen.*flag);
        EXPECT_EQ(seen.ours + seen.tentative + seen.duplicate + seen.deprecated + seen.secondary,
                  1);
    }
}

TEST(Lines, ADatagramKeepsItsBytesWhenItsEntryMoves) {
    const auto payload = bytes_of(300);
    const core::DatagramReceived event{
        2, {prefix4.address, IpAddress::v4(224, 0, 0, 18), 254, payload}};
    Entry first = parse(to_line(1, at, event, {}));
    const Entry entry = std::move(first);
    const auto& datagram = std::get<core::DatagramReceived>(entry.event).datagram;
    EXPECT_TRUE(std::ranges::equal(datagram.payload, payload));
    EXPECT_EQ(datagram.source, prefix4.address);
    EXPECT_EQ(datagram.ttl, 254);
}

TEST(Lines, ALongDatagramIsRefusedForItsLengthAlsoWhenItWasCut) {
    auto payload = bytes_of(60'000);
    payload[0] = std::byte{0x31};
    payload[3] = std::byte{255};
    vrrp::Datagram datagram{prefix6.address, *IpAddress::parse("ff02::12"), 255, payload};
    const auto whole = vrrp::decode(datagram);
    const Entry entry = parse(to_line(1, at, core::DatagramReceived{2, datagram}, {}));
    const auto cut = vrrp::decode(std::get<core::DatagramReceived>(entry.event).datagram);
    ASSERT_FALSE(whole);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error(), whole.error());
    EXPECT_EQ(entry.payload.size(), longest_payload);
}

TEST(Lines, OutputsAreLeftAwayAndTextsAreBounded) {
    core::CheckFinished event;
    event.outcome.detail = std::string(5000, 'd');
    event.outcome.output = "password: sesame";
    const std::string line = to_line(1, at, event, {});
    EXPECT_THAT(line, Not(HasSubstr("sesame")));
    EXPECT_EQ(std::get<core::CheckFinished>(parse(line).event).outcome.detail.size(), longest_text);
    event.outcome.detail = R"(answered "sesame", waiting for "open" for 1 s)";
    EXPECT_EQ(std::get<core::CheckFinished>(parse(to_line(1, at, event, {})).event).outcome.detail,
              R"(answered "hidden" for 1 s)");
    for (const char* ended : {"exit status 1", "killed by signal 9 (Killed)"}) {
        event.outcome.detail = std::string{ended} + ": sesame: open";
        const Entry entry = parse(to_line(1, at, event, {}));
        EXPECT_EQ(std::get<core::CheckFinished>(entry.event).outcome.detail, ended);
        const core::ServiceCommandFinished command{0, 1, false, event.outcome.detail};
        EXPECT_THAT(to_line(1, at, command, {}), Not(HasSubstr("sesame")));
    }
}

TEST(Lines, AHeaderComesBackAsItWas) {
    const Header header{"0.1.0", "lb1", at, WallTime{1'700'000'000'123ms}, "[agent]\nname = lb1\n"};
    const auto parsed = parse_line(to_line(header));
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(std::get<Header>(*parsed), header);
}

TEST(Lines, WhatIsNotUnderstoodHasAReason) {
    const std::string good = to_line(1, at, core::LinkGone{2}, {3, 4});
    ASSERT_EQ(error_of(good), "accepted");
    const auto with = [&](const char* key, const nlohmann::json& value) {
        auto document = nlohmann::json::parse(good);
        document[key] = value;
        return error_of(document.dump());
    };
    EXPECT_EQ(with("more", 1), "accepted");
    EXPECT_EQ(with("n", 0), "\"n\" is not a whole number in its range");
    EXPECT_EQ(with("n", -1), "\"n\" is not a whole number in its range");
    EXPECT_EQ(with("us", 1e18), "\"us\" is not a whole number in its range");
    EXPECT_EQ(with("us", std::uint64_t{1} << 63U), "\"us\" is not a whole number in its range");
    EXPECT_EQ(with("interface", "eth0"), "\"interface\" is not a whole number in its range");
    EXPECT_EQ(with("event", "tea"), "there is no event of this kind");
    EXPECT_EQ(with("event", 1), "\"event\" is not a text");
    EXPECT_EQ(with("event", "address_gone"), "\"prefix\" is missing");
    EXPECT_EQ(with("digest", "abc"), "\"digest\" is not 16 hexadecimal digits");
    EXPECT_EQ(with("understudy_journal", 3), "it was written by a newer version");
    EXPECT_EQ(error_of(""), "it is not valid JSON");
    EXPECT_EQ(error_of("[]"), "it is no line of a journal");
    EXPECT_EQ(error_of(good.substr(0, good.size() / 2)), "it is not valid JSON");
    EXPECT_EQ(error_of(good + std::string{'\0'}), "it is not valid JSON");
    EXPECT_EQ(error_of(std::string(longest_line + 1, ' ')), "the line is too long");
}

TEST(Lines, TheConfigurationInTheHeaderHasNoSecret) {
    const config::Result read = config::parse_text("f", R"([vip web]
interface = eth0
vrid = 51
address = 192.0.2.10/24
service = s
track = http
track = mail
track = port
track = query
track = script
[service s]
check = http
start = /bin/start --key SECRET1
stop = /bin/stop SECRET2
[check http]
type = http
url = https://SECRET3:SECRET4@www.example.com:8443/health?token=SECRET5#SECRET6
header = Authorization: Bearer SECRET7
body = SECRET8
body_regex = SECRET9
expect_header = X-Key: SECRET10
credentials = basic
credentials_file = /etc/understudy/credentials
[check mail]
type = imap
url = imap://SECRET11@mail:143
[check port]
type = tcp
target = db:5432
send = AUTH SECRET12
expect = SECRET13
[check query]
type = udp
target = db:5432
send = SECRET14
expect = SECRET15
[check script]
type = script
command = /usr/bin/check --password 'SECRET16 x'
)",
                                                   "lb1");
    ASSERT_TRUE(read.configuration) << config::to_string(read.diagnostics.at(0));
    const Header header = make_header(*read.configuration, at, {});
    EXPECT_THAT(header.configuration, Not(HasSubstr("SECRET")));
    for (const char* kept :
         {"url = https://hidden@www.example.com:8443/health?hidden\n", "url = imap://hidden@mail",
          "header = Authorization: hidden\n", "credentials_file = /etc/understudy/credentials\n",
          "start = /bin/start hidden\n", "command = /usr/bin/check hidden\n"}) {
        EXPECT_THAT(header.configuration, HasSubstr(kept));
    }
    const config::Result again = config::parse_text("g", header.configuration, "other");
    ASSERT_TRUE(again.configuration) << config::to_string(again.diagnostics.at(0));
    EXPECT_EQ(again.configuration->vips, read.configuration->vips);
}

TEST(DecisionDigests, TextsDoNotCountAndOrderDoes) {
    core::Outbox one;
    one.actions = {core::AddAddress{2, prefix4, 4s}, core::Log{core::LogLevel::info, "a"},
                   core::Announce{2, {}, prefix4.address}};
    core::Outbox other = one;
    std::get<core::Log>(other.actions[1]).text = "b";
    EXPECT_EQ(decisions_of(one), decisions_of(other));
    EXPECT_EQ(decisions_of(one).actions, 2U);
    std::swap(other.actions[0], other.actions[2]);
    EXPECT_NE(decisions_of(one), decisions_of(other));
    EXPECT_EQ(decisions_of({}), Decisions{});
}

TEST(DecisionDigests, TheBytesOfAnAdvertisementCount) {
    core::Outbox one;
    one.bytes = bytes_of(20);
    one.actions = {core::SendAdvert{2, prefix4.address, IpAddress::v4(224, 0, 0, 18), 51, {0, 20}}};
    core::Outbox other = one;
    EXPECT_EQ(decisions_of(one), decisions_of(other));
    other.bytes[19] = std::byte{99};
    EXPECT_NE(decisions_of(one), decisions_of(other));
}

}  // namespace
}  // namespace understudy::record
