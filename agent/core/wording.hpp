// Sentences for people: in the journal, in `status`, in `why`.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"
#include "vrrp/router.hpp"

namespace understudy::core {

// "3.4 s", "250 ms", "2 min 5 s".
std::string in_words(Duration duration);
std::string_view name_of(Family family);  // IPv4, IPv6

// Why the router went from one state to the other: "no advertisement from 192.0.2.2 for 3.4 s".
std::string in_words(const vrrp::Transition& transition);

}  // namespace understudy::core
