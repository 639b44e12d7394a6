#include "agent/cli/question.hpp"

#include <optional>
#include <utility>

namespace understudy::cli {

std::expected<Connection, Failure> reach_agent(const Arguments& arguments, control::Access access) {
    auto connection = Connection::open(arguments.runtime_dir, arguments.patience, access);
    if (!connection) {
        return std::unexpected(Failure{exit_no_agent, std::move(connection.error())});
    }
    return std::move(*connection);
}

Failure not_understood() {
    return {exit_no_agent, "the agent's answer is not understood"};
}

std::expected<control::Response, Failure> understand(const std::string& line) {
    auto response = control::parse_response(line, utc_origin);
    if (!response) {
        return std::unexpected(Failure{exit_no_agent, std::move(response.error())});
    }
    if (const auto* error = std::get_if<control::ErrorResponse>(&*response)) {
        return std::unexpected(Failure{error->usage ? exit_usage : exit_failed, error->text});
    }
    return std::move(*response);
}

std::expected<std::string, Failure> ask_line(const Arguments& arguments,
                                             const control::Request& request, Patience patience) {
    const bool asks = control::is_question(request);
    auto connection =
        reach_agent(arguments, asks ? control::Access::questions : control::Access::commands);
    if (!connection) {
        return std::unexpected(std::move(connection.error()));
    }
    if (const auto sent = connection->send(control::to_json(request), arguments.patience); !sent) {
        return std::unexpected(Failure{exit_no_agent, in_words(sent.error())});
    }
    auto line = connection->receive(
        patience == Patience::clients ? std::optional{arguments.patience} : std::nullopt);
    if (!line) {
        return std::unexpected(Failure{exit_no_agent, in_words(line.error())});
    }
    return std::move(*line);
}

}  // namespace understudy::cli
