// What a client may write to the control socket, and what it may not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "agent/control/json.hpp"

namespace understudy::control {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::HasSubstr;

std::string error_of(const std::string& line) {
    const auto request = parse_request(line);
    return request ? "accepted: " + to_json(*request) : request.error();
}

template <class Kind>
Kind accepted(const std::string& line) {
    const auto request = parse_request(line);
    EXPECT_TRUE(request) << line << ": " << (request ? "" : request.error());
    return request && std::holds_alternative<Kind>(*request) ? std::get<Kind>(*request) : Kind{};
}

TEST(Request, IsWrittenAsDescribed) {
    EXPECT_EQ(to_json(StatusRequest{}), R"({"request":"status"})");
    EXPECT_EQ(to_json(StatusRequest{"web"}), R"({"request":"status","vip":"web"})");
    EXPECT_EQ(to_json(WhyRequest{"web"}), R"({"request":"why","vip":"web"})");
    EXPECT_EQ(to_json(FailoverRequest{"web", std::chrono::seconds{10}}),
              R"({"request":"failover","vip":"web","timeout_ms":10000})");
    EXPECT_EQ(to_json(FailoverRequest{"", milliseconds{1500}}),
              R"({"request":"failover","all":true,"timeout_ms":1500})");
    EXPECT_EQ(to_json(TakeoverRequest{"web", true}),
              R"({"request":"takeover","vip":"web","force":true})");
    EXPECT_EQ(to_json(FailbackRequest{}), R"({"request":"failback","all":true})");
    EXPECT_EQ(to_json(EventsRequest{true}), R"({"request":"events","follow":true})");
    EXPECT_EQ(to_json(ConfigShowRequest{}), R"({"request":"config_show"})");
    EXPECT_EQ(to_json(CheckListRequest{}), R"({"request":"check_list"})");
    EXPECT_EQ(to_json(CheckRunRequest{"frontend"}),
              R"({"request":"check_run","check":"frontend"})");
    EXPECT_EQ(to_json(MaintenanceRequest{true, hours{1}, milliseconds{1500}}),
              R"({"request":"maintenance","on":true,"for_ms":3600000,"timeout_ms":1500})");
    EXPECT_EQ(to_json(MaintenanceRequest{}),
              R"({"request":"maintenance","on":false,"timeout_ms":10000})");
}

TEST(Request, MaintenanceSaysWhatIsWrongWithIt) {
    EXPECT_THAT(error_of(R"({"request":"maintenance"})"), HasSubstr("\"on\" is missing"));
    EXPECT_THAT(error_of(R"({"request":"maintenance","on":"yes"})"), HasSubstr("true or false"));
    EXPECT_THAT(error_of(R"({"request":"maintenance","on":true,"for_ms":0})"),
                HasSubstr("out of range (1 s to 366 days)"));
    EXPECT_THAT(error_of(R"({"request":"maintenance","on":false,"for_ms":5000})"),
                HasSubstr("belongs to"));
}

TEST(Request, EveryKindComesBackFromItsLine) {
    const std::vector<Request> requests = {
        StatusRequest{},
        StatusRequest{"web"},
        WhyRequest{"web"},
        FailoverRequest{"web", milliseconds{1}},
        FailoverRequest{"", std::chrono::microseconds{1500}},
        FailoverRequest{"web", hours{24}},
        TakeoverRequest{"web", false},
        TakeoverRequest{"", true},
        FailbackRequest{"web"},
        FailbackRequest{},
        MaintenanceRequest{true, hours{1}, milliseconds{1}},
        MaintenanceRequest{},
        EventsRequest{false},
        EventsRequest{true},
        ConfigShowRequest{},
        ReloadRequest{},
        CheckListRequest{},
        CheckRunRequest{"frontend"},
        CheckRunRequest{std::string(longest_vip_name, 'x')},
        StatusRequest{"d\xc3\xa4nemark \"1\" \\ \n"},
        StatusRequest{std::string(longest_vip_name, 'x')},
    };
    for (const Request& request : requests) {
        const std::string line = to_json(request);
        EXPECT_EQ(line.find('\n'), std::string::npos);
        const auto back = parse_request(line);
        ASSERT_TRUE(back) << line << ": " << back.error();
        EXPECT_EQ(back->index(), request.index());
        EXPECT_EQ(to_json(*back), line);
    }
}

TEST(Request, FieldsHaveTheirMeaning) {
    EXPECT_EQ(
        accepted<FailoverRequest>(R"({"request":"failover","vip":"web","timeout_ms":250})").timeout,
        milliseconds{250});
    EXPECT_EQ(
        accepted<FailoverRequest>(R"({"request":"failover","vip":"web","timeout_ms":1.5})").timeout,
        std::chrono::microseconds{1500});
    EXPECT_EQ(accepted<FailoverRequest>(R"({"request":"failover","vip":"web"})").timeout,
              std::chrono::seconds{10});
    EXPECT_FALSE(accepted<TakeoverRequest>(R"({"request":"takeover","vip":"web"})").force);
    EXPECT_TRUE(
        accepted<TakeoverRequest>(R"({"force":true,"vip":"web","request":"takeover"})").force);
    EXPECT_EQ(accepted<FailbackRequest>(R"({"request":"failback","all":true})").vip, "");
    EXPECT_EQ(
        accepted<StatusRequest>(" { \"request\" : \"status\" , \"vip\" : \"\\u0077eb\" }\r").vip,
        "web");
}

TEST(MalformedRequest, IsNotAnObject) {
    for (const char* line : {"", " ", "\n", "x", "{", "}", "{}x", "{\"request\"", "{\"request\":}",
                             "{\"request\":\"status\"", "{\"request\":\"status\"} {}",
                             "{'request':'status'}", "{\"request\":\"status\",}", "nul", "\"",
                             "{\"request\":\"status\",\"vip\":01}", "{\"request\":1e999}"}) {
        EXPECT_THAT(error_of(line), HasSubstr("not valid JSON")) << line;
    }
    for (const char* line : {"1", "\"status\"", "true", "-1.5"}) {
        EXPECT_THAT(error_of(line), HasSubstr("not a JSON object")) << line;
    }
    EXPECT_THAT(error_of("null"), HasSubstr("null"));
}

TEST(MalformedRequest, Nests) {
    EXPECT_THAT(error_of("[]"), HasSubstr("list"));
    EXPECT_THAT(error_of(R"(["status"])"), HasSubstr("list"));
    EXPECT_THAT(error_of(R"({"request":["status"]})"), HasSubstr("list"));
    EXPECT_THAT(error_of(R"({"request":{"request":"status"}})"), HasSubstr("object inside"));
    EXPECT_THAT(error_of(R"({"request":"status","vip":{}})"), HasSubstr("object inside"));
    EXPECT_THAT(error_of(std::string(60'000, '[')), HasSubstr("list"));
    std::string deep;
    for (int i = 0; i < 10'000; ++i) {
        deep += R"({"a":)";
    }
    EXPECT_THAT(error_of(deep), HasSubstr("object inside"));
}

TEST(MalformedRequest, IsTooLong) {
    const std::string head = R"({"request":"status"})";
    EXPECT_TRUE(parse_request(head + std::string(longest_request - head.size(), ' ')));
    EXPECT_THAT(error_of(head + std::string(longest_request - head.size() + 1, ' ')),
                HasSubstr("too long"));
    EXPECT_THAT(
        error_of(R"({"request":"status","vip":")" + std::string(longest_vip_name + 1, 'x') + "\"}"),
        HasSubstr("\"vip\" is too long"));
}

TEST(MalformedRequest, HasTooManyFields) {
    std::string line = R"({"request":"status")";
    for (int i = 0; i < 5000; ++i) {
        line += ",\"k" + std::to_string(i) + "\":1";
    }
    EXPECT_THAT(error_of(line + "}"), HasSubstr("too many fields"));
}

TEST(MalformedRequest, HasAFieldTwice) {
    EXPECT_THAT(error_of(R"({"request":"failover","vip":"a","vip":"b"})"), HasSubstr("twice"));
    EXPECT_THAT(error_of(R"({"request":"status","request":"failover","all":true})"),
                HasSubstr("twice"));
}

TEST(MalformedRequest, IsOfNoKnownKind) {
    EXPECT_THAT(
        error_of(R"({"request":"destroy"})"),
        testing::StartsWith("unknown request \"destroy\"; known are status, why, failover, "));
    EXPECT_THAT(error_of(R"({"request":"Status"})"), HasSubstr("unknown request"));
    EXPECT_THAT(error_of(R"({"request":""})"), HasSubstr("unknown request"));
    EXPECT_THAT(error_of("{}"), HasSubstr("\"request\" is missing"));
    EXPECT_THAT(error_of(R"({"vip":"web"})"), HasSubstr("\"request\" is missing"));
    EXPECT_THAT(error_of(R"({"request":7})"), HasSubstr("\"request\" must be a text"));
    EXPECT_THAT(error_of(R"({"request":null})"), HasSubstr("null"));
    // What was sent is repeated, but not at any length.
    EXPECT_LT(error_of(R"({"request":")" + std::string(50'000, 'x') + "\"}").size(), 300U);
}

TEST(MalformedRequest, HasAFieldThatTheKindHasNot) {
    EXPECT_THAT(error_of(R"({"request":"status","force":true})"), HasSubstr("no field \"force\""));
    EXPECT_THAT(error_of(R"({"request":"failover","vip":"web","timeout":10})"),
                HasSubstr("no field \"timeout\""));
    EXPECT_THAT(error_of(R"({"request":"config_show","vip":"web"})"),
                HasSubstr("no field \"vip\""));
    EXPECT_THAT(error_of(R"({"request":"check_list","check":"frontend"})"),
                HasSubstr("no field \"check\""));
    EXPECT_THAT(error_of(R"({"request":"check_run","check":"frontend","all":true})"),
                HasSubstr("no field \"all\""));
    EXPECT_THAT(error_of(R"({"request":"check_run","vip":"frontend"})"),
                HasSubstr("\"check\" is missing"));
}

TEST(MalformedRequest, HasAFieldOfAWrongType) {
    EXPECT_THAT(error_of(R"({"request":"status","vip":1})"), HasSubstr("\"vip\" must be a text"));
    EXPECT_THAT(error_of(R"({"request":"status","vip":true})"),
                HasSubstr("\"vip\" must be a text"));
    EXPECT_THAT(error_of(R"({"request":"status","vip":null})"), HasSubstr("null"));
    EXPECT_THAT(error_of(R"({"request":"takeover","vip":"web","force":"yes"})"),
                HasSubstr("\"force\" must be true or false"));
    EXPECT_THAT(error_of(R"({"request":"takeover","vip":"web","force":1})"),
                HasSubstr("\"force\" must be true or false"));
    EXPECT_THAT(error_of(R"({"request":"events","follow":"true"})"),
                HasSubstr("\"follow\" must be true or false"));
    EXPECT_THAT(error_of(R"({"request":"failover","vip":"web","timeout_ms":"10s"})"),
                HasSubstr("\"timeout_ms\" must be a number"));
    EXPECT_THAT(error_of(R"({"request":"failover","vip":"web","timeout_ms":true})"),
                HasSubstr("\"timeout_ms\" must be a number"));
}

TEST(MalformedRequest, HasANumberOutOfRange) {
    for (const char* number :
         {"0", "-1", "-0.5", "0.5", "86400001", "1e300", "-1e300", "9223372036854775807",
          "-9223372036854775808", "18446744073709551616", "1e-300"}) {
        EXPECT_THAT(error_of(std::string{R"({"request":"failover","vip":"web","timeout_ms":)"} +
                             number + "}"),
                    HasSubstr("out of range"))
            << number;
    }
}

TEST(MalformedRequest, DoesNotSayWhichCheck) {
    EXPECT_EQ(error_of(R"({"request":"check_run"})"), "the field \"check\" is missing");
    EXPECT_EQ(error_of(R"({"request":"check_run","check":""})"), "the field \"check\" is empty");
    EXPECT_EQ(error_of(R"({"request":"check_run","check":7})"),
              "the field \"check\" must be a text");
    EXPECT_THAT(error_of(R"({"request":"check_run","check":["a"]})"), HasSubstr("list"));
    EXPECT_THAT(error_of(R"({"request":"check_run","check":"a","check":"b"})"), HasSubstr("twice"));
    EXPECT_EQ(error_of(R"({"request":"check_run","check":")" +
                       std::string(longest_vip_name + 1, 'x') + "\"}"),
              "the field \"check\" is too long");
}

// Everything at once is never the meaning of a field that was forgotten or left empty.
TEST(MalformedRequest, DoesNotSayWhichVip) {
    for (const std::string request : {"failover", "takeover", "failback"}) {
        const std::string head = R"({"request":")" + request + '"';
        EXPECT_THAT(error_of(head + "}"), HasSubstr("\"vip\" is missing")) << request;
        EXPECT_THAT(error_of(head + R"(,"all":false})"), HasSubstr("\"vip\" is missing"));
        EXPECT_THAT(error_of(head + R"(,"vip":""})"), HasSubstr("\"vip\" is empty"));
        EXPECT_THAT(error_of(head + R"(,"vip":"","all":true})"), HasSubstr("\"vip\" is empty"));
        EXPECT_THAT(error_of(head + R"(,"vip":"web","all":true})"), HasSubstr("not both"));
        EXPECT_THAT(error_of(head + R"(,"all":"yes"})"),
                    HasSubstr("\"all\" must be true or false"));
    }
    EXPECT_THAT(error_of(R"({"request":"why"})"), HasSubstr("\"vip\" is missing"));
    EXPECT_THAT(error_of(R"({"request":"why","vip":""})"), HasSubstr("\"vip\" is empty"));
    EXPECT_THAT(error_of(R"({"request":"status","vip":""})"), HasSubstr("\"vip\" is empty"));
}

TEST(MalformedRequest, HasBytesThatAreNoText) {
    using std::string_literals::operator""s;
    for (const std::string& line :
         {"{\"request\":\"status\",\"vip\":\"\xff\"}"s,
          "{\"request\":\"status\",\"vip\":\"\xc3\"}"s,
          "{\"request\":\"status\",\"vip\":\"\xed\xa0\x80\"}"s,
          "{\"request\":\"status\",\"vip\":\"\\ud800\"}"s,
          "{\"request\":\"status\",\"vip\":\"a\nb\"}"s, "\0"s, "{\"request\":\"status\"}\0"s,
          "{\"request\":\"status\0\"}"s, "\xff\xfe{\0}\0"s}) {
        EXPECT_THAT(error_of(line), HasSubstr("not valid JSON"));
    }
    // A name may be any text: which ones there are, the agent knows.
    EXPECT_EQ(accepted<StatusRequest>("{\"request\":\"status\",\"vip\":\"a\\u0000b\"}").vip,
              "a\0b"s);
}

}  // namespace
}  // namespace understudy::control
