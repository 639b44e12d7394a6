#include "agent/cli/present.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cli/console.hpp"

namespace understudy::cli {
namespace {

using control::State;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr TimePoint noon{seconds{1795176000}};  // 2026-11-20T12:00:00Z

control::VipStatus web() {
    control::VipStatus vip;
    vip.name = "web";
    vip.state = State::active;
    vip.reason = "no advertisement from 192.0.2.2 for 3.4 s";
    vip.since = noon - seconds{192};
    vip.interface = "eth0";
    vip.vrid = 51;
    vip.base_priority = 150;
    vip.effective_priority = 150;
    vip.advert_interval = seconds{1};
    vip.addresses = {{"192.0.2.10/24", "eth0", true, false}, {"10.1.0.1/24", "eth1", false, false}};
    vip.active = control::ActiveNode{"192.0.2.1", 150};
    vip.transitions = 3;
    vip.skew_time = milliseconds{414};
    vip.active_down_interval = milliseconds{3414};
    vip.counters.adverts_sent = 10;
    vip.counters.adverts_received = 4;
    vip.counters.discarded = {{"ttl", 3}, {"auth", 0}};
    vip.peers = {{"192.0.2.2", 100, seconds{1}, noon - milliseconds{200}}};
    return vip;
}

control::VipStatus database() {
    control::VipStatus vip;
    vip.name = "database";
    vip.state = State::backup;
    vip.reason = "192.0.2.2 is active with priority 100";
    vip.since = noon - hours{52};
    vip.base_priority = 100;
    vip.effective_priority = 1;
    vip.addresses = {{"192.0.2.11/24", "eth0", false, false}};
    vip.active = control::ActiveNode{"192.0.2.2", 100};
    return vip;
}

control::StatusResponse lb1() {
    control::StatusResponse status;
    status.node = "lb1";
    status.uptime = hours{53};
    status.vips = {web(), database()};
    return status;
}

TEST(Status, IsATable) {
    EXPECT_EQ(present_status(lb1(), noon, false),
              "lb1: up 2 d 5 h, 1 active, 1 backup\n"
              "\n"
              "VIP       STATE   FOR         PRIORITY  ACTIVE NODE            HELD  REASON\n"
              "web       active  3 min 12 s  150/150   192.0.2.1 (this node)  1/2   "
              "no advertisement from 192.0.2.2 for 3.4 s\n"
              "database  backup  2 d 4 h     1/100     192.0.2.2              0/1   "
              "192.0.2.2 is active with priority 100\n");
}

TEST(Status, ColoursNothingButTheState) {
    const std::string plain = present_status(lb1(), noon, false);
    EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
    std::string coloured = present_status(lb1(), noon, true);
    EXPECT_THAT(coloured, HasSubstr("\x1b[32mactive  \x1b[0m3 min"));
    for (const std::string code : {"\x1b[32m", "\x1b[36m", "\x1b[0m"}) {
        for (auto at = coloured.find(code); at != std::string::npos; at = coloured.find(code)) {
            coloured.erase(at, code.size());
        }
    }
    EXPECT_EQ(coloured, plain);
}

TEST(Status, OfANodeWithoutVips) {
    control::StatusResponse status;
    status.node = "lb1";
    status.maintenance = true;
    EXPECT_EQ(present_status(status, noon, false), "lb1: up 0 ms, in maintenance\n");
    status.discarded = {{"vrid", 2}, {"ttl", 0}};
    EXPECT_THAT(present_status(status, noon, false), HasSubstr("of no VIP here: vrid 2\n"));
}

TEST(Status, names_the_trouble_of_the_runner) {
    control::StatusResponse status = lb1();
    status.runner.emplace();
    EXPECT_THAT(present_status(status, noon, false), Not(HasSubstr("warning")));
    status.runner->trouble = "the runner died";
    EXPECT_THAT(present_status(status, noon, false),
                HasSubstr("\nwarning: the runner died; checks, hooks and services do not run\n"));
}

TEST(Status, DoesNotKnowWhoIsActive) {
    control::StatusResponse status = lb1();
    status.vips = {database()};
    status.vips[0].active.reset();
    EXPECT_THAT(present_status(status, noon, false), HasSubstr("1/100     -            0/1"));
    status.vips[0].state = State::active;
    EXPECT_THAT(present_status(status, noon, false), HasSubstr("this node"));
}

TEST(Status, AClockThatWasSetBackShowsNoNegativeTime) {
    EXPECT_THAT(present_status(lb1(), noon - hours{100}, false), HasSubstr("active  0 ms"));
}

TEST(Status, ObeysNobody) {
    control::StatusResponse status = lb1();
    status.node = "lb\x1b[2J";
    status.vips[0].name = "w\teb";
    status.vips[0].reason = "line\nbreak\x07\x7f";
    const std::string text = present_status(status, noon, false);
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, HasSubstr("lb?[2J: up"));
    EXPECT_THAT(text, HasSubstr("w?eb"));
    EXPECT_THAT(text, HasSubstr("line?break??\n"));
}

TEST(OneVip, ShowsAllThatIsKnown) {
    EXPECT_EQ(present_vip(web(), noon, false),
              "web: active for 3 min 12 s\n"
              "  reason       no advertisement from 192.0.2.2 for 3.4 s\n"
              "  interface    eth0, VRID 51, VRRP version 3, every 1 s\n"
              "  priority     150 (configured 150), hot\n"
              "  active node  192.0.2.1 (this node), priority 150\n"
              "  addresses    192.0.2.10/24            held\n"
              "               10.1.0.1/24              not held, on eth1\n"
              "  peers        192.0.2.2                priority 100, every 1 s, heard 200 ms ago\n"
              "  adverts      10 sent, 4 received\n"
              "  discarded    ttl 3\n"
              "  timers       skew time 414 ms, active down interval 3.4 s\n"
              "  transitions  3, the last at 2026-11-20T11:56:48.000Z\n");
}

TEST(OneVip, NamesTroubleOnlyWhereThereIsSome) {
    control::VipStatus vip = web();
    EXPECT_THAT(present_vip(vip, noon, false), Not(HasSubstr("trouble")));
    vip.counters.send_errors = 1;
    vip.counters.address_repairs = 2;
    EXPECT_THAT(present_vip(vip, noon, false),
                HasSubstr("  trouble      send errors 1, addresses put back 2\n"));
}

TEST(ChangeLine, DoesNotChangeWithTheTime) {
    control::VipStatus later = web();
    later.counters.adverts_sent = 11;
    later.peers[0].heard = noon;
    EXPECT_EQ(present_line(web()), present_line(later));
    EXPECT_EQ(present_line(web()),
              "web  active  priority 150/150  active 192.0.2.1 (this node)  held 1/2  "
              "no advertisement from 192.0.2.2 for 3.4 s");
}

TEST(Why, ListsTheChain) {
    EXPECT_EQ(present_why({"web", State::fault, {"eth0 is down", "last change 3 s ago"}}, false),
              "web is fault:\n  eth0 is down\n  last change 3 s ago\n");
}

TEST(Event, IsALine) {
    EXPECT_EQ(present_event({7, noon, "web", State::backup, State::active, "silence"}, false),
              "2026-11-20T12:00:00.000Z  web  backup -> active  silence\n");
}

TEST(Durations, HaveTwoUnitsAtMostAndAreCut) {
    EXPECT_EQ(in_words(Duration{0}), "0 ms");
    EXPECT_EQ(in_words(Duration{999}), "999 us");
    EXPECT_EQ(in_words(milliseconds{999}), "999 ms");
    EXPECT_EQ(in_words(seconds{1}), "1 s");
    EXPECT_EQ(in_words(milliseconds{3499}), "3.4 s");
    EXPECT_EQ(in_words(milliseconds{59'999}), "59 s");
    EXPECT_EQ(in_words(minutes{1}), "1 min 0 s");
    EXPECT_EQ(in_words(hours{1} - seconds{1}), "59 min 59 s");
    EXPECT_EQ(in_words(hours{2} + minutes{5}), "2 h 5 min");
    EXPECT_EQ(in_words(hours{76}), "3 d 4 h");
}

TEST(Harmless, KeepsTextAndLineBreaksWhereAsked) {
    EXPECT_EQ(harmless("d\xc3\xa4\n\x1b"), "d\xc3\xa4??");
    EXPECT_EQ(harmless_text("a\nb\r\x1b"), "a\nb??");
}

TEST(Harmless, ReplacesWhatATerminalObeysInUtf8) {
    EXPECT_EQ(harmless("a\xc2\x9b"
                       "2Jb"),
              "a?2Jb");  // CSI in one character
    EXPECT_EQ(harmless("a\xe2\x80\xae"
                       "b"),
              "a?b");  // from right to left from here on
    EXPECT_EQ(harmless_text("a\xe2\x80\xa8"
                            "b\xe2\x81\xa9"),
              "a?b?");
    EXPECT_EQ(harmless("\xc2\xa0\xe2\x82\xac\xf0\x9f\x8d\xb5"),
              "\xc2\xa0\xe2\x82\xac\xf0\x9f\x8d\xb5");
}

TEST(Harmless, ReplacesBytesThatAreNoUtf8) {
    EXPECT_EQ(harmless("\x9b"
                       "2J"),
              "?2J");
    EXPECT_EQ(harmless("\xff\xfe"), "??");
    EXPECT_EQ(harmless("\xc0\x9b"), "??");  // longer than needed
    EXPECT_EQ(harmless("\xe0\x80\x9b"), "???");
    EXPECT_EQ(harmless("\xf0\x80\x80\x9b"), "????");
    EXPECT_EQ(harmless("\xf5\x80\x80\x80"), "????");
    EXPECT_EQ(harmless("\xe2\x82"), "??");  // cut off
    EXPECT_EQ(harmless("\xe2\x82\x1b[2J"), "???[2J");
    EXPECT_EQ(harmless("\xc3\x1b"), "??");
    EXPECT_EQ(harmless_text("\xc3\n"), "?\n");
    EXPECT_EQ(harmless(""), "");
}

}  // namespace
}  // namespace understudy::cli
