// The documents that scripts rely on: names and forms are from the published description of
// `--json`, written here by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "agent/control/json.hpp"

namespace understudy::control {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// 2026-11-20T12:00:00Z is 1795176000 s after 1970; the machine was booted an hour before.
constexpr WallTime noon{std::chrono::seconds{1795176000}};
constexpr BootOrigin boot = noon - std::chrono::hours{1};
constexpr TimePoint at_noon{std::chrono::hours{1}};

VipStatus web() {
    VipStatus vip;
    vip.name = "web";
    vip.state = State::active;
    vip.reason = "no advertisement from 192.0.2.2 for 3.4 s";
    vip.since = at_noon;
    vip.interface = "eth0";
    vip.vrid = 51;
    vip.version = 3;
    vip.base_priority = 150;
    vip.effective_priority = 150;
    vip.advert_interval = seconds{1};
    vip.readiness = Readiness::hot;
    vip.service = "haproxy";
    vip.addresses = {{"192.0.2.10/24", "eth0", true, false}};
    vip.active = ActiveNode{"192.0.2.1", 150};
    vip.transitions = 3;
    vip.peers = {{"192.0.2.2", 100, seconds{1}, at_noon - milliseconds{3400}}};
    vip.skew_time = milliseconds{414};
    vip.active_down_interval = std::chrono::microseconds{3414062};
    vip.checksum = "rfc9568";
    vip.warnings = {"192.0.2.2 advertises every 2 s, this node every 1 s"};
    vip.counters.adverts_sent = 10;
    vip.counters.adverts_received = 4;
    vip.hooks = {{"on_active", HookResult::done, at_noon, ""},
                 {"on_fault", HookResult::failed, at_noon, "exit status 3"}};
    vip.heartbeat_gap = {{1.1, 3}, {4, 1, 0}, 6.5};
    vip.heartbeat_lateness = {{0.001}, {9, 1}, 0.5};
    vip.counters.discarded = {
        {"ttl", 0}, {"checksum", 0}, {"version", 0}, {"length", 0}, {"auth", 0}};
    return vip;
}

StatusResponse lb1() {
    StatusResponse status;
    status.node = "lb1";
    status.version = "0.1.0";
    status.uptime = milliseconds{12300};
    status.vips = {web()};
    status.checks = {{"frontend", "http", CheckState::up, at_noon, "HTTP 200 in 1.2 ms", 20, 0,
                      std::chrono::microseconds{1234}}};
    status.discarded = {{"vrid", 2}};
    return status;
}

json written(const Response& response) {
    return json::parse(to_json(response, boot));
}

TEST(StatusDocument, HasEveryFieldOfTheDescription) {
    const json expected = json::parse(R"({
      "node":"lb1","version":"0.1.0","uptime_s":12.3,"maintenance":false,
      "vips":[{"name":"web","state":"active","reason":"no advertisement from 192.0.2.2 for 3.4 s",
        "since":"2026-11-20T12:00:00.000Z","interface":"eth0","vrid":51,"version":3,
        "priority":{"base":150,"effective":150},"advert_interval_ms":1000,
        "readiness":"hot","service":"haproxy",
        "addresses":[{"address":"192.0.2.10/24","held":true,"interface":"eth0","derived":false}],
        "active":{"address":"192.0.2.1","priority":150},
        "transitions":3,
        "counters":{"adverts_sent":10,"adverts_received":4,
          "discarded":{"ttl":0,"checksum":0,"version":0,"length":0,"auth":0},
          "priority_zero_sent":0,"priority_zero_received":0,"send_errors":0,
          "interval_mismatches":0,"address_mismatches":0,"address_repairs":0,"announcements":0},
        "peers":[{"address":"192.0.2.2","priority":100,"interval_ms":1000,
          "heard":"2026-11-20T11:59:56.600Z"}],
        "skew_time_ms":414,"active_down_interval_ms":3414.062,"checksum":"rfc9568",
        "heartbeat_gap_intervals":{"le":[1.1,3.0],"counts":[4,1,0],"sum":6.5},
        "heartbeat_lateness_s":{"le":[0.001],"counts":[9,1],"sum":0.5},
        "warnings":["192.0.2.2 advertises every 2 s, this node every 1 s"],"hints":[],
        "hooks":[{"name":"on_active","result":"done","at":"2026-11-20T12:00:00.000Z","detail":""},
          {"name":"on_fault","result":"failed","at":"2026-11-20T12:00:00.000Z",
           "detail":"exit status 3"}]}],
      "checks":[{"name":"frontend","type":"http","state":"up","since":"2026-11-20T12:00:00.000Z",
        "detail":"HTTP 200 in 1.2 ms","runs":20,"failures":0,"duration_ms":1.234}],
      "discarded":{"vrid":2}})");
    EXPECT_EQ(written(lb1()), expected);
}

TEST(StatusDocument, IsOneLineInTheOrderOfTheDescription) {
    const std::string line = to_json(lb1(), boot);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_TRUE(line.starts_with(
        R"({"node":"lb1","version":"0.1.0","uptime_s":12.3,"maintenance":false,"vips":[)"
        R"({"name":"web","state":"active","reason":)"))
        << line;
}

TEST(StatusDocument, names_the_trouble_of_the_runner) {
    StatusResponse status = lb1();
    EXPECT_FALSE(written(status).contains("runner"));
    status.runner = RunnerStatus{"the runner died", 2};
    EXPECT_EQ(written(status)["runner"],
              json::parse(R"({"trouble":"the runner died","restarts":2})"));
    const auto read = parse_response(to_json(status, boot), boot);
    ASSERT_TRUE(read) << read.error();
    const auto& runner = std::get<StatusResponse>(*read).runner;
    ASSERT_TRUE(runner);
    EXPECT_EQ(runner->trouble, "the runner died");
    EXPECT_EQ(runner->restarts, 2U);
}

TEST(StatusDocument, WholeMillisecondsHaveNoFraction) {
    EXPECT_NE(to_json(lb1(), boot).find(R"("advert_interval_ms":1000,)"), std::string::npos);
    StatusResponse status = lb1();
    status.vips[0].advert_interval = milliseconds{10};
    EXPECT_NE(to_json(status, boot).find(R"("advert_interval_ms":10,)"), std::string::npos);
    status.vips[0].advert_interval = std::chrono::microseconds{10500};
    EXPECT_NE(to_json(status, boot).find(R"("advert_interval_ms":10.5,)"), std::string::npos);
}

// As the documentation shows them.
TEST(StatusDocument, WholeSecondsAndBoundsHaveNoFraction) {
    StatusResponse status = lb1();
    status.uptime = std::chrono::seconds{3};
    status.vips[0].heartbeat_gap = {{0.5, 2, 10}, {4, 1, 0, 0}, 0};
    const std::string line = to_json(status, boot);
    EXPECT_THAT(line, HasSubstr(R"("uptime_s":3,)"));
    EXPECT_THAT(line, HasSubstr(R"({"le":[0.5,2,10],"counts":[4,1,0,0],"sum":0})"));
}

TEST(StatusDocument, AnUnknownActiveNodeIsNull) {
    StatusResponse status = lb1();
    status.vips[0].active.reset();
    const json document = written(status);
    ASSERT_TRUE(document["vips"][0].contains("active"));
    EXPECT_TRUE(document["vips"][0]["active"].is_null());
}

TEST(StatusDocument, EmptyListsAndObjectsAreNotNull) {
    const json document = written(StatusResponse{});
    EXPECT_EQ(document["vips"], json::array());
    EXPECT_EQ(document["checks"], json::array());
    EXPECT_EQ(document["discarded"], json::object());
    StatusResponse status;
    status.vips.emplace_back();
    const json bare = written(status)["vips"][0];
    EXPECT_EQ(bare["addresses"], json::array());
    EXPECT_EQ(bare["peers"], json::array());
    EXPECT_EQ(bare["hooks"], json::array());
    EXPECT_EQ(bare["counters"]["discarded"], json::object());
}

TEST(StatusDocument, NamesEveryStateAndReadiness) {
    StatusResponse status = lb1();
    for (const auto& [state, name] :
         std::vector<std::pair<State, const char*>>{{State::init, "init"},
                                                    {State::backup, "backup"},
                                                    {State::promoting, "promoting"},
                                                    {State::active, "active"},
                                                    {State::fault, "fault"}}) {
        status.vips[0].state = state;
        EXPECT_EQ(written(status)["vips"][0]["state"], name);
    }
    for (const auto& [state, name] :
         std::vector<std::pair<CheckState, const char*>>{{CheckState::unknown, "unknown"},
                                                         {CheckState::up, "up"},
                                                         {CheckState::down, "down"}}) {
        status.checks[0].state = state;
        EXPECT_EQ(written(status)["checks"][0]["state"], name);
    }
    for (const auto& [readiness, name] : std::vector<std::pair<Readiness, const char*>>{
             {Readiness::hot, "hot"}, {Readiness::cold, "cold"}, {Readiness::unready, "unready"}}) {
        status.vips[0].readiness = readiness;
        EXPECT_EQ(written(status)["vips"][0]["readiness"], name);
    }
}

TEST(StatusDocument, CountsAreExactAt64Bits) {
    StatusResponse status = lb1();
    status.vips[0].counters.adverts_sent = std::numeric_limits<std::uint64_t>::max();
    EXPECT_NE(to_json(status, boot).find(R"("adverts_sent":18446744073709551615)"),
              std::string::npos);
}

// Linux lets an interface be named with any bytes but '/' and white space.
TEST(StatusDocument, BytesThatAreNotUtf8BecomeTheReplacementCharacter) {
    StatusResponse status = lb1();
    status.vips[0].interface = "eth\xff";
    status.vips[0].reason = "two\nlines and a \"quote\"";
    const std::string line = to_json(status, boot);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const json document = json::parse(line);
    EXPECT_EQ(document["vips"][0]["interface"], "eth\xef\xbf\xbd");
    EXPECT_EQ(document["vips"][0]["reason"], "two\nlines and a \"quote\"");
}

// A server that is checked, or a script, says what it likes, and the line is printed as it is.
TEST(CheckDocuments, HoldHostileTextWithoutAnythingThatATerminalObeys) {
    const std::string hostile =
        "\x1b[2J\x7f\xc2\x9b"
        "2J\xe2\x80\xae\r\n\xff\xc3";
    StatusResponse status = lb1();
    status.checks[0].detail = hostile;
    CheckRunResponse run;
    run.detail = hostile;
    run.output = hostile;
    const std::string shown =
        "\x1b[2J\x7f\xc2\x9b"
        "2J\xe2\x80\xae\r\n\xef\xbf\xbd\xef\xbf\xbd";
    for (const Response& response :
         {Response{status}, Response{CheckListResponse{status.checks}}, Response{run}}) {
        const std::string line = to_json(response, boot);
        for (const char c : line) {
            EXPECT_TRUE(c >= ' ' && c < 0x7f) << line;
        }
        const json document = json::parse(line);
        const json& with_detail = document.contains("passed") ? document : document["checks"][0];
        EXPECT_EQ(with_detail["detail"], shown);
    }
    EXPECT_EQ(written(run)["output"], shown);
}

TEST(CheckDocuments, ListHasTheSameObjectsAsStatus) {
    EXPECT_EQ(to_json(CheckListResponse{}, boot), R"({"checks":[]})");
    EXPECT_EQ(to_json(CheckListResponse{lb1().checks}, boot),
              R"({"checks":[{"name":"frontend","type":"http","state":"up",)"
              R"("since":"2026-11-20T12:00:00.000Z","detail":"HTTP 200 in 1.2 ms","runs":20,)"
              R"("failures":0,"duration_ms":1.234}]})");
}

TEST(CheckDocuments, RunHasTheStepsThatHappened) {
    CheckRunResponse run{"frontend", "http", true, "HTTP 200", "ok\n", {}, lb1().checks[0]};
    EXPECT_EQ(written(run)["timings_ms"], json::object());
    run.timings = {std::chrono::microseconds{100}, std::chrono::microseconds{300}, std::nullopt,
                   milliseconds{3}, std::chrono::microseconds{3200}};
    EXPECT_EQ(to_json(run, boot),
              R"({"check":"frontend","type":"http","passed":true,"detail":"HTTP 200",)"
              R"("output":"ok\n","timings_ms":{"lookup":0.1,"connect":0.3,"first_byte":3,)"
              R"("total":3.2},"status":{"name":"frontend","type":"http","state":"up",)"
              R"("since":"2026-11-20T12:00:00.000Z","detail":"HTTP 200 in 1.2 ms","runs":20,)"
              R"("failures":0,"duration_ms":1.234}})");
    run.timings.tls = std::chrono::microseconds{2100};
    EXPECT_EQ(written(run)["timings_ms"]["tls"], 2.1);
}

TEST(CheckDocuments, WithoutARunThereIsNoDuration) {
    StatusResponse status = lb1();
    status.checks[0].duration.reset();
    EXPECT_TRUE(written(status)["checks"][0]["duration_ms"].is_null());
}

TEST(OtherDocuments, HaveTheirForms) {
    EXPECT_EQ(to_json(DoneResponse{"web: 192.0.2.2 is active"}, boot),
              R"({"done":"web: 192.0.2.2 is active"})");
    EXPECT_EQ(to_json(ErrorResponse{"no", false}, boot), R"({"error":"no","usage":false})");
    EXPECT_EQ(to_json(ErrorResponse{"what?", true}, boot), R"({"error":"what?","usage":true})");
    EXPECT_EQ(to_json(ConfigResponse{"[agent]\n", "", {}}, boot), R"({"config":"[agent]\n"})");
    EXPECT_EQ(to_json(WhyResponse{"web", State::fault, {"a", "b"}}, boot),
              R"({"vip":"web","state":"fault","reasons":["a","b"]})");
    EXPECT_EQ(to_json(WhyResponse{"web", State::fault, {}}, boot),
              R"({"vip":"web","state":"fault","reasons":[]})");
    EXPECT_EQ(to_json(EventsResponse{}, boot), R"({"events":[]})");
}

TEST(OtherDocuments, AnEventIsTheSameAloneAndInTheList) {
    const StateEvent event{7, at_noon, "web", State::backup, State::active, "silence"};
    const std::string alone =
        R"({"number":7,"at":"2026-11-20T12:00:00.000Z","vip":"web","from":"backup","to":"active",)"
        R"("cause":"silence"})";
    EXPECT_EQ(to_json(event, boot), alone);
    EXPECT_EQ(to_json(EventsResponse{{event}}, boot), R"({"events":[)" + alone + "]}");
}

TEST(Utc, IsWrittenWithMillisecondsCutOff) {
    EXPECT_EQ(format_utc(noon), "2026-11-20T12:00:00.000Z");
    EXPECT_EQ(format_utc(noon + std::chrono::microseconds{999'999}), "2026-11-20T12:00:00.999Z");
    EXPECT_EQ(format_utc(WallTime{}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_utc(WallTime{} - milliseconds{1}), "1969-12-31T23:59:59.999Z");
}

TEST(Utc, IsReadBack) {
    EXPECT_EQ(parse_utc("2026-11-20T12:00:00.000Z"), noon);
    EXPECT_EQ(parse_utc("2024-02-29T23:59:59.999Z"),
              WallTime{std::chrono::milliseconds{1709251199999}});
}

TEST(Utc, NothingElseIsATime) {
    for (const char* text :
         {"", "now", "2026-11-20T12:00:00Z", "2026-11-20 12:00:00.000Z", "2026-11-20T12:00:00.000",
          "2026-13-20T12:00:00.000Z", "2026-02-30T12:00:00.000Z", "2026-11-20T24:00:00.000Z",
          "2026-11-20T12:60:00.000Z", "2026-11-20T12:00:60.000Z", "-026-11-20T12:00:00.000Z",
          "2026-1a-20T12:00:00.000Z", "2026-11-20T12:00:00.0-1Z", "2026-00-20T12:00:00.000Z"}) {
        EXPECT_FALSE(parse_utc(text)) << text;
    }
}

}  // namespace
}  // namespace understudy::control
