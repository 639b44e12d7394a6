// The configuration as the runner and the prober get it: checks and services by the numbers that
// orders have.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "agent/core/configuration.hpp"

namespace understudy::config {

struct Numbered {
    core::AgentSettings agent;
    std::map<std::uint32_t, core::ServiceSettings> services;
    std::map<std::uint32_t, checks::CheckSettings> checks;
    std::uint32_t configuration = 0;  // its own number
};

// From the descriptor that came with OrderKind::configure: text, a zero byte, and the numbers of
// the checks, then those of the services, in the order of the text. Reads from the start, wherever
// the descriptor stands. Nothing: it is not understood, since another version wrote it.
std::optional<Numbered> read_numbered(int file, std::uint32_t number);

}  // namespace understudy::config
