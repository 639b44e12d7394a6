// One question to the agent, and its answer as a value.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <variant>

#include "agent/cli/arguments.hpp"
#include "agent/client/connection.hpp"
#include "agent/control/json.hpp"
#include "agent/control/messages.hpp"

namespace understudy::cli {

// Times in answers are UTC, so the client's TimePoints count from 1970.
inline constexpr control::BootOrigin utc_origin{};

// What did not work, and the exit status that goes with it.
struct Failure {
    int status = exit_failed;
    std::string text;
};

template <class Kind>
struct Answer {
    std::string line;  // as the agent wrote it: what --json prints
    Kind content;
};

using client::Connection;
using client::Disturbance;
using client::Trouble;

std::expected<Connection, Failure> reach_agent(const Arguments& arguments, control::Access access);
std::expected<control::Response, Failure> understand(const std::string& line);
Failure not_understood();

// The answer in `line`, which has to be of this kind or an error of the agent.
template <class Kind>
std::expected<Answer<Kind>, Failure> expect_answer(std::string line) {
    auto response = understand(line);
    if (!response) {
        return std::unexpected(std::move(response.error()));
    }
    if (auto* content = std::get_if<Kind>(&*response)) {
        return Answer<Kind>{std::move(line), std::move(*content)};
    }
    return std::unexpected(not_understood());
}

// How long an answer may take. `agents`: as long as the agent has the connection open, for what it
// ends itself.
enum class Patience : std::uint8_t { clients, agents };

// Connects and asks within arguments.patience, waits for the answer, disconnects.
std::expected<std::string, Failure> ask_line(const Arguments& arguments,
                                             const control::Request& request, Patience patience);

template <class Kind>
std::expected<Answer<Kind>, Failure> ask(const Arguments& arguments,
                                         const control::Request& request,
                                         Patience patience = Patience::clients) {
    auto line = ask_line(arguments, request, patience);
    if (!line) {
        return std::unexpected(std::move(line.error()));
    }
    return expect_answer<Kind>(std::move(*line));
}

}  // namespace understudy::cli
