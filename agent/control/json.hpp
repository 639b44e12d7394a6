// The messages of messages.hpp as JSON, one document a line (no line break inside).
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "agent/control/messages.hpp"
#include "base/time.hpp"

namespace understudy::control {

// Boot time zero in UTC: what has to be added to a TimePoint to show it to a person.
using BootOrigin = WallTime;

// {"request":"failover","vip":"web","timeout_ms":10000}. An empty VIP is written as "all":true
// where the request changes something, so that no request for everything comes from a field that
// was forgotten.
std::string to_json(const Request& request);
// An error text that says what is wrong with the line: a request is one flat object, with no field
// twice and none that is not known. Any bytes may be given; the work is bounded by longest_request.
std::expected<Request, std::string> parse_request(std::string_view line);

// The document that `--json` prints: for StatusResponse the one that docs/json.md describes.
// {"done":"…"} {"error":"…","usage":false} {"events":[…]} {"config":"…"} and so on.
std::string to_json(const Response& response, BootOrigin origin);
std::string to_json(const StateEvent& event, BootOrigin origin);

// The other direction, for the client. Unknown fields are passed over and missing ones keep their
// defaults (the agent may be newer or older); a field of a wrong type is an error. A line with a
// bare StateEvent is an EventsResponse with that one event.
std::expected<Response, std::string> parse_response(std::string_view line, BootOrigin origin);

// "2026-11-20T12:00:00.000Z"
std::string format_utc(WallTime time);
// Exactly that form, or nothing.
std::optional<WallTime> parse_utc(std::string_view text);

}  // namespace understudy::control
