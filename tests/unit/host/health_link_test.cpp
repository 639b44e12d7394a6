// Whom the heartbeat believes: the prober reads what strangers answer, the runner does not.
#include "agent/host/health_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"

namespace understudy::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t http = 0;
constexpr std::uint32_t script = 1;
constexpr std::uint32_t unit = 2;

core::Configuration three_checks() {
    core::Configuration configuration;
    for (const checks::Question& question :
         {checks::Question{checks::Http{}}, checks::Question{checks::Script{{"/bin/true"}, ""}},
          checks::Question{checks::Unit{"web.service"}}}) {
        checks::CheckSettings check;
        check.name = "check" + std::to_string(configuration.checks.size());
        check.question = question;
        configuration.checks.push_back(check);
    }
    core::ServiceSettings service;
    service.name = "web";
    configuration.services.push_back(service);
    return configuration;
}

class HealthLinkTest : public testing::Test {
protected:
    HealthLinkTest() {
        const auto [orders, runner] = checks::make_channel();
        const auto [outcomes, prober] = checks::make_channel();
        runner_ = FileDescriptor{runner};
        prober_ = FileDescriptor{prober};
        link_.emplace(io_, RunnerEnds{FileDescriptor{orders}, FileDescriptor{outcomes}, false, {}},
                      std::make_shared<const core::Configuration>(three_checks()),
                      [this](const core::Event& event) { events_.push_back(event); });
    }

    void say(const FileDescriptor& from, const checks::Report& report) {
        const auto packet = encode(report);
        ASSERT_EQ(send(from.get(), packet.data(), packet.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(packet.size()));
        io_.restart();
        io_.poll();
    }
    void say_all(const FileDescriptor& from, checks::ReportKind kind) {
        for (const std::uint32_t number : {http, script, unit}) {
            say(from, {kind, number, 7, {}});
        }
    }
    std::vector<std::size_t> checks_heard() const {
        std::vector<std::size_t> heard;
        for (const core::Event& event : events_) {
            heard.push_back(std::get<core::CheckFinished>(event).check);
        }
        return heard;
    }
    // Where the orders to run all checks have arrived.
    static std::size_t orders_at(const FileDescriptor& end) {
        std::size_t count = 0;
        std::array<std::byte, 64> packet{};
        while (recv(end.get(), packet.data(), packet.size(), MSG_DONTWAIT) > 0) {
            ++count;
        }
        return count;
    }

    boost::asio::io_context io_;
    FileDescriptor runner_;
    FileDescriptor prober_;
    std::vector<core::Event> events_;
    std::optional<HealthLink> link_;
};

TEST_F(HealthLinkTest, outcomes_of_scripts_and_units_count_from_the_runner_only) {
    say_all(prober_, checks::ReportKind::check_finished);
    EXPECT_THAT(checks_heard(), ElementsAre(http));
    events_.clear();
    say_all(runner_, checks::ReportKind::check_finished);
    EXPECT_THAT(checks_heard(), ElementsAre(script, unit));
}

TEST_F(HealthLinkTest, everything_but_outcomes_of_checks_counts_from_the_runner_only) {
    for (const auto kind : {checks::ReportKind::command_finished, checks::ReportKind::hook_finished,
                            checks::ReportKind::prober_started, checks::ReportKind::runner_died,
                            checks::ReportKind::runner_started}) {
        say_all(prober_, kind);
    }
    EXPECT_THAT(events_, IsEmpty());
    EXPECT_EQ(link_->runner_status().trouble, "");
    EXPECT_EQ(link_->runner_status().restarts, 0U);
    say(runner_, {checks::ReportKind::command_finished, 0, 7, {}});
    EXPECT_EQ(events_.size(), 1U);
}

TEST_F(HealthLinkTest, orders_go_to_whom_the_outcomes_are_believed_from) {
    for (const std::size_t check : {http, script, unit}) {
        link_->carry_out(core::RunCheck{check, 1});
    }
    EXPECT_EQ(orders_at(prober_), 1U);
    EXPECT_EQ(orders_at(runner_), 2U);
}

TEST_F(HealthLinkTest, control_characters_of_a_server_do_not_reach_the_log_or_a_terminal) {
    checks::Report report{checks::ReportKind::check_finished, http, 7, {}};
    report.outcome.detail = "HTTP 500\r\x1b]0;owned\x07\nsecond";
    report.outcome.output = "one\x1b[2J\ntwo\x9b";
    say(prober_, report);
    ASSERT_EQ(events_.size(), 1U);
    const auto& outcome = std::get<core::CheckFinished>(events_.front()).outcome;
    EXPECT_EQ(outcome.detail, "HTTP 500\\r\\x1b]0;owned\\x07 second");
    EXPECT_EQ(outcome.output, "one\\x1b[2J\ntwo\\x9b");
}

TEST_F(HealthLinkTest, what_is_no_report_is_ignored) {
    const std::array<std::byte, 3> noise{};
    ASSERT_EQ(send(prober_.get(), noise.data(), noise.size(), MSG_NOSIGNAL), 3);
    io_.restart();
    io_.poll();
    EXPECT_THAT(events_, IsEmpty());
}

}  // namespace
}  // namespace understudy::host
