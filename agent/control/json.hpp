// The messages of messages.hpp as JSON, one document a line (no line break inside).
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "agent/control/messages.hpp"
#include "base/time.hpp"

namespace understudy::control {

// Boot time zero in UTC: what has to be added to a TimePoint to show it to a person.
using BootOrigin = WallTime;

// {"request":"failover","vip":"web","timeout_ms":10000}
std::string to_json(const Request& request);
// An error text that says what is wrong with the line.
std::expected<Request, std::string> parse_request(std::string_view line);

// The document that `--json` prints: for StatusResponse the one that docs/json.md describes.
// {"done":"…"} {"error":"…","usage":false} {"events":[…]} {"config":"…"} and so on.
std::string to_json(const Response& response, BootOrigin origin);
std::string to_json(const StateEvent& event, BootOrigin origin);

// "2026-11-20T12:00:00.000Z"
std::string format_utc(WallTime time);

}  // namespace understudy::control
