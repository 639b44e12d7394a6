// What the heartbeat process, the runner and the prober say to each other: one message per packet
// of a SOCK_SEQPACKET pair, in the byte order of the machine.
//
// The prober reads what strangers answer, so what it says is not trusted either: decode_report()
// accepts nothing that is not exactly a report, and its texts are bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checks/outcome.hpp"

namespace understudy::checks {

enum class OrderKind : std::uint8_t {
    run_check = 1,  // index: of the check
    start_service,  // index: of the service
    stop_service,
    restart_prober,
    run_hook,       // a HookOrder
    configure,      // index: the number of the configuration, whose text comes as a descriptor
    retire_prober,  // to it: takes no more orders if its configuration is older than `index`
};

struct Order {
    OrderKind kind = OrderKind::run_check;
    std::uint32_t index = 0;  // a number that stays the same when others come and go
    std::uint32_t run = 0;    // comes back in the report

    bool operator==(const Order&) const = default;
};

// It has everything in it: what the runner was started with may be out of date.
struct HookOrder {
    std::uint32_t run = 0;
    std::chrono::milliseconds limit{};
    std::vector<std::string> command;
    std::vector<std::string> environment;

    bool operator==(const HookOrder&) const = default;
};

enum class ReportKind : std::uint8_t {
    check_finished = 1,
    command_finished,  // of a service; passed, or why not
    prober_started,    // detail: why the former one is no more
    hook_finished,     // passed, or why not; and what it wrote
    runner_died,       // detail: after which pause another one starts
    runner_started,    // in place of a dead one; knows nothing, and was told nothing
};

struct Report {
    ReportKind kind = ReportKind::check_finished;
    std::uint32_t index = 0;
    std::uint32_t run = 0;
    Outcome outcome;

    bool operator==(const Report&) const = default;
};

inline constexpr std::size_t order_size = 9;
// Of an encoded HookOrder; a longer one is not sent.
inline constexpr std::size_t longest_order = 64 * 1024;
inline constexpr std::size_t longest_report = 64 + longest_detail + longest_output;

std::vector<std::byte> encode(const Order& order);
std::vector<std::byte> encode(const HookOrder& order);
std::vector<std::byte> encode(const Report& report);  // cuts texts that are too long

std::optional<HookOrder> decode_hook_order(std::span<const std::byte> packet);
std::optional<Order> decode_order(std::span<const std::byte> packet);
std::optional<Report> decode_report(std::span<const std::byte> packet);

}  // namespace understudy::checks
