// What the client makes of what an agent, or something that sits in its place, has written.
#include <gtest/gtest.h>

#include <chrono>

#include "agent/control/json.hpp"

namespace understudy::control {
namespace {

using std::chrono::milliseconds;

constexpr BootOrigin utc{};
constexpr TimePoint noon{std::chrono::seconds{1795176000}};

template <class Kind>
Kind understood(const std::string& line) {
    const auto response = parse_response(line, utc);
    EXPECT_TRUE(response) << line << ": " << (response ? "" : response.error());
    EXPECT_TRUE(!response || std::holds_alternative<Kind>(*response)) << line;
    return response && std::holds_alternative<Kind>(*response) ? std::get<Kind>(*response) : Kind{};
}

// The document of the published description, literally.
constexpr const char* described =
    R"({"node":"lb1","version":"0.1.0","uptime_s":12.3,"maintenance":false,
 "vips":[{"name":"web","state":"active","reason":"no advertisement from 192.0.2.2 for 3.4 s",
   "since":"2026-11-20T12:00:00.000Z","interface":"eth0","vrid":51,"version":3,
   "priority":{"base":150,"effective":140},"advert_interval_ms":1000,"readiness":"hot",
   "addresses":[{"address":"192.0.2.10/24","held":true}],
   "active":{"address":"192.0.2.1","priority":150},
   "transitions":3,
   "counters":{"adverts_sent":10,"adverts_received":4,"discarded":{"ttl":1,"checksum":0}}}],
 "checks":[{"name":"frontend","type":"http","state":"up","runs":20,"failures":0}]})";

TEST(StatusAnswer, IsReadFromTheDescribedDocument) {
    const auto status = understood<StatusResponse>(described);
    EXPECT_EQ(status.node, "lb1");
    EXPECT_EQ(status.uptime, milliseconds{12300});
    ASSERT_EQ(status.vips.size(), 1U);
    const VipStatus& web = status.vips[0];
    EXPECT_EQ(web.name, "web");
    EXPECT_EQ(web.state, State::active);
    EXPECT_EQ(web.since, noon);
    EXPECT_EQ(web.vrid, 51);
    EXPECT_EQ(web.base_priority, 150);
    EXPECT_EQ(web.effective_priority, 140);
    EXPECT_EQ(web.advert_interval, std::chrono::seconds{1});
    ASSERT_EQ(web.addresses.size(), 1U);
    EXPECT_TRUE(web.addresses[0].held);
    ASSERT_TRUE(web.active);
    EXPECT_EQ(web.active->address, "192.0.2.1");
    EXPECT_EQ(web.transitions, 3U);
    EXPECT_EQ(web.counters.adverts_sent, 10U);
    ASSERT_EQ(web.counters.discarded.size(), 2U);
    EXPECT_EQ(web.counters.discarded[1].reason, "ttl");
    EXPECT_EQ(web.counters.discarded[1].count, 1U);
    ASSERT_EQ(status.checks.size(), 1U);
    EXPECT_EQ(status.checks[0].name, "frontend");
    EXPECT_EQ(status.checks[0].type, "http");
    EXPECT_EQ(status.checks[0].state, CheckState::up);
    EXPECT_EQ(status.checks[0].runs, 20U);
}

TEST(CheckAnswer, OfARunIsReadFromTheDescribedDocument) {
    const auto run = understood<CheckRunResponse>(
        R"({"check":"frontend","type":"http","passed":true,"detail":"HTTP 200","output":"ok\n",
            "timings_ms":{"lookup":0.1,"connect":0.3,"first_byte":3,"total":3.25,"tea":4},
            "status":{"name":"frontend","type":"http","state":"down",
              "since":"2026-11-20T12:00:00.000Z","detail":"HTTP 500","runs":20,"failures":3},
            "of_a_later_version":[]})");
    EXPECT_EQ(run.check, "frontend");
    EXPECT_TRUE(run.passed);
    EXPECT_EQ(run.output, "ok\n");
    EXPECT_EQ(run.timings.lookup, std::chrono::microseconds{100});
    EXPECT_EQ(run.timings.connect, std::chrono::microseconds{300});
    EXPECT_FALSE(run.timings.tls);
    EXPECT_EQ(run.timings.first_byte, milliseconds{3});
    EXPECT_EQ(run.timings.total, std::chrono::microseconds{3250});
    EXPECT_EQ(run.status.state, CheckState::down);
    EXPECT_EQ(run.status.since, noon);
    EXPECT_EQ(run.status.detail, "HTTP 500");
    EXPECT_EQ(run.status.failures, 3U);
}

TEST(CheckAnswer, DefaultsWhatIsMissing) {
    const auto run = understood<CheckRunResponse>(R"({"passed":false})");
    EXPECT_FALSE(run.timings.total);
    EXPECT_EQ(run.status.state, CheckState::unknown);
    const auto list = understood<CheckListResponse>(R"({"checks":[{"name":"frontend"}]})");
    ASSERT_EQ(list.checks.size(), 1U);
    EXPECT_EQ(list.checks[0].state, CheckState::unknown);
}

TEST(StatusAnswer, PassesOverWhatIsUnknownAndDefaultsWhatIsMissing) {
    const auto status =
        understood<StatusResponse>(R"({"vips":[{"name":"web","colour":["blue"]}],"moon":null})");
    ASSERT_EQ(status.vips.size(), 1U);
    EXPECT_EQ(status.vips[0].state, State::init);
    EXPECT_FALSE(status.vips[0].active);
}

TEST(StatusAnswer, HasHistogramsThatFit) {
    const auto status = understood<StatusResponse>(
        R"({"version":"9.9",
            "vips":[{"heartbeat_gap_intervals":{"le":[1.1,3],"counts":[4,1,2],"sum":6.5}}],
            "checks":[{"duration_ms":1.25},{"duration_ms":null}]})");
    EXPECT_EQ(status.version, "9.9");
    EXPECT_EQ(status.vips[0].heartbeat_gap.bounds, (std::vector<double>{1.1, 3}));
    EXPECT_EQ(status.vips[0].heartbeat_gap.counts, (std::vector<std::uint64_t>{4, 1, 2}));
    EXPECT_EQ(status.vips[0].heartbeat_gap.sum, 6.5);
    EXPECT_TRUE(status.vips[0].heartbeat_lateness.counts.empty());
    EXPECT_EQ(status.checks[0].duration, std::chrono::microseconds{1250});
    EXPECT_FALSE(status.checks[1].duration);
    for (const char* histogram : {R"({"le":[1],"counts":[1]})", R"({"le":[],"counts":[-1]})",
                                  R"({"le":["a"],"counts":[1,2]})", R"([1])"}) {
        EXPECT_FALSE(parse_response(
            R"({"vips":[{"heartbeat_gap_intervals":)" + std::string{histogram} + "}]}", utc))
            << histogram;
    }
}

TEST(Answer, EveryKindComesBackFromItsLine) {
    StatusResponse status = understood<StatusResponse>(described);
    status.maintenance = true;
    status.discarded = {{"vrid", 9}};
    status.vips[0].peers = {{"192.0.2.2", 100, milliseconds{500}, noon}};
    status.vips[0].skew_time = std::chrono::microseconds{414062};
    status.vips[0].active_down_interval = std::chrono::microseconds{3414062};
    status.vips[0].checksum = "pseudo-header";
    status.vips[0].readiness = Readiness::cold;
    status.vips[0].counters.announcements = 12;
    status.vips[0].heartbeat_gap = {{1.5, 3}, {7, 1, 2}, 20.25};
    status.checks[0].duration = std::chrono::microseconds{1234};
    const StateEvent event{7, noon, "web", State::backup, State::promoting, "silence"};
    const CheckStatus down{"backend", "tcp", CheckState::down, noon, "connection refused", 9, 4};
    const CheckStatus unknown{"new \x1b[2J", "script", CheckState::unknown, noon, "", 0, 0};
    const CheckTimings timings{std::chrono::microseconds{100}, std::chrono::microseconds{300},
                               std::chrono::microseconds{2100}, milliseconds{3}, milliseconds{4}};
    const std::vector<Response> responses = {
        status,
        CheckListResponse{},
        CheckListResponse{{down, unknown}},
        CheckRunResponse{"backend", "tcp", false, "refused", "", {}, down},
        CheckRunResponse{"backend", "tcp", true, "said \"hi\"", "\x1b]0;x\x07\n", timings, down},
        WhyResponse{"web", State::fault, {"a", "b"}},
        WhyResponse{"web", State::fault, {}},
        DoneResponse{"done"},
        ErrorResponse{"no", false},
        ErrorResponse{"no", true},
        EventsResponse{},
        EventsResponse{{event, event}},
        ConfigResponse{"[agent]\nname = lb1\n", "/etc/understudy/understudy.conf", {}},
        ReloadResponse{true,
                       {{"vip", "web", "address", ChangeKind::added, "", "192.0.2.12/24"},
                        {"check", "dns", "", ChangeKind::removed, "", ""},
                        {"agent", "", "log_level", ChangeKind::changed, "info", "debug"}},
                       {"web"},
                       {{"/etc/u.conf", 3, 7, true, "odd"}},
                       {"192.0.2.0/24 via 198.51.100.1"}},
        ReloadResponse{},
    };
    for (const Response& response : responses) {
        const std::string line = to_json(response, utc);
        const auto back = parse_response(line, utc);
        ASSERT_TRUE(back) << line << ": " << back.error();
        EXPECT_EQ(back->index(), response.index());
        EXPECT_EQ(to_json(*back, utc), line);
    }
    const auto alone = understood<EventsResponse>(to_json(event, utc));
    ASSERT_EQ(alone.events.size(), 1U);
    EXPECT_EQ(to_json(alone.events[0], utc), to_json(event, utc));
}

constexpr const char* broken_answers[] = {
    "",
    "x",
    "{",
    "[]",
    "1",
    "null",
    "{}",
    R"({"what":1})",
    "\xff",
    "{\"done\":\"\xff\"}",
    R"({"done":1})",
    R"({"error":[]})",
    R"({"error":"x","usage":"no"})",
    R"({"config":{}})",
    R"({"reasons":"x"})",
    R"({"reasons":[1]})",
    R"({"vips":{}})",
    R"({"vips":[1]})",
    R"({"vips":[{"name":1}]})",
    R"({"vips":[{"state":"asleep"}]})",
    R"({"vips":[{"state":3}]})",
    R"({"vips":[{"since":"yesterday"}]})",
    R"({"vips":[{"since":0}]})",
    R"({"vips":[{"vrid":"51"}]})",
    R"({"vips":[{"vrid":1e300}]})",
    R"({"vips":[{"vrid":99999999999999999999}]})",
    R"({"vips":[{"priority":150}]})",
    R"({"vips":[{"transitions":-1}]})",
    R"({"vips":[{"advert_interval_ms":1e300}]})",
    R"({"vips":[{"advert_interval_ms":"1s"}]})",
    R"({"vips":[{"counters":[]}]})",
    R"({"vips":[{"counters":{"adverts_sent":1.5}}]})",
    R"({"vips":[{"counters":{"discarded":{"ttl":"many"}}}]})",
    R"({"vips":[{"addresses":[null]}]})",
    R"({"vips":[{"active":"me"}]})",
    R"({"vips":[],"uptime_s":1e299})",
    R"({"vips":[],"discarded":3})",
    R"({"vips":[],"checks":{}})",
    R"({"checks":1})",
    R"({"checks":["frontend"]})",
    R"({"checks":[{"state":"sideways"}]})",
    R"({"checks":[{"state":1}]})",
    R"({"checks":[{"since":"2026"}]})",
    R"({"checks":[{"runs":-1}]})",
    R"({"checks":[{"failures":0.5}]})",
    R"({"checks":[{"detail":null}]})",
    R"({"passed":"yes"})",
    R"({"passed":true,"output":["x"]})",
    R"({"passed":true,"timings_ms":[]})",
    R"({"passed":true,"timings_ms":{"total":"1"}})",
    R"({"passed":true,"timings_ms":{"total":null}})",
    R"({"passed":true,"timings_ms":{"total":1e300}})",
    R"({"passed":true,"status":"up"})",
    R"({"events":1})",
    R"({"events":[{"number":-1}]})",
    R"({"number":1,"to":"away"})",
};

TEST(BrokenAnswer, IsAnErrorAndNoException) {
    for (const char* line : broken_answers) {
        const auto response = parse_response(line, utc);
        ASSERT_FALSE(response) << line;
        EXPECT_FALSE(response.error().empty());
    }
}

TEST(BrokenAnswer, MayNestAsDeepAsItLikes) {
    const std::string deep =
        R"({"vips":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
    EXPECT_FALSE(parse_response(deep, utc));
    EXPECT_FALSE(parse_response(std::string(1'000'000, '['), utc));
}

}  // namespace
}  // namespace understudy::control
