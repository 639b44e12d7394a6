// The agent's answers for people.
#pragma once

#include <string>
#include <string_view>

namespace understudy::cli {

// Whether stdout is a terminal that wants colours (NO_COLOR is honoured).
bool wants_colour();

// `document` is the JSON line of the agent; what is not of the expected form gives an empty text.
std::string present_status(std::string_view document, bool colour);
std::string present_why(std::string_view document);
// "time  vip  from -> to  cause": of one event.
std::string present_event(std::string_view document);

}  // namespace understudy::cli
