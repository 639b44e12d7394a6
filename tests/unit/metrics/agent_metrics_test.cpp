// The metrics of an agent: read back by the rules of the two forms, and by promtool where it is.
#include "agent/metrics/agent_metrics.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>

#include "tests/unit/metrics/exposition_reader.hpp"

namespace understudy::metrics {
namespace {

using control::State;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr TimePoint noon{seconds{1795176000}};
const std::string hostile = "a\\b\"c\nd}{,=\xc3\xa9";

control::VipStatus vip(const std::string& name, State state) {
    control::VipStatus vip;
    vip.name = name;
    vip.state = state;
    vip.since = noon;
    vip.interface = "eth0";
    vip.vrid = 51;
    vip.base_priority = 150;
    vip.effective_priority = 9;
    vip.advert_interval = milliseconds{10};
    vip.active_down_interval = milliseconds{36};
    vip.readiness = control::Readiness::cold;
    vip.addresses = {{"192.0.2.10/24", "eth0", true, false},
                     {"2001:db8::10/64", "eth1", false, false}};
    vip.peers = {{"192.0.2.2", 100, seconds{1}, noon - seconds{4}}};
    vip.transitions = 3;
    vip.counters.adverts_sent = 10;
    vip.counters.adverts_received = 4;
    vip.counters.priority_zero_sent = 1;
    vip.counters.send_errors = 2;
    vip.counters.announcements = 12;
    vip.counters.discarded = {{"ttl", 5}, {"checksum", 0}};
    vip.heartbeat_gap = {{0.5, 1.1, 3}, {0, 7, 2, 1}, 17.5};
    vip.heartbeat_lateness = {{0.0001, 0.001}, {9, 0, 1}, 0.5};
    return vip;
}

control::StatusResponse lb1() {
    control::StatusResponse status;
    status.node = "lb1";
    status.version = "0.1.0";
    status.uptime = milliseconds{12300};
    status.vips = {vip("web", State::active), vip("dns", State::fault)};
    status.checks = {
        {"frontend", "http", control::CheckState::down, noon, "HTTP 503", 20, 7, milliseconds{2}},
        {"new", "tcp", control::CheckState::unknown, noon, "", 0, 0}};
    status.discarded = {{"vrid", 6}};
    return status;
}

class Forms : public testing::TestWithParam<Format> {};
INSTANTIATE_TEST_SUITE_P(Both, Forms, testing::Values(Format::prometheus, Format::open_metrics));

TEST_P(Forms, AreValid) {
    EXPECT_THAT(ExpositionReader(text_of(lb1(), GetParam()), GetParam()).complaints(), IsEmpty());
    EXPECT_THAT(ExpositionReader(text_of({}, GetParam()), GetParam()).complaints(), IsEmpty());
    EXPECT_THAT(ExpositionReader(text_without_agent(GetParam()), GetParam()).complaints(),
                IsEmpty());
}

TEST_P(Forms, KeepHostileTextInItsLabel) {
    control::StatusResponse status = lb1();
    status.node = hostile;
    status.vips[0].name = hostile;
    status.vips[0].interface = hostile;
    status.vips[0].addresses[0].address = hostile;
    status.vips[0].peers[0].address = hostile;
    status.checks[0].name = hostile;
    status.discarded[0].reason = hostile;
    const ExpositionReader read(text_of(status, GetParam()), GetParam());
    EXPECT_THAT(read.complaints(), IsEmpty());
    EXPECT_EQ(read.value("understudy_node_info", {{"node", hostile}}), 1);
    EXPECT_EQ(read.value("understudy_vip_state", {{"vip", hostile}, {"state", "active"}}), 1);
    EXPECT_EQ(read.value("understudy_check_runs_total", {{"check", hostile}}), 20);
}

TEST_P(Forms, HaveWhatTheAgentSaid) {
    const ExpositionReader read(text_of(lb1(), GetParam()), GetParam());
    EXPECT_EQ(read.value("understudy_up"), 1);
    EXPECT_EQ(read.value("understudy_build_info", {{"version", "0.1.0"}}), 1);
    EXPECT_EQ(read.value("understudy_uptime_seconds"), 12.3);
    EXPECT_EQ(read.value("understudy_maintenance"), 0);
    EXPECT_EQ(read.value("understudy_discarded_datagrams_total", {{"reason", "vrid"}}), 6);
    const std::map<std::string, std::string> web = {{"vip", "web"}};
    EXPECT_EQ(read.value("understudy_vip_state_timestamp_seconds", web), 1795176000);
    EXPECT_EQ(read.value("understudy_vip_base_priority", web), 150);
    EXPECT_EQ(read.value("understudy_vip_effective_priority", web), 9);
    EXPECT_EQ(read.value("understudy_vip_readiness", {{"vip", "web"}, {"readiness", "cold"}}), 1);
    EXPECT_EQ(read.value("understudy_vip_addresses", web), 2);
    EXPECT_EQ(read.value("understudy_vip_addresses_held", web), 1);
    EXPECT_EQ(read.value("understudy_vip_advert_interval_seconds", web), 0.01);
    EXPECT_EQ(read.value("understudy_vip_active_down_interval_seconds", web), 0.036);
    EXPECT_EQ(read.value("understudy_vip_peer_heard_timestamp_seconds", {{"peer", "192.0.2.2"}}),
              1795175996);
    EXPECT_EQ(read.value("understudy_vip_transitions_total", web), 3);
    EXPECT_EQ(read.value("understudy_vip_adverts_sent_total", web), 10);
    EXPECT_EQ(read.value("understudy_vip_adverts_received_total", web), 4);
    EXPECT_EQ(read.value("understudy_vip_priority_zero_sent_total", web), 1);
    EXPECT_EQ(read.value("understudy_vip_priority_zero_received_total", web), 0);
    EXPECT_EQ(read.value("understudy_vip_send_errors_total", web), 2);
    EXPECT_EQ(read.value("understudy_vip_announcements_total", web), 12);
    EXPECT_EQ(read.value("understudy_vip_discarded_datagrams_total", {{"reason", "ttl"}}), 5);
    EXPECT_EQ(read.value("understudy_check_state", {{"check", "frontend"}, {"state", "down"}}), 1);
    EXPECT_EQ(read.value("understudy_check_failures_total", {{"check", "frontend"}}), 7);
    EXPECT_EQ(read.value("understudy_check_duration_seconds", {{"check", "frontend"}}), 0.002);
    EXPECT_EQ(read.count("understudy_check_duration_seconds"), 1U) << "the other has not run";
}

TEST_P(Forms, HaveTheEndOfAMaintenanceThatEnds) {
    control::StatusResponse status = lb1();
    status.maintenance = true;
    const auto read = [&] { return ExpositionReader(text_of(status, GetParam()), GetParam()); };
    EXPECT_EQ(read().value("understudy_maintenance"), 1);
    EXPECT_EQ(read().count("understudy_maintenance_until_timestamp_seconds"), 0U);
    status.maintenance_until = noon;
    EXPECT_EQ(read().value("understudy_maintenance_until_timestamp_seconds"), 1795176000);
    EXPECT_TRUE(read().complaints().empty());
}

TEST_P(Forms, HaveOneStateOutOfAll) {
    const ExpositionReader read(text_of(lb1(), GetParam()), GetParam());
    EXPECT_EQ(read.count("understudy_vip_state"), 10U);
    for (const char* state : {"init", "backup", "promoting", "active", "fault"}) {
        EXPECT_EQ(read.value("understudy_vip_state", {{"vip", "web"}, {"state", state}}),
                  std::string{state} == "active" ? 1 : 0);
        EXPECT_EQ(read.value("understudy_vip_state", {{"vip", "dns"}, {"state", state}}),
                  std::string{state} == "fault" ? 1 : 0);
    }
}

TEST_P(Forms, HaveCumulativeBuckets) {
    const ExpositionReader read(text_of(lb1(), GetParam()), GetParam());
    const std::string gap = "understudy_vip_heartbeat_gap_intervals";
    EXPECT_EQ(read.value(gap + "_bucket", {{"vip", "web"}, {"le", "0.5"}}), 0);
    EXPECT_EQ(read.value(gap + "_bucket", {{"vip", "web"}, {"le", "1.1"}}), 7);
    EXPECT_EQ(read.value(gap + "_bucket", {{"vip", "web"}, {"le", "3.0"}}), 9);
    EXPECT_EQ(read.value(gap + "_bucket", {{"vip", "web"}, {"le", "+Inf"}}), 10);
    EXPECT_EQ(read.value(gap + "_count", {{"vip", "web"}}), 10);
    EXPECT_EQ(read.value(gap + "_sum", {{"vip", "web"}}), 17.5);
    EXPECT_EQ(read.value("understudy_vip_heartbeat_lateness_seconds_count", {{"vip", "web"}}), 10);
}

// The numbers of the exporters for keepalived: INIT, BACKUP, MASTER, FAULT from 0.
TEST_P(Forms, HaveTheNamesOfTheKeepalivedExporters) {
    control::StatusResponse status = lb1();
    const auto shown = [&](State state) {
        status.vips[0].state = state;
        return ExpositionReader(text_of(status, GetParam()), GetParam())
            .value("keepalived_vrrp_state", {{"iname", "web"},
                                             {"intf", "eth1"},
                                             {"vrid", "51"},
                                             {"ip_address", "2001:db8::10"}});
    };
    EXPECT_EQ(shown(State::init), 0);
    EXPECT_EQ(shown(State::backup), 1);
    EXPECT_EQ(shown(State::promoting), 1);
    EXPECT_EQ(shown(State::active), 2);
    EXPECT_EQ(shown(State::fault), 3);
}

TEST_P(Forms, WithoutAnAgentHaveNoRole) {
    const ExpositionReader read(text_without_agent(GetParam()), GetParam());
    EXPECT_EQ(read.value("understudy_up"), 0);
    EXPECT_EQ(read.value("keepalived_up"), 0);
    EXPECT_EQ(read.samples().size(), 2U);
}

TEST(PrometheusForm, NamesCountersWithTheirSuffix) {
    const std::string text = text_of(lb1(), Format::prometheus);
    EXPECT_THAT(text, HasSubstr("# TYPE understudy_vip_transitions_total counter\n"));
    EXPECT_THAT(text, HasSubstr("\nunderstudy_vip_state{vip=\"web\",state=\"active\"} 1\n"));
}

TEST(OpenMetricsForm, NamesFamiliesWithoutSuffixAndHasUnits) {
    const std::string text = text_of(lb1(), Format::open_metrics);
    EXPECT_THAT(text, HasSubstr("# TYPE understudy_vip_transitions counter\n"));
    EXPECT_THAT(text, HasSubstr("# UNIT understudy_uptime_seconds seconds\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE understudy_build info\n"));
}

TEST(ExpositionReaderTest, SeesWhatIsWrong) {
    for (const char* text :
         {"a 1", "a{b=\"c} 1\n", "# TYPE a gauge\na 1\na 1\n", "# TYPE a gauge\na x\n",
          "# TYPE a counter\na 1\n", "# TYPE a gauge\na 1\n\n", "# TYPE a gauge\nb 1\n",
          "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# HELP a again\n",
          "# TYPE a gauge\na{b=\"c\\d\"} 1\n", "# TYPE a gauge\na 1\n# EOF\n",
          "# TYPE a histogram\na_bucket{le=\"1.0\"} 1\na_sum 1\na_count 1\n",
          "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count "
          "1\n"}) {
        EXPECT_FALSE(ExpositionReader(text, Format::prometheus).complaints().empty()) << text;
    }
}

TEST(Negotiation, FollowsTheReader) {
    const auto form = [](const char* accept) { return negotiate(accept); };
    EXPECT_EQ(form(""), Format::prometheus);
    EXPECT_EQ(form("*/*"), Format::prometheus);
    EXPECT_EQ(form("text/html,application/xhtml+xml,*/*;q=0.8"), Format::prometheus);
    EXPECT_EQ(form("application/openmetrics-text"), Format::open_metrics);
    EXPECT_EQ(form("application/openmetrics-text; version=1.0.0; charset=utf-8"),
              Format::open_metrics);
    EXPECT_EQ(form("Application/OpenMetrics-Text;Version=\"1.0.0\";q=0.5"), Format::open_metrics);
    EXPECT_EQ(form("application/openmetrics-text;version=0.0.1"), Format::prometheus);
    EXPECT_EQ(form("application/openmetrics-text;version=1.0.0;q=0"), Format::prometheus);
    EXPECT_EQ(form("application/openmetrics-text;q=0.3,text/plain;q=0.5"), Format::prometheus);
    // What Prometheus sends.
    EXPECT_EQ(form("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                   "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
              Format::open_metrics);
    for (const char* broken : {",", ";;;", "application/openmetrics-text;q=", "=;=,\"", "q=1;"}) {
        EXPECT_EQ(form(broken), Format::prometheus) << broken;
    }
}

TEST(Promtool, FindsNothingToComplainAbout) {
    if (std::system("promtool --version >/dev/null 2>&1") != 0) {
        GTEST_SKIP() << "promtool is not installed (Debian's package prometheus)";
    }
    const std::string path = testing::TempDir() + "understudy-metrics-test.prom";
    for (const std::string& text :
         {text_of(lb1(), Format::prometheus), text_without_agent(Format::prometheus)}) {
        FILE* file = std::fopen(path.c_str(), "w");
        ASSERT_NE(file, nullptr);
        std::fputs(text.c_str(), file);
        std::fclose(file);
        EXPECT_EQ(std::system(("promtool check metrics <" + path).c_str()), 0) << text;
    }
    std::remove(path.c_str());
}

}  // namespace
}  // namespace understudy::metrics
