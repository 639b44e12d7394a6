// Packets between the processes of the agent.
#include "checks/processes/wire.hpp"

#include <gtest/gtest.h>

namespace understudy::checks {
namespace {

using namespace std::chrono_literals;

Report full_report() {
    Report report{ReportKind::check_finished, 7, 0x80000001U, {}};
    report.outcome.passed = true;
    report.outcome.detail = "HTTP 200";
    report.outcome.output = std::string{"a\0b", 3};
    report.outcome.weight = -253;
    report.outcome.timings = {1us, 2us, std::nullopt, 4us, 5s};
    return report;
}

TEST(Wire, ReportsAndOrdersComeBackAsTheyWere) {
    EXPECT_EQ(decode_report(encode(full_report())), full_report());
    EXPECT_EQ(decode_report(encode(Report{})), Report{});
    const Order order{OrderKind::stop_service, 3, 9};
    EXPECT_EQ(encode(order).size(), order_size);
    EXPECT_EQ(decode_order(encode(order)), order);
    const Order last{OrderKind::retire_prober, 7, 0};
    EXPECT_EQ(decode_order(encode(last)), last);
}

TEST(Wire, AHookOrderComesBackAsItWas) {
    const HookOrder order{
        77, 2500ms, {"/bin/hook", "", "two words"}, {"A=1", "B=" + std::string(40'000, 'b')}};
    const auto packet = encode(order);
    EXPECT_EQ(decode_hook_order(packet), order);
    EXPECT_FALSE(decode_order(packet));
    EXPECT_FALSE(decode_hook_order(encode(Order{})));
    for (std::size_t size = 0; size < packet.size(); size += size < 60 ? 1 : 997) {
        EXPECT_FALSE(decode_hook_order(std::span{packet}.first(size))) << size;
    }
    auto longer = packet;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(decode_hook_order(longer));
    EXPECT_FALSE(decode_hook_order(encode(HookOrder{1, 1ms, {}, {}}))) << "no program";
}

TEST(Wire, EveryTruncationIsRefused) {
    const auto whole = encode(full_report());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(decode_report(std::span{whole}.first(size))) << size;
    }
    auto longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(decode_report(longer));
    EXPECT_FALSE(decode_order(std::span{whole}.first(order_size - 1)));
}

TEST(Wire, UnknownKindsAndStrangeValuesAreRefused) {
    auto packet = encode(full_report());
    packet[0] = std::byte{9};
    EXPECT_FALSE(decode_report(packet));
    packet = encode(full_report());
    packet[9] = std::byte{2};  // passed
    EXPECT_FALSE(decode_report(packet));
    auto order = encode(Order{});
    order[0] = std::byte{0};
    EXPECT_FALSE(decode_order(order));
}

TEST(Wire, TextsAreCut) {
    Report report = full_report();
    report.outcome.detail = std::string(10000, 'd');
    report.outcome.output = std::string(100000, 'o');
    const auto packet = encode(report);
    EXPECT_LE(packet.size(), longest_report);
    const auto back = decode_report(packet);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->outcome.detail.size(), longest_detail);
    EXPECT_EQ(back->outcome.output.size(), longest_output);
}

}  // namespace
}  // namespace understudy::checks
