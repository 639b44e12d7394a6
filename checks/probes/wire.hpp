// What the heartbeat process, the runner and the prober say to each other: one message per packet
// of a SOCK_SEQPACKET pair, in the byte order of the machine.
//
// The prober reads what strangers answer, so what it says is not trusted either: decode_report()
// accepts nothing that is not exactly a report, and its texts are bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "checks/outcome.hpp"

namespace understudy::checks {

enum class OrderKind : std::uint8_t {
    run_check = 1,  // index: of the check
    start_service,  // index: of the service
    stop_service,
    restart_prober,
};

struct Order {
    OrderKind kind = OrderKind::run_check;
    std::uint32_t index = 0;
    std::uint32_t run = 0;  // comes back in the report

    bool operator==(const Order&) const = default;
};

enum class ReportKind : std::uint8_t {
    check_finished = 1,
    command_finished,  // of a service; passed, or why not
    prober_started,    // detail: why the former one is no more
};

struct Report {
    ReportKind kind = ReportKind::check_finished;
    std::uint32_t index = 0;
    std::uint32_t run = 0;
    Outcome outcome;

    bool operator==(const Report&) const = default;
};

inline constexpr std::size_t order_size = 9;
inline constexpr std::size_t longest_report = 64 + longest_detail + longest_output;

std::vector<std::byte> encode(const Order& order);
std::vector<std::byte> encode(const Report& report);  // cuts texts that are too long

std::optional<Order> decode_order(std::span<const std::byte> packet);
std::optional<Report> decode_report(std::span<const std::byte> packet);

}  // namespace understudy::checks
